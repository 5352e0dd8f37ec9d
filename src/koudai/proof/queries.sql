-- try_lock: becomes the one who appends, if nobody else is
SELECT pg_try_advisory_xact_lock(hashtext('proof.sequence'))

-- lock: becomes the one who appends, when whoever is has ended
SELECT pg_advisory_xact_lock(hashtext('proof.sequence'))

-- size: how many leaves the log has
SELECT coalesce(max(leaf_index) + 1, 0) FROM proof.leaves

-- append: appends leaves, and the tiles that they fill
SELECT proof.append_v1($1::bigint, $2::bigint[], $3::bytea[], $4::int[], $5::bigint[], $6::bytea[], $7::bytea[])

-- leaf_hashes: hashes of leaves, side by side
SELECT hash FROM proof.leaves WHERE leaf_index >= $1::bigint AND leaf_index < $2::bigint ORDER BY leaf_index

-- tile_roots: roots of full tiles of one level, side by side
SELECT root FROM proof.tiles WHERE level = $1::int AND number >= $2::bigint AND number < $3::bigint ORDER BY number

-- tile_hashes: a part of a full tile
SELECT substr(hashes, $3::int * 32 + 1, $4::int * 32) FROM proof.tiles WHERE level = $1::int AND number = $2::bigint

-- leaf_of_batch: where a batch stands in the log
SELECT leaf_index, hash FROM proof.leaves WHERE batch_id = $1::bigint

-- signed_around: the checkpoints next to a size: of that size or below it, and above it
(SELECT tree_size, root FROM proof.checkpoints WHERE tree_size <= $1::bigint ORDER BY tree_size DESC LIMIT 1)
UNION ALL
(SELECT tree_size, root FROM proof.checkpoints WHERE tree_size > $1::bigint ORDER BY tree_size LIMIT 1)

-- add_checkpoint: keeps what was signed, of each size once
INSERT INTO proof.checkpoints (tree_size, root, note) VALUES ($1::bigint, $2::bytea, $3::text) ON CONFLICT DO NOTHING

-- genesis: the newest batch that may have no seal
SELECT batch_id FROM proof.genesis

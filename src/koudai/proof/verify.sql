-- seal_leaf: seals that have neither a leaf nor a place in line, or both, or whose batch is not there
SELECT 'ledger.seals ' || s.batch_id,
       CASE WHEN b.id IS NULL THEN 'its batch is not there'
            WHEN l.batch_id IS NULL THEN 'it has no leaf in the log, and is not in line for one'
            ELSE 'it has leaf ' || l.leaf_index || ' in the log, and is in line for another' END
FROM ledger.seals s
LEFT JOIN ledger.batches b ON b.id = s.batch_id AND b.id BETWEEN $1::bigint AND $2::bigint
LEFT JOIN proof.leaves l ON l.batch_id = s.batch_id AND l.batch_id BETWEEN $1::bigint AND $2::bigint
LEFT JOIN ledger.unsequenced u ON u.batch_id = s.batch_id AND u.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE s.batch_id BETWEEN $1::bigint AND $2::bigint
  AND (b.id IS NULL OR (l.batch_id IS NULL) = (u.batch_id IS NULL))

-- leaf_hash: leaves that aren't the hash of what their batch is
SELECT 'proof.leaves ' || l.leaf_index, 'it is not the hash of batch ' || s.batch_id || ' and its seal'
FROM ledger.seals s
JOIN ledger.batches b ON b.id = s.batch_id AND b.id BETWEEN $1::bigint AND $2::bigint
JOIN proof.leaves l ON l.batch_id = s.batch_id AND l.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE s.batch_id BETWEEN $1::bigint AND $2::bigint
  AND l.hash <> sha256(
      '\x00000f6b6f756461692e62617463682e7631'::bytea || int8send(b.id) || int4send(b.book)
      || int8send(CASE WHEN isfinite(b.recorded_at) THEN (extract(epoch FROM b.recorded_at) * 1000000)::bigint ELSE 0 END)
      || int4send(s.entries) || s.root)

-- leaf_seal: leaves of batches that have no seal
SELECT 'proof.leaves ' || l.leaf_index, 'batch ' || l.batch_id || ' has no seal'
FROM proof.leaves l LEFT JOIN ledger.seals s ON s.batch_id = l.batch_id WHERE s.batch_id IS NULL

-- piece: the last batch of a piece of so many transfers, of which it is the last one too
SELECT max(batch_id) FROM (
    SELECT t.batch_id FROM ledger.transfers t WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint
    ORDER BY t.batch_id, t.ordinal LIMIT $3::int) AS p

-- entry_hashes: batches with transfers, the leaf hashes of their entries side by side, and what was sealed
WITH leg AS NOT MATERIALIZED (
    SELECT t.batch_id, t.entry, t.ordinal,
           int4send(t.ordinal) || int8send(t.debit_account) || int8send(coalesce(t.debit_lot, 0))
           || int8send(t.credit_account) || int8send(coalesce(t.credit_lot, 0)) || int8send(t.amount_minor)
           || int8send(CASE WHEN isfinite(t.event_at) THEN (extract(epoch FROM t.event_at) * 1000000)::bigint ELSE 0 END)
           || int2send(least(octet_length(t.asset), 32767)::int2) || convert_to(t.asset, 'UTF8')
           || int2send(least(octet_length(t.kind), 32767)::int2) || convert_to(t.kind, 'UTF8') AS body
    FROM ledger.transfers t WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint
), entry AS (
    -- Most entries have one leg, and need not be gathered. One without its first leg is hashed as what it is.
    SELECT coalesce(f.batch_id, o.batch_id) AS batch_id, coalesce(f.entry, o.entry) AS entry,
           num_nonnulls(f.entry) + coalesce(o.legs, 0) AS legs, coalesce(f.body, ''::bytea) || coalesce(o.body, ''::bytea) AS body
    FROM (SELECT * FROM leg WHERE leg.ordinal = leg.entry) AS f
    FULL JOIN (SELECT g.batch_id, g.entry, count(*) AS legs, string_agg(g.body, ''::bytea ORDER BY g.ordinal) AS body
               FROM leg g WHERE g.ordinal <> g.entry GROUP BY g.batch_id, g.entry) AS o
        ON o.batch_id = f.batch_id AND o.entry = f.entry
)
SELECT e.batch_id, e.entries, e.hashes, s.entries, s.root
FROM (SELECT h.batch_id, count(*) AS entries, string_agg(h.hash, ''::bytea ORDER BY h.entry) AS hashes
      FROM (SELECT l.batch_id, l.entry, sha256(
                '\x00000f6b6f756461692e656e7472792e7631'::bytea || substr(sha256(s.salt || int4send(l.entry)), 1, 16)
                || int8send(l.batch_id) || int4send(l.entry) || int2send(least(l.legs, 32767)::int2) || l.body) AS hash
            FROM entry l
            LEFT JOIN ledger.seals s ON s.batch_id = l.batch_id AND s.batch_id BETWEEN $1::bigint AND $2::bigint) AS h
      GROUP BY h.batch_id) AS e
LEFT JOIN ledger.seals s ON s.batch_id = e.batch_id AND s.batch_id BETWEEN $1::bigint AND $2::bigint

-- sealed_nothing: seals of batches that hold no transfer
SELECT 'ledger.seals ' || s.batch_id, 'its batch holds no transfer'
FROM ledger.seals s
WHERE s.batch_id BETWEEN $1::bigint AND $2::bigint
  AND NOT EXISTS (SELECT 1 FROM ledger.transfers t
                  WHERE t.batch_id = s.batch_id AND t.batch_id BETWEEN $1::bigint AND $2::bigint)

-- gap: the first index that no leaf has, though a later one has
SELECT l.n FROM (SELECT leaf_index, row_number() OVER (ORDER BY leaf_index) - 1 AS n FROM proof.leaves) AS l
WHERE l.leaf_index <> l.n ORDER BY l.n LIMIT 1

-- leaves: leaves side by side, in pieces
SELECT string_agg(hash, ''::bytea ORDER BY leaf_index)
FROM proof.leaves WHERE leaf_index >= $1::bigint AND leaf_index < $2::bigint
GROUP BY leaf_index >> 8 ORDER BY leaf_index >> 8

-- tiles: tiles of one level
SELECT number, root, hashes FROM proof.tiles
WHERE level = $1::int AND number >= $2::bigint AND number < $3::bigint

-- upper_tiles: tiles of all levels but the lowest
SELECT level, number, root, hashes FROM proof.tiles WHERE level > 0

-- checkpoints: what was signed of sizes above one and up to another
SELECT tree_size, root, note FROM proof.checkpoints
WHERE tree_size > $1::bigint AND tree_size <= $2::bigint ORDER BY tree_size

-- beyond: tiles and checkpoints of more leaves than there are
SELECT 'proof.tiles ' || level || '/' || number, 'the log has no such leaves' FROM proof.tiles
WHERE level = 0 AND number >= $1::bigint >> 8
UNION ALL
SELECT 'proof.checkpoints ' || tree_size, 'the log has ' || $1::bigint || ' leaves' FROM proof.checkpoints
WHERE tree_size > $1::bigint

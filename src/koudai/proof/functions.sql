-- Functions are versioned by name: a server of the release before still finds the one it knows.

-- Appends leaves and the tiles that they fill. p_first is the index of the first of them: what doesn't
-- follow the newest leaf aborts, so that the log has no gap.
CREATE OR REPLACE FUNCTION proof.append_v1(
    p_first bigint, p_batches bigint[], p_hashes bytea[], p_levels integer[], p_numbers bigint[], p_roots bytea[],
    p_tiles bytea[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF p_first <> (SELECT coalesce(max(l.leaf_index) + 1, 0) FROM proof.leaves l) THEN
        RAISE EXCEPTION 'leaf % does not follow the newest one', p_first;
    END IF;
    INSERT INTO proof.leaves (leaf_index, batch_id, hash)
    SELECT p_first + l.n - 1, l.batch_id, l.hash
    FROM unnest(p_batches, p_hashes) WITH ORDINALITY AS l (batch_id, hash, n);
    INSERT INTO proof.tiles (level, number, root, hashes)
    SELECT t.level, t.number, t.root, t.hashes
    FROM unnest(p_levels, p_numbers, p_roots, p_tiles) AS t (level, number, root, hashes);
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA proof FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA proof TO koudai_app;

-- Functions are versioned by name: a server of the release before still finds the one it knows.

-- Takes what a batch moved under pilots, and for whom, off their caps: one row for each decision. Where others have
-- taken the room meanwhile, the batch has to begin again.
CREATE OR REPLACE FUNCTION programmes.use_pilots_v1(p_ids integer[], p_minors bigint[], p_whos text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO programmes.pilot_totals (pilot_id) SELECT DISTINCT u.id FROM unnest(p_ids) AS u (id) ORDER BY u.id
    ON CONFLICT DO NOTHING;
    PERFORM 1 FROM programmes.pilot_totals t WHERE t.pilot_id = ANY (p_ids) ORDER BY t.pilot_id FOR NO KEY UPDATE;
    WITH made AS (
        INSERT INTO programmes.pilot_holders (pilot_id, who)
        SELECT DISTINCT u.id, u.who FROM unnest(p_ids, p_whos) AS u (id, who) ORDER BY u.id, u.who
        ON CONFLICT DO NOTHING RETURNING pilot_id
    )
    UPDATE programmes.pilot_totals t
    SET used_minor = t.used_minor + s.minor,
        holders = t.holders + (SELECT count(*) FROM made m WHERE m.pilot_id = t.pilot_id)
    FROM (SELECT u.id, sum(u.minor)::bigint AS minor FROM unnest(p_ids, p_minors) AS u (id, minor) GROUP BY u.id) AS s
    WHERE t.pilot_id = s.id;
    IF EXISTS (SELECT 1 FROM programmes.pilot_totals t JOIN programmes.pilots p ON p.id = t.pilot_id
               WHERE t.pilot_id = ANY (p_ids) AND (t.used_minor > p.cap_minor OR t.holders > p.cap_holders)) THEN
        RAISE EXCEPTION 'others have used up a pilot' USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA programmes FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA programmes TO koudai_app;

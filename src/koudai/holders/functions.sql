-- Functions are versioned by name: a server of the release before still finds the one it knows.

-- Locks holders of a book, in the order of their ids.
CREATE OR REPLACE FUNCTION holders.lock_v1(p_book integer, p_ids bigint[]) RETURNS SETOF holders.holders
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT * FROM holders.holders WHERE id = ANY (p_ids) AND book = p_book ORDER BY id FOR NO KEY UPDATE
$$;

-- Takes holders on. Nobody begins as verified.
CREATE OR REPLACE FUNCTION holders.add_v1(
    p_book integer, p_ids bigint[], p_refs text[], p_kinds text[], p_levels text[], p_versions integer[],
    p_identity_versions integer[], p_agents bigint[], p_owners bigint[], p_at timestamptz
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    INSERT INTO holders.holders (id, book, ref, kind, level, state, version, identity_version, agent_id,
                                 beneficial_owner_id, created_at)
    SELECT h.id, p_book, h.ref, h.kind, CASE h.level WHEN 'verified' THEN NULL ELSE h.level END, 'active', h.version,
           h.identity_version, h.agent_id, h.owner_id, p_at
    FROM unnest(p_ids, p_refs, p_kinds, p_levels, p_versions, p_identity_versions, p_agents, p_owners)
        AS h (id, ref, kind, level, version, identity_version, agent_id, owner_id)
$$;

-- Changes holders that the caller has locked. Verified is only who was, and whose identity is the same,
-- or whose identity as it is now a source has matched, and of whom all is held that being registered asks for:
-- another level aborts.
CREATE OR REPLACE FUNCTION holders.change_v1(
    p_ids bigint[], p_levels text[], p_states text[], p_versions integer[], p_identity_versions integer[],
    p_agents bigint[], p_owners bigint[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM unnest(p_ids, p_levels, p_identity_versions) AS c (id, level, identity_version)
        WHERE c.level = 'verified' AND NOT EXISTS (
            SELECT 1 FROM holders.requests r JOIN holders.verifications v ON v.request_id = r.id
            WHERE r.holder_id = c.id AND r.identity_version = c.identity_version AND v.outcome = 'matched')
    ) THEN
        RAISE EXCEPTION 'no source has matched this identity';
    END IF;
    IF EXISTS (
        SELECT 1 FROM unnest(p_ids, p_levels, p_agents) AS c (id, level, agent_id)
        JOIN holders.holders h ON h.id = c.id
        JOIN (VALUES ('person', 'name'), ('person', 'document_type'), ('person', 'document_number'),
                     ('person', 'phone'), ('company', 'name'), ('company', 'credit_code')) AS needed (kind, field)
            ON needed.kind = h.kind
        LEFT JOIN holders.fields f ON f.holder_id = c.id AND f.field = needed.field
        WHERE c.level = 'verified' AND (f.holder_id IS NULL OR (h.kind = 'company' AND c.agent_id IS NULL))
    ) THEN
        RAISE EXCEPTION 'what a verified identity is made of is not held';
    END IF;
    UPDATE holders.holders h
    SET level = c.level, state = c.state, version = c.version, identity_version = c.identity_version,
        agent_id = c.agent_id, beneficial_owner_id = c.owner_id,
        devices = ARRAY(SELECT d.device FROM holders.devices d WHERE d.holder_id = c.id AND d.unbound_at IS NULL
                        ORDER BY d.id)
    FROM unnest(p_ids, p_levels, p_states, p_versions, p_identity_versions, p_agents, p_owners)
        AS c (id, level, state, version, identity_version, agent_id, owner_id)
    WHERE h.id = c.id;
END $$;

-- Writes fields, over those that are there.
CREATE OR REPLACE FUNCTION holders.put_v1(
    p_book integer, p_ids bigint[], p_fields text[], p_sealed bytea[], p_lookups bytea[], p_at timestamptz
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    INSERT INTO holders.fields (holder_id, book, field, sealed, lookup, changed_at)
    SELECT f.id, p_book, f.field, f.sealed, nullif(f.lookup, ''::bytea), p_at
    FROM unnest(p_ids, p_fields, p_sealed, p_lookups) AS f (id, field, sealed, lookup)
    ON CONFLICT (holder_id, field)
    DO UPDATE SET sealed = excluded.sealed, lookup = excluded.lookup, changed_at = excluded.changed_at
$$;

-- Seals fields anew that are still what they were; a field that was written meanwhile is left.
CREATE OR REPLACE FUNCTION holders.reseal_v1(
    p_ids bigint[], p_fields text[], p_before bytea[], p_sealed bytea[], p_lookups bytea[]
) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    WITH sealed_anew AS (
        UPDATE holders.fields f SET sealed = n.sealed, lookup = nullif(n.lookup, ''::bytea)
        FROM unnest(p_ids, p_fields, p_before, p_sealed, p_lookups) AS n (id, field, before, sealed, lookup)
        WHERE f.holder_id = n.id AND f.field = n.field AND f.sealed = n.before
        RETURNING 1
    )
    SELECT count(*) FROM sealed_anew
$$;

-- Ends bindings, then makes new ones, some of which may have ended as well.
CREATE OR REPLACE FUNCTION holders.bind_v1(
    p_unbound bigint[], p_unbound_devices text[], p_bound bigint[], p_bound_devices text[], p_ended timestamptz[],
    p_at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    UPDATE holders.devices d SET unbound_at = greatest(p_at, d.bound_at)
    FROM unnest(p_unbound, p_unbound_devices) AS u (holder_id, device)
    WHERE d.holder_id = u.holder_id AND d.device = u.device AND d.unbound_at IS NULL;
    INSERT INTO holders.devices (holder_id, device, bound_at, unbound_at)
    SELECT b.holder_id, b.device, p_at, b.ended FROM unnest(p_bound, p_bound_devices, p_ended) AS b (holder_id, device, ended);
END $$;

-- Deletes fields of a holder and bindings of devices that are over, and notes by which rule; of one with whom the whole
-- relation is over the bindings that stand too.
CREATE OR REPLACE FUNCTION holders.erase_v1(
    p_id bigint, p_fields text[], p_rule text, p_whole boolean, p_at timestamptz
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM holders.fields WHERE holder_id = p_id AND field = ANY (p_fields);
    DELETE FROM holders.devices WHERE holder_id = p_id AND (p_whole OR unbound_at IS NOT NULL);
    INSERT INTO holders.erasures (holder_id, fields, rule, erased_at) VALUES (p_id, p_fields, p_rule, p_at);
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA holders FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA holders TO koudai_app;

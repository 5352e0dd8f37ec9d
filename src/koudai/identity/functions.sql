-- Functions are versioned by name: a server of the release before still finds the one it knows.

-- Which of these keys are in force. They stay so until the caller's transaction ends: who ends one of them waits.
CREATE OR REPLACE FUNCTION identity.hold_keys_v1(p_ids text[]) RETURNS SETOF text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT id FROM identity.api_keys
    WHERE id = ANY (p_ids) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
    ORDER BY id FOR SHARE
$$;

-- Ends a key at once; no row where it was revoked before, or isn't there.
CREATE OR REPLACE FUNCTION identity.revoke_key_v1(p_id text) RETURNS SETOF identity.api_keys
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE identity.api_keys SET revoked_at = clock_timestamp() WHERE id = p_id AND revoked_at IS NULL RETURNING *
$$;

-- Ends a key that is in force at a time, or when it would have ended, whichever is sooner; no row for any other key.
CREATE OR REPLACE FUNCTION identity.expire_key_v1(p_id text, p_at timestamptz) RETURNS SETOF identity.api_keys
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE identity.api_keys SET expires_at = least(expires_at, p_at)
    WHERE id = p_id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
    RETURNING *
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA identity FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA identity TO koudai_app;

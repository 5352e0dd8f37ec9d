-- Issuers, their API keys, and the fingerprints of the installation's keyring.

-- An issuer's test side and live side are two rows: nothing of one can name anything of the other.
-- The id is also the ledger's book.
CREATE TABLE identity.issuers (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CHECK (name <> ''),
    mode       text NOT NULL CHECK (mode IN ('test', 'live')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (name, mode)
);

CREATE TABLE identity.api_keys (
    id            text PRIMARY KEY COLLATE "C",
    issuer_id     integer NOT NULL REFERENCES identity.issuers,
    name          text NOT NULL,
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    scopes        text[] NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz,
    revoked_at    timestamptz
);

CREATE TABLE identity.keyring (
    purpose     text PRIMARY KEY,
    fingerprint text NOT NULL
);

GRANT USAGE ON SCHEMA identity TO koudai_app;
GRANT SELECT, INSERT ON identity.issuers, identity.api_keys, identity.keyring TO koudai_app;
GRANT UPDATE (expires_at, revoked_at) ON identity.api_keys TO koudai_app;

-- The vault's keys by fingerprint: added, then current (new fields are sealed with it), old, and retired.
CREATE TABLE identity.vault_keys (
    fingerprint text PRIMARY KEY COLLATE "C" CHECK (fingerprint ~ '^[0-9a-f]{16}$'),
    state       text NOT NULL CHECK (state IN ('added', 'current', 'old', 'retired')),
    added_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX vault_keys_one_current ON identity.vault_keys (state) WHERE state = 'current';

GRANT SELECT, INSERT ON identity.vault_keys TO koudai_app;
GRANT UPDATE (state) ON identity.vault_keys TO koudai_app;

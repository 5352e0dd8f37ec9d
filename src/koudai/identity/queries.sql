-- find_issuer: an issuer by name and mode
SELECT id, name, mode FROM identity.issuers WHERE name = $1::text AND mode = $2::text

-- add_issuer: a new issuer
INSERT INTO identity.issuers (name, mode) VALUES ($1::text, $2::text) RETURNING id, name, mode

-- list_issuers: all issuers
SELECT id, name, mode FROM identity.issuers ORDER BY id

-- mode_of_issuer: whether an issuer's side is the test or the live one
SELECT mode FROM identity.issuers WHERE id = $1::int

-- add_key: a new API key
INSERT INTO identity.api_keys (id, issuer_id, name, secret_sha256, scopes)
VALUES ($1::text, $2::int, $3::text, $4::bytea, $5::text[])

-- find_key: what a presented API key has to match, if it is still good
SELECT k.id, k.secret_sha256, k.issuer_id, i.mode, k.scopes
FROM identity.api_keys k JOIN identity.issuers i ON i.id = k.issuer_id
WHERE k.id = $1::text AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp())

-- good_keys: which of these keys are still good
SELECT id FROM identity.api_keys
WHERE id = ANY ($1::text[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())

-- hold_keys: which of these keys are still good, and stay so until this transaction ends
SELECT id FROM identity.hold_keys_v1($1::text[]) AS held (id)

-- list_keys: all API keys without their secrets
SELECT k.id, i.name, i.mode, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at
FROM identity.api_keys k JOIN identity.issuers i ON i.id = k.issuer_id ORDER BY k.created_at, k.id

-- revoke_key: ends a key at once
SELECT id FROM identity.revoke_key_v1($1::text)

-- expire_key: ends a key that is in force at a time; one that ends sooner stays so
SELECT issuer_id, name, scopes FROM identity.expire_key_v1($1::text, $2::timestamptz)

-- read_keyring: the fingerprints of the keys that this database was written with
SELECT purpose, fingerprint FROM identity.keyring

-- name_keyring: names the keys that this database is written with
INSERT INTO identity.keyring (purpose, fingerprint) SELECT * FROM unnest($1::text[], $2::text[])

-- vault_keys_in_use: the vault keys that something may be sealed with
SELECT fingerprint FROM identity.vault_keys WHERE state IN ('current', 'old')

-- list_vault_keys: all vault keys, oldest first
SELECT fingerprint, state, added_at FROM identity.vault_keys ORDER BY added_at, fingerprint

-- hold_vault_keys: lets nobody change the vault keys until this transaction ends; who waits to do so is before who comes
-- later, which row locks wouldn't see to
SELECT pg_advisory_xact_lock_shared(hashtext('identity.vault_keys'))

-- take_vault_keys: waits for all that hold the vault keys, and lets nobody until this transaction ends
SELECT pg_advisory_xact_lock(hashtext('identity.vault_keys'))

-- vault_keys_in_force: the vault keys that are in force, held
SELECT fingerprint, state FROM identity.vault_keys WHERE state <> 'retired'

-- name_vault_key: names a vault key
INSERT INTO identity.vault_keys (fingerprint, state) VALUES ($1::text, $2::text)

-- outdate_vault_key: the current vault key becomes an old one; others that were added and never used are retired
UPDATE identity.vault_keys SET state = CASE state WHEN 'current' THEN 'old' ELSE 'retired' END
WHERE state = 'current' OR (state = 'added' AND fingerprint <> $1::text)

-- use_vault_key: new fields are sealed with an added vault key from now on
UPDATE identity.vault_keys SET state = 'current' WHERE fingerprint = $1::text AND state = 'added'

-- retire_vault_key: a vault key that nothing is sealed with any more is out of force
UPDATE identity.vault_keys SET state = 'retired' WHERE fingerprint = $1::text AND state = 'old'

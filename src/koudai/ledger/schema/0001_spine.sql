-- The ledger: accounts, transfers in batches, deltas of hot accounts, and the memory of keys.

CREATE TABLE ledger.assets (
    code  text PRIMARY KEY COLLATE "C",
    scale smallint NOT NULL CHECK (scale BETWEEN 0 AND 18)
);

-- An account is constrained (a card: its row is locked, its balance never below zero) or hot
-- (a merchant, a fee, a programme: never locked; its batches append deltas that are folded in later).
-- The balance is credits less debits: of a constrained account in balance_minor, of a hot one, which
-- may pass any bigint, in folded_minor and its deltas. last_* is the place of a constrained account's
-- newest entry.
CREATE TABLE ledger.accounts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    balance_minor bigint NOT NULL DEFAULT 0,
    folded_minor  numeric NOT NULL DEFAULT 0,
    last_batch_id bigint NOT NULL DEFAULT 0,
    last_ordinal  integer NOT NULL DEFAULT 0,
    book          integer NOT NULL,
    constrained   boolean NOT NULL,
    asset         text NOT NULL COLLATE "C" REFERENCES ledger.assets,
    kind          text NOT NULL COLLATE "C",
    CONSTRAINT accounts_not_overdrawn CHECK (NOT constrained OR balance_minor >= 0),
    CONSTRAINT accounts_one_balance CHECK (CASE WHEN constrained THEN folded_minor ELSE balance_minor END = 0)
) WITH (fillfactor = 70);

CREATE SEQUENCE ledger.batch_ids;

CREATE TABLE ledger.batches (
    id          bigint PRIMARY KEY,
    book        integer NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.transfers (
    batch_id       bigint NOT NULL,
    debit_account  bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount_minor   bigint NOT NULL CONSTRAINT transfers_positive CHECK (amount_minor > 0),
    event_at       timestamptz NOT NULL,
    ordinal        integer NOT NULL,
    asset          text NOT NULL COLLATE "C",
    kind           text NOT NULL COLLATE "C",
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT transfers_two_accounts CHECK (debit_account <> credit_account)
);

-- In the order of batches, so that appending touches the end of the index alone. Folding keeps it short.
CREATE TABLE ledger.deltas (
    batch_id     bigint NOT NULL,
    account_id   bigint NOT NULL,
    amount_minor numeric NOT NULL,
    PRIMARY KEY (batch_id, account_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Kept for ever. A key belongs to a book and to one command, whatever its verb; `request` is the
-- command's canonical fields, `refusal` and `facts` what was answered when it was no.
CREATE TABLE ledger.idempotency (
    book     integer NOT NULL,
    ordinal  integer NOT NULL,
    batch_id bigint NOT NULL,
    key      text NOT NULL COLLATE "C",
    request  text NOT NULL COLLATE "C",
    refusal  text COLLATE "C",
    facts    text COLLATE "C",
    PRIMARY KEY (book, key)
);
CREATE INDEX idempotency_by_batch ON ledger.idempotency USING brin (batch_id) WITH (pages_per_range = 16);

-- A verification in progress: how far it came, and what each account adds up to so far.
CREATE TABLE ledger.audits (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    sealed_batch_id  bigint NOT NULL,
    through_batch_id bigint NOT NULL DEFAULT 0,
    transfers        bigint NOT NULL DEFAULT 0,
    findings         jsonb NOT NULL DEFAULT '[]',
    finished_at      timestamptz
);

CREATE TABLE ledger.audit_totals (
    audit_id     bigint NOT NULL REFERENCES ledger.audits,
    account_id   bigint NOT NULL,
    amount_minor numeric NOT NULL,
    PRIMARY KEY (audit_id, account_id)
);

-- What the rooms above may join: the balance of constrained accounts, and where their newest entry stands.
CREATE VIEW ledger.heads AS
SELECT id, balance_minor, last_batch_id, last_ordinal FROM ledger.accounts WHERE constrained;

-- The application reads everything, appends to the memory of keys, and moves value only through
-- the functions of this room.
GRANT USAGE ON SCHEMA ledger TO koudai_app;
GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO koudai_app;
GRANT INSERT ON ledger.assets, ledger.idempotency TO koudai_app;
GRANT INSERT, UPDATE ON ledger.audits TO koudai_app;
GRANT INSERT, UPDATE, DELETE ON ledger.audit_totals TO koudai_app;

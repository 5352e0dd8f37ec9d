-- Merchants: who is paid. Each has one payable account in the ledger, in one asset.
CREATE TABLE merchants.merchants (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book       integer NOT NULL,
    account_id bigint NOT NULL UNIQUE,
    asset      text NOT NULL COLLATE "C",
    name       text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX merchants_by_book ON merchants.merchants (book, id);

GRANT USAGE ON SCHEMA merchants TO koudai_app;
GRANT SELECT, INSERT ON merchants.merchants TO koudai_app;

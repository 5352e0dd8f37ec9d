-- Programmes, cards, what happened to them, and what was given back of each redemption.

CREATE TYPE cards.state AS ENUM ('PENDING', 'ACTIVE', 'BLOCKED');
CREATE TYPE cards.activity_type AS ENUM
    ('ACTIVATE', 'LOAD', 'REDEEM', 'REFUND', 'REVERSAL', 'BLOCK', 'UNBLOCK');
CREATE TYPE cards.funding_source AS ENUM
    ('transfer', 'debit', 'cash', 'credit', 'instalment', 'bonus', 'company', 'points', 'airtime');

CREATE TABLE cards.programmes (
    id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book              integer NOT NULL,
    name              text NOT NULL CHECK (name <> ''),
    asset             text NOT NULL COLLATE "C",
    number_prefix     text NOT NULL CHECK (number_prefix ~ '^[09][0-9]{5}$'),
    max_balance_minor bigint CHECK (max_balance_minor > 0),
    max_load_minor    bigint CHECK (max_load_minor > 0),
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX programmes_by_book ON cards.programmes (book, id);

-- The hot account that a load from a source is debited to: what the programme owes, by whence it came.
CREATE TABLE cards.funding_accounts (
    programme_id integer NOT NULL REFERENCES cards.programmes,
    source       cards.funding_source NOT NULL,
    account_id   bigint NOT NULL UNIQUE,
    PRIMARY KEY (programme_id, source)
);

-- A card is its ledger account: one id, one lock. The number is sealed to that id, and found by its hash.
CREATE TABLE cards.cards (
    id            bigint PRIMARY KEY,
    book          integer NOT NULL,
    programme_id  integer NOT NULL REFERENCES cards.programmes,
    state         cards.state NOT NULL,
    last4         text NOT NULL CHECK (last4 ~ '^[0-9]{4}$'),
    number_hash   bytea NOT NULL CONSTRAINT cards_number UNIQUE,
    number_sealed bytea NOT NULL,
    holder_ref    text,
    issued_at     timestamptz NOT NULL
) WITH (fillfactor = 90);
CREATE INDEX cards_by_book ON cards.cards (book, id);

-- Append-only. Each entry names the one before it of the same card, so that a card's history is a
-- walk over primary keys and needs no index of its own.
CREATE TABLE cards.activities (
    batch_id            bigint NOT NULL,
    card_id             bigint NOT NULL,
    amount_minor        bigint NOT NULL CHECK (amount_minor >= 0),
    balance_minor       bigint NOT NULL CHECK (balance_minor >= 0),
    previous_batch_id   bigint NOT NULL,
    redemption_batch_id bigint,
    event_at            timestamptz NOT NULL,
    ordinal             integer NOT NULL,
    previous_ordinal    integer NOT NULL,
    redemption_ordinal  integer,
    merchant_id         integer,
    type                cards.activity_type NOT NULL,
    source              cards.funding_source,
    PRIMARY KEY (batch_id, ordinal)
);

-- How much of a redemption went back; it can't exceed what was paid.
CREATE TABLE cards.refund_totals (
    batch_id       bigint NOT NULL,
    ordinal        integer NOT NULL,
    paid_minor     bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT refund_totals_within_paid CHECK (refunded_minor BETWEEN 0 AND paid_minor)
);

-- Which redemptions a refund or reversal was laid on. Append-only.
CREATE TABLE cards.refund_parts (
    batch_id            bigint NOT NULL,
    ordinal             integer NOT NULL,
    redemption_batch_id bigint NOT NULL,
    redemption_ordinal  integer NOT NULL,
    amount_minor        bigint NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (batch_id, ordinal, redemption_batch_id, redemption_ordinal)
);

GRANT USAGE ON SCHEMA cards TO koudai_app;
GRANT SELECT ON ALL TABLES IN SCHEMA cards TO koudai_app;
GRANT INSERT ON cards.programmes, cards.funding_accounts, cards.cards, cards.activities TO koudai_app;

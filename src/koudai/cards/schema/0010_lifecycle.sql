-- How long cards last. It is told by a date and is no state: what is pending or blocked expires as well.
ALTER TABLE cards.cards ADD COLUMN expires_at timestamptz;
CREATE INDEX cards_by_expiry ON cards.cards (book, programme_id, expires_at) WHERE expires_at IS NOT NULL;

-- Each expiry that a card had, by the batch that gave it. Append-only.
CREATE TABLE cards.expiries (
    card_id    bigint NOT NULL,
    batch_id   bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (card_id, batch_id)
);

ALTER TYPE cards.activity_type ADD VALUE 'PAY_OUT';

ALTER TABLE cards.programme_accounts
    DROP CONSTRAINT programme_accounts_purpose_check,
    ADD CONSTRAINT programme_accounts_purpose_check CHECK (purpose IN ('adjustment', 'expired', 'fee', 'payout'));

-- The register of cards handed back (MOFCOM Order 2012-9, Art. 21): whose paper was checked, the account and the amount.
-- Refs are opaque. Append-only.
CREATE TABLE cards.payouts (
    batch_id     bigint NOT NULL,
    ordinal      integer NOT NULL,
    card_id      bigint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    fee_minor    bigint NOT NULL CHECK (fee_minor BETWEEN 0 AND amount_minor),
    paid_to      text NOT NULL COLLATE "C" CHECK (paid_to IN ('same_name_account', 'payer_account', 'cash')),
    account_ref  text COLLATE "C",
    identity_ref text COLLATE "C",
    buyer_ref    text COLLATE "C",
    reason       text NOT NULL,
    made_by      text NOT NULL,
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT payouts_account CHECK ((paid_to = 'cash') = (account_ref IS NULL))
);

-- Reminders that were handed to who sends them: each is there once. Append-only.
CREATE TABLE cards.notices (
    card_id  bigint NOT NULL,
    kind     text NOT NULL COLLATE "C" CHECK (kind IN ('before_expiry', 'silence')),
    days     integer NOT NULL,
    of_at    timestamptz NOT NULL,
    batch_id bigint NOT NULL,
    ordinal  integer NOT NULL,
    PRIMARY KEY (card_id, kind, days, of_at)
);
CREATE INDEX notices_by_batch ON cards.notices (batch_id, ordinal);

GRANT SELECT ON cards.expiries, cards.payouts, cards.notices TO koudai_app;
GRANT INSERT ON cards.payouts, cards.notices TO koudai_app;

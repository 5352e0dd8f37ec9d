-- What cards do with lots, holds and limits: draw orders, more kinds of entries, accounts for corrections.

ALTER TYPE cards.activity_type ADD VALUE 'AUTHORISE';
ALTER TYPE cards.activity_type ADD VALUE 'CAPTURE';
ALTER TYPE cards.activity_type ADD VALUE 'VOID';
ALTER TYPE cards.activity_type ADD VALUE 'RELEASE';
ALTER TYPE cards.activity_type ADD VALUE 'TRANSFER_BALANCE_FROM';
ALTER TYPE cards.activity_type ADD VALUE 'TRANSFER_BALANCE_TO';
ALTER TYPE cards.activity_type ADD VALUE 'ADJUST_INCREMENT';
ALTER TYPE cards.activity_type ADD VALUE 'ADJUST_DECREMENT';
ALTER TYPE cards.activity_type ADD VALUE 'EXPIRE';
ALTER TYPE cards.activity_type ADD VALUE 'RENEW';

ALTER TABLE cards.programmes
    ADD COLUMN draw_order text NOT NULL DEFAULT 'bonus_first' COLLATE "C"
        CHECK (draw_order IN ('bonus_first', 'paid_first', 'in_proportion'));

-- Hot accounts of a programme besides its funding: what corrections are taken from and given to, and
-- where the value of expired lots goes. Made when they are first needed.
CREATE TABLE cards.programme_accounts (
    programme_id integer NOT NULL REFERENCES cards.programmes,
    purpose      text NOT NULL COLLATE "C" CHECK (purpose IN ('adjustment', 'expired')),
    account_id   bigint NOT NULL UNIQUE,
    PRIMARY KEY (programme_id, purpose)
);

-- lead is the ordinal of the command that an entry belongs to, which is that of its first one; an
-- expired hold that was given free on the way belongs to none (0).
ALTER TABLE cards.activities
    ADD COLUMN held_minor bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
    ADD COLUMN hold_batch_id bigint,
    ADD COLUMN other_card_id bigint,
    ADD COLUMN hold_ordinal integer,
    ADD COLUMN lead integer,
    ADD COLUMN device text COLLATE "C",
    ADD COLUMN recipient text COLLATE "C",
    ADD CONSTRAINT activities_held_within CHECK (held_minor <= balance_minor);
UPDATE cards.activities SET lead = ordinal;
ALTER TABLE cards.activities ALTER COLUMN lead SET NOT NULL;

GRANT SELECT ON cards.programme_accounts TO koudai_app;
GRANT INSERT ON cards.programme_accounts TO koudai_app;

DROP FUNCTION IF EXISTS cards.refundable_v1;

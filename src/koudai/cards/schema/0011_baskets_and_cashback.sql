-- Baskets: their lines as they were judged, of a redemption or of a hold, and of each what was paid; what was asked for
-- where less was approved. All of it is append-only.
CREATE TABLE cards.basket_lines (
    batch_id     bigint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    paid_minor   bigint NOT NULL CHECK (paid_minor BETWEEN 0 AND amount_minor),
    ordinal      integer NOT NULL,
    line         integer NOT NULL CHECK (line > 0),
    sku          text NOT NULL,
    goods_class  text NOT NULL,
    refusal      text CHECK (refusal IS NULL OR paid_minor = 0),
    PRIMARY KEY (batch_id, ordinal, line)
);

CREATE TABLE cards.tenders (
    batch_id    bigint NOT NULL,
    asked_minor bigint NOT NULL CHECK (asked_minor > 0),
    ordinal     integer NOT NULL,
    PRIMARY KEY (batch_id, ordinal)
);

-- Cashback by the redemption or capture that it was given for: how much, on which Chinese day, into lots of which strain,
-- and how much of it fell back when the purchase was returned.
CREATE TABLE cards.cashbacks (
    batch_id    bigint NOT NULL,
    card_id     bigint NOT NULL,
    strain      bigint NOT NULL,
    given_minor bigint NOT NULL CHECK (given_minor > 0),
    taken_minor bigint NOT NULL DEFAULT 0,
    ordinal     integer NOT NULL,
    day         date NOT NULL,
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT cashbacks_within_given CHECK (taken_minor BETWEEN 0 AND given_minor)
);
CREATE INDEX cashbacks_of_day ON cards.cashbacks (card_id, day);

ALTER TYPE cards.activity_type ADD VALUE 'CASHBACK';
ALTER TYPE cards.activity_type ADD VALUE 'CASHBACK_BACK';

GRANT SELECT, INSERT ON cards.basket_lines, cards.tenders, cards.cashbacks TO koudai_app;

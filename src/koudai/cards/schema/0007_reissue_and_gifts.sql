-- A card that takes the place of another has its root, its generation and what it was promised; the fee for it goes
-- to an account of the programme.
ALTER TABLE cards.cards DROP CONSTRAINT cards_lineage;
ALTER TABLE cards.cards ADD CONSTRAINT cards_lineage CHECK (
    CASE WHEN parent_id IS NULL THEN generation = 0 AND root_id = id
         ELSE generation >= 0 AND parent_id < id AND root_id <= parent_id END);

ALTER TABLE cards.programme_accounts DROP CONSTRAINT programme_accounts_purpose_check;
ALTER TABLE cards.programme_accounts ADD CONSTRAINT programme_accounts_purpose_check
    CHECK (purpose IN ('adjustment', 'expired', 'fee'));

ALTER TYPE cards.activity_type ADD VALUE 'FEE';
ALTER TYPE cards.activity_type ADD VALUE 'GIFT_OFFER';
ALTER TYPE cards.activity_type ADD VALUE 'GIFT_RETURN';

-- Until when a card waits for who claims it as a gift: nothing leaves it before. None: it isn't given. One that was
-- claimed is dead, and keeps it.
ALTER TABLE cards.cards ADD COLUMN gift_until timestamptz;

-- A gift is named by the place of the entry that offered it, and its end by that of the entry that ended it. Its words
-- (greeting, name of the giver) and the token of its link are sealed to that place; the token is found by its hash.
CREATE TABLE cards.gifts (
    batch_id        bigint NOT NULL,
    card_id         bigint NOT NULL,
    claim_until     timestamptz NOT NULL,
    deliver_at      timestamptz,
    ended_batch_id  bigint,
    claimed_card_id bigint,
    ordinal         integer NOT NULL,
    book            integer NOT NULL,
    ended_ordinal   integer,
    tries           smallint NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 5),
    identity        text NOT NULL COLLATE "C" CHECK (identity IN ('anonymous', 'registered', 'verified')),
    state           text NOT NULL DEFAULT 'OFFERED' COLLATE "C"
        CHECK (state IN ('OFFERED', 'CLAIMED', 'WITHDRAWN', 'RETURNED', 'KILLED')),
    to_ref          text COLLATE "C",
    face            text COLLATE "C",
    token_hash      bytea NOT NULL,
    token_sealed    bytea,
    words_sealed    bytea,
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT gifts_term CHECK (claim_until > coalesce(deliver_at, '-infinity')),
    CONSTRAINT gifts_ended CHECK ((state = 'OFFERED') = (ended_batch_id IS NULL)
        AND (ended_batch_id IS NULL) = (ended_ordinal IS NULL)
        AND (state = 'CLAIMED') = (claimed_card_id IS NOT NULL) AND (tries = 5) = (state = 'KILLED')
        AND (state = 'OFFERED' OR token_sealed IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX gifts_due ON cards.gifts (claim_until) WHERE state = 'OFFERED';

GRANT SELECT ON cards.gifts TO koudai_app;
GRANT INSERT (batch_id, ordinal, book, card_id, identity, to_ref, face, deliver_at, claim_until, token_hash, token_sealed,
              words_sealed) ON cards.gifts TO koudai_app;

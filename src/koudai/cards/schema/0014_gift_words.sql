-- The words of a gift are personal data, so they are sealed under the vault's keys, apart from the gift: they go when
-- they have served, or when their giver asks, and the gift stays. Words of before stay sealed under the keyring until
-- they are sealed anew; of gifts that had ended then they are forgotten here.

-- The name of the key is read from the seal itself, so that it can't say otherwise; it is empty for the keyring's.
-- ended_batch_id is the batch in which the gift ended, from which on the words are kept for minutes.
CREATE TABLE cards.gift_words (
    batch_id       bigint NOT NULL,
    ended_batch_id bigint,
    ordinal        integer NOT NULL,
    book           integer NOT NULL,
    sealed         bytea NOT NULL CHECK (length(sealed) >= 38),
    key            bytea NOT NULL
        GENERATED ALWAYS AS (CASE WHEN get_byte(sealed, 0) = 2 THEN substring(sealed FROM 3 FOR 8) ELSE '' END) STORED,
    PRIMARY KEY (batch_id, ordinal)
);
CREATE INDEX gift_words_ended ON cards.gift_words (ended_batch_id) WHERE ended_batch_id IS NOT NULL;

INSERT INTO cards.gift_words (batch_id, ordinal, book, sealed)
SELECT batch_id, ordinal, book, words_sealed FROM cards.gifts WHERE state = 'OFFERED' AND words_sealed IS NOT NULL;

-- Who gave: the holder of the card at that time, by the ref that cards know him by.
ALTER TABLE cards.gifts ADD COLUMN giver_ref text COLLATE "C";

-- A column that is dropped stays in the rows that have it, so it is emptied first.
UPDATE cards.gifts g SET words_sealed = NULL, giver_ref = c.holder_ref FROM cards.cards c WHERE c.id = g.card_id;
ALTER TABLE cards.gifts DROP COLUMN words_sealed;

CREATE INDEX gifts_by_giver ON cards.gifts (giver_ref, book) WHERE giver_ref IS NOT NULL;
CREATE INDEX gifts_by_receiver ON cards.gifts (to_ref, book) WHERE to_ref IS NOT NULL;

GRANT SELECT ON cards.gift_words TO koudai_app;
GRANT INSERT (batch_id, ordinal, book, sealed) ON cards.gift_words TO koudai_app;
GRANT INSERT (giver_ref) ON cards.gifts TO koudai_app;

-- What a payer, a card or a root had loaded on its newest day (a Chinese one, of the book's time), for the sums that the
-- law asks for and that must not be dodged. since_batch_id is the first batch of that day.
CREATE TABLE cards.tallies (
    book           integer NOT NULL,
    who            text NOT NULL COLLATE "C" CHECK (who ~ '^(payer|card|root):.'),
    day_s          bigint NOT NULL DEFAULT 0,
    load_minor     bigint NOT NULL DEFAULT 0 CHECK (load_minor >= 0),
    bearer_minor   bigint NOT NULL DEFAULT 0 CHECK (bearer_minor BETWEEN 0 AND load_minor),
    cash_minor     bigint NOT NULL DEFAULT 0 CHECK (cash_minor BETWEEN 0 AND load_minor),
    since_batch_id bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (book, who)
) WITH (fillfactor = 70);

-- What the law had to say of an entry that was let pass: clauses that only warned, and pilots under which it passed,
-- each with the clauses that they opened. Append-only.
CREATE TABLE cards.judgements (
    batch_id bigint NOT NULL,
    ordinal  integer NOT NULL,
    card_id  bigint NOT NULL,
    point    text NOT NULL COLLATE "C",
    pack     text NOT NULL COLLATE "C",
    noted    text NOT NULL COLLATE "C",
    pilots   text NOT NULL COLLATE "C",
    CONSTRAINT judgements_say_something CHECK (noted <> '' OR pilots <> ''),
    PRIMARY KEY (batch_id, ordinal, card_id, point)
);

GRANT SELECT ON cards.tallies, cards.judgements TO koudai_app;
GRANT INSERT ON cards.judgements TO koudai_app;

-- Physical cards: made in stock, printed, received at a place, sold at a till, written off where they are lost.

ALTER TYPE cards.activity_type ADD VALUE 'PRINT';
ALTER TYPE cards.activity_type ADD VALUE 'RECEIVE';

-- From when on a card that was sold at a till can be used; null for one that never lay in a stock.
ALTER TABLE cards.cards ADD COLUMN active_at timestamptz;

-- A stock: cards of one design that were made together. Append-only.
CREATE TABLE cards.stocks (
    id           bigint PRIMARY KEY,
    book         integer NOT NULL,
    programme_id integer NOT NULL REFERENCES cards.programmes,
    design       text NOT NULL CHECK (design <> ''),
    cards        integer NOT NULL CHECK (cards > 0),
    made_by      text NOT NULL,
    made_at      timestamptz NOT NULL
);
CREATE INDEX stocks_by_book ON cards.stocks (book, id);

-- A card of a stock: how far it came, and where it lies or was sold: at a merchant's, or at a place by a free word.
CREATE TABLE cards.stock_cards (
    card_id     bigint PRIMARY KEY REFERENCES cards.cards,
    stock_id    bigint NOT NULL REFERENCES cards.stocks,
    serial      integer NOT NULL CHECK (serial > 0),
    merchant_id integer,
    state       text NOT NULL DEFAULT 'CREATED' COLLATE "C"
        CHECK (state IN ('CREATED', 'PRINTED', 'IN_STOCK', 'SOLD', 'CALLED_OFF', 'WRITTEN_OFF')),
    place       text,
    UNIQUE (stock_id, serial),
    CONSTRAINT stock_cards_placed CHECK (
        CASE WHEN state IN ('CREATED', 'PRINTED') THEN num_nonnulls(merchant_id, place) = 0
             WHEN state = 'WRITTEN_OFF' THEN num_nonnulls(merchant_id, place) <= 1
             ELSE num_nonnulls(merchant_id, place) = 1 END)
) WITH (fillfactor = 90);

-- Who did what with how many cards of a stock: printed, received, written off, called off. Append-only.
CREATE TABLE cards.stock_steps (
    batch_id    bigint NOT NULL,
    stock_id    bigint NOT NULL REFERENCES cards.stocks,
    ordinal     integer NOT NULL,
    cards       integer NOT NULL CHECK (cards > 0),
    merchant_id integer,
    step        text NOT NULL COLLATE "C" CHECK (step IN ('PRINT', 'RECEIVE', 'WRITE_OFF', 'CALL_OFF')),
    made_by     text NOT NULL,
    place       text,
    reason      text,
    at          timestamptz NOT NULL,
    PRIMARY KEY (stock_id, batch_id, ordinal)
);

-- That the numbers of a printing were given out, and to whom: once, and never again. Append-only.
CREATE TABLE cards.print_files (
    batch_id bigint NOT NULL,
    ordinal  integer NOT NULL,
    given_to text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (batch_id, ordinal)
);

-- What was paid at a till, and how much of it cards were sold for: never more.
CREATE TABLE cards.payments (
    book         integer NOT NULL,
    reference    text NOT NULL COLLATE "C" CHECK (reference <> ''),
    source       cards.funding_source NOT NULL,
    asset        text NOT NULL COLLATE "C",
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    used_minor   bigint NOT NULL,
    PRIMARY KEY (book, reference),
    CONSTRAINT payments_within_paid CHECK (used_minor BETWEEN 0 AND amount_minor)
);

-- A sale at a till: its load stands at (batch_id, ordinal). acknowledged: a warning was read before it.
CREATE TABLE cards.sales (
    card_id      bigint PRIMARY KEY REFERENCES cards.stock_cards,
    batch_id     bigint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    ordinal      integer NOT NULL,
    book         integer NOT NULL,
    asset        text NOT NULL COLLATE "C",
    payment_ref  text NOT NULL COLLATE "C",
    payer        text COLLATE "C",
    till         text NOT NULL COLLATE "C",
    clerk        text NOT NULL COLLATE "C",
    acknowledged boolean NOT NULL,
    sold_at      timestamptz NOT NULL,
    active_at    timestamptz NOT NULL CHECK (active_at >= sold_at),
    FOREIGN KEY (book, payment_ref) REFERENCES cards.payments
);
CREATE INDEX sales_by_payer ON cards.sales (book, payer, sold_at) WHERE payer IS NOT NULL;
CREATE INDEX sales_by_till ON cards.sales (book, till, sold_at);
CREATE INDEX sales_by_clerk ON cards.sales (book, clerk, sold_at);
CREATE INDEX sales_by_payment ON cards.sales (book, payment_ref);

GRANT SELECT ON cards.stocks, cards.stock_cards, cards.stock_steps, cards.print_files, cards.payments, cards.sales
    TO koudai_app;
GRANT INSERT ON cards.stocks, cards.stock_steps, cards.print_files TO koudai_app;
-- A card comes into a stock as one that was just created.
GRANT INSERT (card_id, stock_id, serial) ON cards.stock_cards TO koudai_app;

-- How many cards of a stock came so far, and lie at a place or were sold there (0 and '' where there is none): the sum
-- of its rows. Who moves cards takes a row of theirs that nobody holds, or adds one, so that no till waits for another,
-- and there are no more rows than ever moved cards of a place at once. A single row may be below zero.
CREATE TABLE cards.stock_counts (
    stock_id    bigint NOT NULL REFERENCES cards.stocks,
    cards       bigint NOT NULL,
    merchant_id integer NOT NULL,
    state       text NOT NULL COLLATE "C",
    place       text NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX stock_counts_by_stock ON cards.stock_counts (stock_id, state, merchant_id, place);
INSERT INTO cards.stock_counts (stock_id, cards, merchant_id, state, place)
SELECT stock_id, count(*), coalesce(merchant_id, 0), state, coalesce(place, '') FROM cards.stock_cards
GROUP BY stock_id, merchant_id, state, place;
GRANT SELECT ON cards.stock_counts TO koudai_app;

-- Adds cards (or takes them off) to a row that nobody holds. Who calls it has the rights.
CREATE FUNCTION cards.count_stock_v1(
    p_stock_id bigint, p_state text, p_merchant_id integer, p_place text, p_cards bigint
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    free tid;
BEGIN
    SELECT c.ctid INTO free FROM cards.stock_counts c
    WHERE c.stock_id = p_stock_id AND c.state = p_state AND c.merchant_id = p_merchant_id AND c.place = p_place
    LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    UPDATE cards.stock_counts c SET cards = c.cards + p_cards WHERE c.ctid = free;
    IF NOT FOUND THEN
        INSERT INTO cards.stock_counts (stock_id, cards, merchant_id, state, place)
        VALUES (p_stock_id, p_cards, p_merchant_id, p_state, p_place);
    END IF;
END $$;

-- Counted by the table of the cards itself, whoever makes them or moves them.
CREATE FUNCTION cards.count_moved_stock_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM cards.count_stock_v1(w.stock_id, w.state, coalesce(w.merchant_id, 0), coalesce(w.place, ''), -count(*))
        FROM went w GROUP BY w.stock_id, w.state, w.merchant_id, w.place;
    END IF;
    PERFORM cards.count_stock_v1(c.stock_id, c.state, coalesce(c.merchant_id, 0), coalesce(c.place, ''), count(*))
    FROM came c GROUP BY c.stock_id, c.state, c.merchant_id, c.place;
    RETURN NULL;
END $$;
CREATE TRIGGER stock_cards_made AFTER INSERT ON cards.stock_cards
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION cards.count_moved_stock_v1();
CREATE TRIGGER stock_cards_moved AFTER UPDATE ON cards.stock_cards
    REFERENCING OLD TABLE AS went NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION cards.count_moved_stock_v1();

-- A sold card counts as active once it can be used: those that can't yet are few, and found by their stock.
ALTER TABLE cards.sales ADD COLUMN stock_id bigint;
UPDATE cards.sales s SET stock_id = c.stock_id FROM cards.stock_cards c WHERE c.card_id = s.card_id;
ALTER TABLE cards.sales ALTER COLUMN stock_id SET NOT NULL;
CREATE INDEX sales_waiting ON cards.sales (stock_id, active_at) WHERE active_at > sold_at;

-- A card that comes from another one knows the command that made it: what limits by day goes along a line of cards asks
-- what the one before had used by then. Those of before don't know, and begin such a day anew.
ALTER TABLE cards.cards
    ADD COLUMN came_batch_id bigint,
    ADD COLUMN came_lead integer,
    ADD CONSTRAINT cards_came CHECK (
        (came_batch_id IS NULL) = (came_lead IS NULL) AND (came_batch_id IS NULL OR parent_id IS NOT NULL));

-- Cash of a day is summed over all cards of one root, so that neither a replacement nor a split begins the sum anew.
ALTER TABLE cards.tallies DROP CONSTRAINT tallies_who_check;
WITH of_cards AS MATERIALIZED (
    SELECT t.*, substr(t.who, 6)::bigint AS card_id FROM cards.tallies t WHERE t.who LIKE 'card:%'
), of_roots AS (
    SELECT t.*, c.root_id, max(t.day_s) OVER (PARTITION BY c.root_id) AS newest_s
    FROM of_cards t JOIN cards.cards c ON c.id = t.card_id
)
INSERT INTO cards.tallies (book, who, day_s, load_minor, bearer_minor, cash_minor, since_batch_id)
SELECT book, 'cash:' || root_id, day_s, sum(load_minor), sum(bearer_minor), sum(cash_minor), min(since_batch_id)
FROM of_roots WHERE day_s = newest_s GROUP BY book, root_id, day_s;
DELETE FROM cards.tallies WHERE who LIKE 'card:%';
ALTER TABLE cards.tallies ADD CONSTRAINT tallies_who_check CHECK (who ~ '^(payer|cash|root):.');

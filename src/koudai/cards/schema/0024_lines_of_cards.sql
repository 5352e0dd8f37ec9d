-- A card that comes from another one knows the command that made it: what limits by day goes along a line of cards asks
-- what the one before had used by then. Those of before don't know, and begin such a day anew.
ALTER TABLE cards.cards
    ADD COLUMN came_batch_id bigint,
    ADD COLUMN came_lead integer,
    ADD CONSTRAINT cards_came CHECK (
        (came_batch_id IS NULL) = (came_lead IS NULL) AND (came_batch_id IS NULL OR parent_id IS NOT NULL));

-- Cash of a day is summed over all cards of one root, so that neither a replacement nor a split begins the sum anew.
ALTER TABLE cards.tallies DROP CONSTRAINT tallies_who_check;
INSERT INTO cards.tallies (book, who, day_s, load_minor, bearer_minor, cash_minor, since_batch_id)
SELECT t.book, 'cash:' || c.root_id, t.day_s, sum(t.load_minor), sum(t.bearer_minor), sum(t.cash_minor), min(t.since_batch_id)
FROM cards.tallies t
JOIN cards.cards c ON t.who = 'card:' || c.id
WHERE t.day_s = (SELECT max(o.day_s) FROM cards.tallies o JOIN cards.cards d ON o.who = 'card:' || d.id
                 WHERE d.root_id = c.root_id)
GROUP BY t.book, c.root_id, t.day_s;
DELETE FROM cards.tallies WHERE who LIKE 'card:%';
ALTER TABLE cards.tallies ADD CONSTRAINT tallies_who_check CHECK (who ~ '^(payer|cash|root):.');

-- A card that takes the place of another, or is split from it, begins with the counters of that one's limits. Those of up
-- to this batch, the newest when that began, began anew, as a gift that is claimed still does.
ALTER TABLE cards.cards
    ADD COLUMN inherits boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT cards_inherits CHECK (NOT inherits OR parent_id IS NOT NULL);

CREATE TABLE cards.inherits_since (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    batch_id bigint NOT NULL
);
INSERT INTO cards.inherits_since (batch_id) SELECT coalesce(max(id), 0) FROM ledger.batches;
GRANT SELECT ON cards.inherits_since TO koudai_app;

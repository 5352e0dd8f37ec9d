-- Where a card comes from: the card it was split from, the root of them all, and how many splits lie between.
ALTER TABLE cards.cards
    ADD COLUMN root_id bigint,
    ADD COLUMN parent_id bigint,
    ADD COLUMN generation smallint NOT NULL DEFAULT 0;
UPDATE cards.cards SET root_id = id;
ALTER TABLE cards.cards
    ALTER COLUMN root_id SET NOT NULL,
    ADD CONSTRAINT cards_lineage CHECK (
        CASE WHEN parent_id IS NULL THEN generation = 0 AND root_id = id
             ELSE generation > 0 AND parent_id < id AND root_id <= parent_id END);
CREATE INDEX cards_by_root ON cards.cards (root_id) WHERE parent_id IS NOT NULL;

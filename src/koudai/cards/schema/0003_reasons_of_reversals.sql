-- A reversal says why and by whom, as an adjustment does. One up to this batch, the newest when that began, may
-- have been booked without.
CREATE TABLE cards.reasons_since (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    batch_id bigint NOT NULL
);
INSERT INTO cards.reasons_since (batch_id) SELECT coalesce(max(id), 0) FROM ledger.batches;
GRANT SELECT ON cards.reasons_since TO koudai_app;

-- What is paged or looked for by book is found by book: the register of pay-outs, gifts whose days are over, families,
-- and cards whose time is over, each in the order in which it is read.
ALTER TABLE cards.payouts ADD COLUMN book integer;
UPDATE cards.payouts p SET book = b.book FROM ledger.batches b WHERE b.id = p.batch_id;
ALTER TABLE cards.payouts
    ALTER COLUMN book SET NOT NULL,
    DROP CONSTRAINT payouts_pkey,
    ADD PRIMARY KEY (book, batch_id, ordinal);

DROP INDEX cards.gifts_due;
CREATE INDEX gifts_due ON cards.gifts (book, claim_until) WHERE state = 'OFFERED';

DROP INDEX cards.cards_by_root;
CREATE INDEX cards_by_root ON cards.cards (root_id, id) WHERE parent_id IS NOT NULL;

DROP INDEX cards.cards_by_expiry;
CREATE INDEX cards_by_expiry ON cards.cards (programme_id, expires_at, id) WHERE expires_at IS NOT NULL;

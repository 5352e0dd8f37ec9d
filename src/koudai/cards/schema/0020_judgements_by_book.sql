-- What the law noted is read by book, from a place on; so its key begins with the book, and it has no second index.
ALTER TABLE cards.judgements ADD COLUMN book integer;
UPDATE cards.judgements j SET book = b.book FROM ledger.batches b WHERE b.id = j.batch_id;
ALTER TABLE cards.judgements
    ALTER COLUMN book SET NOT NULL,
    DROP CONSTRAINT judgements_pkey,
    ADD PRIMARY KEY (book, batch_id, ordinal, card_id, point);

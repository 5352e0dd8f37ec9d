-- Up to which batch a limit counted nothing: one that is declared for a scope whose accounts have moved already counts
-- what comes after it.
ALTER TABLE ledger.limits ADD COLUMN since_batch_id bigint NOT NULL DEFAULT 0;

-- What a book owes in all is what its hot accounts gave: they are few beside the others.
CREATE INDEX accounts_hot ON ledger.accounts (book, asset) WHERE NOT constrained;

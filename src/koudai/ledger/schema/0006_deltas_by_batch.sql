-- The deltas of a batch are one row: who folds them takes few rows out of the line, instead of one for each
-- account, and who posts them appends one.

CREATE TABLE ledger.deltas_of_batches (
    batch_id bigint NOT NULL,
    asset    text NOT NULL COLLATE "C",
    accounts bigint[] NOT NULL,
    amounts  bigint[] NOT NULL,
    ordinals integer[] NOT NULL,
    PRIMARY KEY (batch_id, asset),
    -- One element of each for every transfer of a hot account.
    CONSTRAINT deltas_even CHECK (cardinality(accounts) = cardinality(amounts) AND cardinality(accounts) = cardinality(ordinals))
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 10000);
-- Read once or twice and gone: not worth being compressed.
ALTER TABLE ledger.deltas_of_batches
    ALTER COLUMN accounts SET STORAGE EXTERNAL, ALTER COLUMN amounts SET STORAGE EXTERNAL,
    ALTER COLUMN ordinals SET STORAGE EXTERNAL;

INSERT INTO ledger.deltas_of_batches (batch_id, asset, accounts, amounts, ordinals)
SELECT d.batch_id, a.asset, array_agg(d.account_id ORDER BY t.ordinal),
       array_agg(CASE WHEN t.credit_account = d.account_id THEN t.amount_minor ELSE -t.amount_minor END ORDER BY t.ordinal),
       array_agg(t.ordinal ORDER BY t.ordinal)
FROM ledger.deltas d
JOIN ledger.accounts a ON a.id = d.account_id
CROSS JOIN LATERAL unnest(d.ordinals) AS o (ordinal)
JOIN ledger.transfers t ON t.batch_id = d.batch_id AND t.ordinal = o.ordinal
GROUP BY d.batch_id, a.asset;

DROP FUNCTION IF EXISTS ledger.post_v2, ledger.fold_v1;
DROP TABLE ledger.deltas;
ALTER TABLE ledger.deltas_of_batches RENAME TO deltas;
ALTER TABLE ledger.deltas RENAME CONSTRAINT deltas_of_batches_pkey TO deltas_pkey;

-- What moved hot accounts and isn't folded in yet, transfer by transfer.
CREATE VIEW ledger.unfolded AS
SELECT d.batch_id, u.account_id, u.amount_minor, u.ordinal
FROM ledger.deltas d, unnest(d.accounts, d.amounts, d.ordinals) AS u (account_id, amount_minor, ordinal);

GRANT SELECT ON ledger.deltas, ledger.unfolded TO koudai_app;

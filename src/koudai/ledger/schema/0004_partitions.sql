-- Transfers in partitions by time, and what an account was moved by each batch.

-- Batch ids grow with time, so a range of ids is a span of time. A partition has room for 2^36 batches:
-- a new one begins when the sequence is moved on to its first id (see roll_v1), so that neither
-- rows nor bounds ever move. The next one is always there.
ALTER TABLE ledger.transfers RENAME TO transfers_p0;
ALTER TABLE ledger.transfers_p0 RENAME CONSTRAINT transfers_pkey TO transfers_p0_pkey;
CREATE TABLE ledger.transfers (LIKE ledger.transfers_p0 INCLUDING ALL) PARTITION BY RANGE (batch_id);
ALTER TABLE ledger.transfers ATTACH PARTITION ledger.transfers_p0 FOR VALUES FROM (MINVALUE) TO (68719476736);
CREATE TABLE ledger.transfers_p1 PARTITION OF ledger.transfers FOR VALUES FROM (68719476736) TO (137438953472);
-- Small, for its rows come nearly in order: finds what happened after a moment.
CREATE INDEX transfers_by_event ON ledger.transfers USING brin (event_at) WITH (pages_per_range = 16);
CREATE INDEX batches_by_time ON ledger.batches USING brin (recorded_at) WITH (pages_per_range = 16);

-- Partitions that no transaction can write to any more have indexes by account, which would slow down posting.
CREATE TABLE ledger.partitions (
    number     integer PRIMARY KEY,
    rolled_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    horizon    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    indexed_at timestamptz
);

-- What each batch moved a hot account by, and by which of its transfers: written when its deltas are folded
-- in. So a hot account's transfers are found one by one, though no index of them is kept.
ALTER TABLE ledger.deltas ADD COLUMN ordinals integer[];
CREATE TABLE ledger.turnovers (
    account_id   bigint NOT NULL,
    batch_id     bigint NOT NULL,
    amount_minor numeric NOT NULL,
    ordinals     integer[] NOT NULL,
    PRIMARY KEY (account_id, batch_id)
);

CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
SELECT e.account_id, e.batch_id, sum(e.amount_minor) AS amount_minor, array_agg(e.ordinal ORDER BY e.ordinal) AS ordinals
FROM (SELECT credit_account AS account_id, batch_id, amount_minor, ordinal FROM ledger.transfers
      UNION ALL
      SELECT debit_account, batch_id, -amount_minor, ordinal FROM ledger.transfers) AS e
JOIN ledger.accounts a ON a.id = e.account_id AND NOT a.constrained
GROUP BY e.account_id, e.batch_id;
UPDATE ledger.deltas d SET ordinals = m.ordinals FROM moved m WHERE m.account_id = d.account_id AND m.batch_id = d.batch_id;
INSERT INTO ledger.turnovers (account_id, batch_id, amount_minor, ordinals)
SELECT m.account_id, m.batch_id, m.amount_minor, m.ordinals FROM moved m
WHERE NOT EXISTS (SELECT 1 FROM ledger.deltas d WHERE d.account_id = m.account_id AND d.batch_id = m.batch_id);
ALTER TABLE ledger.deltas ALTER COLUMN ordinals SET NOT NULL;

GRANT SELECT ON ledger.transfers, ledger.partitions, ledger.turnovers TO koudai_app;

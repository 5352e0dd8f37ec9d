-- Of a bearer card nobody can tell that who claims it is another than who gave it: it goes on with the counters of the
-- one before it. Those that were claimed up to this batch began anew.
ALTER TABLE cards.inherits_since ADD COLUMN bearers_batch_id bigint;
UPDATE cards.inherits_since SET bearers_batch_id = (SELECT coalesce(max(id), 0) FROM ledger.batches);
ALTER TABLE cards.inherits_since ALTER COLUMN bearers_batch_id SET NOT NULL;

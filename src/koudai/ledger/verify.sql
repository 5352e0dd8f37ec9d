-- newest_batch: the newest batch that can be seen
SELECT coalesce(max(id), 0) FROM ledger.batches

-- own_transaction: a transaction id that is younger than every batch seen before
SELECT pg_current_xact_id()::text

-- all_older_ended: whether every transaction older than that one has ended
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= ($1::text)::xid8

-- open_audit: the audit that was interrupted, if one was
SELECT id, sealed_batch_id, through_batch_id, transfers, findings::text FROM ledger.audits
WHERE finished_at IS NULL ORDER BY id DESC LIMIT 1

-- begin_audit: begins an audit up to a sealed batch
INSERT INTO ledger.audits (sealed_batch_id) VALUES ($1::bigint) RETURNING id

-- advance_audit: notes how far an audit came
UPDATE ledger.audits
SET through_batch_id = $3::bigint, transfers = transfers + $4::bigint, findings = findings || ($5::text)::jsonb
WHERE id = $1::bigint AND through_batch_id = $2::bigint

-- finish_audit: ends an audit, and those that were given up before it
UPDATE ledger.audits SET finished_at = clock_timestamp() WHERE id <= $1::bigint AND finished_at IS NULL

-- drop_totals: forgets the sums of ended audits
DELETE FROM ledger.audit_totals WHERE audit_id <= $1::bigint

-- add_totals: adds what a range of batches moved to the sums of an audit
INSERT INTO ledger.audit_totals AS t (audit_id, account_id, amount_minor)
SELECT $1::bigint, e.account, sum(e.amount)
FROM (SELECT debit_account AS account, -amount_minor AS amount FROM ledger.transfers
      WHERE batch_id BETWEEN $2::bigint AND $3::bigint
      UNION ALL
      SELECT credit_account, amount_minor FROM ledger.transfers
      WHERE batch_id BETWEEN $2::bigint AND $3::bigint) AS e
GROUP BY e.account
ON CONFLICT (audit_id, account_id) DO UPDATE SET amount_minor = t.amount_minor + excluded.amount_minor

-- count_transfers: how many transfers a range of batches holds
SELECT count(*) FROM ledger.transfers WHERE batch_id BETWEEN $1::bigint AND $2::bigint

-- counts: how many accounts, keys and transfers there are
SELECT (SELECT count(*) FROM ledger.accounts), (SELECT count(*) FROM ledger.idempotency),
       (SELECT count(*) FROM ledger.transfers)

-- transfer_accounts: transfers that don't take from one account what they give to another of the same book and asset
SELECT 'ledger.transfers ' || t.batch_id || '/' || t.ordinal,
       CASE WHEN b.id IS NULL THEN 'its batch is not there'
            WHEN d.id IS NULL THEN 'debit account ' || t.debit_account || ' is not there'
            WHEN c.id IS NULL THEN 'credit account ' || t.credit_account || ' is not there'
            WHEN t.amount_minor <= 0 THEN 'amount ' || t.amount_minor
            WHEN t.debit_account = t.credit_account THEN 'debits and credits the same account'
            ELSE 'book or asset differ: batch ' || b.book || ', transfer ' || t.asset || ', debit ' || d.book || ' '
                 || d.asset || ', credit ' || c.book || ' ' || c.asset END
FROM ledger.transfers t
LEFT JOIN ledger.batches b ON b.id = t.batch_id
LEFT JOIN ledger.accounts d ON d.id = t.debit_account
LEFT JOIN ledger.accounts c ON c.id = t.credit_account
WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint
  AND ((b.book = d.book AND b.book = c.book AND t.asset = d.asset AND t.asset = c.asset
        AND t.amount_minor > 0 AND t.debit_account <> t.credit_account) IS NOT TRUE)

-- transfer_key: transfers that no accepted key led to
SELECT 'ledger.transfers ' || t.batch_id || '/' || t.ordinal, 'no key was answered with it'
FROM ledger.transfers t
LEFT JOIN (SELECT batch_id, ordinal FROM ledger.idempotency
           WHERE batch_id BETWEEN $1::bigint AND $2::bigint AND refusal IS NULL) AS k
    ON k.batch_id = t.batch_id AND k.ordinal = t.ordinal
WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint AND k.batch_id IS NULL

-- key_effect: keys of bare postings that were accepted and moved nothing, and refused keys that moved something
SELECT 'ledger.idempotency ' || k.book || '/' || k.key,
       CASE WHEN k.refusal IS NULL THEN 'accepted, and no transfer at ' ELSE 'refused, and a transfer at ' END
       || k.batch_id || '/' || k.ordinal
FROM ledger.idempotency k
LEFT JOIN ledger.transfers t ON t.batch_id = k.batch_id AND t.ordinal = k.ordinal
    AND t.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE k.batch_id BETWEEN $1::bigint AND $2::bigint
  AND CASE WHEN k.refusal IS NOT NULL THEN t.batch_id IS NOT NULL
           WHEN k.request LIKE '{"verb":"post",%' THEN t.batch_id IS NULL
           ELSE false END

-- key_place: places that more than one key claims
SELECT 'ledger.idempotency ' || min(k.book) || '/' || min(k.key),
       count(*) || ' keys claim the place ' || k.batch_id || '/' || k.ordinal
FROM ledger.idempotency k
WHERE k.batch_id BETWEEN $1::bigint AND $2::bigint
GROUP BY k.batch_id, k.ordinal HAVING count(*) > 1

-- key_batch: keys whose batch is not there or is of another book
SELECT 'ledger.idempotency ' || k.book || '/' || k.key, 'its batch ' || k.batch_id || ' is not there or of another book'
FROM ledger.idempotency k LEFT JOIN ledger.batches b ON b.id = k.batch_id
WHERE b.book IS DISTINCT FROM k.book

-- transfer_batch: batches that transfers claim and that are not there
SELECT 'ledger.transfers ' || t.batch_id || '/' || min(t.ordinal), count(*) || ' transfers of a batch that is not there'
FROM ledger.transfers t LEFT JOIN ledger.batches b ON b.id = t.batch_id
WHERE b.id IS NULL GROUP BY t.batch_id

-- constrained_negative: constrained accounts below zero
SELECT 'ledger.accounts ' || id, 'constrained, and its balance is ' || balance_minor
FROM ledger.accounts WHERE constrained AND balance_minor < 0

-- book_sum: books that don't sum to zero in an asset
SELECT 'book ' || book, 'its accounts in ' || asset || ' sum to ' || sum(balance_minor)
FROM (SELECT book, asset, balance_minor + folded_minor AS balance_minor FROM ledger.accounts
      UNION ALL
      SELECT a.book, a.asset, d.amount_minor FROM ledger.deltas d JOIN ledger.accounts a ON a.id = d.account_id) AS b
GROUP BY book, asset HAVING sum(balance_minor) <> 0

-- balance: accounts whose balance is not what their transfers add up to
WITH tail AS (
    SELECT e.account, sum(e.amount) AS amount
    FROM (SELECT debit_account AS account, -amount_minor AS amount FROM ledger.transfers WHERE batch_id > $2::bigint
          UNION ALL
          SELECT credit_account, amount_minor FROM ledger.transfers WHERE batch_id > $2::bigint) AS e
    GROUP BY e.account
), replayed AS (
    SELECT account, sum(amount) AS amount
    FROM (SELECT * FROM tail UNION ALL
          SELECT account_id, amount_minor FROM ledger.audit_totals WHERE audit_id = $1::bigint) AS s
    GROUP BY account
), unfolded AS (
    SELECT account_id, sum(amount_minor) AS amount FROM ledger.deltas GROUP BY account_id
)
SELECT 'ledger.accounts ' || coalesce(a.id, r.account),
       CASE WHEN a.id IS NULL THEN 'is not there, and its transfers add up to ' || r.amount
            ELSE 'holds ' || (a.balance_minor + a.folded_minor + coalesce(u.amount, 0)) || ', its transfers add up to '
                 || coalesce(r.amount, 0) END
FROM ledger.accounts a
LEFT JOIN unfolded u ON u.account_id = a.id
FULL JOIN replayed r ON r.account = a.id
WHERE a.balance_minor + a.folded_minor + coalesce(u.amount, 0) IS DISTINCT FROM coalesce(r.amount, 0)

-- newest_batch: the newest batch that can be seen
SELECT coalesce(max(id), 0) FROM ledger.batches

-- next_batch: the first batch after one; ids jump where a partition ends
SELECT coalesce(min(id), 0) FROM ledger.batches WHERE id > $1::bigint

-- own_transaction: a transaction id that is younger than every batch seen before
SELECT pg_current_xact_id()::text

-- all_older_ended: whether every transaction older than that one has ended
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= ($1::text)::xid8

-- open_audit: the audit that was interrupted, if one was
SELECT id, sealed_batch_id, through_batch_id, transfers, findings::text FROM ledger.audits
WHERE finished_at IS NULL ORDER BY id DESC LIMIT 1

-- reopen_audit: takes up the newest audit that ended, up to a later sealed batch
UPDATE ledger.audits SET sealed_batch_id = greatest(sealed_batch_id, $1::bigint), finished_at = NULL
WHERE id = (SELECT max(id) FROM ledger.audits) AND finished_at IS NOT NULL AND through_batch_id = sealed_batch_id
RETURNING id, sealed_batch_id, through_batch_id, transfers

-- raise_alarm: notes what stops payouts, where no alarm of the check is open already
INSERT INTO ledger.alarms (check_name, found, first_row)
SELECT a.* FROM unnest($1::text[], $2::bigint[], $3::text[]) AS a (check_name, found, first_row)
WHERE NOT EXISTS (SELECT 1 FROM ledger.alarms o WHERE o.check_name = a.check_name AND o.cleared_at IS NULL)

-- begin_audit: begins an audit up to a sealed batch
INSERT INTO ledger.audits (sealed_batch_id) VALUES ($1::bigint) RETURNING id

-- advance_audit: notes how far an audit came
UPDATE ledger.audits
SET through_batch_id = $3::bigint, transfers = transfers + $4::bigint, findings = findings || ($5::text)::jsonb
WHERE id = $1::bigint AND through_batch_id = $2::bigint

-- finish_audit: ends an audit, and those that were given up before it
UPDATE ledger.audits SET finished_at = clock_timestamp() WHERE id <= $1::bigint AND finished_at IS NULL

-- drop_totals: forgets the sums of audits before the newest, which an incremental one goes on from
DELETE FROM ledger.audit_totals WHERE audit_id < $1::bigint

-- add_totals: notes what a range of batches moved, for an audit
INSERT INTO ledger.audit_totals (audit_id, account_id, amount_minor)
SELECT $1::bigint, e.account, sum(e.amount)
FROM (SELECT debit_account AS account, -amount_minor AS amount FROM ledger.transfers
      WHERE batch_id BETWEEN $2::bigint AND $3::bigint
      UNION ALL
      SELECT credit_account, amount_minor FROM ledger.transfers
      WHERE batch_id BETWEEN $2::bigint AND $3::bigint
      UNION ALL
      SELECT debit_lot, -amount_minor FROM ledger.transfers
      WHERE batch_id BETWEEN $2::bigint AND $3::bigint AND debit_lot IS NOT NULL
      UNION ALL
      SELECT credit_lot, amount_minor FROM ledger.transfers
      WHERE batch_id BETWEEN $2::bigint AND $3::bigint AND credit_lot IS NOT NULL) AS e
GROUP BY e.account

-- gather_totals: makes one sum for each account of what ranges noted, where they are many by now
WITH gone AS (
    DELETE FROM ledger.audit_totals
    WHERE audit_id = $1::bigint AND (SELECT count(*) FROM ledger.audit_totals)
          > 4 * ((SELECT count(*) FROM ledger.accounts) + (SELECT count(*) FROM ledger.lots))
    RETURNING account_id, amount_minor
)
INSERT INTO ledger.audit_totals (audit_id, account_id, amount_minor)
SELECT $1::bigint, g.account_id, sum(g.amount_minor) FROM gone g GROUP BY g.account_id

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
            WHEN t.debit_account = t.credit_account AND t.debit_lot IS NULL THEN 'debits and credits the same account'
            ELSE 'book or asset differ: batch ' || b.book || ', transfer ' || t.asset || ', debit ' || d.book || ' '
                 || d.asset || ', credit ' || c.book || ' ' || c.asset END
FROM ledger.transfers t
LEFT JOIN ledger.batches b ON b.id = t.batch_id
LEFT JOIN ledger.accounts d ON d.id = t.debit_account
LEFT JOIN ledger.accounts c ON c.id = t.credit_account
WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint
  AND ((b.book = d.book AND b.book = c.book AND t.asset = d.asset AND t.asset = c.asset
        AND t.amount_minor > 0 AND (t.debit_account <> t.credit_account OR t.debit_lot <> t.credit_lot)) IS NOT TRUE)

-- transfer_lots: transfers that name lots of another account, or none where the account is kept in lots
SELECT 'ledger.transfers ' || t.batch_id || '/' || t.ordinal,
       'from lot ' || coalesce(t.debit_lot::text, 'none') || ' of ' || t.debit_account || ' to lot '
       || coalesce(t.credit_lot::text, 'none') || ' of ' || t.credit_account || ', which are lots of '
       || coalesce(x.account_id::text, 'none') || ' and ' || coalesce(y.account_id::text, 'none')
FROM ledger.transfers t
JOIN ledger.accounts d ON d.id = t.debit_account
JOIN ledger.accounts c ON c.id = t.credit_account
LEFT JOIN ledger.lots x ON x.id = t.debit_lot
LEFT JOIN ledger.lots y ON y.id = t.credit_lot
WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint
  AND (x.account_id IS DISTINCT FROM CASE WHEN d.lots IS NOT NULL THEN d.id END
       OR y.account_id IS DISTINCT FROM CASE WHEN c.lots IS NOT NULL THEN c.id END)
  -- What was booked before there were lots names none.
  AND NOT (t.debit_lot IS NULL AND t.credit_lot IS NULL AND t.batch_id <= (
      SELECT coalesce(max(o.came_batch_id), 0) FROM ledger.lots o WHERE o.source = 'unrecorded'))

-- entry_legs: transfers that don't follow the one before them of their entry
SELECT 'ledger.transfers ' || t.batch_id || '/' || t.ordinal, 'a transfer of the entry ' || t.entry || ', and none stands before it'
FROM ledger.transfers t
LEFT JOIN ledger.transfers p ON p.batch_id = t.batch_id AND p.ordinal = t.ordinal - 1 AND p.entry = t.entry
    AND p.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint AND t.ordinal <> t.entry AND p.batch_id IS NULL

-- transfer_key: transfers that no accepted key led to
SELECT 'ledger.transfers ' || t.batch_id || '/' || t.ordinal, 'no key was answered with it'
FROM ledger.transfers t
LEFT JOIN (SELECT batch_id, ordinal FROM ledger.idempotency
           WHERE batch_id BETWEEN $1::bigint AND $2::bigint AND refusal IS NULL) AS k
    ON k.batch_id = t.batch_id AND k.ordinal = t.entry
-- Of a group of holds that is captured or undone as one, of a card that pays and is split, of what comes back, falls back
-- or is kept as a fee beside it, and of what leaves a card that is closed or whose sale is undone, the key leads to the
-- first entry; the cards' own checks know the others.
WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint AND k.batch_id IS NULL
  AND t.kind NOT IN ('capture', 'reversal', 'split', 'cashback', 'fee', 'close', 'void_sale')

-- key_effect: keys of bare postings that were accepted and moved nothing, and refused keys that moved something
SELECT 'ledger.idempotency ' || k.book || '/' || k.key,
       CASE WHEN k.refusal IS NULL THEN 'accepted, and no transfer at ' ELSE 'refused, and a transfer at ' END
       || k.batch_id || '/' || k.ordinal
-- Most keys are those of accepted commands on cards: they are left out before anything is joined.
FROM (SELECT * FROM ledger.idempotency
      WHERE batch_id BETWEEN $1::bigint AND $2::bigint
        AND (refusal IS NOT NULL OR request LIKE '{"verb":"post",%')) AS k
LEFT JOIN ledger.transfers t ON t.batch_id = k.batch_id AND t.ordinal = k.ordinal
    AND t.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE (k.refusal IS NULL) = (t.batch_id IS NULL)

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
      SELECT a.book, a.asset, d.amount_minor FROM ledger.unfolded d JOIN ledger.accounts a ON a.id = d.account_id) AS b
GROUP BY book, asset HAVING sum(balance_minor) <> 0

-- lot_row: live lots without a row of their own, or with another one's account, expiry, flags or strain
SELECT 'ledger.accounts ' || v.account,
       'its live lot ' || v.lot || CASE WHEN l.id IS NULL THEN ' is not there' ELSE ' is another one in ledger.lots' END
FROM (SELECT a.id AS account, a.lots[i] AS lot, a.lots[i + 3] AS flags, a.lots[i + 4] AS expires_s, a.lots[i + 5] AS strain
      FROM ledger.accounts a, generate_series(1, cardinality(a.lots), 6) AS i) AS v
LEFT JOIN ledger.lots l ON l.id = v.lot
WHERE (l.account_id = v.account AND l.strain = v.strain
       AND coalesce(floor(extract(epoch FROM l.expires_at))::bigint, 0) = v.expires_s
       AND v.flags = CASE WHEN l.paid THEN 0 ELSE 1 END + CASE WHEN l.may_pass THEN 2 ELSE 0 END
           + CASE WHEN l.may_sell THEN 4 ELSE 0 END + CASE WHEN l.may_refund THEN 8 ELSE 0 END) IS NOT TRUE

-- lot_twice: accounts in which a lot or a provenance lives twice
SELECT 'ledger.accounts ' || a.id, 'two live lots of one strain'
FROM ledger.accounts a
WHERE cardinality(a.lots) > 6
  AND (SELECT count(DISTINCT a.lots[i]) < count(*) OR count(DISTINCT a.lots[i + 5]) < count(*)
       FROM generate_series(1, cardinality(a.lots), 6) AS i)

-- lot_provenance: lots that were carried from one of another source or time
SELECT 'ledger.lots ' || l.id, 'comes from lot ' || l.parent_id || coalesce(' of source ' || p.source, ', which is not there')
FROM ledger.lots l LEFT JOIN ledger.lots p ON p.id = l.parent_id
WHERE l.parent_id IS NOT NULL
  AND (p.source = l.source AND p.payer IS NOT DISTINCT FROM l.payer AND p.paid = l.paid AND p.may_pass = l.may_pass
       AND p.may_sell = l.may_sell AND p.may_refund = l.may_refund AND p.funded_at = l.funded_at
       AND p.funded_batch_id = l.funded_batch_id AND p.funded_ordinal = l.funded_ordinal
       AND p.refund_to IS NOT DISTINCT FROM l.refund_to) IS NOT TRUE

-- hold_reserved: accounts of which more or less is reserved than their open holds say, in all or of a lot
WITH open AS (
    SELECT h.account_id, h.lots[i] AS lot, sum(h.lots[i + 1]) AS minor
    FROM ledger.holds h, generate_series(1, cardinality(h.lots), 2) AS i WHERE h.state = 'OPEN' GROUP BY 1, 2
), live AS (
    SELECT a.id AS account_id, a.lots[i] AS lot, a.lots[i + 2] AS minor
    FROM ledger.accounts a, generate_series(1, cardinality(a.lots), 6) AS i WHERE a.held_minor <> 0
)
SELECT 'ledger.accounts ' || coalesce(o.account_id, v.account_id),
       'of its lot ' || coalesce(o.lot, v.lot) || ' ' || coalesce(v.minor, 0) || ' is reserved, its holds say '
       || coalesce(o.minor, 0)
FROM open o FULL JOIN live v ON v.account_id = o.account_id AND v.lot = o.lot
WHERE coalesce(o.minor, 0) <> coalesce(v.minor, 0)

-- hold_left: holds whose lots don't add up to what is left of them
SELECT 'ledger.holds ' || h.batch_id || '/' || h.ordinal,
       'leaves ' || (h.amount_minor - h.captured_minor - h.released_minor) || ', its lots add up to '
       || coalesce((SELECT sum(h.lots[i + 1]) FROM generate_series(1, cardinality(h.lots), 2) AS i), 0)
FROM ledger.holds h
WHERE h.amount_minor - h.captured_minor - h.released_minor
      <> coalesce((SELECT sum(h.lots[i + 1]) FROM generate_series(1, cardinality(h.lots), 2) AS i), 0)

-- hold_due: accounts whose open holds expire before they say
SELECT 'ledger.accounts ' || a.id, 'its first hold expires at ' || h.first || ', it says ' || coalesce(a.due_at::text, 'never')
FROM (SELECT account_id, min(expires_at) AS first FROM ledger.holds WHERE state = 'OPEN' GROUP BY account_id) AS h
JOIN ledger.accounts a ON a.id = h.account_id
WHERE (a.due_at <= h.first) IS NOT TRUE

-- balance: accounts and lots whose balance is not what their transfers add up to; of an incremental audit
-- those that were moved after a batch
WITH touched AS MATERIALIZED (
    SELECT unnest(ARRAY[t.debit_account, t.credit_account, t.debit_lot, t.credit_lot]) AS id
    FROM ledger.transfers t WHERE t.batch_id > $3::bigint AND $3::bigint > 0
), tail AS (
    SELECT e.account, sum(e.amount) AS amount
    FROM (SELECT debit_account AS account, -amount_minor AS amount FROM ledger.transfers WHERE batch_id > $2::bigint
          UNION ALL
          SELECT credit_account, amount_minor FROM ledger.transfers WHERE batch_id > $2::bigint
          UNION ALL
          SELECT debit_lot, -amount_minor FROM ledger.transfers WHERE batch_id > $2::bigint AND debit_lot IS NOT NULL
          UNION ALL
          SELECT credit_lot, amount_minor FROM ledger.transfers WHERE batch_id > $2::bigint AND credit_lot IS NOT NULL) AS e
    GROUP BY e.account
), replayed AS (
    SELECT account, sum(amount) AS amount
    FROM (SELECT * FROM tail UNION ALL
          SELECT account_id, amount_minor FROM ledger.audit_totals WHERE audit_id = $1::bigint) AS s
    GROUP BY account
), unfolded AS (
    SELECT account_id, sum(amount_minor) AS amount FROM ledger.unfolded GROUP BY account_id
), live AS (
    SELECT a.lots[i] AS lot, a.lots[i + 1] AS minor
    FROM ledger.accounts a, generate_series(1, cardinality(a.lots), 6) AS i
), holding AS (
    SELECT 'ledger.accounts ' || a.id AS told, a.id, a.balance_minor + a.folded_minor + coalesce(u.amount, 0) AS minor
    FROM ledger.accounts a LEFT JOIN unfolded u ON u.account_id = a.id
    UNION ALL
    SELECT 'ledger.lots ' || l.id, l.id, coalesce(v.minor, 0) - l.opened_minor
    FROM ledger.lots l LEFT JOIN live v ON v.lot = l.id
)
SELECT coalesce(h.told, 'ledger.accounts ' || r.account),
       CASE WHEN h.id IS NULL THEN 'is not there, and its transfers add up to ' || r.amount
            ELSE 'holds ' || h.minor || ', its transfers add up to ' || coalesce(r.amount, 0) END
FROM holding h
FULL JOIN replayed r ON r.account = h.id
WHERE h.minor IS DISTINCT FROM coalesce(r.amount, 0)
  AND ($3::bigint = 0 OR coalesce(h.id, r.account) IN (SELECT t.id FROM touched t))

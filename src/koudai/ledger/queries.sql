-- ensure_asset: makes an asset known; its scale is checked by read_asset
INSERT INTO ledger.assets (code, scale) VALUES ($1::text, $2::smallint) ON CONFLICT DO NOTHING

-- read_asset: the scale that the ledger knows an asset by
SELECT scale FROM ledger.assets WHERE code = $1::text

-- open_accounts: ids of new accounts
SELECT * FROM ledger.open_accounts_v3($1::int, $2::text, $3::text, $4::bool, $5::int)

-- open_pockets: opens the accounts that a batch made
SELECT ledger.open_pockets_v1($1::int, $2::bigint, $3::text, $4::text, $5::bigint[], $6::int[], $7::bigint[])

-- lock: takes the locks of constrained accounts, in the order of their ids, and reads what they hold
SELECT id, asset, balance_minor, last_batch_id, last_ordinal, at, held_minor, holder_id, successor_id, due_at, lots, meters
FROM ledger.lock_v2($1::int, $2::bigint[])

-- lock_subjects: takes the locks of holders, devices, recipients and pairs, and reads their counters
SELECT id, ref, at, meters
FROM ledger.lock_subjects_v1($1::int, $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[])

-- subjects_between: the counters of subjects whose refs lie behind one and before another
SELECT s.id, s.ref, s.at, s.meters FROM unnest($2::text[], $3::text[]) AS b (behind, before)
JOIN LATERAL (
    SELECT x.id, x.ref, x.ctid AS at, x.meters FROM ledger.subjects x
    WHERE x.book = $1::int AND x.ref > b.behind COLLATE "C" AND x.ref < b.before COLLATE "C" AND x.meters <> '{}' OFFSET 0
) AS s ON true

-- begin_batch: id and time of a new batch, the time of its book, and up to when that is closed
SELECT id, recorded_at, now_at, closed_before FROM ledger.begin_batch_v2($1::int)

-- time_of_book: the time of a book, which in a sandbox is moved by hand
SELECT coalesce((SELECT now_at FROM ledger.clocks WHERE book = $1::int), clock_timestamp())

-- advance_clock: moves the time of a sandbox forward; the time that it has then
SELECT ledger.advance_clock_v1($1::int, $2::timestamptz)

-- close_period: closes the books up to a moment; false where they are closed as far already
SELECT ledger.close_period_v1($1::int, $2::timestamptz, $3::text)

-- closed_before: up to when the books are closed
SELECT max(closed_before) FROM ledger.periods WHERE book = $1::int

-- begin_subjects: makes subjects that begin with counters
SELECT ledger.begin_subjects_v1($1::int, $2::text[], $3::int[], $4::int[], $5::bigint[])

-- seal: seals a batch with the root over its entries
SELECT ledger.seal_v1($1::int, $2::bigint, $3::int, $4::bytea, $5::bytea)

-- take_unsequenced: sealed batches that have no leaf yet, taken out of the line
SELECT batch_id, book, recorded_at, entries, root FROM ledger.take_unsequenced_v1($1::int)

-- fresh_ids: ids for so many new lots
SELECT * FROM ledger.fresh_ids_v1($1::int)

-- hot_accounts: which of these accounts are hot, and their asset
SELECT id, asset FROM ledger.accounts WHERE id = ANY ($2::bigint[]) AND book = $1::int AND NOT constrained

-- recall: what is remembered under keys
SELECT key, request, batch_id, ordinal, refusal, facts FROM ledger.idempotency
WHERE book = $1::int AND key = ANY ($2::text[])

-- post: books transfers in one asset
SELECT ledger.post_v4($1::int, $2::bigint, $3::text, $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
                      $9::timestamptz[], $10::int[], $11::bigint[], $12::bigint[], $13::bigint[], $14::int[], $15::tid[],
                      $16::bigint[], $17::timestamptz[], $18::int[], $19::int[], $20::int[], $21::int[], $22::ledger.numbers,
                      $23::ledger.numbers)

-- count: writes the counters of locked subjects
SELECT ledger.count_v1($1::int, $2::bigint[], $3::tid[], $4::int[], $5::int[], $6::bigint[])

-- add_lots: writes the provenance of new lots
SELECT ledger.add_lots_v1($1::int, $2::bigint, $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
                          $8::timestamptz[], $9::bigint[], $10::int[], $11::int[], $12::text[], $13::text[], $14::text[],
                          $15::int[])

-- lots: the provenance of lots that entries drew, and of all live lots of accounts
SELECT id, account_id, source, (CASE WHEN paid THEN 0 ELSE 1 END) + (CASE WHEN may_pass THEN 2 ELSE 0 END)
       + (CASE WHEN may_sell THEN 4 ELSE 0 END) + (CASE WHEN may_refund THEN 8 ELSE 0 END),
       funded_at, funded_batch_id, funded_ordinal, payer, refund_to, expires_at
FROM ledger.lots
WHERE id = ANY (ARRAY(
    SELECT t.debit_lot FROM unnest($1::bigint[], $2::int[]) AS e (batch_id, ordinal)
    JOIN LATERAL (
        SELECT x.debit_lot FROM ledger.transfers x
        WHERE x.batch_id = e.batch_id AND x.ordinal BETWEEN e.ordinal AND e.ordinal + 255 AND x.entry = e.ordinal OFFSET 0
    ) AS t ON t.debit_lot IS NOT NULL) || ARRAY(
    SELECT a.lots[i] FROM ledger.accounts a, generate_series(1, cardinality(a.lots), 6) AS i
    WHERE a.id = ANY ($3::bigint[]) AND a.lots IS NOT NULL))

-- drawn: which lots entries drew, in that order
SELECT e.batch_id, e.ordinal, t.debit_lot, t.amount_minor
FROM unnest($1::bigint[], $2::int[]) AS e (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.ordinal, x.debit_lot, x.amount_minor FROM ledger.transfers x
    WHERE x.batch_id = e.batch_id AND x.ordinal BETWEEN e.ordinal AND e.ordinal + 255 AND x.entry = e.ordinal OFFSET 0
) AS t ON t.debit_lot IS NOT NULL
ORDER BY e.batch_id, e.ordinal, t.ordinal

-- add_holds: writes new holds
SELECT ledger.add_holds_v1($1::int, $2::bigint, $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                           $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[],
                           $13::text[], $14::text[], $15::text[], $16::int[], $17::int[], $18::bigint[])

-- settle_holds: writes what became of holds
SELECT ledger.settle_holds_v2($1::bigint[], $2::int[], $3::tid[], $4::bigint[], $5::bigint[], $6::timestamptz[],
                              $7::text[], $8::int[], $9::int[], $10::ledger.numbers)

-- holds: holds by place
SELECT h.batch_id, h.ordinal, h.account_id, h.payee_account, h.amount_minor, h.asset, h.counted_at, h.expires_at, h.lots,
       h.captured_minor, h.released_minor, h.captured_at, h.state, h.device, h.group_ref, h.at
FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (SELECT x.*, x.ctid AS at FROM ledger.holds x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0) AS h
    ON h.book = $1::int

-- whose_holds: whose the holds are at places and of groups, and on which device they were made
SELECT h.batch_id, h.ordinal, h.account_id, h.device
FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (SELECT * FROM ledger.holds x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0) AS h
    ON h.book = $1::int
UNION ALL
SELECT batch_id, ordinal, account_id, device FROM ledger.holds WHERE book = $1::int AND group_ref = ANY ($4::text[])

-- holds_of_groups: holds of groups
SELECT batch_id, ordinal, account_id, payee_account, amount_minor, asset, counted_at, expires_at, lots,
       captured_minor, released_minor, captured_at, state, device, group_ref, ctid
FROM ledger.holds WHERE book = $1::int AND group_ref = ANY ($2::text[])

-- open_holds: open holds of accounts
SELECT batch_id, ordinal, account_id, payee_account, amount_minor, asset, counted_at, expires_at, lots,
       captured_minor, released_minor, captured_at, state, device, group_ref, ctid
FROM ledger.holds WHERE account_id = ANY ($1::bigint[]) AND state = 'OPEN'

-- successors: the accounts that took over from others, all along each chain
WITH RECURSIVE chain AS (
    SELECT h.id AS first, h.id, h.successor_id FROM ledger.heads h WHERE h.id = ANY ($1::bigint[])
    UNION ALL
    SELECT c.first, n.id, n.successor_id FROM chain c
    JOIN LATERAL (SELECT * FROM ledger.heads h WHERE h.id = c.successor_id OFFSET 0) AS n ON true
)
SELECT first, id FROM chain WHERE first <> id

-- succeed: names the accounts that took over
SELECT ledger.succeed_v1($1::int, $2::bigint[], $3::bigint[])

-- correct: what entries correct, and why
INSERT INTO ledger.corrections
    (batch_id, ordinal, corrects_batch_id, corrects_ordinal, creates, reason, made_by, approved_by)
SELECT $1::bigint, c.* FROM unnest($2::int[], $3::bigint[], $4::int[], $5::bool[], $6::text[], $7::text[], $8::text[])
    AS c (ordinal, corrects_batch, corrects_ordinal, creates, reason, made_by, approved_by)

-- hold_batches: waits for the batches of a book that have begun, and lets none begin until this transaction ends
SELECT pg_advisory_xact_lock(hashtext('ledger.periods'), $1::int)

-- add_limits: declares limits of a scope; they count what comes after the newest batch
INSERT INTO ledger.limits (book, scope_id, subject, flow, per, window_s, min_minor, max_minor, max_count, since_batch_id)
SELECT $1::int, $2::int, l.*, (SELECT coalesce(max(b.id), 0) FROM ledger.batches b) FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
                                         $9::bigint[])
    AS l (subject, flow, per, window_s, min_minor, max_minor, max_count)
RETURNING scope_id, subject, flow, per, window_s, min_minor, max_minor, max_count, id

-- limits: the limits of scopes of a book
SELECT scope_id, subject, flow, per, window_s, min_minor, max_minor, max_count, id FROM ledger.limits
WHERE book = $1::int ORDER BY id

-- remember: keeps keys with their outcomes, in one order for all, so that two batches can't wait for each other
INSERT INTO ledger.idempotency (book, batch_id, key, request, ordinal, refusal, facts)
SELECT $1::int, $2::bigint, t.* FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::text[])
    AS t (key, request, ordinal, refusal, facts)
ORDER BY t.key

-- roll: begins a new partition of transfers
SELECT ledger.roll_v1()

-- index_partitions: gives partitions that were left their indexes
SELECT ledger.index_partitions_v2()

-- owed_in_all: what the constrained accounts of a book hold together in an asset: what its hot ones gave
SELECT (-coalesce(sum(a.folded_minor), 0)
        - coalesce((SELECT sum(u.amount_minor) FROM ledger.unfolded u JOIN ledger.accounts h ON h.id = u.account_id
                    WHERE h.book = $1::int AND h.asset = $2::text AND NOT h.constrained), 0))::text
FROM ledger.accounts a WHERE a.book = $1::int AND a.asset = $2::text AND NOT a.constrained

-- fold: folds about so many transfers of hot accounts into their balances
SELECT ledger.fold_v2($1::int)

-- balances: balances of accounts of any kind, exact at this moment
WITH unfolded AS MATERIALIZED (
    SELECT account_id, sum(amount_minor) AS amount_minor FROM ledger.unfolded
    WHERE account_id = ANY ($1::bigint[]) GROUP BY account_id
)
SELECT a.id, a.balance_minor + a.folded_minor + coalesce((SELECT u.amount_minor FROM unfolded u WHERE u.account_id = a.id), 0)
FROM ledger.accounts a WHERE a.id = ANY ($1::bigint[])

-- turnover: per account and kind, what came in and what went out, from the transfers themselves
SELECT account, kind, sum(came), sum(went) FROM (
    SELECT credit_account AS account, kind, amount_minor AS came, 0 AS went
    FROM ledger.transfers WHERE credit_account = ANY ($1::bigint[])
    UNION ALL
    SELECT debit_account, kind, 0, amount_minor
    FROM ledger.transfers WHERE debit_account = ANY ($1::bigint[])
) AS e GROUP BY account, kind

-- sealed_batch: what a batch is, and its seal where it has one
SELECT b.book, b.recorded_at, s.entries, s.salt, s.root
FROM ledger.batches b LEFT JOIN ledger.seals s ON s.batch_id = b.id WHERE b.id = $1::bigint

-- legs_of_batch: all transfers of a batch as it was sealed with them, in order
SELECT ordinal, debit_account, credit_account, amount_minor, asset, kind, event_at, entry, debit_lot, credit_lot
FROM ledger.transfers WHERE batch_id = $1::bigint ORDER BY ordinal

-- page_transfers: transfers of a book behind a place, of one account or of all
SELECT t.batch_id, t.ordinal, t.entry, t.debit_account, t.debit_lot, t.credit_account, t.credit_lot, t.amount_minor,
       t.asset, t.kind, t.event_at, b.recorded_at
FROM ledger.transfers t JOIN ledger.batches b ON b.id = t.batch_id
WHERE (t.batch_id, t.ordinal) > ($2::bigint, $3::int) AND b.book = $1::int
  AND ($4::bigint IS NULL OR t.debit_account = $4::bigint OR t.credit_account = $4::bigint)
ORDER BY t.batch_id, t.ordinal LIMIT $5::int

-- page_accounts: accounts of a book behind a number, of one kind or of all
SELECT id, kind, asset, constrained FROM ledger.accounts
WHERE id > $2::bigint AND book = $1::int AND ($3::text IS NULL OR kind = $3::text) ORDER BY id LIMIT $4::int

-- holding: what of an account is reserved and lets be drawn, and whether it is kept in lots
SELECT a.kind, a.asset, a.held_minor, ledger.available_v1(a.id, a.lots, a.due_at, coalesce(
           (SELECT c.now_at FROM ledger.clocks c WHERE c.book = a.book), clock_timestamp())), a.lots IS NOT NULL
FROM ledger.accounts a WHERE a.id = $2::bigint AND a.book = $1::int

-- open_alarms: what verifications found and nobody has looked into yet
SELECT id, raised_at, check_name, found, first_row FROM ledger.alarms WHERE cleared_at IS NULL ORDER BY id

-- clear_alarm: notes who looked into an alarm, and why it is over
UPDATE ledger.alarms SET cleared_at = clock_timestamp(), cleared_by = $2::text, reason = $3::text
WHERE id = $1::bigint AND cleared_at IS NULL RETURNING id

-- owed: the next constrained accounts of a book behind an id that hold something in an asset
SELECT id, balance_minor FROM ledger.accounts
WHERE id > $3::bigint AND book = $1::int AND asset = $2::text AND constrained AND balance_minor > 0
ORDER BY id LIMIT $4::int

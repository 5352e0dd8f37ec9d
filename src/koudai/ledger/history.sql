-- account: what an account is
SELECT id, asset, kind, constrained, lots IS NOT NULL FROM ledger.accounts WHERE book = $1::int AND id = $2::bigint

-- cut: the newest batch that was known at a moment
SELECT coalesce(max(id), 0) FROM ledger.batches WHERE recorded_at <= $1::timestamptz

-- balance_at: a balance without what was recorded after a batch, or happened after a moment
SELECT (a.balance_minor + a.folded_minor
        + coalesce((SELECT sum(d.amount_minor) FROM ledger.unfolded d WHERE d.account_id = a.id), 0)
        - coalesce((SELECT sum(CASE WHEN t.credit_account = a.id THEN t.amount_minor ELSE 0 END
                               - CASE WHEN t.debit_account = a.id THEN t.amount_minor ELSE 0 END)
                    FROM ledger.transfers t
                    WHERE (t.debit_account = a.id OR t.credit_account = a.id)
                      AND (t.batch_id > $2::bigint OR t.event_at > $3::timestamptz)), 0))::text
FROM ledger.accounts a WHERE a.id = $1::bigint

-- lots_at: what each lot of an account held, without what was recorded after a batch or happened after a moment
SELECT l.id, l.opened_minor + coalesce(sum(e.minor), 0)
FROM ledger.lots l
LEFT JOIN (
    SELECT t.credit_lot AS lot, t.amount_minor AS minor FROM ledger.transfers t
    WHERE t.credit_account = $1::bigint AND t.batch_id <= $2::bigint AND t.event_at <= $3::timestamptz
    UNION ALL
    SELECT t.debit_lot, -t.amount_minor FROM ledger.transfers t
    WHERE t.debit_account = $1::bigint AND t.batch_id <= $2::bigint AND t.event_at <= $3::timestamptz
) AS e ON e.lot = l.id
WHERE l.account_id = $1::bigint
GROUP BY l.id, l.opened_minor
HAVING l.opened_minor + coalesce(sum(e.minor), 0) <> 0
ORDER BY l.id

-- lines: transfers of an account between two moments of event time, after a place, in the order they were recorded
SELECT t.batch_id, t.ordinal, t.entry, t.debit_account, t.credit_account, t.debit_lot, t.credit_lot, t.amount_minor,
       t.kind, t.event_at, b.recorded_at
FROM ledger.transfers t JOIN ledger.batches b ON b.id = t.batch_id
WHERE (t.debit_account = $1::bigint OR t.credit_account = $1::bigint)
  AND t.event_at >= $2::timestamptz AND t.event_at < $3::timestamptz
  AND (t.batch_id, t.ordinal) > ($4::bigint, $5::int)
ORDER BY t.batch_id, t.ordinal LIMIT $6::int

-- lines_of_hot: the same of a hot account: by index in partitions that were left, then by its turnovers in the others
WITH indexed AS MATERIALIZED (
    (SELECT t.batch_id, t.ordinal, t.entry, t.debit_account, t.credit_account, t.debit_lot, t.credit_lot, t.amount_minor,
            t.kind, t.event_at
     FROM ledger.transfers t
     WHERE t.credit_account = $1::bigint AND t.batch_id < (SELECT ledger.indexed_before_v1())
       AND (t.batch_id, t.ordinal) > ($4::bigint, $5::int) AND t.event_at >= $2::timestamptz AND t.event_at < $3::timestamptz
     ORDER BY t.batch_id, t.ordinal LIMIT $6::int)
    UNION ALL
    (SELECT t.batch_id, t.ordinal, t.entry, t.debit_account, t.credit_account, t.debit_lot, t.credit_lot, t.amount_minor,
            t.kind, t.event_at
     FROM ledger.transfers t
     WHERE t.debit_account = $1::bigint AND t.batch_id < (SELECT ledger.indexed_before_v1())
       AND (t.batch_id, t.ordinal) > ($4::bigint, $5::int) AND t.event_at >= $2::timestamptz AND t.event_at < $3::timestamptz
     ORDER BY t.batch_id, t.ordinal LIMIT $6::int)
    ORDER BY batch_id, ordinal LIMIT $6::int
), looked_up AS (
    SELECT f.* FROM (
        -- Each turnover has a transfer at least, so of all time a page takes no more of them than it has lines.
        (SELECT u.batch_id, u.ordinals FROM ledger.turnovers u
         WHERE u.account_id = $1::bigint AND u.batch_id >= greatest($4::bigint, (SELECT ledger.indexed_before_v1()))
           AND (SELECT count(*) FROM indexed) < $6::int
         ORDER BY u.batch_id
         LIMIT CASE WHEN $2::timestamptz <= '0001-01-01 UTC' AND $3::timestamptz >= '9999-12-31 UTC' THEN $6::int + 1 END)
        UNION ALL
        SELECT d.batch_id, array_agg(d.ordinal) FROM ledger.unfolded d
        WHERE d.account_id = $1::bigint AND d.batch_id >= greatest($4::bigint, (SELECT ledger.indexed_before_v1()))
          AND (SELECT count(*) FROM indexed) < $6::int
        GROUP BY d.batch_id
        ORDER BY 1
    ) AS n
    JOIN LATERAL (
        SELECT t.batch_id, t.ordinal, t.entry, t.debit_account, t.credit_account, t.debit_lot, t.credit_lot, t.amount_minor,
               t.kind, t.event_at
        FROM ledger.transfers t
        WHERE t.batch_id = n.batch_id AND t.ordinal = ANY (n.ordinals)
          AND t.event_at >= $2::timestamptz AND t.event_at < $3::timestamptz
          AND (t.batch_id, t.ordinal) > ($4::bigint, $5::int)
        ORDER BY t.ordinal OFFSET 0
    ) AS f ON true
    LIMIT $6::int
)
SELECT f.*, (SELECT b.recorded_at FROM ledger.batches b WHERE b.id = f.batch_id)
FROM (SELECT * FROM indexed UNION ALL SELECT * FROM looked_up ORDER BY batch_id, ordinal LIMIT $6::int) AS f
ORDER BY f.batch_id, f.ordinal

-- tainted: how much of live lots came from a source since a moment, by account
SELECT v.account, sum(v.minor) FROM (
    SELECT a.id AS account, a.lots[i] AS lot, a.lots[i + 1] AS minor
    FROM ledger.accounts a, generate_series(1, cardinality(a.lots), 6) AS i WHERE a.id = ANY ($1::bigint[])
) AS v
JOIN ledger.lots l ON l.id = v.lot
WHERE l.source = $2::text AND l.funded_at >= $3::timestamptz
GROUP BY v.account

-- lots_of: the live lots of an account with their provenance, in the order in which they are drawn by default
SELECT v.lot, v.minor, v.held, l.source, l.paid, l.payer, l.refund_to, l.may_pass, l.may_sell, l.may_refund, l.funded_at,
       l.funded_batch_id, l.funded_ordinal, l.came_batch_id, l.came_ordinal, l.expires_at
FROM (SELECT a.lots[i] AS lot, a.lots[i + 1] AS minor, a.lots[i + 2] AS held, i AS place
      FROM ledger.accounts a, generate_series(1, cardinality(a.lots), 6) AS i
      WHERE a.id = $2::bigint AND a.book = $1::int) AS v
JOIN ledger.lots l ON l.id = v.lot
ORDER BY v.place

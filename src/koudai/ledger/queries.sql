-- ensure_asset: makes an asset known; its scale is checked by read_asset
INSERT INTO ledger.assets (code, scale) VALUES ($1::text, $2::smallint) ON CONFLICT DO NOTHING

-- read_asset: the scale that the ledger knows an asset by
SELECT scale FROM ledger.assets WHERE code = $1::text

-- open_accounts: ids of new accounts, each with the ordinal of the entry that opened it
SELECT id, ordinal FROM ledger.open_accounts_v1($1::int, $2::text, $3::text, $4::bool, $5::bigint, $6::int[])

-- lock: takes the locks of constrained accounts, in the order of their ids
SELECT ledger.lock_v1($1::bigint[])

-- begin_batch: id and time of a new batch
SELECT id, recorded_at FROM ledger.begin_batch_v1($1::int)

-- read_accounts: what accounts are, and what the constrained ones hold
SELECT f.* FROM unnest($1::bigint[]) AS u (id)
JOIN LATERAL (
    SELECT a.id, a.book, a.asset, a.constrained, a.balance_minor FROM ledger.accounts a WHERE a.id = u.id OFFSET 0
) AS f ON true

-- recall: what is remembered under keys
SELECT f.* FROM unnest($2::text[]) AS k (key)
JOIN LATERAL (
    SELECT i.key, i.request, i.batch_id, i.ordinal, i.refusal, i.facts FROM ledger.idempotency i
    WHERE i.book = $1::int AND i.key = k.key OFFSET 0
) AS f ON true

-- post: books transfers
SELECT ledger.post_v1($1::int, $2::bigint, $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[])

-- touch: marks the newest entry of accounts where no value moved
SELECT ledger.touch_v1($1::bigint, $2::bigint[], $3::int[])

-- remember: keeps keys with their outcomes, in one order for all, so that two batches can't wait for each other
INSERT INTO ledger.idempotency (book, batch_id, key, request, ordinal, refusal, facts)
SELECT $1::int, $2::bigint, t.* FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::text[])
    AS t (key, request, ordinal, refusal, facts)
ORDER BY t.key

-- fold: folds up to so many deltas of hot accounts into their balances
SELECT ledger.fold_v1($1::int)

-- balances: balances of accounts of any kind, exact at this moment
SELECT f.* FROM unnest($1::bigint[]) AS u (id)
JOIN LATERAL (SELECT b.id, b.balance_minor FROM ledger.balances b WHERE b.id = u.id OFFSET 0) AS f ON true

-- turnover: per account and kind, what came in and what went out, from the transfers themselves
SELECT account, kind, sum(came)::bigint, sum(went)::bigint FROM (
    SELECT credit_account AS account, kind, amount_minor AS came, 0 AS went
    FROM ledger.transfers WHERE credit_account = ANY ($1::bigint[])
    UNION ALL
    SELECT debit_account, kind, 0, amount_minor
    FROM ledger.transfers WHERE debit_account = ANY ($1::bigint[])
) AS e GROUP BY account, kind

-- ensure_asset: makes an asset known; its scale is checked by read_asset
INSERT INTO ledger.assets (code, scale) VALUES ($1::text, $2::smallint) ON CONFLICT DO NOTHING

-- read_asset: the scale that the ledger knows an asset by
SELECT scale FROM ledger.assets WHERE code = $1::text

-- open_accounts: ids of new accounts, each with the ordinal of the entry that opened it
SELECT id, ordinal FROM ledger.open_accounts_v1($1::int, $2::text, $3::text, $4::bool, $5::bigint, $6::int[])

-- lock: takes the locks of constrained accounts, in the order of their ids, and reads what they hold
SELECT id, asset, balance_minor, last_batch_id, last_ordinal, at FROM ledger.lock_v1($1::int, $2::bigint[])

-- begin_batch: id and time of a new batch
SELECT id, recorded_at FROM ledger.begin_batch_v1($1::int)

-- hot_accounts: which of these accounts are hot, and their asset
SELECT id, asset FROM ledger.accounts WHERE id = ANY ($2::bigint[]) AND book = $1::int AND NOT constrained

-- recall: what is remembered under keys
SELECT key, request, batch_id, ordinal, refusal, facts FROM ledger.idempotency
WHERE book = $1::int AND key = ANY ($2::text[])

-- post: books transfers in one asset
SELECT ledger.post_v1($1::int, $2::bigint, $3::text, $4::int[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[],
                      $9::timestamptz[], $10::bigint[], $11::int[], $12::tid[])

-- remember: keeps keys with their outcomes, in one order for all, so that two batches can't wait for each other
INSERT INTO ledger.idempotency (book, batch_id, key, request, ordinal, refusal, facts)
SELECT $1::int, $2::bigint, t.* FROM unnest($3::text[], $4::text[], $5::int[], $6::text[], $7::text[])
    AS t (key, request, ordinal, refusal, facts)
ORDER BY t.key

-- fold: folds up to so many deltas of hot accounts into their balances
SELECT ledger.fold_v1($1::int)

-- balances: balances of accounts of any kind, exact at this moment
WITH unfolded AS MATERIALIZED (
    SELECT account_id, sum(amount_minor) AS amount_minor FROM ledger.deltas
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

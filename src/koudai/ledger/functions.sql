-- Functions are versioned by name: a server of the release before still finds the one it knows.
-- Rows are found through LATERAL look-ups and changed by their ctid, so that no plan, however old its
-- idea of a table's size, can join in another order than from the batch to the primary key.

-- Opens one account for each of p_ordinals; the ordinal is the place of the entry that opens it in the
-- batch p_batch_id, or 0 where nothing is entered yet.
CREATE OR REPLACE FUNCTION ledger.open_accounts_v1(
    p_book integer, p_asset text, p_kind text, p_constrained boolean, p_batch_id bigint, p_ordinals integer[]
) RETURNS TABLE (id bigint, ordinal integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.accounts AS a (book, asset, kind, constrained, last_batch_id, last_ordinal)
    SELECT p_book, p_asset, p_kind, p_constrained, CASE WHEN o.ordinal = 0 THEN 0 ELSE p_batch_id END, o.ordinal
    FROM unnest(p_ordinals) AS o (ordinal)
    RETURNING a.id, a.last_ordinal
$$;

-- Locks the constrained accounts among p_ids in the order of their ids. What they hold is read by a
-- later statement than the one that waited, since the waiting one still sees the rows as they were.
CREATE OR REPLACE FUNCTION ledger.lock_v1(p_ids bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    PERFORM 1 FROM (SELECT DISTINCT u.id FROM unnest(p_ids) AS u (id) ORDER BY u.id) AS s
    JOIN LATERAL (
        SELECT 1 FROM ledger.accounts a WHERE a.id = s.id AND a.constrained FOR NO KEY UPDATE
    ) AS locked ON true;
END $$;

-- Begins a batch: its id comes after the locks are held, so that the batches of one account are
-- numbered in the order in which they happened to it. The transaction's own id is taken first:
-- whoever waits for all older transactions has then seen every batch with a smaller number.
CREATE OR REPLACE FUNCTION ledger.begin_batch_v1(p_book integer, OUT id bigint, OUT recorded_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_current_xact_id();
    INSERT INTO ledger.batches AS b (id, book) VALUES (nextval('ledger.batch_ids'), p_book)
    RETURNING b.id, b.recorded_at INTO id, recorded_at;
END $$;

-- Books the transfers of a batch: rows, balances of constrained accounts, deltas of hot ones.
-- The sums are taken here from the transfers themselves; an account of another book or asset, or
-- one that doesn't exist, aborts, and so does an overdraft, by the table's constraint.
CREATE OR REPLACE FUNCTION ledger.post_v1(
    p_book integer, p_batch_id bigint, p_ordinals integer[], p_debits bigint[], p_credits bigint[],
    p_amounts bigint[], p_assets text[], p_kinds text[], p_events timestamptz[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    booked bigint;
    meant  bigint;
BEGIN
    PERFORM 1 FROM ledger.batches b WHERE b.id = p_batch_id AND b.book = p_book;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % is not of book %', p_batch_id, p_book;
    END IF;

    INSERT INTO ledger.transfers
        (batch_id, ordinal, debit_account, credit_account, amount_minor, asset, kind, event_at)
    SELECT p_batch_id, t.*
    FROM unnest(p_ordinals, p_debits, p_credits, p_amounts, p_assets, p_kinds, p_events) AS t;

    WITH net AS MATERIALIZED (
        SELECT e.account, e.asset, sum(e.amount)::bigint AS amount, max(e.ordinal) AS ordinal
        FROM (SELECT d.account, d.asset, -d.minor AS amount, d.ordinal
              FROM unnest(p_debits, p_assets, p_amounts, p_ordinals) AS d (account, asset, minor, ordinal)
              UNION ALL
              SELECT c.account, c.asset, c.minor, c.ordinal
              FROM unnest(p_credits, p_assets, p_amounts, p_ordinals) AS c (account, asset, minor, ordinal)) AS e
        GROUP BY e.account, e.asset
    ), known AS MATERIALIZED (
        SELECT n.*, f.constrained, f.at FROM net n
        JOIN LATERAL (
            SELECT a.constrained, a.ctid AS at FROM ledger.accounts a
            WHERE a.id = n.account AND a.asset = n.asset AND a.book = p_book OFFSET 0
        ) AS f ON true
    ), held AS (
        UPDATE ledger.accounts a
        SET balance_minor = a.balance_minor + k.amount, last_batch_id = p_batch_id, last_ordinal = k.ordinal
        FROM known k WHERE a.ctid = k.at AND k.constrained
        RETURNING 1
    ), hot AS (
        INSERT INTO ledger.deltas (account_id, batch_id, amount_minor)
        SELECT k.account, p_batch_id, k.amount FROM known k WHERE NOT k.constrained
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM held) + (SELECT count(*) FROM hot), (SELECT count(*) FROM net)
    INTO booked, meant;
    IF booked <> meant THEN
        RAISE EXCEPTION 'batch % names an account of another book or asset, or none', p_batch_id;
    END IF;
END $$;

-- Makes the newest entry of constrained accounts known where no value moved (a card was blocked).
CREATE OR REPLACE FUNCTION ledger.touch_v1(p_batch_id bigint, p_ids bigint[], p_ordinals integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE ledger.accounts a SET last_batch_id = p_batch_id, last_ordinal = t.ordinal
    FROM (SELECT f.at, u.ordinal FROM unnest(p_ids, p_ordinals) AS u (id, ordinal)
          JOIN LATERAL (
              SELECT x.ctid AS at FROM ledger.accounts x WHERE x.id = u.id AND x.constrained OFFSET 0
          ) AS f ON true) AS t
    WHERE a.ctid = t.at
$$;

-- Folds what hot accounts gathered into their balances; one folder at a time, others find nothing to do.
CREATE OR REPLACE FUNCTION ledger.fold_v1(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    folded bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('ledger.fold')) THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        DELETE FROM ledger.deltas d USING (
            SELECT account_id, batch_id FROM ledger.deltas ORDER BY account_id, batch_id LIMIT p_limit) AS f
        WHERE d.account_id = f.account_id AND d.batch_id = f.batch_id
        RETURNING d.account_id, d.amount_minor
    ), added AS (
        UPDATE ledger.accounts a SET balance_minor = a.balance_minor + g.amount
        FROM (SELECT account_id, sum(amount_minor)::bigint AS amount FROM gone GROUP BY account_id) AS g
        WHERE a.id = g.account_id
    )
    SELECT count(*) FROM gone INTO folded;
    RETURN folded;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO koudai_app;

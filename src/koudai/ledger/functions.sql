-- Functions are versioned by name: a server of the release before still finds the one it knows.
-- Rows are found by `= ANY` of a primary key and changed by their ctid: with no join to order, no plan
-- can go wrong because it was made while the tables were small.

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

-- Locks the constrained accounts among p_ids in the order of their ids, and answers what they hold and
-- where the row is. Of the row that it locked a statement sees the newest version, also after it
-- waited; of every other row it sees the old one, so all else is read by later statements.
CREATE OR REPLACE FUNCTION ledger.lock_v1(p_book integer, p_ids bigint[])
RETURNS TABLE (id bigint, asset text, balance_minor bigint, last_batch_id bigint, last_ordinal integer, at tid)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
    SELECT a.id, a.asset, a.balance_minor, a.last_batch_id, a.last_ordinal, a.ctid FROM ledger.accounts a
    WHERE a.id = ANY (p_ids) AND a.book = p_book AND a.constrained
    ORDER BY a.id FOR NO KEY UPDATE
$$;

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

-- Books the transfers of a batch in one asset: rows, balances of constrained accounts, deltas of hot
-- ones. p_held names the constrained accounts that are entered, where lock_v1 found their rows, and
-- their newest entry where that is no transfer (else 0). The sums are taken here from the transfers
-- themselves. An account of another book or asset, one that isn't there or was named as what it is
-- not aborts, and so does an overdraft, by the table's constraint.
CREATE OR REPLACE FUNCTION ledger.post_v1(
    p_book integer, p_batch_id bigint, p_asset text, p_ordinals integer[], p_debits bigint[], p_credits bigint[],
    p_amounts bigint[], p_kinds text[], p_events timestamptz[],
    p_held bigint[], p_held_ordinals integer[], p_held_at tid[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    held bigint;
    hot  bigint;
    net  bigint;
BEGIN
    PERFORM 1 FROM ledger.batches b WHERE b.id = p_batch_id AND b.book = p_book;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % is not of book %', p_batch_id, p_book;
    END IF;

    INSERT INTO ledger.transfers
        (batch_id, ordinal, debit_account, credit_account, amount_minor, asset, kind, event_at)
    SELECT p_batch_id, t.ordinal, t.debit, t.credit, t.amount, p_asset, t.kind, t.event_at
    FROM unnest(p_ordinals, p_debits, p_credits, p_amounts, p_kinds, p_events)
        AS t (ordinal, debit, credit, amount, kind, event_at);

    WITH net AS MATERIALIZED (
        SELECT e.account, sum(e.amount) AS amount, max(e.ordinal) AS ordinal, max(e.at) AS at
        FROM (SELECT d.account, -d.minor AS amount, d.ordinal, NULL::tid AS at
              FROM unnest(p_debits, p_amounts, p_ordinals) AS d (account, minor, ordinal)
              UNION ALL
              SELECT c.account, c.minor, c.ordinal, NULL
              FROM unnest(p_credits, p_amounts, p_ordinals) AS c (account, minor, ordinal)
              UNION ALL
              SELECT h.account, 0, h.ordinal, h.at
              FROM unnest(p_held, p_held_ordinals, p_held_at) AS h (account, ordinal, at)) AS e
        GROUP BY e.account
    ), updated AS (
        UPDATE ledger.accounts a
        SET balance_minor = a.balance_minor + n.amount::bigint, last_batch_id = p_batch_id, last_ordinal = n.ordinal
        FROM net n
        WHERE a.ctid = n.at AND a.id = n.account AND a.book = p_book AND a.asset = p_asset AND a.constrained
        RETURNING 1
    ), appended AS (
        INSERT INTO ledger.deltas (batch_id, account_id, amount_minor)
        SELECT p_batch_id, n.account, n.amount FROM net n WHERE n.at IS NULL
    )
    SELECT (SELECT count(*) FROM updated),
           (SELECT count(*) FROM ledger.accounts a
            WHERE a.id = ANY (ARRAY(SELECT n.account FROM net n WHERE n.at IS NULL))
              AND a.book = p_book AND a.asset = p_asset AND NOT a.constrained),
           (SELECT count(*) FROM net)
    INTO held, hot, net;
    IF held <> cardinality(p_held) OR held + hot <> net THEN
        RAISE EXCEPTION 'batch % names an account of another book or asset, or none', p_batch_id;
    END IF;
END $$;

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
            SELECT batch_id, account_id FROM ledger.deltas ORDER BY batch_id, account_id LIMIT p_limit) AS f
        WHERE d.account_id = f.account_id AND d.batch_id = f.batch_id
        RETURNING d.account_id, d.amount_minor
    ), added AS (
        UPDATE ledger.accounts a SET folded_minor = a.folded_minor + g.amount
        FROM (SELECT account_id, sum(amount_minor) AS amount FROM gone GROUP BY account_id) AS g
        WHERE a.id = g.account_id
    )
    SELECT count(*) FROM gone INTO folded;
    RETURN folded;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO koudai_app;

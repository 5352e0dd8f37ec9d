-- Functions are versioned by name: a server of the release before still finds the one it knows.
-- Rows are found by `= ANY` of a primary key and changed by their ctid: with no join to order, no plan
-- can go wrong because it was made while the tables were small. Arrays of arrays travel flat, with
-- where each begins and ends.

-- Opens so many accounts that aren't kept in lots.
CREATE OR REPLACE FUNCTION ledger.open_accounts_v3(
    p_book integer, p_asset text, p_kind text, p_constrained boolean, p_count integer
) RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.accounts (book, asset, kind, constrained)
    SELECT p_book, p_asset, p_kind, p_constrained FROM generate_series(1, p_count)
    RETURNING id
$$;

-- Opens the accounts, kept in lots, that a batch made under ids which were drawn for it. The ordinal is the place
-- of the entry that opens it, or 0 where nothing is entered yet.
CREATE OR REPLACE FUNCTION ledger.open_pockets_v1(
    p_book integer, p_batch_id bigint, p_asset text, p_kind text, p_ids bigint[], p_ordinals integer[], p_holders bigint[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO ledger.accounts (id, book, asset, kind, constrained, last_batch_id, last_ordinal, lots, holder_id)
    OVERRIDING SYSTEM VALUE
    SELECT o.id, p_book, p_asset, p_kind, true, CASE WHEN o.ordinal = 0 THEN 0 ELSE p_batch_id END, o.ordinal, '{}', o.holder
    FROM unnest(p_ids, p_ordinals, p_holders) AS o (id, ordinal, holder);
    IF EXISTS (SELECT 1 FROM ledger.subjects s WHERE s.id = ANY (p_holders) AND s.book <> p_book) THEN
        RAISE EXCEPTION 'batch % opens an account for a holder of another book', p_batch_id;
    END IF;
END $$;

-- Locks the constrained accounts among p_ids in the order of their ids, and answers what they hold and
-- where the row is. Of the row that it locked a statement sees the newest version, also after it
-- waited; of every other row it sees the old one, so all else is read by later statements.
CREATE OR REPLACE FUNCTION ledger.lock_v2(p_book integer, p_ids bigint[])
RETURNS TABLE (id bigint, asset text, balance_minor bigint, last_batch_id bigint, last_ordinal integer, at tid,
               held_minor bigint, holder_id bigint, successor_id bigint, due_at timestamptz, lots bigint[],
               meters bigint[])
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
    SELECT a.id, a.asset, a.balance_minor, a.last_batch_id, a.last_ordinal, a.ctid, a.held_minor, a.holder_id,
           a.successor_id, a.due_at, a.lots, a.meters
    FROM ledger.accounts a
    WHERE a.id = ANY (p_ids) AND a.book = p_book AND a.constrained
    ORDER BY a.id FOR NO KEY UPDATE
$$;

-- Locks the subjects whose flows are counted, in the order of their ids: the holders of accounts that
-- are locked already, those that p_refs names, and the pairs of which an account's holder is one. What
-- isn't there yet is made.
CREATE OR REPLACE FUNCTION ledger.lock_subjects_v1(
    p_book integer, p_accounts bigint[], p_refs text[], p_pair_accounts bigint[], p_pair_kinds text[], p_pair_refs text[]
) RETURNS TABLE (id bigint, ref text, at tid, meters bigint[])
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    refs text[] := p_refs;
    ids  bigint[] := ARRAY(SELECT DISTINCT a.holder_id FROM ledger.accounts a
                           WHERE a.id = ANY (p_accounts) AND a.holder_id IS NOT NULL);
BEGIN
    IF cardinality(p_pair_accounts) > 0 THEN
        refs := refs || ARRAY(
            SELECT p.kind || ':' || (SELECT a.holder_id FROM ledger.accounts a WHERE a.id = p.account) || '+' || p.ref
            FROM unnest(p_pair_accounts, p_pair_kinds, p_pair_refs) AS p (account, kind, ref));
    END IF;
    IF cardinality(refs) > 0 THEN
        INSERT INTO ledger.subjects (book, ref)
        SELECT DISTINCT p_book, r.ref FROM unnest(refs) AS r (ref)
        WHERE r.ref IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ledger.subjects s WHERE s.book = p_book AND s.ref = r.ref)
        ORDER BY r.ref
        ON CONFLICT DO NOTHING;
        ids := ids || ARRAY(SELECT s.id FROM ledger.subjects s WHERE s.book = p_book AND s.ref = ANY (refs));
    END IF;
    RETURN QUERY SELECT s.id, s.ref, s.ctid, s.meters FROM ledger.subjects s
                 WHERE s.id = ANY (ids) ORDER BY s.id FOR NO KEY UPDATE;
END $$;

-- Begins a batch: its id comes after the locks are held, so that the batches of one account are
-- numbered in the order in which they happened to it. The transaction's own id is taken first:
-- whoever waits for all older transactions has then seen every batch with a smaller number. now_at is
-- the time of the book, which in a sandbox is moved by hand.
CREATE OR REPLACE FUNCTION ledger.begin_batch_v2(
    p_book integer, OUT id bigint, OUT recorded_at timestamptz, OUT now_at timestamptz, OUT closed_before timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    -- Whoever closes a period waits for the batches that have begun.
    PERFORM pg_advisory_xact_lock_shared(hashtext('ledger.periods'), p_book);
    PERFORM pg_current_xact_id();
    INSERT INTO ledger.batches AS b (id, book) VALUES (nextval('ledger.batch_ids'), p_book)
    RETURNING b.id, b.recorded_at INTO id, recorded_at;
    now_at := coalesce((SELECT c.now_at FROM ledger.clocks c WHERE c.book = p_book), recorded_at);
    closed_before := (SELECT max(p.closed_before) FROM ledger.periods p WHERE p.book = p_book);
END $$;

-- Closes the books up to a moment, for ever: answers false when they are closed as far already. It waits
-- for every batch that has begun and keeps new ones from beginning until it has committed.
CREATE OR REPLACE FUNCTION ledger.close_period_v1(p_book integer, p_before timestamptz, p_by text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger.periods'), p_book);
    IF EXISTS (SELECT 1 FROM ledger.periods p WHERE p.book = p_book AND p.closed_before >= p_before) THEN
        RETURN false;
    END IF;
    INSERT INTO ledger.periods (book, closed_before, closed_by) VALUES (p_book, p_before, p_by);
    DROP TRIGGER IF EXISTS transfers_in_open_period ON ledger.transfers;
    EXECUTE format('CREATE TRIGGER transfers_in_open_period BEFORE INSERT ON ledger.transfers FOR EACH ROW'
                   ' WHEN (NEW.event_at < %L) EXECUTE FUNCTION ledger.hold_closed_periods_v1()',
                   (SELECT max(p.closed_before) FROM ledger.periods p));
    RETURN true;
END $$;

-- Seals a batch of a book with the root over its entries, and puts it in line for its leaf.
CREATE OR REPLACE FUNCTION ledger.seal_v1(p_book integer, p_batch_id bigint, p_entries integer, p_salt bytea, p_root bytea)
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH sealed AS (
        INSERT INTO ledger.seals (batch_id, entries, salt, root)
        SELECT b.id, p_entries, p_salt, p_root FROM ledger.batches b WHERE b.id = p_batch_id AND b.book = p_book
        RETURNING batch_id)
    INSERT INTO ledger.unsequenced (batch_id) SELECT batch_id FROM sealed
$$;

-- Takes up to so many sealed batches out of the line, in the order of their ids, for the log to give
-- each its leaf in the same transaction.
CREATE OR REPLACE FUNCTION ledger.take_unsequenced_v1(p_limit integer)
RETURNS TABLE (batch_id bigint, book integer, recorded_at timestamptz, entries integer, root bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH taken AS (
        DELETE FROM ledger.unsequenced u USING (
            SELECT x.batch_id FROM ledger.unsequenced x ORDER BY x.batch_id LIMIT p_limit) AS f
        WHERE u.batch_id = f.batch_id RETURNING u.batch_id)
    SELECT b.id, b.book, b.recorded_at, s.entries, s.root
    FROM ledger.batches b JOIN ledger.seals s ON s.batch_id = b.id
    WHERE b.id = ANY (ARRAY(SELECT t.batch_id FROM taken t)) ORDER BY b.id
$$;

-- Moves the time of a sandbox forward, or begins it; never back.
CREATE OR REPLACE FUNCTION ledger.advance_clock_v1(p_book integer, p_now timestamptz) RETURNS timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.clocks AS c (book, now_at) VALUES (p_book, p_now)
    ON CONFLICT (book) DO UPDATE SET now_at = greatest(c.now_at, excluded.now_at)
    RETURNING c.now_at
$$;

-- New ids for lots, of the same kind as those of accounts.
CREATE OR REPLACE FUNCTION ledger.fresh_ids_v1(p_count integer) RETURNS SETOF bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT nextval('ledger.accounts_id_seq') FROM generate_series(1, p_count)
$$;

-- Books the transfers of a batch in one asset: rows, balances and lots of constrained accounts, deltas
-- of hot ones. p_held names the constrained accounts that are entered: where lock_v2 found their rows (null
-- for those that this batch has opened),
-- their newest entry where that is no transfer (else 0; they may have none, where only counters change), what of them is reserved, when their first hold
-- expires, their live lots and counters (lot_from 0: not kept in lots). The sums are taken here from the
-- transfers themselves. An account of another book or asset, one that isn't there or was named as what
-- it is not aborts, and so does an overdraft, or lots that don't add up, by the table's constraints.
CREATE OR REPLACE FUNCTION ledger.post_v4(
    p_book integer, p_batch_id bigint, p_asset text, p_ordinals integer[], p_debits bigint[], p_credits bigint[],
    p_amounts bigint[], p_kinds text[], p_events timestamptz[], p_entries integer[], p_debit_lots bigint[],
    p_credit_lots bigint[],
    p_held bigint[], p_held_ordinals integer[], p_held_at tid[], p_reserved bigint[], p_due timestamptz[],
    p_lot_from integer[], p_lot_to integer[], p_meter_from integer[], p_meter_to integer[],
    p_lots ledger.numbers, p_meters ledger.numbers
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

    INSERT INTO ledger.transfers (batch_id, ordinal, debit_account, credit_account, amount_minor, asset, kind, event_at,
                                  entry, debit_lot, credit_lot)
    SELECT p_batch_id, t.ordinal, t.debit, t.credit, t.amount, p_asset, t.kind, t.event_at, t.entry, t.debit_lot,
           t.credit_lot
    FROM unnest(p_ordinals, p_debits, p_credits, p_amounts, p_kinds, p_events, p_entries, p_debit_lots, p_credit_lots)
        AS t (ordinal, debit, credit, amount, kind, event_at, entry, debit_lot, credit_lot);

    WITH net AS MATERIALIZED (
        SELECT e.account, sum(e.amount) AS amount, max(e.ordinal) AS ordinal, max(e.reserved) AS reserved,
               CASE WHEN max(e.at) IS NULL AND max(e.lot_from) IS NOT NULL
                    THEN (SELECT x.ctid FROM ledger.accounts x WHERE x.id = e.account) ELSE max(e.at) END AS at,
               max(e.due) AS due, max(e.lot_from) AS lot_from, max(e.lot_to) AS lot_to, max(e.meter_from) AS meter_from,
               max(e.meter_to) AS meter_to, array_agg(e.leg) FILTER (WHERE e.leg IS NOT NULL) AS legs,
               array_agg(e.amount) FILTER (WHERE e.leg IS NOT NULL) AS amounts
        FROM (SELECT d.account, -d.minor AS amount, d.entry AS ordinal, NULL::tid AS at, NULL::bigint AS reserved,
                     NULL::timestamptz AS due, NULL::integer AS lot_from, NULL::integer AS lot_to,
                     NULL::integer AS meter_from, NULL::integer AS meter_to,
                     CASE WHEN d.lot IS NULL THEN d.leg END AS leg
              FROM unnest(p_debits, p_amounts, p_entries, p_ordinals, p_debit_lots) AS d (account, minor, entry, leg, lot)
              UNION ALL
              SELECT c.account, c.minor, c.entry, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                     CASE WHEN c.lot IS NULL THEN c.leg END
              FROM unnest(p_credits, p_amounts, p_entries, p_ordinals, p_credit_lots) AS c (account, minor, entry, leg, lot)
              UNION ALL
              SELECT h.account, 0, h.ordinal, h.at, h.reserved, h.due, h.lot_from, h.lot_to, h.meter_from, h.meter_to, NULL
              FROM unnest(p_held, p_held_ordinals, p_held_at, p_reserved, p_due, p_lot_from, p_lot_to, p_meter_from,
                          p_meter_to)
                  AS h (account, ordinal, at, reserved, due, lot_from, lot_to, meter_from, meter_to)) AS e
        GROUP BY e.account
    ), updated AS (
        UPDATE ledger.accounts a
        SET balance_minor = a.balance_minor + n.amount::bigint,
            last_batch_id = CASE WHEN n.ordinal > 0 THEN p_batch_id ELSE a.last_batch_id END,
            last_ordinal = CASE WHEN n.ordinal > 0 THEN n.ordinal ELSE a.last_ordinal END,
            held_minor = n.reserved, due_at = n.due,
            lots = CASE WHEN n.lot_from > 0 THEN p_lots.flat[n.lot_from : n.lot_to] END,
            meters = CASE WHEN n.meter_to >= n.meter_from THEN p_meters.flat[n.meter_from : n.meter_to] END
        FROM net n
        WHERE a.ctid = n.at AND a.id = n.account AND a.book = p_book AND a.asset = p_asset AND a.constrained
            AND (n.lot_from > 0) = (a.lots IS NOT NULL)
        RETURNING 1
    ), appended AS (
        INSERT INTO ledger.deltas (batch_id, asset, accounts, amounts, ordinals)
        SELECT p_batch_id, p_asset, array_agg(n.account), array_agg(u.amount), array_agg(u.leg)
        FROM net n, unnest(n.amounts, n.legs) AS u (amount, leg) WHERE n.at IS NULL
        HAVING count(*) > 0
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

-- What of live lots can be drawn at p_now: neither in a lot that has expired, nor reserved by a hold that
-- hasn't. p_due_at is the earliest expiry of the account's open holds.
CREATE OR REPLACE FUNCTION ledger.available_v1(
    p_account bigint, p_lots bigint[], p_due_at timestamptz, p_now timestamptz
) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    available bigint := 0;
    now_s     bigint := floor(extract(epoch FROM p_now));
    i         integer := 1;
BEGIN
    WHILE i < cardinality(p_lots) LOOP
        IF p_lots[i + 4] = 0 OR p_lots[i + 4] > now_s THEN
            available := available + p_lots[i + 1] - p_lots[i + 2];
        END IF;
        i := i + 6;
    END LOOP;
    IF p_due_at <= p_now THEN
        available := available + coalesce((
            SELECT sum(h.lots[k + 1])
            FROM ledger.holds h, generate_series(1, cardinality(h.lots), 2) AS k, generate_series(1, cardinality(p_lots), 6) AS l
            WHERE h.account_id = p_account AND h.state = 'OPEN' AND h.expires_at <= p_now AND p_lots[l] = h.lots[k]
              AND (p_lots[l + 4] = 0 OR p_lots[l + 4] > now_s)), 0);
    END IF;
    RETURN available;
END $$;

-- Writes the counters of locked subjects.
CREATE OR REPLACE FUNCTION ledger.count_v1(
    p_book integer, p_ids bigint[], p_at tid[], p_from integer[], p_to integer[], p_meters bigint[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE ledger.subjects s SET meters = p_meters[c.first : c.last]
    FROM unnest(p_ids, p_at, p_from, p_to) AS c (id, at, first, last)
    WHERE s.ctid = c.at AND s.id = c.id AND s.book = p_book
$$;

-- Makes subjects of a book that begin with counters: none of them may be there already.
CREATE OR REPLACE FUNCTION ledger.begin_subjects_v1(
    p_book integer, p_refs text[], p_from integer[], p_to integer[], p_meters bigint[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.subjects (book, ref, meters)
    SELECT p_book, c.ref, p_meters[c.first : c.last]
    FROM unnest(p_refs, p_from, p_to) AS c (ref, first, last) ORDER BY c.ref
$$;

-- Writes the provenance of new lots of accounts of a book.
CREATE OR REPLACE FUNCTION ledger.add_lots_v1(
    p_book integer, p_batch_id bigint, p_ids bigint[], p_accounts bigint[], p_parents bigint[], p_strains bigint[],
    p_funded_at timestamptz[], p_expires_at timestamptz[], p_funded_batches bigint[], p_funded_ordinals integer[],
    p_came_ordinals integer[], p_sources text[], p_payers text[], p_refund_to text[], p_flags integer[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO ledger.lots (id, account_id, parent_id, strain, funded_at, expires_at, funded_batch_id, funded_ordinal,
                             came_batch_id, came_ordinal, source, payer, refund_to, paid, may_pass, may_sell, may_refund)
    SELECT l.id, l.account, l.parent, l.strain, l.funded_at, l.expires_at, l.funded_batch, l.funded_ordinal,
           p_batch_id, l.came, l.source, l.payer, l.refund_to, l.flags & 1 = 0, l.flags & 2 > 0, l.flags & 4 > 0,
           l.flags & 8 > 0
    FROM unnest(p_ids, p_accounts, p_parents, p_strains, p_funded_at, p_expires_at, p_funded_batches, p_funded_ordinals,
                p_came_ordinals, p_sources, p_payers, p_refund_to, p_flags)
        AS l (id, account, parent, strain, funded_at, expires_at, funded_batch, funded_ordinal, came, source, payer,
              refund_to, flags);
    IF EXISTS (SELECT 1 FROM ledger.accounts a WHERE a.id = ANY (p_accounts) AND (a.book <> p_book OR a.lots IS NULL)) THEN
        RAISE EXCEPTION 'batch % brings lots to an account of another book, or one that has none', p_batch_id;
    END IF;
END $$;

-- Writes new holds on accounts of a book, and what of them is still reserved.
CREATE OR REPLACE FUNCTION ledger.add_holds_v1(
    p_book integer, p_batch_id bigint, p_ordinals integer[], p_accounts bigint[], p_payees bigint[], p_amounts bigint[],
    p_captured bigint[], p_released bigint[], p_counted_at timestamptz[], p_expires_at timestamptz[],
    p_captured_at timestamptz[], p_states text[], p_assets text[], p_devices text[], p_groups text[], p_from integer[],
    p_to integer[], p_lots bigint[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO ledger.holds (batch_id, book, ordinal, account_id, payee_account, amount_minor, captured_minor,
                              released_minor, counted_at, expires_at, captured_at, state, asset, device, group_ref, lots)
    SELECT p_batch_id, p_book, h.ordinal, h.account, h.payee, h.amount, h.captured, h.released, h.counted_at,
           h.expires_at, h.captured_at, h.state, h.asset, h.device, h.grp, p_lots[h.first : h.last]
    FROM unnest(p_ordinals, p_accounts, p_payees, p_amounts, p_captured, p_released, p_counted_at, p_expires_at,
                p_captured_at, p_states, p_assets, p_devices, p_groups, p_from, p_to)
        AS h (ordinal, account, payee, amount, captured, released, counted_at, expires_at, captured_at, state, asset,
              device, grp, first, last)
$$;

-- Writes what became of holds, whose accounts the caller has locked; p_at is where their rows were found then.
CREATE OR REPLACE FUNCTION ledger.settle_holds_v2(
    p_batches bigint[], p_ordinals integer[], p_at tid[], p_captured bigint[], p_released bigint[],
    p_captured_at timestamptz[], p_states text[], p_from integer[], p_to integer[], p_lots ledger.numbers
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    settled integer;
BEGIN
    UPDATE ledger.holds h
    SET captured_minor = s.captured, released_minor = s.released, captured_at = s.captured_at, state = s.state,
        lots = p_lots.flat[s.first : s.last]
    FROM unnest(p_batches, p_ordinals, p_at, p_captured, p_released, p_captured_at, p_states, p_from, p_to)
        AS s (batch_id, ordinal, at, captured, released, captured_at, state, first, last)
    WHERE h.ctid = s.at AND h.batch_id = s.batch_id AND h.ordinal = s.ordinal;
    GET DIAGNOSTICS settled = ROW_COUNT;
    IF settled <> cardinality(p_at) THEN
        RAISE EXCEPTION 'a hold is not where it was found under lock';
    END IF;
END $$;

-- Names the accounts that took over from others, which the caller has locked.
CREATE OR REPLACE FUNCTION ledger.succeed_v1(p_book integer, p_ids bigint[], p_successors bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE ledger.accounts a SET successor_id = s.successor
    FROM unnest(p_ids, p_successors) AS s (id, successor)
    WHERE a.id = s.id AND a.book = p_book AND a.successor_id IS NULL
$$;

-- Folds what hot accounts gathered into their balances, batch by batch until p_limit transfers are reached;
-- how many there were. One folder at a time, others find nothing to do.
CREATE OR REPLACE FUNCTION ledger.fold_v2(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    folded bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('ledger.fold')) THEN
        RETURN 0;
    END IF;
    WITH gone AS (
        DELETE FROM ledger.deltas WHERE ctid = ANY (ARRAY(
            SELECT f.at FROM (
                SELECT d.ctid AS at, sum(cardinality(d.accounts)) OVER (ORDER BY d.batch_id, d.asset)
                                     - cardinality(d.accounts) AS before
                FROM (SELECT ctid, * FROM ledger.deltas ORDER BY batch_id, asset LIMIT p_limit) AS d) AS f
            WHERE f.before < p_limit))
        RETURNING batch_id, accounts, amounts, ordinals
    ), moved AS MATERIALIZED (
        SELECT u.account_id, g.batch_id, sum(u.amount) AS amount, array_agg(u.ordinal) AS ordinals
        FROM gone g, unnest(g.accounts, g.amounts, g.ordinals) AS u (account_id, amount, ordinal)
        GROUP BY u.account_id, g.batch_id
    ), kept AS (
        INSERT INTO ledger.turnovers (account_id, batch_id, amount_minor, ordinals)
        SELECT m.account_id, m.batch_id, m.amount, m.ordinals FROM moved m ORDER BY m.account_id, m.batch_id
    ), added AS (
        UPDATE ledger.accounts a SET folded_minor = a.folded_minor + g.amount
        FROM (SELECT m.account_id, sum(m.amount) AS amount FROM moved m GROUP BY m.account_id) AS g
        WHERE a.id = g.account_id
    )
    SELECT coalesce(sum(cardinality(m.ordinals)), 0) FROM moved m INTO folded;
    RETURN folded;
END $$;

-- Begins a new partition of transfers: batches that begin from now on are numbered into it, and the one
-- after it is made. The number of the partition that is left.
CREATE OR REPLACE FUNCTION ledger.roll_v1() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    width  constant bigint := 68719476736;
    number integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger.roll'));
    number := (SELECT last_value FROM ledger.batch_ids) / width;
    EXECUTE format('CREATE TABLE IF NOT EXISTS ledger.transfers_p%s PARTITION OF ledger.transfers FOR VALUES FROM (%s) TO (%s)',
                   number + 2, (number + 2) * width, (number + 3) * width);
    PERFORM setval('ledger.batch_ids', (number + 1) * width, false);
    INSERT INTO ledger.partitions (number) VALUES (number);
    RETURN number;
END $$;

-- Gives partitions that were left, and that no running transaction can write to, their indexes by
-- account, which hold whole lines: so they are vacuumed soon, since a line is read from an index alone
-- only where all of its page is visible. How many it gave them to.
CREATE OR REPLACE FUNCTION ledger.index_partitions_v2() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    given integer := 0;
    part  integer;
    side  text[];
BEGIN
    FOR part IN SELECT p.number FROM ledger.partitions p
                WHERE p.indexed_at IS NULL AND pg_snapshot_xmin(pg_current_snapshot()) > p.horizon ORDER BY p.number LOOP
        FOREACH side SLICE 1 IN ARRAY ARRAY[['debit', 'credit'], ['credit', 'debit']] LOOP
            EXECUTE format('CREATE INDEX IF NOT EXISTS transfers_p%1$s_by_%2$s ON ledger.transfers_p%1$s'
                           ' (%2$s_account, batch_id, ordinal) INCLUDE (entry, %3$s_account, debit_lot, credit_lot,'
                           ' amount_minor, kind, event_at)', part, side[1], side[2]);
        END LOOP;
        EXECUTE format('ALTER TABLE ledger.transfers_p%s SET (autovacuum_vacuum_insert_threshold = 0,'
                       ' autovacuum_vacuum_insert_scale_factor = 0)', part);
        UPDATE ledger.partitions SET indexed_at = clock_timestamp() WHERE number = part;
        given := given + 1;
    END LOOP;
    RETURN given;
END $$;

-- The first batch of the first partition that has no indexes by account.
CREATE OR REPLACE FUNCTION ledger.indexed_before_v1() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(min(p.number) FILTER (WHERE p.indexed_at IS NULL), max(p.number) + 1, 0) * 68719476736
    FROM ledger.partitions p
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO koudai_app;

-- Functions are versioned by name: a server of the release before still finds the one it knows.

-- Sets the states of cards whose accounts the caller has locked. One that becomes active may be due a reminder.
CREATE OR REPLACE FUNCTION cards.set_states_v1(p_ids bigint[], p_states text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE cards.reminders SET versions = 0, look_at = 'epoch'
    WHERE card_id = ANY (ARRAY(SELECT u.id FROM unnest(p_ids, p_states) AS u (id, state) WHERE u.state = 'ACTIVE'));
    UPDATE cards.cards c SET state = s.state::cards.state
    FROM (SELECT f.at, u.state FROM unnest(p_ids, p_states) AS u (id, state)
          JOIN LATERAL (SELECT x.ctid AS at FROM cards.cards x WHERE x.id = u.id OFFSET 0) AS f ON true) AS s
    WHERE c.ctid = s.at
$$;

-- Lays refunds on redemptions. What was paid is read from the redemption itself; giving back more
-- aborts by the table's constraint.
CREATE OR REPLACE FUNCTION cards.refund_v1(
    p_batch_id bigint, p_ordinals integer[], p_redemption_batch_ids bigint[], p_redemption_ordinals integer[],
    p_amounts bigint[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO cards.refund_parts (batch_id, ordinal, redemption_batch_id, redemption_ordinal, amount_minor)
    SELECT p_batch_id, r.* FROM unnest(p_ordinals, p_redemption_batch_ids, p_redemption_ordinals, p_amounts) AS r;

    INSERT INTO cards.refund_totals AS t (batch_id, ordinal, paid_minor, refunded_minor)
    SELECT a.batch_id, a.ordinal, a.amount_minor, r.amount_minor
    FROM (SELECT u.batch_id, u.ordinal, sum(u.amount)::bigint AS amount_minor
          FROM unnest(p_redemption_batch_ids, p_redemption_ordinals, p_amounts) AS u (batch_id, ordinal, amount)
          GROUP BY u.batch_id, u.ordinal) AS r
    JOIN LATERAL (
        SELECT x.* FROM cards.activities x
        WHERE x.batch_id = r.batch_id AND x.ordinal = r.ordinal AND x.type IN ('REDEEM', 'CAPTURE') OFFSET 0
    ) AS a ON true
    ON CONFLICT (batch_id, ordinal) DO UPDATE SET refunded_minor = t.refunded_minor + excluded.refunded_minor;
END $$;

-- The redemptions of a card at a merchant of which something can still be given back, newest first,
-- until they reach p_need. The walk begins at the card's newest entry.
CREATE OR REPLACE FUNCTION cards.refundable_v2(
    p_card_id bigint, p_merchant_id integer, p_need bigint, p_last_batch_id bigint, p_last_ordinal integer
) RETURNS TABLE (batch_id bigint, ordinal integer, paid_minor bigint, refunded_minor bigint, event_at timestamptz, device text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    at_batch   bigint := p_last_batch_id;
    at_ordinal integer := p_last_ordinal;
    missing    bigint := p_need;
    entry      record;
BEGIN
    WHILE at_batch > 0 AND missing > 0 LOOP
        SELECT a.*, coalesce(t.refunded_minor, 0) AS refunded INTO entry
        FROM cards.activities a
        LEFT JOIN cards.refund_totals t ON t.batch_id = a.batch_id AND t.ordinal = a.ordinal
        WHERE a.batch_id = at_batch AND a.ordinal = at_ordinal AND a.card_id = p_card_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the history of card % breaks off at %/%', p_card_id, at_batch, at_ordinal;
        END IF;
        IF entry.type IN ('REDEEM', 'CAPTURE') AND entry.merchant_id = p_merchant_id AND entry.amount_minor > entry.refunded THEN
            batch_id := at_batch;
            ordinal := at_ordinal;
            paid_minor := entry.amount_minor;
            refunded_minor := entry.refunded;
            event_at := entry.event_at;
            device := entry.device;
            missing := missing - (entry.amount_minor - entry.refunded);
            RETURN NEXT;
        END IF;
        at_batch := entry.previous_batch_id;
        at_ordinal := entry.previous_ordinal;
    END LOOP;
END $$;

-- Locks the tallies of a book by whom they count, in one order; one that isn't there yet is begun.
CREATE OR REPLACE FUNCTION cards.lock_tallies_v1(p_book integer, p_whos text[]) RETURNS SETOF cards.tallies
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO cards.tallies (book, who) SELECT p_book, u.who FROM unnest(p_whos) AS u (who) ORDER BY u.who
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT t.* FROM cards.tallies t WHERE t.book = p_book AND t.who = ANY (p_whos)
    ORDER BY t.who FOR NO KEY UPDATE;
END $$;

-- Sets tallies that the caller has locked.
CREATE OR REPLACE FUNCTION cards.set_tallies_v1(
    p_book integer, p_whos text[], p_days bigint[], p_loads bigint[], p_bearers bigint[], p_cashes bigint[],
    p_sinces bigint[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE cards.tallies t
    SET day_s = u.day_s, load_minor = u.load_minor, bearer_minor = u.bearer_minor, cash_minor = u.cash_minor,
        since_batch_id = u.since_batch_id
    FROM unnest(p_whos, p_days, p_loads, p_bearers, p_cashes, p_sinces)
        AS u (who, day_s, load_minor, bearer_minor, cash_minor, since_batch_id)
    WHERE t.book = p_book AND t.who = u.who
$$;

-- Enters restrictions of cards whose accounts the caller has locked.
CREATE OR REPLACE FUNCTION cards.restrict_v1(
    p_batch_id bigint, p_ordinals integer[], p_card_ids bigint[], p_kinds text[], p_authorities text[],
    p_documents text[], p_amounts bigint[], p_untils timestamptz[], p_temporary boolean[], p_made_by text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO cards.restrictions
        (batch_id, ordinal, card_id, kind, authority, document, amount_minor, until_at, temporary, made_by)
    SELECT p_batch_id, r.ordinal, r.card_id, r.kind::cards.restriction_kind, r.authority, r.document, r.amount,
           r.until, r.temporary, r.made_by
    FROM unnest(p_ordinals, p_card_ids, p_kinds, p_authorities, p_documents, p_amounts, p_untils, p_temporary, p_made_by)
        AS r (ordinal, card_id, kind, authority, document, amount, until, temporary, made_by);

    UPDATE cards.cards c SET restrictions = c.restrictions + n.made
    FROM (SELECT u.card_id, count(*)::smallint AS made FROM unnest(p_card_ids) AS u (card_id) GROUP BY u.card_id) AS n
    WHERE c.id = n.card_id;
END $$;

-- Continues open restrictions of cards whose accounts the caller has locked. That it is in time, and for longer, is held by
-- the table's constraints; one that has ended, isn't there or says something else than it was before aborts.
CREATE OR REPLACE FUNCTION cards.continue_restrictions_v1(
    p_batch_id bigint, p_at timestamptz, p_ordinals integer[], p_batch_ids bigint[], p_restrictions integer[],
    p_untils timestamptz[], p_authorities text[], p_documents text[], p_by text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    i integer;
BEGIN
    -- One after the other: a batch may continue a restriction more than once.
    FOR i IN 1 .. coalesce(cardinality(p_ordinals), 0) LOOP
        INSERT INTO cards.continuations
            (batch_id, ordinal, restriction_batch_id, restriction_ordinal, at, until_at, until_before, temporary_before,
             authority, document, document_before, made_by)
        SELECT p_batch_id, p_ordinals[i], r.batch_id, r.ordinal, p_at, p_untils[i], r.until_at, r.temporary,
               p_authorities[i], p_documents[i], r.document, p_by[i]
        FROM cards.restrictions r
        WHERE r.batch_id = p_batch_ids[i] AND r.ordinal = p_restrictions[i] AND r.ended_batch_id IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'restriction %/% is not open', p_batch_ids[i], p_restrictions[i];
        END IF;
        UPDATE cards.restrictions r SET until_at = p_untils[i], document = p_documents[i], temporary = false
        WHERE r.batch_id = p_batch_ids[i] AND r.ordinal = p_restrictions[i];
    END LOOP;
END $$;

-- Ends open restrictions of cards whose accounts the caller has locked. Who may lift which, and that a term is over
-- before it lapses, is held by the table's constraints; one that has ended already, or isn't there, aborts.
CREATE OR REPLACE FUNCTION cards.end_restrictions_v1(
    p_batch_id bigint, p_at timestamptz, p_batch_ids bigint[], p_ordinals integer[], p_ended_ordinals integer[],
    p_ends text[], p_kinds text[], p_authorities text[], p_documents text[], p_by text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    ended integer;
BEGIN
    WITH done AS (
        UPDATE cards.restrictions r
        SET ended_batch_id = p_batch_id, ended_ordinal = e.ended_ordinal, ended_at = p_at,
            ended_as = e.as_what::cards.restriction_end, lifted_kind = e.kind::cards.restriction_kind,
            lifted_authority = e.authority, lifted_document = e.document, lifted_by = e.by
        FROM unnest(p_batch_ids, p_ordinals, p_ended_ordinals, p_ends, p_kinds, p_authorities, p_documents, p_by)
            AS e (batch_id, ordinal, ended_ordinal, as_what, kind, authority, document, by)
        WHERE r.batch_id = e.batch_id AND r.ordinal = e.ordinal AND r.ended_batch_id IS NULL
        RETURNING r.card_id
    ), fewer AS (
        UPDATE cards.cards c SET restrictions = c.restrictions - n.gone
        FROM (SELECT d.card_id, count(*)::smallint AS gone FROM done d GROUP BY d.card_id) AS n
        WHERE c.id = n.card_id
    )
    SELECT count(*) INTO ended FROM done;
    IF ended <> cardinality(p_batch_ids) THEN
        RAISE EXCEPTION 'of % restrictions % were open', cardinality(p_batch_ids), ended;
    END IF;
END $$;

-- The state of a card at a moment: a restriction of the whole card whose term is over blocks it no more, though no
-- entry says so yet.
CREATE OR REPLACE FUNCTION cards.state_at_v1(p_id bigint, p_state cards.state, p_open smallint, p_at timestamptz)
RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT CASE WHEN p_state = 'BLOCKED' AND p_open > 0 AND NOT EXISTS (
                    SELECT FROM cards.restrictions r
                    WHERE r.card_id = p_id AND r.ended_batch_id IS NULL AND r.amount_minor IS NULL
                      AND (r.until_at IS NULL OR r.until_at > p_at))
                THEN 'ACTIVE' ELSE p_state::text END
$$;

-- What of an available amount the restrictions of a card leave at a moment.
CREATE OR REPLACE FUNCTION cards.left_at_v1(p_id bigint, p_available bigint, p_open smallint, p_at timestamptz)
RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    SELECT CASE WHEN p_open = 0 THEN p_available ELSE greatest(0, p_available - (
                    SELECT coalesce(sum(r.amount_minor), 0)
                    FROM cards.restrictions r
                    WHERE r.card_id = p_id AND r.ended_batch_id IS NULL
                      AND (r.until_at IS NULL OR r.until_at > p_at)))::bigint END
$$;

-- Notes what fell back of cashback when purchases were returned; more than was given aborts by the table's constraint.
CREATE OR REPLACE FUNCTION cards.take_cashbacks_back_v1(p_batch_ids bigint[], p_ordinals integer[], p_amounts bigint[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE cards.cashbacks c SET taken_minor = c.taken_minor + u.amount
    FROM unnest(p_batch_ids, p_ordinals, p_amounts) AS u (batch_id, ordinal, amount)
    WHERE c.batch_id = u.batch_id AND c.ordinal = u.ordinal
$$;

-- What became of gifts that are still offered, whose cards the caller has locked: wrong tries, or their end.
CREATE OR REPLACE FUNCTION cards.settle_gifts_v1(
    p_batch_ids bigint[], p_ordinals integer[], p_tries integer[], p_states text[], p_ended_batch_ids bigint[],
    p_ended_ordinals integer[], p_claimed_card_ids bigint[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE cards.gifts g
    SET tries = s.tries, state = s.state, ended_batch_id = s.ended_batch_id, ended_ordinal = s.ended_ordinal,
        claimed_card_id = s.claimed_card_id,
        token_sealed = CASE WHEN s.state = 'OFFERED' THEN g.token_sealed END
    FROM (SELECT f.at, u.* FROM unnest(p_batch_ids, p_ordinals, p_tries, p_states, p_ended_batch_ids, p_ended_ordinals,
                                       p_claimed_card_ids)
              AS u (batch_id, ordinal, tries, state, ended_batch_id, ended_ordinal, claimed_card_id)
          JOIN LATERAL (SELECT x.ctid AS at FROM cards.gifts x
                        WHERE x.batch_id = u.batch_id AND x.ordinal = u.ordinal OFFSET 0) AS f ON true) AS s
    WHERE g.ctid = s.at AND g.state = 'OFFERED' AND s.tries >= g.tries
$$;

-- Notes that gifts, whose cards the caller has locked, ended in a batch: from then on their words are kept for minutes.
CREATE OR REPLACE FUNCTION cards.end_words_v1(p_ended_batch_id bigint, p_batch_ids bigint[], p_ordinals integer[])
RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE cards.gift_words w SET ended_batch_id = p_ended_batch_id
    FROM unnest(p_batch_ids, p_ordinals) AS e (batch_id, ordinal)
    WHERE w.batch_id = e.batch_id AND w.ordinal = e.ordinal
$$;

-- Seals words anew that are still what they were; those that are gone by now stay gone.
CREATE OR REPLACE FUNCTION cards.reseal_words_v1(
    p_batch_ids bigint[], p_ordinals integer[], p_before bytea[], p_sealed bytea[]
) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    WITH sealed_anew AS (
        UPDATE cards.gift_words w SET sealed = n.sealed
        FROM unnest(p_batch_ids, p_ordinals, p_before, p_sealed) AS n (batch_id, ordinal, before, sealed)
        WHERE w.batch_id = n.batch_id AND w.ordinal = n.ordinal AND w.sealed = n.before
        RETURNING 1
    )
    SELECT count(*) FROM sealed_anew
$$;

-- Deletes the words of the gifts that a holder of a book gave in batches before one; of how many.
CREATE OR REPLACE FUNCTION cards.erase_words_v1(p_book integer, p_giver_ref text, p_before_batch_id bigint)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    WITH gone AS (
        DELETE FROM cards.gift_words w USING cards.gifts g
        WHERE g.giver_ref = p_giver_ref AND g.book = p_book AND g.batch_id < p_before_batch_id
          AND w.batch_id = g.batch_id AND w.ordinal = g.ordinal
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

-- Deletes up to p_limit words of gifts that ended before a moment of the machine's time, the longest ended first; how
-- many.
CREATE OR REPLACE FUNCTION cards.forget_words_v1(p_before timestamptz, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    forgotten bigint;
BEGIN
    DELETE FROM cards.gift_words w USING (
        SELECT x.batch_id, x.ordinal FROM cards.gift_words x
        JOIN ledger.batches b ON b.id = x.ended_batch_id AND b.recorded_at < p_before
        WHERE x.ended_batch_id IS NOT NULL ORDER BY x.ended_batch_id LIMIT p_limit
        FOR UPDATE OF x SKIP LOCKED) AS o
    WHERE w.batch_id = o.batch_id AND w.ordinal = o.ordinal;
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;

-- Until when cards, whose accounts the caller has locked, wait for who claims them as gifts.
CREATE OR REPLACE FUNCTION cards.mark_gifts_v1(p_ids bigint[], p_untils timestamptz[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE cards.cards c SET gift_until = s.until
    FROM (SELECT f.at, u.until FROM unnest(p_ids, p_untils) AS u (id, until)
          JOIN LATERAL (SELECT x.ctid AS at FROM cards.cards x WHERE x.id = u.id OFFSET 0) AS f ON true) AS s
    WHERE c.ctid = s.at
$$;

-- Keeps the PINs of cards whose accounts the caller has locked, by the cards for which their hashes were made, with the
-- wrong tries since the last right one.
CREATE OR REPLACE FUNCTION cards.keep_pins_v2(
    p_cards bigint[], p_made_for bigint[], p_hashes bytea[], p_tries integer[], p_locked timestamptz[],
    p_changed timestamptz[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    INSERT INTO cards.pins AS p (card_id, made_for, pin_hash, tries, locked_at, changed_at)
    SELECT * FROM unnest(p_cards, p_made_for, p_hashes, p_tries, p_locked, p_changed)
    ON CONFLICT (card_id) DO UPDATE SET made_for = excluded.made_for, pin_hash = excluded.pin_hash,
        tries = excluded.tries, locked_at = excluded.locked_at, changed_at = excluded.changed_at;
    UPDATE cards.cards SET has_pin = true WHERE id = ANY (p_cards) AND NOT has_pin
$$;

-- Takes the PINs of cards away whose accounts the caller has locked.
CREATE OR REPLACE FUNCTION cards.drop_pins_v1(p_cards bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    DELETE FROM cards.pins WHERE card_id = ANY (p_cards);
    UPDATE cards.cards SET has_pin = false WHERE id = ANY (p_cards) AND has_pin
$$;

-- Keeps how often devices guessed wrong; the caller has locked what the ledger knows of each.
CREATE OR REPLACE FUNCTION cards.keep_pin_devices_v1(
    p_book integer, p_devices text[], p_tries integer[], p_since timestamptz[], p_locked timestamptz[]
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    INSERT INTO cards.pin_devices (book, device, tries, since_at, locked_until)
    SELECT p_book, d.* FROM unnest(p_devices, p_tries, p_since, p_locked) AS d
    ON CONFLICT (book, device) DO UPDATE SET tries = excluded.tries, since_at = excluded.since_at,
        locked_until = excluded.locked_until, recorded_at = clock_timestamp()
$$;

-- Kills the live pay codes of cards whose accounts the caller has locked.
CREATE OR REPLACE FUNCTION cards.kill_pay_codes_v1(p_cards bigint[], p_now timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
    UPDATE cards.pay_codes SET killed_at = p_now
    WHERE card_id = ANY (p_cards) AND batch_id IS NULL AND killed_at IS NULL
$$;

-- Adds pay codes for cards whose accounts the caller has locked; the live one of each is killed by its newest.
CREATE OR REPLACE FUNCTION cards.add_pay_codes_v1(
    p_book integer, p_now timestamptz, p_cards bigint[], p_hashes bytea[], p_expires timestamptz[], p_newest boolean[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    PERFORM cards.kill_pay_codes_v1(p_cards, p_now);
    INSERT INTO cards.pay_codes (book, made_at, card_id, code_hash, expires_at, killed_at)
    SELECT p_book, p_now, c.card_id, c.code_hash, c.expires_at, CASE WHEN NOT c.newest THEN p_now END
    FROM unnest(p_cards, p_hashes, p_expires, p_newest) AS c (card_id, code_hash, expires_at, newest);
END $$;

-- Uses pay codes up, each by one entry of a batch; one that was used or killed before makes the batch fail.
CREATE OR REPLACE FUNCTION cards.use_pay_codes_v1(p_batch_id bigint, p_ordinals integer[], p_hashes bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    used bigint;
BEGIN
    UPDATE cards.pay_codes c SET batch_id = p_batch_id, ordinal = u.ordinal
    FROM unnest(p_ordinals, p_hashes) AS u (ordinal, code_hash)
    WHERE c.code_hash = u.code_hash AND c.batch_id IS NULL AND c.killed_at IS NULL;
    GET DIAGNOSTICS used = ROW_COUNT;
    IF used <> cardinality(p_hashes) THEN
        -- Their cards are locked, so only a purge can have come between: the next attempt doesn't know them.
        RAISE EXCEPTION '% of % pay codes could not be used', cardinality(p_hashes) - used, cardinality(p_hashes)
            USING ERRCODE = 'serialization_failure';
    END IF;
END $$;

-- Forgets up to p_limit pay codes that were made before a moment of the machine's time, and devices that guessed wrong
-- for the last time before it; how many.
CREATE OR REPLACE FUNCTION cards.purge_codes_v1(p_before timestamptz, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    codes   bigint;
    devices bigint;
BEGIN
    DELETE FROM cards.pay_codes WHERE code_hash = ANY (ARRAY(
        SELECT code_hash FROM cards.pay_codes WHERE recorded_at < p_before ORDER BY recorded_at LIMIT p_limit
        FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS codes = ROW_COUNT;
    DELETE FROM cards.pin_devices d USING (
        SELECT book, device FROM cards.pin_devices WHERE recorded_at < p_before ORDER BY recorded_at LIMIT p_limit
        FOR UPDATE SKIP LOCKED) AS o
    WHERE d.book = o.book AND d.device = o.device;
    GET DIAGNOSTICS devices = ROW_COUNT;
    RETURN codes + devices;
END $$;

-- Brings locked cards of stocks further on their way, never back; one that was sold is written off only where its sale was
-- undone.
CREATE OR REPLACE FUNCTION cards.set_stock_v2(
    p_ids bigint[], p_states text[], p_merchants integer[], p_places text[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    way     text[] := ARRAY['CREATED', 'PRINTED', 'IN_STOCK', 'SOLD', 'CALLED_OFF'];
    changed bigint;
BEGIN
    UPDATE cards.stock_cards c SET state = s.state, merchant_id = s.merchant_id, place = s.place
    FROM (SELECT f.at, u.* FROM unnest(p_ids, p_states, p_merchants, p_places) AS u (id, state, merchant_id, place)
          JOIN LATERAL (SELECT x.ctid AS at FROM cards.stock_cards x WHERE x.card_id = u.id OFFSET 0) AS f ON true) AS s
    WHERE c.ctid = s.at
      AND CASE WHEN s.state = 'WRITTEN_OFF'
               THEN c.state IN ('CREATED', 'PRINTED', 'IN_STOCK')
                    OR (c.state <> 'WRITTEN_OFF' AND EXISTS (SELECT FROM cards.voided_sales v WHERE v.card_id = s.id))
               ELSE array_position(way, s.state) > array_position(way, c.state) END;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> cardinality(p_ids) THEN
        RAISE EXCEPTION 'cards of a stock go only forward on their way';
    END IF;
END $$;

-- Books sales of locked cards: what they use of payments, and from when on each card can be used; it counts as issued
-- when it is sold. Using more of a payment than was paid aborts by the table's constraint.
CREATE OR REPLACE FUNCTION cards.sell_v2(
    p_book integer, p_batch_id bigint, p_ids bigint[], p_ordinals integer[], p_amounts bigint[], p_assets text[],
    p_refs text[], p_payers text[], p_tills text[], p_clerks text[], p_acknowledged boolean[], p_sold timestamptz[],
    p_active timestamptz[], p_sources text[], p_paid bigint[], p_anonymous boolean[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO cards.payments AS p (book, reference, source, asset, amount_minor, used_minor)
    SELECT p_book, u.ref, min(u.source)::cards.funding_source, min(u.asset), max(u.paid), sum(u.amount)::bigint
    FROM unnest(p_refs, p_sources, p_assets, p_paid, p_amounts) AS u (ref, source, asset, paid, amount)
    GROUP BY u.ref
    ON CONFLICT (book, reference) DO UPDATE SET used_minor = p.used_minor + excluded.used_minor;

    INSERT INTO cards.sales (card_id, batch_id, amount_minor, ordinal, book, asset, payment_ref, payer, till, clerk,
                             acknowledged, sold_at, active_at, anonymous, stock_id)
    SELECT u.id, p_batch_id, u.amount, u.ordinal, p_book, u.asset, u.ref, u.payer, u.till, u.clerk, u.acknowledged, u.sold,
           u.active, u.anonymous, c.stock_id
    FROM unnest(p_ids, p_ordinals, p_amounts, p_assets, p_refs, p_payers, p_tills, p_clerks, p_acknowledged, p_sold, p_active,
                p_anonymous)
        AS u (id, ordinal, amount, asset, ref, payer, till, clerk, acknowledged, sold, active, anonymous)
    JOIN LATERAL (SELECT x.stock_id FROM cards.stock_cards x WHERE x.card_id = u.id OFFSET 0) AS c ON true;

    UPDATE cards.cards c SET issued_at = s.sold, active_at = s.active
    FROM (SELECT f.at, u.* FROM unnest(p_ids, p_sold, p_active) AS u (id, sold, active)
          JOIN LATERAL (SELECT x.ctid AS at FROM cards.cards x WHERE x.id = u.id OFFSET 0) AS f ON true) AS s
    WHERE c.ctid = s.at;
END $$;

-- Undoes sales of locked cards: what each was sold for counts as refunded of its payment. One that was undone before
-- aborts by the table's key, and refunding more than was used by the table's constraint.
CREATE OR REPLACE FUNCTION cards.void_sales_v1(
    p_batch_id bigint, p_ids bigint[], p_ordinals integer[], p_voided timestamptz[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO cards.voided_sales (card_id, batch_id, ordinal, voided_at)
    SELECT u.id, p_batch_id, u.ordinal, u.voided FROM unnest(p_ids, p_ordinals, p_voided) AS u (id, ordinal, voided);

    UPDATE cards.payments p SET refunded_minor = p.refunded_minor + s.amount
    FROM (SELECT x.book, x.payment_ref, sum(x.amount_minor)::bigint AS amount
          FROM unnest(p_ids) AS u (id)
          JOIN LATERAL (SELECT y.* FROM cards.sales y WHERE y.card_id = u.id OFFSET 0) AS x ON true
          GROUP BY x.book, x.payment_ref) AS s
    WHERE p.book = s.book AND p.reference = s.payment_ref;
END $$;

-- The newest entry of a card behind its sale that is neither of a harmless type nor a load that nobody paid for; none
-- where there is none. The walk begins at the card's newest entry.
CREATE OR REPLACE FUNCTION cards.since_sale_v1(
    p_card_id bigint, p_last_batch_id bigint, p_last_ordinal integer, p_sale_batch_id bigint, p_sale_ordinal integer,
    p_harmless text[]
) RETURNS TABLE (type text, event_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    at_batch   bigint := p_last_batch_id;
    at_ordinal integer := p_last_ordinal;
    entry      record;
BEGIN
    WHILE (at_batch, at_ordinal) > (p_sale_batch_id, p_sale_ordinal) LOOP
        SELECT a.* INTO entry FROM cards.activities a
        WHERE a.batch_id = at_batch AND a.ordinal = at_ordinal AND a.card_id = p_card_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the history of card % breaks off at %/%', p_card_id, at_batch, at_ordinal;
        END IF;
        IF NOT (entry.type::text = ANY (p_harmless) OR (entry.type = 'LOAD' AND entry.source = 'bonus')) THEN
            type := entry.type::text;
            event_at := entry.event_at;
            RETURN NEXT;
            RETURN;
        END IF;
        at_batch := entry.previous_batch_id;
        at_ordinal := entry.previous_ordinal;
    END LOOP;
END $$;

-- Gives locked cards another expiry, of which they may be due another reminder, and keeps each that they had.
CREATE OR REPLACE FUNCTION cards.set_expiries_v1(p_batch_id bigint, p_ids bigint[], p_expiries timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO cards.expiries (card_id, batch_id, expires_at)
    SELECT u.id, p_batch_id, u.expires_at FROM unnest(p_ids, p_expiries) AS u (id, expires_at);

    UPDATE cards.reminders SET versions = 0, look_at = 'epoch' WHERE card_id = ANY (p_ids);

    UPDATE cards.cards c SET expires_at = s.expires_at
    FROM (SELECT f.at, u.expires_at FROM unnest(p_ids, p_expiries) AS u (id, expires_at)
          JOIN LATERAL (SELECT x.ctid AS at FROM cards.cards x WHERE x.id = u.id OFFSET 0) AS f ON true) AS s
    WHERE c.ctid = s.at;
END $$;

-- When a card was last loaded or paid with, beginning at its newest entry; NULL where it never was. What comes after
-- a last use is little, so the walk is short.
CREATE OR REPLACE FUNCTION cards.last_use_v1(p_card_id bigint, p_last_batch_id bigint, p_last_ordinal integer)
RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    at_batch   bigint := p_last_batch_id;
    at_ordinal integer := p_last_ordinal;
    entry      record;
BEGIN
    WHILE at_batch > 0 LOOP
        SELECT a.type, a.event_at, a.previous_batch_id, a.previous_ordinal INTO entry
        FROM cards.activities a WHERE a.batch_id = at_batch AND a.ordinal = at_ordinal AND a.card_id = p_card_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the history of card % breaks off at %/%', p_card_id, at_batch, at_ordinal;
        END IF;
        IF entry.type IN ('LOAD', 'REDEEM', 'CAPTURE') THEN
            RETURN entry.event_at;
        END IF;
        at_batch := entry.previous_batch_id;
        at_ordinal := entry.previous_ordinal;
    END LOOP;
    RETURN NULL;
END $$;

-- When the value of a card was first bought, beginning at its newest entry; NULL where none ever was. What came from
-- another card was bought when that one was: a purchase isn't made older by moving it. Every entry is looked at, which
-- only the end of a card asks for.
CREATE OR REPLACE FUNCTION cards.bought_at_v1(p_card_id bigint, p_last_batch_id bigint, p_last_ordinal integer)
RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    of_card    bigint := p_card_id;
    at_batch   bigint := p_last_batch_id;
    at_ordinal integer := p_last_ordinal;
    entry      record;
    came       record;
BEGIN
    LOOP
        came := NULL;
        WHILE at_batch > 0 LOOP
            SELECT a.* INTO entry
            FROM cards.activities a WHERE a.batch_id = at_batch AND a.ordinal = at_ordinal AND a.card_id = of_card;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the history of card % breaks off at %/%', of_card, at_batch, at_ordinal;
            END IF;
            IF entry.type IN ('LOAD', 'ADJUST_INCREMENT') AND entry.source <> 'bonus'
               OR entry.type = 'TRANSFER_BALANCE_TO'
               OR entry.type = 'REFUND' AND entry.redemption_batch_id IS NOT NULL THEN
                came := entry;
            END IF;
            at_batch := entry.previous_batch_id;
            at_ordinal := entry.previous_ordinal;
        END LOOP;
        IF came IS NULL THEN
            RETURN NULL;
        ELSIF came.type = 'TRANSFER_BALANCE_TO' THEN
            SELECT a.card_id, a.batch_id, a.ordinal INTO of_card, at_batch, at_ordinal
            FROM cards.activities a
            WHERE a.batch_id = came.batch_id AND a.lead = came.lead AND a.card_id = came.other_card_id
              AND a.type = 'TRANSFER_BALANCE_FROM';
        ELSIF came.type = 'REFUND' THEN
            SELECT a.card_id, a.batch_id, a.ordinal INTO of_card, at_batch, at_ordinal
            FROM cards.activities a
            WHERE a.batch_id = came.redemption_batch_id AND a.ordinal = came.redemption_ordinal;
        ELSE
            RETURN came.event_at;
        END IF;
    END LOOP;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA cards FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cards TO koudai_app;

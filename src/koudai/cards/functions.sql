-- Functions are versioned by name: a server of the release before still finds the one it knows.

-- Sets the states of cards whose accounts the caller has locked.
CREATE OR REPLACE FUNCTION cards.set_states_v1(p_ids bigint[], p_states text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
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

-- Gives locked cards another expiry, and keeps each that they had.
CREATE OR REPLACE FUNCTION cards.set_expiries_v1(p_batch_id bigint, p_ids bigint[], p_expiries timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO cards.expiries (card_id, batch_id, expires_at)
    SELECT u.id, p_batch_id, u.expires_at FROM unnest(p_ids, p_expiries) AS u (id, expires_at);

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

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA cards FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cards TO koudai_app;

-- activity_key: entries that no accepted key led to
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal, 'no key was answered with it'
FROM cards.activities a
LEFT JOIN (SELECT batch_id, ordinal FROM ledger.idempotency
           WHERE batch_id BETWEEN $1::bigint AND $2::bigint AND refusal IS NULL) AS k
    ON k.batch_id = a.batch_id AND k.ordinal = a.lead
WHERE a.batch_id BETWEEN $1::bigint AND $2::bigint AND k.batch_id IS NULL AND (a.lead <> 0 OR a.type NOT IN ('RELEASE', 'LAPSE', 'GIFT_RETURN', 'RENEW'))

-- key_activity: keys of commands on cards that were accepted without an entry, or refused with one
SELECT 'ledger.idempotency ' || k.book || '/' || k.key,
       CASE WHEN k.refusal IS NULL THEN 'accepted, and no activity at ' ELSE 'refused, and an activity at ' END
       || k.batch_id || '/' || k.ordinal
FROM ledger.idempotency k
LEFT JOIN cards.activities a ON a.batch_id = k.batch_id AND a.ordinal = k.ordinal AND a.lead = k.ordinal
    AND a.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE k.batch_id BETWEEN $1::bigint AND $2::bigint
  AND CASE WHEN k.refusal IS NOT NULL THEN a.batch_id IS NOT NULL
           -- The request begins with its verb: {"verb":"load",…
           WHEN split_part(k.request, '"', 4) IN
               ('activate', 'block', 'unblock', 'load', 'redeem', 'refund', 'reverse', 'authorise', 'capture', 'void',
                'transfer', 'adjust', 'expire', 'renew', 'restrict', 'lift', 'continue', 'report_loss', 'spend_split', 'replace', 'give_gift', 'claim_gift', 'withdraw_gift', 'return_gift', 'set_pin', 'change_pin', 'reset_pin', 'print', 'receive', 'write_off', 'sell', 'call_off', 'void_sale', 'reactivate', 'exchange', 'close')
           THEN a.batch_id IS NULL
           ELSE false END

-- activity_transfer: entries whose transfers are missing, or move something else
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal,
       a.type || ' of ' || a.amount_minor || ', and its transfer '
       || coalesce('moves ' || t.amount_minor || ' from ' || t.debit_account || ' to ' || t.credit_account, 'is not there')
FROM cards.activities a
-- What came to a card was given by an entry of the same command, which need not be its first.
LEFT JOIN (SELECT batch_id, lead, card_id, ordinal FROM cards.activities
           WHERE type = 'TRANSFER_BALANCE_FROM' AND batch_id BETWEEN $1::bigint AND $2::bigint) AS g
    ON a.type = 'TRANSFER_BALANCE_TO' AND g.batch_id = a.batch_id AND g.lead = a.lead AND g.card_id = a.other_card_id
LEFT JOIN (SELECT f.batch_id, f.entry, f.amount_minor + coalesce(o.amount_minor, 0) AS amount_minor, f.debit_account,
                  f.credit_account, o.batch_id IS NOT NULL AND NOT (
                      o.least_debit = f.debit_account AND o.most_debit = f.debit_account
                      AND o.least_credit = f.credit_account AND o.most_credit = f.credit_account) AS mixed
           FROM ledger.transfers f
           LEFT JOIN (SELECT batch_id, entry, sum(amount_minor) AS amount_minor, min(debit_account) AS least_debit,
                             max(debit_account) AS most_debit, min(credit_account) AS least_credit,
                             max(credit_account) AS most_credit
                      FROM ledger.transfers WHERE batch_id BETWEEN $1::bigint AND $2::bigint AND ordinal <> entry
                      GROUP BY batch_id, entry) AS o ON o.batch_id = f.batch_id AND o.entry = f.entry
           WHERE f.batch_id BETWEEN $1::bigint AND $2::bigint AND f.ordinal = f.entry) AS t
    ON t.batch_id = a.batch_id AND t.entry = CASE WHEN a.type = 'TRANSFER_BALANCE_TO' THEN g.ordinal ELSE a.ordinal END
LEFT JOIN merchants.merchants m ON m.id = a.merchant_id
LEFT JOIN cards.cards c ON c.id = a.card_id
LEFT JOIN cards.funding_accounts f ON f.programme_id = c.programme_id AND f.source = a.source
LEFT JOIN cards.programme_accounts p ON p.programme_id = c.programme_id
    AND p.purpose = CASE a.type WHEN 'EXPIRE' THEN 'expired' WHEN 'FEE' THEN 'fee' WHEN 'PAY_OUT' THEN 'payout'
                                ELSE 'adjustment' END
WHERE a.batch_id BETWEEN $1::bigint AND $2::bigint
  -- What a card gave to several new ones is for the check of its pieces.
  AND NOT (a.type IN ('TRANSFER_BALANCE_FROM', 'TRANSFER_BALANCE_TO') AND t.mixed IS TRUE)
  AND CASE WHEN a.type IN ('ACTIVATE', 'BLOCK', 'UNBLOCK', 'RESTRICT', 'LIFT', 'LAPSE', 'CONTINUE', 'DEACTIVATE', 'GIFT_OFFER',
                           'GIFT_RETURN', 'SET_PIN', 'CHANGE_PIN', 'RESET_PIN', 'PRINT', 'RECEIVE') THEN t.batch_id IS NOT NULL OR a.amount_minor <> 0
           WHEN a.type IN ('AUTHORISE', 'VOID', 'RELEASE') THEN t.batch_id IS NOT NULL OR a.amount_minor = 0
           WHEN a.amount_minor = 0 THEN t.batch_id IS NOT NULL OR a.type NOT IN
               ('CAPTURE', 'TRANSFER_BALANCE_FROM', 'TRANSFER_BALANCE_TO', 'RENEW')
           ELSE (t.amount_minor = a.amount_minor AND NOT t.mixed
                 AND CASE WHEN a.type IN ('REDEEM', 'CAPTURE')
                          THEN t.debit_account = a.card_id AND t.credit_account = m.account_id
                          WHEN a.type IN ('LOAD', 'CASHBACK')
                          THEN t.credit_account = a.card_id AND t.debit_account = f.account_id
                          WHEN a.type IN ('CASHBACK_BACK', 'VOID_SALE')
                          THEN t.debit_account = a.card_id AND t.credit_account = f.account_id
                          WHEN a.type = 'TRANSFER_BALANCE_FROM'
                          THEN t.debit_account = a.card_id AND t.credit_account = a.other_card_id
                          WHEN a.type = 'TRANSFER_BALANCE_TO'
                          THEN t.credit_account = a.card_id AND t.debit_account = a.other_card_id
                          WHEN a.type = 'ADJUST_INCREMENT'
                          THEN t.credit_account = a.card_id AND t.debit_account = p.account_id
                          WHEN a.type IN ('ADJUST_DECREMENT', 'EXPIRE', 'FEE', 'PAY_OUT')
                          THEN t.debit_account = a.card_id AND t.credit_account = p.account_id
                          WHEN a.type = 'RENEW' THEN t.debit_account = a.card_id AND t.credit_account = a.card_id
                          ELSE t.credit_account = a.card_id AND t.debit_account = m.account_id END) IS NOT TRUE END

-- split_pieces: entries of several accounts that don't give to each card what its own entry says, or more or less in all
-- than the card that gave
WITH piece AS (
    SELECT t.batch_id, t.entry, t.debit_account, t.credit_account, sum(t.amount_minor) AS minor
    FROM ledger.transfers t
    JOIN (SELECT batch_id, entry FROM ledger.transfers WHERE batch_id BETWEEN $1::bigint AND $2::bigint
          GROUP BY batch_id, entry
          HAVING min(debit_account) <> max(debit_account) OR min(credit_account) <> max(credit_account)) AS m
        ON m.batch_id = t.batch_id AND m.entry = t.entry
    WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint
    GROUP BY t.batch_id, t.entry, t.debit_account, t.credit_account
)
SELECT 'cards.activities ' || p.batch_id || '/' || p.entry,
       'moves ' || p.minor || ' from ' || p.debit_account || ' to ' || p.credit_account || ', the entries say '
       || coalesce(c.amount_minor, 0) || ' of ' || coalesce(g.amount_minor, 0) || ' to children of '
       || coalesce(g.card_id::text, 'none')
FROM (SELECT piece.*, sum(minor) OVER (PARTITION BY batch_id, entry) AS total FROM piece) AS p
LEFT JOIN cards.activities g ON g.batch_id = p.batch_id AND g.ordinal = p.entry AND g.type = 'TRANSFER_BALANCE_FROM'
    AND g.batch_id BETWEEN $1::bigint AND $2::bigint
LEFT JOIN cards.activities c ON c.batch_id = p.batch_id AND c.lead = g.lead AND c.type = 'TRANSFER_BALANCE_TO'
    AND c.card_id = p.credit_account AND c.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE (g.card_id = p.debit_account AND g.amount_minor = p.total AND g.other_card_id IS NULL
       AND c.amount_minor = p.minor AND c.other_card_id = p.debit_account) IS NOT TRUE

-- transfer_activity: transfers of cards that no entry tells of
SELECT 'ledger.transfers ' || t.batch_id || '/' || t.ordinal, 'moves value of a card, and no activity tells of it'
FROM ledger.transfers t
LEFT JOIN cards.activities a ON a.batch_id = t.batch_id AND a.ordinal = t.entry
    AND a.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE t.batch_id BETWEEN $1::bigint AND $2::bigint AND a.batch_id IS NULL
  AND num_nonnulls(t.debit_lot, t.credit_lot) > 0

-- activity_chain: entries that don't follow from the one before them of the same card
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal,
       'balance ' || a.balance_minor || ' with ' || a.held_minor || ' reserved doesn''t follow from the entry before it ('
       || coalesce(a.before_minor || ' with ' || a.before_held, 'not there') || ')'
FROM (SELECT e.*, CASE WHEN e.previous_batch_id = 0 THEN 0 ELSE coalesce(p.balance_minor, o.balance_minor) END AS before_minor,
             CASE WHEN e.previous_batch_id = 0 THEN 0 ELSE coalesce(p.held_minor, o.held_minor) END AS before_held
      FROM cards.activities e
      LEFT JOIN cards.activities p ON p.batch_id = e.previous_batch_id AND p.ordinal = e.previous_ordinal
          AND p.card_id = e.card_id AND (p.batch_id, p.ordinal) < (e.batch_id, e.ordinal)
          AND p.batch_id BETWEEN $1::bigint AND $2::bigint
      -- What came before the range is looked up one by one, however much that is.
      LEFT JOIN LATERAL (
          SELECT x.balance_minor, x.held_minor FROM cards.activities x
          WHERE e.previous_batch_id < $1::bigint AND e.previous_batch_id > 0
            AND x.batch_id = e.previous_batch_id AND x.ordinal = e.previous_ordinal AND x.card_id = e.card_id OFFSET 0
      ) AS o ON true
      WHERE e.batch_id BETWEEN $1::bigint AND $2::bigint) AS a
WHERE (a.before_minor
       + CASE WHEN a.type IN ('REDEEM', 'CAPTURE', 'TRANSFER_BALANCE_FROM', 'ADJUST_DECREMENT', 'EXPIRE', 'CASHBACK_BACK',
                             'FEE', 'PAY_OUT', 'VOID_SALE')
              THEN -a.amount_minor
              WHEN a.type IN ('AUTHORISE', 'VOID', 'RELEASE', 'RENEW') THEN 0
              ELSE a.amount_minor END) IS DISTINCT FROM a.balance_minor
   OR (a.before_held
       + CASE WHEN a.type = 'AUTHORISE' THEN a.amount_minor
              WHEN a.type IN ('CAPTURE', 'VOID', 'RELEASE') THEN -a.amount_minor
              ELSE 0 END) IS DISTINCT FROM a.held_minor

-- hold_entries: holds whose entries don't tell what became of them
SELECT 'ledger.holds ' || coalesce(h.batch_id, e.batch_id) || '/' || coalesce(h.ordinal, e.ordinal),
       'authorised ' || coalesce(h.amount_minor, 0) || ', captured ' || coalesce(h.captured_minor, 0) || ', released '
       || coalesce(h.released_minor, 0) || '; its entries say ' || coalesce(e.authorised, 0) || ', '
       || coalesce(e.captured, 0) || ', ' || coalesce(e.released, 0)
FROM ledger.holds h
FULL JOIN (SELECT coalesce(a.hold_batch_id, a.batch_id) AS batch_id, coalesce(a.hold_ordinal, a.ordinal) AS ordinal,
                  min(a.card_id) AS card_id, max(a.card_id) AS other_id, min(a.merchant_id) AS merchant_id,
                  max(a.merchant_id) AS other_merchant_id,
                  sum(a.amount_minor) FILTER (WHERE a.type = 'AUTHORISE') AS authorised,
                  coalesce(sum(a.amount_minor) FILTER (WHERE a.type = 'CAPTURE'), 0) AS captured,
                  coalesce(sum(a.amount_minor) FILTER (WHERE a.type IN ('VOID', 'RELEASE')), 0) AS released
           FROM cards.activities a WHERE a.type IN ('AUTHORISE', 'CAPTURE', 'VOID', 'RELEASE') GROUP BY 1, 2) AS e
    ON e.batch_id = h.batch_id AND e.ordinal = h.ordinal
LEFT JOIN merchants.merchants m ON m.id = e.merchant_id
WHERE (h.payee_account = m.account_id AND e.other_merchant_id = e.merchant_id AND h.amount_minor = e.authorised AND h.captured_minor = e.captured AND h.released_minor = e.released
       AND e.card_id = h.account_id AND e.other_id = h.account_id) IS NOT TRUE

-- lot_origin: lots that were not carried from another one, and that their entry didn't bring: another source, moment
-- or payer
SELECT 'ledger.lots ' || l.id,
       'comes from ' || l.source || ' at ' || l.funded_at || coalesce(' by ' || l.payer, '') || ', its entry says '
       || coalesce(a.source::text || ' at ' || a.event_at, 'nothing') || coalesce(' by ' || (k.request::json ->> 'payer'), '')
FROM ledger.lots l
LEFT JOIN cards.activities a ON a.batch_id = l.funded_batch_id AND a.ordinal = l.funded_ordinal
    AND a.type IN ('LOAD', 'ADJUST_INCREMENT', 'CASHBACK')
LEFT JOIN ledger.idempotency k ON k.batch_id = l.funded_batch_id AND k.ordinal = l.funded_ordinal
WHERE l.parent_id IS NULL AND l.source <> 'unrecorded'
  AND (l.source = a.source::text AND l.funded_at = a.event_at
       AND l.payer IS NOT DISTINCT FROM k.request::json ->> 'payer') IS NOT TRUE

-- adjust_reason: corrections without a reason, and reasons without a correction
SELECT 'cards.activities ' || coalesce(a.batch_id, r.batch_id) || '/' || coalesce(a.ordinal, r.ordinal),
       CASE WHEN a.batch_id IS NULL THEN 'a reason, and no correction' ELSE 'a correction, and no reason' END
FROM (SELECT * FROM cards.activities WHERE type IN ('ADJUST_INCREMENT', 'ADJUST_DECREMENT')
      UNION ALL
      SELECT * FROM cards.activities WHERE type = 'REVERSAL' AND batch_id > (SELECT batch_id FROM cards.reasons_since)) AS a
FULL JOIN ledger.corrections r ON r.batch_id = a.batch_id AND r.ordinal = a.ordinal
WHERE a.batch_id IS NULL
   OR (r.creates = (a.type = 'ADJUST_INCREMENT')
       AND (a.type <> 'REVERSAL' OR (r.corrects_batch_id = a.redemption_batch_id
                                     AND r.corrects_ordinal = a.redemption_ordinal))) IS NOT TRUE

-- limit_counter: counters that a recount of the entries in their newest window doesn't lead to, those of the cards that a
-- card goes on from among them
WITH RECURSIVE births AS MATERIALIZED (
    -- The cards that go on with the counters of another one, and the entry of that one by which they came to be: what it
    -- had counted before that is theirs as well.
    SELECT c.id, c.parent_id, p.generation < c.generation AS piece, g.batch_id, g.ordinal
    FROM cards.cards c
    JOIN cards.cards p ON p.id = c.parent_id
    JOIN cards.activities t ON t.card_id = c.id AND t.previous_batch_id = 0 AND t.type = 'TRANSFER_BALANCE_TO'
    JOIN cards.activities g ON g.batch_id = t.batch_id AND g.lead = t.lead AND g.card_id = p.id
        AND g.type = 'TRANSFER_BALANCE_FROM'
    WHERE c.inherits
), inherited AS MATERIALIZED (
    -- Of every card whose entries another one goes on from, and up to which (to_…). What went back of them is that one's
    -- too if it went back before the first split in between (back_…; none: whenever).
    SELECT b.id AS card_id, b.parent_id AS source_id, b.batch_id AS to_batch, b.ordinal AS to_ordinal,
           CASE WHEN b.piece THEN b.batch_id END AS back_batch, CASE WHEN b.piece THEN b.ordinal END AS back_ordinal
    FROM births b
    UNION ALL
    SELECT i.card_id, b.parent_id, b.batch_id, b.ordinal, CASE WHEN b.piece THEN b.batch_id ELSE i.back_batch END,
           CASE WHEN b.piece THEN b.ordinal ELSE i.back_ordinal END
    FROM inherited i JOIN births b ON b.id = i.source_id
), moves AS NOT MATERIALIZED (
    -- What flowed, by its place; and what went back of it, by the place of that as well.
    SELECT a.card_id, a.type, a.event_at, a.amount_minor AS minor, 1 AS n, a.batch_id, a.ordinal,
           NULL::bigint AS back_batch, NULL::integer AS back_ordinal
    FROM cards.activities a WHERE a.type IN ('LOAD', 'REDEEM', 'AUTHORISE', 'TRANSFER_BALANCE_FROM')
    UNION ALL
    SELECT o.card_id, o.type, o.event_at, -b.amount_minor, CASE WHEN h.captured_minor > 0 THEN 0 ELSE -1 END,
           o.batch_id, o.ordinal, b.batch_id, b.ordinal
    FROM cards.activities b
    LEFT JOIN cards.activities r ON r.batch_id = b.redemption_batch_id AND r.ordinal = b.redemption_ordinal
    JOIN cards.activities o ON o.batch_id = coalesce(b.hold_batch_id, r.hold_batch_id, b.redemption_batch_id)
        AND o.ordinal = coalesce(b.hold_ordinal, r.hold_ordinal, b.redemption_ordinal)
        AND o.type IN ('REDEEM', 'AUTHORISE')
    LEFT JOIN ledger.holds h ON h.batch_id = o.batch_id AND h.ordinal = o.ordinal
    WHERE b.type IN ('VOID', 'RELEASE', 'REVERSAL')
), flows AS MATERIALIZED (
    -- All of that for each Chinese day: enough for calendar limits of cards and holders.
    SELECT e.card_id, e.own, e.type, e.day_s, sum(e.minor) AS minor, sum(e.n) AS n
    FROM (SELECT m.card_id, true AS own, m.type, m.minor, m.n,
                 (floor(extract(epoch FROM m.event_at))::bigint + 28800) / 86400 * 86400 - 28800 AS day_s
          FROM moves m
          UNION ALL
          SELECT i.card_id, false, m.type, m.minor, m.n,
                 (floor(extract(epoch FROM m.event_at))::bigint + 28800) / 86400 * 86400 - 28800
          FROM inherited i
          JOIN moves m ON m.card_id = i.source_id AND (m.batch_id, m.ordinal) < (i.to_batch, i.to_ordinal)
          WHERE m.back_batch IS NULL OR i.back_batch IS NULL
             OR (m.back_batch, m.back_ordinal) < (i.back_batch, i.back_ordinal)) AS e
    GROUP BY e.card_id, e.own, e.type, e.day_s
), days AS MATERIALIZED (
    SELECT d.day_s, extract(epoch FROM date_trunc('month', to_timestamp(d.day_s) + interval '8 hours', 'UTC')
                            - interval '8 hours')::bigint AS month_s
    FROM (SELECT DISTINCT day_s FROM flows) AS d
), simple AS (
    -- Who is a card by its id, and any other subject by its id below zero.
    SELECT l.id::bigint AS limit_id, CASE WHEN l.subject = 'card' THEN f.card_id ELSE -h.holder_id END AS who,
           CASE l.per WHEN 'day' THEN f.day_s WHEN 'lifetime' THEN 0 ELSE d.month_s END AS start_s, f.minor, f.n
    FROM flows f
    JOIN days d ON d.day_s = f.day_s
    JOIN cards.cards c ON c.id = f.card_id
    JOIN ledger.heads h ON h.id = f.card_id
    JOIN ledger.limits l ON l.scope_id = c.programme_id AND l.book = c.book
        AND l.flow = CASE f.type WHEN 'LOAD' THEN 'load' WHEN 'TRANSFER_BALANCE_FROM' THEN 'transfer' ELSE 'redeem' END
    WHERE l.per IN ('day', 'month', 'lifetime') AND (l.subject = 'card' OR (l.subject = 'holder' AND f.own))
), expected AS MATERIALIZED (
    SELECT limit_id, who, start_s, sum(minor) AS minor, sum(n) AS n FROM simple
    WHERE who IS NOT NULL GROUP BY limit_id, who, start_s
), kept AS MATERIALIZED (
    SELECT a.meters[i] AS limit_id, a.id AS who, a.meters[i + 1] AS start_s, a.meters[i + 2] AS minor,
           a.meters[i + 3] AS count
    FROM ledger.accounts a, generate_series(1, cardinality(a.meters), 4) AS i
    UNION ALL
    SELECT s.meters[i], -s.id, s.meters[i + 1], s.meters[i + 2], s.meters[i + 3]
    FROM ledger.subjects s, generate_series(1, cardinality(s.meters), 4) AS i
), compared AS MATERIALIZED (
    SELECT coalesce(k.limit_id, e.limit_id) AS limit_id, coalesce(k.who, e.who) AS who,
           k.limit_id IS NULL AS unkept, e.start_s
    FROM kept k FULL JOIN expected e ON e.limit_id = k.limit_id AND e.who = k.who AND e.start_s = k.start_s
    WHERE (k.minor = e.minor AND k.count = e.n) IS NOT TRUE
), suspects AS MATERIALIZED (
    -- Whose sums differ (of a backdated entry, say, that counted in a later window), and what has no simple sum;
    -- but not what flowed in windows that are over.
    SELECT DISTINCT c.limit_id, c.who,
           CASE WHEN c.who > 0 THEN 'card:' || c.who WHEN s.ref ~ '^holder:' THEN 'id:' || s.id ELSE s.ref END AS subject
    FROM compared c
    JOIN ledger.limits l ON l.id = c.limit_id AND l.per <> 'balance'
    LEFT JOIN kept k ON k.limit_id = c.limit_id AND k.who = c.who AND k.start_s > c.start_s
    LEFT JOIN ledger.subjects s ON s.id = -c.who
    WHERE NOT c.unkept OR k.limit_id IS NULL
), reach AS (
    -- Whose entries count for a card: its own, and those that it goes on from.
    SELECT c.id AS card_id, c.id AS source_id, true AS own, NULL::bigint AS to_batch, NULL::integer AS to_ordinal,
           NULL::bigint AS back_batch, NULL::integer AS back_ordinal
    FROM cards.cards c
    UNION ALL
    SELECT i.card_id, i.source_id, false, i.to_batch, i.to_ordinal, i.back_batch, i.back_ordinal FROM inherited i
), counted AS (
    SELECT l.id AS limit_id, l.per, l.window_s, a.batch_id, a.ordinal, a.amount_minor, 1 AS n, a.event_at AS at,
           i.back_batch, i.back_ordinal, l.per = 'rolling' OR l.subject NOT IN ('card', 'holder') AS apart,
           CASE WHEN l.subject = 'card' THEN 'card:' || c.id
                WHEN l.subject = 'holder' THEN 'id:' || h.holder_id
                ELSE concat_ws('+', CASE WHEN l.subject ~ 'holder' THEN 'holder' END,
                               CASE WHEN l.subject ~ 'card' THEN 'card' END, CASE WHEN l.subject ~ 'device' THEN 'device' END,
                               CASE WHEN l.subject ~ 'recipient' THEN 'recipient' END) || ':'
                     || CASE WHEN l.subject ~ 'holder' THEN h.holder_id || CASE WHEN l.subject ~ '\+' THEN '+' ELSE '' END
                             ELSE '' END
                     || CASE WHEN l.subject ~ 'card' THEN c.id || CASE WHEN l.subject ~ 'device|recipient' THEN '+'
                                                                             ELSE '' END ELSE '' END
                     || CASE WHEN l.subject ~ 'recipient' AND l.subject ~ 'device'
                             THEN replace(replace(a.device, '%', '%25'), '+', '%2B') || '+'
                             WHEN l.subject ~ 'device' THEN a.device
                             ELSE '' END
                     || CASE WHEN l.subject ~ 'recipient' THEN a.recipient ELSE '' END END AS subject
    FROM ledger.limits l
    JOIN cards.cards c ON c.programme_id = l.scope_id AND c.book = l.book
    JOIN ledger.heads h ON h.id = c.id
    JOIN reach i ON i.card_id = c.id AND (i.own OR l.subject ~ 'card')
    JOIN cards.activities a ON a.card_id = i.source_id
        AND (i.own OR (a.batch_id, a.ordinal) < (i.to_batch, i.to_ordinal))
        AND a.type = ANY (CASE l.flow WHEN 'load' THEN ARRAY['LOAD'] WHEN 'redeem' THEN ARRAY['REDEEM', 'AUTHORISE']
                          ELSE ARRAY['TRANSFER_BALANCE_FROM'] END::cards.activity_type[])
    LEFT JOIN ledger.transfers t ON t.batch_id = a.batch_id AND t.ordinal = a.ordinal AND l.flow = 'transfer'
    WHERE l.per IN ('day', 'month', 'lifetime', 'rolling') AND a.batch_id > l.since_batch_id
      AND (l.flow <> 'transfer' OR t.kind <> 'replacement')
      AND (l.id IN (SELECT s.limit_id FROM suspects s) OR l.per = 'rolling' OR l.subject NOT IN ('card', 'holder'))
), placed AS (
    SELECT c.*, max(CASE c.per
               WHEN 'day' THEN extract(epoch FROM date_trunc('day', c.at + interval '8 hours', 'UTC') - interval '8 hours')
               WHEN 'month' THEN extract(epoch FROM date_trunc('month', c.at + interval '8 hours', 'UTC') - interval '8 hours')
               WHEN 'lifetime' THEN 0
               ELSE floor(floor(extract(epoch FROM c.at)) / ceil(c.window_s / 24.0)) * ceil(c.window_s / 24.0) END)
           OVER (PARTITION BY c.limit_id, c.subject ORDER BY c.batch_id, c.ordinal) AS start_s
    FROM counted c LEFT JOIN suspects s ON s.limit_id = c.limit_id AND s.subject = c.subject
    -- What has no simple sum is counted again also where nothing is kept of it any more.
    WHERE s.limit_id IS NOT NULL OR (c.apart AND c.subject IS NOT NULL)
), newest AS (
    SELECT limit_id, subject, max(start_s)::bigint AS start_s FROM placed GROUP BY limit_id, subject
), given AS (
    -- What went back: voided and expired holds, and reversed redemptions.
    SELECT coalesce(b.hold_batch_id, r.hold_batch_id, b.redemption_batch_id) AS batch_id,
           coalesce(b.hold_ordinal, r.hold_ordinal, b.redemption_ordinal) AS ordinal, b.amount_minor,
           CASE WHEN h.captured_minor > 0 THEN 0 ELSE 1 END AS n, b.batch_id AS back_batch, b.ordinal AS back_ordinal
    FROM cards.activities b
    LEFT JOIN cards.activities r ON r.batch_id = b.redemption_batch_id AND r.ordinal = b.redemption_ordinal
    LEFT JOIN ledger.holds h ON h.batch_id = coalesce(b.hold_batch_id, r.hold_batch_id)
        AND h.ordinal = coalesce(b.hold_ordinal, r.hold_ordinal)
    WHERE b.type IN ('VOID', 'RELEASE', 'REVERSAL')
), gone AS (
    SELECT p.limit_id, p.subject, p.batch_id, p.ordinal, sum(g.amount_minor) AS amount_minor, max(g.n) AS n
    FROM placed p
    JOIN given g ON g.batch_id = p.batch_id AND g.ordinal = p.ordinal
        AND (p.back_batch IS NULL OR (g.back_batch, g.back_ordinal) < (p.back_batch, p.back_ordinal))
    GROUP BY p.limit_id, p.subject, p.batch_id, p.ordinal
), recounted AS (
    SELECT n.limit_id, n.subject, n.start_s,
           sum(p.amount_minor) - coalesce(sum(g.amount_minor) FILTER (WHERE p.own), 0) AS minor,
           sum(p.n) - coalesce(sum(g.n) FILTER (WHERE p.own), 0) AS count
    FROM newest n
    JOIN (SELECT p.*, p.start_s = CASE p.per
                 WHEN 'day' THEN extract(epoch FROM date_trunc('day', p.at + interval '8 hours', 'UTC') - interval '8 hours')
                 WHEN 'month' THEN extract(epoch FROM date_trunc('month', p.at + interval '8 hours', 'UTC') - interval '8 hours')
                 WHEN 'lifetime' THEN 0
                 ELSE floor(floor(extract(epoch FROM p.at)) / ceil(p.window_s / 24.0)) * ceil(p.window_s / 24.0) END AS own
          FROM placed p) AS p
        ON p.limit_id = n.limit_id AND p.subject = n.subject AND p.start_s = n.start_s
    LEFT JOIN gone g ON g.limit_id = p.limit_id AND g.subject = p.subject AND g.batch_id = p.batch_id
        AND g.ordinal = p.ordinal
    GROUP BY n.limit_id, n.subject, n.start_s
)
SELECT 'ledger.limits ' || coalesce(r.limit_id, k.limit_id),
       coalesce(r.subject, k.subject) || ': counted ' || coalesce(k.minor, 0) || ' in ' || coalesce(k.count, 0)
       || ', its entries say ' || coalesce(r.minor, 0) || ' in ' || coalesce(r.count, 0)
FROM recounted r
FULL JOIN (SELECT k.*, s.subject FROM kept k
           JOIN suspects s ON s.limit_id = k.limit_id AND s.who = k.who
           LEFT JOIN newest n ON n.limit_id = k.limit_id AND n.subject = s.subject
           WHERE n.start_s IS NULL OR n.start_s = k.start_s) AS k
    ON k.limit_id = r.limit_id AND k.subject = r.subject
WHERE k.minor IS DISTINCT FROM r.minor OR k.count IS DISTINCT FROM r.count

-- card_account: cards without an account of their own, and card accounts without a card
SELECT 'cards.cards ' || coalesce(c.id, a.id),
       CASE WHEN c.id IS NULL THEN 'an account of kind card has no card'
            ELSE 'its account is not there, or is of another book, kind or asset' END
FROM cards.cards c
JOIN cards.programmes p ON p.id = c.programme_id
FULL JOIN (SELECT * FROM ledger.accounts WHERE kind = 'card') AS a ON a.id = c.id
WHERE (a.constrained AND a.book = c.book AND a.asset = p.asset) IS NOT TRUE

-- card_newest: cards whose newest entry is not where the ledger says, or doesn't tell what they hold
SELECT 'cards.cards ' || c.id,
       'holds ' || h.balance_minor || ', its newest entry says ' || coalesce(a.balance_minor::text, 'nothing')
FROM cards.cards c
JOIN ledger.heads h ON h.id = c.id
LEFT JOIN cards.activities a ON a.batch_id = h.last_batch_id AND a.ordinal = h.last_ordinal AND a.card_id = c.id
WHERE h.balance_minor <> coalesce(a.balance_minor, 0) OR (a.batch_id IS NULL AND c.state <> 'PENDING')

-- card_state: cards whose state is not the one that their history and their restrictions lead to
SELECT 'cards.cards ' || s.id, 'is ' || s.state || ', its history and its restrictions say ' || s.expected
FROM (SELECT c.id, c.state, CASE WHEN h.type = 'DEACTIVATE' THEN 'DEACTIVATED'
                                 WHEN h.type IS NULL AND c.state = 'PENDING' THEN 'PENDING'
                                 WHEN w.card_id IS NOT NULL THEN 'BLOCKED'
                                 ELSE 'ACTIVE' END AS expected
      FROM cards.cards c
      LEFT JOIN (SELECT DISTINCT ON (card_id) card_id, type
                 FROM cards.activities WHERE type IN ('ACTIVATE', 'DEACTIVATE')
                 ORDER BY card_id, batch_id DESC, ordinal DESC) AS h ON h.card_id = c.id
      LEFT JOIN (SELECT DISTINCT card_id FROM cards.restrictions
                 WHERE ended_batch_id IS NULL AND amount_minor IS NULL) AS w ON w.card_id = c.id) AS s
WHERE s.state::text <> s.expected

-- restriction_count: cards that say they have more or fewer restrictions open than there are
SELECT 'cards.cards ' || coalesce(c.id, r.card_id),
       'says that ' || coalesce(c.restrictions, 0) || ' restrictions are open, and there are ' || coalesce(r.open, 0)
FROM (SELECT id, restrictions FROM cards.cards WHERE restrictions <> 0) AS c
FULL JOIN (SELECT card_id, count(*) AS open FROM cards.restrictions WHERE ended_batch_id IS NULL GROUP BY card_id) AS r
    ON r.card_id = c.id
WHERE c.restrictions IS DISTINCT FROM r.open

-- restriction_lifted: restrictions that were lifted by another kind than may, or ended before their term was over
SELECT 'cards.restrictions ' || r.batch_id || '/' || r.ordinal,
       'of kind ' || r.kind || ' was ' || r.ended_as || coalesce(' by ' || r.lifted_kind, '') || ' at ' || r.ended_at
       || coalesce(', its term is ' || r.until_at, '')
FROM cards.restrictions r
WHERE r.ended_batch_id IS NOT NULL
  AND CASE r.ended_as WHEN 'lifted' THEN r.lifted_kind = r.kind OR (r.kind = 'holder' AND r.lifted_kind = 'issuer')
                      WHEN 'lapsed' THEN r.until_at <= r.ended_at
                      ELSE true END IS NOT TRUE

-- restriction_entries: restrictions whose entries are not there or are of something else, and entries without one
SELECT 'cards.restrictions ' || coalesce(r.batch_id, a.batch_id) || '/' || coalesce(r.ordinal, a.ordinal),
       CASE WHEN r.batch_id IS NULL THEN 'an entry ' || a.type || ' made no restriction'
            WHEN a.batch_id IS NULL THEN 'no entry made it'
            ELSE 'was made by ' || a.type || ' of card ' || a.card_id || ', ended as '
                 || coalesce(r.ended_as::text || ' by ' || coalesce(e.type::text || ' of card ' || e.card_id, 'nothing'),
                             'nothing') END
FROM cards.restrictions r
FULL JOIN (SELECT batch_id, ordinal, card_id, type FROM cards.activities WHERE type IN ('RESTRICT', 'BLOCK')) AS a
    ON a.batch_id = r.batch_id AND a.ordinal = r.ordinal
LEFT JOIN cards.activities e ON e.batch_id = r.ended_batch_id AND e.ordinal = r.ended_ordinal
WHERE (a.card_id = r.card_id
       AND (r.ended_batch_id IS NULL
            OR (e.card_id = r.card_id AND CASE r.ended_as WHEN 'lifted' THEN e.type IN ('LIFT', 'UNBLOCK')
                                                          WHEN 'lapsed' THEN e.type = 'LAPSE'
                                                          ELSE e.type NOT IN ('LIFT', 'UNBLOCK', 'LAPSE', 'CONTINUE') END))) IS NOT TRUE
UNION ALL
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal, a.type || ' ended no restriction'
FROM cards.activities a
LEFT JOIN cards.restrictions r ON r.ended_batch_id = a.batch_id AND r.ended_ordinal = a.ordinal
WHERE a.type IN ('LIFT', 'UNBLOCK', 'LAPSE') AND r.batch_id IS NULL

-- restriction_continued: restrictions that were continued otherwise than what continued them says, or after their end, and
-- entries that continued none
SELECT 'cards.restrictions ' || k.restriction_batch_id || '/' || k.restriction_ordinal,
       'was continued by ' || coalesce(a.type || ' of card ' || a.card_id, 'nothing') || ' until '
       || coalesce(k.until_at::text, 'it is lifted') || ' under ' || k.document || ', then it lasted until '
       || coalesce(k.then_until::text, 'it is lifted') || ' under ' || coalesce(k.then_document, 'nothing')
FROM (SELECT c.*, r.card_id, r.temporary, r.authority AS whose, r.ended_batch_id, r.ended_ordinal,
             CASE WHEN c.last THEN r.until_at ELSE c.next_until END AS then_until,
             CASE WHEN c.last THEN r.document ELSE c.next_document END AS then_document
      FROM (SELECT x.*, lead(x.until_before) OVER w AS next_until, lead(x.document_before) OVER w AS next_document,
                   lead(x.batch_id) OVER w IS NULL AS last
            FROM cards.continuations x
            WINDOW w AS (PARTITION BY x.restriction_batch_id, x.restriction_ordinal ORDER BY x.batch_id, x.ordinal)) AS c
      LEFT JOIN cards.restrictions r ON r.batch_id = c.restriction_batch_id AND r.ordinal = c.restriction_ordinal) AS k
LEFT JOIN cards.activities a ON a.batch_id = k.batch_id AND a.ordinal = k.ordinal
WHERE (a.type = 'CONTINUE' AND a.card_id = k.card_id AND NOT k.temporary AND k.document = k.then_document
       AND k.until_at IS NOT DISTINCT FROM k.then_until AND (k.restriction_batch_id, k.restriction_ordinal) < (k.batch_id, k.ordinal)
       AND (k.ended_batch_id IS NULL OR (k.batch_id, k.ordinal) < (k.ended_batch_id, k.ended_ordinal))) IS NOT TRUE
UNION ALL
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal, a.type || ' continued no restriction'
FROM cards.activities a
LEFT JOIN cards.continuations k ON k.batch_id = a.batch_id AND k.ordinal = a.ordinal
WHERE a.type = 'CONTINUE' AND k.batch_id IS NULL

-- refund_total: redemptions of which more went back than was paid, or not what the refunds say
SELECT 'cards.refund_totals ' || coalesce(t.batch_id, r.batch_id) || '/' || coalesce(t.ordinal, r.ordinal),
       'paid ' || coalesce(a.amount_minor::text, 'nothing') || ', refunded ' || coalesce(t.refunded_minor, 0)
       || ', refunds add up to ' || coalesce(r.amount_minor, 0)
FROM cards.refund_totals t
FULL JOIN (SELECT redemption_batch_id AS batch_id, redemption_ordinal AS ordinal, sum(amount_minor) AS amount_minor
           FROM cards.refund_parts GROUP BY 1, 2) AS r ON r.batch_id = t.batch_id AND r.ordinal = t.ordinal
LEFT JOIN cards.activities a ON a.batch_id = coalesce(t.batch_id, r.batch_id)
    AND a.ordinal = coalesce(t.ordinal, r.ordinal) AND a.type IN ('REDEEM', 'CAPTURE')
WHERE (t.refunded_minor = r.amount_minor AND t.paid_minor = a.amount_minor
       AND t.refunded_minor <= a.amount_minor) IS NOT TRUE

-- refund_parts: refunds whose parts don't add up, or went to another merchant, or to another card than the one that paid,
-- what took over from it, or one of the same programme and holder that was asked for
WITH RECURSIVE heirs AS MATERIALIZED (
    SELECT h.id AS of_id, h.successor_id AS card_id FROM ledger.heads h WHERE h.successor_id IS NOT NULL
    UNION ALL
    SELECT e.of_id, h.successor_id FROM heirs e JOIN ledger.heads h ON h.id = e.card_id WHERE h.successor_id IS NOT NULL
)
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal,
       a.type || ' of ' || a.amount_minor || ', its parts add up to ' || coalesce(s.amount_minor, 0)
       || ', of other cards or merchants: ' || coalesce(s.strange, 0)
FROM cards.activities a
LEFT JOIN (SELECT p.batch_id, p.ordinal, sum(p.amount_minor) AS amount_minor,
                  count(*) FILTER (WHERE ((o.card_id = f.card_id OR heir.card_id IS NOT NULL OR like_it.id IS NOT NULL)
                                          AND o.merchant_id = f.merchant_id) IS NOT TRUE) AS strange
           FROM cards.refund_parts p
           JOIN cards.activities f ON f.batch_id = p.batch_id AND f.ordinal = p.ordinal
           LEFT JOIN cards.activities o ON o.batch_id = p.redemption_batch_id AND o.ordinal = p.redemption_ordinal
           LEFT JOIN heirs heir ON heir.of_id = o.card_id AND heir.card_id = f.card_id
           LEFT JOIN cards.cards paid ON paid.id = o.card_id
           LEFT JOIN ledger.idempotency k ON k.batch_id = f.batch_id AND k.ordinal = f.ordinal
           LEFT JOIN cards.cards like_it ON like_it.id = f.card_id AND like_it.programme_id = paid.programme_id
               AND like_it.holder_ref IS NOT DISTINCT FROM paid.holder_ref
               AND k.request::json ->> 'to_card' = like_it.id::text
           GROUP BY p.batch_id, p.ordinal) AS s ON s.batch_id = a.batch_id AND s.ordinal = a.ordinal
WHERE a.type IN ('REFUND', 'REVERSAL') AND (s.amount_minor = a.amount_minor AND s.strange = 0) IS NOT TRUE

-- closed_card: cards that are closed and hold something
SELECT 'cards.cards ' || c.id, 'is DEACTIVATED and holds ' || h.balance_minor || ', of which ' || h.held_minor || ' is reserved'
FROM cards.cards c JOIN ledger.heads h ON h.id = c.id
WHERE c.state::text = 'DEACTIVATED' AND (h.balance_minor <> 0 OR h.held_minor <> 0)

-- card_expiry: cards that expire at another time than the newest of their expiries, or whose expiry no entry changed
SELECT 'cards.cards ' || coalesce(c.id, e.card_id),
       'expires ' || coalesce(c.expires_at::text, 'never') || ', its history says ' || coalesce(e.expires_at::text, 'never')
       || CASE WHEN e.unentered THEN ', without an entry' ELSE '' END
FROM cards.cards c
FULL JOIN (SELECT DISTINCT ON (x.card_id) x.card_id, x.expires_at,
                  bool_or(x.later AND a.batch_id IS NULL) OVER (PARTITION BY x.card_id) AS unentered
           FROM (SELECT y.*, row_number() OVER (PARTITION BY y.card_id ORDER BY y.batch_id) > 1 AS later
                 FROM cards.expiries y) AS x
           LEFT JOIN (SELECT DISTINCT batch_id, card_id FROM cards.activities WHERE type = 'RENEW') AS a
               ON a.batch_id = x.batch_id AND a.card_id = x.card_id
           ORDER BY x.card_id, x.batch_id DESC) AS e ON e.card_id = c.id
WHERE c.id IS NULL OR c.expires_at IS DISTINCT FROM e.expires_at OR e.unentered

-- reminder_line: cards that don't stand in the line for reminders of their programme, and what stands there that is none
SELECT 'cards.reminders ' || coalesce(r.card_id, c.id),
       'stands in the line of programme ' || coalesce(r.programme_id::text, 'none') || ', its card is of '
       || coalesce(c.programme_id::text, 'none')
FROM cards.cards c
FULL JOIN cards.reminders r ON r.card_id = c.id
WHERE r.programme_id IS DISTINCT FROM c.programme_id

-- payout_register: pay-outs that the register doesn't tell of, or of another amount or book
SELECT 'cards.payouts ' || coalesce(p.batch_id, a.batch_id) || '/' || coalesce(p.ordinal, a.lead),
       'the register says ' || coalesce(p.amount_minor, 0) || ' with a fee of ' || coalesce(p.fee_minor, 0)
       || ', the entries ' || coalesce(a.amount_minor, 0) || ' and ' || coalesce(a.fee_minor, 0)
FROM cards.payouts p
FULL JOIN (SELECT e.batch_id, e.lead, min(e.card_id) AS card_id, sum(e.amount_minor) AS amount_minor,
                  coalesce(sum(e.amount_minor) FILTER (WHERE e.type = 'FEE'), 0) AS fee_minor
           FROM cards.activities e
           -- A fee is also taken for a replacement, from the card that is new.
           JOIN cards.activities g ON g.batch_id = e.batch_id AND g.ordinal = e.lead AND g.type IN ('PAY_OUT', 'FEE')
           WHERE e.type IN ('PAY_OUT', 'FEE') GROUP BY e.batch_id, e.lead) AS a
    ON a.batch_id = p.batch_id AND a.lead = p.ordinal
LEFT JOIN cards.cards c ON c.id = p.card_id
WHERE (c.book = p.book AND p.card_id = a.card_id AND p.amount_minor = a.amount_minor AND p.fee_minor = a.fee_minor) IS NOT TRUE

-- lineage: cards that come from one of another programme, root, holder (but by a gift) or generation (which a split
-- moves on and a re-issue doesn't), or without an entry of it; that go on with its counters though they are a gift, or don't
SELECT 'cards.cards ' || c.id,
       'comes from ' || c.parent_id || ' of root ' || coalesce(p.root_id::text, 'none') || ', it says root ' || c.root_id
       || ', generation ' || c.generation || CASE WHEN c.inherits THEN ', inherits' ELSE ', begins anew' END
FROM cards.cards c
LEFT JOIN cards.cards p ON p.id = c.parent_id
LEFT JOIN (SELECT DISTINCT ON (card_id, other_card_id) card_id, other_card_id, batch_id, lead FROM cards.activities
           WHERE type = 'TRANSFER_BALANCE_TO' ORDER BY card_id, other_card_id, batch_id, ordinal) AS a
    ON a.card_id = c.id AND a.other_card_id = c.parent_id
LEFT JOIN ledger.heads h ON h.id = c.parent_id
LEFT JOIN cards.gifts g ON g.claimed_card_id = c.id
WHERE c.parent_id IS NOT NULL
  AND (p.root_id = c.root_id AND p.programme_id = c.programme_id AND p.book = c.book AND a.card_id IS NOT NULL
       AND p.generation + CASE WHEN h.successor_id = c.id THEN 0 ELSE 1 END = c.generation
       AND (c.came_batch_id IS NULL OR (c.came_batch_id, c.came_lead) = (a.batch_id, a.lead))
       AND c.inherits = (SELECT CASE WHEN g.card_id IS NULL THEN a.batch_id > s.batch_id
                                     ELSE c.holder_ref IS NULL AND a.batch_id > s.bearers_batch_id END
                         FROM cards.inherits_since s)
       AND CASE WHEN g.card_id = p.id THEN (p.holder_ref IS NULL) = (c.holder_ref IS NULL)
                ELSE p.holder_ref IS NOT DISTINCT FROM c.holder_ref END) IS NOT TRUE

-- reissue: cards whose place another took, and that live on: not closed, holding something, or given
SELECT 'cards.cards ' || c.id,
       'is ' || c.state || ' and holds ' || h.balance_minor || ', though card ' || s.id || ' took its place'
FROM cards.cards s
JOIN ledger.heads h ON h.id = s.parent_id AND h.successor_id = s.id
JOIN cards.cards c ON c.id = h.id
LEFT JOIN cards.gifts g ON g.card_id = c.id AND g.state = 'OFFERED' AND g.claim_until > h.now_at
WHERE c.state <> 'DEACTIVATED' OR h.balance_minor <> 0 OR g.batch_id IS NOT NULL

-- gift_entries: gifts that the history of their cards doesn't tell of so, and entries of gifts that are not there
SELECT 'cards.gifts ' || coalesce(g.batch_id, o.batch_id) || '/' || coalesce(g.ordinal, o.ordinal),
       CASE WHEN g.batch_id IS NULL THEN 'an entry says that it was offered, and it is not there'
            ELSE 'is ' || g.state || ' of card ' || g.card_id || ', its entries say '
                 || coalesce(o.type || ' of card ' || o.card_id, 'nothing') || ' and '
                 || coalesce(e.type || ' of card ' || e.card_id, 'nothing') END
FROM cards.gifts g
FULL JOIN (SELECT * FROM cards.activities WHERE type = 'GIFT_OFFER') AS o
    ON o.batch_id = g.batch_id AND o.ordinal = g.ordinal
LEFT JOIN cards.activities e ON e.batch_id = g.ended_batch_id AND e.ordinal = g.ended_ordinal
LEFT JOIN cards.cards c ON c.id = g.card_id
LEFT JOIN ledger.heads h ON h.id = g.card_id
WHERE (o.card_id = g.card_id AND c.book = g.book
       AND CASE g.state WHEN 'OFFERED' THEN e.batch_id IS NULL
                        WHEN 'CLAIMED' THEN e.card_id = g.card_id AND e.type = 'TRANSFER_BALANCE_FROM'
                                            AND e.other_card_id = g.claimed_card_id AND h.successor_id = g.claimed_card_id
                        ELSE e.card_id = g.card_id AND e.type = 'GIFT_RETURN' END) IS NOT TRUE
UNION ALL
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal, 'a gift went back, and no gift ended with it'
FROM cards.activities a
LEFT JOIN cards.gifts g ON g.ended_batch_id = a.batch_id AND g.ended_ordinal = a.ordinal
WHERE a.type = 'GIFT_RETURN' AND g.batch_id IS NULL

-- gift_words: words whose gift isn't there, or of another book, that don't know its end, or are under a key that isn't in
-- force; gifts whose giver isn't the holder of their card
SELECT 'cards.gift_words ' || w.batch_id || '/' || w.ordinal,
       CASE WHEN g.batch_id IS NULL THEN 'their gift is not there, or of another book'
            WHEN w.ended_batch_id IS DISTINCT FROM g.ended_batch_id
                THEN 'ended in batch ' || coalesce(w.ended_batch_id::text, 'none') || ', their gift in '
                     || coalesce(g.ended_batch_id::text, 'none')
            ELSE 'their key ' || encode(w.key, 'hex') || ' is not in force' END
FROM cards.gift_words w
LEFT JOIN cards.gifts g ON g.batch_id = w.batch_id AND g.ordinal = w.ordinal AND g.book = w.book
LEFT JOIN identity.vault_keys k ON k.fingerprint = encode(w.key, 'hex') AND k.state IN ('current', 'old')
WHERE g.batch_id IS NULL OR w.ended_batch_id IS DISTINCT FROM g.ended_batch_id
   OR (k.fingerprint IS NULL AND w.key <> '')
UNION ALL
SELECT 'cards.gifts ' || g.batch_id || '/' || g.ordinal,
       'given by ' || coalesce(g.giver_ref, 'nobody') || ', and its card is of ' || coalesce(c.holder_ref, 'nobody')
FROM cards.gifts g JOIN cards.cards c ON c.id = g.card_id
WHERE c.holder_ref IS DISTINCT FROM g.giver_ref

-- gift_lock: cards that wait for nobody, and cards given that can be spent meanwhile
SELECT 'cards.cards ' || c.id,
       'waits until ' || coalesce(c.gift_until::text, 'never') || ', its gift until ' || coalesce(g.claim_until::text, 'never')
FROM cards.cards c
JOIN ledger.heads h ON h.id = c.id
LEFT JOIN cards.gifts g ON g.card_id = c.id AND g.state = 'OFFERED' AND g.claim_until > h.now_at
WHERE c.gift_until IS DISTINCT FROM g.claim_until AND greatest(c.gift_until, g.claim_until) > h.now_at
  AND (c.state <> 'DEACTIVATED' OR g.batch_id IS NOT NULL)

-- tally: sums of a day that the loads since its first batch don't add up to
WITH loads AS (
    SELECT c.book, a.batch_id, (floor(extract(epoch FROM b.recorded_at))::bigint + 28800) / 86400 * 86400 - 28800 AS day_s,
           a.amount_minor, c.holder_ref IS NULL AS bearer, a.source = 'cash' AS cash, c.root_id,
           coalesce('payer:' || coalesce(k.request::json ->> 'payer', c.holder_ref), 'root:' || c.root_id) AS who
    FROM cards.activities a
    JOIN cards.cards c ON c.id = a.card_id
    JOIN ledger.batches b ON b.id = a.batch_id
    JOIN ledger.idempotency k ON k.batch_id = a.batch_id AND k.ordinal = a.ordinal
    WHERE a.type = 'LOAD' AND a.source <> 'bonus'
          AND a.batch_id >= (SELECT min(t.since_batch_id) FROM cards.tallies t WHERE t.since_batch_id > 0)
), summed AS (
    SELECT t.book, t.who, coalesce(sum(l.amount_minor), 0) AS load_minor,
           coalesce(sum(l.amount_minor) FILTER (WHERE l.bearer), 0) AS bearer_minor,
           coalesce(sum(l.amount_minor) FILTER (WHERE l.cash), 0) AS cash_minor
    FROM cards.tallies t
    LEFT JOIN (SELECT * FROM loads
               UNION ALL
               SELECT book, batch_id, day_s, amount_minor, bearer, cash, root_id, 'cash:' || root_id FROM loads WHERE cash
               UNION ALL
               SELECT book, batch_id, day_s, amount_minor, bearer, cash, root_id, 'root:' || root_id FROM loads
               WHERE bearer AND who <> 'root:' || root_id) AS l
        ON l.book = t.book AND l.who = t.who AND l.batch_id >= t.since_batch_id
        -- A sandbox's time is moved by hand: there it is the first batch alone that tells the day.
        AND (l.day_s = t.day_s OR EXISTS (SELECT 1 FROM ledger.clocks x WHERE x.book = t.book))
    WHERE t.since_batch_id > 0
    GROUP BY t.book, t.who
)
SELECT 'cards.tallies ' || t.book || '/' || t.who,
       'has ' || t.load_minor || ' (bearer ' || t.bearer_minor || ', cash ' || t.cash_minor || '), its loads say '
       || s.load_minor || ' (' || s.bearer_minor || ', ' || s.cash_minor || ')'
FROM cards.tallies t
JOIN summed s ON s.book = t.book AND s.who = t.who
WHERE (t.load_minor, t.bearer_minor, t.cash_minor) IS DISTINCT FROM (s.load_minor, s.bearer_minor, s.cash_minor)

-- judgement_book: what the law noted in another book than that of its batch, or of a batch that isn't there
SELECT 'cards.judgements ' || j.book || '/' || j.batch_id || '/' || j.ordinal,
       'its batch is of book ' || coalesce(b.book::text, 'none')
FROM cards.judgements j
LEFT JOIN ledger.batches b ON b.id = j.batch_id
WHERE b.book IS DISTINCT FROM j.book

-- tender: rests of tenders that no payment leaves, or that leave nothing
SELECT 'cards.tenders ' || t.batch_id || '/' || t.ordinal,
       'asked for ' || t.asked_minor || ', approved ' || coalesce(a.amount_minor::text, 'nothing')
FROM cards.tenders t
LEFT JOIN cards.activities a ON a.batch_id = t.batch_id AND a.ordinal = t.ordinal AND a.type IN ('REDEEM', 'AUTHORISE')
WHERE (t.asked_minor > a.amount_minor) IS NOT TRUE

-- basket: payments whose lines don't come to what was asked for, or of whose lines more or less was paid than in all
SELECT 'cards.activities ' || l.batch_id || '/' || l.ordinal,
       'pays ' || coalesce(a.amount_minor::text, 'nothing') || ' of ' || coalesce(t.asked_minor, a.amount_minor, 0)
       || ', its lines say ' || l.paid_minor || ' of ' || l.amount_minor || ' in ' || l.lines
FROM (SELECT batch_id, ordinal, sum(amount_minor) AS amount_minor, sum(paid_minor) AS paid_minor, count(*) AS lines,
             max(line) AS last FROM cards.basket_lines GROUP BY batch_id, ordinal) AS l
LEFT JOIN cards.activities a ON a.batch_id = l.batch_id AND a.ordinal = l.ordinal AND a.type IN ('REDEEM', 'AUTHORISE')
LEFT JOIN cards.tenders t ON t.batch_id = l.batch_id AND t.ordinal = l.ordinal
WHERE (l.paid_minor = a.amount_minor AND l.amount_minor = coalesce(t.asked_minor, a.amount_minor) AND l.last = l.lines)
      IS NOT TRUE

-- cashback_given: cashback that was given for nothing, of another card, twice or not as its entry says, or beyond five
-- per cent, which no document passes; and entries of cashback that nothing tells of
SELECT 'cards.cashbacks ' || coalesce(c.batch_id, g.redemption_batch_id) || '/' || coalesce(c.ordinal, g.redemption_ordinal),
       'gives ' || coalesce(c.given_minor, 0) || ' for ' || coalesce(p.amount_minor, 0) || ', its entries say '
       || coalesce(g.amount_minor, 0)
FROM cards.cashbacks c
FULL JOIN (SELECT redemption_batch_id, redemption_ordinal, sum(amount_minor) AS amount_minor, min(card_id) AS card_id,
                  count(*) AS n
           FROM cards.activities WHERE type = 'CASHBACK' GROUP BY 1, 2) AS g
    ON g.redemption_batch_id = c.batch_id AND g.redemption_ordinal = c.ordinal
LEFT JOIN cards.activities p ON p.batch_id = c.batch_id AND p.ordinal = c.ordinal AND p.type IN ('REDEEM', 'CAPTURE')
WHERE (c.given_minor = g.amount_minor AND g.n = 1 AND c.card_id = g.card_id AND c.card_id = p.card_id
       AND c.given_minor::numeric * 20 <= p.amount_minor
       AND c.day = (p.event_at AT TIME ZONE 'UTC' + interval '8 hours')::date) IS NOT TRUE

-- cashback_taken: cashback of which not that much fell back which is refunded in proportion, or not what its entries say
SELECT 'cards.cashbacks ' || coalesce(c.batch_id, b.redemption_batch_id) || '/' || coalesce(c.ordinal, b.redemption_ordinal),
       coalesce(c.taken_minor, 0) || ' of ' || coalesce(c.given_minor, 0) || ' fell back where '
       || coalesce(t.refunded_minor, 0) || ' of ' || coalesce(t.paid_minor, 0) || ' was refunded, its entries say '
       || coalesce(b.amount_minor, 0)
FROM cards.cashbacks c
FULL JOIN (SELECT redemption_batch_id, redemption_ordinal, sum(amount_minor) AS amount_minor
           FROM cards.activities WHERE type = 'CASHBACK_BACK' GROUP BY 1, 2) AS b
    ON b.redemption_batch_id = c.batch_id AND b.redemption_ordinal = c.ordinal
LEFT JOIN cards.refund_totals t ON t.batch_id = c.batch_id AND t.ordinal = c.ordinal
WHERE (c.taken_minor = coalesce(b.amount_minor, 0)
       AND c.taken_minor = CASE WHEN t.batch_id IS NULL THEN 0
                                ELSE div(c.given_minor::numeric * t.refunded_minor, t.paid_minor) END) IS NOT TRUE

-- pin_flag: cards that ask for a PIN without having one, that have one without asking, or that are closed and have one
SELECT 'cards.cards ' || c.id,
       'is ' || c.state || CASE WHEN c.has_pin THEN ', asks for a PIN' ELSE ', asks for none' END
       || CASE WHEN p.card_id IS NULL THEN ', and has none' ELSE ', and has one' END
FROM cards.cards c
LEFT JOIN cards.pins p ON p.card_id = c.id
WHERE c.has_pin <> (p.card_id IS NOT NULL) OR (c.has_pin AND c.state::text = 'DEACTIVATED')

-- pin_made_for: PINs whose hash was made for a card that theirs neither is nor comes from (not by a gift, with which none
-- goes along), or for another one though they were set or changed on theirs
WITH RECURSIVE line AS (
    SELECT card_id, made_for, card_id AS ancestor_id FROM cards.pins WHERE made_for <> card_id
    UNION
    SELECT l.card_id, l.made_for, c.parent_id
    FROM line l
    JOIN cards.cards c ON c.id = l.ancestor_id AND c.parent_id IS NOT NULL
    WHERE l.ancestor_id <> l.made_for
      AND NOT EXISTS (SELECT 1 FROM cards.gifts g WHERE g.claimed_card_id = c.id)
)
SELECT 'cards.pins ' || p.card_id,
       'was made for card ' || p.made_for || CASE WHEN l.card_id IS NULL THEN ', from which its card doesn''t come'
                                                  ELSE ', and its card was given one of its own' END
FROM cards.pins p
LEFT JOIN line l ON l.card_id = p.card_id AND l.ancestor_id = p.made_for
LEFT JOIN (SELECT DISTINCT card_id FROM cards.activities WHERE type IN ('SET_PIN', 'CHANGE_PIN')) AS a
    ON a.card_id = p.card_id
WHERE p.made_for <> p.card_id AND (l.card_id IS NULL OR a.card_id IS NOT NULL)

-- pay_code_live: pay codes that could pay from a card that is stopped or was replaced
SELECT 'cards.pay_codes ' || encode(k.code_hash, 'hex'),
       'lives, and its card ' || k.card_id || CASE WHEN h.successor_id IS NOT NULL THEN ' was replaced'
                                                  ELSE ' is ' || coalesce(c.state::text, 'not there') END
FROM cards.pay_codes k
LEFT JOIN cards.cards c ON c.id = k.card_id
LEFT JOIN ledger.heads h ON h.id = k.card_id
WHERE k.batch_id IS NULL AND k.killed_at IS NULL
  AND (c.state::text = 'ACTIVE' AND h.successor_id IS NULL AND c.book = k.book) IS NOT TRUE

-- pay_code_used: pay codes whose entry isn't a payment of their card, or that share it with another one
SELECT 'cards.pay_codes ' || encode(k.code_hash, 'hex'),
       'was used at ' || k.batch_id || '/' || k.ordinal || ', where '
       || coalesce(a.type || ' of card ' || a.card_id, 'nothing') || ' stands'
FROM cards.pay_codes k
LEFT JOIN cards.activities a ON a.batch_id = k.batch_id AND a.ordinal = k.ordinal
WHERE k.batch_id IS NOT NULL
  AND (a.card_id = k.card_id AND a.type IN ('REDEEM', 'AUTHORISE')
       AND NOT EXISTS (SELECT 1 FROM cards.pay_codes o WHERE o.batch_id = k.batch_id AND o.ordinal = k.ordinal
                       AND o.code_hash <> k.code_hash)) IS NOT TRUE

-- stock_way: cards of stocks that aren't where their history and their sale lead to: usable without a sale, sold before
-- they were received, received before they were printed, written off and not closed, or after a sale that stands
SELECT 'cards.stock_cards ' || c.card_id,
       'is ' || c.state || ', its card ' || coalesce(n.state::text, 'not there') || '; printed at '
       || coalesce(h.printed::text, 'no time') || ', received at ' || coalesce(h.received::text, 'no time') || ', sold at '
       || coalesce('{' || s.batch_id || ',' || s.ordinal || '}', 'no time')
FROM cards.stock_cards c
LEFT JOIN cards.cards n ON n.id = c.card_id
LEFT JOIN cards.sales s ON s.card_id = c.card_id
LEFT JOIN cards.voided_sales v ON v.card_id = c.card_id
LEFT JOIN (SELECT card_id, min(ARRAY[batch_id, ordinal]) FILTER (WHERE type = 'PRINT') AS printed,
                  min(ARRAY[batch_id, ordinal]) FILTER (WHERE type = 'RECEIVE') AS received
           FROM cards.activities WHERE type IN ('PRINT', 'RECEIVE') GROUP BY card_id) AS h ON h.card_id = c.card_id
WHERE CASE WHEN c.state IN ('SOLD', 'CALLED_OFF')
           THEN s.card_id IS NOT NULL AND v.card_id IS NULL AND h.printed < h.received
                AND h.received < ARRAY[s.batch_id, s.ordinal]
                AND n.state::text = ANY (CASE c.state WHEN 'SOLD' THEN ARRAY['ACTIVE', 'BLOCKED', 'DEACTIVATED']
                                                      ELSE ARRAY['BLOCKED', 'DEACTIVATED'] END)
           WHEN c.state = 'WRITTEN_OFF' THEN (s.card_id IS NULL) = (v.card_id IS NULL) AND n.state = 'DEACTIVATED'
           ELSE s.card_id IS NULL AND n.state = 'PENDING'
                AND CASE c.state WHEN 'CREATED' THEN h.printed IS NULL AND h.received IS NULL
                                 WHEN 'PRINTED' THEN h.printed IS NOT NULL AND h.received IS NULL
                                 ELSE h.printed < h.received END END IS NOT TRUE

-- stock_count: stocks that say they have more or fewer cards in a state at a place than there are
SELECT 'cards.stock_counts ' || coalesce(k.stock_id, c.stock_id) || '/' || coalesce(k.state, c.state) || '/'
       || coalesce(k.merchant_id, c.merchant_id) || '/' || coalesce(k.place, c.place),
       'says ' || coalesce(k.cards, 0) || ' cards, and there are ' || coalesce(c.cards, 0)
FROM (SELECT stock_id, state, merchant_id, place, sum(cards) AS cards FROM cards.stock_counts
      GROUP BY stock_id, state, merchant_id, place) AS k
FULL JOIN (SELECT stock_id, state, coalesce(merchant_id, 0) AS merchant_id, coalesce(place, '') AS place, count(*) AS cards
           FROM cards.stock_cards GROUP BY 1, 2, 3, 4) AS c
    ON c.stock_id = k.stock_id AND c.state = k.state AND c.merchant_id = k.merchant_id AND c.place = k.place
WHERE coalesce(k.cards, 0) <> coalesce(c.cards, 0)

-- stock_sale: sales whose card wasn't loaded with that amount from that source, is of another stock, or is usable from
-- another moment on
SELECT 'cards.sales ' || s.card_id,
       'of stock ' || s.stock_id || ' sold for ' || s.amount_minor || ' against ' || s.payment_ref || ' by '
       || coalesce(p.source::text, 'nothing') || ' to be used from ' || s.active_at || '; its load is '
       || coalesce(a.amount_minor || ' by ' || a.source, 'not there') || ', its card of stock '
       || coalesce(k.stock_id::text, 'none') || ' used from ' || coalesce(c.active_at::text, 'no time')
FROM cards.sales s
LEFT JOIN cards.cards c ON c.id = s.card_id
LEFT JOIN cards.stock_cards k ON k.card_id = s.card_id
LEFT JOIN cards.payments p ON p.book = s.book AND p.reference = s.payment_ref
LEFT JOIN cards.activities a ON a.batch_id = s.batch_id AND a.ordinal = s.ordinal AND a.type = 'LOAD'
WHERE (a.card_id = s.card_id AND a.amount_minor = s.amount_minor AND a.source = p.source AND p.asset = s.asset
       AND c.book = s.book AND c.active_at = s.active_at AND k.stock_id = s.stock_id) IS NOT TRUE

-- payment_used: payments of which more was used than was paid, or not what was sold against them
SELECT 'cards.payments ' || p.book || '/' || p.reference,
       'paid ' || p.amount_minor || ', used ' || p.used_minor || ', sold for ' || coalesce(s.amount_minor, 0)
FROM cards.payments p
LEFT JOIN (SELECT book, payment_ref, sum(amount_minor) AS amount_minor FROM cards.sales GROUP BY book, payment_ref) AS s
    ON s.book = p.book AND s.payment_ref = p.reference
WHERE (p.used_minor = s.amount_minor AND p.used_minor <= p.amount_minor) IS NOT TRUE

-- payment_refunded: payments of which more or less counts as refunded than was undone of what was sold against them
SELECT 'cards.payments ' || p.book || '/' || p.reference,
       'used ' || p.used_minor || ', refunded ' || p.refunded_minor || ', undone ' || coalesce(v.amount_minor, 0)
FROM cards.payments p
LEFT JOIN (SELECT s.book, s.payment_ref, sum(s.amount_minor) AS amount_minor
           FROM cards.voided_sales v JOIN cards.sales s ON s.card_id = v.card_id GROUP BY s.book, s.payment_ref) AS v
    ON v.book = p.book AND v.payment_ref = p.reference
WHERE p.refunded_minor <> coalesce(v.amount_minor, 0) OR p.refunded_minor > p.used_minor

-- voided_sale: undone sales whose card holds something, or of which not all went back to the source that it was loaded
-- from, or that nobody stands up for; and entries of one that was never undone
SELECT 'cards.voided_sales ' || coalesce(v.card_id, e.card_id),
       'sold for ' || coalesce(s.amount_minor, 0) || ' by ' || coalesce(p.source::text, 'nothing') || ', its entries say '
       || coalesce(e.amount_minor, 0) || ' to ' || coalesce(e.source::text, 'nothing') || ', its card holds '
       || coalesce(h.balance_minor::text, 'nothing')
FROM cards.voided_sales v
FULL JOIN (SELECT * FROM cards.activities WHERE type = 'VOID_SALE' AND ordinal = lead) AS e
    ON e.batch_id = v.batch_id AND e.ordinal = v.ordinal AND e.card_id = v.card_id
LEFT JOIN cards.sales s ON s.card_id = v.card_id
LEFT JOIN cards.payments p ON p.book = s.book AND p.reference = s.payment_ref
LEFT JOIN cards.stock_cards c ON c.card_id = v.card_id
LEFT JOIN cards.stock_steps t ON t.stock_id = c.stock_id AND t.batch_id = v.batch_id AND t.ordinal = v.ordinal
    AND t.step = 'VOID_SALE' AND t.reason <> ''
LEFT JOIN ledger.heads h ON h.id = v.card_id
WHERE (e.amount_minor = s.amount_minor AND e.source = p.source AND h.balance_minor = 0 AND t.batch_id IS NOT NULL) IS NOT TRUE

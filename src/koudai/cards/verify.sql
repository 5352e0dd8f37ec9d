-- activity_key: entries that no accepted key led to
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal, 'no key was answered with it'
FROM cards.activities a
LEFT JOIN (SELECT batch_id, ordinal FROM ledger.idempotency
           WHERE batch_id BETWEEN $1::bigint AND $2::bigint AND refusal IS NULL) AS k
    ON k.batch_id = a.batch_id AND k.ordinal = a.ordinal
WHERE a.batch_id BETWEEN $1::bigint AND $2::bigint AND k.batch_id IS NULL

-- key_activity: keys of commands on cards that were accepted without an entry, or refused with one
SELECT 'ledger.idempotency ' || k.book || '/' || k.key,
       CASE WHEN k.refusal IS NULL THEN 'accepted, and no activity at ' ELSE 'refused, and an activity at ' END
       || k.batch_id || '/' || k.ordinal
FROM ledger.idempotency k
LEFT JOIN cards.activities a ON a.batch_id = k.batch_id AND a.ordinal = k.ordinal
    AND a.batch_id BETWEEN $1::bigint AND $2::bigint
WHERE k.batch_id BETWEEN $1::bigint AND $2::bigint
  AND CASE WHEN k.refusal IS NOT NULL THEN a.batch_id IS NOT NULL
           WHEN (k.request::jsonb ->> 'verb') IN ('activate', 'block', 'unblock', 'load', 'redeem', 'refund', 'reverse')
           THEN a.batch_id IS NULL
           ELSE false END

-- activity_transfer: entries whose transfer is missing, or moves something else
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal,
       a.type || ' of ' || a.amount_minor || ', and its transfer '
       || coalesce('moves ' || t.amount_minor || ' from ' || t.debit_account || ' to ' || t.credit_account, 'is not there')
FROM cards.activities a
LEFT JOIN ledger.transfers t ON t.batch_id = a.batch_id AND t.ordinal = a.ordinal
    AND t.batch_id BETWEEN $1::bigint AND $2::bigint
LEFT JOIN merchants.merchants m ON m.id = a.merchant_id
LEFT JOIN (SELECT c.id AS card_id, f.source, f.account_id
           FROM cards.cards c JOIN cards.funding_accounts f ON f.programme_id = c.programme_id) AS s
    ON s.card_id = a.card_id AND s.source = a.source
WHERE a.batch_id BETWEEN $1::bigint AND $2::bigint
  AND CASE WHEN a.type IN ('ACTIVATE', 'BLOCK', 'UNBLOCK') THEN t.batch_id IS NOT NULL OR a.amount_minor <> 0
           ELSE (t.amount_minor = a.amount_minor
                 AND CASE a.type WHEN 'REDEEM' THEN t.debit_account = a.card_id AND t.credit_account = m.account_id
                                 WHEN 'LOAD' THEN t.credit_account = a.card_id AND t.debit_account = s.account_id
                                 ELSE t.credit_account = a.card_id AND t.debit_account = m.account_id END) IS NOT TRUE END

-- activity_chain: entries that don't follow from the one before them of the same card
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal,
       'balance ' || a.balance_minor || ' doesn''t follow from the entry before it ('
       || coalesce(p.balance_minor::text, 'not there') || ')'
FROM cards.activities a
LEFT JOIN cards.activities p ON p.batch_id = a.previous_batch_id AND p.ordinal = a.previous_ordinal
    AND p.card_id = a.card_id AND (p.batch_id, p.ordinal) < (a.batch_id, a.ordinal)
WHERE a.batch_id BETWEEN $1::bigint AND $2::bigint
  AND (CASE WHEN a.previous_batch_id = 0 THEN 0 ELSE p.balance_minor END
       + CASE WHEN a.type = 'REDEEM' THEN -a.amount_minor ELSE a.amount_minor END) IS DISTINCT FROM a.balance_minor

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

-- card_state: cards whose state is not the one that their history leads to
SELECT 'cards.cards ' || c.id, 'is ' || c.state || ', its history says ' || s.state
FROM cards.cards c
JOIN (SELECT DISTINCT ON (card_id) card_id,
             CASE type WHEN 'BLOCK' THEN 'BLOCKED' ELSE 'ACTIVE' END AS state
      FROM cards.activities WHERE type IN ('ACTIVATE', 'BLOCK', 'UNBLOCK')
      ORDER BY card_id, batch_id DESC, ordinal DESC) AS s ON s.card_id = c.id
WHERE c.state::text <> s.state

-- refund_total: redemptions of which more went back than was paid, or not what the refunds say
SELECT 'cards.refund_totals ' || coalesce(t.batch_id, r.batch_id) || '/' || coalesce(t.ordinal, r.ordinal),
       'paid ' || coalesce(a.amount_minor::text, 'nothing') || ', refunded ' || coalesce(t.refunded_minor, 0)
       || ', refunds add up to ' || coalesce(r.amount_minor, 0)
FROM cards.refund_totals t
FULL JOIN (SELECT redemption_batch_id AS batch_id, redemption_ordinal AS ordinal, sum(amount_minor) AS amount_minor
           FROM cards.refund_parts GROUP BY 1, 2) AS r ON r.batch_id = t.batch_id AND r.ordinal = t.ordinal
LEFT JOIN cards.activities a ON a.batch_id = coalesce(t.batch_id, r.batch_id)
    AND a.ordinal = coalesce(t.ordinal, r.ordinal) AND a.type = 'REDEEM'
WHERE (t.refunded_minor = r.amount_minor AND t.paid_minor = a.amount_minor
       AND t.refunded_minor <= a.amount_minor) IS NOT TRUE

-- refund_parts: refunds whose parts don't add up, or went to another card or merchant than the one that paid
SELECT 'cards.activities ' || a.batch_id || '/' || a.ordinal,
       a.type || ' of ' || a.amount_minor || ', its parts add up to ' || coalesce(s.amount_minor, 0)
       || ', of other cards or merchants: ' || coalesce(s.strange, 0)
FROM cards.activities a
LEFT JOIN (SELECT p.batch_id, p.ordinal, sum(p.amount_minor) AS amount_minor,
                  count(*) FILTER (WHERE (o.card_id = f.card_id AND o.merchant_id = f.merchant_id) IS NOT TRUE) AS strange
           FROM cards.refund_parts p
           JOIN cards.activities f ON f.batch_id = p.batch_id AND f.ordinal = p.ordinal
           LEFT JOIN cards.activities o ON o.batch_id = p.redemption_batch_id AND o.ordinal = p.redemption_ordinal
           GROUP BY p.batch_id, p.ordinal) AS s ON s.batch_id = a.batch_id AND s.ordinal = a.ordinal
WHERE a.type IN ('REFUND', 'REVERSAL') AND (s.amount_minor = a.amount_minor AND s.strange = 0) IS NOT TRUE

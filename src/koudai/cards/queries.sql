-- add_programme: a new programme
INSERT INTO cards.programmes (book, name, asset, number_prefix, max_balance_minor, max_load_minor, draw_order)
VALUES ($1::int, $2::text, $3::text, $4::text, $5::bigint, $6::bigint, $7::text)
RETURNING id, name, asset, number_prefix, max_balance_minor, max_load_minor, created_at, draw_order

-- add_funding: the accounts that a programme's loads are debited to
INSERT INTO cards.funding_accounts (programme_id, source, account_id)
SELECT $1::int, f.source::cards.funding_source, f.account FROM unnest($2::text[], $3::bigint[]) AS f (source, account)

-- find_programmes: programmes of a book by id
SELECT id, name, asset, number_prefix, max_balance_minor, max_load_minor, created_at, draw_order
FROM cards.programmes WHERE id = ANY ($2::int[]) AND book = $1::int

-- page_programmes: the next programmes of a book after an id
SELECT id, name, asset, number_prefix, max_balance_minor, max_load_minor, created_at, draw_order
FROM cards.programmes WHERE book = $1::int AND id > $2::int ORDER BY id LIMIT $3::int

-- add_cards: new cards
INSERT INTO cards.cards
    (id, book, programme_id, state, last4, number_hash, number_sealed, holder_ref, issued_at, promised_at, root_id, parent_id,
     generation, inherits, came_batch_id, came_lead)
SELECT c.id, $1::int, c.programme_id, c.state::cards.state, c.last4, c.number_hash, c.number_sealed, c.holder_ref,
       c.issued_at, c.promised_at, c.root_id, c.parent_id, c.generation, c.inherits,
       CASE WHEN c.came_lead IS NOT NULL THEN $2::bigint END, c.came_lead
FROM unnest($3::bigint[], $4::int[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::text[], $10::timestamptz[],
            $11::timestamptz[], $12::bigint[], $13::bigint[], $14::int[], $15::boolean[], $16::int[])
    AS c (id, programme_id, state, last4, number_hash, number_sealed, holder_ref, issued_at, promised_at, root_id,
          parent_id, generation, inherits, came_lead)

-- ids_of_numbers: cards of a book by the hashes of their numbers
SELECT number_hash, id FROM cards.cards WHERE number_hash = ANY ($2::bytea[]) AND book = $1::int

-- cards_of_codes: cards of a book by the hashes of their pay codes
SELECT code_hash, card_id FROM cards.pay_codes WHERE code_hash = ANY ($2::bytea[]) AND book = $1::int

-- read_cards: the state of cards, once they are locked
SELECT id, state::text, programme_id, holder_ref, issued_at, promised_at, root_id, parent_id, generation, restrictions,
       gift_until, has_pin, active_at, expires_at, inherits
FROM cards.cards WHERE id = ANY ($2::bigint[]) AND book = $1::int

-- roots: the roots that cards come from
SELECT c.id, c.root_id
-- One by one, as in find_cards.
FROM unnest($2::bigint[]) AS u (id)
JOIN LATERAL (SELECT x.* FROM cards.cards x WHERE x.id = u.id OFFSET 0) AS c ON c.book = $1::int

-- receivers: whom limits count as who gets what goes to cards: their holders, of bearer cards all of one root
SELECT id, coalesce(holder_ref, 'root:' || root_id) FROM cards.cards
WHERE id = ANY ($2::bigint[]) AND book = $1::int

-- hands: the newest of a card and those it comes from that was claimed as a gift, else its root
WITH RECURSIVE line AS (
    SELECT c.id AS card_id, c.id, c.parent_id FROM cards.cards c WHERE c.id = ANY ($2::bigint[]) AND c.book = $1::int
    UNION ALL
    SELECT l.card_id, p.id, p.parent_id FROM line l
    JOIN LATERAL (SELECT x.id, x.parent_id FROM cards.cards x WHERE x.id = l.parent_id OFFSET 0) AS p ON true
    WHERE NOT EXISTS (SELECT FROM cards.gifts g WHERE g.claimed_card_id = l.id)
)
-- A card is younger than what it comes from, so the walk ends at the least id.
SELECT card_id, min(id) FROM line GROUP BY card_id

-- count_pieces: how many cards were split off roots, through all generations
SELECT c.root_id, count(*)
-- Root by root: by book as well a session that began with few cards walks all of a book.
FROM unnest($2::bigint[]) AS r (id)
JOIN LATERAL (SELECT x.* FROM cards.cards x WHERE x.root_id = r.id AND x.parent_id IS NOT NULL OFFSET 0) AS c
    ON c.book = $1::int
-- A card that took the place of its parent is of its generation, and no piece of it.
JOIN LATERAL (SELECT x.generation FROM cards.cards x WHERE x.id = c.parent_id OFFSET 0) AS p
    ON p.generation < c.generation
GROUP BY c.root_id

-- page_family: the next cards of a book that come from a root, after an id
SELECT c.id, c.programme_id, cards.state_at_v1(c.id, c.state, c.restrictions, a.now_at), c.last4, c.holder_ref, p.asset,
       a.balance_minor, c.issued_at, a.last_batch_id, a.last_ordinal, a.successor_id, a.held_minor,
       cards.left_at_v1(c.id, ledger.available_v1(a.id, a.lots, a.due_at, a.now_at), c.restrictions, a.now_at), c.parent_id, c.root_id, c.generation,
       c.expires_at
-- By the root alone, whose book they are of: by book as well a session that began with few cards walks all of a book.
FROM (SELECT x.* FROM cards.cards x WHERE x.root_id = $2::bigint AND x.parent_id IS NOT NULL AND x.id > $3::bigint
      ORDER BY x.id LIMIT $4::int) AS c
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.heads a ON a.id = c.id
WHERE c.book = $1::int ORDER BY c.id

-- programmes_of_book: all programmes of a book
SELECT id, name, asset, number_prefix, max_balance_minor, max_load_minor, created_at, draw_order
FROM cards.programmes WHERE book = $1::int

-- funding_of_book: the accounts that loads are debited to, of all programmes of a book
SELECT f.programme_id, f.source::text, f.account_id FROM cards.funding_accounts f
WHERE f.programme_id = ANY (ARRAY(SELECT p.id FROM cards.programmes p WHERE p.book = $1::int))

-- accounts_of_book: the accounts for corrections and expired value, of all programmes of a book
SELECT a.programme_id, a.purpose, a.account_id FROM cards.programme_accounts a
WHERE a.programme_id = ANY (ARRAY(SELECT p.id FROM cards.programmes p WHERE p.book = $1::int))

-- add_account: an account of a programme for a purpose; none is answered when another process made it
INSERT INTO cards.programme_accounts (programme_id, purpose, account_id) VALUES ($1::int, $2::text, $3::bigint)
ON CONFLICT DO NOTHING RETURNING account_id

-- redemptions: redemptions by place, with what was given back of them
SELECT f.* FROM unnest($1::bigint[], $2::int[]) AS u (batch_id, ordinal)
JOIN LATERAL (
    SELECT a.batch_id, a.ordinal, a.card_id, a.merchant_id, a.amount_minor, coalesce(t.refunded_minor, 0),
           coalesce(o.event_at, a.event_at), coalesce(o.device, a.device), o.batch_id IS NULL, a.event_at,
           a.lead
    FROM cards.activities a
    -- What was captured was counted when its hold was authorised.
    LEFT JOIN LATERAL (
        SELECT x.* FROM cards.activities x WHERE x.batch_id = a.hold_batch_id AND x.ordinal = a.hold_ordinal OFFSET 0
    ) AS o ON true
    LEFT JOIN cards.refund_totals t ON t.batch_id = u.batch_id AND t.ordinal = u.ordinal
    WHERE a.batch_id = u.batch_id AND a.ordinal = u.ordinal AND a.type IN ('REDEEM', 'CAPTURE') AND a.amount_minor > 0
    OFFSET 0
) AS f ON true

-- captured_together: the other captures of groups, by the first of each
SELECT a.batch_id, a.ordinal FROM unnest($1::bigint[], $2::int[]) AS u (batch_id, ordinal)
JOIN LATERAL (SELECT x.type FROM cards.activities x WHERE x.batch_id = u.batch_id AND x.ordinal = u.ordinal OFFSET 0) AS f
    ON f.type::text = 'CAPTURE'
JOIN LATERAL (
    SELECT x.batch_id, x.ordinal FROM cards.activities x
    WHERE x.batch_id = u.batch_id AND x.lead = u.ordinal AND x.ordinal <> u.ordinal AND x.type::text = 'CAPTURE' OFFSET 0
) AS a ON true

-- refundable: the newest redemptions of cards at merchants that cover what is asked back
SELECT r.batch_id, r.ordinal, w.card_id, w.merchant_id, r.paid_minor, r.refunded_minor, r.event_at, r.device, true,
       r.event_at, NULL::integer
FROM unnest($1::bigint[], $2::int[], $3::bigint[]) AS w (card_id, merchant_id, need)
JOIN LATERAL (SELECT * FROM ledger.heads h WHERE h.id = w.card_id OFFSET 0) AS a ON true
JOIN LATERAL cards.refundable_v2(w.card_id, w.merchant_id, w.need, a.last_batch_id, a.last_ordinal) AS r ON true

-- merchants_of_holds: the merchants that holds were authorised for
SELECT a.batch_id, a.ordinal, a.merchant_id FROM unnest($1::bigint[], $2::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (SELECT * FROM cards.activities x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0) AS a
    ON true

-- cards_of_entries: the cards that entries are of
SELECT a.batch_id, a.ordinal, a.card_id FROM unnest($1::bigint[], $2::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (SELECT * FROM cards.activities x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0) AS a
    ON true

-- add_activities: what happened to cards
INSERT INTO cards.activities
    (batch_id, ordinal, lead, card_id, type, amount_minor, balance_minor, held_minor, merchant_id, source,
     redemption_batch_id, redemption_ordinal, hold_batch_id, hold_ordinal, other_card_id, device, recipient,
     previous_batch_id, previous_ordinal, event_at)
SELECT $1::bigint, a.ordinal, a.lead, a.card_id, a.type::cards.activity_type, a.amount_minor, a.balance_minor,
       a.held_minor, a.merchant_id, a.source::cards.funding_source, a.redemption_batch_id, a.redemption_ordinal,
       a.hold_batch_id, a.hold_ordinal, a.other_card_id, a.device, a.recipient, a.previous_batch_id, a.previous_ordinal,
       a.event_at
FROM unnest($2::int[], $3::int[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::int[],
            $10::text[], $11::bigint[], $12::int[], $13::bigint[], $14::int[], $15::bigint[], $16::text[], $17::text[],
            $18::bigint[], $19::int[], $20::timestamptz[])
    AS a (ordinal, lead, card_id, type, amount_minor, balance_minor, held_minor, merchant_id, source,
          redemption_batch_id, redemption_ordinal, hold_batch_id, hold_ordinal, other_card_id, device, recipient,
          previous_batch_id, previous_ordinal, event_at)

-- set_states: new states of locked cards
SELECT cards.set_states_v1($1::bigint[], $2::text[])

-- set_expiries: new expiries of locked cards
SELECT cards.set_expiries_v1($1::bigint, $2::bigint[], $3::timestamptz[])

-- add_payouts: what was paid out for closed cards, for the register
INSERT INTO cards.payouts
    (book, batch_id, ordinal, card_id, amount_minor, fee_minor, paid_to, account_ref, identity_ref, buyer_ref, reason, made_by)
SELECT $1::int, $2::bigint, p.* FROM unnest($3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
                                            $9::text[], $10::text[], $11::text[], $12::text[]) AS p

-- payouts: the register of a book's cards that were handed back, after a place
SELECT p.batch_id, p.ordinal, p.card_id, p.amount_minor, p.fee_minor, g.asset, p.paid_to, p.account_ref, p.identity_ref,
       p.buyer_ref, p.reason, p.made_by, b.recorded_at
FROM cards.payouts p
JOIN cards.cards c ON c.id = p.card_id
JOIN cards.programmes g ON g.id = c.programme_id
JOIN ledger.batches b ON b.id = p.batch_id
WHERE p.book = $1::int AND (p.batch_id, p.ordinal) > ($2::bigint, $3::int) ORDER BY p.batch_id, p.ordinal LIMIT $4::int

-- refund: lays refunds on redemptions
SELECT cards.refund_v1($1::bigint, $2::int[], $3::bigint[], $4::int[], $5::bigint[])

-- activities: activities by place
SELECT a.batch_id, a.ordinal, a.card_id, a.type::text, a.amount_minor, p.asset, a.balance_minor, a.merchant_id,
       a.source::text, a.redemption_batch_id, a.redemption_ordinal, a.event_at, b.recorded_at, a.held_minor,
       a.hold_batch_id, a.hold_ordinal, a.other_card_id,
       (SELECT t.asked_minor FROM cards.tenders t WHERE t.batch_id = a.batch_id AND t.ordinal = a.ordinal),
       (SELECT json_agg(json_build_array(l.sku, l.goods_class, l.amount_minor, l.paid_minor, l.refusal) ORDER BY l.line)::text
        FROM cards.basket_lines l WHERE l.batch_id = a.batch_id AND l.ordinal = a.ordinal)
FROM unnest($2::bigint[], $3::int[]) AS w (batch_id, ordinal)
JOIN cards.activities a ON a.batch_id = w.batch_id AND a.ordinal = w.ordinal
JOIN cards.cards c ON c.id = a.card_id AND c.book = $1::int
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.batches b ON b.id = a.batch_id

-- history: entries of a card from a place backwards
WITH RECURSIVE walk AS (
    SELECT a.*, 1 AS step FROM cards.activities a
    WHERE a.batch_id = $3::bigint AND a.ordinal = $4::int AND a.card_id = $2::bigint
    UNION ALL
    SELECT a.*, w.step + 1 FROM walk w
    JOIN cards.activities a ON a.batch_id = w.previous_batch_id AND a.ordinal = w.previous_ordinal
    WHERE w.step < $5::int AND a.card_id = $2::bigint
)
SELECT a.batch_id, a.ordinal, a.card_id, a.type::text, a.amount_minor, p.asset, a.balance_minor, a.merchant_id,
       a.source::text, a.redemption_batch_id, a.redemption_ordinal, a.event_at, b.recorded_at, a.held_minor,
       a.hold_batch_id, a.hold_ordinal, a.other_card_id,
       (SELECT t.asked_minor FROM cards.tenders t WHERE t.batch_id = a.batch_id AND t.ordinal = a.ordinal),
       (SELECT json_agg(json_build_array(l.sku, l.goods_class, l.amount_minor, l.paid_minor, l.refusal) ORDER BY l.line)::text
        FROM cards.basket_lines l WHERE l.batch_id = a.batch_id AND l.ordinal = a.ordinal)
FROM walk a
JOIN cards.cards c ON c.id = a.card_id AND c.book = $1::int
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.batches b ON b.id = a.batch_id
ORDER BY a.step

-- find_cards: cards of a book by id, with what they hold
SELECT c.id, c.programme_id, cards.state_at_v1(c.id, c.state, c.restrictions, a.now_at), c.last4, c.holder_ref, p.asset,
       a.balance_minor, c.issued_at, a.last_batch_id, a.last_ordinal, a.successor_id, a.held_minor,
       cards.left_at_v1(c.id, ledger.available_v1(a.id, a.lots, a.due_at, a.now_at), c.restrictions, a.now_at), c.parent_id, c.root_id, c.generation,
       c.expires_at
-- One by one: by book as well a session that began with few cards walks all of a book.
FROM unnest($2::bigint[]) AS u (id)
JOIN LATERAL (SELECT x.* FROM cards.cards x WHERE x.id = u.id OFFSET 0) AS c ON c.book = $1::int
JOIN cards.programmes p ON p.id = c.programme_id
JOIN LATERAL (SELECT x.* FROM ledger.heads x WHERE x.id = c.id OFFSET 0) AS a ON true

-- cards_of_holder: how many cards of a holder are open, when the last one ended, and of which programmes they are
SELECT count(*) FILTER (WHERE c.state <> 'DEACTIVATED'), max(a.event_at) FILTER (WHERE c.state = 'DEACTIVATED'),
       array_agg(DISTINCT c.programme_id)::int[]
FROM cards.cards c
JOIN LATERAL (SELECT x.* FROM ledger.heads x WHERE x.id = c.id OFFSET 0) AS h ON true
LEFT JOIN LATERAL (
    SELECT x.event_at FROM cards.activities x WHERE x.batch_id = h.last_batch_id AND x.ordinal = h.last_ordinal OFFSET 0
) AS a ON true
WHERE c.book = $1::int AND c.holder_ref = $2::text

-- page_cards: the next cards of a book after an id
SELECT c.id, c.programme_id, cards.state_at_v1(c.id, c.state, c.restrictions, a.now_at), c.last4, c.holder_ref, p.asset,
       a.balance_minor, c.issued_at, a.last_batch_id, a.last_ordinal, a.successor_id, a.held_minor,
       cards.left_at_v1(c.id, ledger.available_v1(a.id, a.lots, a.due_at, a.now_at), c.restrictions, a.now_at), c.parent_id, c.root_id, c.generation,
       c.expires_at
FROM cards.cards c
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.heads a ON a.id = c.id
WHERE c.book = $1::int AND c.id > $2::bigint ORDER BY c.id LIMIT $3::int

-- sealed_numbers: the encrypted numbers of cards
SELECT id, number_sealed FROM cards.cards WHERE id = ANY ($2::bigint[]) AND book = $1::int

-- times_of_batches: when batches were recorded
SELECT id, recorded_at FROM ledger.batches WHERE id = ANY ($1::bigint[])

-- page_judgements: what the law had to say of the next entries of a book behind a place; all of an entry or nothing
SELECT j.batch_id, j.ordinal, coalesce(nullif(j.card_id, 0), a.card_id, 0), j.point, j.pack, j.noted, j.pilots,
       b.recorded_at
FROM (
    SELECT DISTINCT n.batch_id, n.ordinal FROM cards.judgements n
    WHERE n.book = $1::int AND (n.batch_id, n.ordinal) > ($2::bigint, $3::int)
    ORDER BY n.batch_id, n.ordinal LIMIT $4::int
) AS e
JOIN cards.judgements j ON j.book = $1::int AND j.batch_id = e.batch_id AND j.ordinal = e.ordinal
JOIN ledger.batches b ON b.id = e.batch_id
LEFT JOIN cards.activities a ON a.batch_id = e.batch_id AND a.ordinal = e.ordinal
ORDER BY j.batch_id, j.ordinal, j.card_id, j.point

-- programmes_with_cards: which of these programmes have cards
SELECT p.id FROM unnest($1::int[]) AS p (id)
WHERE EXISTS (SELECT 1 FROM cards.cards c WHERE c.programme_id = p.id)

-- open_restrictions: the restrictions of locked cards that have not ended, in the order of their queues
SELECT batch_id, ordinal, card_id, kind::text, authority, document, amount_minor, until_at, temporary, made_by
FROM cards.restrictions WHERE card_id = ANY ($1::bigint[]) AND ended_batch_id IS NULL ORDER BY batch_id, ordinal

-- restrict: enters restrictions of locked cards
SELECT cards.restrict_v1($1::bigint, $2::int[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                         $8::timestamptz[], $9::boolean[], $10::text[])

-- continue_restrictions: continues restrictions of locked cards
SELECT cards.continue_restrictions_v1($1::bigint, $2::timestamptz, $3::int[], $4::bigint[], $5::int[], $6::timestamptz[],
                                      $7::text[], $8::text[], $9::text[])

-- temporary_freezes: by whom and by which document locked cards, or those whose place they took, were frozen for a while
WITH RECURSIVE line AS (
    SELECT c.id AS card_id, c.id, c.parent_id, c.generation FROM cards.cards c WHERE c.id = ANY ($1::bigint[])
    UNION ALL
    SELECT l.card_id, p.id, p.parent_id, p.generation FROM line l
    JOIN LATERAL (SELECT * FROM cards.cards x WHERE x.id = l.parent_id OFFSET 0) AS p ON p.generation = l.generation
)
SELECT l.card_id, r.kind::text, r.authority, coalesce(k.document_before, r.document)
FROM line l
JOIN LATERAL (SELECT * FROM cards.restrictions x WHERE x.card_id = l.id OFFSET 0) AS r ON true
LEFT JOIN LATERAL (
    SELECT x.document_before FROM cards.continuations x
    WHERE x.restriction_batch_id = r.batch_id AND x.restriction_ordinal = r.ordinal AND x.temporary_before OFFSET 0
) AS k ON true
WHERE r.temporary OR k.document_before IS NOT NULL

-- continuations_of_card: how the restrictions of a card were continued, in that order
SELECT k.restriction_batch_id, k.restriction_ordinal, k.batch_id, k.ordinal, k.until_at, k.until_before, k.document,
       k.document_before, k.made_by, k.at
FROM cards.restrictions r
JOIN cards.continuations k ON k.restriction_batch_id = r.batch_id AND k.restriction_ordinal = r.ordinal
WHERE r.card_id = $1::bigint ORDER BY k.batch_id, k.ordinal

-- end_restrictions: ends restrictions of locked cards
SELECT cards.end_restrictions_v1($1::bigint, $2::timestamptz, $3::bigint[], $4::int[], $5::int[], $6::text[], $7::text[],
                                 $8::text[], $9::text[], $10::text[])

-- restrictions_of_card: all restrictions of a card in the order of their queue, and what it holds that none has reserved
SELECT r.batch_id, r.ordinal, r.card_id, r.kind::text, r.authority, r.document, r.amount_minor, r.until_at, r.temporary,
       r.made_by, m.event_at, r.ended_batch_id, r.ended_ordinal, r.ended_as::text, r.ended_at, r.lifted_kind::text,
       r.lifted_authority, r.lifted_document, r.lifted_by,
       r.ended_batch_id IS NULL AND (r.until_at IS NULL OR r.until_at > a.now_at), a.balance_minor - a.held_minor
FROM cards.restrictions r
JOIN ledger.heads a ON a.id = r.card_id
JOIN cards.activities m ON m.batch_id = r.batch_id AND m.ordinal = r.ordinal
WHERE r.card_id = ANY ($1::bigint[]) ORDER BY r.batch_id, r.ordinal

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
     generation)
SELECT c.id, $1::int, c.programme_id, c.state::cards.state, c.last4, c.number_hash, c.number_sealed, c.holder_ref,
       c.issued_at, c.promised_at, c.root_id, c.parent_id, c.generation
FROM unnest($2::bigint[], $3::int[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[], $9::timestamptz[],
            $10::timestamptz[], $11::bigint[], $12::bigint[], $13::int[])
    AS c (id, programme_id, state, last4, number_hash, number_sealed, holder_ref, issued_at, promised_at, root_id,
          parent_id, generation)

-- ids_of_numbers: cards of a book by the hashes of their numbers
SELECT number_hash, id FROM cards.cards WHERE number_hash = ANY ($2::bytea[]) AND book = $1::int

-- read_cards: the state of cards, once they are locked
SELECT id, state::text, programme_id, holder_ref, issued_at, promised_at, root_id, parent_id, generation, restrictions,
       gift_until, has_pin, active_at, expires_at
FROM cards.cards WHERE id = ANY ($2::bigint[]) AND book = $1::int

-- roots: the roots that cards come from
SELECT id, root_id FROM cards.cards
WHERE id = ANY ($2::bigint[]) AND book = $1::int

-- count_pieces: how many cards were split off roots, through all generations
SELECT c.root_id, count(*) FROM cards.cards c
-- A card that took the place of its parent is of its generation, and no piece of it.
JOIN LATERAL (SELECT x.generation FROM cards.cards x WHERE x.id = c.parent_id OFFSET 0) AS p
    ON p.generation < c.generation
WHERE c.root_id = ANY ($2::bigint[]) AND c.parent_id IS NOT NULL AND c.book = $1::int GROUP BY c.root_id

-- page_family: the next cards of a book that come from a root, after an id
SELECT c.id, c.programme_id, cards.state_at_v1(c.id, c.state, c.restrictions, a.now_at), c.last4, c.holder_ref, p.asset,
       a.balance_minor, c.issued_at, a.last_batch_id, a.last_ordinal, a.successor_id, a.held_minor,
       cards.left_at_v1(c.id, ledger.available_v1(a.id, a.lots, a.due_at, a.now_at), c.restrictions, a.now_at), c.parent_id, c.root_id, c.generation,
       c.expires_at
FROM cards.cards c
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.heads a ON a.id = c.id
WHERE c.root_id = $2::bigint AND c.parent_id IS NOT NULL AND c.book = $1::int AND c.id > $3::bigint ORDER BY c.id LIMIT $4::int

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
           coalesce(o.event_at, a.event_at), coalesce(o.device, a.device), o.batch_id IS NULL
    FROM cards.activities a
    -- What was captured was counted when its hold was authorised.
    LEFT JOIN LATERAL (
        SELECT x.* FROM cards.activities x WHERE x.batch_id = a.hold_batch_id AND x.ordinal = a.hold_ordinal OFFSET 0
    ) AS o ON true
    LEFT JOIN cards.refund_totals t ON t.batch_id = u.batch_id AND t.ordinal = u.ordinal
    WHERE a.batch_id = u.batch_id AND a.ordinal = u.ordinal AND a.type IN ('REDEEM', 'CAPTURE') AND a.amount_minor > 0
    OFFSET 0
) AS f ON true

-- refundable: the newest redemptions of cards at merchants that cover what is asked back
SELECT r.batch_id, r.ordinal, w.card_id, w.merchant_id, r.paid_minor, r.refunded_minor, r.event_at, r.device, true
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
    (batch_id, ordinal, card_id, amount_minor, fee_minor, paid_to, account_ref, identity_ref, buyer_ref, reason, made_by)
SELECT $1::bigint, p.* FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],
                                   $8::text[], $9::text[], $10::text[], $11::text[]) AS p

-- payouts: the register of a book's cards that were handed back, after a place
SELECT p.batch_id, p.ordinal, p.card_id, p.amount_minor, p.fee_minor, g.asset, p.paid_to, p.account_ref, p.identity_ref,
       p.buyer_ref, p.reason, p.made_by, b.recorded_at
FROM cards.payouts p
JOIN cards.cards c ON c.id = p.card_id
JOIN cards.programmes g ON g.id = c.programme_id
JOIN ledger.batches b ON b.id = p.batch_id
WHERE c.book = $1::int AND (p.batch_id, p.ordinal) > ($2::bigint, $3::int) ORDER BY p.batch_id, p.ordinal LIMIT $4::int

-- cards_to_renew: the next cards, after an id, of programmes that renew by themselves, whose time is over
SELECT c.id FROM cards.cards c
JOIN ledger.heads a ON a.id = c.id
WHERE c.book = $1::int AND c.programme_id = ANY ($2::int[]) AND c.expires_at <= $3::timestamptz AND c.id > $4::bigint
  AND c.state::text <> 'DEACTIVATED' AND a.successor_id IS NULL
ORDER BY c.id LIMIT $5::int

-- cards_with_notices: the next cards, after an id, of programmes that remind their holders, with their last use
SELECT c.id, c.programme_id, c.holder_ref, c.promised_at, c.expires_at, c.last4, p.asset, a.balance_minor,
       coalesce(cards.last_use_v1(c.id, a.last_batch_id, a.last_ordinal), c.issued_at)
FROM cards.cards c
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.heads a ON a.id = c.id
WHERE c.book = $1::int AND c.programme_id = ANY ($2::int[]) AND c.id > $3::bigint AND c.state::text = 'ACTIVE'
  AND a.balance_minor > 0 AND a.successor_id IS NULL
ORDER BY c.id LIMIT $4::int

-- notices_of_cards: the reminders that were taken, of cards
SELECT card_id, kind, days, of_at FROM cards.notices WHERE card_id = ANY ($1::bigint[])

-- take_notices: notes reminders as taken; those that another taker has are left out
INSERT INTO cards.notices (card_id, kind, days, of_at, batch_id, ordinal)
SELECT n.*, $5::bigint, $6::int FROM unnest($1::bigint[], $2::text[], $3::int[], $4::timestamptz[]) AS n
ON CONFLICT DO NOTHING RETURNING card_id, kind, days, of_at

-- notices_taken: the reminders that were taken under a key
SELECT n.card_id, n.kind, n.days, n.of_at, c.holder_ref, c.last4, p.asset, a.balance_minor
FROM cards.notices n
JOIN cards.cards c ON c.id = n.card_id AND c.book = $1::int
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.heads a ON a.id = c.id
WHERE n.batch_id = $2::bigint AND n.ordinal = $3::int
ORDER BY n.card_id, n.kind

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
FROM cards.cards c
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.heads a ON a.id = c.id
WHERE c.id = ANY ($2::bigint[]) AND c.book = $1::int

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

-- lock_tallies: what payers, cards and roots had loaded on their newest day, locked
SELECT who, day_s, load_minor, bearer_minor, cash_minor, since_batch_id FROM cards.lock_tallies_v1($1::int, $2::text[])

-- set_tallies: what they have loaded now
SELECT cards.set_tallies_v1($1::int, $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])

-- families: what the cards of roots hold, without those that are locked
SELECT c.root_id, sum(h.balance_minor)::bigint
FROM cards.cards c JOIN LATERAL (SELECT * FROM ledger.heads x WHERE x.id = c.id OFFSET 0) AS h ON true
WHERE c.root_id = ANY ($2::bigint[]) AND c.parent_id IS NOT NULL AND c.book = $1::int AND NOT c.id = ANY ($3::bigint[])
GROUP BY c.root_id
UNION ALL
SELECT h.id, h.balance_minor FROM ledger.heads h WHERE h.id = ANY ($2::bigint[]) AND NOT h.id = ANY ($3::bigint[])

-- add_judgements: what the law had to say of entries that were let pass
INSERT INTO cards.judgements (batch_id, ordinal, card_id, point, pack, noted, pilots)
SELECT $1::bigint, j.* FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[])
    AS j (ordinal, card_id, point, pack, noted, pilots)

-- page_judgements: what the law had to say of the next entries of a book behind a place; all of an entry or nothing
SELECT j.batch_id, j.ordinal, coalesce(nullif(j.card_id, 0), a.card_id, 0), j.point, j.pack, j.noted, j.pilots,
       e.recorded_at
FROM (
    SELECT DISTINCT n.batch_id, n.ordinal, b.recorded_at FROM cards.judgements n
    JOIN ledger.batches b ON b.id = n.batch_id AND b.book = $1::int
    WHERE (n.batch_id, n.ordinal) > ($2::bigint, $3::int) ORDER BY n.batch_id, n.ordinal LIMIT $4::int
) AS e
JOIN cards.judgements j ON j.batch_id = e.batch_id AND j.ordinal = e.ordinal
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

-- add_basket_lines: the lines of payments as they were judged
INSERT INTO cards.basket_lines (batch_id, ordinal, line, sku, goods_class, amount_minor, paid_minor, refusal)
SELECT $1::bigint, l.* FROM unnest($2::int[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[]) AS l

-- add_tenders: what was asked for where less was approved
INSERT INTO cards.tenders (batch_id, ordinal, asked_minor)
SELECT $1::bigint, t.* FROM unnest($2::int[], $3::bigint[]) AS t

-- rewarded: what cards got as cashback on Chinese days, without what fell back of it
SELECT card_id, to_char(day, 'YYYY-MM-DD'), sum(given_minor - taken_minor)::bigint FROM cards.cashbacks
WHERE card_id = ANY ($1::bigint[]) AND day = ANY (($2::text[])::date[]) GROUP BY card_id, day

-- cashbacks: the cashback of redemptions by place
SELECT c.batch_id, c.ordinal, c.card_id, to_char(c.day, 'YYYY-MM-DD'), c.strain, c.given_minor, c.taken_minor
FROM unnest($1::bigint[], $2::int[]) AS u (batch_id, ordinal)
JOIN LATERAL (SELECT * FROM cards.cashbacks x WHERE x.batch_id = u.batch_id AND x.ordinal = u.ordinal OFFSET 0) AS c ON true

-- add_cashbacks: cashback that was given
INSERT INTO cards.cashbacks (batch_id, ordinal, card_id, day, strain, given_minor, taken_minor)
SELECT $1::bigint, c.ordinal, c.card_id, c.day::date, c.strain, c.given_minor, c.taken_minor
FROM unnest($2::int[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS c (ordinal, card_id, day, strain, given_minor, taken_minor)

-- take_cashbacks_back: cashback that fell back
SELECT cards.take_cashbacks_back_v1($1::bigint[], $2::int[], $3::bigint[])

-- cards_of_gifts: the cards that are given
SELECT g.batch_id, g.ordinal, g.card_id FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.* FROM cards.gifts x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal AND x.book = $1::int OFFSET 0
) AS g ON true

-- gifts: gifts by place, once their cards are locked
SELECT g.batch_id, g.ordinal, g.card_id, g.state, g.identity, g.to_ref, g.face, g.deliver_at, g.claim_until, g.tries,
       g.token_hash
FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.* FROM cards.gifts x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal AND x.book = $1::int OFFSET 0
) AS g ON true

-- sealed_gifts: gifts by place, with their words and, while they are offered, their tokens
SELECT g.batch_id, g.ordinal, g.card_id, g.state, g.identity, g.to_ref, g.face, g.deliver_at, g.claim_until,
       g.token_sealed, g.words_sealed
FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.* FROM cards.gifts x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal AND x.book = $1::int OFFSET 0
) AS g ON true

-- due_gifts: gifts of a book whose days were over at a moment
SELECT batch_id, ordinal FROM cards.gifts
WHERE state = 'OFFERED' AND claim_until <= $2::timestamptz AND book = $1::int ORDER BY claim_until LIMIT $3::int

-- add_gifts: gifts just offered
INSERT INTO cards.gifts
    (batch_id, book, ordinal, card_id, identity, to_ref, face, deliver_at, claim_until, token_hash, token_sealed,
     words_sealed)
SELECT $2::bigint, $1::int, g.*
FROM unnest($3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::bytea[], $11::bytea[], $12::bytea[])
    AS g (ordinal, card_id, identity, to_ref, face, deliver_at, claim_until, token_hash, token_sealed, words_sealed)

-- settle_gifts: what became of gifts whose cards are locked
SELECT cards.settle_gifts_v1($1::bigint[], $2::int[], $3::int[], $4::text[], $5::bigint[], $6::int[], $7::bigint[])

-- mark_gifts: until when locked cards wait for who claims them
SELECT cards.mark_gifts_v1($1::bigint[], $2::timestamptz[])

-- cards_of_codes: cards of a book by the hashes of their pay codes
SELECT code_hash, card_id FROM cards.pay_codes WHERE code_hash = ANY ($2::bytea[]) AND book = $1::int

-- read_pay_codes: pay codes, once their cards are locked
SELECT code_hash, expires_at, batch_id IS NOT NULL, killed_at IS NOT NULL
FROM cards.pay_codes WHERE code_hash = ANY ($2::bytea[]) AND book = $1::int

-- add_pay_codes: new pay codes of locked cards, and the end of those before them
SELECT cards.add_pay_codes_v1($1::int, $2::timestamptz, $3::bigint[], $4::bytea[], $5::timestamptz[], $6::boolean[])

-- use_pay_codes: uses pay codes up
SELECT cards.use_pay_codes_v1($1::bigint, $2::int[], $3::bytea[])

-- kill_pay_codes: kills the live pay codes of locked cards
SELECT cards.kill_pay_codes_v1($1::bigint[], $2::timestamptz)

-- purge_codes: forgets pay codes and guesses of long ago
SELECT cards.purge_codes_v1($1::timestamptz, $2::int)

-- read_pins: the PINs of locked cards
SELECT card_id, pin_hash, tries, locked_at, changed_at FROM cards.pins WHERE card_id = ANY ($1::bigint[])

-- read_pin_devices: how often devices guessed wrong, once they are locked
SELECT device, tries, since_at, locked_until FROM cards.pin_devices
WHERE book = $1::int AND device = ANY ($2::text[])

-- keep_pins: the PINs of locked cards as they are now
SELECT cards.keep_pins_v1($1::bigint[], $2::bytea[], $3::int[], $4::timestamptz[], $5::timestamptz[])

-- drop_pins: takes the PINs of locked cards away
SELECT cards.drop_pins_v1($1::bigint[])

-- keep_pin_devices: how often devices guessed wrong until now
SELECT cards.keep_pin_devices_v1($1::int, $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[])

-- add_stocks: new stocks
INSERT INTO cards.stocks (id, book, programme_id, design, cards, made_by, made_at)
SELECT s.id, $1::int, s.programme_id, s.design, s.cards, s.made_by, s.made_at
FROM unnest($2::bigint[], $3::int[], $4::text[], $5::int[], $6::text[], $7::timestamptz[])
    AS s (id, programme_id, design, cards, made_by, made_at)

-- add_stock_cards: new cards of stocks
INSERT INTO cards.stock_cards (card_id, stock_id, serial)
SELECT s.card_id, s.stock_id, s.serial FROM unnest($1::bigint[], $2::bigint[], $3::int[]) AS s (card_id, stock_id, serial)

-- add_stock_steps: what was done with cards of stocks
INSERT INTO cards.stock_steps (batch_id, stock_id, ordinal, cards, merchant_id, step, made_by, place, reason, at)
SELECT $1::bigint, s.stock_id, s.ordinal, s.cards, s.merchant_id, s.step, s.made_by, s.place, s.reason, s.at
FROM unnest($2::bigint[], $3::int[], $4::int[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[])
    AS s (stock_id, ordinal, cards, merchant_id, step, made_by, place, reason, at)

-- set_stock: how far locked cards of stocks came, and where
SELECT cards.set_stock_v1($1::bigint[], $2::text[], $3::int[], $4::text[])

-- sell: sales of locked cards, and what they used of payments
SELECT cards.sell_v1($1::int, $2::bigint, $3::bigint[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::boolean[], $12::timestamptz[], $13::timestamptz[], $14::text[],
                     $15::bigint[])

-- members: the cards of stocks of a book, by stock and serial number
SELECT c.stock_id, c.serial, c.card_id FROM cards.stock_cards c
WHERE c.stock_id = ANY (ARRAY(SELECT s.id FROM cards.stocks s WHERE s.id = ANY ($2::bigint[]) AND s.book = $1::int))
ORDER BY c.stock_id, c.serial

-- stock_of: how far locked cards came that lie in stocks
SELECT c.card_id, c.stock_id, c.serial, c.state, c.merchant_id, c.place, s.active_at
FROM cards.stock_cards c LEFT JOIN cards.sales s ON s.card_id = c.card_id
WHERE c.card_id = ANY ($1::bigint[])

-- lock_sales: waits for others who sell against these payments, to these payers, at these tills, until they are done
SELECT pg_advisory_xact_lock(one.hash) FROM (
    SELECT DISTINCT hashtextextended(w.word, $1::int) AS hash FROM unnest($2::text[]) AS w (word) ORDER BY 1 OFFSET 0
) AS one

-- payments: what was paid under references, and how much of it is used
SELECT reference, source::text, asset, amount_minor, used_minor FROM cards.payments
WHERE book = $1::int AND reference = ANY ($2::text[])

-- sold: how many cards were sold for how much, by payer since a moment, by till and by clerk since another
SELECT 'payer', payer, asset, count(*), sum(amount_minor)::bigint FROM cards.sales
WHERE book = $1::int AND payer = ANY ($2::text[]) AND sold_at >= $3::timestamptz GROUP BY payer, asset
UNION ALL
SELECT 'till', till, asset, count(*), sum(amount_minor)::bigint FROM cards.sales
WHERE book = $1::int AND till = ANY ($4::text[]) AND sold_at > $6::timestamptz GROUP BY till, asset
UNION ALL
SELECT 'clerk', clerk, asset, count(*), sum(amount_minor)::bigint FROM cards.sales
WHERE book = $1::int AND clerk = ANY ($5::text[]) AND sold_at > $6::timestamptz GROUP BY clerk, asset

-- give_file: notes that the numbers of a printing are given out; nothing is answered where they were
INSERT INTO cards.print_files (batch_id, ordinal, given_to) VALUES ($1::bigint, $2::int, $3::text)
ON CONFLICT DO NOTHING RETURNING true

-- printed: the cards of a printing, with their sealed numbers
SELECT s.stock_id, s.serial, s.card_id, c.number_sealed, t.design
FROM cards.activities a
JOIN cards.stock_cards s ON s.card_id = a.card_id
JOIN cards.stocks t ON t.id = s.stock_id
JOIN cards.cards c ON c.id = a.card_id AND c.book = $1::int
WHERE a.batch_id = $2::bigint AND a.lead = $3::int
ORDER BY s.stock_id, s.serial

-- page_stocks: the next stocks of a book after an id
SELECT id, programme_id, design, cards, made_by, made_at FROM cards.stocks
WHERE book = $1::int AND id > $2::bigint ORDER BY id LIMIT $3::int

-- find_stocks: stocks of a book by id
SELECT id, programme_id, design, cards, made_by, made_at FROM cards.stocks WHERE book = $1::int AND id = ANY ($2::bigint[])

-- count_stocks: how many cards of stocks came how far, and where they lie
SELECT c.stock_id, CASE WHEN c.state = 'SOLD' AND s.active_at <= h.now_at THEN 'ACTIVE' ELSE c.state END AS state,
       c.merchant_id, c.place, count(*)
FROM cards.stock_cards c
LEFT JOIN cards.sales s ON s.card_id = c.card_id
LEFT JOIN ledger.heads h ON h.id = s.card_id
WHERE c.stock_id = ANY ($1::bigint[])
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4

-- steps_of_stocks: what was done with cards of stocks, and who got the numbers, oldest first
SELECT s.stock_id, s.batch_id, s.ordinal, s.step, s.cards, s.merchant_id, s.place, s.made_by, s.reason, s.at, f.given_to,
       f.given_at
FROM cards.stock_steps s
LEFT JOIN cards.print_files f ON f.batch_id = s.batch_id AND f.ordinal = s.ordinal
WHERE s.stock_id = ANY ($1::bigint[]) ORDER BY s.stock_id, s.batch_id, s.ordinal

-- page_stock_cards: the next cards of a stock after a serial number
SELECT c.card_id, c.stock_id, c.serial, n.last4,
       CASE WHEN c.state = 'SOLD' AND s.active_at <= h.now_at THEN 'ACTIVE' ELSE c.state END, c.merchant_id, c.place,
       s.batch_id, s.ordinal, s.amount_minor, s.asset, s.payment_ref, s.till, s.clerk, s.acknowledged, s.sold_at, s.active_at
FROM cards.stock_cards c
JOIN cards.cards n ON n.id = c.card_id AND n.book = $1::int
LEFT JOIN cards.sales s ON s.card_id = c.card_id
LEFT JOIN ledger.heads h ON h.id = s.card_id
WHERE c.stock_id = $2::bigint AND c.serial > $3::int ORDER BY c.serial LIMIT $4::int

-- find_stock_cards: cards that lie in stocks, by id
SELECT c.card_id, c.stock_id, c.serial, n.last4,
       CASE WHEN c.state = 'SOLD' AND s.active_at <= h.now_at THEN 'ACTIVE' ELSE c.state END, c.merchant_id, c.place,
       s.batch_id, s.ordinal, s.amount_minor, s.asset, s.payment_ref, s.till, s.clerk, s.acknowledged, s.sold_at, s.active_at
FROM cards.stock_cards c
JOIN cards.cards n ON n.id = c.card_id AND n.book = $1::int
LEFT JOIN cards.sales s ON s.card_id = c.card_id
LEFT JOIN ledger.heads h ON h.id = s.card_id
WHERE c.card_id = ANY ($2::bigint[])

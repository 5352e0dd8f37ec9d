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

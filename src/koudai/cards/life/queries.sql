-- cards_to_renew: the next cards of a programme whose time is over, behind one of them, by when it was
SELECT c.programme_id, c.expires_at, c.id FROM cards.cards c
JOIN LATERAL (SELECT x.successor_id FROM ledger.heads x WHERE x.id = c.id OFFSET 0) AS a ON a.successor_id IS NULL
WHERE c.programme_id = $1::int AND c.expires_at <= $2::timestamptz
  AND (c.expires_at, c.id) > ($3::timestamptz, $4::bigint) AND c.state::text <> 'DEACTIVATED'
ORDER BY c.expires_at, c.id LIMIT $5::int

-- spot: where a card stands in the line of those that are looked at for reminders
SELECT programme_id, versions, look_at, card_id FROM cards.reminders WHERE card_id = ANY ($1::bigint[])

-- line: cards of a programme whose time to be looked at has come, behind one of them
SELECT programme_id, versions, look_at, card_id FROM cards.reminders
WHERE programme_id = $1::int AND (versions, look_at) <= ($2::int, $3::timestamptz)
  AND (versions, look_at, card_id) > ($4::int, $5::timestamptz, $6::bigint)
ORDER BY versions, look_at, card_id LIMIT $7::int

-- lock_line: the same, locked; those that another looks at, or that something happens to, are left out
SELECT programme_id, versions, look_at, card_id FROM cards.reminders
WHERE programme_id = $1::int AND (versions, look_at) <= ($2::int, $3::timestamptz)
  AND (versions, look_at, card_id) > ($4::int, $5::timestamptz, $6::bigint)
ORDER BY versions, look_at, card_id LIMIT $7::int FOR NO KEY UPDATE SKIP LOCKED

-- looked_at: when locked cards are looked at again
UPDATE cards.reminders r SET versions = l.versions, look_at = l.look_at
FROM (SELECT f.at, u.versions, u.look_at FROM unnest($1::bigint[], $2::int[], $3::timestamptz[]) AS u (id, versions, look_at)
      JOIN LATERAL (SELECT x.ctid AS at FROM cards.reminders x WHERE x.card_id = u.id OFFSET 0) AS f ON true) AS l
WHERE r.ctid = l.at

-- look_again: has cards looked at as soon as anybody looks; waits for who looks at one of them now
UPDATE cards.reminders SET versions = 0, look_at = 'epoch' WHERE card_id = ANY ($1::bigint[])

-- cards_with_notices: cards of which a reminder can be due, with their last use; and those that are stopped for a while,
-- with the end of it
SELECT c.id, c.programme_id, c.holder_ref, c.promised_at, c.expires_at, c.last4, p.asset, a.balance_minor,
       coalesce(cards.last_use_v1(c.id, a.last_batch_id, a.last_ordinal), c.issued_at), s.free_at
FROM unnest($2::bigint[]) AS u (id)
JOIN LATERAL (SELECT x.* FROM cards.cards x WHERE x.id = u.id OFFSET 0) AS c
    ON c.book = $1::int AND c.state::text IN ('ACTIVE', 'BLOCKED')
JOIN LATERAL (
    SELECT max(coalesce(r.until_at, 'infinity')) AS free_at FROM cards.restrictions r
    WHERE c.state::text = 'BLOCKED' AND r.card_id = c.id AND r.ended_batch_id IS NULL AND r.amount_minor IS NULL
      AND (r.until_at IS NULL OR r.until_at > $3::timestamptz)
) AS s ON s.free_at IS DISTINCT FROM 'infinity' AND (c.state::text = 'ACTIVE' OR c.restrictions > 0)
JOIN cards.programmes p ON p.id = c.programme_id
JOIN LATERAL (SELECT x.* FROM ledger.heads x WHERE x.id = c.id OFFSET 0) AS a
    ON a.balance_minor > 0 AND a.successor_id IS NULL

-- notices_of_cards: the reminders that were taken, of cards
SELECT card_id, kind, days, of_at FROM cards.notices WHERE card_id = ANY ($1::bigint[])

-- take_notices: notes reminders as taken; those that another taker has are left out
INSERT INTO cards.notices (card_id, kind, days, of_at, batch_id, ordinal)
SELECT n.*, $5::bigint, $6::int FROM unnest($1::bigint[], $2::text[], $3::int[], $4::timestamptz[]) AS n
ON CONFLICT DO NOTHING RETURNING card_id, kind, days, of_at

-- notices_taken: the reminders that were taken under a key
SELECT n.card_id, n.kind, n.days, n.of_at, c.holder_ref, c.last4, p.asset, a.balance_minor
-- Found by the batch before anything is put in order: the order is also that of an index of all that were ever taken.
FROM (SELECT * FROM cards.notices x WHERE x.batch_id = $2::bigint AND x.ordinal = $3::int OFFSET 0) AS n
JOIN cards.cards c ON c.id = n.card_id AND c.book = $1::int
JOIN cards.programmes p ON p.id = c.programme_id
JOIN ledger.heads a ON a.id = c.id
ORDER BY n.card_id, n.kind

-- lock_tallies: what payers, cards and roots had loaded on their newest day, locked
SELECT who, day_s, load_minor, bearer_minor, cash_minor, since_batch_id FROM cards.lock_tallies_v1($1::int, $2::text[])

-- set_tallies: what they have loaded now
SELECT cards.set_tallies_v1($1::int, $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])

-- families: what the cards of roots hold, without those that are locked
SELECT c.root_id, sum(h.balance_minor)::bigint
-- Root by root: by book as well a session that began with few cards walks all of a book.
FROM unnest($2::bigint[]) AS r (id)
JOIN LATERAL (
    SELECT x.* FROM cards.cards x
    WHERE x.root_id = r.id AND x.parent_id IS NOT NULL AND x.state <> 'DEACTIVATED' OFFSET 0
) AS c ON c.book = $1::int AND NOT c.id = ANY ($3::bigint[])
JOIN LATERAL (SELECT * FROM ledger.heads x WHERE x.id = c.id OFFSET 0) AS h ON true
GROUP BY c.root_id
UNION ALL
SELECT h.id, h.balance_minor FROM ledger.heads h WHERE h.id = ANY ($2::bigint[]) AND NOT h.id = ANY ($3::bigint[])

-- cashed: what was paid out in cash for cards of roots
SELECT c.root_id, sum(p.amount_minor)::bigint
FROM unnest($2::bigint[]) AS r (id)
JOIN LATERAL (
    SELECT x.* FROM cards.cards x WHERE x.id = r.id
    UNION ALL
    SELECT x.* FROM cards.cards x WHERE x.root_id = r.id AND x.parent_id IS NOT NULL
) AS c ON c.book = $1::int
JOIN LATERAL (SELECT x.* FROM cards.payouts x WHERE x.card_id = c.id AND x.paid_to = 'cash' OFFSET 0) AS p ON true
GROUP BY c.root_id

-- add_judgements: what the law had to say of entries that were let pass
INSERT INTO cards.judgements (book, batch_id, ordinal, card_id, point, pack, noted, pilots)
SELECT $1::int, $2::bigint, j.* FROM unnest($3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS j (ordinal, card_id, point, pack, noted, pilots)

-- bought: when the value of locked cards was first bought
SELECT u.id, cards.bought_at_v1(u.id, h.last_batch_id, h.last_ordinal)
FROM unnest($1::bigint[]) AS u (id)
JOIN LATERAL (SELECT x.* FROM ledger.heads x WHERE x.id = u.id OFFSET 0) AS h ON true

-- holders_of_entries: who holds the cards of entries
SELECT a.batch_id, a.ordinal, c.holder_ref FROM unnest($1::bigint[], $2::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (SELECT * FROM cards.activities x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0) AS a
    ON true
JOIN LATERAL (SELECT * FROM cards.cards y WHERE y.id = a.card_id OFFSET 0) AS c ON true

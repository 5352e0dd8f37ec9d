-- cards_of_gifts: the cards that are given, and on which devices they were offered
SELECT g.batch_id, g.ordinal, g.card_id, a.device FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.* FROM cards.gifts x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal AND x.book = $1::int OFFSET 0
) AS g ON true
JOIN LATERAL (SELECT x.device FROM cards.activities x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0) AS a
    ON true

-- gifts: gifts by place, once their cards are locked
SELECT g.batch_id, g.ordinal, g.card_id, g.state, g.identity, g.to_ref, g.face, g.deliver_at, g.claim_until, g.tries,
       g.token_hash, a.device
FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.* FROM cards.gifts x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal AND x.book = $1::int OFFSET 0
) AS g ON true
JOIN LATERAL (SELECT x.device FROM cards.activities x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0) AS a
    ON true

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

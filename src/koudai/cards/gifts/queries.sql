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

-- sealed_gifts: gifts by place, with their tokens while they are offered, and their words while they are kept
SELECT g.batch_id, g.ordinal, g.card_id, g.state, g.identity, g.to_ref, g.face, g.deliver_at, g.claim_until,
       g.token_sealed, w.sealed
FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.* FROM cards.gifts x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal AND x.book = $1::int OFFSET 0
) AS g ON true
LEFT JOIN LATERAL (
    SELECT x.sealed FROM cards.gift_words x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal OFFSET 0
) AS w ON true

-- due_gifts: gifts of a book whose days were over at a moment
SELECT batch_id, ordinal FROM cards.gifts
WHERE state = 'OFFERED' AND claim_until <= $2::timestamptz AND book = $1::int ORDER BY claim_until LIMIT $3::int

-- add_gifts: gifts just offered
INSERT INTO cards.gifts
    (batch_id, book, ordinal, card_id, identity, to_ref, face, deliver_at, claim_until, token_hash, token_sealed,
     giver_ref)
SELECT $2::bigint, $1::int, g.*
FROM unnest($3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
            $10::bytea[], $11::bytea[], $12::text[])
    AS g (ordinal, card_id, identity, to_ref, face, deliver_at, claim_until, token_hash, token_sealed, giver_ref)

-- add_words: the words of gifts just offered
INSERT INTO cards.gift_words (batch_id, book, ordinal, sealed)
SELECT $2::bigint, $1::int, w.* FROM unnest($3::int[], $4::bytea[]) AS w (ordinal, sealed)

-- end_words: that gifts, whose cards are locked, ended in a batch
SELECT cards.end_words_v1($1::bigint, $2::bigint[], $3::int[])

-- settle_gifts: what became of gifts whose cards are locked
SELECT cards.settle_gifts_v1($1::bigint[], $2::int[], $3::int[], $4::text[], $5::bigint[], $6::int[], $7::bigint[])

-- mark_gifts: until when locked cards wait for who claims them
SELECT cards.mark_gifts_v1($1::bigint[], $2::timestamptz[])

-- words_otherwise: the next words that aren't sealed under a key, or not in a suite, after a place
SELECT w.batch_id, w.ordinal, w.sealed FROM cards.gift_words w
WHERE (w.batch_id, w.ordinal) > ($1::bigint, $2::int) AND (w.key <> $3::bytea OR get_byte(w.sealed, 1) <> $4::int)
ORDER BY w.batch_id, w.ordinal LIMIT $5::int

-- reseal_words: seals words anew
SELECT cards.reseal_words_v1($1::bigint[], $2::int[], $3::bytea[], $4::bytea[])

-- count_words: how many words are sealed under each key
SELECT encode(key, 'hex'), count(*) FROM cards.gift_words GROUP BY key

-- words_after: the next words after a place
SELECT batch_id, ordinal, sealed FROM cards.gift_words
WHERE (batch_id, ordinal) > ($1::bigint, $2::int) ORDER BY batch_id, ordinal LIMIT $3::int

-- has_words: whether words are kept of gifts that a holder of a book gave
SELECT EXISTS (SELECT 1 FROM cards.gifts g
               JOIN cards.gift_words w ON w.batch_id = g.batch_id AND w.ordinal = g.ordinal
               WHERE g.giver_ref = $2::text AND g.book = $1::int)

-- erase_words: deletes the words of gifts that a holder of a book gave before a batch
SELECT cards.erase_words_v1($1::int, $2::text, $3::bigint)

-- forget_words: deletes words of gifts that ended before a moment
SELECT cards.forget_words_v1($1::timestamptz, $2::int)

-- gifts_given: gifts that a holder of a book gave, oldest first
SELECT batch_id, ordinal FROM cards.gifts WHERE giver_ref = $2::text AND book = $1::int ORDER BY batch_id, ordinal

-- gifts_received: gifts that were given to a holder of a book by name, oldest first
SELECT batch_id, ordinal FROM cards.gifts WHERE to_ref = $2::text AND book = $1::int ORDER BY batch_id, ordinal

-- gifts_of_book: the next gifts of a book after a place, oldest first
SELECT batch_id, ordinal FROM cards.gifts
WHERE book = $1::int AND (batch_id, ordinal) > ($2::bigint, $3::int) ORDER BY batch_id, ordinal LIMIT $4::int

-- gift_days: when gifts were given, and when they ended
SELECT g.batch_id, g.ordinal, o.event_at, e.event_at
FROM unnest($2::bigint[], $3::int[]) AS p (batch_id, ordinal)
JOIN LATERAL (
    SELECT x.* FROM cards.gifts x WHERE x.batch_id = p.batch_id AND x.ordinal = p.ordinal AND x.book = $1::int OFFSET 0
) AS g ON true
JOIN LATERAL (
    SELECT x.event_at FROM cards.activities x WHERE x.batch_id = g.batch_id AND x.ordinal = g.ordinal OFFSET 0
) AS o ON true
LEFT JOIN LATERAL (
    SELECT x.event_at FROM cards.activities x
    WHERE x.batch_id = g.ended_batch_id AND x.ordinal = g.ended_ordinal OFFSET 0
) AS e ON true

-- held_words: of how many gifts of a book words are kept, and since when the oldest
SELECT count(*), min(a.event_at) FROM cards.gift_words w
JOIN cards.activities a ON a.batch_id = w.batch_id AND a.ordinal = w.ordinal WHERE w.book = $1::int

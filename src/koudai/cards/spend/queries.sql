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

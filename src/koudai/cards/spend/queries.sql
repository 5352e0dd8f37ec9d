-- add_basket_lines: the lines of payments as they were judged
INSERT INTO cards.basket_lines (batch_id, ordinal, line, sku, goods_class, amount_minor, paid_minor, refusal)
SELECT $1::bigint, l.* FROM unnest($2::int[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[]) AS l

-- add_tenders: what was asked for where less was approved
INSERT INTO cards.tenders (batch_id, ordinal, asked_minor)
SELECT $1::bigint, t.* FROM unnest($2::int[], $3::bigint[]) AS t

-- rewarded: what cards got as cashback on Chinese days, without what fell back of it. With it counts what those got that
-- they go on from; of one that they were split from, what that had got by then, whatever fell back of it since
WITH RECURSIVE line AS (
    SELECT c.id AS card_id, c.id, c.parent_id, c.generation, c.inherits, false AS is_piece, c.came_batch_id, c.came_lead,
           NULL::bigint AS to_batch_id, NULL::integer AS to_lead
    FROM cards.cards c WHERE c.id = ANY ($1::bigint[])
    UNION ALL
    SELECT l.card_id, p.id, p.parent_id, p.generation, p.inherits, l.is_piece OR p.generation < l.generation,
           p.came_batch_id, p.came_lead, l.came_batch_id, l.came_lead
    FROM line l
    JOIN LATERAL (SELECT x.* FROM cards.cards x WHERE x.id = l.parent_id OFFSET 0) AS p ON true
    WHERE l.inherits AND l.came_batch_id IS NOT NULL
)
SELECT l.card_id, to_char(x.day, 'YYYY-MM-DD'),
       sum(x.given_minor - CASE WHEN l.is_piece THEN 0 ELSE x.taken_minor END)::bigint
FROM line l
JOIN LATERAL (
    SELECT y.* FROM cards.cashbacks y
    WHERE y.card_id = l.id AND y.day = ANY (($2::text[])::date[])
      AND (l.to_batch_id IS NULL OR (y.batch_id, y.ordinal) <= (l.to_batch_id, l.to_lead)) OFFSET 0
) AS x ON true
GROUP BY l.card_id, x.day

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

-- add: a new merchant; none is answered when another one has its ref
INSERT INTO merchants.merchants (book, account_id, asset, name, ref, scenario, relation, contracted, channel)
VALUES ($1::int, $2::bigint, $3::text, $4::text, $5::text, $6::text, $7::text, $8::boolean, $9::text)
ON CONFLICT DO NOTHING
RETURNING id, account_id, asset, name, created_at, ref, scenario, relation, contracted, channel

-- by_ref: the merchant of a book that has a ref
SELECT id FROM merchants.merchants WHERE book = $1::int AND ref = $2::text

-- find: merchants of a book by id
SELECT id, account_id, asset, name, created_at, ref, scenario, relation, contracted, channel
FROM merchants.merchants WHERE id = ANY ($2::int[]) AND book = $1::int

-- page: the next merchants of a book after an id
SELECT id, account_id, asset, name, created_at, ref, scenario, relation, contracted, channel
FROM merchants.merchants WHERE book = $1::int AND id > $2::int ORDER BY id LIMIT $3::int

-- add: a new merchant
INSERT INTO merchants.merchants (book, account_id, asset, name)
VALUES ($1::int, $2::bigint, $3::text, $4::text) RETURNING id, account_id, asset, name, created_at

-- find: merchants of a book by id
SELECT id, account_id, asset, name, created_at FROM merchants.merchants WHERE id = ANY ($2::int[]) AND book = $1::int

-- page: the next merchants of a book after an id
SELECT id, account_id, asset, name, created_at FROM merchants.merchants
WHERE book = $1::int AND id > $2::int ORDER BY id LIMIT $3::int

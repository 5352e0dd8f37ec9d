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
SELECT cards.set_stock_v2($1::bigint[], $2::text[], $3::int[], $4::text[])

-- sell: sales of locked cards, and what they used of payments
SELECT cards.sell_v2($1::int, $2::bigint, $3::bigint[], $4::int[], $5::bigint[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::boolean[], $12::timestamptz[], $13::timestamptz[], $14::text[],
                     $15::bigint[], $16::boolean[])

-- void_sales: sales of locked cards that are undone
SELECT cards.void_sales_v1($1::bigint, $2::bigint[], $3::int[], $4::timestamptz[])

-- members: the cards of stocks of a book, by stock and serial number
SELECT c.stock_id, c.serial, c.card_id FROM cards.stock_cards c
WHERE c.stock_id = ANY (ARRAY(SELECT s.id FROM cards.stocks s WHERE s.id = ANY ($2::bigint[]) AND s.book = $1::int))
ORDER BY c.stock_id, c.serial

-- stock_of: how far locked cards came that lie in stocks
SELECT c.card_id, c.stock_id, c.serial, c.state, c.merchant_id, c.place, s.active_at
FROM cards.stock_cards c LEFT JOIN cards.sales s ON s.card_id = c.card_id
WHERE c.card_id = ANY ($1::bigint[])

-- sales_of: the sales of locked cards, and the newest entry behind each that can't be undone with it
SELECT s.card_id, s.batch_id, s.ordinal, s.amount_minor, s.payment_ref, s.sold_at, w.type, w.event_at
FROM cards.sales s
JOIN LATERAL (SELECT * FROM ledger.heads h WHERE h.id = s.card_id OFFSET 0) AS a ON true
LEFT JOIN LATERAL cards.since_sale_v1(s.card_id, a.last_batch_id, a.last_ordinal, s.batch_id, s.ordinal, $2::text[]) AS w
    ON true
WHERE s.card_id = ANY ($1::bigint[])

-- lock_sales: waits for others who sell against these payments or undo that, or sell to these payers, at these tills
SELECT pg_advisory_xact_lock(one.hash) FROM (
    SELECT DISTINCT hashtextextended(w.word, $1::int) AS hash FROM unnest($2::text[]) AS w (word) ORDER BY 1 OFFSET 0
) AS one

-- payments: what was paid under references, and how much of it is used and refunded
SELECT reference, source::text, asset, amount_minor, used_minor, refunded_minor FROM cards.payments
WHERE book = $1::int AND reference = ANY ($2::text[])

-- sold: how many cards were sold for how much, by payer since a moment, by till and by clerk since another, and by till
-- since the first to who isn't known
SELECT 'payer', payer, asset, count(*), sum(amount_minor)::bigint FROM cards.sales
WHERE book = $1::int AND payer = ANY ($2::text[]) AND sold_at >= $3::timestamptz GROUP BY payer, asset
UNION ALL
SELECT 'till', till, asset, count(*), sum(amount_minor)::bigint FROM cards.sales
WHERE book = $1::int AND till = ANY ($4::text[]) AND sold_at > $6::timestamptz GROUP BY till, asset
UNION ALL
SELECT 'clerk', clerk, asset, count(*), sum(amount_minor)::bigint FROM cards.sales
WHERE book = $1::int AND clerk = ANY ($5::text[]) AND sold_at > $6::timestamptz GROUP BY clerk, asset
UNION ALL
SELECT 'anonymous', till, asset, count(*), sum(amount_minor)::bigint FROM cards.sales
WHERE book = $1::int AND till = ANY ($4::text[]) AND sold_at >= $3::timestamptz AND anonymous GROUP BY till, asset

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

-- count_stocks: how many cards of stocks came how far at a moment, and where they lie; no card is looked at but those
-- that are sold and can't be used yet
SELECT n.stock_id, n.state, nullif(n.merchant_id, 0), nullif(n.place, ''), sum(n.cards)::bigint
FROM (
    SELECT c.stock_id, CASE c.state WHEN 'SOLD' THEN 'ACTIVE' ELSE c.state END AS state, c.merchant_id, c.place, c.cards
    FROM cards.stock_counts c WHERE c.stock_id = ANY ($1::bigint[])
    UNION ALL
    SELECT s.stock_id, w.state, coalesce(c.merchant_id, 0), coalesce(c.place, ''), w.cards
    FROM cards.sales s
    JOIN cards.stock_cards c ON c.card_id = s.card_id AND c.state = 'SOLD'
    CROSS JOIN (VALUES ('SOLD', 1), ('ACTIVE', -1)) AS w (state, cards)
    WHERE s.stock_id = ANY ($1::bigint[]) AND s.active_at > $2::timestamptz AND s.active_at > s.sold_at
) AS n
GROUP BY n.stock_id, n.state, n.merchant_id, n.place HAVING sum(n.cards) > 0
ORDER BY n.stock_id, n.state, nullif(n.merchant_id, 0), nullif(n.place, '')

-- steps_of_stocks: what was done with cards of stocks, and who got the numbers, oldest first
SELECT s.stock_id, s.batch_id, s.ordinal, s.step, s.cards, s.merchant_id, s.place, s.made_by, s.reason, s.at, f.given_to,
       f.given_at
FROM cards.stock_steps s
LEFT JOIN cards.print_files f ON f.batch_id = s.batch_id AND f.ordinal = s.ordinal
WHERE s.stock_id = ANY ($1::bigint[]) ORDER BY s.stock_id, s.batch_id, s.ordinal

-- page_stock_cards: the next cards of a stock after a serial number
SELECT c.card_id, c.stock_id, c.serial, n.last4,
       CASE WHEN c.state = 'SOLD' AND s.active_at <= h.now_at THEN 'ACTIVE' ELSE c.state END, c.merchant_id, c.place,
       s.batch_id, s.ordinal, s.amount_minor, s.asset, s.payment_ref, s.till, s.clerk, s.acknowledged, s.sold_at,
       s.active_at, v.voided_at
FROM cards.stock_cards c
JOIN cards.cards n ON n.id = c.card_id AND n.book = $1::int
LEFT JOIN cards.sales s ON s.card_id = c.card_id
LEFT JOIN cards.voided_sales v ON v.card_id = c.card_id
LEFT JOIN ledger.heads h ON h.id = s.card_id
WHERE c.stock_id = $2::bigint AND c.serial > $3::int ORDER BY c.serial LIMIT $4::int

-- find_stock_cards: cards that lie in stocks, by id
SELECT c.card_id, c.stock_id, c.serial, n.last4,
       CASE WHEN c.state = 'SOLD' AND s.active_at <= h.now_at THEN 'ACTIVE' ELSE c.state END, c.merchant_id, c.place,
       s.batch_id, s.ordinal, s.amount_minor, s.asset, s.payment_ref, s.till, s.clerk, s.acknowledged, s.sold_at,
       s.active_at, v.voided_at
FROM cards.stock_cards c
JOIN cards.cards n ON n.id = c.card_id AND n.book = $1::int
LEFT JOIN cards.sales s ON s.card_id = c.card_id
LEFT JOIN cards.voided_sales v ON v.card_id = c.card_id
LEFT JOIN ledger.heads h ON h.id = s.card_id
WHERE c.card_id = ANY ($2::bigint[])

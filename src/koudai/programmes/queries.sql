-- lock: lets nobody else change these programmes until this transaction ends
SELECT pg_advisory_xact_lock(hashtext('programmes'), one.id)
FROM (SELECT DISTINCT id FROM unnest($1::int[]) AS id ORDER BY id) AS one

-- add_version: a new version
INSERT INTO programmes.versions (book, programme_id, effective_at, document, parsed, put_by)
VALUES ($1::int, $2::int, $3::timestamptz, $4::text, ($5::text)::jsonb, $6::text)
RETURNING programme_id, effective_at, document, parsed::text, put_by, put_at

-- versions: the versions of programmes, oldest first
SELECT programme_id, effective_at, document, parsed::text, put_by, put_at FROM programmes.versions
WHERE book = $1::int AND programme_id = ANY ($2::int[]) ORDER BY programme_id, effective_at

-- versions_of_book: the versions of all programmes of a book
SELECT programme_id, effective_at, document, parsed::text, put_by, put_at FROM programmes.versions
WHERE book = $1::int ORDER BY programme_id, effective_at

-- add_gate: an entry for a gate
INSERT INTO programmes.gates (book, programme_id, gate, reference, entered_by)
VALUES ($1::int, $2::int, $3::text, $4::text, $5::text)
RETURNING programme_id, gate, reference, entered_by, entered_at

-- gates: the entries of programmes, oldest first
SELECT programme_id, gate, reference, entered_by, entered_at FROM programmes.gates
WHERE book = $1::int AND programme_id = ANY ($2::int[]) ORDER BY programme_id, id

-- add_launch: that a programme went live
INSERT INTO programmes.launches (book, programme_id, launched_by)
VALUES ($1::int, $2::int, $3::text) RETURNING programme_id, launched_by, launched_at

-- launches: which of these programmes went live
SELECT programme_id, launched_by, launched_at FROM programmes.launches
WHERE book = $1::int AND programme_id = ANY ($2::int[])

-- count_charter: how many rows there are of all that a book's programmes are under; they are only ever added
SELECT (SELECT count(*) FROM programmes.versions WHERE book = $1::int)
     + (SELECT count(*) FROM programmes.gates WHERE book = $1::int)
     + (SELECT count(*) FROM programmes.launches WHERE book = $1::int)
     + (SELECT count(*) FROM programmes.issuers WHERE book = $1::int)
     + (SELECT count(*) FROM programmes.pilots WHERE book = $1::int)
     + (SELECT count(*) FROM programmes.enforcements WHERE book = $1::int)

-- gates_of_book: which gates were entered, of all programmes of a book
SELECT DISTINCT programme_id, gate FROM programmes.gates WHERE book = $1::int

-- launches_of_book: which programmes of a book went live
SELECT programme_id FROM programmes.launches WHERE book = $1::int

-- add_issuer: what an issuer is to the law
INSERT INTO programmes.issuers (book, issuer_class, sector, founded_on, began_on, revenue_minor, capital_minor, no_refund,
                                no_passing, no_reissue, sales_stopped, stated_by)
VALUES ($1::int, $2::text, $3::text, ($4::text)::date, ($5::text)::date, $6::bigint, $7::bigint, $8::bool, $9::bool,
        $10::bool, $11::bool, $12::text)
RETURNING id, issuer_class, sector, founded_on::text, began_on::text, revenue_minor, capital_minor, no_refund, no_passing,
          no_reissue, sales_stopped, stated_by, stated_at

-- issuers: what an issuer is to the law, newest first
SELECT id, issuer_class, sector, founded_on::text, began_on::text, revenue_minor, capital_minor, no_refund, no_passing,
       no_reissue, sales_stopped, stated_by, stated_at
FROM programmes.issuers WHERE book = $1::int ORDER BY id DESC

-- add_pilot: a pilot, with nothing used of it
WITH made AS (
    INSERT INTO programmes.pilots (book, programme_id, name, opens, cap_minor, cap_holders, until_at, reason, opened_by)
    VALUES ($1::int, $2::int, $3::text, $4::text, $5::bigint, $6::bigint, $7::timestamptz, $8::text, $9::text)
    ON CONFLICT DO NOTHING
    RETURNING *
)
SELECT m.id, m.programme_id, m.name, m.opens, m.cap_minor, m.cap_holders, m.until_at, m.reason, m.opened_by, m.opened_at,
       0::bigint, 0::bigint
FROM made m

-- pilots: the pilots of a book, with what was used of them
SELECT p.id, p.programme_id, p.name, p.opens, p.cap_minor, p.cap_holders, p.until_at, p.reason, p.opened_by, p.opened_at,
       coalesce(t.used_minor, 0), coalesce(t.holders, 0)
FROM programmes.pilots p LEFT JOIN programmes.pilot_totals t ON t.pilot_id = p.id
WHERE p.book = $1::int ORDER BY p.id

-- pilot_rooms: what was used of pilots
SELECT pilot_id, used_minor, holders FROM programmes.pilot_totals WHERE pilot_id = ANY ($1::int[])

-- pilot_holders: for whom pilots were used, of those who are asked for
SELECT pilot_id, who FROM programmes.pilot_holders WHERE pilot_id = ANY ($1::int[]) AND who = ANY ($2::text[])

-- use_pilots: takes what a batch moves under pilots off their caps
SELECT programmes.use_pilots_v1($1::int[], $2::bigint[], $3::text[])

-- add_enforcement: that an unverified clause refuses, or warns again
INSERT INTO programmes.enforcements (book, clause, refuses, reason, decided_by)
VALUES ($1::int, $2::text, $3::bool, $4::text, $5::text)
RETURNING id, clause, refuses, reason, decided_by, decided_at

-- enforcements: the decisions on unverified clauses, newest first
SELECT id, clause, refuses, reason, decided_by, decided_at FROM programmes.enforcements
WHERE book = $1::int ORDER BY id DESC

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

-- count_versions: how many versions a book has; they are only ever added
SELECT count(*) FROM programmes.versions WHERE book = $1::int

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

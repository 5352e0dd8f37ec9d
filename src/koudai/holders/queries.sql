-- lock: locks holders of a book by id
SELECT id, ref, kind, level, state, version, identity_version, devices, agent_id, beneficial_owner_id, created_at
FROM holders.lock_v1($1::int, $2::bigint[])

-- find: holders of a book by ref
SELECT id, ref, kind, level, state, version, identity_version, devices, agent_id, beneficial_owner_id, created_at
FROM holders.holders WHERE ref = ANY ($2::text[]) AND book = $1::int

-- standings: what cards ask about holders of a book, by ref
SELECT ref, kind, level, state, devices FROM holders.holders WHERE ref = ANY ($2::text[]) AND book = $1::int

-- page: the next holders of a book after an id
SELECT id, ref, kind, level, state, version, identity_version, devices, agent_id, beneficial_owner_id, created_at
FROM holders.holders WHERE book = $1::int AND id > $2::bigint ORDER BY id LIMIT $3::int

-- search: holders of a book that have a field with one of these hashes
SELECT holder_id, lookup FROM holders.fields
WHERE book = $1::int AND field = $2::text AND lookup = ANY ($3::bytea[])
ORDER BY holder_id

-- find_by_id: holders by id
SELECT id, ref, kind, level, state, version, identity_version, devices, agent_id, beneficial_owner_id, created_at
FROM holders.holders WHERE id = ANY ($2::bigint[]) AND book = $1::int ORDER BY id

-- companies_of: companies that people act for or own
SELECT agent_id FROM holders.holders WHERE agent_id = ANY ($1::bigint[])
UNION SELECT beneficial_owner_id FROM holders.holders WHERE beneficial_owner_id = ANY ($1::bigint[])

-- bound_before: which holders have bindings of devices that are over
SELECT DISTINCT holder_id FROM holders.devices WHERE holder_id = ANY ($1::bigint[]) AND unbound_at IS NOT NULL

-- fields: the sealed fields of holders
SELECT holder_id, field, sealed, changed_at FROM holders.fields WHERE holder_id = ANY ($1::bigint[]) ORDER BY holder_id, field

-- consents: the consents of holders, oldest first
SELECT holder_id, given, purpose, text_version, at FROM holders.consents WHERE holder_id = ANY ($1::bigint[]) ORDER BY id

-- fresh_ids: ids for new holders
SELECT nextval('holders.holder_ids') FROM generate_series(1, $1::int)

-- add: takes holders on
SELECT holders.add_v1($1::int, $2::bigint[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[], $8::bigint[],
                      $9::bigint[], $10::timestamptz)

-- change: changes holders
SELECT holders.change_v1($1::bigint[], $2::text[], $3::text[], $4::int[], $5::int[], $6::bigint[], $7::bigint[])

-- put: writes fields
SELECT holders.put_v1($1::int, $2::bigint[], $3::text[], $4::bytea[], $5::bytea[], $6::timestamptz)

-- bind: ends bindings of devices and makes new ones
SELECT holders.bind_v1($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz)

-- erase: deletes fields and bindings of devices, and notes it
SELECT holders.erase_v1($1::bigint, $2::text[], $3::text, $4::boolean, $5::timestamptz)

-- add_consents: consents given and taken back, in their order
INSERT INTO holders.consents (holder_id, given, purpose, text_version, at)
SELECT c.*, $5::timestamptz FROM unnest($1::bigint[], $2::boolean[], $3::text[], $4::text[]) AS c

-- add_request: that a source is about to be asked
INSERT INTO holders.requests (holder_id, identity_version, source, asked_at)
VALUES ($1::bigint, $2::int, $3::text, $4::timestamptz) RETURNING id

-- requests: what sources were asked
SELECT id, holder_id, identity_version, source, asked_at FROM holders.requests WHERE id = ANY ($1::bigint[])

-- answers: what sources answered
SELECT request_id, outcome, reference, answered_at FROM holders.verifications
WHERE request_id = ANY ($1::bigint[]) ORDER BY id

-- add_answer: what a source answered
INSERT INTO holders.verifications (request_id, outcome, reference, answered_at)
VALUES ($1::bigint, $2::text, $3::text, $4::timestamptz)

-- add_reveal: that somebody reads fields unmasked
INSERT INTO holders.reveals (holder_id, fields, revealed_to, reason, revealed_at)
VALUES ($1::bigint, $2::text[], $3::text, $4::text, $5::timestamptz)

-- sealed_otherwise: the next fields that aren't sealed under a key, or not in a suite, after a place
SELECT f.holder_id, f.book, f.field, f.sealed FROM holders.fields f
WHERE (f.holder_id, f.field) > ($1::bigint, $2::text) AND (f.key <> $3::bytea OR get_byte(f.sealed, 1) <> $4::int)
ORDER BY f.holder_id, f.field LIMIT $5::int

-- reseal: seals fields anew
SELECT holders.reseal_v1($1::bigint[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[])

-- count_by_key: how many fields are sealed under each key
SELECT encode(key, 'hex'), count(*) FROM holders.fields GROUP BY key

-- all_devices: every binding of a holder
SELECT device, bound_at, unbound_at FROM holders.devices WHERE holder_id = $1::bigint ORDER BY id

-- all_requests: every time that a source was asked about a holder, and what it answered
SELECT r.source, v.outcome, v.reference, r.asked_at, v.answered_at
FROM holders.requests r LEFT JOIN holders.verifications v ON v.request_id = r.id
WHERE r.holder_id = $1::bigint ORDER BY r.id, v.id

-- all_erasures: everything that was erased of a holder
SELECT fields, rule, erased_at FROM holders.erasures WHERE holder_id = $1::bigint ORDER BY id

-- all_reveals: who read what of a holder unmasked
SELECT fields, revealed_to, reason, revealed_at FROM holders.reveals WHERE holder_id = $1::bigint ORDER BY id

-- held_fields: how many holders of a book have each field
SELECT f.field, count(*), min(f.changed_at) FROM holders.fields f WHERE f.book = $1::int GROUP BY f.field ORDER BY f.field

-- held_devices: how many bindings of devices there are in a book, those that are over as well; no row without any
SELECT 'devices', count(*), min(d.bound_at) FROM holders.devices d JOIN holders.holders h ON h.id = d.holder_id
WHERE h.book = $1::int HAVING count(*) > 0

-- held_holders: how many holders of a book there are of each kind, level and state
SELECT kind, level, state, count(*) FROM holders.holders WHERE book = $1::int GROUP BY kind, level, state ORDER BY kind, level, state

-- held_consents: how many holders of a book agree to each purpose
SELECT last.purpose, count(*) FILTER (WHERE last.given), count(*) FILTER (WHERE NOT last.given)
FROM (SELECT DISTINCT ON (c.holder_id, c.purpose) c.purpose, c.given
      FROM holders.consents c JOIN holders.holders h ON h.id = c.holder_id
      WHERE h.book = $1::int ORDER BY c.holder_id, c.purpose, c.id DESC) AS last
GROUP BY last.purpose ORDER BY last.purpose

-- held_erasures: how many erasures there were in a book by each rule
SELECT e.rule, count(*) FROM holders.erasures e JOIN holders.holders h ON h.id = e.holder_id
WHERE h.book = $1::int GROUP BY e.rule ORDER BY e.rule

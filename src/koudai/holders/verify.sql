-- field_holder: fields whose holder isn't there, is of another book, or was erased
SELECT 'holders.fields ' || f.holder_id || '/' || f.field, 'its holder is not there, of another book, or erased'
FROM holders.fields f LEFT JOIN holders.holders h ON h.id = f.holder_id AND h.book = f.book AND h.state = 'active'
WHERE h.id IS NULL

-- field_key: fields under a vault key that isn't in force
SELECT 'holders.fields ' || f.holder_id || '/' || f.field, 'its key ' || encode(f.key, 'hex') || ' is not in force'
FROM holders.fields f
LEFT JOIN identity.vault_keys k ON k.fingerprint = encode(f.key, 'hex') AND k.state IN ('current', 'old')
WHERE k.fingerprint IS NULL

-- level_fields: holders above anonymous that lack what that needs
SELECT 'holders.holders ' || h.id, 'it is ' || h.level || ' and lacks ' || needed.field
FROM holders.holders h
JOIN (VALUES ('person', 'name'), ('person', 'document_type'), ('person', 'document_number'), ('person', 'phone'),
             ('company', 'name'), ('company', 'credit_code')) AS needed (kind, field) ON needed.kind = h.kind
LEFT JOIN holders.fields f ON f.holder_id = h.id AND f.field = needed.field
WHERE h.level <> 'anonymous' AND f.holder_id IS NULL

-- level_agent: companies above anonymous whose agent isn't known
SELECT 'holders.holders ' || h.id, 'it is ' || h.level || ', and nobody who is known acts for it'
FROM holders.holders h LEFT JOIN holders.holders a ON a.id = h.agent_id AND a.level <> 'anonymous'
WHERE h.level <> 'anonymous' AND h.kind = 'company' AND a.id IS NULL

-- level_proof: verified holders whose identity as it is now no source has matched
SELECT 'holders.holders ' || h.id, 'it is verified, and no source has matched its identity'
FROM holders.holders h
LEFT JOIN (SELECT DISTINCT r.holder_id, r.identity_version
           FROM holders.requests r JOIN holders.verifications v ON v.request_id = r.id
           WHERE v.outcome = 'matched') AS m ON m.holder_id = h.id AND m.identity_version = h.identity_version
WHERE h.level = 'verified' AND m.holder_id IS NULL

-- party: agents and owners that aren't people of the same book
SELECT 'holders.holders ' || h.id, 'holder ' || p.id || ' acts for it or owns it, and is no person of its book'
FROM (SELECT id, book, agent_id AS party FROM holders.holders WHERE agent_id IS NOT NULL
      UNION SELECT id, book, beneficial_owner_id FROM holders.holders WHERE beneficial_owner_id IS NOT NULL) AS h
JOIN holders.holders p ON p.id = h.party
WHERE p.book <> h.book OR p.kind <> 'person' OR p.state <> 'active'

-- device_row: holders whose row has other devices than are bound
SELECT 'holders.holders ' || h.id, 'its row has other devices than are bound to it'
FROM holders.holders h
LEFT JOIN (SELECT d.holder_id, array_agg(d.device ORDER BY d.id) AS devices FROM holders.devices d
           WHERE d.unbound_at IS NULL GROUP BY d.holder_id) AS b ON b.holder_id = h.id
WHERE h.devices <> coalesce(b.devices, '{}')

-- consent_order: consents that were taken back and not given before
SELECT 'holders.consents ' || c.id, 'it takes back what was not given'
FROM (SELECT x.*, lag(x.given) OVER (PARTITION BY x.holder_id, x.purpose ORDER BY x.id) AS given_before
      FROM holders.consents x) AS c
WHERE NOT c.given AND c.given_before IS DISTINCT FROM true

-- erased: holders that were erased without a line about it
SELECT 'holders.holders ' || h.id, 'it is erased, and no erasure says so'
FROM holders.holders h LEFT JOIN (SELECT DISTINCT holder_id FROM holders.erasures) AS e ON e.holder_id = h.id
WHERE h.state = 'erased' AND e.holder_id IS NULL

-- fields_after: the next sealed fields after a place
SELECT holder_id, book, field, sealed, lookup FROM holders.fields
WHERE (holder_id, field) > ($1::bigint, $2::text) ORDER BY holder_id, field LIMIT $3::int

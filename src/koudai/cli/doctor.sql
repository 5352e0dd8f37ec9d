-- settings: the settings that durability hangs on, as this application's sessions have them
SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
       current_setting('data_checksums'), current_setting('server_version'), current_setting('server_version_num')::int

-- clock: the database's clock
SELECT clock_timestamp()

-- future: how far ahead of the database's clock the latest of the newest batches was recorded, in seconds
SELECT extract(epoch FROM max(b.recorded_at) - clock_timestamp())::float8
FROM (SELECT recorded_at FROM ledger.batches ORDER BY id DESC LIMIT 10000) AS b

-- too_wide: what the application's role could do to what is only ever added to
SELECT w.privilege || ' ' || w.relation
FROM (SELECT r.relation, p.privilege FROM unnest($1::text[]) AS r (relation),
             unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS p (privilege)) AS w
WHERE has_table_privilege(w.relation, w.privilege)
   OR (w.privilege = 'UPDATE' AND has_any_column_privilege(w.relation, 'UPDATE'))
ORDER BY 1

-- role: what the application's role is: its name, superuser, owner of the ledger or able to become it; and its login's
SELECT current_user::text, r.rolsuper, pg_has_role(current_user, c.relowner, 'MEMBER'), session_user::text, s.rolsuper
FROM pg_roles r, pg_roles s, pg_class c
WHERE r.rolname = current_user AND s.rolname = session_user AND c.oid = 'ledger.transfers'::regclass

-- wire: whether the database is reached over a network, and the TLS of this connection
SELECT inet_client_addr() IS NOT NULL AND NOT inet_client_addr() <<= ANY ('{127.0.0.0/8,::1/128}'::inet[]),
       s.ssl, s.version, s.cipher
FROM (SELECT 1) AS one LEFT JOIN pg_stat_ssl s ON s.pid = pg_backend_pid()

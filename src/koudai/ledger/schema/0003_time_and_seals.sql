-- Time that is closed, and seals: what a batch booked, as a hash that no later hand can change.

-- Up to when the books of an issuer are closed: nothing is booked any more as having happened before.
CREATE TABLE ledger.periods (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book          integer NOT NULL,
    closed_before timestamptz NOT NULL,
    closed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_by     text NOT NULL CHECK (closed_by ~ '\S'),
    CONSTRAINT periods_once UNIQUE (book, closed_before)
);

-- A batch is sealed by the root of the Merkle tree over its entries (RFC 6962), and waits here until it
-- has its leaf in the log. The row comes with the batch: what is committed is never left out.
CREATE TABLE ledger.seals (
    batch_id bigint PRIMARY KEY,
    entries  integer NOT NULL CHECK (entries > 0),
    salt     bytea NOT NULL CHECK (length(salt) = 32),
    root     bytea NOT NULL CHECK (length(root) = 32)
);

-- The batches whose seals have no leaf yet; whoever gives them one takes them out.
CREATE TABLE ledger.unsequenced (
    batch_id bigint PRIMARY KEY REFERENCES ledger.seals
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- An entry before the end of a closed period is refused by the table itself, whoever inserts it. The
-- trigger is made anew when a period is closed, and asked only for entries older than the last of them,
-- so that the others cost nothing.
CREATE FUNCTION ledger.hold_closed_periods_v1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM ledger.batches b JOIN ledger.periods p ON p.book = b.book
               WHERE b.id = NEW.batch_id AND p.closed_before > NEW.event_at) THEN
        RAISE EXCEPTION 'an entry at % lies in a closed period', NEW.event_at
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfers_in_open_period', TABLE = 'transfers', SCHEMA = 'ledger';
    END IF;
    RETURN NEW;
END $$;

-- What a verification found stops payouts until somebody has looked into it.
CREATE TABLE ledger.alarms (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    raised_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    check_name text NOT NULL,
    found      bigint NOT NULL,
    first_row  text NOT NULL,
    cleared_at timestamptz,
    cleared_by text CHECK (cleared_by ~ '\S'),
    reason     text CHECK (reason ~ '\S'),
    CONSTRAINT alarms_cleared_by_somebody CHECK (num_nonnulls(cleared_at, cleared_by, reason) IN (0, 3))
);

GRANT SELECT ON ledger.periods, ledger.seals, ledger.unsequenced, ledger.alarms TO koudai_app;
GRANT INSERT ON ledger.alarms TO koudai_app;
GRANT UPDATE (cleared_at, cleared_by, reason) ON ledger.alarms TO koudai_app;

-- Programmes as documents: versions that are only ever added, the gates before a launch, and launches.

CREATE TABLE programmes.versions (
    book         integer NOT NULL,
    programme_id integer NOT NULL,
    effective_at timestamptz NOT NULL,
    document     text NOT NULL CHECK (document <> ''),
    parsed       jsonb NOT NULL,
    put_by       text NOT NULL CHECK (put_by <> ''),
    put_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Never two with one day to take effect on.
    PRIMARY KEY (book, programme_id, effective_at)
);

-- Who entered what for which gate; entered again, the newest counts and the others stay.
CREATE TABLE programmes.gates (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book         integer NOT NULL,
    programme_id integer NOT NULL,
    gate         text NOT NULL CHECK (gate IN ('filing', 'licence', 'terms', 'custody')),
    reference    text NOT NULL CHECK (reference <> ''),
    entered_by   text NOT NULL CHECK (entered_by <> ''),
    entered_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX gates_by_programme ON programmes.gates (book, programme_id, id);

CREATE TABLE programmes.launches (
    book         integer NOT NULL,
    programme_id integer NOT NULL,
    launched_by  text NOT NULL CHECK (launched_by <> ''),
    launched_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book, programme_id)
);

GRANT USAGE ON SCHEMA programmes TO koudai_app;
GRANT SELECT, INSERT ON programmes.versions, programmes.gates, programmes.launches TO koudai_app;

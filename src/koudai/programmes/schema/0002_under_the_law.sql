-- What the law asks of an issuer beside its programmes' documents, and what an operator decides about clauses.

-- What an issuer is to the law. Stated again, the newest counts and the others stay.
CREATE TABLE programmes.issuers (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book            integer NOT NULL,
    issuer_class    text NOT NULL CHECK (issuer_class IN ('group', 'brand', 'scale', 'other')),
    sector          text NOT NULL CHECK (sector IN ('retail', 'lodging_catering', 'resident_services', 'other')),
    founded_on      date NOT NULL,
    began_on        date NOT NULL,
    revenue_minor   bigint CHECK (revenue_minor > 0),
    capital_minor   bigint CHECK (capital_minor > 0),
    no_refund       boolean NOT NULL,
    no_passing      boolean NOT NULL,
    no_reissue      boolean NOT NULL,
    sales_stopped   boolean NOT NULL,
    stated_by       text NOT NULL CHECK (stated_by <> ''),
    stated_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX issuers_by_book ON programmes.issuers (book, id);

-- Clauses that are opened for one programme, within caps and until a moment; opens are their ids, one space between.
CREATE TABLE programmes.pilots (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book         integer NOT NULL,
    programme_id integer NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    opens        text NOT NULL CHECK (opens <> ''),
    cap_minor    bigint NOT NULL CHECK (cap_minor > 0),
    cap_holders  bigint NOT NULL CHECK (cap_holders > 0),
    until_at     timestamptz NOT NULL,
    reason       text NOT NULL CHECK (reason ~ '\S'),
    opened_by    text NOT NULL CHECK (opened_by <> ''),
    opened_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (book, programme_id, name)
);

-- What was moved under a pilot, and for whom. Its caps are held here, whoever decides at the same time.
CREATE TABLE programmes.pilot_totals (
    pilot_id   integer PRIMARY KEY REFERENCES programmes.pilots,
    used_minor bigint NOT NULL DEFAULT 0 CHECK (used_minor >= 0),
    holders    bigint NOT NULL DEFAULT 0 CHECK (holders >= 0)
) WITH (fillfactor = 50);
CREATE TABLE programmes.pilot_holders (
    pilot_id integer NOT NULL REFERENCES programmes.pilots,
    who      text NOT NULL COLLATE "C",
    PRIMARY KEY (pilot_id, who)
);

-- Which unverified clauses refuse all the same; the newest decision on a clause counts.
CREATE TABLE programmes.enforcements (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book       integer NOT NULL,
    clause     text NOT NULL COLLATE "C" CHECK (clause <> ''),
    refuses    boolean NOT NULL,
    reason     text NOT NULL CHECK (reason ~ '\S'),
    decided_by text NOT NULL CHECK (decided_by <> ''),
    decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX enforcements_by_book ON programmes.enforcements (book, id);

GRANT SELECT ON programmes.issuers, programmes.pilots, programmes.pilot_totals, programmes.pilot_holders,
    programmes.enforcements TO koudai_app;
GRANT INSERT ON programmes.issuers, programmes.pilots, programmes.enforcements TO koudai_app;

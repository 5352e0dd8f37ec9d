-- Who holds cards: people and companies. Everything personal is sealed, field by field.

CREATE SEQUENCE holders.holder_ids;

-- The ref is what others know a holder by; it stays when everything else is erased. The devices are
-- those that are bound now, so that a judgement reads one row.
CREATE TABLE holders.holders (
    id                  bigint PRIMARY KEY,
    book                integer NOT NULL,
    ref                 text NOT NULL COLLATE "C",
    kind                text NOT NULL CHECK (kind IN ('person', 'company')),
    level               text NOT NULL CHECK (level IN ('anonymous', 'registered', 'verified')),
    state               text NOT NULL CHECK (state IN ('active', 'erased')),
    version             integer NOT NULL CHECK (version > 0),
    identity_version    integer NOT NULL CHECK (identity_version BETWEEN 1 AND version),
    devices             text[] NOT NULL DEFAULT '{}',
    agent_id            bigint REFERENCES holders.holders,
    beneficial_owner_id bigint REFERENCES holders.holders,
    created_at          timestamptz NOT NULL,
    CONSTRAINT holders_parties_of_companies
        CHECK (kind = 'company' OR (agent_id IS NULL AND beneficial_owner_id IS NULL)),
    CONSTRAINT holders_erased_is_unknown CHECK (state = 'active' OR (level = 'anonymous' AND devices = '{}'))
);
CREATE UNIQUE INDEX holders_by_ref ON holders.holders (ref, book);
CREATE INDEX holders_by_book ON holders.holders (book, id);
CREATE INDEX holders_by_agent ON holders.holders (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX holders_by_owner ON holders.holders (beneficial_owner_id) WHERE beneficial_owner_id IS NOT NULL;

-- The name of the key that a field is sealed under is read from the seal itself, so that it can't say otherwise.
CREATE TABLE holders.fields (
    holder_id  bigint NOT NULL REFERENCES holders.holders,
    book       integer NOT NULL,
    field      text NOT NULL COLLATE "C",
    sealed     bytea NOT NULL CHECK (length(sealed) >= 38),
    lookup     bytea CHECK (length(lookup) = 16),
    changed_at timestamptz NOT NULL,
    key        bytea NOT NULL GENERATED ALWAYS AS (substring(sealed FROM 3 FOR 8)) STORED,
    PRIMARY KEY (holder_id, field)
);
CREATE INDEX fields_by_lookup ON holders.fields (book, field, lookup) WHERE lookup IS NOT NULL;
CREATE INDEX fields_by_key ON holders.fields (key, holder_id, field);
-- The second lock on the door: of two transactions with one number, one begins again and sees the other's.
CREATE UNIQUE INDEX fields_one_holder ON holders.fields (book, field, lookup)
    WHERE field IN ('document_number', 'credit_code');

CREATE TABLE holders.devices (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder_id  bigint NOT NULL REFERENCES holders.holders,
    device     text NOT NULL CHECK (device <> ''),
    bound_at   timestamptz NOT NULL,
    unbound_at timestamptz CHECK (unbound_at >= bound_at)
);
CREATE UNIQUE INDEX devices_bound_once ON holders.devices (holder_id, device) WHERE unbound_at IS NULL;
CREATE INDEX devices_by_holder ON holders.devices (holder_id, id);

-- Append-only: each line gives a consent or takes it back.
CREATE TABLE holders.consents (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder_id    bigint NOT NULL REFERENCES holders.holders,
    given        boolean NOT NULL,
    purpose      text NOT NULL,
    text_version text NOT NULL CHECK (text_version <> ''),
    at           timestamptz NOT NULL
);
CREATE INDEX consents_by_holder ON holders.consents (holder_id, id);

-- Append-only: that a source is about to be asked, about which state of the identity.
CREATE TABLE holders.requests (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder_id        bigint NOT NULL REFERENCES holders.holders,
    identity_version integer NOT NULL,
    source           text NOT NULL CHECK (source <> ''),
    asked_at         timestamptz NOT NULL
);
CREATE INDEX requests_by_holder ON holders.requests (holder_id, id);

-- Append-only: what the source answered.
CREATE TABLE holders.verifications (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id  bigint NOT NULL REFERENCES holders.requests,
    outcome     text NOT NULL CHECK (outcome IN ('matched', 'mismatched', 'not_found', 'unavailable')),
    reference   text,
    answered_at timestamptz NOT NULL
);
CREATE INDEX verifications_by_request ON holders.verifications (request_id, id);
CREATE UNIQUE INDEX verifications_one_answer ON holders.verifications (request_id) WHERE outcome <> 'unavailable';

-- Append-only: what was erased, when, and by which rule it could be.
CREATE TABLE holders.erasures (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder_id bigint NOT NULL REFERENCES holders.holders,
    fields    text[] NOT NULL,
    rule      text NOT NULL,
    erased_at timestamptz NOT NULL
);
CREATE INDEX erasures_by_holder ON holders.erasures (holder_id, id);

-- Append-only: who read what unmasked, when, and why.
CREATE TABLE holders.reveals (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder_id   bigint NOT NULL REFERENCES holders.holders,
    fields      text[] NOT NULL,
    revealed_to text NOT NULL CHECK (revealed_to <> ''),
    reason      text NOT NULL CHECK (reason <> ''),
    revealed_at timestamptz NOT NULL
);
CREATE INDEX reveals_by_holder ON holders.reveals (holder_id, id);

GRANT USAGE ON SCHEMA holders TO koudai_app;
GRANT USAGE ON SEQUENCE holders.holder_ids TO koudai_app;
GRANT SELECT ON ALL TABLES IN SCHEMA holders TO koudai_app;
GRANT INSERT ON holders.consents, holders.requests, holders.verifications, holders.reveals TO koudai_app;

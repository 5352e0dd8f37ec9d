-- PINs, who guessed at them, and rotating pay codes. Of each only a keyed hash is kept; the key is not in here.

ALTER TYPE cards.activity_type ADD VALUE 'SET_PIN';
ALTER TYPE cards.activity_type ADD VALUE 'CHANGE_PIN';
ALTER TYPE cards.activity_type ADD VALUE 'RESET_PIN';

-- Whether a card asks for a PIN, in the row that every payment reads anyhow.
ALTER TABLE cards.cards ADD COLUMN has_pin boolean NOT NULL DEFAULT false;

CREATE TABLE cards.pins (
    card_id    bigint PRIMARY KEY REFERENCES cards.cards,
    pin_hash   bytea NOT NULL CHECK (octet_length(pin_hash) = 32),
    tries      smallint NOT NULL CHECK (tries BETWEEN 0 AND 5),
    locked_at  timestamptz,
    changed_at timestamptz NOT NULL,
    CONSTRAINT pins_locked CHECK ((tries = 5) = (locked_at IS NOT NULL))
);

-- Wrong PINs by the device on which they were told, whatever the card: counted from since_at on. recorded_at is the
-- machine's time, by which rows are forgotten: that of a sandbox may stand.
CREATE TABLE cards.pin_devices (
    book         integer NOT NULL,
    device       text NOT NULL COLLATE "C",
    tries        integer NOT NULL CHECK (tries > 0),
    since_at     timestamptz NOT NULL,
    locked_until timestamptz,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (book, device)
);
CREATE INDEX pin_devices_by_time ON cards.pin_devices (recorded_at);

-- A code pays once (batch_id and ordinal say by which entry), unless it was killed before: by a newer one, or since
-- its card was stopped.
CREATE TABLE cards.pay_codes (
    code_hash   bytea PRIMARY KEY,
    book        integer NOT NULL,
    card_id     bigint NOT NULL REFERENCES cards.cards,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL CHECK (expires_at > made_at),
    batch_id    bigint,
    ordinal     integer,
    killed_at   timestamptz,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT pay_codes_one_end CHECK (
        (batch_id IS NULL) = (ordinal IS NULL) AND num_nonnulls(batch_id, killed_at) < 2)
);
CREATE UNIQUE INDEX pay_codes_one_live ON cards.pay_codes (card_id) WHERE batch_id IS NULL AND killed_at IS NULL;
CREATE INDEX pay_codes_by_time ON cards.pay_codes (recorded_at);

GRANT SELECT ON cards.pins, cards.pin_devices, cards.pay_codes TO koudai_app;

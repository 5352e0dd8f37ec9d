-- Lots, holds and limits: what a card's value is made of, what of it is reserved, and how much may flow.

-- A constrained account whose value has provenance (a card) holds it in lots. Its live lots stand in its
-- own row, so that one update under one lock changes them all: six numbers for each lot, in the order
-- in which they are drawn by default: id, amount, amount reserved by holds, flags (1 bonus, 2 may be
-- passed on, 4 may be sold, 8 may be refunded), expiry in seconds since 1970 (0: none), strain.
-- meters are the counters of its limits, four numbers for each: limit, start of the window in seconds
-- since 1970, amount, count. due_at is the earliest expiry of its open holds.
ALTER TABLE ledger.accounts
    ADD COLUMN held_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN holder_id bigint,
    ADD COLUMN successor_id bigint,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN lots bigint[],
    ADD COLUMN meters bigint[];

-- Numbers that are taken apart by ranges. PL/pgSQL unpacks a parameter that is an array, and packs it again
-- for each range that is taken of it; inside of a row it stays as it came.
CREATE TYPE ledger.numbers AS (flat bigint[]);

-- Whether live lots add up to what their account holds and has reserved, each within its bounds.
CREATE FUNCTION ledger.lots_agree_v1(p_lots bigint[], p_balance bigint, p_held bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    total bigint := 0;
    held  bigint := 0;
    i     integer := 1;
    n     integer := cardinality(p_lots);
BEGIN
    WHILE i < n LOOP
        IF p_lots[i + 2] < 0 OR p_lots[i + 1] < p_lots[i + 2] OR p_lots[i + 1] = 0 THEN
            RETURN false;
        END IF;
        total := total + p_lots[i + 1];
        held := held + p_lots[i + 2];
        i := i + 6;
    END LOOP;
    RETURN n % 6 = 0 AND total = p_balance AND held = p_held;
END $$;

-- A lot is a part of a constrained account with one provenance. The row never changes: what the lot
-- holds stands in its account, and every transfer names the lots that it moves. strain is the digest of
-- the provenance: two lots of one strain are one lot. opened_minor is what a card held when lots came.
CREATE TABLE ledger.lots (
    id             bigint PRIMARY KEY,
    account_id     bigint NOT NULL,
    parent_id      bigint,
    strain         bigint NOT NULL,
    funded_at      timestamptz NOT NULL,
    expires_at     timestamptz,
    funded_batch_id bigint NOT NULL,
    came_batch_id  bigint NOT NULL,
    opened_minor   bigint NOT NULL DEFAULT 0,
    funded_ordinal integer NOT NULL,
    came_ordinal   integer NOT NULL,
    paid           boolean NOT NULL,
    may_pass       boolean NOT NULL,
    may_sell       boolean NOT NULL,
    may_refund     boolean NOT NULL,
    source         text NOT NULL COLLATE "C" CHECK (source IN
        ('transfer', 'debit', 'cash', 'credit', 'instalment', 'bonus', 'company', 'points', 'airtime', 'unrecorded')),
    payer          text COLLATE "C",
    refund_to      text COLLATE "C",
    CONSTRAINT lots_bonus_is_not_paid CHECK (NOT (paid AND source = 'bonus')),
    CONSTRAINT lots_parent_came_first CHECK (parent_id IS NULL OR parent_id < id)
);
CREATE INDEX lots_by_account ON ledger.lots (account_id);
CREATE INDEX lots_by_expiry ON ledger.lots (expires_at) WHERE expires_at IS NOT NULL;

-- What cards held before there were lots, whose source was not written here.
WITH opened AS (
    INSERT INTO ledger.lots (id, account_id, strain, funded_at, funded_batch_id, came_batch_id, opened_minor,
                             funded_ordinal, came_ordinal, paid, may_pass, may_sell, may_refund, source)
    SELECT nextval('ledger.accounts_id_seq'), a.id, 0, coalesce(b.recorded_at, now()), a.last_batch_id,
           a.last_batch_id, a.balance_minor, a.last_ordinal, a.last_ordinal, true, true, true, true, 'unrecorded'
    FROM ledger.accounts a LEFT JOIN ledger.batches b ON b.id = a.last_batch_id
    WHERE a.kind = 'card' AND a.balance_minor > 0
    RETURNING id, account_id, opened_minor
)
UPDATE ledger.accounts a SET lots = ARRAY[o.id, o.opened_minor, 0, 14, 0, 0] FROM opened o WHERE o.account_id = a.id;
UPDATE ledger.accounts SET lots = '{}' WHERE kind = 'card' AND lots IS NULL;

ALTER TABLE ledger.accounts
    ADD CONSTRAINT accounts_reserved CHECK (held_minor BETWEEN 0 AND balance_minor OR NOT constrained),
    ADD CONSTRAINT accounts_lots_agree CHECK (lots IS NULL OR ledger.lots_agree_v1(lots, balance_minor, held_minor)),
    ADD CONSTRAINT accounts_held_in_lots CHECK (lots IS NOT NULL OR held_minor = 0);

-- entry is the ordinal of the command that the transfer belongs to, which is that of its first one.
ALTER TABLE ledger.transfers
    ADD COLUMN debit_lot bigint,
    ADD COLUMN credit_lot bigint,
    ADD COLUMN entry integer;
UPDATE ledger.transfers SET entry = ordinal;
ALTER TABLE ledger.transfers
    ALTER COLUMN entry SET NOT NULL,
    DROP CONSTRAINT transfers_two_accounts,
    ADD CONSTRAINT transfers_two_places CHECK (debit_account <> credit_account OR debit_lot <> credit_lot),
    ADD CONSTRAINT transfers_entry CHECK (entry <= ordinal);

-- Whoever's flows are counted beside cards: a holder, a device, a recipient, or a pair of them. The ref
-- says what and who, as the rooms above name them; it tells the ledger nothing.
CREATE TABLE ledger.subjects (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book   integer NOT NULL,
    ref    text NOT NULL COLLATE "C" CHECK (ref <> ''),
    meters bigint[] NOT NULL DEFAULT '{}',
    CONSTRAINT subjects_ref UNIQUE (book, ref)
) WITH (fillfactor = 70);

-- How much may flow, for the accounts of a scope (a card programme). Never changed: a new limit is a new row.
CREATE TABLE ledger.limits (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    book      integer NOT NULL,
    scope_id  integer NOT NULL,
    subject   text NOT NULL COLLATE "C",
    flow      text NOT NULL COLLATE "C" CHECK (flow IN ('load', 'redeem', 'transfer')),
    per       text NOT NULL COLLATE "C" CHECK (per IN
        ('balance', 'transaction', 'day', 'month', 'lifetime', 'rolling')),
    window_s  bigint,
    min_minor bigint CHECK (min_minor >= 0),
    max_minor bigint CHECK (max_minor >= 0),
    max_count bigint CHECK (max_count >= 0),
    CONSTRAINT limits_window CHECK ((per = 'rolling') = (window_s IS NOT NULL) AND window_s BETWEEN 60 AND 31622400),
    CONSTRAINT limits_say_something CHECK (num_nonnulls(min_minor, max_minor, max_count) > 0)
);
CREATE INDEX limits_by_scope ON ledger.limits (book, scope_id);

-- A hold reserves lots of an account for a payee, until it is captured, voided, or expires. lots is what
-- is still reserved of each: lot, amount.
CREATE TABLE ledger.holds (
    batch_id       bigint NOT NULL,
    account_id     bigint NOT NULL,
    payee_account  bigint NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    captured_minor bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    released_minor bigint NOT NULL DEFAULT 0 CHECK (released_minor >= 0),
    counted_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    captured_at    timestamptz,
    ordinal        integer NOT NULL,
    book           integer NOT NULL,
    state          text NOT NULL COLLATE "C" CHECK (state IN ('OPEN', 'CAPTURED', 'VOIDED', 'EXPIRED')),
    asset          text NOT NULL COLLATE "C",
    device         text COLLATE "C",
    group_ref      text COLLATE "C",
    lots           bigint[] NOT NULL,
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT holds_within_amount CHECK (captured_minor + released_minor <= amount_minor),
    CONSTRAINT holds_closed_is_settled CHECK ((state = 'OPEN') = (captured_minor + released_minor < amount_minor)),
    CONSTRAINT holds_expired_is_not_captured CHECK (captured_at < expires_at),
    CONSTRAINT holds_captured_at CHECK ((captured_minor > 0) = (captured_at IS NOT NULL)),
    CONSTRAINT holds_captured_is_not_voided CHECK (state <> 'VOIDED' OR captured_minor = 0),
    CONSTRAINT holds_all_captured CHECK (state <> 'CAPTURED' OR captured_minor > 0)
) WITH (fillfactor = 80);
CREATE INDEX holds_open ON ledger.holds (account_id) WHERE state = 'OPEN';
CREATE INDEX holds_by_group ON ledger.holds (book, group_ref) WHERE group_ref IS NOT NULL;

-- What corrects an earlier entry, and why. Where it creates value, a second person has stood up for it.
CREATE TABLE ledger.corrections (
    batch_id          bigint NOT NULL,
    ordinal           integer NOT NULL,
    corrects_batch_id bigint,
    corrects_ordinal  integer,
    creates           boolean NOT NULL,
    reason            text NOT NULL CHECK (reason ~ '\S'),
    made_by           text NOT NULL COLLATE "C" CHECK (made_by ~ '\S'),
    approved_by       text COLLATE "C" CHECK (approved_by ~ '\S'),
    PRIMARY KEY (batch_id, ordinal),
    CONSTRAINT corrections_second_person CHECK (NOT creates OR (approved_by IS NOT NULL AND approved_by <> made_by)),
    CONSTRAINT corrections_earlier CHECK ((corrects_batch_id, corrects_ordinal) < (batch_id, ordinal))
);

-- The time of a sandbox: its now, moved forward by hand. A live book has none and follows the machine.
CREATE TABLE ledger.clocks (
    book   integer PRIMARY KEY,
    now_at timestamptz NOT NULL
);

DROP VIEW ledger.heads;
CREATE VIEW ledger.heads AS
SELECT a.id, a.balance_minor, a.last_batch_id, a.last_ordinal, a.held_minor, a.holder_id, a.successor_id, a.due_at,
       a.lots, coalesce((SELECT c.now_at FROM ledger.clocks c WHERE c.book = a.book), statement_timestamp()) AS now_at
FROM ledger.accounts a WHERE a.constrained;

GRANT SELECT ON ledger.lots, ledger.subjects, ledger.limits, ledger.holds, ledger.corrections, ledger.clocks,
    ledger.heads TO koudai_app;
GRANT INSERT ON ledger.limits, ledger.corrections TO koudai_app;

DROP FUNCTION IF EXISTS ledger.open_accounts_v1, ledger.lock_v1, ledger.begin_batch_v1, ledger.post_v1;

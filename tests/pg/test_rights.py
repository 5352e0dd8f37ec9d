"""Who may do what: the application moves value through the ledger's functions and in no other way."""

import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from koudai import ledger
from koudai.base import Asset, Fault
from koudai.instance import ROOMS
from koudai.pg import Database, Embedded, Target, migrate

CNY = Asset("CNY", 2)

FORBIDDEN = """
UPDATE ledger.transfers SET amount_minor = amount_minor + 1
DELETE FROM ledger.transfers
TRUNCATE ledger.transfers
INSERT INTO ledger.transfers (batch_id, ordinal, entry, debit_account, credit_account, amount_minor, event_at, asset, kind) VALUES (1, 99, 99, 1, 2, 5, now(), 'CNY', 'x')
UPDATE ledger.transfers_p0 SET amount_minor = amount_minor + 1
DELETE FROM ledger.transfers_p0
ALTER TABLE ledger.transfers DETACH PARTITION ledger.transfers_p0
DROP TABLE ledger.transfers_p1
UPDATE ledger.accounts SET balance_minor = balance_minor + 1
INSERT INTO ledger.accounts (book, constrained, asset, kind, balance_minor) VALUES (1, true, 'CNY', 'card', 100)
DELETE FROM ledger.accounts
INSERT INTO ledger.deltas VALUES (1, 'CNY', '{1}', '{5}', '{1}')
UPDATE ledger.deltas SET amounts = '{0}'
DELETE FROM ledger.deltas
INSERT INTO ledger.batches (id, book) VALUES (999, 1)
UPDATE ledger.batches SET recorded_at = now()
DELETE FROM ledger.batches
UPDATE ledger.idempotency SET refusal = NULL
DELETE FROM ledger.idempotency
UPDATE ledger.assets SET scale = 0
UPDATE ledger.accounts SET lots = '{}'
UPDATE ledger.accounts SET held_minor = 0
UPDATE ledger.accounts SET due_at = NULL
UPDATE ledger.accounts SET meters = NULL
UPDATE ledger.accounts SET successor_id = 1
UPDATE ledger.accounts SET holder_id = 1
INSERT INTO ledger.lots (id, account_id, strain, funded_at, funded_batch_id, came_batch_id, funded_ordinal, came_ordinal, paid, may_pass, may_sell, may_refund, source) VALUES (1, 1, 1, now(), 1, 1, 1, 1, true, true, true, true, 'cash')
UPDATE ledger.lots SET source = 'cash'
UPDATE ledger.lots SET expires_at = NULL
DELETE FROM ledger.lots
TRUNCATE ledger.lots
INSERT INTO ledger.holds (batch_id, ordinal, book, account_id, payee_account, amount_minor, counted_at, expires_at, state, asset, lots) VALUES (1, 1, 1, 1, 1, 1, now(), now(), 'OPEN', 'CNY', '{}')
UPDATE ledger.holds SET expires_at = 'infinity'
UPDATE ledger.holds SET state = 'VOIDED'
DELETE FROM ledger.holds
TRUNCATE ledger.holds
UPDATE ledger.limits SET max_minor = 1
DELETE FROM ledger.limits
INSERT INTO ledger.subjects (book, ref) VALUES (1, 'holder:x')
UPDATE ledger.subjects SET meters = '{}'
DELETE FROM ledger.subjects
INSERT INTO ledger.seals VALUES (1, 1, repeat('x', 32)::bytea, repeat('x', 32)::bytea)
UPDATE ledger.seals SET root = salt
DELETE FROM ledger.seals
INSERT INTO ledger.unsequenced VALUES (1)
DELETE FROM ledger.unsequenced
INSERT INTO ledger.periods (book, closed_before, closed_by) VALUES (1, now(), 'x')
UPDATE ledger.periods SET closed_before = '-infinity'
DELETE FROM ledger.periods
DROP TRIGGER transfers_in_open_period ON ledger.transfers
ALTER TABLE ledger.transfers DISABLE TRIGGER ALL
SET session_replication_role = replica
UPDATE ledger.corrections SET reason = 'another'
DELETE FROM ledger.corrections
INSERT INTO ledger.clocks VALUES (1, now())
UPDATE ledger.clocks SET now_at = '-infinity'
DELETE FROM ledger.clocks
INSERT INTO ledger.turnovers VALUES (1, 1, 1)
UPDATE ledger.turnovers SET amount_minor = 0
DELETE FROM ledger.turnovers
UPDATE ledger.partitions SET indexed_at = NULL
DELETE FROM ledger.partitions
UPDATE ledger.alarms SET found = 0
DELETE FROM ledger.alarms
SELECT nextval('ledger.batch_ids')
SELECT setval('ledger.batch_ids', 1)
TRUNCATE ledger.accounts CASCADE
UPDATE cards.activities SET balance_minor = 0
DELETE FROM cards.activities
UPDATE cards.cards SET state = 'ACTIVE'
DELETE FROM cards.cards
INSERT INTO cards.refund_totals VALUES (1, 1, 5, 5)
UPDATE cards.refund_totals SET refunded_minor = 0
DELETE FROM cards.refund_totals
INSERT INTO cards.refund_parts VALUES (1, 1, 1, 1, 5)
DELETE FROM cards.refund_parts
INSERT INTO cards.restrictions (batch_id, ordinal, card_id, kind, temporary, authority, document, made_by) VALUES (1, 1, 1, 'issuer', false, '', '', '')
UPDATE cards.restrictions SET ended_batch_id = 1
DELETE FROM cards.restrictions
UPDATE cards.cards SET restrictions = 0
UPDATE cards.programmes SET max_balance_minor = NULL
UPDATE cards.funding_accounts SET account_id = 1
UPDATE cards.programme_accounts SET account_id = 1
DELETE FROM cards.programme_accounts
UPDATE cards.cards SET has_pin = false
INSERT INTO cards.pins VALUES (1, decode(repeat('00', 32), 'hex'), 0, NULL, now())
UPDATE cards.pins SET tries = 0
DELETE FROM cards.pins
INSERT INTO cards.pin_devices VALUES (1, 'd', 1, now(), NULL)
UPDATE cards.pin_devices SET tries = 1
DELETE FROM cards.pin_devices
INSERT INTO cards.pay_codes VALUES ('x', 1, 1, now(), now() + interval '1 h')
UPDATE cards.pay_codes SET batch_id = NULL, ordinal = NULL
DELETE FROM cards.pay_codes
UPDATE programmes.versions SET effective_at = now()
DELETE FROM programmes.versions
UPDATE programmes.gates SET reference = 'x'
DELETE FROM programmes.gates
UPDATE programmes.launches SET launched_by = 'x'
DELETE FROM programmes.launches
UPDATE merchants.merchants SET account_id = 1
DELETE FROM identity.issuers
UPDATE identity.api_keys SET scopes = '{}'
UPDATE identity.api_keys SET secret_sha256 = ''
UPDATE identity.api_keys SET revoked_at = NULL
UPDATE identity.api_keys SET expires_at = NULL
DELETE FROM identity.api_keys
UPDATE identity.keyring SET fingerprint = ''
DELETE FROM identity.keyring
UPDATE identity.vault_keys SET fingerprint = 'ffffffffffffffff'
DELETE FROM identity.vault_keys
INSERT INTO holders.holders (id, book, ref, kind, level, state, version, identity_version, created_at) VALUES (1, 1, 'x', 'person', 'registered', 'active', 1, 1, now())
UPDATE holders.holders SET level = 'verified'
DELETE FROM holders.holders
INSERT INTO holders.fields (holder_id, book, field, sealed, changed_at) VALUES (1, 1, 'name', '', now())
UPDATE holders.fields SET sealed = ''
DELETE FROM holders.fields
INSERT INTO holders.devices (holder_id, device, bound_at) VALUES (1, 'x', now())
UPDATE holders.devices SET unbound_at = NULL
DELETE FROM holders.devices
UPDATE holders.consents SET given = true
DELETE FROM holders.consents
UPDATE holders.requests SET identity_version = 2
DELETE FROM holders.requests
UPDATE holders.verifications SET outcome = 'matched'
DELETE FROM holders.verifications
INSERT INTO holders.erasures (holder_id, fields, rule, erased_at) VALUES (1, '{}', 'x', now())
UPDATE holders.erasures SET rule = 'x'
DELETE FROM holders.erasures
UPDATE holders.reveals SET reason = 'x'
DELETE FROM holders.reveals
UPDATE pg.migrations SET sha256 = ''
DELETE FROM pg.migrations
INSERT INTO pg.migrations VALUES ('a', 'b', 'c')
CREATE TABLE ledger.mine (id int)
CREATE TABLE public.mine (id int)
CREATE SCHEMA mine
ALTER TABLE ledger.accounts DROP CONSTRAINT accounts_not_overdrawn
DROP TABLE ledger.transfers
ALTER TABLE ledger.accounts DROP CONSTRAINT accounts_lots_agree
ALTER TABLE ledger.holds DROP CONSTRAINT holds_expired_is_not_captured
DROP FUNCTION ledger.lots_agree_v1
DROP FUNCTION ledger.hold_closed_periods_v1
DROP FUNCTION ledger.fold_v2
CREATE OR REPLACE FUNCTION ledger.fold_v2(integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'
CREATE ROLE mine
ALTER ROLE koudai_app SUPERUSER
SELECT pg_read_file('postgresql.conf')
COPY (SELECT 1) TO PROGRAM 'true'
""".strip().splitlines()


async def post_something(db):
    """Two accounts, ten moved from the hot one to the constrained one, and all that was before is closed."""

    async def work(tx):
        sheet = await ledger.open_batch(tx, 1, [])
        (source,) = await ledger.open_accounts(tx, 1, CNY, "source", constrained=False)
        (card,) = await ledger.open_accounts(tx, 1, CNY, "test", constrained=True)
        posting = ledger.Posting("k", source, card, 10, "CNY", "load", sheet.recorded_at)
        (outcome,) = await ledger.post(tx, 1, [posting])
        assert isinstance(outcome, ledger.Place)
        await ledger.close_period(tx, 1, sheet.recorded_at, "the auditor")
        return await ledger.balances(tx, [source, card])

    assert sorted((await db.transact(work)).values()) == [-10, 10]


async def assert_is_kept_out(db):
    for statement in FORBIDDEN:
        with pytest.raises(Fault) as caught:
            async with db.transaction() as tx:
                await tx.rows(statement)
        assert caught.value.code == "pg.no_privilege", statement
    assert (await ledger.verify(db)).holds


@pytest.mark.parametrize("major", [16, 18])
@pytest.mark.parametrize("login", ["the application's own", "the superuser's for all"])
async def test_sessions_have_the_rights_of_the_application_alone(site, login):
    target = site.target if login.startswith("the app") else Target(site.target.admin, site.target.admin)
    async with Database(target) as db:
        await post_something(db)
        await assert_is_kept_out(db)
        async with db.transaction() as tx:
            assert await tx.value("SELECT current_user::text") == "koudai_app"


async def test_an_overdraft_is_stopped_by_the_table_too(db):
    """A caller of the posting function that doesn't judge balances is stopped by the constraint."""
    await post_something(db)
    async with db.transaction() as tx:
        card, hot = [row[0] for row in await tx.rows("SELECT id FROM ledger.accounts ORDER BY constrained DESC")]

    async def overdraw(tx):
        (batch,) = await tx.rows("SELECT id FROM ledger.begin_batch_v2(1)")
        (held,) = await tx.rows("SELECT at FROM ledger.lock_v2(1, ARRAY[$1::bigint])", card)
        await tx.rows(
            "SELECT ledger.post_v4(1, $1::bigint, 'CNY', ARRAY[1], ARRAY[$2::bigint], ARRAY[$3::bigint], ARRAY[11::bigint],"
            " ARRAY['x'], ARRAY[now()], ARRAY[1], ARRAY[NULL::bigint], ARRAY[NULL::bigint],"
            " ARRAY[$2::bigint], ARRAY[0], ARRAY[($4::text)::tid], ARRAY[0::bigint], ARRAY[NULL::timestamptz],"
            " ARRAY[0], ARRAY[0], ARRAY[1], ARRAY[0], NULL, NULL)",
            batch[0], card, hot, f"({int.from_bytes(held[0][:4])},{int.from_bytes(held[0][4:])})",
        )  # fmt: skip

    with pytest.raises(psycopg.errors.CheckViolation, match="accounts_not_overdrawn"):
        await db.transact(overdraw)
    assert (await ledger.verify(db)).holds


@pytest.fixture(scope="module", params=[16, 18])
def rented(request):
    """A server whose owner has given us a database and a login that may create roles, and no more."""
    home = Path(tempfile.mkdtemp(prefix="kd-"))
    home.chmod(0o755)
    with Embedded(home, request.param) as server:
        with closing(psycopg.connect(server.dsn("postgres", "postgres"), autocommit=True)) as admin:
            admin.execute("DROP DATABASE koudai")
            admin.execute("DROP ROLE koudai_owner, koudai_app")
            admin.execute("CREATE ROLE renter LOGIN CREATEROLE PASSWORD 'rent'")
            admin.execute("CREATE DATABASE rented OWNER renter")
        url = psycopg.conninfo.make_conninfo(
            server.dsn("postgres", "rented"), user="renter", password="rent", dbname="rented"
        )
        yield Target(url, url)
    shutil.rmtree(home)


def test_a_login_that_may_not_create_roles_is_told(rented):
    with psycopg.connect(rented.admin, autocommit=True) as renter:
        renter.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    url = psycopg.conninfo.make_conninfo(rented.admin, user="guest", password="guest")
    with pytest.raises(Fault) as caught:
        migrate(Target(url, url), ROOMS)
    assert caught.value.code == "pg.no_privilege"


async def test_a_login_that_may_create_roles_and_owns_the_database_is_enough(rented):
    assert "ledger.0001_spine" in migrate(rented, ROOMS)
    assert migrate(rented, ROOMS) == []
    async with Database(rented) as db:
        await post_something(db)
        await assert_is_kept_out(db)


async def test_a_login_that_may_not_become_our_roles_is_told_so(site):
    with site.superuser() as admin:
        admin.execute("DROP ROLE IF EXISTS guest")
        admin.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        admin.execute(f"GRANT CONNECT ON DATABASE {site.name} TO guest")
    url = psycopg.conninfo.make_conninfo(site.target.admin, user="guest", password="guest")
    with pytest.raises(Fault) as caught:
        migrate(Target(url, url), ROOMS)
    assert caught.value.code == "pg.refused_login"
    with pytest.raises(Fault) as caught:
        await Database(Target(url, url)).__aenter__()
    assert caught.value.code == "pg.refused_login"

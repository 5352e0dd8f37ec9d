"""A database that is gone, can't be written, or is full: one clear answer, and nothing half done."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from koudai import ledger
from koudai.base import Asset, Fault
from koudai.instance import ROOMS
from koudai.pg import Conflict, Database, Embedded, Target, migrate

CNY = Asset("CNY", 2)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def home():
    path = Path(tempfile.mkdtemp(prefix="kd-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def target_of(server):
    return Target(server.dsn("koudai_app"), server.dsn("postgres"))


async def open_two(db):
    async def work(tx):
        (source,) = await ledger.open_accounts(tx, 1, CNY, "source", constrained=False)
        (card,) = await ledger.open_accounts(tx, 1, CNY, "test", constrained=True)
        return source, card

    return await db.transact(work)


def batch(number, source, card, size):
    return [ledger.Posting(f"{number}/{i}", source, card, 1, "CNY", "load", NOON) for i in range(size)]


async def fault_of(work):
    with pytest.raises(Fault) as caught:
        await work
    return caught.value.code


async def test_a_server_that_is_gone_and_comes_back(home):
    with Embedded(home) as server:
        target = target_of(server)
        migrate(target, ROOMS)
        async with Database(target) as db:
            source, card = await open_two(db)
            post = lambda n: db.transact(lambda tx: ledger.post(tx, 1, batch(n, source, card, 3)))  # noqa: E731
            answered = await post(1)
            server.stop()
            began = time.monotonic()
            assert await fault_of(post(2)) == "pg.unavailable"
            assert await fault_of(Database(target).__aenter__()) == "pg.unavailable"
            with pytest.raises(Fault) as caught:
                migrate(target, ROOMS)
            assert caught.value.code == "pg.unavailable"
            assert time.monotonic() - began < 5, "who asks is told at once"
            server.start()
            for _ in range(3):
                try:
                    assert await post(1) == answered
                    break
                except Fault as fault:
                    assert fault.code == "pg.unavailable"
            else:
                pytest.fail("the server is back, and nobody noticed")
            await post(2)
            assert (await db.transact(lambda tx: ledger.balances(tx, [card]))) == {card: 6}
            assert (await ledger.verify(db)).holds


@pytest.mark.parametrize(
    ("conninfo", "code"),
    [
        ({"password": "guess"}, "pg.refused_login"),
        ({"user": "nobody"}, "pg.refused_login"),
        ({"dbname": "nowhere"}, "pg.refused_login"),
        ({"host": "/nowhere"}, "pg.unavailable"),
        ({"port": "1"}, "pg.unavailable"),
    ],
)
async def test_a_login_that_leads_nowhere(site, conninfo, code):
    url = psycopg.conninfo.make_conninfo(site.target.app, **conninfo)
    assert await fault_of(Database(Target(url, url)).__aenter__()) == code
    with pytest.raises(Fault) as caught:
        migrate(Target(url, url), ROOMS)
    assert caught.value.code == code


async def test_a_database_that_only_reads(site):
    async with Database(site.target) as db:
        source, card = await open_two(db)
        await db.transact(lambda tx: ledger.post(tx, 1, batch(1, source, card, 3)))
    with site.server.superuser() as admin:
        admin.execute(f"ALTER DATABASE {site.name} SET default_transaction_read_only = on")
    async with Database(site.target) as db:
        assert await fault_of(db.transact(lambda tx: ledger.post(tx, 1, batch(2, source, card, 3)))) == "pg.read_only"
        assert await db.transact(lambda tx: ledger.balances(tx, [card])) == {card: 3}
        assert await db.transact(lambda tx: ledger.outcome_of_key(tx, 1, "2/0")) is None
    with pytest.raises(Fault) as caught:
        migrate(site.target, ROOMS)
    assert caught.value.code == "pg.read_only"


async def test_a_pool_that_is_used_up_says_so(site, monkeypatch):
    monkeypatch.setattr("koudai.pg.database._WAIT_FOR_CONNECTION_S", 0.2)
    async with Database(site.target, max_size=1) as db, db.transaction() as tx:
        await tx.rows("SELECT 1")
        assert await fault_of(db.transact(lambda other: other.rows("SELECT 1"))) == "pg.unavailable"


async def test_work_that_met_another_is_tried_again_and_not_for_ever(db):
    tries = []

    async def work(tx):
        tries.append(await tx.value("SELECT pg_current_xact_id()::text"))
        if len(tries) < wanted:
            raise Conflict("met another")
        return "done"

    wanted = 3
    assert await db.transact(work) == "done"
    assert len(set(tries)) == 3, "each try is a transaction of its own"
    tries.clear()
    wanted = 100
    assert await fault_of(db.transact(work)) == "pg.contention"
    assert 1 < len(tries) < 100


async def test_a_transaction_that_raises_leaves_nothing(db):
    with pytest.raises(KeyError):
        async with db.transaction() as tx:
            await tx.rows("INSERT INTO ledger.assets VALUES ('AAA', 2)")
            raise KeyError("a bug")
    async with db.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM ledger.assets") == 0


async def test_a_cancelled_caller_leaves_a_whole_transaction_or_none(db):
    source, card = await open_two(db)
    answered = 0
    for number in range(20):
        task = asyncio.create_task(db.transact(lambda tx, n=number: ledger.post(tx, 1, batch(n, source, card, 5))))
        await asyncio.sleep(0.0007 * number)
        task.cancel()
        answered += not isinstance((await asyncio.gather(task, return_exceptions=True))[0], BaseException)
    held = (await db.transact(lambda tx: ledger.balances(tx, [card])))[card]
    assert held % 5 == 0
    assert held >= 5 * answered
    assert (await ledger.verify(db)).holds


async def test_a_snapshot_reads_one_moment_and_writes_nothing(db):
    source, card = await open_two(db)
    async with db.transaction(snapshot=True) as tx:
        assert (await ledger.balances(tx, [card]))[card] == 0
        await db.transact(lambda other: ledger.post(other, 1, batch(1, source, card, 3)))
        assert (await ledger.balances(tx, [card]))[card] == 0
    with pytest.raises(Fault) as caught:
        async with db.transaction(snapshot=True) as tx:
            await tx.rows("INSERT INTO ledger.assets VALUES ('AAA', 2)")
    assert caught.value.code == "pg.read_only"


async def test_a_lock_by_name_is_held_by_one_and_ends_with_its_block(db):
    async with db.session_lock("one") as mine:
        async with db.session_lock("one") as theirs, db.session_lock("other") as another:
            assert (mine, theirs, another) == (True, False, True)
        async with db.session_lock("one") as theirs:
            assert not theirs, "who didn't get the lock doesn't end it"
    async with db.session_lock("one") as again:
        assert again


@pytest.fixture
def small_disk():
    """A disk of a few megabytes more than a cluster needs."""
    place = Path(tempfile.mkdtemp(prefix="kd-"))
    command = ["mount", "-t", "tmpfs", "-o", "size=120m,mode=0755", "tmpfs", str(place)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        place.rmdir()
        pytest.skip("only root may mount a disk of its own")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
    place.rmdir()


async def test_a_disk_that_is_full_and_gets_room_again(small_disk):
    with Embedded(small_disk) as server:
        target = target_of(server)
        migrate(target, ROOMS)
        async with Database(target) as db:
            source, card = await open_two(db)
            # A fresh segment of the log, so that it's the tables that find no room.
            with psycopg.connect(target.admin, autocommit=True) as admin:
                admin.execute("SELECT pg_switch_wal()")
                admin.execute("CHECKPOINT")
            await db.transact(lambda tx: ledger.post(tx, 1, batch("first", source, card, 1)))
            ballast = small_disk / "ballast"
            ballast.write_bytes(bytes(max(0, shutil.disk_usage(small_disk).free - 2**20)))
            answered, code = 0, None
            while code is None:
                try:
                    await db.transact(lambda tx: ledger.post(tx, 1, batch(answered, source, card, 200)))
                    answered += 1
                except Fault as fault:
                    code = fault.code
                assert answered < 1000
            assert code in ("pg.disk_full", "pg.unavailable")
            ballast.unlink()
            server.start()
        async with Database(target) as db:
            assert await db.transact(lambda tx: ledger.balances(tx, [card])) == {card: 200 * answered + 1}
            assert await db.transact(lambda tx: ledger.outcome_of_key(tx, 1, f"{answered}/0")) is None
            assert (await ledger.verify(db)).holds
            again = await db.transact(lambda tx: ledger.post(tx, 1, batch(answered, source, card, 200)))
            assert all(isinstance(place, ledger.Place) for place in again)
            assert (await ledger.verify(db)).holds

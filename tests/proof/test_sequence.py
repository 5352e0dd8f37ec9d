"""Nothing that was committed is left out of the log, whoever posts, in whatever order, and whatever dies."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from koudai import ledger, proof
from koudai.base import Fault, merkle
from koudai.ledger.leaves import batch_data
from koudai.pg import Database
from koudai.proof.sequence import PIECE

module = sys.modules["koudai.proof.sequence"]


@pytest.fixture(params=[16, 18])
def major(request):
    return request.param


async def sequence(db, **how):
    return await db.transact(lambda tx: proof.sequence(tx, **how))


def leaves(site):
    """The batches in the order of the log, whose indices have no gap."""
    rows = site.ask("SELECT leaf_index, batch_id FROM proof.leaves ORDER BY leaf_index")
    assert [index for index, _ in rows] == list(range(len(rows)))
    return [batch_id for _, batch_id in rows]


def waiting(site):
    return [row[0] for row in site.ask("SELECT batch_id FROM ledger.unsequenced ORDER BY batch_id")]


def sealed(site):
    return [row[0] for row in site.ask("SELECT batch_id FROM ledger.seals ORDER BY batch_id")]


async def assert_whole(site, db, keyring, find_wrong):
    """Everything sealed is in the log, once, and all of it can be proven."""
    assert waiting(site) == []
    assert sorted(leaves(site)) == sealed(site)
    assert await find_wrong(db, keyring) == {}


async def test_batches_get_their_leaves_once(site, db, till, keyring, find_wrong):
    places = await till.post(5, entries=2)
    assert waiting(site) == sealed(site) == sorted({place.batch_id for place in places})
    assert await sequence(db, limit=2) == 2
    assert len(waiting(site)) == 3
    assert [await sequence(db), await sequence(db)] == [3, 0]
    await assert_whole(site, db, keyring, find_wrong)
    assert leaves(site) == sealed(site)
    told = site.ask(
        "SELECT b.id, b.book, b.recorded_at, s.entries, s.root, l.hash FROM proof.leaves l"
        " JOIN ledger.batches b ON b.id = l.batch_id JOIN ledger.seals s ON s.batch_id = b.id"
    )
    assert all(merkle.leaf_hash(batch_data(*row[:5])) == row[5] for row in told)


async def test_what_moves_no_value_has_no_leaf(site, db, till):
    await db.transact(lambda tx: ledger.open_batch(tx, 1, []))
    assert await sequence(db) == 0
    assert sealed(site) == []


async def test_a_batch_that_commits_late_still_gets_its_leaf(site, db, till, keyring, find_wrong):
    """The first one to begin is the last one to commit; later numbers have their leaves by then."""
    async with Database(site.target) as other:
        async with other.transaction() as slow:
            (early,) = await till.within(slow)
            await slow.rows("SELECT 1")  # What is written goes with the next statement at the latest.
            late = [place.batch_id for place in await till.post(3)]
            assert early.batch_id < min(late)
            assert await sequence(db) == 3, "nobody waits for the slow one"
            assert leaves(site) == late
        assert await sequence(db) == 1
    assert leaves(site) == [*late, early.batch_id]
    await assert_whole(site, db, keyring, find_wrong)


async def test_a_batch_that_rolls_back_leaves_nothing(site, db, till, keyring, find_wrong):
    await till.post()
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await till.within(tx)
            await tx.rows("SELECT 1")
            raise ZeroDivisionError
    await till.post()
    assert await sequence(db) == 2
    await assert_whole(site, db, keyring, find_wrong)


async def test_two_sequencers_at_once(site, db, till, keyring, find_wrong):
    await till.post(4)
    async with Database(site.target) as other:
        async with other.transaction() as first:
            assert await proof.sequence(first, 2) == 2
            async with asyncio.timeout(5):
                assert await sequence(db) == 0, "another one is at it"
            second = asyncio.create_task(sequence(db, wait=True))
            await asyncio.sleep(0.2)
            assert not second.done(), "it waits"
            await till.post()
        assert await second == 3, "what the first one left, and what came meanwhile"
    await assert_whole(site, db, keyring, find_wrong)


async def test_a_sequencer_that_fails_leaves_no_gap(site, db, till, keyring, find_wrong):
    await till.post(3)
    assert await sequence(db, limit=1) == 1
    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            assert await proof.sequence(tx) == 2
            raise ZeroDivisionError
    assert len(waiting(site)) == 2
    assert await sequence(db) == 2
    await assert_whole(site, db, keyring, find_wrong)


async def test_beside_postings_from_many_processes(site, db, till, keyring, find_wrong, start_clients):
    lists = [
        [[["post", f"{c}/{b}/{i}", *till.accounts, i + 1] for i in range(b % 3 + 1)] for b in range(60)]
        for c in range(4)
    ]
    clients = start_clients(site.target, *lists)
    got = [0, 0]
    async with Database(site.target) as other:

        async def work(at, with_db):
            while any(client.process.poll() is None for client in clients):
                got[at] += await sequence(with_db, limit=7)

        await asyncio.gather(work(0, db), work(1, other))
    assert all(client.finish() for client in clients)
    assert sum(got) > 20, "most of it happened while they posted"
    rest = await proof.catch_up(db)
    assert sum(got) + rest == 240
    await assert_whole(site, db, keyring, find_wrong)


async def test_killed_between_commit_and_log(site, db, till, keyring, find_wrong, start_clients):
    batches = [[["post", f"{b}", *till.accounts, 1]] for b in range(2000)]
    (client,) = start_clients(site.target, batches)
    client.wait_for(20)
    answered = [outcomes[0][0] for outcomes in client.kill()]
    assert 20 <= len(answered) < 2000
    assert set(answered) <= set(waiting(site)), "what was answered is in line"
    assert await proof.catch_up(db) == len(sealed(site))
    await assert_whole(site, db, keyring, find_wrong)
    assert set(answered) <= set(leaves(site))


def sequencer(site):
    command = [sys.executable, str(Path(__file__).with_name("sequencer.py")), site.target.app]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def until(holds):
    """Wait for what somebody else does."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 there is no event to wait for
            await asyncio.sleep(0.02)


async def test_killed_in_the_middle_of_sequencing(site, db, till, keyring, find_wrong):
    await till.post(3)
    await sequence(db, limit=1)
    with sequencer(site) as process:
        assert process.stdout.readline() == "taken 2\n"
        assert await sequence(db) == 0, "the other one is at it"
        process.send_signal(signal.SIGKILL)
    assert await sequence(db, wait=True) == 2, "its lock ended with it, and all that it had taken is in line"
    await assert_whole(site, db, keyring, find_wrong)


@pytest.mark.parametrize("major", [18])
async def test_a_server_that_is_killed_has_all_in_line_or_in_the_log(site, db, till, keyring, find_wrong):
    places = await till.post(5)
    assert await sequence(db, limit=2) == 2
    try:
        with pytest.raises(Fault):
            async with db.transaction() as tx:
                assert await proof.sequence(tx, 2) == 2
                site.server.crash()
                await tx.rows("SELECT 1")
    finally:
        site.server.embedded.start()
    async with Database(site.target) as fresh:
        assert len(leaves(site)) == 2
        assert await proof.catch_up(fresh) == 3
        await assert_whole(site, fresh, keyring, find_wrong)
    assert set(leaves(site)) == {place.batch_id for place in places}


FORBIDDEN = """
UPDATE proof.leaves SET hash = hash
DELETE FROM proof.leaves
TRUNCATE proof.leaves
INSERT INTO proof.leaves VALUES (3, 99, sha256(''))
UPDATE proof.tiles SET root = root
DELETE FROM proof.tiles
INSERT INTO proof.tiles VALUES (0, 0, sha256(''), sha256(''))
UPDATE proof.checkpoints SET note = ''
DELETE FROM proof.checkpoints
INSERT INTO proof.checkpoints VALUES (7, sha256(''), '', now())
UPDATE proof.genesis SET batch_id = 1000
DELETE FROM proof.genesis
DELETE FROM ledger.unsequenced
DELETE FROM ledger.seals
UPDATE ledger.seals SET root = root
DROP FUNCTION proof.append_v1
""".strip().splitlines()


async def test_the_application_can_append_and_nothing_else(site, db, till, keyring):
    await till.post(3)
    await sequence(db)
    await db.transact(lambda tx: proof.checkpoint(tx, keyring))
    for statement in FORBIDDEN:
        with pytest.raises(Fault) as caught:
            async with db.transaction() as tx:
                await tx.rows(statement)
        assert caught.value.code == "pg.no_privilege", statement
    for first in (0, 2, 4, 1000):
        with pytest.raises(Exception, match="does not follow"):
            async with db.transaction() as tx:
                await tx.rows(
                    "SELECT proof.append_v1($1::bigint, ARRAY[99::bigint], ARRAY[sha256('')], '{}', '{}', '{}', '{}')",
                    first,
                )
    assert len(leaves(site)) == 3


@pytest.mark.parametrize("major", [18])
async def test_a_server_sequences_and_signs_by_itself(site, db, till, keyring, monkeypatch):
    monkeypatch.setattr(module, "EVERY_S", 0.02)
    monkeypatch.setattr(module, "SIGN_EVERY_S", 0.06)
    failures = []
    running = asyncio.create_task(proof.run_sequencer(db, keyring, failures.append))
    try:
        await till.post(PIECE // 1000)
        await until(lambda: site.ask("SELECT 1 FROM proof.checkpoints WHERE tree_size = 10"))
        site.change("ALTER TABLE proof.leaves RENAME TO gone")
        await till.post()
        await until(lambda: failures)
        await asyncio.sleep(0.2)
        assert len(failures) == 1, "an outage is told once"
        site.change("ALTER TABLE proof.gone RENAME TO leaves")
        await until(lambda: not waiting(site))
    finally:
        running.cancel()
    assert len(leaves(site)) == 11

"""The log as it is kept: tiles, roots and proofs of any size, and every damage found and named."""

import random
import sys
import time
from dataclasses import dataclass

import pytest

from koudai import proof
from koudai.base import Fault, merkle
from koudai.ledger.leaves import batch_data
from koudai.pg import Database
from koudai.proof.check import is_consistent, is_included
from koudai.proof.tree import combine

# Sealed batches made by the owner, so that a log of many is had in seconds. Their seals seal nothing.
FAKE = """
INSERT INTO ledger.batches (id, book, recorded_at)
SELECT n, 1, '2024-05-01'::timestamptz + n * interval '1 second' FROM generate_series({0} + 1, {1}) AS n;
INSERT INTO ledger.seals SELECT n, 1, sha256('salt'), sha256(int8send(n)) FROM generate_series({0} + 1, {1}) AS n;
INSERT INTO ledger.unsequenced SELECT n FROM generate_series({0} + 1, {1}) AS n;
"""


def fake(site, first, last):
    site.change(FAKE.format(first, last))


async def read(db, plan, size):
    async with db.transaction() as tx:
        return await combine(tx, plan, size)


async def consistency(db, keyring, old, new):
    file = await db.transact(lambda tx: proof.consistency(tx, keyring, old, new))
    facts = proof.verify(file.encode(), proof.public_key(keyring)).facts
    assert (facts["old"]["tree_size"], facts["new"]["tree_size"]) == (old, new)
    return facts


@pytest.mark.parametrize("major", [16, 18])
async def test_proofs_between_any_sizes(site, db, keyring, find_wrong):
    for size in (1, 2, 3, 5, 8, 255, 256, 257, 300, 511, 512, 513, 700):
        fake(site, *site.ask("SELECT coalesce(max(id), 0) FROM ledger.batches")[0], size)
        await proof.catch_up(db)
        if size in (5, 256, 513):
            await db.transact(lambda tx: proof.checkpoint(tx, keyring))
    hashes = [row[0] for row in site.ask("SELECT hash FROM proof.leaves ORDER BY leaf_index")]
    roots = [merkle.root(hashes[:size]) for size in range(701)]
    for size in range(701):
        assert await read(db, merkle.root_plan(size), size) == [roots[size]]
    rng = random.Random(1)
    for old, new in [(0, 0), (0, 700), (700, 700), *(sorted(rng.choices(range(701), k=2)) for _ in range(60))]:
        path = await read(db, merkle.consistency_plan(old, new), new)
        assert is_consistent(old, roots[old], new, roots[new], path)
    for old, new in ((0, 1), (0, 700), (5, 256), (256, 700), (300, 511), (699, 700), (512, 512)):
        await consistency(db, keyring, old, new)
    signed = [row[0] for row in site.ask("SELECT tree_size FROM proof.checkpoints ORDER BY 1")]
    assert signed == [0, 1, 5, 256, 300, 511, 512, 513, 699, 700]
    for old, new in ((2, 1), (0, 701), (701, 702)):
        with pytest.raises(Fault) as caught:
            await consistency(db, keyring, old, new)
        assert caught.value.code == "proof.no_such_size"
    assert (await find_wrong(db, keyring)).keys() == {"proof.seal_root"}, "of the log itself nothing is wrong"


async def test_the_empty_log(db, keyring, find_wrong):
    note = await db.transact(lambda tx: proof.checkpoint(tx, keyring))
    assert proof.verify(note.encode(), proof.public_key(keyring)).facts["tree_size"] == 0
    await consistency(db, keyring, 0, 0)
    assert await find_wrong(db, keyring) == {}


async def test_a_log_of_many_leaves(site, db, keyring, find_wrong):
    """Tiles of two levels; and what it costs doesn't grow with the log."""
    size = 66_100
    fake(site, 0, size)
    began = time.perf_counter()
    assert await proof.catch_up(db) == size
    took = time.perf_counter() - began
    assert took < 30, f"{size / took:.0f} a second"
    assert site.ask("SELECT level, count(*), max(number) FROM proof.tiles GROUP BY 1 ORDER BY 1") == [
        (0, 258, 257), (1, 1, 0),
    ]  # fmt: skip
    hashes = [row[0] for row in site.ask("SELECT hash FROM proof.leaves ORDER BY leaf_index")]
    root = merkle.root(hashes)
    assert await read(db, merkle.root_plan(size), size) == [root]
    for index in (0, 255, 256, 40_000, 65_535, 65_536, size - 1):
        path = await read(db, merkle.inclusion_plan(index, size), size)
        assert path == merkle.inclusion_path(index, hashes)
        batch = site.ask(
            "SELECT b.id, b.book, b.recorded_at, s.entries, s.root FROM ledger.batches b JOIN ledger.seals s"
            " ON s.batch_id = b.id JOIN proof.leaves l ON l.batch_id = b.id WHERE leaf_index = %s",
            index,
        )[0]
        assert is_included(batch_data(*batch), index, size, path, root)
    await db.transact(lambda tx: proof.checkpoint(tx, keyring))
    for old, new in ((1, size), (255, 65_536), (256, 65_537), (65_535, size), (65_536, size), (30_000, 60_000)):
        facts = await consistency(db, keyring, old, new)
        assert facts["old"]["root"] != facts["new"]["root"]
    assert (await find_wrong(db, keyring)).keys() == {"proof.seal_root"}


@dataclass(frozen=True)
class Damage:
    """What is done to a log of 600 leaves signed at 512 and 600, and which check has to name which row."""

    check: str
    row: str
    doing: str

    def __str__(self):
        return f"{self.check}: {self.doing}"


DAMAGES = [
    Damage("proof.seal_leaf", "ledger.seals 600", "DELETE FROM proof.leaves WHERE leaf_index = 599"),
    Damage("proof.seal_leaf", "ledger.seals 700", "INSERT INTO ledger.seals VALUES (700, 1, sha256(''), sha256(''))"),
    Damage("proof.seal_leaf", "ledger.seals 601", "DELETE FROM ledger.unsequenced"),
    Damage("proof.seal_leaf", "ledger.seals 7", "INSERT INTO ledger.unsequenced VALUES (7)"),
    Damage("proof.seal_leaf", "ledger.seals 7", "DELETE FROM ledger.batches WHERE id = 7"),
    Damage("proof.leaf_hash", "proof.leaves 6", "UPDATE ledger.seals SET root = sha256('') WHERE batch_id = 7"),
    Damage("proof.leaf_hash", "proof.leaves 6", "UPDATE ledger.seals SET entries = 2 WHERE batch_id = 7"),
    Damage("proof.leaf_hash", "proof.leaves 6", "UPDATE ledger.batches SET book = 2 WHERE id = 7"),
    Damage("proof.leaf_hash", "proof.leaves 6", "UPDATE ledger.batches SET recorded_at = '-infinity' WHERE id = 7"),
    Damage("proof.leaf_hash", "proof.leaves 6", "UPDATE proof.leaves SET hash = sha256('') WHERE leaf_index = 6"),
    Damage("proof.leaf_hash", "proof.leaves 6", "UPDATE proof.leaves SET batch_id = 601 WHERE leaf_index = 6"),
    Damage("proof.leaf_seal", "proof.leaves 6", "DELETE FROM ledger.seals WHERE batch_id = 7"),
    Damage("proof.leaf_seal", "proof.leaves 600", "INSERT INTO proof.leaves VALUES (600, 900, sha256(''))"),
    Damage("proof.log", "proof.leaves 6", "DELETE FROM proof.leaves WHERE leaf_index = 6"),
    Damage("proof.log", "proof.leaves 0", "DELETE FROM proof.leaves WHERE leaf_index = 0"),
    Damage("proof.log", "proof.leaves 600", "INSERT INTO proof.leaves VALUES (601, 601, sha256(''))"),
    Damage("proof.log", "proof.checkpoints 600", "DELETE FROM proof.leaves WHERE leaf_index = 599"),
    Damage("proof.log", "proof.checkpoints 600", "UPDATE proof.leaves SET hash = sha256('') WHERE leaf_index = 599"),
    Damage("proof.log", "proof.checkpoints 512", "UPDATE proof.leaves SET hash = sha256('') WHERE leaf_index = 6"),
    Damage("proof.log", "proof.tiles 0/0", "UPDATE proof.leaves SET hash = sha256('') WHERE leaf_index = 6"),
    Damage("proof.log", "proof.tiles 0/1", "UPDATE proof.tiles SET root = sha256('') WHERE number = 1"),
    Damage("proof.log", "proof.tiles 0/1", "UPDATE proof.tiles SET hashes = overlay(hashes PLACING '\\x00' FROM 99) WHERE number = 1"),
    Damage("proof.log", "proof.tiles 0/1", "DELETE FROM proof.tiles WHERE number = 1"),
    Damage("proof.log", "proof.tiles 0/2", "INSERT INTO proof.tiles SELECT 2, 0, root, hashes FROM proof.tiles WHERE number = 1"),
    Damage("proof.log", "proof.tiles 1/0", "INSERT INTO proof.tiles SELECT 0, 1, root, hashes FROM proof.tiles WHERE number = 1"),
    Damage("proof.log", "proof.checkpoints 512", "UPDATE proof.checkpoints SET root = sha256('') WHERE tree_size = 512"),
    Damage("proof.log", "proof.checkpoints 512", "UPDATE proof.checkpoints SET note = '' WHERE tree_size = 512"),
    Damage("proof.log", "proof.checkpoints 600",
           "UPDATE proof.checkpoints SET note = (SELECT note FROM proof.checkpoints WHERE tree_size = 512) WHERE tree_size = 600"),
    Damage("proof.log", "proof.checkpoints 511", "UPDATE proof.checkpoints SET tree_size = 511 WHERE tree_size = 512"),
    Damage("proof.log", "proof.checkpoints 9000", "UPDATE proof.checkpoints SET tree_size = 9000 WHERE tree_size = 600"),
]  # fmt: skip


@pytest.fixture(scope="module")
async def sound(servers, keyring, find_wrong):
    """A log of 600 leaves and a batch in line, to which nobody is connected."""
    server = servers(18)
    with server.database(server.template) as name:
        with server.superuser(name) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(FAKE.format(0, 512))
        async with Database(server.target(name)) as db:
            await proof.catch_up(db)
            await db.transact(lambda tx: proof.checkpoint(tx, keyring))
            with server.superuser(name) as admin:
                admin.execute(FAKE.format(512, 600))
            await proof.catch_up(db)
            await db.transact(lambda tx: proof.checkpoint(tx, keyring))
            with server.superuser(name) as admin:
                admin.execute(FAKE.format(600, 601))
            assert (await find_wrong(db, keyring)).keys() == {"proof.seal_root"}
        yield server, name


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
async def test_a_damage_is_found_and_its_row_named(sound, keyring, find_wrong, damage):
    server, name = sound
    with server.database(name) as copy:
        with server.superuser(copy) as admin:
            admin.execute("SET session_replication_role = replica")
            assert admin.execute(damage.doing).rowcount > 0, "nothing was damaged"
        async with Database(server.target(copy)) as db:
            found = await find_wrong(db, keyring)
    assert damage.row in found.get(damage.check, ()), found


def test_every_check_has_its_damage(keyring):
    told = {check.name for check in proof.proof_checks(keyring)}
    assert {damage.check for damage in DAMAGES} == told - {"proof.seal_root"}, "that one is damaged in test_seals"


@pytest.mark.parametrize(
    "doing",
    [
        "UPDATE proof.tiles SET hashes = overlay(hashes PLACING '\\x0000' FROM 99), root = sha256('') WHERE number = 1",
        "UPDATE proof.leaves SET hash = sha256('') WHERE leaf_index = 520",
        "DELETE FROM proof.leaves WHERE leaf_index = 520",
        "UPDATE proof.checkpoints SET root = sha256('') WHERE tree_size = 600",
        "UPDATE proof.checkpoints SET tree_size = 9000 WHERE tree_size = 600",
    ],
)
async def test_what_contradicts_what_was_signed_is_not_signed(sound, keyring, doing):
    server, name = sound
    with server.database(name) as copy:
        with server.superuser(copy) as admin:
            admin.execute("SET session_replication_role = replica")
            assert admin.execute(doing).rowcount > 0
        async with Database(server.target(copy)) as db:
            await proof.catch_up(db)
            with pytest.raises(Fault) as caught:
                await db.transact(lambda tx: proof.checkpoint(tx, keyring))
        assert caught.value.code == "proof.broken"
        with server.superuser(copy) as admin:
            assert admin.execute("SELECT count(*) FROM proof.checkpoints").fetchone() == (2,)


async def test_verification_walks_in_chunks(site, db, keyring, find_wrong, monkeypatch):
    monkeypatch.setattr(sys.modules["koudai.proof.prove"], "_CHUNK", 512)
    for last in (0, 511, 512, 513, 1024, 1500):
        fake(site, *site.ask("SELECT coalesce(max(id), 0) FROM ledger.batches")[0], last)
        await proof.catch_up(db)
        await db.transact(lambda tx: proof.checkpoint(tx, keyring))
        assert (await find_wrong(db, keyring)).keys() <= {"proof.seal_root"}
    site.change("UPDATE proof.checkpoints SET root = sha256('x')", "DELETE FROM proof.tiles WHERE number = 3")
    assert (await find_wrong(db, keyring))["proof.log"] == [
        *(f"proof.checkpoints {size}" for size in (0, 511, 512, 513)), "proof.tiles 0/3",
        *(f"proof.checkpoints {size}" for size in (1024, 1500)),
    ]  # fmt: skip

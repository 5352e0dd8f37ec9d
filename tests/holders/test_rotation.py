"""Vault keys change while holders are written, and nothing is lost or left behind."""

import asyncio
import threading

import pytest

from koudai import holders, identity, privacy
from koudai.base import Fault
from koudai.identity import Suite, Vault, load_keyring
from koudai.pg import Database
from tests.holders.conftest import FrontDesk, citizen

pytestmark = pytest.mark.anyio


@pytest.fixture
async def path(db, tmp_path):
    """The file of a keyring that this database is written with."""
    path = tmp_path / "keyring.json"
    await db.transact(lambda tx: load_keyring(tx, path))
    return path


async def open_desk(db, path, suite=Suite.AES):
    """The desk of a server that starts now."""
    return FrontDesk(db, await db.transact(lambda tx: load_keyring(tx, path)), suite=suite)


async def by_key(db):
    return await db.transact(holders.count_by_key)


async def test_a_key_is_changed_and_everything_is_found_as_before(db, path):
    desk = await open_desk(db, path)
    made = [await desk.do(desk.whole_person(f"{n:03}")) for n in range(20)]
    first = desk.vault.first
    second = await db.transact(lambda tx: identity.add_vault_key(tx, desk.vault, path))
    with pytest.raises(Fault) as caught:
        await db.transact(lambda tx: identity.use_vault_key(tx, desk.vault))
    assert caught.value.code == "identity.vault_key_missing"
    desk = await open_desk(db, path)
    assert await db.transact(lambda tx: identity.use_vault_key(tx, desk.vault)) == second
    made.append(await desk.do(desk.whole_person("021")))
    assert await by_key(db) == {first: 80, second: 4}

    assert (await desk.no(desk.whole_person("003"))).code == "holders.duplicate", "under the key of before"
    with pytest.raises(Fault) as caught:
        await db.transact(lambda tx: privacy.retire(tx, desk.vault))
    assert (caught.value.code, caught.value.facts) == ("identity.vault_key_in_use", {"key": first, "fields": 80})

    assert await holders.reseal(db, desk.vault) == 80
    assert await holders.reseal(db, desk.vault) == 0, "there is nothing left to do"
    assert await by_key(db) == {second: 84}
    assert await db.transact(lambda tx: privacy.retire(tx, desk.vault)) == [first]
    identity.drop_vault_keys(path, [first])

    desk = await open_desk(db, path)
    for number, one in enumerate(made[:20]):
        assert (await desk.masked(one))["document_number"].endswith(citizen(sequence=f"{number:03}")[-4:])
    assert (await desk.no(desk.whole_person("003"))).code == "holders.duplicate"
    await desk.verify()


async def test_a_field_that_was_written_meanwhile_is_left_as_it_is(db, path, monkeypatch):
    desk = await open_desk(db, path)
    one = await desk.do(desk.whole_person())
    await db.transact(lambda tx: identity.add_vault_key(tx, desk.vault, path))
    desk = await open_desk(db, path)
    await db.transact(lambda tx: identity.use_vault_key(tx, desk.vault))
    opening = Vault.open

    def late(self, sealed, context):
        """Between the reading of a piece and its writing, another session changes the name."""
        monkeypatch.setattr(Vault, "open", opening)
        told = asyncio.run_coroutine_threadsafe(desk.do(desk.update(one, name="王新名")), other)
        told.result(20)
        return opening(self, sealed, context)

    other = asyncio.new_event_loop()
    thread = threading.Thread(target=other.run_forever)
    thread.start()
    try:
        desk.db = Database(db.target)
        asyncio.run_coroutine_threadsafe(desk.db.__aenter__(), other).result(20)
        monkeypatch.setattr(Vault, "open", late)
        assert await holders.reseal(db, desk.vault) == 3, "all but the name"
    finally:
        asyncio.run_coroutine_threadsafe(desk.db.__aexit__(None, None, None), other).result(20)
        other.call_soon_threadsafe(other.stop)
        thread.join()
    desk.db = db
    assert (await desk.masked(one))["name"] == "王*名"
    assert len(await by_key(db)) == 1
    await desk.verify()


async def test_a_change_waits_for_who_seals_with_the_key_of_before(db, path, site):
    """And who comes behind it waits for the change: writers that follow one upon another don't keep it out."""
    desk = await open_desk(db, path)
    await desk.do(desk.person())
    await db.transact(lambda tx: identity.add_vault_key(tx, desk.vault, path))
    after = await open_desk(db, path)
    async with Database(site.target) as keeper:
        async with db.transaction() as tx:
            await holders.run(tx, 1, [desk.whole_person()], desk.vault)
            change = asyncio.create_task(keeper.transact(lambda tx: identity.use_vault_key(tx, after.vault)))
            await asyncio.sleep(0.3)
            late = asyncio.create_task(after.do(after.whole_person("002")))
            await asyncio.sleep(0.3)
            assert [change.done(), late.done()] == [False, False]
        new = list(after.vault.keyring.vault_roots())[1]
        assert await asyncio.wait_for(change, 10) == new
        await asyncio.wait_for(late, 10)
        assert (await by_key(db))[new] == 4, "who came behind it seals with the new key"
        assert await holders.reseal(keeper, after.vault) == 4, "nothing comes after the sweep"


async def test_keys_and_suites_change_while_many_write(site, path):
    """Two sessions write all the time; the key is changed under them, and then the suite."""
    async with Database(site.target) as db, Database(site.target) as keeper:
        first = await open_desk(db, path)
        await keeper.transact(lambda tx: identity.add_vault_key(tx, first.vault, path))
        desks = [await open_desk(db, path, suite) for suite in Suite]
        done, ends = [], asyncio.Event()

        async def write(desk, number):
            count = 0
            while not ends.is_set() or count < 20:
                sequence = f"{number}{count % 100:02}"
                made = await desk.run(desk.whole_person(sequence, key=f"{number}-{count}"))
                if count < 100:
                    done.append((sequence, made[0]))
                    await desk.do(desk.update(made[0], name=f"王{count}"))
                count += 1

        async def keep():
            try:
                for desk in desks:
                    await keeper.transact(lambda tx, desk=desk: identity.use_vault_key(tx, desk.vault))
                    await holders.reseal(keeper, desk.vault)
                    await asyncio.sleep(0.1)
            finally:
                ends.set()

        await asyncio.gather(write(desks[0], 1), write(desks[1], 2), keep())
        gm = desks[1]
        await holders.reseal(keeper, gm.vault)
        retired = await keeper.transact(lambda tx: privacy.retire(tx, gm.vault))
        assert retired == [first.vault.first]
        sealed = site.ask("SELECT sealed FROM holders.fields")
        assert {gm.vault.suite_in(bytes(row[0])) for row in sealed} == {Suite.GM}
        assert len(await by_key(db)) == 1
        assert len(done) >= 40
        for sequence, one in done:
            assert (await gm.masked(one))["document_number"].endswith(citizen(sequence=sequence)[-4:])
        await gm.verify()


async def test_a_server_that_lacks_the_key_says_so_and_writes_nothing(db, path, site):
    before = await open_desk(db, path)
    await db.transact(lambda tx: identity.add_vault_key(tx, before.vault, path))
    await before.do(before.person())
    after = await open_desk(db, path)
    key = await db.transact(lambda tx: identity.use_vault_key(tx, after.vault))
    with pytest.raises(Fault) as caught:
        await before.run(before.person())
    assert (caught.value.code, caught.value.facts) == ("identity.keys_wrong", {"purpose": f"vault {key}"})
    assert site.ask("SELECT count(*) FROM holders.holders") == [(1,)]

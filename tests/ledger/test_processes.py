"""Several processes on the same few accounts, and processes and servers that die in the middle."""

import random
from itertools import chain

import pytest

from koudai.ledger import Place
from koudai.pg import Database

joined = chain.from_iterable


def hammering(book, seed, batches, size, names):
    """Batches that move between a few accounts more than they hold, many of them from and to hot ones."""
    rng = random.Random(seed)
    made = []
    for b in range(batches):
        items = []
        for i in range(size):
            debit, credit = rng.sample(names, 2)
            items.append(
                ["post", f"{seed}/{b}/{i}", book.ids[debit], book.ids[credit], rng.choice((1, 5, 20, 150, 1000))]
            )
        made.append(items)
    return made


async def settle(book, batches, answers, start):
    """Balances are what the accepted items make of the start; each key has one effect; all can be asked for."""
    outcomes = {}
    for sent, told in zip(batches, answers, strict=False):
        for item, outcome in zip(sent, told, strict=True):
            assert outcomes.setdefault(item[1], (item, outcome)) == (item, outcome), "one key, one answer"
    held = dict(start)
    names = {account: name for name, account in book.ids.items()}
    for item, outcome in outcomes.values():
        if isinstance(outcome, tuple):
            _, _, debit, credit, amount = item
            held[names[debit]] -= amount
            held[names[credit]] += amount
    assert await book.balances() == held
    assert all(minor >= 0 for name, minor in held.items() if not name.startswith("hot"))
    assert sum(held.values()) == 0
    for key, (_, outcome) in outcomes.items():
        memory = await book.recall(key)
        assert (memory.refusal or memory.place) == outcome
    async with book.db.transaction() as tx:
        booked = {Place(*row) for row in await tx.rows("SELECT batch_id, ordinal FROM ledger.transfers")}
    places = [o for _, o in outcomes.values() if isinstance(o, tuple)]
    assert len(set(places)) == len(places)
    assert set(places) <= booked
    return outcomes


async def test_many_processes_hammer_the_same_accounts(book, site, start_clients):
    """Two of the four send the same keys; every overdraft is tried, none happens."""
    await book.open("hot shop", "hot fee", a=100, b=100, c=0)
    start = await book.balances()
    before = len(await all_transfers(book))
    lists = [hammering(book, seed, 40, 6, ["a", "b", "c", "hot shop"]) for seed in (1, 1, 2, 3)]
    clients = start_clients(site.target, *lists)
    for _ in range(200):
        await book.fold(5)
    answers = [client.finish() for client in clients]
    assert answers[0] == answers[1], "the same keys, from wherever, have the same outcomes"
    outcomes = await settle(book, joined(lists), joined(answers), start)
    told = [o if isinstance(o, str) else "ok" for _, o in outcomes.values()]
    assert len(told) == 3 * 240
    assert min(told.count("ok"), told.count("ledger.insufficient_balance")) > 20, "both were met"
    assert len(await all_transfers(book)) - before == told.count("ok")
    await book.verify()


async def all_transfers(book):
    async with book.db.transaction() as tx:
        return await tx.rows("SELECT batch_id, ordinal FROM ledger.transfers")


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize("after", [1, 7, 23])
async def test_a_client_that_is_killed_left_whole_batches(book, site, start_clients, after):
    await book.open("hot shop", a=1000, b=1000)
    start = await book.balances()
    batches = hammering(book, after, 400, 10, ["a", "b", "hot shop"])
    (client,) = start_clients(site.target, batches)
    client.wait_for(after)
    answers = client.kill()
    assert after <= len(answers) < len(batches)
    for sent, told in zip(batches, answers, strict=False):
        for item, outcome in zip(sent, told, strict=True):
            memory = await book.recall(item[1])
            assert (memory.refusal or memory.place) == outcome, "what was answered is there"
    known = [await book.recall(item[1]) is not None for item in batches[len(answers)]]
    assert len(set(known)) == 1, "the batch under way is booked whole or not at all"
    await book.verify()
    rest = batches[: len(answers) + 20]
    (client,) = start_clients(site.target, rest)
    again = client.finish()
    assert again[: len(answers)] == answers
    await settle(book, rest, again, start)
    await book.verify()


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize("after", [3, 15])
async def test_a_server_that_is_killed_has_all_that_it_answered(book, site, start_clients, after):
    await book.open("hot shop", a=1000, b=1000)
    start = await book.balances()
    lists = [hammering(book, seed, 300, 8, ["a", "b", "hot shop"]) for seed in (after, after + 100)]
    clients = start_clients(site.target, *lists)
    for client in clients:
        client.wait_for(after)
    site.server.crash()
    site.server.embedded.start()
    for client in clients:
        # One whose commit was under way doesn't know what came of it, and ends; others begin again and go on.
        assert client.process.wait(120) == 0 or "pg.unavailable" in client.said()
    answers = [client.answered() for client in clients]
    async with Database(site.target) as fresh:
        book.db = fresh
        for batches, told in zip(lists, answers, strict=True):
            assert after <= len(told) <= len(batches)
            for item, outcome in zip(joined(batches[: len(told)]), joined(told), strict=True):
                memory = await book.recall(item[1])
                assert (memory.refusal or memory.place) == outcome, "what was answered is there"
        await book.verify()
        rest = [batches[: len(told) + 5] for batches, told in zip(lists, answers, strict=True)]
        again = [client.finish() for client in start_clients(site.target, *rest)]
        assert [a[: len(told)] for a, told in zip(again, answers, strict=True)] == answers
        await settle(book, joined(rest), joined(again), start)
        await book.verify()

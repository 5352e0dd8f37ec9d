"""Hot accounts: appended to and never locked, folded later, exact at every moment."""

import asyncio

from koudai.ledger import post
from koudai.pg import Database


async def balance(book, name):
    return (await book.balances())[name]


async def unfolded(book):
    async with book.db.transaction() as tx:
        return await tx.value("SELECT count(*) FROM ledger.unfolded")


async def test_folding_changes_where_a_balance_stands_and_not_what_it_is(book):
    await book.open("hot shop", "hot fee", a=1000)
    assert await book.fold() == 1
    for n in range(1, 11):
        await book.post(book.posting("a", "hot shop", n), book.posting("a", "hot fee", 1))
    told = {"a": 935, "hot shop": 55, "hot fee": 10, "hot CNY": -1000}
    assert await unfolded(book) == 20
    assert await book.balances() == told
    await book.verify()
    assert [await book.fold(limit) for limit in (7, 1, 100, 100)] == [8, 2, 10, 0], "whole batches"
    assert await unfolded(book) == 0
    assert await book.balances() == told
    await book.verify()
    await book.post(book.posting("hot shop", "a", 60))
    assert await balance(book, "hot shop") == -5, "a hot account has no floor"
    await book.fold()
    assert await balance(book, "hot shop") == -5
    await book.verify()


async def test_what_comes_back_in_one_batch_is_still_an_entry(book):
    await book.open("hot shop", a=10)
    await book.post(book.posting("a", "hot shop", 4), book.posting("hot shop", "a", 4))
    assert await book.balances() == {"a": 10, "hot shop": 0, "hot CNY": -10}
    await book.fold()
    assert (await book.balances())["hot shop"] == 0
    await book.verify()


async def test_while_one_folds_another_finds_nothing_to_do_and_readers_see_all(book):
    await book.open("hot shop", a=100)
    for _ in range(5):
        await book.post(book.posting("a", "hot shop", 1))
    async with book.db.transaction() as tx:
        assert await tx.value("SELECT ledger.fold_v2(100)") == 6
        assert await book.fold() == 0
        assert await balance(book, "hot shop") == 5
        await book.post(book.posting("a", "hot shop", 1))
        assert await balance(book, "hot shop") == 6
    assert await balance(book, "hot shop") == 6
    assert await book.fold() == 1
    assert await balance(book, "hot shop") == 6
    await book.verify()


async def test_balances_are_exact_while_others_post_and_fold(book, site):
    await book.open("hot shop", a=10_000)
    posted = 0
    ended = asyncio.Event()
    wrong = []

    async def read():
        seen = 0
        while not ended.is_set():
            before = posted
            found = await book.balances()
            seen += 1
            if not before <= found["hot shop"] <= posted + 1 or found["hot shop"] + found["a"] != 10_000:
                wrong.append((before, found, posted))
        return seen

    async def fold():
        folded = 0
        while not ended.is_set():
            folded += await book.fold(3)
        return folded

    readers = [asyncio.create_task(read()), asyncio.create_task(fold()), asyncio.create_task(fold())]
    for _ in range(150):
        await book.post(book.posting("a", "hot shop", 1))
        posted += 1
    ended.set()
    seen, *folded = await asyncio.gather(*readers)
    assert wrong == []
    assert seen > 5
    assert sum(folded) > 50
    while await book.fold():
        pass
    assert await book.balances() == {"a": 9850, "hot shop": 150, "hot CNY": -10_000}
    await book.verify()


async def test_nobody_waits_for_a_hot_account(book, site):
    """One holds a transaction open that has paid the shop; another pays it too, and only their cards are locked."""
    await book.open("hot shop", a=10, b=10)
    async with Database(site.target) as other, other.transaction() as slow:
        await post(slow, 1, [book.posting("a", "hot shop", 4)])
        await slow.rows("SELECT 1")  # What is written goes with the next statement at the latest.
        async with asyncio.timeout(5):
            await book.post(book.posting("b", "hot shop", 5), book.posting("hot CNY", "b", 1))
            assert await balance(book, "hot shop") == 5
            await book.fold()
        waiting = asyncio.create_task(book.post(book.posting("a", "hot shop", 7)))
        await asyncio.sleep(0.3)
        assert not waiting.done(), "the card is locked"
    (late,) = await waiting
    assert late.facts["available_minor"] == 6
    assert await book.balances() == {"a": 6, "b": 6, "hot shop": 9, "hot CNY": -21}
    await book.verify()

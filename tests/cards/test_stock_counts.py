"""How many cards of a stock lie where: kept beside them, exact at every moment, and no till waits for another."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from koudai import cards, ledger
from tests.cards.test_stock import START, Shop, delayed


@pytest.fixture
async def shop(counter):
    return Shop(counter, await counter.programme())


async def counted(shop, stock):
    """What a stock says, by state, merchant and place; each of them is what its cards say one by one."""
    book = shop.counter.book
    shown = await shop.counter.within(lambda tx: cards.stock_by_id(tx, book, stock.id))
    members = await shop.counter.within(lambda tx: cards.page_stock_cards(tx, book, stock.id, 0, cards.MAX_STOCK))
    found = {(one.state, one.merchant_id, one.place): one.cards for one in shown.counts}
    assert found == Counter((one.state, one.merchant_id, one.place) for one in members)
    assert list(shown.counts) == sorted(shown.counts, key=lambda c: (c.state, c.merchant_id or 10**9))
    return {
        f"{state} {place or (merchant and 'shop') or ''}".strip(): n for (state, merchant, place), n in found.items()
    }


async def test_a_stock_says_at_every_step_what_its_cards_say(counter, shop):
    merchant = await counter.merchant()
    await delayed(shop, 3600)
    stock = await shop.make(9)
    ids = await shop.members(stock)
    assert await counted(shop, stock) == {"CREATED": 9}
    await shop.printed(stock, first=1, last=8)
    assert await counted(shop, stock) == {"CREATED": 1, "PRINTED": 8}
    await counter.do(
        shop.receive(stock_id=stock.id, first=1, last=4),
        shop.receive(stock_id=stock.id, first=5, last=7, merchant_id=merchant.id),
        shop.write_off(cards=(ids[0], ids[4], ids[7])),
    )
    told = {"CREATED": 1, "IN_STOCK hall": 3, "IN_STOCK shop": 2, "WRITTEN_OFF": 1, "WRITTEN_OFF hall": 1,
            "WRITTEN_OFF shop": 1}  # fmt: skip
    assert await counted(shop, stock) == told
    await counter.do(shop.sell(ids[1]), shop.sell(ids[5], place=None, merchant_id=merchant.id), shop.sell(ids[2]))
    await counter.do(shop.call_off(ids[2]))
    sold = {**told, "IN_STOCK hall": 1, "IN_STOCK shop": 1, "CALLED_OFF hall": 1}
    assert await counted(shop, stock) == {**sold, "SOLD hall": 1, "SOLD shop": 1}
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, START + timedelta(hours=1)))
    assert await counted(shop, stock) == {**sold, "ACTIVE hall": 1, "ACTIVE shop": 1}
    await counter.do(shop.sell(ids[3]))
    assert await counted(shop, stock) == {
        **{name: n for name, n in sold.items() if name != "IN_STOCK hall"},
        "ACTIVE hall": 1, "ACTIVE shop": 1, "SOLD hall": 1,
    }  # fmt: skip
    await counter.verify()


async def test_no_till_waits_for_another_that_sells_of_the_same_stock(counter, shop, site):
    stock = await shop.make(40)
    await shop.printed(stock)
    await counter.do(shop.receive(stock_id=stock.id))
    slow, quick, *rest = await shop.members(stock)
    async with counter.db.transaction() as tx:
        await cards.run(tx, counter.book, [shop.sell(slow, till="till 0", clerk="Wu")])
        await tx.rows("SELECT 1")
        async with asyncio.timeout(5):
            await counter.do(shop.sell(quick))
        assert (await counted(shop, stock)) == {"ACTIVE hall": 1, "IN_STOCK hall": 39}
    assert (await counted(shop, stock)) == {"ACTIVE hall": 2, "IN_STOCK hall": 38}
    wishes = [shop.sell(card, till=f"till {n}", clerk=f"clerk {n}") for n, card in enumerate(rest)]
    await asyncio.gather(*(counter.run(wish) for wish in wishes))
    assert (await counted(shop, stock)) == {"ACTIVE hall": 40}
    # As many rows as tills ever counted at once, which is no more than there are connections.
    ((most,),) = site.ask("SELECT max(n) FROM (SELECT count(*) AS n FROM cards.stock_counts GROUP BY state) AS s")
    assert 2 <= most <= 8
    await counter.verify()

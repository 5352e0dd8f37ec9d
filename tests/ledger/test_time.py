"""Time: what was held as of any moment, statements, closed periods, and a sandbox's own clock."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.ledger import Place
from tests.cards.conftest import Counter

MAY = datetime(2024, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(params=[16, 18])
def major(request):
    return request.param


@pytest.fixture
def counter(db, keyring):
    return Counter(db, keyring)


async def at(counter, account, as_of=None, known_at=None):
    found = await counter.within(lambda tx: ledger.balance_at(tx, 1, account, as_of, known_at))
    return found.balance_minor


async def test_a_balance_is_that_of_any_moment_in_both_times(counter):
    """Event time says when it happened, recorded time when we came to know."""
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme)
    first = await counter.do(counter.load(card, 100, event_at=MAY))
    second = await counter.do(counter.redeem(card, shop, 30, event_at=MAY + 2 * DAY))
    late = await counter.do(counter.redeem(card, shop, 5, event_at=MAY + DAY))
    told = [
        # as of           known at             the card  the shop
        (None,            None,                65,       35),
        (MAY - DAY,       None,                0,        0),
        (MAY,             None,                100,      0),
        (MAY + DAY,       None,                95,       5),
        (MAY + DAY,       second.recorded_at,  100,      0),
        (MAY + 2 * DAY,   None,                65,       35),
        (MAY + 2 * DAY,   second.recorded_at,  70,       30),
        (None,            first.recorded_at,   100,      0),
        (None,            late.recorded_at,    65,       35),
    ]  # fmt: skip
    for as_of, known_at, on_card, in_shop in told:
        assert await at(counter, card, as_of, known_at) == on_card, (as_of, known_at)
        assert await at(counter, shop.account_id, as_of, known_at) == in_shop, (as_of, known_at)
    assert await at(counter, shop.account_id) == await counter.paid_to(shop)
    assert (await counter.within(lambda tx: ledger.balance_at(tx, 2, card))) == Refused(
        ledger.LedgerRefusal.UNKNOWN_ACCOUNT, {"account": card}
    )


async def test_the_lots_of_any_moment_add_up_to_its_balance(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme)
    bonus = cards.FundingSource.BONUS
    await counter.do(
        counter.load(card, 100, event_at=MAY),
        counter.load(card, 40, source=bonus, event_at=MAY + DAY),
        counter.redeem(card, shop, 60, event_at=MAY + 2 * DAY),
    )
    for day, minors in ((0, [100]), (1, [100, 40]), (2, [80])):
        moment = MAY + day * DAY
        found = await counter.within(lambda tx, moment=moment: ledger.balance_at(tx, 1, card, moment))
        assert [minor for _, minor in found.lots] == minors
        assert sum(minors) == found.balance_minor


async def pages(counter, account, since=None, until=None, limit=2):
    """A whole statement, read page by page."""
    after, lines = Place(0, 0), []
    while found := await counter.within(lambda tx: ledger.statement(tx, 1, account, since, until, after, limit)):
        lines += found
        after = found[-1].place
    return lines


@pytest.mark.parametrize("folded", [False, True])
async def test_a_statement_shows_every_transfer_between_two_moments(counter, folded):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme)
    await counter.do(counter.load(card, 100, event_at=MAY))
    for day in range(6):
        await counter.do(counter.redeem(card, shop, day + 1, event_at=MAY + day * DAY))
    if folded:
        await counter.within(ledger.fold_deltas)

    assert [line.amount_minor for line in await pages(counter, shop.account_id)] == [1, 2, 3, 4, 5, 6]
    assert [line.amount_minor for line in await pages(counter, card)] == [100, -1, -2, -3, -4, -5, -6]
    between = await pages(counter, shop.account_id, MAY + DAY, MAY + 3 * DAY)
    assert [(line.amount_minor, line.event_at) for line in between] == [(2, MAY + DAY), (3, MAY + 2 * DAY)]
    assert {line.other_account for line in between} == {card}


async def test_nothing_is_booked_into_a_closed_period(counter, site):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme)
    await counter.do(counter.load(card, 100, event_at=MAY))
    close = MAY + DAY
    assert await counter.within(lambda tx: ledger.close_period(tx, 1, close, "Wang"))
    assert not await counter.within(lambda tx: ledger.close_period(tx, 1, MAY, "Li"))
    refused = await counter.no(counter.redeem(card, shop, 1, event_at=close - timedelta(microseconds=1)))
    assert refused == Refused(
        ledger.LedgerRefusal.PERIOD_CLOSED,
        {"event_at": "2024-05-01T23:59:59.999999Z", "closed_before": "2024-05-02T00:00:00Z"},
    )
    await counter.do(counter.redeem(card, shop, 1, event_at=close), counter.redeem(card, shop, 1))
    assert await counter.held(card) == 98
    await counter.verify()
    with (
        psycopg.connect(site.target.owner_conninfo()) as owner,
        pytest.raises(psycopg.errors.CheckViolation, match="closed period"),
    ):
        owner.execute(
            "INSERT INTO ledger.transfers (batch_id, ordinal, entry, debit_account, credit_account, amount_minor, asset,"
            " kind, event_at) SELECT batch_id, 900, 900, credit_account, debit_account, 1, asset, 'x', %s"
            " FROM ledger.transfers LIMIT 1",
            (MAY,),
        )


async def test_another_book_is_not_closed_with_it(counter, db, keyring):
    other = Counter(db, keyring, 2)
    programme = await other.programme()
    card = await other.card(programme)
    await counter.within(lambda tx: ledger.close_period(tx, 1, MAY + DAY, "Wang"))
    await other.do(other.load(card, 5, event_at=MAY))
    assert await other.held(card) == 5


async def test_a_rolled_partition_is_indexed_and_nothing_is_lost(counter):
    """Before, across and after a roll the same history is read, and verification holds."""
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)
    before = await counter.do(counter.redeem(card, shop, 10))
    assert await counter.within(ledger.roll) == 0
    after = await counter.do(counter.redeem(card, shop, 20))
    assert after.place.batch_id >= 1 << 36 > before.place.batch_id
    assert await counter.within(ledger.index_partitions) == 1
    assert await counter.within(ledger.index_partitions) == 0
    assert await counter.within(ledger.roll) == 1
    await counter.do(counter.refund(30, card=card, merchant=shop))
    assert await counter.held(card) == 100
    assert len(await counter.history(card)) == 5
    for limit in (1, 2, 10):
        lines = await pages(counter, shop.account_id, limit=limit)
        assert [line.amount_minor for line in lines] == [10, 20, -20, -10]
    assert await counter.within(ledger.index_partitions) == 1
    assert await pages(counter, shop.account_id, limit=3) == lines
    assert await pages(counter, shop.account_id, lines[1].event_at, lines[2].event_at) == lines[1:2]
    await counter.verify()

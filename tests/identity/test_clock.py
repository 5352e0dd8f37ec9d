"""The test clock: a test side's time goes on when it is told to; a live side's never."""

from datetime import UTC, datetime, timedelta

import pytest

from koudai import identity, ledger
from koudai.base import Fault
from koudai.identity import IdentityFault, Mode

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


@pytest.fixture
async def sides(db):
    """The books of an issuer's two sides."""

    async def work(tx):
        return [(await identity.find_issuer(tx, "Clocked", mode, create=True)).id for mode in Mode]

    return await db.transact(work)


async def refused(db, work) -> Fault:
    with pytest.raises(Fault) as caught:
        await db.transact(work)
    return caught.value


async def test_a_test_side_goes_on_and_never_back(db, sides) -> None:
    test, _ = sides
    began = await db.transact(lambda tx: identity.read_clock(tx, test))
    assert abs(began - datetime.now(UTC)) < timedelta(minutes=1)
    late = began + timedelta(days=400)
    assert await db.transact(lambda tx: identity.advance_clock(tx, test, late)) == late
    assert await db.transact(lambda tx: identity.read_clock(tx, test)) == late
    assert await db.transact(lambda tx: identity.advance_clock(tx, test, late)) == late
    sheet = await db.transact(lambda tx: ledger.open_batch(tx, test, ()))
    assert sheet.now == late
    for to in (late - SECOND, began, datetime.max.replace(tzinfo=UTC)):
        fault = await refused(db, lambda tx, to=to: identity.advance_clock(tx, test, to))
        assert fault.code == IdentityFault.CLOCK_OUT_OF_RANGE
        assert fault.facts["latest_at"] == "2999-12-31T00:00:00Z"
    assert await db.transact(lambda tx: identity.read_clock(tx, test)) == late


async def test_the_first_move_is_not_back_either(db, sides) -> None:
    test, _ = sides
    past = datetime(2001, 1, 1, tzinfo=UTC)
    assert (await refused(db, lambda tx: identity.advance_clock(tx, test, past))).code == (
        IdentityFault.CLOCK_OUT_OF_RANGE
    )


@pytest.mark.parametrize("book", ["live", "nobody"])
async def test_another_side_has_no_clock(db, sides, book) -> None:
    _, live = sides
    book = live if book == "live" else 2**31 - 1
    for work in (
        lambda tx: identity.read_clock(tx, book),
        lambda tx: identity.advance_clock(tx, book, datetime(2999, 1, 1, tzinfo=UTC)),
    ):
        assert (await refused(db, work)).code == IdentityFault.LIVE_CLOCK
    sheet = await db.transact(lambda tx: ledger.open_batch(tx, live, ()))
    assert abs(sheet.now - datetime.now(UTC)) < timedelta(minutes=1)

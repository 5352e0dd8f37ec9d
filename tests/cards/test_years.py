"""The years of a card of the city's grocer, by its shipped document and a clock that is moved by hand."""

from datetime import UTC, datetime, timedelta

from koudai import cards
from koudai.cards import FundingSource, PaidTo
from koudai.programmes import Line, PutVersion, shipped_text
from tests.cards.lives import Life

BEGIN = datetime(2027, 2, 10, 2, tzinfo=UTC)


async def reminded(life):
    taken = await life.counter.within(lambda tx: cards.take_notices(tx, life.counter.book, life.counter.key(), 10))
    return [(str(one.notice.kind), one.notice.days) for one in taken]


async def test_the_years_of_a_bearer_card(counter):
    life = Life(counter)
    await life.until(BEGIN)
    life.programme, life.shop = await counter.programme(prefix="990004"), await counter.merchant(scenario="groceries")
    put = PutVersion("v", life.programme.id, shipped_text("city-grocer"), "Li Na")
    await counter.within(lambda tx: cards.put_versions(tx, counter.book, [put]))

    # It lies on the shelf for a year, and its three years begin when it is sold.
    await life.card(active=False)
    assert (await life.see()).expires_at is None
    sold = BEGIN + timedelta(days=365)
    await life.until(sold)
    await counter.do(
        life.do("activate"), counter.load(life.ids["card"], 9_000, source=FundingSource.TRANSFER, payer="tom")
    )
    end = (await life.see()).expires_at
    assert end == datetime(2031, 2, 10, 16, tzinfo=UTC), "three years with 2028's leap day, through the last day"

    # Its holder forgets it for a year, is reminded once, and spends some.
    await life.until(sold + timedelta(days=365))
    assert await reminded(life) == [("silence", 365)]
    assert await reminded(life) == []
    await life.until(sold + timedelta(days=700))
    await counter.do(counter.redeem(life.ids["card"], life.shop, 1_000, lines=(Line("pears", "fruit", 1_000),)))

    # It comes to its end, of which three reminders tell; then it doesn't pay, and nothing is lost.
    for days in (90, 30, 7):
        await life.until(end - timedelta(days=days))
        assert ("before_expiry", days) in await reminded(life)
    await life.until(end)
    assert await life.told(life.do("redeem", lines=(Line("pears", "fruit", 1),))) == "cards.expired"
    assert (await counter.do(life.do("expire"))).amount_minor == 10, "the cashback of long ago, and no paid value"
    assert await life.told(life.do("expire")) == "cards.nothing_expired"
    assert (await life.see()).balance_minor == 8_000

    # Ten years later it is re-activated, as the law has it, and handed back for cash.
    await life.until(end + timedelta(days=3_650))
    assert await life.told(life.do("reactivate")) == "ok"
    assert await life.told(life.do("redeem", lines=(Line("pears", "fruit", 1),))) == "ok"
    assert await life.told(life.do("close", paid_to=PaidTo.CASH)) == "policy.required"
    made = await counter.do(life.do("close", paid_to=PaidTo.CASH, identity_ref=await counter.person()))
    assert (made.type, made.amount_minor) == ("PAY_OUT", 7_999)
    assert [e.type for e in await counter.history(life.ids["card"])][::-1] == [
        "ACTIVATE", "LOAD", "REDEEM", "CASHBACK", "EXPIRE", "RENEW", "REDEEM", "PAY_OUT", "DEACTIVATE",
    ]  # fmt: skip
    await counter.verify()

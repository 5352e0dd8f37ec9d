"""Gifts that are offered, and aren't to be had: by their giver, bound by somebody, or past their card's time."""

from datetime import timedelta

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal as R, RestrictionKind as K
from tests.cards.documented import documented
from tests.cards.gifts import GiftTable
from tests.conftest import NOON
from tests.holders.conftest import FrontDesk

GIFT = {"to": "anybody", "claim_days": 30, "identity": "anonymous"}


@pytest.fixture
def table(counter):
    return GiftTable(counter)


async def people(counter, count):
    desk = FrontDesk(counter.db, counter.keyring, counter.book)
    return [(await desk.do(desk.whole_person(f"{n + 1:03}"))).ref for n in range(count)]


async def test_nobody_claims_his_own_gift(counter, table):
    ann, bob = await people(counter, 2)
    card = await counter.card(await counter.programme(), 100, holder_ref=ann)
    given = await table.given(card)
    assert await table.claim(given, ref=ann) == Refused(R.GIFT_OWN)
    assert not isinstance(await table.claim(given, ref=bob), Refused)
    await counter.verify()


@pytest.mark.parametrize("minor", [None, 1, 100])
@pytest.mark.parametrize("kind", [K.COURT, K.POLICE, K.RISK])
async def test_who_claims_is_not_told_who_restricts_the_card(counter, table, kind, minor):
    card = await counter.card(await counter.programme(), 100)
    given = await table.given(card)
    await counter.do(
        cards.Restrict(
            key="r", card=card, kind=kind, authority="Court of Haidian", document="2026-1", amount_minor=minor,
            asset=minor and "CNY", made_by="clerk",
        )
    )  # fmt: skip
    refused = await table.claim(given)
    assert refused.code in (R.RESTRICTED, R.BLOCKED)
    assert not {str(kind), "Court of Haidian", "2026-1"} & {str(v) for v in refused.facts.values()}
    assert not isinstance(await table.withdraw(given), Refused), "it goes back to the giver all the same"
    await counter.verify()


async def test_a_card_whose_time_is_over_is_no_gift(counter, table):
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, NOON))
    programme = await documented(
        counter, kinds={"registered": None, "bearer": {"validity": {"days": 10, "since": "issue"}}}, gift=GIFT
    )
    card = await counter.card(programme, 100)
    given = await table.given(card)
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, NOON + timedelta(days=20)))
    assert (await table.claim(given)).code in (R.EXPIRED, R.EXPIRED_OVER)
    assert (await counter.see(card)).balance_minor == 100
    await counter.verify()


@pytest.mark.parametrize(
    ("carriers", "virtual", "physical"),
    [((), None, R.CARRIER_NOT_OFFERED), (("virtual",), None, R.CARRIER_NOT_OFFERED),
     (("physical",), R.CARRIER_NOT_OFFERED, None), (("virtual", "physical"), None, None)],
)  # fmt: skip
async def test_cards_are_of_the_carriers_that_the_document_has(counter, carriers, virtual, physical):
    programme = await documented(counter, kinds={"registered": None, "bearer": {}}, carriers=list(carriers))
    one = await counter.issue(programme)
    assert (one.code if isinstance(one, Refused) else None) == virtual
    wish = cards.CreateStock(key="s", programme_id=programme.id, count=1, design="spring", made_by="Li Na")
    (stock,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
    assert (stock.code if isinstance(stock, Refused) else None) == physical
    await counter.verify()

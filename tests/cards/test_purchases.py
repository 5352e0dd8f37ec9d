"""What is bought together is one purchase, however it is cut, and who buys it is who pays (Art. 15 and 16)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from koudai import ledger
from koudai.base import Refused
from koudai.cards import Channel, FundingSource
from koudai.merchants import Relation
from tests.cards.test_law import BEARER, Court
from tests.cards.test_stock import Shop

pytestmark = pytest.mark.anyio

CASH, DEBIT = FundingSource.CASH, FundingSource.DEBIT
UNWARNED = {"warn_cards": 10_000, "warn_minor": 10**9}


@pytest.fixture
def court(db, keyring):
    return Court(db, keyring)


async def till(court, **more):
    """A stock of a programme under the law, and its till, which warns of nothing unless that is asked for."""
    programme = await court.under(kinds=BEARER, carriers=["physical"], till=more.pop("till", UNWARNED), **more)
    return Shop(court, programme)


async def sold(shop, *bought, minor=100_000, source=DEBIT, **more):
    """What each of the cards was answered: a clause, a code, or None where it was sold."""
    wishes = [shop.sell(card, minor, source=source, **more) for card in bought]
    outcomes = await shop.counter.run(*wishes)
    return [o.facts.get("clause", o.code) if isinstance(o, Refused) else None for o in outcomes]


async def test_small_sales_at_a_till_need_no_name(court):
    shop = await till(court)
    bought = await shop.stocked(10)
    assert await sold(shop, *bought[:9], ref="pos-1", payment_minor=999_999) == [None] * 9
    assert await sold(shop, bought[9], ref="pos-2") == [None]
    await court.verify()


@pytest.mark.parametrize("payers", ["nobody", "one", "many"])
async def test_one_payment_of_the_threshold_needs_a_name_however_many_cards_it_is_cut_into(court, payers):
    """Art. 15: 12 cards of 1,000 yuan that are paid at once are a purchase of 12,000."""
    shop = await till(court)
    bought = await shop.stocked(12)
    named = {"nobody": lambda n: None, "one": lambda n: "tom", "many": lambda n: f"tom {n}"}[payers]
    for payment in (1_000_000, 1_200_000):
        for n, card in enumerate(bought):
            (clause,) = await sold(shop, card, ref=f"pos-{payment}", payment_minor=payment, payer=named(n))
            assert clause == "sp.15.bearer", (payment, n)
    known = await court.person()
    assert await sold(shop, *bought, ref="pos-3", payment_minor=1_200_000, payer=known) == [None] * 12
    await court.verify()


async def test_who_is_known_lends_no_name_to_who_isn_t(court):
    shop = await till(court)
    bought = await shop.stocked(12)
    known, paid = await court.person(), {"ref": "pos-1", "payment_minor": 1_200_000}
    assert await sold(shop, bought[0], payer=known, **paid) == [None]
    assert await sold(shop, bought[1], **paid) == ["sp.15.bearer"]
    assert await sold(shop, bought[2], payer="tom", **paid) == ["sp.15.bearer"]


async def test_tills_that_sell_at_once_against_one_payment_see_the_whole_of_it(court):
    shop = await till(court)
    bought = await shop.stocked(12)
    paid = {"ref": "pos-1", "payment_minor": 1_200_000}
    outcomes = await asyncio.gather(*(sold(shop, card, till=f"till {n}", **paid) for n, card in enumerate(bought)))
    assert outcomes == [["sp.15.bearer"]] * 12
    await court.verify()


async def test_cash_of_one_payment_is_one_purchase_in_cash(court):
    """Art. 16: a person pays 50,000 yuan or more by transfer, however many cards and payers that is cut into."""
    shop = await till(court)
    bought = await shop.stocked(2)
    ann, bea = await court.person("123"), await court.person("124")
    paid = {"ref": "pos-1", "payment_minor": 5_000_000, "source": CASH}
    assert await sold(shop, bought[0], payer=ann, **paid) == ["sp.16.person_cash"]
    assert await sold(shop, bought[1], payer=bea, **paid) == ["sp.16.person_cash"]
    assert await sold(shop, bought[0], payer=ann, **{**paid, "ref": "pos-2", "payment_minor": 4_999_999}) == [None]


async def test_a_load_that_no_till_makes_names_its_payer(court):
    """Else each card would be bought by somebody else, and nothing be added up."""
    programme = await court.under(kinds=BEARER)
    card = await court.card(programme)
    for channel in (None, Channel.REMOTE, Channel.COUNTER, Channel.OWN_OUTLET):
        wish = court.load(card, 100, channel=channel, payer=None)
        assert await court.no(wish) == Refused("cards.payer_missing", {"field": "payer"}), channel
    await court.do(court.load(card, 100, payer="tom"), court.load(card, 5, payer=None, source=FundingSource.BONUS))
    free = await court.card(await court.programme(prefix="900002"))
    await court.do(court.load(free, 100, payer=None))
    await court.verify()


async def test_what_a_till_sells_to_strangers_in_a_day_is_warned_of(court):
    """Whoever pays each card by itself, without a name or under invented ones, is seen at the till's sum at least."""
    shop = await till(court, till={"warn_cards": 3, "warn_minor": 500_000})
    bought, known = await shop.stocked(9), await court.person()
    table = [
        # hour, till, payer, acknowledged: the sums of an hour, and those of a payer, are never reached
        (1, "t1", known, False, None),
        (3, "t1", None, False, None),
        (5, "t1", "tom", False, None),
        (7, "t1", None, False, None),
        (9, "t1", "tim", False, None),
        (11, "t1", None, False, "cards.warning_unread"),
        (11, "t1", "tam", False, "cards.warning_unread"),
        (11, "t2", None, False, None),
        (13, "t1", known, False, None),
        (15, "t1", None, True, None),
        # The Chinese day after.
        (17, "t1", None, False, None),
    ]
    bought.reverse()
    for hour, where, payer, acknowledged, code in table:
        await court.within(lambda tx, h=hour: ledger.advance_clock(tx, court.book, datetime(2024, 5, 1, h, tzinfo=UTC)))
        more = {"till": where, "clerk": where, "payer": payer, "acknowledged": acknowledged}
        assert await sold(shop, bought[-1], **more) == [code], (hour, where, payer)
        if code is None:
            bought.pop()
    await court.verify()


MULTI = {"policy": {"pack": "cn-multi-purpose"}, "class": "multi_purpose"}


async def multi(court, **more):
    """A programme of an issuer with a licence."""
    programme = await court.under(**MULTI, **more)
    await court.enter_gates(programme)
    return programme


@pytest.mark.parametrize("pack", [{}, MULTI], ids=["single", "multi"])
async def test_bearer_value_lasts_three_years_whenever_it_is_bought(court, pack):
    """Art. 19: a first fen that lasts lends nothing to what is loaded after it."""
    programme = await court.under(kinds=BEARER, **pack)
    await court.enter_gates(programme)
    card = await court.card(programme)
    clause = "mp.validity.bearer" if pack else "sp.19.bearer"
    now = await court.within(lambda tx: ledger.time_of_book(tx, court.book))
    for minor in (1, 50_000):
        for days in (2, 1094):
            assert await court.tried(card, minor, expires_at=now + timedelta(days=days)) == clause, (minor, days)
        assert await court.tried(card, minor, expires_at=now + timedelta(days=1097)) is None
    assert await court.tried(card, 7, FundingSource.BONUS, expires_at=now + timedelta(days=2)) is None
    await court.verify()


async def at_day(court, day):
    await court.within(lambda tx: ledger.advance_clock(tx, court.book, datetime(2024, 5, day, 2, tzinfo=UTC)))


async def test_a_first_yuan_makes_no_top_up_of_a_purchase(court):
    """Multi-purpose: who buys a registered card is known; a top-up may come of anybody, a bonus is neither."""
    programme = await multi(court, kinds={"registered": {"max_balance_minor": None}})
    await at_day(court, 1)
    ann, shop = await court.person(), await court.merchant(relation=Relation.BRAND)
    card = await court.card(programme, holder_ref=ann)
    await court.do(court.load(card, 5, source=FundingSource.BONUS))
    assert await court.tried(card, 490_000, payer="stranger") == "mp.name.registered"
    assert await court.tried(card, 100) is None
    assert await court.tried(card, 490_000, payer="stranger") == "mp.name.registered"
    await at_day(court, 2)
    assert await court.tried(card, 200_000, payer="stranger") is None
    await court.do(court.redeem(card, shop, 200_105))
    assert await court.tried(card, 100, payer="stranger") == "mp.name.registered", "it is bought anew"
    await court.verify()


async def test_who_tops_a_single_purpose_card_up_is_known(court):
    """Art. 15 says so of purchase and top-up."""
    programme = await court.under(kinds={"registered": {"max_balance_minor": None}})
    await at_day(court, 1)
    ann, bea = await court.person("123"), await court.person("124")
    card = await court.card(programme, holder_ref=ann)
    assert await court.tried(card, 100) is None
    await at_day(court, 2)
    assert await court.tried(card, 100, payer="stranger") == "sp.15.registered"
    assert await court.tried(card, 100, payer=bea) is None


async def test_who_pays_is_who_buys(court):
    """Multi-purpose: the payer's name is the buyer's, who is the holder unless another one is named."""
    programme = await multi(court, kinds={"registered": {"max_balance_minor": None}})
    await at_day(court, 1)
    ann, bea = await court.person("123"), await court.person("124")
    card = await court.card(programme, holder_ref=ann)
    table = [
        # payer, buyer, clause
        (bea, None, "mp.payer_name"),
        (None, bea, "mp.payer_name"),
        (bea, ann, "mp.payer_name"),
        ("stranger", "stranger", "mp.name.registered"),
        (None, None, None),
        (ann, None, None),
        (bea, bea, None),
    ]
    for payer, buyer, clause in table:
        assert await court.tried(card, 10, payer=payer, buyer=buyer) == clause, (payer, buyer)
    assert await court.tried(card, 10, FundingSource.BONUS, payer=bea) is None, "nobody buys a bonus"
    await at_day(court, 2)
    assert await court.tried(card, 10, payer=bea) is None, "a top-up may come of anybody"
    bearer = await multi(court, prefix="900002", kinds=BEARER)
    other = await court.card(bearer)
    assert await court.tried(other, 10, payer="tom") is None
    assert await court.tried(other, 10, payer="tom", buyer="tim") == "mp.payer_name"
    await court.verify()


async def test_a_load_says_who_buys_once(court):
    programme = await court.under(kinds={"registered": {"max_balance_minor": None}})
    ann = await court.person()
    card = await court.card(programme, holder_ref=ann)
    await court.do(court.load(card, 10, key="l", buyer="acme"))
    refused = await court.no(court.load(card, 10, key="l", buyer="other"))
    assert (refused.code, refused.facts["field"]) == ("ledger.key_reused", "buyer")

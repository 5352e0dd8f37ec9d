"""A card pays, and what is left of it goes into a new one (P4): both or none."""

import asyncio

import pytest

from koudai import cards, ledger
from koudai.base import Refused, asset
from koudai.cards import CardRefusal as R
from koudai.ledger import Flow, Limit, Per, Subject
from tests.cards.test_offers import put
from tests.cards.test_split import parts

BONUS = cards.FundingSource.BONUS


async def spend(counter, card, shop, amount, *, key=None, currency="CNY", **more):
    wish = cards.SpendSplit(
        key=key or counter.key(), card=card, merchant_id=shop.id, amount_minor=amount, asset=currency, **more
    )  # fmt: skip
    (outcome,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
    return outcome


async def test_the_merchant_is_paid_and_the_rest_has_its_provenance_and_lineage(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, holder_ref="ann")
    await counter.do(counter.load(card, 100), counter.load(card, 50, source=BONUS))
    made = await spend(counter, card, shop, 70, key="k")
    assert (made.activity.type, made.activity.amount_minor, made.activity.balance_minor) == ("REDEEM", 70, 80)
    (child,) = made.cards
    assert (child.card.balance_minor, child.card.root_id, child.card.parent_id) == (80, card, card)
    assert (child.card.generation, child.card.holder_ref, len(child.number)) == (1, "ann", 19)
    # The redemption draws first, in the programme's order: bonus before cash.
    assert await parts(counter, child.card.id) == {"cash": 80}
    assert await counter.paid_to(shop) == 70
    kinds = [(e.type, e.amount_minor) for e in await counter.history(card)]
    assert kinds[:2] == [("TRANSFER_BALANCE_FROM", 80), ("REDEEM", 70)]
    again = await spend(counter, card, shop, 70, key="k")
    assert (again.activity, [c.card.id for c in again.cards]) == (made.activity, [child.card.id])
    assert again.cards[0].number == child.number
    other = await spend(counter, card, shop, 71, key="k")
    assert other.code == "ledger.key_reused"
    await counter.verify()


async def test_what_comes_back_goes_to_the_card_that_paid(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme)
    await counter.do(counter.load(card, 100), counter.load(card, 50, source=BONUS))
    made = await spend(counter, card, shop, 70)
    child = made.cards[0].card.id
    back = await counter.do(counter.refund(30, of=made.activity))
    assert (back.card_id, back.balance_minor) == (card, 30)
    await counter.do(counter.refund(10, card=card, merchant=shop))
    assert await parts(counter, card) == {"cash": 20, "bonus": 20}
    assert (await counter.no(counter.refund(1, card=child, merchant=shop))).code == R.REFUND_EXCEEDS_PAID
    await counter.verify()
    second = await counter.card(programme, 100)
    made = await spend(counter, second, shop, 40, key="lost answer")
    undone = await counter.do(counter.reverse(of_key="lost answer"))
    assert (undone.card_id, undone.amount_minor, await counter.held(made.cards[0].card.id)) == (second, 40, 60)
    await counter.verify()


async def test_it_stands_or_falls_whole(counter):
    """What would refuse either refuses both: nothing is paid, no card is made."""
    limits = (
        Limit((Subject.CARD,), Flow.REDEEM, Per.DAY, max_minor=80),
        Limit((Subject.CARD,), Flow.TRANSFER, Per.DAY, max_minor=60),
    )
    wish = cards.CreateProgramme("p", "P", asset("CNY"), "900001", limits=limits)
    (programme,) = await counter.within(lambda tx: cards.create_programmes(tx, counter.book, [wish]))
    offered, shop, dollars = await counter.programme(), await counter.merchant(), await counter.merchant("$", "USD")
    await put(counter, offered, "v", "2020-01-01", split={"max_pieces": 2, "max_generations": 1, "min_minor": 10})
    closed = await counter.programme()
    await put(counter, closed, "w", "2020-01-01")
    card, promised = await counter.card(programme, 100), await counter.card(offered, 100, holder_ref="ann")
    whole, blocked = await counter.card(closed, 100, holder_ref="ann"), await counter.card(programme, 100)
    little = await counter.card(programme, 50)
    await counter.do(counter.block(blocked))
    rows = [
        # card     shop     amount  refusal
        (card,     shop,    0,      R.AMOUNT_NOT_POSITIVE),
        (10**15,   shop,    1,      R.UNKNOWN_CARD),
        (card,     dollars, 1,      R.CURRENCY_MISMATCH),
        (blocked,  shop,    1,      R.BLOCKED),
        (card,     shop,    101,    R.INSUFFICIENT_BALANCE),
        (little,   shop,    50,     R.NOTHING_LEFT),
        (card,     shop,    81,     "ledger.limit_exceeded"),
        (card,     shop,    39,     "ledger.limit_exceeded"),
        (promised, shop,    91,     R.PIECE_TOO_SMALL),
        (whole,    shop,    1,      R.NOT_SPLITTABLE),
    ]  # fmt: skip
    for one, merchant, amount, refusal in rows:
        assert (await spend(counter, one, merchant, amount)).code == refusal
    assert [await counter.held(one) for one in (card, promised, whole)] == [100, 100, 100]
    assert await counter.paid_to(shop) == 0
    found = await counter.within(lambda tx: cards.page_family(tx, counter.book, card, 0, 10))
    assert found == []
    made = await spend(counter, promised, shop, 20)
    child = made.cards[0].card.id
    assert (await spend(counter, child, shop, 20)).code == R.TOO_MANY_GENERATIONS
    # Both flows are counted, each once.
    assert not isinstance(await spend(counter, card, shop, 50), Refused)
    await counter.do(counter.load(card, 40))
    assert (await spend(counter, card, shop, 31)).code == "ledger.limit_exceeded"
    assert (await spend(counter, card, shop, 25)).code == "ledger.limit_exceeded"
    assert not isinstance(await spend(counter, card, shop, 30), Refused)
    await counter.verify()


async def test_in_a_batch_each_sees_those_before_it(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)
    wishes = [
        cards.SpendSplit(key=f"b{n}", card=card, merchant_id=shop.id, amount_minor=30, asset="CNY") for n in range(2)
    ]
    first, second = await counter.within(
        lambda tx: cards.run(tx, counter.book, [*wishes], counter.keyring)
    )  # fmt: skip
    assert first.cards[0].card.balance_minor == 70
    assert second.code == R.INSUFFICIENT_BALANCE
    await counter.verify()


@pytest.mark.parametrize("major", [18])
async def test_two_tills_at_one_card(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)
    outcomes = await asyncio.gather(*(spend(counter, card, shop, 10 + n) for n in range(4)))
    (made,) = (one for one in outcomes if not isinstance(one, Refused))
    assert {one.code for one in outcomes if isinstance(one, Refused)} == {R.INSUFFICIENT_BALANCE}
    assert made.activity.amount_minor + made.cards[0].card.balance_minor == 100
    assert (await counter.within(lambda tx: ledger.balances(tx, [card])))[card] == 0
    await counter.verify()

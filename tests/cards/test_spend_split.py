"""A card pays, and what is left of it goes into a new one (P4): both or none."""

import asyncio
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from koudai import cards, ledger, programmes
from koudai.base import Refused, asset
from koudai.cards import CardRefusal as R
from koudai.ledger import Flow, Limit, Per, Subject
from koudai.programmes import Line
from tests.cards.documented import documented
from tests.cards.test_offers import put
from tests.cards.test_split import parts

BONUS = cards.FundingSource.BONUS
PIECES = {"max_pieces": 5, "max_generations": 1, "min_minor": 10}
SHELF = Path(programmes.__file__).parent / "shipped"


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


SHIPPED = {
    name: YAML(typ="safe").load(SHELF / f"{name}.yaml")
    for name in ("city-grocer", "xiaokoudai", "xiaokoudai-source", "phone-shop")
}


@pytest.mark.parametrize("name", [name for name, document in SHIPPED.items() if "split" in document])
async def test_a_shipped_programme_that_lets_cards_be_split_lets_them_pay_so(counter, name):
    """What the document says of goods, merchants, PIN and cashback; the law is a sandbox's."""
    told = {key: SHIPPED[name][key] for key in ("accepts", "scenarios", "split", "cashback") if key in SHIPPED[name]}
    programme, (scenario, *_) = await documented(counter, **told), told["scenarios"]
    shop = await counter.merchant(scenario=scenario)
    card = await counter.card(programme, 100_000, holder_ref="ann")
    lines = (Line("sku 1", "milk", 4_000), Line("sku 2", "bread", 1_000))
    made = await spend(counter, card, shop, 5_000, lines=lines, key="k")
    assert [line.paid_minor for line in made.activity.lines] == [4_000, 1_000]
    assert made.cards[0].card.balance_minor == 95_000
    assert (await spend(counter, card, shop, 5_000, lines=lines, key="k")).activity.lines == made.activity.lines
    await counter.verify()


async def test_a_line_that_is_not_payable_stops_all_of_it(counter):
    programme = await documented(counter, accepts={"excluded": {"classes": ["tobacco"]}}, split=PIECES)
    shop, card = await counter.merchant(), await counter.card(programme, 100, holder_ref="ann")
    lines = (Line("a", "food", 30), Line("b", "tobacco", 10))
    assert (await spend(counter, card, shop, 40)).code == R.BASKET_MISSING
    refused = await spend(counter, card, shop, 40, lines=lines)
    assert (refused.code, refused.facts["refused_lines"][0]["line"]) == ("programmes.goods_excluded", 2)
    assert (await spend(counter, card, shop, 41, lines=lines[:1])).code == R.BASKET_MISMATCH
    assert await counter.held(card) == 100
    await counter.verify()


@pytest.mark.parametrize(
    ("pin", "device", "code"),
    [
        (None, "till", R.PIN_MISSING), ("805263", "till", R.PIN_WRONG), ("274916", None, R.PIN_NEEDS_DEVICE),
        ("274916", "till", None),
    ],
)  # fmt: skip
async def test_a_card_with_a_pin_asks_for_it(counter, pin, device, code):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)
    await counter.do(cards.SetPin(key="set", card=card, pin=cards.pin_of(counter.keyring, "274916")))
    told = None if pin is None else cards.pin_of(counter.keyring, pin)
    outcome = await spend(counter, card, shop, 40, pin=told, device=device)
    assert (outcome.code if isinstance(outcome, Refused) else None) == code
    await counter.verify()


async def test_cashback_of_a_day_has_one_bound_however_its_payments_are_made(counter):
    cashback = {"rates_bps": {"dining": 500}, "day_max_minor": 50, "valid_days": 2}
    programme = await documented(counter, cashback=cashback, split=PIECES)
    shop, card = await counter.merchant(), await counter.card(programme, 10_000, holder_ref="ann")
    await counter.do(counter.redeem(card, shop, 800))
    made = await spend(counter, card, shop, 800)
    given = [e.amount_minor for e in await counter.history(card) if e.type == "CASHBACK"]
    assert given == [10, 40], "newest first: the day has 50"
    # What it brought came after the rest was reckoned, and goes with it in proportion.
    child = made.cards[0].card.id
    assert await counter.held(card) + await counter.held(child) == 10_000 - 1600 + 50
    await counter.verify()

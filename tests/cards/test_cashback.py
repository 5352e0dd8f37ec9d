"""Cashback: given with the payment, bounded by the day, and taken back in proportion when the purchase is (P6)."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio.from_thread
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import FundingSource, Purpose
from koudai.pg import Database
from tests.cards.conftest import Counter
from tests.cards.documented import documented

NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
RATES = {"rates_bps": {"dining": 300}, "day_max_minor": 50, "valid_days": 2}


async def until(counter, moment):
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, moment))


@pytest.fixture
async def scene(counter):
    """A restaurant, and a card with 10000 paid in cash that gets 3 %, at most 50 a day, for two days."""
    await until(counter, NOON)
    programme = await documented(counter, cashback=RATES)
    return await counter.merchant(), await counter.card(programme, 10_000, holder_ref="ann")


async def happened(counter, card):
    """What happened to a card, oldest first: type, amount, balance."""
    return [(str(e.type), e.amount_minor, e.balance_minor) for e in reversed(await counter.history(card))]


async def bonus(counter, card):
    """The bonus lots of a card: what each holds."""
    lots = await counter.within(lambda tx: ledger.lots_of(tx, counter.book, card))
    return [lot.minor for lot in lots if lot.source == "bonus"]


async def test_a_payment_brings_a_bonus_that_is_neither_refunded_nor_sold_and_lapses(counter, scene):
    shop, card = scene
    paid = await counter.do(counter.redeem(card, shop, 1000))
    back = (await counter.history(card))[0]
    assert (back.type, back.amount_minor, back.source, back.redemption, back.merchant_id, back.balance_minor) == (
        cards.ActivityType.CASHBACK, 30, FundingSource.BONUS, paid.place, shop.id, 9030,
    )  # fmt: skip
    assert paid.balance_minor == 9000
    (lot,) = [x for x in await counter.within(lambda tx: ledger.lots_of(tx, 1, card)) if x.source == "bonus"]
    assert (lot.may_pass, lot.may_sell, lot.may_refund) == (True, False, False)
    assert lot.expires_at == datetime(2026, 5, 3, 16, tzinfo=UTC), "through the second Chinese day after it"
    await until(counter, NOON + 3 * DAY)
    assert (await counter.see(card)).available_minor == 9000
    await counter.verify()


@pytest.mark.parametrize(
    ("scenario", "cashback", "amounts", "given"),
    [
        # the merchant's class, the document, payments of one day: cashback of each (none: no entry)
        ("dining", RATES, [1000, 33, 34, 1000], [30, 1, 19]),
        ("dining", RATES, [32], []),
        ("dining", {"rates_bps": {"dining": 100}}, [10_000], [100]),
        ("dining", {"rates_bps": {"dining": 100}, "merchants": ["teahouse"]}, [1000], [10]),
        ("dining", {"rates_bps": {"dining": 100}, "merchants": ["other"]}, [1000], []),
        ("travel", {"rates_bps": {"dining": 100}}, [1000], []),
        ("dining", None, [1000], []),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_it_is_as_much_as_the_document_says(counter, scenario, cashback, amounts, given, together):
    await until(counter, NOON)
    scenarios = {"dining": "restaurant", "travel": "ecommerce"}
    programme = await documented(counter, scenarios=scenarios, cashback=cashback)
    shop, card = await counter.merchant(scenario=scenario, ref="teahouse"), None
    card = await counter.card(programme, 10_000, holder_ref="ann")
    commands = [counter.redeem(card, shop, n) for n in amounts]
    for part in [commands] if together else [[c] for c in commands]:
        await counter.do(*part)
    assert [n for kind, n, _ in await happened(counter, card) if kind == "CASHBACK"] == given
    await counter.verify()


async def test_the_next_chinese_day_has_room_again_and_what_fell_back_gives_room(counter, scene):
    shop, card = scene
    first = await counter.do(counter.redeem(card, shop, 2000))
    await counter.do(counter.redeem(card, shop, 1000))
    await counter.do(counter.reverse(of=first))
    await counter.do(counter.redeem(card, shop, 1000))
    await until(counter, datetime(2026, 5, 1, 16, tzinfo=UTC))
    await counter.do(counter.redeem(card, shop, 1000))
    told = [(kind, n) for kind, n, _ in await happened(counter, card) if kind.startswith("CASHBACK")]
    assert told == [("CASHBACK", 50), ("CASHBACK_BACK", 50), ("CASHBACK", 30), ("CASHBACK", 30)]
    await counter.verify()


async def anew(counter, card, how):
    """The card that takes the place of a card, or a piece of 3000 of it."""
    wishes = {
        "replaced": cards.Replace(key=counter.key(), card=card, reason="damaged"),
        "split": cards.Split(key=counter.key(), card=card, pieces=(3000,), asset="CNY"),
    }
    (made,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wishes[how]], counter.keyring))
    return made.cards[0].card.id


@pytest.mark.parametrize("how", [("replaced",), ("split",), ("replaced", "split"), ("split", "replaced")], ids="-".join)
async def test_a_card_that_comes_of_another_has_no_more_of_the_day_than_that_had_left(counter, how):
    await until(counter, NOON)
    split = {"max_pieces": 9, "max_generations": 3, "min_minor": 1}
    programme = await documented(counter, cashback=RATES, split=split)
    shop, card = await counter.merchant(), await counter.card(programme, 10_000, holder_ref="ann")
    await counter.do(counter.redeem(card, shop, 1000))
    line = [card]
    for step in how:
        line.append(await anew(counter, line[-1], step))
    if "split" in how:
        # What the card has of the day after the split is its own.
        before = line[how.index("split")]
        await counter.do(counter.redeem(before, shop, 200))
        assert [n for kind, n, _ in await happened(counter, before) if kind == "CASHBACK"][-1] == 6
    await counter.do(counter.redeem(line[-1], shop, 1000))
    assert [n for kind, n, _ in await happened(counter, line[-1]) if kind == "CASHBACK"] == [20]
    await until(counter, NOON + DAY)
    await counter.do(counter.redeem(line[-1], shop, 1000))
    assert [n for kind, n, _ in await happened(counter, line[-1]) if kind == "CASHBACK"] == [20, 30]
    await counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_what_falls_back_after_a_replacement_gives_the_new_card_room(counter, scene, together):
    shop, card = scene
    paid = await counter.do(counter.redeem(card, shop, 2000))
    heir = await anew(counter, card, "replaced")
    commands = [counter.refund(1000, of=paid), counter.redeem(heir, shop, 500)]
    for part in [commands] if together else [[c] for c in commands]:
        await counter.do(*part)
    told = [(kind, n) for kind, n, _ in await happened(counter, heir) if kind.startswith("CASHBACK")]
    assert told == [("CASHBACK_BACK", 25), ("CASHBACK", 15)]
    await counter.verify()


@pytest.mark.parametrize("tills", [2, 6])
async def test_tills_at_once_give_no_more_than_the_day_has(counter, scene, tills):
    shop, card = scene
    await asyncio.gather(*(counter.do(counter.redeem(card, shop, 1000)) for _ in range(tills)))
    assert sum(n for kind, n, _ in await happened(counter, card) if kind == "CASHBACK") == 50
    await counter.verify()


async def test_a_hold_brings_it_when_it_is_captured_and_for_what_is_captured(counter, scene):
    shop, card = scene
    asked = {"card": card, "merchant_id": shop.id, "asset": "CNY"}
    hold = await counter.do(cards.Authorise(key="hold", amount_minor=1000, **asked))
    assert await bonus(counter, card) == []
    one = await counter.do(cards.Capture(key="one", hold=hold.place, amount_minor=400))
    assert await bonus(counter, card) == [12]
    await counter.do(cards.Capture(key="two", hold=hold.place, amount_minor=100, final=True))
    assert await bonus(counter, card) == [15]
    await counter.do(counter.refund(200, of=one))
    assert await bonus(counter, card) == [9]
    # Of a group each hold brings its own, also where it was reserved in the same batch.
    outcomes = await counter.run(
        cards.Authorise(key="g1", amount_minor=100, group="g", **asked),
        cards.Authorise(key="g2", amount_minor=200, group="g", **asked),
        cards.Capture(key="g", group="g"),
    )
    assert not any(isinstance(one, Refused) for one in outcomes)
    assert [n for kind, n, _ in await happened(counter, card) if kind == "CASHBACK"] == [12, 3, 3, 6]
    await counter.verify()


@pytest.mark.parametrize("cashback", [RATES, None])
async def test_a_process_that_knows_no_merchant_captures_all_the_same(counter, site, cashback):
    await until(counter, NOON)
    programme = await documented(counter, cashback=cashback)
    shop, card = await counter.merchant(), await counter.card(programme, 10_000, holder_ref="ann")
    asked = {"card": card, "merchant_id": shop.id, "asset": "CNY"}
    hold = await counter.do(cards.Authorise(key="hold", amount_minor=1000, **asked))
    async with Database(site.target) as db:
        await Counter(db, counter.keyring).do(cards.Capture(key="one", hold=hold.place))
    assert await bonus(counter, card) == ([30] if cashback else [])
    await counter.verify()


async def test_what_was_spent_of_it_lessens_the_refund(counter, scene):
    shop, card = scene
    paid = await counter.do(counter.redeem(card, shop, 1000))
    await counter.do(counter.redeem(card, await counter.merchant(scenario="dining"), 1))
    assert await bonus(counter, card) == [29]
    # All that is left is spent, the bonus first.
    await counter.do(counter.redeem(card, shop, await counter.held(card)))
    back = await counter.do(counter.refund(1000, of=paid))
    assert back.amount_minor == 1000
    assert back.balance_minor == 1000 + 20, "the second payment's bonus is there, as the day had room for it"
    assert (await happened(counter, card))[-1] == ("CASHBACK_BACK", 30, 990)
    assert await bonus(counter, card) == []
    await counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_a_reversal_undoes_it_whole(counter, scene, together):
    shop, card = scene
    commands = [counter.redeem(card, shop, 1000, key="lost"), counter.reverse(of_key="lost", key="undo")]
    for part in [commands] if together else [[c] for c in commands]:
        await counter.do(*part)
    assert (await happened(counter, card))[-4:] == [
        ("REDEEM", 1000, 9000), ("CASHBACK", 30, 9030), ("REVERSAL", 1000, 10_030), ("CASHBACK_BACK", 30, 10_000),
    ]  # fmt: skip
    again = await counter.do(counter.reverse(of_key="lost", key="undo"))
    assert (again.amount_minor, await counter.held(card)) == (1000, 10_000)
    await counter.verify()


async def test_it_is_taken_back_of_the_card_that_took_over(counter, scene):
    shop, card = scene
    paid = await counter.do(counter.redeem(card, shop, 1000))
    wish = cards.Replace(key="new", card=card, reason="lost")
    (made,) = await counter.within(lambda tx: cards.run(tx, 1, [wish], counter.keyring))
    heir = made.cards[0].card.id
    assert await bonus(counter, heir) == [30]
    await counter.do(counter.refund(500, of=paid))
    assert (await bonus(counter, heir), await counter.held(heir)) == ([15], 9030 + 500 - 15)
    await counter.verify()


async def test_what_would_pass_a_cap_is_forgone(counter):
    await until(counter, NOON)
    programme = await documented(counter, kinds={"registered": {"max_balance_minor": 100}}, cashback=RATES)
    shop, card = await counter.merchant(), await counter.card(programme, 100, holder_ref="ann")
    first = await counter.do(counter.redeem(card, shop, 100))
    # A reversal brings back what was there before, whatever the cap says.
    await counter.do(counter.load(card, 97), counter.reverse(of=first), counter.redeem(card, shop, 90))
    assert (await happened(counter, card))[-1] == ("REDEEM", 90, 107)
    await counter.do(counter.redeem(card, shop, 40))
    assert (await happened(counter, card))[-1] == ("CASHBACK", 1, 68)
    await counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_a_batch_ends_as_the_same_commands_one_by_one(counter, together):
    await until(counter, NOON)
    programme, shop = await documented(counter, cashback=RATES, gift={"claim_days": 3}), await counter.merchant()
    card = await counter.card(programme, 10_000, holder_ref="ann")
    other = await counter.card(programme, 0, holder_ref=await counter.person())
    send = {"card": card, "to_card": other, "asset": "CNY", "purpose": Purpose.GIFT}
    commands = [
        counter.redeem(card, shop, 1000, key="a"),
        counter.redeem(card, shop, 600, event_at=NOON - DAY),
        counter.redeem(card, shop, 20),
        cards.Transfer(key="all", **send),
        counter.load(card, 100),
        counter.refund(500, card=card, merchant=shop),
        counter.redeem(card, shop, 1000, key="a"),
        counter.redeem(card, shop, 500),
        counter.redeem(card, shop, 1000, partial=True),
        counter.reverse(of_key="a"),
    ]
    outcomes = await counter.run(*commands) if together else [(await counter.run(c))[0] for c in commands]
    told = [one.code if isinstance(one, Refused) else one.amount_minor for one in outcomes]
    assert told == [1000, 600, 20, 8428, 100, 500, 1000, 500, 101, 1000]
    assert (await happened(counter, card))[1:] == TOLD_OF_BATCH
    assert await counter.held(other) == 8428
    await counter.verify()


TOLD_OF_BATCH = [
    ("LOAD", 10_000, 10_000),
    ("REDEEM", 1000, 9000), ("CASHBACK", 30, 9030),
    ("REDEEM", 600, 8430), ("CASHBACK", 18, 8448),
    ("REDEEM", 20, 8428),
    ("TRANSFER_BALANCE_FROM", 8428, 0),
    ("LOAD", 100, 100),
    # Of 500, 20 are laid on the last payment and 480 on that of 600: 14.4 of its 18 fall due.
    ("REFUND", 500, 600), ("CASHBACK_BACK", 14, 586),
    ("REDEEM", 500, 86), ("CASHBACK", 15, 101),
    ("REDEEM", 101, 0), ("CASHBACK", 3, 3),
    ("REVERSAL", 1000, 1003), ("CASHBACK_BACK", 30, 973),
]  # fmt: skip
"""The card's history after its activation: type, amount, balance."""

PAYMENTS = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.integers(1, 400)),
        st.tuples(st.just("back"), st.integers(0, 5), st.integers(1, 200)),
        st.tuples(st.just("undo"), st.integers(0, 5)),
    ),
    min_size=2, max_size=14,
)  # fmt: skip


class Model:
    """Two pots, cash and bonus, of which the bonus is spent first; told in plain words.

    What is refunded goes back into the pots it came from, the last of them first; what falls due of the cashback is
    taken from the bonus, and from cash where that isn't enough.
    """

    def __init__(self, cash, bps):
        self.cash, self.bonus, self.bps, self.payments = cash, 0, bps, []

    def pay(self, amount):
        if amount > self.cash + self.bonus:
            return
        of_bonus = min(self.bonus, amount)
        given = amount * self.bps // 10_000
        self.bonus += given - of_bonus
        self.cash -= amount - of_bonus
        self.payments.append({"paid": amount, "cash": amount - of_bonus, "back": 0, "given": given, "taken": 0})

    def back(self, number, amount):
        if number >= len(self.payments):
            return
        payment = self.payments[number]
        if payment["back"] + amount > payment["paid"]:
            return
        before, after = (min(payment["cash"], n) for n in (payment["back"], payment["back"] + amount))
        self.cash += after - before
        self.bonus += amount - (after - before)
        payment["back"] += amount
        due = payment["given"] * payment["back"] // payment["paid"] - payment["taken"]
        payment["taken"] += due
        of_bonus = min(self.bonus, due)
        self.bonus -= of_bonus
        self.cash -= due - of_bonus

    def undo(self, number):
        if number < len(self.payments) and not self.payments[number]["back"]:
            self.back(number, self.payments[number]["paid"])


@pytest.mark.parametrize("major", [18])
def test_partial_refunds_take_back_what_a_model_says(site, keyring):
    books = count(10)
    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(Database(site.target)) as db,
    ):

        async def live(counter, story, together):
            await until(counter, NOON)
            programme = await documented(counter, cashback={"rates_bps": {"dining": 500}})
            shop, card = await counter.merchant(), await counter.card(programme, 1000, holder_ref="ann")
            model, places = Model(1000, 500), []
            for kind, *told in story:
                before = len(model.payments)
                getattr(model, kind)(*told)
                if kind == "pay":
                    command = counter.redeem(card, shop, *told)
                elif told[0] >= len(places):
                    continue
                elif kind == "back":
                    command = counter.refund(told[1], of=places[told[0]])
                else:
                    command = counter.reverse(of=places[told[0]])
                # A neighbour in the batch, which is refused, changes nothing.
                rest = [counter.redeem(card, shop, 10**9)] if together else []
                (outcome, *_) = await counter.run(command, *rest)
                if len(model.payments) > before:
                    places.append(outcome.place)
                lots = await counter.within(lambda tx: ledger.lots_of(tx, counter.book, card))
                held = {source: sum(x.minor for x in lots if x.source == source) for source in ("transfer", "bonus")}
                assert held == {"transfer": model.cash, "bonus": model.bonus}, (kind, told)
            assert await counter.held(card) == model.cash + model.bonus
            whole = [p for p in model.payments if p["back"] == p["paid"]]
            assert all(p["taken"] == p["given"] for p in whole)

        @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(story=PAYMENTS, together=st.booleans())
        def tell(story, together):
            portal.call(live, Counter(db, keyring, next(books)), story, together)

        tell()
        report = portal.call(ledger.verify, db, cards.CARD_CHECKS)
        assert report.findings == []

"""Refunds and reversals: back to the card that paid, never more than it paid, and each once."""

import asyncio

import pytest

from koudai.base import Refused
from koudai.cards import ActivityType, CardRefusal, run
from koudai.ledger import Place
from koudai.pg import Database

R = CardRefusal


@pytest.fixture
async def scene(counter):
    """A programme, two shops, and a card with 100 on it."""
    programme = await counter.programme()
    return programme, await counter.merchant("one"), await counter.merchant("two"), await counter.card(programme, 100)


async def parts(counter, activity):
    """What a refund was laid on: the redemption and the amount, newest first."""
    async with counter.db.transaction() as tx:
        rows = await tx.rows(
            "SELECT redemption_batch_id, redemption_ordinal, amount_minor FROM cards.refund_parts"
            " WHERE batch_id = $1::bigint AND ordinal = $2::int ORDER BY 1 DESC, 2 DESC",
            *activity.place,
        )
    return [(Place(row[0], row[1]), row[2]) for row in rows]


async def test_a_refund_names_its_redemption(counter, scene):
    _, shop, _, card = scene
    first, second = await counter.do(counter.redeem(card, shop, 40), counter.redeem(card, shop, 30))
    back = await counter.do(counter.refund(15, of=first))
    assert (back.type, back.card_id, back.merchant_id, back.amount_minor, back.balance_minor, back.redemption) == (
        ActivityType.REFUND, card, shop.id, 15, 45, first.place,
    )  # fmt: skip
    assert await parts(counter, back) == [(first.place, 15)]
    over = await counter.no(counter.refund(26, of=first))
    assert over == Refused(R.REFUND_EXCEEDS_PAID, {"refundable_minor": 25, "amount_minor": 26, "currency": "CNY"})
    await counter.do(counter.refund(25, of=first))
    assert (await counter.no(counter.refund(1, of=first))).facts["refundable_minor"] == 0
    assert (await counter.do(counter.refund(30, of=second))).redemption == second.place
    assert (await counter.held(card), await counter.paid_to(shop)) == (100, 0)
    await counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_a_refund_to_a_card_is_laid_on_the_latest_redemption_first(counter, scene, together):
    _, shop, other, card = scene
    pay = [
        counter.redeem(card, shop, 10),
        counter.redeem(card, other, 20),
        counter.redeem(card, shop, 5),
        counter.load(card, 1),
        counter.redeem(card, shop, 7),
    ]
    backs = [counter.refund(n, card=card, merchant=shop) for n in (3, 6, 4, 10, 9, 1)]
    if together:
        outcomes = await counter.run(*pay, *backs)
    else:
        outcomes = [(await counter.run(c))[0] for c in (*pay, *backs)]
    ten, _, five, _, seven = (o.place for o in outcomes[: len(pay)])
    laid = [await parts(counter, o) if not isinstance(o, Refused) else o.code for o in outcomes[len(pay) :]]
    assert laid == [
        [(seven, 3)],
        [(seven, 4), (five, 2)],
        [(five, 3), (ten, 1)],
        R.REFUND_EXCEEDS_PAID,
        [(ten, 9)],
        R.REFUND_EXCEEDS_PAID,
    ]
    told = [o.redemption for o in outcomes[len(pay) :] if not isinstance(o, Refused)]
    assert told == [seven, seven, five, ten], "the newest is named"
    assert (await counter.held(card), await counter.paid_to(shop), await counter.paid_to(other)) == (81, 0, 20)
    await counter.verify()


async def test_value_goes_back_to_the_card_that_paid(counter, scene):
    programme, shop, other, card = scene
    stranger = await counter.card(programme, 100)
    paid = await counter.do(counter.redeem(card, shop, 40))
    table = [
        (counter.refund(1, card=stranger, merchant=shop), R.REFUND_EXCEEDS_PAID),
        (counter.refund(1, card=card, merchant=other), R.REFUND_EXCEEDS_PAID),
    ]
    for command, reason in table:
        assert (await counter.no(command)).code == reason
    back = await counter.do(counter.refund(40, of=paid))
    assert back.card_id == card
    assert (await counter.held(card), await counter.held(stranger)) == (100, 100)
    await counter.verify()


async def test_by_both_ways_a_redemption_is_given_back_once(counter, scene):
    _, shop, _, card = scene
    paid = await counter.do(counter.redeem(card, shop, 40, key="paid"))
    outcomes = await counter.run(
        counter.refund(30, of=paid),
        counter.refund(11, card=card, merchant=shop),
        counter.refund(10, card=card, merchant=shop),
        counter.refund(1, of=paid),
        counter.reverse(of=paid),
        counter.reverse(of_key="paid"),
    )
    told = [o.code if isinstance(o, Refused) else o.amount_minor for o in outcomes]
    both = R.ALREADY_REFUNDED
    assert told == [30, R.REFUND_EXCEEDS_PAID, 10, R.REFUND_EXCEEDS_PAID, both, both]
    assert outcomes[4].facts == {"refunded_minor": 40, "paid_minor": 40, "currency": "CNY"}
    await counter.verify()


async def test_a_refund_itself_is_not_refunded(counter, scene):
    _, shop, _, card = scene
    paid = await counter.do(counter.redeem(card, shop, 40))
    back = await counter.do(counter.refund(40, of=paid))
    for command in (counter.refund(1, of=back), counter.reverse(of=back)):
        assert (await counter.no(command)).code == R.UNKNOWN_REDEMPTION
    again = await counter.do(counter.redeem(card, shop, 40))
    assert (await counter.do(counter.refund(40, card=card, merchant=shop))).redemption == again.place
    await counter.verify()


async def test_a_blocked_card_gets_its_value_back_and_keeps_it(counter, scene):
    _, shop, _, card = scene
    paid, second = await counter.do(counter.redeem(card, shop, 40), counter.redeem(card, shop, 20))
    await counter.do(counter.block(card))
    await counter.do(counter.refund(10, of=paid), counter.reverse(of=second))
    assert await counter.held(card) == 70
    assert (await counter.no(counter.redeem(card, shop, 1))).code == R.BLOCKED
    await counter.verify()


async def test_a_redemption_in_part_is_refunded_up_to_that_part(counter, scene):
    _, shop, _, card = scene
    paid = await counter.do(counter.redeem(card, shop, 500, partial=True))
    assert (await counter.no(counter.refund(101, of=paid))).facts["refundable_minor"] == 100
    assert (await counter.do(counter.refund(100, of=paid))).balance_minor == 100


# Reversals


@pytest.mark.parametrize(("by", "together"), [("key", True), ("key", False), ("place", False)])
async def test_a_reversal_undoes_a_redemption_once(counter, scene, by, together):
    _, shop, _, card = scene
    pay = counter.redeem(card, shop, 40, key="lost")
    first = None if together else await counter.do(pay)
    undo = [counter.reverse(of_key="lost") if by == "key" else counter.reverse(of=first) for _ in range(2)]
    if together:
        first, done, again = await counter.run(pay, *undo)
    else:
        (done,), (again,) = await counter.run(undo[0]), await counter.run(undo[1])
    assert (done.type, done.amount_minor, done.balance_minor, done.redemption, done.merchant_id) == (
        ActivityType.REVERSAL, 40, 100, first.place, shop.id,
    )  # fmt: skip
    assert again.code == R.ALREADY_REFUNDED
    assert await counter.run(*undo) == [done, again], "the same keys get the same answers"
    assert await counter.do(pay) == first, "the redemption is what it was"
    assert (await counter.held(card), await counter.paid_to(shop)) == (100, 0)
    await counter.verify()


async def test_a_reversal_says_what_it_undoes_why_and_by_whom(counter, scene):
    _, shop, _, card = scene
    lost, wrong = await counter.do(counter.redeem(card, shop, 40), counter.redeem(card, shop, 5))
    done = await counter.do(
        counter.reverse(of=lost), counter.reverse(of=wrong, key="why", reason="Rung up twice", made_by="till 7")
    )
    async with counter.db.transaction() as tx:
        rows = await tx.rows(
            "SELECT batch_id, ordinal, corrects_batch_id, corrects_ordinal, creates, reason, made_by"
            " FROM ledger.corrections ORDER BY batch_id, ordinal"
        )
    assert rows == [
        (*done[0].place, *lost.place, False, "no answer arrived", "unnamed"),
        (*done[1].place, *wrong.place, False, "Rung up twice", "till 7"),
    ]
    other = await counter.no(counter.reverse(of=wrong, key="why", reason="Another"))
    assert other.facts == {"field": "reason"}
    await counter.verify()


async def test_what_was_given_back_in_part_is_not_reversed(counter, scene):
    _, shop, _, card = scene
    paid = await counter.do(counter.redeem(card, shop, 40, key="k"))
    await counter.do(counter.refund(1, of=paid))
    refused = await counter.no(counter.reverse(of_key="k"))
    assert refused == Refused(R.ALREADY_REFUNDED, {"refunded_minor": 1, "paid_minor": 40, "currency": "CNY"})
    await counter.verify()


async def test_a_reversal_goes_through_where_the_caps_would_stop_a_refund(counter):
    programme, shop = await counter.programme(max_balance=100), await counter.merchant()
    card = await counter.card(programme, 100)
    paid = await counter.do(counter.redeem(card, shop, 40))
    await counter.do(counter.load(card, 40))
    assert (await counter.no(counter.refund(40, of=paid))).code == R.BALANCE_CAP_EXCEEDED
    assert (await counter.do(counter.reverse(of=paid))).balance_minor == 140
    await counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_a_redemption_that_comes_after_its_reversal_is_refused(counter, scene, together):
    _, shop, _, card = scene
    undo, late = counter.reverse(of_key="late", key="undo"), counter.redeem(card, shop, 40, key="late")
    outcomes = await counter.run(undo, late) if together else [*await counter.run(undo), *await counter.run(late)]
    barred = Refused(R.REVERSED_BEFORE)
    assert outcomes == [Refused(R.UNKNOWN_REDEMPTION, {"barred": True}), barred]
    whatever = [
        counter.redeem(card, shop, 41, key="late"),
        counter.load(card, 5, key="late"),
        counter.block(card, key="late"),
    ]
    assert await counter.run(*whatever) == [barred] * 3, "the key is barred for whatever comes with it"
    assert await counter.programme(key="late") == barred
    issued = await counter.issue(await counter.programme(), key="late")
    assert issued == barred
    assert await counter.run(undo, late) == outcomes
    assert (await counter.no(counter.reverse(of_key="late"))).facts == {"answered": R.REVERSED_BEFORE}
    assert await counter.held(card) == 100
    await counter.verify()


async def test_a_reversal_of_what_was_refused_has_nothing_to_undo(counter, scene):
    _, shop, _, card = scene
    await counter.no(counter.redeem(card, shop, 400, key="k"))
    refused = await counter.no(counter.reverse(of_key="k"))
    assert refused == Refused(R.UNKNOWN_REDEMPTION, {"answered": R.INSUFFICIENT_BALANCE})
    await counter.do(counter.load(card, 5, key="load"))
    assert (await counter.no(counter.reverse(of_key="load"))).code == R.UNKNOWN_REDEMPTION
    await counter.verify()


async def test_a_reversal_races_with_its_redemption(counter, scene, site):
    """Whoever comes first, the value is on the card in the end, and both are answered."""
    _, shop, _, card = scene
    seen = set()
    async with Database(site.target) as one, Database(site.target) as other:
        for n in range(40):
            pay, undo = counter.redeem(card, shop, 10, key=f"race-{n}"), counter.reverse(of_key=f"race-{n}")

            async def send(db, command, wait):
                await asyncio.sleep(wait)
                return (await db.transact(lambda tx: run(tx, 1, [command])))[0]

            paid, undone = await asyncio.gather(
                send(one, pay, 0.002 * (n % 3 == 2)), send(other, undo, 0.002 * (n % 3 == 0))
            )
            if isinstance(paid, Refused):
                assert (paid.code, undone) == (R.REVERSED_BEFORE, Refused(R.UNKNOWN_REDEMPTION, {"barred": True}))
            else:
                assert (paid.amount_minor, undone.type, undone.redemption) == (10, ActivityType.REVERSAL, paid.place)
            seen.add(isinstance(paid, Refused))
            assert await counter.held(card) == 100
    assert seen == {True, False}, "both orders were met"
    await counter.verify()


@pytest.mark.parametrize("first", ["redemption", "reversal"])
async def test_a_reversal_waits_for_a_redemption_that_is_under_way(counter, scene, site, first):
    _, shop, _, card = scene
    pay, undo = counter.redeem(card, shop, 10, key="k"), counter.reverse(of_key="k")
    ahead, behind = (pay, undo) if first == "redemption" else (undo, pay)
    async with Database(site.target) as other:
        async with other.transaction() as slow:
            (one,) = await run(slow, 1, [ahead])
            await slow.rows("SELECT 1")  # What is written goes with the next statement at the latest.
            waiting = asyncio.create_task(counter.run(behind))
            await asyncio.sleep(0.2)
            assert not waiting.done()
        (two,) = await waiting
    if first == "redemption":
        assert two.redemption == one.place
    else:
        assert two.code == R.REVERSED_BEFORE
    assert await counter.held(card) == 100
    await counter.verify()

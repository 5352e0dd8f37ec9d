"""What was closed or stopped stays so: no sale, correction, reversal or closing goes round it."""

from datetime import timedelta

import pytest

from koudai import cards, ledger
from koudai.base import Refused, render_time
from koudai.cards import CardRefusal as R, RestrictionKind as K, StockState as S
from koudai.cards.spend.pay import REVERSED_WITHIN
from tests.cards.test_stock import Shop


@pytest.fixture
async def shop(counter):
    return Shop(counter, await counter.programme())


def close(counter, card, **more):
    return cards.Close(key=counter.key(), card=card, reason="asked for", made_by="clerk", **more)


def stop(counter, card, kind, minor=None, **more):
    return cards.Restrict(
        key=counter.key(), card=card, kind=kind, authority="Court of Haidian", document="2026-1",
        amount_minor=minor, asset=minor and "CNY", made_by="clerk", **more,
    )  # fmt: skip


def lost(counter, card):
    return cards.ReportLoss(key=counter.key(), card=card, document="", made_by="clerk")


@pytest.mark.parametrize(
    ("stops", "code"),
    [
        (lambda counter, card: stop(counter, card, K.COURT), R.RESTRICTED),
        (lambda counter, card: stop(counter, card, K.RISK), R.RESTRICTED),
        (lost, R.RESTRICTED),
    ],
    ids=["court", "risk", "lost"],
)
async def test_a_card_that_is_stopped_is_not_sold(counter, shop, stops, code):
    (card,) = await shop.stocked()
    await counter.do(stops(counter, card))
    assert (await counter.no(shop.sell(card))).code == code
    assert (await counter.no(close(counter, card))).code == R.WRITE_IT_OFF
    assert (await counter.see(card)).state == "PENDING"
    await counter.verify()


async def test_what_binds_an_amount_stands_in_no_sales_way(counter, shop):
    (card,) = await shop.stocked()
    await counter.do(stop(counter, card, K.COURT, 100), shop.sell(card, 500))
    merchant = await counter.merchant()
    assert (await counter.no(counter.redeem(card, merchant, 401))).code == R.AMOUNT_RESTRICTED
    await counter.do(counter.redeem(card, merchant, 400))
    await counter.verify()


@pytest.mark.parametrize("state", [S.CREATED, S.PRINTED, S.IN_STOCK])
async def test_a_card_that_nobody_bought_is_written_off_and_not_closed(counter, shop, state):
    stock = await shop.make()
    (card,) = await shop.members(stock)
    if state is not S.CREATED:
        await shop.printed(stock)
    if state is S.IN_STOCK:
        await counter.do(shop.receive(cards=(card,)))
    assert await counter.no(close(counter, card)) == Refused(R.WRITE_IT_OFF, {"state": state})
    await counter.do(shop.write_off(cards=(card,)))
    assert (await counter.no(shop.sell(card))).code == R.OUT_OF_ORDER
    await counter.verify()


async def test_a_pending_card_that_is_stopped_is_not_closed(counter):
    made = await counter.issue(await counter.programme(), active=False)
    await counter.do(stop(counter, made.card.id, K.COURT))
    assert (await counter.no(close(counter, made.card.id))).code == R.RESTRICTED
    await counter.verify()


async def test_nothing_comes_onto_a_closed_card(counter):
    merchant, card = await counter.merchant(), await counter.card(await counter.programme(), 300)
    paid = await counter.do(counter.redeem(card, merchant, 200, key="paid"))
    await counter.do(close(counter, card, paid_to=cards.PaidTo.CASH))
    correction = cards.Adjust(
        key=counter.key(), card=card, amount_minor=5, asset="CNY", increment=True, source=cards.FundingSource.CASH,
        reason="an error", made_by="one", approved_by="another",
    )  # fmt: skip
    for command in (counter.reverse(of=paid), counter.reverse(of_key="paid"), correction, counter.load(card, 5)):
        assert (await counter.no(command)).code == R.DEACTIVATED
    assert (await counter.no(counter.refund(200, of=paid))).code == R.OTHER_CARD_NEEDED
    assert await counter.held(card) == 0
    await counter.verify()


async def test_a_payment_is_reversed_within_a_day_and_refunded_after_it(counter):
    merchant, card = await counter.merchant(), await counter.card(await counter.programme(), 300)
    began = await counter.within(lambda tx: ledger.time_of_book(tx, counter.book))
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, began + timedelta(hours=1)))
    first, second = await counter.do(counter.redeem(card, merchant, 100), counter.redeem(card, merchant, 50))
    until = first.event_at + REVERSED_WITHIN
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, until - timedelta(microseconds=1)))
    await counter.do(counter.reverse(of=second))
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, until))
    refused = await counter.no(counter.reverse(of=first, event_at=first.event_at))
    assert refused == Refused(R.REVERSAL_TOO_LATE, {"until": render_time(until)})
    await counter.do(counter.refund(100, of=first))
    assert await counter.held(card) == 300
    await counter.verify()


async def test_a_capture_is_reversed_within_a_day_of_it_however_old_its_hold(counter):
    merchant, card = await counter.merchant(), await counter.card(await counter.programme(), 300)
    hold = await counter.do(
        cards.Authorise(key="h", card=card, merchant_id=merchant.id, amount_minor=100, asset="CNY", ttl_s=864_000)
    )
    now = await counter.within(lambda tx: ledger.time_of_book(tx, counter.book))
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, now + timedelta(days=5)))
    together = await counter.do(cards.Capture(key="c", hold=hold.place, amount_minor=40))
    await counter.do(counter.reverse(of=together))
    both = await counter.run(
        cards.Capture(key="d", hold=hold.place, amount_minor=30), counter.reverse(of_key="d", key="undo")
    )
    assert not any(isinstance(one, Refused) for one in both)
    await counter.verify()

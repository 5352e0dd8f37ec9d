"""A sale is undone before anything of the card was used: the buyer's money goes back whence it came, once (R13)."""

import asyncio
from datetime import timedelta

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal, CardState, RestrictionKind, StockState
from tests.cards.conftest import Counter
from tests.cards.test_law import Court
from tests.cards.test_offers import put
from tests.cards.test_stock import BONUS, CASH, DEBIT, START, Shop, delayed

R, S, K = CardRefusal, StockState, RestrictionKind
DAY = timedelta(days=1)


@pytest.fixture
async def shop(counter):
    return Shop(counter, await counter.programme())


async def at(counter, moment):
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, moment))


async def funded(counter, source):
    """What programmes took from a source: a debit, so below zero."""
    query = "SELECT account_id FROM cards.funding_accounts WHERE source::text = $1::text"
    accounts = [one for (one,) in await counter.within(lambda tx: tx.rows(query, str(source)))]
    return sum((await counter.within(lambda tx: ledger.balances(tx, accounts))).values())


async def moved(counter, place):
    query = (
        "SELECT debit_account, credit_account, amount_minor FROM ledger.transfers WHERE (batch_id, entry) = ($1, $2)"
    )
    return await counter.within(lambda tx: tx.rows(query, *place))


async def payment(counter, ref):
    rows = await counter.within(
        lambda tx: tx.rows(
            "SELECT amount_minor, used_minor, refunded_minor FROM cards.payments WHERE reference = $1::text", ref
        )
    )
    return rows[0]


async def sale_of(counter, card):
    return (await counter.within(lambda tx: cards.stock_cards_by_id(tx, counter.book, [card])))[card].sale


async def test_who_was_tricked_gets_his_money_back_and_the_card_is_dead(counter, shop):
    merchant = await counter.merchant()
    await delayed(shop)
    one, other = await shop.stocked(2)
    sold = await counter.do(shop.sell(one, 500, ref="pos-7", source=DEBIT, payer="card ..42"))
    await counter.do(shop.call_off(one))
    voided = await counter.do(shop.void_sale(one, key="void"))
    assert (voided.type, voided.amount_minor, voided.balance_minor, voided.source) == ("VOID_SALE", 500, 0, "debit")
    assert [e.type for e in await counter.history(one)][:4] == ["DEACTIVATE", "VOID_SALE", "BLOCK", "ACTIVATE"]
    there, back = [await moved(counter, place) for place in (sold.place, voided.place)]
    assert [(credit, debit, minor) for debit, credit, minor in there] == back, "what came went back, whence it came"
    assert await counter.within(lambda tx: ledger.lots_of(tx, counter.book, one)) == []
    seen = await counter.see(one)
    assert (seen.state, seen.balance_minor, await shop.state(one)) == (CardState.DEACTIVATED, 0, S.WRITTEN_OFF)
    assert await payment(counter, "pos-7") == (500, 500, 500)
    assert (await sale_of(counter, one)).voided_at == START
    assert await counter.do(shop.void_sale(one, key="void")) == voided, "a repeated key answers its first entry"
    by, by_two = {"reason": "r", "made_by": "m"}, {"reason": "r", "made_by": "m", "approved_by": "n"}
    for command in (
        counter.redeem(one, merchant, 1), counter.load(one, 1), counter.block(one), counter.unblock(one),
        counter.activate(one), cards.Replace(key="r", card=one, reason="lost"), cards.Close(key="c", card=one, **by),
        cards.Authorise(key="a", card=one, merchant_id=merchant.id, amount_minor=1, asset="CNY"),
        cards.Adjust(key="j", card=one, amount_minor=1, asset="CNY", increment=True, **by_two),
        cards.SetPin(key="p", card=one, pin=cards.pin_of(counter.keyring, "274916")),
        cards.Restrict(key="x", card=one, kind=K.ISSUER, made_by="m"), cards.GiveGift(key="g", card=one),
        cards.Split(key="s", card=one, pieces=(1,), asset="CNY"),
    ):  # fmt: skip
        assert (await counter.no(command)).code == R.DEACTIVATED, command
    again = {"refunded_minor": 500, "currency": "CNY"}
    assert await counter.no(shop.sell(other, 500, ref="pos-7", source=DEBIT)) == Refused(R.PAYMENT_REFUNDED, again)
    (stock,) = await counter.within(lambda tx: cards.page_stocks(tx, counter.book, 0, 9))
    assert [(s.step, s.made_by, s.reason) for s in stock.steps][2:] == [
        ("CALL_OFF", "hotline", "told by telephone"), ("VOID_SALE", "fraud desk", "told by telephone"),
    ]  # fmt: skip
    await counter.verify()


async def other_card(shop, amount=0):
    return await shop.counter.card(shop.programme, amount)


async def paid(shop, card, merchant):
    await shop.counter.do(shop.counter.redeem(card, merchant, 1))


async def paid_and_returned(shop, card, merchant):
    await shop.counter.do(shop.counter.refund(1, of=await shop.counter.do(shop.counter.redeem(card, merchant, 1))))


async def paid_and_reversed(shop, card, merchant):
    await shop.counter.do(shop.counter.reverse(of=await shop.counter.do(shop.counter.redeem(card, merchant, 1))))


async def held(shop, card, merchant):
    key = shop.counter.key()
    return await shop.counter.do(
        cards.Authorise(key=key, card=card, merchant_id=merchant.id, amount_minor=1, asset="CNY", ttl_s=60)
    )


async def held_and_voided(shop, card, merchant):
    hold = await held(shop, card, merchant)
    await shop.counter.do(cards.Void(key=shop.counter.key(), hold=hold.place))


async def held_and_expired(shop, card, merchant):
    await held(shop, card, merchant)
    await at(shop.counter, START + timedelta(hours=3))


async def minted(shop, command):
    (made,) = await shop.counter.within(
        lambda tx: cards.run(tx, shop.counter.book, [command], shop.counter.keyring)
    )  # fmt: skip
    assert not isinstance(made, Refused), made
    return made


async def split(shop, card, merchant):
    await minted(shop, cards.Split(key="s", card=card, pieces=(1,), asset="CNY"))


async def given(shop, card, merchant):
    await minted(shop, cards.GiveGift(key="g", card=card))


async def given_and_taken_back(shop, card, merchant):
    made = await minted(shop, cards.GiveGift(key="g", card=card))
    await shop.counter.do(cards.WithdrawGift(key="w", gift=made.gift.place))


async def replaced(shop, card, merchant):
    await minted(shop, cards.Replace(key="r", card=card, reason="lost"))


async def closed(shop, card, merchant):
    ending = cards.Close(key="c", card=card, reason="r", made_by="m", paid_to=cards.PaidTo.CASH)
    await shop.counter.do(ending)


async def sent(shop, card, merchant):
    purpose = cards.Purpose.GIFT
    await shop.counter.do(
        cards.Transfer(key="t", card=card, to_card=await other_card(shop), asset="CNY", purpose=purpose, amount_minor=1)
    )


async def received(shop, card, merchant):
    source = await other_card(shop, 5)
    await shop.counter.do(
        cards.Transfer(key="t", card=source, to_card=card, asset="CNY", purpose=cards.Purpose.GIFT)
    )  # fmt: skip


async def loaded(shop, card, merchant):
    await shop.counter.do(shop.counter.load(card, 5))


async def corrected(shop, card, merchant):
    await shop.counter.do(
        cards.Adjust(key="a", card=card, amount_minor=1, asset="CNY", increment=False, reason="r", made_by="m")
    )


async def unsold(shop, card, merchant):
    (fresh,) = await shop.stocked()
    return fresh


async def from_no_stock(shop, card, merchant):
    return await other_card(shop, 500)


async def from_nowhere(shop, card, merchant):
    return 10**15


async def voided(shop, card, merchant):
    await shop.counter.do(shop.void_sale(card))


USED = R.SALE_USED


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(
    ("before", "code", "activity"),
    [
        (paid, USED, "REDEEM"),
        (paid_and_returned, USED, "REFUND"),
        (paid_and_reversed, USED, "REDEEM"),
        (held, USED, "AUTHORISE"),
        (held_and_voided, USED, "AUTHORISE"),
        (held_and_expired, USED, "AUTHORISE"),
        (split, USED, "TRANSFER_BALANCE_FROM"),
        (given, USED, "GIFT_OFFER"),
        (given_and_taken_back, USED, "GIFT_OFFER"),
        (sent, USED, "TRANSFER_BALANCE_FROM"),
        (received, USED, "TRANSFER_BALANCE_TO"),
        (loaded, USED, "LOAD"),
        (corrected, USED, "ADJUST_DECREMENT"),
        (replaced, R.REPLACED, None),
        (closed, R.DEACTIVATED, None),
        (unsold, R.OUT_OF_ORDER, None),
        (voided, R.OUT_OF_ORDER, None),
        (from_no_stock, R.NOT_STOCK, None),
        (from_nowhere, R.UNKNOWN_CARD, None),
    ],
)
async def test_a_sale_stands_once_anything_was_done_with_the_card(counter, shop, before, code, activity):
    """Also what was undone since: it names the entry, whichever batch that was in."""
    await at(counter, START)
    merchant = await counter.merchant()
    card = await shop.sold()
    named = await before(shop, card, merchant) if before is not held else (await held(shop, card, merchant)) and card
    refused = await counter.no(shop.void_sale(named or card))
    assert (refused.code, refused.facts.get("activity")) == (code, activity)
    assert activity is None or refused.facts["at"] == "2024-05-01T12:00:00Z"
    await counter.verify()


@pytest.mark.parametrize("field", ["reason", "made_by"])
async def test_somebody_stands_up_for_it_and_says_why(counter, shop, field):
    card = await shop.sold()
    refused = await counter.no(shop.void_sale(card, **{field: " "}))
    assert refused == Refused(R.REASON_MISSING, {"field": field})


async def test_what_stops_and_frees_a_card_is_no_use_of_it(counter, shop):
    card = await shop.sold()
    await counter.do(counter.block(card))
    await counter.do(counter.unblock(card))
    await counter.do(cards.SetPin(key="p", card=card, pin=cards.pin_of(counter.keyring, "274916")))
    await counter.do(counter.block(card))
    assert (await counter.do(shop.void_sale(card))).amount_minor == 500, "a block is the issuer's own, as is this"
    await counter.verify()


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(
    ("kind", "minor", "code"),
    [
        #              of it   refused
        (K.ISSUER, None, None),
        (K.ISSUER, 100, None),
        (K.HOLDER, None, R.RESTRICTED),
        (K.RISK, None, R.RESTRICTED),
        (K.AML, None, R.RESTRICTED),
        (K.POLICE, None, R.RESTRICTED),
        (K.COURT, None, R.RESTRICTED),
        (K.RISK, 1, R.AMOUNT_RESTRICTED),
        (K.COURT, 1, R.AMOUNT_RESTRICTED),
    ],
)
@pytest.mark.parametrize("called_off", [True, False])
async def test_what_others_have_restricted_stays_where_it_is(counter, shop, kind, minor, code, called_off):
    await delayed(shop)
    card = await shop.sold()
    if called_off:
        await counter.do(shop.call_off(card))
    order = {"authority": "Court of Xuhui", "document": "7"}
    currency = None if minor is None else "CNY"
    made = await counter.do(
        cards.Restrict(key="f", card=card, kind=kind, amount_minor=minor, asset=currency, made_by="wu", **order)
    )
    (outcome,) = await counter.run(shop.void_sale(card))
    assert (outcome.code if isinstance(outcome, Refused) else None) == code
    assert code is None or await counter.held(card) == 500
    assert kind not in {K.AML, K.RISK} or outcome.facts["restriction"] is None, "who asks isn't told why (R14)"
    if code is not None:
        await counter.do(cards.Lift(key="l", card=card, restriction=made.place, kind=kind, made_by="wu", **order))
        await counter.do(shop.void_sale(card))
    await counter.verify()


HOUR = timedelta(hours=1)
LAST = timedelta(days=7, hours=4)
"""Sold at 20:00 in China: the seven days after that of the sale end at midnight."""


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(
    ("delay_s", "called_off", "later", "code"),
    [
        (0, False, HOUR, None),
        (0, False, LAST - timedelta(seconds=1), None),
        (0, False, LAST, R.SALE_OVER),
        (604_800, False, 7 * DAY - HOUR, None),
        (604_800, False, 7 * DAY + HOUR, None),
        (604_800, False, LAST, R.SALE_OVER),
        (3600, True, LAST, None),
        (3600, True, 4000 * DAY, None),
    ],
)
async def test_how_long_a_sale_can_be_undone(counter, shop, delay_s, called_off, later, code):
    """What a buyer called off waits for him; else it is as long as the law lets him ask his money back."""
    validity = {"days": 1096, "since": "issue", "renewal": "none"}
    await put(
        counter, shop.programme, "v", "2020-01-01", kinds={"registered": None, "bearer": {"validity": validity}},
        carriers=["physical"], till={"activation_delay_s": delay_s},
    )  # fmt: skip
    await at(counter, START)
    card = await shop.sold()
    if called_off:
        await counter.do(shop.call_off(card))
    await at(counter, START + later)
    (outcome,) = await counter.run(shop.void_sale(card))
    if code is None:
        assert outcome.amount_minor == 500
    else:
        told = {"sold_at": "2024-05-01T12:00:00Z", "until": "2024-05-08T16:00:00Z", "limit_days": 7}
        assert outcome == Refused(code, told)
    await counter.verify()


async def test_a_bonus_goes_back_to_where_bonuses_come_from(counter, shop):
    card = await shop.sold(500, source=DEBIT)
    await counter.do(counter.load(card, 30, source=BONUS), counter.load(card, 20, source=BONUS))
    assert (await funded(counter, DEBIT), await funded(counter, BONUS)) == (-500, -50)
    await counter.do(shop.void_sale(card))
    assert (await funded(counter, DEBIT), await funded(counter, BONUS)) == (0, 0)
    told = [(e.type, e.amount_minor, e.balance_minor, e.source) for e in (await counter.history(card))[:3]]
    assert told == [("DEACTIVATE", 0, 0, None), ("VOID_SALE", 50, 0, "bonus"), ("VOID_SALE", 500, 50, "debit")]
    await counter.verify()


async def test_a_bonus_that_lapsed_takes_nothing_of_the_buyers_right(counter, shop):
    await at(counter, START)
    card = await shop.sold(500)
    await counter.do(counter.load(card, 30, source=BONUS, expires_at=START + DAY))
    await at(counter, START + 2 * DAY)
    await counter.do(cards.Expire(key="e", card=card))
    assert (await counter.do(shop.void_sale(card))).balance_minor == 0
    await counter.verify()


async def test_its_pin_and_its_pay_code_are_dead(counter, shop, site):
    merchant = await counter.merchant()
    card = await shop.sold()
    await counter.do(cards.SetPin(key="p", card=card, pin=cards.pin_of(counter.keyring, "274916")))
    (made,) = await counter.within(
        lambda tx: cards.make_pay_codes(tx, counter.book, [cards.MakePayCode(card)], counter.keyring)
    )
    await counter.do(shop.void_sale(card))
    code = cards.pay_code_of(counter.keyring, made.code)
    assert (await counter.no(counter.redeem(code, merchant, 1))).code == R.DEACTIVATED
    assert site.ask("SELECT count(*) FROM cards.pins") == [(0,)]
    assert site.ask("SELECT killed_at IS NOT NULL FROM cards.pay_codes") == [(True,)]
    await counter.verify()


async def test_of_a_payment_for_several_cards_each_is_refunded_by_itself(counter, shop):
    one, two, three = await shop.stocked(3)
    slip = {"ref": "slip", "payment_minor": 1000}
    await counter.do(shop.sell(one, 300, **slip), shop.sell(two, 400, **slip))
    await counter.do(shop.void_sale(one))
    assert await payment(counter, "slip") == (1000, 700, 300)
    # What is left of a slip that the till refunds isn't sold for either.
    assert (await counter.no(shop.sell(three, 300, **slip))).code == R.PAYMENT_REFUNDED
    await counter.do(shop.void_sale(two))
    assert await payment(counter, "slip") == (1000, 700, 700)
    assert await funded(counter, CASH) == 0
    await counter.verify()


async def test_a_batch_ends_as_the_same_commands_one_by_one(counter, shop):
    merchant = await counter.merchant()
    stocks = [await shop.make(4, key=f"make {n}") for n in range(2)]
    ended = []
    for n, stock in enumerate(stocks):
        one, two, three, four = await shop.members(stock)
        slip = {"ref": f"slip {n}", "payment_minor": 900, "till": f"t{n}", "clerk": f"c{n}"}
        commands = [
            shop.void_sale(one), shop.print(stock_id=stock.id), shop.receive(stock_id=stock.id),
            shop.sell(one, 300, **slip), counter.load(one, 5, source=BONUS), shop.void_sale(one), shop.void_sale(one),
            shop.sell(two, 300, **slip), shop.sell(two, 300), counter.redeem(two, merchant, 1), shop.void_sale(two),
            shop.sell(three, 300), counter.load(three, 5), shop.void_sale(three), shop.sell(one, 300),
            shop.sell(four, 300, till="t", clerk="c"), counter.block(four), shop.void_sale(four), counter.unblock(four),
            shop.write_off(cards=(four,)), counter.redeem(one, merchant, 1),
        ]  # fmt: skip
        outcomes = await counter.run(*commands) if n else [(await counter.run(one))[0] for one in commands]
        told = [
            (o.code, {k: v for k, v in o.facts.items() if k != "at"}) if isinstance(o, Refused)
            else (o.type, o.amount_minor, o.balance_minor)
            for o in outcomes
        ]  # fmt: skip
        ids = (one, two, three, four)
        ended.append((told, [await shop.state(c) for c in ids], [await counter.held(c) for c in ids]))
        assert await payment(counter, f"slip {n}") == (900, 300, 300)
    assert ended[0] == ended[1]
    assert ended[0][1] == [S.WRITTEN_OFF, S.ACTIVE, S.ACTIVE, S.WRITTEN_OFF]
    assert ended[0][2] == [0, 299, 305, 0]
    await counter.verify()


async def test_cards_that_go_every_way_in_one_batch(counter, shop):
    """What a batch brings a card through stands in the database as the last of it."""
    await delayed(shop)
    stock = await shop.make(2)
    one, two = await shop.members(stock)
    await counter.do(shop.print(stock_id=stock.id))
    await counter.do(
        shop.receive(stock_id=stock.id), shop.sell(one), shop.call_off(one), shop.void_sale(one), shop.sell(two)
    )
    assert [await shop.state(one), await shop.state(two)] == [S.WRITTEN_OFF, S.SOLD]
    await counter.do(shop.call_off(two), shop.void_sale(two))
    assert await shop.state(two) is S.WRITTEN_OFF
    await counter.verify()


async def test_of_two_who_undo_a_sale_at_once_one_does(counter, shop):
    card = await shop.sold(ref="slip")
    outcomes = await asyncio.gather(*(counter.run(shop.void_sale(card)) for _ in range(6)))
    codes = [one.code if isinstance(one, Refused) else "done" for (one,) in outcomes]
    assert sorted(codes) == [R.OUT_OF_ORDER] * 5 + ["done"]
    assert await payment(counter, "slip") == (500, 500, 500)
    await counter.verify()


async def test_a_sale_is_undone_while_its_slip_sells_another_card(counter, shop):
    """Either the slip sold again before, or nothing is sold against what is paid back."""
    for n in range(6):
        one, two = await shop.stocked(2)
        slip = {"ref": f"slip {n}", "payment_minor": 1000, "till": f"t{n}", "clerk": f"c{n}"}
        await counter.do(shop.sell(one, 500, **slip))
        (undone,), (sold,) = await asyncio.gather(
            counter.run(shop.void_sale(one)), counter.run(shop.sell(two, 500, **slip))
        )
        assert not isinstance(undone, Refused)
        assert not isinstance(sold, Refused) or sold.code == R.PAYMENT_REFUNDED
        used = 500 if isinstance(sold, Refused) else 1000
        assert await payment(counter, f"slip {n}") == (1000, used, 500)
    await counter.verify()


async def test_a_till_waits_for_who_undoes_a_sale_of_the_same_slip(counter, shop):
    one, two = await shop.stocked(2)
    slip = {"ref": "slip", "payment_minor": 1000}
    await counter.do(shop.sell(one, 500, **slip))
    async with counter.db.transaction() as tx:
        (undone,) = await cards.run(tx, counter.book, [shop.void_sale(one)])
        assert not isinstance(undone, Refused)
        await tx.value("SELECT 1")
        waiting = asyncio.create_task(counter.run(shop.sell(two, 500, **slip)))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert (await waiting)[0].code == R.PAYMENT_REFUNDED
    await counter.verify()


async def test_a_cheat_pays_at_the_moment_at_which_the_delay_ends(counter, shop):
    """The card is paid with or its sale is undone: never both, however close they come."""
    merchant = await counter.merchant()
    await delayed(shop, warn_cards=100)
    ids = await shop.stocked(10)
    for n, card in enumerate(ids):
        await counter.do(shop.sell(card, 500, till=f"t{n}", clerk=f"c{n}"))

    async def cheat(card):
        for _ in range(20):
            (outcome,) = await counter.run(counter.redeem(card, merchant, 500))
            if not isinstance(outcome, Refused) or outcome.code != R.NOT_ACTIVE_YET:
                return outcome
        return outcome

    outcomes = await asyncio.gather(
        at(counter, START + HOUR),
        *(one for card in ids for one in (cheat(card), counter.run(shop.void_sale(card)))),
    )
    for card, spent, (undone,) in zip(ids, outcomes[1::2], outcomes[2::2], strict=True):
        assert isinstance(spent, Refused) != isinstance(undone, Refused), (spent, undone)
        if isinstance(undone, Refused):
            assert (undone.code, undone.facts["activity"]) == (R.SALE_USED, "REDEEM")
        else:
            assert spent.code == R.DEACTIVATED
        assert await counter.held(card) == 0
    await counter.verify()


async def test_strangers_undo_nothing(counter, other_counter, shop):
    card = await shop.sold()
    assert (await other_counter.no(shop.void_sale(card))).code == R.UNKNOWN_CARD


async def under_the_law(court: Counter, **changes):
    court = Court(court.db, court.keyring, court.book)
    validity = {"days": 1096, "since": "issue", "renewal": "on_request"}
    programme = await court.under(
        kinds={"registered": None, "bearer": {"validity": validity}}, carriers=["physical"],
        till={"warn_cards": 100, "warn_minor": 10**9}, **changes,
    )  # fmt: skip
    return Shop(court, programme)


@pytest.mark.parametrize("class_", ["single_purpose", "multi_purpose", "telecom_topup"])
async def test_to_the_law_it_is_no_redemption(counter, class_):
    """No pack lets a bearer card be cashed at once, and none stands against the money of who never used it."""
    gates = {"multi_purpose", "telecom_topup"}
    shop = await under_the_law(counter, **{"class": class_})
    if class_ in gates:
        await shop.counter.enter_gates(shop.programme)
    card = await shop.sold(100_000, source=DEBIT)
    if class_ != "telecom_topup":
        ending = cards.Close(
            key="c", card=card, reason="r", made_by="m", paid_to=cards.PaidTo.SAME_NAME_ACCOUNT, account_ref="a"
        )
        refused = await shop.counter.no(ending)
        assert refused.facts["clause"] in {"mp.redeem.bearer", "sp.21.identity"}
    assert (await shop.counter.do(shop.void_sale(card))).amount_minor == 100_000
    await counter.verify()


async def test_what_was_bought_that_day_stays_counted(counter):
    """Else money would go round without its payer ever coming to the sum from which on he has to give his name."""
    shop = await under_the_law(counter)
    for card in await shop.stocked(10):
        await shop.counter.do(shop.sell(card, 99_999, payer="18600000000"))
        await shop.counter.do(shop.void_sale(card))
    (card,) = await shop.stocked()
    refused = await shop.counter.no(shop.sell(card, 10, payer="18600000000"))
    assert refused.facts["clause"] == "sp.15.bearer"
    await counter.verify()

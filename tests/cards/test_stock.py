"""Physical cards: made, printed, received, and sold at a till when they are paid (P1, P11, R13)."""

import asyncio
import csv
import io
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal, CardState, StockState
from tests.cards.lives import Life, day as life_day
from tests.cards.test_offers import put

R, S = CardRefusal, StockState
CASH, DEBIT, BONUS = cards.FundingSource.CASH, cards.FundingSource.DEBIT, cards.FundingSource.BONUS
START = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Shop:
    """A stock of cards, and short ways to bring them on their way; the place is `hall` where none is said."""

    def __init__(self, counter, programme):
        self.counter = counter
        self.programme = programme

    async def make(self, count=1, *, key=None, design="spring"):
        wish = cards.CreateStock(
            key=key or self.counter.key(), programme_id=self.programme.id, count=count, design=design, made_by="Li Na"
        )
        (made,) = await self.counter.within(lambda tx: cards.run(tx, self.counter.book, [wish], self.counter.keyring))
        return made

    async def members(self, stock):
        page = await self.counter.within(
            lambda tx: cards.page_stock_cards(tx, self.counter.book, stock.id, 0, cards.MAX_STOCK)
        )
        return [one.card_id for one in page]

    async def state(self, card):
        found = await self.counter.within(lambda tx: cards.stock_cards_by_id(tx, self.counter.book, [card]))
        return found[card].state

    async def printed(self, stock, *, key=None, **more):
        wish = self.print(stock_id=stock.id, key=key, **more)
        (file,) = await self.counter.within(
            lambda tx: cards.print_stock(tx, self.counter.book, [wish], self.counter.keyring)
        )
        return file

    async def stocked(self, count=1):
        """Cards that lie in the hall."""
        stock = await self.make(count)
        await self.printed(stock)
        await self.counter.do(self.receive(stock_id=stock.id))
        return await self.members(stock)

    async def sold(self, amount=500, **more):
        (card,) = await self.stocked()
        await self.counter.do(self.sell(card, amount, **more))
        return card

    def print(self, *, key=None, **which):
        return cards.Print(key=key or self.counter.key(), made_by="printer", **which)

    def receive(self, *, key=None, merchant_id=None, place="hall", **which):
        place = None if merchant_id else place
        return cards.Receive(
            key=key or self.counter.key(), made_by="Wu", merchant_id=merchant_id, place=place, **which
        )  # fmt: skip

    def write_off(self, *, key=None, reason="burnt", **which):
        return cards.WriteOff(key=key or self.counter.key(), made_by="Wu", reason=reason, **which)

    def sell(self, card, amount=500, *, key=None, ref=None, place="hall", source=CASH, till="till 1", **more):
        key = key or self.counter.key()
        return cards.Sell(
            key=key, card=card, amount_minor=amount, asset=more.pop("asset", "CNY"), source=source,
            payment_ref=f"receipt {key}" if ref is None else ref, till=till, clerk=more.pop("clerk", "Chen"),
            place=place, **more,
        )  # fmt: skip

    def call_off(self, card, key=None):
        return cards.CallOff(key=key or self.counter.key(), card=card, made_by="hotline", reason="told by telephone")

    def void_sale(self, card, key=None, reason="told by telephone", made_by="fraud desk"):
        return cards.VoidSale(key=key or self.counter.key(), card=card, made_by=made_by, reason=reason)


@pytest.fixture
async def shop(counter):
    return Shop(counter, await counter.programme())


async def delayed(shop, seconds=3600, **till):
    await put(
        shop.counter, shop.programme, "v", "2020-01-01", kinds={"registered": None, "bearer": {}},
        carriers=["physical"], till={"activation_delay_s": seconds, **till},
    )  # fmt: skip
    await shop.counter.within(lambda tx: ledger.advance_clock(tx, shop.counter.book, START))


async def test_from_the_printer_to_the_first_purchase(counter, shop):
    merchant = await counter.merchant()
    stock = await shop.make(3)
    assert (stock.cards, stock.design, stock.programme_id) == (3, "spring", shop.programme.id)
    file = await shop.printed(stock)
    lines = list(csv.DictReader(io.StringIO(file.csv)))
    assert [(line["serial"], line["design"]) for line in lines] == [("1", "spring"), ("2", "spring"), ("3", "spring")]
    assert all(cards.is_number(line["gan"]) for line in lines)
    await counter.do(shop.receive(stock_id=stock.id, merchant_id=merchant.id))
    number = counter.keyring.lookup_hash(lines[1]["gan"])
    sale = await counter.do(
        shop.sell(number, 800, ref="pos-1", place=None, merchant_id=merchant.id, source=DEBIT, payer="card ..42")
    )
    card = sale.card_id
    assert (sale.type, sale.amount_minor, sale.balance_minor, sale.source) == ("LOAD", 800, 800, "debit")
    assert [e.type for e in await counter.history(card)] == ["ACTIVATE", "LOAD", "RECEIVE", "PRINT"]
    paid = await counter.do(counter.redeem(number, merchant, 300))
    assert paid.balance_minor == 500
    assert (await counter.see(card)).state is CardState.ACTIVE
    assert await shop.state(card) is S.ACTIVE
    shown = await counter.within(lambda tx: cards.stock_by_id(tx, counter.book, stock.id))
    assert shown.counts == ((S.ACTIVE, merchant.id, None, 1), (S.IN_STOCK, merchant.id, None, 2))
    assert [(s.step, s.cards, s.made_by, s.given_to) for s in shown.steps] == [
        ("PRINT", 3, "printer", "printer"), ("RECEIVE", 3, "Wu", None),
    ]  # fmt: skip
    await counter.verify()


UNDONE = "UNDONE"
"""Written off too, but once its sale was undone."""

AT = {
    S.CREATED: (),
    S.PRINTED: ("print",),
    S.IN_STOCK: ("print", "receive"),
    S.SOLD: ("print", "receive", "sell"),
    S.CALLED_OFF: ("print", "receive", "sell", "call_off"),
    S.WRITTEN_OFF: ("print", "write_off"),
    UNDONE: ("print", "receive", "sell", "void_sale"),
}


def verb(shop, name, card):
    counter = shop.counter
    match name:
        case "print" | "receive" | "write_off":
            return getattr(shop, name)(cards=(card,))
        case "sell":
            return shop.sell(card, till=f"till {card}", clerk=f"clerk {card}")
        case "call_off" | "void_sale":
            return getattr(shop, name)(card)
        case "load":
            return counter.load(card, 100)
        case _:
            return getattr(counter, name)(card)


OUT, NO = R.OUT_OF_ORDER, R.NOT_ACTIVE


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(
    ("state", "print_", "receive", "sell", "write_off", "call_off", "void_sale", "activate", "unblock", "load"),
    [
        (S.CREATED, None, OUT, OUT, None, OUT, OUT, R.NOT_SOLD, R.NOT_BLOCKED, NO),
        (S.PRINTED, OUT, None, OUT, None, OUT, OUT, R.NOT_SOLD, R.NOT_BLOCKED, NO),
        (S.IN_STOCK, OUT, OUT, None, None, OUT, OUT, R.NOT_SOLD, R.NOT_BLOCKED, NO),
        (S.SOLD, OUT, OUT, OUT, OUT, None, None, R.ALREADY_ACTIVE, R.NOT_BLOCKED, R.NOT_ACTIVE_YET),
        (S.CALLED_OFF, OUT, OUT, OUT, OUT, OUT, None, R.ALREADY_ACTIVE, R.CALLED_OFF, R.BLOCKED),
        (S.WRITTEN_OFF, OUT, OUT, OUT, OUT, OUT, OUT, R.DEACTIVATED, R.DEACTIVATED, R.DEACTIVATED),
        (UNDONE, OUT, OUT, OUT, OUT, OUT, OUT, R.DEACTIVATED, R.DEACTIVATED, R.DEACTIVATED),
    ],
)
async def test_every_verb_in_every_state(
    counter, shop, state, print_, receive, sell, write_off, call_off, void_sale, activate, unblock, load
):
    await delayed(shop)
    wanted = {
        "print": print_, "receive": receive, "sell": sell, "write_off": write_off, "call_off": call_off,
        "void_sale": void_sale, "activate": activate, "unblock": unblock, "load": load,
    }  # fmt: skip
    told = S.WRITTEN_OFF if state is UNDONE else state
    for name, code in wanted.items():
        (card,) = await shop.members(await shop.make())
        for before in AT[state]:
            await counter.do(verb(shop, before, card))
        assert await shop.state(card) is told
        (outcome,) = await counter.run(verb(shop, name, card))
        if code is None:
            assert not isinstance(outcome, Refused), (name, outcome)
        else:
            assert outcome.code == code, (name, outcome)
            assert await shop.state(card) is told
            assert code != OUT or outcome.facts["state"] == told
    await counter.verify()


async def test_cards_are_chosen_by_stock_by_range_or_one_by_one(counter, shop):
    stock = await shop.make(10)
    ids = await shop.members(stock)
    await counter.do(shop.write_off(cards=(ids[1],)), shop.print(stock_id=stock.id, first=1, last=4))
    assert [await shop.state(one) for one in ids[:5]] == [S.PRINTED, S.WRITTEN_OFF, S.PRINTED, S.PRINTED, S.CREATED]
    refused = await counter.no(shop.receive(stock_id=stock.id))
    assert refused == Refused(OUT, {"state": "CREATED", "needed": "PRINTED", "serial": 5})
    await counter.do(shop.receive(stock_id=stock.id, first=3, last=4), shop.receive(cards=(ids[0], ids[0])))
    for which in ({"stock_id": stock.id, "first": 8, "last": 11}, {"stock_id": stock.id, "first": 5, "last": 4},
                  {"stock_id": 10**15}, {}, {"stock_id": stock.id, "first": 2, "last": 2}):  # fmt: skip
        assert (await counter.no(shop.print(**which))).code == R.UNKNOWN_STOCK, which
    virtual = await counter.card(shop.programme)
    assert (await counter.no(shop.print(cards=(virtual,)))).code == R.NOT_STOCK
    assert (await counter.no(shop.print(cards=(10**15,)))).code == R.UNKNOWN_CARD
    assert (await counter.no(shop.print(cards=(1,) * 1001))).code == R.STOCK_TOO_LARGE
    assert (await counter.no(shop.sell(virtual))).code == R.NOT_STOCK
    assert (await counter.no(shop.call_off(virtual))).code == R.NOT_STOCK
    await counter.verify()


async def test_cards_are_received_at_one_place_that_is_there_and_written_off_for_a_reason(counter, shop):
    merchant = await counter.merchant()
    stock = await shop.make()
    await counter.do(shop.print(stock_id=stock.id))
    for where in ({"place": " "}, {"place": None}):
        assert await counter.no(shop.receive(stock_id=stock.id, **where)) == Refused(R.PLACE_MISSING)
    both = cards.Receive(key="both", stock_id=stock.id, merchant_id=merchant.id, place="hall", made_by="Wu")
    assert await counter.no(both) == Refused(R.PLACE_MISSING)
    assert (await counter.no(shop.receive(stock_id=stock.id, merchant_id=10**6))).code == R.UNKNOWN_MERCHANT
    refused = await counter.no(shop.write_off(stock_id=stock.id, reason=" "))
    assert refused == Refused(R.REASON_MISSING, {"field": "reason"})
    assert [await shop.state(card) for card in await shop.members(stock)] == [S.PRINTED]


async def test_the_numbers_are_given_out_once_and_it_is_kept_to_whom(counter, shop, site):
    stock = await shop.make(2)
    first = await shop.printed(stock, key="p")
    again = await shop.printed(stock, key="p")
    assert (again.place, again.cards, again.csv) == (first.place, 2, None)
    refused = await shop.printed(stock)
    assert refused.code == OUT
    assert site.ask("SELECT given_to, count(*) FROM cards.print_files GROUP BY given_to") == [("printer", 1)]
    numbers = [line["gan"] for line in csv.DictReader(io.StringIO(first.csv))]
    assert not any(number in repr(first) for number in numbers)
    for (table,) in site.ask("SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r' AND oid > 16383"):
        rows = " ".join(row for (row,) in site.ask(f"SELECT t::text FROM {table} AS t"))
        assert not any(number in rows for number in numbers), table


async def test_of_two_tills_one_sells_a_card(counter, shop):
    (card,) = await shop.stocked()
    outcomes = await asyncio.gather(*(counter.run(shop.sell(card, 500, till=f"till {n}")) for n in range(6)))
    codes = [one.code if isinstance(one, Refused) else "sold" for (one,) in outcomes]
    assert sorted(codes) == [R.OUT_OF_ORDER] * 5 + ["sold"]
    assert await counter.held(card) == 500
    await counter.verify()


async def test_one_payment_is_used_up_once_whoever_sells_at_the_same_time(counter, shop):
    ids = await shop.stocked(6)
    wishes = [shop.sell(card, 300, ref="slip 7", payment_minor=1000, till=f"t{n}", clerk=f"c{n}")
              for n, card in enumerate(ids)]  # fmt: skip
    outcomes = [one for (one,) in await asyncio.gather(*(counter.run(wish) for wish in wishes))]
    refused = [one for one in outcomes if isinstance(one, Refused)]
    assert refused == [Refused(R.PAYMENT_USED, {"left_minor": 100, "amount_minor": 300, "currency": "CNY"})] * 3
    assert sum([await counter.held(card) for card in ids]) == 900
    await counter.verify()


@pytest.mark.parametrize(
    ("more", "code", "facts"),
    [
        ({"ref": " "}, R.PAYMENT_MISSING, {"source": "cash"}),
        ({"source": BONUS}, R.PAYMENT_MISSING, {"source": "bonus"}),
        ({"payment_minor": 499}, R.PAYMENT_USED, {"left_minor": 499, "amount_minor": 500, "currency": "CNY"}),
        ({"payment_minor": 0}, R.AMOUNT_NOT_POSITIVE, {"amount_minor": 0}),
        ({"ref": "known", "source": DEBIT}, R.PAYMENT_DIFFERS, {"field": "source"}),
        ({"ref": "known", "payment_minor": 900}, R.PAYMENT_DIFFERS, {"field": "payment_minor"}),
        ({"ref": "known"}, R.PAYMENT_USED, {"left_minor": 0, "amount_minor": 500, "currency": "CNY"}),
        ({"place": "other hall"}, R.LIES_ELSEWHERE, {}),
        ({"place": None}, R.LIES_ELSEWHERE, {}),
        ({"clerk": " "}, R.REASON_MISSING, {"field": "clerk"}),
        ({"till": ""}, R.REASON_MISSING, {"field": "till"}),
        ({"asset": "GBP"}, R.CURRENCY_MISMATCH, {"currency": "GBP", "expected": "CNY"}),
        ({"amount": 0}, R.AMOUNT_NOT_POSITIVE, {"amount_minor": 0}),
        ({"amount": 1001}, R.LOAD_CAP_EXCEEDED, None),
        ({"amount": 901}, R.BALANCE_CAP_EXCEEDED, None),
    ],
)
@pytest.mark.parametrize("major", [18])
async def test_a_card_is_sold_where_it_lies_when_it_is_paid_and_within_the_caps(counter, more, code, facts):
    shop = Shop(counter, await counter.programme(max_balance=900, max_load=1000))
    one, card = await shop.stocked(2)
    await counter.do(shop.sell(one, 500, ref="known"))
    refused = await counter.no(shop.sell(card, **more))
    assert refused.code == code
    assert facts is None or refused.facts == facts
    assert (await counter.see(card)).state is CardState.PENDING
    assert (await shop.state(card), await counter.held(card)) == (S.IN_STOCK, 0)
    await counter.do(shop.sell(card, 100))
    await counter.verify()


async def replaced(counter, card):
    wish = cards.Replace(key=counter.key(), card=card, reason="lost")
    (outcome,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
    return outcome


async def test_a_card_can_be_used_once_its_delay_is_over(counter, shop):
    merchant = await counter.merchant()
    await delayed(shop, 3600)
    card = await shop.sold()
    at = {"active_at": "2024-05-01T13:00:00Z"}
    other = await counter.card(await counter.programme(), 10)
    for command in (
        counter.redeem(card, merchant, 1),
        cards.Authorise(key="a", card=card, merchant_id=merchant.id, amount_minor=1, asset="CNY"),
        cards.Transfer(key="t", card=card, to_card=other, asset="CNY", purpose=cards.Purpose.GIFT),
    ):
        assert await counter.no(command) == Refused(R.NOT_ACTIVE_YET, at)
    await counter.do(counter.block(card))
    assert await replaced(counter, card) == Refused(R.NOT_ACTIVE_YET, at)
    await counter.do(counter.unblock(card))
    assert await shop.state(card) is S.SOLD
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, START + timedelta(hours=1)))
    assert await shop.state(card) is S.ACTIVE
    await counter.do(counter.redeem(card, merchant, 1))
    assert await counter.no(shop.call_off(card)) == Refused(R.TOO_LATE, at)
    await counter.verify()


async def test_a_buyer_who_was_tricked_calls_the_card_off(counter, shop):
    merchant = await counter.merchant()
    await delayed(shop)
    card = await shop.sold(500)
    stopped = await counter.do(shop.call_off(card, key="c"))
    assert (stopped.type, stopped.balance_minor) == ("BLOCK", 500)
    assert await counter.do(shop.call_off(card, key="c")) == stopped
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, START + timedelta(days=1)))
    assert (await counter.no(counter.redeem(card, merchant, 1))).code == R.BLOCKED
    assert (await counter.no(counter.unblock(card))).code == R.CALLED_OFF
    assert (await replaced(counter, card)).code == R.CALLED_OFF
    assert await shop.state(card) is S.CALLED_OFF
    await counter.verify()


async def test_who_restricted_a_card_that_was_called_off_lifts_that_and_the_stop_stays(counter, shop):
    await delayed(shop)
    card = await shop.sold()
    stop = await counter.do(shop.call_off(card))
    order = {"authority": "Police of Xuhui", "document": "7", "made_by": "wu"}
    police = cards.RestrictionKind.POLICE
    seized = await counter.do(cards.Restrict(key="s", card=card, kind=police, **order))
    await counter.do(cards.Lift(key="l", card=card, restriction=seized.place, kind=police, **order))
    own = cards.Lift(key="o", card=card, restriction=stop.place, kind=cards.RestrictionKind.ISSUER, made_by="wu")
    assert await counter.no(own) == Refused(R.CALLED_OFF)
    assert (await counter.see(card)).state is CardState.BLOCKED
    await counter.verify()


async def test_a_card_that_waits_is_told_apart_within_its_own_batch(counter, shop):
    """A batch ends as its commands one by one: received, sold, paid with, called off."""
    merchant = await counter.merchant()
    await delayed(shop)
    stocks = [await shop.make(2, key=f"make {n}") for n in range(2)]
    ended = []
    for n, stock in enumerate(stocks):
        one, two = await shop.members(stock)
        commands = [
            shop.sell(one), shop.print(stock_id=stock.id), shop.receive(stock_id=stock.id),
            shop.sell(one, 300, ref=f"both {n}", payment_minor=500), shop.sell(two, 300, ref=f"both {n}"),
            shop.sell(two, 200, ref=f"both {n}"), counter.redeem(one, merchant, 1), counter.activate(two),
            shop.write_off(cards=(one,)), shop.call_off(one), counter.unblock(one),
        ]  # fmt: skip
        outcomes = await counter.run(*commands) if n else [(await counter.run(one))[0] for one in commands]
        told = [(o.code, o.facts) if isinstance(o, Refused) else (o.type, o.amount_minor) for o in outcomes]
        ended.append((told, [await shop.state(one), await shop.state(two)], [await counter.held(one)]))
    assert ended[0] == ended[1]
    assert ended[0][1] == [S.CALLED_OFF, S.SOLD]
    await counter.verify()


async def test_a_till_reads_the_warning_before_it_sells_many_cards(counter, shop):
    await delayed(shop, 0, warn_cards=3, warn_minor=10_000)
    ids = await shop.stocked(9)
    sold = [shop.sell(card, 100, payer="ann", till=f"t{n}", clerk=f"c{n}") for n, card in enumerate(ids[:3])]
    *first, third = await counter.run(*sold)
    assert not any(isinstance(one, Refused) for one in first)
    facts = {"warnings": ["cards.bulk_purchase"], "count": 3, "sum_minor": 300, "currency": "CNY"}
    assert third == Refused(R.WARNING_UNREAD, facts)
    await counter.do(shop.sell(ids[2], 100, payer="ann", acknowledged=True))
    noted = await counter.within(lambda tx: cards.stock_cards_by_id(tx, counter.book, ids))
    assert [noted[card].sale.acknowledged for card in ids[:3]] == [False, False, True]
    # Another payer at another till isn't warned of; a large sum warns with one card.
    await counter.do(shop.sell(ids[3], 100, payer="bob", till="t", clerk="c"))
    assert (await counter.no(shop.sell(ids[4], 10_000, payer="eve", till="u", clerk="d"))).code == R.WARNING_UNREAD
    # The payer's day and the till's hour go by.
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, START + timedelta(hours=3)))
    await counter.do(shop.sell(ids[4], 100, till="till 1", clerk="Chen"))
    assert (await counter.no(shop.sell(ids[5], 100, payer="ann", till="v", clerk="e"))).code == R.WARNING_UNREAD
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, START + timedelta(days=1)))
    await counter.do(shop.sell(ids[5], 100, payer="ann", till="v", clerk="e"))
    await counter.verify()


@pytest.mark.parametrize("who", ["payer", "till", "clerk"])
async def test_who_sells_at_the_same_time_is_counted(counter, shop, who):
    await delayed(shop, 0, warn_cards=3)
    ids = await shop.stocked(8)

    async def sell(n, card):
        told = {"payer": f"p{n}", "till": f"t{n}", "clerk": f"c{n}", who: "the same"}
        return (await counter.run(shop.sell(card, 100, **told)))[0]

    outcomes = await asyncio.gather(*(sell(n, card) for n, card in enumerate(ids)))
    assert sum(not isinstance(one, Refused) for one in outcomes) == 2
    await counter.verify()


async def test_stock_is_made_of_what_the_document_offers(counter, shop):
    await put(
        counter, shop.programme, "v", "2020-01-01", kinds={"registered": None, "bearer": {}}, carriers=["virtual"]
    )
    assert await shop.make() == Refused(R.CARRIER_NOT_OFFERED, {"carrier": "physical"})
    await put(counter, shop.programme, "w", "2021-01-01", kinds={"registered": {}}, carriers=["physical"])
    assert (await shop.make()).code == R.KIND_NOT_OFFERED
    for count in (0, 10_001):
        assert (await shop.make(count)).code == R.STOCK_TOO_LARGE
    assert (await shop.make(design=" ")).code == R.REASON_MISSING


async def test_ten_thousand_cards_are_made_and_printed_in_no_time(counter, shop):
    began = time.monotonic()
    stock = await shop.make(cards.MAX_STOCK, key="many")
    assert await shop.make(cards.MAX_STOCK, key="many") == stock
    file = await shop.printed(stock)
    assert file.csv.count("\n") == cards.MAX_STOCK + 1
    assert time.monotonic() - began < 30


async def test_what_was_sold_and_waits_is_corrected_by_undoing_its_sale(counter, shop):
    await delayed(shop)
    card = await shop.sold(500)
    wrong = {"card": card, "amount_minor": 450, "asset": "CNY", "reason": "a nought too many", "made_by": "wu"}
    less = cards.Adjust(key="less", increment=False, **wrong)
    more = cards.Adjust(key="more", increment=True, approved_by="li", source=CASH, **wrong)
    for command in (less, more):
        assert (await counter.no(command)).code == R.NOT_ACTIVE_YET
    await counter.do(shop.call_off(card))
    for key in ("less again", "more again"):
        again = less if key.startswith("less") else more
        assert (await counter.no(msgspec.structs.replace(again, key=key))).code == R.CALLED_OFF
    assert (await counter.do(shop.void_sale(card))).amount_minor == 500
    await counter.verify()


@pytest.mark.parametrize(
    ("validity", "expires"),
    [
        # Chinese days behind that of the sale, which is day 0; the delay ends on day 1
        ({"days": 10}, 11),
        ({"days": 10, "since": "activation"}, 12),
        ({}, None),
    ],
)
async def test_what_is_sold_lasts_as_long_as_what_is_issued(counter, validity, expires):
    """From its sale, and not from the day on which it was made; or from the end of its delay."""
    life = Life(counter)
    till = {"activation_delay_s": 86_400}
    notices = {"before_expiry_days": [3]} if validity else {}
    await life.open(validity, carriers=["physical"], till=till, notices=notices)
    shop = Shop(counter, life.programme)
    (card,) = await shop.stocked()
    await life.until(life_day(5))
    await counter.do(shop.sell(card, 500))
    found = await counter.see(card)
    assert found.expires_at == (None if expires is None else life_day(5 + expires))
    if expires is None:
        return
    await life.until(life_day(5 + expires - 2))
    due = await counter.within(lambda tx: cards.take_notices(tx, counter.book, "take", 10))
    assert [(one.card_id, one.notice.days) for one in due] == [(card, 3)]
    await life.until(life_day(5 + expires))
    assert (await counter.no(counter.redeem(card, life.shop, 1))).code == R.EXPIRED
    await counter.verify()

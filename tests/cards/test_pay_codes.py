"""Pay codes: one pays once, for seconds, and nobody can read it anywhere but where it is shown."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal, MakePayCode, NewPayCode, is_number, is_pay_code, pay_code_of, pin_of
from koudai.cards.numbers import generate
from koudai.cards.secrets.codes import draw_code
from koudai.cards.secrets.pay_code import TTL_S
from koudai.pg import database
from tests.cards.conftest import Counter
from tests.cards.test_offers import put

PIN = "274916"


class Till(Counter):
    """A counter where cards pay by codes."""

    async def code_of(self, card):
        """A code just made."""
        (made,) = await self.make(card)
        assert isinstance(made, NewPayCode), made
        return made.code

    async def make(self, *named):
        wishes = [MakePayCode(card) for card in named]
        return await self.within(lambda tx: cards.make_pay_codes(tx, self.book, wishes, self.keyring))

    def pay(self, code, amount=10, **more):
        return self.redeem(pay_code_of(self.keyring, code), self.shop, amount, **more)

    def hold(self, code, amount=10):
        card = pay_code_of(self.keyring, code)
        return cards.Authorise(
            key=self.key(), card=card, merchant_id=self.shop.id, amount_minor=amount, asset="CNY"
        )  # fmt: skip

    async def told(self, *commands):
        return [o.code.removeprefix("cards.") if isinstance(o, Refused) else "ok" for o in await self.run(*commands)]

    async def one_by_one(self, *commands):
        return [(await self.told(one))[0] for one in commands]

    async def later(self, seconds):
        now = await self.within(lambda tx: ledger.time_of_book(tx, self.book))
        await self.within(lambda tx: ledger.advance_clock(tx, self.book, now + timedelta(seconds=seconds)))


@pytest.fixture
async def till(db, keyring):
    till = Till(db, keyring)
    till.shop = await till.merchant()
    return till


@pytest.fixture
async def card(till):
    return await till.card(await till.programme(), 100)


def test_a_code_is_no_card_number():
    codes = {draw_code() for _ in range(100)}
    assert len(codes) == 100
    assert all(is_pay_code(code) and not is_number(code) for code in codes)
    number, code = generate("900001"), draw_code()
    assert not is_pay_code(number)
    for wrong in (code[:-1], code + "0", "90" + code[2:], code[:-1] + str((int(code[-1]) + 1) % 10), "８０" + code[2:]):
        assert not is_pay_code(wrong)


async def test_a_code_pays_once_in_the_place_of_the_card(till, card):
    code = await till.code_of(card)
    paid = await till.do(till.pay(code, key="p"))
    assert (paid.card_id, paid.amount_minor, paid.type) == (card, 10, "REDEEM")
    assert await till.told(till.pay(code)) == ["pay_code_used"]
    assert await till.do(till.pay(code, key="p")) == paid
    await till.do(till.refund(4, of=paid))
    assert await till.held(card) == 94
    await till.verify()


async def test_a_hold_uses_its_code_up(till, card):
    code = await till.code_of(card)
    assert await till.told(till.hold(code), till.pay(code)) == ["ok", "pay_code_used"]
    await till.verify()


async def test_what_is_refused_uses_no_code_up(till, card):
    code = await till.code_of(card)
    assert await till.told(till.pay(code, 101), till.pay(code, 100)) == ["insufficient_balance", "ok"]


async def test_the_code_stands_for_number_and_pin(till, card, keyring):
    await till.do(cards.SetPin(key="s", card=card, pin=pin_of(keyring, PIN)))
    code = await till.code_of(card)
    wrong = till.pay(code, pin=pin_of(keyring, "805263"), device="d")
    assert await till.told(till.redeem(card, till.shop, 1), wrong, till.pay(code)) == ["pin_missing", "pin_wrong", "ok"]


async def test_a_newer_code_kills_the_older_ones(till, card):
    first, second = await till.code_of(card), await till.code_of(card)
    made = await till.make(card, card)
    third, fourth = (one.code for one in made)
    assert await till.told(*map(till.pay, (first, second, third, fourth))) == ["pay_code_replaced"] * 3 + ["ok"]
    await till.verify()


async def test_a_code_is_found_by_nobody_else(till, card, db, keyring):
    stranger = Till(db, keyring, 2)
    stranger.shop = await stranger.merchant()
    code = await till.code_of(card)
    assert await stranger.told(stranger.pay(code)) == ["unknown_pay_code"]
    assert await stranger.make(card) == [Refused(CardRefusal.UNKNOWN_CARD)]
    assert await till.told(till.pay(draw_code()), till.pay(code)) == ["unknown_pay_code", "ok"]


@pytest.mark.parametrize("stop", ["block", "unblock too"])
@pytest.mark.parametrize("batched", [True, False])
async def test_a_code_of_a_stopped_card_is_dead(till, card, stop, batched):
    code = await till.code_of(card)
    stops = {"block": [till.block(card)], "unblock too": [till.block(card), till.unblock(card)]}[stop]
    commands = [*stops, till.pay(code)]
    got = await (till.told(*commands) if batched else till.one_by_one(*commands))
    ends = {"block": "blocked", "unblock too": "pay_code_replaced"}
    assert got == ["ok"] * len(stops) + [ends[stop]]
    await till.verify()
    (made,) = await till.make(card)
    if stop == "unblock too":
        assert isinstance(made, NewPayCode)
    else:
        assert made.code == f"cards.{ends[stop]}"


async def test_a_code_of_a_card_that_was_issued_anew_is_dead(till, card):
    code = await till.code_of(card)
    wish = cards.Replace(key="new", card=card, reason="lost")
    await till.within(lambda tx: cards.run(tx, till.book, [wish], till.keyring))
    assert await till.told(till.pay(code)) == ["replaced"]
    assert await till.make(card) == [Refused(CardRefusal.REPLACED)]
    await till.verify()


async def test_a_pending_card_gets_no_code(till):
    card = (await till.issue(await till.programme(), active=False)).card.id
    assert await till.make(card, -1) == [Refused(CardRefusal.NOT_ACTIVE), Refused(CardRefusal.UNKNOWN_CARD)]


async def test_a_code_is_made_for_a_number(till):
    made = await till.issue(await till.programme(), amount=10)
    (code,) = await till.make(till.keyring.lookup_hash(made.number))
    assert code.card_id == made.card.id
    assert await till.told(till.pay(code.code)) == ["ok"]


async def test_a_code_lives_by_the_clock_of_its_book(till, card):
    await till.later(0)
    code = await till.code_of(card)
    await till.later(TTL_S)
    assert await till.told(till.pay(code)) == ["pay_code_expired"]
    code = await till.code_of(card)
    await till.later(TTL_S - 1)
    assert await till.told(till.pay(code)) == ["ok"]


@pytest.mark.parametrize(("offer", "lives_s"), [({"ttl_s": 5}, 5), ({"ttl_s": 600}, 600), (None, None)])
async def test_the_document_says_whether_and_how_long(till, offer, lives_s):
    programme = await till.programme()
    await put(till, programme, "v", "2020-01-01", pay_code=offer)
    card = await till.card(programme, 100, holder_ref="ann")
    await till.later(0)
    (made,) = await till.make(card)
    if lives_s is None:
        assert made == Refused(CardRefusal.PAY_CODE_NOT_OFFERED)
    else:
        now = await till.within(lambda tx: ledger.time_of_book(tx, till.book))
        assert made.expires_at == now + timedelta(seconds=lives_s)


async def test_of_many_tills_with_one_code_exactly_one_is_paid(till, card):
    for _ in range(3):
        code = await till.code_of(card)
        ends = await asyncio.gather(*(till.told(till.pay(code, 1)) for _ in range(12)))
        assert sorted(end for (end,) in ends) == ["ok"] + ["pay_code_used"] * 11
    assert await till.held(card) == 97
    await till.verify()


async def test_of_many_codes_made_at_once_one_lives(till, card, site):
    codes = await asyncio.gather(*(till.code_of(card) for _ in range(8)))
    assert sorted(await till.told(*(till.pay(code, 1) for code in codes))) == ["ok"] + ["pay_code_replaced"] * 7
    assert site.ask("SELECT count(*) FROM cards.pay_codes") == [(8,)]
    await till.verify()


async def test_codes_paid_in_one_batch_end_as_one_by_one(till):
    programme = await till.programme()
    ends = []
    for batched in (True, False):
        one, two = await till.card(programme, 100), await till.card(programme, 5)
        first, second = await till.code_of(one), await till.code_of(two)
        commands = [
            till.pay(first, 30), till.pay(first, 30), till.pay(second, 6), till.hold(second, 5), till.pay(second, 1),
            till.redeem(one, till.shop, 70),
        ]  # fmt: skip
        ends.append(await (till.told(*commands) if batched else till.one_by_one(*commands)))
    assert ends[0] == ends[1] == ["ok", "pay_code_used", "insufficient_balance", "ok", "pay_code_used", "ok"]


async def test_a_payment_is_answered_again_when_its_code_is_forgotten(till, card, site):
    code = await till.code_of(card)
    paid = await till.do(till.pay(code, key="p"))
    now = await till.within(lambda tx: ledger.time_of_book(tx, till.book))
    assert await till.within(lambda tx: cards.purge_codes(tx, now - timedelta(minutes=1))) == 0
    assert await till.within(lambda tx: cards.purge_codes(tx, now)) == 1
    assert site.ask("SELECT count(*) FROM cards.pay_codes") == [(0,)]
    assert await till.do(till.pay(code, key="p")) == paid
    assert await till.told(till.pay(code)) == ["unknown_pay_code"]
    await till.verify()


async def test_a_code_that_is_forgotten_while_it_is_used_is_unknown_at_the_next_attempt(till, card):
    pay, now = till.pay(await till.code_of(card)), await till.within(lambda tx: ledger.time_of_book(tx, till.book))
    told = []

    async def slowly(tx):
        told.extend(await cards.run(tx, till.book, [pay]))
        await till.within(lambda other: cards.purge_codes(other, now + timedelta(days=1)))
        return told[-1]

    assert (await till.within(slowly)).code == CardRefusal.UNKNOWN_PAY_CODE
    assert [isinstance(one, Refused) for one in told] == [False, True]
    await till.verify()


async def test_no_code_and_no_pin_stands_in_any_table_nor_in_a_log(till, card, keyring, site, caplog):
    caplog.set_level("DEBUG")
    pin, wrong = pin_of(keyring, PIN), pin_of(keyring, "805263")
    set_pin = cards.SetPin(key="s", card=card, pin=pin)
    await till.do(set_pin)
    await till.run(till.redeem(card, till.shop, 1, pin=wrong, device="till", key="w"))
    await till.do(till.redeem(card, till.shop, 1, pin=pin, device="till", key="r"))
    (made,) = await till.make(card)
    wish = till.pay(made.code, key="c")
    await till.do(wish)
    tables = site.ask(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    assert {("cards", "pins"), ("cards", "pay_codes"), ("ledger", "idempotency")} <= set(tables)
    dump = "\n".join(
        str(row) for schema, table in tables for row in site.ask(f'SELECT t::text FROM "{schema}"."{table}" AS t')
    )
    secrets = [PIN, "805263", made.code, pin.proof.hex(), wrong.proof.hex(), keyring.lookup_hash(made.code).hex()]
    shown = repr([set_pin, made, wish, pin]) + str(made) + caplog.text
    for secret in secrets:
        for form in (secret, secret.encode().hex()):
            assert form not in dump, secret
            assert form not in shown, secret
    assert pay_code_of(keyring, made.code).hex() not in shown
    (kept,) = site.ask("SELECT request FROM ledger.idempotency WHERE key = 'r'")
    assert pin.under("r") in kept[0]
    assert pin.kept(card).hex() in dump


async def test_who_uses_neither_asks_and_writes_nothing_of_them(till, card, monkeypatch):
    sent = []
    travel = database.travel

    def spy(connection, statements, **more):
        sent.extend(statement[0] for statement in statements)
        return travel(connection, statements, **more)

    monkeypatch.setattr(database, "travel", spy)
    of_secrets = re.compile("pins|pin_devices|pay_codes|cards_of_codes")
    hold = cards.Authorise(key="h", card=card, merchant_id=till.shop.id, amount_minor=5, asset="CNY", device="d")
    held, _, _ = await till.do(hold, till.redeem(card, till.shop, 1, device="d"), till.load(card, 1))
    await till.do(cards.Capture(key="c", hold=held.place), till.refund(1, card=card, merchant=till.shop))
    assert [text for text in sent if "read_cards" in text or "FROM cards.cards" in text]
    assert [text for text in sent if of_secrets.search(text)] == []
    code = await till.code_of(card)
    await till.do(till.pay(code))
    assert len([text for text in sent if of_secrets.search(text)]) == 4, "added; found, read under lock, used"


async def test_a_sandbox_whose_clock_stands_forgets_nothing_sooner(till, card):
    """Its codes are made, and expire, in what is long ago to the machine."""
    stood = datetime(2024, 5, 1, tzinfo=UTC)
    await till.within(lambda tx: ledger.advance_clock(tx, till.book, stood))
    (made,) = await till.make(card)
    assert made.expires_at == stood + timedelta(seconds=TTL_S)
    assert await till.within(lambda tx: cards.purge_codes(tx, stood + timedelta(days=1))) == 0
    assert await till.told(till.pay(made.code)) == ["ok"]

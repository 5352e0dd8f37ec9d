"""PINs: who guesses is stopped, and who knows pays. Batches end as their commands one by one."""

import asyncio
from datetime import timedelta

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal, pin_of
from koudai.cards.secrets.pins import DEVICE_SPAN, DEVICE_TRIES, MAX_TRIES, Device, is_pin, is_weak
from tests.cards.conftest import Counter
from tests.cards.test_offers import put
from tests.conftest import NOON

RIGHT, WRONG, OTHER = "274916", "274917", "805263"
PHYSICAL = {"carriers": ["virtual", "physical"]}


class Till(Counter):
    """A counter where PINs are told, on the device `till` where nothing is said."""

    def pin(self, text):
        return pin_of(self.keyring, text)

    def set(self, card, pin=RIGHT, **more):
        return cards.SetPin(key=more.pop("key", None) or self.key(), card=card, pin=self.pin(pin))

    def change(self, card, old, pin, device="till", **more):
        key = more.pop("key", None) or self.key()
        return cards.ChangePin(key=key, card=card, old_pin=self.pin(old), pin=self.pin(pin), device=device)

    def reset(self, card, **more):
        return cards.ResetPin(key=more.pop("key", None) or self.key(), card=card)

    def pay(self, card, pin=None, amount=1, device="till", **more):
        return self.redeem(card, self.shop, amount, pin=pin and self.pin(pin), device=device, **more)

    async def told(self, *commands):
        """How each ended: `ok`, or the end of its code with the tries that were left."""
        return [told(one) for one in await self.run(*commands)]

    async def one_by_one(self, *commands):
        return [(await self.told(one))[0] for one in commands]


def told(outcome):
    if not isinstance(outcome, Refused):
        return "ok"
    left = outcome.facts.get("left_count")
    return outcome.code.removeprefix("cards.") + ("" if left is None else f" {left}")


@pytest.fixture
async def till(db, keyring):
    till = Till(db, keyring)
    till.shop = await till.merchant()
    till.programme_id = await till.programme()
    return till


async def with_pin(till, amount=100, pin=RIGHT, **more):
    card = await till.card(till.programme_id, amount, **more)
    await till.do(till.set(card, pin))
    return card


@pytest.mark.parametrize(
    "pin",
    ["000000", "777777", "123456", "654321", "345678", "890123", "121212", "112112", "123123", "123321", "112233",
     "147258", "159357", "520131", "131452"],
)  # fmt: skip
def test_what_is_tried_first_is_weak(pin):
    assert is_pin(pin)
    assert is_weak(pin)


@pytest.mark.parametrize("pin", [RIGHT, WRONG, OTHER, "190482", "100200", "314159"])
def test_other_pins_are_not(pin):
    assert not is_weak(pin)


def test_few_pins_are_weak():
    assert sum(is_weak(f"{n:06d}") for n in range(1_000_000)) < 10_000


@pytest.mark.parametrize("text", ["12345", "1234567", "12345a", "１２３４５６", "", "274916\n"])
def test_a_pin_is_six_digits(text, keyring):
    assert not is_pin(text)
    with pytest.raises(ValueError, match="six digits"):
        pin_of(keyring, text)


def test_equal_pins_of_two_cards_and_two_keys_do_not_look_alike(keyring):
    pin = pin_of(keyring, RIGHT)
    assert pin == pin_of(keyring, RIGHT)
    assert pin.kept(1) != pin.kept(2)
    assert pin.under("a") != pin.under("b")
    assert RIGHT not in repr(pin)
    assert pin.proof.hex() not in repr(pin)


@pytest.mark.parametrize(
    ("tries", "ends"),
    [
        ("R",          "ok"),
        ("W",          "4"),
        ("W W W W R",  "4 3 2 1 ok"),
        ("W W R W W",  "4 3 ok 4 3"),
        ("W W W W W",  "4 3 2 1 0"),
        ("W W W W W R", "4 3 2 1 0 locked"),
        ("W W W W W W", "4 3 2 1 0 locked"),
        ("-",          "missing"),
        ("W - W",      "4 missing 3"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("batched", [True, False])
async def test_five_wrong_ones_in_a_row_lock_the_card(till, tries, ends, batched):
    card = await with_pin(till)
    said = {"R": RIGHT, "W": WRONG, "-": None}
    # Each on a device of its own: it is the card that is locked.
    wishes = [till.pay(card, said[one], device=f"till {n}") for n, one in enumerate(tries.split())]
    got = await (till.told(*wishes) if batched else till.one_by_one(*wishes))
    assert got == [
        one if one == "ok" else f"pin_{one}" if one.isalpha() else f"pin_wrong {one}" for one in ends.split()
    ]
    assert await till.held(card) == 100 - ends.split().count("ok")
    await till.verify()


async def test_a_locked_card_is_opened_by_the_issuer_alone(till):
    card = await with_pin(till)
    await till.run(*(till.pay(card, WRONG) for _ in range(MAX_TRIES)))
    assert await till.told(
        till.pay(card, RIGHT, device="other"), till.change(card, RIGHT, OTHER, "other"), till.set(card, OTHER),
        till.pay(card),
    ) == ["pin_locked", "pin_locked", "pin_set", "pin_missing"]  # fmt: skip
    assert await till.told(
        till.reset(card), till.pay(card, RIGHT, device="other"), till.pay(card), till.set(card, OTHER),
        till.pay(card, RIGHT, device="other"), till.pay(card, OTHER, device="other"),
    ) == ["ok", "no_pin", "ok", "ok", "pin_wrong 4", "ok"]  # fmt: skip
    kinds = [entry.type for entry in await till.history(card)]
    assert kinds == ["REDEEM", "SET_PIN", "REDEEM", "RESET_PIN", "SET_PIN", "LOAD", "ACTIVATE"]
    await till.verify()


async def test_the_old_pin_is_a_try_like_any_other(till):
    card = await with_pin(till)
    assert await till.one_by_one(
        till.change(card, WRONG, OTHER), till.change(card, RIGHT, "111111"), till.change(card, RIGHT, OTHER),
        till.pay(card, RIGHT), till.pay(card, OTHER),
    ) == ["pin_wrong 4", "pin_weak", "ok", "pin_wrong 4", "ok"]  # fmt: skip
    await till.verify()


async def test_a_device_that_locked_a_card_is_locked_for_every_card(till, site):
    one, two = await with_pin(till), await with_pin(till)
    await till.run(*(till.pay(one, WRONG) for _ in range(MAX_TRIES)))
    (refused,) = await till.run(till.pay(two, RIGHT))
    assert refused.code == CardRefusal.PIN_DEVICE_LOCKED
    assert refused.facts["resets_at"]
    assert await till.told(till.pay(two, RIGHT, device="other")) == ["ok"]
    now = await till.within(lambda tx: ledger.time_of_book(tx, till.book))
    await till.within(lambda tx: ledger.advance_clock(tx, till.book, now + DEVICE_SPAN))
    assert await till.told(till.pay(two, WRONG), till.pay(two, RIGHT)) == ["pin_wrong 4", "ok"]
    assert site.ask("SELECT tries FROM cards.pin_devices") == [(1,)]


async def test_who_guesses_a_little_on_many_cards_is_stopped_too(till):
    owned = [await with_pin(till) for _ in range(4)]
    wishes = [till.pay(card, WRONG) for card in owned for _ in range(3)]
    first = await till.one_by_one(*wishes)
    assert first.count("pin_device_locked") == len(wishes) - DEVICE_TRIES
    assert first[:DEVICE_TRIES].count("pin_device_locked") == 0
    assert await till.told(till.pay(owned[0], RIGHT)) == ["pin_device_locked"]


def test_a_wrong_try_of_long_ago_is_forgotten():
    device = Device(DEVICE_TRIES - 1, NOON, None)
    device.wrong(NOON + DEVICE_SPAN, lock=False)
    assert (device.tries, device.locked_until) == (1, None)
    device = Device(DEVICE_TRIES - 1, NOON, None)
    device.wrong(NOON + DEVICE_SPAN - timedelta(seconds=1), lock=False)
    assert device.locked_until == NOON + 2 * DEVICE_SPAN - timedelta(seconds=1)


async def test_a_guesser_learns_nothing_of_what_a_card_holds(till):
    card = await with_pin(till, 5)
    assert await till.told(till.pay(card, WRONG, 6), till.pay(card, None, 6), till.pay(card, RIGHT, 6)) == [
        "pin_wrong 4", "pin_missing", "insufficient_balance",
    ]  # fmt: skip
    # The right one was told, so the count begins anew.
    assert await till.told(till.pay(card, WRONG)) == ["pin_wrong 4"]


async def test_a_pin_is_told_on_a_device(till):
    card = await with_pin(till)
    assert await till.told(till.pay(card, RIGHT, device=None), till.change(card, RIGHT, OTHER, None)) == [
        "pin_needs_device"
    ] * 2  # fmt: skip
    assert await till.told(till.pay(card, WRONG)) == ["pin_wrong 4"]


async def test_a_hold_asks_for_the_pin_and_its_capture_does_not(till):
    card = await with_pin(till)

    def hold(pin):
        return cards.Authorise(
            key=till.key(), card=card, merchant_id=till.shop.id, amount_minor=10, asset="CNY", device="till",
            pin=pin and till.pin(pin),
        )  # fmt: skip

    assert await till.told(hold(None), hold(WRONG)) == ["pin_missing", "pin_wrong 4"]
    held = await till.do(hold(RIGHT))
    await till.do(cards.Capture(key=till.key(), hold=held.place))


@pytest.mark.parametrize(
    ("rule", "bare", "set_one", "without", "right"),
    [
        ("none",     "ok",     "pin_not_offered", "ok",          "no_pin"),
        ("optional", "ok",     "ok",              "pin_missing", "ok"),
        ("required", "no_pin", "ok",              "pin_missing", "ok"),
    ],
)  # fmt: skip
async def test_the_document_says_whether_cards_have_a_pin(till, rule, bare, set_one, without, right):
    programme = await till.programme()
    await put(till, programme, "v", "2020-01-01", pin=rule, **PHYSICAL)
    card = await till.card(programme, 100, holder_ref="ann")
    wishes = [till.pay(card), till.set(card), till.pay(card), till.pay(card, RIGHT)]
    assert await till.told(*wishes) == [bare, set_one, without, right]


async def test_a_card_is_issued_with_its_pin(till):
    refused = await till.issue(till.programme_id, pin=till.pin("123456"))
    assert refused == Refused(CardRefusal.PIN_WEAK)
    made = await till.issue(till.programme_id, pin=till.pin(RIGHT), key="i")
    assert await till.issue(till.programme_id, pin=till.pin(RIGHT), key="i") == made
    other = await till.issue(till.programme_id, pin=till.pin(OTHER), key="i")
    assert (other.code, other.facts) == ("ledger.key_reused", {"field": "pin"})
    card = made.card.id
    await till.do(till.load(card, 10))
    assert await till.told(till.pay(card), till.pay(card, RIGHT)) == ["pin_missing", "ok"]
    await till.verify()


async def test_a_repeated_key_is_no_try(till):
    card = await with_pin(till)
    assert await till.one_by_one(*(till.pay(card, WRONG, key="k") for _ in range(7))) == ["pin_wrong 4"] * 7
    assert await till.told(till.pay(card, WRONG)) == ["pin_wrong 3"]
    other = (await till.run(till.pay(card, RIGHT, key="k")))[0]
    assert (other.code, other.facts) == ("ledger.key_reused", {"field": "pin"})
    paid = await till.do(till.pay(card, RIGHT, key="p"))
    await till.do(till.reset(card), till.set(card, OTHER))
    assert await till.do(till.pay(card, RIGHT, key="p")) == paid


async def test_of_wrong_tries_at_once_five_are_judged_and_no_sixth(till):
    card = await with_pin(till)

    async def guess(n):
        return (await till.told(till.pay(card, WRONG, device=f"till {n}")))[0]

    ends = sorted(await asyncio.gather(*(guess(n) for n in range(16))))
    assert ends == ["pin_locked"] * 11 + [f"pin_wrong {left}" for left in range(5)]
    assert await till.told(till.pay(card, RIGHT, device="new")) == ["pin_locked"]
    await till.verify()


async def test_of_wrong_tries_of_one_device_at_once_ten_are_judged(till):
    owned = [await with_pin(till) for _ in range(16)]

    async def guess(card):
        return (await till.told(till.pay(card, WRONG)))[0]

    ends = await asyncio.gather(*(guess(card) for card in owned))
    assert (ends.count("pin_wrong 4"), ends.count("pin_device_locked")) == (DEVICE_TRIES, 6)


async def test_blocked_cards_and_those_of_others_take_no_try(till, db, keyring):
    card = await with_pin(till)
    await till.do(till.block(card))
    stranger = Till(db, keyring, 2)
    stranger.shop = await stranger.merchant()
    assert await till.told(till.pay(card, WRONG)) == ["blocked"]
    assert await stranger.told(stranger.pay(card, WRONG), stranger.reset(card)) == ["unknown_card"] * 2
    await till.do(till.unblock(card))
    assert await till.told(till.pay(card, WRONG)) == ["pin_wrong 4"]

"""PINs: six digits that a holder tells to pay, of which only a keyed hash is kept. Pure.

A slow hash would not protect them: there are a million, which anybody tries out in no time. What protects them is
a key that isn't in the database (a pepper; NIST SP 800-63B §5.1.1.2), and a count of the wrong tries, which is kept
under the card's lock.
"""

import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from koudai.base import Refused, render_time
from koudai.cards.refusals import CardRefusal
from koudai.identity import Keyring

MAX_TRIES = 5
"""How many wrong PINs in a row lock a card."""

DEVICE_TRIES = 10
"""How many wrong PINs of one device, on whichever cards, within `DEVICE_SPAN` lock it."""

DEVICE_SPAN = timedelta(hours=1)
"""Over what the wrong PINs of a device add up, and how long it is locked."""

_PIN = re.compile(r"[0-9]{6}")
_PAD = ("147258", "258369", "147369", "741852", "852963", "159357", "357159", "159753", "753159", "951357")
_WORDS = ("520131", "521131", "131452", "131520", "201314", "521125")
"""Lines of the key pad, and numbers that sound like words of love: what is chosen most often."""


def is_pin(text: str) -> bool:
    """Whether this is six ASCII digits."""
    return _PIN.fullmatch(text) is not None


def is_weak(pin: str) -> bool:
    """Whether a PIN is among those that are tried first.

    One digit or two, a run up or down, halves that are alike, one that reads the same from behind,
    pairs (112233), a line of the key pad, a common number.
    """
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return (
        len(set(pin)) <= 2
        or steps in ({1}, {9})
        or pin[:3] == pin[3:]
        or pin[:3] == pin[:2:-1]
        or pin[::2] == pin[1::2]
        or pin in _PAD
        or pin in _WORDS
    )


class Pin(msgspec.Struct, frozen=True):
    """A PIN as a command carries it: never itself, but what it is proven by, and whether it is weak."""

    proof: bytes
    weak: bool

    def kept(self, card_id: int) -> bytes:
        """What a card keeps of it: equal PINs of two cards don't look alike."""
        return hmac.digest(self.proof, b"card" + card_id.to_bytes(8), "sha256")

    def under(self, key: str) -> str:
        """What is remembered of it under an idempotency key: of use for nothing else."""
        return hmac.digest(self.proof, b"key" + key.encode(), "sha256").hex()[:32]

    def __repr__(self) -> str:
        return "Pin(…)"


def pin_of(keyring: Keyring, text: str) -> Pin:
    """A PIN as commands carry it; raises ValueError where it isn't six digits."""
    if not is_pin(text):
        raise ValueError("a PIN is six digits")
    return Pin(keyring.pin_proof(text), is_weak(text))


class HeldPin:
    """The PIN of a locked card, and how often it was told wrong since it was last told right.

    `made_for` is the card for which its hash was made: that one, or the one from which it got its PIN.
    """

    __slots__ = ("changed_at", "kept", "locked_at", "made_for", "tries")

    def __init__(
        self, made_for: int, kept: bytes, tries: int, locked_at: datetime | None, changed_at: datetime
    ) -> None:  # fmt: skip
        self.made_for = made_for
        self.kept = kept
        self.tries = tries
        self.locked_at = locked_at
        self.changed_at = changed_at


class Device:
    """A device on which PINs are told: how many wrong ones since when, and until when it is locked."""

    __slots__ = ("locked_until", "since_at", "tries")

    def __init__(self, tries: int, since_at: datetime, locked_until: datetime | None) -> None:
        self.tries = tries
        self.since_at = since_at
        self.locked_until = locked_until

    def wrong(self, now: datetime, *, lock: bool) -> None:
        """Count a wrong try; the last one of its span locks the device, and so does one that locked a card."""
        if now >= self.since_at + DEVICE_SPAN:
            self.tries, self.since_at = 0, now
        self.tries += 1
        if lock or self.tries >= DEVICE_TRIES:
            self.locked_until = now + DEVICE_SPAN


class Pins:
    """The PINs of a batch's cards and the devices that told them, as far as its commands ask; and what changed."""

    __slots__ = ("cards", "changed", "devices", "dropped", "guessed")

    def __init__(self) -> None:
        self.cards: dict[int, HeldPin] = {}
        self.devices: dict[str, Device] = {}
        self.changed: set[int] = set()
        self.dropped: set[int] = set()
        self.guessed: set[str] = set()

    def keep(self, card_id: int, pin: Pin, now: datetime) -> None:
        """Give a card a PIN, in the place of the one that it had."""
        self.cards[card_id] = HeldPin(card_id, pin.kept(card_id), 0, None, now)
        self.changed.add(card_id)
        self.dropped.discard(card_id)

    def pass_on(self, card_id: int, new_id: int) -> None:
        """Give a new card the PIN of the one that it comes from: its wrong tries and its lock go along."""
        held = self.cards[card_id]
        self.cards[new_id] = HeldPin(held.made_for, held.kept, held.tries, held.locked_at, held.changed_at)
        self.changed.add(new_id)

    def drop(self, card_ids: Iterable[int]) -> None:
        """Take the PINs of cards away."""
        for card_id in card_ids:
            self.cards.pop(card_id, None)
            self.changed.discard(card_id)
            self.dropped.add(card_id)

    def judge(self, card_id: int, pin: Pin, device: str | None, now: datetime) -> Refused | None:
        """Why a PIN that was told isn't accepted. The try is counted, also where the command is refused."""
        held = self.cards.get(card_id)
        if held is None:
            return Refused(CardRefusal.NO_PIN)
        if device is None:
            return Refused(CardRefusal.PIN_NEEDS_DEVICE)
        where = self.devices.get(device)
        if where is not None and where.locked_until is not None and now < where.locked_until:
            return Refused(CardRefusal.PIN_DEVICE_LOCKED, {"resets_at": render_time(where.locked_until)})
        if held.locked_at is not None:
            return Refused(CardRefusal.PIN_LOCKED, {"locked_at": render_time(held.locked_at)})
        if hmac.compare_digest(held.kept, pin.kept(held.made_for)):
            if held.tries:
                held.tries = 0
                self.changed.add(card_id)
            return None
        held.tries += 1
        if held.tries == MAX_TRIES:
            held.locked_at = now
        self.changed.add(card_id)
        if where is None:
            where = self.devices[device] = Device(0, now, None)
        where.wrong(now, lock=held.locked_at is not None)
        self.guessed.add(device)
        return Refused(CardRefusal.PIN_WRONG, {"left_count": MAX_TRIES - held.tries, "limit_count": MAX_TRIES})

"""Pay codes: what a holder shows at a till in the place of the card's number and PIN. Pure.

Twenty digits: 80, seventeen random ones, and the check digit of Luhn. No card number begins so or is so long, nor
does a code of the wallets that Chinese tills tell apart by its first two digits (10 to 15, 25 to 30, 62).
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from koudai.base import Refused, render_time
from koudai.cards.numbers import check_digit
from koudai.cards.refusals import CardRefusal
from koudai.identity import Keyring
from koudai.ledger import Place

LENGTH = 20
PREFIX = "80"

_RANDOM_DIGITS = 17

DrawCode = Callable[[], str]
"""Draws a code."""


class PayCode(bytes):
    """A card as it is named by a pay code: the keyed hash of that."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PayCode(…)"


class NewPayCode(msgspec.Struct, frozen=True):
    """A pay code just made, told this once, and until when it pays."""

    code: str
    card_id: int
    expires_at: datetime

    def __repr__(self) -> str:
        return f"NewPayCode(card_id={self.card_id}, expires_at={self.expires_at})"


def is_pay_code(text: str) -> bool:
    """Whether this is a well-formed pay code."""
    return (
        len(text) == LENGTH
        and text.isascii()
        and text.isdigit()
        and text.startswith(PREFIX)
        and check_digit(text[:-1]) == int(text[-1])
    )


def draw_code() -> str:
    """A new code; 17 of its digits come from a cryptographic random source."""
    digits = f"{PREFIX}{secrets.randbelow(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}d}"
    return f"{digits}{check_digit(digits)}"


def pay_code_of(keyring: Keyring, text: str) -> PayCode:
    """What a pay code is found by; never that of a number."""
    return PayCode(keyring.lookup_hash(f"pay code {text}"))


class HeldCode:
    """A pay code of a locked card."""

    __slots__ = ("card_id", "expires_at", "killed", "used")

    def __init__(self, card_id: int, expires_at: datetime, used: bool, killed: bool) -> None:
        self.card_id = card_id
        self.expires_at = expires_at
        self.used = used
        self.killed = killed


class Codes:
    """The pay codes that a batch's commands name; which it uses up, and of which cards it kills all."""

    __slots__ = ("held", "killed", "used")

    def __init__(self) -> None:
        self.held: dict[PayCode, HeldCode] = {}
        self.used: list[tuple[int, PayCode]] = []
        self.killed: set[int] = set()

    def add(self, rows: Iterable[Sequence[Any]], cards: dict[bytes, int]) -> None:
        """Know the codes that the rows of `read_pay_codes` hold, of these cards."""
        for code_hash, expires_at, used, killed in rows:
            code = PayCode(code_hash)
            self.held[code] = HeldCode(cards[code], expires_at, used, killed)

    def judge(self, code: PayCode, now: datetime) -> Refused | None:
        """Why a code doesn't pay."""
        held = self.held.get(code)
        if held is None:
            return Refused(CardRefusal.UNKNOWN_PAY_CODE)
        if held.used:
            return Refused(CardRefusal.PAY_CODE_USED)
        if held.killed:
            return Refused(CardRefusal.PAY_CODE_REPLACED)
        if now >= held.expires_at:
            return Refused(CardRefusal.PAY_CODE_EXPIRED, {"expired_at": render_time(held.expires_at)})
        return None

    def use(self, code: PayCode, place: Place) -> None:
        """Use a code up by the entry at a place."""
        self.held[code].used = True
        self.used.append((place.ordinal, code))

    def kill(self, card_id: int) -> None:
        """Kill all codes of a card: it was stopped."""
        self.killed.add(card_id)
        for held in self.held.values():
            if held.card_id == card_id and not held.used:
                held.killed = True

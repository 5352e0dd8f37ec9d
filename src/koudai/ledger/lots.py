"""Lots: the parts of a card's value, each with its provenance; how they are drawn and carried. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from koudai.base import CHINA, seconds_of, split
from koudai.ledger.model import Place

BONUS, MAY_PASS, MAY_SELL, MAY_REFUND = 1, 2, 4, 8
"""What the flags of a lot say; without BONUS it was paid for."""

NUMBERS = 6
"""How many numbers a live lot has in its account's row."""

_NEVER = 1 << 62


class FundingSource(StrEnum):
    """Where value came from."""

    TRANSFER = "transfer"
    DEBIT = "debit"
    CASH = "cash"
    CREDIT = "credit"
    INSTALMENT = "instalment"
    BONUS = "bonus"
    COMPANY = "company"
    POINTS = "points"
    AIRTIME = "airtime"


class DrawOrder(StrEnum):
    """Which lots are drawn first; among equals the one that expires first, then the oldest."""

    BONUS_FIRST = "bonus_first"
    PAID_FIRST = "paid_first"
    IN_PROPORTION = "in_proportion"


class Provenance(msgspec.Struct, frozen=True):
    """Whence a lot's value came, and what may be done with it.

    `source` is a FundingSource, or `unrecorded` for what a card held before there were lots.
    `payer` is who paid and `refund_to` to whom it may be given back (None: to the payer's source), both
    opaque to the ledger. `funded_at` and `funded_by` are when and by which entry it came into the system,
    on whatever card that was. Without `expires_at` it lasts for ever.
    """

    source: str
    flags: int
    funded_at: datetime
    funded_by: Place
    payer: str | None = None
    refund_to: str | None = None
    expires_at: datetime | None = None

    def strain(self) -> int:
        """A digest (63 bits): lots of one strain are alike in all that matters, and are one lot.

        Of the funding it knows the Chinese calendar day, so that what is loaded on one day is one lot.
        """
        day = self.funded_at.astimezone(CHINA).date()
        told = (str(self.source), self.flags, self.payer, self.refund_to, expiry_s(self.expires_at), day.isoformat())
        return int.from_bytes(hashlib.sha256(repr(told).encode()).digest()[:8]) >> 1


class Lot:
    """A live lot under lock: what it holds, what of that holds have reserved, and what drawing asks for."""

    __slots__ = ("expires_s", "flags", "held_minor", "id", "minor", "strain")

    def __init__(self, lot_id: int, minor: int, held_minor: int, flags: int, expires_s: int, strain: int) -> None:
        self.id = lot_id
        self.minor = minor
        self.held_minor = held_minor
        self.flags = flags
        self.expires_s = expires_s
        self.strain = strain

    def free_minor(self, now_s: int) -> int:
        """What can be drawn of it: neither reserved nor expired."""
        if self.expires_s and self.expires_s <= now_s:
            return 0
        return self.minor - self.held_minor

    def numbers(self) -> tuple[int, int, int, int, int, int]:
        """Its six numbers, as its account's row has them."""
        return (self.id, self.minor, self.held_minor, self.flags, self.expires_s, self.strain)


class NewLot(NamedTuple):
    """A lot that a batch brings: its id, account, the lot it was carried from, and when it came."""

    id: int
    account: int
    parent: int | None
    provenance: Provenance
    came_ordinal: int


Part = tuple[Lot, int]
"""A lot, and how much of it in minor units."""


def as_lots(flat: Sequence[int]) -> list[Lot]:
    """The live lots that an account's row holds."""
    return [Lot(*flat[at : at + NUMBERS]) for at in range(0, len(flat), NUMBERS)]


def expiry_s(moment: datetime | None) -> int:
    """An expiry in whole seconds since 1970 (rounded down), 0 for never."""
    return seconds_of(moment) if moment else 0


def _bonus_first(lot: Lot) -> tuple[bool, int, int]:
    return (not lot.flags & BONUS, lot.expires_s or _NEVER, lot.id)


def _paid_first(lot: Lot) -> tuple[bool, int, int]:
    return (bool(lot.flags & BONUS), lot.expires_s or _NEVER, lot.id)


def keep_in_order(lots: list[Lot]) -> None:
    """Put lots in the order in which they stand in a row, which is that of drawing by default."""
    if len(lots) > 1:
        lots.sort(key=_bonus_first)


def choose(lots: Sequence[Lot], amount_minor: int, order: DrawOrder, now_s: int) -> list[Part]:
    """Which lots an amount is drawn from, in a declared order; they hold at least that much.

    In proportion, each gives its share of what is free, in whole minor units that add up (largest
    remainder; see `base.split`).
    """
    if order is DrawOrder.IN_PROPORTION:
        return proportional(lots, amount_minor, lambda lot: lot.free_minor(now_s))
    parts: list[Part] = []
    for lot in sorted(lots, key=_paid_first) if order is DrawOrder.PAID_FIRST else lots:
        free = lot.free_minor(now_s)
        if free >= amount_minor:
            parts.append((lot, amount_minor))
            return parts
        if free > 0:
            parts.append((lot, free))
            amount_minor -= free
    raise AssertionError("the lots were said to hold enough")


def proportional(lots: Iterable[Lot], amount_minor: int, free: Callable[[Lot], int]) -> list[Part]:
    """Shares of an amount in proportion to what is free of each lot, in whole minor units that add up."""
    having = [lot for lot in lots if free(lot) > 0]
    shares = split(amount_minor, [free(lot) for lot in having])
    return [(lot, share) for lot, share in zip(having, shares, strict=True) if share]

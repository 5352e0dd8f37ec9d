"""Stocks of physical cards, how far each card came, and the commands that bring it on its way (P1, P11, R13)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from koudai.cards.commands import CardRef, Command
from koudai.ledger import FundingSource, Place

MAX_STOCK = 10_000
"""How many cards are made by one command: it is one transaction, which others wait behind for seconds."""

MAX_CHOSEN = 1_000
"""How many cards a command names one by one."""


class StockState(StrEnum):
    """CREATED → PRINTED → IN_STOCK → SOLD → ACTIVE.

    A card is WRITTEN_OFF before it is sold, or once its sale was undone, and CALLED_OFF between its sale and the
    moment at which it can be used. ACTIVE is a sold card whose moment has come.
    """

    CREATED = "CREATED"
    PRINTED = "PRINTED"
    IN_STOCK = "IN_STOCK"
    SOLD = "SOLD"
    ACTIVE = "ACTIVE"
    CALLED_OFF = "CALLED_OFF"
    WRITTEN_OFF = "WRITTEN_OFF"


class StockStepKind(StrEnum):
    """What is done with cards of a stock besides selling them."""

    PRINT = "PRINT"
    RECEIVE = "RECEIVE"
    WRITE_OFF = "WRITE_OFF"
    CALL_OFF = "CALL_OFF"
    VOID_SALE = "VOID_SALE"


class CardWarning(StrEnum):
    """What a till is warned of before it sells."""

    BULK_PURCHASE = "cards.bulk_purchase"


class CreateStock(Command, frozen=True, kw_only=True):
    """Make `count` physical bearer cards of a programme: pending, with numbers that stand on nothing yet."""

    programme_id: int
    count: int
    design: str
    made_by: str


class OfStock(Command, frozen=True, kw_only=True):
    """Cards of stocks: all of a stock, those from serial number `first` to `last` of it, or `cards` by their ids.

    By stock those are left out that were written off. It is done to all of the cards or to none.
    """

    stock_id: int | None = None
    first: int | None = None
    last: int | None = None
    cards: tuple[int, ...] = ()
    made_by: str

    def chosen(self, members: Mapping[int, Sequence[int]]) -> Sequence[int]:
        """The ids of the cards, given those of each stock by serial number; none where one isn't there."""
        if self.stock_id is None:
            return tuple(dict.fromkeys(self.cards))
        found = members.get(self.stock_id, ())
        first, last = self.first or 1, self.last or len(found)
        return found[first - 1 : last] if 1 <= first <= last <= len(found) else ()


class Print(OfStock, frozen=True, kw_only=True):
    """Print created cards. Their numbers are given out by `print_stock`, once."""


class Receive(OfStock, frozen=True, kw_only=True):
    """Take printed cards in at a merchant's, or at a place by a free word: exactly one of them."""

    merchant_id: int | None = None
    place: str | None = None


class WriteOff(OfStock, frozen=True, kw_only=True):
    """Give cards up that were lost or destroyed before they were sold: they are never activated."""

    reason: str


class Sell(Command, frozen=True, kw_only=True):
    """Sell a card of a stock at a till: load what was paid, and activate it.

    `payment_ref` names the payment of `payment_minor` (left out: of this amount) by `source`; further cards may
    be sold against it while something of it is left. `till` and `clerk` are words of the shop's, `payer` is who
    paid, opaque. `acknowledged`: the clerk has read the warning, where there is one.
    """

    card: CardRef
    amount_minor: int
    asset: str
    source: FundingSource
    payment_ref: str
    payment_minor: int | None = None
    till: str
    clerk: str
    merchant_id: int | None = None
    place: str | None = None
    payer: str | None = None
    refund_to: str | None = None
    acknowledged: bool = False


class CallOff(Command, frozen=True, kw_only=True):
    """Stop a card that was sold and can't be used yet, for good: what is on it waits until its sale is voided."""

    card: CardRef
    made_by: str
    reason: str | None = None


class VoidSale(Command, frozen=True, kw_only=True):
    """Undo the sale of a card of which nothing was used (撤销售卡): what it was sold for goes back whence it came.

    The card ends, and what was paid for it counts as refunded: the till pays it back by the refund of that payment.
    """

    card: CardRef
    reason: str
    made_by: str


class Stock(msgspec.Struct, frozen=True):
    """Cards of one design that were made together; `cards` is how many."""

    id: int
    programme_id: int
    design: str
    cards: int
    made_by: str
    made_at: datetime


class StockCount(NamedTuple):
    """How many cards of a stock came so far, and lie at a place or were sold there."""

    state: StockState
    merchant_id: int | None
    place: str | None
    cards: int


class StockStep(NamedTuple):
    """Who did what with how many cards of a stock; `given_to` is who got the numbers of a printing, and when."""

    place: Place
    step: StockStepKind
    cards: int
    merchant_id: int | None
    at_place: str | None
    made_by: str
    reason: str | None
    at: datetime
    given_to: str | None
    given_at: datetime | None


class StockShown(msgspec.Struct, frozen=True):
    """A stock with its counts and all that was done with it, oldest first."""

    stock: Stock
    counts: tuple[StockCount, ...]
    steps: tuple[StockStep, ...]


class Sale(NamedTuple):
    """A sale at a till. `load` is the place of its LOAD; `acknowledged`: a warning was read before it.

    `voided_at` is when it was undone: from then on its amount counts as refunded of the payment.
    """

    load: Place
    amount_minor: int
    asset: str
    payment_ref: str
    till: str
    clerk: str
    acknowledged: bool
    sold_at: datetime
    active_at: datetime
    voided_at: datetime | None = None


class StockCard(msgspec.Struct, frozen=True):
    """A card of a stock: how far it came, where it lies or was sold, and its sale where there was one."""

    card_id: int
    stock_id: int
    serial: int
    last4: str
    state: StockState
    merchant_id: int | None
    place: str | None
    sale: Sale | None


class PrintFile(msgspec.Struct, frozen=True):
    """A printing: its entry, how many cards it took, and their lines, or None where they were given out before.

    The lines are CSV under a heading, with the numbers in the clear.
    """

    place: Place
    cards: int
    csv: str | None

    def __repr__(self) -> str:
        return f"PrintFile(place={self.place!r}, cards={self.cards}, csv={'…' if self.csv else None})"


class HeldSale(NamedTuple):
    """The sale of a locked card: the place of its load, what it was sold for, against which payment, and when.

    `used_as` and `used_at` tell of the newest entry behind it that can't be undone with it, where there is one.
    """

    load: Place
    amount_minor: int
    payment_ref: str
    sold_at: datetime
    used_as: str | None = None
    used_at: datetime | None = None


class Item:
    """A locked card of a stock; `active_at` is from when on it can be used, once it is sold.

    `sale` is known where sales are made or undone.
    """

    __slots__ = ("active_at", "merchant_id", "place", "sale", "serial", "state", "stock_id")

    def __init__(
        self, stock_id: int, serial: int, state: StockState, merchant_id: int | None = None, place: str | None = None,
        active_at: datetime | None = None,
    ) -> None:  # fmt: skip
        self.stock_id = stock_id
        self.serial = serial
        self.state = state
        self.merchant_id = merchant_id
        self.place = place
        self.active_at = active_at
        self.sale: HeldSale | None = None


class Payment:
    """What was paid under a reference, and how much of it cards were sold for; its lock is held.

    `refunded_minor` of that went back, since sales were undone.
    """

    __slots__ = ("amount_minor", "asset", "refunded_minor", "source", "used_minor")

    def __init__(
        self, source: str, asset: str, amount_minor: int, used_minor: int = 0, refunded_minor: int = 0
    ) -> None:  # fmt: skip
        self.source = source
        self.asset = asset
        self.amount_minor = amount_minor
        self.used_minor = used_minor
        self.refunded_minor = refunded_minor


class Tally:
    """How many cards were sold for how much, to a payer or at a till, as far as a warning counts them."""

    __slots__ = ("cards", "minor")

    def __init__(self, cards: int = 0, minor: int = 0) -> None:
        self.cards = cards
        self.minor = minor


Who = tuple[str, str, str]
"""Whose sales are counted: `payer`, `till`, `clerk` or `anonymous` (of a till), which one, and the asset."""

ANONYMOUS = "anonymous"
"""The sales of a till to who isn't known."""


class Shelf:
    """What a batch knows of stocks under lock, and what it adds to them."""

    __slots__ = ("changed", "items", "members", "new_cards", "new_sales", "new_steps", "new_stocks", "new_voids",
                 "payments", "tallies")  # fmt: skip

    def __init__(self) -> None:
        self.items: dict[int, Item] = {}
        self.members: dict[int, list[int]] = {}
        self.payments: dict[str, Payment] = {}
        self.tallies: dict[Who, Tally] = {}
        self.changed: set[int] = set()
        self.new_stocks: list[Stock] = []
        self.new_cards: list[tuple[int, int, int]] = []
        self.new_steps: list[tuple[Any, ...]] = []
        self.new_sales: list[tuple[Any, ...]] = []
        self.new_voids: list[tuple[int, int, datetime]] = []


STEPS: tuple[type[Command], ...] = (Print, Receive, WriteOff)
"""The commands that choose cards of stocks."""

"""The desk: all that a batch of commands knows of its cards, under lock, while it is folded. Pure."""

from datetime import datetime
from typing import Any, NamedTuple

from koudai.cards.model import Activity, ActivityType, CardState, FundingSource
from koudai.ledger import Place, Sheet
from koudai.merchants import Merchant

Entry = tuple[
    int,
    int,
    ActivityType,
    int,
    int,
    int | None,
    FundingSource | None,
    int | None,
    int | None,
    int,
    int,
    datetime,
]
"""A row of `add_activities`, column by column."""

Part = tuple[int, int, int, int]
"""Ordinal of a refund, batch and ordinal of the redemption it is laid on, amount."""


class HeldCard:
    """A locked card: its state, and where its newest entry stands. Its balance is on the sheet."""

    __slots__ = ("asset", "id", "last", "programme_id", "state")

    def __init__(self, card_id: int, state: CardState, asset: str, programme_id: int, last: Place) -> None:
        self.id = card_id
        self.state = state
        self.asset = asset
        self.programme_id = programme_id
        self.last = last


class Caps(NamedTuple):
    """What a programme allows a card, in minor units; None: no cap."""

    max_balance_minor: int | None
    max_load_minor: int | None


class Redemption:
    """A redemption that may be given back: what was paid, and how much of it went back so far."""

    __slots__ = ("card_id", "merchant_id", "paid_minor", "place", "refunded_minor")

    def __init__(self, place: Place, card_id: int, merchant_id: int, paid_minor: int, refunded_minor: int) -> None:
        self.place = place
        self.card_id = card_id
        self.merchant_id = merchant_id
        self.paid_minor = paid_minor
        self.refunded_minor = refunded_minor

    @property
    def left_minor(self) -> int:
        """What can still be given back of it."""
        return self.paid_minor - self.refunded_minor


class Desk:
    """A sheet with the cards, merchants and redemptions that its commands name."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.cards: dict[int, HeldCard] = {}
        self.ids_of_numbers: dict[bytes, int] = {}
        self.merchants: dict[int, Merchant] = {}
        self.caps: dict[int, Caps] = {}
        self.funding: dict[tuple[int, str], int] = {}
        self.redemptions: dict[Place, Redemption] = {}
        self.refundable: dict[tuple[int, int], list[Redemption]] = {}
        self.keys_before_lock: set[str] = set()
        self.made: dict[Place, Activity] = {}
        self.entries: list[Entry] = []
        self.parts: list[Part] = []
        self.states: dict[int, CardState] = {}
        self.tracks_redemptions = False

    def enter(
        self, card: HeldCard, place: Place, kind: ActivityType, amount_minor: int, event_at: datetime | None,
        *, merchant_id: int | None = None, source: FundingSource | None = None, redemption: Place | None = None,
    ) -> Activity:  # fmt: skip
        """Write an entry into a card's history, behind its newest one."""
        sheet = self.sheet
        at = event_at or sheet.recorded_at
        balance = sheet.balances[card.id]
        on: tuple[Any, Any] = redemption or (None, None)
        self.entries.append((place[1], card.id, kind, amount_minor, balance, merchant_id, source, *on, *card.last, at))
        card.last = place
        activity = Activity(
            place, card.id, kind, amount_minor, card.asset, balance, merchant_id, source, redemption, at,
            sheet.recorded_at,
        )  # fmt: skip
        self.made[place] = activity
        return activity

"""Programmes, cards, activities, and the reasons why a card says no."""

from datetime import datetime
from enum import StrEnum

import msgspec

from koudai.ledger import Place


class CardRefusal(StrEnum):
    """Why a command on a card is refused; where several hold, the first in this order is told."""

    AMOUNT_NOT_POSITIVE = "cards.amount_not_positive"
    AMOUNT_TOO_LARGE = "cards.amount_too_large"
    UNKNOWN_PROGRAMME = "cards.unknown_programme"
    UNKNOWN_CARD = "cards.unknown_card"
    UNKNOWN_MERCHANT = "cards.unknown_merchant"
    UNKNOWN_REDEMPTION = "cards.unknown_redemption"
    REVERSED_BEFORE = "cards.reversed_before"
    CURRENCY_MISMATCH = "cards.currency_mismatch"
    NOT_ACTIVE = "cards.not_active"
    BLOCKED = "cards.blocked"
    ALREADY_ACTIVE = "cards.already_active"
    ALREADY_BLOCKED = "cards.already_blocked"
    NOT_BLOCKED = "cards.not_blocked"
    LOAD_CAP_EXCEEDED = "cards.load_cap_exceeded"
    REFUND_EXCEEDS_PAID = "cards.refund_exceeds_paid"
    BALANCE_CAP_EXCEEDED = "cards.balance_cap_exceeded"
    INSUFFICIENT_BALANCE = "cards.insufficient_balance"
    ALREADY_REFUNDED = "cards.already_refunded"


class CardState(StrEnum):
    """PENDING → ACTIVE ⇄ BLOCKED."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"


class ActivityType(StrEnum):
    """What can happen to a card."""

    ACTIVATE = "ACTIVATE"
    LOAD = "LOAD"
    REDEEM = "REDEEM"
    REFUND = "REFUND"
    REVERSAL = "REVERSAL"
    BLOCK = "BLOCK"
    UNBLOCK = "UNBLOCK"


class FundingSource(StrEnum):
    """Where the value of a load came from."""

    TRANSFER = "transfer"
    DEBIT = "debit"
    CASH = "cash"
    CREDIT = "credit"
    INSTALMENT = "instalment"
    BONUS = "bonus"
    COMPANY = "company"
    POINTS = "points"
    AIRTIME = "airtime"


class Programme(msgspec.Struct, frozen=True):
    """A card programme: its asset, the caps of a card (None: none), and the prefix of its numbers."""

    id: int
    name: str
    asset: str
    number_prefix: str
    max_balance_minor: int | None
    max_load_minor: int | None
    created_at: datetime


class Card(msgspec.Struct, frozen=True):
    """A card as it may be shown: of its number only the last four digits. Without a holder it is bearer."""

    id: int
    programme_id: int
    state: CardState
    last4: str
    holder_ref: str | None
    asset: str
    balance_minor: int
    issued_at: datetime
    newest: Place


class Issued(msgspec.Struct, frozen=True):
    """A card just issued. `number` is there at issue and for 15 minutes under the same key, then None."""

    card: Card
    number: str | None

    def __repr__(self) -> str:
        return f"Issued(card={self.card!r}, number={'…' + self.card.last4})"


class Activity(msgspec.Struct, frozen=True):
    """An entry of a card's history.

    `amount_minor` is what moved (0 where nothing did), `balance_minor` what the card held after it.
    `redemption` is the redemption that a refund or reversal was laid on, the newest where several.
    """

    place: Place
    card_id: int
    type: ActivityType
    amount_minor: int
    asset: str
    balance_minor: int
    merchant_id: int | None
    source: FundingSource | None
    redemption: Place | None
    event_at: datetime
    recorded_at: datetime

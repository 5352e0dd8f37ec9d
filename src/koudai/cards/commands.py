"""The commands that happen to cards. Each carries its idempotency key and, where it isn't now, its time."""

from datetime import datetime

import msgspec

from koudai.cards.model import FundingSource
from koudai.ledger import Place

CardRef = int | bytes
"""A card by its id, or by the keyed hash of its number."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What all commands have: `event_at` is when it happened in business; None means as it is recorded."""

    key: str
    event_at: datetime | None = None


class Activate(Command, frozen=True, kw_only=True):
    """Make a pending card usable."""

    card: CardRef


class Load(Command, frozen=True, kw_only=True):
    """Put value on a card, naming where it came from."""

    card: CardRef
    amount_minor: int
    asset: str
    source: FundingSource


class Redeem(Command, frozen=True, kw_only=True):
    """Pay a merchant. With `partial`, what the card holds is taken when it isn't enough."""

    card: CardRef
    merchant_id: int
    amount_minor: int
    asset: str
    partial: bool = False


class Refund(Command, frozen=True, kw_only=True):
    """Give value back to the card that paid.

    It names the redemption, or the card and the merchant: then it is laid on the latest redemption
    first. It is accepted whole or not at all.
    """

    amount_minor: int
    asset: str
    redemption: Place | None = None
    card: CardRef | None = None
    merchant_id: int | None = None


class Reverse(Command, frozen=True, kw_only=True):
    """Undo a redemption whose answer never arrived, named by its key or by its place.

    When no command ever came with that key, the key is barred: the redemption, should it still
    arrive, is refused.
    """

    redemption_key: str | None = None
    redemption: Place | None = None


class Block(Command, frozen=True, kw_only=True):
    """Stop a card: value can still come back to it, but not leave it nor be loaded."""

    card: CardRef


class Unblock(Command, frozen=True, kw_only=True):
    """Let a blocked card go on."""

    card: CardRef

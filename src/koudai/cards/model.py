"""Programmes, cards, gifts and activities, and what is written of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from koudai.ledger import DrawOrder, FundingSource, Limit, Place


class CardState(StrEnum):
    """PENDING → ACTIVE ⇄ BLOCKED → DEACTIVATED."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    DEACTIVATED = "DEACTIVATED"


class ActivityType(StrEnum):
    """What can happen to a card."""

    ACTIVATE = "ACTIVATE"
    LOAD = "LOAD"
    REDEEM = "REDEEM"
    REFUND = "REFUND"
    REVERSAL = "REVERSAL"
    BLOCK = "BLOCK"
    UNBLOCK = "UNBLOCK"
    AUTHORISE = "AUTHORISE"
    CAPTURE = "CAPTURE"
    VOID = "VOID"
    RELEASE = "RELEASE"
    TRANSFER_BALANCE_FROM = "TRANSFER_BALANCE_FROM"
    TRANSFER_BALANCE_TO = "TRANSFER_BALANCE_TO"
    ADJUST_INCREMENT = "ADJUST_INCREMENT"
    ADJUST_DECREMENT = "ADJUST_DECREMENT"
    EXPIRE = "EXPIRE"
    RENEW = "RENEW"
    DEACTIVATE = "DEACTIVATE"
    RESTRICT = "RESTRICT"
    LIFT = "LIFT"
    LAPSE = "LAPSE"
    FEE = "FEE"
    GIFT_OFFER = "GIFT_OFFER"
    GIFT_RETURN = "GIFT_RETURN"
    SET_PIN = "SET_PIN"
    CHANGE_PIN = "CHANGE_PIN"
    RESET_PIN = "RESET_PIN"
    PRINT = "PRINT"
    RECEIVE = "RECEIVE"
    PAY_OUT = "PAY_OUT"
    CASHBACK = "CASHBACK"
    CASHBACK_BACK = "CASHBACK_BACK"
    CONTINUE = "CONTINUE"
    VOID_SALE = "VOID_SALE"


class Programme(msgspec.Struct, frozen=True):
    """A card programme: its asset, the caps of a card (None: none), the prefix of its numbers.

    `draw_order` is the order in which lots are drawn, `limits` what may flow.
    """

    id: int
    name: str
    asset: str
    number_prefix: str
    max_balance_minor: int | None
    max_load_minor: int | None
    created_at: datetime
    draw_order: DrawOrder = DrawOrder.BONUS_FIRST
    limits: tuple[Limit, ...] = ()


class Card(msgspec.Struct, frozen=True):
    """A card as it may be shown: of its number only the last four digits. Without a holder it is bearer.

    `balance_minor` is what is booked on it; `available_minor` is that without what holds reserve, restrictions keep
    back, and what of its value has expired: whether the card can pay at all is said by its state and `expires_at`.
    `successor_id` is the card that took its place, `parent_id` the one that it was split from or whose
    place it took.
    `expires_at` is when it stops paying, but for days of grace; None: never, or not before it is activated.
    """

    id: int
    programme_id: int
    state: CardState
    last4: str
    holder_ref: str | None
    asset: str
    balance_minor: int
    issued_at: datetime
    newest: Place
    successor_id: int | None = None
    held_minor: int = 0
    available_minor: int = 0
    parent_id: int | None = None
    root_id: int = 0
    generation: int = 0
    expires_at: datetime | None = None


class Lineage(NamedTuple):
    """Where a card comes from: `root_id` is the first of them all, `generation` how many splits lie between.

    `parent_id` is the card that it was split from, or whose place it took: then both are of one generation. It
    `inherits` where the counters of its limits began with those of its parent.
    """

    root_id: int
    parent_id: int | None
    generation: int
    inherits: bool = False


class Issued(msgspec.Struct, frozen=True):
    """A card just issued. `number` is there at issue and for 15 minutes under the same key, then None."""

    card: Card
    number: str | None

    def __repr__(self) -> str:
        return f"Issued(card={self.card!r}, number={'…' + self.card.last4})"


class BasketLine(msgspec.Struct, frozen=True):
    """A line of a basket as it was judged: what of which class of goods, how much of it was paid.

    `reason` is the code that says why it isn't payable, None where it is.
    """

    sku: str
    goods_class: str
    amount_minor: int
    paid_minor: int
    reason: str | None


class Activity(msgspec.Struct, frozen=True):
    """An entry of a card's history.

    `amount_minor` is what moved (0 where nothing did), `balance_minor` what the card held after it.
    `held_minor` is what of that holds reserved. `redemption` is the redemption that a refund or reversal
    was laid on, the newest where several, or that cashback was given for; `hold` the hold that was captured
    or given free, and `other_card_id` the card that value came from or went to. `lines` are the basket that
    was paid or reserved for, and `remaining_minor` is the rest of a tender of which a part was approved.
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
    held_minor: int = 0
    hold: Place | None = None
    other_card_id: int | None = None
    lines: tuple[BasketLine, ...] = ()
    remaining_minor: int = 0


class Judged(msgspec.Struct, frozen=True):
    """What the law had to say at a point of an entry that it let pass.

    `noted` are the clauses that only warned, `pilots` those under which it passed, each with the clauses they opened;
    `clauses` and `opened` are the same as lists.
    """

    place: Place
    card_id: int
    point: str
    pack: str
    noted: str
    pilots: str
    recorded_at: datetime

    @property
    def clauses(self) -> list[str]:
        """The clauses that only warned."""
        return self.noted.split()

    @property
    def opened(self) -> list[tuple[str, list[str]]]:
        """The pilots under which it passed, each with the clauses that it opened."""
        named = (one.rstrip(")").partition("(") for one in self.pilots.split())
        return [(name, clauses.split(",")) for name, _, clauses in named]


class Payout(msgspec.Struct, frozen=True):
    """A row of the register of cards handed back: what was paid out, `fee_minor` of it kept, to where and by whom.

    `identity_ref` is whose paper was checked, `buyer_ref` the buyer's (MOFCOM Order 2012-9, Art. 21).
    """

    place: Place
    card_id: int
    amount_minor: int
    fee_minor: int
    asset: str
    paid_to: str
    account_ref: str | None
    identity_ref: str | None
    buyer_ref: str | None
    reason: str
    made_by: str
    recorded_at: datetime


class Minted(msgspec.Struct, frozen=True):
    """What a command made of a card: its entry, and the new cards, those of a split in the order of their amounts."""

    activity: Activity
    cards: tuple[Issued, ...]


class GiftState(StrEnum):
    """SCHEDULED → OFFERED → CLAIMED, or WITHDRAWN by the giver, RETURNED by time, KILLED by wrong tokens."""

    SCHEDULED = "SCHEDULED"
    OFFERED = "OFFERED"
    CLAIMED = "CLAIMED"
    WITHDRAWN = "WITHDRAWN"
    RETURNED = "RETURNED"
    KILLED = "KILLED"


class Words(msgspec.Struct, frozen=True):
    """What a giver writes: a greeting, and who gives, as far as he wishes it known. Kept sealed."""

    greeting: str | None = None
    from_name: str | None = None

    def __repr__(self) -> str:
        return "Words(…)"


class Gift(msgspec.Struct, frozen=True):
    """A card given, as its giver may see it: not who claimed it.

    `place` is that of the entry that offered it. It is delivered at `deliver_at` (None: at once), and goes back at
    `claim_until`. `to_ref` is the holder whom it is for (None: anybody), `identity` how well who claims it has to
    be known.
    """

    place: Place
    card_id: int
    state: GiftState
    identity: str
    to_ref: str | None
    face: str | None
    deliver_at: datetime | None
    claim_until: datetime
    words: Words


class Given(msgspec.Struct, frozen=True):
    """A gift just offered. `token` is there at giving and for 15 minutes under the same key, then None."""

    activity: Activity
    gift: Gift
    token: str | None

    def __repr__(self) -> str:
        return f"Given(gift={self.gift!r}, token=…)"


Entry = tuple[Any, ...]
"""An activity as a row of `add_activities`, column by column."""

NewCard = tuple[
    int, int, CardState, str, bytes, bytes, str | None, datetime, datetime, int, int | None, int, bool, int | None
]
"""id, programme, state, last digits, number's hash and sealed, holder, issued, promised, root, parent, generation,
whether it inherits, and the lead that made it of its parent"""

LineRow = tuple[int, int, str, str, int, int, str | None]
"""Ordinal of a payment, number of the line, SKU, class, amount, what was paid of it, why it isn't payable."""

Part = tuple[int, int, int, int]
"""Ordinal of a refund, batch and ordinal of the redemption it is laid on, amount."""

PayoutRow = tuple[int, int, int, int, str, str | None, str | None, str | None, str, str]
"""Ordinal of a pay-out, card, amount, fee of it, where it goes, account, holder's and buyer's paper, reason, maker."""

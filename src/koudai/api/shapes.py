"""The JSON of the API: what is taken and what is answered."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from koudai.api.problems import ProblemBody
from koudai.api.scalars import (
    AmountMinor,
    Body,
    Bound,
    Cap,
    Currency,
    Device,
    Document,
    Gan,
    Id,
    Key,
    Moment,
    Name,
    PinDigits,
    Prefix,
    Private,
    WindowSeconds,
)
from koudai.api.wishes import (
    Activate,
    AdjustDecrement,
    AdjustIncrement,
    Authorise,
    Block,
    Capture,
    Close,
    Expire,
    Lines,
    Load,
    Paying,
    Reactivate,
    Redeem,
    Refund,
    Renew,
    Reversal,
    Transfer,
    Unblock,
    Void,
)
from koudai.cards import ActivityType, CardState, FundingSource
from koudai.identity import Mode
from koudai.ledger import DrawOrder, Flow, Per, Subject
from koudai.policy import GateKind


class FlowLimit(Body, frozen=True, kw_only=True, omit_defaults=True):
    """How much may flow: of one subject, or of a pair such as a card and a device.

    `min_minor` is the least of one transaction, or the balance to keep; `max_minor` the most, `max_count` how
    often. Days and months are China's.
    """

    subjects: Annotated[list[Subject], Meta(min_length=1, max_length=2)]
    flow: Flow
    per: Per
    window_s: WindowSeconds | None = None
    min_minor: Bound | None = None
    max_minor: Bound | None = None
    max_count: Bound | None = None


class NewProgramme(Body, frozen=True, kw_only=True):
    """A card programme: in which currency, under which number prefix, the caps of a card, and the limits.

    `draw_order` says which value is spent first.
    """

    name: Name
    currency: Currency
    number_prefix: Prefix
    max_balance_minor: Cap | None = None
    max_load_minor: Cap | None = None
    draw_order: DrawOrder = DrawOrder.BONUS_FIRST
    limits: Annotated[tuple[FlowLimit, ...], Meta(max_length=50)] = ()


class NewProgrammeVersion(Body, frozen=True, kw_only=True):
    """A document as it was written: YAML, as `/docs` and `koudai programme check` know it."""

    document: Document


class NewGateEntry(Body, frozen=True, kw_only=True):
    """The reference of a filing, licence, contract or custody account."""

    gate: GateKind
    reference: Name


class NewGiftCard(Private, Body, frozen=True, kw_only=True):
    """A card: active at once, or pending until it is activated; without a holder it is bearer."""

    programme_id: Id
    active: bool = True
    holder_ref: Name | None = None
    pin: PinDigits | None = None


class NewSplit(Private, Body, frozen=True, kw_only=True):
    """New cards from parts of one: how much goes into each, in minor units; what is left stays."""

    amounts_minor: Annotated[tuple[AmountMinor, ...], Meta(min_length=1, max_length=100)]
    currency: Currency
    device: Device | None = None


class NewSpendSplit(Private, Body, frozen=True, kw_only=True):
    """Who is paid and how much; what the card then has available goes into a new card.

    `lines`, and a PIN told on a `device`, are asked for where a redemption asks for them.
    """

    merchant_id: Id
    amount_minor: AmountMinor
    currency: Currency
    device: Device | None = None
    pin: PinDigits | None = None
    lines: Lines | None = None


class GanLookup(Private, Body, frozen=True, kw_only=True):
    """A card's number, to find the card by."""

    gan: Gan


NewActivity = (
    Activate
    | Load
    | Redeem
    | Authorise
    | Capture
    | Void
    | Refund
    | Reversal
    | Transfer
    | AdjustIncrement
    | AdjustDecrement
    | Expire
    | Renew
    | Reactivate
    | Close
    | Block
    | Unblock
)
"""What may be asked for at POST /v1/gift_card_activities."""


class BatchRedemption(Paying, frozen=True, kw_only=True):
    """One redemption of a batch, with a key of its own."""

    idempotency_key: Key
    merchant_id: Id
    amount_minor: AmountMinor
    currency: Currency
    partial: bool = False
    device: Device | None = None
    lines: Lines | None = None


class RedemptionBatch(Body, frozen=True, kw_only=True):
    """Up to 8,000 redemptions, each judged and booked by itself."""

    redemptions: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=8000)]


class Amount(msgspec.Struct, frozen=True):
    """An amount in minor units of a currency."""

    amount_minor: int
    currency: str


class Programme(msgspec.Struct, frozen=True):
    """A card programme, and the terms that it was made with.

    Where it has a document in force (`GET /v1/programmes/{id}/versions`), the terms of that one hold in their place.
    """

    id: str
    name: str
    currency: str
    number_prefix: str
    max_balance_minor: int | None
    max_load_minor: int | None
    draw_order: DrawOrder
    limits: list[FlowLimit]
    created_at: datetime
    mode: Mode


class ProgrammeVersion(msgspec.Struct, frozen=True):
    """A version of a programme: in force from `effective_at` on, until a later one is."""

    programme_id: str
    effective_at: datetime
    document: str
    put_by: str
    put_at: datetime


class ProgrammeVersions(msgspec.Struct, frozen=True):
    """All versions of a programme, oldest first."""

    data: list[ProgrammeVersion]


class GateEntry(msgspec.Struct, frozen=True):
    """What was entered for a gate; entered again, the newest counts."""

    gate: GateKind
    reference: str
    entered_by: str
    entered_at: datetime


class ProgrammeGates(msgspec.Struct, frozen=True):
    """What was entered for a programme's gates, oldest first, and since when it is live (null: it isn't)."""

    programme_id: str
    launched_at: datetime | None
    launched_by: str | None
    data: list[GateEntry]


class GiftCard(Private, msgspec.Struct, frozen=True):
    """A card. Its number is told at issue, and under the same key for 15 minutes; then only its end.

    `held_minor` is what of the balance holds reserve; `available_minor` is what is left of it to spend: neither
    reserved, nor kept back by a restriction, nor value that has expired. Whether the card can pay at all its `state`
    and `expires_at` say. `successor_id` is the card that took its place, `parent_id` the card that it was split from
    or whose place it took, `root_id` the first of those, and `expires_at` until when it lasts: each is there only
    where there is one.
    """

    id: str
    programme_id: str
    state: CardState
    last4: str
    holder_ref: str | None
    balance: Amount
    held_minor: int
    available_minor: int
    issued_at: datetime
    mode: Mode
    successor_id: str | UnsetType = UNSET
    gan: str | UnsetType = UNSET
    parent_id: str | UnsetType = UNSET
    root_id: str | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET


class BasketLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of a basket: whether it is payable (`reason`: why not), and what of it was paid or reserved."""

    sku: str
    goods_class: str
    amount_minor: int
    paid_minor: int
    accepted: bool
    reason: str | None = None


class GiftCardActivity(msgspec.Struct, frozen=True):
    """An entry of a card's history: what moved (0 where nothing did), and what the card held after it.

    `held_minor` is what of that balance holds reserved. `redemption_id` is the redemption that a refund or
    reversal was laid on, the newest where several, or that cashback was given for or fell back with. `hold_id` is
    the hold that was captured or given free, `other_gift_card_id` the card that value went to or came from, `lines`
    the basket, and `remaining_minor` the rest of a tender of which a part was approved: each is there only where
    there is one.
    """

    id: str
    type: ActivityType
    gift_card_id: str
    amount_minor: int
    currency: str
    balance_minor: int
    held_minor: int
    merchant_id: str | None
    source: FundingSource | None
    redemption_id: str | None
    event_at: datetime
    recorded_at: datetime
    hold_id: str | UnsetType = UNSET
    other_gift_card_id: str | UnsetType = UNSET
    lines: list[BasketLine] | UnsetType = UNSET
    remaining_minor: int | UnsetType = UNSET


class Split(msgspec.Struct, frozen=True):
    """What a split made: the entry of the card that gave, and the new cards with their numbers."""

    activity: GiftCardActivity
    gift_cards: list[GiftCard]


class ProgrammePage(msgspec.Struct, frozen=True):
    """A page of programmes; `next_cursor` is null on the last one."""

    data: list[Programme]
    next_cursor: str | None


class GiftCardPage(msgspec.Struct, frozen=True):
    """A page of cards; `next_cursor` is null on the last one."""

    data: list[GiftCard]
    next_cursor: str | None


class GiftCardActivityPage(msgspec.Struct, frozen=True):
    """A page of a card's history, newest first; `next_cursor` is null on the last one."""

    data: list[GiftCardActivity]
    next_cursor: str | None


class Accepted(msgspec.Struct, frozen=True, tag_field="status", tag="accepted"):
    """This redemption is booked."""

    activity: GiftCardActivity


class Declined(msgspec.Struct, frozen=True, tag_field="status", tag="refused"):
    """This redemption is not booked, and why. Judged refusals (409, 404) are remembered under the key."""

    problem: ProblemBody


class Failed(msgspec.Struct, frozen=True, tag_field="status", tag="failed"):
    """This redemption could not be judged (401, 5xx): send it again with the same key."""

    problem: ProblemBody


class BatchOutcomes(msgspec.Struct, frozen=True):
    """One outcome for each redemption, in their order."""

    outcomes: list[Accepted | Declined | Failed]


class KeyOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was answered under an idempotency key: the thing that was made, or the problem.

    Of a split it is the entry and all new cards, of a gift its entry and itself, without its token.
    """

    key: str
    status: str
    activity: GiftCardActivity | None = None
    gift_card_id: str | None = None
    merchant_id: str | None = None
    programme_id: str | None = None
    holder_id: str | None = None
    problem: ProblemBody | None = None
    stock_id: str | None = None
    gift_id: str | None = None
    gift_card_ids: list[str] | None = None


class ClockAdvance(Body, frozen=True, kw_only=True):
    """Until when the time of the test side goes on: not earlier than it stands."""

    to: Moment


class SandboxClock(msgspec.Struct, frozen=True):
    """The time of the test side. Once it was moved it stands still until it is moved again."""

    now_at: datetime
    mode: Mode


class Health(msgspec.Struct, frozen=True):
    """How the server is."""

    status: str


class CodeExplained(msgspec.Struct, frozen=True):
    """What a code of a problem means, in both languages; facts stand in braces."""

    code: str
    status: int
    en: str
    zh: str


Json = dict[str, Any]

"""The JSON of the API: what is taken and what is answered."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from koudai.api.problems import ProblemBody
from koudai.base import MAX_MINOR
from koudai.cards import ActivityType, CardState, FundingSource
from koudai.identity import Mode

# `$` would let a line feed pass at the end; what the document shows is the plain form.
_PRINTABLE = r"^[ -~]+(?![\s\S])"

Id = Annotated[str, Meta(max_length=100)]
Gan = Annotated[
    str,
    Meta(
        max_length=100,
        description="The card's number: 19 digits, the last of which is a Luhn check digit.",
        extra_json_schema={"pattern": "^[0-9]{19}$", "maxLength": 19},
    ),
]
AmountMinor = Annotated[
    int, Meta(ge=1, le=MAX_MINOR, description="Whole minor units: 12.50 CNY is 1250.", examples=[1250])
]
Cap = Annotated[int, Meta(ge=1, le=MAX_MINOR, description="In minor units; null: no cap.")]
Currency = Annotated[
    str,
    Meta(min_length=3, max_length=3, extra_json_schema={"$ref": "#/components/schemas/Currency"}),
]
Key = Annotated[str, Meta(min_length=1, max_length=255, pattern=_PRINTABLE, extra_json_schema={"pattern": "^[ -~]+$"})]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Prefix = Annotated[
    str,
    Meta(
        min_length=6, max_length=6, pattern="^[09][0-9]{5}$",
        description="The first six digits of every card's number: private use, so 9 or 0 first.", examples=["900001"],
    ),
]  # fmt: skip


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent: a field that isn't known is refused, so that a misspelt one isn't passed over."""


class NewProgramme(Body, frozen=True, kw_only=True):
    """A card programme: in which currency, under which number prefix, and the caps of a card."""

    name: Name
    currency: Currency
    number_prefix: Prefix
    max_balance_minor: Cap | None = None
    max_load_minor: Cap | None = None


class NewMerchant(Body, frozen=True, kw_only=True):
    """A merchant, and the currency that it is paid in."""

    name: Name
    currency: Currency


class NewGiftCard(Body, frozen=True, kw_only=True):
    """A card: active at once, or pending until it is activated; without a holder it is bearer."""

    programme_id: Id
    active: bool = True
    holder_ref: Name | None = None


class GanLookup(Body, frozen=True, kw_only=True):
    """A card's number, to find the card by."""

    gan: Gan


class OnCard(Body, frozen=True, kw_only=True):
    """What names a card: `gift_card_id` or `gan`, exactly one of them."""

    gift_card_id: Id | UnsetType = UNSET
    gan: Gan | UnsetType = UNSET


class Activate(OnCard, frozen=True, kw_only=True, tag_field="type", tag="ACTIVATE"):
    """Make a pending card usable."""


class Load(OnCard, frozen=True, kw_only=True, tag_field="type", tag="LOAD"):
    """Put value on a card, naming where it came from."""

    amount_minor: AmountMinor
    currency: Currency
    source: FundingSource


class Redeem(OnCard, frozen=True, kw_only=True, tag_field="type", tag="REDEEM"):
    """Pay a merchant. With `partial`, what the card holds is taken when it isn't enough."""

    merchant_id: Id
    amount_minor: AmountMinor
    currency: Currency
    partial: bool = False


class Refund(OnCard, frozen=True, kw_only=True, tag_field="type", tag="REFUND"):
    """Give value back to the card that paid: by `redemption_id`, or by the card and the merchant.

    By card and merchant it is laid on the latest redemption first.
    """

    amount_minor: AmountMinor
    currency: Currency
    redemption_id: Id | UnsetType = UNSET
    merchant_id: Id | UnsetType = UNSET


class Reversal(Body, frozen=True, kw_only=True, tag_field="type", tag="REVERSAL"):
    """Undo a redemption whose answer never arrived: by its idempotency key, or by its id.

    A key that never arrived is barred: the redemption, should it still come, is refused.
    """

    redemption_key: Key | UnsetType = UNSET
    redemption_id: Id | UnsetType = UNSET


class Block(OnCard, frozen=True, kw_only=True, tag_field="type", tag="BLOCK"):
    """Stop a card: value can still come back to it, but not leave it nor be loaded."""


class Unblock(OnCard, frozen=True, kw_only=True, tag_field="type", tag="UNBLOCK"):
    """Let a blocked card go on."""


NewActivity = Activate | Load | Redeem | Refund | Reversal | Block | Unblock


class BatchRedemption(OnCard, frozen=True, kw_only=True):
    """One redemption of a batch, with a key of its own."""

    idempotency_key: Key
    merchant_id: Id
    amount_minor: AmountMinor
    currency: Currency
    partial: bool = False


class RedemptionBatch(Body, frozen=True, kw_only=True):
    """Up to 8,000 redemptions, each judged and booked by itself."""

    redemptions: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=8000)]


class Amount(msgspec.Struct, frozen=True):
    """An amount in minor units of a currency."""

    amount_minor: int
    currency: str


class Programme(msgspec.Struct, frozen=True):
    """A card programme."""

    id: str
    name: str
    currency: str
    number_prefix: str
    max_balance_minor: int | None
    max_load_minor: int | None
    created_at: datetime
    mode: Mode


class Merchant(msgspec.Struct, frozen=True):
    """A merchant; `balance` is what its customers paid less what went back."""

    id: str
    name: str
    balance: Amount
    created_at: datetime
    mode: Mode


class GiftCard(msgspec.Struct, frozen=True):
    """A card. Its number is told at issue, and under the same key for 15 minutes; then only its end."""

    id: str
    programme_id: str
    state: CardState
    last4: str
    holder_ref: str | None
    balance: Amount
    issued_at: datetime
    mode: Mode
    gan: str | UnsetType = UNSET


class GiftCardActivity(msgspec.Struct, frozen=True):
    """An entry of a card's history: what moved (0 where nothing did), and what the card held after it.

    `redemption_id` is the redemption that a refund or reversal was laid on, the newest where several.
    """

    id: str
    type: ActivityType
    gift_card_id: str
    amount_minor: int
    currency: str
    balance_minor: int
    merchant_id: str | None
    source: FundingSource | None
    redemption_id: str | None
    event_at: datetime
    recorded_at: datetime


class ProgrammePage(msgspec.Struct, frozen=True):
    """A page of programmes; `next_cursor` is null on the last one."""

    data: list[Programme]
    next_cursor: str | None


class MerchantPage(msgspec.Struct, frozen=True):
    """A page of merchants; `next_cursor` is null on the last one."""

    data: list[Merchant]
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
    """What was answered under an idempotency key: the thing that was made, or the problem."""

    key: str
    status: str
    activity: GiftCardActivity | None = None
    gift_card_id: str | None = None
    merchant_id: str | None = None
    programme_id: str | None = None
    problem: ProblemBody | None = None


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

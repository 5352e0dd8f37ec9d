"""The activities that may be asked for: one body for each type."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from koudai.api.scalars import (
    AmountMinor,
    Body,
    CaptureMinor,
    Currency,
    Device,
    Gan,
    Group,
    Id,
    Key,
    Moment,
    Name,
    PayCodeDigits,
    PinDigits,
    Private,
    Reason,
    Seconds,
    Word,
)
from koudai.cards import Channel, FundingSource, PaidTo, Purpose


class OnCard(Private, Body, frozen=True, kw_only=True):
    """What names a card: `gift_card_id` or `gan`, exactly one of them."""

    gift_card_id: Id | UnsetType = UNSET
    gan: Gan | UnsetType = UNSET


class Paying(OnCard, frozen=True, kw_only=True):
    """What pays: a card by `gift_card_id` or `gan`, or a `pay_code` in its place. A card with a PIN asks for it.

    A PIN is told on a `device`, where wrong ones are counted as well; a pay code needs none.
    """

    pay_code: PayCodeDigits | UnsetType = UNSET
    pin: PinDigits | None = None


class Activate(OnCard, frozen=True, kw_only=True, tag_field="type", tag="ACTIVATE"):
    """Make a pending card usable."""


class Load(OnCard, frozen=True, kw_only=True, tag_field="type", tag="LOAD"):
    """Put value on a card, naming where it came from.

    `payer` is who paid, `buyer` who bought it where that isn't the holder, and `refund_to` to whom it may go back,
    as you call them; a bearer card's payer has to be named where the law adds up what one payer buys. What may be
    done with the value (`may_pass` it on as a gift, `may_sell`, `may_refund`) is what its source allows where
    nothing is said: bonus isn't refunded, and what was bought on credit or by instalment isn't sold. Without
    `expires_at` it lasts for ever. `channel` is where it is bought, which the law asks: `remote` where nothing is
    said, `counter`, or `own_outlet` for one of the issuer's own.
    """

    amount_minor: AmountMinor
    currency: Currency
    source: FundingSource
    payer: Name | None = None
    buyer: Name | None = None
    refund_to: Name | None = None
    expires_at: Moment | None = None
    may_pass: bool | None = None
    may_sell: bool | None = None
    may_refund: bool | None = None
    device: Device | None = None
    channel: Channel | None = None


class Line(Body, frozen=True, kw_only=True):
    """A line of a basket: a stock-keeping unit of a class of goods, for how much."""

    sku: Word
    goods_class: Word
    amount_minor: AmountMinor


Lines = Annotated[tuple[Line, ...], Meta(min_length=1, max_length=200, description="They come to the amount.")]


class Redeem(Paying, frozen=True, kw_only=True, tag_field="type", tag="REDEEM"):
    """Pay a merchant. With `partial`, what the card has available is taken when it isn't enough.

    `lines` are the basket, which a programme asks for that lists or excludes goods. With `partial`, those lines are
    paid that are payable; the answer says which weren't, and what is left of the tender.
    """

    merchant_id: Id
    amount_minor: AmountMinor
    currency: Currency
    partial: bool = False
    device: Device | None = None
    lines: Lines | None = None


class Authorise(Paying, frozen=True, kw_only=True, tag_field="type", tag="AUTHORISE"):
    """Reserve value for a merchant, for `ttl_s` seconds. The activity's id is the hold's id.

    With `partial`, what the card has available is reserved when it isn't enough. `lines` are as those of a
    redemption.
    """

    merchant_id: Id
    amount_minor: AmountMinor
    currency: Currency
    ttl_s: Seconds = 604_800
    partial: bool = False
    group: Group | None = None
    device: Device | None = None
    lines: Lines | None = None


class Capture(Body, frozen=True, kw_only=True, tag_field="type", tag="CAPTURE"):
    """Pay the merchant what a hold reserves: all of it, or a part, once or several times.

    `final` gives back what is left: an entry RELEASE of its own behind the capture. With `group` all its
    open holds are captured whole, or none; the answer is the entry of the first one.
    """

    hold_id: Id | UnsetType = UNSET
    group: Group | UnsetType = UNSET
    amount_minor: CaptureMinor | UnsetType = UNSET
    final: bool = False


class Void(Body, frozen=True, kw_only=True, tag_field="type", tag="VOID"):
    """Cancel a hold, or all open holds of a group, of which nothing was captured: all of them or none."""

    hold_id: Id | UnsetType = UNSET
    group: Group | UnsetType = UNSET


class Refund(OnCard, frozen=True, kw_only=True, tag_field="type", tag="REFUND"):
    """Give value back to the card that paid: by `redemption_id`, or by the card and the merchant.

    The redemption may be a capture too. By card and merchant it is laid on the latest one first. What a
    replaced card paid goes to the card that took over. Where the card is closed or expired, or would hold too
    much, it goes to `to_gift_card_id`: another one of the same programme, kind and holder.
    """

    amount_minor: AmountMinor
    currency: Currency
    redemption_id: Id | UnsetType = UNSET
    merchant_id: Id | UnsetType = UNSET
    to_gift_card_id: Id | None = None


class Reversal(Body, frozen=True, kw_only=True, tag_field="type", tag="REVERSAL"):
    """Undo a redemption or capture whose answer never arrived: by its idempotency key, or by its id.

    By the key under which a group was captured all of it is undone, or nothing; by its id one capture. A key that never
    arrived is barred: the redemption, should it still come, is refused. `reason` says why, where it was something else;
    the books keep it with the key of the API that asked.
    """

    redemption_key: Key | UnsetType = UNSET
    redemption_id: Id | UnsetType = UNSET
    reason: Reason | None = None


class Transfer(OnCard, frozen=True, kw_only=True, tag_field="type", tag="TRANSFER"):
    """Carry value to another card of the programme, with its provenance; without an amount, all that may go.

    A `gift` takes what may be passed on, a `sale` what may be sold; both go by the programme's document. A `merge` is
    between cards of one holder that were split from one. `recipient` is who is meant to get it, if that is to be
    checked: limits count the holder of the other card. The answer is the entry of the card that gave.
    """

    to_gift_card_id: Id
    purpose: Purpose
    currency: Currency
    amount_minor: AmountMinor | None = None
    recipient: Name | None = None
    device: Device | None = None


class AdjustIncrement(OnCard, frozen=True, kw_only=True, tag_field="type", tag="ADJUST_INCREMENT"):
    """Correct what a card holds upwards, by hand. The API key stands for who made it.

    It creates value, so `approved_by` is a second person. `source` is what it counts as, `corrects_id` the
    activity of the card that it corrects.
    """

    amount_minor: AmountMinor
    currency: Currency
    reason: Reason
    approved_by: Name
    source: FundingSource = FundingSource.COMPANY
    corrects_id: Id | None = None


class AdjustDecrement(OnCard, frozen=True, kw_only=True, tag_field="type", tag="ADJUST_DECREMENT"):
    """Correct what a card holds downwards, by hand. The API key stands for who made it."""

    amount_minor: AmountMinor
    currency: Currency
    reason: Reason
    approved_by: Name | None = None
    corrects_id: Id | None = None


class Expire(OnCard, frozen=True, kw_only=True, tag_field="type", tag="EXPIRE"):
    """Take the value of expired lots off a card."""


class Renew(OnCard, frozen=True, kw_only=True, tag_field="type", tag="RENEW"):
    """Let a card last a further term, as its programme promised.

    With `expires_at`: give the value of it that expires before that date this one.
    """

    expires_at: Moment | None = None


class Reactivate(OnCard, frozen=True, kw_only=True, tag_field="type", tag="REACTIVATE"):
    """Let an expired card go on: it lasts a new term from now. The entry is a RENEW."""


class Close(OnCard, frozen=True, kw_only=True, tag_field="type", tag="DEACTIVATE"):
    """End a card for good. What was paid for on it is paid out, by the rules of its programme's pack; bonus lapses.

    `paid_to` is needed where it holds such value, and `account_ref` unless that is cash. `identity_ref` is whose
    identity paper was checked, `buyer_ref` the buyer's: where the law asks for a paper, they are holders here, and
    the buyer is who paid for what the card holds; `bought_by_company` counts where nobody who is known did. With
    `partial` only what may go to that account and that buyer is paid out, and the card goes on with the rest, if there
    is one. All of these are refs, and no account's number. The answer is the first entry: PAY_OUT, FEE, EXPIRE or
    DEACTIVATE. The API key stands for who made it.
    """

    reason: Reason
    paid_to: PaidTo | None = None
    account_ref: Name | None = None
    identity_ref: Name | None = None
    buyer_ref: Name | None = None
    bought_by_company: bool = False
    partial: bool = False


class Block(OnCard, frozen=True, kw_only=True, tag_field="type", tag="BLOCK"):
    """Stop a card for its issuer: value can still come back to it, but not leave it nor be loaded."""


class Unblock(OnCard, frozen=True, kw_only=True, tag_field="type", tag="UNBLOCK"):
    """Take the issuer's block off a card; it goes on unless others restrict it too."""

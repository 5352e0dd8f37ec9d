"""The JSON of what happens late in a card's life: exchanges, reminders, and the register of cards handed back."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from koudai.api.scalars import Body
from koudai.api.shapes import Amount, GiftCard, GiftCardActivity
from koudai.cards import PaidTo
from koudai.programmes import NoticeKind


class Exchange(msgspec.Struct, frozen=True):
    """What an exchange made: the entry of the old card, and the new card with its number."""

    activity: GiftCardActivity
    gift_card: GiftCard


class NoticeTake(Body, frozen=True, kw_only=True):
    """How many reminders are taken at most, but for those of the last card."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class CardNotice(msgspec.Struct, frozen=True):
    """A reminder that a card's holder is due: so many days before `of`, its expiry, or after it, its last use."""

    gift_card_id: str
    holder_ref: str | None
    last4: str
    kind: NoticeKind
    days: int
    of: datetime
    balance: Amount


class CardNotices(msgspec.Struct, frozen=True):
    """Reminders that were taken: they are due no more."""

    data: list[CardNotice]


class CardNoticePage(msgspec.Struct, frozen=True):
    """A page of reminders that are due; `next_cursor` is null on the last one."""

    data: list[CardNotice]
    next_cursor: str | None


class Payout(msgspec.Struct, frozen=True):
    """A card that was handed back: what was paid out of it, `fee_minor` of that kept, to where, on whose papers."""

    activity_id: str
    gift_card_id: str
    amount: Amount
    fee_minor: int
    paid_to: PaidTo
    account_ref: str | None
    identity_ref: str | None
    buyer_ref: str | None
    reason: str
    made_by: str
    recorded_at: datetime


class PayoutPage(msgspec.Struct, frozen=True):
    """A page of the register, oldest first; `next_cursor` is null on the last one."""

    data: list[Payout]
    next_cursor: str | None

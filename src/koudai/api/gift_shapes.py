"""The JSON of replacements and gifts."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from koudai.api.scalars import Body, Device, Moment, Name, Private
from koudai.api.shapes import GiftCard, GiftCardActivity
from koudai.cards import GiftState, ReplaceReason

Greeting = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
LinkBase = Annotated[
    str, Meta(max_length=500, pattern=r"^https://[^\s#?]+[^\s#?/]$", description="Such as https://gifts.example.org.")
]
Token = Annotated[str, Meta(min_length=1, max_length=200, description="What stands behind the # of the link.")]


class NewReplacement(Body, frozen=True, kw_only=True):
    """Why a card is replaced."""

    reason: ReplaceReason


class Replacement(msgspec.Struct, frozen=True):
    """What a replacement made: the entry of the old card, and the new one with its number."""

    activity: GiftCardActivity
    gift_card: GiftCard


class NewGift(Private, Body, frozen=True, kw_only=True):
    """A whole card as a gift: to the holder `to_ref`, or to whoever has the link.

    `from_name` is all that who claims it learns of the giver. `face` names the picture on it. It can't be claimed
    before `deliver_at`, at most 366 days from now. With `link_base`, where the issuer's claim page is, the answer has
    the whole link, and a picture of it.
    """

    to_ref: Name | None = None
    greeting: Greeting | None = None
    from_name: Name | None = None
    face: Name | None = None
    deliver_at: Moment | None = None
    device: Device | None = None
    link_base: LinkBase | None = None


class GiftClaim(Private, Body, frozen=True, kw_only=True):
    """The link's token, and the holder who claims: needed where the card is registered or the programme asks."""

    token: Token
    holder_ref: Name | None = None


class Gift(Private, msgspec.Struct, frozen=True):
    """A gift as its giver sees it; not who claimed it.

    `greeting` and `from_name` are null where nothing was said, 15 minutes after its end, and once the giver is erased.
    `identity` is how well who claims it has to be known. `token` and `path`, the end of the link, are told at giving
    and for 15 minutes under the same key; nobody learns them later. `link` is the whole one, behind the `link_base`
    that was told, and `link_qr_svg` its QR code.
    """

    id: str
    gift_card_id: str
    state: GiftState
    identity: str
    to_ref: str | None
    greeting: str | None
    from_name: str | None
    face: str | None
    deliver_at: datetime | None
    claim_until: datetime
    token: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    link: str | UnsetType = UNSET
    link_qr_svg: str | UnsetType = UNSET


class GiftPage(msgspec.Struct, frozen=True):
    """A page of gifts as their givers see them, oldest first; `next_cursor` is null on the last one."""

    data: list[Gift]
    next_cursor: str | None


class ClaimedGift(Private, msgspec.Struct, frozen=True):
    """What who claimed a gift has of it: his card with its number, and what the giver wished to say."""

    gift_card: GiftCard
    greeting: str | None
    from_name: str | None
    face: str | None

"""Replacements and gifts: cards that are issued anew, for their holder or for whoever claims them."""

import msgspec
from msgspec import UNSET

from koudai import cards
from koudai.api.commands import in_utc
from koudai.api.door import Call
from koudai.api.gift_cards import shown
from koudai.api.gift_shapes import ClaimedGift, Gift, GiftPage, Replacement
from koudai.api.ids import CARD
from koudai.api.problems import ApiProblem, Problem
from koudai.api.shapes import GiftCard, GiftCardActivity
from koudai.base import Refused
from koudai.cards.secrets.pictures import qr_svg
from koudai.ledger import Place
from koudai.pg import Tx


def _issued(call: Call, made: cards.Minted) -> GiftCard:
    (one,) = made.cards
    (card,) = shown(call, [one.card])
    return msgspec.structs.replace(card, gan=one.number or UNSET)


async def replace(call: Call) -> Replacement | Refused:
    """POST /v1/gift_cards/{id}/replace: the new card's number is told as that of an issued one."""
    wish = cards.Replace(key=call.key, card=call.door.ids.card(call.path("id")), reason=call.body.reason)
    (made,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish], call.door.instance.keyring))
    if isinstance(made, Refused):
        return made
    return Replacement(call.door.ids.activities([made.activity])[0], _issued(call, made))


async def give(call: Call) -> Gift | Refused:
    """POST /v1/gift_cards/{id}/gifts: the token is told as a card's number at issue."""
    body, instance = call.body, call.door.instance
    said = body.greeting is not None or body.from_name is not None
    wish = cards.GiveGift(
        key=call.key, card=call.door.ids.card(call.path("id")), to_ref=body.to_ref,
        words=cards.Words(body.greeting, body.from_name) if said else None, face=body.face,
        deliver_at=None if body.deliver_at is None else in_utc("deliver_at", body.deliver_at), device=body.device,
    )  # fmt: skip
    (made,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish], instance.keyring, instance.vault))
    return made if isinstance(made, Refused) else _shown(call, made.gift, made.token, body.link_base)


def _shown(call: Call, gift: cards.Gift, token: str | None = None, base: str | None = None) -> Gift:
    gift_id = call.door.ids.gift_id(gift.place)
    path = cards.gift_path(gift_id, token) if token else UNSET
    link = f"{base}{path}" if base and path else UNSET
    (card_id,) = call.door.ids.of(CARD, [gift.card_id])
    return Gift(
        gift_id, card_id, gift.state, gift.identity, gift.to_ref, gift.words.greeting, gift.words.from_name, gift.face,
        gift.deliver_at, gift.claim_until, token or UNSET, path, link, qr_svg(link) if link else UNSET,
    )  # fmt: skip


async def show(call: Call) -> Gift:
    """GET /v1/gifts/{id}"""
    place, vault = call.door.ids.gift(call.path("id")), call.door.instance.vault
    found = await call.transact(lambda tx: cards.find_gifts(tx, call.book, [place], vault))
    if place not in found:
        raise Problem(ApiProblem.NOT_FOUND)
    return _shown(call, found[place])


async def page(call: Call) -> GiftPage:
    """GET /v1/gifts: oldest first."""
    ids, limit = call.door.ids, call.limit
    after, vault = ids.cursor(call.query("cursor")) or Place(0, 0), call.door.instance.vault
    found = await call.transact(lambda tx: cards.page_gifts(tx, call.book, after, limit + 1, vault))
    more = ids.cursor_of(*found[limit - 1].place) if len(found) > limit else None
    return GiftPage([_shown(call, gift) for gift in found[:limit]], more)


async def claim(call: Call) -> ClaimedGift | Refused:
    """POST /v1/gifts/{id}/claim: the card's number is told as that of an issued one; of the giver's card nothing."""
    place, instance = call.door.ids.gift(call.path("id")), call.door.instance
    keyring, vault = instance.keyring, instance.vault
    token_hash = cards.token_hash(keyring, call.body.token)
    wish = cards.ClaimGift(key=call.key, gift=place, token_hash=token_hash, holder_ref=call.body.holder_ref)

    async def work(tx: Tx) -> tuple[cards.Minted | Refused, cards.Gift | None]:
        (made,) = await cards.run(tx, call.book, [wish], keyring)
        return made, (await cards.find_gifts(tx, call.book, [place], vault)).get(place)

    made, gift = await call.transact(work)
    if isinstance(made, Refused):
        return made
    assert gift is not None, "what was claimed is there"
    card = msgspec.structs.replace(_issued(call, made), parent_id=UNSET, root_id=UNSET)
    return ClaimedGift(card, gift.words.greeting, gift.words.from_name, gift.face)


async def withdraw(call: Call) -> GiftCardActivity | Refused:
    """POST /v1/gifts/{id}/withdraw: the answer is the entry of the giver's card."""
    wish = cards.WithdrawGift(key=call.key, gift=call.door.ids.gift(call.path("id")))
    (made,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish]))
    return made if isinstance(made, Refused) else call.door.ids.activities([made])[0]

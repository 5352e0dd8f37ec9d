"""Gift cards: issued, listed, shown, and found by their number."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from koudai import cards
from koudai.api.commands import as_lines, known_currency
from koudai.api.door import Call
from koudai.api.gate import require
from koudai.api.ids import CARD, PROGRAMME
from koudai.api.life_shapes import Exchange
from koudai.api.problems import ApiProblem, Problem
from koudai.api.shapes import Amount, GiftCard, GiftCardPage, Split
from koudai.base import Refused
from koudai.cards import Card, CardRefusal, Issue, Issued, Minted
from koudai.identity import Scope


def shown(call: Call, found: Sequence[Card]) -> list[GiftCard]:
    """Cards as they are shown, without their numbers."""
    ids = call.door.ids.of(CARD, [card.id for card in found])
    programmes = call.door.ids.of(PROGRAMME, [card.programme_id for card in found])
    # A card that doesn't come from another one is its own root, and says nothing of it.
    related = [one for c in found for one in (c.successor_id, c.parent_id, c.parent_id and c.root_id) if one]
    told: dict[int | None, str] = dict(zip(related, call.door.ids.of(CARD, related), strict=True))
    return [
        GiftCard(
            id_, programme_id, c.state, c.last4, c.holder_ref, Amount(c.balance_minor, c.asset), c.held_minor,
            c.available_minor, c.issued_at, call.principal.mode, told.get(c.successor_id, UNSET),
            parent_id=told.get(c.parent_id, UNSET), root_id=told[c.root_id] if c.parent_id else UNSET,
            expires_at=c.expires_at or UNSET,
        )
        for c, id_, programme_id in zip(found, ids, programmes, strict=True)
    ]  # fmt: skip


async def create(call: Call) -> GiftCard | Refused:
    """POST /v1/gift_cards: the answer has the card's number, and so has every repetition for 15 minutes."""
    wish = Issue(
        key=call.key,
        programme_id=call.door.ids.programme(call.body.programme_id),
        active=call.body.active,
        holder_ref=call.body.holder_ref,
        pin=None if call.body.pin is None else call.door.ids.pin(call.body.pin),
    )
    (outcome,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish], call.door.instance.keyring))
    if not isinstance(outcome, Issued):
        return outcome
    (card,) = shown(call, [outcome.card])
    return msgspec.structs.replace(card, gan=outcome.number or UNSET)


async def split(call: Call) -> Split | Refused:
    """POST /v1/gift_cards/{id}/split: the numbers of the new cards are told as that of an issued one."""
    wish = cards.Split(
        key=call.key, card=call.door.ids.card(call.path("id")), pieces=call.body.amounts_minor,
        asset=known_currency(call.body.currency), device=call.body.device,
    )  # fmt: skip
    (outcome,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish], call.door.instance.keyring))
    return outcome if isinstance(outcome, Refused) else _minted(call, outcome)


async def spend_split(call: Call) -> Split | Refused:
    """POST /v1/gift_cards/{id}/spend_and_split: the activity is the redemption, and the new card has the rest."""
    require(call.principal, Scope.CARDS_REDEEM)
    ids, keyring = call.door.ids, call.door.instance.keyring
    wish = cards.SpendSplit(
        key=call.key, card=ids.card(call.path("id")), merchant_id=ids.merchant(call.body.merchant_id),
        amount_minor=call.body.amount_minor, asset=known_currency(call.body.currency), device=call.body.device,
        pin=None if call.body.pin is None else ids.pin(call.body.pin),
        lines=None if call.body.lines is None else as_lines(call.body.lines),
    )  # fmt: skip
    (outcome,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish], keyring))
    return outcome if isinstance(outcome, Refused) else _minted(call, outcome)


def _minted(call: Call, outcome: Minted) -> Split:
    made = shown(call, [piece.card for piece in outcome.cards])
    pieces = [
        msgspec.structs.replace(card, gan=piece.number or UNSET)
        for card, piece in zip(made, outcome.cards, strict=True)
    ]
    return Split(call.door.ids.activities([outcome.activity])[0], pieces)


async def exchange(call: Call) -> Exchange | Refused:
    """POST /v1/gift_cards/{id}/exchange: the number of the new card is told as that of an issued one."""
    wish = cards.Exchange(key=call.key, card=call.door.ids.card(call.path("id")))
    (outcome,) = await call.transact(lambda tx: cards.run(tx, call.book, [wish], call.door.instance.keyring))
    if not isinstance(outcome, cards.Minted):
        return outcome
    (made,) = outcome.cards
    (card,) = shown(call, [made.card])
    return Exchange(
        call.door.ids.activities([outcome.activity])[0], msgspec.structs.replace(card, gan=made.number or UNSET)
    )


async def family(call: Call) -> GiftCardPage:
    """GET /v1/gift_cards/{id}/family: the cards that come from the same root by splits, oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    card_id, after = call.door.ids.card(call.path("id")), cursor.batch_id if cursor else 0
    found = await call.transact(lambda tx: cards.page_family(tx, call.book, card_id, after, limit + 1))
    if found is None:
        raise Problem(ApiProblem.NOT_FOUND)
    more = call.door.ids.cursor_of(found[limit - 1].id) if len(found) > limit else None
    return GiftCardPage(shown(call, found[:limit]), more)


async def page(call: Call) -> GiftCardPage:
    """GET /v1/gift_cards: oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    after = cursor.batch_id if cursor else 0
    found = await call.transact(lambda tx: cards.page_cards(tx, call.book, after, limit + 1))
    more = call.door.ids.cursor_of(found[limit - 1].id) if len(found) > limit else None
    return GiftCardPage(shown(call, found[:limit]), more)


async def show(call: Call) -> GiftCard:
    """GET /v1/gift_cards/{id}"""
    card_id = call.door.ids.card(call.path("id"))
    found = await call.transact(lambda tx: cards.cards_by_id(tx, call.book, [card_id]))
    if card_id not in found:
        raise Problem(ApiProblem.NOT_FOUND)
    return shown(call, [found[card_id]])[0]


async def from_gan(call: Call) -> GiftCard | Refused:
    """POST /v1/gift_cards/from_gan: a number stands in the body, as an address would be logged."""
    number_hash = call.door.ids.number_hash(call.body.gan)
    card = await call.transact(lambda tx: cards.card_by_number(tx, call.book, number_hash))
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    # Who has a dead number learns nothing of the card that took its place.
    return msgspec.structs.replace(shown(call, [card])[0], successor_id=UNSET)

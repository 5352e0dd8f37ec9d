"""Gift cards: issued, listed, shown, and found by their number."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from koudai import cards
from koudai.api.door import Call
from koudai.api.ids import CARD, PROGRAMME
from koudai.api.problems import ApiProblem, Problem
from koudai.api.shapes import Amount, GiftCard, GiftCardPage
from koudai.base import Refused
from koudai.cards import Card, CardRefusal, Issue, Issued


def _shown(call: Call, found: Sequence[Card]) -> list[GiftCard]:
    ids = call.door.ids.of(CARD, [card.id for card in found])
    programmes = call.door.ids.of(PROGRAMME, [card.programme_id for card in found])
    replaced = [card.successor_id for card in found if card.successor_id is not None]
    successors: dict[int | None, str] = dict(zip(replaced, call.door.ids.of(CARD, replaced), strict=True))
    return [
        GiftCard(
            id_, programme_id, c.state, c.last4, c.holder_ref, Amount(c.balance_minor, c.asset), c.held_minor,
            c.available_minor, c.issued_at, call.principal.mode, successors.get(c.successor_id, UNSET),
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
    )
    (outcome,) = await call.transact(lambda tx: cards.issue(tx, call.book, [wish], call.door.instance.keyring))
    if not isinstance(outcome, Issued):
        return outcome
    (card,) = _shown(call, [outcome.card])
    return msgspec.structs.replace(card, gan=outcome.number or UNSET)


async def page(call: Call) -> GiftCardPage:
    """GET /v1/gift_cards: oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    after = cursor.batch_id if cursor else 0
    found = await call.transact(lambda tx: cards.page_cards(tx, call.book, after, limit + 1))
    more = call.door.ids.cursor_of(found[limit - 1].id) if len(found) > limit else None
    return GiftCardPage(_shown(call, found[:limit]), more)


async def show(call: Call) -> GiftCard:
    """GET /v1/gift_cards/{id}"""
    card_id = call.door.ids.card(call.path("id"))
    found = await call.transact(lambda tx: cards.cards_by_id(tx, call.book, [card_id]))
    if card_id not in found:
        raise Problem(ApiProblem.NOT_FOUND)
    return _shown(call, [found[card_id]])[0]


async def from_gan(call: Call) -> GiftCard | Refused:
    """POST /v1/gift_cards/from_gan: a number stands in the body, as an address would be logged."""
    number_hash = call.door.ids.number_hash(call.body.gan)
    card = await call.transact(lambda tx: cards.card_by_number(tx, call.book, number_hash))
    return _shown(call, [card])[0] if card else Refused(CardRefusal.UNKNOWN_CARD)

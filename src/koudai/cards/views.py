"""What the doors read of programmes, cards and their history."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from koudai.cards.model import Activity, Card, Judged, Payout, Programme
from koudai.cards.restrict.model import Continuation, Ending, Queued, RestrictionKind, effective
from koudai.cards.store import (
    SQL,
    as_activity,
    as_card,
    as_restriction,
    find_programmes,
    read_activities,
    with_limits,
)
from koudai.ledger import Place
from koudai.pg import Tx, byteas, int8s
from koudai.policy import ProgrammeClass
from koudai.programmes import charter_of_book, count_charter_statement

__all__ = [
    "activities_of_card",
    "activity",
    "card_by_number",
    "cards_by_id",
    "find_programmes",
    "page_cards",
    "page_family",
    "page_judgements",
    "page_payouts",
    "page_programmes",
    "relation_with",
    "restrictions_of_card",
]  # fmt: skip


async def cards_by_id(tx: Tx, book: int, ids: list[int]) -> dict[int, Card]:
    """Cards of a book with their balances; an unknown id is left out."""
    return {row[0]: as_card(row) for row in await tx.rows(SQL["find_cards"], book, int8s(ids))}


async def card_by_number(tx: Tx, book: int, number_hash: bytes) -> Card | None:
    """A card of a book by the keyed hash of its number."""
    row = await tx.row(SQL["ids_of_numbers"], book, byteas([number_hash]))
    return (await cards_by_id(tx, book, [row[1]])).get(row[1]) if row else None


class Relation(NamedTuple):
    """A holder's cards: how many are open, when the last one ended, and whether any is of many purposes."""

    open: int
    last_closed_at: datetime | None
    licensed: bool


async def relation_with(tx: Tx, book: int, holder_ref: str) -> Relation:
    """What a holder's cards say of the relation with him."""
    (row,) = await tx.rows(SQL["cards_of_holder"], book, holder_ref)
    (counted,) = await tx.together(count_charter_statement(book))
    _, charter = await charter_of_book(tx, book, counted)
    promised = (charter.promises.get(one) for one in row[2] or ())
    classes = {version.programme.class_ for one in promised if one is not None for version in one.versions}
    return Relation(row[0], row[1], ProgrammeClass.MULTI_PURPOSE in classes)


async def page_cards(tx: Tx, book: int, after: int, limit: int) -> list[Card]:
    """The next `limit` cards of a book after an id."""
    return [as_card(row) for row in await tx.rows(SQL["page_cards"], book, after, limit)]


async def page_family(tx: Tx, book: int, card_id: int, after: int, limit: int) -> list[Card] | None:
    """The next `limit` cards, after an id, that come by splits from the root of a card; None where that isn't there."""
    card = (await cards_by_id(tx, book, [card_id])).get(card_id)
    if card is None:
        return None
    return [as_card(row) for row in await tx.rows(SQL["page_family"], book, card.root_id, after, limit)]


async def page_programmes(tx: Tx, book: int, after: int, limit: int) -> list[Programme]:
    """The next `limit` programmes of a book after an id."""
    return await with_limits(tx, book, await tx.rows(SQL["page_programmes"], book, after, limit))


async def page_judgements(tx: Tx, book: int, after: Place, limit: int) -> list[Judged]:
    """What the law had to say of the next `limit` entries of a book behind a place, of which it said anything.

    Of an entry everything is told, so that there may be more than `limit` judgements.
    """
    rows = await tx.rows(SQL["page_judgements"], book, *after, limit)
    return [Judged(Place(row[0], row[1]), *row[2:]) for row in rows]


async def page_payouts(tx: Tx, book: int, after: Place, limit: int) -> list[Payout]:
    """The next `limit` rows of a book's register of cards handed back, after a place; oldest first."""
    rows = await tx.rows(SQL["payouts"], book, *after, limit)
    return [Payout(Place(row[0], row[1]), *row[2:]) for row in rows]


async def activity(tx: Tx, book: int, place: Place) -> Activity | None:
    """The activity at a place, if it is of this book."""
    return (await read_activities(tx, book, [place])).get(place)


async def activities_of_card(
    tx: Tx, book: int, card_id: int, begin: Place, limit: int
) -> tuple[list[Activity], Place | None]:
    """Up to `limit` entries of a card from the place `begin` backwards, and the place of the next one.

    A card's newest entry stands at `Card.newest`.
    """
    rows = await tx.rows(SQL["history"], book, card_id, *begin, limit + 1)
    entries = [as_activity(row) for row in rows]
    return entries[:limit], entries[limit].place if len(entries) > limit else None


async def restrictions_of_card(tx: Tx, book: int, card_id: int) -> list[Queued] | None:
    """All restrictions of a card, those in force by their queue and then those that ended; None where it isn't there.

    What each binds now is of what the card holds beside its holds.
    """
    if card_id not in await cards_by_id(tx, book, [card_id]):
        return None
    rows, continued = await tx.together(
        (SQL["restrictions_of_card"], int8s([card_id])), (SQL["continuations_of_card"], card_id)
    )  # fmt: skip
    made: dict[Place, tuple[Continuation, ...]] = defaultdict(tuple)
    for row in continued:
        made[Place(row[0], row[1])] += (Continuation(Place(row[2], row[3]), *row[4:]),)
    # One whose term is over binds nothing, though no entry says so yet.
    in_force = [row for row in rows if row[19]]
    bound = effective([row[6] for row in in_force], rows[0][20] if rows else 0)
    queued = [
        Queued(as_restriction(row), row[10], position, minor)
        for position, (row, minor) in enumerate(zip(in_force, bound, strict=True), 1)
    ]
    queued += [_ended(row) for row in rows if not row[19]]
    return [msgspec.structs.replace(one, continued=made[one.restriction.place]) for one in queued]


def _ended(row: Sequence[Any]) -> Queued:
    one = as_restriction(row)
    if row[11] is None:
        return Queued(one, row[10], None, None, Ending.LAPSED, None, one.until)
    kind = None if row[15] is None else RestrictionKind(row[15])
    place = Place(row[11], row[12])
    return Queued(one, row[10], None, None, Ending(row[13]), place, row[14], kind, *row[16:19])

"""The only caller of this room's SQL."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from koudai.cards.model import (
    Activity,
    ActivityType,
    BasketLine,
    Card,
    CardState,
    Entry,
    NewCard,
    Part,
    PayoutRow,
    Programme,
)
from koudai.cards.restrict.model import Order, Restriction, RestrictionKind
from koudai.ledger import DrawOrder, FundingSource, Limit, Place, limits_of_book
from koudai.pg import Statements, Tx, bools, byteas, columns, int4s, int8s, texts, times

SQL = Statements(Path(__file__).with_name("queries.sql"))


async def add_programme(
    tx: Tx,
    book: int,
    name: str,
    asset: str,
    number_prefix: str,
    max_balance: int | None,
    max_load: int | None,
    draw_order: DrawOrder,
) -> Programme:
    """Insert a programme."""
    row = await tx.row(SQL["add_programme"], book, name, asset, number_prefix, max_balance, max_load, draw_order)
    assert row is not None
    return _as_programme(row)


def _as_programme(row: Sequence[Any], limits: Sequence[Limit] = ()) -> Programme:
    return Programme(*(*row[:7], DrawOrder(row[7]), tuple(limits)))


def programmes_of_book(rows: Iterable[Sequence[Any]]) -> list[Programme]:
    """Programmes, without their limits, from the rows of `programmes_of_book`."""
    return [_as_programme(row) for row in rows]


async def with_limits(tx: Tx, book: int, rows: Iterable[Sequence[Any]]) -> list[Programme]:
    """Programmes with their limits."""
    limits = await limits_of_book(tx, book)
    return [_as_programme(row, limits.get(row[0], ())) for row in rows]


async def find_programmes(tx: Tx, book: int, ids: Iterable[int]) -> dict[int, Programme]:
    """Programmes of a book by id; an unknown id is left out."""
    rows = await tx.rows(SQL["find_programmes"], book, int4s(list(ids)))
    return {programme.id: programme for programme in await with_limits(tx, book, rows)}


_CARD = (int8s, int4s, texts, texts, byteas, byteas, texts, times, times, int8s, int8s, int4s, bools, int4s)
_PLACE = (int8s, int4s)
_ENTRY = (
    int4s, int4s, int8s, texts, int8s, int8s, int8s, int4s, texts, int8s, int4s, int8s, int4s, int8s, texts, texts,
    int8s, int4s, times,
)  # fmt: skip
_PART = (int4s, int8s, int4s, int8s)
_RESTRICTION = (int4s, int8s, texts, texts, texts, int8s, times, bools, texts)
_CONTINUED = (int4s, int8s, int4s, times, texts, texts, texts)
_ENDED = (int8s, int4s, int4s, texts, texts, texts, texts, texts)
_PAYOUT = (int4s, int8s, int8s, int8s, texts, texts, texts, texts, texts, texts)

Statement = tuple[Any, ...]


def by_place(statement: str, places: Iterable[Place], *before: Any) -> Statement:
    """A statement whose last parameters are places."""
    return (statement, *before, *columns(_PLACE, places))


def add_entries_statement(batch_id: int, entries: Sequence[Entry]) -> Statement:
    """The statement that adds entries to the history of cards."""
    return (SQL["add_activities"], batch_id, *columns(_ENTRY, entries))


def lay_refunds_statement(batch_id: int, parts: Sequence[Part]) -> Statement:
    """The statement that lays refunds on redemptions."""
    return (SQL["refund"], batch_id, *columns(_PART, parts))


def add_cards_statement(book: int, batch_id: int, cards: Sequence[NewCard]) -> Statement:
    """The statement that inserts cards; a number that is taken is a conflict."""
    return (SQL["add_cards"], book, batch_id, *columns(_CARD, cards))


def restrict_statement(batch_id: int, made: Sequence[Restriction]) -> Statement:
    """The statement that enters restrictions."""
    rows = [
        (one.place.ordinal, one.card_id, one.kind, one.authority, one.document, one.amount_minor, one.until,
         one.temporary, one.made_by)
        for one in made
    ]  # fmt: skip
    return (SQL["restrict"], batch_id, *columns(_RESTRICTION, rows))


def continue_restrictions_statement(batch_id: int, at: datetime, continued: Sequence[tuple[Any, ...]]) -> Statement:
    """The statement that continues restrictions."""
    return (SQL["continue_restrictions"], batch_id, at, *columns(_CONTINUED, continued))


def as_order(row: Sequence[Any]) -> Order:
    """By which order a card was frozen for a while, from a row of `temporary_freezes`."""
    return RestrictionKind(row[1]), row[2], row[3]


def end_restrictions_statement(batch_id: int, at: datetime, ended: Sequence[tuple[Any, ...]]) -> Statement:
    """The statement that ends restrictions."""
    return (SQL["end_restrictions"], batch_id, at, *columns(_ENDED, ended))


def as_restriction(row: Sequence[Any]) -> Restriction:
    """A restriction from the first columns of a row."""
    batch_id, ordinal, card_id, kind, *told = row[:10]
    return Restriction(Place(batch_id, ordinal), card_id, RestrictionKind(kind), *told)


def set_expiries_statement(batch_id: int, expiries: Mapping[int, datetime]) -> Statement:
    """The statement that gives cards another expiry."""
    return (SQL["set_expiries"], batch_id, *columns((int8s, times), list(expiries.items())))


def add_payouts_statement(book: int, batch_id: int, payouts: Sequence[PayoutRow]) -> Statement:
    """The statement that enters pay-outs in the register."""
    return (SQL["add_payouts"], book, batch_id, *columns(_PAYOUT, payouts))


def notice_columns(notices: Sequence[tuple[int, str, int, datetime]]) -> list[Any]:
    """Reminders (card, kind, days, of when) as the columns of a statement."""
    return list(columns((int8s, texts, int4s, times), notices))


def as_card(row: Sequence[Any]) -> Card:
    """A card from a row of `find_cards` or `page_cards`."""
    return Card(
        id=row[0],
        programme_id=row[1],
        state=CardState(row[2]),
        last4=row[3],
        holder_ref=row[4],
        asset=row[5],
        balance_minor=row[6],
        issued_at=row[7],
        newest=Place(row[8], row[9]),
        successor_id=row[10],
        held_minor=row[11],
        available_minor=row[12],
        parent_id=row[13],
        root_id=row[14],
        generation=row[15],
        expires_at=row[16],
    )


def as_activity(row: Sequence[Any]) -> Activity:
    """An activity from a row of `activities` or `history`."""
    return Activity(
        place=Place(row[0], row[1]),
        card_id=row[2],
        type=ActivityType(row[3]),
        amount_minor=row[4],
        asset=row[5],
        balance_minor=row[6],
        merchant_id=row[7],
        source=FundingSource(row[8]) if row[8] else None,
        redemption=Place(row[9], row[10]) if row[9] else None,
        event_at=row[11],
        recorded_at=row[12],
        held_minor=row[13],
        hold=Place(row[14], row[15]) if row[14] else None,
        other_card_id=row[16],
        remaining_minor=row[17] - row[4] if row[17] else 0,
        lines=tuple(BasketLine(*line) for line in msgspec.json.decode(row[18])) if row[18] else (),
    )


async def read_activities(tx: Tx, book: int, places: Iterable[Place]) -> dict[Place, Activity]:
    """Activities of a book by place; one of another book, or none, is left out."""
    rows = await tx.rows(*by_place(SQL["activities"], places, book))
    return {(found := as_activity(row)).place: found for row in rows}

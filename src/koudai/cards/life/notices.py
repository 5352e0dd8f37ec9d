"""Notices: which holders are due to be reminded of what, and each reminder handed once to who sends it (P14).

Cards stand in a line by when a reminder of them is next due, so that nobody looks at the others. Who takes reminders
looks at those in front, and puts each where it is due again. A use moves a reminder out and writes nothing: a card may
be looked at in vain. What brings one nearer (value on an empty card, an activation, another expiry, a use that is
entered late, another version in effect) puts the card in front in its own batch; while somebody looks at the card it
waits for that, so that it can't be overlooked.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from koudai.base import Refused
from koudai.cards.life.store import SQL
from koudai.cards.store import notice_columns
from koudai.ledger import Memory, Place, open_batch, request_text, time_of_book, write
from koudai.pg import Tx, columns, int4s, int8s, times
from koudai.programmes import (
    Kind,
    Notice,
    NoticeKind,
    Promises,
    charter_of_book,
    count_charter_statement,
    next_look,
    notices_due,
)

LOOKED_AT_ONCE = 1_000
"""How many cards are looked at together at most."""

_NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class DueNotice(msgspec.Struct, frozen=True):
    """A reminder that the holder of a card is due: `notice` says of what, and so many days from which moment."""

    card_id: int
    holder_ref: str | None
    last4: str
    notice: Notice
    balance_minor: int
    asset: str


class DuePage(NamedTuple):
    """Reminders that are due, and behind which card the line goes on; None where it came to the end."""

    notices: list[DueNotice]
    next_after: int | None


class _Spot(NamedTuple):
    """Where a card stands in line."""

    programme_id: int
    versions: int
    look_at: datetime
    card_id: int


class _Look(NamedTuple):
    """What is due of a card, and when it is looked at again once that was taken."""

    spot: _Spot
    due: list[DueNotice]
    next_at: datetime


_FRONT = _Spot(0, -1, datetime(1970, 1, 1, tzinfo=UTC), 0)


class _Line(NamedTuple):
    """The line of a book at its time: the programmes that remind, by id."""

    book: int
    promises: Mapping[int, Promises]
    now: datetime

    def seen(self, programme_id: int) -> int:
        """What a card that is looked at now notes of the versions of its programme."""
        return self.promises[programme_id].taken_effect(self.now) + 1


async def due_notices(tx: Tx, book: int, after: int, limit: int) -> DuePage:
    """Which reminders are due of the next cards in line, behind a card (0: from the front); a card's are never cut.

    Of cards that hold value: nobody is reminded of an empty one. A card's last use is when it was last loaded or paid
    with, or else its issue. Where that card isn't in line any more, since its reminders were taken, it is begun anew:
    some may be told again, and none is left out.
    """
    line = await _line_of(tx, book)
    spot, found = await _spot_of(tx, line, after), list[DueNotice]()
    looked, at_once = 0, min(limit, LOOKED_AT_ONCE)
    while looked < LOOKED_AT_ONCE:
        spots = await _behind(tx, line, spot, at_once, SQL["line"])
        for look in await _look_at(tx, line, spots):
            found += look.due
            if len(found) >= limit:
                return DuePage(found, look.spot.card_id)
        if len(spots) < at_once:
            return DuePage(found, None)
        spot, looked, at_once = spots[-1], looked + len(spots), min(2 * at_once, LOOKED_AT_ONCE)
    return DuePage(found, spot.card_id)


async def take_notices(tx: Tx, book: int, key: str, limit: int) -> list[DueNotice] | Refused:
    """Take up to about `limit` reminders that are due; what was taken is due no more, whoever asks.

    The same key answers the same reminders again, for an answer that was lost. Cards that another takes reminders of
    at the same time, or that something happens to, are left to that one and to the next time.
    """
    sheet = await open_batch(tx, book, {key})
    request = request_text({"verb": "take_notices", "limit": limit})
    known = sheet.keys.recall(key, request)
    if isinstance(known, Refused):
        return known
    if known is not None:
        return known.as_refusal() or await _taken(tx, book, known.place)
    place = Place(sheet.batch_id, sheet.next_ordinal())
    sheet.keys.remember(key, Memory(request, place, facts=request_text({"notices": limit})))
    write(tx, sheet)
    line = await _line_of(tx, book)
    spot, at_once = _FRONT, min(limit, LOOKED_AT_ONCE)
    while limit > 0:
        spots = await _behind(tx, line, spot, at_once, SQL["lock_line"])
        limit -= await _take(tx, line, await _look_at(tx, line, spots), place, limit)
        if len(spots) < at_once:
            break
        # No more are locked than are needed, unless few of them are due anything.
        spot, at_once = spots[-1], min(2 * at_once, LOOKED_AT_ONCE)
    return await _taken(tx, book, place)


async def _take(tx: Tx, line: _Line, looks: Sequence[_Look], place: Place, limit: int) -> int:
    """Take what is due of locked cards until there is enough, and put those on to where they are next due; how many."""
    gone: list[_Look] = []
    wanted: list[tuple[int, str, int, datetime]] = []
    for look in looks:
        if len(wanted) >= limit:
            break
        gone.append(look)
        wanted += [(one.card_id, str(one.notice.kind), one.notice.days, one.notice.of) for one in look.due]
    if gone:
        moved = [(spot.card_id, line.seen(spot.programme_id), next_at) for spot, _, next_at in gone]
        await tx.rows(SQL["looked_at"], *columns((int8s, int4s, times), moved))
    return len(await tx.rows(SQL["take_notices"], *notice_columns(wanted), *place)) if wanted else 0


async def _line_of(tx: Tx, book: int) -> _Line:
    (counted,) = await tx.together(count_charter_statement(book))
    _, charter = await charter_of_book(tx, book, counted)
    reminding = {one: charter.promises[one] for one in sorted(charter.promises) if charter.promises[one].reminds}
    return _Line(book, reminding, await time_of_book(tx, book))


async def _spot_of(tx: Tx, line: _Line, card_id: int) -> _Spot:
    """Where a card stands in line; the front where it isn't there."""
    rows = await tx.rows(SQL["spot"], int8s([card_id]))
    spot = _Spot(*rows[0]) if rows else _FRONT
    programme_id, *at, _ = spot
    return spot if programme_id in line.promises and at <= [line.seen(programme_id), line.now] else _FRONT


async def _behind(tx: Tx, line: _Line, spot: _Spot, limit: int, statement: str) -> list[_Spot]:
    """The next cards in line behind a spot, programme by programme."""
    found: list[_Spot] = []
    for programme_id in line.promises:
        if programme_id < spot.programme_id or len(found) == limit:
            continue
        behind = (spot if programme_id == spot.programme_id else _FRONT)[1:]
        until = line.seen(programme_id), line.now
        rows = await tx.rows(statement, programme_id, *until, *behind, limit - len(found))
        found += [_Spot(*row) for row in rows]
    return found


async def _look_at(tx: Tx, line: _Line, spots: Sequence[_Spot]) -> list[_Look]:
    """What is due of cards, and when they are next looked at, in the order of the line."""
    if not spots:
        return []
    ids = int8s([spot.card_id for spot in spots])
    rows, taken = await tx.together(
        (SQL["cards_with_notices"], line.book, ids, line.now), (SQL["notices_of_cards"], ids)
    )
    sent: dict[int, list[Notice]] = defaultdict(list)
    for card_id, *told in taken:
        sent[card_id].append(_notice(told))
    known = {row[0]: row for row in rows}
    looks: list[_Look] = []
    for spot in spots:
        row = known.get(spot.card_id)
        looks.append(_Look(spot, [], _NEVER) if row is None else _looked(line, spot, row, sent[spot.card_id]))
    return looks


def _looked(line: _Line, spot: _Spot, row: Sequence[Any], sent: Sequence[Notice]) -> _Look:
    """What is due of a card that is active and holds value; one that is stopped for a while is looked at again then."""
    card_id, programme_id, holder_ref, promised_at, expires_at, last4, asset, balance, used_at, free_at = row
    if free_at is not None:
        return _Look(spot, [], free_at)
    programme = line.promises[programme_id].terms(promised_at, line.now).programme
    terms = programme.of_kind(Kind.BEARER if holder_ref is None else Kind.REGISTERED)
    # A later version may have freed the card of its expiry.
    lasts = expires_at if terms is not None and terms.validity.days is not None else None
    due = notices_due(programme.notices, lasts, used_at, sent, line.now)
    told = [DueNotice(card_id, holder_ref, last4, notice, balance, asset) for notice in due]
    return _Look(spot, told, next_look(programme.notices, lasts, used_at, line.now) or _NEVER)


async def _taken(tx: Tx, book: int, place: Place) -> list[DueNotice]:
    rows = await tx.rows(SQL["notices_taken"], book, *place)
    return [
        DueNotice(card_id, ref, last4, _notice(told), balance, asset)
        for card_id, *told, ref, last4, asset, balance in rows
    ]


def _notice(told: list[Any]) -> Notice:
    kind, days, of = told
    return Notice(NoticeKind(kind), days, of)

"""Notices: which holders are due to be reminded of what, and each reminder handed once to who sends it (P14)."""

from collections import defaultdict
from typing import Any, NamedTuple

import msgspec

from koudai.base import Refused
from koudai.cards.life.store import SQL
from koudai.cards.store import notice_columns
from koudai.ledger import Memory, Place, open_batch, request_text, time_of_book, write
from koudai.pg import Tx, int4s, int8s
from koudai.programmes import (
    Kind,
    Notice,
    NoticeKind,
    Promises,
    charter_of_book,
    count_charter_statement,
    notices_due,
)

WALKED_AT_ONCE = 1_000
"""How many cards are looked at for one page."""


class DueNotice(msgspec.Struct, frozen=True):
    """A reminder that the holder of a card is due: `notice` says of what, and so many days from which moment."""

    card_id: int
    holder_ref: str | None
    last4: str
    notice: Notice
    balance_minor: int
    asset: str


class DuePage(NamedTuple):
    """Reminders that are due, and after which card the walk goes on; None where it came to the end."""

    notices: list[DueNotice]
    next_after: int | None


async def due_notices(tx: Tx, book: int, after: int, limit: int) -> DuePage:
    """Which reminders are due of the next cards of a book, after an id; those of the last card are never cut.

    Of cards that hold value: nobody is reminded of an empty one. A card's last use is when it was last loaded or paid
    with, or else its issue.
    """
    (counted,) = await tx.together(count_charter_statement(book))
    _, charter = await charter_of_book(tx, book, counted)
    promises = charter.promises
    programmes = [one for one, promised in promises.items() if _reminds(promised)]
    if not programmes:
        return DuePage([], None)
    now = await time_of_book(tx, book)
    rows = await tx.rows(SQL["cards_with_notices"], book, int4s(programmes), after, WALKED_AT_ONCE)
    sent: dict[int, list[Notice]] = defaultdict(list)
    for card_id, *told in await tx.rows(SQL["notices_of_cards"], int8s([row[0] for row in rows])):
        sent[card_id].append(_notice(told))
    found: list[DueNotice] = []
    for card_id, programme_id, holder_ref, promised_at, expires_at, last4, asset, balance, used_at in rows:
        programme = promises[programme_id].terms(promised_at, now).programme
        terms = programme.of_kind(Kind.BEARER if holder_ref is None else Kind.REGISTERED)
        # A later version may have freed the card of its expiry.
        lasts = expires_at if terms is not None and terms.validity.days is not None else None
        due = notices_due(programme.notices, lasts, used_at, sent[card_id], now)
        found += [DueNotice(card_id, holder_ref, last4, notice, balance, asset) for notice in due]
        if len(found) >= limit:
            return DuePage(found, card_id)
    return DuePage(found, rows[-1][0] if len(rows) == WALKED_AT_ONCE else None)


async def take_notices(tx: Tx, book: int, key: str, limit: int) -> list[DueNotice] | Refused:
    """Take up to about `limit` reminders that are due; what was taken is due no more, whoever asks.

    The same key answers the same reminders again, for an answer that was lost.
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
    after: int | None = 0
    while after is not None and limit > 0:
        page, after = await due_notices(tx, book, after, limit)
        wanted = [(one.card_id, str(one.notice.kind), one.notice.days, one.notice.of) for one in page]
        if wanted:
            limit -= len(await tx.rows(SQL["take_notices"], *notice_columns(wanted), *place))
    return await _taken(tx, book, place)


async def _taken(tx: Tx, book: int, place: Place) -> list[DueNotice]:
    rows = await tx.rows(SQL["notices_taken"], book, *place)
    return [
        DueNotice(card_id, ref, last4, _notice(told), balance, asset)
        for card_id, *told, ref, last4, asset, balance in rows
    ]


def _notice(told: list[Any]) -> Notice:
    kind, days, of = told
    return Notice(NoticeKind(kind), days, of)


def _reminds(promises: Promises) -> bool:
    said = [version.programme.notices for version in promises.versions]
    return any(one.before_expiry_days or one.silence_days for one in said)

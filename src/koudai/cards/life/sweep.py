"""Sweep: what is due without anybody asking is done to cards that nobody touches."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from koudai.cards.life.store import SQL
from koudai.cards.run import touch
from koudai.ledger import time_of_book
from koudai.pg import Database, Tx
from koudai.programmes import Kind, Promises, Renewal, charter_of_book, count_charter_statement

AT_ONCE = 500
"""How many cards one transaction takes, so that nobody waits long behind it."""


class Spot(NamedTuple):
    """How far a sweep came: programme by programme, by when the time of a card was over."""

    programme_id: int
    expires_at: datetime
    card_id: int


FRONT = Spot(0, datetime(1970, 1, 1, tzinfo=UTC), 0)
"""Where a sweep begins."""


class Swept(NamedTuple):
    """How many cards were renewed, and behind which the next sweep goes on; None where it came to the end."""

    renewed: int
    next_after: Spot | None


_BREATH_S = 0.05


async def sweep_all(db: Database, book: int) -> int:
    """Sweep all cards of a book, in small pieces with a breath between them. How many were renewed."""
    renewed, after = 0, FRONT
    while True:
        swept = await db.transact(partial(sweep, book=book, after=after))
        renewed += swept.renewed
        if swept.next_after is None:
            return renewed
        after = swept.next_after
        await asyncio.sleep(_BREATH_S)


async def sweep(tx: Tx, book: int, after: Spot = FRONT, limit: int = AT_ONCE) -> Swept:
    """Renew the next cards of a book, behind a spot, that renew by themselves and whose time is over.

    Cards that don't need nothing: that their time is over is told by their date.
    """
    (counted,) = await tx.together(count_charter_statement(book))
    _, charter = await charter_of_book(tx, book, counted)
    programmes = sorted(one for one, promised in charter.promises.items() if _renews(promised))
    now, found = await time_of_book(tx, book), list[Spot]()
    for one in programmes:
        if one >= after.programme_id and len(found) < limit:
            behind = (after if one == after.programme_id else FRONT)[1:]
            rows = await tx.rows(SQL["cards_to_renew"], one, now, *behind, limit - len(found))
            found += [Spot(*row) for row in rows]
    renewed = await touch(tx, book, [spot.card_id for spot in found]) if found else 0
    return Swept(renewed, found[-1] if len(found) == limit else None)


def _renews(promises: Promises) -> bool:
    """Whether cards of a programme may renew by themselves, or got a longer term by a later version."""
    if len(promises.versions) > 1:
        return True
    programme = promises.versions[0].programme
    offered = [terms for kind in Kind if (terms := programme.of_kind(kind)) is not None]
    return any(terms.validity.renewal is Renewal.AUTOMATIC for terms in offered)

"""Sweep: what is due without anybody asking is done to cards that nobody touches."""

import asyncio
from functools import partial
from typing import NamedTuple

from koudai.cards.life.store import SQL
from koudai.cards.run import touch
from koudai.ledger import time_of_book
from koudai.pg import Database, Tx, int4s
from koudai.programmes import Kind, Promises, Renewal, charter_of_book, count_charter_statement

AT_ONCE = 500
"""How many cards one transaction takes, so that nobody waits long behind it."""


class Swept(NamedTuple):
    """How many cards were renewed, and after which id the next sweep goes on; None where it came to the end."""

    renewed: int
    next_after: int | None


_BREATH_S = 0.05


async def sweep_all(db: Database, book: int) -> int:
    """Sweep all cards of a book, in small pieces with a breath between them. How many were renewed."""
    renewed, after = 0, 0
    while True:
        swept = await db.transact(partial(sweep, book=book, after=after))
        renewed += swept.renewed
        if swept.next_after is None:
            return renewed
        after = swept.next_after
        await asyncio.sleep(_BREATH_S)


async def sweep(tx: Tx, book: int, after: int = 0, limit: int = AT_ONCE) -> Swept:
    """Renew the next cards of a book, after an id, that renew by themselves and whose time is over.

    Cards that don't need nothing: that their time is over is told by their date.
    """
    (counted,) = await tx.together(count_charter_statement(book))
    _, charter = await charter_of_book(tx, book, counted)
    programmes = [one for one, promised in charter.promises.items() if _renews(promised)]
    if not programmes:
        return Swept(0, None)
    now = await time_of_book(tx, book)
    rows = await tx.rows(SQL["cards_to_renew"], book, int4s(programmes), now, after, limit)
    found = [row[0] for row in rows]
    renewed = await touch(tx, book, found) if found else 0
    return Swept(renewed, found[-1] if len(found) == limit else None)


def _renews(promises: Promises) -> bool:
    """Whether cards of a programme may renew by themselves, or got a longer term by a later version."""
    if len(promises.versions) > 1:
        return True
    programme = promises.versions[0].programme
    offered = [terms for kind in Kind if (terms := programme.of_kind(kind)) is not None]
    return any(terms.validity.renewal is Renewal.AUTOMATIC for terms in offered)

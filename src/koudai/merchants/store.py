"""The only caller of this room's SQL."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from koudai.merchants.model import Merchant
from koudai.pg import Statements, Tx, int4s

SQL = Statements(Path(__file__).with_name("queries.sql"))

_KEPT = 100_000


def find_statement(book: int, ids: Iterable[int]) -> tuple[Any, ...]:
    """The statement that finds merchants of a book by id; `as_merchants` reads its rows."""
    return (SQL["find"], book, int4s(list(ids)))


def known_merchants(tx: Tx, book: int) -> dict[int, Merchant]:
    """The merchants of a book that were read before, for more to be put in.

    They are kept with the pool, since nothing of a merchant changes once it is registered.
    """
    known: dict[int, Merchant] = tx.lasting.setdefault(("merchants", book), {})
    if len(known) > _KEPT:
        # Begun anew and not emptied: another batch may be about to look up what it has put in.
        known = tx.lasting["merchants", book] = {}
    return known


def as_merchants(rows: Iterable[Sequence[Any]]) -> dict[int, Merchant]:
    """Merchants by id."""
    return {row[0]: Merchant(*row) for row in rows}


async def find(tx: Tx, book: int, ids: Iterable[int]) -> dict[int, Merchant]:
    """Merchants of a book by id; an unknown id is left out."""
    return as_merchants(await tx.rows(*find_statement(book, ids)))


async def page(tx: Tx, book: int, after: int, limit: int) -> list[Merchant]:
    """The next `limit` merchants of a book after an id."""
    return [Merchant(*row) for row in await tx.rows(SQL["page"], book, after, limit)]


async def add(tx: Tx, book: int, account_id: int, asset: str, name: str) -> Merchant:
    """Insert a merchant."""
    row = await tx.row(SQL["add"], book, account_id, asset, name)
    assert row is not None
    return Merchant(*row)

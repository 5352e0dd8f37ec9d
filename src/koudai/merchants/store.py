"""The only caller of this room's SQL."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from koudai.merchants.model import Channel, Merchant, Relation, Scenario
from koudai.pg import Conflict, Statements, Tx, int4s

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
    return {row[0]: _as_merchant(row) for row in rows}


def _as_merchant(row: Sequence[Any]) -> Merchant:
    id_, account_id, asset, name, created_at, ref, scenario, relation, contracted, channel = row
    return Merchant(
        id_, account_id, asset, name, created_at, ref, Scenario(scenario), Relation(relation), contracted,
        Channel(channel),
    )  # fmt: skip


async def find(tx: Tx, book: int, ids: Iterable[int]) -> dict[int, Merchant]:
    """Merchants of a book by id; an unknown id is left out."""
    return as_merchants(await tx.rows(*find_statement(book, ids)))


async def page(tx: Tx, book: int, after: int, limit: int) -> list[Merchant]:
    """The next `limit` merchants of a book after an id."""
    return [_as_merchant(row) for row in await tx.rows(SQL["page"], book, after, limit)]


async def is_taken(tx: Tx, book: int, ref: str) -> bool:
    """Whether a merchant of the book has a ref."""
    return bool(await tx.rows(SQL["by_ref"], book, ref))


async def add(
    tx: Tx, book: int, account_id: int, asset: str, name: str, ref: str | None, scenario: Scenario,
    relation: Relation, contracted: bool, channel: Channel,
) -> Merchant:  # fmt: skip
    """Insert a merchant."""
    row = await tx.row(
        SQL["add"], book, account_id, asset, name, ref, scenario, relation, contracted, channel
    )  # fmt: skip
    if row is None:
        raise Conflict("another merchant was just registered by that ref")
    return _as_merchant(row)

"""The only caller of this room's SQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from koudai.pg import Statements, Tx, int4s
from koudai.policy import GateKind
from koudai.programmes.model import GateEntry, Launched, Programme, Version
from koudai.programmes.promise import Promises

SQL = Statements(Path(__file__).with_name("queries.sql"))

_DECODE = msgspec.json.Decoder(Programme).decode


async def lock(tx: Tx, programmes: Iterable[int]) -> None:
    """Let nobody else put, enter or launch for these programmes until the transaction ends."""
    await tx.rows(SQL["lock"], int4s(list(programmes)))


async def versions_of(tx: Tx, book: int, programmes: Iterable[int]) -> dict[int, list[Version]]:
    """The versions of programmes, oldest first; a programme without one is left out."""
    return _by_programme(await tx.rows(SQL["versions"], book, int4s(list(programmes))))


def count_versions_statement(book: int) -> tuple[Any, ...]:
    """The statement that counts the versions of a book, for `promises_of_book`."""
    return (SQL["count_versions"], book)


async def promises_of_book(tx: Tx, book: int, counted: Sequence[Sequence[Any]]) -> dict[int, Promises]:
    """What the programmes of a book promise, by their ids; kept with the pool, and read anew when there is more.

    `counted` is what `count_versions_statement` answered in this transaction.
    """
    count = counted[0][0]
    known: tuple[int, dict[int, Promises]] | None = tx.lasting.get(("programmes.promises", book))
    if known is not None and known[0] == count:
        return known[1]
    found = _by_programme(await tx.rows(SQL["versions_of_book"], book))
    promises = {programme_id: Promises(versions) for programme_id, versions in found.items()}
    tx.lasting["programmes.promises", book] = (sum(map(len, found.values())), promises)
    return promises


async def add_version(
    tx: Tx, book: int, programme_id: int, effective_at: datetime, document: str, programme: Programme, put_by: str
) -> Version:
    """Insert a version."""
    parsed = msgspec.json.encode(programme).decode()
    row = await tx.row(SQL["add_version"], book, programme_id, effective_at, document, parsed, put_by)
    assert row is not None
    return _as_version(row)


async def gates_of(tx: Tx, book: int, programmes: Iterable[int]) -> dict[int, list[GateEntry]]:
    """What was entered for the gates of programmes, oldest first."""
    found: dict[int, list[GateEntry]] = {}
    for row in await tx.rows(SQL["gates"], book, int4s(list(programmes))):
        found.setdefault(row[0], []).append(_as_entry(row))
    return found


async def add_gate(tx: Tx, book: int, programme_id: int, gate: GateKind, reference: str, entered_by: str) -> GateEntry:
    """Insert an entry for a gate."""
    row = await tx.row(SQL["add_gate"], book, programme_id, gate, reference, entered_by)
    assert row is not None
    return _as_entry(row)


async def launches_of(tx: Tx, book: int, programmes: Iterable[int]) -> dict[int, Launched]:
    """Which of these programmes are live."""
    rows = await tx.rows(SQL["launches"], book, int4s(list(programmes)))
    return {row[0]: Launched(*row) for row in rows}


async def add_launch(tx: Tx, book: int, programme_id: int, launched_by: str) -> Launched:
    """Insert that a programme is live."""
    row = await tx.row(SQL["add_launch"], book, programme_id, launched_by)
    assert row is not None
    return Launched(*row)


def _by_programme(rows: Iterable[Sequence[Any]]) -> dict[int, list[Version]]:
    found: dict[int, list[Version]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(_as_version(row))
    return found


def _as_version(row: Sequence[Any]) -> Version:
    programme_id, effective_at, document, parsed, put_by, put_at = row
    return Version(programme_id, effective_at, document, _DECODE(parsed), put_by, put_at)


def _as_entry(row: Sequence[Any]) -> GateEntry:
    return GateEntry(row[0], GateKind(row[1]), *row[2:])

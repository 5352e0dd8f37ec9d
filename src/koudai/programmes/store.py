"""The only caller of this room's SQL."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from koudai.base import Refused
from koudai.identity import Mode, mode_of_book
from koudai.pg import Statements, Tx, columns, int4s, int8s, texts
from koudai.policy import GateKind
from koudai.programmes.charter import Charter
from koudai.programmes.commands import Enforce, OpenPilot, StateIssuer
from koudai.programmes.model import GateEntry, Launched, Programme, Version
from koudai.programmes.promise import Promises
from koudai.programmes.standing import Enforcement, Issuer, IssuerClass, OpenedPilot, Sector
from koudai.programmes.words import ProgrammeRefusal

SQL = Statements(Path(__file__).with_name("queries.sql"))

_DECODE = msgspec.json.Decoder(Programme).decode


async def lock(tx: Tx, programmes: Iterable[int]) -> None:
    """Let nobody else put, enter or launch for these programmes until the transaction ends."""
    await tx.rows(SQL["lock"], int4s(list(programmes)))


async def versions_of(tx: Tx, book: int, programmes: Iterable[int]) -> dict[int, list[Version]]:
    """The versions of programmes, oldest first; a programme without one is left out."""
    return _by_programme(await tx.rows(SQL["versions"], book, int4s(list(programmes))))


async def version_on(tx: Tx, book: int, programme_id: int, day: date | None = None) -> Version | None:
    """The version of a programme that takes effect on a day, or its newest; None where there is none."""
    found = (await versions_of(tx, book, [programme_id])).get(programme_id, [])
    return next((one for one in reversed(found) if day is None or one.programme.effective_on == day), None)


def count_charter_statement(book: int) -> tuple[Any, ...]:
    """The statement that counts what a book's programmes are under, for `charter_of_book`."""
    return (SQL["count_charter"], book)


async def charter_of_book(tx: Tx, book: int, counted: Sequence[Sequence[Any]]) -> tuple[int, Charter]:
    """What the programmes of a book promise and are under, and which state of it this is.

    It is kept with the pool, and read anew when there is more. `counted` is what `count_charter_statement` answered
    in this transaction.
    """
    count = counted[0][0]
    known: tuple[int, Charter] | None = tx.lasting.get(("programmes.charter", book))
    if known is not None and known[0] == count:
        return known
    read = await tx.together(
        *((SQL[name], book) for name in (
            "count_charter", "versions_of_book", "issuers", "pilots", "enforcements", "gates_of_book",
            "launches_of_book",
        ))
    )  # fmt: skip
    (read_count, *_), versions, stated, opened, decided, entered, launched = read[0][0], *read[1:]
    gates: dict[int, set[GateKind]] = {}
    for programme_id, gate in entered:
        gates.setdefault(programme_id, set()).add(GateKind(gate))
    charter = Charter(
        {programme_id: Promises(found) for programme_id, found in _by_programme(versions).items()},
        _as_issuer(stated[0]) if stated else None,
        [_as_pilot(row) for row in opened],
        _refusing([Enforcement(*row) for row in decided]),
        gates,
        {row[0] for row in launched},
        live=await mode_of_book(tx, book) is Mode.LIVE,
    )
    tx.lasting["programmes.charter", book] = (read_count, charter)
    return read_count, charter


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


async def add_issuer(tx: Tx, book: int, wish: StateIssuer) -> Issuer:
    """Insert what an issuer is."""
    row = await tx.row(
        SQL["add_issuer"], book, wish.issuer_class, wish.sector, wish.founded_on.isoformat(), wish.began_on.isoformat(),
        wish.revenue_minor, wish.capital_minor, wish.no_refund, wish.no_passing, wish.no_reissue, wish.sales_stopped,
        wish.by,
    )  # fmt: skip
    assert row is not None
    return _as_issuer(row)


async def issuers(tx: Tx, book: int) -> list[Issuer]:
    """What an issuer was stated to be, newest first."""
    return [_as_issuer(row) for row in await tx.rows(SQL["issuers"], book)]


async def add_pilot(tx: Tx, book: int, wish: OpenPilot) -> OpenedPilot | Refused:
    """Insert a pilot; refused where the programme has one of that name."""
    row = await tx.row(
        SQL["add_pilot"], book, wish.programme_id, wish.name, " ".join(sorted(set(wish.opens))), wish.cap_minor,
        wish.cap_holders, wish.until, wish.reason, wish.by,
    )  # fmt: skip
    return Refused(ProgrammeRefusal.PILOT_EXISTS, {"pilot": wish.name}) if row is None else _as_pilot(row)


async def pilots(tx: Tx, book: int) -> list[OpenedPilot]:
    """The pilots of a book, with what was used of them."""
    return [_as_pilot(row) for row in await tx.rows(SQL["pilots"], book)]


async def add_enforcement(tx: Tx, book: int, wish: Enforce) -> Enforcement:
    """Insert a decision on an unverified clause."""
    row = await tx.row(SQL["add_enforcement"], book, wish.clause, wish.refuses, wish.reason, wish.by)
    assert row is not None
    return Enforcement(*row)


async def enforcements(tx: Tx, book: int) -> list[Enforcement]:
    """The decisions on unverified clauses, newest first."""
    return [Enforcement(*row) for row in await tx.rows(SQL["enforcements"], book)]


async def enforced(tx: Tx, book: int) -> set[str]:
    """The unverified clauses that refuse all the same."""
    return _refusing(await enforcements(tx, book))


def _refusing(decisions: Sequence[Enforcement]) -> set[str]:
    """The clauses that refuse, by the newest decision on each; the newest comes first."""
    newest = {one.clause: one.refuses for one in reversed(decisions)}
    return {clause for clause, refuses in newest.items() if refuses}


def _as_issuer(row: Sequence[Any]) -> Issuer:
    number, issuer_class, sector, founded_on, began_on, *more = row
    days = date.fromisoformat(founded_on), date.fromisoformat(began_on)
    return Issuer(number, IssuerClass(issuer_class), Sector(sector), *days, *more)


def _as_pilot(row: Sequence[Any]) -> OpenedPilot:
    number, programme_id, name, opens, *more = row
    return OpenedPilot(number, programme_id, name, tuple(opens.split(" ")), *more)


def pilot_rooms_statement(ids: Iterable[int]) -> tuple[Any, ...]:
    """The statement that reads what was used of pilots: id, amount, holders."""
    return (SQL["pilot_rooms"], int4s(list(ids)))


def pilot_holders_statement(ids: Iterable[int], whos: Iterable[str]) -> tuple[Any, ...]:
    """The statement that reads who of these takes part in pilots already: id, who."""
    return (SQL["pilot_holders"], int4s(list(ids)), texts(list(whos)))


def use_pilots_statement(uses: Sequence[tuple[int, int, str]]) -> tuple[Any, ...]:
    """The statement that takes decisions off pilots' caps: pilot, amount, who. A conflict where others used them up."""
    return (SQL["use_pilots"], *columns((int4s, int8s, texts), uses))

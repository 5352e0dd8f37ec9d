"""The only caller of this room's SQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from koudai.holders.desk import Case, Desk
from koudai.holders.model import SEARCHED, Field, Holder, Kind, Level, Standing, State
from koudai.holders.rules import claim_of
from koudai.identity import Vault
from koudai.pg import Statements, Tx, bools, byteas, columns, int4s, int8s, texts, times

SQL = Statements(Path(__file__).with_name("queries.sql"))

Statement = tuple[Any, ...]

_HOLDER = (int8s, texts, texts, texts, int4s, int4s, int8s, int8s)
_CHANGE = (int8s, texts, texts, int4s, int4s, int8s, int8s)
_PUT = (int8s, texts, byteas, byteas)


def context(book: int, holder_id: int, field: Field) -> bytes:
    """What a sealed field is bound to: it opens in no other book, for no other holder, as no other field."""
    return b"holders.fields" + book.to_bytes(4) + holder_id.to_bytes(8) + field.encode()


def searched(book: int, field: Field, value: str) -> str:
    """What is hashed of a field: of the same number, two books have different hashes."""
    return f"{book}\0{claim_of(field, value)}"


def as_holder(row: Sequence[Any]) -> Holder:
    """A holder from its row."""
    id_, ref, kind, level, state, version, identity_version, devices, *rest = row
    return Holder(id_, ref, Kind(kind), Level(level), State(state), version, identity_version, tuple(devices), *rest)


def standings_statement(book: int, refs: Iterable[str]) -> Statement:
    """The statement that answers kind, level, state and devices of holders by ref; `as_standings` reads its rows."""
    return (SQL["standings"], book, texts(list(refs)))


def as_standings(rows: Iterable[Sequence[Any]]) -> dict[str, Standing]:
    """Standings by ref. A ref that nobody has is left out: its holder is known as nobody."""
    return {r[0]: Standing(Kind(r[1]), Level(r[2]), State(r[3]), tuple(r[4])) for r in rows}


async def find(tx: Tx, book: int, refs: Iterable[str]) -> dict[str, Holder]:
    """Holders of a book by ref; an unknown ref is left out."""
    return {h.ref: h for h in map(as_holder, await tx.rows(SQL["find"], book, texts(list(refs))))}


async def page(tx: Tx, book: int, after: int, limit: int) -> list[Holder]:
    """The next `limit` holders of a book after an id."""
    return [as_holder(row) for row in await tx.rows(SQL["page"], book, after, limit)]


async def by_id(tx: Tx, book: int, ids: Iterable[int]) -> list[Holder]:
    """Holders of a book by id, in that order."""
    return [as_holder(row) for row in await tx.rows(SQL["find_by_id"], book, int8s(sorted(set(ids))))]


async def search(tx: Tx, book: int, field: Field, values: Iterable[str], vault: Vault) -> list[tuple[int, str]]:
    """Who has one of these values in a field: the holder's id and the value. They are as they are kept."""
    told = {searched(book, field, value): value for value in values}
    hashes = vault.lookups(told)
    if not hashes:
        return []
    rows = await tx.rows(SQL["search"], book, field, byteas(list(hashes)))
    return [(row[0], told[hashes[bytes(row[1])]]) for row in rows]


async def sealed_fields(tx: Tx, ids: Iterable[int]) -> dict[int, dict[Field, tuple[bytes, datetime]]]:
    """What is held of holders, sealed, and when it was stated."""
    held: dict[int, dict[Field, tuple[bytes, datetime]]] = {}
    for holder_id, field, sealed, changed_at in await tx.rows(SQL["fields"], int8s(list(ids))):
        held.setdefault(holder_id, {})[Field(field)] = (bytes(sealed), changed_at)
    return held


def write_statements(desk: Desk, vault: Vault, key: str) -> list[Statement]:
    """The statements that write a folded desk, in the order in which they must run."""
    book, now = desk.sheet.book, desk.now
    cases = [case for case in desk.cases.values() if case.touched]
    statements: list[Statement] = []
    added = [case.holder for case in cases if case.fresh]
    if added:
        rows = [
            (h.id, h.ref, h.kind, h.level, h.version, h.identity_version, h.agent_id, h.beneficial_owner_id)
            for h in added
        ]
        statements.append((SQL["add"], book, *columns(_HOLDER, rows), now))
    # What is unbound is erased with the rest; what is bound after an erasure stays.
    if desk.unbound:
        statements.append(_bind_statement(desk.unbound, [], now))
    for holder_id, gone, rule, over in desk.erasures:
        statements.append((SQL["erase"], holder_id, texts(gone), rule, over, now))
    if desk.bound:
        statements.append(_bind_statement([], desk.bound, now))
    put = [row for case in cases for row in _sealed(case, book, vault, key)]
    if put:
        statements.append((SQL["put"], book, *columns(_PUT, put), now))
    if desk.consents:
        statements.append((SQL["add_consents"], *columns((int8s, bools, texts, texts), desk.consents), now))
    changed = [case.holder for case in cases if not case.fresh or case.holder.devices]
    if changed:
        statements.append(change_statement(changed))
    return statements


def _bind_statement(
    unbound: Sequence[tuple[int, str]], bound: Sequence[tuple[int, str, datetime | None]], now: datetime
) -> Statement:
    return (SQL["bind"], *columns((int8s, texts), unbound), *columns((int8s, texts, times), bound), now)


def change_statement(holders: Iterable[Holder]) -> Statement:
    """The statement that writes what changed of holders; their devices are gathered from the bindings."""
    rows = [(h.id, h.level, h.state, h.version, h.identity_version, h.agent_id, h.beneficial_owner_id) for h in holders]
    return (SQL["change"], *columns(_CHANGE, rows))


def _sealed(case: Case, book: int, vault: Vault, key: str) -> Iterable[tuple[int, str, bytes, bytes]]:
    for field, value in case.put.items():
        yield case.holder.id, field, *sealed_anew(book, case.holder.id, field, value, vault, key)


def sealed_anew(book: int, holder_id: int, field: Field, value: str, vault: Vault, key: str) -> tuple[bytes, bytes]:
    """A field sealed under a key, and its hash; the hash is empty where it isn't searched."""
    found_by = vault.lookup(key, searched(book, field, value)) if field in SEARCHED else b""
    return vault.seal(key, value, context(book, holder_id, field)), found_by

"""The only caller of the ledger's SQL for writing: locks, batches, postings, memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from koudai.base import Asset
from koudai.ledger.keys import Keys, Memory
from koudai.ledger.model import Place
from koudai.ledger.sheet import Sheet
from koudai.pg import Statements, Tx, columns, int4s, int8s, texts, times

SQL = Statements(Path(__file__).with_name("queries.sql"))

Statement = tuple[Any, ...]


async def open_accounts(
    tx: Tx, sheet: Sheet, asset: Asset, kind: str, *, constrained: bool, ordinals: Sequence[int] = (0,)
) -> list[int]:
    """Open one account in the sheet's book for each ordinal, and answer their ids in that order.

    An ordinal is that of the entry of this batch by which the account opens; 0 where there is none
    yet. The asset becomes known to the ledger with its scale.
    """
    _, scales, rows = await tx.together(
        (SQL["ensure_asset"], asset.code, asset.scale),
        (SQL["read_asset"], asset.code),
        (SQL["open_accounts"], sheet.book, asset.code, kind, constrained, sheet.batch_id, int4s(list(ordinals))),
    )
    if scales[0][0] != asset.scale:
        raise ValueError(f"the ledger counts {asset.code} with {scales[0][0]} decimals, not {asset.scale}")
    ids: dict[int, list[int]] = {}
    for account_id, ordinal in reversed(rows):
        ids.setdefault(ordinal, []).append(account_id)
    return [ids[ordinal].pop() for ordinal in ordinals]


def lock_statement(accounts: Sequence[int]) -> Statement:
    """The statement that locks constrained accounts, in the order of their ids."""
    return (SQL["lock"], int8s(list(accounts)))


def recall_statement(book: int, keys: Iterable[str]) -> Statement:
    """The statement that asks what is remembered under keys; `as_keys` reads its rows."""
    return (SQL["recall"], book, texts(list(keys)))


def begin_statement(book: int) -> Statement:
    """The statement that begins a batch, to be sent after the one that takes the locks."""
    return (SQL["begin_batch"], book)


def as_keys(rows: Iterable[Sequence[Any]]) -> Keys:
    """The memory that the rows of a recall hold."""
    return Keys({r[0]: Memory(r[1], Place(r[2], r[3]), r[4], r[5]) for r in rows})


async def recall(tx: Tx, book: int, keys: Iterable[str]) -> Keys:
    """What is remembered under keys."""
    return as_keys(await tx.rows(*recall_statement(book, keys)))


async def open_batch(tx: Tx, book: int, keys: Iterable[str]) -> Sheet:
    """A sheet without accounts: for commands that only make things, with their keys."""
    known, begun = await tx.together(recall_statement(book, keys), begin_statement(book))
    return sheet_from(book, begun, {}, as_keys(known))


async def open_sheet(
    tx: Tx, book: int, accounts: Iterable[int], keys: Iterable[str]
) -> tuple[Sheet, dict[int, tuple[str, bool]]]:
    """Lock accounts and begin a batch, in one round trip.

    Answers the sheet, and of each account that is in this book its asset and whether it is constrained.
    """
    ids = sorted(set(accounts))
    _, rows, known, begun = await tx.together(
        lock_statement(ids), (SQL["read_accounts"], int8s(ids)), recall_statement(book, keys), begin_statement(book)
    )
    mine = [row for row in rows if row[1] == book]
    balances = {row[0]: row[4] for row in mine if row[3]}
    return sheet_from(book, begun, balances, as_keys(known)), {row[0]: (row[2], row[3]) for row in mine}


def sheet_from(book: int, begun: Sequence[Sequence[Any]], balances: dict[int, int], keys: Keys) -> Sheet:
    """A sheet from the rows that `begin_statement` answered."""
    batch_id, recorded_at = begun[0]
    return Sheet(book, batch_id, recorded_at, balances, keys)


_TRANSFER = (int4s, int8s, int8s, int8s, texts, texts, times)
_TOUCHED = (int8s, int4s)
_KEY = (texts, texts, int4s, texts, texts)


async def write(tx: Tx, sheet: Sheet, *more: Statement) -> None:
    """Write a folded sheet: transfers, balances, keys, and the statements of the room above.

    All go in one round trip. Raises `pg.Conflict` when another transaction used one of the keys.
    """
    statements: list[Statement] = []
    if sheet.transfers:
        statements.append((SQL["post"], sheet.book, sheet.batch_id, *columns(_TRANSFER, sheet.transfers)))
    untransferred = sheet.untransferred()
    if untransferred:
        statements.append((SQL["touch"], sheet.batch_id, *columns(_TOUCHED, untransferred.items())))
    if sheet.keys.added:
        statements.append((SQL["remember"], sheet.book, sheet.batch_id, *columns(_KEY, sheet.keys.added)))
    statements.extend(more)
    if statements:
        await tx.together(*statements)


async def fold_deltas(tx: Tx, limit: int = 50_000) -> int:
    """Fold what hot accounts gathered into their balances; how many deltas went in."""
    return int(await tx.value(SQL["fold"], limit))


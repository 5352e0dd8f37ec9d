"""The only caller of the ledger's SQL for writing: locks, batches, postings, memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from secrets import token_bytes
from typing import Any

from koudai.base import Asset
from koudai.ledger.keys import Keys, Memory
from koudai.ledger.leaves import seal
from koudai.ledger.lot_store import (
    SQL,
    Statement,
    add_lots_statement,
    add_subjects,
    count_statements,
    hold_statements,
)
from koudai.ledger.model import Place
from koudai.ledger.pocket import Pocket
from koudai.ledger.sheet import Sheet
from koudai.pg import Column, Tx, bools, columns, int4s, int8s, numbers, texts, tids, times


async def open_accounts(
    tx: Tx, book: int, asset: Asset, kind: str, *, constrained: bool, count: int = 1
) -> list[int]:  # fmt: skip
    """Open accounts in a book that aren't kept in lots, and answer their ids.

    The asset becomes known to the ledger with its scale.
    """
    _, scales, rows = await tx.together(
        (SQL["ensure_asset"], asset.code, asset.scale),
        (SQL["read_asset"], asset.code),
        (SQL["open_accounts"], book, asset.code, kind, constrained, count),
    )
    if scales[0][0] != asset.scale:
        raise ValueError(f"the ledger counts {asset.code} with {scales[0][0]} decimals, not {asset.scale}")
    return [row[0] for row in rows]


def lock_statement(book: int, accounts: Sequence[int]) -> Statement:
    """The statement that locks constrained accounts of a book, in the order of their ids.

    `sheet_from` reads its rows.
    """
    return (SQL["lock"], book, int8s(accounts))


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
    return sheet_from(book, begun, (), as_keys(known))


async def open_sheet(tx: Tx, book: int, accounts: Iterable[int], keys: Iterable[str]) -> tuple[Sheet, dict[int, str]]:
    """Lock accounts and begin a batch, in one round trip.

    Answers the sheet, and the asset of each account that is in this book.
    """
    ids = sorted(set(accounts))
    held, hot, known, begun = await tx.together(
        lock_statement(book, ids),
        (SQL["hot_accounts"], book, int8s(ids)),
        recall_statement(book, keys),
        begin_statement(book),
    )
    assets = {row[0]: row[1] for row in (*held, *hot)}
    return sheet_from(book, begun, held, as_keys(known)), assets


def sheet_from(
    book: int, begun: Sequence[Sequence[Any]], held: Sequence[Sequence[Any]], keys: Keys,
    subjects: Iterable[Sequence[Any]] = (), fresh_ids: Iterable[Sequence[Any]] = (),
) -> Sheet:  # fmt: skip
    """A sheet from the rows that `begin_statement`, `lock_statement` and their neighbours answered."""
    batch_id, recorded_at, now, closed_before = begun[0]
    pockets = {r[0]: Pocket(r[0], r[1], r[2], Place(r[3], r[4]), *r[5:]) for r in held}
    sheet = Sheet(book, batch_id, recorded_at, now, pockets, keys, closed_before, [row[0] for row in fresh_ids])
    add_subjects(sheet, subjects)
    return sheet


_TRANSFER = (int4s, int8s, int8s, int8s, texts, times, int4s, int8s, int8s)
_HELD = (int8s, int4s, tids, int8s, times, int4s, int4s, int4s, int4s)
_KEY = (texts, texts, int4s, texts, texts)
_CORRECTION = (int4s, int8s, int4s, bools, texts, texts, texts)


def _post_statement(sheet: Sheet, asset: str) -> Statement:
    rows = [
        (o, debit, credit, amount, kind, at, entry, debit_lot, credit_lot)
        for o, debit, credit, amount, a, kind, at, entry, debit_lot, credit_lot in sheet.transfers
        if a == asset
    ]
    return (
        SQL["post"], sheet.book, sheet.batch_id, asset, *columns(_TRANSFER, rows), *_entered(sheet.entered(asset)),
    )  # fmt: skip


def _entered(entered: Sequence[tuple[Pocket, int]]) -> list[Column]:
    """The accounts that a batch enters, their lots and counters laid flat one after the other."""
    lots: list[int] = []
    meters: list[int] = []
    rows = []
    for pocket, ordinal in entered:
        lot_from, meter_from = len(lots) + 1 if pocket.in_lots else 0, len(meters) + 1
        lots += pocket.numbers()
        meters += pocket.meter.flat
        rows.append(
            (
                pocket.id, ordinal, pocket.at, pocket.held_minor, pocket.due_at, lot_from, len(lots), meter_from,
                len(meters),
            )
        )  # fmt: skip
    return [*columns(_HELD, rows), numbers(lots), numbers(meters)]


def write(tx: Tx, sheet: Sheet, *more: Statement) -> None:
    """Write a folded sheet: transfers, balances, lots, counters, keys, and the statements of the room above.

    They go with the commit, which raises `pg.Conflict` when another transaction used one of the keys.
    """
    statements = _open_statements(sheet) + [_post_statement(sheet, asset) for asset in sheet.assets()]
    if sheet.transfers:
        salt = token_bytes(32)
        entries, root = seal(salt, sheet.batch_id, sheet.transfers)
        statements.append((SQL["seal"], sheet.book, sheet.batch_id, entries, salt, root))
    if sheet.new_lots:
        statements.append(add_lots_statement(sheet))
    statements += hold_statements(sheet)
    statements += count_statements(sheet)
    if sheet.successors:
        statements.append((SQL["succeed"], sheet.book, *columns((int8s, int8s), list(sheet.successors.items()))))
    if sheet.corrections:
        rows = [(o, *(c.corrects or (None, None)), *c[1:]) for o, c in sheet.corrections]
        statements.append((SQL["correct"], sheet.batch_id, *columns(_CORRECTION, rows)))
    if sheet.keys.added:
        statements.append((SQL["remember"], sheet.book, sheet.batch_id, *columns(_KEY, sheet.keys.added)))
    tx.defer(*statements, *more)


def _open_statements(sheet: Sheet) -> list[Statement]:
    """The statements that open the accounts which a batch made."""
    by_kind: dict[tuple[str, str], list[tuple[int, int, int | None]]] = {}
    for pocket, kind, ordinal in sheet.opened:
        by_kind.setdefault((pocket.asset, kind), []).append((pocket.id, ordinal, pocket.holder_id))
    return [
        (SQL["open_pockets"], sheet.book, sheet.batch_id, asset, kind, *columns((int8s, int4s, int8s), rows))
        for (asset, kind), rows in by_kind.items()
    ]


async def time_of_book(tx: Tx, book: int) -> datetime:
    """The time of a book: the machine's, or that of its sandbox."""
    found: datetime = await tx.value(SQL["time_of_book"], book)
    return found


async def advance_clock(tx: Tx, book: int, to: datetime) -> datetime:
    """Move the time of a sandbox forward (never back), and answer it.

    From then on the book has a time of its own: expiries, holds and limits go by it. The room that
    knows which books are sandboxes asks for it; a live book never has one.
    """
    moved: datetime = await tx.value(SQL["advance_clock"], book, to)
    return moved


async def close_period(tx: Tx, book: int, before: datetime, by: str) -> bool:
    """Close the books up to a moment, for ever; False when they are closed as far already.

    From then on nothing is booked as having happened before it: the table of transfers refuses it.
    """
    return bool(await tx.value(SQL["close_period"], book, before, by))


async def take_unsequenced(tx: Tx, limit: int) -> list[Sequence[Any]]:
    """Sealed batches that have no leaf in the log yet: id, book, recorded_at, entries, root.

    They are out of the line when the transaction commits, which must give each of them its leaf.
    """
    return list(await tx.rows(SQL["take_unsequenced"], limit))


async def roll(tx: Tx) -> int:
    """Begin a new partition of transfers; the number of the one that is left."""
    return int(await tx.value(SQL["roll"]))


async def index_partitions(tx: Tx) -> int:
    """Give partitions that were left their indexes by account; how many got them."""
    return int(await tx.value(SQL["index_partitions"]))


async def fold_deltas(tx: Tx, limit: int = 50_000) -> int:
    """Fold what hot accounts gathered into their balances, batch by batch up to about `limit` transfers.

    How many there were; 0 when there is nothing left, or when somebody else is at it.
    """
    return int(await tx.value(SQL["fold"], limit))

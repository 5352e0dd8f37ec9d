"""The only caller of the ledger's SQL for writing: locks, batches, postings, memory."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from koudai.base import Asset
from koudai.ledger.keys import Keys, Memory
from koudai.ledger.model import Place
from koudai.ledger.sheet import Head, Sheet
from koudai.pg import Statements, Tx, columns, int4s, int8s, texts, tids, times

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
        (
            SQL["open_accounts"],
            sheet.book,
            asset.code,
            kind,
            constrained,
            sheet.batch_id,
            int4s(list(ordinals)),
        ),
    )
    if scales[0][0] != asset.scale:
        raise ValueError(f"the ledger counts {asset.code} with {scales[0][0]} decimals, not {asset.scale}")
    ids: dict[int, list[int]] = {}
    for account_id, ordinal in reversed(rows):
        ids.setdefault(ordinal, []).append(account_id)
    return [ids[ordinal].pop() for ordinal in ordinals]


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


def sheet_from(book: int, begun: Sequence[Sequence[Any]], held: Sequence[Sequence[Any]], keys: Keys) -> Sheet:
    """A sheet from the rows that `begin_statement` and `lock_statement` answered."""
    batch_id, recorded_at = begun[0]
    balances = {row[0]: row[2] for row in held}
    heads = {row[0]: Head(row[1], Place(row[3], row[4]), row[5]) for row in held}
    return Sheet(book, batch_id, recorded_at, balances, heads, keys)


_TRANSFER = (int4s, int8s, int8s, int8s, texts, times)
_HELD = (int8s, int4s, tids)
_KEY = (texts, texts, int4s, texts, texts)


def _post_statement(sheet: Sheet, asset: str) -> Statement:
    rows = [(o, debit, credit, amount, k, at) for o, debit, credit, amount, a, k, at in sheet.transfers if a == asset]
    return (
        SQL["post"],
        sheet.book,
        sheet.batch_id,
        asset,
        *columns(_TRANSFER, rows),
        *columns(_HELD, sheet.entered(asset)),
    )


def write(tx: Tx, sheet: Sheet, *more: Statement) -> None:
    """Write a folded sheet: transfers, balances, keys, and the statements of the room above.

    They go with the commit, which raises `pg.Conflict` when another transaction used one of the keys.
    """
    statements: list[Statement] = [_post_statement(sheet, asset) for asset in sheet.assets()]
    if sheet.keys.added:
        statements.append((SQL["remember"], sheet.book, sheet.batch_id, *columns(_KEY, sheet.keys.added)))
    tx.defer(*statements, *more)


async def fold_deltas(tx: Tx, limit: int = 50_000) -> int:
    """Fold what hot accounts gathered into their balances; how many deltas went in."""
    return int(await tx.value(SQL["fold"], limit))

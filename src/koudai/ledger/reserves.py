"""What a book owes to those who hold its constrained accounts. Reads only."""

from collections.abc import AsyncIterator

from koudai.ledger.lot_store import SQL
from koudai.pg import Tx

_PAGE = 20_000


async def owed(tx: Tx, book: int, asset: str, page: int = _PAGE) -> AsyncIterator[tuple[int, int]]:
    """Each constrained account of a book that holds something in an asset: its id and balance in minor units, by id.

    It reads page by page, so the transaction has to be a snapshot. What holds reserve is part of the
    balance: it is still owed.
    """
    after = 0
    while rows := await tx.rows(SQL["owed"], book, asset, after, page):
        for number, minor in rows:
            yield number, minor
        after = rows[-1][0]

"""Keep up: what a server does beside its requests, so that what it costs counts in every figure.

What hot accounts gathered is folded into their balances, and every batch gets its leaf in the log.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from koudai import ledger, proof
from koudai.pg import Database

_EVERY_S = 1.0
_PIECE = 5_000
_BREATH_S = 0.02


@asynccontextmanager
async def kept_up(db: Database) -> AsyncIterator[None]:
    """Fold and sequence about once a second while the block runs, in pieces with a breath between them."""
    ended = asyncio.Event()
    keeping = asyncio.create_task(_keep(db, ended))
    try:
        yield
    finally:
        ended.set()
        await keeping


async def catch_up(db: Database) -> None:
    """Fold and sequence all that there is."""
    while await db.transact(ledger.fold_deltas):
        pass
    await proof.catch_up(db)


async def _keep(db: Database, ended: asyncio.Event) -> None:
    while not await _is_set_within(ended, _EVERY_S):
        folded = _PIECE
        while folded >= _PIECE and not ended.is_set():
            folded = await db.transact(lambda tx: ledger.fold_deltas(tx, _PIECE))
            await asyncio.sleep(_BREATH_S)
        await proof.catch_up(db, _PIECE)


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True

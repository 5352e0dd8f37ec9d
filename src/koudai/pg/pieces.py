"""Pieces: long work in many short transactions, so that nobody waits long behind it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from koudai.pg.database import Database, Tx

At = TypeVar("At")


async def in_pieces(
    db: Database, work: Callable[[Tx, At], Awaitable[tuple[int, At | None]]], begin: At,
    on_piece: Callable[[int], None] | None = None,
) -> int:  # fmt: skip
    """Do one piece behind another, each told where the last one ended, until one has nothing to do; how much was done.

    A piece answers how much it did, and where it ended: None where there was nothing. `on_piece` is told the sum.
    """
    done, after = 0, begin
    while True:
        count, last = await db.transact(lambda tx, at=after: work(tx, at))  # type: ignore[misc]
        if last is None:
            return done
        done, after = done + count, last
        if on_piece is not None:
            on_piece(done)

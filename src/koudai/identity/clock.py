"""The test clock: the time of a test side, moved forward by hand. A live side follows the real time, always."""

from datetime import UTC, datetime

from koudai import ledger
from koudai.base import Fault, render_time
from koudai.identity.keys import mode_of_book
from koudai.identity.model import IdentityFault, Mode
from koudai.pg import Tx

LATEST = datetime(2999, 12, 31, tzinfo=UTC)
"""How far a test clock goes: behind it there is room for every term that a card may have."""


async def read_clock(tx: Tx, book: int) -> datetime:
    """The time of a test side. Raises Fault when the side is a live one."""
    if await mode_of_book(tx, book) is not Mode.TEST:
        raise Fault(IdentityFault.LIVE_CLOCK)
    return await ledger.time_of_book(tx, book)


async def advance_clock(tx: Tx, book: int, to: datetime) -> datetime:
    """Move the time of a test side forward, and answer it; it stands there until it is moved again.

    Raises Fault when the side is a live one, or when `to` is earlier than its time or beyond `LATEST`.
    """
    now = await read_clock(tx, book)
    if not now <= to <= LATEST:
        raise Fault(IdentityFault.CLOCK_OUT_OF_RANGE, now_at=render_time(now), latest_at=render_time(LATEST))
    return await ledger.advance_clock(tx, book, to)

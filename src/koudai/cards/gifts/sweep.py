"""Sweep: gifts whose days are over are entered as gone back, each once."""

from koudai.base import Refused
from koudai.cards.gifts.model import ReturnGift
from koudai.cards.gifts.store import due_gifts
from koudai.cards.run import run
from koudai.pg import Tx


async def return_due_gifts(tx: Tx, book: int, limit: int = 500) -> int:
    """Enter that up to `limit` gifts of a book went back; how many did, 0 when none is left.

    Their cards were free from the moment at which their days were over; this is for their history.
    """
    due = await due_gifts(tx, book, limit)
    if not due:
        return 0
    commands = [ReturnGift(key=f"gift return {at.batch_id}/{at.ordinal}", gift=at) for at in due]
    return sum(not isinstance(outcome, Refused) for outcome in await run(tx, book, commands))

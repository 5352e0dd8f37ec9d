"""Forget: the words of gifts go when they have served, or when their giver asks; the gifts stay as they are."""

from datetime import datetime, timedelta

from koudai.cards.gifts.store import SQL
from koudai.cards.issue.issue import NUMBER_SHOWN_AGAIN
from koudai.pg import Tx

WORDS_KEPT: timedelta = NUMBER_SHOWN_AGAIN
"""How long the words of a gift are kept after its end.

They are for who claims it. He is told them with his card's number, and again under the same key as long as that is;
of a gift that went back nobody needs them any more, and one rule is enough (PIPL 19: the shortest time).
"""

FORGOTTEN_AT_ONCE = 500
"""How many words are forgotten at once where nothing else is said."""


async def forget_words(tx: Tx, now: datetime, limit: int = FORGOTTEN_AT_ONCE) -> int:
    """Forget up to `limit` words whose gifts ended `WORDS_KEPT` before `now` of the machine's time; how many."""
    forgotten: int = await tx.value(SQL["forget_words"], now - WORDS_KEPT, limit)
    return forgotten


async def has_words(tx: Tx, book: int, giver_ref: str) -> bool:
    """Whether words are kept of gifts that a holder gave."""
    return bool(await tx.value(SQL["has_words"], book, giver_ref))


async def erase_words(tx: Tx, book: int, giver_ref: str, before_batch_id: int) -> int:
    """Erase the words of all gifts that a holder gave in batches before one, also of those still offered; how many."""
    erased: int = await tx.value(SQL["erase_words"], book, giver_ref, before_batch_id)
    return erased

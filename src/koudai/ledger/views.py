"""What the doors and the rooms above read of the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from koudai.ledger.keys import Memory
from koudai.ledger.leaves import Leg
from koudai.ledger.lot_store import SQL
from koudai.ledger.store import recall
from koudai.pg import Tx, int8s


@dataclass(frozen=True)
class Turnover:
    """What came into an account and what went out of it by one kind of transfer, in minor units."""

    account: int
    kind: str
    in_minor: int
    out_minor: int


async def balances(tx: Tx, accounts: Iterable[int]) -> dict[int, int]:
    """Balances in minor units (credits less debits), exact as of the statement; hot accounts too."""
    return {row[0]: int(row[1]) for row in await tx.rows(SQL["balances"], int8s(list(accounts)))}


async def turnover(tx: Tx, accounts: Iterable[int]) -> list[Turnover]:
    """Turnover by account and kind, added up from the transfers; it reads all of them."""
    await tx.plan_for_scans()
    rows = await tx.rows(SQL["turnover"], int8s(list(accounts)))
    return [Turnover(account, kind, int(came), int(went)) for account, kind, came, went in rows]


async def outcome_of_key(tx: Tx, book: int, key: str) -> Memory | None:
    """What was answered under an idempotency key, or None when it was never used."""
    return (await recall(tx, book, [key])).known.get(key)


class Seal(NamedTuple):
    """What a batch was sealed with: the root over its entries, how many they are, and the secret salt."""

    entries: int
    salt: bytes
    root: bytes


@dataclass(frozen=True)
class SealedBatch:
    """A batch with all its transfers. One that was booked before there were seals has none."""

    id: int
    book: int
    recorded_at: datetime
    legs: list[Leg]
    seal: Seal | None


async def legs_of_batch(tx: Tx, batch_id: int) -> SealedBatch | None:
    """A batch with its transfers, in order of their ordinals, and its seal; None when it isn't there."""
    batch, legs = await tx.together((SQL["sealed_batch"], batch_id), (SQL["legs_of_batch"], batch_id))
    if not batch:
        return None
    book, recorded_at, entries, salt, root = batch[0]
    seal = None if salt is None else Seal(entries, salt, root)
    return SealedBatch(batch_id, book, recorded_at, cast(list[Leg], legs), seal)

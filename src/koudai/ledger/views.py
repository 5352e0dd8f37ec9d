"""What the doors and the rooms above read of the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass

from koudai.ledger.keys import Memory
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

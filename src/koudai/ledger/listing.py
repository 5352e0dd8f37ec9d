"""What the command line lists of the ledger: transfers, accounts, and what an account holds. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from koudai.ledger.history import LiveLot, lots_of
from koudai.ledger.lot_store import SQL
from koudai.ledger.model import Place
from koudai.ledger.views import balances
from koudai.pg import Tx


@dataclass(frozen=True)
class Transfer:
    """A transfer as it was booked. `entry` is the ordinal of the command that it belongs to."""

    place: Place
    entry: int
    debit: int
    debit_lot: int | None
    credit: int
    credit_lot: int | None
    amount_minor: int
    asset: str
    kind: str
    event_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class Account:
    """An account with its balance: credits less debits, in minor units."""

    id: int
    kind: str
    asset: str
    constrained: bool
    balance_minor: int


@dataclass(frozen=True)
class Holding:
    """What an account holds now: booked, reserved by holds, to be drawn, and in which lots (None: in none)."""

    account: int
    kind: str
    asset: str
    balance_minor: int
    held_minor: int
    available_minor: int
    lots: Sequence[LiveLot] | None


async def page_transfers(tx: Tx, book: int, account: int | None, after: Place, limit: int) -> list[Transfer]:
    """The next `limit` transfers of a book behind a place, oldest first; of one account where one is named.

    No index leads to an account's transfers: those of one that has few are looked for among all.
    """
    rows = await tx.rows(SQL["page_transfers"], book, *after, account, limit)
    return [Transfer(Place(row[0], row[1]), *row[2:]) for row in rows]


async def page_accounts(tx: Tx, book: int, kind: str | None, after: int, limit: int) -> list[Account]:
    """The next `limit` accounts of a book behind a number; of one kind where one is named."""
    rows = await tx.rows(SQL["page_accounts"], book, after, kind, limit)
    held = await balances(tx, [row[0] for row in rows])
    return [Account(number, name, asset, fixed, held[number]) for number, name, asset, fixed in rows]


async def holding(tx: Tx, book: int, account: int) -> Holding | None:
    """What an account of a book holds now; None when there is no such account."""
    row = await tx.row(SQL["holding"], book, account)
    if row is None:
        return None
    kind, asset, held_minor, available, in_lots = row
    balance = (await balances(tx, [account]))[account]
    lots = await lots_of(tx, book, account) if in_lots else None
    return Holding(account, kind, asset, balance, held_minor, available if in_lots else balance, lots)

"""What accounts held and did, as of any moment: in event time, and as far as it was known.

`as_of` is event time: what happened later is left out. `known_at` is recorded time: what was recorded
later is left out, in the order of batches. Without them all that is known counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from koudai.base import Refused
from koudai.ledger.model import LedgerRefusal, Place
from koudai.pg import Statements, Tx, int8s

SQL = Statements(Path(__file__).with_name("history.sql"))

_ALWAYS = datetime(9999, 12, 31, tzinfo=UTC)
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_NEWEST = (1 << 63) - 1


@dataclass(frozen=True)
class BalanceAt:
    """What an account held at a moment, in minor units (credits less debits), and in which lots."""

    account: int
    asset: str
    balance_minor: int
    lots: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Line:
    """A transfer as a statement shows it: `amount_minor` is negative where it left the account."""

    place: Place
    entry: int
    other_account: int
    lot: int | None
    amount_minor: int
    kind: str
    event_at: datetime
    recorded_at: datetime


@dataclass(frozen=True)
class LiveLot:
    """A live lot with its provenance: `funded_*` is how it came into the system, `came_by` how to this account."""

    id: int
    minor: int
    held_minor: int
    source: str
    paid: bool
    payer: str | None
    refund_to: str | None
    may_pass: bool
    may_sell: bool
    may_refund: bool
    funded_at: datetime
    funded_by: Place
    came_by: Place
    expires_at: datetime | None


async def balance_at(
    tx: Tx, book: int, account: int, as_of: datetime | None = None, known_at: datetime | None = None
) -> BalanceAt | Refused:
    """Balance and lots of an account as of a moment; it reads the account's transfers since then."""
    row = await tx.row(SQL["account"], book, account)
    if row is None:
        return Refused(LedgerRefusal.UNKNOWN_ACCOUNT, {"account": account})
    cut = _NEWEST if known_at is None else int(await tx.value(SQL["cut"], known_at))
    moment = as_of or _ALWAYS
    await tx.plan_for_scans()
    minor, lots = await tx.together(
        (SQL["balance_at"], account, cut, moment), (SQL["lots_at"], account, cut, moment)
    )  # fmt: skip
    return BalanceAt(account, row[1], int(minor[0][0]), tuple((lot, int(held)) for lot, held in lots))


async def statement(
    tx: Tx, book: int, account: int, since: datetime | None, until: datetime | None, after: Place, limit: int
) -> list[Line]:
    """Transfers of an account from `since` on and before `until` (event time), as they were recorded.

    It goes on behind the place `after`, and answers up to `limit`. Of a hot account the indexes of
    partitions that were left hold the lines, and turnovers say in which of the newer batches to look;
    of a card its history is walked faster by the room of cards.
    """
    known = await tx.row(SQL["account"], book, account)
    if known is None:
        return []
    name = "lines" if known[3] else "lines_of_hot"
    rows = await tx.rows(SQL[name], account, since or _NEVER, until or _ALWAYS, *after, limit)
    lines = []
    for batch_id, ordinal, entry, debit, credit, debit_lot, credit_lot, minor, kind, event_at, recorded_at in rows:
        went = debit == account
        lines.append(
            Line(
                Place(batch_id, ordinal), entry, credit if went else debit, debit_lot if went else credit_lot,
                -minor if went else minor, kind, event_at, recorded_at,
            )
        )  # fmt: skip
    return lines


async def tainted(tx: Tx, accounts: Iterable[int], source: str, since: datetime) -> dict[int, int]:
    """How much of what accounts hold was funded by a source since a moment, through every split and gift."""
    return {row[0]: int(row[1]) for row in await tx.rows(SQL["tainted"], int8s(list(accounts)), source, since)}


async def lots_of(tx: Tx, book: int, account: int) -> list[LiveLot]:
    """The live lots of an account, in the order in which they are drawn by default."""
    return [
        LiveLot(*(*row[:11], Place(row[11], row[12]), Place(row[13], row[14]), row[15]))
        for row in await tx.rows(SQL["lots_of"], book, account)
    ]

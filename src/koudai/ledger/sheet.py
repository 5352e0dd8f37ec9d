"""The sheet: the balances of locked accounts in memory, on which a batch is folded. Pure."""

from datetime import datetime
from typing import NamedTuple

from koudai.base import MAX_MINOR, Refused
from koudai.ledger.keys import Keys
from koudai.ledger.model import LedgerRefusal, Place

Transfer = tuple[int, int, int, int, str, str, datetime]
"""ordinal, debit, credit, amount in minor units, asset, kind, event time"""


class Head(NamedTuple):
    """A constrained account under lock: its asset, its newest entry, and where its row is (PostgreSQL's tid)."""

    asset: str
    newest: Place
    at: bytes


class Sheet:
    """One batch of one book while it is folded.

    `balances` and `heads` hold every constrained account that the batch may debit or credit, all under
    lock; an account that isn't there is hot and has no bound. Each accepted move is seen by the next.
    """

    __slots__ = (
        "balances",
        "batch_id",
        "book",
        "heads",
        "keys",
        "ordinal",
        "recorded_at",
        "touched",
        "transfers",
    )

    def __init__(
        self, book: int, batch_id: int, recorded_at: datetime, balances: dict[int, int],
        heads: dict[int, Head], keys: Keys,
    ) -> None:  # fmt: skip
        self.book = book
        self.batch_id = batch_id
        self.recorded_at = recorded_at
        self.balances = balances
        self.heads = heads
        self.keys = keys
        self.ordinal = 0
        self.transfers: list[Transfer] = []
        self.touched: dict[int, int] = {}

    def next_ordinal(self) -> int:
        """The number of the next entry of this batch."""
        self.ordinal += 1
        return self.ordinal

    def move(
        self,
        ordinal: int,
        debit: int,
        credit: int,
        amount_minor: int,
        asset: str,
        kind: str,
        event_at: datetime,
    ) -> Refused | None:
        """Move value from `debit` to `credit`, or say why not and change nothing."""
        balances = self.balances
        held = balances.get(debit)
        if held is not None and held < amount_minor:
            return Refused(
                LedgerRefusal.INSUFFICIENT_BALANCE,
                {"account": debit, "available_minor": held, "amount_minor": amount_minor, "asset": asset},
            )
        into = balances.get(credit)
        if into is not None:
            if into > MAX_MINOR - amount_minor:
                return Refused(LedgerRefusal.BALANCE_TOO_LARGE, {"account": credit, "asset": asset})
            balances[credit] = into + amount_minor
        if held is not None:
            balances[debit] = held - amount_minor
        self.transfers.append((ordinal, debit, credit, amount_minor, asset, kind, event_at))
        return None

    def take_back(self, count: int) -> None:
        """Undo all moves but the first `count`: a linked chain fell."""
        for _, debit, credit, amount_minor, *_ in reversed(self.transfers[count:]):
            if debit in self.balances:
                self.balances[debit] += amount_minor
            if credit in self.balances:
                self.balances[credit] -= amount_minor
        del self.transfers[count:]

    def touch(self, account: int, ordinal: int) -> None:
        """Note an entry of a constrained account by which no value moves."""
        self.touched[account] = ordinal

    def entered(self, asset: str) -> list[tuple[int, int, bytes]]:
        """The constrained accounts of an asset that this batch enters: id, newest entry without a transfer, row."""
        accounts = {a for t in self.transfers for a in (t[1], t[2])}
        accounts.update(self.touched)
        heads, touched = self.heads, self.touched
        return [(a, touched.get(a, 0), heads[a].at) for a in accounts if a in heads and heads[a].asset == asset]

    def assets(self) -> set[str]:
        """The assets that this batch moves or enters."""
        return {t[4] for t in self.transfers} | {self.heads[a].asset for a in self.touched}

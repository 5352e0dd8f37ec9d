"""Pockets: constrained accounts under lock, with their lots and counters. Pure."""

from datetime import datetime

from koudai.ledger.limits import Meter
from koudai.ledger.lots import Lot, as_lots
from koudai.ledger.model import Place


class Pocket:
    """A constrained account under lock.

    `balance_minor` is what is booked, of which `held_minor` is reserved by holds. `lots` are its live
    lots in the order in which they are drawn; None: it is not kept in lots. `due_at` is when the first
    of its open holds expires. `at` is where its row is (PostgreSQL's tid).
    """

    __slots__ = (
        "asset",
        "at",
        "balance_minor",
        "due_at",
        "held_minor",
        "holder_id",
        "id",
        "lots",
        "meter",
        "newest",
        "successor_id",
    )

    def __init__(
        self, account: int, asset: str, balance_minor: int, newest: Place, at: bytes, held_minor: int = 0,
        holder_id: int | None = None, successor_id: int | None = None, due_at: datetime | None = None,
        lots: list[int] | None = None, meters: list[int] | None = None,
    ) -> None:  # fmt: skip
        self.id = account
        self.asset = asset
        self.balance_minor = balance_minor
        self.newest = newest
        self.at = at
        self.held_minor = held_minor
        self.holder_id = holder_id
        self.successor_id = successor_id
        self.due_at = due_at
        self.lots: list[Lot] | None = None if lots is None else as_lots(lots)
        self.meter = Meter(account, at, meters)

    def available_minor(self, now_s: int) -> int:
        """What can be drawn now: neither reserved nor in a lot that has expired."""
        if self.lots is None:
            return self.balance_minor
        available = 0
        for lot in self.lots:
            if not lot.expires_s or lot.expires_s > now_s:
                available += lot.minor - lot.held_minor
        return available

    def lot(self, lot_id: int) -> Lot | None:
        """A live lot by its id."""
        for lot in self.lots or ():
            if lot.id == lot_id:
                return lot
        return None

    def settle(self) -> None:
        """Let go of the lots that are empty."""
        if self.lots is not None:
            self.lots = [lot for lot in self.lots if lot.minor]

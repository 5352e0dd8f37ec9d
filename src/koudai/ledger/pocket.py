"""Pockets: constrained accounts under lock, with their lots and counters. Pure."""

from datetime import datetime

from koudai.ledger.limits import Meter
from koudai.ledger.lots import NUMBERS, Lot, as_lots
from koudai.ledger.model import Place


class Pocket:
    """A constrained account under lock.

    `balance_minor` is what is booked, of which `held_minor` is reserved by holds. `lots` are its live
    lots in the order in which they are drawn. `due_at` is when the first of its open holds expires. `at`
    is where its row is (PostgreSQL's tid); one that this batch opens has none yet.
    """

    __slots__ = (
        "_flat",
        "_lots",
        "asset",
        "at",
        "balance_minor",
        "due_at",
        "held_minor",
        "holder_id",
        "id",
        "meter",
        "newest",
        "successor_id",
    )

    def __init__(
        self, account: int, asset: str, balance_minor: int, newest: Place, at: bytes | None, held_minor: int = 0,
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
        self._flat = lots
        self._lots: list[Lot] | None = None
        self.meter = Meter(account, at, meters)

    @property
    def in_lots(self) -> bool:
        """Whether its value is kept in lots."""
        return self._flat is not None

    @property
    def lots(self) -> list[Lot]:
        """Its live lots, which may be changed."""
        if self._lots is None:
            self._lots = as_lots(self._flat or ())
        return self._lots

    def numbers(self) -> list[int]:
        """Its live lots as its row has them."""
        if self._lots is None:
            return self._flat or []
        return [number for lot in self._lots for number in lot.numbers()]

    def count_lots(self) -> int:
        """How many live lots it has."""
        return len(self.numbers()) // NUMBERS

    def available_minor(self, now_s: int) -> int:
        """What can be drawn now: neither reserved nor in a lot that has expired."""
        if self._flat is None:
            return self.balance_minor
        if self._lots is not None:
            return sum(lot.free_minor(now_s) for lot in self._lots)
        flat, available = self._flat, 0
        for i in range(0, len(flat), NUMBERS):
            if not flat[i + 4] or flat[i + 4] > now_s:
                available += flat[i + 1] - flat[i + 2]
        return available

    def take_first(self, amount_minor: int, now_s: int) -> int | None:
        """Take an amount from the first lot that can be drawn, where that one has it all, and answer its id.

        That is how most redemptions end: then no lot has to be unpacked.
        """
        i = self._first(amount_minor, now_s)
        return None if i is None else self._take(i, amount_minor)

    def reserve_first(self, amount_minor: int, now_s: int) -> int | None:
        """Reserve an amount in the first lot that can be drawn, where that one has it all, and answer its id."""
        i = self._first(amount_minor, now_s)
        if i is None or self._flat is None:
            return None
        self._flat[i + 2] += amount_minor
        self.held_minor += amount_minor
        return self._flat[i]

    def take_reserved(self, lot_id: int, amount_minor: int) -> bool:
        """Take what is reserved in a lot, where no lot was unpacked so far."""
        flat = self._flat
        if self._lots is not None or flat is None:
            return False
        for i in range(0, len(flat), NUMBERS):
            if flat[i] == lot_id:
                flat[i + 2] -= amount_minor
                self.held_minor -= amount_minor
                self._take(i, amount_minor)
                return True
        return False

    def _first(self, amount_minor: int, now_s: int) -> int | None:
        """Where the first lot begins that can be drawn, if it has it all and no lot was unpacked so far."""
        if self._lots is not None or self._flat is None:
            return None
        flat = self._flat
        for i in range(0, len(flat), NUMBERS):
            if flat[i + 4] and flat[i + 4] <= now_s:
                continue
            free = flat[i + 1] - flat[i + 2]
            if free >= amount_minor:
                return i
            if free:
                return None
        return None

    def _take(self, i: int, amount_minor: int) -> int:
        flat = self._flat
        assert flat is not None
        lot_id = flat[i]
        flat[i + 1] -= amount_minor
        if not flat[i + 1]:
            del flat[i : i + NUMBERS]
        self.balance_minor -= amount_minor
        return lot_id

    def lot(self, lot_id: int) -> Lot | None:
        """A live lot by its id."""
        for lot in self.lots:
            if lot.id == lot_id:
                return lot
        return None

    def settle(self) -> None:
        """Let go of the lots that are empty."""
        if self._lots is not None:
            self._lots = [lot for lot in self._lots if lot.minor]

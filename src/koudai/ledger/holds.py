"""Holds: value reserved for a payee, until it is captured, voided, or expires. Pure."""

from datetime import datetime
from enum import StrEnum

from koudai.ledger.model import Place


class HoldState(StrEnum):
    """OPEN → CAPTURED | VOIDED | EXPIRED. One of which a part was captured ends as CAPTURED, or expires."""

    OPEN = "OPEN"
    CAPTURED = "CAPTURED"
    VOIDED = "VOIDED"
    EXPIRED = "EXPIRED"


class Hold:
    """A hold under the lock of its account. Its place is that of the entry that authorised it.

    `lots` is what is still reserved of each lot, in the order in which they were drawn, as (lot,
    amount). `counted_at` is the moment at which limits counted it, and `at` where its row is (PostgreSQL's
    tid), once it has one.
    """

    __slots__ = (
        "account",
        "amount_minor",
        "asset",
        "at",
        "captured_at",
        "captured_minor",
        "changed",
        "counted_at",
        "device",
        "expires_at",
        "group",
        "lots",
        "payee",
        "place",
        "released_minor",
        "state",
    )

    def __init__(
        self, place: Place, account: int, payee: int, amount_minor: int, asset: str, counted_at: datetime,
        expires_at: datetime, lots: list[tuple[int, int]], *, captured_minor: int = 0, released_minor: int = 0,
        captured_at: datetime | None = None, state: HoldState = HoldState.OPEN, device: str | None = None,
        group: str | None = None, at: bytes = b"",
    ) -> None:  # fmt: skip
        self.place = place
        self.account = account
        self.payee = payee
        self.amount_minor = amount_minor
        self.asset = asset
        self.counted_at = counted_at
        self.expires_at = expires_at
        self.lots = lots
        self.captured_minor = captured_minor
        self.released_minor = released_minor
        self.captured_at = captured_at
        self.state = state
        self.device = device
        self.group = group
        self.at = at
        self.changed = False

    @property
    def left_minor(self) -> int:
        """What is still reserved."""
        return self.amount_minor - self.captured_minor - self.released_minor

    def is_due(self, now: datetime) -> bool:
        """Whether it reserves something that it may not reserve any longer."""
        return self.state is HoldState.OPEN and self.expires_at <= now

    def take(self, amount_minor: int) -> list[tuple[int, int]]:
        """Take an amount out of what is reserved, in the order in which it was drawn: (lot, amount)."""
        taken: list[tuple[int, int]] = []
        rest: list[tuple[int, int]] = []
        for lot, minor in self.lots:
            part = min(minor, amount_minor)
            amount_minor -= part
            if part:
                taken.append((lot, part))
            if minor > part:
                rest.append((lot, minor - part))
        assert amount_minor == 0, "the hold was said to reserve enough"
        self.lots = rest
        self.changed = True
        return taken

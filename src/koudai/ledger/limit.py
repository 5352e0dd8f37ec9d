"""A limit: whose flows it bounds, over what, and in which window. Pure."""

from enum import StrEnum

import msgspec

from koudai.base import DAY_S, day_start_s, month_start_s, next_month_s

_BUCKETS = 24


class Subject(StrEnum):
    """Whose flows a limit counts."""

    CARD = "card"
    HOLDER = "holder"
    DEVICE = "device"
    RECIPIENT = "recipient"


class Flow(StrEnum):
    """What is counted: value that comes from outside, that pays, or that goes to another account."""

    LOAD = "load"
    REDEEM = "redeem"
    TRANSFER = "transfer"


class Per(StrEnum):
    """Over what a limit adds up. `BALANCE` bounds what the subject holds, whatever the flow."""

    BALANCE = "balance"
    TRANSACTION = "transaction"
    DAY = "day"
    MONTH = "month"
    LIFETIME = "lifetime"
    ROLLING = "rolling"


class Limit(msgspec.Struct, frozen=True):
    """A bound on the flows of a subject or a pair of subjects; amounts in minor units, None: unbounded.

    `min_minor` is the least amount of a transaction, or the floor of a balance. `window_s` is the
    length of a rolling window. `id` is 0 until it is declared.
    """

    subjects: tuple[Subject, ...]
    flow: Flow
    per: Per
    window_s: int | None = None
    min_minor: int | None = None
    max_minor: int | None = None
    max_count: int | None = None
    id: int = 0

    @property
    def name(self) -> str:
        """How a refusal calls it: `load.card.day`, `redeem.card+device.rolling`."""
        return f"{self.flow}.{'+'.join(self.subjects)}.{self.per}"

    @property
    def counter(self) -> tuple[tuple[Subject, ...], Flow, Per, int | None]:
        """What makes it the limit that it is, whatever its bounds: those of one scope that agree in it count as one."""
        return self.subjects, self.flow, self.per, self.window_s

    def bounded_as(self, other: "Limit | None") -> "Limit":
        """The same limit with the bounds of another one; with none it only counts."""
        if other is None:
            return msgspec.structs.replace(self, min_minor=None, max_minor=None, max_count=None)
        bounds = {"min_minor": other.min_minor, "max_minor": other.max_minor, "max_count": other.max_count}
        return msgspec.structs.replace(self, **bounds)

    def fault(self) -> str | None:
        """The field that makes no sense in it, or None."""
        if not 1 <= len(self.subjects) <= 2 or len(set(self.subjects)) != len(self.subjects):
            return "subjects"
        if self.per is Per.BALANCE and self.subjects not in {(Subject.CARD,), (Subject.HOLDER,)}:
            return "subjects"
        if (self.per is Per.ROLLING) != (self.window_s is not None):
            return "window_s"
        if self.window_s is not None and not 60 <= self.window_s <= 366 * DAY_S:
            return "window_s"
        if self.min_minor is not None and self.per not in {Per.BALANCE, Per.TRANSACTION}:
            return "min_minor"
        if self.max_count is not None and self.per in {Per.BALANCE, Per.TRANSACTION}:
            return "max_count"
        if self.min_minor is None and self.max_minor is None and self.max_count is None:
            return "max_minor"
        return None

    def start_s(self, at_s: int) -> int:
        """Where the window, or the bucket of a rolling one, begins that a moment is counted in."""
        if self.per is Per.DAY:
            return day_start_s(at_s)
        if self.per is Per.MONTH:
            return month_start_s(at_s)
        if self.window_s is not None:
            return at_s - at_s % self._bucket_s
        return 0

    @property
    def _bucket_s(self) -> int:
        assert self.window_s is not None
        return -(-self.window_s // _BUCKETS)

    @property
    def _span_s(self) -> int:
        """The window in whole buckets: not shorter than it."""
        assert self.window_s is not None
        return -(-self.window_s // self._bucket_s) * self._bucket_s

    def oldest_s(self, start_s: int) -> int:
        """The oldest start that still counts when the newest is `start_s`."""
        return start_s if self.window_s is None else start_s - self._span_s

    def resets_at_s(self, oldest_s: int, at_s: int) -> int | None:
        """When something of what was counted since `oldest_s` is given free again; None: never."""
        if self.per is Per.DAY:
            return day_start_s(at_s) + DAY_S
        if self.per is Per.MONTH:
            return next_month_s(at_s)
        if self.window_s is not None:
            return oldest_s + self._bucket_s + self._span_s
        return None

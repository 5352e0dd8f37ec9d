"""Limits: how much may flow, by whom and in which window; judged and counted under lock. Pure.

Counters stand in the row of whoever they count. A window is a calendar one (Chinese day or month, or
for life) or rolling: then it is counted in 24 buckets, and what a bucket holds leaves the window as
one, when all of it is older than the window: at no moment may more flow than the limit says.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from koudai.base import (
    DAY_S,
    Refused,
    day_start_s,
    moment_of,
    month_start_s,
    next_month_s,
    render_time,
)
from koudai.ledger.model import LedgerRefusal

_BUCKETS = 24
_NUMBERS = 4


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


class Meter:
    """The counters of one subject, under lock, as its row has them: limit, start, amount, count, …"""

    __slots__ = ("at", "changed", "flat", "id")

    def __init__(self, subject_id: int, at: bytes, flat: Sequence[int] | None) -> None:
        self.id = subject_id
        self.at = at
        self.flat = list(flat) if flat else []
        self.changed = False

    def newest_s(self, limit: Limit, start_s: int) -> int:
        """The start that a moment is counted in: time that was counted doesn't run back."""
        flat, wanted = self.flat, limit.id
        for i in range(0, len(flat), _NUMBERS):
            if flat[i] == wanted and flat[i + 1] > start_s:
                start_s = flat[i + 1]
        return start_s

    def used(self, limit: Limit, start_s: int) -> tuple[int, int, int]:
        """Amount and count in the window that ends with `start_s`, and the oldest start among them."""
        flat, wanted, since, oldest = self.flat, limit.id, limit.oldest_s(start_s), start_s
        minor = count = 0
        for i in range(0, len(flat), _NUMBERS):
            if flat[i] == wanted and flat[i + 1] >= since:
                minor += flat[i + 2]
                count += flat[i + 3]
                oldest = min(oldest, flat[i + 1])
        return minor, count, oldest

    def add(self, limit: Limit, start_s: int, amount_minor: int, count: int) -> None:
        """Count a flow in the window that begins at `start_s`; windows that are over are forgotten."""
        self.changed = True
        flat, wanted = self.flat, limit.id
        over = limit.oldest_s(start_s)
        stale = False
        for i in range(0, len(flat), _NUMBERS):
            if flat[i] == wanted:
                if flat[i + 1] == start_s:
                    flat[i + 2] += amount_minor
                    flat[i + 3] += count
                    return
                stale |= flat[i + 1] < over
        if stale:
            rows = [flat[i : i + _NUMBERS] for i in range(0, len(flat), _NUMBERS)]
            self.flat = flat = [n for row in rows if row[0] != wanted or row[1] >= over for n in row]
        flat += (wanted, start_s, amount_minor, count)

    def give_back(self, limit: Limit, start_s: int, amount_minor: int, count: int) -> None:
        """Take a flow out of the window it was counted in, if that is still counted."""
        flat = self.flat
        for i in range(0, len(flat), _NUMBERS):
            if flat[i] == limit.id and flat[i + 1] == start_s:
                flat[i + 2] = max(0, flat[i + 2] - amount_minor)
                flat[i + 3] = max(0, flat[i + 3] - count)
                self.changed = True


Meters = Mapping[tuple[Subject, ...], Meter]
"""The meters of one command, by whom they count. Who isn't known (a bearer card's holder) has none."""


def judge(limits: Sequence[Limit], meters: Meters, amount_minor: int, at_s: int, asset: str) -> Refused | None:
    """The first limit that an amount would pass, with what is left and when it resets; None: none."""
    for limit in limits:
        if limit.per is Per.TRANSACTION:
            bad = _judge_one(limit, amount_minor, asset)
        elif limit.per is Per.BALANCE or (meter := meters.get(limit.subjects)) is None:
            continue
        else:
            bad = _judge_window(limit, meter, amount_minor, at_s, asset)
        if bad is not None:
            return bad
    return None


def _judge_one(limit: Limit, amount_minor: int, asset: str) -> Refused | None:
    if limit.min_minor is not None and amount_minor < limit.min_minor:
        facts = {"limit": limit.name, "limit_minor": limit.min_minor, "amount_minor": amount_minor, "currency": asset}
        return Refused(LedgerRefusal.BELOW_MINIMUM, facts)
    if limit.max_minor is not None and amount_minor > limit.max_minor:
        return _over(limit, limit.max_minor, None, asset)
    return None


def _judge_window(limit: Limit, meter: Meter, amount_minor: int, at_s: int, asset: str) -> Refused | None:
    start = meter.newest_s(limit, limit.start_s(at_s))
    minor, count, oldest = meter.used(limit, start)
    if limit.max_count is not None and count >= limit.max_count:
        facts: dict[str, Any] = {
            "limit": limit.name,
            "limit_count": limit.max_count,
            "left_count": max(0, limit.max_count - count),
            "resets_at": _told(limit.resets_at_s(oldest, max(at_s, start))),
        }
        return Refused(LedgerRefusal.COUNT_EXCEEDED, facts)
    if limit.max_minor is not None and minor + amount_minor > limit.max_minor:
        resets = limit.resets_at_s(oldest, max(at_s, start))
        return _over(limit, limit.max_minor - minor, resets, asset)
    return None


def judge_cap(limit: Limit, held_minor: int, amount_minor: int, asset: str) -> Refused | None:
    """Whether a subject that holds so much may take an amount in, by a limit on balances."""
    if limit.max_minor is not None and held_minor + amount_minor > limit.max_minor:
        return _over(limit, limit.max_minor - held_minor, None, asset)
    return None


def judge_floor(limit: Limit, held_minor: int, amount_minor: int, asset: str) -> Refused | None:
    """Whether a subject that holds so much may let an amount go, by a limit on balances."""
    if limit.min_minor is not None and held_minor - amount_minor < limit.min_minor:
        left = max(0, held_minor - limit.min_minor)
        facts = {"limit": limit.name, "limit_minor": limit.min_minor, "left_minor": left, "currency": asset}
        return Refused(LedgerRefusal.BELOW_FLOOR, facts)
    return None


def _over(limit: Limit, left_minor: int, resets_at_s: int | None, asset: str) -> Refused:
    facts = {
        "limit": limit.name,
        "limit_minor": limit.max_minor,
        "left_minor": max(0, left_minor),
        "resets_at": _told(resets_at_s),
        "currency": asset,
    }
    return Refused(LedgerRefusal.LIMIT_EXCEEDED, facts)


def _told(seconds: int | None) -> str | None:
    return None if seconds is None else render_time(moment_of(seconds))


def count(limits: Sequence[Limit], meters: Meters, amount_minor: int, at_s: int) -> None:
    """Count an accepted flow in every window that knows its subject."""
    for limit in limits:
        meter = meters.get(limit.subjects)
        if meter is not None and limit.per is not Per.TRANSACTION and limit.per is not Per.BALANCE:
            meter.add(limit, meter.newest_s(limit, limit.start_s(at_s)), amount_minor, 1)


def give_back(limits: Sequence[Limit], meters: Meters, amount_minor: int, at_s: int, *, whole: bool) -> None:
    """Take a voided flow out of the windows that it was counted in; its count as well where all of it is."""
    for limit in limits:
        meter = meters.get(limit.subjects)
        if meter is not None and limit.per is not Per.TRANSACTION and limit.per is not Per.BALANCE:
            meter.give_back(limit, limit.start_s(at_s), amount_minor, 1 if whole else 0)

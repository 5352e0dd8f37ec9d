"""Limits: how much may flow, by whom and in which window; judged and counted under lock. Pure.

Counters stand in the row of whoever they count. A window is a calendar one (Chinese day or month, or
for life) or rolling: then it is counted in 24 buckets, and what a bucket holds leaves the window as
one, when all of it is older than the window: at no moment may more flow than the limit says.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from koudai.base import (
    MAX_MINOR,
    Refused,
    moment_of,
    render_time,
)
from koudai.ledger.limit import Limit, Per, Subject
from koudai.ledger.model import LedgerRefusal

NUMBERS = 4
"""How many numbers a counter has in its subject's row."""

_REMEMBERED = 1_000
_NO_BOUND = 1 << 80


class Meter:
    """The counters of one subject, under lock, as its row has them: limit, start, amount, count, …

    A calendar window stands there once, a rolling one for each of its live buckets, oldest first.
    """

    __slots__ = ("at", "changed", "flat", "id")

    def __init__(self, subject_id: int, at: bytes | None, flat: list[int] | None) -> None:
        self.id = subject_id
        self.at = at
        self.flat = flat or []
        self.changed = False

    def held_minor(self, limit: Limit) -> int:
        """What a subject has together, by a limit on balances."""
        return self.used(limit, 0)[0]

    def moved(self, limit: Limit, minor: int) -> None:
        """Count what a subject got or lost (negative), for a limit on balances."""
        self.add(limit, 0, minor, 0)

    def go_on_from(self, other: "Meter") -> None:
        """Begin with what another one has counted."""
        self.flat = list(other.flat)
        self.changed = bool(self.flat)

    def used(self, limit: Limit, start_s: int) -> tuple[int, int, int, int]:
        """Amount and count in the window of a moment, its oldest start, and the one it is counted in.

        That is the newest that was counted, where the moment lies before it: time that was counted
        doesn't run back.
        """
        flat, wanted = self.flat, limit.id
        rows = [i for i in range(0, len(flat), NUMBERS) if flat[i] == wanted]
        if not rows:
            return 0, 0, start_s, start_s
        newest = max(start_s, flat[rows[-1] + 1])
        since = limit.oldest_s(newest)
        live = [i for i in rows if flat[i + 1] >= since]
        oldest = flat[live[0] + 1] if live else newest
        return sum(flat[i + 2] for i in live), sum(flat[i + 3] for i in live), oldest, newest

    def add(self, limit: Limit, start_s: int, amount_minor: int, times: int = 1) -> None:
        """Count a flow in the window that begins at `start_s`, its newest; those that are over are forgotten."""
        self.changed = True
        flat, wanted, since = self.flat, limit.id, limit.oldest_s(start_s)
        for i in range(0, len(flat), NUMBERS):
            if flat[i] == wanted and flat[i + 1] == start_s:
                flat[i + 2] += amount_minor
                flat[i + 3] += times
                return
        kept: list[int] = []
        place: int | None = None
        for i in range(0, len(flat), NUMBERS):
            if flat[i] != wanted or flat[i + 1] >= since:
                kept += flat[i : i + NUMBERS]
            if flat[i] == wanted:
                place = len(kept)
        place = len(kept) if place is None else place
        kept[place:place] = (wanted, start_s, amount_minor, times)
        self.flat = kept

    def give_back(self, limit: Limit, start_s: int, amount_minor: int, times: int) -> None:
        """Take a flow out of the window it was counted in, if that is still known."""
        flat = self.flat
        for i in range(0, len(flat), NUMBERS):
            if flat[i] == limit.id and flat[i + 1] == start_s:
                flat[i + 2] = max(0, flat[i + 2] - amount_minor)
                flat[i + 3] = max(0, flat[i + 3] - times)
                self.changed = True


Meters = Sequence[Meter | None]
"""The meters of one command, one for each kind of subject. Who isn't known (a bearer card's holder) has none."""


class Limits:
    """The limits on one flow: those on a single transaction, and those that add up, by whom they count.

    `by_device` is the name of the first of them that bounds what is asked for on one device.
    """

    __slots__ = ("by_device", "groups", "kinds", "single")

    def __init__(self, limits: Iterable[Limit] = ()) -> None:
        self.single: list[Limit] = []
        by_kind: dict[tuple[Subject, ...], list[Limit]] = {}
        for limit in limits:
            if limit.per is Per.TRANSACTION:
                self.single.append(limit)
            else:
                by_kind.setdefault(limit.subjects, []).append(limit)
        self.groups = [Group(kind, group) for kind, group in by_kind.items()]
        self.kinds = list(by_kind)
        of_devices = (x for group in self.groups for x in group.limits if Subject.DEVICE in x.subjects)
        self.by_device = next((x.name for x in of_devices if (x.max_minor, x.max_count) != (None, None)), None)

    def judge(self, meters: Meters, amount_minor: int, at_s: int, asset: str) -> "Refused | list[Slot]":
        """The first limit that an amount would pass, with what is left and when it resets.

        The limits of one subject are asked together, those of the subject that was declared first before
        the others'. Where none is passed, the answer says where to count the flow once it is accepted.
        """
        for limit in self.single:
            bad = _judge_one(limit, amount_minor, asset)
            if bad is not None:
                return bad
        slots: list[Slot] = []
        for group, meter in zip(self.groups, meters, strict=True):
            if meter is None:
                continue
            place = group.judge(meter, amount_minor, at_s, asset)
            if isinstance(place, Refused):
                return place
            slots.append((group, meter, place, at_s))
        return slots

    def give_back(self, meters: Meters, amount_minor: int, at_s: int, *, whole: bool) -> None:
        """Take a voided flow out of the windows it was counted in; its count as well where all of it is."""
        for group, meter in zip(self.groups, meters, strict=True):
            if meter is not None:
                for limit, start in zip(group.limits, group.starts(at_s), strict=True):
                    meter.give_back(limit, start, amount_minor, 1 if whole else 0)


class Group:
    """The limits that count one kind of subject.

    Mostly its counters stand together in the meter, all in the windows of the moment that is judged: then
    they are read and counted where they stand.
    """

    __slots__ = ("_bounds", "_calendar", "_ids", "_starts", "_width", "kind", "limits")

    def __init__(self, kind: tuple[Subject, ...], limits: list[Limit]) -> None:
        self.kind = kind
        self.limits = limits
        self._calendar = all(limit.window_s is None for limit in limits)
        self._ids = [limit.id for limit in limits]
        self._bounds = [
            (
                MAX_MINOR if x.max_minor is None else min(x.max_minor, MAX_MINOR),
                _NO_BOUND if x.max_count is None else x.max_count,
            )
            for x in limits
        ]
        self._width = NUMBERS * len(limits)
        self._starts: dict[int, list[int]] = {}

    def starts(self, at_s: int) -> list[int]:
        """Where each window begins that a moment is counted in; the moments of a batch are few."""
        known = self._starts.get(at_s)
        if known is None:
            if len(self._starts) >= _REMEMBERED:
                self._starts.clear()
            known = self._starts[at_s] = [limit.start_s(at_s) for limit in self.limits]
        return known

    def _place(self, flat: list[int], starts: list[int]) -> int:
        """Where the counters stand together, each in its present window; -1: they don't."""
        if self._calendar and self._ids[0] in flat:
            i = flat.index(self._ids[0])
            end = i + self._width
            if flat[i:end:NUMBERS] == self._ids and flat[i + 1 : end : NUMBERS] == starts and not i % NUMBERS:
                return i
        return -1

    def judge(self, meter: Meter, amount_minor: int, at_s: int, asset: str) -> Refused | int:
        """The first limit that an amount would pass, or where the counters stand together (-1: they don't)."""
        flat, starts = meter.flat, self.starts(at_s)
        place = i = self._place(flat, starts)
        if place >= 0 or not flat:
            for most_minor, most_times in self._bounds:
                minor, times = (flat[i + 2], flat[i + 3]) if flat else (0, 0)
                if minor + amount_minor > most_minor or times >= most_times:
                    break
                i += NUMBERS
            else:
                return place
        for limit, start in zip(self.limits, starts, strict=True):
            minor, times, oldest, newest = meter.used(limit, start)
            if limit.max_count is not None and times >= limit.max_count:
                return _too_often(limit, times, limit.resets_at_s(oldest, max(at_s, newest)))
            if limit.max_minor is not None and minor + amount_minor > limit.max_minor:
                resets = limit.resets_at_s(oldest, max(at_s, newest))
                return _over(limit, limit.max_minor - minor, resets, asset)
            if minor + amount_minor > MAX_MINOR:
                return Refused(LedgerRefusal.AMOUNT_TOO_LARGE, {"limit_minor": MAX_MINOR - minor})
        return place

    def count(self, meter: Meter, place: int, amount_minor: int, at_s: int) -> None:
        """Count an accepted flow, where judging found the counters."""
        if not meter.flat:
            meter.changed = True
            starts = zip(self._ids, self.starts(at_s), strict=True)
            meter.flat = [number for limit_id, start in starts for number in (limit_id, start, amount_minor, 1)]
            return
        if place < 0:
            for limit, start in zip(self.limits, self.starts(at_s), strict=True):
                meter.add(limit, meter.used(limit, start)[3], amount_minor)
            return
        meter.changed = True
        flat = meter.flat
        for i in range(place, place + self._width, NUMBERS):
            flat[i + 2] += amount_minor
            flat[i + 3] += 1


Slot = tuple[Group, Meter, int, int]
"""Where a judged flow will be counted: the limits, whose meter, where in it, and at which moment."""


def count(slots: Iterable[Slot], amount_minor: int) -> None:
    """Count an accepted flow in every window."""
    for group, meter, place, at_s in slots:
        group.count(meter, place, amount_minor, at_s)


def _judge_one(limit: Limit, amount_minor: int, asset: str) -> Refused | None:
    if limit.min_minor is not None and amount_minor < limit.min_minor:
        facts = {"limit": limit.name, "limit_minor": limit.min_minor, "amount_minor": amount_minor, "currency": asset}
        return Refused(LedgerRefusal.BELOW_MINIMUM, facts)
    if limit.max_minor is not None and amount_minor > limit.max_minor:
        return _over(limit, limit.max_minor, None, asset)
    return None


def judge_cap(limit: Limit, held_minor: int, amount_minor: int, asset: str) -> Refused | None:
    """Whether a subject that holds so much may take an amount in, by a limit on balances."""
    if limit.max_minor is not None and held_minor + amount_minor > limit.max_minor:
        return _over(limit, limit.max_minor - held_minor, None, asset)
    if held_minor + amount_minor > MAX_MINOR:
        return Refused(LedgerRefusal.AMOUNT_TOO_LARGE, {"limit_minor": MAX_MINOR - held_minor})
    return None


def judge_floor(limit: Limit, held_minor: int, amount_minor: int, asset: str) -> Refused | None:
    """Whether a subject that holds so much may let an amount go, by a limit on balances."""
    if limit.min_minor is not None and held_minor - amount_minor < limit.min_minor:
        left = max(0, held_minor - limit.min_minor)
        facts = {"limit": limit.name, "limit_minor": limit.min_minor, "left_minor": left, "currency": asset}
        return Refused(LedgerRefusal.BELOW_FLOOR, facts)
    return None


def _too_often(limit: Limit, counted: int, resets_at_s: int | None) -> Refused:
    assert limit.max_count is not None
    facts: dict[str, Any] = {
        "limit": limit.name,
        "limit_count": limit.max_count,
        "left_count": max(0, limit.max_count - counted),
        "resets_at": _told(resets_at_s),
    }
    return Refused(LedgerRefusal.COUNT_EXCEEDED, facts)


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

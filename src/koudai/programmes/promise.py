"""What a card was promised: never changed to its disadvantage, whatever versions follow. Pure.

A card has the terms of the version that was in force when it was issued, and of each later version in force
what isn't to its holder's disadvantage, figure by figure (`figures.RULES` says which way each is better).
The law is no promise: policy judges beside it, by class and pack, which no version changes.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import Any

import msgspec

from koudai.ledger import Flow, Limit, Per
from koudai.programmes.diff import Effect, changes
from koudai.programmes.figures import Better, Path, Plain, from_plain, plain, rule_of
from koudai.programmes.model import Programme, Version
from koudai.programmes.spend import Spending


class Effective(msgspec.Struct, frozen=True):
    """The terms of a card: a programme whose every figure is what holds for it.

    `issued_under` and `newest` are from when the version of its issue and the newest in force took effect.
    `limits` are those on flows, `bounds` those on what is held; none of them is declared to the ledger yet.
    `spending` answers which lines of a basket are payable, and what comes back.
    """

    programme: Programme
    issued_under: datetime
    newest: datetime
    limits: Mapping[Flow, tuple[Limit, ...]]
    bounds: tuple[Limit, ...]
    spending: Spending


class Promises:
    """The versions of one programme, and what each card of it was promised; reckoned once and kept."""

    def __init__(self, versions: Sequence[Version]) -> None:
        """`versions` are one or more, of one programme, in any order; no two take effect at one moment.

        `reminds` is whether holders are reminded of anything by any of them.
        """
        if not versions:
            raise ValueError("a programme without a version promises nothing")
        self.versions = sorted(versions, key=lambda version: version.effective_at)
        self._since = [version.effective_at for version in self.versions]
        said = [version.programme.notices for version in self.versions]
        self.reminds = any(one.before_expiry_days or one.silence_days for one in said)
        self._known: dict[tuple[int, int], Effective] = {}
        self._only = self._reckoned(1, 1) if len(self.versions) == 1 else None

    def in_force(self, at: datetime) -> Version | None:
        """The newest version that has taken effect; None where the first is still to come."""
        number = bisect_right(self._since, at)
        return self.versions[number - 1] if number else None

    def taken_effect(self, at: datetime) -> int:
        """How many versions have taken effect: with one more, what cards were promised may be more."""
        return bisect_right(self._since, at)

    def terms(self, issued_at: datetime, now: datetime) -> Effective:
        """The terms at `now` of a card that was issued at `issued_at`.

        A card that is older than the first version has the first one.
        """
        if self._only is not None:
            return self._only
        issue = max(bisect_right(self._since, issued_at), 1)
        newest = max(bisect_right(self._since, now), issue)
        known = self._known.get((issue, newest))
        if known is None:
            known = self._known[issue, newest] = self._reckoned(issue, newest)
        return known

    def _reckoned(self, issue: int, newest: int) -> Effective:
        versions = self.versions[issue - 1 : newest]
        programme = versions[0].programme
        if len(versions) > 1:
            programme = from_plain(reduce(_kept, (plain(version.programme) for version in versions)))
        limits = [limit.as_limit() for limit in programme.limits]
        return Effective(
            programme, versions[0].effective_at, versions[-1].effective_at,
            {flow: tuple(x for x in limits if x.flow is flow and x.per is not Per.BALANCE) for flow in Flow},
            tuple(limit for limit in limits if limit.per is Per.BALANCE), Spending(programme),
        )  # fmt: skip


def promise(versions: Sequence[Version], issued_at: datetime, now: datetime) -> Effective:
    """The terms at `now` of a card of these versions' programme (see `Promises.terms`)."""
    return Promises(versions).terms(issued_at, now)


def _kept(had: Plain, new: Plain) -> Plain:
    kept: Plain = _better((), had, new)
    return kept


def _better(path: Path, had: Any, new: Any) -> Any:
    """What a card has of two values of one place: the one that it had, unless the new one is as good or better."""
    rule = rule_of(path)
    if isinstance(had, dict) and isinstance(new, dict):
        if rule is not None and rule.whole:
            worse = any(change.effect is Effect.TIGHTENS for change in changes(path, had, new))
            return had if worse else new
        names = dict.fromkeys((*had, *new))
        told = {name: _better((*path, name), had.get(name), new.get(name)) for name in names}
        # A limit that fell away, or that came later, is none for this card.
        return {name: value for name, value in told.items() if value is not None or path != ("limits",)}
    assert rule is not None, f"nobody says which way {path} is better"
    if isinstance(had, list) and isinstance(new, list):
        if rule.better is Better.LISTED:
            return [*had, *(one for one in new if one not in had)]
        if rule.better is Better.UNLISTED:
            return [one for one in had if one in new]
    if rule.better is Better.KEPT:
        return had
    if rule.better is Better.FREE and had is not None and new is not None:
        return new
    return new if rule.effect(had, new) > 0 else had

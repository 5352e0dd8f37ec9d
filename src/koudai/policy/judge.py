"""The judge: facts in, verdict out. Compiled from a pack once, specialised to what is fixed, then asked. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, NoReturn

from koudai.base import Refused
from koudai.policy.facts import FACTS, Fact, Kind
from koudai.policy.model import Allowed, Clause, Pack, Point, ProgrammeClass, Severity, Status
from koudai.policy.pilot import Pilot, PilotUse
from koudai.policy.refuse import Refuse, refusal_of


@dataclass(frozen=True)
class Note:
    """A clause that would have refused but only warns: `unverified` when its source wasn't seen."""

    clause: str
    unverified: bool
    refused: Refused


@dataclass(frozen=True)
class Verdict:
    """What there is to say of something: why it is refused, or None; what to note; under which pilots it passed."""

    refused: Refused | None
    notes: tuple[Note, ...] = ()
    pilots: tuple[PilotUse, ...] = ()


Check = Callable[[Mapping[str, Any], datetime], Verdict | None]
"""Judges facts at a moment. None: allowed, and nothing to say."""


class FactsWrong(LookupError):
    """Facts that weren't told, aren't known at the point, or are of the wrong kind: a bug of who asks."""


class _Rule(NamedTuple):
    """A clause as it is checked; without `fact` it fails wherever it applies."""

    clause: Clause
    when: tuple[tuple[str, Allowed], ...]
    fact: str | None
    allowed: Allowed
    refuse: Refuse


class Judge:
    """Judges by a pack.

    `enforce` names the unverified clauses that refuse all the same (`"all"`: every one). `pilots` count for their
    own `programme` alone; `make_pilot` has proven them.
    """

    def __init__(
        self, pack: Pack, *, programme: str | None = None, pilots: Sequence[Pilot] = (),
        enforce: Collection[str] | Literal["all"] = (),
    ) -> None:  # fmt: skip
        self.pack = pack
        self._pilots = tuple(pilot for pilot in pilots if pilot.programme == programme)
        unverified = {one.id for one in pack.clauses if one.status is Status.UNVERIFIED and one.refuses}
        self._enforced = unverified if enforce == "all" else set(enforce)
        if not self._enforced <= unverified:
            raise ValueError(f"no unverified clauses of {pack.name}: {sorted(self._enforced - unverified)}")
        for pilot in self._pilots:
            for name in pilot.opens:
                clause = pack.clause(name)
                if clause is None or clause.statutory:
                    raise ValueError(f"pilot {pilot.name} can't open {name}")
        # What no pilot opens is told first.
        self._clauses = sorted(pack.clauses, key=lambda clause: not clause.statutory)

    def at(self, point: Point, **known: Any) -> Check:
        """The check of a point, specialised to facts that are fixed; these aren't told again.

        Raises FactsWrong for a fact that isn't told there or is of the wrong kind, ValueError for a programme class
        that the pack isn't for.
        """
        kinds = {name: _kind(fact) for name, fact in FACTS.items() if point in fact.points}
        _examine(known, kinds, point)
        asked = known.get("programme_class")
        if asked is not None and ProgrammeClass(asked) not in self.pack.classes:
            raise ValueError(f"{self.pack.name} is not for programmes of class {asked}")
        rules = [rule for clause in self._clauses if point in clause.points and (rule := _rule(clause, known))]
        # The room left is reckoned from these, so they are asked for also where nothing is refused.
        grown = {name for rule in rules if rule.fact for name in FACTS[rule.fact].reckoned_with if name not in known}
        return self._check(point, known, kinds, tuple(rules), tuple(sorted(grown)))

    def asks(self, point: Point, **known: Any) -> frozenset[str]:
        """The facts that the check of a point may need beside those that are fixed: none where nothing is left open."""
        rules = [rule for clause in self._clauses if point in clause.points and (rule := _rule(clause, known))]
        names = {name for rule in rules for name, _ in rule.when} | {rule.fact for rule in rules if rule.fact}
        names |= {name for rule in rules if rule.fact for name in FACTS[rule.fact].reckoned_with}
        return frozenset(names - known.keys())

    def _check(
        self, point: Point, known: dict[str, Any], kinds: Mapping[str, Any], rules: tuple[_Rule, ...],
        grown: tuple[str, ...],
    ) -> Check:  # fmt: skip
        def check(facts: Mapping[str, Any], now: datetime) -> Verdict | None:
            _examine(facts, kinds, point)
            failed = None
            try:
                for name in grown:
                    facts[name]
                for rule in rules:
                    for name, allowed in rule.when:
                        if facts[name] not in allowed:
                            break
                    else:
                        if rule.fact is None or facts[rule.fact] not in rule.allowed:
                            failed = [rule] if failed is None else [*failed, rule]
            except KeyError as missing:
                _loud(point, f"{missing.args[0]} wasn't told")
            return None if failed is None else self._verdict(failed, {**known, **facts}, now)

        return check

    def _verdict(self, failed: list[_Rule], facts: Mapping[str, Any], now: datetime) -> Verdict | None:
        notes, opened = [], dict[str, list[str]]()
        for rule in failed:
            clause = rule.clause
            unverified = clause.status is Status.UNVERIFIED and clause.id not in self._enforced
            if unverified or clause.severity is Severity.WARN:
                notes.append(Note(clause.id, unverified, rule.refuse(facts, now)))
                continue
            pilot = next((p for p in self._pilots if clause.id in p.opens and now < p.until), None)
            if pilot is None:
                return Verdict(rule.refuse(facts, now), tuple(notes))
            opened.setdefault(pilot.name, []).append(clause.id)
        amount = facts.get("amount_minor", 0)
        return Verdict(None, tuple(notes), tuple(PilotUse(name, tuple(ids), amount) for name, ids in opened.items()))


def _rule(clause: Clause, known: Mapping[str, Any]) -> _Rule | None:
    """A clause as far as it is still open once some facts are known; None when it can't fail any more."""
    open_when = []
    for name, allowed in clause.when:
        if name not in known:
            open_when.append((name, allowed))
        elif known[name] not in allowed:
            return None
    refuse = refusal_of(clause, known.get("currency"))
    needs = clause.requires
    if needs is not None and needs.fact not in known:
        return _Rule(clause, tuple(open_when), needs.fact, needs.allowed, refuse)
    if needs is not None and known[needs.fact] in needs.allowed:
        return None
    return _Rule(clause, tuple(open_when), None, frozenset(), refuse)


def _kind(fact: Fact) -> type | frozenset[Any]:
    """What a value of a fact must be: of a type, or one of its words."""
    if isinstance(fact.domain, range):
        return int
    return bool if fact.kind is Kind.FLAG else fact.domain


def _examine(facts: Mapping[str, Any], kinds: Mapping[str, Any], point: Point) -> None:
    for name, value in facts.items():
        kind = kinds.get(name)
        if kind is int or kind is bool:
            if type(value) is not kind:
                _loud(point, f"{name} is {value!r}, and not of type {kind.__name__}")
        elif kind is None:
            _loud(point, f"{name} is not told there")
        elif value not in kind:
            _loud(point, f"{name} has no word {value!r}")


def _loud(point: Point, what: str) -> NoReturn:
    raise FactsWrong(f"at {point}: {what}")

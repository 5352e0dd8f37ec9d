"""Proofs of a pack: that its clauses speak of facts as they are, and can all be met. Pure."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from koudai.documents import Path
from koudai.policy.facts import FACTS, Fact, Kind
from koudai.policy.model import FEWEST, MOST, Allowed, Certainty, Clause, Point, Severity, Status
from koudai.policy.written import Asked, Test, WrittenClause


class PackFault(StrEnum):
    """What is wrong with a pack, beyond its form."""

    UNKNOWN_FACT = "policy.unknown_fact"
    FACT_NOT_TOLD = "policy.fact_not_told"
    WRONG_KIND = "policy.wrong_kind"
    UNKNOWN_WORD = "policy.unknown_word"
    UNIT_MISSING = "policy.unit_missing"
    WRONG_UNIT = "policy.wrong_unit"
    NOTHING_LEFT = "policy.nothing_left"
    ONE_FACT = "policy.one_fact"
    ONE_BOUND = "policy.one_bound"
    CANNOT_BOTH = "policy.cannot_both"
    ID_TWICE = "policy.id_twice"
    UNKNOWN_PACK = "policy.unknown_pack"
    PART_INCLUDES = "policy.part_includes"
    NO_POINT = "policy.no_point"
    NO_REQUIREMENT = "policy.no_requirement"
    DUTY_ENFORCED = "policy.duty_enforced"
    STATUS_MISMATCH = "policy.status_mismatch"


class Found(NamedTuple):
    """A fault at a path of the document."""

    code: PackFault
    path: Path
    facts: Mapping[str, Any]


def form_faults(clause: WrittenClause, path: Path) -> Iterator[Found]:
    """What is wrong with a clause by itself."""
    if (clause.certainty is Certainty.U) != (clause.status is Status.UNVERIFIED):
        told = {"certainty": str(clause.certainty), "status": str(clause.status)}
        yield Found(PackFault.STATUS_MISMATCH, (*path, "status"), told)
    if clause.severity is Severity.DUTY:
        for name in ("points", "when", "require", "never"):
            if getattr(clause, name):
                yield Found(PackFault.DUTY_ENFORCED, (*path, name), {"field": name})
        return
    if not clause.points:
        yield Found(PackFault.NO_POINT, path, {})
    if clause.never == (clause.require is not None):
        yield Found(PackFault.NO_REQUIREMENT, path, {})
    for name, asked in clause.when.items():
        yield from _asked_faults(clause, name, asked, (*path, "when", name))
    if clause.require is not None:
        yield from _requirement_faults(clause, clause.require, (*path, "require"))


def _requirement_faults(clause: WrittenClause, require: Mapping[str, Asked], path: Path) -> Iterator[Found]:
    if len(require) != 1:
        yield Found(PackFault.ONE_FACT, path, {})
    for name, asked in require.items():
        yield from _asked_faults(clause, name, asked, (*path, name))
        if isinstance(asked, Test) and asked.none_of is None and len(asked.bounds) > 1:
            yield Found(PackFault.ONE_BOUND, (*path, name), {})


def _asked_faults(clause: WrittenClause, name: str, asked: Asked, path: Path) -> Iterator[Found]:
    """What is wrong with what is asked of one fact."""
    fact = FACTS.get(name)
    if fact is None:
        yield Found(PackFault.UNKNOWN_FACT, path, {"fact": name})
        return
    for point in clause.points:
        if point not in fact.points:
            told = ", ".join(sorted(fact.points))
            yield Found(PackFault.FACT_NOT_TOLD, path, {"fact": name, "point": str(point), "told_at": told})
    if _kind_asked(asked) != ("figure" if fact.unit else "flag" if fact.kind is Kind.FLAG else "word"):
        yield Found(PackFault.WRONG_KIND, path, {"fact": name, "kind": str(fact.kind)})
        return
    for word in _words_of(asked):
        if word not in fact.domain:
            yield Found(PackFault.UNKNOWN_WORD, path, {"fact": name, "word": word, "known": _known(fact)})
    if isinstance(asked, Test) and asked.none_of is None and asked.unit != fact.unit:
        code = PackFault.UNIT_MISSING if asked.unit is None else PackFault.WRONG_UNIT
        yield Found(code, path, {"fact": name, "unit": str(fact.unit), "found": asked.unit})
    if not _asks_something(allowed_by(fact, asked), fact):
        yield Found(PackFault.NOTHING_LEFT, path, {"fact": name})


def _known(fact: Fact) -> str:
    known = sorted(fact.words or ())
    return ", ".join(known) if len(known) <= 20 else "ISO 4217"


def _words_of(asked: Asked) -> list[str]:
    match asked:
        case str():
            return [asked]
        case list():
            return asked
        case Test():
            return asked.none_of or []
    return []


def _kind_asked(asked: Asked) -> str:
    match asked:
        case bool():
            return "flag"
        case Test():
            # Words and bounds together, or none of them, are neither.
            return "mixed" if (asked.none_of is None) != bool(asked.bounds) else "word" if asked.none_of else "figure"
    return "word"


def _asks_something(allowed: Allowed, fact: Fact) -> bool:
    """Whether some value is let through and some isn't."""
    return bool(allowed) and allowed != fact.domain


def allowed_by(fact: Fact, asked: Asked) -> Allowed:
    """The values of a fact that are let through."""
    match asked:
        case bool():
            return frozenset({asked})
        case Test() if asked.none_of is None:
            low = FEWEST if asked.at_least is None else asked.at_least
            high = MOST + 1 if asked.at_most is None else asked.at_most + 1
            return range(low, high if asked.below is None else min(high, asked.below))
        case Test():
            return frozenset(fact.words or ()) - frozenset(asked.none_of or ())
    return frozenset(_words_of(asked))


def both(one: Allowed, other: Allowed) -> Allowed:
    """The values that both let through."""
    if isinstance(one, range) and isinstance(other, range):
        return range(max(one.start, other.start), min(one.stop, other.stop))
    assert not isinstance(one, range), "figures and words don't meet"
    return one.intersection(other)


def conflict(one: Clause, other: Clause) -> str | None:
    """The fact over which two clauses can't both be met at a point, though both apply there; None when they can."""
    if not one.points & other.points:
        return None
    together = _together(one, other)
    if together is None:
        return None
    if one.requires and other.requires:
        fact = one.requires.fact
        if fact != other.requires.fact:
            return None
        meant = both(one.requires.allowed, other.requires.allowed)
        return fact if not both(meant, together.get(fact, FACTS[fact].domain)) else None
    must, never = (one, other) if one.requires else (other, one)
    if must.requires is None:
        return None
    # Where the one applies and is met, the other says that this is never allowed.
    met = {**dict(must.when), must.requires.fact: must.requires.allowed}
    banned = all(_within(met.get(name, FACTS[name].domain), values) for name, values in never.when)
    return must.requires.fact if banned else None


def _together(one: Clause, other: Clause) -> dict[str, Allowed] | None:
    """The conditions of two clauses at once; None when they can't hold together."""
    held = dict(one.when)
    for name, values in other.when:
        held[name] = both(held[name], values) if name in held else values
    return held if all(held.values()) else None


def _within(one: Allowed, other: Allowed) -> bool:
    return both(one, other) == one


def points_of(clause: Clause) -> list[Point]:
    """Where a clause is enforced, in the order of the points."""
    return [point for point in Point if point in clause.points]

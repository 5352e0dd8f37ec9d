"""Examine a programme: what its declared figures mean under a pack, before anything happens. Pure.

What a programme declares of a fact is the set of values that it would let happen: `at_most(5_000_000)` of
`balance_after_minor`, `one_of("transfer", "debit")` of `funding`, `exactly(False)` of `expires`. Facts that it says
nothing of may be anything. Figures that go by the kind of card are declared one kind at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from koudai.policy.facts import FACTS
from koudai.policy.model import FEWEST, MOST, Allowed, Clause, Gate, Pack, ProgrammeClass, Severity, Status
from koudai.policy.prove import both


def at_most(figure: int) -> Allowed:
    """No more than that."""
    return range(FEWEST, figure + 1)


def at_least(figure: int) -> Allowed:
    """No less than that."""
    return range(figure, MOST + 1)


def one_of(*words: str) -> Allowed:
    """One of these words."""
    return frozenset(words)


def exactly(value: Any) -> Allowed:
    """That value alone: a word, a figure, yes or no."""
    return range(value, value + 1) if type(value) is int else frozenset({value})


@dataclass(frozen=True)
class Violation:
    """A clause that a programme would let be broken, and what it declares of the clause's fact.

    `fact` is None where the clause never allows what the programme's conditions permit.
    """

    clause: Clause
    fact: str | None
    declared: Allowed | None


@dataclass(frozen=True)
class Examination:
    """What a pack means for a programme, duties included: which clauses apply, of these the unverified ones, which
    its figures would violate, and what has to be entered before it goes live. `fits` is whether the pack is for its
    class at all.
    """

    fits: bool
    applies: tuple[Clause, ...]
    unverified: tuple[Clause, ...]
    violations: tuple[Violation, ...]
    gates: tuple[Gate, ...]


def examine(pack: Pack, programme_class: ProgrammeClass, declared: Mapping[str, Allowed]) -> Examination:
    """What a pack means for a programme of that class. Raises KeyError for a fact that isn't known, ValueError for
    values that it can't have.
    """
    for name, values in declared.items():
        domain = FACTS[name].domain
        if isinstance(values, range) != isinstance(domain, range):
            raise ValueError(f"{name} is not what was declared of it: {values}")
        if not isinstance(values, range) and not values <= domain:  # type: ignore[operator]
            raise ValueError(f"{name} has no {sorted(map(str, values - domain))}")  # type: ignore[operator]
    meant = {**declared, "programme_class": exactly(str(programme_class))}
    applies = tuple(clause for clause in pack.clauses if _may_apply(clause, meant))
    return Examination(
        programme_class in pack.classes, applies, tuple(one for one in applies if one.status is Status.UNVERIFIED),
        tuple(found for clause in applies if (found := _violation(clause, meant))), pack.gates,
    )  # fmt: skip


def _may_apply(clause: Clause, declared: Mapping[str, Allowed]) -> bool:
    return all(both(declared[name], values) for name, values in clause.when if name in declared)


def _violation(clause: Clause, declared: Mapping[str, Allowed]) -> Violation | None:
    if clause.severity is Severity.DUTY:
        return None
    if clause.requires is None:
        said = all(name in declared for name, _ in clause.when)
        return Violation(clause, None, None) if said else None
    fact = clause.requires.fact
    if fact not in declared:
        return None
    within = both(declared[fact], clause.requires.allowed) == declared[fact]
    return None if within else Violation(clause, fact, declared[fact])

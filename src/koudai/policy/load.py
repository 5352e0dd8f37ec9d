"""Load packs: read, include, prove. All mistakes of a pack are told, each with its place."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path

from koudai.documents import Document, Mistake, read
from koudai.policy.facts import FACTS
from koudai.policy.model import Certainty, Clause, Gate, GateKind, Pack, PolicyRefusal, Requirement
from koudai.policy.prove import Found, PackFault, allowed_by, conflict, form_faults
from koudai.policy.written import Asked, Test, WrittenClause, WrittenPack

_PACKS = Path(__file__).with_name("packs")

Including = Callable[[str], Pack | None]
"""Answers a part by its name, for packs to include; None when there is none."""


@cache
def pack_names() -> tuple[str, ...]:
    """The names of the packs that are shipped, without those that are parts of others."""
    return tuple(sorted(path.stem for path in _PACKS.glob("*.yaml")))


@cache
def shipped(name: str) -> Pack | None:
    """A pack that comes with koudai, proven; None when there is none of that name."""
    return _proven(_PACKS / f"{name}.yaml") if name in pack_names() else None


@cache
def part(name: str) -> Pack | None:
    """A part of packs that comes with koudai; None when there is none of that name."""
    known = {path.stem: path for path in _PACKS.glob("parts/*.yaml")}
    return _proven(known[name]) if name in known else None


@cache
def shipped_clauses() -> dict[str, Clause]:
    """Every clause of every shipped pack, by its id."""
    packs = [pack for name in pack_names() if (pack := shipped(name))]
    return {clause.id: clause for pack in packs for clause in pack.clauses}


def _proven(path: Path) -> Pack:
    loaded = load(path.read_text(encoding="utf-8"))
    # A shipped pack that can't be proven is a bug.
    assert isinstance(loaded, Pack), loaded
    return loaded


def load(text: str, including: Including = part) -> Pack | list[Mistake]:
    """The pack of a document, or all that is wrong with it, in the order of lines.

    A document without classes is a part: it is there to be included, and includes nothing.
    """
    document = read(text, WrittenPack)
    if isinstance(document, list):
        return document
    written = document.value
    included = [(number, including(name)) for number, name in enumerate(written.includes) if written.classes]
    theirs: dict[str, Clause] = {}
    faults = [] if written.classes or not written.includes else [Found(PackFault.PART_INCLUDES, ("includes",), {})]
    for number, pack in included:
        place = ("includes", number)
        if pack is None:
            faults.append(Found(PackFault.UNKNOWN_PACK, place, {"pack": written.includes[number]}))
            continue
        for clause in pack.clauses:
            if clause.id in theirs:
                faults.append(Found(PackFault.ID_TWICE, place, {"clause": clause.id, "pack": theirs[clause.id].pack}))
            theirs[clause.id] = clause
    faults += _faults(written, theirs)
    if not faults:
        own = [_clause(written, one) for one in written.clauses]
        faults = list(_conflicts(own, list(theirs.values())))
        if not faults:
            gates = {gate.kind: gate for _, pack in included if pack for gate in pack.gates}
            gates |= {one.kind: Gate(one.kind, one.citation, one.title, one.certainty) for one in written.gates}
            return Pack(
                written.pack, written.title, frozenset(written.classes),
                tuple(gates[kind] for kind in GateKind if kind in gates), (*own, *theirs.values()),
            )  # fmt: skip
    return _mistakes(document, faults)


def _mistakes(document: Document[WrittenPack], faults: list[Found]) -> list[Mistake]:
    told = [document.mistake(code, path, **facts) for code, path, facts in faults]
    return sorted(told, key=lambda mistake: (mistake.place, mistake.path, mistake.code))


def _faults(written: WrittenPack, theirs: dict[str, Clause]) -> Iterator[Found]:
    seen = {name: clause.pack for name, clause in theirs.items()}
    for number, clause in enumerate(written.clauses):
        path = ("clauses", number)
        if clause.id in seen:
            yield Found(PackFault.ID_TWICE, (*path, "id"), {"clause": clause.id, "pack": seen[clause.id]})
        seen[clause.id] = written.pack
        yield from form_faults(clause, path)


def _conflicts(own: list[Clause], theirs: list[Clause]) -> Iterator[Found]:
    numbers = {clause.id: number for number, clause in enumerate(own)}
    # Packs that are included together may be at odds as well; the pack that brings them together is told.
    for one, other in combinations([*theirs, *own], 2):
        fact = conflict(one, other)
        if fact is not None:
            path = ("clauses", numbers[other.id]) if other.id in numbers else ("includes",)
            yield Found(PackFault.CANNOT_BOTH, path, {"clause": other.id, "other": one.id, "fact": fact})


def _clause(written: WrittenPack, one: WrittenClause) -> Clause:
    when = tuple((name, allowed_by(FACTS[name], asked)) for name, asked in one.when.items())
    requires = next((_requirement(name, asked) for name, asked in (one.require or {}).items()), None)
    return Clause(
        id=one.id, pack=written.pack, citation=one.citation, title=one.title, severity=one.severity,
        certainty=Certainty(one.certainty), status=one.status, statutory=one.statutory, points=frozenset(one.points),
        when=when, requires=requires, figures=one.figures, remedy=one.remedy, money=written.money,
    )  # fmt: skip


def _requirement(name: str, asked: Asked) -> Requirement:
    allowed = allowed_by(FACTS[name], asked)
    if isinstance(asked, Test) and asked.none_of is None:
        # Figures are whole, so what lies below a figure is at most the one before it.
        assert isinstance(allowed, range)
        least = asked.at_least is not None
        code = PolicyRefusal.BELOW_LIMIT if least else PolicyRefusal.OVER_LIMIT
        return Requirement(name, allowed, code, allowed.start if least else allowed.stop - 1)
    forbids = asked is False or isinstance(asked, Test)
    return Requirement(name, allowed, PolicyRefusal.FORBIDDEN if forbids else PolicyRefusal.REQUIRED)

"""Write docs/reference/policy.md: every clause with its figure, where it is enforced, how sure it is, and its test.

Usage: python scripts/make_policy.py > docs/reference/policy.md
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from koudai.cards import PaidTo
from koudai.phrases import Language
from koudai.policy import FACTS, Allowed, Clause, Pack, Point, Severity, pack_names, shipped, shipped_clauses
from koudai.policy.model import MOST
from koudai.policy.prove import both
from koudai.policy.tell import conditions, figures
from koudai.policy.views import shown
from koudai.policy.words import CERTAINTIES, POINTS, SEVERITIES
from koudai.programmes import read_programme, shipped_text
from koudai.programmes.law import declared
from koudai.programmes.words import Kind

EN, ZH = Language.EN, Language.ZH

_HEAD = """\
# Policy: clauses and facts 条款与事实

A developer's digest of the law, and **no legal advice**. 仅为开发者摘要，**不构成法律意见**。

Written by `scripts/make_policy.py` from the packs in `src/koudai/policy/packs`; a test holds it against them.
`koudai policy explain CLAUSE` says more of each; [how judging works](../concepts/policy.md).
Cards ask the pack of their programme before each booking, whichever door it comes through.

**Asked by** says which verbs put the clause to the judge with facts that could break it, and *launch* where a document
that declares such a thing isn't launched. *No verb yet*: the clause stands in the pack and is tested there, but
nothing that koudai does tells facts under which it could refuse. So what it is about either can't be done here at all,
or nobody holds it against the clause: that is for whoever builds it. The column is read from the source of the verbs.

A clause's test is run by its id: `pytest tests/policy -k sp.18.bearer`. `test_clauses.py` asks the pure judge with
facts of the test's own, for each what passes at its edge and what is refused just beyond; `test_duties.py` holds the
figures of duties. Behind them stand the tests that break a clause through the verbs, on a real database.

"""

_CLAUSES = """\
| clause | article 出处 | constraint 要求 | figure 数值 | where 环节 | asked by 由何操作判定 | certainty | test |
|---|---|---|---|---|---|---|---|
"""
_PACKS = """\
## Packs 规则包

A programme is under one pack; its gates are what has to be entered before it is live.

| pack | | classes | parts | launch gates 上线门槛 |
|---|---|---|---|---|
"""
_FACTS = "| fact | kind | told at 环节 | meaning | 含义 |\n|---|---|---|---|---|\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _test(clause: Clause) -> str:
    if clause.severity is Severity.DUTY:
        return "`test_duties.py`"
    marked = (f"`{name}`" for name in tests_of_clauses().get(clause.id, ()))
    return "<br>".join(("`test_clauses.py`", *marked))


def _row(clause: Clause) -> str:
    said = shown(clause)
    where = conditions(clause, EN)
    constraint = f"{said.title.en}<br>{said.title.zh}" + (f"<br>*{where}*" if where else "")
    points = ", ".join(said.points) or SEVERITIES[clause.severity].en
    certainty = str(clause.certainty) + (", warns" if clause.severity is Severity.WARN else "")
    certainty += ", no pilot" if clause.statutory else ""
    article = f"{said.citation.en}<br>{said.citation.zh}"
    asked = "" if clause.severity is Severity.DUTY else ", ".join(asked_by(clause)) or "*no verb yet*"
    cells = (f"`{clause.id}`", article, constraint, figures(clause, EN), points, asked, certainty, _test(clause))
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _pack_row(pack: Pack) -> str:
    gates = "; ".join(f"{gate.title.en} ({gate.citation.en}, {gate.certainty})" for gate in pack.gates)
    parts = ", ".join(dict.fromkeys(clause.pack for clause in pack.clauses if clause.pack != pack.name))
    classes = ", ".join(sorted(pack.classes))
    return f"| `{pack.name}` | {pack.title.en} {pack.title.zh} | {classes} | {parts} | {_cell(gates)} |\n"


VERBS: Mapping[str, str] = {
    "on_issue": "issue",
    "_load_refused": "load, sale of stock",
    "on_adjust": "correction upwards",
    "on_payment": "payment, hold",
    "on_split": "split",
    "on_gift": "claim of a gift",
    "on_transfer": "transfer",
    "on_return": "refund of goods, reversal",
    "not_rescinded": "undoing a sale",
    "not_paid_out": "closing",
    "not_closed": "closing, expiry",
    "not_replaced": "replacement, loss report",
}
"""What people call the verbs that ask, by the functions of `cards` that ask for them."""

_ROOT = Path(__file__).parents[1]
_CHOSEN = {"refund_to": frozenset(map(str, PaidTo))}
"""What a fact may be that the one who asks for a verb chooses."""
Told = Mapping[str, Allowed | None]
"""What a verb tells: the constants that its source has for a fact, None where it may be anything."""


@cache
def askers() -> Mapping[str, tuple[frozenset[Point], Told]]:
    """The functions of `cards` that ask the law: at which points, and what their source tells by constants."""
    found = {}
    for path in sorted((_ROOT / "src/koudai/cards").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        elsewhere = {node.targets[0].id: node.value for node in tree.body
                     if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}  # fmt: skip
        for function in tree.body:
            if not isinstance(function, ast.FunctionDef) or not _asks(function):
                continue
            nodes = [*_charter(), *ast.walk(function)]
            nodes += [one for node in nodes if isinstance(node, ast.Name) and node.id in elsewhere
                      for one in ast.walk(elsewhere[node.id])]  # fmt: skip
            found[function.name] = (frozenset(_points(nodes)), _constants(nodes))
    return found


def _charter() -> Iterator[ast.AST]:
    """What is told of a programme and its issuer, whatever the verb."""
    return ast.walk(ast.parse((_ROOT / "src/koudai/programmes/charter.py").read_text(encoding="utf-8")))


def _asks(function: ast.FunctionDef) -> bool:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr == "asked" for call in calls)


def _points(nodes: list[ast.AST]) -> Iterator[Point]:
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Point":
            yield Point[node.attr]


def _constants(nodes: list[ast.AST]) -> Told:
    told: dict[str, frozenset[Any] | None] = {}
    for name, value in _said(nodes):
        if name in FACTS:
            values, known = _values(name, value), told.get(name, frozenset())
            told[name] = None if values is None or known is None else known | values
    return told


def _said(nodes: list[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """What names are given which values: by keyword, in a dict, or by assignment to one."""
    for node in nodes:
        if isinstance(node, ast.keyword) and node.arg is not None:
            yield node.arg, node.value
        elif isinstance(node, ast.Dict):
            yield from ((key.value, value) for key, value in zip(node.keys, node.values, strict=True)
                        if isinstance(key, ast.Constant) and isinstance(key.value, str))  # fmt: skip
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            key = node.targets[0].slice
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, node.value


def _values(name: str, value: ast.expr) -> frozenset[Any] | None:
    if isinstance(value, ast.Constant):
        return frozenset({value.value})
    if isinstance(value, ast.IfExp) and isinstance(value.body, ast.Constant) and isinstance(value.orelse, ast.Constant):
        return frozenset({value.body.value, value.orelse.value})
    return _CHOSEN.get(name)


@cache
def _named() -> Mapping[str, tuple[str, ...]]:
    """The clauses that functions of `cards` name in refusals of their own."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((_ROOT / "src/koudai/cards").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (one for one in tree.body if isinstance(one, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in shipped_clauses():
                    found[node.value] = (*found.get(node.value, ()), function.name)
    return found


def asked_by(clause: Clause) -> list[str]:
    """The verbs that tell facts by which a clause can refuse, as people call them."""
    functions = [name for name, (points, told) in askers().items() if clause.points & points and _breaks(clause, told)]
    functions += _named().get(clause.id, ())
    verbs = [verb for name in VERBS if name in functions for verb in VERBS[name].split(", ")]
    return list(dict.fromkeys([*verbs, *(["launch"] if _declared(clause) else [])]))


def _breaks(clause: Clause, told: Told) -> bool:
    """Whether facts that are told so may break a clause."""
    if not all(_let(told.get(name), allowed) for name, allowed in clause.when):
        return False
    if clause.requires is None:
        return True
    values = told.get(clause.requires.fact)
    return values is None or _let(values, clause.requires.allowed) != values


def _let(values: Allowed | None, allowed: Allowed) -> Allowed:
    """Those of some values that are let through; None are all that there are."""
    if values is None or (isinstance(values, range) and isinstance(allowed, range)):
        return allowed if values is None else both(values, allowed)
    return frozenset(value for value in values if value in allowed)


@cache
def _declares() -> Told:
    """What the shipped document that declares most says of the facts of the law; bounds may be any."""
    found = read_programme(shipped_text("xiaokoudai-source") or "")
    assert not isinstance(found, list), "a shipped document is good"
    terms = found.value.of_kind(Kind.BEARER)
    assert terms is not None, "it has all kinds"
    told = declared(found.value, Kind.BEARER, terms)
    fixed = {name: told[name] for name in ("purpose", "play_money")}
    # No card is ever overdrawn, whatever its cap.
    fixed["balance_after_minor"] = range(MOST)
    return {"programme_class": None, **dict.fromkeys(told), **fixed}


def _declared(clause: Clause) -> bool:
    """Whether a document may declare what a clause refuses."""
    names = {name for name, _ in clause.when} | ({clause.requires.fact} if clause.requires else set())
    return names <= _declares().keys() and _breaks(clause, _declares())


@cache
def tests_of_clauses() -> Mapping[str, tuple[str, ...]]:
    """The tests that break a clause through the verbs, by its id, as `@pytest.mark.clause` says."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((_ROOT / "tests").rglob("test_*.py")):
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{path.relative_to(_ROOT / 'tests').as_posix()}::{function.name}"
                for clause in marked(function):
                    found[clause] = (*found.get(clause, ()), name)
    return found


def marked(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The clauses that a test is marked with."""
    calls = [one for one in function.decorator_list if isinstance(one, ast.Call)]
    return [
        ast.literal_eval(arg) for call in calls if ast.unparse(call.func) == "pytest.mark.clause" for arg in call.args
    ]


def _facts() -> str:
    rows = []
    for fact in FACTS.values():
        kind = f"{fact.kind}, {fact.unit}" if fact.unit else str(fact.kind)
        if fact.words is not None and len(fact.words) <= 20:
            kind += ": " + ", ".join(fact.words)
        if fact.window is not None:
            kind += f", summed by {fact.window}"
        points = "everywhere" if len(fact.points) == len(Point) else ", ".join(p for p in Point if p in fact.points)
        cells = (f"`{fact.name}`", kind, points, fact.meaning.en, fact.meaning.zh)
        rows.append(f"| {' | '.join(map(_cell, cells))} |\n")
    return "".join(rows)


def page() -> str:
    """The page as it stands in the repository."""
    packs = [pack for name in pack_names() if (pack := shipped(name))]
    text = _HEAD + _PACKS
    text += "".join(map(_pack_row, packs))
    text += "\n## Certainty 确定性\n\nWhere several sources are cited, of the least sure one.\n\n"
    text += "".join(f"- {said.en} · {said.zh}\n" for said in CERTAINTIES.values())
    clauses = shipped_clauses().values()
    for name in sorted({clause.pack for clause in clauses}):
        mine = [clause for clause in clauses if clause.pack == name]
        text += f"\n## `{name}`\n\n{_CLAUSES}{''.join(map(_row, mine))}"
    points = ", ".join(f"{point} {POINTS[point].zh}" for point in Point)
    text += f"\n## Facts 事实\n\nWhat is told at each point ({points}). Money is in minor units, shares in bps.\n\n"
    return text + _FACTS + _facts()


if __name__ == "__main__":
    sys.stdout.write(page())

"""Write docs/reference/policy.md: every clause with its figure, where it is enforced, how sure it is, and its test.

Usage: python scripts/make_policy.py > docs/reference/policy.md
"""

import sys

from koudai.phrases import Language
from koudai.policy import FACTS, Clause, Pack, Point, Severity, pack_names, shipped, shipped_clauses
from koudai.policy.tell import conditions, figures
from koudai.policy.views import shown
from koudai.policy.words import CERTAINTIES, POINTS, SEVERITIES

EN, ZH = Language.EN, Language.ZH

_HEAD = """\
# Policy: clauses and facts 条款与事实

A developer's digest of the law, and **no legal advice**. 仅为开发者摘要，**不构成法律意见**。

Written by `scripts/make_policy.py` from the packs in `src/koudai/policy/packs`; a test holds it against them.
`koudai policy explain CLAUSE` says more of each; [how judging works](../concepts/policy.md).
Cards ask the pack of their programme before each booking, whichever door it comes through.

A clause's test is run by its id: `pytest tests/policy -k sp.18.bearer`. `test_clauses.py` has for each what passes
at its edge and what is refused just beyond, `test_duties.py` the figures of duties, `test_judge.py` the rest.

"""

_CLAUSES = """\
| clause | article 出处 | constraint 要求 | figure 数值 | where 环节 | certainty | test |
|---|---|---|---|---|---|---|
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
    return "`test_clauses.py`"


def _row(clause: Clause) -> str:
    said = shown(clause)
    where = conditions(clause, EN)
    constraint = f"{said.title.en}<br>{said.title.zh}" + (f"<br>*{where}*" if where else "")
    points = ", ".join(said.points) or SEVERITIES[clause.severity].en
    certainty = str(clause.certainty) + (", warns" if clause.severity is Severity.WARN else "")
    certainty += ", no pilot" if clause.statutory else ""
    article = f"{said.citation.en}<br>{said.citation.zh}"
    cells = (f"`{clause.id}`", article, constraint, figures(clause, EN), points, certainty, _test(clause))
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _pack_row(pack: Pack) -> str:
    gates = "; ".join(f"{gate.title.en} ({gate.citation.en}, {gate.certainty})" for gate in pack.gates)
    parts = ", ".join(dict.fromkeys(clause.pack for clause in pack.clauses if clause.pack != pack.name))
    classes = ", ".join(sorted(pack.classes))
    return f"| `{pack.name}` | {pack.title.en} {pack.title.zh} | {classes} | {parts} | {_cell(gates)} |\n"


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

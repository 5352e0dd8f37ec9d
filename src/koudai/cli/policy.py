"""`koudai policy`: the law as data, listed and explained. No database is opened."""

import click
import msgspec

from koudai import policy as law
from koudai.base import Fault
from koudai.cli.options import as_json
from koudai.cli.screen import print_fields, print_table
from koudai.cli.speak import note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import OneOf, Text
from koudai.cli.words import language, word
from koudai.phrases import Language
from koudai.policy import ClauseShown, PolicyRefusal, Said, Severity, Status
from koudai.policy.words import CERTAINTIES, POINTS, SEVERITIES

_COLUMNS = ("clause", "title", "asks", "enforced_at", "severity", "certainty")

policy = Group("policy", help=word("help.policy"), no_args_is_help=True)


def _in(said: Said) -> str:
    return said.zh if language() is Language.ZH else said.en


def _points(shown: ClauseShown) -> str:
    return ", ".join(_in(POINTS[point]) for point in shown.points)


def _severity(shown: ClauseShown) -> str:
    said = _in(SEVERITIES[shown.severity])
    return f"{said} ({word('say.unverified')})" if shown.status is Status.UNVERIFIED else said


@policy.command("list", help=word("help.policy_list"))
@click.option("--pack", type=OneOf(law.pack_names()), metavar="PACK", help=word("opt.pack"))
@as_json
def list_all(pack: str | None, as_json: bool) -> None:
    """Show all clauses, or those of one pack."""
    found = [shown for shown in law.all_shown() if pack is None or pack in shown.packs]
    if as_json:
        print_json({"data": msgspec.to_builtins(found)})
        return
    rows = ((one.id, _in(one.title), _in(one.asks), _points(one), _severity(one), str(one.certainty)) for one in found)
    print_table([word(f"head.{name}") for name in _COLUMNS], rows)
    note(word("say.no_advice"))


@policy.command("explain", help=word("help.policy_explain"))
@click.argument("clause", type=Text(80))
@as_json
def explain(clause: str, as_json: bool) -> None:
    """Show a clause with an example."""
    known = law.shipped_clauses().get(clause)
    if known is None:
        raise Fault(PolicyRefusal.UNKNOWN_CLAUSE, clause=clause)
    shown = law.shown(known)
    if as_json:
        print_json(msgspec.to_builtins(shown))
        return
    told = [
        ("clause", shown.id),
        ("title", _in(shown.title)),
        ("citation", _in(shown.citation)),
        ("packs", ", ".join(shown.packs)),
        ("enforced_at", _points(shown)),
        ("applies", _in(shown.applies)),
        ("asks", _in(shown.asks)),
        ("severity", _severity(shown)),
        ("certainty", _in(CERTAINTIES[shown.certainty])),
        ("remedy", _in(shown.remedy) if shown.remedy else ""),
    ]
    if shown.severity is not Severity.DUTY:
        told.append(("pilots", word("say.never_opened") if shown.statutory else word("say.may_be_opened")))
    if shown.example is not None:
        told.append(("passes", _in(shown.example.passes) if shown.example.passes else ""))
        told.append(("is_refused", _in(shown.example.refused)))
    print_fields((name, value) for name, value in told if value)
    note(word("say.no_advice"))

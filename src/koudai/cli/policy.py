"""`koudai policy`: the law as data, listed and explained.

No database is opened but where a stored programme is checked.
"""

import click
import msgspec

from koudai import policy as law
from koudai.base import Fault
from koudai.cli.codes import DONE, FAILED
from koudai.cli.drafting import read_file, stored_name, stored_version
from koudai.cli.options import as_json, at_issuer
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import opened_side
from koudai.cli.speak import note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import OneOf, Text
from koudai.cli.words import language, word
from koudai.pg import Tx
from koudai.phrases import Language
from koudai.policy import ClauseShown, PolicyRefusal, Said, Severity, Status
from koudai.policy.words import CERTAINTIES, POINTS, SEVERITIES
from koudai.programmes import KindUnderLaw, UnderLaw, under_law, under_law_of_book

_COLUMNS = ("clause", "title", "asks", "enforced_at", "severity", "certainty")

_OF_BOOK = ("issuer", "pilot", "enforce", "warn", "enforced", "log")

policy = Group(
    "policy", {name: f"koudai.cli.law:{name}" for name in _OF_BOOK}, help=word("help.policy"), no_args_is_help=True
)


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


@policy.command("check", help=word("help.policy_check"))
@click.argument("programme", metavar="PROGRAMME")
@at_issuer
@as_json
@click.pass_obj
def check(call: Call, programme: str, issuer: str, mode: str, as_json: bool) -> int:
    """Say what the law means for a programme; 1 when what it declares is refused.

    Of a stored one it says, too, which unverified clauses its book enforces, and what its pilots have opened.
    """
    if stored_name(programme):
        told = call.run(_of_book(programme, issuer, mode))
    else:
        found = read_file(programme, as_json=as_json)
        if found is None:
            return FAILED
        told = under_law(found)
    if as_json:
        print_json({"programme": programme, **msgspec.to_builtins(told)})
    else:
        _print_check(told)
    return FAILED if told.breaks else DONE


async def _of_book(programme: str, issuer: str, mode: str) -> UnderLaw:
    async with opened_side(issuer, mode) as side:

        async def read(tx: Tx) -> UnderLaw:
            version = await stored_version(side, tx, programme)
            return await under_law_of_book(tx, side.book, version.programme_id, version.programme)

        return await side.instance.db.transact(read)


def _print_check(told: UnderLaw) -> None:
    clauses = law.shipped_clauses()
    for kind, one in told.kinds.items():
        violated = {violation.clause for violation in one.violations}
        rows = (
            (str(kind), name, _in(clauses[name].title), _standing(clauses[name], one))
            for name in sorted(one.applies, key=lambda name: (name not in violated, name))
        )
        print_table([word(f"head.{name}") for name in ("card_kind", "clause", "title", "standing")], rows)
    pack = law.shipped(told.pack)
    titles = {} if pack is None else {gate.kind: _in(gate.title) for gate in pack.gates}
    print_fields([("gates", ", ".join(titles[gate] for gate in told.gates))] if told.gates else [])
    note(word("say.no_advice"))


def _standing(clause: law.Clause, told: KindUnderLaw) -> str:
    """How a programme stands to a clause: it would break it, be warned by it, or is judged by it when it acts."""
    if clause.id in told.opened_by:
        return word("say.opened_by", pilot=told.opened_by[clause.id])
    violation = next((one for one in told.violations if one.clause == clause.id), None)
    if violation is not None:
        return word("say.would_break") if violation.refused else word("say.would_warn")
    if clause.severity is Severity.DUTY:
        return word("say.is_duty")
    if clause.id in told.enforced:
        return word("say.is_enforced")
    return word("say.unverified") if clause.status is Status.UNVERIFIED else word("say.is_judged")

"""`koudai policy`: the law as data, listed and explained.

No database is opened but where a stored programme is checked.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import click
import msgspec

from koudai import policy as law
from koudai.base import Fault
from koudai.cli.codes import DONE, FAILED
from koudai.cli.drafting import read_text, stored_document, stored_name, text_of
from koudai.cli.options import as_json, at_issuer
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import opened_side
from koudai.cli.speak import note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import OneOf, Text
from koudai.cli.words import language, word
from koudai.ledger import time_of_book
from koudai.pg import Tx
from koudai.phrases import Language
from koudai.policy import ClauseShown, PolicyRefusal, Said, Severity, Status
from koudai.policy.words import CERTAINTIES, POINTS, SEVERITIES
from koudai.programmes import OpenedPilot, enforced, examined, opened_by, pilots, refuses

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
    book = call.run(_of_book(programme, issuer, mode)) if stored_name(programme) else None
    text = text_of(programme) if book is None else book.text
    decided = set[str]() if book is None else book.decided
    found = read_text(programme, text, as_json=as_json)
    if found is None:
        return FAILED
    opened = {} if book is None else opened_by(found, book.pilots, book.now)
    kinds = examined(found)
    gates = next(iter(kinds.values())).gates
    if as_json:
        told = {str(kind): _examination_object(one, decided, opened) for kind, one in kinds.items()}
        print_json({"programme": programme, "pack": found.policy.pack, "kinds": told, "gates": [g.kind for g in gates]})
    else:
        for kind, one in kinds.items():
            violated = {violation.clause.id: refuses(violation) for violation in one.violations}
            rows = [
                (str(kind), clause.id, _in(clause.title), _standing(clause, violated.get(clause.id), decided, opened))
                for clause in sorted(one.applies, key=lambda clause: (clause.id not in violated, clause.id))
            ]
            print_table([word(f"head.{name}") for name in ("card_kind", "clause", "title", "standing")], rows)
        print_fields([("gates", ", ".join(_in(gate.title) for gate in gates))] if gates else [])
        note(word("say.no_advice"))
    broken = {violation.clause.id for one in kinds.values() for violation in one.violations if refuses(violation)}
    return FAILED if broken - opened.keys() else DONE


class _Book(NamedTuple):
    """A stored programme's document, the unverified clauses that refuse in its book, and its pilots as of now."""

    text: str
    decided: set[str]
    pilots: list[OpenedPilot]
    now: datetime


async def _of_book(programme: str, issuer: str, mode: str) -> _Book:
    async with opened_side(issuer, mode) as side:
        text = await stored_document(side, programme)
        match = stored_name(programme)
        assert match is not None, "a name of nothing stored"
        programme_id, _ = side.internal_id("prgm", match[1])

        async def read(tx: Tx) -> _Book:
            mine = [one for one in await pilots(tx, side.book) if one.programme_id == programme_id]
            return _Book(text, await enforced(tx, side.book), mine, await time_of_book(tx, side.book))

        return await side.instance.db.transact(read)


def _standing(
    clause: law.Clause, refused: bool | None, decided: Collection[str], opened: Mapping[str, str]
) -> str:  # fmt: skip
    """How a programme stands to a clause: it would break it, be warned by it, or is judged by it when it acts."""
    if clause.id in opened:
        return word("say.opened_by", pilot=opened[clause.id])
    if refused is not None:
        return word("say.would_break") if refused else word("say.would_warn")
    if clause.severity is Severity.DUTY:
        return word("say.is_duty")
    if clause.id in decided:
        return word("say.is_enforced")
    return word("say.unverified") if clause.status is Status.UNVERIFIED else word("say.is_judged")


def _examination_object(
    found: law.Examination, decided: Collection[str], opened: Mapping[str, str]
) -> dict[str, Any]:  # fmt: skip
    return {
        "applies": [clause.id for clause in found.applies],
        "unverified": [clause.id for clause in found.unverified],
        "enforced": [clause.id for clause in found.unverified if clause.id in decided],
        "violations": [
            {"clause": one.clause.id, "fact": one.fact, "refused": refuses(one) and one.clause.id not in opened}
            for one in found.violations
        ],
        "opened_by": {clause.id: opened[clause.id] for clause in found.applies if clause.id in opened},
    }

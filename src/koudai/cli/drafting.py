"""`koudai programme check | diff | shipped`: documents of programmes, before anything is put."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click

from koudai import programmes
from koudai.base import Fault
from koudai.cli.codes import DONE, FAILED
from koudai.cli.options import as_json, at_issuer
from koudai.cli.running import Call
from koudai.cli.screen import money, print_table
from koudai.cli.session import Side, opened_side
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import shortened
from koudai.cli.words import language, word
from koudai.documents import Mistake
from koudai.pg import Tx
from koudai.phrases import say
from koudai.programmes import Effect, Happened, Programme, ProgrammeFault, Version

_STORED = re.compile(r"(prgm_[0-9a-f]{32})(?:@([0-9]{4}-[0-9]{2}-[0-9]{2}))?")


def text_of(name: str) -> str:
    """The text of a file, or of a shipped programme. Raises Fault when there is neither."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        shipped = programmes.shipped_text(name)
        if shipped is None:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise Fault(ProgrammeFault.UNREADABLE, file=shortened(name), reason=reason) from None
        return shipped


def mistake_object(mistake: Mistake) -> dict[str, Any]:
    """A mistake as JSON has it."""
    return {
        "code": mistake.code,
        "path": mistake.path,
        "line": mistake.place.line,
        "column": mistake.place.column,
        "detail": say(mistake.code, mistake.facts, language()),
        "facts": dict(mistake.facts),
    }


def print_mistakes(name: str, mistakes: list[Mistake]) -> None:
    """Print each mistake on a line of its own, as editors read them."""
    for one in mistakes:
        sentence = say(one.code, one.facts, language())
        print(f"{name}:{one.place.line}:{one.place.column}: {one.path}{': ' if one.path else ''}{sentence}")


@click.command("check", cls=Command, help=word("help.programme_check"))
@click.argument("file", metavar="FILE")
@as_json
@click.pass_obj
def check(call: Call, file: str, as_json: bool) -> int:
    """Check a document; 1 when it has a mistake."""
    found = programmes.read_programme(text_of(file))
    mistakes = found if isinstance(found, list) else []
    declared = {} if isinstance(found, list) else dict(programmes.declared_figures(found.value))
    if as_json:
        told = [mistake_object(mistake) for mistake in mistakes]
        print_json({"file": file, "valid": not mistakes, "mistakes": told, "declared": declared})
    elif mistakes:
        print_mistakes(file, mistakes)
    else:
        print(word("say.programme_good", file=file))
        # What a limit counts stands in its name.
        unsaid = re.compile(r"limits\[.*(\]|\.(flow|subjects|per|window_s))")
        said = {p: v for p, v in declared.items() if v not in (None, (), False) and not unsaid.fullmatch(p)}
        rows = ([path, _value(path, value, declared["currency"])] for path, value in said.items())
        print_table([word("head.path"), word("head.value")], rows)
    return FAILED if mistakes else DONE


def _value(path: str, value: Any, currency: str) -> str:
    """A figure as people read it: amounts with their currency, rates in per cent, what there is as a mark."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(name, one, currency)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if path.endswith("_minor"):
        return money(value, currency)
    if "bps" in path:
        return f"{value // 100}.{value % 100:02d} %"
    return str(value)


def read_named(call: Call, name: str, issuer: str, mode: str, *, as_json: bool) -> Programme | None:
    """The programme of a file, of a shipped name or of a stored version; None once its mistakes were printed."""
    return call.run(_stored(name, issuer, mode)) if stored_name(name) else read_file(name, as_json=as_json)


def read_file(name: str, *, as_json: bool) -> Programme | None:
    """The programme of a file or of a shipped name; None once its mistakes were printed."""
    found = programmes.read_programme(text_of(name))
    if not isinstance(found, list):
        return found.value
    if as_json:
        print_json({"file": name, "valid": False, "mistakes": [mistake_object(one) for one in found]})
    else:
        print_mistakes(name, found)
    return None


@click.command("diff", cls=Command, help=word("help.programme_diff"))
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@at_issuer
@as_json
@click.pass_obj
def diff(call: Call, before: str, after: str, issuer: str, mode: str, as_json: bool) -> int:
    """Compare two documents, or two versions; 1 when one of them has a mistake."""
    told: list[Programme] = []
    for name in (before, after):
        found = read_named(call, name, issuer, mode, as_json=as_json)
        if found is None:
            return FAILED
        told.append(found)
    changes = programmes.diff(*told)
    if as_json:
        print_json({"before": before, "after": after, "changes": [change._asdict() for change in changes]})
    elif not changes:
        print(word("say.no_difference"))
    else:
        _print_changes(changes, told)
    return DONE


def _print_changes(changes: list[programmes.Change], told: list[Programme]) -> None:
    happened = {
        Happened.APPEARS: word("say.appears"),
        Happened.DISAPPEARS: word("say.disappears"),
        Happened.CHANGES: word("say.changes"),
    }
    effects = {
        Effect.TIGHTENS: word("say.tightens"),
        Effect.LOOSENS: word("say.loosens"),
        Effect.NEITHER: word("say.neither"),
    }
    headings = [word(f"head.{name}") for name in ("path", "change", "effect", "before", "after")]
    rows = (
        [
            one.path, happened[one.happened], effects[one.effect],
            _value(one.path, one.before, told[0].currency), _value(one.path, one.after, told[1].currency),
        ]
        for one in changes
    )  # fmt: skip
    print_table(headings, rows)


async def _stored(name: str, issuer: str, mode: str) -> Programme:
    async with opened_side(issuer, mode) as side:
        return (await side.instance.db.transact(lambda tx: stored_version(side, tx, name))).programme


def stored_name(name: str) -> re.Match[str] | None:
    """A stored version's name, taken apart: the programme's id, and the day if it has one; None for another name."""
    return _STORED.fullmatch(name)


async def stored_version(side: Side, tx: Tx, name: str) -> Version:
    """A stored version: the one of that day, or the newest. Raises Fault where there is none."""
    match = stored_name(name)
    assert match is not None, "a name of nothing stored"
    programme_id, _ = side.internal_id("prgm", match[1])
    if 0 <= programme_id < 2**31:
        day = None if match[2] is None else date.fromisoformat(match[2])
        found = await programmes.version_on(tx, side.book, programme_id, day)
        if found is not None:
            return found
    raise Fault(ProgrammeFault.UNKNOWN_VERSION, version=name)


@click.command("shipped", cls=Command, help=word("help.programme_shipped"))
@click.argument("name", required=False)
@as_json
@click.pass_obj
def shipped(call: Call, name: str | None, as_json: bool) -> None:
    """List the programmes that come with koudai, or print the document of one."""
    if name is not None:
        text = programmes.shipped_text(name)
        if text is None:
            raise Fault(ProgrammeFault.UNREADABLE, file=shortened(name), reason="")
        if as_json:
            print_json({"name": name, "document": text})
        else:
            print(text, end="")
        return
    told = []
    for one in programmes.shipped_names():
        found = programmes.read_programme(programmes.shipped_text(one) or "")
        assert not isinstance(found, list), "what is shipped is good"
        told.append(found.value)
    if as_json:
        data = [{"name": one.name, "titles": {"en": one.titles.en, "zh": one.titles.zh}, "class": str(one.class_),
                 "pack": one.policy.pack, "sandbox_only": one.sandbox_only} for one in told]  # fmt: skip
        print_json({"data": data})
        return
    rows = ([one.name, str(getattr(one.titles, language())), str(one.class_), one.policy.pack] for one in told)
    print_table([word(f"head.{column}") for column in ("name", "title", "class", "pack")], rows)

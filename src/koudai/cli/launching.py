"""`koudai programme put | gate | launch | versions`: documents as versions, and the way to going live."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import click

from koudai import cards, programmes
from koudai.base import Refused, render_time
from koudai.cards import CardRefusal
from koudai.cli.codes import DONE, FAILED
from koudai.cli.drafting import mistake_object, print_mistakes, text_of
from koudai.cli.options import as_json, at_issuer, with_key
from koudai.cli.render import fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Command
from koudai.cli.values import OneOf, Opaque, Text
from koudai.cli.words import word
from koudai.pg import Tx
from koudai.policy import GateKind
from koudai.programmes import GateEntry, Launched, Version

T = TypeVar("T")

Object = dict[str, Any]

_programme = click.argument("programme_id", type=Opaque("prgm"), metavar="PROGRAMME")
_by = click.option("--by", type=Text(), required=True, metavar="NAME", help=word("opt.keeper"))


async def on_programme(issuer: str, mode: str, opaque: str, work: Callable[[Side, Tx, int], Awaitable[T]]) -> T:
    """Work on a programme of an issuer's side; raises the fault of an unknown one."""
    async with opened_side(issuer, mode) as side:
        number, _ = side.internal_id("prgm", opaque)

        async def known(tx: Tx) -> T:
            found = await cards.programmes_by_id(tx, side.book, [number]) if 0 <= number < 2**31 else {}
            if not found:
                raise as_fault(Refused(CardRefusal.UNKNOWN_PROGRAMME))
            return await work(side, tx, number)

        return await side.instance.db.transact(known)


def _made(outcome: T | Refused, key: str) -> T:
    if isinstance(outcome, Refused):
        raise as_fault(outcome, idempotency_key=key)
    return outcome


@click.command("put", cls=Command, help=word("help.programme_put"))
@_programme
@click.argument("file", metavar="FILE")
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def put(
    call: Call, programme_id: str, file: str, by: str, issuer: str, mode: str, key: str | None, as_json: bool
) -> int:
    """Put a document as a version of a programme; 1 when it has a mistake, and then nothing is put."""
    text = text_of(file)
    found = programmes.read_programme(text)
    if isinstance(found, list):
        if as_json:
            print_json({"file": file, "valid": False, "mistakes": [mistake_object(one) for one in found]})
        else:
            print_mistakes(file, found)
        return FAILED
    key = key_or_new(key)

    async def work(side: Side, tx: Tx, number: int) -> Object:
        wish = programmes.PutVersion(key, number, text, by)
        (made,) = await cards.put_versions(tx, side.book, [wish])
        return version_object(programme_id, _made(made, key))

    _tell({**call.run(on_programme(issuer, mode, programme_id, work)), "idempotency_key": key}, as_json=as_json)
    return DONE


@click.command("gate", cls=Command, help=word("help.programme_gate"))
@_programme
@click.argument("gate", type=OneOf(list(GateKind)), metavar="GATE")
@click.argument("reference", type=Text())
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def enter_gate(
    call: Call, programme_id: str, gate: str, reference: str, by: str, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Enter what a programme has to have before it goes live."""
    key = key_or_new(key)

    async def work(side: Side, tx: Tx, number: int) -> Object:
        wish = programmes.EnterGate(key, number, GateKind(gate), reference, by)
        (made,) = await programmes.enter_gates(tx, side.book, [wish])
        return gate_object(_made(made, key))

    _tell({**call.run(on_programme(issuer, mode, programme_id, work)), "idempotency_key": key}, as_json=as_json)


@click.command("launch", cls=Command, help=word("help.programme_launch"))
@_programme
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def launch(call: Call, programme_id: str, by: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """Let a programme go live."""
    key = key_or_new(key)

    async def work(side: Side, tx: Tx, number: int) -> Object:
        wish = programmes.Launch(key, number, by)
        (made,) = await programmes.launch(tx, side.book, [wish])
        return _launch_object(programme_id, _made(made, key))

    _tell({**call.run(on_programme(issuer, mode, programme_id, work)), "idempotency_key": key}, as_json=as_json)


@click.command("versions", cls=Command, help=word("help.programme_versions"))
@_programme
@at_issuer
@as_json
@click.pass_obj
def versions(call: Call, programme_id: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show the versions of a programme, what was entered for its gates, and whether it is live."""

    async def work(side: Side, tx: Tx, number: int) -> tuple[list[Version], list[GateEntry], Launched | None]:
        found = await programmes.versions_of(tx, side.book, [number])
        gates = await programmes.gates_of(tx, side.book, [number])
        launches = await programmes.launches_of(tx, side.book, [number])
        return found.get(number, []), gates.get(number, []), launches.get(number)

    found, entries, launched = call.run(on_programme(issuer, mode, programme_id, work))
    told = [version_object(programme_id, one) for one in found]
    gates = [gate_object(entry) for entry in entries]
    live = render_time(launched.launched_at) if launched else None
    if as_json:
        print_json({"programme_id": programme_id, "launched_at": live, "versions": told, "gates": gates})
        return
    print(word("say.live_since", at=live) if live else word("say.not_live"))
    _print_objects(("effective_at", "name", "put_by", "put_at"), told)
    _print_objects(("gate", "reference", "entered_by", "entered_at"), gates)


def _print_objects(columns: tuple[str, ...], objects: list[Object]) -> None:
    if objects:
        print_table([word(f"head.{name}") for name in columns], ([one[name] for name in columns] for one in objects))


def _tell(made: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        print_fields(field for field in fields(made) if field[0] != "idempotency_key")


def version_object(programme_id: str, version: Version) -> Object:
    """A version, without its text."""
    return {
        "programme_id": programme_id,
        "effective_at": render_time(version.effective_at),
        "name": version.programme.name,
        "put_by": version.put_by,
        "put_at": render_time(version.put_at),
    }


def gate_object(entry: GateEntry) -> Object:
    """What was entered for a gate."""
    return {
        "gate": str(entry.gate),
        "reference": entry.reference,
        "entered_by": entry.entered_by,
        "entered_at": render_time(entry.entered_at),
    }


def _launch_object(programme_id: str, launched: Launched) -> Object:
    return {
        "programme_id": programme_id,
        "launched_by": launched.launched_by,
        "launched_at": render_time(launched.launched_at),
    }

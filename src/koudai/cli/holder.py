"""`koudai holder`: people and companies who hold cards.

What is personal is read from a file or standard input: arguments stand in the shell's history and in the
list of processes.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from koudai import holders
from koudai.base import Fault, Refused, render_time
from koudai.cli.codes import CliFault
from koudai.cli.options import as_json, at_issuer, with_key
from koudai.cli.render import cell, fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Group
from koudai.cli.values import OneOf, Opaque, Text
from koudai.cli.words import word
from koudai.holders import SEARCHED, Command, Details, Field, Holder, HolderRefusal, Kind, Purpose
from koudai.pg import Tx

F = TypeVar("F", bound=Callable[..., Any])

_LONGEST = 64 * 1024
_PAGE = 1000
_FIELDS = (
    "name", "document_type", "document_number", "phone", "email", "address", "birth_date", "credit_code", "licence",
)  # fmt: skip
_COLUMNS = ("id", "kind", "level", "state", "name", "phone", "created_at")
_AGREED = ("purpose", "text_version", "given_at", "withdrawn_at")

holder = Group("holder", help=word("help.holder"), no_args_is_help=True)


def of_holder(command: F) -> F:
    """The argument HOLDER."""
    return click.argument("ref", type=Opaque(holders.KIND), metavar="HOLDER")(command)


def _of_party(command: F) -> F:
    command = click.option("--owner", type=Opaque(holders.KIND), metavar="HOLDER", help=word("opt.owner"))(command)
    return click.option("--agent", type=Opaque(holders.KIND), metavar="HOLDER", help=word("opt.agent"))(command)


class _Stated(Details, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Details as somebody writes them: a name that isn't one of theirs is a slip."""

    def details(self) -> Details:
        return Details(**msgspec.structs.asdict(self))


def _stated(file: str) -> Details:
    """What a file, or standard input, states of a holder. What is wrong with it is told without its contents."""
    try:
        text = sys.stdin.read(_LONGEST) if file == "-" else Path(file).read_text(encoding="utf-8")
        return msgspec.json.decode(text, type=_Stated, strict=True).details()
    except (OSError, ValueError) as error:
        choices = ", ".join(Field)
        raise Fault(CliFault.NOT_DETAILS, path=file, choices=choices, reason=type(error).__name__) from None


async def _shown(side: Side, tx: Tx, found: list[Holder]) -> list[dict[str, Any]]:
    views = await holders.masked_views(tx, side.book, found, side.instance.vault)
    return [
        {
            "id": view.holder.ref,
            "kind": str(view.holder.kind),
            "level": str(view.holder.level),
            "state": str(view.holder.state),
            "version": view.holder.version,
            "fields": {str(field): value for field, value in view.fields.items()},
            "devices": list(view.holder.devices),
            "agent_id": view.agent,
            "beneficial_owner_id": view.beneficial_owner,
            "created_at": render_time(view.holder.created_at),
            "mode": str(side.issuer.mode),
        }
        for view in views
    ]


def _print(shown: dict[str, Any], key: str | None = None, *, as_json: bool) -> None:
    if as_json:
        print_json({**shown, "idempotency_key": key} if key else shown)
        return
    stated = {name: shown["fields"].get(name) for name in _FIELDS}
    print_fields(fields({**stated, **{name: value for name, value in shown.items() if name != "fields"}}))


def _print_many(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"data": found})
        return
    headings = [word(f"head.{name}") for name in _COLUMNS]
    blank = dict.fromkeys(_COLUMNS, "")
    rows = [{**blank, **one, **one["fields"]} for one in found]
    print_table(headings, ([cell(one, name) for name in _COLUMNS] for one in rows))


def _run(call: Call, issuer: str, mode: str, key: str | None, as_json: bool, wish: Callable[[str], Command]) -> None:
    """Carry one command out, and show the holder as it is then."""
    key = key_or_new(key)
    command = wish(key)

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            vault = side.instance.vault
            (outcome,) = await side.instance.db.transact(lambda tx: holders.run(tx, side.book, [command], vault))
            if isinstance(outcome, Refused):
                raise as_fault(outcome, idempotency_key=key)
            assert isinstance(outcome, Holder)
            async with side.instance.db.transaction() as tx:
                return (await _shown(side, tx, [outcome]))[0]

    _print(call.run(work()), key, as_json=as_json)


@holder.command("create", help=word("help.holder_create"))
@click.argument("file", type=Text(), metavar="FILE")
@click.option("--kind", type=OneOf(list(Kind)), default="person", metavar="person|company", help=word("opt.kind"))
@_of_party
@at_issuer
@with_key
@as_json
@click.pass_obj
def create(
    call: Call, file: str, kind: str, agent: str | None, owner: str | None, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Take a holder on."""
    details = _stated(file)
    _run(call, issuer, mode, key, as_json, lambda key: holders.Create(key, Kind(kind), details, agent, owner))


@holder.command("update", help=word("help.holder_update"))
@of_holder
@click.argument("file", type=Text(), metavar="FILE")
@_of_party
@at_issuer
@with_key
@as_json
@click.pass_obj
def update(
    call: Call, ref: str, file: str, agent: str | None, owner: str | None, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """State fields anew."""
    details = _stated(file)
    _run(call, issuer, mode, key, as_json, lambda key: holders.Update(key, ref, details, agent, owner))


@holder.command("bind", help=word("help.holder_bind"))
@of_holder
@click.argument("device", type=Text(200))
@at_issuer
@with_key
@as_json
@click.pass_obj
def bind(call: Call, ref: str, device: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """Bind a device."""
    _run(call, issuer, mode, key, as_json, lambda key: holders.Bind(key, ref, device))


@holder.command("unbind", help=word("help.holder_unbind"))
@of_holder
@click.argument("device", type=Text(200))
@at_issuer
@with_key
@as_json
@click.pass_obj
def unbind(call: Call, ref: str, device: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """End the binding of a device."""
    _run(call, issuer, mode, key, as_json, lambda key: holders.Unbind(key, ref, device))


@holder.command("consent", help=word("help.holder_consent"))
@of_holder
@click.argument("purpose", type=OneOf(list(Purpose)), metavar="PURPOSE")
@click.option("--text", type=Text(200), required=True, metavar="VERSION", help=word("opt.text"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def consent(
    call: Call, ref: str, purpose: str, text: str, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:
    """Log a consent."""
    _run(call, issuer, mode, key, as_json, lambda key: holders.Give(key, ref, Purpose(purpose), text))


@holder.command("withdraw", help=word("help.holder_withdraw"))
@of_holder
@click.argument("purpose", type=OneOf(list(Purpose)), metavar="PURPOSE")
@at_issuer
@with_key
@as_json
@click.pass_obj
def withdraw(call: Call, ref: str, purpose: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """Log that a consent is taken back."""
    _run(call, issuer, mode, key, as_json, lambda key: holders.Withdraw(key, ref, Purpose(purpose)))


@holder.command("show", help=word("help.holder_show"))
@of_holder
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, ref: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show a holder, masked."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            found = await holders.find(tx, side.book, [ref])
            if not found:
                raise Fault(HolderRefusal.UNKNOWN_HOLDER)
            return (await _shown(side, tx, list(found.values())))[0]

    _print(call.run(work()), as_json=as_json)


@holder.command("consents", help=word("help.holder_consents"))
@of_holder
@at_issuer
@as_json
@click.pass_obj
def consents(call: Call, ref: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show what a holder agreed to."""

    async def work() -> list[dict[str, Any]]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            return [msgspec.to_builtins(one) for one in await holders.consents(tx, side.book, ref)]

    found = call.run(work())
    if as_json:
        print_json({"data": found})
    else:
        print_table(
            [word(f"head.{name}") for name in _AGREED], ([cell(row, name) for name in _AGREED] for row in found)
        )


@holder.command("list", help=word("help.holder_list"))
@at_issuer
@as_json
@click.pass_obj
def list_all(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show all holders of an issuer's side, masked."""

    async def work() -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            after = 0
            while found := await holders.page(tx, side.book, after, _PAGE):
                shown += await _shown(side, tx, found)
                after = found[-1].id
        return shown

    _print_many(call.run(work()), as_json=as_json)


@holder.command("find", help=word("help.holder_find"))
@click.argument("field", type=OneOf(sorted(SEARCHED)), metavar="FIELD")
@at_issuer
@as_json
@click.pass_obj
def find(call: Call, field: str, issuer: str, mode: str, as_json: bool) -> None:
    """Find holders by what standard input says."""
    value = sys.stdin.readline(1000).strip()

    async def work() -> list[dict[str, Any]]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            return await _shown(
                side, tx, await holders.find_by(tx, side.book, Field(field), value, side.instance.vault)
            )

    _print_many(call.run(work()), as_json=as_json)


@holder.command("verify", help=word("help.holder_verify"))
@of_holder
@at_issuer
@with_key
@as_json
@click.pass_obj
def verify(call: Call, ref: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """Have a holder verified by an outside source."""
    key = key_or_new(key)

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            verifier = side.instance.verifier(side.issuer.mode)
            if verifier is None:
                raise Fault(HolderRefusal.NO_VERIFIER)
            ask = holders.Ask(key, ref, verifier.name)
            vault, transact = side.instance.vault, side.instance.db.transact
            (made,) = await holders.ascertain(transact, side.book, [ask], vault, verifier)
            if isinstance(made, Refused):
                raise as_fault(made, idempotency_key=key)
            return {**msgspec.to_builtins(made), "idempotency_key": key}

    made = call.run(work())
    if as_json:
        print_json(made)
    else:
        print_fields([(name, cell(made, name)) for name in ("holder", "source", "outcome", "level")])


@holder.command("reveal", help=word("help.holder_reveal"))
@of_holder
@click.argument("names", type=OneOf(list(Field)), nargs=-1, required=True, metavar="FIELD...")
@click.option("--by", type=Text(), required=True, metavar="NAME", help=word("opt.keeper"))
@click.option("--reason", type=Text(1000), required=True, metavar="TEXT", help=word("opt.why"))
@at_issuer
@as_json
@click.pass_obj
def reveal(
    call: Call, ref: str, names: tuple[str, ...], by: str, reason: str, issuer: str, mode: str, as_json: bool
) -> None:
    """Read fields unmasked; the log says who did, when and why."""

    async def work() -> dict[str, str]:
        async with opened_side(issuer, mode) as side:
            wanted, vault = [Field(name) for name in names], side.instance.vault
            found = await side.instance.db.transact(
                lambda tx: holders.reveal(tx, side.book, ref, wanted, vault, revealed_to=by, reason=reason)
            )
            return {str(field): value for field, value in found.items()}

    found = call.run(work())
    if as_json:
        print_json({"id": ref, "fields": found})
    else:
        print_fields(list(found.items()))

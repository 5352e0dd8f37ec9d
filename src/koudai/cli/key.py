"""`koudai key`: the API keys that callers of the HTTP API present."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

from koudai import identity
from koudai.base import render_time
from koudai.cli.options import as_json, at_issuer
from koudai.cli.render import cell, key_object
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import opened
from koudai.cli.speak import note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import OneOf, Text, Whole
from koudai.cli.words import word
from koudai.identity import Mode, Scope
from koudai.instance import Instance
from koudai.pg import Tx

T = TypeVar("T")

_COLUMNS = ("id", "issuer", "mode", "name", "state", "created_at", "scopes")

key = Group("key", help=word("help.key"), no_args_is_help=True)


async def _in_transaction(work: Callable[[Instance, Tx], Awaitable[T]]) -> T:
    async with opened() as instance:
        return await instance.db.transact(lambda tx: work(instance, tx))


def _show(made: identity.NewKey, more: dict[str, Any], *, as_json: bool) -> None:
    """Show a key just made, with the token that is told this once."""
    shown = {"id": made.id, **more, "mode": str(made.mode), "scopes": [str(s) for s in made.scopes]}
    if as_json:
        print_json({**shown, "token": made.token})
        return
    print_fields([(name, cell(shown, name)) for name in shown] + [("token", made.token)])
    note(word("say.token_once"))


@key.command("create", help=word("help.key_create"))
@click.argument("name", type=Text())
@click.option("--scope", "scopes", type=OneOf(list(Scope)), multiple=True, metavar="SCOPE", help=word("opt.scope"))
@at_issuer
@as_json
@click.pass_obj
def create(call: Call, name: str, scopes: tuple[str, ...], issuer: str, mode: str, as_json: bool) -> None:
    """Make an API key, and the issuer's side if there is none."""
    granted = [Scope(scope) for scope in scopes] or list(Scope)

    async def work(_: Instance, tx: Tx) -> identity.NewKey:
        side = await identity.find_issuer(tx, issuer, Mode(mode), create=True)
        assert side is not None
        return await identity.create_key(tx, side, name, granted)

    made = call.run(_in_transaction(work))
    _show(made, {"issuer": issuer, "name": name}, as_json=as_json)


@key.command("list", help=word("help.key_list"))
@as_json
@click.pass_obj
def list_all(call: Call, as_json: bool) -> None:
    """Show all API keys of the installation, without their secrets."""

    async def work(instance: Instance, tx: Tx) -> list[dict[str, Any]]:
        keys = await identity.list_keys(tx)
        good = await identity.good_keys(tx, [one.id for one in keys])
        return [{**key_object(one), "in_force": one.id in good} for one in keys]

    keys = call.run(_in_transaction(work))
    if as_json:
        print_json({"data": keys})
        return
    for one in keys:
        one["state"] = _state(one)
    headings = [word(f"head.{name}") for name in _COLUMNS]
    print_table(headings, ([cell(one, name) for name in _COLUMNS] for one in keys))


def _state(one: dict[str, Any]) -> str:
    if one["revoked_at"]:
        return word("say.revoked", at=one["revoked_at"])
    if not one["in_force"]:
        return word("say.expired", at=one["expires_at"])
    return word("say.ends", at=one["expires_at"]) if one["expires_at"] else word("say.in_force")


@key.command("revoke", help=word("help.key_revoke"))
@click.argument("key_id", type=Text(), metavar="KEY_ID")
@as_json
@click.pass_obj
def revoke(call: Call, key_id: str, as_json: bool) -> None:
    """End a key at once."""
    call.run(_in_transaction(lambda _, tx: identity.revoke_key(tx, key_id)))
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        print(word("say.key_revoked", key=key_id))


@key.command("rotate", help=word("help.key_rotate"))
@click.argument("key_id", type=Text(), metavar="KEY_ID")
@click.option("--overlap-hours", type=Whole(0, 8760), default=24, metavar="HOURS", help=word("opt.overlap_hours"))
@as_json
@click.pass_obj
def rotate(call: Call, key_id: str, overlap_hours: int, as_json: bool) -> None:
    """Make a key like another one, which ends after the overlap."""

    async def work(instance: Instance, tx: Tx) -> tuple[identity.NewKey, dict[str, Any]]:
        ends_at = instance.clock.now() + timedelta(hours=overlap_hours)
        made = await identity.rotate_key(tx, key_id, ends_at)
        old = next(one for one in await identity.list_keys(tx) if one.id == key_id)
        assert old.expires_at is not None
        return made, {
            "issuer": old.issuer,
            "name": old.name,
            "replaces": key_id,
            "replaced_ends_at": render_time(old.expires_at),
        }

    made, more = call.run(_in_transaction(work))
    _show(made, more, as_json=as_json)

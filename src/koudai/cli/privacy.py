"""`koudai privacy`: what the law on personal information lets a holder ask for, and what is held."""

from datetime import datetime
from typing import Any

import click

from koudai import holders, privacy as personal
from koudai.base import Refused, render_time
from koudai.cli.holder import of_holder
from koudai.cli.options import as_json, at_issuer, with_key
from koudai.cli.running import Call
from koudai.cli.screen import print_table
from koudai.cli.session import key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Group
from koudai.cli.values import Moment, Text
from koudai.cli.words import word
from koudai.holders import Erased

_TABLES = {
    "holders": ("kind", "level", "state", "count"),
    "fields": ("field", "count", "oldest_at", "kept"),
    "consents": ("purpose", "in_force", "withdrawn"),
    "erasures": ("rule", "count"),
}

privacy = Group("privacy", help=word("help.privacy"), no_args_is_help=True)


@privacy.command("export", help=word("help.privacy_export"))
@of_holder
@click.option("--by", type=Text(), required=True, metavar="NAME", help=word("opt.keeper"))
@at_issuer
@as_json
@click.pass_obj
def export(call: Call, ref: str, by: str, issuer: str, mode: str, as_json: bool) -> None:
    """Print everything that is held about a holder, as JSON for him, whether that is said or not."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            vault = side.instance.vault
            exported: dict[str, Any] = await side.instance.db.transact(
                lambda tx: personal.export(tx, side.book, ref, vault, exported_to=by)
            )
            return exported

    print_json(call.run(work()))


@privacy.command("erase", help=word("help.privacy_erase"))
@of_holder
@click.option("--ended-at", type=Moment(), metavar="TIME", help=word("opt.ended_at"))
@click.option("--licensed", is_flag=True, help=word("opt.licensed"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def erase(
    call: Call, ref: str, ended_at: datetime | None, licensed: bool, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Erase what no duty keeps."""
    key = key_or_new(key)
    wish = holders.Erase(key, ref, holders.duties(licensed=licensed), ended_at)

    async def work() -> Erased:
        async with opened_side(issuer, mode) as side:
            vault = side.instance.vault
            made = await side.instance.db.transact(lambda tx: personal.erase(tx, side.book, wish, vault))
            if isinstance(made, Refused):
                raise as_fault(made, idempotency_key=key)
            return made

    made = call.run(work())
    kept = {str(field): until and render_time(until) for field, until in made.kept.items()}
    gone = (*made.fields, *made.beside)
    if as_json:
        print_json({"id": ref, "fields": gone, "kept": kept, "state": made.state, "idempotency_key": key})
        return
    print(word("say.erased", fields=", ".join(gone)))
    for field, until in kept.items():
        print(word("say.kept", field=field, until=until) if until else word("say.kept_on", field=field))


@privacy.command("report", help=word("help.privacy_report"))
@click.option("--licensed", is_flag=True, help=word("opt.licensed"))
@at_issuer
@as_json
@click.pass_obj
def report(call: Call, licensed: bool, issuer: str, mode: str, as_json: bool) -> None:
    """Tell what is held of how many, which consents are in force, and what was erased."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            return await personal.report(tx, side.book, holders.duties(licensed=licensed))

    told = call.run(work())
    if as_json:
        print_json(told)
        return
    for row in told["fields"]:
        row["kept"] = "; ".join(f"{one['rule']}: {one['years']}" for one in row["kept"])
    for name, columns in _TABLES.items():
        headings = [word(f"head.{column}") for column in columns]
        rows = [[str(row[column]) for column in columns] for row in told[name]]
        print_table(headings, rows, title=word(f"head.{name}"))
        print()

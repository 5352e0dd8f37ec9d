"""`koudai programme`: under which cards are issued."""

from typing import Any

import click

from koudai import cards
from koudai.base import Asset, Refused
from koudai.cli.drafting import check, diff, shipped
from koudai.cli.launching import enter_gate, launch, put, versions
from koudai.cli.limits import LimitWords
from koudai.cli.options import as_json, at_issuer, with_currency, with_key
from koudai.cli.render import cell, fields, programme_object
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Group
from koudai.cli.values import Amount, OneOf, Prefix, Text
from koudai.cli.words import word
from koudai.ledger import DrawOrder, Limit

_PAGE = 1000
_COLUMNS = ("id", "name", "number_prefix", "max_balance_minor", "max_load_minor", "created_at")

programme = Group("programme", help=word("help.programme"), no_args_is_help=True)
for _command in (check, diff, shipped, put, enter_gate, launch, versions):
    programme.add_command(_command)


@programme.command("create", help=word("help.programme_create"))
@click.argument("name", type=Text(200))
@with_currency
@click.option("--number-prefix", type=Prefix(), default="990000", metavar="DIGITS", help=word("opt.number_prefix"))
@click.option("--max-balance-minor", type=Amount(), metavar="N", help=word("opt.max_balance_minor"))
@click.option("--max-load-minor", type=Amount(), metavar="N", help=word("opt.max_load_minor"))
@click.option(
    "--draw-order",
    type=OneOf(list(DrawOrder)),
    default=str(DrawOrder.BONUS_FIRST),
    metavar="ORDER",
    help=word("opt.draw_order"),
)
@click.option("--limit", "limits", type=LimitWords(), multiple=True, metavar="LIMIT", help=word("opt.limits"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def create(
    call: Call, name: str, currency: Asset, number_prefix: str, max_balance_minor: int | None,
    max_load_minor: int | None, draw_order: str, limits: tuple[Limit, ...], issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a programme and show it."""
    key = key_or_new(key)
    wanted = cards.CreateProgramme(
        key, name, currency, number_prefix, max_balance_minor, max_load_minor, DrawOrder(draw_order), limits
    )

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            (made,) = await side.instance.db.transact(lambda tx: cards.create_programmes(tx, side.book, [wanted]))
            if isinstance(made, Refused):
                raise as_fault(made, idempotency_key=key)
            return programme_object(side.instance.keyring, made, side.issuer.mode)

    made = call.run(work())
    if as_json:
        print_json({**made, "idempotency_key": key})
    else:
        print_fields(fields(made))


@programme.command("list", help=word("help.programme_list"))
@at_issuer
@as_json
@click.pass_obj
def list_all(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show all programmes of an issuer's side."""

    async def work() -> list[dict[str, Any]]:
        async with opened_side(issuer, mode) as side:
            found: list[cards.Programme] = []
            async with side.instance.db.transaction(snapshot=True) as tx:
                while page := await cards.page_programmes(tx, side.book, found[-1].id if found else 0, _PAGE):
                    found += page
            return [programme_object(side.instance.keyring, one, side.issuer.mode) for one in found]

    found = call.run(work())
    if as_json:
        print_json({"data": found})
    else:
        headings = [word(f"head.{name}") for name in _COLUMNS]
        print_table(headings, ([cell(one, name) for name in _COLUMNS] for one in found), numbers=(3, 4))

"""`koudai merchant`: who is paid."""

from typing import Any

import click

from koudai import ledger, merchants
from koudai.base import Asset, Refused
from koudai.cards import CardRefusal
from koudai.cli.options import as_json, at_issuer, with_currency, with_key
from koudai.cli.render import cell, fields, merchant_object
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Group
from koudai.cli.values import OneOf, Opaque, Ref, Text
from koudai.cli.words import word
from koudai.pg import Tx

_PAGE = 1000
_COLUMNS = ("id", "name", "ref", "scenario", "balance", "created_at")

merchant = Group("merchant", help=word("help.merchant"), no_args_is_help=True)


async def _with_balances(tx: Tx, side: Side, found: list[merchants.Merchant]) -> list[dict[str, Any]]:
    held = await ledger.balances(tx, [one.account_id for one in found])
    keyring, mode = side.instance.keyring, side.issuer.mode
    return [merchant_object(keyring, one, held[one.account_id], mode) for one in found]


@merchant.command("add", help=word("help.merchant_add"))
@click.argument("name", type=Text(200))
@with_currency
@click.option("--ref", type=Ref(), metavar="WORD", help=word("opt.ref"))
@click.option(
    "--scenario",
    type=OneOf(list(merchants.Scenario)),
    default="offline_retail",
    metavar="WORD",
    help=word("opt.scenario"),
)
@click.option(
    "--relation", type=OneOf(list(merchants.Relation)), default="other", metavar="WORD", help=word("opt.relation")
)
@click.option("--contracted", is_flag=True, help=word("opt.contracted"))
@click.option(
    "--channel", type=OneOf(list(merchants.Channel)), default="street", metavar="WORD", help=word("opt.channel")
)
@at_issuer
@with_key
@as_json
@click.pass_obj
def add(
    call: Call, name: str, currency: Asset, ref: str | None, scenario: str, relation: str, contracted: bool,
    channel: str, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Take a merchant on and show it."""
    key = key_or_new(key)

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            wanted = merchants.Register(
                key, name, currency, ref, merchants.Scenario(scenario), merchants.Relation(relation), contracted,
                merchants.Channel(channel),
            )  # fmt: skip
            (made,) = await side.instance.db.transact(lambda tx: merchants.register(tx, side.book, [wanted]))
            if isinstance(made, Refused):
                raise as_fault(made, idempotency_key=key)
            async with side.instance.db.transaction() as tx:
                return (await _with_balances(tx, side, [made]))[0]

    made = call.run(work())
    if as_json:
        print_json({**made, "idempotency_key": key})
    else:
        print_fields(fields(made))


@merchant.command("list", help=word("help.merchant_list"))
@at_issuer
@as_json
@click.pass_obj
def list_all(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show all merchants of an issuer's side, with what they are owed."""

    async def work() -> list[dict[str, Any]]:
        async with opened_side(issuer, mode) as side:
            found: list[merchants.Merchant] = []
            async with side.instance.db.transaction(snapshot=True) as tx:
                while page := await merchants.page(tx, side.book, found[-1].id if found else 0, _PAGE):
                    found += page
                return await _with_balances(tx, side, found)

    found = call.run(work())
    if as_json:
        print_json({"data": found})
    else:
        headings = [word(f"head.{name}") for name in _COLUMNS]
        print_table(headings, ([cell(one, name) for name in _COLUMNS] for one in found), numbers=(4,))


@merchant.command("show", help=word("help.merchant_show"))
@click.argument("merchant_id", type=Opaque("mrch"), metavar="MERCHANT")
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, merchant_id: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show a merchant with what it is owed."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            found = await merchants.find(tx, side.book, [side.internal_id("mrch", merchant_id)[0]])
            if not found:
                raise as_fault(Refused(CardRefusal.UNKNOWN_MERCHANT))
            return (await _with_balances(tx, side, list(found.values())))[0]

    found = call.run(work())
    if as_json:
        print_json(found)
    else:
        print_fields(fields(found))

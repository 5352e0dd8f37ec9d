"""`koudai ledger`: accounts, balances and transfers as the ledger has them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from koudai import ledger as books, merchants
from koudai.base import Fault, Refused, render_time
from koudai.cli.options import as_json, at_issuer
from koudai.cli.render import cell
from koudai.cli.running import Call
from koudai.cli.screen import money, print_fields, print_table
from koudai.cli.session import Side, opened_side
from koudai.cli.speak import as_fault, note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import AccountName, Moment, Opaque, Text, Whole
from koudai.cli.words import word
from koudai.ledger import LedgerRefusal, Place, listing
from koudai.pg import Tx

T = TypeVar("T")

_TRANSFERS = ("recorded_at", "entry", "kind", "amount_minor", "debit_account", "credit_account")
_ACCOUNTS = ("account", "kind", "balance_minor")
_LOTS = ("lot", "amount_minor", "held_minor", "source", "expires_at")

_KEEPING = ("statement", "tainted", "close", "alarms", "clear-alarm", "roll")

ledger = Group(
    "ledger", {name: f"koudai.cli.keeping:{name.replace('-', '_')}" for name in _KEEPING}, help=word("help.ledger"),
    no_args_is_help=True,
)  # fmt: skip

_limit = click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit"))
_after = click.option("--after", type=Opaque("cur"), metavar="CURSOR", help=word("opt.after"))


async def read_books(issuer: str, mode: str, work: Callable[[Side, Tx], Awaitable[T]]) -> T:
    """Read the books of an issuer's side as of one moment."""
    async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
        return await work(side, tx)


async def account_number(side: Side, tx: Tx, name: str) -> int:
    """The number of an account that is named; raises the fault of an unknown account."""
    if name.isdigit():
        return int(name)
    kind = name.partition("_")[0]
    number, _ = side.internal_id(kind, name)
    if kind == "gftc" and number >= 0:
        return number
    # A number beyond these is no merchant's.
    found = await merchants.find(tx, side.book, [number]) if 0 <= number < 2**31 else {}
    if kind == "gftc" or not found:
        raise Fault(LedgerRefusal.UNKNOWN_ACCOUNT, account=name)
    return found[number].account_id


def show_page(
    rows: list[dict[str, Any]], cursor: str | None, columns: Sequence[str], numbers: Sequence[int], *, as_json: bool
) -> None:
    """Print a page of rows, as one object or as a table."""
    if as_json:
        print_json({"data": rows, "next_cursor": cursor})
        return
    print_table(
        [word(f"head.{name}") for name in columns], ([cell(r, n) for n in columns] for r in rows), numbers=numbers
    )
    if cursor:
        note(word("say.more_after", cursor=cursor))


def cursor_place(side: Side, after: str | None) -> Place:
    """The place that a cursor names; one that isn't ours has nothing behind it."""
    return Place(*(side.instance.keyring.internal_id("cur", after) or (2**63 - 1, 2**31 - 1))) if after else Place(0, 0)


@ledger.command("transfers", help=word("help.ledger_transfers"))
@click.option("--account", type=AccountName(), metavar="ACCOUNT", help=word("opt.account"))
@_after
@_limit
@at_issuer
@as_json
@click.pass_obj
def transfers(
    call: Call, account: str | None, after: str | None, limit: int, issuer: str, mode: str, as_json: bool
) -> None:
    """List transfers, oldest first."""

    async def work(side: Side, tx: Tx) -> tuple[list[dict[str, Any]], str | None]:
        number = await account_number(side, tx, account) if account else None
        if number is not None and await listing.holding(tx, side.book, number) is None:
            raise Fault(LedgerRefusal.UNKNOWN_ACCOUNT, account=account)
        found = await listing.page_transfers(tx, side.book, number, cursor_place(side, after), limit + 1)
        more = len(found) > limit
        cursor = side.instance.keyring.opaque_id("cur", *found[limit - 1].place) if more else None
        return [_transfer_object(one) for one in found[:limit]], cursor

    rows, cursor = call.run(read_books(issuer, mode, work))
    show_page(rows, cursor, _TRANSFERS, (3, 4, 5), as_json=as_json)


def _transfer_object(one: listing.Transfer) -> dict[str, Any]:
    batch_id, ordinal = one.place
    return {
        "batch_id": batch_id,
        "ordinal": ordinal,
        "entry": f"{batch_id}/{one.entry}",
        "debit_account": one.debit,
        "debit_lot": one.debit_lot,
        "credit_account": one.credit,
        "credit_lot": one.credit_lot,
        "amount_minor": one.amount_minor,
        "currency": one.asset,
        "kind": one.kind,
        "event_at": render_time(one.event_at),
        "recorded_at": render_time(one.recorded_at),
    }


@ledger.command("accounts", help=word("help.ledger_accounts"))
@click.option("--kind", type=Text(), metavar="KIND", help=word("opt.account_kind"))
@_after
@_limit
@at_issuer
@as_json
@click.pass_obj
def accounts(
    call: Call, kind: str | None, after: str | None, limit: int, issuer: str, mode: str, as_json: bool
) -> None:
    """List accounts with their balances."""

    async def work(side: Side, tx: Tx) -> tuple[list[dict[str, Any]], str | None]:
        found = await listing.page_accounts(tx, side.book, kind, cursor_place(side, after).batch_id, limit + 1)
        more = len(found) > limit
        return [
            {
                "account": one.id,
                "kind": one.kind,
                "currency": one.asset,
                "balance_minor": one.balance_minor,
                "constrained": one.constrained,
            }
            for one in found[:limit]
        ], side.instance.keyring.opaque_id("cur", found[limit - 1].id) if more else None

    rows, cursor = call.run(read_books(issuer, mode, work))
    show_page(rows, cursor, _ACCOUNTS, (0, 2), as_json=as_json)


@ledger.command("balance", help=word("help.ledger_balance"))
@click.argument("account", type=AccountName())
@click.option("--as-of", type=Moment(), metavar="TIME", help=word("opt.as_of"))
@click.option("--known-at", type=Moment(), metavar="TIME", help=word("opt.known_at"))
@at_issuer
@as_json
@click.pass_obj
def balance(
    call: Call, account: str, as_of: datetime | None, known_at: datetime | None, issuer: str, mode: str, as_json: bool
) -> None:
    """Show what an account holds, or held."""

    async def work(side: Side, tx: Tx) -> dict[str, Any]:
        number = await account_number(side, tx, account)
        now = await listing.holding(tx, side.book, number)
        if now is None:
            raise Fault(LedgerRefusal.UNKNOWN_ACCOUNT, account=account)
        if as_of is None and known_at is None:
            return _holding_object(now)
        then = await books.balance_at(tx, side.book, number, as_of, known_at)
        if isinstance(then, Refused):
            raise as_fault(then)
        return {
            "account": then.account,
            "kind": now.kind,
            "currency": then.asset,
            "balance_minor": then.balance_minor,
            "as_of": render_time(as_of) if as_of else None,
            "known_at": render_time(known_at) if known_at else None,
            "lots": [{"lot": lot, "amount_minor": minor} for lot, minor in then.lots],
        }

    found = call.run(read_books(issuer, mode, work))
    if as_json:
        print_json(found)
        return
    lots = found.pop("lots") or []
    code = found.pop("currency")
    print_fields(
        (name, money(value, code) if name.endswith("_minor") else str(value))
        for name, value in found.items()
        if value is not None
    )
    if lots:
        shown = [name for name in _LOTS if name in lots[0]]
        rows = ([cell({**lot, "currency": code}, name) for name in shown] for lot in lots)
        print_table([word(f"head.{name}") for name in shown], rows, numbers=(1, 2) if len(shown) > 2 else (1,))


def _holding_object(now: listing.Holding) -> dict[str, Any]:
    return {
        "account": now.account,
        "kind": now.kind,
        "currency": now.asset,
        "balance_minor": now.balance_minor,
        "held_minor": now.held_minor,
        "available_minor": now.available_minor,
        "lots": None
        if now.lots is None
        else [
            {
                "lot": lot.id,
                "amount_minor": lot.minor,
                "held_minor": lot.held_minor,
                "source": lot.source,
                "funded_at": render_time(lot.funded_at),
                "expires_at": render_time(lot.expires_at) if lot.expires_at else None,
            }
            for lot in now.lots
        ],
    }

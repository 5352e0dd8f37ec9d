"""`koudai stock`: physical cards, from the order at the printer's to the sale at a till."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from koudai import cards
from koudai.base import Asset, Fault, Refused, render_time
from koudai.cards import StockCard, StockShown
from koudai.cli.codes import CliFault
from koudai.cli.happen import card_ref, happen
from koudai.cli.options import as_json, at_issuer, of_card, with_amount, with_key
from koudai.cli.render import fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import Amount, OneOf, Opaque, Text, Whole
from koudai.cli.words import word
from koudai.pg import Tx

F = TypeVar("F", bound=Callable[..., Any])

_PAGE = 1000
_COUNTS = ("id", "design", "state", "place", "count")
_STEPS = ("at", "step", "count", "place", "made_by", "given_to", "reason")
_CARDS = ("serial", "id", "last4", "state", "place", "payment_ref", "active_at", "voided_at")

stock = Group("stock", help=word("help.stock"), no_args_is_help=True)


def _by(command: F) -> F:
    return click.option("--by", type=Text(), required=True, metavar="NAME", help=word("opt.keeper"))(command)


def _chosen(command: F) -> F:
    """`--stock` with `--first` and `--last`, or `--card`."""
    for option in (
        click.option("--card", "chosen", type=Opaque("gftc"), multiple=True, metavar="CARD", help=word("opt.chosen")),
        click.option("--last", type=Whole(1, cards.MAX_STOCK), metavar="N", help=word("opt.last_serial")),
        click.option("--first", type=Whole(1, cards.MAX_STOCK), metavar="N", help=word("opt.first_serial")),
        click.option("--stock", "stock_id", type=Opaque("stck"), metavar="STOCK", help=word("opt.stock")),
    ):
        command = option(command)
    return command


def _placed(command: F) -> F:
    """`--merchant` or `--place`."""
    command = click.option("--place", type=Text(200), metavar="NAME", help=word("opt.place"))(command)
    return click.option("--merchant", type=Opaque("mrch"), metavar="MERCHANT", help=word("opt.merchant"))(command)


def _choice(
    side: Side, key: str, by: str, stock_id: str | None, first: int | None, last: int | None, chosen: tuple[str, ...]
) -> dict[str, Any]:
    """The cards that the options choose. Raises Fault when they say none, or two things."""
    if (stock_id is None) == (not chosen) or (chosen and (first or last)):
        raise Fault(CliFault.STOCK_NAMES)
    return {
        "key": key, "made_by": by, "first": first, "last": last,
        "stock_id": None if stock_id is None else side.internal_id("stck", stock_id)[0],
        "cards": tuple(side.internal_id("gftc", card)[0] for card in chosen),
    }  # fmt: skip


def _place(side: Side, merchant: str | None, place: str | None) -> dict[str, Any]:
    """Where cards lie. Raises Fault unless exactly one place is named."""
    if (merchant is None) == (place is None):
        raise Fault(CliFault.PLACE_NAMES)
    return {"merchant_id": None if merchant is None else side.internal_id("mrch", merchant)[0], "place": place}


@stock.command("create", help=word("help.stock_create"))
@click.option("--programme", type=Opaque("prgm"), required=True, metavar="PROGRAMME", help=word("opt.programme"))
@click.option("--count", type=Whole(1, cards.MAX_STOCK), required=True, metavar="N", help=word("opt.stock_count"))
@click.option("--design", type=Text(200), required=True, metavar="NAME", help=word("opt.design"))
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def create(
    call: Call, programme: str, count: int, design: str, by: str, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:
    """Make physical cards of a programme, and show the stock."""
    key = key_or_new(key)

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            programme_id, _ = side.internal_id("prgm", programme)
            wish = cards.CreateStock(key=key, programme_id=programme_id, count=count, design=design, made_by=by)
            keyring = side.instance.keyring
            (made,) = await side.instance.db.transact(lambda tx: cards.run(tx, side.book, [wish], keyring))
            if isinstance(made, Refused):
                raise as_fault(made, idempotency_key=key)
            return {
                "id": keyring.opaque_id("stck", made.id), "programme_id": programme, "design": made.design,
                "count": made.cards, "made_by": made.made_by, "made_at": render_time(made.made_at),
            }  # fmt: skip

    made = call.run(work())
    if as_json:
        print_json({**made, "idempotency_key": key})
    else:
        print_fields(fields(made))


@stock.command("print", help=word("help.stock_print"))
@_chosen
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help=word("opt.out_print"))
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def print_file(
    call: Call, stock_id: str | None, first: int | None, last: int | None, chosen: tuple[str, ...], out: Path, by: str,
    issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Write the printer's file, once."""
    key = key_or_new(key)

    async def work(file: TextIO) -> int:
        async with opened_side(issuer, mode) as side:
            wish = cards.Print(**_choice(side, key, by, stock_id, first, last, chosen))

            async def printed(tx: Tx) -> int:
                (made,) = await cards.print_stock(tx, side.book, [wish], side.instance.keyring)
                if isinstance(made, Refused):
                    raise as_fault(made, idempotency_key=key)
                if made.csv is None:
                    raise Fault(CliFault.PRINTED_BEFORE, idempotency_key=key)
                # It is on the disk before it counts as given out: after a fall in between it is given out again.
                file.seek(0)
                file.truncate()
                file.write(made.csv)
                file.flush()
                os.fsync(file.fileno())
                return made.cards

            return await side.instance.db.transact(printed)

    with _new_file(out) as file:
        printed = call.run(work(file))
    if as_json:
        print_json({"count": printed, "out": str(out), "idempotency_key": key})
    else:
        note(word("say.printed", count=f"{printed:,}", path=str(out)))


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A new file for its user alone; it goes again where nothing was written to it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Fault(CliFault.FILE_EXISTS, option="--out", path=str(path)) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise Fault(CliFault.FILE_UNWRITABLE, option="--out", path=str(path), reason=reason) from problem
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    finally:
        if not path.stat().st_size:
            path.unlink()


@stock.command("receive", help=word("help.stock_receive"))
@_chosen
@_placed
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def receive(
    call: Call, stock_id: str | None, first: int | None, last: int | None, chosen: tuple[str, ...],
    merchant: str | None, place: str | None, by: str, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Take printed cards in at a place."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Receive(
            **_choice(side, key, by, stock_id, first, last, chosen), **_place(side, merchant, place)
        ),
    )  # fmt: skip


@stock.command("write-off", help=word("help.stock_write_off"))
@_chosen
@click.option("--reason", type=Text(500), required=True, metavar="TEXT", help=word("opt.why"))
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def write_off(
    call: Call, stock_id: str | None, first: int | None, last: int | None, chosen: tuple[str, ...], reason: str,
    by: str, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Give up cards that were lost or destroyed."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.WriteOff(
            **_choice(side, key, by, stock_id, first, last, chosen), reason=reason
        ),
    )  # fmt: skip


@stock.command("sell", help=word("help.stock_sell"))
@of_card
@with_amount
@click.option(
    "--source", type=OneOf(list(cards.FundingSource)), required=True, metavar="SOURCE", help=word("opt.source")
)
@click.option("--payment", type=Text(200), required=True, metavar="REF", help=word("opt.payment"))
@click.option("--payment-minor", type=Amount(), metavar="N", help=word("opt.payment_minor"))
@_placed
@click.option("--till", type=Text(200), required=True, metavar="NAME", help=word("opt.till"))
@click.option("--clerk", type=Text(200), required=True, metavar="NAME", help=word("opt.clerk"))
@click.option("--payer", type=Text(200), metavar="REF", help=word("opt.payer"))
@click.option("--refund-to", type=Text(200), metavar="REF", help=word("opt.refund_to"))
@click.option("--acknowledged", is_flag=True, help=word("opt.acknowledged"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def sell(
    call: Call, card: str, amount_minor: int, currency: Asset, source: str, payment: str, payment_minor: int | None,
    merchant: str | None, place: str | None, till: str, clerk: str, payer: str | None, refund_to: str | None,
    acknowledged: bool, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Sell a card at a till: load what was paid, and activate it."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Sell(
            key=key, card=card_ref(side, card), amount_minor=amount_minor, asset=currency.code,
            source=cards.FundingSource(source), payment_ref=payment, payment_minor=payment_minor, till=till,
            clerk=clerk, payer=payer, refund_to=refund_to, acknowledged=acknowledged, **_place(side, merchant, place),
        ),
    )  # fmt: skip


@stock.command("call-off", help=word("help.stock_call_off"))
@of_card
@click.option("--reason", type=Text(500), metavar="TEXT", help=word("opt.why"))
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def call_off(
    call: Call, card: str, reason: str | None, by: str, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:
    """Stop a sold card that can't be used yet."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.CallOff(key=key, card=card_ref(side, card), made_by=by, reason=reason),
    )  # fmt: skip


@stock.command("void-sale", help=word("help.stock_void_sale"))
@of_card
@click.option("--reason", type=Text(500), required=True, metavar="TEXT", help=word("opt.why"))
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def void_sale(
    call: Call, card: str, reason: str, by: str, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:  # fmt: skip
    """Undo the sale of a card of which nothing was used."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.VoidSale(key=key, card=card_ref(side, card), made_by=by, reason=reason),
    )  # fmt: skip


@stock.command("list", help=word("help.stock_list"))
@at_issuer
@as_json
@click.pass_obj
def list_all(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show the stocks of an issuer's side: how far their cards came, and where they lie."""

    async def work() -> list[dict[str, Any]]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            found: list[StockShown] = []
            while page := await cards.page_stocks(tx, side.book, found[-1].stock.id if found else 0, _PAGE):
                found += page
            return [_stock_object(side, one) for one in found]

    found = call.run(work())
    if as_json:
        print_json({"data": found})
        return
    rows = [{**one, **count} for one in found for count in one["counts"]]
    print_table([word(f"head.{name}") for name in _COUNTS], (_cells(row, _COUNTS) for row in rows), numbers=(4,))


@stock.command("show", help=word("help.stock_show"))
@click.argument("stock_id", type=Opaque("stck"), metavar="STOCK")
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, stock_id: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show a stock: what was done with it and by whom, and its cards."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            number, _ = side.internal_id("stck", stock_id)
            found = await cards.stock_by_id(tx, side.book, number)
            if found is None:
                raise as_fault(Refused(cards.CardRefusal.UNKNOWN_STOCK))
            members = await cards.page_stock_cards(tx, side.book, number, 0, cards.MAX_STOCK)
            return {**_stock_object(side, found), "cards": [_card_object(side, one) for one in members]}

    found = call.run(work())
    if as_json:
        print_json(found)
        return
    for columns, rows in ((_STEPS, found["steps"]), (_CARDS, found["cards"])):
        print_table([word(f"head.{name}") for name in columns], (_cells(row, columns) for row in rows))


def _cells(row: dict[str, Any], columns: tuple[str, ...]) -> list[str]:
    return ["" if row[name] is None else str(row[name]) for name in columns]


def _where(side: Side, merchant_id: int | None, place: str | None) -> str | None:
    return place if merchant_id is None else side.instance.keyring.opaque_id("mrch", merchant_id)


def _stock_object(side: Side, shown: StockShown) -> dict[str, Any]:
    keyring, made = side.instance.keyring, shown.stock
    return {
        "id": keyring.opaque_id("stck", made.id),
        "programme_id": keyring.opaque_id("prgm", made.programme_id),
        "design": made.design,
        "made_by": made.made_by,
        "made_at": render_time(made.made_at),
        "counts": [
            {"state": str(one.state), "place": _where(side, one.merchant_id, one.place), "count": one.cards}
            for one in shown.counts
        ],
        "steps": [
            {
                "at": render_time(one.at),
                "step": str(one.step),
                "count": one.cards,
                "place": _where(side, one.merchant_id, one.at_place),
                "made_by": one.made_by,
                "given_to": one.given_to,
                "reason": one.reason,
            }
            for one in shown.steps
        ],
    }


def _card_object(side: Side, member: StockCard) -> dict[str, Any]:
    sale = member.sale
    return {
        "serial": member.serial,
        "id": side.instance.keyring.opaque_id("gftc", member.card_id),
        "last4": member.last4,
        "state": str(member.state),
        "place": _where(side, member.merchant_id, member.place),
        "payment_ref": sale.payment_ref if sale else None,
        "active_at": render_time(sale.active_at) if sale else None,
        "voided_at": render_time(sale.voided_at) if sale and sale.voided_at else None,
    }

"""`koudai card authorise`, `capture`, `void`: value reserved for a merchant."""

import click

from koudai import cards
from koudai.base import Asset, Fault
from koudai.cli.basket import with_lines
from koudai.cli.codes import CliFault
from koudai.cli.happen import card_ref, happen
from koudai.cli.options import as_json, at_issuer, of_payer, with_amount, with_device, with_key
from koudai.cli.running import Call
from koudai.cli.secret import pin_for, read_pin
from koudai.cli.session import Side
from koudai.cli.tree import Command
from koudai.cli.values import Amount, Duration, Opaque, Text
from koudai.cli.words import word
from koudai.ledger import Place
from koudai.programmes import Line

_hold = click.option("--hold", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.hold"))


@click.command("authorise", cls=Command, help=word("help.card_authorise"))
@of_payer
@click.option("--merchant", type=Opaque("mrch"), required=True, metavar="MERCHANT", help=word("opt.merchant"))
@with_amount
@click.option("--ttl", "ttl_s", type=Duration(366), default="7d", metavar="DURATION", help=word("opt.ttl"))
@click.option("--partial", is_flag=True, help=word("opt.partial_hold"))
@click.option("--group", type=Text(200), metavar="WORD", help=word("opt.group"))
@with_lines
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def authorise(
    call: Call, card: str, asks_pin: bool, merchant: str, amount_minor: int, currency: Asset, ttl_s: int,
    partial: bool, group: str | None, lines: tuple[Line, ...], device: str | None, issuer: str, mode: str,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Reserve value for a merchant."""
    told = read_pin(word("say.pin")) if asks_pin else None
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Authorise(
            key=key, card=card_ref(side, card), merchant_id=side.internal_id("mrch", merchant)[0],
            amount_minor=amount_minor, asset=currency.code, ttl_s=ttl_s, partial=partial, group=group, device=device,
            lines=lines or None,
            pin=pin_for(side, told),
        ),
    )  # fmt: skip


@click.command("capture", cls=Command, help=word("help.card_capture"))
@_hold
@click.option("--group", type=Text(200), metavar="WORD", help=word("opt.group_of"))
@click.option("--amount-minor", type=Amount(least=0), metavar="N", help=word("opt.capture_minor"))
@click.option("--final", is_flag=True, help=word("opt.final"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def capture(
    call: Call, hold: str | None, group: str | None, amount_minor: int | None, final: bool, issuer: str, mode: str,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Pay a merchant what a hold reserves."""
    _one_of(hold, group, "koudai card capture")
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Capture(
            key=key, hold=_place(side, hold), group=group, amount_minor=amount_minor, final=final
        ),
    )  # fmt: skip


@click.command("void", cls=Command, help=word("help.card_void"))
@_hold
@click.option("--group", type=Text(200), metavar="WORD", help=word("opt.group_of"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def void(
    call: Call, hold: str | None, group: str | None, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:
    """Cancel a hold."""
    _one_of(hold, group, "koudai card void")
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Void(key=key, hold=_place(side, hold), group=group),
    )  # fmt: skip


def _one_of(hold: str | None, group: str | None, command: str) -> None:
    if (hold is None) is (group is None):
        raise Fault(CliFault.HOLD_NAMES, command=command)


def _place(side: Side, hold: str | None) -> Place | None:
    return Place(*side.internal_id("gact", hold)) if hold else None

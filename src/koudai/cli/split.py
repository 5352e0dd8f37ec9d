"""`koudai card split`, `spend-split`: parts of a card go into new cards, or what is left of it after a payment."""

from collections.abc import Callable

import click

from koudai import cards
from koudai.base import Asset
from koudai.cli.basket import with_lines
from koudai.cli.happen import card_ref, make_cards
from koudai.cli.options import as_json, at_issuer, of_card, of_payer, with_amount, with_currency, with_device, with_key
from koudai.cli.render import cell
from koudai.cli.running import Call
from koudai.cli.screen import print_table
from koudai.cli.secret import pin_for, read_pin
from koudai.cli.session import Side
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import Amount, Opaque
from koudai.cli.words import word
from koudai.programmes import Line

_COLUMNS = ("id", "gan", "balance")


@click.command("split", cls=Command, help=word("help.card_split"))
@of_card
@click.option("--piece", "pieces", type=Amount(), multiple=True, required=True, metavar="MINOR", help=word("opt.piece"))
@with_currency
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def split(
    call: Call, card: str, pieces: tuple[int, ...], currency: Asset, device: str | None, issuer: str, mode: str,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Split a card, and show the new ones."""
    _split(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Split(
            key=key, card=card_ref(side, card), pieces=pieces, asset=currency.code, device=device
        ),
    )  # fmt: skip


@click.command("spend-split", cls=Command, help=word("help.card_spend_split"))
@of_payer
@click.option("--merchant", type=Opaque("mrch"), required=True, metavar="MERCHANT", help=word("opt.merchant"))
@with_amount
@with_lines
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def spend_split(
    call: Call, card: str, asks_pin: bool, merchant: str, amount_minor: int, currency: Asset, lines: tuple[Line, ...],
    device: str | None, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Pay a merchant, and show the new card that has the rest."""
    told = read_pin(word("say.pin")) if asks_pin else None
    _split(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.SpendSplit(
            key=key, card=card_ref(side, card), merchant_id=side.internal_id("mrch", merchant)[0],
            amount_minor=amount_minor, asset=currency.code, device=device, pin=pin_for(side, told), lines=lines or None,
        ),
    )  # fmt: skip


def _split(
    call: Call, issuer: str, mode: str, key: str | None, *, as_json: bool,
    command: Callable[[Side, str], cards.Split | cards.SpendSplit],
) -> None:  # fmt: skip
    """Run a command that makes cards of a card, and show them."""
    made = make_cards(call, issuer, mode, key, command)
    if as_json:
        print_json(made)
    else:
        rows = ([cell(row, name) for name in _COLUMNS] for row in made["gift_cards"])
        print_table([word(f"head.{name}") for name in _COLUMNS], rows)

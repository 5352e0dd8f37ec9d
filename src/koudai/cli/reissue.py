"""`koudai card replace|exchange`: all of a card goes to a new number."""

from collections.abc import Callable

import click

from koudai import cards
from koudai.cli.happen import card_ref, make_cards
from koudai.cli.options import as_json, at_issuer, of_card, with_key
from koudai.cli.render import fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields
from koudai.cli.session import Side
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import OneOf
from koudai.cli.words import word


@click.command("replace", cls=Command, help=word("help.card_replace"))
@of_card
@click.option(
    "--reason", type=OneOf(list(cards.ReplaceReason)), required=True, metavar="REASON", help=word("opt.replace_reason")
)
@at_issuer
@with_key
@as_json
@click.pass_obj
def replace(
    call: Call, card: str, reason: str, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:  # fmt: skip
    """Issue a card anew, and show the new one."""
    _issue_anew(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Replace(
            key=key, card=card_ref(side, card), reason=cards.ReplaceReason(reason)
        ),
    )  # fmt: skip


@click.command("exchange", cls=Command, help=word("help.card_exchange"))
@of_card
@at_issuer
@with_key
@as_json
@click.pass_obj
def exchange(call: Call, card: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """A new card for an expired one."""
    _issue_anew(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Exchange(key=key, card=card_ref(side, card)),
    )  # fmt: skip


def _issue_anew(
    call: Call, issuer: str, mode: str, key: str | None, *, as_json: bool,
    command: Callable[[Side, str], cards.Replace | cards.Exchange],
) -> None:  # fmt: skip
    """Run a command that puts a new card in the place of a card, and show the new one."""
    made = make_cards(call, issuer, mode, key, command)
    (new,) = made["gift_cards"]
    if as_json:
        print_json({"activity": made["activity"], "gift_card": new, "idempotency_key": made["idempotency_key"]})
    else:
        print_fields(fields(new))

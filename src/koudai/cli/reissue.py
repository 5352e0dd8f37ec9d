"""`koudai card replace`: all of a card goes to a new number."""

from typing import Any

import click

from koudai import cards
from koudai.base import Refused
from koudai.cli.happen import card_ref
from koudai.cli.options import as_json, at_issuer, of_card, with_key
from koudai.cli.render import activity_object, card_object, fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields
from koudai.cli.session import key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
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
    key = key_or_new(key)

    async def work() -> tuple[dict[str, Any], dict[str, Any]]:
        async with opened_side(issuer, mode) as side:
            keyring = side.instance.keyring
            wish = cards.Replace(key=key, card=card_ref(side, card), reason=cards.ReplaceReason(reason))
            (made,) = await side.instance.db.transact(lambda tx: cards.run(tx, side.book, [wish], keyring))
            if isinstance(made, Refused):
                raise as_fault(made, idempotency_key=key)
            (new,) = made.cards
            shown = {**card_object(keyring, new.card, side.issuer.mode), "gan": new.number}
            return activity_object(keyring, made.activity), shown

    activity, new = call.run(work())
    if as_json:
        print_json({"activity": activity, "gift_card": new, "idempotency_key": key})
    else:
        print_fields(fields(new))

"""`koudai card transfer`, `adjust`, `expire`: value goes to another card, is corrected, or lapses."""

import click

from koudai import cards
from koudai.base import Asset
from koudai.cli.happen import card_ref, happen, verb_of_card
from koudai.cli.options import as_json, at_issuer, of_card, with_amount, with_currency, with_device, with_key
from koudai.cli.running import Call
from koudai.cli.tree import Command
from koudai.cli.values import Amount, CardName, OneOf, Opaque, Text
from koudai.cli.words import word
from koudai.ledger import Place


@click.command("transfer", cls=Command, help=word("help.card_transfer"))
@of_card
@click.argument("to_card", type=CardName(), metavar="TO_CARD")
@click.option("--purpose", type=OneOf(list(cards.Purpose)), required=True, metavar="PURPOSE", help=word("opt.purpose"))
@click.option("--amount-minor", type=Amount(), metavar="N", help=word("opt.part"))
@with_currency
@click.option("--recipient", type=Text(200), metavar="REF", help=word("opt.recipient"))
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def transfer(
    call: Call, card: str, to_card: str, purpose: str, amount_minor: int | None, currency: Asset,
    recipient: str | None, device: str | None, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Carry value to another card."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Transfer(
            key=key, card=card_ref(side, card), to_card=card_ref(side, to_card), amount_minor=amount_minor,
            asset=currency.code, purpose=cards.Purpose(purpose), recipient=recipient, device=device,
        ),
    )  # fmt: skip


@click.command("adjust", cls=Command, help=word("help.card_adjust"))
@of_card
@click.argument("way", type=OneOf(["up", "down"]), metavar="up|down")
@with_amount
@click.option("--reason", type=Text(500), required=True, metavar="TEXT", help=word("opt.why"))
@click.option("--by", type=Text(200), required=True, metavar="NAME", help=word("opt.adjusted_by"))
@click.option("--approved-by", type=Text(200), metavar="NAME", help=word("opt.approved_by"))
@click.option("--source", type=OneOf(list(cards.FundingSource)), metavar="SOURCE", help=word("opt.source"))
@click.option("--corrects", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.corrects"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def adjust(
    call: Call, card: str, way: str, amount_minor: int, currency: Asset, reason: str, by: str,
    approved_by: str | None, source: str | None, corrects: str | None, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Correct what a card holds."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Adjust(
            key=key, card=card_ref(side, card), amount_minor=amount_minor, asset=currency.code, increment=way == "up",
            source=cards.FundingSource(source) if source else cards.FundingSource.COMPANY, reason=reason, made_by=by,
            approved_by=approved_by, corrects=Place(*side.internal_id("gact", corrects)) if corrects else None,
        ),
    )  # fmt: skip


expire = verb_of_card("expire", word("help.card_expire"), cards.Expire)

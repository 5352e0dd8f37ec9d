"""`koudai card`: everything that happens to a card, and what it holds."""

from datetime import datetime
from typing import Any

import click

from koudai import cards
from koudai.base import Asset, Fault
from koudai.cli.basket import with_lines
from koudai.cli.carry import adjust, expire, transfer
from koudai.cli.codes import CliFault
from koudai.cli.happen import card_ref, found_card, happen, verb_of_card
from koudai.cli.hold import authorise, capture, void
from koudai.cli.issue import issue
from koudai.cli.life import close, payouts, reactivate, renew, sweep
from koudai.cli.listing import family, list_all
from koudai.cli.options import as_json, at_issuer, of_card, of_payer, with_amount, with_device, with_key
from koudai.cli.pages import print_page
from koudai.cli.reissue import exchange, replace
from koudai.cli.render import activity_object, card_object, fields
from koudai.cli.restrict import go_on, lift, lost, restrict, restrictions
from koudai.cli.running import Call
from koudai.cli.screen import print_fields
from koudai.cli.secret import pay_code, pin, pin_for, read_pin
from koudai.cli.session import opened_side
from koudai.cli.speak import print_json
from koudai.cli.split import spend_split, split
from koudai.cli.tree import Group
from koudai.cli.values import CardName, Key, Moment, OneOf, Opaque, Text, Whole
from koudai.cli.words import word
from koudai.ledger import Place
from koudai.programmes import Line

_HISTORY = ("event_at", "type", "amount_minor", "balance_minor", "merchant_id", "id")

card = Group("card", help=word("help.card"), no_args_is_help=True)
for verb in (
    issue, split, spend_split, replace, renew, reactivate, exchange, close, sweep, payouts, authorise, capture, void,
    restrict, go_on, lift, restrictions, lost, pin, pay_code, transfer, adjust, expire, family, list_all,
    verb_of_card("activate", word("help.card_activate"), cards.Activate),
):  # fmt: skip
    card.add_command(verb)


@card.command("load", help=word("help.card_load"))
@of_card
@with_amount
@click.option(
    "--source", type=OneOf(list(cards.FundingSource)), required=True, metavar="SOURCE", help=word("opt.source")
)
@click.option("--channel", type=OneOf(list(cards.Channel)), metavar="CHANNEL", help=word("opt.load_channel"))
@click.option("--payer", type=Text(200), metavar="REF", help=word("opt.payer"))
@click.option("--refund-to", type=Text(200), metavar="REF", help=word("opt.refund_to"))
@click.option("--expires-at", type=Moment(), metavar="TIME", help=word("opt.load_expires_at"))
@click.option("--may-pass/--may-not-pass", default=None, help=word("opt.may_pass"))
@click.option("--may-sell/--may-not-sell", default=None, help=word("opt.may_sell"))
@click.option("--may-refund/--may-not-refund", default=None, help=word("opt.may_refund"))
@click.option("--buyer", type=Text(200), metavar="REF", help=word("opt.buyer"))
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def load(
    call: Call, card: str, amount_minor: int, currency: Asset, source: str, channel: str | None, payer: str | None,
    refund_to: str | None, expires_at: datetime | None, may_pass: bool | None, may_sell: bool | None,
    may_refund: bool | None, buyer: str | None, device: str | None, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Put value on a card."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Load(
            key=key, card=card_ref(side, card), amount_minor=amount_minor, asset=currency.code,
            source=cards.FundingSource(source), device=device, channel=cards.Channel(channel) if channel else None,
            payer=payer, refund_to=refund_to, expires_at=expires_at, may_pass=may_pass, may_sell=may_sell,
            may_refund=may_refund, buyer=buyer,
        ),
    )  # fmt: skip


@card.command("redeem", help=word("help.card_redeem"))
@of_payer
@click.option("--merchant", type=Opaque("mrch"), required=True, metavar="MERCHANT", help=word("opt.merchant"))
@with_amount
@click.option("--partial", is_flag=True, help=word("opt.partial"))
@with_lines
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def redeem(
    call: Call, card: str, asks_pin: bool, merchant: str, amount_minor: int, currency: Asset, partial: bool,
    lines: tuple[Line, ...],
    device: str | None, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Pay a merchant."""
    told = read_pin(word("say.pin")) if asks_pin else None
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Redeem(
            key=key, card=card_ref(side, card), merchant_id=side.internal_id("mrch", merchant)[0],
            amount_minor=amount_minor, asset=currency.code, partial=partial, device=device, pin=pin_for(side, told),
            lines=lines or None,
        ),
    )  # fmt: skip


@card.command("refund", help=word("help.card_refund"))
@click.argument("card", type=CardName(), required=False)
@click.option("--merchant", type=Opaque("mrch"), metavar="MERCHANT", help=word("opt.merchant"))
@click.option("--redemption", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.redemption"))
@click.option("--to-card", type=CardName(), metavar="CARD", help=word("opt.to_card"))
@with_amount
@at_issuer
@with_key
@as_json
@click.pass_obj
def refund(
    call: Call, card: str | None, merchant: str | None, redemption: str | None, to_card: str | None, amount_minor: int,
    currency: Asset, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Give value back to the card that paid."""
    by_redemption = redemption is not None and card is None and merchant is None
    by_card = redemption is None and card is not None and merchant is not None
    if not (by_redemption or by_card):
        raise Fault(CliFault.REFUND_NAMES, command="koudai card refund")
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Refund(
            key=key, amount_minor=amount_minor, asset=currency.code,
            redemption=Place(*side.internal_id("gact", redemption)) if redemption else None,
            card=card_ref(side, card) if card else None,
            merchant_id=side.internal_id("mrch", merchant)[0] if merchant else None,
            to_card=card_ref(side, to_card) if to_card else None,
        ),
    )  # fmt: skip


@card.command("reverse", help=word("help.card_reverse"))
@click.option("--redemption-key", type=Key(), metavar="KEY", help=word("opt.redemption_key"))
@click.option("--redemption", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.redemption"))
@click.option("--reason", type=Text(500), metavar="TEXT", help=word("opt.why"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def reverse(
    call: Call, redemption_key: str | None, redemption: str | None, reason: str | None, issuer: str, mode: str,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Undo a redemption whose answer never arrived."""
    if (redemption_key is None) is (redemption is None):
        raise Fault(CliFault.REVERSE_NAMES, command="koudai card reverse")
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Reverse(
            key=key, redemption_key=redemption_key,
            redemption=Place(*side.internal_id("gact", redemption)) if redemption else None,
            reason=reason, made_by="command line",
        ),
    )  # fmt: skip


card.add_command(verb_of_card("block", word("help.card_block"), cards.Block))
card.add_command(verb_of_card("unblock", word("help.card_unblock"), cards.Unblock))


@card.command("show", help=word("help.card_show"))
@of_card
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, card: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show a card and what it holds."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            return card_object(side.instance.keyring, await found_card(tx, side, card), side.issuer.mode)

    found = call.run(work())
    if as_json:
        print_json(found)
    else:
        print_fields(fields(found))


@card.command("activities", help=word("help.card_activities"))
@of_card
@click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit"))
@click.option("--from", "begin", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.from"))
@at_issuer
@as_json
@click.pass_obj
def activities(call: Call, card: str, limit: int, begin: str | None, issuer: str, mode: str, as_json: bool) -> None:
    """Show what happened to a card, newest first."""

    async def work() -> tuple[list[dict[str, Any]], str | None]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            keyring = side.instance.keyring
            found = await found_card(tx, side, card)
            place = Place(*side.internal_id("gact", begin)) if begin else found.newest
            entries, following = await cards.activities_of_card(tx, side.book, found.id, place, limit)
            return [activity_object(keyring, e) for e in entries], (
                keyring.opaque_id("gact", *following) if following else None
            )

    entries, following = call.run(work())
    print_page(entries, _HISTORY, following, numbers=(2, 3), as_json=as_json)

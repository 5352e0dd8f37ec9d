"""`koudai card renew|reactivate|close|sweep|payouts`: how a card goes on, and how it ends."""

from datetime import datetime
from typing import Any

import click

from koudai import cards
from koudai.base import render_time
from koudai.cli.happen import card_ref, happen, verb_of_card
from koudai.cli.options import as_json, at_issuer, of_card, with_key
from koudai.cli.pages import print_page
from koudai.cli.render import fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields
from koudai.cli.session import opened_side
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import Moment, OneOf, Opaque, Text, Whole
from koudai.cli.words import word
from koudai.ledger import Place

_PAYOUTS = ("recorded_at", "gift_card_id", "amount_minor", "fee_minor", "paid_to", "account_ref", "identity_ref")


reactivate = verb_of_card("reactivate", word("help.card_reactivate"), cards.Reactivate)


@click.command("renew", cls=Command, help=word("help.card_renew"))
@of_card
@click.option("--expires-at", type=Moment(), metavar="TIME", help=word("opt.expires_at"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def renew(
    call: Call, card: str, expires_at: datetime | None, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:  # fmt: skip
    """Let a card last a further term, or its lots until a day."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Renew(key=key, card=card_ref(side, card), expires_at=expires_at),
    )  # fmt: skip


@click.command("close", cls=Command, help=word("help.card_close"))
@of_card
@click.option("--reason", type=Text(500), required=True, metavar="TEXT", help=word("opt.why"))
@click.option("--paid-to", type=OneOf(list(cards.PaidTo)), metavar="WHERE", help=word("opt.paid_to"))
@click.option("--account", type=Text(200), metavar="REF", help=word("opt.account_ref"))
@click.option("--identity", type=Text(200), metavar="REF", help=word("opt.identity_ref"))
@click.option("--buyer", type=Text(200), metavar="REF", help=word("opt.buyer_ref"))
@click.option("--bought-by-company", is_flag=True, help=word("opt.bought_by_company"))
@click.option("--partial", is_flag=True, help=word("opt.partial_close"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def close(
    call: Call, card: str, reason: str, paid_to: str | None, account: str | None, identity: str | None,
    buyer: str | None, bought_by_company: bool, partial: bool, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """A card ends, and what was paid for on it is paid out."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Close(
            key=key, card=card_ref(side, card), reason=reason, made_by="command line",
            paid_to=cards.PaidTo(paid_to) if paid_to else None, account_ref=account, identity_ref=identity,
            buyer_ref=buyer, bought_by_company=bought_by_company, partial=partial or None,
        ),
    )  # fmt: skip


@click.command("sweep", cls=Command, help=word("help.card_sweep"))
@at_issuer
@as_json
@click.pass_obj
def sweep(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Renew the cards that renew by themselves."""

    async def work() -> int:
        async with opened_side(issuer, mode) as side:
            return await cards.sweep_all(side.instance.db, side.book)

    told = {"renewed": call.run(work())}
    if as_json:
        print_json(told)
    else:
        print_fields(fields(told))


@click.command("payouts", cls=Command, help=word("help.card_payouts"))
@click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit"))
@click.option("--from", "begin", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.behind"))
@at_issuer
@as_json
@click.pass_obj
def payouts(call: Call, limit: int, begin: str | None, issuer: str, mode: str, as_json: bool) -> None:
    """Show the register of cards that were handed back."""

    async def work() -> tuple[list[dict[str, Any]], str | None]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            after = Place(*side.internal_id("gact", begin)) if begin else Place(0, 0)
            found = await cards.page_payouts(tx, side.book, after, limit + 1)
            keyring = side.instance.keyring
            shown: list[dict[str, Any]] = [
                {
                    "activity_id": keyring.opaque_id("gact", *one.place),
                    "gift_card_id": keyring.opaque_id("gftc", one.card_id),
                    "amount_minor": one.amount_minor,
                    "currency": one.asset,
                    "fee_minor": one.fee_minor,
                    "paid_to": one.paid_to,
                    "account_ref": one.account_ref,
                    "identity_ref": one.identity_ref,
                    "buyer_ref": one.buyer_ref,
                    "reason": one.reason,
                    "made_by": one.made_by,
                    "recorded_at": render_time(one.recorded_at),
                }
                for one in found[:limit]
            ]
            return shown, shown[-1]["activity_id"] if len(found) > limit else None

    rows, following = call.run(work())
    print_page(rows, _PAYOUTS, following, numbers=(2, 3), as_json=as_json)

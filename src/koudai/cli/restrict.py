"""`koudai card restrict`, `continue`, `lift`, `restrictions`, `lost`: what restricts a card."""

from datetime import datetime
from typing import Any

import click

from koudai import cards
from koudai.base import Asset, render_time
from koudai.cards import RestrictionKind
from koudai.cli.happen import card_ref, found_card, happen
from koudai.cli.options import as_json, at_issuer, of_card, with_key
from koudai.cli.render import cell
from koudai.cli.running import Call
from koudai.cli.screen import print_table
from koudai.cli.session import opened_side
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import Amount, Currency, Moment, OneOf, Opaque, Text
from koudai.cli.words import word
from koudai.identity import Keyring
from koudai.ledger import Place

_COLUMNS = ("position", "kind", "amount_minor", "effective_minor", "authority", "document", "until", "ended", "id")
_BY = "command line"

_under = click.option(
    "--as", "kind", type=OneOf(list(RestrictionKind)), required=True, metavar="KIND", help=word("opt.restriction_kind")
)
_authority = click.option("--authority", type=Text(500), default=None, metavar="NAME", help=word("opt.authority"))
_document = click.option("--document", type=Text(500), default=None, metavar="REF", help=word("opt.order"))


@click.command("restrict", cls=Command, help=word("help.card_restrict"))
@of_card
@_under
@_authority
@_document
@click.option("--amount-minor", type=Amount(), metavar="N", help=word("opt.restricted_minor"))
@click.option("--currency", type=Currency(), metavar="CODE", help=word("opt.currency"))
@click.option("--until", type=Moment(), metavar="TIME", help=word("opt.restricted_until"))
@click.option("--temporary", is_flag=True, help=word("opt.temporary"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def restrict(
    call: Call, card: str, kind: str, authority: str | None, document: str | None, amount_minor: int | None,
    currency: Asset | None, until: datetime | None, temporary: bool, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Put a restriction behind those that there are."""
    if amount_minor is not None and currency is None:
        raise click.MissingParameter(param_type="option", param_hint="--currency")
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Restrict(
            key=key, card=card_ref(side, card), kind=RestrictionKind(kind), authority=authority or "",
            document=document or "", amount_minor=amount_minor,
            asset=currency.code if currency and amount_minor is not None else None, until=until, temporary=temporary,
            made_by=_BY,
        ),
    )  # fmt: skip


@click.command("lift", cls=Command, help=word("help.card_lift"))
@of_card
@click.argument("restriction", type=Opaque("gact"))
@_under
@_authority
@_document
@at_issuer
@with_key
@as_json
@click.pass_obj
def lift(
    call: Call, card: str, restriction: str, kind: str, authority: str | None, document: str | None, issuer: str,
    mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """End a restriction."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Lift(
            key=key, card=card_ref(side, card), restriction=Place(*side.internal_id("gact", restriction)),
            kind=RestrictionKind(kind), authority=authority or "", document=document or "", made_by=_BY,
        ),
    )  # fmt: skip


@click.command("continue", cls=Command, help=word("help.card_continue"))
@of_card
@click.argument("restriction", type=Opaque("gact"))
@_under
@_authority
@_document
@click.option("--until", type=Moment(), metavar="TIME", help=word("opt.continued_until"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def go_on(
    call: Call, card: str, restriction: str, kind: str, authority: str | None, document: str | None,
    until: datetime | None, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Let a restriction last longer where it stands."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Continue(
            key=key, card=card_ref(side, card), restriction=Place(*side.internal_id("gact", restriction)),
            kind=RestrictionKind(kind), authority=authority or "", document=document or "", until=until, made_by=_BY,
        ),
    )  # fmt: skip


@click.command("lost", cls=Command, help=word("help.card_lost"))
@of_card
@_document
@at_issuer
@with_key
@as_json
@click.pass_obj
def lost(
    call: Call, card: str, document: str | None, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:  # fmt: skip
    """Stop a card that its holder lost."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.ReportLoss(
            key=key, card=card_ref(side, card), document=document or "", made_by=_BY
        ),
    )  # fmt: skip


@click.command("restrictions", cls=Command, help=word("help.card_restrictions"))
@of_card
@at_issuer
@as_json
@click.pass_obj
def restrictions(call: Call, card: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show what restricts a card, in the order of its queue, and what did."""

    async def work() -> list[dict[str, Any]]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            found = await found_card(tx, side, card)
            queue = await cards.restrictions_of_card(tx, side.book, found.id) or []
            return [_object(side.instance.keyring, one, found.asset) for one in queue]

    rows = call.run(work())
    if as_json:
        print_json({"data": rows})
    else:
        headings = [word(f"head.{name}") for name in _COLUMNS]
        print_table(headings, ([cell(row, name) for name in _COLUMNS] for row in rows), numbers=(0, 2, 3))


def _object(keyring: Keyring, queued: cards.Queued, asset: str) -> dict[str, Any]:
    one = queued.restriction
    return {
        "id": keyring.opaque_id("gact", *one.place),
        "gift_card_id": keyring.opaque_id("gftc", one.card_id),
        "kind": str(one.kind),
        "authority": one.authority,
        "document": one.document,
        "amount_minor": one.amount_minor,
        "currency": asset,
        "until": render_time(one.until) if one.until else None,
        "temporary": one.temporary,
        "made_by": one.made_by,
        "made_at": render_time(queued.made_at),
        "position": queued.position,
        "effective_minor": queued.effective_minor,
        "ended": str(queued.ended) if queued.ended else None,
        "ended_at": render_time(queued.ended_at) if queued.ended_at else None,
        "lifted_as": str(queued.lifted_kind) if queued.lifted_kind else None,
        "lifted_authority": queued.lifted_authority,
        "lifted_document": queued.lifted_document,
        "lifted_by": queued.lifted_by,
        "continued": [
            {
                "id": keyring.opaque_id("gact", *one.place),
                "until": render_time(one.until) if one.until else None,
                "until_before": render_time(one.until_before),
                "document": one.document,
                "document_before": one.document_before,
                "made_by": one.made_by,
                "made_at": render_time(one.made_at),
            }
            for one in queued.continued
        ],
    }

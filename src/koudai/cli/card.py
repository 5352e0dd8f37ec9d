"""`koudai card`: everything that happens to a card, and what it holds."""

from collections.abc import Callable
from typing import Any

import click

from koudai import cards
from koudai.base import Asset, Fault, Refused
from koudai.cli.codes import CliFault
from koudai.cli.issue import issue
from koudai.cli.options import as_json, at_issuer, of_card, with_amount, with_key
from koudai.cli.render import activity_object, card_object, cell, fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import CardName, Key, OneOf, Opaque, Whole
from koudai.cli.words import word
from koudai.ledger import Place
from koudai.pg import Tx

_HISTORY = ("recorded_at", "type", "amount_minor", "balance_minor", "merchant_id", "id")

card = Group("card", help=word("help.card"), no_args_is_help=True)
card.add_command(issue)


def _card_ref(side: Side, name: str) -> cards.CardRef:
    """A card by its id or by the hash of its number."""
    if not name.startswith("gftc_"):
        return side.instance.keyring.lookup_hash(name)
    return side.internal_id("gftc", name)[0]


def _happen(
    call: Call, issuer: str, mode: str, key: str | None, *, as_json: bool, command: Callable[[Side, str], cards.Command]
) -> None:  # fmt: skip
    """Run one command on a card and show the entry that it made."""
    key = key_or_new(key)

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            wanted = command(side, key)
            (outcome,) = await side.instance.db.transact(lambda tx: cards.run(tx, side.book, [wanted]))
            if isinstance(outcome, Refused):
                raise as_fault(outcome, idempotency_key=key)
            return activity_object(side.instance.keyring, outcome)

    made = call.run(work())
    if as_json:
        print_json({**made, "idempotency_key": key})
    else:
        print_fields(fields(made))


@card.command("activate", help=word("help.card_activate"))
@of_card
@at_issuer
@with_key
@as_json
@click.pass_obj
def activate(call: Call, card: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """PENDING → ACTIVE."""
    _happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Activate(key=key, card=_card_ref(side, card)),
    )  # fmt: skip


@card.command("load", help=word("help.card_load"))
@of_card
@with_amount
@click.option(
    "--source", type=OneOf(list(cards.FundingSource)), required=True, metavar="SOURCE", help=word("opt.source")
)
@at_issuer
@with_key
@as_json
@click.pass_obj
def load(
    call: Call, card: str, amount_minor: int, currency: Asset, source: str, issuer: str, mode: str,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Put value on a card."""
    _happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Load(
            key=key, card=_card_ref(side, card), amount_minor=amount_minor, asset=currency.code,
            source=cards.FundingSource(source),
        ),
    )  # fmt: skip


@card.command("redeem", help=word("help.card_redeem"))
@of_card
@click.option("--merchant", type=Opaque("mrch"), required=True, metavar="MERCHANT", help=word("opt.merchant"))
@with_amount
@click.option("--partial", is_flag=True, help=word("opt.partial"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def redeem(
    call: Call, card: str, merchant: str, amount_minor: int, currency: Asset, partial: bool, issuer: str, mode: str,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Pay a merchant."""
    _happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Redeem(
            key=key, card=_card_ref(side, card), merchant_id=side.internal_id("mrch", merchant)[0],
            amount_minor=amount_minor, asset=currency.code, partial=partial,
        ),
    )  # fmt: skip


@card.command("refund", help=word("help.card_refund"))
@click.argument("card", type=CardName(), required=False)
@click.option("--merchant", type=Opaque("mrch"), metavar="MERCHANT", help=word("opt.merchant"))
@click.option("--redemption", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.redemption"))
@with_amount
@at_issuer
@with_key
@as_json
@click.pass_obj
def refund(
    call: Call, card: str | None, merchant: str | None, redemption: str | None, amount_minor: int, currency: Asset,
    issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Give value back to the card that paid."""
    by_redemption = redemption is not None and card is None and merchant is None
    by_card = redemption is None and card is not None and merchant is not None
    if not (by_redemption or by_card):
        raise Fault(CliFault.REFUND_NAMES, command="koudai card refund")
    _happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Refund(
            key=key, amount_minor=amount_minor, asset=currency.code,
            redemption=Place(*side.internal_id("gact", redemption)) if redemption else None,
            card=_card_ref(side, card) if card else None,
            merchant_id=side.internal_id("mrch", merchant)[0] if merchant else None,
        ),
    )  # fmt: skip


@card.command("reverse", help=word("help.card_reverse"))
@click.option("--redemption-key", type=Key(), metavar="KEY", help=word("opt.redemption_key"))
@click.option("--redemption", type=Opaque("gact"), metavar="ACTIVITY", help=word("opt.redemption"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def reverse(
    call: Call, redemption_key: str | None, redemption: str | None, issuer: str, mode: str, key: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Undo a redemption whose answer never arrived."""
    if (redemption_key is None) is (redemption is None):
        raise Fault(CliFault.REVERSE_NAMES, command="koudai card reverse")
    _happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Reverse(
            key=key, redemption_key=redemption_key,
            redemption=Place(*side.internal_id("gact", redemption)) if redemption else None,
        ),
    )  # fmt: skip


@card.command("block", help=word("help.card_block"))
@of_card
@at_issuer
@with_key
@as_json
@click.pass_obj
def block(call: Call, card: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """ACTIVE → BLOCKED."""
    _happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Block(key=key, card=_card_ref(side, card)),
    )  # fmt: skip


@card.command("unblock", help=word("help.card_unblock"))
@of_card
@at_issuer
@with_key
@as_json
@click.pass_obj
def unblock(call: Call, card: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """BLOCKED → ACTIVE."""
    _happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.Unblock(key=key, card=_card_ref(side, card)),
    )  # fmt: skip


async def _found(tx: Tx, side: Side, name: str) -> cards.Card:
    """A card by its id or number; raises the fault of an unknown card."""
    ref = _card_ref(side, name)
    if isinstance(ref, bytes):
        found = await cards.card_by_number(tx, side.book, ref)
    else:
        found = (await cards.cards_by_id(tx, side.book, [ref])).get(ref)
    if found is None:
        raise as_fault(Refused(cards.CardRefusal.UNKNOWN_CARD))
    return found


@card.command("show", help=word("help.card_show"))
@of_card
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, card: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show a card and what it holds."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            return card_object(side.instance.keyring, await _found(tx, side, card), side.issuer.mode)

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
            found = await _found(tx, side, card)
            place = Place(*side.internal_id("gact", begin)) if begin else found.newest
            entries, following = await cards.activities_of_card(tx, side.book, found.id, place, limit)
            return [activity_object(keyring, e) for e in entries], (
                keyring.opaque_id("gact", *following) if following else None
            )

    entries, following = call.run(work())
    if as_json:
        print_json({"data": entries, "next": following})
        return
    headings = [word(f"head.{name}") for name in _HISTORY]
    print_table(headings, ([cell(e, name) for name in _HISTORY] for e in entries), numbers=(2, 3))
    if following:
        note(word("say.more_from", id=following))

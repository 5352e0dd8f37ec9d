"""`koudai gift`: cards that are given, claimed, and taken back."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from koudai import cards
from koudai.base import Refused, render_time
from koudai.cli.happen import card_ref, happen, make_cards
from koudai.cli.options import as_json, at_issuer, of_card, with_device, with_key
from koudai.cli.pages import print_page
from koudai.cli.render import fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields
from koudai.cli.secret import is_png, write_picture
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, print_json
from koudai.cli.tree import Group
from koudai.cli.values import Moment, Opaque, Picture, Text, Whole
from koudai.cli.words import word
from koudai.ledger import Place

gift = Group("gift", help=word("help.gift"), no_args_is_help=True)

_LISTED = ("id", "gift_card_id", "state", "identity", "to_ref", "deliver_at", "claim_until")

_of_gift = click.argument("gift", type=Opaque("gift"), metavar="GIFT")


def _place(side: Side, gift: str) -> Place:
    return Place(*side.internal_id("gift", gift))


def _shown(side: Side, found: cards.Gift, token: str | None = None) -> dict[str, Any]:
    """A gift as its giver sees it; its token and the end of its link where they are told."""
    keyring = side.instance.keyring
    gift_id = keyring.opaque_id("gift", *found.place)
    told = {
        "id": gift_id,
        "gift_card_id": keyring.opaque_id("gftc", found.card_id),
        "state": str(found.state),
        "identity": found.identity,
        "to_ref": found.to_ref,
        "greeting": found.words.greeting,
        "from_name": found.words.from_name,
        "face": found.face,
        "deliver_at": None if found.deliver_at is None else render_time(found.deliver_at),
        "claim_until": render_time(found.claim_until),
    }
    return told if token is None else {**told, "token": token, "path": cards.gift_path(gift_id, token)}


def _print(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        link = {"link": told.get("link", told["path"])} if "path" in told else {}
        print_fields(fields({name: told[name] for name in told if name not in ("path", "idempotency_key")} | link))


@gift.command("give", help=word("help.gift_give"))
@of_card
@click.option("--to", "to_ref", type=Text(200), metavar="REF", help=word("opt.gift_to"))
@click.option("--greeting", type=Text(200), metavar="TEXT", help=word("opt.greeting"))
@click.option("--from", "from_name", type=Text(200), metavar="NAME", help=word("opt.gift_from"))
@click.option("--face", type=Text(200), metavar="WORD", help=word("opt.face"))
@click.option("--deliver-at", type=Moment(), metavar="TIME", help=word("opt.deliver_at"))
@click.option("--link-base", type=Text(500), metavar="URL", help=word("opt.link_base"))
@click.option("--qr", type=Picture(), metavar="FILE", help=word("opt.qr"))
@with_device
@at_issuer
@with_key
@as_json
@click.pass_obj
def give(
    call: Call, card: str, to_ref: str | None, greeting: str | None, from_name: str | None, face: str | None,
    deliver_at: datetime | None, link_base: str | None, qr: Path | None, device: str | None, issuer: str, mode: str,
    key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Offer a card, and show its link."""
    from koudai.cards.secrets import pictures  # noqa: PLC0415  what draws them is loaded when a gift is made

    key = key_or_new(key)
    words = cards.Words(greeting, from_name) if greeting or from_name else None

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            wish = cards.GiveGift(
                key=key, card=card_ref(side, card), to_ref=to_ref, words=words, face=face, deliver_at=deliver_at,
                device=device,
            )  # fmt: skip
            keyring, vault = side.instance.keyring, side.instance.vault
            (made,) = await side.instance.db.transact(lambda tx: cards.run(tx, side.book, [wish], keyring, vault))
            if isinstance(made, Refused):
                raise as_fault(made, idempotency_key=key)
            return {**_shown(side, made.gift, made.token), "idempotency_key": key}

    told = call.run(work())
    if "path" in told:
        link = told["link"] = f"{link_base or ''}{told['path']}"
        if qr is not None:
            write_picture(qr, "--qr", pictures.qr_png(link) if is_png(qr) else pictures.qr_svg(link).encode())
    _print(told, as_json=as_json)


@gift.command("show", help=word("help.gift_show"))
@_of_gift
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, gift: str, issuer: str, mode: str, as_json: bool) -> None:
    """Show a gift to its giver."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:
            place, vault = _place(side, gift), side.instance.vault
            found = await side.instance.db.transact(lambda tx: cards.find_gifts(tx, side.book, [place], vault))
            if place not in found:
                raise as_fault(Refused(cards.CardRefusal.UNKNOWN_GIFT))
            return _shown(side, found[place])

    _print(call.run(work()), as_json=as_json)


@gift.command("list", help=word("help.gift_list"))
@click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit"))
@click.option("--from", "begin", type=Opaque("gift"), metavar="GIFT", help=word("opt.behind_gift"))
@at_issuer
@as_json
@click.pass_obj
def list_all(call: Call, limit: int, begin: str | None, issuer: str, mode: str, as_json: bool) -> None:
    """Show gifts to their givers, oldest first."""

    async def work() -> tuple[list[dict[str, Any]], str | None]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            after = _place(side, begin) if begin else Place(0, 0)
            found = await cards.page_gifts(tx, side.book, after, limit + 1, side.instance.vault)
            shown = [_shown(side, one) for one in found[:limit]]
            return shown, shown[-1]["id"] if len(found) > limit else None

    rows, following = call.run(work())
    print_page(rows, _LISTED, following, as_json=as_json)


@gift.command("claim", help=word("help.gift_claim"))
@_of_gift
@click.option("--token", type=Text(200), required=True, metavar="TOKEN", help=word("opt.gift_token"))
@click.option("--holder", type=Text(200), metavar="REF", help=word("opt.gift_holder"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def claim(
    call: Call, gift: str, token: str, holder: str | None, issuer: str, mode: str, key: str | None, as_json: bool
) -> None:  # fmt: skip
    """Claim a gift, and show the new card."""
    given = sys.stdin.readline(200).strip() if token == "-" else token  # noqa: S105
    made = make_cards(
        call, issuer, mode, key,
        lambda side, key: cards.ClaimGift(
            key=key, gift=_place(side, gift), token_hash=cards.token_hash(side.instance.keyring, given),
            holder_ref=holder,
        ),
    )  # fmt: skip
    (new,) = made["gift_cards"]
    told = {**new, "idempotency_key": made["idempotency_key"]}
    # Of the giver's card who claims learns nothing.
    _print({name: told[name] for name in told if name not in ("parent_id", "root_id")}, as_json=as_json)


@gift.command("withdraw", help=word("help.gift_withdraw"))
@_of_gift
@at_issuer
@with_key
@as_json
@click.pass_obj
def withdraw(call: Call, gift: str, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """Take a gift back."""
    happen(
        call, issuer, mode, key, as_json=as_json,
        command=lambda side, key: cards.WithdrawGift(key=key, gift=_place(side, gift)),
    )  # fmt: skip


@gift.command("sweep", help=word("help.gift_sweep"))
@at_issuer
@as_json
@click.pass_obj
def sweep(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Enter that gifts went back, and forget what was written to those that have ended."""

    async def work() -> tuple[int, int]:
        async with opened_side(issuer, mode) as side:
            db, now = side.instance.db, side.instance.clock.now()
            returned = forgotten = 0
            while some := await db.transact(lambda tx: cards.return_due_gifts(tx, side.book)):
                returned += some
            while some := await db.transact(lambda tx: cards.forget_words(tx, now)):
                forgotten += some
            return returned, forgotten

    returned, forgotten = call.run(work())
    if as_json:
        print_json({"returned": returned, "words_forgotten": forgotten})
    else:
        print(word("say.gifts_returned", count=str(returned)))
        print(word("say.words_forgotten", count=str(forgotten)))

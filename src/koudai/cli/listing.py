"""`koudai card list`, `family`: cards of a side, and those that come from one root, page by page."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click

from koudai import cards
from koudai.base import Refused
from koudai.cli.happen import found_card
from koudai.cli.options import as_json, at_issuer, of_card
from koudai.cli.pages import print_page
from koudai.cli.render import card_object
from koudai.cli.running import Call
from koudai.cli.session import Side, opened_side
from koudai.cli.speak import as_fault
from koudai.cli.tree import Command
from koudai.cli.values import Opaque, Whole
from koudai.cli.words import word
from koudai.pg import Tx

_LISTED = ("id", "last4", "state", "balance", "available_minor", "holder_ref", "expires_at")
_FAMILY = ("id", "state", "balance", "available_minor", "parent_id")

Page = Callable[[Tx, Side, int, int], Awaitable[list[cards.Card]]]
"""The next so many cards behind an id."""


def _paged(verb: Callable[..., None]) -> Callable[..., None]:
    for option in (
        as_json,
        at_issuer,
        click.option("--from", "begin", type=Opaque("gftc"), metavar="CARD", help=word("opt.behind_card")),
        click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit")),
    ):
        verb = option(verb)
    return verb


@click.command("list", cls=Command, help=word("help.card_list"))
@_paged
@click.pass_obj
def list_all(call: Call, limit: int, begin: str | None, issuer: str, mode: str, as_json: bool) -> None:
    """Show the cards of an issuer's side, oldest first."""

    async def page(tx: Tx, side: Side, after: int, wanted: int) -> list[cards.Card]:
        return await cards.page_cards(tx, side.book, after, wanted)

    _show(call, issuer, mode, page, begin, limit, _LISTED, as_json=as_json)


@click.command("family", cls=Command, help=word("help.card_family"))
@of_card
@_paged
@click.pass_obj
def family(call: Call, card: str, limit: int, begin: str | None, issuer: str, mode: str, as_json: bool) -> None:
    """Show the cards that come by splits from the root of a card."""

    async def page(tx: Tx, side: Side, after: int, wanted: int) -> list[cards.Card]:
        one = await found_card(tx, side, card)
        found = await cards.page_family(tx, side.book, one.id, after, wanted)
        if found is None:
            raise as_fault(Refused(cards.CardRefusal.UNKNOWN_CARD))
        return found

    _show(call, issuer, mode, page, begin, limit, _FAMILY, as_json=as_json)


def _show(
    call: Call, issuer: str, mode: str, page: Page, begin: str | None, limit: int, columns: Sequence[str], *,
    as_json: bool,
) -> None:  # fmt: skip
    """Print a page of cards, and where the next one begins."""

    async def work() -> tuple[list[dict[str, Any]], str | None]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            after = side.internal_id("gftc", begin)[0] if begin else 0
            found = await page(tx, side, after, limit + 1)
            told = [card_object(side.instance.keyring, one, side.issuer.mode) for one in found[:limit]]
            return told, told[-1]["id"] if len(found) > limit else None

    told, following = call.run(work())
    sums = [n for n, name in enumerate(columns) if name in ("balance", "available_minor")]
    print_page(told, columns, following, numbers=sums, as_json=as_json)

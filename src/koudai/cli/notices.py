"""`koudai notices`: of what holders are due to be reminded, for who sends it."""

from collections.abc import Sequence
from typing import Any

import click

from koudai import cards
from koudai.base import Refused, render_time
from koudai.cli.options import as_json, at_issuer, with_key
from koudai.cli.render import cell
from koudai.cli.running import Call
from koudai.cli.screen import print_table
from koudai.cli.session import key_or_new, opened_side
from koudai.cli.speak import as_fault, note, print_json
from koudai.cli.tree import Group
from koudai.cli.values import Opaque, Whole
from koudai.cli.words import word
from koudai.identity import Keyring

_COLUMNS = ("gift_card_id", "holder_ref", "last4", "notice", "days", "of", "balance")

notices = Group("notices", help=word("help.notices"), no_args_is_help=True)


@notices.command("due", help=word("help.notices_due"))
@click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit"))
@click.option("--after", type=Opaque("gftc"), metavar="CARD", help=word("opt.after_card"))
@at_issuer
@as_json
@click.pass_obj
def due(call: Call, limit: int, after: str | None, issuer: str, mode: str, as_json: bool) -> None:
    """Show what is due."""

    async def work() -> tuple[list[dict[str, Any]], str | None]:
        async with opened_side(issuer, mode) as side, side.instance.db.transaction(snapshot=True) as tx:
            begin = side.internal_id("gftc", after)[0] if after else 0
            page = await cards.due_notices(tx, side.book, begin, limit)
            keyring, following = side.instance.keyring, page.next_after
            more = None if following is None else keyring.opaque_id("gftc", following)
            return _objects(keyring, page.notices), more

    rows, following = call.run(work())
    if as_json:
        print_json({"data": rows, "next": following})
        return
    _print(rows)
    if following:
        note(word("say.more_after", cursor=following))


@notices.command("take", help=word("help.notices_take"))
@click.option("--limit", type=Whole(1, 1000), default=100, metavar="N", help=word("opt.limit"))
@at_issuer
@with_key
@as_json
@click.pass_obj
def take(call: Call, limit: int, issuer: str, mode: str, key: str | None, as_json: bool) -> None:
    """Take what is due, to send it."""
    key = key_or_new(key)

    async def work() -> list[dict[str, Any]]:
        async with opened_side(issuer, mode) as side:
            taken = await side.instance.db.transact(lambda tx: cards.take_notices(tx, side.book, key, limit))
            if isinstance(taken, Refused):
                raise as_fault(taken, idempotency_key=key)
            return _objects(side.instance.keyring, taken)

    rows = call.run(work())
    if as_json:
        print_json({"data": rows, "idempotency_key": key})
    else:
        _print(rows)


def _objects(keyring: Keyring, found: Sequence[cards.DueNotice]) -> list[dict[str, Any]]:
    return [
        {
            "gift_card_id": keyring.opaque_id("gftc", one.card_id),
            "holder_ref": one.holder_ref,
            "last4": one.last4,
            "notice": str(one.notice.kind),
            "days": one.notice.days,
            "of": render_time(one.notice.of),
            "balance": {"amount_minor": one.balance_minor, "currency": one.asset},
        }
        for one in found
    ]


def _print(rows: Sequence[dict[str, Any]]) -> None:
    print_table(
        [word(f"head.{name}") for name in _COLUMNS], ([cell(row, name) for name in _COLUMNS] for row in rows),
        numbers=(4,),
    )  # fmt: skip

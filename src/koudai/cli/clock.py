"""`koudai clock`: the time of an issuer's test side, moved forward by hand; a live side has none."""

from datetime import datetime, timedelta
from typing import Any

import click

from koudai import identity
from koudai.base import Fault, render_time
from koudai.cli.codes import CliFault
from koudai.cli.options import as_json, at_issuer
from koudai.cli.render import fields
from koudai.cli.running import Call
from koudai.cli.screen import print_fields
from koudai.cli.session import opened_side
from koudai.cli.speak import print_json
from koudai.cli.tree import Group
from koudai.cli.values import Duration, Moment
from koudai.cli.words import word
from koudai.pg import Tx

clock = Group("clock", help=word("help.clock"), no_args_is_help=True)


@clock.command("show", help=word("help.clock_show"))
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show the time of a test side."""
    _tell(call, issuer, mode, None, None, as_json=as_json)


@clock.command("advance", help=word("help.clock_advance"))
@click.option("--to", type=Moment(), metavar="TIME", help=word("opt.to"))
@click.option("--by", "by_s", type=Duration(366_000), metavar="DURATION", help=word("opt.by"))
@at_issuer
@as_json
@click.pass_obj
def advance(call: Call, to: datetime | None, by_s: int | None, issuer: str, mode: str, as_json: bool) -> None:
    """Move the time of a test side forward."""
    if (to is None) is (by_s is None):
        raise Fault(CliFault.CLOCK_NAMES, command="koudai clock advance")
    _tell(call, issuer, mode, to, by_s, as_json=as_json)


def _tell(call: Call, issuer: str, mode: str, to: datetime | None, by_s: int | None, *, as_json: bool) -> None:
    """Move the clock where that is asked, and show it."""

    async def work() -> dict[str, Any]:
        async with opened_side(issuer, mode) as side:

            async def move(tx: Tx) -> datetime:
                now = await identity.read_clock(tx, side.book)
                if to is None and by_s is None:
                    return now
                return await identity.advance_clock(tx, side.book, to or now + timedelta(seconds=by_s or 0))

            now = await side.instance.db.transact(move)
            return {"issuer": side.issuer.name, "mode": mode, "now_at": render_time(now)}

    told = call.run(work())
    if as_json:
        print_json(told)
    else:
        print_fields(fields(told))

"""`koudai ledger statement|tainted|close|alarms|clear-alarm`: keeping the books, as their keeper does."""

from dataclasses import asdict
from datetime import datetime

import click

from koudai import ledger
from koudai.base import Fault, render_time
from koudai.cli.ledger import account_number, cursor_place, read_books, show_page
from koudai.cli.options import as_json, at_issuer
from koudai.cli.render import cell
from koudai.cli.running import Call
from koudai.cli.screen import print_fields, print_table
from koudai.cli.session import Side, opened, opened_side
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import AccountName, Moment, OneOf, Opaque, Text, Whole
from koudai.cli.words import word
from koudai.ledger import LedgerRefusal
from koudai.pg import Tx

_LINES = ("event_at", "entry", "kind", "amount_minor", "other_account")


@click.command("statement", cls=Command, help=word("help.statement"))
@click.argument("account", type=AccountName())
@click.option("--since", type=Moment(), metavar="TIME", help=word("opt.since"))
@click.option("--until", type=Moment(), metavar="TIME", help=word("opt.until"))
@click.option("--after", type=Opaque("cur"), metavar="CURSOR", help=word("opt.after"))
@click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit"))
@at_issuer
@as_json
@click.pass_obj
def statement(
    call: Call, account: str, since: datetime | None, until: datetime | None, after: str | None, limit: int,
    issuer: str, mode: str, as_json: bool,
) -> None:  # fmt: skip
    """List what moved an account between two moments."""

    async def work(side: Side, tx: Tx) -> tuple[list[dict[str, object]], str | None]:
        number = await account_number(side, tx, account)
        known = await ledger.balance_at(tx, side.book, number)
        if not isinstance(known, ledger.BalanceAt):
            raise Fault(LedgerRefusal.UNKNOWN_ACCOUNT, account=account)
        place = cursor_place(side, after)
        lines = await ledger.statement(tx, side.book, number, since, until, place, limit + 1)
        more = len(lines) > limit
        cursor = side.instance.keyring.opaque_id("cur", *lines[limit - 1].place) if more else None
        return [_line(line, known.asset) for line in lines[:limit]], cursor

    rows, cursor = call.run(read_books(issuer, mode, work))
    show_page(rows, cursor, _LINES, (3, 4), as_json=as_json)


def _line(line: ledger.Line, currency: str) -> dict[str, object]:
    return {
        "batch_id": line.place.batch_id,
        "ordinal": line.place.ordinal,
        "entry": f"{line.place.batch_id}/{line.entry}",
        "other_account": line.other_account,
        "lot": line.lot,
        "amount_minor": line.amount_minor,
        "currency": currency,
        "kind": line.kind,
        "event_at": render_time(line.event_at),
        "recorded_at": render_time(line.recorded_at),
    }


@click.command("tainted", cls=Command, help=word("help.tainted"))
@click.argument("account", type=AccountName())
@click.option(
    "--source", type=OneOf(list(ledger.FundingSource)), required=True, metavar="SOURCE", help=word("opt.source")
)
@click.option("--since", type=Moment(), required=True, metavar="TIME", help=word("opt.funded_since"))
@at_issuer
@as_json
@click.pass_obj
def tainted(call: Call, account: str, source: str, since: datetime, issuer: str, mode: str, as_json: bool) -> None:
    """Tell how much of what an account holds came from a source, through every split and gift."""

    async def work(side: Side, tx: Tx) -> dict[str, object]:
        number = await account_number(side, tx, account)
        known = await ledger.balance_at(tx, side.book, number)
        if not isinstance(known, ledger.BalanceAt):
            raise Fault(LedgerRefusal.UNKNOWN_ACCOUNT, account=account)
        found = await ledger.tainted(tx, [number], source, since)
        return {
            "account": number,
            "source": source,
            "amount_minor": found.get(number, 0),
            "balance_minor": known.balance_minor,
            "currency": known.asset,
        }

    found = call.run(read_books(issuer, mode, work))
    if as_json:
        print_json({**found, "since": render_time(since)})
    else:
        print_fields((name, cell(found, name)) for name in ("account", "source", "amount_minor", "balance_minor"))


@click.command("close", cls=Command, help=word("help.close"))
@click.argument("before", type=Moment(), metavar="TIME")
@click.option("--by", type=Text(), required=True, metavar="NAME", help=word("opt.keeper"))
@at_issuer
@as_json
@click.pass_obj
def close(call: Call, before: datetime, by: str, issuer: str, mode: str, as_json: bool) -> None:
    """Close the books up to a moment, for ever."""

    async def work() -> bool:
        async with opened_side(issuer, mode) as side:
            return await side.instance.db.transact(lambda tx: ledger.close_period(tx, side.book, before, by))

    closed = call.run(work())
    if as_json:
        print_json({"closed_before": render_time(before), "closed_now": closed})
    else:
        print(word("say.closed", before=render_time(before)) if closed else word("say.closed_already"))


@click.command("alarms", cls=Command, help=word("help.alarms"))
@as_json
@click.pass_obj
def alarms(call: Call, as_json: bool) -> None:
    """List what verifications found and nobody has looked into."""

    async def work() -> list[ledger.Alarm]:
        async with opened(connections=1) as instance:
            return await instance.db.transact(ledger.open_alarms)

    found = [{**asdict(one), "raised_at": render_time(one.raised_at)} for one in call.run(work())]
    if as_json:
        print_json({"data": found, "next_cursor": None})
        return
    columns = ("id", "raised_at", "check", "found", "first_row")
    print_table([word(f"head.{name}") for name in columns], ([str(one[n]) for n in columns] for one in found))


@click.command("clear-alarm", cls=Command, help=word("help.clear-alarm"))
@click.argument("alarm", type=Whole(1, 2**63 - 1), metavar="ID")
@click.option("--by", type=Text(), required=True, metavar="NAME", help=word("opt.keeper"))
@click.option("--reason", type=Text(), required=True, metavar="TEXT", help=word("opt.why"))
@as_json
@click.pass_obj
def clear_alarm(call: Call, alarm: int, by: str, reason: str, as_json: bool) -> None:
    """Say why an alarm is over, so that payouts go on."""

    async def work() -> bool:
        async with opened(connections=1) as instance:
            return await instance.db.transact(lambda tx: ledger.clear_alarm(tx, alarm, by, reason))

    if not call.run(work()):
        raise Fault(LedgerRefusal.UNKNOWN_ALARM, alarm=alarm)
    if as_json:
        print_json({"cleared": alarm})
    else:
        print(word("say.alarm_cleared", alarm=str(alarm)))


@click.command("roll", cls=Command, help=word("help.roll"))
@as_json
@click.pass_obj
def roll(call: Call, as_json: bool) -> None:
    """Begin a new partition of transfers, and index those that were left."""

    async def work() -> tuple[int, int]:
        async with opened(connections=1) as instance:
            left = await instance.db.transact(ledger.roll)
            return left, await instance.db.transact(ledger.index_partitions)

    left, indexed = call.run(work())
    if as_json:
        print_json({"left": left, "indexed": indexed})
    else:
        print(word("say.rolled", left=str(left), indexed=str(indexed)))

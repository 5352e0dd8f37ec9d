"""`koudai policy issuer | pilot | enforce | warn | enforced | log`: a book's standing under the law."""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import click

from koudai import cards, programmes
from koudai.base import Refused, render_time
from koudai.cli.launching import on_programme
from koudai.cli.ledger import cursor_place, read_books
from koudai.cli.options import as_json, at_issuer, with_key
from koudai.cli.running import Call
from koudai.cli.screen import money, print_fields, print_table
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, note, print_json
from koudai.cli.tree import Command, Group
from koudai.cli.values import Amount, Day, Moment, OneOf, Opaque, Text, Whole
from koudai.cli.words import word
from koudai.ledger import Place, time_of_book
from koudai.pg import Tx
from koudai.programmes import Enforce, IssuerClass, OpenedPilot, OpenPilot, Sector, StateIssuer

Object = dict[str, Any]

_PILOTS = ("programme_id", "name", "opens", "used_minor", "cap_minor", "holders", "cap_holders", "until", "has_ended")
_DECISIONS = ("clause", "refuses", "reason", "decided_by", "decided_at")
_LOG = ("recorded_at", "activity_id", "gift_card_id", "point", "noted", "pilots")
_STATED = ("stated_at", "stated_by", "issuer_class", "sector", "founded_on", "began_on")

_by = click.option("--by", type=Text(), required=True, metavar="NAME", help=word("opt.keeper"))
_reason = click.option("--reason", type=Text(1000), required=True, metavar="TEXT", help=word("opt.why"))

issuer = Group("issuer", help=word("help.issuer"), no_args_is_help=True)
pilot = Group("pilot", help=word("help.pilot"), no_args_is_help=True)


def _fields(told: Object, currency: str | None = None) -> list[tuple[str, str]]:
    return [(name, _cell(value, name, currency)) for name, value in told.items() if value not in (None, "")]


def _cell(value: Any, name: str, currency: str | None) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name.endswith("_minor"):
        return money(value, currency) if currency else f"{value:,}"
    return "" if value is None else str(value)


def _print_rows(columns: Sequence[str], rows: Sequence[Object]) -> None:
    if rows:
        cells = ([_cell(row[name], name, row.get("currency")) for name in columns] for row in rows)
        print_table([word(f"head.{name}") for name in columns], cells)


@issuer.command("state", help=word("help.issuer_state"))
@click.option("--class", "issuer_class", type=OneOf(list(IssuerClass)), required=True, metavar="CLASS",
              help=word("opt.issuer_class"))  # fmt: skip
@click.option("--sector", type=OneOf(list(Sector)), required=True, metavar="SECTOR", help=word("opt.sector"))
@click.option("--founded-on", type=Day(), required=True, metavar="DAY", help=word("opt.founded_on"))
@click.option("--began-on", type=Day(), required=True, metavar="DAY", help=word("opt.began_on"))
@click.option("--revenue-minor", type=Amount(), metavar="N", help=word("opt.revenue_minor"))
@click.option("--capital-minor", type=Amount(), metavar="N", help=word("opt.capital_minor"))
@click.option("--no-refund", is_flag=True, help=word("opt.no_refund"))
@click.option("--no-passing", is_flag=True, help=word("opt.no_passing"))
@click.option("--no-reissue", is_flag=True, help=word("opt.no_reissue"))
@click.option("--sales-stopped", is_flag=True, help=word("opt.sales_stopped"))
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def state(
    call: Call, issuer_class: str, sector: str, founded_on: date, began_on: date, revenue_minor: int | None,
    capital_minor: int | None, no_refund: bool, no_passing: bool, no_reissue: bool, sales_stopped: bool, by: str,
    issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """State what an issuer is to the law."""
    key = key_or_new(key)
    wish = StateIssuer(
        key, IssuerClass(issuer_class), Sector(sector), founded_on, began_on, by, revenue_minor, capital_minor,
        no_refund, no_passing, no_reissue, sales_stopped,
    )  # fmt: skip

    async def work() -> Object:
        async with opened_side(issuer, mode) as side:
            (made,) = await side.instance.db.transact(lambda tx: programmes.state_issuers(tx, side.book, [wish]))
            return _statement_object(_made(made, key))

    _tell(call.run(work()), key, as_json=as_json)


@issuer.command("show", help=word("help.issuer_show"))
@at_issuer
@as_json
@click.pass_obj
def show(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show what an issuer was stated to be."""

    async def work(side: Side, tx: Tx) -> list[Object]:
        return [_statement_object(one) for one in await programmes.issuers(tx, side.book)]

    found = call.run(read_books(issuer, mode, work))
    if as_json:
        print_json({"current": found[0] if found else None, "earlier": found[1:]})
    elif not found:
        print(word("say.issuer_not_stated"))
    else:
        print_fields(_fields(found[0]))
        _print_rows(_STATED, found[1:])


@pilot.command("open", help=word("help.pilot_open"))
@click.argument("programme_id", type=Opaque("prgm"), metavar="PROGRAMME")
@click.argument("name", type=Text(60))
@click.option("--opens", type=Text(80), multiple=True, required=True, metavar="CLAUSE", help=word("opt.opens"))
@click.option("--cap-minor", type=Amount(), required=True, metavar="N", help=word("opt.cap_minor"))
@click.option("--cap-holders", type=Amount(), required=True, metavar="N", help=word("opt.cap_holders"))
@click.option("--until", type=Moment(), required=True, metavar="TIME", help=word("opt.pilot_until"))
@_reason
@_by
@at_issuer
@with_key
@as_json
@click.pass_obj
def open_pilot(
    call: Call, programme_id: str, name: str, opens: tuple[str, ...], cap_minor: int, cap_holders: int,
    until: datetime, reason: str, by: str, issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Open clauses for a programme, within caps and until a moment."""
    key = key_or_new(key)

    async def work(side: Side, tx: Tx, number: int) -> Object:
        wish = OpenPilot(key, number, name, opens, cap_minor, cap_holders, until, reason, by)
        (made,) = await programmes.open_pilots(tx, side.book, [wish])
        return (await _pilot_objects(side, tx, [_made(made, key)]))[0]

    _tell(call.run(on_programme(issuer, mode, programme_id, work)), key, as_json=as_json)


@pilot.command("list", help=word("help.pilot_list"))
@at_issuer
@as_json
@click.pass_obj
def list_pilots(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show all pilots of an issuer's side."""

    async def work(side: Side, tx: Tx) -> list[Object]:
        return await _pilot_objects(side, tx, await programmes.pilots(tx, side.book))

    found = call.run(read_books(issuer, mode, work))
    if as_json:
        print_json({"data": found})
    else:
        _print_rows(_PILOTS, found)


def _decision(name: str, refuses: bool) -> click.Command:
    """The command that lets an unverified clause refuse, or only warn again."""

    @click.command(name, cls=Command, help=word(f"help.{name}"))
    @click.argument("clause", type=Text(80))
    @_reason
    @_by
    @at_issuer
    @with_key
    @as_json
    @click.pass_obj
    def decide(
        call: Call, clause: str, reason: str, by: str, issuer: str, mode: str, key: str | None, as_json: bool
    ) -> None:
        key = key_or_new(key)
        wish = Enforce(key, clause, refuses, reason, by)

        async def work() -> Object:
            async with opened_side(issuer, mode) as side:
                (made,) = await side.instance.db.transact(lambda tx: programmes.enforce(tx, side.book, [wish]))
                return _decision_object(_made(made, key))

        _tell(call.run(work()), key, as_json=as_json)

    return decide


enforce, warn = _decision("enforce", refuses=True), _decision("warn", refuses=False)


@click.command("enforced", cls=Command, help=word("help.enforced"))
@at_issuer
@as_json
@click.pass_obj
def enforced(call: Call, issuer: str, mode: str, as_json: bool) -> None:
    """Show which unverified clauses refuse, and all decisions on them."""

    async def work(side: Side, tx: Tx) -> tuple[list[str], list[Object]]:
        found = [_decision_object(one) for one in await programmes.enforcements(tx, side.book)]
        return sorted(await programmes.enforced(tx, side.book)), found

    clauses, decisions = call.run(read_books(issuer, mode, work))
    if as_json:
        print_json({"enforced": clauses, "data": decisions})
        return
    print(word("say.enforced_are", clauses=", ".join(clauses)) if clauses else word("say.none_enforced"))
    _print_rows(_DECISIONS, decisions)


@click.command("log", cls=Command, help=word("help.log"))
@click.option("--after", type=Opaque("cur"), metavar="CURSOR", help=word("opt.after"))
@click.option("--limit", type=Whole(1, 1000), default=50, metavar="N", help=word("opt.limit"))
@at_issuer
@as_json
@click.pass_obj
def log(call: Call, after: str | None, limit: int, issuer: str, mode: str, as_json: bool) -> None:
    """Show what the law had to say of activities that it let pass, oldest first."""

    async def work(side: Side, tx: Tx) -> tuple[list[Object], str | None]:
        found = await cards.page_judgements(tx, side.book, cursor_place(side, after), limit + 1)
        told = [_judgement_object(side, place, list(said)) for place, said in groupby(found, attrgetter("place"))]
        places = list(dict.fromkeys(one.place for one in found))
        more = len(places) > limit
        return told[:limit], side.instance.keyring.opaque_id("cur", *places[limit - 1]) if more else None

    found, cursor = call.run(read_books(issuer, mode, work))
    if as_json:
        print_json({"data": found, "next_cursor": cursor})
        return
    _print_rows(_LOG, [{**one, **point, "pilots": _pilots_said(point)} for one in found for point in one["points"]])
    if cursor:
        note(word("say.more_after", cursor=cursor))


def _made(outcome: Any, key: str) -> Any:
    if isinstance(outcome, Refused):
        raise as_fault(outcome, idempotency_key=key)
    return outcome


def _tell(made: Object, key: str, *, as_json: bool) -> None:
    if as_json:
        print_json({**made, "idempotency_key": key})
    else:
        print_fields(_fields({n: v for n, v in made.items() if n != "currency"}, made.get("currency")))


def _statement_object(one: programmes.Issuer) -> Object:
    return {
        "issuer_class": str(one.issuer_class),
        "sector": str(one.sector),
        "founded_on": one.founded_on.isoformat(),
        "began_on": one.began_on.isoformat(),
        "revenue_minor": one.revenue_minor,
        "capital_minor": one.capital_minor,
        "no_refund": one.no_refund,
        "no_passing": one.no_passing,
        "no_reissue": one.no_reissue,
        "sales_stopped": one.sales_stopped,
        "stated_by": one.stated_by,
        "stated_at": render_time(one.stated_at),
    }


async def _pilot_objects(side: Side, tx: Tx, found: Sequence[OpenedPilot]) -> list[Object]:
    """Pilots as they are at the time of their book."""
    now = await time_of_book(tx, side.book)
    known = await cards.programmes_by_id(tx, side.book, sorted({one.programme_id for one in found}))
    return [
        {
            "programme_id": side.instance.keyring.opaque_id("prgm", one.programme_id),
            "name": one.name,
            "opens": list(one.opens),
            "currency": known[one.programme_id].asset,
            "cap_minor": one.cap_minor,
            "used_minor": one.used_minor,
            "cap_holders": one.cap_holders,
            "holders": one.holders,
            "until": render_time(one.until),
            "has_ended": one.until <= now,
            "reason": one.reason,
            "opened_by": one.opened_by,
            "opened_at": render_time(one.opened_at),
        }
        for one in found
    ]


def _decision_object(one: programmes.Enforcement) -> Object:
    return {
        "clause": one.clause,
        "refuses": one.refuses,
        "reason": one.reason,
        "decided_by": one.decided_by,
        "decided_at": render_time(one.decided_at),
    }


def _judgement_object(side: Side, place: Place, said: Sequence[cards.Judged]) -> Object:
    keyring = side.instance.keyring
    points = [
        {
            "gift_card_id": keyring.opaque_id("gftc", one.card_id),
            "point": one.point,
            "pack": one.pack,
            "noted": one.clauses,
            "pilots": [{"pilot": pilot, "clauses": clauses} for pilot, clauses in one.opened],
        }
        for one in said
    ]
    return {
        "activity_id": keyring.opaque_id("gact", *place),
        "recorded_at": render_time(said[0].recorded_at),
        "points": points,
    }


def _pilots_said(point: Object) -> str:
    return "; ".join(f"{one['pilot']}: {', '.join(one['clauses'])}" for one in point["pilots"])

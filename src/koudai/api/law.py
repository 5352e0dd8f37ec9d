"""The law of a book: what its issuer is, pilots, decisions on unverified clauses, and what the law noted."""

from datetime import datetime
from itertools import groupby
from operator import attrgetter

from koudai import cards, programmes
from koudai.api.commands import in_utc
from koudai.api.door import Call
from koudai.api.ids import ACTIVITY, CARD
from koudai.api.launching import on_programme
from koudai.api.law_shapes import (
    Enforcement,
    Enforcements,
    IssuerStatement,
    IssuerStatements,
    Judgement,
    JudgementPage,
    Pilot,
    PilotTaken,
    PointJudged,
    ProgrammePilots,
)
from koudai.base import Refused
from koudai.ledger import Place, time_of_book
from koudai.pg import Tx
from koudai.policy import Point
from koudai.programmes import Enforce, OpenPilot, StateIssuer


async def state_issuer(call: Call) -> IssuerStatement | Refused:
    """POST /v1/policy/issuer"""
    body = call.body
    wish = StateIssuer(
        call.key, body.issuer_class, body.sector, body.founded_on, body.began_on, call.principal.key_id,
        body.revenue_minor, body.capital_minor, body.no_refund, body.no_passing, body.no_reissue, body.sales_stopped,
    )  # fmt: skip
    (made,) = await call.transact(lambda tx: programmes.state_issuers(tx, call.book, [wish]))
    return made if isinstance(made, Refused) else _statement(made)


async def show_issuer(call: Call) -> IssuerStatements:
    """GET /v1/policy/issuer"""
    found = [_statement(one) for one in await call.transact(lambda tx: programmes.issuers(tx, call.book))]
    return IssuerStatements(found[0] if found else None, found[1:])


async def open_pilot(call: Call) -> Pilot | Refused:
    """POST /v1/programmes/{id}/pilots"""
    body = call.body

    async def work(tx: Tx, programme_id: int) -> Pilot | Refused:
        wish = OpenPilot(
            call.key, programme_id, body.name, body.opens, body.cap_minor, body.cap_holders,
            in_utc("until", body.until), body.reason, call.principal.key_id,
        )  # fmt: skip
        (made,) = await programmes.open_pilots(tx, call.book, [wish])
        return made if isinstance(made, Refused) else (await _pilots(call, tx, programme_id, [made]))[0]

    return await on_programme(call, work)


async def list_pilots(call: Call) -> ProgrammePilots:
    """GET /v1/programmes/{id}/pilots"""

    async def work(tx: Tx, programme_id: int) -> ProgrammePilots:
        found = [one for one in await programmes.pilots(tx, call.book) if one.programme_id == programme_id]
        return ProgrammePilots(await _pilots(call, tx, programme_id, found))

    return await on_programme(call, work)


async def enforce(call: Call) -> Enforcement | Refused:
    """POST /v1/policy/enforcements"""
    wish = Enforce(call.key, call.body.clause, call.body.refuses, call.body.reason, call.principal.key_id)
    (made,) = await call.transact(lambda tx: programmes.enforce(tx, call.book, [wish]))
    return made if isinstance(made, Refused) else _enforcement(made)


async def list_enforcements(call: Call) -> Enforcements:
    """GET /v1/policy/enforcements"""

    async def work(tx: Tx) -> Enforcements:
        found = await programmes.enforcements(tx, call.book)
        return Enforcements(sorted(await programmes.enforced(tx, call.book)), [_enforcement(one) for one in found])

    return await call.transact(work)


async def page_judgements(call: Call) -> JudgementPage:
    """GET /v1/policy/judgements: oldest first."""
    ids, limit = call.door.ids, call.limit
    after = ids.cursor(call.query("cursor")) or Place(0, 0)
    found = await call.transact(lambda tx: cards.page_judgements(tx, call.book, after, limit + 1))
    shown = [_judgement(call, place, list(said)) for place, said in groupby(found, attrgetter("place"))]
    places = list(dict.fromkeys(one.place for one in found))
    return JudgementPage(shown[:limit], ids.cursor_of(*places[limit - 1]) if len(places) > limit else None)


def _statement(one: programmes.Issuer) -> IssuerStatement:
    return IssuerStatement(
        one.issuer_class, one.sector, one.founded_on, one.began_on, one.revenue_minor, one.capital_minor,
        one.no_refund, one.no_passing, one.no_reissue, one.sales_stopped, one.stated_by, one.stated_at,
    )  # fmt: skip


async def _pilots(call: Call, tx: Tx, programme_id: int, found: list[programmes.OpenedPilot]) -> list[Pilot]:
    """Pilots of a programme as they are at the time of its book."""
    now: datetime = await time_of_book(tx, call.book)
    programme = (await cards.programmes_by_id(tx, call.book, [programme_id]))[programme_id]
    return [
        Pilot(
            call.path("id"), one.name, list(one.opens), programme.asset, one.cap_minor, one.used_minor,
            one.cap_holders, one.holders, one.until, one.until <= now, one.reason, one.opened_by, one.opened_at,
        )
        for one in found
    ]  # fmt: skip


def _enforcement(one: programmes.Enforcement) -> Enforcement:
    return Enforcement(one.clause, one.refuses, one.reason, one.decided_by, one.decided_at)


def _judgement(call: Call, place: Place, said: list[cards.Judged]) -> Judgement:
    keyring = call.door.instance.keyring
    points = [
        PointJudged(
            keyring.opaque_id(CARD, one.card_id), Point(one.point), one.pack, one.clauses,
            [PilotTaken(pilot, clauses) for pilot, clauses in one.opened],
        )
        for one in said
    ]  # fmt: skip
    return Judgement(keyring.opaque_id(ACTIVITY, *place), said[0].recorded_at, points)

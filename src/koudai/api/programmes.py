"""Card programmes: made, listed, shown."""

from collections.abc import Sequence

from koudai import cards
from koudai.api.door import Call
from koudai.api.ids import MAX_INT4, PROGRAMME
from koudai.api.problems import ApiProblem, Problem, invalid
from koudai.api.shapes import FlowLimit, Programme, ProgrammePage
from koudai.base import Refused, asset
from koudai.cards import CreateProgramme
from koudai.ledger import Limit


def _shown(call: Call, found: Sequence[cards.Programme]) -> list[Programme]:
    ids = call.door.ids.of(PROGRAMME, [programme.id for programme in found])
    return [
        Programme(
            id_, p.name, p.asset, p.number_prefix, p.max_balance_minor, p.max_load_minor, p.draw_order,
            [_limit_shown(limit) for limit in p.limits], p.created_at, call.principal.mode,
        )
        for p, id_ in zip(found, ids, strict=True)
    ]  # fmt: skip


def _limit_shown(limit: Limit) -> FlowLimit:
    return FlowLimit(
        subjects=list(limit.subjects), flow=limit.flow, per=limit.per, window_s=limit.window_s,
        min_minor=limit.min_minor, max_minor=limit.max_minor, max_count=limit.max_count,
    )  # fmt: skip


def _limit_wished(limit: FlowLimit) -> Limit:
    return Limit(
        tuple(limit.subjects), limit.flow, limit.per, limit.window_s, limit.min_minor, limit.max_minor, limit.max_count
    )


async def create(call: Call) -> Programme | Refused:
    """POST /v1/programmes"""
    currency = asset(call.body.currency)
    if currency is None:
        raise invalid("currency", "currency")
    wish = CreateProgramme(
        call.key, call.body.name, currency, call.body.number_prefix, call.body.max_balance_minor,
        call.body.max_load_minor, call.body.draw_order, tuple(_limit_wished(limit) for limit in call.body.limits),
    )  # fmt: skip
    (outcome,) = await call.transact(lambda tx: cards.create_programmes(tx, call.book, [wish]))
    return outcome if isinstance(outcome, Refused) else _shown(call, [outcome])[0]


async def page(call: Call) -> ProgrammePage:
    """GET /v1/programmes: oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    after = min(cursor.batch_id, MAX_INT4) if cursor else 0
    found = await call.transact(lambda tx: cards.page_programmes(tx, call.book, after, limit + 1))
    more = call.door.ids.cursor_of(found[limit - 1].id) if len(found) > limit else None
    return ProgrammePage(_shown(call, found[:limit]), more)


async def show(call: Call) -> Programme:
    """GET /v1/programmes/{id}"""
    programme_id = call.door.ids.programme(call.path("id"))
    found = await call.transact(lambda tx: cards.programmes_by_id(tx, call.book, [programme_id]))
    if programme_id not in found:
        raise Problem(ApiProblem.NOT_FOUND)
    return _shown(call, [found[programme_id]])[0]

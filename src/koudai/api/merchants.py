"""Merchants: taken on, listed, shown, with what they are owed."""

from collections.abc import Sequence

from koudai import ledger, merchants
from koudai.api.door import Call
from koudai.api.ids import MAX_INT4, MERCHANT
from koudai.api.merchant_shapes import Merchant, MerchantPage
from koudai.api.problems import ApiProblem, Problem, invalid
from koudai.api.shapes import Amount
from koudai.base import Refused, asset
from koudai.merchants import Register
from koudai.pg import Tx


async def _shown(call: Call, tx: Tx, found: Sequence[merchants.Merchant]) -> list[Merchant]:
    """Merchants with their balances, read from the ledger."""
    ids = call.door.ids.of(MERCHANT, [merchant.id for merchant in found])
    owed = await ledger.balances(tx, [merchant.account_id for merchant in found])
    return [
        Merchant(
            id_, m.name, m.ref, m.scenario, m.relation, m.contracted, m.channel, Amount(owed[m.account_id], m.asset),
            m.created_at, call.principal.mode,
        )
        for m, id_ in zip(found, ids, strict=True)
    ]  # fmt: skip


async def create(call: Call) -> Merchant | Refused:
    """POST /v1/merchants"""
    currency = asset(call.body.currency)
    if currency is None:
        raise invalid("currency", "currency")
    body = call.body
    wish = Register(
        call.key, body.name, currency, body.ref, body.scenario, body.relation, body.contracted, body.channel
    )  # fmt: skip

    async def work(tx: Tx) -> Merchant | Refused:
        (outcome,) = await merchants.register(tx, call.book, [wish])
        return outcome if isinstance(outcome, Refused) else (await _shown(call, tx, [outcome]))[0]

    return await call.transact(work)


async def page(call: Call) -> MerchantPage:
    """GET /v1/merchants: oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    after = min(cursor.batch_id, MAX_INT4) if cursor else 0

    async def work(tx: Tx) -> MerchantPage:
        found = await merchants.page(tx, call.book, after, limit + 1)
        more = call.door.ids.cursor_of(found[limit - 1].id) if len(found) > limit else None
        return MerchantPage(await _shown(call, tx, found[:limit]), more)

    return await call.transact(work)


async def show(call: Call) -> Merchant:
    """GET /v1/merchants/{id}"""
    merchant_id = call.door.ids.merchant(call.path("id"))

    async def work(tx: Tx) -> list[Merchant]:
        found = await merchants.find(tx, call.book, [merchant_id])
        return await _shown(call, tx, list(found.values()))

    shown = await call.transact(work)
    if not shown:
        raise Problem(ApiProblem.NOT_FOUND)
    return shown[0]

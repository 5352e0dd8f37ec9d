"""What a platform asks of a server, and what a code means: open to all."""

import asyncio

from koudai.api import metrics
from koudai.api.door import Call, Text
from koudai.api.problems import STATUS, ApiProblem, Problem
from koudai.api.shapes import CodeExplained, Health
from koudai.base import Fault
from koudai.pg import PgFault, Tx
from koudai.phrases import Language, sentences

_READY_WITHIN_S = 2.0


async def health(call: Call) -> Health:
    """GET /healthz: the server runs."""
    return Health("ok")


async def ready(call: Call) -> Health:
    """GET /readyz: the database answers."""

    async def ask(tx: Tx) -> None:
        await tx.value("SELECT 1")

    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            await call.door.instance.db.transact(ask)
    except TimeoutError:
        raise Fault(PgFault.UNAVAILABLE, detail=f"no answer within {_READY_WITHIN_S:g} s") from None
    return Health("ready")


async def show_metrics(call: Call) -> Text:
    """GET /metrics"""
    return Text(call.door.metrics.text(), metrics.CONTENT_TYPE)


async def explain(call: Call) -> CodeExplained:
    """GET /problems/{code}: where the `type` of a problem leads."""
    code = call.path("code")
    said = sentences().get(code)
    if said is None or code not in STATUS:
        raise Problem(ApiProblem.NOT_FOUND)
    return CodeExplained(code, STATUS[code], said[Language.EN], said[Language.ZH])

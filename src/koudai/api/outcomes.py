"""What was answered under an idempotency key, for who lost the answer."""

import msgspec

from koudai import cards, ledger
from koudai.api.door import Call
from koudai.api.ids import CARD, MERCHANT, PROGRAMME, STOCK
from koudai.api.problems import ApiProblem, Problem, problem_of
from koudai.api.shapes import KeyOutcome
from koudai.pg import Tx

_MADE = {"card_id": ("gift_card_id", CARD), "merchant_id": ("merchant_id", MERCHANT),
         "programme_id": ("programme_id", PROGRAMME), "stock_id": ("stock_id", STOCK)}  # fmt: skip


async def show(call: Call) -> KeyOutcome:
    """GET /v1/idempotency_keys/{key}"""
    key = call.path("key")
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Problem(ApiProblem.NOT_FOUND)

    async def work(tx: Tx) -> tuple[ledger.Memory | None, cards.Activity | None]:
        memory = await ledger.outcome_of_key(tx, call.book, key)
        if memory is None or memory.refusal is not None or memory.facts is not None:
            return memory, None
        return memory, await cards.activity(tx, call.book, memory.place)

    memory, activity = await call.transact(work)
    if memory is None:
        raise Problem(ApiProblem.NOT_FOUND)
    refused = memory.as_refusal()
    if refused is not None:
        problem = problem_of(refused).told(call.language)
        return KeyOutcome(key, "refused", problem=problem)
    if activity is not None:
        return KeyOutcome(key, "accepted", activity=call.door.ids.activities([activity])[0])
    made = msgspec.json.decode(memory.facts or "{}")
    if "holder_id" in made:
        return KeyOutcome(key, "accepted", holder_id=made["holder_id"])
    named = {field: call.door.ids.of(kind, [made[fact]])[0] for fact, (field, kind) in _MADE.items() if fact in made}
    return msgspec.structs.replace(KeyOutcome(key, "accepted"), **named)

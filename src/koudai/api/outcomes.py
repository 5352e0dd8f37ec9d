"""What was answered under an idempotency key, for who lost the answer."""

import msgspec

from koudai import cards, ledger
from koudai.api.door import Call
from koudai.api.ids import CARD, MERCHANT, PROGRAMME, STOCK
from koudai.api.problems import ApiProblem, Problem, problem_of
from koudai.api.shapes import KeyOutcome
from koudai.ledger import Place
from koudai.pg import Tx

_MADE = {"card_id": ("gift_card_id", CARD), "merchant_id": ("merchant_id", MERCHANT),
         "programme_id": ("programme_id", PROGRAMME), "stock_id": ("stock_id", STOCK)}  # fmt: skip


def _is_entry(memory: ledger.Memory) -> bool:
    """Whether what was made is an entry of a card, by itself or with new cards or a gift."""
    return memory.facts is None or not {"gift", "card_ids"}.isdisjoint(memory.facts_told())


async def show(call: Call) -> KeyOutcome:
    """GET /v1/idempotency_keys/{key}"""
    key = call.path("key")
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Problem(ApiProblem.NOT_FOUND)

    async def work(tx: Tx) -> tuple[ledger.Memory | None, cards.Activity | None]:
        memory = await ledger.outcome_of_key(tx, call.book, key)
        if memory is None or memory.refusal is not None or not _is_entry(memory):
            return memory, None
        return memory, await cards.activity(tx, call.book, memory.place)

    memory, activity = await call.transact(work)
    if memory is None:
        raise Problem(ApiProblem.NOT_FOUND)
    refused = memory.as_refusal()
    if refused is not None:
        problem = problem_of(refused).told(call.language)
        return KeyOutcome(key, "refused", problem=problem)
    ids, made = call.door.ids, msgspec.json.decode(memory.facts or "{}")
    if activity is not None:
        return KeyOutcome(
            key, "accepted", activity=ids.activities([activity])[0],
            gift_id=ids.gift_id(Place(*made["gift"])) if "gift" in made else None,
            gift_card_ids=ids.of(CARD, made["card_ids"]) if "card_ids" in made else None,
        )  # fmt: skip
    if "holder_id" in made:
        return KeyOutcome(key, "accepted", holder_id=made["holder_id"])
    named = {field: call.door.ids.of(kind, [made[fact]])[0] for fact, (field, kind) in _MADE.items() if fact in made}
    return msgspec.structs.replace(KeyOutcome(key, "accepted"), **named)

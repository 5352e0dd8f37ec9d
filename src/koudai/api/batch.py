"""A batch of redemptions in one request: up to 8,000, each judged, booked and answered by itself."""

import asyncio
from collections.abc import Sequence

import msgspec

from koudai import cards
from koudai.api.batcher import BATCH_COMMANDS, Answer
from koudai.api.commands import by_code, named_by, redeem
from koudai.api.door import Door
from koudai.api.exchange import BATCH_LIMIT_BYTES, Headers, Receive, Scope, read_json
from koudai.api.fields import decoded
from koudai.api.gate import require
from koudai.api.problems import ApiProblem, FieldFault, Problem, language_of, problem_of
from koudai.api.shapes import Accepted, BatchRedemption, Declined, Failed, GiftCardActivity, RedemptionBatch
from koudai.base import Fault
from koudai.identity import Principal, Scope as KeyScope
from koudai.phrases import Language

_decode = msgspec.json.Decoder(RedemptionBatch).decode
_decode_item = msgspec.json.Decoder(BatchRedemption).decode
_encode = msgspec.json.Encoder().encode

Outcome = Accepted | Declined | Failed

_DECODED_AT_ONCE = 200
"""After so many items others are let in, as decoding them is work for the one thread that serves all."""


async def create(door: Door, scope: Scope, receive: Receive, headers: Headers) -> tuple[int, bytes]:
    """POST /v1/gift_card_activities/batch

    It goes to the batcher in pieces, each after the one before it is committed, so that other
    requests are booked in between.
    """
    principal = await door.gate.identify(headers.get(b"authorization"))
    require(principal, KeyScope.CARDS_REDEEM)
    items = decoded(_decode, await read_json(receive, headers, BATCH_LIMIT_BYTES)).redemptions
    batch = _Batch(door, principal, language_of(headers.get(b"accept-language")))
    encoded: list[bytes] = []
    for start in range(0, len(items), BATCH_COMMANDS):
        outcomes = await batch.piece(items[start : start + BATCH_COMMANDS], start)
        encoded.append(_encode(outcomes)[1:-1])
    return 200, b'{"outcomes":[' + b",".join(encoded) + b"]}"


class _Batch:
    """One request's pieces; `_fault` is what stopped them, after which no further one is tried."""

    def __init__(self, door: Door, principal: Principal, language: Language) -> None:
        self._door = door
        self._principal = principal
        self._language = language
        self._fault: Fault | None = None

    async def piece(self, items: Sequence[msgspec.Raw], start: int) -> list[Outcome]:
        """The outcomes of one piece; `start` is the place of its first item in the request."""
        outcomes: list[Outcome | None] = []
        commands: list[cards.Command] = []
        names: list[str] = []
        for at, raw in enumerate(items):
            if at % _DECODED_AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                body = decoded(_decode_item, raw)
                if by_code(body):
                    self._door.gate.codes.check(self._principal.key_id)
                command = redeem(self._door.ids, body, body.idempotency_key)
            except Problem as problem:
                outcomes.append(self._told(_at(problem, start + at)))
                continue
            outcomes.append(None)
            commands.append(command)
            names.append(named_by(body))
        answers = iter(zip(await self._book(commands), names, strict=True))
        return [outcome or self._outcome(*next(answers)) for outcome in outcomes]

    async def _book(self, commands: list[cards.Command]) -> list[Answer]:
        if self._fault is not None:
            return [self._fault] * len(commands)
        try:
            answers = await self._door.batcher.submit(self._principal, commands) if commands else []
        except Problem as problem:
            # Overloaded in the middle: what was booked before is told, and the rest may come again.
            answers = [Fault(problem.code)] * len(commands)
        faults = [a for a in answers if isinstance(a, Fault)]
        if len(faults) == len(commands) and faults:
            self._fault = faults[0]
        return answers

    def _outcome(self, answer: Answer, named: str) -> Outcome:
        if isinstance(answer, GiftCardActivity):
            return Accepted(answer)
        return self._told(problem_of(answer, named))

    def _told(self, problem: Problem) -> Declined | Failed:
        self._door.metrics.problem(problem.code)
        told = problem.told(self._language)
        unjudged = problem.status >= 500 or problem.code in (ApiProblem.UNAUTHENTICATED, ApiProblem.TOO_MANY_CODES)
        return Failed(told) if unjudged else Declined(told)


def _at(problem: Problem, at: int) -> Problem:
    """The problem with its fields named as the whole request has them."""
    errors = [FieldFault(f"redemptions[{at}].{e.field}", e.reason, **e.facts) for e in problem.errors]
    return Problem(problem.code, problem.facts, errors)

"""Ascertain: let an outside source say whether holders are who they say.

Never inside a transaction: that a source is about to be asked is noted and committed, the source is
asked, then its answer is noted. Who lost the answer repeats the key, and the source is asked with the
same id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from koudai.base import Refused
from koudai.holders.commands import Ask
from koudai.holders.model import Level, Outcome, Verification
from koudai.holders.run import Question, run
from koudai.holders.store import SQL, as_holder, change_statement
from koudai.identity import Vault
from koudai.ledger import time_of_book
from koudai.pg import Tx, int8s

_PATIENCE_S = 15.0

Transact = Callable[[Callable[[Tx], Awaitable[Any]]], Awaitable[Any]]
"""Runs a piece of work in a transaction of its own."""


class Answer(msgspec.Struct, frozen=True):
    """What a source says, and under which reference it keeps that."""

    outcome: Outcome
    reference: str | None = None


class Verifier(Protocol):
    """An outside source that knows who people and companies are.

    `name` says which, in the log of verifications. `check` answers a question; asked again with the same
    id it answers the same. What it raises, and what takes too long, counts as unavailable.
    """

    @property
    def name(self) -> str:
        """The source's name."""
        ...

    async def check(self, question: Question) -> Answer:
        """Whether what is stated belongs together."""
        ...


async def ascertain(
    transact: Transact, book: int, asks: Sequence[Ask], vault: Vault, verifier: Verifier
) -> list[Verification | Refused]:
    """Have holders of a book verified; one outcome for each, in order.

    `unavailable` is no answer: repeat the same key. Each of the two transactions is the caller's `transact`.
    """
    asked: list[Question | Refused] = await transact(lambda tx: run(tx, book, asks, vault))
    ids = [one.id for one in asked if isinstance(one, Question)]
    answered: set[int] = await transact(lambda tx: _answered(tx, ids)) if ids else set()
    fresh = {one.id: one for one in asked if isinstance(one, Question) and one.id not in answered}
    answers = dict(zip(fresh, await asyncio.gather(*(_check(verifier, one) for one in fresh.values())), strict=True))
    noted: dict[int, Verification] = await transact(lambda tx: note(tx, book, ids, answers)) if ids else {}
    return [noted[one.id] if isinstance(one, Question) else one for one in asked]


async def _check(verifier: Verifier, question: Question) -> Answer:
    if not question.details.stated():
        # What was to be checked has been erased since the question was noted.
        return Answer(Outcome.UNAVAILABLE)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await verifier.check(question)
    except Exception:  # noqa: BLE001 whatever ails a source, it hasn't answered; what it says may be personal
        return Answer(Outcome.UNAVAILABLE)


async def _answered(tx: Tx, ids: Sequence[int]) -> set[int]:
    rows = await tx.rows(SQL["answers"], int8s(ids))
    return {row[0] for row in rows if row[1] != Outcome.UNAVAILABLE}


async def note(tx: Tx, book: int, ids: Sequence[int], answers: dict[int, Answer]) -> dict[int, Verification]:
    """Note what sources answered, and lift who was matched and is still the same; the newest answer to each id."""
    requests = {row[0]: row for row in await tx.rows(SQL["requests"], int8s(ids))}
    named = sorted({row[1] for row in requests.values()})
    held = {holder.id: holder for holder in map(as_holder, await tx.rows(SQL["lock"], book, int8s(named)))}
    before = await _answered(tx, ids)
    now = await time_of_book(tx, book)
    for request_id, answer in answers.items():
        if request_id in before:
            continue
        await tx.rows(SQL["add_answer"], request_id, answer.outcome, answer.reference, now)
        _, holder_id, identity_version, *_ = requests[request_id]
        holder = held[holder_id]
        same = holder.identity_version == identity_version and holder.level is Level.REGISTERED
        if answer.outcome is Outcome.MATCHED and same:
            held[holder_id] = msgspec.structs.replace(holder, level=Level.VERIFIED, version=holder.version + 1)
            await tx.rows(*change_statement([held[holder_id]]))
    last = {row[0]: row for row in await tx.rows(SQL["answers"], int8s(ids))}
    return {
        request_id: Verification(
            held[holder_id].ref, source, Outcome(last[request_id][1]), last[request_id][2], held[holder_id].level,
            asked_at, last[request_id][3],
        )
        for request_id, holder_id, _, source, asked_at in requests.values()
    }  # fmt: skip

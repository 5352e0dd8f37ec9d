"""Enforce: an operator decides that a clause whose source wasn't verified refuses, or only warns again (C1)."""

from collections.abc import Sequence

from koudai import policy
from koudai.base import Refused
from koudai.ledger import open_batch, request_text, write
from koudai.pg import Tx
from koudai.policy import PolicyRefusal, Status
from koudai.programmes import store
from koudai.programmes.commands import Enforce
from koudai.programmes.once import made_once
from koudai.programmes.standing import Enforcement
from koudai.programmes.words import ProgrammeRefusal


async def enforce(tx: Tx, book: int, commands: Sequence[Enforce]) -> list[Enforcement | Refused]:
    """Decide on unverified clauses; one outcome for each, in order. The newest decision on a clause counts."""
    sheet = await open_batch(tx, book, {c.key for c in commands})

    async def make(command: Enforce) -> Enforcement | Refused:
        return _refusal(command.clause) or await store.add_enforcement(tx, book, command)

    outcomes = await made_once(sheet, commands, _request, "decision", make, lambda: store.enforcements(tx, book))
    write(tx, sheet)
    return outcomes


def _request(command: Enforce) -> str:
    return request_text(
        {"verb": "enforce", "clause": command.clause, "refuses": command.refuses, "reason": command.reason}
    )


def _refusal(clause_id: str) -> Refused | None:
    clause = policy.shipped_clauses().get(clause_id)
    if clause is None:
        return Refused(PolicyRefusal.UNKNOWN_CLAUSE, {"clause": clause_id})
    if clause.status is not Status.UNVERIFIED or not clause.refuses:
        return Refused(ProgrammeRefusal.NOT_UNVERIFIED, {"clause": clause_id})
    return None

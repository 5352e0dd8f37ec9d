"""Enforce: an operator decides that a clause whose source wasn't verified refuses, or only warns again (C1)."""

from collections.abc import Sequence

from koudai import policy
from koudai.base import Refused
from koudai.ledger import Memory, Place, open_batch, request_text, write
from koudai.pg import Tx
from koudai.policy import PolicyRefusal, Status
from koudai.programmes import store
from koudai.programmes.commands import Enforce
from koudai.programmes.put import recalled
from koudai.programmes.standing import Enforcement
from koudai.programmes.words import ProgrammeRefusal


async def enforce(tx: Tx, book: int, commands: Sequence[Enforce]) -> list[Enforcement | Refused]:
    """Decide on unverified clauses; one outcome for each, in order. The newest decision on a clause counts."""
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Enforcement | Refused] = []
    for command in commands:
        fields = {"verb": "enforce", "clause": command.clause, "refuses": command.refuses, "reason": command.reason}
        request = request_text(fields)
        known = recalled(sheet.keys, command.key, request)
        if isinstance(known, Refused):
            outcomes.append(known)
            continue
        if known is not None:
            outcomes.append(next(one for one in await store.enforcements(tx, book) if one.id == known.fact("decision")))
            continue
        place = Place(sheet.batch_id, sheet.next_ordinal())
        made = _refusal(command.clause) or await store.add_enforcement(tx, book, command)
        if isinstance(made, Refused):
            sheet.keys.remember_refusal(command.key, request, place, made)
        else:
            sheet.keys.remember(command.key, Memory(request, place, facts=request_text({"decision": made.id})))
        outcomes.append(made)
    write(tx, sheet)
    return outcomes


def _refusal(clause_id: str) -> Refused | None:
    clause = policy.shipped_clauses().get(clause_id)
    if clause is None:
        return Refused(PolicyRefusal.UNKNOWN_CLAUSE, {"clause": clause_id})
    if clause.status is not Status.UNVERIFIED or not clause.refuses:
        return Refused(ProgrammeRefusal.NOT_UNVERIFIED, {"clause": clause_id})
    return None

"""Policy: the clauses of law, listed and explained."""

from koudai import policy
from koudai.api.door import Call
from koudai.api.law_shapes import PolicyClauses
from koudai.api.problems import Problem
from koudai.pg import Tx
from koudai.policy import ClauseShown, PolicyRefusal


async def list_all(call: Call) -> PolicyClauses:
    """GET /v1/policy/clauses"""
    await call.transact(_nothing)
    return PolicyClauses(policy.all_shown())


async def show(call: Call) -> ClauseShown:
    """GET /v1/policy/clauses/{clause}"""
    await call.transact(_nothing)
    clause = policy.shipped_clauses().get(call.path("clause"))
    if clause is None:
        raise Problem(PolicyRefusal.UNKNOWN_CLAUSE, {"clause": call.path("clause")[:80]})
    return policy.shown(clause)


async def _nothing(tx: Tx) -> None:
    """The law is not in the database; only the caller's key is made sure of."""

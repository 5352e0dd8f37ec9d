"""The routes of the law: its clauses, and a book's standing under it."""

from koudai.api import law, policy
from koudai.api.door import Operation
from koudai.api.examples import ENFORCEMENT, ISSUER, PILOT
from koudai.api.law_shapes import (
    Enforcement,
    Enforcements,
    IssuerStatement,
    IssuerStatements,
    JudgementPage,
    NewEnforcement,
    NewIssuerStatement,
    NewPilot,
    Pilot,
    PolicyClauses,
    ProgrammePilots,
)
from koudai.api.problems import ApiProblem
from koudai.identity import Scope
from koudai.policy import ClauseShown, PilotRefusal, PolicyRefusal
from koudai.programmes import ProgrammeRefusal

LAW_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="GET", path="/v1/policy/clauses", name="list_policy_clauses", tag="Policy",
        summary="List the clauses of law by which things are refused", scope=Scope.PROGRAMMES_READ,
        response=PolicyClauses, handle=policy.list_all,
    ),
    Operation(
        method="GET", path="/v1/policy/clauses/{clause}", name="get_policy_clause", tag="Policy",
        summary="Explain a clause: citation, figure, where it is enforced, an example", scope=Scope.PROGRAMMES_READ,
        response=ClauseShown, codes=(PolicyRefusal.UNKNOWN_CLAUSE,), handle=policy.show,
    ),
    Operation(
        method="POST", path="/v1/policy/issuer", name="state_issuer", tag="Policy",
        summary="State what the issuer is to the law", scope=Scope.PROGRAMMES_WRITE, keyed=True,
        request=NewIssuerStatement, response=IssuerStatement, status=201, codes=(ProgrammeRefusal.BAD_DAY,),
        examples=ISSUER, handle=law.state_issuer,
    ),
    Operation(
        method="GET", path="/v1/policy/issuer", name="get_issuer", tag="Policy",
        summary="Show what the issuer was stated to be", scope=Scope.PROGRAMMES_READ, response=IssuerStatements,
        handle=law.show_issuer,
    ),
    Operation(
        method="POST", path="/v1/programmes/{id}/pilots", name="open_pilot", tag="Policy",
        summary="Open clauses for a programme, within caps and until a moment", scope=Scope.PROGRAMMES_WRITE,
        keyed=True, request=NewPilot, response=Pilot, status=201,
        codes=(
            ApiProblem.NOT_FOUND, ProgrammeRefusal.NO_VERSION, ProgrammeRefusal.PILOT_NOT_NAMED,
            ProgrammeRefusal.PILOT_EXISTS, PolicyRefusal.UNKNOWN_CLAUSE, *PilotRefusal,
        ),
        examples=PILOT, handle=law.open_pilot,
    ),
    Operation(
        method="GET", path="/v1/programmes/{id}/pilots", name="list_pilots", tag="Policy",
        summary="List the pilots of a programme: what was used of their caps, and whether they have ended",
        scope=Scope.PROGRAMMES_READ, response=ProgrammePilots, codes=(ApiProblem.NOT_FOUND,), handle=law.list_pilots,
    ),
    Operation(
        method="POST", path="/v1/policy/enforcements", name="decide_enforcement", tag="Policy",
        summary="Decide that an unverified clause refuses, or only warns again", scope=Scope.PROGRAMMES_WRITE,
        keyed=True, request=NewEnforcement, response=Enforcement, status=201,
        codes=(PolicyRefusal.UNKNOWN_CLAUSE, ProgrammeRefusal.NOT_UNVERIFIED), examples=ENFORCEMENT,
        handle=law.enforce,
    ),
    Operation(
        method="GET", path="/v1/policy/enforcements", name="list_enforcements", tag="Policy",
        summary="List the unverified clauses that refuse, and all decisions on them", scope=Scope.PROGRAMMES_READ,
        response=Enforcements, handle=law.list_enforcements,
    ),
    Operation(
        method="GET", path="/v1/policy/judgements", name="list_judgements", tag="Policy",
        summary="List what the law had to say of activities that it let pass, oldest first",
        scope=Scope.PROGRAMMES_READ, response=JudgementPage, query=("cursor", "limit"), handle=law.page_judgements,
    ),
)  # fmt: skip

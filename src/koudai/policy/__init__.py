"""The law as data, and a judge of it: facts in, verdict out, without a database.

`packs/` has the clauses; loading proves them. A `Judge` is compiled from a pack once, and asked at each point where
something is about to happen. `examine` says what a pack means for a programme's declared figures. It is a
developer's digest of the law and no legal advice.
"""

from koudai.policy.examine import Examination, Violation, at_least, at_most, exactly, examine, one_of
from koudai.policy.facts import FACTS, Fact, Kind
from koudai.policy.judge import Check, FactsWrong, Judge, Note, Verdict
from koudai.policy.load import load, pack_names, part, shipped, shipped_clauses
from koudai.policy.model import (
    Allowed,
    Certainty,
    Clause,
    Figure,
    Gate,
    GateKind,
    Pack,
    Point,
    PolicyRefusal,
    ProgrammeClass,
    Requirement,
    Said,
    Severity,
    Status,
    Unit,
)
from koudai.policy.pilot import Pilot, PilotRefusal, PilotUse, make_pilot
from koudai.policy.prove import PackFault
from koudai.policy.views import ClauseShown, all_shown, shown

__all__ = [
    "FACTS",
    "Allowed",
    "Certainty",
    "Check",
    "Clause",
    "ClauseShown",
    "Examination",
    "Fact",
    "FactsWrong",
    "Figure",
    "Gate",
    "GateKind",
    "Judge",
    "Kind",
    "Note",
    "Pack",
    "PackFault",
    "Pilot",
    "PilotRefusal",
    "PilotUse",
    "Point",
    "PolicyRefusal",
    "ProgrammeClass",
    "Requirement",
    "Said",
    "Severity",
    "Status",
    "Unit",
    "Verdict",
    "Violation",
    "all_shown",
    "at_least",
    "at_most",
    "exactly",
    "examine",
    "load",
    "make_pilot",
    "one_of",
    "pack_names",
    "part",
    "shipped",
    "shipped_clauses",
    "shown",
]

"""Who holds cards: people and companies, with least data, each field sealed by itself.

Other rooms know a holder by its ref alone. How well it is known (its level) follows from what it stated
and what an outside source matched; nobody states a level. What no duty keeps can be erased, and the
books stay as they are.
"""

from pathlib import Path

from koudai.holders.ascertain import Answer, Verifier, ascertain
from koudai.holders.commands import Ask, Bind, Command, Create, Erase, Give, Unbind, Update, Withdraw
from koudai.holders.model import (
    SEARCHED,
    Consent,
    Details,
    DocumentType,
    Erased,
    Field,
    Holder,
    HolderRefusal,
    Kind,
    Level,
    Outcome,
    Purpose,
    Standing,
    State,
    Verification,
)
from koudai.holders.opening import KIND
from koudai.holders.reseal import count_by_key, reseal
from koudai.holders.retain import Duty, duties
from koudai.holders.run import Question, run
from koudai.holders.simulate import SimulatedVerifier
from koudai.holders.store import as_standings, find, page, standings_statement
from koudai.holders.verify import holder_checks
from koudai.holders.views import Shown, consents, export, find_by, masked_views, report, reveal
from koudai.pg import Room

ROOM = Room("holders", Path(__file__).parent)

__all__ = [
    "KIND",
    "ROOM",
    "SEARCHED",
    "Answer",
    "Ask",
    "Bind",
    "Command",
    "Consent",
    "Create",
    "Details",
    "DocumentType",
    "Duty",
    "Erase",
    "Erased",
    "Field",
    "Give",
    "Holder",
    "HolderRefusal",
    "Kind",
    "Level",
    "Outcome",
    "Purpose",
    "Question",
    "Shown",
    "SimulatedVerifier",
    "Standing",
    "State",
    "Unbind",
    "Update",
    "Verification",
    "Verifier",
    "Withdraw",
    "as_standings",
    "ascertain",
    "consents",
    "count_by_key",
    "duties",
    "export",
    "find",
    "find_by",
    "holder_checks",
    "masked_views",
    "page",
    "report",
    "reseal",
    "reveal",
    "run",
    "standings_statement",
]

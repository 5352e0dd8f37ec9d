"""Prepaid cards: programmes, and everything that a card does.

All verbs that happen to cards go one way: `run` takes a list of commands of any kind, locks their
cards, folds them in order through pure functions, and writes one batch.
"""

from pathlib import Path

from koudai.cards.commands import (
    Activate,
    Adjust,
    Authorise,
    Block,
    Capture,
    CardRef,
    Close,
    Command,
    Exchange,
    Expire,
    Issue,
    Load,
    PaidTo,
    Purpose,
    Reactivate,
    Redeem,
    Refund,
    Renew,
    Reverse,
    Split,
    Transfer,
    Unblock,
    Void,
)
from koudai.cards.model import (
    Activity,
    ActivityType,
    Card,
    CardRefusal,
    CardState,
    Issued,
    Minted,
    Payout,
    Programme,
)
from koudai.cards.notices import DueNotice, due_notices, take_notices
from koudai.cards.numbers import is_number, is_prefix
from koudai.cards.programme import CreateProgramme, create_programmes
from koudai.cards.run import Outcome, exchange, issue, run, split
from koudai.cards.sweep import Swept, sweep, sweep_all
from koudai.cards.verify import CARD_CHECKS
from koudai.cards.views import (
    activities_of_card,
    activity,
    card_by_number,
    cards_by_id,
    find_programmes as programmes_by_id,
    page_cards,
    page_family,
    page_payouts,
    page_programmes,
)
from koudai.ledger import FundingSource
from koudai.pg import Room

ROOM = Room("cards", Path(__file__).parent)

__all__ = [
    "CARD_CHECKS",
    "ROOM",
    "Activate",
    "Activity",
    "ActivityType",
    "Adjust",
    "Authorise",
    "Block",
    "Capture",
    "Card",
    "CardRef",
    "CardRefusal",
    "CardState",
    "Close",
    "Command",
    "CreateProgramme",
    "DueNotice",
    "Exchange",
    "Expire",
    "FundingSource",
    "Issue",
    "Issued",
    "Load",
    "Minted",
    "Outcome",
    "PaidTo",
    "Payout",
    "Programme",
    "Purpose",
    "Reactivate",
    "Redeem",
    "Refund",
    "Renew",
    "Reverse",
    "Split",
    "Swept",
    "Transfer",
    "Unblock",
    "Void",
    "activities_of_card",
    "activity",
    "card_by_number",
    "cards_by_id",
    "create_programmes",
    "due_notices",
    "exchange",
    "is_number",
    "is_prefix",
    "issue",
    "page_cards",
    "page_family",
    "page_payouts",
    "page_programmes",
    "programmes_by_id",
    "run",
    "split",
    "sweep",
    "sweep_all",
    "take_notices",
]

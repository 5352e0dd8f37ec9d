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
    Channel,
    Command,
    Expire,
    Issue,
    Lift,
    Load,
    Purpose,
    Redeem,
    Refund,
    Renew,
    ReportLoss,
    Restrict,
    Reverse,
    SpendSplit,
    Split,
    Transfer,
    Unblock,
    Void,
)
from koudai.cards.model import (
    Activity,
    ActivityType,
    BasketLine,
    Card,
    CardRefusal,
    CardState,
    Issued,
    Judged,
    Minted,
    Programme,
)
from koudai.cards.numbers import is_number, is_prefix
from koudai.cards.programme import CreateProgramme, create_programmes, put_versions
from koudai.cards.restrict import inherit
from koudai.cards.restrictions import Ending, Queued, Restriction, RestrictionKind
from koudai.cards.run import Outcome, issue, run, spend_split, split
from koudai.cards.verify import CARD_CHECKS
from koudai.cards.views import (
    activities_of_card,
    activity,
    card_by_number,
    cards_by_id,
    find_programmes as programmes_by_id,
    page_cards,
    page_family,
    page_judgements,
    page_programmes,
    restrictions_of_card,
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
    "BasketLine",
    "Block",
    "Capture",
    "Card",
    "CardRef",
    "CardRefusal",
    "CardState",
    "Channel",
    "Command",
    "CreateProgramme",
    "Ending",
    "Expire",
    "FundingSource",
    "Issue",
    "Issued",
    "Judged",
    "Lift",
    "Load",
    "Minted",
    "Outcome",
    "Programme",
    "Purpose",
    "Queued",
    "Redeem",
    "Refund",
    "Renew",
    "ReportLoss",
    "Restrict",
    "Restriction",
    "RestrictionKind",
    "Reverse",
    "SpendSplit",
    "Split",
    "Transfer",
    "Unblock",
    "Void",
    "activities_of_card",
    "activity",
    "card_by_number",
    "cards_by_id",
    "create_programmes",
    "inherit",
    "is_number",
    "is_prefix",
    "issue",
    "page_cards",
    "page_family",
    "page_judgements",
    "page_programmes",
    "programmes_by_id",
    "put_versions",
    "restrictions_of_card",
    "run",
    "spend_split",
    "split",
]

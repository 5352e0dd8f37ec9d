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
    ClaimGift,
    Command,
    Expire,
    GiveGift,
    Issue,
    Load,
    Purpose,
    Redeem,
    Refund,
    Renew,
    Replace,
    ReplaceReason,
    ReturnGift,
    Reverse,
    Split,
    Transfer,
    Unblock,
    Void,
    WithdrawGift,
)
from koudai.cards.gift_link import gift_path, token_hash
from koudai.cards.gift_store import find_gifts
from koudai.cards.model import (
    Activity,
    ActivityType,
    Card,
    CardRefusal,
    CardState,
    Gift,
    GiftState,
    Given,
    Issued,
    Minted,
    Programme,
    Words,
)
from koudai.cards.numbers import is_number, is_prefix
from koudai.cards.programme import CreateProgramme, create_programmes
from koudai.cards.run import Outcome, claim, give, issue, replace, run, split
from koudai.cards.sweep import return_due_gifts
from koudai.cards.verify import CARD_CHECKS
from koudai.cards.views import (
    activities_of_card,
    activity,
    card_by_number,
    cards_by_id,
    find_programmes as programmes_by_id,
    page_cards,
    page_family,
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
    "ClaimGift",
    "Command",
    "CreateProgramme",
    "Expire",
    "FundingSource",
    "Gift",
    "GiftState",
    "GiveGift",
    "Given",
    "Issue",
    "Issued",
    "Load",
    "Minted",
    "Outcome",
    "Programme",
    "Purpose",
    "Redeem",
    "Refund",
    "Renew",
    "Replace",
    "ReplaceReason",
    "ReturnGift",
    "Reverse",
    "Split",
    "Transfer",
    "Unblock",
    "Void",
    "WithdrawGift",
    "Words",
    "activities_of_card",
    "activity",
    "card_by_number",
    "cards_by_id",
    "claim",
    "create_programmes",
    "find_gifts",
    "gift_path",
    "give",
    "is_number",
    "is_prefix",
    "issue",
    "page_cards",
    "page_family",
    "page_programmes",
    "programmes_by_id",
    "replace",
    "return_due_gifts",
    "run",
    "split",
    "token_hash",
]

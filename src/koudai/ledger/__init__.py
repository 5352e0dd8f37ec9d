"""Accounts and transfers in double entry; the only room that knows a balance.

Rooms above take a `Sheet` (accounts under lock), move value on it in memory, command by command, and
write it back as one batch. `post` does the same for bare transfers. What was answered under an
idempotency key is kept for ever, per book and across all verbs. `verify` proves all of it again from
the rows.
"""

from pathlib import Path

from koudai.ledger.keys import BARRED, Keys, Memory, request_text
from koudai.ledger.model import LedgerRefusal, Place, Posting
from koudai.ledger.post import post
from koudai.ledger.sheet import Sheet
from koudai.ledger.store import (
    as_keys,
    begin_statement,
    fold_deltas,
    lock_statement,
    open_accounts,
    open_batch,
    recall,
    recall_statement,
    sheet_from,
    write,
)
from koudai.ledger.verify import Check, Finding, Report, verify
from koudai.ledger.views import Turnover, balances, outcome_of_key, turnover
from koudai.pg import Room

ROOM = Room("ledger", Path(__file__).parent)

__all__ = [
    "BARRED",
    "ROOM",
    "Check",
    "Finding",
    "Keys",
    "LedgerRefusal",
    "Memory",
    "Place",
    "Posting",
    "Report",
    "Sheet",
    "Turnover",
    "as_keys",
    "balances",
    "begin_statement",
    "fold_deltas",
    "lock_statement",
    "open_accounts",
    "open_batch",
    "outcome_of_key",
    "post",
    "recall",
    "recall_statement",
    "request_text",
    "sheet_from",
    "turnover",
    "verify",
    "write",
]

"""Accounts and transfers in double entry; the only room that knows a balance.

Rooms above take a `Sheet` (accounts under lock), move value on it in memory, command by command, and
write it back as one batch. `post` does the same for bare transfers. What was answered under an
idempotency key is kept for ever, per book and across all verbs. `verify` proves all of it again from
the rows.
"""

from pathlib import Path

from koudai.ledger.alarms import Alarm, clear_alarm, open_alarms
from koudai.ledger.history import BalanceAt, Line, LiveLot, balance_at, lots_of, statement, tainted
from koudai.ledger.holds import Hold, HoldState
from koudai.ledger.keys import BARRED, Keys, Memory, request_text
from koudai.ledger.limit import Flow, Limit, Per, Subject
from koudai.ledger.limits import Limits, Meter, Slot, count, judge_cap, judge_floor
from koudai.ledger.lot_store import (
    add_provenances,
    add_subjects,
    as_drawn,
    as_hold,
    declare_limits,
    drawn_statement,
    fresh_ids_statement,
    hold_batches,
    holds_of_groups_statement,
    holds_statement,
    limits_of_book,
    lock_subjects_statement,
    lots_statement,
    open_holds_statement,
    owed_statement,
    subjects_between_statement,
    successors,
    whose_holds_statement,
)
from koudai.ledger.lots import (
    BONUS,
    MAY_PASS,
    MAY_REFUND,
    MAY_SELL,
    DrawOrder,
    FundingSource,
    Lot,
    Part,
    Provenance,
    expiry_s,
    proportional,
)
from koudai.ledger.model import Correction, LedgerRefusal, Place, Posting
from koudai.ledger.pocket import Pocket
from koudai.ledger.post import post
from koudai.ledger.sheet import Drawn, Sheet
from koudai.ledger.store import (
    advance_clock,
    as_keys,
    begin_statement,
    close_period,
    fold_deltas,
    index_partitions,
    lock_statement,
    open_accounts,
    open_batch,
    recall_statement,
    roll,
    sheet_from,
    take_unsequenced,
    time_of_book,
    write,
)
from koudai.ledger.verify import Check, Finding, Report, verify
from koudai.ledger.views import SealedBatch, Turnover, balances, legs_of_batch, outcome_of_key, turnover
from koudai.pg import Room

ROOM = Room("ledger", Path(__file__).parent)

__all__ = [
    "BARRED",
    "BONUS",
    "MAY_PASS",
    "MAY_REFUND",
    "MAY_SELL",
    "ROOM",
    "Alarm",
    "BalanceAt",
    "Check",
    "Correction",
    "DrawOrder",
    "Drawn",
    "Finding",
    "Flow",
    "FundingSource",
    "Hold",
    "HoldState",
    "Keys",
    "LedgerRefusal",
    "Limit",
    "Limits",
    "Line",
    "LiveLot",
    "Lot",
    "Memory",
    "Meter",
    "Part",
    "Per",
    "Place",
    "Pocket",
    "Posting",
    "Provenance",
    "Report",
    "SealedBatch",
    "Sheet",
    "Slot",
    "Subject",
    "Turnover",
    "add_provenances",
    "add_subjects",
    "advance_clock",
    "as_drawn",
    "as_hold",
    "as_keys",
    "balance_at",
    "balances",
    "begin_statement",
    "clear_alarm",
    "close_period",
    "count",
    "declare_limits",
    "drawn_statement",
    "expiry_s",
    "fold_deltas",
    "fresh_ids_statement",
    "hold_batches",
    "holds_of_groups_statement",
    "holds_statement",
    "index_partitions",
    "judge_cap",
    "judge_floor",
    "legs_of_batch",
    "limits_of_book",
    "lock_statement",
    "lock_subjects_statement",
    "lots_of",
    "lots_statement",
    "open_accounts",
    "open_alarms",
    "open_batch",
    "open_holds_statement",
    "outcome_of_key",
    "owed_statement",
    "post",
    "proportional",
    "recall_statement",
    "request_text",
    "roll",
    "sheet_from",
    "statement",
    "subjects_between_statement",
    "successors",
    "tainted",
    "take_unsequenced",
    "time_of_book",
    "turnover",
    "verify",
    "whose_holds_statement",
    "write",
]

"""What the ledger speaks of: places, postings, and the reasons why it says no."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec


class LedgerRefusal(StrEnum):
    """Why a posting is refused; where several hold, the first in this order is told."""

    KEY_REUSED = "ledger.key_reused"
    LINKED_CHAIN_OPEN = "ledger.linked_chain_open"
    AMOUNT_NOT_POSITIVE = "ledger.amount_not_positive"
    AMOUNT_TOO_LARGE = "ledger.amount_too_large"
    SAME_ACCOUNT = "ledger.same_account"
    UNKNOWN_ACCOUNT = "ledger.unknown_account"
    UNKNOWN_ALARM = "ledger.unknown_alarm"
    ASSET_MISMATCH = "ledger.asset_mismatch"
    KEPT_IN_LOTS = "ledger.kept_in_lots"
    PERIOD_CLOSED = "ledger.period_closed"
    INSUFFICIENT_BALANCE = "ledger.insufficient_balance"
    BALANCE_TOO_LARGE = "ledger.balance_too_large"
    LIMIT_EXCEEDED = "ledger.limit_exceeded"
    COUNT_EXCEEDED = "ledger.count_exceeded"
    BELOW_MINIMUM = "ledger.below_minimum"
    BELOW_FLOOR = "ledger.below_floor"
    LINKED_FAILED = "ledger.linked_failed"


class Place(NamedTuple):
    """Where an entry stands: its batch, and its number in it. Inside koudai this is its id."""

    batch_id: int
    ordinal: int


class Correction(NamedTuple):
    """Why an entry was made that corrects another one (`corrects`, where there is one).

    Where it `creates` value, `approved_by` is a second person: not the one who made it. Both are
    opaque to the ledger, which holds that they are stated.
    """

    corrects: Place | None
    creates: bool
    reason: str
    made_by: str
    approved_by: str | None = None


class Posting(msgspec.Struct, frozen=True):
    """A wish to move `amount_minor` of `asset` from the account `debit` to the account `credit`.

    `key` is its idempotency key. `linked` ties it to the next posting of the list: a chain of linked
    postings, ended by one that isn't, is booked whole or not at all.
    """

    key: str
    debit: int
    credit: int
    amount_minor: int
    asset: str
    kind: str
    event_at: datetime
    linked: bool = False

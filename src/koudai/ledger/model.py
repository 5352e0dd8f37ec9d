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
    ASSET_MISMATCH = "ledger.asset_mismatch"
    INSUFFICIENT_BALANCE = "ledger.insufficient_balance"
    BALANCE_TOO_LARGE = "ledger.balance_too_large"
    LINKED_FAILED = "ledger.linked_failed"


class Place(NamedTuple):
    """Where an entry stands: its batch, and its number in it. Inside koudai this is its id."""

    batch_id: int
    ordinal: int


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

"""Merchants."""

from datetime import datetime

import msgspec


class Merchant(msgspec.Struct, frozen=True):
    """A merchant: `account_id` is its payable account, which what its customers pay is credited to."""

    id: int
    account_id: int
    asset: str
    name: str
    created_at: datetime

"""Alarms: what a verification found stops payouts, until a person has looked into it and said why it is over."""

from dataclasses import dataclass
from datetime import datetime

from koudai.ledger.lot_store import SQL
from koudai.pg import Tx


@dataclass(frozen=True)
class Alarm:
    """What was found: the check's name, how many rows it named, and the first of them."""

    id: int
    raised_at: datetime
    check: str
    found: int
    first_row: str


async def open_alarms(tx: Tx) -> list[Alarm]:
    """What is open. While there is anything, nothing may be paid out."""
    return [Alarm(*row) for row in await tx.rows(SQL["open_alarms"])]


async def clear_alarm(tx: Tx, alarm_id: int, by: str, reason: str) -> bool:
    """Note who looked into an alarm and why it is over; False when it isn't open."""
    return await tx.row(SQL["clear_alarm"], alarm_id, by, reason) is not None

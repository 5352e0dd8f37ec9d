"""The SQL of renewals and reminders."""

from pathlib import Path
from typing import Any

from koudai.cards.desk import Desk
from koudai.pg import Statements, int8s

SQL = Statements(Path(__file__).with_name("queries.sql"))


def look_again_statements(desk: Desk) -> list[tuple[Any, ...]]:
    """Have those cards looked at for reminders that hold value again, or whose last use may lie further back.

    What becomes active or gets another expiry is looked at again by whoever writes that.
    """
    again = {card_id for card_id in desk.were_empty if desk.cards[card_id].pocket.balance_minor} | desk.used_late
    promises = desk.charter.promises
    ids = [
        card_id
        for card_id in again
        if (told := promises.get(desk.cards[card_id].terms.programme_id)) is not None and told.reminds
    ]
    return [(SQL["look_again"], int8s(ids))] if ids else []

"""What must hold of cards, for the ledger's verification to run."""

from pathlib import Path

from koudai.ledger import Check
from koudai.pg import Statements

SQL = Statements(Path(__file__).with_name("verify.sql"))

_WHOLE = (
    "card_account", "card_newest", "card_state", "refund_total", "refund_parts", "hold_entries", "lot_origin",
    "adjust_reason", "limit_counter", "lineage", "closed_card", "card_expiry", "payout_register",
)  # fmt: skip

CARD_CHECKS = tuple(Check(f"cards.{name}", text, ranged=name not in _WHOLE) for name, text in SQL.items())

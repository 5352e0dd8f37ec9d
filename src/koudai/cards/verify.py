"""What must hold of cards, for the ledger's verification to run."""

from pathlib import Path

from koudai.ledger import Check
from koudai.pg import Statements

SQL = Statements(Path(__file__).with_name("verify.sql"))

_WHOLE = (
    "adjust_reason",
    "basket",
    "card_account",
    "card_expiry",
    "card_newest",
    "card_state",
    "cashback_given",
    "cashback_taken",
    "closed_card",
    "gift_entries",
    "gift_lock",
    "gift_words",
    "hold_entries",
    "judgement_book",
    "limit_counter",
    "lineage",
    "lot_origin",
    "pay_code_live",
    "pay_code_used",
    "payment_refunded",
    "payment_used",
    "payout_register",
    "pin_flag",
    "pin_made_for",
    "refund_parts",
    "refund_total",
    "reminder_line",
    "reissue",
    "restriction_continued",
    "restriction_count",
    "restriction_entries",
    "restriction_lifted",
    "stock_count",
    "stock_sale",
    "stock_way",
    "tally",
    "tender",
    "voided_sale",
)

CARD_CHECKS = tuple(Check(f"cards.{name}", text, ranged=name not in _WHOLE) for name, text in SQL.items())

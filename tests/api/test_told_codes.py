"""The description of an operation names every code that its rule can refuse with."""

import pytest

from koudai.api.operations import OPERATIONS
from koudai.cards import CardRefusal
from koudai.ledger import LedgerRefusal
from koudai.policy import PolicyRefusal
from koudai.programmes import ProgrammeRefusal
from tests.api.reach import source

RULES = {
    "issue_gift_card": ("issue",),
    "split_gift_card": ("split",),
    "spend_and_split_gift_card": ("spend_split",),
    "exchange_gift_card": ("exchange",),
    "replace_gift_card": ("replace",),
    "give_gift_card": ("give",),
    "claim_gift": ("claim",),
    "withdraw_gift": ("withdraw",),
    "restrict_gift_card": ("restrict",),
    "lift_gift_card_restriction": ("lift",),
    "continue_gift_card_restriction": ("go_on",),
    "report_gift_card_lost": ("report_loss",),
    "set_gift_card_pin": ("set_pin",),
    "change_gift_card_pin": ("change_pin",),
    "reset_gift_card_pin": ("reset_pin",),
    "create_stock": ("create_stock",),
    "print_stock": ("print_cards",),
    "receive_stock": ("receive",),
    "write_off_stock": ("write_off",),
    "sell_stock": ("sell",),
    "call_off_stock": ("call_off",),
    "void_stock_sale": ("void_sale",),
    "create_gift_card_activity": (
        "change_state", "block", "unblock", "load", "redeem", "refund", "reverse", "authorise", "capture", "void",
        "transfer", "adjust", "expire", "renew", "reactivate", "close",
    ),
}  # fmt: skip

NEVER = {
    # The number is hashed, or the id opened, before a command is made of it; amounts and places are the decoder's.
    "LedgerRefusal.AMOUNT_NOT_POSITIVE", "LedgerRefusal.AMOUNT_TOO_LARGE", "CardRefusal.AMOUNT_NOT_POSITIVE",
}  # fmt: skip
"""What no operation is refused for, since its request can't be made."""

LAW = {"law", "ProgrammeRefusal.ISSUER_FIGURE_MISSING", *(f"PolicyRefusal.{one.name}" for one in PolicyRefusal)}
OF_TIME = {"CardRefusal.EXPIRED", "CardRefusal.EXPIRED_OVER"}
OF_CODES = {f"CardRefusal.PAY_CODE_{one}" for one in ("USED", "REPLACED", "EXPIRED")} | {"CardRefusal.UNKNOWN_PAY_CODE"}
ELSEWHERE = {
    # A card that is just made isn't past its time; a restriction names clauses, and asks no judge.
    "issue_gift_card": OF_TIME,
    "create_stock": OF_TIME,
    "restrict_gift_card": LAW,
    "continue_gift_card_restriction": LAW,
    "report_gift_card_lost": LAW,
    # It is named by its id, holds nothing back, and loads nothing.
    "spend_and_split_gift_card": {*OF_CODES, "CardRefusal.BAD_TERM", "CardRefusal.BALANCE_CAP_EXCEEDED",
                                  "LedgerRefusal.BALANCE_TOO_LARGE"},
    # Who claims isn't told what the giver may still give; of limits only what he himself may hold.
    "claim_gift": {"CardRefusal.DEVICE_MISSING", "CardRefusal.NOT_TRANSFERABLE", "CardRefusal.INSUFFICIENT_BALANCE",
                   "CardRefusal.AMOUNT_RESTRICTED", "LedgerRefusal.COUNT_EXCEEDED", "LedgerRefusal.BELOW_MINIMUM",
                   "LedgerRefusal.BELOW_FLOOR"},
    # What a load shares a file with: returned goods, and pay codes.
    "sell_stock": {"CardRefusal.BAD_TERM", "CardRefusal.OTHER_CARD_NEEDED", "CardRefusal.OTHER_HOLDER",
                   "CardRefusal.OTHER_KIND", "CardRefusal.REFUND_EXCEEDS_PAID", "CardRefusal.SAME_CARD",
                   "CardRefusal.UNKNOWN_MERCHANT", "CardRefusal.UNKNOWN_PAY_CODE", "CardRefusal.UNKNOWN_REDEMPTION"},
}  # fmt: skip
"""What the way through the source comes past, and the operation can't."""

ENUMS = {one.__name__: one for one in (CardRefusal, LedgerRefusal, PolicyRefusal, ProgrammeRefusal)}
OF_LAW = {PolicyRefusal.OVER_LIMIT, PolicyRefusal.BELOW_LIMIT, PolicyRefusal.FORBIDDEN, PolicyRefusal.REQUIRED}


@pytest.mark.parametrize("name", RULES)
def test_every_code_of_its_rule_is_told(name):
    (operation,) = (one for one in OPERATIONS if one.name == name)
    found = set().union(*(source().reached("koudai.cards.rules", rule) for rule in RULES[name]))
    found -= NEVER | ELSEWHERE.get(name, set())
    codes = {getattr(ENUMS[enum], member) for enum, _, member in (one.partition(".") for one in found) if member}
    if "law" in found:
        codes |= OF_LAW
    assert sorted(codes - set(operation.codes)) == []

"""What operations on cards have in common that they are refused for."""

from koudai.cards import CardRefusal as R
from koudai.ledger import LedgerRefusal
from koudai.policy import PolicyRefusal
from koudai.programmes import ProgrammeRefusal

OF_LAW = (
    PolicyRefusal.OVER_LIMIT, PolicyRefusal.BELOW_LIMIT, PolicyRefusal.FORBIDDEN, PolicyRefusal.REQUIRED,
    ProgrammeRefusal.ISSUER_FIGURE_MISSING,
)  # fmt: skip
"""What a clause refuses with, or that the figure that it needs isn't stated."""

STOPPED = (
    R.NOT_ACTIVE, R.NOT_ACTIVE_YET, R.BLOCKED, R.RESTRICTED, R.DEACTIVATED, R.REPLACED, R.GIFT_PENDING, R.EXPIRED,
    R.EXPIRED_OVER,
)  # fmt: skip
"""Why a card does nothing."""

OF_LIMITS = (
    LedgerRefusal.LIMIT_EXCEEDED, LedgerRefusal.COUNT_EXCEEDED, LedgerRefusal.BELOW_MINIMUM, R.DEVICE_MISSING,
)  # fmt: skip
"""Which limit on a flow stands against it."""

TOO_LITTLE = (R.INSUFFICIENT_BALANCE, R.AMOUNT_RESTRICTED)
"""Why there isn't enough on a card."""

OF_PAYING = (
    R.UNKNOWN_MERCHANT, R.BASKET_MISMATCH, R.BASKET_MISSING, ProgrammeRefusal.MERCHANT_NOT_ACCEPTED,
    ProgrammeRefusal.SCENARIO_NOT_ACCEPTED, ProgrammeRefusal.GOODS_NOT_ACCEPTED, ProgrammeRefusal.GOODS_EXCLUDED,
    R.NO_PIN, R.PIN_MISSING, R.PIN_NEEDS_DEVICE, R.PIN_WRONG, R.PIN_LOCKED, R.PIN_DEVICE_LOCKED,
)  # fmt: skip
"""Who is paid for what, and what the payer shows for it."""

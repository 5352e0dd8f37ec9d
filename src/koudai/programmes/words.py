"""The words that a programme's document is written in, and why one is not taken."""

from collections.abc import Mapping
from enum import StrEnum


class ProgrammeMistake(StrEnum):
    """What is wrong with a programme's document beyond its form."""

    UNKNOWN_CURRENCY = "programmes.unknown_currency"
    UNKNOWN_PACK = "programmes.unknown_pack"
    PACK_NOT_FOR_CLASS = "programmes.pack_not_for_class"
    NO_KIND = "programmes.no_kind"
    NO_SCENARIO = "programmes.no_scenario"
    NOTHING_ACCEPTED = "programmes.nothing_accepted"
    BOUNDS_REVERSED = "programmes.bounds_reversed"
    BAD_LIMIT = "programmes.bad_limit"
    LIMIT_TWICE = "programmes.limit_twice"
    TWICE = "programmes.twice"
    LISTED_AND_EXCLUDED = "programmes.listed_and_excluded"
    PIN_WITHOUT_CARRIER = "programmes.pin_without_carrier"
    NEVER_EXPIRES = "programmes.never_expires"
    NO_RENEWAL = "programmes.no_renewal"
    NOTICE_TOO_EARLY = "programmes.notice_too_early"
    NAMED_NEEDS_IDENTITY = "programmes.named_needs_identity"
    CASHBACK_OUTSIDE = "programmes.cashback_outside"
    NO_CASHBACK_RATE = "programmes.no_cashback_rate"
    SANDBOX_MARK_MISSING = "programmes.sandbox_mark_missing"
    PACK_REFUSES_CURRENCY = "programmes.pack_refuses_currency"
    VOUCHER_NOT_FIXED = "programmes.voucher_not_fixed"
    VOUCHER_NOT_ONCE = "programmes.voucher_not_once"


class ProgrammeRefusal(StrEnum):
    """Why a version isn't put, a gate not entered, a programme not launched, or a line of a basket not payable."""

    NOT_VALID = "programmes.not_valid"
    CURRENCY_CHANGED = "programmes.currency_changed"
    RECLASSIFIED = "programmes.reclassified"
    VERSION_EXISTS = "programmes.version_exists"
    DATED_BEFORE_NOW = "programmes.dated_before_now"
    SANDBOX_ONLY = "programmes.sandbox_only"
    GATE_MISSING = "programmes.gate_missing"
    NO_VERSION = "programmes.no_version"
    BREAKS_LAW = "programmes.breaks_law"
    ALREADY_LIVE = "programmes.already_live"
    MERCHANT_NOT_ACCEPTED = "programmes.merchant_not_accepted"
    SCENARIO_NOT_ACCEPTED = "programmes.scenario_not_accepted"
    GOODS_NOT_ACCEPTED = "programmes.goods_not_accepted"
    GOODS_EXCLUDED = "programmes.goods_excluded"
    PREFIX_CHANGED = "programmes.prefix_changed"
    BOUND_TOO_LATE = "programmes.bound_too_late"
    ISSUER_MISSING = "programmes.issuer_missing"
    ISSUER_FIGURE_MISSING = "programmes.issuer_figure_missing"
    BAD_DAY = "programmes.bad_day"
    PILOT_EXISTS = "programmes.pilot_exists"
    PILOT_NOT_NAMED = "programmes.pilot_not_named"
    NOT_UNVERIFIED = "programmes.not_unverified"


class ProgrammeFault(StrEnum):
    """Why a document isn't found."""

    UNREADABLE = "programmes.unreadable"
    UNKNOWN_VERSION = "programmes.unknown_version"


class Kind(StrEnum):
    """Whether a card is somebody's by name, or whoever's holds it."""

    REGISTERED = "registered"
    BEARER = "bearer"


class Carrier(StrEnum):
    """What a card's number is on; a bare code has none."""

    VIRTUAL = "virtual"
    PHYSICAL = "physical"


class Start(StrEnum):
    """What the days of validity count from."""

    ISSUE = "issue"
    ACTIVATION = "activation"


class Renewal(StrEnum):
    """What happens when the days are over."""

    NONE = "none"
    ON_REQUEST = "on_request"
    AUTOMATIC = "automatic"


class Identity(StrEnum):
    """How well somebody has to be known: not at all, by what they state, or by an outside source."""

    ANONYMOUS = "anonymous"
    REGISTERED = "registered"
    VERIFIED = "verified"


class Receiver(StrEnum):
    """To whom a card may be given."""

    NAMED = "named"
    ANYBODY = "anybody"


class Pin(StrEnum):
    """Whether cards have a PIN."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Scenario(StrEnum):
    """The eight classes of what cards pay for (P3). The source names the first three of them."""

    ECOMMERCE = "ecommerce"
    OFFLINE_RETAIL = "offline_retail"
    LOCAL_SERVICES = "local_services"
    DINING = "dining"
    GROCERIES = "groceries"
    TRAVEL = "travel"
    ENTERTAINMENT = "entertainment"
    HEALTH_BEAUTY = "health_beauty"


class Commission(StrEnum):
    """What merchants of a scenario class pay by (M2)."""

    ECOMMERCE = "ecommerce"
    RESTAURANT = "restaurant"
    LOCAL_SERVICES = "local_services"


COMMISSION_BPS: Mapping[Commission, tuple[int, int]] = {
    Commission.ECOMMERCE: (1200, 1500),
    Commission.RESTAURANT: (800, 1000),
    Commission.LOCAL_SERVICES: (1500, 1800),
}
"""From how much to how much each commission class pays, in basis points (M2)."""

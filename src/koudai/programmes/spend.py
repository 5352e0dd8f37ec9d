"""What a programme pays for, and what comes back of it. Pure."""

from collections.abc import Sequence

import msgspec

from koudai.base import Refused
from koudai.programmes.model import Goods, Programme
from koudai.programmes.words import ProgrammeRefusal, Scenario

_WHOLE_BPS = 10_000


class MerchantFacts(msgspec.Struct, frozen=True):
    """What is asked of a merchant: the name by which documents list it, and what it is for."""

    ref: str
    scenario: Scenario


class Line(msgspec.Struct, frozen=True):
    """A line of a basket: what of which class of goods, for how much (minor units)."""

    sku: str
    goods_class: str
    amount_minor: int


def payable_lines(programme: Programme, merchant: MerchantFacts, lines: Sequence[Line]) -> list[Refused | None]:
    """For each line why it isn't payable, or None where it is.

    The merchant is asked first, then the goods: a SKU that is excluded or listed by itself, then its class.
    """
    refused = merchant_refusal(programme, merchant)
    if refused is not None:
        return [refused] * len(lines)
    whitelist, excluded = programme.accepts.goods, programme.accepts.excluded
    if whitelist is None and excluded == Goods():
        return [None] * len(lines)
    listed = None if whitelist is None else (frozenset(whitelist.skus), frozenset(whitelist.classes))
    barred = frozenset(excluded.skus), frozenset(excluded.classes)
    return [_line_refusal(line, listed, barred) for line in lines]


def merchant_refusal(programme: Programme, merchant: MerchantFacts) -> Refused | None:
    """Why a merchant isn't paid by the cards of a programme, or None where it is."""
    if programme.commission_of(merchant.scenario) is None:
        return Refused(ProgrammeRefusal.SCENARIO_NOT_ACCEPTED, {"scenario": str(merchant.scenario)})
    merchants = programme.accepts.merchants
    if merchants is not None and merchant.ref not in merchants:
        return Refused(ProgrammeRefusal.MERCHANT_NOT_ACCEPTED, {"merchant": merchant.ref})
    return None


_Listed = tuple[frozenset[str], frozenset[str]]


def _line_refusal(line: Line, listed: _Listed | None, barred: _Listed) -> Refused | None:
    facts = {"sku": line.sku, "goods_class": line.goods_class}
    if line.sku in barred[0]:
        return Refused(ProgrammeRefusal.GOODS_EXCLUDED, facts)
    if listed is not None and line.sku in listed[0]:
        return None
    if line.goods_class in barred[1]:
        return Refused(ProgrammeRefusal.GOODS_EXCLUDED, facts)
    if listed is not None and line.goods_class not in listed[1]:
        return Refused(ProgrammeRefusal.GOODS_NOT_ACCEPTED, facts)
    return None


def cashback_minor(programme: Programme, merchant: MerchantFacts, amount_minor: int, given_today_minor: int) -> int:
    """What comes back of a payment (P6), in minor units; 0 where nothing is promised.

    `given_today_minor` is what the card got on this Chinese day already. Rounded toward zero (`Rounding.TOWARD_ZERO`):
    never more than the rate says.
    """
    cashback = programme.cashback
    if cashback is None or (cashback.merchants is not None and merchant.ref not in cashback.merchants):
        return 0
    rate_bps: int = getattr(cashback.rates_bps, merchant.scenario) or 0
    back_minor = amount_minor * rate_bps // _WHOLE_BPS
    if cashback.day_max_minor is not None:
        back_minor = min(back_minor, cashback.day_max_minor - given_today_minor)
    return max(back_minor, 0)

"""What a programme pays for, and what comes back of it. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from koudai.base import Refused
from koudai.programmes.last import end_of_day
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


class Spending:
    """What the cards of a programme pay for. Its lists are made ready once: a whitelist may have thousands of names."""

    def __init__(self, programme: Programme) -> None:
        accepts, cashback = programme.accepts, programme.cashback
        self._programme = programme
        self._merchants = None if accepts.merchants is None else frozenset(accepts.merchants)
        self._listed = None if accepts.goods is None else _Goods(accepts.goods)
        self._barred = _Goods(accepts.excluded)
        self._rewarded = None if cashback is None or cashback.merchants is None else frozenset(cashback.merchants)

    @property
    def judges_goods(self) -> bool:
        """Whether goods are listed or excluded, so that a payment has to state its lines."""
        return self._listed is not None or bool(self._barred.skus or self._barred.classes)

    def merchant_refusal(self, merchant: MerchantFacts) -> Refused | None:
        """Why a merchant isn't paid by these cards, or None where it is."""
        if self._programme.commission_of(merchant.scenario) is None:
            return Refused(ProgrammeRefusal.SCENARIO_NOT_ACCEPTED, {"scenario": str(merchant.scenario)})
        if self._merchants is not None and merchant.ref not in self._merchants:
            return Refused(ProgrammeRefusal.MERCHANT_NOT_ACCEPTED, {"merchant": merchant.ref})
        return None

    def payable_lines(self, merchant: MerchantFacts, lines: Sequence[Line]) -> list[Refused | None]:
        """For each line why it isn't payable, or None where it is.

        The merchant is asked first, then the goods: a SKU that is excluded or listed by itself, then its class.
        """
        refused = self.merchant_refusal(merchant)
        return [self._line_refusal(line) if refused is None else refused for line in lines]

    def _line_refusal(self, line: Line) -> Refused | None:
        listed, barred = self._listed, self._barred
        code: ProgrammeRefusal | None = None
        if line.sku in barred.skus:
            code = ProgrammeRefusal.GOODS_EXCLUDED
        elif listed is not None and line.sku in listed.skus:
            code = None
        elif line.goods_class in barred.classes:
            code = ProgrammeRefusal.GOODS_EXCLUDED
        elif listed is not None and line.goods_class not in listed.classes:
            code = ProgrammeRefusal.GOODS_NOT_ACCEPTED
        return None if code is None else Refused(code, {"sku": line.sku, "goods_class": line.goods_class})

    def cashback_minor(self, merchant: MerchantFacts, amount_minor: int, given_today_minor: int) -> int:
        """What comes back of a payment (P6), in minor units; 0 where nothing is promised.

        `given_today_minor` is what the card got on this Chinese day already. Rounded toward zero
        (`Rounding.TOWARD_ZERO`): never more than the rate says.
        """
        cashback = self._programme.cashback
        if cashback is None or (self._rewarded is not None and merchant.ref not in self._rewarded):
            return 0
        rate_bps: int = getattr(cashback.rates_bps, merchant.scenario) or 0
        back_minor = amount_minor * rate_bps // _WHOLE_BPS
        if cashback.day_max_minor is not None:
            back_minor = min(back_minor, cashback.day_max_minor - given_today_minor)
        return max(back_minor, 0)

    def cashback_lapses_at(self, given_at: datetime) -> datetime | None:
        """When cashback lapses: at the end of the last of its days, counted from the day after it was given.

        None: never.
        """
        cashback = self._programme.cashback
        return None if cashback is None or cashback.valid_days is None else end_of_day(given_at, cashback.valid_days)


class _Goods:
    """Goods by SKU and by class, to be looked up."""

    def __init__(self, goods: Goods) -> None:
        self.skus = frozenset(goods.skus)
        self.classes = frozenset(goods.classes)

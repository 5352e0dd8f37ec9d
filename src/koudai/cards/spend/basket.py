"""Baskets: which lines of a payment its card may pay, and what is told of each (P3). Pure.

A card whose programme has a document pays where that says so. Where the document lists or excludes goods, a payment
has to state its lines, since nothing could be checked otherwise. Without a document lines are kept for the record.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from koudai.base import Refused
from koudai.cards.commands import Authorise, Redeem
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import Activity, BasketLine
from koudai.cards.refusals import CardRefusal
from koudai.merchants import Merchant
from koudai.programmes import Line, MerchantFacts, Scenario


class Basket(NamedTuple):
    """Lines as they were judged: why each isn't payable (None: it is), and what the payable ones come to."""

    lines: Sequence[Line]
    refusals: Sequence[Refused | None]
    payable_minor: int

    def paid(self, amount_minor: int) -> tuple[BasketLine, ...]:
        """What an amount pays of each payable line, in their order: the money ends in one of them."""
        told = []
        for line, refused in zip(self.lines, self.refusals, strict=True):
            part = min(line.amount_minor, amount_minor) if refused is None else 0
            amount_minor -= part
            reason = None if refused is None else refused.code
            told.append(BasketLine(line.sku, line.goods_class, line.amount_minor, part, reason))
        assert amount_minor == 0, "no more is paid than what is payable"
        return tuple(told)


def facts_of(merchant: Merchant) -> MerchantFacts:
    """A merchant as documents ask for it; one without a ref is on none of their lists."""
    return MerchantFacts(merchant.ref or "", Scenario(merchant.scenario))


def judge_basket(card: HeldCard, merchant: Merchant, command: Redeem | Authorise) -> Basket | Refused | None:
    """The lines of a payment as they were judged, None where there are none; or why it is refused.

    Where a line isn't payable all of it is refused, with the code of the first such line and all of them in the
    facts, unless a part was asked for and another line is payable.
    """
    lines, promised = command.lines, card.promised
    if lines is not None:
        total = sum(line.amount_minor for line in lines)
        if total != command.amount_minor or min(line.amount_minor for line in lines) <= 0:
            facts = {"lines_minor": total, "amount_minor": command.amount_minor, "currency": card.asset}
            return Refused(CardRefusal.BASKET_MISMATCH, facts)
    if promised is None:
        return None if lines is None else Basket(lines, [None] * len(lines), command.amount_minor)
    facts_asked = facts_of(merchant)
    refused = promised.spending.merchant_refusal(facts_asked)
    if refused is not None:
        # The name is only told: by a ref alone a list knows a merchant.
        return refused if merchant.ref or "merchant" not in refused.facts else _named(refused, merchant)
    if lines is None:
        return Refused(CardRefusal.BASKET_MISSING) if promised.spending.judges_goods else None
    refusals = promised.spending.payable_lines(facts_asked, lines)
    payable_minor = sum(line.amount_minor for line, no in zip(lines, refusals, strict=True) if no is None)
    if payable_minor == command.amount_minor or (command.partial and payable_minor):
        return Basket(lines, refusals, payable_minor)
    return _refused_lines(refusals)


def _named(refused: Refused, merchant: Merchant) -> Refused:
    return Refused(refused.code, {**refused.facts, "merchant": merchant.name})


def _refused_lines(refusals: Sequence[Refused | None]) -> Refused:
    """The refusal of a basket: that of its first line which isn't payable, with all of those by their numbers."""
    told = [(number, no) for number, no in enumerate(refusals, 1) if no is not None]
    lines = [{"line": number, "code": no.code, **no.facts} for number, no in told]
    first = told[0][1]
    return Refused(first.code, {**first.facts, "refused_lines": lines})


def state_tender(desk: Desk, made: Activity, command: Redeem | Authorise, basket: Basket | None) -> Activity:
    """The entry of a payment with its lines and the rest of its tender, both of which are kept."""
    remaining = command.amount_minor - made.amount_minor
    if not remaining and basket is None:
        return made
    ordinal, lines = made.place.ordinal, () if basket is None else basket.paid(made.amount_minor)
    desk.lines += [(ordinal, number, *msgspec.structs.astuple(line)) for number, line in enumerate(lines, 1)]
    if remaining:
        desk.tenders.append((ordinal, command.amount_minor))
    told = desk.made[made.place] = msgspec.structs.replace(made, lines=lines, remaining_minor=remaining)
    return told

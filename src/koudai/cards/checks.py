"""What several rules ask before they let value move: a reason to refuse, or None."""

from datetime import datetime

from koudai.base import MAX_MINOR, Refused
from koudai.cards.commands import CardRef
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import CardRefusal, CardState
from koudai.ledger import Flow, Slot, judge_cap, judge_floor


def card_of(desk: Desk, ref: CardRef | None) -> HeldCard | None:
    """A locked card by its id or the hash of its number."""
    card_id = desk.ids_of_numbers.get(ref) if isinstance(ref, bytes) else ref
    return None if card_id is None else desk.cards.get(card_id)


def bad_amount(amount_minor: int) -> Refused | None:
    """An amount must be positive, and not longer than money is."""
    if amount_minor <= 0:
        return Refused(CardRefusal.AMOUNT_NOT_POSITIVE, {"amount_minor": amount_minor})
    if amount_minor > MAX_MINOR:
        return Refused(CardRefusal.AMOUNT_TOO_LARGE, {"limit_minor": MAX_MINOR})
    return None


def bad_asset(asset: str, *expected: str) -> Refused | None:
    """An amount must be in the asset of everything that it touches."""
    for other in expected:
        if other != asset:
            return Refused(CardRefusal.CURRENCY_MISMATCH, {"currency": asset, "expected": other})
    return None


def not_usable(card: HeldCard) -> Refused | None:
    """Value leaves a card, or is loaded on it, only while it is active and wasn't replaced."""
    if card.state is CardState.PENDING:
        return Refused(CardRefusal.NOT_ACTIVE)
    if card.state is CardState.BLOCKED:
        return Refused(CardRefusal.BLOCKED)
    if card.pocket.successor_id is not None:
        return Refused(CardRefusal.REPLACED)
    return None


def too_little(card: HeldCard, available_minor: int, amount_minor: int) -> Refused:
    """There isn't enough to draw."""
    facts = {"available_minor": available_minor, "amount_minor": amount_minor, "currency": card.asset}
    return Refused(CardRefusal.INSUFFICIENT_BALANCE, facts)


def over_balance_cap(desk: Desk, card: HeldCard, amount_minor: int) -> Refused | None:
    """What a card, or its holder together, would hold more than the programme allows."""
    held = card.pocket.balance_minor
    cap = card.terms.max_balance_minor
    if cap is not None and held + amount_minor > cap:
        facts = {
            "limit": "max_balance_minor",
            "limit_minor": cap,
            "left_minor": max(0, cap - held),
            "resets_at": None,
            "currency": card.asset,
        }
        return Refused(CardRefusal.BALANCE_CAP_EXCEEDED, facts)
    for limit in card.terms.card_bounds:
        over = judge_cap(limit, held, amount_minor, card.asset)
        if over:
            return over
    meter = desk.meter_of_holder(card)
    for limit in card.terms.holder_bounds if meter else ():
        assert meter is not None
        over = judge_cap(limit, meter.held_minor(limit), amount_minor, card.asset)
        if over:
            return over
    return None


def below_floor(desk: Desk, card: HeldCard, amount_minor: int) -> Refused | None:
    """What a card, without what is reserved, or its holder together, must keep."""
    if not card.terms.card_bounds and not card.terms.holder_bounds:
        return None
    for limit in card.terms.card_bounds:
        kept = card.pocket.balance_minor - card.pocket.held_minor
        under = judge_floor(limit, kept, amount_minor, card.asset)
        if under:
            return under
    meter = desk.meter_of_holder(card)
    for limit in card.terms.holder_bounds if meter else ():
        assert meter is not None
        under = judge_floor(limit, meter.held_minor(limit), amount_minor, card.asset)
        if under:
            return under
    return None


def within_limits(
    desk: Desk, card: HeldCard, flow: Flow, amount_minor: int, at: datetime, *, device: str | None = None,
    recipient: str | None = None,
) -> Refused | list[Slot]:  # fmt: skip
    """The first limit on a flow that an amount would pass; else where to count it, once it is accepted."""
    limits = card.terms.limits[flow]
    if not limits.kinds and not limits.single:
        return []
    return limits.judge(desk.meters(card, flow, device, recipient), amount_minor, desk.seconds(at), card.asset)

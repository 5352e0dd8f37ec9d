"""What several rules ask before they let value move: a reason to refuse, or None."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from koudai.base import MAX_MINOR, Refused, render_time
from koudai.cards.commands import Authorise, CardRef, Redeem
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import Stack, amount_bound, bound_minor, stopped_by
from koudai.cards.secrets.codes import PayCode
from koudai.cards.spend.basket import Basket, judge_basket
from koudai.cards.spend.shown import not_shown
from koudai.ledger import Flow, Limit, Slot, judge_cap, judge_floor
from koudai.merchants import Merchant

_Judge = Callable[[Limit, int, int, str], Refused | None]
"""Judges a limit on balances: by what is held, and by what comes or goes."""

MAX_TTL_S = 366 * 86_400
"""How long a hold may last."""


def card_of(desk: Desk, ref: CardRef | None) -> HeldCard | None:
    """A locked card by its id or the hash of its number.

    One that this very batch makes is nobody's to name in a book under a law: its id wasn't told yet, and what the law
    asks of it wasn't read.
    """
    card_id = desk.ids_of_numbers.get(ref) if isinstance(ref, bytes) else ref
    card = None if card_id is None else desk.cards.get(card_id)
    return None if card is None or (card.pocket.at is None and desk.charter.promises) else card


def bad_amount(amount_minor: int) -> Refused | None:
    """An amount must be positive, and not longer than money is."""
    if amount_minor <= 0:
        return Refused(CardRefusal.AMOUNT_NOT_POSITIVE, {"amount_minor": amount_minor})
    if amount_minor > MAX_MINOR:
        return Refused(CardRefusal.AMOUNT_TOO_LARGE, {"limit_minor": MAX_MINOR})
    return None


def card_for(desk: Desk, ref: CardRef | None, amount_minor: int) -> HeldCard | Refused:
    """The locked card that an amount moves on; a bad amount, or a card that nobody knows, is refused."""
    return bad_amount(amount_minor) or card_of(desk, ref) or _unknown(ref)


def _unknown(ref: CardRef | None) -> Refused:
    return Refused(CardRefusal.UNKNOWN_PAY_CODE if isinstance(ref, PayCode) else CardRefusal.UNKNOWN_CARD)


def bad_asset(asset: str, *expected: str) -> Refused | None:
    """An amount must be in the asset of everything that it touches."""
    for other in expected:
        if other != asset:
            return Refused(CardRefusal.CURRENCY_MISMATCH, {"currency": asset, "expected": other})
    return None


def not_usable(card: HeldCard, *, stranger: bool = False, although_expired: bool = False) -> Refused | None:
    """Value leaves a card, or is loaded on it, only while it is active, wasn't replaced, and its time isn't over.

    A `stranger`, whose card it isn't, isn't told who restricts it.
    """
    replaced = card.pocket.successor_id is not None
    waits = card.gift_until, card.waits_until
    bad = stopped(card.state, card.restrictions, *waits, replaced=replaced, stranger=stranger)
    return bad or (None if although_expired else card.lapsed)


def stopped(
    state: CardState, restrictions: Stack, gift_until: datetime | None, waits_until: datetime | None, *, replaced: bool,
    stranger: bool = False,
) -> Refused | None:  # fmt: skip
    """Why a card in a state is of no use now."""
    if state is CardState.DEACTIVATED and not replaced:
        return Refused(CardRefusal.DEACTIVATED)
    if state is CardState.PENDING:
        return Refused(CardRefusal.NOT_ACTIVE)
    if state is CardState.BLOCKED:
        return stopped_by(restrictions, stranger=stranger)
    if replaced:
        return Refused(CardRefusal.REPLACED)
    if waits_until is not None:
        return Refused(CardRefusal.NOT_ACTIVE_YET, {"active_at": render_time(waits_until)})
    return None if gift_until is None else pending(gift_until)


def pending(gift_until: datetime) -> Refused:
    """The card waits until then for who claims it as a gift."""
    return Refused(CardRefusal.GIFT_PENDING, {"claim_until": render_time(gift_until)})


def has_holds(card: HeldCard) -> Refused | None:
    """What holds reserve stays where it is, so a card with holds is neither issued anew nor closed."""
    if not card.pocket.held_minor:
        return None
    return Refused(CardRefusal.HAS_HOLDS, {"held_minor": card.pocket.held_minor, "currency": card.asset})


def available_of(desk: Desk, card: HeldCard) -> int:
    """What of a card can be drawn now: neither reserved nor expired, and what its restrictions leave of that."""
    available = card.pocket.available_minor(desk.sheet.now_s)
    return max(0, available - bound_minor(card.restrictions)) if card.restrictions else available


def too_little(card: HeldCard, available_minor: int, amount_minor: int, free_minor: int = 0) -> Refused:
    """There isn't enough to draw, or there is (`free_minor`) and restrictions bind it."""
    if free_minor >= amount_minor and card.restrictions:
        return amount_bound(card.restrictions, available_minor, amount_minor, card.asset)
    facts = {"available_minor": available_minor, "amount_minor": amount_minor, "currency": card.asset}
    return Refused(CardRefusal.INSUFFICIENT_BALANCE, facts)


def over_balance_cap(
    desk: Desk, card: HeldCard, amount_minor: int, *, holder_gets_minor: int | None = None
) -> Refused | None:  # fmt: skip
    """What a card, or its holder together, would hold more than the programme allows.

    The holder gets as much as the card where nothing else is said: of what he had on another card he gets nothing.
    """
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
    return _out_of_bounds(desk, card, held, amount_minor, holder_gets_minor, judge_cap)


def below_floor(
    desk: Desk, card: HeldCard, amount_minor: int, *, holder_gives_minor: int | None = None
) -> Refused | None:  # fmt: skip
    """What a card, without what is reserved, or its holder together, must keep.

    The holder gives as much as the card where nothing else is said: what goes to another card of his he keeps.
    """
    kept = card.pocket.balance_minor - card.pocket.held_minor
    return _out_of_bounds(desk, card, kept, amount_minor, holder_gives_minor, judge_floor)


def _out_of_bounds(
    desk: Desk, card: HeldCard, held_minor: int, amount_minor: int, of_holder_minor: int | None, judge: _Judge
) -> Refused | None:  # fmt: skip
    """The first limit on balances, of the card and then of its holder, that an amount would break."""
    terms = card.terms
    for limit in terms.card_bounds:
        broken = judge(limit, held_minor, amount_minor, card.asset)
        if broken:
            return broken
    of_holder = amount_minor if of_holder_minor is None else of_holder_minor
    return holder_out_of_bounds(desk, card, of_holder, judge) if of_holder else None


def holder_out_of_bounds(desk: Desk, card: HeldCard, amount_minor: int, judge: _Judge) -> Refused | None:
    """The first limit on what a card's holder has together that an amount would break."""
    meter = desk.meter_of_holder(card) if card.terms.holder_bounds else None
    if meter is not None:
        for limit in card.terms.holder_bounds:
            broken = judge(limit, meter.held_minor(limit), amount_minor, card.asset)
            if broken:
                return broken
    return None


def within_limits(
    desk: Desk, card: HeldCard, flow: Flow, amount_minor: int, at: datetime, *, device: str | None = None,
    recipient: str | None = None, device_needed: bool = True,
) -> Refused | list[Slot]:  # fmt: skip
    """The first limit on a flow that an amount would pass; else where to count it, once it is accepted.

    What a document limits by device says on which it is asked for, or it would be nobody's; but for what nobody asks
    for on a device of his own, or was asked for before (not `device_needed`).
    """
    limits = card.terms.limits[flow]
    if not limits.kinds and not limits.single:
        return []
    if device is None and limits.by_device is not None and device_needed and card.promised is not None:
        return Refused(CardRefusal.DEVICE_MISSING, {"field": "device", "limit": limits.by_device})
    return limits.judge(desk.meters(card, flow, device, recipient), amount_minor, desk.seconds(at), card.asset)


def not_funded(card: HeldCard, source: str) -> Refused | None:
    """Why value from a source isn't taken onto a card, by its document."""
    accepted = card.terms.accepted
    if accepted is None or source in accepted:
        return None
    told = {"source": str(source), "one_of": ", ".join(sorted(accepted))}
    return Refused(CardRefusal.FUNDING_NOT_ACCEPTED, told)


class Payable(NamedTuple):
    """What was judged of a payment: by which card, to whom, how much of it, when, where it counts, and its lines."""

    card: HeldCard
    merchant: Merchant
    amount_minor: int
    at: datetime
    slots: list[Slot]
    basket: Basket | None


def payable(desk: Desk, command: Redeem | Authorise) -> Payable | Refused:
    """Whether a card may pay a merchant, or promise to: what it has available where a part was asked for."""
    amount = command.amount_minor
    card = card_for(desk, command.card, amount)
    if isinstance(card, Refused):
        return card
    merchant = desk.merchants.get(command.merchant_id)
    if merchant is None:
        return Refused(CardRefusal.UNKNOWN_MERCHANT)
    bad = bad_asset(command.asset, card.asset, merchant.asset) or not_usable(card)
    if not bad and isinstance(command, Authorise) and not 1 <= command.ttl_s <= MAX_TTL_S:
        bad = Refused(CardRefusal.BAD_TERM, {"field": "ttl_s"})
    bad = bad or not_shown(desk, card, command)
    if bad:
        return bad
    basket = judge_basket(card, merchant, command)
    if isinstance(basket, Refused):
        return basket
    if basket is not None:
        amount = basket.payable_minor
    available = available_of(desk, card)
    if available < amount:
        if not command.partial or available == 0:
            return too_little(card, available, amount, card.pocket.available_minor(desk.sheet.now_s))
        amount = available
    at = command.event_at or desk.sheet.now
    slots = below_floor(desk, card, amount) or within_limits(desk, card, Flow.REDEEM, amount, at, device=command.device)
    return slots if isinstance(slots, Refused) else Payable(card, merchant, amount, at, slots, basket)

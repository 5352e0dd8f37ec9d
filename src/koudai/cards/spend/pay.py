"""Load, redeem, refund, reverse: value comes onto a card, pays a merchant, and comes back."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from koudai.base import Refused, render_time
from koudai.cards.checks import (
    Payable,
    bad_amount,
    bad_asset,
    card_for,
    card_of,
    not_funded,
    not_usable,
    over_balance_cap,
    payable,
    within_limits,
)
from koudai.cards.commands import Command, Load, Redeem, Refund, Reverse
from koudai.cards.count_on import uncount
from koudai.cards.desk import Desk, HeldCard, Redemption
from koudai.cards.law.judge import all_pass, on_load, on_payment, on_return
from koudai.cards.life.last import begin_anew
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.spend.basket import state_tender
from koudai.cards.spend.refund_to import lasts_until, refund_target
from koudai.cards.spend.reward import reward, rewards, take_back
from koudai.cards.spend.shown import use_code
from koudai.ledger import (
    BARRED,
    BONUS,
    MAY_PASS,
    MAY_REFUND,
    MAY_SELL,
    Correction,
    Flow,
    FundingSource,
    Memory,
    Place,
    Provenance,
    count,
)
from koudai.pg import Conflict

_ON_CREDIT = {FundingSource.CREDIT, FundingSource.INSTALMENT}

REVERSED_WITHIN = timedelta(days=1)
"""How long after it happened a payment may be reversed: that is for lost answers, and for goods there are refunds."""


def load(
    desk: Desk, command: Load, place: Place, *, device_needed: bool = True, payment_minor: int | None = None
) -> Activity | Refused:  # fmt: skip
    """Funding account → card, within the programme's caps and limits.

    `payment_minor` is all that was paid at the till where the card is sold, also for other cards.
    """
    amount, sheet = command.amount_minor, desk.sheet
    card = card_for(desk, command.card, amount)
    if isinstance(card, Refused):
        return card
    at = command.event_at or sheet.now
    bad = bad_asset(command.asset, card.asset) or not_usable(card)
    if bad:
        return bad
    if command.expires_at is not None and command.expires_at <= sheet.now:
        return Refused(CardRefusal.BAD_TERM, {"field": "expires_at"})
    bad = not_funded(card, command.source)
    if bad:
        return bad
    cap = card.terms.max_load_minor
    if cap is not None and amount > cap:
        facts = {
            "limit": "max_load_minor",
            "limit_minor": cap,
            "left_minor": cap,
            "resets_at": None,
            "currency": card.asset,
        }
        return Refused(CardRefusal.LOAD_CAP_EXCEEDED, facts)
    slots = over_balance_cap(desk, card, amount) or within_limits(
        desk, card, Flow.LOAD, amount, at, device=command.device, device_needed=device_needed
    )
    if isinstance(slots, Refused):
        return slots
    bad = sheet.too_full(card.pocket, amount) or on_load(desk, card, command, place, payment_minor)
    if bad:
        return bad
    funding = card.terms.funding[command.source]
    provenance = Provenance(
        command.source, _flags(command), at, place, command.payer, command.refund_to, command.expires_at
    )
    bought_before = card.holds_bought
    sheet.put(place.ordinal, funding, card.pocket, amount, provenance, "load", at)
    count(slots, amount)
    desk.moved(card, amount)
    entry = desk.enter(
        card, place, ActivityType.LOAD, amount, at, source=command.source, device=command.device
    )  # fmt: skip
    if not bought_before and command.source is not FundingSource.BONUS:
        begin_anew(desk, card, place.ordinal)
    return entry


def _flags(command: Load) -> int:
    """What may be done with a load: what the command says, or what its source allows."""
    bonus = command.source is FundingSource.BONUS
    may_sell = command.source not in _ON_CREDIT if command.may_sell is None else command.may_sell
    may_refund = not bonus if command.may_refund is None else command.may_refund
    flags = BONUS if bonus else 0
    flags |= MAY_PASS if command.may_pass is not False else 0
    flags |= MAY_SELL if may_sell else 0
    return flags | (MAY_REFUND if may_refund else 0)


def redeem(desk: Desk, command: Redeem, place: Place) -> Activity | Refused:
    """Card → merchant; what the card has available where a part was asked for."""
    judged = payable(desk, command)
    if isinstance(judged, Refused):
        return judged
    bad = on_payment(desk, judged.card, judged.merchant, judged.amount_minor, place)
    return bad or pay_out(desk, command, judged, place)


def pay_out(desk: Desk, command: Redeem, judged: Payable, place: Place) -> Activity:
    """Pay what was judged payable, and enter it."""
    card, merchant, amount, at, slots, basket = judged
    payee, order = merchant.account_id, card.terms.draw_order
    drawn = desk.sheet.spend(place.ordinal, card.pocket, payee, amount, order, "redeem", at)
    count(slots, amount)
    desk.moved(card, -amount)
    use_code(desk, command, place)
    if desk.tracks_redemptions:
        track(desk, Redemption(place, card.id, merchant.id, amount, 0, at, command.device, drawn))
    paid = desk.enter(
        card, place, ActivityType.REDEEM, amount, at, merchant_id=merchant.id, device=command.device
    )  # fmt: skip
    if rewards(card):
        reward(desk, card, merchant, place, amount, at, place.ordinal)
    return state_tender(desk, paid, command, basket)


def track(desk: Desk, redemption: Redemption) -> None:
    """Know a redemption of this batch, for a refund that comes later in it."""
    desk.redemptions[redemption.place] = redemption
    desk.refundable.setdefault((redemption.card_id, redemption.merchant_id), []).insert(0, redemption)


def refund(desk: Desk, command: Refund, place: Place) -> Activity | Refused:
    """Merchant → the card that paid, or that gets it instead; laid on the named redemption or on the latest ones."""
    bad = bad_amount(command.amount_minor)
    if bad:
        return bad
    if command.redemption is not None:
        found = desk.redemptions.get(command.redemption)
        card = desk.cards.get(found.card_id) if found else None
        if found is None or card is None:
            return Refused(CardRefusal.UNKNOWN_REDEMPTION)
        laid_on, merchant_id = [found], found.merchant_id
    else:
        card = card_of(desk, command.card)
        if card is None:
            return Refused(CardRefusal.UNKNOWN_CARD)
        merchant = None if command.merchant_id is None else desk.merchants.get(command.merchant_id)
        if merchant is None:
            return Refused(CardRefusal.UNKNOWN_MERCHANT)
        merchant_id = merchant.id
        laid_on = desk.refundable.get((card.id, merchant_id), [])
    bad = bad_asset(command.asset, card.asset)
    if bad:
        return bad
    left = sum(redemption.left_minor for redemption in laid_on)
    if left < command.amount_minor:
        facts = {"refundable_minor": left, "amount_minor": command.amount_minor, "currency": card.asset}
        return Refused(CardRefusal.REFUND_EXCEEDS_PAID, facts)
    target = refund_target(desk, command, card, successor_of(desk, card), place)
    if isinstance(target, Refused):
        return target
    return _give_back(desk, command, place, target, merchant_id, laid_on, command.amount_minor, ActivityType.REFUND)


def successor_of(desk: Desk, card: HeldCard) -> HeldCard:
    """The card that took over from a card, at the end of the chain; itself where none did."""
    while card.pocket.successor_id is not None:
        found = desk.cards.get(card.pocket.successor_id)
        if found is None:
            raise Conflict("the card was replaced while its refund waited")
        card = found
    return card


def reverse(desk: Desk, command: Reverse, place: Place) -> Activity | Refused:
    """Undo a whole redemption whose answer was lost.

    The programme's caps don't stand in the way, since the value was there before; the law's do, since others may have
    been loaded in its place meanwhile. After a day, or once the card is closed, it is a refund.
    """
    at = _paid_at(desk, command, place)
    if isinstance(at, Refused):
        return at
    found = desk.redemptions.get(at) if at else None
    if found is None:
        return Refused(CardRefusal.UNKNOWN_REDEMPTION)
    legs = [found] if command.redemption_key is None else _captured_together(desk, found)
    bad = next((no for leg in legs if (no := _not_reversed(desk, leg))), None) or _over_law(desk, legs, place)
    if bad:
        return bad
    first: Activity | None = None
    for leg in legs:
        own = place if first is None else Place(place.batch_id, desk.sheet.next_ordinal())
        made = _reverse_one(desk, command, leg, own, place.ordinal)
        if isinstance(made, Refused):
            # What was there before has room again, be it on one card or on several.
            assert first is None, "all legs of a group go back"
            return made
        first = first or made
    assert first is not None, "a group has a first leg"
    return first


def _captured_together(desk: Desk, found: Redemption) -> list[Redemption]:
    """A redemption, or all captures of the group whose first one it is."""
    if found.whole or found.lead != found.place.ordinal:
        return [found]
    batch_id = found.place.batch_id
    others = (one for one in desk.redemptions.values() if one.place.batch_id == batch_id and one.lead == found.lead)
    return sorted((one for one in others if not one.whole), key=lambda one: one.place)


def _over_law(desk: Desk, legs: Sequence[Redemption], place: Place) -> Refused | None:
    """What the law has against cards holding again what they paid: each with all that comes back to its root."""
    of_cards, of_roots, asks = Counter[int](), Counter[int](), list[Callable[[], Refused | None]]()
    targets = {leg.card_id: successor_of(desk, desk.cards[leg.card_id]) for leg in legs}
    for leg in legs:
        of_cards[leg.card_id] += leg.paid_minor
    for card_id, minor in of_cards.items():
        paid, target = desk.cards[card_id], targets[card_id]
        of_roots[target.lineage.root_id] += minor
        asks.append(partial(on_return, desk, paid, target, of_roots[target.lineage.root_id], place))
    return all_pass(desk, *asks)


def _not_reversed(desk: Desk, found: Redemption) -> Refused | None:
    """Why a redemption isn't undone."""
    card = desk.cards.get(found.card_id)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_REDEMPTION)
    if found.refunded_minor:
        facts = {
            "refunded_minor": found.refunded_minor,
            "paid_minor": found.paid_minor,
            "currency": card.asset,
        }
        return Refused(CardRefusal.ALREADY_REFUNDED, facts)
    if successor_of(desk, card).state is CardState.DEACTIVATED:
        return Refused(CardRefusal.DEACTIVATED)
    until = found.paid_at + REVERSED_WITHIN
    if desk.sheet.now >= until:
        return Refused(CardRefusal.REVERSAL_TOO_LATE, {"until": render_time(until)})
    return None


def _reverse_one(desk: Desk, command: Reverse, found: Redemption, place: Place, lead: int) -> Activity | Refused:
    card, paid = desk.cards[found.card_id], found.paid_minor
    target = successor_of(desk, card)
    outcome = _give_back(desk, command, place, target, found.merchant_id, [found], paid, ActivityType.REVERSAL, lead)
    if isinstance(outcome, Activity):
        uncount(desk, card, found)
        reason = command.reason or "no answer arrived"
        desk.sheet.correct(place.ordinal, Correction(found.place, False, reason, command.made_by))
    return outcome


def _paid_at(desk: Desk, command: Reverse, place: Place) -> Place | Refused | None:
    """Where the payment stands that a reversal names; one that is still to come is barred."""
    if command.redemption_key == command.key:
        return Refused(CardRefusal.UNKNOWN_REDEMPTION)
    if command.redemption_key is not None:
        memory = desk.sheet.keys.known.get(command.redemption_key)
        if memory is None:
            barred = Place(desk.sheet.batch_id, desk.sheet.next_ordinal())
            desk.sheet.keys.remember(command.redemption_key, Memory(BARRED, barred, CardRefusal.REVERSED_BEFORE))
            return Refused(CardRefusal.UNKNOWN_REDEMPTION, {"barred": True})
        if memory.refusal is not None:
            return Refused(CardRefusal.UNKNOWN_REDEMPTION, {"answered": memory.refusal})
        if memory.place.batch_id != place.batch_id and command.redemption_key not in desk.keys_before_lock:
            raise Conflict("the redemption was booked while its reversal waited")
        return memory.place
    return command.redemption


def _give_back(
    desk: Desk, command: Command, place: Place, card: HeldCard, merchant_id: int, laid_on: list[Redemption],
    amount_minor: int, kind: ActivityType, lead: int | None = None,
) -> Activity | Refused:  # fmt: skip
    """Move value back to the card, laid on redemptions in the order given, which hold enough.

    `lead` is the ordinal of the command's first entry, where this isn't that one.
    """
    full = desk.sheet.too_full(card.pocket, amount_minor)
    if full:
        return full
    merchant = desk.merchants[merchant_id]
    at = command.event_at or desk.sheet.now
    first: Place | None = None
    missing, began = amount_minor, len(desk.sheet.transfers)
    for redemption in laid_on:
        part = min(missing, redemption.left_minor)
        if part:
            _restore(desk, redemption, part, place.ordinal, merchant.account_id, card, kind.lower(), at)
            desk.parts.append((place.ordinal, *redemption.place, part))
            first = first or redemption.place
            missing -= part
    assert missing == 0, "the redemptions were said to hold enough"
    desk.moved(card, amount_minor)
    made = desk.enter(card, place, kind, amount_minor, at, merchant_id=merchant_id, redemption=first, lead=lead)
    if desk.cashbacks:
        brought = [lot for *_, lot in desk.sheet.transfers[began:] if lot is not None]
        take_back(desk, card, laid_on, brought, merchant_id, at, place.ordinal if lead is None else lead)
    return made


def _restore(
    desk: Desk, redemption: Redemption, part: int, entry: int, payer: int, card: HeldCard, kind: str, at: datetime,
) -> None:  # fmt: skip
    """Put a part of a redemption back into the lots that it drew."""
    if redemption.drawn:
        lasting = {} if redemption.card_id == card.id else lasts_until(desk, redemption)
        desk.sheet.restore(entry, payer, card.pocket, redemption.give_back(part), kind, at, lasting)
        return
    # It was booked before there were lots: what comes back has a provenance that nobody recorded.
    redemption.refunded_minor += part
    flags = MAY_PASS | MAY_SELL | MAY_REFUND
    unrecorded = Provenance("unrecorded", flags, redemption.at, redemption.place)
    desk.sheet.put(entry, payer, card.pocket, part, unrecorded, kind, at)

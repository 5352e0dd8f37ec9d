"""Authorise, capture, void: value reserved for a merchant, and what becomes of it."""

from datetime import timedelta

from koudai.base import Refused, render_time
from koudai.cards.checks import bad_amount, payable
from koudai.cards.commands import Authorise, Capture, Void
from koudai.cards.desk import Desk, HeldCard, Redemption
from koudai.cards.law.judge import on_payment
from koudai.cards.model import Activity, ActivityType
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import frozen_by
from koudai.cards.spend.basket import state_tender
from koudai.cards.spend.pay import track
from koudai.cards.spend.reward import reward, rewards
from koudai.cards.spend.shown import use_code
from koudai.ledger import Flow, Hold, HoldState, Place, count


def authorise(desk: Desk, command: Authorise, place: Place) -> Activity | Refused:
    """Reserve lots for a merchant; limits on redemptions count it as one."""
    judged = payable(desk, command)
    if isinstance(judged, Refused):
        return judged
    card, merchant, amount, at, slots, basket = judged
    bad = on_payment(desk, card, merchant, amount, place)
    if bad:
        return bad
    sheet = desk.sheet
    expires_at = sheet.now + timedelta(seconds=command.ttl_s)
    hold = sheet.reserve(
        place.ordinal, card.pocket, merchant.account_id, amount, card.terms.draw_order, at, expires_at, command.device,
        command.group,
    )  # fmt: skip
    desk.add_hold(hold)
    desk.merchants_of_holds[place] = merchant.id
    use_code(desk, command, place)
    count(slots, amount)
    sheet.touch(card.id, place.ordinal)
    reserved = desk.enter(
        card, place, ActivityType.AUTHORISE, amount, at, merchant_id=merchant.id, device=command.device
    )  # fmt: skip
    return state_tender(desk, reserved, command, basket)


def capture(desk: Desk, command: Capture, place: Place) -> Activity | Refused:
    """Reserved lots → merchant. Of a group, the entry of the first hold is the answer."""
    holds = _named(desk, command)
    if isinstance(holds, Refused):
        return holds
    if command.group is not None and command.amount_minor is not None:
        return Refused(CardRefusal.BAD_TERM, {"field": "amount_minor"})
    open_holds = [hold for hold in holds if hold.state is HoldState.OPEN]
    for hold in holds:
        if hold.state is HoldState.EXPIRED:
            return Refused(CardRefusal.HOLD_EXPIRED, {"expired_at": render_time(hold.expires_at)})
    if not open_holds:
        return Refused(CardRefusal.HOLD_CLOSED, {"state": holds[0].state})
    left = open_holds[0].left_minor
    amount = left if command.amount_minor is None else command.amount_minor
    bad = None if amount == 0 and command.final else bad_amount(amount)
    if bad:
        return bad
    if amount > left:
        facts = {"left_minor": left, "amount_minor": amount, "currency": open_holds[0].asset}
        return Refused(CardRefusal.CAPTURE_EXCEEDS_HOLD, facts)
    frozen = [no for hold in open_holds if (no := frozen_by(desk.cards[hold.account].restrictions))]
    if frozen:
        return frozen[0]
    first: Activity | None = None
    for hold in open_holds:
        at = place if first is None else Place(place.batch_id, desk.sheet.next_ordinal())
        taken = amount if command.group is None else hold.left_minor
        made = _capture_one(desk, command, hold, taken, at, place.ordinal)
        first = first or made
    assert first is not None
    return first


def _capture_one(desk: Desk, command: Capture, hold: Hold, amount_minor: int, place: Place, lead: int) -> Activity:
    sheet, card = desk.sheet, desk.cards[hold.account]
    at = command.event_at or sheet.now
    merchant_id = desk.merchants_of_holds[hold.place]
    drawn = sheet.capture(place.ordinal, card.pocket, hold, amount_minor, at)
    if not amount_minor:
        sheet.touch(card.id, place.ordinal)
    desk.moved(card, -amount_minor)
    if desk.tracks_redemptions and amount_minor:
        counted_at, device = hold.counted_at, hold.device
        paid = Redemption(
            place, card.id, merchant_id, amount_minor, 0, counted_at, device, drawn, whole=False, paid_at=at,
            lead=lead,
        )  # fmt: skip
        track(desk, paid)
    made = desk.enter(
        card, place, ActivityType.CAPTURE, amount_minor, at, merchant_id=merchant_id, hold=hold.place, lead=lead
    )  # fmt: skip
    if rewards(card):
        reward(desk, card, desk.merchants[merchant_id], place, amount_minor, at, lead)
    if command.final and hold.left_minor:
        _release(desk, card, hold, HoldState.CAPTURED if hold.captured_minor else HoldState.VOIDED, lead)
    return made


def void(desk: Desk, command: Void, place: Place) -> Activity | Refused:
    """Give reserved lots free again. Of a group, the entry of the first hold is the answer."""
    holds = _named(desk, command)
    if isinstance(holds, Refused):
        return holds
    for hold in holds:
        if hold.captured_minor:
            facts = {"captured_minor": hold.captured_minor, "currency": hold.asset}
            return Refused(CardRefusal.HOLD_CAPTURED, facts)
    open_holds = [hold for hold in holds if hold.state is HoldState.OPEN]
    if not open_holds:
        if holds[0].state is HoldState.EXPIRED:
            return Refused(CardRefusal.HOLD_EXPIRED, {"expired_at": render_time(holds[0].expires_at)})
        return Refused(CardRefusal.HOLD_CLOSED, {"state": holds[0].state})
    first: Activity | None = None
    for hold in open_holds:
        at = place if first is None else Place(place.batch_id, desk.sheet.next_ordinal())
        card = desk.cards[hold.account]
        released = _free(desk, card, hold, HoldState.VOIDED)
        desk.sheet.touch(card.id, at.ordinal)
        made = desk.enter(
            card, at, ActivityType.VOID, released, command.event_at, merchant_id=desk.merchants_of_holds[hold.place],
            hold=hold.place, lead=place.ordinal,
        )  # fmt: skip
        first = first or made
    assert first is not None
    return first


def release_due(desk: Desk) -> None:
    """Give free what expired holds of the locked cards reserve, before any command is judged."""
    for hold in sorted(desk.holds.values(), key=lambda hold: hold.place):
        card = desk.cards.get(hold.account)
        if card is not None and hold.is_due(desk.sheet.now):
            _release(desk, card, hold, HoldState.EXPIRED, 0)


def _release(desk: Desk, card: HeldCard, hold: Hold, state: HoldState, lead: int) -> None:
    """Give free what a hold still reserves, as an entry of its own."""
    released = _free(desk, card, hold, state)
    place = Place(desk.sheet.batch_id, desk.sheet.next_ordinal())
    desk.sheet.touch(card.id, place.ordinal)
    desk.enter(
        card, place, ActivityType.RELEASE, released, None, merchant_id=desk.merchants_of_holds[hold.place],
        hold=hold.place, lead=lead,
    )  # fmt: skip


def _free(desk: Desk, card: HeldCard, hold: Hold, state: HoldState) -> int:
    released = desk.sheet.release(card.pocket, hold, state)
    meters = desk.meters(card, Flow.REDEEM, hold.device)
    whole = not hold.captured_minor
    card.terms.limits[Flow.REDEEM].give_back(meters, released, desk.seconds(hold.counted_at), whole=whole)
    return released


def _named(desk: Desk, command: Capture | Void) -> list[Hold] | Refused:
    """The holds that a command names, in the order in which they were authorised."""
    if command.group is not None:
        holds = sorted(desk.groups.get(command.group, ()), key=lambda hold: hold.place)
    else:
        found = desk.holds.get(command.hold) if command.hold else None
        holds = [found] if found else []
    if not holds or any(hold.account not in desk.cards for hold in holds):
        return Refused(CardRefusal.UNKNOWN_HOLD)
    return holds

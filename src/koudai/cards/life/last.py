"""How long cards last: from their issue or activation until their expiry, renewed by themselves or when asked.

An expiry is a date and no state, since a card that is pending or blocked expires as well. After it, and some days
of grace, a card neither pays nor is loaded; its value stays on it.
"""

from datetime import datetime, timedelta

from koudai.base import Refused, render_time
from koudai.cards.commands import Reactivate, Renew
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.ledger import Place
from koudai.programmes import Kind, Renewal, Stage, Validity, expiry, renewed, stage


def validity_of(card: HeldCard) -> Validity | None:
    """What a card was promised of how long it lasts; None where it lasts for ever."""
    if card.promised is None:
        return None
    kind = Kind.BEARER if card.holder_ref is None else Kind.REGISTERED
    terms = card.promised.programme.of_kind(kind)
    return None if terms is None or terms.validity.days is None else terms.validity


def begin(desk: Desk, card: HeldCard, issued_at: datetime, activated_at: datetime | None) -> None:
    """Give a card that was issued or activated its first expiry, where it was promised one."""
    validity = validity_of(card)
    until = None if validity is None or card.expires_at is not None else expiry(validity, issued_at, activated_at)
    if until is not None:
        set_expiry(desk, card, until)


def begin_anew(desk: Desk, card: HeldCard, lead: int) -> None:
    """Give a card on which nothing bought was the whole of its term, which counts from when somebody buys something.

    Of a bearer card that lay empty for two years, less than the three years of MOFCOM Order 2012-9, Art. 19, would be
    left to who buys it. The entry is led by that of the load.
    """
    validity, now = validity_of(card), desk.sheet.now
    until = None if validity is None else expiry(validity, now, now)
    if until is None or card.expires_at is None or until <= card.expires_at:
        return
    _go_on(desk, card, until, None, Place(desk.sheet.batch_id, desk.sheet.next_ordinal()), lead)


def set_expiry(desk: Desk, card: HeldCard, expires_at: datetime) -> None:
    """Let a card last until then."""
    card.expires_at = desk.expiries[card.id] = expires_at
    card.lapsed = _lapsed(card, desk.sheet.now)


def renew_due(desk: Desk) -> None:
    """Renew what renews by itself, before any command is judged, and tell of the others why they are over."""
    now = desk.sheet.now
    over = [card for card in desk.cards.values() if card.expires_at is not None and card.expires_at <= now]
    for card in sorted(over, key=lambda card: card.id):
        if card.state is CardState.DEACTIVATED or card.pocket.successor_id is not None:
            continue
        until = _by_itself(card, now)
        if until is None:
            card.lapsed = _lapsed(card, now)
            continue
        _go_on(desk, card, until, None, Place(desk.sheet.batch_id, desk.sheet.next_ordinal()), lead=0)


def _by_itself(card: HeldCard, now: datetime) -> datetime | None:
    """Until when a card whose expiry has come lasts without anybody asking; None where it doesn't."""
    validity, until = validity_of(card), card.expires_at
    if validity is None or until is None:
        return None
    # A later version may have promised a longer term to the cards that were there.
    longer = expiry(validity, card.promised_at, card.promised_at)
    until = max(until, longer or until)
    if until <= now and validity.renewal is Renewal.AUTOMATIC:
        until = renewed(validity, until, now)
    return until if until != card.expires_at else None


def _lapsed(card: HeldCard, now: datetime) -> Refused | None:
    """Why a card neither pays nor is loaded any more."""
    validity, at = validity_of(card), card.expires_at
    if validity is None or at is None:
        return None
    found = stage(validity, at, now)
    if found is Stage.EXPIRED:
        return Refused(CardRefusal.EXPIRED, {"expired_at": render_time(at)})
    if found is Stage.OVER:
        until = at + timedelta(days=validity.reactivation_days or 0)
        return Refused(CardRefusal.EXPIRED_OVER, {"expired_at": render_time(at), "until": render_time(until)})
    return None


def goes_on(desk: Desk, card: HeldCard) -> datetime | Refused:
    """Until when a card lasts that is made to go on now, since its time is over; or why that isn't done."""
    validity, at = validity_of(card), card.expires_at
    if validity is None or at is None:
        return Refused(CardRefusal.NEVER_EXPIRES)
    if desk.sheet.now < at:
        return Refused(CardRefusal.NOT_EXPIRED, {"expires_at": render_time(at)})
    if card.lapsed is not None and card.lapsed.code == CardRefusal.EXPIRED_OVER:
        return card.lapsed
    return renewed(validity, at, desk.sheet.now)


def reactivate(desk: Desk, card: HeldCard, command: Reactivate, place: Place) -> Activity | Refused:
    """A card whose time is over gets a new term."""
    until = goes_on(desk, card)
    return until if isinstance(until, Refused) else _go_on(desk, card, until, command.event_at, place)


def renew_term(desk: Desk, card: HeldCard, command: Renew, place: Place) -> Activity | Refused:
    """A card gets a further term behind the present one, while less than a term of that is left."""
    validity, at, now = validity_of(card), card.expires_at, desk.sheet.now
    if validity is None or at is None:
        return Refused(CardRefusal.NEVER_EXPIRES)
    if validity.renewal is Renewal.NONE:
        return Refused(CardRefusal.NOT_RENEWABLE, {"expires_at": render_time(at)})
    if card.lapsed is not None:
        return card.lapsed
    until = renewed(validity, at, now)
    since = at - timedelta(days=validity.renewal_days or validity.days or 0)
    if now < since:
        return Refused(CardRefusal.NOT_DUE, {"expires_at": render_time(at), "from_at": render_time(since)})
    return _go_on(desk, card, until, command.event_at, place)


def _go_on(
    desk: Desk, card: HeldCard, until: datetime, event_at: datetime | None, place: Place, lead: int | None = None
) -> Activity:
    set_expiry(desk, card, until)
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, ActivityType.RENEW, 0, event_at, lead=lead)

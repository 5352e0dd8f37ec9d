"""Renew, re-activate, exchange: a card goes on behind its expiry, as it is or as a new one."""

from datetime import datetime

import msgspec

from koudai.base import Refused
from koudai.cards import carry, last
from koudai.cards.checks import card_of, has_holds, not_usable
from koudai.cards.commands import Exchange, Purpose, Reactivate, Renew
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue import as_issued, holder_of_card, open_card
from koudai.cards.model import Activity, ActivityType, CardRefusal, CardState, Minted
from koudai.ledger import Place


def renew(desk: Desk, command: Renew, place: Place) -> Activity | Refused:
    """Until a date: the lots that expire before. Without one: the card, by the term that it was promised."""
    if command.expires_at is not None:
        return carry.renew(desk, command, command.expires_at, place)
    card = _goes_on(desk, command)
    return card if isinstance(card, Refused) else last.renew_term(desk, card, command, place)


def reactivate(desk: Desk, command: Reactivate, place: Place) -> Activity | Refused:
    """An expired card goes on under its number."""
    card = _goes_on(desk, command)
    return card if isinstance(card, Refused) else last.reactivate(desk, card, command, place)


def exchange(desk: Desk, command: Exchange, place: Place) -> Minted | Refused:
    """An expired card goes on as a new one, which has all its value; the old number is dead."""
    card = _goes_on(desk, command)
    if isinstance(card, Refused):
        return card
    until = last.goes_on(desk, card)
    bad = until if isinstance(until, Refused) else has_holds(card)
    if bad:
        return bad
    assert isinstance(until, datetime)
    return succeed(desk, card, place, command.event_at or desk.sheet.now, until)


def succeed(desk: Desk, card: HeldCard, place: Place, at: datetime, until: datetime | None) -> Minted:
    """Let a new card take the place of one, with all its lots, its holder and what it was promised."""
    heir, number = open_card(desk, card.terms, holder_of_card(card), CardState.ACTIVE, 0, at, card)
    if until is not None:
        last.set_expiry(desk, heir, until)
    amount, sheet = card.pocket.balance_minor, desk.sheet
    parts = [(lot, lot.minor) for lot in card.pocket.lots]
    sheet.carry(place.ordinal, card.pocket, heir.pocket, parts, Purpose.REPLACEMENT, at)
    sheet.succeed(card.pocket, heir.pocket)
    gave = desk.enter(card, place, ActivityType.TRANSFER_BALANCE_FROM, amount, at, other_card_id=heir.id)
    carry.arrive(desk, heir, card, amount, place, at)
    deactivate(desk, card, place, at)
    issued = as_issued(heir, number)
    # Lots go along whether they expired or not.
    shown = msgspec.structs.replace(issued.card, available_minor=heir.pocket.available_minor(sheet.now_s))
    outcome = desk.made[place] = Minted(gave, (msgspec.structs.replace(issued, card=shown),))
    return outcome


def deactivate(desk: Desk, card: HeldCard, lead: Place, at: datetime, own: Place | None = None) -> Activity:
    """End a card for good: an entry of its own behind what a command did to it, unless that is all it did."""
    place = own or Place(lead.batch_id, desk.sheet.next_ordinal())
    card.state = desk.states[card.id] = CardState.DEACTIVATED
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, ActivityType.DEACTIVATE, 0, at, lead=lead.ordinal)


def _goes_on(desk: Desk, command: Renew | Reactivate | Exchange) -> HeldCard | Refused:
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    return not_usable(card, although_expired=True) or card

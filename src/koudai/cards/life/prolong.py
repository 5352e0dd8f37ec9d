"""Renew, re-activate, exchange: a card goes on behind its expiry, as it is or as a new one."""

from datetime import datetime

from koudai.base import Refused
from koudai.cards import carry
from koudai.cards.checks import card_of, has_holds, not_usable
from koudai.cards.commands import Exchange, Reactivate, Renew
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue.issue import holder_of_card
from koudai.cards.issue.reissue import issued_anew, reissue
from koudai.cards.life import last
from koudai.cards.model import Activity, CardState, Minted
from koudai.cards.refusals import CardRefusal
from koudai.cards.secrets.pin import keep_pin
from koudai.ledger import Place


def renew(desk: Desk, command: Renew, place: Place) -> Activity | Refused:
    """Until a date: the lots that expire before. Without one: the card, by the term that it was promised."""
    if command.expires_at is not None:
        return carry.renew(desk, command, command.expires_at, place)
    card = _goes_on(desk, command, also_blocked=True)
    return card if isinstance(card, Refused) else last.renew_term(desk, card, command, place)


def reactivate(desk: Desk, command: Reactivate, place: Place) -> Activity | Refused:
    """An expired card goes on under its number."""
    card = _goes_on(desk, command, also_blocked=True)
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
    at = command.event_at or desk.sheet.now
    gave, heir, number = reissue(desk, card, holder_of_card(card), place, at, "replacement")
    keep_pin(desk, card, heir)
    last.set_expiry(desk, heir, until)
    outcome = desk.made[place] = Minted(gave, (issued_anew(desk, heir, number),))
    return outcome


def _goes_on(desk: Desk, command: Renew | Reactivate | Exchange, *, also_blocked: bool = False) -> HeldCard | Refused:
    """The card, where it goes on at all. A stopped one may be given more time: of its value nothing moves."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    if also_blocked and card.state is CardState.BLOCKED and card.pocket.successor_id is None:
        return card
    return not_usable(card, although_expired=True) or card

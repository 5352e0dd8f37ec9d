"""Re-issue: all that a card holds goes to a new card in its place, and the old one is dead for good."""

from datetime import datetime

import msgspec

from koudai.base import Refused
from koudai.cards.carry import arrive
from koudai.cards.checks import available_of, card_of, has_holds, not_usable, pending, too_little
from koudai.cards.commands import Replace
from koudai.cards.count_on import count_on
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue.issue import Holder, as_issued, holder_of_card, open_card
from koudai.cards.issue.offers import not_replaced
from koudai.cards.model import Activity, ActivityType, CardState, Issued, Minted
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.by_hand import not_reissued
from koudai.cards.restrict.model import frozen_by
from koudai.cards.restrict.rules import inherit
from koudai.cards.secrets.pin import keep_pin
from koudai.ledger import Place


def replace(desk: Desk, command: Replace, place: Place) -> Minted | Refused:
    """Card → a new card of its programme and holder, less the programme's fee."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    # A lost card is stopped first and then replaced.
    stopped = card.state is CardState.BLOCKED and card.pocket.successor_id is None
    bad = (None if card.gift_until is None else pending(card.gift_until)) if stopped else not_usable(card)
    # What the law has frozen stays where it is.
    bad = bad or not_reissued(desk, card) or frozen_by(card.restrictions) or not_replaced(card) or has_holds(card)
    if bad:
        return bad
    fee = 0 if card.promised is None else card.promised.programme.fees.replacement_minor
    available = available_of(desk, card)
    if fee and available < fee:
        return too_little(card, available, fee, card.pocket.available_minor(desk.sheet.now_s))
    at = command.event_at or desk.sheet.now
    gave, new, number = reissue(desk, card, holder_of_card(card), place, at, "replacement")
    keep_pin(desk, card, new)
    if fee:
        _take_fee(desk, new, fee, place, at)
    outcome = desk.made[place] = Minted(gave, (issued_anew(desk, new, number),))
    return outcome


def reissue(
    desk: Desk, card: HeldCard, holder: Holder | None, place: Place, at: datetime, kind: str,
    recipient: str | None = None, device: str | None = None,
) -> tuple[Activity, HeldCard, str]:  # fmt: skip
    """Carry all of a card, expired or not, to a new one, which takes its place; the entry of the old card answers.

    Holds there are none. The new card has the old one's root and generation, and what that was promised; limits count
    it on, unless it was given to another holder. Of a bearer card nobody knows whether that is another one.
    """
    sheet, amount, same = desk.sheet, card.pocket.balance_minor, kind != "gift" or holder is None
    new, number = open_card(
        desk, card.terms, holder, CardState.ACTIVE, 0, at, card, lead=place.ordinal, piece=False, inherits=same
    )
    if same:
        count_on(desk, card, new)
    parts = [(lot, lot.minor) for lot in card.pocket.lots]
    sheet.carry(place.ordinal, card.pocket, new.pocket, parts, kind, at)
    sheet.succeed(card.pocket, new.pocket)
    desk.moved(card, -amount)
    desk.moved(new, amount)
    sheet.touch(card.id, place.ordinal)
    gave = desk.enter(
        card, place, ActivityType.TRANSFER_BALANCE_FROM, amount, at, other_card_id=new.id, device=device,
        recipient=recipient,
    )  # fmt: skip
    deactivate(desk, card, place, at)
    arrive(desk, new, card, amount, place, at)
    inherit(desk, card, new, place)
    return gave, new, number


def deactivate(desk: Desk, card: HeldCard, lead: Place, at: datetime, own: Place | None = None) -> Activity:
    """End a card for good: an entry of its own behind what a command did to it, unless that is all it did."""
    place = own or Place(lead.batch_id, desk.sheet.next_ordinal())
    card.state = desk.states[card.id] = CardState.DEACTIVATED
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, ActivityType.DEACTIVATE, 0, at, lead=lead.ordinal)


def issued_anew(desk: Desk, card: HeldCard, number: str) -> Issued:
    """A card that was just issued anew, as it is told: what it holds may have expired."""
    issued = as_issued(card, number)
    available = card.pocket.available_minor(desk.sheet.now_s)
    return msgspec.structs.replace(issued, card=msgspec.structs.replace(issued.card, available_minor=available))


def _take_fee(desk: Desk, card: HeldCard, fee_minor: int, lead: Place, at: datetime) -> None:
    """Card → the programme's account for fees."""
    sheet = desk.sheet
    place = Place(lead.batch_id, sheet.next_ordinal())
    parts = sheet.draw(card.pocket, fee_minor, card.terms.draw_order)
    sheet.pay(place.ordinal, card.pocket, card.terms.accounts["fee"], parts, "fee", at)
    desk.moved(card, -fee_minor)
    desk.enter(card, place, ActivityType.FEE, fee_minor, at, lead=lead.ordinal)

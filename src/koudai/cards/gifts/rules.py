"""Gifts: a card is offered, waits untouched, and is claimed, withdrawn, or goes back by itself.

No value moves while it waits. On claim it is issued anew, so that every old number, code and link is dead.
"""

from datetime import timedelta
from hmac import compare_digest

from koudai.base import Refused, render_time
from koudai.cards.checks import (
    available_of,
    card_of,
    has_holds,
    holder_out_of_bounds,
    not_usable,
    too_little,
    within_limits,
)
from koudai.cards.desk import Desk, HeldCard, holder_of
from koudai.cards.gifts.link import draw_token, seal_token, token_hash
from koudai.cards.gifts.model import ClaimGift, GiveGift, HeldGift, ReturnGift, WithdrawGift
from koudai.cards.issue.issue import Holder
from koudai.cards.issue.offers import known_too_little, not_given, offer_of
from koudai.cards.issue.reissue import issued_anew, reissue
from koudai.cards.law.judge import on_gift
from koudai.cards.law.whom import who_of
from koudai.cards.model import Activity, ActivityType, Gift, GiftState, Given, Minted, Words
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import stopped_by
from koudai.ledger import MAY_PASS, Flow, Place, Slot, count, judge_cap, judge_floor
from koudai.programmes import Identity

MAX_TRIES = 5
"""How many wrong tokens kill a gift's link."""

MAX_GREETING = 200
"""How long a greeting may be, in characters."""

MAX_WAIT = timedelta(days=366)
"""How far ahead a gift's day of delivery may lie."""


def give(desk: Desk, command: GiveGift, place: Place) -> Given | Refused:
    """Offer a card, which is locked for its giver from now on."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    offer = offer_of(card)
    bad = _bad_words(desk, command) or not_usable(card) or not_given(offer, command.to_ref) or has_holds(card)
    if bad or offer is None:
        return bad or Refused(CardRefusal.NOT_GIVABLE)
    at, amount = command.event_at or desk.sheet.now, card.pocket.balance_minor
    bad = _may_go(desk, card) or holder_out_of_bounds(desk, card, amount, judge_floor)
    slots = bad or within_limits(desk, card, Flow.TRANSFER, amount, at, device=command.device)
    if isinstance(slots, Refused):
        return slots
    assert desk.mint is not None, "gifts are given with the keyring in hand"
    keyring, now = desk.mint.keyring, desk.sheet.now
    token = draw_token()
    until = (command.deliver_at or now) + timedelta(days=offer.claim_days)
    held = HeldGift(
        place, card.id, GiftState.OFFERED, offer.identity, command.to_ref, command.face, command.deliver_at, until, 0,
        token_hash(keyring, token), command.device,
    )  # fmt: skip
    desk.gifts.held[place] = held
    desk.gifts.new.append((held, seal_token(keyring, place, token), card.holder_ref))
    if command.words is not None:
        assert desk.gifts.ink is not None, "words are given with the vault in hand"
        desk.gifts.words[place] = desk.gifts.ink.seal(place, command.words)
    card.gift_until = desk.gifts.waiting[card.id] = until
    desk.sheet.touch(card.id, place.ordinal)
    entry = desk.enter(card, place, ActivityType.GIFT_OFFER, 0, at, device=command.device)
    waits = command.deliver_at is not None
    state = GiftState.SCHEDULED if waits else GiftState.OFFERED
    gift = Gift(
        place, card.id, state, offer.identity, command.to_ref, command.face, command.deliver_at, until,
        command.words or Words(),
    )  # fmt: skip
    outcome = desk.made[place] = Given(entry, gift, token)
    return outcome


def _bad_words(desk: Desk, command: GiveGift) -> Refused | None:
    now, deliver_at = desk.sheet.now, command.deliver_at
    if deliver_at is not None and not now < deliver_at <= now + MAX_WAIT:
        return Refused(CardRefusal.BAD_TERM, {"field": "deliver_at"})
    if len((command.words and command.words.greeting) or "") > MAX_GREETING:
        return Refused(CardRefusal.BAD_TERM, {"field": "greeting"})
    return None


def _may_go(desk: Desk, card: HeldCard) -> Refused | None:
    """A gift goes whole: there is something, and all of it may be passed on."""
    pocket = card.pocket
    available = available_of(desk, card)
    if not available or card.restrictions:
        # Whatever is bound on it isn't the giver's to give.
        return too_little(card, available, max(1, pocket.balance_minor), pocket.balance_minor)
    passable = sum(lot.minor for lot in pocket.lots if lot.flags & MAY_PASS)
    if passable < pocket.balance_minor:
        facts = {
            "transferable_minor": passable,
            "amount_minor": pocket.balance_minor,
            "purpose": "gift",
            "currency": card.asset,
        }
        return Refused(CardRefusal.NOT_TRANSFERABLE, facts)
    return None


def claim(desk: Desk, command: ClaimGift, place: Place) -> Minted | Refused:
    """The giver's card → a new card of who claims it."""
    gift = _open_gift(desk, command.gift)
    if isinstance(gift, Refused):
        return gift
    card = desk.cards[gift.card_id]
    if not compare_digest(gift.token_hash, command.token_hash):
        return _wrong(desk, gift, card)
    if gift.deliver_at is not None and desk.sheet.now < gift.deliver_at:
        return Refused(CardRefusal.GIFT_NOT_DUE, {"deliver_at": render_time(gift.deliver_at)})
    if gift.to_ref is not None and command.holder_ref != gift.to_ref:
        return Refused(CardRefusal.GIFT_FOR_ANOTHER)
    bad = known_too_little(desk, Identity(gift.identity), card, command.holder_ref)
    bad = bad or _not_taken(card, command.holder_ref)
    if bad:
        return bad
    holder, receiver = _claimer(desk, card, command.holder_ref), _receiver(desk, card, command.holder_ref)
    bad = _too_much(desk, card, holder)
    slots = _let_go(desk, gift, card, receiver, command)
    if bad or isinstance(slots, Refused):
        # What the giver may still give is nobody else's to know.
        return bad or Refused(CardRefusal.GIFT_NOT_NOW)
    amount, at = card.pocket.balance_minor, command.event_at or desk.sheet.now
    bad = on_gift(desk, card, command.holder_ref, amount, place)
    if bad:
        return bad
    gave, new, number = reissue(desk, card, holder, place, at, "gift", receiver, gift.device)
    count(slots, amount)
    _end(desk, gift, GiftState.CLAIMED, place, new.id)
    outcome = desk.made[place] = Minted(gave, (issued_anew(desk, new, number),))
    return outcome


def withdraw(desk: Desk, command: WithdrawGift, place: Place) -> Activity | Refused:
    """The giver takes his offer back."""
    gift = _open_gift(desk, command.gift)
    if isinstance(gift, Refused):
        return gift
    return _give_back(desk, gift, GiftState.WITHDRAWN, place, place.ordinal)


def go_back(desk: Desk, command: ReturnGift, place: Place) -> Activity | Refused:
    """A gift whose days are over goes back to its giver."""
    gift = desk.gifts.held.get(command.gift)
    if gift is None:
        return Refused(CardRefusal.UNKNOWN_GIFT)
    if gift.state is not GiftState.OFFERED:
        return Refused(CardRefusal.GIFT_ENDED, {"state": gift.state})
    if desk.sheet.now < gift.claim_until:
        return Refused(CardRefusal.GIFT_PENDING, {"claim_until": render_time(gift.claim_until)})
    return _give_back(desk, gift, GiftState.RETURNED, place, place.ordinal)


def _open_gift(desk: Desk, place: Place) -> HeldGift | Refused:
    gift = desk.gifts.held.get(place)
    if gift is None:
        return Refused(CardRefusal.UNKNOWN_GIFT)
    if gift.state is not GiftState.OFFERED:
        return Refused(CardRefusal.GIFT_ENDED, {"state": gift.state})
    if desk.sheet.now >= gift.claim_until:
        return Refused(CardRefusal.GIFT_EXPIRED, {"expired_at": render_time(gift.claim_until)})
    return gift


def _wrong(desk: Desk, gift: HeldGift, card: HeldCard) -> Refused:
    """A wrong token is counted; the last one kills the link, and the gift goes back."""
    gift.tries += 1
    desk.gifts.changed[gift.place] = gift
    if gift.tries == MAX_TRIES:
        place = Place(desk.sheet.batch_id, desk.sheet.next_ordinal())
        # The claim is refused, so the entry belongs to no command.
        _give_back(desk, gift, GiftState.KILLED, place, 0)
    return Refused(CardRefusal.GIFT_TOKEN_WRONG, {"left_count": MAX_TRIES - gift.tries})


def _give_back(desk: Desk, gift: HeldGift, state: GiftState, place: Place, lead: int) -> Activity:
    card = desk.cards[gift.card_id]
    _end(desk, gift, state, place, None)
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, ActivityType.GIFT_RETURN, 0, None, lead=lead)


def _end(desk: Desk, gift: HeldGift, state: GiftState, place: Place, claimed_card_id: int | None) -> None:
    """The card is free again, unless it was claimed, or is given anew since this gift's days were over."""
    gift.state, gift.ended, gift.claimed_card_id = state, place, claimed_card_id
    desk.gifts.changed[gift.place] = gift
    card = desk.cards[gift.card_id]
    if claimed_card_id is None and card.gift_until == gift.claim_until:
        card.gift_until = desk.gifts.waiting[card.id] = None


def _not_taken(card: HeldCard, ref: str | None) -> Refused | None:
    """Why the card isn't to be had now; who claims it isn't told who restricts it."""
    if ref is not None and ref == card.holder_ref:
        return Refused(CardRefusal.GIFT_OWN)
    if card.restrictions:
        return stopped_by(card.restrictions, stranger=True)
    return card.lapsed


def _claimer(desk: Desk, card: HeldCard, ref: str | None) -> Holder | None:
    """Who holds the new card: a bearer card stays one."""
    if card.holder_ref is None or ref is None:
        return None
    return ref, desk.sheet.subjects[holder_of(ref)].id


def _receiver(desk: Desk, card: HeldCard, ref: str | None) -> str:
    """Whom limits count as who gets it: who is known, or of a bearer card all cards of its root."""
    return ref if ref is not None and ref in desk.standings else who_of(card)


def _too_much(desk: Desk, card: HeldCard, holder: Holder | None) -> Refused | None:
    """What the claimer may hold together."""
    if holder is None or holder[1] == card.pocket.holder_id:
        return None
    meter, amount = desk.sheet.subjects[holder[1]], card.pocket.balance_minor
    broken = (judge_cap(limit, meter.held_minor(limit), amount, card.asset) for limit in card.terms.holder_bounds)
    return next((one for one in broken if one), None)


def _let_go(
    desk: Desk, gift: HeldGift, card: HeldCard, receiver: str, command: ClaimGift
) -> list[Slot] | Refused:  # fmt: skip
    """What the giver may pass on, and has to keep."""
    amount, at = card.pocket.balance_minor, command.event_at or desk.sheet.now
    # It counts for the device on which it was given; one that named none was offered before that was asked.
    return _may_go(desk, card) or holder_out_of_bounds(desk, card, amount, judge_floor) or within_limits(
        desk, card, Flow.TRANSFER, amount, at, device=gift.device, recipient=receiver, device_needed=False
    )  # fmt: skip

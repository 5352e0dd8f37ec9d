"""Transfer, adjust, expire, renew: value goes to another card, is corrected, lapses, or lasts longer."""

from datetime import datetime

from koudai.base import Refused
from koudai.cards.checks import (
    available_of,
    bad_amount,
    bad_asset,
    below_floor,
    card_for,
    card_of,
    not_funded,
    not_usable,
    over_balance_cap,
    pending,
    too_little,
    within_limits,
)
from koudai.cards.commands import Adjust, Expire, Purpose, Renew, Transfer
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue.offers import not_passed
from koudai.cards.law.judge import on_adjust, on_transfer
from koudai.cards.law.whom import who_of
from koudai.cards.life.paying_out import not_closed
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.by_hand import not_reissued
from koudai.cards.restrict.model import amount_bound, frozen_by, kept_minor
from koudai.ledger import (
    BONUS,
    MAY_PASS,
    MAY_REFUND,
    MAY_SELL,
    Correction,
    Flow,
    FundingSource,
    Lot,
    Part,
    Place,
    Provenance,
    count,
    expiry_s,
    proportional,
)

_NEEDS = {Purpose.GIFT: MAY_PASS, Purpose.SALE: MAY_SELL, Purpose.MERGE: 0}
"""The flag that a lot must have to go for a purpose."""


def transfer(desk: Desk, command: Transfer, place: Place) -> Activity | Refused:
    """Card → card of its programme, in proportion from all lots that may go.

    The answer is the entry of the card that gave.
    """
    cards = _two_cards(desk, command)
    if isinstance(cards, Refused):
        return cards
    source, target = cards
    parts = _chosen(desk, command, source)
    if isinstance(parts, Refused):
        return parts
    bad = None if command.purpose is Purpose.MERGE else _not_taken(desk, source, target, parts)
    if bad:
        return bad
    amount = sum(minor for _, minor in parts)
    sheet, at = desk.sheet, command.event_at or desk.sheet.now
    # A merge gives nobody anything; else it is who holds the other card, and not who the caller says it is.
    device, recipient = command.device, None if command.purpose is Purpose.MERGE else who_of(target)
    mine = source.pocket.holder_id is not None and source.pocket.holder_id == target.pocket.holder_id
    others = 0 if mine else amount
    slots = below_floor(desk, source, amount, holder_gives_minor=others) or within_limits(
        desk, source, Flow.TRANSFER, amount, at, device=device, recipient=recipient
    )
    if not isinstance(slots, Refused):
        slots = over_balance_cap(desk, target, amount, holder_gets_minor=others) or slots
    if isinstance(slots, Refused):
        return slots
    bad = sheet.too_full(target.pocket, amount)
    bad = bad or on_transfer(desk, source, target, command.purpose, amount, place)
    if bad:
        return bad
    sheet.carry(place.ordinal, source.pocket, target.pocket, parts, command.purpose, at)
    desk.moved(source, -amount)
    desk.moved(target, amount)
    count(slots, amount)
    sheet.touch(source.id, place.ordinal)
    gave = desk.enter(
        source, place, ActivityType.TRANSFER_BALANCE_FROM, amount, at, other_card_id=target.id, device=device,
        recipient=recipient,
    )  # fmt: skip
    arrive(desk, target, source, amount, place, at)
    return gave


def arrive(desk: Desk, target: HeldCard, source: HeldCard, amount_minor: int, place: Place, at: datetime) -> None:
    """Enter in a card's history what came from another one, by the entry of that one at `place`.

    The legs of an entry follow one another: nothing is entered here before all of them are carried.
    """
    came = Place(place.batch_id, desk.sheet.next_ordinal())
    desk.sheet.touch(target.id, came.ordinal)
    desk.enter(
        target, came, ActivityType.TRANSFER_BALANCE_TO, amount_minor, at, other_card_id=source.id, lead=place.ordinal
    )  # fmt: skip


def _two_cards(desk: Desk, command: Transfer) -> tuple[HeldCard, HeldCard] | Refused:
    bad = None if command.amount_minor is None else bad_amount(command.amount_minor)
    if bad:
        return bad
    source, target = card_of(desk, command.card), card_of(desk, command.to_card)
    if source is None or target is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    if source is target:
        return Refused(CardRefusal.SAME_CARD)
    bad = _not_one(desk, source, target) if command.purpose is Purpose.MERGE else None
    bad = bad or bad_asset(command.asset, source.asset, target.asset) or not_usable(source)
    bad = bad or not_usable(target, stranger=source.lineage.root_id != target.lineage.root_id)
    if not bad and source.terms.programme_id != target.terms.programme_id:
        bad = Refused(CardRefusal.OTHER_PROGRAMME)
    if not bad and command.purpose is not Purpose.MERGE:
        bad = not_passed(desk, source, target, sold=command.purpose is Purpose.SALE)
    if not bad and command.recipient not in {None, target.holder_ref}:
        bad = Refused(CardRefusal.RECIPIENT_DIFFERS, {"recipient": command.recipient})
    return bad or (source, target)


def _chosen(desk: Desk, command: Transfer, source: HeldCard) -> list[Part] | Refused:
    """The shares of the lots that may go."""
    pocket, now_s, needs = source.pocket, desk.sheet.now_s, _NEEDS[command.purpose]

    def free(lot: Lot) -> int:
        return lot.free_minor(now_s) if lot.flags & needs == needs else 0

    available = available_of(desk, source)
    may_go = min(available, sum(free(lot) for lot in pocket.lots))
    amount = may_go if command.amount_minor is None else command.amount_minor
    if not available or available < amount:
        # All that may go of an empty card is nothing, which no restriction binds.
        return too_little(source, available, amount or 1, pocket.available_minor(now_s))
    if not may_go or may_go < amount:
        facts = {
            "transferable_minor": may_go,
            "amount_minor": command.amount_minor,
            "purpose": command.purpose,
            "currency": source.asset,
        }
        return Refused(CardRefusal.NOT_TRANSFERABLE, facts)
    return proportional(pocket.lots, amount, free)


def _not_one(desk: Desk, source: HeldCard, target: HeldCard) -> Refused | None:
    """Why two cards aren't merged: that undoes a split, and passes nothing on.

    Bearer cards are one holder's as far as none of them was claimed as a gift since the other one's line left it.
    """
    if source.lineage.root_id != target.lineage.root_id:
        return Refused(CardRefusal.NOT_ONE_ROOT)
    one_hand = source.holder_ref is not None or desk.hands.get(source.id) == desk.hands.get(target.id)
    if source.holder_ref == target.holder_ref and one_hand:
        return None
    return Refused(CardRefusal.NOT_ONE_HOLDER)


def _not_taken(desk: Desk, source: HeldCard, target: HeldCard, parts: list[Part]) -> Refused | None:
    """What was paid with that the other card isn't loaded from, by its own version of the document."""
    if target.terms.accepted == source.terms.accepted:
        return None
    for lot, _ in parts:
        paid_with = desk.sheet.provenances[lot.id][1].source
        # Bonus is given, and not paid with.
        bad = None if paid_with == FundingSource.BONUS else not_funded(target, paid_with)
        if bad:
            return bad
    return None


def adjust(desk: Desk, command: Adjust, place: Place) -> Activity | Refused:
    """Correction account ⇄ card; the ledger keeps the reason, and who stood up for it."""
    amount, sheet = command.amount_minor, desk.sheet
    card = card_for(desk, command.card, amount)
    if isinstance(card, Refused):
        return card
    # What was sold and can't be used yet is as it was sold: a sale that was wrong is undone whole.
    bad = bad_asset(command.asset, card.asset) or _unreasoned(desk, command, card) or not_reissued(desk, card)
    if bad:
        return bad
    at, account = command.event_at or sheet.now, card.terms.accounts["adjustment"]
    if command.increment:
        bad = over_balance_cap(desk, card, amount) or sheet.too_full(card.pocket, amount)
        bad = bad or on_adjust(desk, card, command, place)
        if bad:
            return bad
        flags = MAY_PASS | MAY_SELL | MAY_REFUND
        if command.source is FundingSource.BONUS:
            flags = BONUS | MAY_PASS | MAY_SELL
        provenance = Provenance(command.source, flags, at, place)
        sheet.put(place.ordinal, account, card.pocket, amount, provenance, "adjust", at)
    else:
        available = available_of(desk, card)
        bad = frozen_by(card.restrictions)
        if bad or available < amount:
            return bad or too_little(card, available, amount, card.pocket.available_minor(sheet.now_s))
        parts = sheet.draw(card.pocket, amount, card.terms.draw_order)
        sheet.pay(place.ordinal, card.pocket, account, parts, "adjust", at)
    second = (command.approved_by or "").strip() or None
    correction = Correction(command.corrects, command.increment, command.reason, command.made_by, second)
    sheet.correct(place.ordinal, correction)
    desk.moved(card, amount if command.increment else -amount)
    kind = ActivityType.ADJUST_INCREMENT if command.increment else ActivityType.ADJUST_DECREMENT
    return desk.enter(card, place, kind, amount, at, source=command.source if command.increment else None)


def _unreasoned(desk: Desk, command: Adjust, card: HeldCard) -> Refused | None:
    if card.state is CardState.PENDING:
        return Refused(CardRefusal.NOT_ACTIVE)
    if card.pocket.successor_id is not None:
        return Refused(CardRefusal.REPLACED)
    if card.state is CardState.DEACTIVATED:
        return Refused(CardRefusal.DEACTIVATED)
    if card.gift_until is not None and not command.increment:
        return pending(card.gift_until)
    for name in ("reason", "made_by"):
        if not getattr(command, name).strip():
            return Refused(CardRefusal.REASON_MISSING, {"field": name})
    second = (command.approved_by or "").strip()
    if command.increment and (not second or second == command.made_by.strip()):
        return Refused(CardRefusal.SECOND_PERSON_MISSING, {"field": "approved_by"})
    if command.corrects is not None:
        made = desk.made.get(command.corrects)
        corrected = made.card_id if isinstance(made, Activity) else desk.corrected.get(command.corrects)
        if corrected != card.id:
            return Refused(CardRefusal.UNKNOWN_ENTRY, {"field": "corrects"})
    return None


def expire(desk: Desk, command: Expire, place: Place) -> Activity | Refused:
    """Card → the programme's account for expired value: what is left of lots whose time is over.

    Of a card that can't be made to go on any more, all lots, where the pack of its programme lets value lapse. What
    was paid for lapses only then; bonus always may.
    """
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    sheet = desk.sheet
    over = card.lapsed is not None and card.lapsed.code == CardRefusal.EXPIRED_OVER
    parts = [
        (lot, lot.minor - lot.held_minor)
        for lot in card.pocket.lots
        if (over or 0 < lot.expires_s <= sheet.now_s) and lot.minor > lot.held_minor
    ]
    if not parts:
        return Refused(CardRefusal.NOTHING_EXPIRED)
    bad = frozen_by(card.restrictions)
    if bad:
        return bad
    paid = sum(minor for lot, minor in parts if not lot.flags & BONUS)
    bad = not_closed(desk, card, paid, place, forfeits=True) if paid else None
    if bad:
        return bad
    amount, at = sum(minor for _, minor in parts), command.event_at or sheet.now
    # What the law has frozen doesn't lapse: what hasn't expired covers it first.
    kept = max(0, kept_minor(card.restrictions) - card.pocket.available_minor(sheet.now_s))
    if kept >= amount:
        return amount_bound(card.restrictions, 0, amount, card.asset)
    parts, amount = _first(parts, amount - kept), amount - kept
    sheet.pay(place.ordinal, card.pocket, card.terms.accounts["expired"], parts, "expire", at)
    desk.moved(card, -amount)
    return desk.enter(card, place, ActivityType.EXPIRE, amount, at)


def _first(parts: list[Part], amount_minor: int) -> list[Part]:
    """The first of parts that come to an amount."""
    taken: list[Part] = []
    for lot, minor in parts:
        part = min(minor, amount_minor)
        amount_minor -= part
        if part:
            taken.append((lot, part))
    return taken


def renew(desk: Desk, command: Renew, expires_at: datetime, place: Place) -> Activity | Refused:
    """What is free of lots that expire goes into lots that expire later."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    sheet = desk.sheet
    if expires_at <= sheet.now:
        return Refused(CardRefusal.BAD_TERM, {"field": "expires_at"})
    if card.state is CardState.PENDING:
        return Refused(CardRefusal.NOT_ACTIVE)
    if card.pocket.successor_id is not None:
        return Refused(CardRefusal.REPLACED)
    until = expiry_s(expires_at)
    lots = [lot for lot in card.pocket.lots if 0 < lot.expires_s < until and lot.minor > lot.held_minor]
    if not lots:
        return Refused(CardRefusal.NOTHING_TO_RENEW)
    at = command.event_at or sheet.now
    amount = sum(sheet.renew(place.ordinal, card.pocket, lot, expires_at, at) for lot in lots)
    return desk.enter(card, place, ActivityType.RENEW, amount, at)

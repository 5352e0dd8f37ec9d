"""Transfer, adjust, expire, renew: value goes to another card, is corrected, lapses, or lasts longer."""

from datetime import datetime

from koudai.base import Refused
from koudai.cards.checks import (
    bad_amount,
    bad_asset,
    below_floor,
    card_for,
    card_of,
    has_holds,
    not_usable,
    over_balance_cap,
    too_little,
    within_limits,
)
from koudai.cards.commands import Adjust, Expire, Purpose, Renew, Transfer
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import Activity, ActivityType, CardRefusal, CardState
from koudai.cards.paying_out import not_closed
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
    Slot,
    count,
    expiry_s,
    proportional,
)

_NEEDS = {Purpose.SPLIT: 0, Purpose.GIFT: MAY_PASS, Purpose.SALE: MAY_SELL, Purpose.REPLACEMENT: 0, Purpose.MERGE: 0}
"""The flag that a lot must have to go for a purpose."""


def transfer(desk: Desk, command: Transfer, place: Place) -> Activity | Refused:
    """Card → card, in proportion from all lots that may go; the answer is the entry of the card that gave."""
    cards = _two_cards(desk, command)
    if isinstance(cards, Refused):
        return cards
    source, target = cards
    parts = _replaced(command, source) if command.purpose is Purpose.REPLACEMENT else _chosen(desk, command, source)
    if isinstance(parts, Refused):
        return parts
    amount = sum(minor for _, minor in parts)
    sheet, at = desk.sheet, command.event_at or desk.sheet.now
    device, recipient = command.device, command.recipient
    slots: list[Slot] | Refused = []
    if command.purpose is not Purpose.REPLACEMENT:
        slots = below_floor(desk, source, amount) or within_limits(
            desk, source, Flow.TRANSFER, amount, at, device=device, recipient=recipient
        )
        if not isinstance(slots, Refused):
            slots = over_balance_cap(desk, target, amount) or slots
    if isinstance(slots, Refused):
        return slots
    full = sheet.too_full(target.pocket, amount)
    if full:
        return full
    sheet.carry(place.ordinal, source.pocket, target.pocket, parts, command.purpose, at)
    desk.moved(source, -amount)
    desk.moved(target, amount)
    if command.purpose is Purpose.REPLACEMENT:
        sheet.succeed(source.pocket, target.pocket)
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
    if command.purpose is Purpose.MERGE and source.lineage.root_id != target.lineage.root_id:
        return Refused(CardRefusal.NOT_ONE_ROOT)
    bad = bad_asset(command.asset, source.asset, target.asset)
    # A lost card is stopped first and then replaced.
    stopped = source.state is CardState.BLOCKED and command.purpose is Purpose.REPLACEMENT
    if not bad and (not stopped or source.pocket.successor_id is not None):
        bad = Refused(CardRefusal.REPLACED) if stopped else not_usable(source)
    bad = bad or not_usable(target)
    return bad or (source, target)


def _replaced(command: Transfer, source: HeldCard) -> list[Part] | Refused:
    """All that a replaced card holds, expired or not."""
    if command.amount_minor is not None:
        return Refused(CardRefusal.BAD_TERM, {"field": "amount_minor"})
    return has_holds(source) or [(lot, lot.minor) for lot in source.pocket.lots]


def _chosen(desk: Desk, command: Transfer, source: HeldCard) -> list[Part] | Refused:
    """The shares of the lots that may go."""
    pocket, now_s, needs = source.pocket, desk.sheet.now_s, _NEEDS[command.purpose]

    def free(lot: Lot) -> int:
        return lot.free_minor(now_s) if lot.flags & needs == needs else 0

    available = pocket.available_minor(now_s)
    may_go = sum(free(lot) for lot in pocket.lots)
    amount = may_go if command.amount_minor is None else command.amount_minor
    if not available or available < amount:
        return too_little(source, available, amount)
    if not may_go or may_go < amount:
        facts = {
            "transferable_minor": may_go,
            "amount_minor": command.amount_minor,
            "purpose": command.purpose,
            "currency": source.asset,
        }
        return Refused(CardRefusal.NOT_TRANSFERABLE, facts)
    return proportional(pocket.lots, amount, free)


def adjust(desk: Desk, command: Adjust, place: Place) -> Activity | Refused:
    """Correction account ⇄ card; the ledger keeps the reason, and who stood up for it."""
    amount, sheet = command.amount_minor, desk.sheet
    card = card_for(desk, command.card, amount)
    if isinstance(card, Refused):
        return card
    bad = bad_asset(command.asset, card.asset) or _unreasoned(desk, command, card)
    if bad:
        return bad
    at, account = command.event_at or sheet.now, card.terms.accounts["adjustment"]
    if command.increment:
        bad = over_balance_cap(desk, card, amount) or sheet.too_full(card.pocket, amount)
        if bad:
            return bad
        flags = MAY_PASS | MAY_SELL | MAY_REFUND
        if command.source is FundingSource.BONUS:
            flags = BONUS | MAY_PASS | MAY_SELL
        provenance = Provenance(command.source, flags, at, place)
        sheet.put(place.ordinal, account, card.pocket, amount, provenance, "adjust", at)
    else:
        available = card.pocket.available_minor(sheet.now_s)
        if available < amount:
            return too_little(card, available, amount)
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
    paid = sum(minor for lot, minor in parts if not lot.flags & BONUS)
    bad = not_closed(desk, card, paid, forfeits=True) if paid else None
    if bad:
        return bad
    amount, at = sum(minor for _, minor in parts), command.event_at or sheet.now
    sheet.pay(place.ordinal, card.pocket, card.terms.accounts["expired"], parts, "expire", at)
    desk.moved(card, -amount)
    return desk.enter(card, place, ActivityType.EXPIRE, amount, at)


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

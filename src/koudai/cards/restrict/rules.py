"""Restrict, continue, lift, block, unblock, report lost: what is stacked on a card and taken off; no value moves."""

from datetime import datetime, timedelta

import msgspec

from koudai.base import Refused, render_time
from koudai.cards.checks import bad_amount, bad_asset, card_of
from koudai.cards.commands import CardRef
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.by_hand import not_freed
from koudai.cards.restrict.commands import Block, Continue, Lift, ReportLoss, Restrict, Unblock
from koudai.cards.restrict.model import (
    FREEZING,
    TEMPORARY,
    Ending,
    Order,
    Restriction,
    RestrictionKind,
    clause_of_freezes,
    freeze_hours,
    may_lift,
    not_yours,
    not_yours_to_continue,
)
from koudai.ledger import Place
from koudai.policy import ProgrammeClass, shipped_clauses

LOSS_CLAUSE = "mp.bearer_loss"
"""The clause of law by which a bearer card has no loss report."""

_STATES = (CardState.ACTIVE, CardState.BLOCKED)
_STAYS = (RestrictionKind.HOLDER, RestrictionKind.ISSUER)


def restrict(desk: Desk, command: Restrict, place: Place) -> Activity | Refused:
    """Put a restriction at the end of a card's queue: an amount, or the whole card."""
    amount = command.amount_minor
    bad = None if amount is None else bad_amount(amount)
    card = bad or _card(desk, command.card)
    if isinstance(card, Refused):
        return card
    bad = bad_asset(command.asset or "", card.asset) if amount is not None else None
    bad = bad or (_no_report(card) if command.kind is RestrictionKind.HOLDER else None)
    bad = bad or _unordered(command.kind, command.authority, command.document)
    until = bad or _term(desk, command)
    if isinstance(until, Refused):
        return until
    if command.temporary:
        order: Order = (command.kind, command.authority.strip(), command.document.strip())
        if order in card.frozen_by:
            return Refused(CardRefusal.FROZEN_BEFORE, {**clause_of_freezes(), "document": order[2]})
        card.frozen_by.add(order)
    made = Restriction(
        place, card.id, command.kind, command.authority.strip(), command.document.strip(), amount, until,
        command.temporary, command.made_by,
    )  # fmt: skip
    return _add(desk, card, made, ActivityType.RESTRICT, command.event_at)


def lift(desk: Desk, command: Lift, place: Place) -> Activity | Refused:
    """End a restriction, under the power that may."""
    named = _named(desk, command)
    if isinstance(named, Refused):
        return named
    card, found = named
    if command.kind not in may_lift(found.kind):
        return not_yours(found)
    own = found.whole and found.kind is RestrictionKind.ISSUER
    bad = (not_freed(desk, card) if own else None) or _unordered(command.kind, command.authority, command.document)
    if bad:
        return bad
    told = (command.kind, command.authority.strip(), command.document.strip(), command.made_by)
    _end(desk, card, found, place.ordinal, Ending.LIFTED, *told)
    return _entered(desk, card, place, ActivityType.LIFT, command.event_at)


def go_on(desk: Desk, command: Continue, place: Place) -> Activity | Refused:
    """Let a restriction last longer where it stands in the queue, under the power that may lift it."""
    named = _named(desk, command)
    if isinstance(named, Refused):
        return named
    card, found = named
    authority, document, until = command.authority.strip(), command.document.strip(), command.until
    bad = _unordered(found.kind, authority, document)
    another = found.kind in FREEZING and not bad and authority != found.authority
    if another or command.kind not in may_lift(found.kind):
        return not_yours_to_continue(found)
    if bad:
        return bad
    if found.until is None or (until is not None and until <= found.until):
        return Refused(CardRefusal.BAD_TERM, {"field": "until"})
    if found.temporary and document == found.document:
        return Refused(CardRefusal.FREEZE_TOO_LONG, {**clause_of_freezes(), "latest": render_time(found.until)})
    longer = msgspec.structs.replace(found, until=until, document=document, temporary=False)
    card.restrictions = tuple(longer if one is found else one for one in card.restrictions)
    desk.continued.append((place.ordinal, *found.place, until, authority, document, command.made_by))
    return _entered(desk, card, place, ActivityType.CONTINUE, command.event_at)


def report_loss(desk: Desk, command: ReportLoss, place: Place) -> Activity | Refused:
    """Stop a card at once for its holder, who lost it."""
    card = _card(desk, command.card)
    if isinstance(card, Refused):
        return card
    bad = _no_report(card)
    if bad:
        return bad
    if any(one.whole and one.kind is RestrictionKind.HOLDER for one in card.restrictions):
        return Refused(CardRefusal.ALREADY_BLOCKED)
    kind, by = RestrictionKind.HOLDER, command.made_by
    made = Restriction(place, card.id, kind, "", command.document.strip(), None, None, False, by)
    return _add(desk, card, made, ActivityType.RESTRICT, command.event_at)


def block(desk: Desk, command: Block, place: Place) -> Activity | Refused:
    """Stop a card for its issuer."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    if card.state is CardState.DEACTIVATED:
        return Refused(CardRefusal.DEACTIVATED)
    if card.state is CardState.PENDING:
        return Refused(CardRefusal.NOT_ACTIVE)
    if any(one.whole and one.kind is RestrictionKind.ISSUER for one in card.restrictions):
        return Refused(CardRefusal.ALREADY_BLOCKED)
    return stop(desk, card, place, command.event_at)


def stop(desk: Desk, card: HeldCard, place: Place, event_at: datetime | None) -> Activity:
    """Put the issuer's restriction of the whole on a card."""
    made = Restriction(place, card.id, RestrictionKind.ISSUER, "", "", None, None, False, "")
    return _add(desk, card, made, ActivityType.BLOCK, event_at)


def unblock(desk: Desk, command: Unblock, place: Place) -> Activity | Refused:
    """Take the issuer's own restrictions off the whole of a card; those of others stay."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    if card.state is CardState.DEACTIVATED:
        return Refused(CardRefusal.DEACTIVATED)
    whole = [one for one in card.restrictions if one.whole]
    own = [one for one in whole if one.kind is RestrictionKind.ISSUER]
    bad = not_freed(desk, card)
    if bad:
        return bad
    if not own:
        return not_yours(whole[0]) if whole else Refused(CardRefusal.NOT_BLOCKED)
    for one in own:
        _end(desk, card, one, place.ordinal, Ending.LIFTED, RestrictionKind.ISSUER)
    return _entered(desk, card, place, ActivityType.UNBLOCK, command.event_at)


def lapse_due(desk: Desk) -> None:
    """End the restrictions of the locked cards whose term is over, before any command is judged."""
    restricted = [card for card in desk.cards.values() if card.restrictions]
    for card in sorted(restricted, key=lambda card: card.id):
        for one in card.restrictions:
            if one.until is not None and one.until <= desk.sheet.now:
                place = Place(desk.sheet.batch_id, desk.sheet.next_ordinal())
                _end(desk, card, one, place.ordinal, Ending.LAPSED)
                _entered(desk, card, place, ActivityType.LAPSE, None, lead=0)


def inherit(desk: Desk, old: HeldCard, new: HeldCard, place: Place) -> None:
    """Let the restrictions of a card go to the one that took over from it by the entry at `place`, in their order.

    What stopped the whole of the old card for its holder or its issuer (it was lost, say) stays with that card. The
    legs of that entry are all there when this is called.
    """
    for one in old.restrictions:
        if one.whole and one.kind in _STAYS:
            continue
        _end(desk, old, one, place.ordinal, Ending.CARRIED)
        at = Place(place.batch_id, desk.sheet.next_ordinal())
        carried = msgspec.structs.replace(one, place=at, card_id=new.id)
        _add(desk, new, carried, ActivityType.RESTRICT, None, lead=place.ordinal, other_card_id=old.id)
    _settle(desk, old)


def _named(desk: Desk, command: Lift | Continue) -> tuple[HeldCard, Restriction] | Refused:
    """The card that a command names, and the open restriction on it."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    found = next((one for one in card.restrictions if one.place == command.restriction), None)
    return Refused(CardRefusal.UNKNOWN_RESTRICTION) if found is None else (card, found)


def _card(desk: Desk, ref: CardRef) -> HeldCard | Refused:
    """A card that can be restricted."""
    card = card_of(desk, ref)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    if card.pocket.successor_id is not None:
        return Refused(CardRefusal.REPLACED)
    return Refused(CardRefusal.DEACTIVATED) if card.state is CardState.DEACTIVATED else card


def _unordered(kind: RestrictionKind, authority: str, document: str) -> Refused | None:
    """What the law orders, it orders by somebody and in writing."""
    if kind in FREEZING:
        for field, told in (("authority", authority), ("document", document)):
            if not told.strip():
                return Refused(CardRefusal.ORDER_MISSING, {"field": field})
    return None


def _term(desk: Desk, command: Restrict) -> datetime | Refused | None:
    """Until when a restriction lasts: a temporary freeze no longer than the law lets it."""
    now = desk.sheet.now
    if command.until is not None and command.until <= now:
        return Refused(CardRefusal.BAD_TERM, {"field": "until"})
    if not command.temporary:
        return command.until
    if command.kind not in TEMPORARY:
        return Refused(CardRefusal.BAD_TERM, {"field": "temporary"})
    latest = now + timedelta(hours=freeze_hours())
    if command.until is None or command.until <= latest:
        return command.until or latest
    return Refused(CardRefusal.FREEZE_TOO_LONG, {**clause_of_freezes(), "latest": render_time(latest)})


def _no_report(card: HeldCard) -> Refused | None:
    """By which clause of law nobody reports a card lost: whoever has a bearer card of many purposes may use it."""
    promised = card.promised
    if card.holder_ref is not None or promised is None:
        return None
    if promised.programme.class_ is not ProgrammeClass.MULTI_PURPOSE:
        return None
    clause = shipped_clauses()[LOSS_CLAUSE]
    told = {"clause": clause.id, "citation": {"en": clause.citation.en, "zh": clause.citation.zh}}
    return Refused(CardRefusal.NO_LOSS_REPORT, told)


def _add(
    desk: Desk, card: HeldCard, made: Restriction, kind: ActivityType, event_at: datetime | None,
    *, lead: int | None = None, other_card_id: int | None = None,
) -> Activity:  # fmt: skip
    desk.restricted.append(made)
    card.restrictions = (*card.restrictions, made)
    return _entered(desk, card, made.place, kind, event_at, lead=lead, other_card_id=other_card_id)


def _end(
    desk: Desk, card: HeldCard, one: Restriction, ordinal: int, how: Ending, kind: RestrictionKind | None = None,
    authority: str | None = None, document: str | None = None, made_by: str | None = None,
) -> None:  # fmt: skip
    """End a restriction by the entry of an ordinal; one of this very batch is written before it is ended."""
    desk.unrestricted.append((*one.place, ordinal, how, kind, authority, document, made_by))
    card.restrictions = tuple(other for other in card.restrictions if other is not one)


def _entered(
    desk: Desk, card: HeldCard, place: Place, kind: ActivityType, event_at: datetime | None,
    *, lead: int | None = None, other_card_id: int | None = None,
) -> Activity:  # fmt: skip
    """Enter what happened, once the card's state agrees with its restrictions."""
    _settle(desk, card)
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, kind, 0, event_at, lead=lead, other_card_id=other_card_id)


def _settle(desk: Desk, card: HeldCard) -> None:
    state = CardState.BLOCKED if any(one.whole for one in card.restrictions) else CardState.ACTIVE
    if state is CardState.BLOCKED:
        desk.codes.kill(card.id)
    if card.state in _STATES and card.state is not state:
        card.state = desk.states[card.id] = state

"""What each command does to a card: pure functions from the desk and a command to an outcome.

A rule either refuses and changes nothing, or moves value on the sheet and enters it in the history.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from koudai.base import MAX_MINOR, Refused
from koudai.cards.commands import Activate, Block, CardRef, Command, Load, Redeem, Refund, Reverse, Unblock
from koudai.cards.desk import Desk, HeldCard, Redemption
from koudai.cards.model import Activity, ActivityType, CardRefusal, CardState
from koudai.ledger import BARRED, Memory, Place, request_text
from koudai.pg import Conflict

C = TypeVar("C", bound=Command)


def apply(desk: Desk, command: Command) -> Activity | Refused | Place:
    """Fold one command; a Place answers a key that was used before: the entry that stands there."""
    sheet = desk.sheet
    verb, rule, fields = _RULES[type(command)]
    request = request_text({"verb": verb, **fields(desk, command), "event_at": command.event_at})
    known = sheet.keys.recall(command.key, request)
    if known is not None:
        if isinstance(known, Refused):
            return known
        return known.as_refusal() or desk.made.get(known.place) or known.place
    place = Place(sheet.batch_id, sheet.next_ordinal())
    outcome = rule(desk, command, place)
    if isinstance(outcome, Refused):
        sheet.keys.remember_refusal(command.key, request, place, outcome)
    else:
        sheet.keys.remember(command.key, Memory(request, place))
    return outcome


def _card(desk: Desk, ref: CardRef | None) -> HeldCard | None:
    card_id = desk.ids_of_numbers.get(ref) if isinstance(ref, bytes) else ref
    return None if card_id is None else desk.cards.get(card_id)


def _card_field(desk: Desk, ref: CardRef | None) -> int | str | None:
    """A card as a request names it: the same whether by id or by number; an unknown number by its hash."""
    if isinstance(ref, bytes):
        return desk.ids_of_numbers.get(ref) or ref.hex()
    return ref


def _bad_amount(amount_minor: int) -> Refused | None:
    if amount_minor <= 0:
        return Refused(CardRefusal.AMOUNT_NOT_POSITIVE, {"amount_minor": amount_minor})
    if amount_minor > MAX_MINOR:
        return Refused(CardRefusal.AMOUNT_TOO_LARGE, {"limit_minor": MAX_MINOR})
    return None


def _bad_asset(asset: str, *expected: str) -> Refused | None:
    for other in expected:
        if other != asset:
            return Refused(CardRefusal.CURRENCY_MISMATCH, {"currency": asset, "expected": other})
    return None


def _not_usable(card: HeldCard) -> Refused | None:
    if card.state is CardState.PENDING:
        return Refused(CardRefusal.NOT_ACTIVE)
    if card.state is CardState.BLOCKED:
        return Refused(CardRefusal.BLOCKED)
    return None


def _over_balance_cap(desk: Desk, card: HeldCard, amount_minor: int) -> Refused | None:
    held = desk.sheet.balances[card.id]
    cap = desk.caps[card.programme_id].max_balance_minor
    if cap is not None and held + amount_minor > cap:
        return Refused(
            CardRefusal.BALANCE_CAP_EXCEEDED,
            {
                "limit": "max_balance_minor",
                "limit_minor": cap,
                "left_minor": max(0, cap - held),
                "resets_at": None,
                "currency": card.asset,
            },
        )
    return None


_State = tuple[ActivityType, CardState, dict[CardState, CardRefusal]]

_STATES: dict[type[Command], _State] = {
    Activate: (
        ActivityType.ACTIVATE,
        CardState.ACTIVE,
        {CardState.ACTIVE: CardRefusal.ALREADY_ACTIVE, CardState.BLOCKED: CardRefusal.ALREADY_ACTIVE},
    ),
    Block: (
        ActivityType.BLOCK,
        CardState.BLOCKED,
        {CardState.PENDING: CardRefusal.NOT_ACTIVE, CardState.BLOCKED: CardRefusal.ALREADY_BLOCKED},
    ),
    Unblock: (
        ActivityType.UNBLOCK,
        CardState.ACTIVE,
        {CardState.PENDING: CardRefusal.NOT_BLOCKED, CardState.ACTIVE: CardRefusal.NOT_BLOCKED},
    ),
}
"""What a verb is entered as, the state that it leads to, and why it is refused from the others."""


def change_state(desk: Desk, command: Activate | Block | Unblock, place: Place) -> Activity | Refused:
    """PENDING → ACTIVE ⇄ BLOCKED; no value moves."""
    card = _card(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    kind, state, refusals = _STATES[type(command)]
    if card.state in refusals:
        return Refused(refusals[card.state])
    card.state = desk.states[card.id] = state
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, kind, 0, command.event_at)


def load(desk: Desk, command: Load, place: Place) -> Activity | Refused:
    """Funding account → card, within the programme's caps."""
    amount = command.amount_minor
    bad = _bad_amount(amount)
    if bad:
        return bad
    card = _card(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    bad = _bad_asset(command.asset, card.asset) or _not_usable(card)
    if bad:
        return bad
    cap = desk.caps[card.programme_id].max_load_minor
    if cap is not None and amount > cap:
        facts = {
            "limit": "max_load_minor",
            "limit_minor": cap,
            "left_minor": cap,
            "resets_at": None,
            "currency": card.asset,
        }
        return Refused(CardRefusal.LOAD_CAP_EXCEEDED, facts)
    over = _over_balance_cap(desk, card, amount)
    if over:
        return over
    funding = desk.funding[card.programme_id, command.source]
    at = command.event_at or desk.sheet.recorded_at
    refused = desk.sheet.move(place.ordinal, funding, card.id, amount, card.asset, "load", at)
    if refused:
        return refused
    return desk.enter(card, place, ActivityType.LOAD, amount, at, source=command.source)


def redeem(desk: Desk, command: Redeem, place: Place) -> Activity | Refused:
    """Card → merchant; what the card holds where a part was asked for."""
    amount = command.amount_minor
    bad = _bad_amount(amount)
    if bad:
        return bad
    card = _card(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    merchant = desk.merchants.get(command.merchant_id)
    if merchant is None:
        return Refused(CardRefusal.UNKNOWN_MERCHANT)
    bad = _bad_asset(command.asset, card.asset, merchant.asset) or _not_usable(card)
    if bad:
        return bad
    sheet = desk.sheet
    held = sheet.balances[card.id]
    if held < amount:
        if not command.partial or held == 0:
            facts = {"available_minor": held, "amount_minor": amount, "currency": card.asset}
            return Refused(CardRefusal.INSUFFICIENT_BALANCE, facts)
        amount = held
    at = command.event_at or sheet.recorded_at
    refused = sheet.move(place.ordinal, card.id, merchant.account_id, amount, card.asset, "redeem", at)
    if refused:
        return refused
    if desk.tracks_redemptions:
        redemption = Redemption(place, card.id, merchant.id, amount, 0)
        desk.redemptions[place] = redemption
        desk.refundable.setdefault((card.id, merchant.id), []).insert(0, redemption)
    return desk.enter(card, place, ActivityType.REDEEM, amount, at, merchant_id=merchant.id)


def refund(desk: Desk, command: Refund, place: Place) -> Activity | Refused:
    """Merchant → the card that paid, laid on the named redemption or on the latest ones there."""
    bad = _bad_amount(command.amount_minor)
    if bad:
        return bad
    if command.redemption is not None:
        found = desk.redemptions.get(command.redemption)
        card = desk.cards.get(found.card_id) if found else None
        if found is None or card is None:
            return Refused(CardRefusal.UNKNOWN_REDEMPTION)
        laid_on, merchant_id = [found], found.merchant_id
    else:
        card = _card(desk, command.card)
        if card is None:
            return Refused(CardRefusal.UNKNOWN_CARD)
        if command.merchant_id not in desk.merchants:
            return Refused(CardRefusal.UNKNOWN_MERCHANT)
        merchant_id = command.merchant_id
        laid_on = desk.refundable.get((card.id, merchant_id), [])
    bad = _bad_asset(command.asset, card.asset)
    if bad:
        return bad
    left = sum(redemption.left_minor for redemption in laid_on)
    if left < command.amount_minor:
        facts = {"refundable_minor": left, "amount_minor": command.amount_minor, "currency": card.asset}
        return Refused(CardRefusal.REFUND_EXCEEDS_PAID, facts)
    over = _over_balance_cap(desk, card, command.amount_minor)
    if over:
        return over
    return _give_back(desk, command, place, card, merchant_id, laid_on, command.amount_minor, ActivityType.REFUND)


def reverse(desk: Desk, command: Reverse, place: Place) -> Activity | Refused:
    """Undo a whole redemption; the programme's caps don't stand in the way, since the value was there before."""
    at = command.redemption
    if command.redemption_key == command.key:
        return Refused(CardRefusal.UNKNOWN_REDEMPTION)
    if command.redemption_key is not None:
        memory = desk.sheet.keys.known.get(command.redemption_key)
        if memory is None and command.redemption_key == command.key:
            return Refused(CardRefusal.UNKNOWN_REDEMPTION)
        if memory is None:
            barred = Place(desk.sheet.batch_id, desk.sheet.next_ordinal())
            desk.sheet.keys.remember(command.redemption_key, Memory(BARRED, barred, CardRefusal.REVERSED_BEFORE))
            return Refused(CardRefusal.UNKNOWN_REDEMPTION, {"barred": True})
        if memory.refusal is not None:
            return Refused(CardRefusal.UNKNOWN_REDEMPTION, {"answered": memory.refusal})
        if memory.place.batch_id != place.batch_id and command.redemption_key not in desk.keys_before_lock:
            raise Conflict("the redemption was booked while its reversal waited")
        at = memory.place
    found = desk.redemptions.get(at) if at else None
    card = desk.cards.get(found.card_id) if found else None
    if found is None or card is None:
        return Refused(CardRefusal.UNKNOWN_REDEMPTION)
    if found.refunded_minor:
        facts = {
            "refunded_minor": found.refunded_minor,
            "paid_minor": found.paid_minor,
            "currency": card.asset,
        }
        return Refused(CardRefusal.ALREADY_REFUNDED, facts)
    return _give_back(desk, command, place, card, found.merchant_id, [found], found.paid_minor, ActivityType.REVERSAL)


def _give_back(
    desk: Desk, command: Command, place: Place, card: HeldCard, merchant_id: int, laid_on: list[Redemption],
    amount_minor: int, kind: ActivityType,
) -> Activity | Refused:  # fmt: skip
    """Move value back to the card, laid on redemptions in the order given, which hold enough."""
    merchant = desk.merchants[merchant_id]
    at = command.event_at or desk.sheet.recorded_at
    refused = desk.sheet.move(place.ordinal, merchant.account_id, card.id, amount_minor, card.asset, kind.lower(), at)
    if refused:
        return refused
    first: Place | None = None
    missing = amount_minor
    for redemption in laid_on:
        part = min(missing, redemption.left_minor)
        if part:
            redemption.refunded_minor += part
            desk.parts.append((place.ordinal, *redemption.place, part))
            first = first or redemption.place
            missing -= part
    assert missing == 0, "the redemptions were said to hold enough"
    return desk.enter(card, place, kind, amount_minor, at, merchant_id=merchant_id, redemption=first)


def _only_card(desk: Desk, command: Any) -> dict[str, Any]:
    return {"card": _card_field(desk, command.card)}


def _load_fields(desk: Desk, command: Any) -> dict[str, Any]:
    return {
        "card": _card_field(desk, command.card),
        "amount_minor": command.amount_minor,
        "currency": command.asset,
        "source": command.source,
    }


def _redeem_fields(desk: Desk, command: Any) -> dict[str, Any]:
    return {
        "card": _card_field(desk, command.card),
        "merchant_id": command.merchant_id,
        "amount_minor": command.amount_minor,
        "currency": command.asset,
        "partial": command.partial,
    }


def _refund_fields(desk: Desk, command: Any) -> dict[str, Any]:
    return {
        "redemption": command.redemption,
        "card": _card_field(desk, command.card),
        "merchant_id": command.merchant_id,
        "amount_minor": command.amount_minor,
        "currency": command.asset,
    }


def _reverse_fields(desk: Desk, command: Any) -> dict[str, Any]:
    return {"redemption_key": command.redemption_key, "redemption": command.redemption}


_Rule = Callable[[Desk, Any, Place], Activity | Refused]
_Fields = Callable[[Desk, Any], dict[str, Any]]

_RULES: dict[type[Command], tuple[str, _Rule, _Fields]] = {
    Activate: ("activate", change_state, _only_card),
    Block: ("block", change_state, _only_card),
    Unblock: ("unblock", change_state, _only_card),
    Load: ("load", load, _load_fields),
    Redeem: ("redeem", redeem, _redeem_fields),
    Refund: ("refund", refund, _refund_fields),
    Reverse: ("reverse", reverse, _reverse_fields),
}

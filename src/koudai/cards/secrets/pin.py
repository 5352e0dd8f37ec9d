"""Set, change and reset the PIN of a card, and keep it for new ones. The issuer resets one without seeing it."""

from koudai.base import Refused
from koudai.cards.checks import card_of
from koudai.cards.commands import ChangePin, ResetPin, SetPin
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.secrets.pins import Pin
from koudai.ledger import Place
from koudai.programmes import Effective, Pin as PinRule


def not_settable(promised: Effective | None, pin: Pin) -> Refused | None:
    """Why a card doesn't get a PIN: its programme has none, or it is among those that are tried first."""
    if promised is not None and promised.programme.pin is PinRule.NONE:
        return Refused(CardRefusal.PIN_NOT_OFFERED)
    return Refused(CardRefusal.PIN_WEAK) if pin.weak else None


def set_pin(desk: Desk, command: SetPin, place: Place) -> Activity | Refused:
    """A PIN for a card that has none; where it was reset, a new one."""
    card = _card_of(desk, command)
    if isinstance(card, Refused):
        return card
    bad = not_settable(card.promised, command.pin)
    if bad:
        return bad
    if card.has_pin:
        return Refused(CardRefusal.PIN_SET)
    return _kept(desk, card, command, place, ActivityType.SET_PIN)


def change_pin(desk: Desk, command: ChangePin, place: Place) -> Activity | Refused:
    """Another PIN, for who knows the old one: a try like any other."""
    card = _card_of(desk, command)
    if isinstance(card, Refused):
        return card
    bad = not_settable(card.promised, command.pin)
    bad = bad or desk.pins.judge(card.id, command.old_pin, command.device, desk.sheet.now)
    return bad or _kept(desk, card, command, place, ActivityType.CHANGE_PIN)


def reset_pin(desk: Desk, command: ResetPin, place: Place) -> Activity | Refused:
    """Take the PIN and its lock away: the holder sets a new one."""
    card = _card_of(desk, command)
    if isinstance(card, Refused):
        return card
    if not card.has_pin:
        return Refused(CardRefusal.NO_PIN)
    card.has_pin = False
    desk.pins.drop([card.id])
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, ActivityType.RESET_PIN, 0, command.event_at)


def keep_pin(desk: Desk, card: HeldCard, new: HeldCard) -> None:
    """Let a new card of the same holder keep the PIN of the card that it comes from, where that has one."""
    if card.has_pin:
        desk.pins.pass_on(card.id, new.id)
        new.has_pin = True


def _card_of(desk: Desk, command: SetPin | ChangePin | ResetPin) -> HeldCard | Refused:
    """The card; also one that is pending or blocked, but none that is closed or was replaced."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    if card.pocket.successor_id is not None:
        return Refused(CardRefusal.REPLACED)
    return Refused(CardRefusal.DEACTIVATED) if card.state is CardState.DEACTIVATED else card


def _kept(desk: Desk, card: HeldCard, command: SetPin | ChangePin, place: Place, kind: ActivityType) -> Activity:
    desk.pins.keep(card.id, command.pin, desk.sheet.now)
    card.has_pin = True
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, kind, 0, command.event_at)

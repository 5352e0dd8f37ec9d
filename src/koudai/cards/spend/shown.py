"""What a payment shows besides the card's number: its PIN, or a pay code in the place of both. Pure."""

from koudai.base import Refused
from koudai.cards.commands import Authorise, Redeem
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.refusals import CardRefusal
from koudai.cards.secrets.codes import PayCode
from koudai.ledger import Place
from koudai.programmes import Pin as PinRule


def not_shown(desk: Desk, card: HeldCard, command: Redeem | Authorise) -> Refused | None:
    """Why what was shown doesn't do. Judged before what the card holds, of which a guesser learns nothing."""
    by_code = isinstance(command.card, PayCode)
    if by_code:
        bad = desk.codes.judge(command.card, desk.sheet.now)  # type: ignore[arg-type]
        if bad:
            return bad
    if command.pin is not None:
        return desk.pins.judge(card.id, command.pin, command.device, desk.sheet.now)
    if by_code:
        return None
    if card.has_pin:
        return Refused(CardRefusal.PIN_MISSING)
    if card.promised is not None and card.promised.programme.pin is PinRule.REQUIRED:
        return Refused(CardRefusal.NO_PIN)
    return None


def use_code(desk: Desk, command: Redeem | Authorise, place: Place) -> None:
    """Use up the pay code that a payment was accepted with."""
    if isinstance(command.card, PayCode):
        desk.codes.use(command.card, place)

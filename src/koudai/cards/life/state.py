"""Activate: PENDING → ACTIVE; no value moves. What is DEACTIVATED stays so."""

from koudai.base import Refused
from koudai.cards.checks import card_of
from koudai.cards.commands import Activate, Command
from koudai.cards.desk import Desk
from koudai.cards.life.last import begin
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.by_hand import not_activated
from koudai.cards.restrict.model import stopped_by
from koudai.ledger import Place

_State = tuple[ActivityType, CardState, dict[CardState, CardRefusal]]

_STATES: dict[type[Command], _State] = {
    Activate: (
        ActivityType.ACTIVATE,
        CardState.ACTIVE,
        {CardState.ACTIVE: CardRefusal.ALREADY_ACTIVE, CardState.BLOCKED: CardRefusal.ALREADY_ACTIVE},
    ),
}
"""What a verb is entered as, the state that it leads to, and why it is refused from the others."""


def change_state(desk: Desk, command: Activate, place: Place) -> Activity | Refused:
    """Bring a card to another state."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    kind, state, refusals = _STATES[type(command)]
    if card.state is CardState.DEACTIVATED:
        return Refused(CardRefusal.DEACTIVATED)
    bad = not_activated(desk, card)
    if bad:
        return bad
    if card.state in refusals:
        return Refused(refusals[card.state])
    if any(one.whole for one in card.restrictions):
        return stopped_by(card.restrictions)
    if isinstance(command, Activate) and card.lapsed is not None:
        return card.lapsed
    card.state = desk.states[card.id] = state
    if isinstance(command, Activate):
        begin(desk, card, card.issued_at, command.event_at or desk.sheet.now)
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, kind, 0, command.event_at)

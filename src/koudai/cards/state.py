"""Activate, block, unblock: PENDING → ACTIVE ⇄ BLOCKED; no value moves. What is DEACTIVATED stays so."""

from koudai.base import Refused
from koudai.cards.checks import card_of
from koudai.cards.commands import Activate, Block, Command, Unblock
from koudai.cards.desk import Desk
from koudai.cards.last import begin
from koudai.cards.model import Activity, ActivityType, CardRefusal, CardState
from koudai.ledger import Place

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
    """Bring a card to another state."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    kind, state, refusals = _STATES[type(command)]
    if card.state is CardState.DEACTIVATED:
        return Refused(CardRefusal.DEACTIVATED)
    if card.state in refusals:
        return Refused(refusals[card.state])
    if isinstance(command, Activate) and card.lapsed is not None:
        return card.lapsed
    card.state = desk.states[card.id] = state
    if isinstance(command, Activate):
        begin(desk, card, card.issued_at, command.event_at or desk.sheet.now)
    desk.sheet.touch(card.id, place.ordinal)
    return desk.enter(card, place, kind, 0, command.event_at)

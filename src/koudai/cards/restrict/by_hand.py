"""By hand: what nobody does to a physical card but its sale, or the end of its delay. Pure."""

from koudai.base import Refused, render_time
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.refusals import CardRefusal
from koudai.cards.stock.model import StockState

UNSOLD = (StockState.CREATED, StockState.PRINTED, StockState.IN_STOCK)
"""How far a card of a stock may have come before its sale."""


def not_activated(desk: Desk, card: HeldCard) -> Refused | None:
    """A card of a stock is activated by its sale alone (R13)."""
    item = desk.shelf.items.get(card.id)
    if item is None or item.state not in UNSOLD:
        return None
    return Refused(CardRefusal.NOT_SOLD, {"state": str(item.state)})


def unsold(desk: Desk, card: HeldCard) -> Refused | None:
    """A card of a stock that nobody bought ends there: it is written off."""
    item = desk.shelf.items.get(card.id)
    if item is None or item.state not in UNSOLD:
        return None
    return Refused(CardRefusal.WRITE_IT_OFF, {"state": str(item.state)})


def not_freed(desk: Desk, card: HeldCard) -> Refused | None:
    """A card that its buyer called off stays stopped."""
    item = desk.shelf.items.get(card.id)
    return Refused(CardRefusal.CALLED_OFF) if item is not None and item.state is StockState.CALLED_OFF else None


def not_reissued(desk: Desk, card: HeldCard) -> Refused | None:
    """A replacement does away with neither the stop of a card nor the delay after its sale."""
    bad = not_freed(desk, card)
    if bad is None and card.waits_until is not None:
        return Refused(CardRefusal.NOT_ACTIVE_YET, {"active_at": render_time(card.waits_until)})
    return bad

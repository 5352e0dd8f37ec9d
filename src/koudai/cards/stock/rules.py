"""Stock: physical cards are made, printed, received at a place, and written off where they are lost. Pure."""

from collections import Counter

from koudai.base import Refused, render_time
from koudai.cards.checks import card_of
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue.issue import open_card
from koudai.cards.issue.offers import not_issued
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.by_hand import UNSOLD
from koudai.cards.restrict.rules import stop
from koudai.cards.stock.model import (
    MAX_CHOSEN,
    MAX_STOCK,
    CallOff,
    CreateStock,
    Item,
    OfStock,
    Print,
    Receive,
    Stock,
    StockState,
    StockStepKind,
    WriteOff,
)
from koudai.ledger import Place
from koudai.programmes import Carrier, Kind

_Chosen = list[tuple[HeldCard, Item]]


def create_stock(desk: Desk, command: CreateStock, place: Place) -> Stock | Refused:
    """Pending bearer cards of a programme that has physical ones."""
    if not 1 <= command.count <= MAX_STOCK:
        return Refused(CardRefusal.STOCK_TOO_LARGE, {"count": command.count, "limit_count": MAX_STOCK})
    if not command.design.strip():
        return Refused(CardRefusal.REASON_MISSING, {"field": "design"})
    if command.programme_id not in desk.terms.programmes:
        return Refused(CardRefusal.UNKNOWN_PROGRAMME)
    bad = not_issued(desk, command.programme_id, None, desk.sheet.now, Carrier.PHYSICAL)
    if bad:
        return bad
    at, shelf = command.event_at or desk.sheet.now, desk.shelf
    terms = desk.terms.of(command.programme_id, desk.promised(command.programme_id, at), Kind.BEARER)
    stock = Stock(
        desk.sheet.fresh_ids.popleft(), terms.programme_id, command.design, command.count, command.made_by, at
    )  # fmt: skip
    shelf.new_stocks.append(stock)
    for serial in range(1, command.count + 1):
        card, _ = open_card(desk, terms, None, CardState.PENDING, 0, at)
        shelf.new_cards.append((card.id, stock.id, serial))
    return stock


def print_cards(desk: Desk, command: Print, place: Place) -> Activity | Refused:
    """CREATED → PRINTED."""
    chosen = _chosen(desk, command, (StockState.CREATED,))
    if isinstance(chosen, Refused):
        return chosen
    for _, item in chosen:
        item.state = StockState.PRINTED
    return _entered(desk, command, place, chosen, ActivityType.PRINT, StockStepKind.PRINT, None)


def receive(desk: Desk, command: Receive, place: Place) -> Activity | Refused:
    """PRINTED → IN_STOCK, at a merchant's or at a place by a word."""
    bad = _no_place(desk, command)
    chosen = bad or _chosen(desk, command, (StockState.PRINTED,))
    if isinstance(chosen, Refused):
        return chosen
    for _, item in chosen:
        item.state, item.merchant_id, item.place = StockState.IN_STOCK, command.merchant_id, command.place
    return _entered(desk, command, place, chosen, ActivityType.RECEIVE, StockStepKind.RECEIVE, None)


def write_off(desk: Desk, command: WriteOff, place: Place) -> Activity | Refused:
    """CREATED, PRINTED or IN_STOCK → WRITTEN_OFF: the card is closed for good."""
    if not command.reason.strip():
        return Refused(CardRefusal.REASON_MISSING, {"field": "reason"})
    chosen = _chosen(desk, command, UNSOLD)
    if isinstance(chosen, Refused):
        return chosen
    for card, item in chosen:
        item.state = StockState.WRITTEN_OFF
        card.state = desk.states[card.id] = CardState.DEACTIVATED
    return _entered(
        desk, command, place, chosen, ActivityType.DEACTIVATE, StockStepKind.WRITE_OFF, command.reason
    )  # fmt: skip


def call_off(desk: Desk, command: CallOff, place: Place) -> Activity | Refused:
    """SOLD → CALLED_OFF, while the card can't be used yet: it is blocked, and stays so."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    item = desk.shelf.items.get(card.id)
    if item is None:
        return Refused(CardRefusal.NOT_STOCK)
    if item.state is not StockState.SOLD:
        return out_of_order(item, StockState.SOLD)
    if card.state is CardState.DEACTIVATED:
        return Refused(CardRefusal.DEACTIVATED)
    if card.waits_until is None:
        assert item.active_at is not None, "what was sold is active at some time"
        return Refused(CardRefusal.TOO_LATE, {"active_at": render_time(item.active_at)})
    item.state = StockState.CALLED_OFF
    at = command.event_at or desk.sheet.now
    desk.shelf.new_steps.append(
        (item.stock_id, place.ordinal, 1, None, StockStepKind.CALL_OFF, command.made_by, None, command.reason, at)
    )  # fmt: skip
    desk.shelf.changed.add(card.id)
    return stop(desk, card, place, at)


def out_of_order(item: Item, *needed: StockState) -> Refused:
    """A card isn't where a step takes it from."""
    facts = {"state": str(item.state), "needed": ", ".join(needed), "serial": item.serial}
    return Refused(CardRefusal.OUT_OF_ORDER, facts)


def _no_place(desk: Desk, command: Receive) -> Refused | None:
    if (command.merchant_id is None) == (command.place is None):
        return Refused(CardRefusal.PLACE_MISSING)
    if command.place is not None and not command.place.strip():
        return Refused(CardRefusal.PLACE_MISSING)
    if command.merchant_id is not None and command.merchant_id not in desk.merchants:
        return Refused(CardRefusal.UNKNOWN_MERCHANT)
    return None


def _chosen(desk: Desk, command: OfStock, needed: tuple[StockState, ...]) -> _Chosen | Refused:
    """The cards that a command chooses, all of them in a state that it takes them from."""
    if len(command.cards) > MAX_CHOSEN:
        return Refused(CardRefusal.STOCK_TOO_LARGE, {"count": len(command.cards), "limit_count": MAX_CHOSEN})
    by_stock = command.stock_id is not None
    found: _Chosen = []
    for card_id in command.chosen(desk.shelf.members):
        card, item = desk.cards.get(card_id), desk.shelf.items.get(card_id)
        if card is None or item is None:
            return Refused(CardRefusal.UNKNOWN_CARD if card is None else CardRefusal.NOT_STOCK)
        if by_stock and item.state is StockState.WRITTEN_OFF:
            continue
        if item.state not in needed:
            return out_of_order(item, *needed)
        found.append((card, item))
    return found or Refused(CardRefusal.UNKNOWN_STOCK)


def _entered(
    desk: Desk, command: OfStock | CallOff, place: Place, chosen: _Chosen, kind: ActivityType, step: StockStepKind,
    reason: str | None,
) -> Activity:  # fmt: skip
    """Enter a step in the history of each card, and in that of the stocks; the first entry is the answer."""
    at = command.event_at or desk.sheet.now
    counts = Counter(item.stock_id for _, item in chosen)
    _, first = chosen[0]
    for stock_id, cards in counts.items():
        desk.shelf.new_steps.append(
            (stock_id, place.ordinal, cards, first.merchant_id if step is StockStepKind.RECEIVE else None, step,
             command.made_by, first.place if step is StockStepKind.RECEIVE else None, reason, at)
        )  # fmt: skip
    entries = []
    for n, (card, _) in enumerate(chosen):
        own = place if n == 0 else Place(place.batch_id, desk.sheet.next_ordinal())
        desk.shelf.changed.add(card.id)
        desk.sheet.touch(card.id, own.ordinal)
        entries.append(desk.enter(card, own, kind, 0, at, lead=place.ordinal))
    return entries[0]

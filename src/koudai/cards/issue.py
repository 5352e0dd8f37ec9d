"""Issue: make cards under a programme, with numbers nobody can guess."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from koudai.base import Refused
from koudai.cards import store
from koudai.cards.commands import Issue
from koudai.cards.desk import Desk, HeldCard, holder_of
from koudai.cards.model import ActivityType, Card, CardRefusal, CardState, Issued
from koudai.cards.terms import Terms
from koudai.ledger import Memory, Place
from koudai.pg import Tx, int8s

NUMBER_SHOWN_AGAIN = timedelta(minutes=15)
"""How long the same key shows the number again, for an answer that was lost on its way."""


def issue(desk: Desk, command: Issue, place: Place) -> Issued | Refused:
    """A card, active at once, or pending until it is activated."""
    terms = desk.programmes.get(command.programme_id)
    if terms is None:
        return Refused(CardRefusal.UNKNOWN_PROGRAMME)
    at = command.event_at or desk.sheet.recorded_at
    state = CardState.ACTIVE if command.active else CardState.PENDING
    card, number = open_card(desk, terms, command.holder_ref, state, place.ordinal if command.active else 0, at)
    if command.active:
        desk.enter(card, place, ActivityType.ACTIVATE, 0, at)
    made = Card(card.id, terms.programme_id, state, number[-4:], command.holder_ref, card.asset, 0, at, card.last)
    issued = desk.made[place] = Issued(made, number)
    return issued


def open_card(
    desk: Desk, terms: Terms, holder_ref: str | None, state: CardState, entry: int, at: datetime
) -> tuple[HeldCard, str]:
    """A new card on the desk, entered by the entry of this ordinal (0: not yet), and its number."""
    if desk.mint is None:
        raise ValueError("cards are made with the keyring in hand")
    sheet, keyring = desk.sheet, desk.mint.keyring
    holder_id = None if holder_ref is None else sheet.subjects[holder_of(holder_ref)].id
    pocket = sheet.open("card", terms.asset, holder_id, entry)
    number = desk.mint.draw(terms.number_prefix)
    sealed = keyring.seal(number, pocket.id.to_bytes(8))
    desk.new_cards.append(
        (
            pocket.id, terms.programme_id, state, number[-4:], keyring.lookup_hash(number), sealed, holder_ref, at,
        )
    )  # fmt: skip
    card = desk.cards[pocket.id] = HeldCard(pocket, state, terms)
    return card, number


async def shown_again(tx: Tx, desk: Desk, memories: Iterable[Memory]) -> dict[Place, Issued]:
    """Cards that a repeated key names, with their numbers while those may still be shown."""
    places = {int(m.fact("card_id")): m.place for m in memories}
    if not places or desk.mint is None:
        return {}
    sheet, keyring = desk.sheet, desk.mint.keyring
    cards, sealed, batches = await tx.together(
        (store.SQL["find_cards"], sheet.book, int8s(list(places))),
        (store.SQL["sealed_numbers"], sheet.book, int8s(list(places))),
        (store.SQL["times_of_batches"], int8s([place.batch_id for place in places.values()])),
    )
    recorded = {row[0]: row[1] for row in batches}
    numbers_of = {row[0]: row[1] for row in sealed}
    shown = {}
    for card in map(store.as_card, cards):
        place = places[card.id]
        fresh = sheet.recorded_at - recorded[place.batch_id] <= NUMBER_SHOWN_AGAIN
        number = keyring.open(numbers_of[card.id], card.id.to_bytes(8)) if fresh else None
        shown[place] = Issued(card, number)
    return shown

"""Issue: make cards under a programme, with numbers nobody can guess."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from koudai.base import Refused
from koudai.cards import store
from koudai.cards.commands import Issue
from koudai.cards.desk import Desk, HeldCard, holder_of
from koudai.cards.issue.offers import not_issued
from koudai.cards.law.judge import on_issue
from koudai.cards.life.last import begin, set_expiry
from koudai.cards.model import ActivityType, Card, CardState, Issued, Lineage
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import bound_minor
from koudai.cards.secrets.pin import not_settable
from koudai.cards.terms import Terms
from koudai.ledger import Memory, Place
from koudai.pg import Tx, int8s
from koudai.programmes import Kind

NUMBER_SHOWN_AGAIN = timedelta(minutes=15)
"""How long the same key shows the number again, for an answer that was lost on its way."""

Holder = tuple[str, int]
"""Who holds a card: the ref by which it names him, and the ledger's id of him."""


def issue(desk: Desk, command: Issue, place: Place) -> Issued | Refused:
    """A card, active at once, or pending until it is activated."""
    if command.programme_id not in desk.terms.programmes:
        return Refused(CardRefusal.UNKNOWN_PROGRAMME)
    bad = not_issued(desk, command.programme_id, command.holder_ref, desk.sheet.now)
    at = command.event_at or desk.sheet.now
    if not bad and command.pin is not None:
        bad = not_settable(desk.promised(command.programme_id, at), command.pin)
    if bad:
        return bad
    state = CardState.ACTIVE if command.active else CardState.PENDING
    ref = command.holder_ref
    holder = None if ref is None else (ref, desk.sheet.subjects[holder_of(ref)].id)
    bad = on_issue(desk, command, place)
    if bad:
        return bad
    kind = Kind.BEARER if ref is None else Kind.REGISTERED
    promised = desk.promised(command.programme_id, at)
    terms = desk.terms.of(command.programme_id, promised, kind)
    card, number = open_card(desk, terms, holder, state, place.ordinal if command.active else 0, at)
    if command.pin is not None:
        desk.pins.keep(card.id, command.pin, desk.sheet.now)
        card.has_pin = True
    begin(desk, card, at, at if command.active else None)
    if command.active:
        desk.enter(card, place, ActivityType.ACTIVATE, 0, at)
    issued = desk.made[place] = as_issued(card, number)
    return issued


def as_issued(card: HeldCard, number: str) -> Issued:
    """A card of this batch as it is told."""
    pocket, came = card.pocket, card.lineage
    return Issued(
        Card(
            card.id, card.terms.programme_id, card.state, number[-4:], card.holder_ref, card.asset,
            pocket.balance_minor, card.issued_at, card.last,
            available_minor=max(0, pocket.balance_minor - bound_minor(card.restrictions)),
            parent_id=came.parent_id, root_id=came.root_id, generation=came.generation, expires_at=card.expires_at,
        ),
        number,
    )  # fmt: skip


def holder_of_card(card: HeldCard) -> Holder | None:
    """Who holds a card; None for a bearer card."""
    ref, holder_id = card.holder_ref, card.pocket.holder_id
    return None if ref is None or holder_id is None else (ref, holder_id)


def open_card(
    desk: Desk, terms: Terms, holder: Holder | None, state: CardState, entry: int, at: datetime,
    parent: HeldCard | None = None, *, lead: int | None = None, piece: bool = True, inherits: bool = True,
) -> tuple[HeldCard, str]:  # fmt: skip
    """A new card on the desk, entered by the entry of this ordinal (0: not yet), and its number.

    One that comes from a `parent` by the command of ordinal `lead` has its root, what it was promised; a piece of it is
    a generation further, and one that takes its place is not, and its expiry. One that `inherits` is told the counters
    of its parent later, when those are what they are to be.
    """
    if desk.mint is None:
        raise ValueError("cards are made with the keyring in hand")
    sheet, keyring = desk.sheet, desk.mint.keyring
    holder_ref, holder_id = holder or (None, None)
    pocket = sheet.open("card", terms.asset, holder_id, entry)
    number = desk.mint.draw(terms.number_prefix)
    sealed = keyring.seal(number, pocket.id.to_bytes(8))
    came, promised_at = Lineage(pocket.id, None, 0), at
    if parent is not None:
        came = Lineage(parent.lineage.root_id, parent.id, parent.lineage.generation + piece, inherits)
        promised_at = parent.promised_at
    desk.new_cards.append(
        (
            pocket.id, terms.programme_id, state, number[-4:], keyring.lookup_hash(number), sealed, holder_ref, at,
            promised_at, *came, lead,
        )
    )  # fmt: skip
    card = desk.cards[pocket.id] = HeldCard(
        pocket, state, terms, holder_ref, at, promised_at, came, desk.promised(terms.programme_id, promised_at)
    )  # fmt: skip
    if parent is not None and parent.expires_at is not None:
        set_expiry(desk, card, parent.expires_at)
    return card, number


def cards_of(memory: Memory) -> list[int]:
    """The cards that a command made, by what is remembered of it."""
    made = memory.facts_told()
    return [made["card_id"]] if "card_id" in made else list(made["card_ids"])


async def shown_again(tx: Tx, desk: Desk, memories: Iterable[Memory]) -> dict[int, Issued]:
    """Cards that repeated keys made, with their numbers while those may still be shown."""
    places = {card_id: memory.place for memory in memories for card_id in cards_of(memory)}
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
        shown[card.id] = Issued(card, number)
    return shown

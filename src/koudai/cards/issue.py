"""Issue: make cards under a programme, with numbers nobody can guess."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from koudai.base import Refused, asset as asset_of
from koudai.cards import numbers, store
from koudai.cards.model import ActivityType, Card, CardRefusal, CardState, Issued, Programme
from koudai.identity import Keyring
from koudai.ledger import Memory, Place, Sheet, open_accounts, open_batch, request_text, write
from koudai.pg import Tx, int8s

NUMBER_SHOWN_AGAIN = timedelta(minutes=15)
"""How long the same key shows the number again, for an answer that was lost on its way."""


class Issue(msgspec.Struct, frozen=True):
    """A wish for a card: active at once, or pending until it is activated; without a holder it is bearer."""

    key: str
    programme_id: int
    active: bool = True
    holder_ref: str | None = None
    event_at: datetime | None = None


async def issue(
    tx: Tx,
    book: int,
    commands: Sequence[Issue],
    keyring: Keyring,
    *,
    generate: numbers.Generate = numbers.generate,
) -> list[Issued | Refused]:
    """Issue cards; one outcome for each, in order.

    The number is in the answer, and again under the same key for 15 minutes; after that nobody is
    shown more than its last four digits.
    """
    programmes = await store.find_programmes(tx, book, {c.programme_id for c in commands})
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Issued | Refused | Memory] = []
    wanted: dict[str, tuple[Issue, Memory]] = {}
    for command in commands:
        outcome = _judge(sheet, programmes, command)
        if isinstance(outcome, Memory) and outcome.facts is None:
            wanted[command.key] = (command, outcome)
        outcomes.append(outcome)
    made = await _make(tx, sheet, programmes, wanted, keyring, generate)
    again = await _shown_again(tx, sheet, [o for o in outcomes if isinstance(o, Memory) and o.facts], keyring)
    _write(tx, sheet, made)
    return [o if not isinstance(o, Memory) else again[o.place] if o.facts else made[o.place] for o in outcomes]


def _judge(sheet: Sheet, programmes: dict[int, Programme], command: Issue) -> Refused | Memory:
    """What a key already led to, a refusal, or the memory of a card that is still to be made (without facts)."""
    request = request_text(
        {
            "verb": "issue",
            "programme_id": command.programme_id,
            "active": command.active,
            "holder_ref": command.holder_ref,
            "event_at": command.event_at,
        }
    )
    known = sheet.keys.recall(command.key, request)
    if isinstance(known, Memory):
        return known.as_refusal() or known
    if known is not None:
        return known
    place = Place(sheet.batch_id, sheet.next_ordinal())
    if command.programme_id not in programmes:
        refused = Refused(CardRefusal.UNKNOWN_PROGRAMME)
        sheet.keys.remember_refusal(command.key, request, place, refused)
        return refused
    memory = Memory(request, place)
    sheet.keys.known[command.key] = memory
    return memory


async def _make(
    tx: Tx, sheet: Sheet, programmes: dict[int, Programme], wanted: dict[str, tuple[Issue, Memory]],
    keyring: Keyring, generate: numbers.Generate,
) -> dict[Place, Issued]:  # fmt: skip
    """Open the accounts and insert the cards; a number that is taken is drawn again."""
    by_asset: dict[str, list[tuple[Issue, Memory]]] = {}
    for command, memory in wanted.values():
        by_asset.setdefault(programmes[command.programme_id].asset, []).append((command, memory))
    made: dict[Place, Issued] = {}
    for code, group in by_asset.items():
        kind = asset_of(code)
        assert kind is not None
        ordinals = [memory.place.ordinal if command.active else 0 for command, memory in group]
        holders = [f"holder:{command.holder_ref}" if command.holder_ref else None for command, _ in group]
        ids = await open_accounts(
            tx, sheet, kind, "card", constrained=True, in_lots=True, ordinals=ordinals, holders=holders
        )
        waiting = dict(zip(ids, group, strict=True))
        while waiting:
            drawn = {
                card_id: _draw(sheet, card_id, programmes[command.programme_id], command, memory, keyring, generate)
                for card_id, (command, memory) in waiting.items()
            }
            added = await store.add_cards(tx, sheet.book, [row for row, _ in drawn.values()])
            for card_id in added:
                command, memory = waiting.pop(card_id)
                made[memory.place] = drawn[card_id][1]
                facts = request_text({"card_id": card_id})
                sheet.keys.remember(command.key, Memory(memory.request, memory.place, facts=facts))
    return made


def _draw(
    sheet: Sheet, card_id: int, programme: Programme, command: Issue, memory: Memory, keyring: Keyring,
    generate: numbers.Generate,
) -> tuple[store.NewCard, Issued]:  # fmt: skip
    number = generate(programme.number_prefix)
    state = CardState.ACTIVE if command.active else CardState.PENDING
    issued_at = command.event_at or sheet.recorded_at
    sealed = keyring.seal(number, card_id.to_bytes(8))
    row = (
        card_id, programme.id, state, number[-4:], keyring.lookup_hash(number), sealed, command.holder_ref,
        issued_at,
    )  # fmt: skip
    newest = memory.place if command.active else Place(0, 0)
    card = Card(card_id, programme.id, state, number[-4:], command.holder_ref, programme.asset, 0, issued_at, newest)
    return row, Issued(card, number)


async def _shown_again(tx: Tx, sheet: Sheet, memories: Sequence[Memory], keyring: Keyring) -> dict[Place, Issued]:
    """Cards that a repeated key names, with their numbers while those may still be shown."""
    if not memories:
        return {}
    places = {int(m.fact("card_id")): m.place for m in memories}
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


def _write(tx: Tx, sheet: Sheet, made: dict[Place, Issued]) -> None:
    """Write the batch, with the activation of the cards that are active at once."""
    active = [(place, i.card) for place, i in made.items() if i.card.state is CardState.ACTIVE]
    more = []
    if active:
        nothing = (None,) * 9
        entries = [
            (place.ordinal, place.ordinal, card.id, ActivityType.ACTIVATE, 0, 0, 0, *nothing, 0, 0, card.issued_at)
            for place, card in active
        ]
        more.append(store.add_entries_statement(sheet.batch_id, entries))
    write(tx, sheet, *more)

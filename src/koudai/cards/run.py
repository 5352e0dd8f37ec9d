"""Run: the one way for everything that happens to cards.

Commands of any kind come as a list. What they name is found, the cards are locked in the order of
their ids, their state is read, the commands are folded in order, and one batch is written.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from koudai.base import MAX_MINOR, Refused
from koudai.cards import rules
from koudai.cards.commands import Command, Load, Redeem, Refund, Reverse
from koudai.cards.desk import Caps, Desk, HeldCard, Redemption
from koudai.cards.model import Activity, CardState
from koudai.cards.store import SQL, add_entries_statement, by_place, lay_refunds_statement, read_activities
from koudai.ledger import (
    Memory,
    Place,
    as_keys,
    begin_statement,
    lock_statement,
    recall,
    recall_statement,
    sheet_from,
    write,
)
from koudai.merchants import as_merchants, find_statement
from koudai.pg import Tx, byteas, columns, int4s, int8s, texts

Outcome = Activity | Refused


class _Named:
    """What the commands name otherwise than by a card's id, as found before the locks."""

    def __init__(self) -> None:
        self.ids_of_numbers: dict[bytes, int] = {}
        self.keys: dict[str, Memory] = {}
        self.redemptions: Sequence[Sequence[Any]] = ()


async def run(tx: Tx, book: int, commands: Sequence[Command]) -> list[Outcome]:
    """Run commands on the cards of a book; one outcome for each, in order.

    A refused command doesn't stop the others. A key that was used before answers its first outcome
    again; where the command is another one, it is refused, naming the field. Raises `pg.Conflict`
    when another transaction used one of the keys meanwhile: nothing is done, and the same call can
    be repeated.
    """
    named = await _find_named(tx, book, commands)
    desk = await _open(tx, book, commands, named)
    folded = [rules.apply(desk, command) for command in commands]
    _write(tx, desk)
    again = {outcome for outcome in folded if isinstance(outcome, Place)}
    if not again:
        return folded  # type: ignore[return-value]
    known = await read_activities(tx, book, again)
    return [known[outcome] if isinstance(outcome, Place) else outcome for outcome in folded]


async def _find_named(tx: Tx, book: int, commands: Sequence[Command]) -> _Named:
    """Find cards by number, and redemptions by place or key. Nothing is asked where all name ids."""
    named = _Named()
    hashes = {ref for c in commands if isinstance(ref := getattr(c, "card", None), bytes)}
    if hashes:
        named.ids_of_numbers = dict(await tx.rows(SQL["ids_of_numbers"], book, byteas(list(hashes))))
    undone = [c for c in commands if isinstance(c, (Refund, Reverse))]
    keys = {c.redemption_key for c in undone if isinstance(c, Reverse) and c.redemption_key is not None}
    if keys:
        named.keys = (await recall(tx, book, keys)).known
    places = {c.redemption for c in undone if c.redemption is not None}
    places |= {memory.place for memory in named.keys.values() if memory.refusal is None}
    if places:
        named.redemptions = await tx.rows(*by_place("redemptions", places))
    return named


async def _open(tx: Tx, book: int, commands: Sequence[Command], named: _Named) -> Desk:
    """Lock the cards, read everything that the rules will ask for, and begin a batch: one round trip."""
    refs = [getattr(c, "card", None) for c in commands]
    ids = {named.ids_of_numbers.get(ref) if isinstance(ref, bytes) else ref for ref in refs}
    ids |= {row[2] for row in named.redemptions}
    card_ids = sorted(i for i in ids if i is not None)
    merchant_ids = {c.merchant_id for c in commands if isinstance(c, Redeem)}
    merchant_ids |= {c.merchant_id for c in commands if isinstance(c, Refund) and c.merchant_id is not None}
    merchant_ids |= {row[3] for row in named.redemptions}
    statements: dict[str, tuple[Any, ...]] = {
        "lock": lock_statement(book, card_ids),
        "cards": (SQL["read_cards"], book, int8s(card_ids)),
        "merchants": find_statement(book, merchant_ids),
    }
    if any(isinstance(c, (Load, Refund)) for c in commands):
        statements["caps"] = (SQL["caps_of_cards"], int8s(card_ids))
        statements["funding"] = (SQL["funding_of_cards"], int8s(card_ids))
    pairs = _refund_pairs(commands, named)
    if pairs:
        wanted = columns((int8s, int4s, int8s), [(*pair, need) for pair, need in pairs.items()])
        statements["refundable"] = (SQL["refundable"], *wanted)
    if named.redemptions:
        statements["redemptions"] = by_place("redemptions", [Place(r[0], r[1]) for r in named.redemptions])
    keys = {c.key for c in commands}
    keys |= {c.redemption_key for c in commands if isinstance(c, Reverse) and c.redemption_key is not None}
    statements["keys"] = recall_statement(book, keys)
    statements["batch"] = begin_statement(book)
    rows = dict(zip(statements, await tx.together(*statements.values()), strict=True))
    return _lay_out(book, commands, named, rows)


def _refund_pairs(commands: Sequence[Command], named: _Named) -> dict[tuple[int, int], int]:
    """The (card, merchant) pairs that refunds name, and how much the batch may ask back of each."""
    # What is asked back of redemptions by name never takes more of them than was paid.
    others = sum(row[4] for row in named.redemptions)
    pairs: dict[tuple[int, int], int] = defaultdict(lambda: others)
    for c in commands:
        if isinstance(c, Refund) and c.redemption is None and c.merchant_id is not None:
            card_id = named.ids_of_numbers.get(c.card) if isinstance(c.card, bytes) else c.card
            if card_id is not None and 0 < c.amount_minor <= MAX_MINOR:
                pairs[card_id, c.merchant_id] += c.amount_minor
    return {pair: min(need, MAX_MINOR) for pair, need in pairs.items()}


def _lay_out(book: int, commands: Sequence[Command], named: _Named, rows: dict[str, list[Any]]) -> Desk:
    """The desk from what the database answered."""
    sheet = sheet_from(book, rows["batch"], rows["lock"], as_keys(rows["keys"]))
    desk = Desk(sheet)
    for card_id, state, programme_id in rows["cards"]:
        head = sheet.heads[card_id]
        desk.cards[card_id] = HeldCard(card_id, _STATES[state], head.asset, programme_id, head.newest)
    desk.ids_of_numbers = named.ids_of_numbers
    desk.keys_before_lock = set(named.keys)
    desk.merchants = as_merchants(rows["merchants"])
    desk.caps = {row[0]: Caps(row[1], row[2]) for row in rows.get("caps", ())}
    desk.funding = {(row[0], row[1]): row[2] for row in rows.get("funding", ())}
    for batch_id, ordinal, card_id, merchant_id, paid, refunded in rows.get("redemptions", ()):
        place = Place(batch_id, ordinal)
        desk.redemptions[place] = Redemption(place, card_id, merchant_id, paid, refunded)
    for card_id, merchant_id, batch_id, ordinal, paid, refunded in rows.get("refundable", ()):
        place = Place(batch_id, ordinal)
        redemption = desk.redemptions.setdefault(place, Redemption(place, card_id, merchant_id, paid, refunded))
        desk.refundable.setdefault((card_id, merchant_id), []).append(redemption)
    desk.tracks_redemptions = any(isinstance(c, (Refund, Reverse)) for c in commands)
    return desk


_STATES = {state.value: state for state in CardState}


def _write(tx: Tx, desk: Desk) -> None:
    """Write the batch: postings and keys by the ledger, and beside them the history of the cards."""
    batch_id = desk.sheet.batch_id
    more: list[tuple[Any, ...]] = []
    if desk.entries:
        more.append(add_entries_statement(batch_id, desk.entries))
    if desk.parts:
        more.append(lay_refunds_statement(batch_id, desk.parts))
    if desk.states:
        more.append((SQL["set_states"], *columns((int8s, texts), list(desk.states.items()))))
    write(tx, desk.sheet, *more)

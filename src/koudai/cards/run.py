"""Run: the one way for everything that happens to cards.

Commands of any kind come as a list. What they name is found, the cards are locked in the order of
their ids, their state is read, the commands are folded in order, and one batch is written.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from koudai.base import Refused
from koudai.cards import rules
from koudai.cards.commands import Command, Exchange, Issue, Split
from koudai.cards.desk import Desk
from koudai.cards.hold import release_due
from koudai.cards.issue import cards_of, shown_again
from koudai.cards.last import renew_due
from koudai.cards.model import Activity, Issued, Minted
from koudai.cards.named import Named, find_named
from koudai.cards.numbers import Generate, Mint, generate
from koudai.cards.opening import open_desk
from koudai.cards.store import (
    SQL,
    add_cards_statement,
    add_entries_statement,
    add_payouts_statement,
    lay_refunds_statement,
    read_activities,
    set_expiries_statement,
)
from koudai.cards.terms import terms_of_book
from koudai.identity import Keyring
from koudai.ledger import Memory, Place, write
from koudai.pg import Tx, columns, int8s, texts

Outcome = Activity | Refused


async def run(tx: Tx, book: int, commands: Sequence[Command]) -> list[Outcome]:
    """Run commands on the cards of a book; one outcome for each, in order.

    A refused command doesn't stop the others. A key that was used before answers its first outcome
    again; where the command is another one, it is refused, naming the field. Raises `pg.Conflict`
    when another transaction used one of the keys meanwhile: nothing is done, and the same call can
    be repeated.
    """
    return await _fold(tx, book, commands, None)


async def issue(
    tx: Tx, book: int, commands: Sequence[Issue], keyring: Keyring, *, generate: Generate = generate
) -> list[Issued | Refused]:  # fmt: skip
    """Make cards, in the same way; one outcome for each, in order.

    The number is in the answer, and again under the same key for 15 minutes; after that nobody is
    shown more than its last four digits.
    """
    return await _fold(tx, book, commands, Mint(keyring, generate))


async def split(
    tx: Tx, book: int, commands: Sequence[Split], keyring: Keyring, *, generate: Generate = generate
) -> list[Minted | Refused]:  # fmt: skip
    """Split cards into new ones, in the same way; one outcome for each, in order. Numbers are told as by `issue`."""
    return await _fold(tx, book, commands, Mint(keyring, generate))


async def exchange(
    tx: Tx, book: int, commands: Sequence[Exchange], keyring: Keyring, *, generate: Generate = generate
) -> list[Minted | Refused]:  # fmt: skip
    """Exchange expired cards for new ones, in the same way, one outcome for each. Numbers are told as by `issue`."""
    return await _fold(tx, book, commands, Mint(keyring, generate))


async def touch(tx: Tx, book: int, cards: Collection[int]) -> int:
    """Let happen to cards what is due without any command: holds expire, terms are renewed. How many were renewed."""
    named = Named(())
    named.touched = set(cards)
    desk = await open_desk(tx, book, named, await terms_of_book(tx, book))
    release_due(desk)
    renew_due(desk)
    _write(tx, desk)
    return len(desk.expiries)


async def _fold(tx: Tx, book: int, commands: Sequence[Command], mint: Mint | None) -> list[Any]:
    terms = await terms_of_book(tx, book)
    named = await find_named(tx, book, commands)
    desk = await open_desk(tx, book, named, terms)
    desk.mint = mint
    release_due(desk)
    renew_due(desk)
    folded = [rules.apply(desk, command) for command in commands]
    _write(tx, desk)
    again = {outcome for outcome in folded if isinstance(outcome, Memory)}
    if not again:
        return folded
    activities = await read_activities(tx, book, {memory.place for memory in again})
    made = await shown_again(tx, desk, [memory for memory in again if memory.facts])
    return [_seen_again(one, activities, made) if isinstance(one, Memory) else one for one in folded]


def _seen_again(memory: Memory, activities: Mapping[Place, Activity], made: Mapping[int, Issued]) -> Any:
    """The outcome of a key that was used before."""
    if not memory.facts:
        return activities[memory.place]
    issued = tuple(made[card_id] for card_id in cards_of(memory))
    return issued[0] if "card_id" in memory.facts_told() else Minted(activities[memory.place], issued)


def _write(tx: Tx, desk: Desk) -> None:
    """Write the batch: postings and keys by the ledger, and beside them the history of the cards."""
    batch_id = desk.sheet.batch_id
    more: list[tuple[Any, ...]] = []
    if desk.new_cards:
        more.append(add_cards_statement(desk.sheet.book, desk.new_cards))
    if desk.entries:
        more.append(add_entries_statement(batch_id, desk.entries))
    if desk.parts:
        more.append(lay_refunds_statement(batch_id, desk.parts))
    if desk.expiries:
        more.append(set_expiries_statement(batch_id, desk.expiries))
    if desk.payouts:
        more.append(add_payouts_statement(batch_id, desk.payouts))
    if desk.states:
        more.append((SQL["set_states"], *columns((int8s, texts), list(desk.states.items()))))
    write(tx, desk.sheet, *more)

"""Run: the one way for everything that happens to cards.

Commands of any kind come as a list. What they name is found, the cards are locked in the order of
their ids, their state is read, the commands are folded in order, and one batch is written.
"""

from collections.abc import Sequence
from typing import Any

from koudai.base import Refused
from koudai.cards import rules
from koudai.cards.commands import Command
from koudai.cards.desk import Desk
from koudai.cards.hold import release_due
from koudai.cards.model import Activity
from koudai.cards.named import find_named
from koudai.cards.opening import open_desk
from koudai.cards.store import SQL, add_entries_statement, lay_refunds_statement, read_activities
from koudai.cards.terms import terms_of_book
from koudai.ledger import Place, write
from koudai.pg import Tx, columns, int8s, texts

Outcome = Activity | Refused


async def run(tx: Tx, book: int, commands: Sequence[Command]) -> list[Outcome]:
    """Run commands on the cards of a book; one outcome for each, in order.

    A refused command doesn't stop the others. A key that was used before answers its first outcome
    again; where the command is another one, it is refused, naming the field. Raises `pg.Conflict`
    when another transaction used one of the keys meanwhile: nothing is done, and the same call can
    be repeated.
    """
    terms = await terms_of_book(tx, book)
    named = await find_named(tx, book, commands)
    desk = await open_desk(tx, book, named, terms)
    release_due(desk)
    folded = [rules.apply(desk, command) for command in commands]
    _write(tx, desk)
    again = {outcome for outcome in folded if isinstance(outcome, Place)}
    if not again:
        return folded  # type: ignore[return-value]
    known = await read_activities(tx, book, again)
    return [known[outcome] if isinstance(outcome, Place) else outcome for outcome in folded]


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

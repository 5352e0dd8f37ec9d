"""What the doors read of stocks, and the printer's file."""

import csv
import io
from collections.abc import Sequence

from koudai.base import Refused
from koudai.cards.run import run
from koudai.cards.stock.model import (
    Print,
    PrintFile,
    Sale,
    Stock,
    StockCard,
    StockCount,
    StockShown,
    StockState,
    StockStep,
    StockStepKind,
)
from koudai.cards.stock.store import SQL, as_stock, find_stocks
from koudai.identity import Keyring
from koudai.ledger import Place, time_of_book
from koudai.pg import Tx, int8s

_HEADING = ("stock_id", "serial", "gan", "design")


async def print_stock(tx: Tx, book: int, commands: Sequence[Print], keyring: Keyring) -> list[PrintFile | Refused]:
    """Print cards of stocks; one file for each command, in order.

    A file is given out once: the same key answers without it. Who got it, and when, is kept for ever.
    """
    answers: list[PrintFile | Refused] = []
    for command, outcome in zip(commands, await run(tx, book, commands), strict=True):
        if isinstance(outcome, Refused):
            answers.append(outcome)
            continue
        # What the batch wrote is there once it is sent, which the next statement makes sure of.
        given = await tx.value(SQL["give_file"], *outcome.place, command.made_by)
        rows = await tx.rows(SQL["printed"], book, *outcome.place)
        text = _file(rows, keyring) if given else None
        answers.append(PrintFile(outcome.place, len(rows), text))
    return answers


def _file(rows: Sequence[Sequence[object]], keyring: Keyring) -> str:
    """The lines of a printing. The stock's id is that of the outside."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADING)
    for stock_id, serial, card_id, sealed, design in rows:
        assert isinstance(stock_id, int)
        assert isinstance(card_id, int)
        assert isinstance(sealed, bytes)
        number = keyring.open(sealed, card_id.to_bytes(8))
        writer.writerow((keyring.opaque_id("stck", stock_id), serial, number, design))
    return text.getvalue()


async def page_stocks(tx: Tx, book: int, after: int, limit: int) -> list[StockShown]:
    """The next `limit` stocks of a book after an id."""
    return await _shown(tx, book, [as_stock(row) for row in await tx.rows(SQL["page_stocks"], book, after, limit)])


async def stock_by_id(tx: Tx, book: int, stock_id: int) -> StockShown | None:
    """A stock of a book with its counts and steps."""
    found = await _shown(tx, book, list((await find_stocks(tx, book, [stock_id])).values()))
    return found[0] if found else None


async def _shown(tx: Tx, book: int, stocks: Sequence[Stock]) -> list[StockShown]:
    if not stocks:
        return []
    ids = [stock.id for stock in stocks]
    now = await time_of_book(tx, book)
    counts, steps = await tx.together((SQL["count_stocks"], int8s(ids), now), (SQL["steps_of_stocks"], int8s(ids)))
    counted: dict[int, list[StockCount]] = {one: [] for one in ids}
    for stock_id, state, *rest in counts:
        counted[stock_id].append(StockCount(StockState(state), *rest))
    done: dict[int, list[StockStep]] = {one: [] for one in ids}
    for stock_id, batch_id, ordinal, step, *rest in steps:
        done[stock_id].append(StockStep(Place(batch_id, ordinal), StockStepKind(step), *rest))
    return [StockShown(stock, tuple(counted[stock.id]), tuple(done[stock.id])) for stock in stocks]


async def page_stock_cards(tx: Tx, book: int, stock_id: int, after: int, limit: int) -> list[StockCard]:
    """The next `limit` cards of a stock after a serial number."""
    return [_card(row) for row in await tx.rows(SQL["page_stock_cards"], book, stock_id, after, limit)]


async def stock_cards_by_id(tx: Tx, book: int, ids: Sequence[int]) -> dict[int, StockCard]:
    """Cards of a book that lie in stocks, or were sold from them; others are left out."""
    return {row[0]: _card(row) for row in await tx.rows(SQL["find_stock_cards"], book, int8s(ids))}


def _card(row: Sequence[object]) -> StockCard:
    card_id, stock_id, serial, last4, state, merchant_id, place, batch_id, ordinal, *sold = row
    sale = None if batch_id is None else Sale(Place(batch_id, ordinal), *sold)  # type: ignore[arg-type]
    return StockCard(card_id, stock_id, serial, last4, StockState(state), merchant_id, place, sale)  # type: ignore[arg-type]

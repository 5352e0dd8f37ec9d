"""The shelf: what a batch reads of stocks under lock, and what it writes of them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from koudai.base import day_start_s, moment_of
from koudai.cards.checks import card_of
from koudai.cards.commands import Activate, Adjust, Close, Command, Replace
from koudai.cards.desk import Desk
from koudai.cards.restrict.commands import Lift, Unblock
from koudai.cards.stock.model import (
    STEPS,
    CallOff,
    HeldSale,
    Item,
    OfStock,
    Payment,
    Sell,
    Stock,
    StockState,
    Tally,
    VoidSale,
)
from koudai.cards.stock.sell import counted
from koudai.cards.stock.void_sale import HARMLESS
from koudai.cards.store import Statement
from koudai.ledger import Memory, Place
from koudai.pg import Statements, Tx, bools, columns, int4s, int8s, texts, times

SQL = Statements(Path(__file__).with_name("queries.sql"))

_HOUR = timedelta(hours=1)

_TOUCHING: set[type[Command]] = {*STEPS, Sell, CallOff, VoidSale, Activate, Adjust, Close, Unblock, Lift, Replace}


def touches_stock(kinds: set[type[Command]]) -> bool:
    """Whether commands ask how far a card of a stock came."""
    return bool(kinds & _TOUCHING)


_STOCK = (int8s, int4s, texts, int4s, texts, times)
_MEMBER = (int8s, int8s, int4s)
_STEP = (int8s, int4s, int4s, int4s, texts, texts, texts, texts, times)
_PLACED = (int8s, texts, int4s, texts)
_VOID = (int8s, int4s, times)
_SALE = (int8s, int4s, int8s, texts, texts, texts, texts, texts, bools, times, times, texts, int8s, bools)


async def find_members(tx: Tx, book: int, commands: Iterable[Command]) -> dict[int, list[int]]:
    """The cards of the stocks that commands choose from, in the order of their serial numbers; they never change."""
    stocks = {c.stock_id for c in commands if isinstance(c, OfStock) and c.stock_id is not None}
    members: dict[int, list[int]] = {}
    if stocks:
        for stock_id, _, card_id in await tx.rows(SQL["members"], book, int8s(list(stocks))):
            members.setdefault(stock_id, []).append(card_id)
    return members


async def read_shelf(tx: Tx, desk: Desk, commands: Sequence[Command], members: dict[int, list[int]]) -> None:
    """How far the locked cards came; of sales also the payments and what was sold lately, under locks of their own."""
    shelf, book, now = desk.shelf, desk.sheet.book, desk.sheet.now
    shelf.members = members
    undone = await _read_sales(tx, desk, commands)
    sales = [c for c in commands if isinstance(c, Sell)]
    references = sorted({c.payment_ref for c in sales} | {sale.payment_ref for sale in undone.values()})
    statements: list[Statement] = [(SQL["stock_of"], int8s(list(desk.cards)))]
    if references:
        who = {one for c in sales for one in counted(c)}
        payers, tills, clerks = (sorted({o for k, o, _ in who if k == kind}) for kind in ("payer", "till", "clerk"))
        words = [f"payment:{one}" for one in references] + [f"{kind}:{one}" for kind, one, _ in who]
        since = moment_of(day_start_s(desk.sheet.now_s))
        statements += [
            (SQL["lock_sales"], book, texts(words)),
            (SQL["payments"], book, texts(references)),
            (SQL["sold"], book, texts(payers), since, texts(tills), texts(clerks), now - _HOUR),
        ]
    items, *rest = await tx.together(*statements)
    for card_id, stock_id, serial, state, merchant_id, place, active_at in items:
        item = shelf.items[card_id] = Item(stock_id, serial, StockState(state), merchant_id, place, active_at)
        item.sale = undone.get(card_id)
    if rest:
        _, payments, sold = rest
        shelf.payments = {row[0]: Payment(*row[1:]) for row in payments}
        shelf.tallies = {(kind, one, asset): Tally(cards, minor) for kind, one, asset, cards, minor in sold}


async def _read_sales(tx: Tx, desk: Desk, commands: Sequence[Command]) -> dict[int, HeldSale]:
    """The sales of the cards whose sale is to be undone, with what happened since."""
    asked = {card.id for c in commands if isinstance(c, VoidSale) and (card := card_of(desk, c.card)) is not None}
    if not asked:
        return {}
    rows = await tx.rows(SQL["sales_of"], int8s(sorted(asked)), texts(sorted(HARMLESS)))
    return {row[0]: HeldSale(Place(row[1], row[2]), *row[3:]) for row in rows}


def shelf_statements(desk: Desk) -> list[Statement]:
    """What a batch writes of stocks; nothing where it touched none."""
    shelf, book, batch_id = desk.shelf, desk.sheet.book, desk.sheet.batch_id
    statements: list[Statement] = []
    if shelf.new_stocks:
        made = [(s.id, s.programme_id, s.design, s.cards, s.made_by, s.made_at) for s in shelf.new_stocks]
        statements.append((SQL["add_stocks"], book, *columns(_STOCK, made)))
        statements.append((SQL["add_stock_cards"], *columns(_MEMBER, shelf.new_cards)))
    if shelf.new_steps:
        statements.append((SQL["add_stock_steps"], batch_id, *columns(_STEP, shelf.new_steps)))
    if shelf.new_sales:
        statements.append((SQL["sell"], book, batch_id, *columns(_SALE, shelf.new_sales)))
    if shelf.new_voids:
        statements.append((SQL["void_sales"], batch_id, *columns(_VOID, shelf.new_voids)))
    if shelf.changed:
        placed = [(i, (one := shelf.items[i]).state, one.merchant_id, one.place) for i in sorted(shelf.changed)]
        statements.append((SQL["set_stock"], *columns(_PLACED, placed)))
    return statements


async def stocks_again(tx: Tx, book: int, memories: Iterable[Memory]) -> dict[int, Stock]:
    """The stocks that repeated keys made."""
    ids = [told["stock_id"] for memory in memories if "stock_id" in (told := memory.facts_told())]
    return await find_stocks(tx, book, ids) if ids else {}


async def find_stocks(tx: Tx, book: int, ids: Sequence[int]) -> dict[int, Stock]:
    """Stocks of a book by id; an unknown id is left out."""
    return {row[0]: as_stock(row) for row in await tx.rows(SQL["find_stocks"], book, int8s(ids))}


def as_stock(row: Sequence[Any]) -> Stock:
    """A stock from a row of `find_stocks` or `page_stocks`."""
    return Stock(*row)

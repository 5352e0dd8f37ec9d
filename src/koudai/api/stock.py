"""Stocks of physical cards: made, printed, received, written off, sold at a till, called off, undone, and shown."""

from collections.abc import Sequence
from typing import Any

from koudai import cards
from koudai.api import stock_shapes as shapes
from koudai.api.commands import known_currency
from koudai.api.door import Call
from koudai.api.ids import ACTIVITY, CARD, MERCHANT, PROGRAMME, STOCK
from koudai.api.problems import ApiProblem, Problem, invalid
from koudai.api.shapes import Amount, GiftCardActivity
from koudai.base import Refused
from koudai.cards import Activity, CardWarning, StockCard, StockShown
from koudai.pg import Tx


async def create(call: Call) -> shapes.Stock | Refused:
    """POST /v1/stock"""
    wish = cards.CreateStock(
        key=call.key, programme_id=call.door.ids.programme(call.body.programme_id), count=call.body.count,
        design=call.body.design, made_by=call.principal.key_id,
    )  # fmt: skip

    async def work(tx: Tx) -> StockShown | Refused:
        (made,) = await cards.run(tx, call.book, [wish], call.door.instance.keyring)
        if isinstance(made, Refused):
            return made
        return await cards.stock_by_id(tx, call.book, made.id) or _missing()

    made = await call.transact(work)
    return made if isinstance(made, Refused) else _stock(call, made)


async def print_file(call: Call) -> shapes.PrintFile | Refused:
    """POST /v1/stock/print: the numbers are in the answer, this once."""
    wish = cards.Print(**_chosen(call))
    keyring = call.door.instance.keyring
    (file,) = await call.transact(lambda tx: cards.print_stock(tx, call.book, [wish], keyring))
    if isinstance(file, Refused):
        return file
    return shapes.PrintFile(keyring.opaque_id(ACTIVITY, *file.place), file.cards, file.csv)


async def receive(call: Call) -> GiftCardActivity | Refused:
    """POST /v1/stock/receive: the answer is the entry of the first card."""
    return await _step(call, cards.Receive(**_chosen(call), **_place(call)))


async def write_off(call: Call) -> GiftCardActivity | Refused:
    """POST /v1/stock/write_off: the answer is the entry of the first card."""
    return await _step(call, cards.WriteOff(**_chosen(call), reason=call.body.reason))


async def sell(call: Call) -> shapes.StockActivity | Refused:
    """POST /v1/stock/sell"""
    body = call.body
    wish = cards.Sell(
        key=call.key, card=call.door.ids.card_ref(body.gift_card_id, body.gan), amount_minor=body.amount_minor,
        asset=known_currency(body.currency), source=body.source, payment_ref=body.payment_ref,
        payment_minor=body.payment_minor, till=body.till, clerk=body.clerk, payer=body.payer, refund_to=body.refund_to,
        acknowledged=body.acknowledged, **_place(call),
    )  # fmt: skip
    return await _with_card(call, wish)


async def call_off(call: Call) -> shapes.StockActivity | Refused:
    """POST /v1/stock/call_off: for the hotline that a buyer who was tricked reaches."""
    card = call.door.ids.card_ref(call.body.gift_card_id, call.body.gan)
    wish = cards.CallOff(key=call.key, card=card, made_by=call.principal.key_id, reason=call.body.reason)
    return await _with_card(call, wish)


async def void_sale(call: Call) -> shapes.StockActivity | Refused:
    """POST /v1/stock/void_sale: for the desk that gives a buyer his money back."""
    card = call.door.ids.card_ref(call.body.gift_card_id, call.body.gan)
    wish = cards.VoidSale(key=call.key, card=card, made_by=call.principal.key_id, reason=call.body.reason)
    return await _with_card(call, wish)


async def page(call: Call) -> shapes.StockPage:
    """GET /v1/stock: oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    after = cursor.batch_id if cursor else 0
    found = await call.transact(lambda tx: cards.page_stocks(tx, call.book, after, limit + 1))
    more = call.door.ids.cursor_of(found[limit - 1].stock.id) if len(found) > limit else None
    return shapes.StockPage([_stock(call, one) for one in found[:limit]], more)


async def show(call: Call) -> shapes.Stock:
    """GET /v1/stock/{id}"""
    stock_id = call.door.ids.stock(call.path("id"))
    found = await call.transact(lambda tx: cards.stock_by_id(tx, call.book, stock_id))
    return _stock(call, found or _missing())


async def page_of_cards(call: Call) -> shapes.StockCardPage:
    """GET /v1/stock/{id}/cards: by serial number."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit
    stock_id, after = call.door.ids.stock(call.path("id")), cursor.batch_id if cursor else 0
    found = await call.transact(
        lambda tx: cards.page_stock_cards(tx, call.book, stock_id, min(after, cards.MAX_STOCK), limit + 1)
    )
    if not found and not after:
        _missing()
    more = call.door.ids.cursor_of(found[limit - 1].serial) if len(found) > limit else None
    return shapes.StockCardPage(_cards(call, found[:limit]), more)


async def show_card(call: Call) -> shapes.StockCard:
    """GET /v1/gift_cards/{id}/stock"""
    card_id = call.door.ids.card(call.path("id"))
    found = await call.transact(lambda tx: cards.stock_cards_by_id(tx, call.book, [card_id]))
    return _cards(call, [found.get(card_id) or _missing()])[0]


def _missing() -> Any:
    raise Problem(ApiProblem.NOT_FOUND)


def _chosen(call: Call) -> dict[str, Any]:
    """The cards that a body chooses, and who asks."""
    body, ids = call.body, call.door.ids
    if (body.stock_id is None) == (not body.gift_card_ids):
        raise invalid("stock_id", "one_of", other="gift_card_ids")
    if body.stock_id is None:
        for field in ("first", "last"):
            if getattr(body, field) is not None:
                raise invalid(field, "not_with", other="gift_card_ids")
    return {
        "key": call.key, "stock_id": None if body.stock_id is None else ids.stock(body.stock_id), "first": body.first,
        "last": body.last, "cards": tuple(map(ids.card, body.gift_card_ids)), "made_by": call.principal.key_id,
    }  # fmt: skip


def _place(call: Call) -> dict[str, Any]:
    """Where cards lie: exactly one of a merchant and a word."""
    body = call.body
    if (body.merchant_id is None) == (body.place is None):
        raise invalid("merchant_id", "one_of", other="place")
    merchant_id = None if body.merchant_id is None else call.door.ids.merchant(body.merchant_id)
    return {"merchant_id": merchant_id, "place": body.place}


async def _step(call: Call, command: cards.Command) -> GiftCardActivity | Refused:
    (outcome,) = await call.transact(lambda tx: cards.run(tx, call.book, [command]))
    return outcome if isinstance(outcome, Refused) else call.door.ids.activities([outcome])[0]


async def _with_card(call: Call, command: cards.Command) -> shapes.StockActivity | Refused:
    async def work(tx: Tx) -> tuple[Activity, StockCard] | Refused:
        (outcome,) = await cards.run(tx, call.book, [command])
        if isinstance(outcome, Refused):
            return outcome
        return outcome, (await cards.stock_cards_by_id(tx, call.book, [outcome.card_id]))[outcome.card_id]

    done = await call.transact(work)
    if isinstance(done, Refused):
        return done
    activity, card = done
    warned = card.sale is not None and card.sale.acknowledged
    return shapes.StockActivity(
        call.door.ids.activities([activity])[0], _cards(call, [card])[0],
        [CardWarning.BULK_PURCHASE] if warned else [],
    )  # fmt: skip


def _stock(call: Call, shown: StockShown) -> shapes.Stock:
    keyring, stock = call.door.instance.keyring, shown.stock
    return shapes.Stock(
        keyring.opaque_id(STOCK, stock.id), keyring.opaque_id(PROGRAMME, stock.programme_id), stock.design, stock.cards,
        stock.made_by, stock.made_at, call.principal.mode,
        [shapes.Count(one.state, _merchant(call, one.merchant_id), one.place, one.cards) for one in shown.counts],
        [
            shapes.Step(
                keyring.opaque_id(ACTIVITY, *one.place), one.step, one.cards, _merchant(call, one.merchant_id),
                one.at_place, one.made_by, one.reason, one.at, one.given_to, one.given_at,
            )
            for one in shown.steps
        ],
    )  # fmt: skip


def _merchant(call: Call, merchant_id: int | None) -> str | None:
    return None if merchant_id is None else call.door.ids.of(MERCHANT, [merchant_id])[0]


def _cards(call: Call, found: Sequence[StockCard]) -> list[shapes.StockCard]:
    ids, keyring = call.door.ids, call.door.instance.keyring
    return [
        shapes.StockCard(
            card_id, stock_id, c.serial, c.last4, c.state, _merchant(call, c.merchant_id), c.place,
            None if (sale := c.sale) is None else shapes.Sale(
                keyring.opaque_id(ACTIVITY, *sale.load), Amount(sale.amount_minor, sale.asset), sale.payment_ref,
                sale.till, sale.clerk, sale.acknowledged, sale.sold_at, sale.active_at,
                sale.voided_at,
            ),
        )
        for c, card_id, stock_id in zip(
            found, ids.of(CARD, [c.card_id for c in found]), ids.of(STOCK, [c.stock_id for c in found]), strict=True
        )
    ]  # fmt: skip

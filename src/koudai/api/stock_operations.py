"""The routes of stocks."""

from koudai.api import stock
from koudai.api.door import Operation
from koudai.api.examples import CALL_OFF, PRINTING, RECEIPT, SALE, STOCK, VOID_SALE, WRITING_OFF
from koudai.api.problems import ApiProblem
from koudai.api.shapes import GiftCardActivity
from koudai.api.stock_shapes import (
    CallOff,
    NewSale,
    NewStock,
    PrintFile,
    Printing,
    Receipt,
    Stock,
    StockActivity,
    StockCard,
    StockCardPage,
    StockPage,
    VoidSale,
    WritingOff,
)
from koudai.api.told import OF_LAW, OF_LIMITS, STOPPED
from koudai.cards import CardRefusal
from koudai.identity import Scope
from koudai.ledger import LedgerRefusal

_PAGE = ("cursor", "limit")
_STEP = (
    CardRefusal.UNKNOWN_STOCK, CardRefusal.UNKNOWN_CARD, CardRefusal.NOT_STOCK, CardRefusal.OUT_OF_ORDER,
    CardRefusal.STOCK_TOO_LARGE,
)  # fmt: skip
_SALE = (
    ApiProblem.BAD_NUMBER, CardRefusal.UNKNOWN_CARD, CardRefusal.NOT_STOCK, CardRefusal.OUT_OF_ORDER,
    CardRefusal.LIES_ELSEWHERE, CardRefusal.CURRENCY_MISMATCH, CardRefusal.PAYMENT_MISSING, CardRefusal.PAYMENT_DIFFERS,
    CardRefusal.PAYMENT_REFUNDED, CardRefusal.PAYMENT_USED, CardRefusal.WARNING_UNREAD,
    CardRefusal.LOAD_CAP_EXCEEDED, CardRefusal.BALANCE_CAP_EXCEEDED, CardRefusal.AMOUNT_TOO_LARGE,
    CardRefusal.REASON_MISSING, CardRefusal.FUNDING_NOT_ACCEPTED, CardRefusal.PAYER_MISSING,
    LedgerRefusal.BALANCE_TOO_LARGE, *STOPPED, *OF_LIMITS, *OF_LAW,
)  # fmt: skip

STOCK_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="POST", path="/v1/stock", name="create_stock", tag="Stock",
        summary="Make physical cards, which nobody has the numbers of yet", scope=Scope.CARDS_STOCK, keyed=True,
        request=NewStock, response=Stock, status=201,
        codes=(
            CardRefusal.UNKNOWN_PROGRAMME, CardRefusal.NOT_LAUNCHED, CardRefusal.NOT_IN_FORCE,
            CardRefusal.KIND_NOT_OFFERED, CardRefusal.CARRIER_NOT_OFFERED, CardRefusal.STOCK_TOO_LARGE,
            CardRefusal.REASON_MISSING,
        ),
        examples=STOCK, handle=stock.create,
    ),
    Operation(
        method="GET", path="/v1/stock", name="list_stock", tag="Stock",
        summary="List stocks with how far their cards came and where they lie, oldest first", scope=Scope.CARDS_READ,
        response=StockPage, query=_PAGE, handle=stock.page,
    ),
    Operation(
        method="POST", path="/v1/stock/print", name="print_stock", tag="Stock",
        summary="The printer's file: the numbers in the clear, once", scope=Scope.CARDS_PRINT, keyed=True,
        request=Printing, response=PrintFile, status=201, codes=_STEP, examples=PRINTING, handle=stock.print_file,
    ),
    Operation(
        method="POST", path="/v1/stock/receive", name="receive_stock", tag="Stock",
        summary="Take printed cards in at a place", scope=Scope.CARDS_STOCK, keyed=True, request=Receipt,
        response=GiftCardActivity, status=201,
        codes=(*_STEP, CardRefusal.UNKNOWN_MERCHANT, CardRefusal.PLACE_MISSING), examples=RECEIPT,
        handle=stock.receive,
    ),
    Operation(
        method="POST", path="/v1/stock/write_off", name="write_off_stock", tag="Stock",
        summary="Give up cards that were lost or destroyed: they are never activated", scope=Scope.CARDS_STOCK,
        keyed=True, request=WritingOff, response=GiftCardActivity, status=201,
        codes=(*_STEP, CardRefusal.REASON_MISSING), examples=WRITING_OFF, handle=stock.write_off,
    ),
    Operation(
        method="POST", path="/v1/stock/sell", name="sell_stock", tag="Stock",
        summary="Sell a card at a till: it is loaded with what was paid, and activated by that alone",
        scope=Scope.CARDS_SELL, keyed=True, request=NewSale, response=StockActivity, status=201, codes=_SALE,
        examples=SALE, handle=stock.sell,
    ),
    Operation(
        method="POST", path="/v1/stock/call_off", name="call_off_stock", tag="Stock",
        summary="Stop a sold card that can't be used yet, for its buyer", scope=Scope.CARDS_BLOCK, keyed=True,
        request=CallOff, response=StockActivity, status=201,
        codes=(
            ApiProblem.BAD_NUMBER, CardRefusal.UNKNOWN_CARD, CardRefusal.NOT_STOCK, CardRefusal.OUT_OF_ORDER,
            CardRefusal.TOO_LATE, CardRefusal.DEACTIVATED,
        ),
        examples=CALL_OFF, handle=stock.call_off,
    ),
    Operation(
        method="POST", path="/v1/stock/void_sale", name="void_stock_sale", tag="Stock",
        summary="Undo the sale of a card of which nothing was used; refund its payment at the till then",
        scope=Scope.CARDS_CLOSE, keyed=True, request=VoidSale, response=StockActivity, status=201,
        codes=(
            ApiProblem.BAD_NUMBER, CardRefusal.REASON_MISSING, CardRefusal.UNKNOWN_CARD, CardRefusal.NOT_STOCK,
            CardRefusal.OUT_OF_ORDER, CardRefusal.REPLACED, CardRefusal.DEACTIVATED, CardRefusal.SALE_USED,
            CardRefusal.BLOCKED, CardRefusal.RESTRICTED, CardRefusal.AMOUNT_RESTRICTED, CardRefusal.SALE_OVER, *OF_LAW,
        ),
        examples=VOID_SALE, handle=stock.void_sale,
    ),
    Operation(
        method="GET", path="/v1/stock/{id}", name="get_stock", tag="Stock",
        summary="Show a stock: how far its cards came, where they lie, and who did what", scope=Scope.CARDS_READ,
        response=Stock, codes=(ApiProblem.NOT_FOUND,), handle=stock.show,
    ),
    Operation(
        method="GET", path="/v1/stock/{id}/cards", name="list_stock_cards", tag="Stock",
        summary="List the cards of a stock by serial number", scope=Scope.CARDS_READ, response=StockCardPage,
        query=_PAGE, codes=(ApiProblem.NOT_FOUND,), handle=stock.page_of_cards,
    ),
    Operation(
        method="GET", path="/v1/gift_cards/{id}/stock", name="get_gift_card_stock", tag="Stock",
        summary="How far a card of a stock came, where it lies, and its sale", scope=Scope.CARDS_READ,
        response=StockCard, codes=(ApiProblem.NOT_FOUND,), handle=stock.show_card,
    ),
)  # fmt: skip

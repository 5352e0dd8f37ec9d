"""The JSON of stocks: what is asked at the printer's, in the storeroom and at the till, and how stocks are shown."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from koudai.api.scalars import AmountMinor, Body, Currency, Id, Name, Private, Reason
from koudai.api.shapes import Amount, GiftCardActivity
from koudai.api.wishes import OnCard
from koudai.cards import MAX_CHOSEN, MAX_STOCK, CardWarning, FundingSource, StockState, StockStepKind
from koudai.identity import Mode

Word = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]
Serial = Annotated[int, Meta(ge=1, le=MAX_STOCK, description="A serial number within the stock: the first is 1.")]


class NewStock(Body, frozen=True, kw_only=True):
    """Physical bearer cards of one design, made together. Their numbers are told to the printer alone."""

    programme_id: Id
    count: Annotated[int, Meta(ge=1, le=MAX_STOCK)]
    design: Word


class Chosen(Body, frozen=True, kw_only=True):
    """Cards of stocks: all of `stock_id`, those from `first` to `last` of it, or `gift_card_ids`.

    By stock, those that were written off are left out. It is done to all of the cards or to none.
    """

    stock_id: Id | None = None
    first: Serial | None = None
    last: Serial | None = None
    gift_card_ids: Annotated[tuple[Id, ...], Meta(max_length=MAX_CHOSEN)] = ()


class Printing(Chosen, frozen=True, kw_only=True):
    """Created cards that go to the printer."""


class Receipt(Chosen, frozen=True, kw_only=True):
    """Printed cards that arrive at a merchant's, or at a place by a word: exactly one of them."""

    merchant_id: Id | None = None
    place: Word | None = None


class WritingOff(Chosen, frozen=True, kw_only=True):
    """Cards that were lost or destroyed before they were sold."""

    reason: Reason


class NewSale(OnCard, frozen=True, kw_only=True):
    """A card sold at a till, where it lies in stock: by `merchant_id` or `place`.

    `payment_ref` names the payment, of `payment_minor` (left out: of this amount) by `source`. It is used up once,
    whichever cards are sold against it. `payer` is who paid, as you call him. Where a warning comes first, ask
    the buyer, and then sell with `acknowledged` under a new key.
    """

    amount_minor: AmountMinor
    currency: Currency
    source: FundingSource
    payment_ref: Word
    payment_minor: AmountMinor | None = None
    till: Word
    clerk: Word
    merchant_id: Id | None = None
    place: Word | None = None
    payer: Name | None = None
    refund_to: Name | None = None
    acknowledged: bool = False


class CallOff(OnCard, frozen=True, kw_only=True):
    """A card whose buyer calls it off before it can be used."""

    reason: Reason | None = None


class VoidSale(OnCard, frozen=True, kw_only=True):
    """A sold card of which nothing was used: its sale is undone, and the card ends.

    It is called off, or was sold within the last seven days. The API key stands for who undid it. Pay the amount of
    the sale back by your till's own refund of its payment.
    """

    reason: Reason


class PrintFile(Private, msgspec.Struct, frozen=True):
    """A printing. `csv` has the numbers in the clear, under a heading: once. The same key answers null."""

    activity_id: str
    cards: int
    csv: str | None


class Count(msgspec.Struct, frozen=True):
    """How many cards came so far, and lie at a place or were sold there."""

    state: StockState
    merchant_id: str | None
    place: str | None
    cards: int


class Step(msgspec.Struct, frozen=True):
    """Who did what with how many cards. `given_to` got the numbers of a printing, at `given_at`."""

    activity_id: str
    step: StockStepKind
    cards: int
    merchant_id: str | None
    place: str | None
    made_by: str
    reason: str | None
    at: datetime
    given_to: str | None
    given_at: datetime | None


class Stock(msgspec.Struct, frozen=True):
    """A stock, how far its cards came, and what was done with them, oldest first."""

    id: str
    programme_id: str
    design: str
    cards: int
    made_by: str
    made_at: datetime
    mode: Mode
    counts: list[Count]
    steps: list[Step]


class StockPage(msgspec.Struct, frozen=True):
    """A page of stocks; `next_cursor` is null on the last one."""

    data: list[Stock]
    next_cursor: str | None


class Sale(msgspec.Struct, frozen=True):
    """A sale at a till. From `active_at` on the card can be used; until then it can be called off.

    At `voided_at` it was undone (null: it stands): then its amount counts as refunded of the payment, and the till
    pays it back by the refund of `payment_ref`.
    """

    activity_id: str
    amount: Amount
    payment_ref: str
    till: str
    clerk: str
    acknowledged: bool
    sold_at: datetime
    active_at: datetime
    voided_at: datetime | None


class StockCard(msgspec.Struct, frozen=True):
    """A card of a stock: how far it came, where it lies or was sold, and its sale (null: none yet)."""

    gift_card_id: str
    stock_id: str
    serial: int
    last4: str
    state: StockState
    merchant_id: str | None
    place: str | None
    sale: Sale | None


class StockCardPage(msgspec.Struct, frozen=True):
    """A page of a stock's cards by serial number; `next_cursor` is null on the last one."""

    data: list[StockCard]
    next_cursor: str | None


class StockActivity(msgspec.Struct, frozen=True):
    """What happened to a card of a stock, and where it stands now. `warnings` were read before it was sold."""

    activity: GiftCardActivity
    stock_card: StockCard
    warnings: list[CardWarning]

"""Sell: a card of a stock is loaded with what was paid at a till, and activated by that alone (R13). Pure."""

from collections.abc import Mapping
from datetime import timedelta

from koudai.base import Refused
from koudai.cards.checks import bad_amount, bad_asset, card_for, not_usable
from koudai.cards.commands import Channel, Load
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.law.judge import is_known
from koudai.cards.life import last
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import stopped_by
from koudai.cards.spend.pay import load
from koudai.cards.stock.model import ANONYMOUS, CardWarning, HeldSale, Item, Payment, Sell, StockState, Tally, Who
from koudai.cards.stock.rules import out_of_order
from koudai.ledger import FundingSource, Place
from koudai.programmes import Till

_UNPAID = {FundingSource.BONUS}
"""What nobody paid with."""

_PLAIN = Till()
"""How cards are sold of a programme that has no document."""


def sell(desk: Desk, command: Sell, place: Place) -> Activity | Refused:
    """IN_STOCK → SOLD: the answer is the entry of the load, behind which that of the activation stands."""
    card = card_for(desk, command.card, command.amount_minor)
    if isinstance(card, Refused):
        return card
    item = desk.shelf.items.get(card.id)
    bad = bad_asset(command.asset, card.asset) or (
        Refused(CardRefusal.NOT_STOCK) if item is None else _not_here(command, item) or _not_sellable(card)
    )
    if bad or item is None:
        return bad or Refused(CardRefusal.NOT_STOCK)
    payment = _payment(desk, command)
    if isinstance(payment, Refused):
        return payment
    till = _PLAIN if card.promised is None else card.promised.programme.till
    anonymous = not is_known(desk, command.payer)
    tallies = {
        who: desk.shelf.tallies.setdefault(who, Tally()) for who in counted(command) if anonymous or who[0] != ANONYMOUS
    }
    warned = _warned(tallies, command, till)
    if warned and not command.acknowledged:
        return warned
    card.state = CardState.ACTIVE
    # Who buys stands before the clerk, and asks on no device of his own.
    loaded = load(desk, as_load(command), place, device_needed=False, payment_minor=payment.amount_minor)
    if isinstance(loaded, Refused):
        card.state = CardState.PENDING
        return loaded
    _book(desk, command, place, card, item, payment, till, warned=warned is not None, anonymous=anonymous)
    for tally in tallies.values():
        tally.cards += 1
        tally.minor += command.amount_minor
    return loaded


def counted(command: Sell) -> list[Who]:
    """Whose sales a warning counts: the payer's of the day, the till's and the clerk's of the hour.

    And those of the day at the till to who isn't known as a holder, where this one isn't.
    """
    who = [(kind, command.till, command.asset) for kind in ("till", ANONYMOUS)]
    who.append(("clerk", command.clerk, command.asset))
    return who if command.payer is None else [("payer", command.payer, command.asset), *who]


def _not_here(command: Sell, item: Item) -> Refused | None:
    """A card is sold where it lies, by somebody, at a till."""
    if item.state is not StockState.IN_STOCK:
        return out_of_order(item, StockState.IN_STOCK)
    if (item.merchant_id, item.place) != (command.merchant_id, command.place):
        return Refused(CardRefusal.LIES_ELSEWHERE)
    for field in ("till", "clerk"):
        if not getattr(command, field).strip():
            return Refused(CardRefusal.REASON_MISSING, {"field": field})
    return None


def _not_sellable(card: HeldCard) -> Refused | None:
    """What was closed, stopped or is past its time isn't activated by a sale either."""
    if card.state is not CardState.PENDING:
        return not_usable(card)
    if any(one.whole for one in card.restrictions):
        return stopped_by(card.restrictions)
    return card.lapsed


def _payment(desk: Desk, command: Sell) -> Payment | Refused:
    """The payment that a sale names, with enough left of it; a new one is known only once the sale is booked."""
    if not command.payment_ref.strip() or command.source in _UNPAID:
        return Refused(CardRefusal.PAYMENT_MISSING, {"source": str(command.source)})
    stated = command.payment_minor
    bad = None if stated is None else bad_amount(stated)
    if bad:
        return bad
    payment = desk.shelf.payments.get(command.payment_ref)
    if payment is None:
        payment = Payment(str(command.source), command.asset, stated or command.amount_minor)
    told = {"source": str(command.source), "currency": command.asset, "payment_minor": stated or payment.amount_minor}
    known = {"source": payment.source, "currency": payment.asset, "payment_minor": payment.amount_minor}
    for field, value in told.items():
        if value != known[field]:
            return Refused(CardRefusal.PAYMENT_DIFFERS, {"field": field})
    if payment.refunded_minor:
        facts = {"refunded_minor": payment.refunded_minor, "currency": payment.asset}
        return Refused(CardRefusal.PAYMENT_REFUNDED, facts)
    left = payment.amount_minor - payment.used_minor
    if command.amount_minor > left:
        facts = {"left_minor": left, "amount_minor": command.amount_minor, "currency": command.asset}
        return Refused(CardRefusal.PAYMENT_USED, facts)
    return payment


def _warned(tallies: Mapping[Who, Tally], command: Sell, till: Till) -> Refused | None:
    """The warning of a sale by which so many cards, or cards for so much, were sold to a payer or at a till."""
    # Many small cards for many strangers are a till's everyday business; what they come to is what counts.
    cards = max(tally.cards for who, tally in tallies.items() if who[0] != ANONYMOUS) + 1
    minor = max(tally.minor for tally in tallies.values()) + command.amount_minor
    if cards < till.warn_cards and minor < till.warn_minor:
        return None
    facts = {
        "warnings": [str(CardWarning.BULK_PURCHASE)],
        "count": cards,
        "sum_minor": minor,
        "currency": command.asset,
    }
    return Refused(CardRefusal.WARNING_UNREAD, facts)


def as_load(command: Sell) -> Load:
    """The load of a sale, at a counter."""
    return Load(
        key=command.key, event_at=command.event_at, card=command.card, amount_minor=command.amount_minor,
        asset=command.asset, source=command.source, payer=command.payer, refund_to=command.refund_to,
        channel=Channel.COUNTER,
    )  # fmt: skip


def _book(
    desk: Desk, command: Sell, place: Place, card: HeldCard, item: Item, payment: Payment, till: Till, *, warned: bool,
    anonymous: bool,
) -> None:  # fmt: skip
    """Note the sale, and enter the activation behind the load."""
    shelf, now = desk.shelf, desk.sheet.now
    active_at = now + timedelta(seconds=till.activation_delay_s)
    item.state, item.active_at = StockState.SOLD, active_at
    item.sale = HeldSale(place, command.amount_minor, command.payment_ref, now)
    card.waits_until = active_at if active_at > now else None
    card.issued_at = now
    shelf.changed.add(card.id)
    shelf.payments[command.payment_ref] = payment
    payment.used_minor += command.amount_minor
    shelf.new_sales.append(
        (
            card.id, place.ordinal, command.amount_minor, command.asset, command.payment_ref, command.payer,
            command.till, command.clerk, warned, now, active_at, payment.source, payment.amount_minor, anonymous,
        )
    )  # fmt: skip
    desk.states[card.id] = CardState.ACTIVE
    # Who buys a card has it from then on, also where it lay in a stock for long; its days begin when it can be used.
    last.begin(desk, card, now, active_at)
    own = Place(place.batch_id, desk.sheet.next_ordinal())
    desk.sheet.touch(card.id, own.ordinal)
    desk.enter(card, own, ActivityType.ACTIVATE, 0, command.event_at, lead=place.ordinal)

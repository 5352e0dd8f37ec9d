"""Void a sale: what a card was sold for goes back whence it came, before anything of it was used (R13). Pure."""

from datetime import datetime
from functools import cache
from typing import NamedTuple

from koudai.base import DAY_S, Refused, day_start_s, moment_of, render_time, seconds_of
from koudai.cards.checks import available_of, card_of
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue.reissue import deactivate
from koudai.cards.life.paying_out import not_rescinded
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import RestrictionKind, amount_bound, stopped_by
from koudai.cards.stock.model import HeldSale, Item, StockState, StockStepKind, VoidSale
from koudai.cards.stock.rules import out_of_order
from koudai.ledger import BONUS, FundingSource, Part, Place
from koudai.policy import Unit, shipped_clauses

RIGHT_CLAUSE = "consumers.cooling_off"
"""The clause of law by which a buyer asks back what he paid, and that says for how long."""

_A = ActivityType

HARMLESS = frozenset(
    (
        _A.ACTIVATE, _A.BLOCK, _A.UNBLOCK, _A.RESTRICT, _A.LIFT, _A.LAPSE, _A.RENEW, _A.SET_PIN, _A.CHANGE_PIN,
        _A.RESET_PIN, _A.EXPIRE,
        # What undoes an entry: that one stands further back, and is what stands in the way.
        _A.VOID, _A.RELEASE, _A.REVERSAL, _A.GIFT_RETURN,
    )
)  # fmt: skip
"""Entries behind a sale that move nothing of what was sold; a load that nobody paid for is another."""


class _Sold(NamedTuple):
    """A card whose sale can be undone, and what it holds: as it was paid for, and as a bonus."""

    card: HeldCard
    item: Item
    sale: HeldSale
    paid: list[Part]
    bonus: list[Part]


def void_sale(desk: Desk, command: VoidSale, place: Place) -> Activity | Refused:
    """Card → the funding accounts that it was loaded from, each with an entry of its own, and then no more of it.

    The answer is the entry of what it was sold for; a bonus follows.
    """
    sold = _voidable(desk, command)
    if isinstance(sold, Refused):
        return sold
    card, item, sale = sold.card, sold.item, sold.sale
    bad = not_rescinded(desk, card, card.pocket.balance_minor, place)
    if bad:
        return bad
    shelf, at = desk.shelf, command.event_at or desk.sheet.now
    payment = shelf.payments[sale.payment_ref]
    first = _take_back(desk, card, FundingSource(payment.source), sold.paid, place, place, at)
    if sold.bonus:
        behind = Place(place.batch_id, desk.sheet.next_ordinal())
        _take_back(desk, card, FundingSource.BONUS, sold.bonus, behind, place, at)
    deactivate(desk, card, place, at)
    payment.refunded_minor += sale.amount_minor
    item.state = StockState.WRITTEN_OFF
    shelf.changed.add(card.id)
    shelf.new_voids.append((card.id, place.ordinal, at))
    shelf.new_steps.append(
        (item.stock_id, place.ordinal, 1, None, StockStepKind.VOID_SALE, command.made_by, None, command.reason, at)
    )  # fmt: skip
    return first


def _voidable(desk: Desk, command: VoidSale) -> _Sold | Refused:
    """The card and its sale, of which all is still there; or what stands against undoing it."""
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    for name in ("reason", "made_by"):
        if not getattr(command, name).strip():
            return Refused(CardRefusal.REASON_MISSING, {"field": name})
    item = desk.shelf.items.get(card.id)
    if item is None:
        return Refused(CardRefusal.NOT_STOCK)
    if item.state not in (StockState.SOLD, StockState.CALLED_OFF):
        return out_of_order(item, StockState.SOLD, StockState.CALLED_OFF)
    if card.state is CardState.DEACTIVATED:
        return Refused(CardRefusal.REPLACED if card.pocket.successor_id is not None else CardRefusal.DEACTIVATED)
    sale = item.sale
    assert sale is not None, "what was sold has its sale"
    paid = [(lot, lot.minor) for lot in card.pocket.lots if not lot.flags & BONUS]
    bonus = [(lot, lot.minor) for lot in card.pocket.lots if lot.flags & BONUS]
    bad = _used(desk, card, sale) or _lapsed(card, sale, paid) or _bound(desk, card) or _over(desk, item, sale)
    return bad or _Sold(card, item, sale, paid, bonus)


def _used(desk: Desk, card: HeldCard, sale: HeldSale) -> Refused | None:
    """The newest entry since the sale that can't be undone with it: a payment, a hold, a gift, a further load."""
    used_as, used_at = sale.used_as, sale.used_at
    if card.last != card.pocket.newest:
        for ordinal, _, card_id, kind, *told in reversed(desk.entries):
            if card_id != card.id:
                continue
            if Place(desk.sheet.batch_id, ordinal) == sale.load:
                break
            source, at = told[4], told[-1]
            if kind not in HARMLESS and not (kind is _A.LOAD and source is FundingSource.BONUS):
                used_as, used_at = str(kind), at
                break
    if used_as is None or used_at is None:
        return None
    return Refused(CardRefusal.SALE_USED, {"activity": used_as, "at": render_time(used_at)})


def _lapsed(card: HeldCard, sale: HeldSale, paid: list[Part]) -> Refused | None:
    """What was paid for isn't there any more, though nobody used it: it lapsed when the card's time was over."""
    if sum(minor for _, minor in paid) == sale.amount_minor:
        return None
    assert card.expires_at is not None, "what was sold lapses with its card alone"
    return Refused(CardRefusal.SALE_USED, {"activity": str(_A.EXPIRE), "at": render_time(card.expires_at)})


def _bound(desk: Desk, card: HeldCard) -> Refused | None:
    """What others than the issuer have restricted stays where it is; calling off a card is the issuer's own stop."""
    others = tuple(one for one in card.restrictions if one.kind is not RestrictionKind.ISSUER)
    if any(one.whole for one in others):
        return stopped_by(others)
    return amount_bound(others, available_of(desk, card), card.pocket.balance_minor, card.asset) if others else None


def _over(desk: Desk, item: Item, sale: HeldSale) -> Refused | None:
    """What was called off waits for its buyer; else the days are over within which he may ask back what he paid."""
    until = voidable_until(sale.sold_at)
    if item.state is StockState.CALLED_OFF or desk.sheet.now < until:
        return None
    facts = {"sold_at": render_time(sale.sold_at), "until": render_time(until), "limit_days": _right_days()}
    return Refused(CardRefusal.SALE_OVER, facts)


def voidable_until(sold_at: datetime) -> datetime:
    """When the right to undo a sale ends: with the last of its Chinese days.

    The day of the sale isn't counted (Civil Code, Art. 201).
    """
    return moment_of(day_start_s(seconds_of(sold_at)) + (1 + _right_days()) * DAY_S)


@cache
def _right_days() -> int:
    """Within how many days a buyer may ask back what he paid (法释〔2025〕4, Art. 14).

    No delay of an activation is longer, so what can't be used yet can always be undone.
    """
    figure = shipped_clauses()[RIGHT_CLAUSE].figures["within"]
    assert figure.unit is Unit.DAYS, "the law counts days"
    return figure.value


def _take_back(
    desk: Desk, card: HeldCard, source: FundingSource, parts: list[Part], here: Place, lead: Place, at: datetime
) -> Activity:  # fmt: skip
    """Book parts back to the account that they were loaded from, and enter it."""
    amount = sum(minor for _, minor in parts)
    desk.sheet.pay(here.ordinal, card.pocket, card.terms.funding[source], parts, "void_sale", at)
    desk.moved(card, -amount)
    return desk.enter(card, here, ActivityType.VOID_SALE, amount, at, source=source, lead=lead.ordinal)

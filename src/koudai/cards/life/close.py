"""Close: a card ends for good, and what was paid for on it goes back to its holder by the rules of its pack."""

from typing import NamedTuple

from koudai.base import Refused
from koudai.cards.checks import available_of, card_of, has_holds, not_usable
from koudai.cards.commands import Close, PaidTo
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue.reissue import deactivate
from koudai.cards.law.judge import all_pass
from koudai.cards.life.paying_out import PAYS_TO_ACCOUNT, fee_minor, goes_to, not_closed, not_paid_out
from koudai.cards.model import Activity, ActivityType, CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.by_hand import unsold
from koudai.cards.restrict.model import amount_bound, stopped_by
from koudai.ledger import BONUS, MAY_REFUND, Part, Place


class _Ending(NamedTuple):
    """What becomes of a card's lots: what is paid out, what is kept as a fee, and the bonus that lapses.

    The card `goes_on` where something is left that is paid out elsewhere, or not at all.
    """

    paid: list[Part]
    fee: list[Part]
    lapses: list[Part]
    goes_on: bool = False


def close(desk: Desk, command: Close, place: Place) -> Activity | Refused:
    """Card → pay-out, fee and lapsed bonus, each with an entry of its own, and then no more of it.

    A part of it is handed back where that was asked for. The answer is the first of these entries.
    """
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    for name in ("reason", "made_by"):
        if not getattr(command, name).strip():
            return Refused(CardRefusal.REASON_MISSING, {"field": name})
    bad = not_usable(card, although_expired=True)
    if card.state is CardState.PENDING:
        # What was never activated holds nothing, and is closed as well; what lies in a stock is written off there.
        stops = any(one.whole for one in card.restrictions)
        bad = unsold(desk, card) or (stopped_by(card.restrictions) if stops else None)
    ending = bad or has_holds(card) or _bound(desk, card) or _ending(desk, card, command, place)
    if isinstance(ending, Refused):
        return ending
    at = command.event_at or desk.sheet.now
    steps = (
        (ActivityType.PAY_OUT, "payout", ending.paid),
        (ActivityType.FEE, "fee", ending.fee),
        (ActivityType.EXPIRE, "expired", ending.lapses),
    )
    first: Activity | None = None
    for kind, purpose, parts in steps:
        amount = sum(minor for _, minor in parts)
        if not amount:
            continue
        here = place if first is None else Place(place.batch_id, desk.sheet.next_ordinal())
        desk.sheet.pay(here.ordinal, card.pocket, card.terms.accounts[purpose], parts, "close", at)
        desk.moved(card, -amount)
        made = desk.enter(card, here, kind, amount, at, lead=place.ordinal)
        first = first or made
    _register(desk, card, command, ending, place)
    if ending.goes_on and first is not None:
        return first
    ended = deactivate(desk, card, place, at, place if first is None else None)
    return first or ended


def _register(desk: Desk, card: HeldCard, command: Close, ending: _Ending, place: Place) -> None:
    """Enter in the register what was paid out: whose paper was checked, to where, and how much (Art. 21)."""
    paid, fee = (sum(minor for _, minor in parts) for parts in (ending.paid, ending.fee))
    if paid + fee:
        assert command.paid_to is not None, "nothing is paid out to nowhere"
        if command.paid_to is PaidTo.CASH:
            root_id = card.lineage.root_id
            desk.cashed[root_id] = desk.cashed.get(root_id, 0) + paid + fee
        desk.payouts.append(
            (
                place.ordinal, card.id, paid + fee, fee, command.paid_to, command.account_ref, command.identity_ref,
                command.buyer_ref, command.reason, command.made_by,
            )
        )  # fmt: skip


def _bound(desk: Desk, card: HeldCard) -> Refused | None:
    """What restrictions bind on a card stays on it."""
    if not card.restrictions:
        return None
    return amount_bound(card.restrictions, available_of(desk, card), card.pocket.balance_minor, card.asset)


def _ending(desk: Desk, card: HeldCard, command: Close, place: Place) -> _Ending | Refused:
    """What becomes of each lot, expired or not; or why the card isn't closed."""
    lapses = [(lot, lot.minor) for lot in card.pocket.lots if lot.flags & BONUS]
    lots = [lot for lot in card.pocket.lots if not lot.flags & BONUS]
    if not lots:
        return not_closed(desk, card, 0, place, forfeits=False) or _Ending([], [], lapses)
    if desk.closing.payouts_stopped:
        return Refused(CardRefusal.PAYOUTS_STOPPED)
    # Where nothing at all may go there, it is told why.
    chosen = [lot for lot in lots if goes_to(desk, card, lot, command)] if command.partial else lots
    goes_on, lots = 0 < len(chosen) < len(lots), chosen or lots
    amount = sum(lot.minor for lot in lots)
    stuck = sum(lot.minor for lot in lots if not lot.flags & MAY_REFUND)
    if stuck:
        return Refused(CardRefusal.NOT_REFUNDABLE, {"amount_minor": stuck, "currency": card.asset})
    if command.paid_to is None:
        return Refused(CardRefusal.PAYOUT_MISSING, {"amount_minor": amount, "currency": card.asset})
    if (command.paid_to in PAYS_TO_ACCOUNT) is (command.account_ref is None):
        return Refused(CardRefusal.BAD_TERM, {"field": "account_ref"})
    if command.identity_ref is not None and card.holder_ref not in (None, command.identity_ref):
        return Refused(CardRefusal.OTHER_HOLDER, {"field": "identity_ref"})
    known = desk.sheet.provenances
    if any((to := known[lot.id][1].refund_to) is not None and to != command.account_ref for lot in lots):
        return Refused(CardRefusal.PAYOUT_ELSEWHERE, {"amount_minor": amount, "currency": card.asset})
    bad = all_pass(
        desk, lambda: not_paid_out(desk, card, lots, command, place),
        lambda: not_closed(desk, card, amount, place, forfeits=False),
    )  # fmt: skip
    if bad:
        return bad
    fee, parts = fee_minor(desk, card, amount), [(lot, lot.minor) for lot in lots]
    paid, kept = _cut(parts, amount - fee)
    return _Ending(paid, kept, [] if goes_on else lapses, goes_on)


def _cut(parts: list[Part], minor: int) -> tuple[list[Part], list[Part]]:
    """Parts up to an amount, and the rest of them."""
    first: list[Part] = []
    rest: list[Part] = []
    for lot, part in parts:
        taken = min(part, minor)
        minor -= taken
        first += [(lot, taken)] if taken else []
        rest += [(lot, part - taken)] if part > taken else []
    return first, rest

"""What the law says of value that leaves a card as money, or lapses: the facts, and the judge of the pack. Pure.

Where a programme has no document there is no pack, and nothing is asked.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from koudai import policy
from koudai.base import CHINA, Refused
from koudai.cards.commands import Close, PaidTo
from koudai.cards.desk import Desk, HeldCard
from koudai.policy import Check, Judge, Point
from koudai.programmes import Kind, Programme


def not_paid_out(desk: Desk, card: HeldCard, command: Close, amount_minor: int) -> Refused | None:
    """Why a card isn't handed back: what the pack asks of the card, of the papers and of where the money goes."""
    if card.promised is None or command.paid_to is None:
        return None
    facts = {
        **_always(card),
        "amount_minor": amount_minor,
        "balance_before_minor": card.pocket.balance_minor,
        "balance_after_minor": 0,
        # What leaves a root makes its sum no larger, so no cap of it is asked.
        "root_minor": 0,
        "refund_kind": "card",
        "refund_to": str(command.paid_to),
        "identity_checked": command.identity_ref is not None,
        "buyer_identity_checked": command.buyer_ref is not None,
        "payer_kind": "company" if command.bought_by_company else "person",
        "months_since_issue": months_between(card.promised_at, desk.sheet.now),
        "simulated": False,
        "transit": False,
    }
    return _judged(card.promised.programme, Point.REFUND, facts, desk.sheet.now)


def not_closed(desk: Desk, card: HeldCard, amount_minor: int, *, forfeits: bool) -> Refused | None:
    """Why what a card holds doesn't end so: `forfeits` says that paid value of its holder would be lost."""
    if card.promised is None:
        return None
    facts = {**_always(card), "amount_minor": amount_minor, "close_scope": "card", "forfeits": forfeits}
    return _judged(card.promised.programme, Point.CLOSE, facts, desk.sheet.now)


def fee_minor(card: HeldCard, amount_minor: int) -> int:
    """What is kept of a pay-out where the document offers withdrawals, rounded down; no fee where it doesn't."""
    offer = None if card.promised is None else card.promised.programme.withdrawal
    return 0 if offer is None else amount_minor * offer.fee_bps // 10_000


def months_between(since: datetime, until: datetime) -> int:
    """Whole months of the Chinese calendar: one is over on the same day of the next month, if there is one."""
    began, ended = since.astimezone(CHINA), until.astimezone(CHINA)
    months = (ended.year - began.year) * 12 + ended.month - began.month
    return months - ((ended.day, ended.time()) < (began.day, began.time()))


def _always(card: HeldCard) -> Mapping[str, Any]:
    return {"card_kind": str(Kind.BEARER if card.holder_ref is None else Kind.REGISTERED)}


def _judged(programme: Programme, point: Point, facts: Mapping[str, Any], now: datetime) -> Refused | None:
    fixed = (programme.policy.pack, str(programme.class_), programme.currency, programme.sandbox_only)
    verdict = _check(point, *fixed)(facts, now)
    return None if verdict is None else verdict.refused


@lru_cache(256)
def _check(point: Point, pack: str, programme_class: str, currency: str, play_money: bool) -> Check:
    found = policy.shipped(pack)
    assert found is not None, "a programme's pack was looked for when its document was read"
    return Judge(found).at(point, programme_class=programme_class, currency=currency, play_money=play_money)


PAYS_TO_ACCOUNT = frozenset({PaidTo.SAME_NAME_ACCOUNT, PaidTo.PAYER_ACCOUNT})
"""Where a pay-out names an account."""

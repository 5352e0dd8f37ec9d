"""Cashback: what comes back of a payment as a bonus, and falls back when the purchase is returned (P6). Pure.

It is a lot of its own source, which is neither refunded nor sold. What a refund makes fall due is taken from that
lot first, and what was spent of it already from what the refund brings back, which is lessened by it. A card's day goes
on in the card that takes its place, and in pieces of it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from koudai.base import CHINA
from koudai.cards.checks import over_balance_cap
from koudai.cards.count_on import heirs
from koudai.cards.desk import Cashback, Desk, HeldCard, Redemption
from koudai.cards.model import ActivityType
from koudai.cards.spend.basket import facts_of
from koudai.ledger import BONUS, MAY_PASS, FundingSource, Lot, Part, Place, Provenance
from koudai.merchants import Merchant


def rewards(card: HeldCard | None) -> bool:
    """Whether a card was promised cashback."""
    return card is not None and card.promised is not None and card.promised.programme.cashback is not None


def day_of(at: datetime) -> str:
    """The Chinese day of a moment, as `2026-05-01`."""
    return at.astimezone(CHINA).date().isoformat()


def reward(
    desk: Desk, card: HeldCard, merchant: Merchant, place: Place, amount_minor: int, at: datetime, lead: int
) -> None:
    """Give what a card was promised for a redemption or capture at `place`, as an entry behind it.

    The card was promised cashback (`rewards`). What would pass a cap on what it or its holder has is forgone, and
    so is what would have lapsed already.
    """
    promised = card.promised
    assert promised is not None, "nothing is given but what was promised"
    sheet, day = desk.sheet, day_of(at)
    given_today = desk.rewarded.get((card.id, day), 0)
    minor = promised.spending.cashback_minor(facts_of(merchant), amount_minor, given_today)
    lapses_at = promised.spending.cashback_lapses_at(at)
    if not minor or (lapses_at is not None and lapses_at <= sheet.now):
        return
    if over_balance_cap(desk, card, minor) or sheet.too_full(card.pocket, minor):
        return
    back = Place(sheet.batch_id, sheet.next_ordinal())
    provenance = Provenance(FundingSource.BONUS, BONUS | MAY_PASS, at, back, expires_at=lapses_at)
    sheet.put(back.ordinal, card.terms.funding[FundingSource.BONUS], card.pocket, minor, provenance, "cashback", at)
    desk.moved(card, minor)
    desk.rewarded[card.id, day] = given_today + minor
    desk.cashbacks[place] = Cashback(place, card.id, day, provenance.strain(), minor, 0)
    desk.enter(
        card, back, ActivityType.CASHBACK, minor, at, merchant_id=merchant.id, source=FundingSource.BONUS,
        redemption=place, lead=lead,
    )  # fmt: skip


def take_back(
    desk: Desk, card: HeldCard, undone: Sequence[Redemption], brought: Sequence[int], merchant_id: int, at: datetime,
    lead: int,
) -> None:  # fmt: skip
    """Take back the cashback of redemptions of which something was just given back, each in an entry of its own.

    So much is taken altogether as is refunded in proportion, rounded down: a whole refund takes all of it. `brought`
    are the lots of `card` that the refund went into. They hold what falls due: a redemption's cashback is never more
    than what was paid.
    """
    sheet = desk.sheet
    for redemption in undone:
        given = desk.cashbacks.get(redemption.place)
        if given is None:
            continue
        due = given.given_minor * redemption.refunded_minor // redemption.paid_minor - given.taken_minor
        if not due:
            continue
        back = Place(sheet.batch_id, sheet.next_ordinal())
        parts = _parts(card.pocket.lots, given.strain, brought, due)
        sheet.pay(back.ordinal, card.pocket, card.terms.funding[FundingSource.BONUS], parts, "cashback", at)
        given.taken_minor += due
        desk.fell_back[redemption.place] = desk.fell_back.get(redemption.place, 0) + due
        # With what those got that a card goes on from, its own day has room again.
        for one in (desk.cards[given.card_id], *heirs(desk, desk.cards[given.card_id])):
            key = one.id, given.day
            desk.rewarded[key] = desk.rewarded.get(key, 0) - due
        desk.moved(card, -due)
        desk.enter(
            card, back, ActivityType.CASHBACK_BACK, due, at, merchant_id=merchant_id, source=FundingSource.BONUS,
            redemption=redemption.place, lead=lead,
        )  # fmt: skip


def _parts(lots: Iterable[Lot], strain: int, brought: Sequence[int], due_minor: int) -> list[Part]:
    """From which lots cashback is taken back: that of its own strain first, then those that the refund went into."""
    own = [lot for lot in lots if lot.strain == strain]
    order = own + [lot for lot in lots if lot.id in brought and lot not in own]
    parts: list[Part] = []
    for lot in order:
        part = min(due_minor, lot.minor - lot.held_minor)
        if part:
            parts.append((lot, part))
            due_minor -= part
    assert due_minor == 0, "a refund brings back more than the cashback that falls due by it"
    return parts

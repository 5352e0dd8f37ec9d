"""Paying out: what the law asks of value that leaves a card as money, or lapses. Pure."""

from collections.abc import Sequence
from datetime import datetime

from koudai.base import CHINA, Refused
from koudai.cards.commands import Close, PaidTo
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.law.judge import is_known, judge
from koudai.cards.law.whom import payer_of_lot, payers_of, who_of
from koudai.cards.refusals import CardRefusal
from koudai.holders import Kind as Party
from koudai.ledger import MAY_REFUND, Lot, Place
from koudai.policy import Point


def goes_to(desk: Desk, card: HeldCard, lot: Lot, command: Close) -> bool:
    """Whether a lot may be paid out to the account and the buyer that a command names.

    What names its account goes there alone, and what a company paid, where a law asks who bought it, to that alone.
    """
    if not lot.flags & MAY_REFUND or desk.sheet.provenances[lot.id][1].refund_to not in (None, command.account_ref):
        return False
    if desk.law(card.terms.programme_id) is None:
        return True
    payer = payer_of_lot(desk, card, lot)
    ones = (desk.standings[ref] for ref in (payer, command.buyer_ref) if ref is not None and ref in desk.standings)
    return payer == command.buyer_ref or all(one.kind is not Party.COMPANY for one in ones)


def not_paid_out(
    desk: Desk, card: HeldCard, lots: Sequence[Lot], command: Close, place: Place
) -> Refused | None:  # fmt: skip
    """Why lots of a card aren't handed back: what the pack asks of the card, of the papers and of where it goes."""
    law = desk.law(card.terms.programme_id)
    if law is None or command.paid_to is None:
        return None
    amount_minor = sum(lot.minor for lot in lots)
    buyers, companies = _buyers(desk, card, lots)
    bought = bool(companies) or (command.bought_by_company and not buyers)
    if command.buyer_ref is not None and buyers and not _is_buyer(command.buyer_ref, buyers, companies):
        return Refused(CardRefusal.OTHER_BUYER, {"field": "buyer_ref"})
    asked = law.asked(
        Point.REFUND, card.kind, refund_kind="card", refund_to=str(command.paid_to), transit=False,
        identity_checked=is_known(desk, command.identity_ref),
        buyer_identity_checked=is_known(desk, command.buyer_ref),
        payer_kind="company" if bought else "person", balance_after_minor=0,
        # What leaves a root makes its sum no larger, so no cap of it is asked.
        root_minor=0, refund_fee_minor=fee_minor(desk, card, amount_minor),
    )  # fmt: skip
    facts = {
        # A sum that must not be dodged: for cash all cards of a root are one, whenever they are handed back.
        "balance_before_minor": (
            desk.cashed_minor(card) if command.paid_to is PaidTo.CASH else card.pocket.balance_minor
        ),
        # Of what was first loaded in this very batch nothing is known yet: it was bought now.
        "months_since_issue": months_between(desk.closing.bought_at.get(card.id) or desk.sheet.now, desk.sheet.now),
        "amount_minor": amount_minor,
    }
    return None if asked is None else judge(desk, card, who_of(card), Point.REFUND, asked, facts, place)


def not_rescinded(desk: Desk, card: HeldCard, amount_minor: int, place: Place) -> Refused | None:
    """Why the sale of a card isn't undone. That is no redemption: the money goes back to the source it came from."""
    law = desk.law(card.terms.programme_id)
    asked = None if law is None else law.asked(
        Point.REFUND, card.kind, refund_kind="sale", refund_to="source", transit=False, balance_after_minor=0,
        root_minor=0, refund_fee_minor=0,
    )  # fmt: skip
    facts = {"balance_before_minor": card.pocket.balance_minor, "amount_minor": amount_minor}
    return None if asked is None else judge(desk, card, who_of(card), Point.REFUND, asked, facts, place)


def _buyers(desk: Desk, card: HeldCard, lots: Sequence[Lot]) -> tuple[set[str], set[str]]:
    """Who is known to have paid for lots of a card, and which of them are companies.

    Where it was topped up by somebody unknown alone, it is the holder's as far as anybody can tell.
    """
    payers = {ref for ref in payers_of(desk, card, lots) if ref in desk.standings}
    companies = {ref for ref in payers if desk.standings[ref].kind is Party.COMPANY}
    if not payers and card.holder_ref is not None:
        payers = {card.holder_ref}
    return payers, companies


def _is_buyer(ref: str, buyers: set[str], companies: set[str]) -> bool:
    """Whether somebody is who bought a card: each company that paid, where one did, else one of those who paid."""
    return companies == {ref} if companies else ref in buyers


def not_closed(
    desk: Desk, card: HeldCard, amount_minor: int, place: Place, *, forfeits: bool
) -> Refused | None:  # fmt: skip
    """Why what a card holds doesn't end so: `forfeits` says that paid value of its holder would be lost."""
    law = desk.law(card.terms.programme_id)
    asked = None if law is None else law.asked(Point.CLOSE, card.kind, close_scope="card", forfeits=forfeits)
    facts = {"amount_minor": amount_minor}
    return None if asked is None else judge(desk, card, who_of(card), Point.CLOSE, asked, facts, place)


def fee_minor(desk: Desk, card: HeldCard, amount_minor: int) -> int:
    """What is kept of a pay-out where the document offers withdrawals, rounded down.

    No fee where it doesn't, nor where the pack bars one: a card is handed back all the same, and paid out whole.
    """
    offer, law = (
        None if card.promised is None else card.promised.programme.withdrawal,
        desk.law(card.terms.programme_id),
    )
    fee = 0 if offer is None else amount_minor * offer.fee_bps // 10_000
    return 0 if law is not None and law.bars("refund_fee_minor", fee) else fee


def months_between(since: datetime, until: datetime) -> int:
    """Whole months of the Chinese calendar: one is over on the same day of the next month, if there is one."""
    began, ended = since.astimezone(CHINA), until.astimezone(CHINA)
    months = (ended.year - began.year) * 12 + ended.month - began.month
    return months - ((ended.day, ended.time()) < (began.day, began.time()))


PAYS_TO_ACCOUNT = frozenset({PaidTo.SAME_NAME_ACCOUNT, PaidTo.PAYER_ACCOUNT})
"""Where a pay-out names an account."""

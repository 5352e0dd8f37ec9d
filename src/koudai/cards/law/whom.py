"""Whom the law counts a load for: payers, cards, roots; and whom a pilot counts as one. Pure."""

from collections.abc import Iterable

from koudai.base import day_start_s
from koudai.cards.commands import Load
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import CardState
from koudai.ledger import BONUS, FundingSource, Lot
from koudai.programmes import Kind


def payer_of(card: HeldCard, command: Load) -> str:
    """Whose day a load counts in: the payer's, else the holder's, else that of all cards of one root."""
    ref = payer_ref(card, command)
    return root_of(card) if ref is None else f"payer:{ref}"


def payer_ref(card: HeldCard, command: Load) -> str | None:
    """Who pays for a load, as far as that is said: a registered card's holder where nobody else is named."""
    return card.holder_ref if command.payer is None else command.payer


def payers_of(desk: Desk, card: HeldCard, lots: Iterable[Lot] | None = None) -> set[str]:
    """Who paid for what a card holds, or for some lots of it; bonus is nobody's."""
    paid = (lot for lot in (card.pocket.lots if lots is None else lots) if not lot.flags & BONUS)
    return {ref for lot in paid if (ref := payer_of_lot(desk, card, lot)) is not None}


def payer_of_lot(desk: Desk, card: HeldCard, lot: Lot) -> str | None:
    """Who paid for a lot, where lots are read: through every split and gift it is who paid first.

    That is who is named as payer, else who held the card on which it came.
    """
    came = desk.sheet.provenances[lot.id][1]
    return came.payer or desk.closing.holder_of.get(came.funded_by, card.holder_ref)


def pays_for_himself(card: HeldCard, command: Load) -> bool:
    """Whether who pays for a load is who buys it: the holder of the card, where no other buyer is named.

    Of a bearer card it is whoever pays; a bonus is bought by nobody.
    """
    buyer = card.holder_ref if command.buyer is None else command.buyer
    return buyer in (None, payer_ref(card, command)) or command.source is FundingSource.BONUS


def buys(desk: Desk, card: HeldCard) -> bool:
    """Whether a load is part of the purchase of its card, and no top-up.

    That is all that is loaded while it holds nothing that was paid for, and on the Chinese day on which it was issued:
    a purchase isn't made a top-up by a first fen. Of a card that came of another that one was bought.
    """
    return is_new(desk, card) or not card.holds_bought


def is_new(desk: Desk, card: HeldCard) -> bool:
    """Whether a card goes out now: it is sold, or was issued on this Chinese day, and came of no other one."""
    if card.lineage.parent_id is not None:
        return False
    return card.state is CardState.PENDING or desk.seconds(card.issued_at) >= day_start_s(desk.sheet.now_s)


def root_of(card: HeldCard) -> str:
    """How a tally calls all cards of one root."""
    return f"root:{card.lineage.root_id}"


def cash_of(card: HeldCard) -> str:
    """How the tally of the cash that came on all cards of one root is called: a replacement or a split begins none."""
    return f"cash:{card.lineage.root_id}"


def tallies_of(card: HeldCard, command: Load) -> list[str]:
    """Whose tallies a load is counted in; value that is given and not paid for is in none.

    What is bought on a bearer card counts for its root, too: whoever is said to have paid, it is one card's day.
    """
    if command.source is FundingSource.BONUS:
        return []
    whos = [payer_of(card, command)]
    if card.kind is Kind.BEARER and whos[0] != root_of(card):
        whos.append(root_of(card))
    if command.source is FundingSource.CASH:
        whos.append(cash_of(card))
    return whos


def who_of(card: HeldCard) -> str:
    """Whom a pilot counts as one: a holder, or all bearer cards of one root."""
    return f"root:{card.lineage.root_id}" if card.holder_ref is None else card.holder_ref

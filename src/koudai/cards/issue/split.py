"""Split: parts of a card go into new cards, with their share of every lot and the card's lineage.

Or a merchant is paid, and the rest goes into a new card.
"""

from datetime import datetime

from koudai.base import Refused
from koudai.cards.carry import arrive
from koudai.cards.checks import (
    available_of,
    bad_amount,
    bad_asset,
    below_floor,
    card_of,
    not_usable,
    payable,
    too_little,
    within_limits,
)
from koudai.cards.commands import Redeem, SpendSplit, Split
from koudai.cards.count_on import count_on
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.issue.issue import as_issued, holder_of_card, open_card
from koudai.cards.issue.offers import MAX_PIECES, not_split
from koudai.cards.law.judge import all_pass, on_payment, on_split
from koudai.cards.model import ActivityType, CardState, Issued, Minted
from koudai.cards.refusals import CardRefusal
from koudai.cards.secrets.pin import keep_pin
from koudai.cards.spend.pay import pay_out
from koudai.ledger import Flow, Place, Slot, count, proportional


def split(desk: Desk, command: Split, place: Place) -> Minted | Refused:
    """Card → new cards of its programme and its holder, active at once."""
    judged = _judge(desk, command)
    if isinstance(judged, Refused):
        return judged
    card, slots = judged
    bad = on_split(desk, card, command.pieces, place)
    if bad:
        return bad
    at, sheet, amount = command.event_at or desk.sheet.now, desk.sheet, sum(command.pieces)
    made: list[tuple[HeldCard, str]] = []
    for minor in command.pieces:
        child, number = _open_piece(desk, card, place, at)
        parts = proportional(card.pocket.lots, minor, lambda lot: lot.free_minor(sheet.now_s))
        sheet.carry(place.ordinal, card.pocket, child.pocket, parts, "split", at)
        count_on(desk, card, child)
        made.append((child, number))
    # The split counts for the card that is split, and for none of its pieces.
    count(slots, amount)
    sheet.touch(card.id, place.ordinal)
    only = made[0][0].id if len(made) == 1 else None
    gave = desk.enter(
        card, place, ActivityType.TRANSFER_BALANCE_FROM, amount, at, other_card_id=only, device=command.device
    )  # fmt: skip
    pieces: list[Issued] = []
    for (child, number), minor in zip(made, command.pieces, strict=True):
        arrive(desk, child, card, minor, place, at)
        pieces.append(as_issued(child, number))
    root_id = card.lineage.root_id
    desk.pieces[root_id] = desk.pieces.get(root_id, 0) + len(pieces)
    outcome = desk.made[place] = Minted(gave, tuple(pieces))
    return outcome


def _judge(desk: Desk, command: Split) -> tuple[HeldCard, list[Slot]] | Refused:
    """Whether a card can be split so: the card, and where what it gives is counted."""
    for minor in command.pieces:
        bad = bad_amount(minor)
        if bad:
            return bad
    amount = sum(command.pieces)
    bad = bad_amount(amount) if command.pieces else None
    if bad or not 1 <= len(command.pieces) <= MAX_PIECES:
        facts = {"pieces": len(command.pieces), "limit_count": MAX_PIECES, "left_count": MAX_PIECES}
        return bad or Refused(CardRefusal.BAD_PIECES, facts)
    card = card_of(desk, command.card)
    if card is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    bad = bad_asset(command.asset, card.asset) or not_usable(card) or not_split(desk, card, command.pieces)
    if bad:
        return bad
    available = available_of(desk, card)
    if available < amount:
        return too_little(card, available, amount, card.pocket.available_minor(desk.sheet.now_s))
    at = command.event_at or desk.sheet.now
    slots = below_floor(desk, card, amount, holder_gives_minor=0) or within_limits(
        desk, card, Flow.TRANSFER, amount, at, device=command.device
    )
    return slots if isinstance(slots, Refused) else (card, slots)


def _open_piece(desk: Desk, card: HeldCard, place: Place, at: datetime) -> tuple[HeldCard, str]:
    """A new card of the same programme and holder, under the same PIN, and its number."""
    piece, number = open_card(desk, card.terms, holder_of_card(card), CardState.ACTIVE, 0, at, card, lead=place.ordinal)
    keep_pin(desk, card, piece)
    return piece, number


def spend_split(desk: Desk, command: SpendSplit, place: Place) -> Minted | Refused:
    """Card → merchant, and what it has left available → a new card; judged whole before any of it is done."""
    pay = Redeem(
        key=command.key, event_at=command.event_at, card=command.card, merchant_id=command.merchant_id,
        amount_minor=command.amount_minor, asset=command.asset, device=command.device, lines=command.lines,
        pin=command.pin,
    )  # fmt: skip
    judged = payable(desk, pay)
    if isinstance(judged, Refused):
        return judged
    card, at, paid = judged.card, judged.at, command.amount_minor
    rest = available_of(desk, card) - paid
    if not rest:
        return Refused(CardRefusal.NOTHING_LEFT, {"amount_minor": paid, "currency": card.asset})
    bad = not_split(desk, card, (rest,)) or below_floor(desk, card, paid + rest, holder_gives_minor=paid)
    slots = bad or within_limits(desk, card, Flow.TRANSFER, rest, at, device=command.device)
    if isinstance(slots, Refused):
        return slots
    bad = all_pass(
        desk, lambda: on_payment(desk, card, judged.merchant, paid, place), lambda: on_split(desk, card, (rest,), place)
    )
    if bad:
        return bad
    redeemed = pay_out(desk, pay, judged, place)
    # The redemption was counted meanwhile, which moves counters about and changes none of a transfer.
    slots = within_limits(desk, card, Flow.TRANSFER, rest, at, device=command.device)
    assert not isinstance(slots, Refused), "a redemption isn't counted as a transfer"
    sheet = desk.sheet
    gave = Place(place.batch_id, sheet.next_ordinal())
    child, number = _open_piece(desk, card, place, at)
    parts = proportional(card.pocket.lots, rest, lambda lot: lot.free_minor(sheet.now_s))
    sheet.carry(gave.ordinal, card.pocket, child.pocket, parts, "split", at)
    count_on(desk, card, child)
    count(slots, rest)
    sheet.touch(card.id, gave.ordinal)
    desk.enter(
        card, gave, ActivityType.TRANSFER_BALANCE_FROM, rest, at, other_card_id=child.id, device=command.device,
        lead=place.ordinal,
    )  # fmt: skip
    arrive(desk, child, card, rest, place, at)
    desk.pieces[card.lineage.root_id] = desk.pieces.get(card.lineage.root_id, 0) + 1
    outcome = desk.made[place] = Minted(redeemed, (as_issued(child, number),))
    return outcome

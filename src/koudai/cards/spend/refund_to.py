"""Where returned goods are paid back: the card that paid, or another one of its kind (MOFCOM Order 2012-9, Art. 20)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from koudai.base import Refused
from koudai.cards.checks import card_of, not_usable, over_balance_cap
from koudai.cards.commands import Refund
from koudai.cards.desk import Desk, HeldCard, Redemption
from koudai.cards.law.judge import on_return
from koudai.cards.model import CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import still_claimed
from koudai.ledger import Place
from koudai.programmes import Kind


def refund_target(desk: Desk, command: Refund, paid: HeldCard, card: HeldCard, place: Place) -> HeldCard | Refused:
    """The card itself while it is there and has room; else the one that the refund names, if it is of the same kind.

    `card` is the one that `paid`, or took over from it. It has room where the programme and the law let it have the
    value; what the law says of the card that gets it is noted.
    Of the same kind is a card of the same programme which is registered to the same holder, or a bearer card as that
    one is: to another holder's card nothing goes, since that is how value is turned into money (R4). What the law or
    the risk room still waits for on the card goes to no other one (P16).
    """
    amount = command.amount_minor
    gone = _gone(card)
    full = None if gone else _no_room(desk, paid, card, amount, place)
    if not gone and not full:
        return card
    kind = str(Kind.BEARER if card.holder_ref is None else Kind.REGISTERED)
    if command.to_card is None:
        # One that is full has its own refusal, which says how much would fit.
        return full or Refused(CardRefusal.OTHER_CARD_NEEDED, {"because": str(gone and gone.code), "card_kind": kind})
    other = card_of(desk, command.to_card)
    if other is None:
        return Refused(CardRefusal.UNKNOWN_CARD)
    bound = still_claimed(card.restrictions, card.pocket.balance_minor, amount, card.asset)
    if bound:
        return bound
    if other is card:
        return Refused(CardRefusal.SAME_CARD)
    if other.terms.programme_id != card.terms.programme_id or (other.holder_ref is None) != (card.holder_ref is None):
        return Refused(CardRefusal.OTHER_KIND, {"card_kind": kind})
    if other.holder_ref != card.holder_ref:
        return Refused(CardRefusal.OTHER_HOLDER, {"field": "to_card"})
    return not_usable(other) or _no_room(desk, paid, other, amount, place) or other


def _no_room(desk: Desk, paid: HeldCard, card: HeldCard, amount_minor: int, place: Place) -> Refused | None:
    """Why what `paid` had paid doesn't fit on a card: by the programme, by the books, or by the law."""
    full = over_balance_cap(desk, card, amount_minor) or desk.sheet.too_full(card.pocket, amount_minor)
    return full or on_return(desk, paid, card, amount_minor, place)


def _gone(card: HeldCard) -> Refused | None:
    """A card that is blocked is still there: what comes back to it waits."""
    return Refused(CardRefusal.DEACTIVATED) if card.state is CardState.DEACTIVATED else card.lapsed


def lasts_until(desk: Desk, redemption: Redemption) -> Mapping[int, datetime]:
    """Until when lots last that expired since they were spent, and now go to another card: as long as was left then."""
    found: dict[int, datetime] = {}
    for lot_id, _ in redemption.drawn:
        ended = desk.sheet.provenances[lot_id][1].expires_at
        if ended is not None and ended <= desk.sheet.now:
            found[lot_id] = desk.sheet.now + max(ended - redemption.at, timedelta(days=1))
    return found

"""What each command does to a card: pure functions from the desk and a command to an outcome.

A rule either refuses and changes nothing, or moves value on the sheet and enters it in the history.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from koudai.base import Refused
from koudai.cards.carry import adjust, expire, transfer
from koudai.cards.close import close
from koudai.cards.commands import (
    Activate,
    Adjust,
    Authorise,
    Block,
    Capture,
    Close,
    Command,
    Exchange,
    Expire,
    Issue,
    Load,
    Reactivate,
    Redeem,
    Refund,
    Renew,
    Reverse,
    Split,
    Transfer,
    Unblock,
    Void,
)
from koudai.cards.desk import Desk
from koudai.cards.hold import authorise, capture, void
from koudai.cards.issue import issue
from koudai.cards.model import Activity, Issued, Minted
from koudai.cards.pay import load, redeem, refund, reverse
from koudai.cards.prolong import exchange, reactivate, renew
from koudai.cards.split import split
from koudai.cards.state import change_state
from koudai.ledger import Memory, Place, request_text


def apply(desk: Desk, command: Command) -> Activity | Issued | Minted | Refused | Memory:
    """Fold one command; a Memory answers a key that was used before: what it led to is read elsewhere."""
    sheet = desk.sheet
    verb, rule, names, always, cards, sometimes = _RULES[type(command)]
    fields: dict[str, Any] = dict(zip(names, (verb, *always(command)), strict=True))
    for name in cards:
        if type(fields[name]) is bytes:
            fields[name] = _card_field(desk, fields[name])
    # What came later stands in a request only where it says something, so that older keys stay what they were.
    for name in sometimes:
        value = getattr(command, name)
        if value is not None:
            fields[name] = _card_field(desk, value) if type(value) is bytes else value
    request = request_text(fields)
    known = sheet.keys.recall(command.key, request)
    if known is not None:
        if isinstance(known, Refused):
            return known
        return known.as_refusal() or desk.made.get(known.place) or known
    place = Place(sheet.batch_id, sheet.next_ordinal())
    outcome = sheet.closed(command.event_at) or rule(desk, command, place)
    if isinstance(outcome, Refused):
        sheet.keys.remember_refusal(command.key, request, place, outcome)
    else:
        sheet.keys.remember(command.key, Memory(request, place, facts=_made(outcome)))
    return outcome


def _made(outcome: Activity | Issued | Minted) -> str | None:
    """The cards that a command made, as they are remembered under its key."""
    if isinstance(outcome, Activity):
        return None
    if isinstance(outcome, Issued):
        return request_text({"card_id": outcome.card.id})
    return request_text({"card_ids": [piece.card.id for piece in outcome.cards]})


def _card_field(desk: Desk, ref: bytes) -> int | str:
    """A card as a request names it: the same whether by id or by number; an unknown number by its hash."""
    return desk.ids_of_numbers.get(ref) or ref.hex()


_CARDS = ("card", "to_card")

_Rule = Callable[[Desk, Any, Place], Activity | Issued | Minted | Refused]
_Entry = tuple[str, _Rule, tuple[str, ...], Callable[[Command], tuple[Any, ...]], tuple[str, ...], tuple[str, ...]]


def _rule(verb: str, rule: _Rule, always: tuple[str, ...], sometimes: tuple[str, ...] = ()) -> _Entry:
    """A verb's rule, and the fields of its canonical request: those always told, and the others.

    What an amount is in is called its currency there.
    """
    names = tuple("currency" if name == "asset" else name for name in always)
    # A second field makes the getter answer a tuple, also where there is one field.
    getter = attrgetter(*always, "event_at")
    return verb, rule, ("verb", *names, "event_at"), getter, tuple(name for name in always if name in _CARDS), sometimes


_ONE_CARD = ("card",)
_PAID = ("card", "merchant_id", "amount_minor", "asset", "partial")

_RULES: dict[type[Command], _Entry] = {
    Issue: _rule("issue", issue, ("programme_id", "active", "holder_ref")),
    Activate: _rule("activate", change_state, _ONE_CARD),
    Block: _rule("block", change_state, _ONE_CARD),
    Unblock: _rule("unblock", change_state, _ONE_CARD),
    Load: _rule(
        "load", load, ("card", "amount_minor", "asset", "source"),
        ("payer", "refund_to", "expires_at", "may_pass", "may_sell", "may_refund", "device"),
    ),
    Redeem: _rule("redeem", redeem, _PAID, ("device",)),
    Refund: _rule("refund", refund, ("redemption", "card", "merchant_id", "amount_minor", "asset"), ("to_card",)),
    Reverse: _rule("reverse", reverse, ("redemption_key", "redemption"), ("reason",)),
    Authorise: _rule("authorise", authorise, (*_PAID, "ttl_s"), ("group", "device")),
    Capture: _rule("capture", capture, ("hold", "group", "amount_minor", "final")),
    Void: _rule("void", void, ("hold", "group")),
    Transfer: _rule(
        "transfer", transfer, ("card", "to_card", "amount_minor", "asset", "purpose"), ("recipient", "device"),
    ),
    Adjust: _rule(
        "adjust", adjust,
        # Not who made it: a repeated answer is the same whichever key of the API asks for it.
        ("card", "amount_minor", "asset", "increment", "source", "reason", "approved_by", "corrects"),
    ),
    Split: _rule("split", split, ("card", "pieces", "asset"), ("device",)),
    Expire: _rule("expire", expire, _ONE_CARD),
    Renew: _rule("renew", renew, ("card", "expires_at")),
    Reactivate: _rule("reactivate", reactivate, _ONE_CARD),
    Exchange: _rule("exchange", exchange, _ONE_CARD),
    Close: _rule(
        # Nor who closed it.
        "close", close, ("card", "reason", "paid_to", "account_ref", "identity_ref", "buyer_ref", "bought_by_company"),
    ),
}  # fmt: skip

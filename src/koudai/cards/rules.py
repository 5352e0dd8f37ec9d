"""What each command does to a card: pure functions from the desk and a command to an outcome.

A rule either refuses and changes nothing, or moves value on the sheet and enters it in the history.
"""

from collections.abc import Callable
from typing import Any

from koudai.base import Refused
from koudai.cards.carry import adjust, expire, renew, transfer
from koudai.cards.commands import (
    Activate,
    Adjust,
    Authorise,
    Block,
    Capture,
    CardRef,
    Command,
    Expire,
    Load,
    Redeem,
    Refund,
    Renew,
    Reverse,
    Transfer,
    Unblock,
    Void,
)
from koudai.cards.desk import Desk
from koudai.cards.hold import authorise, capture, void
from koudai.cards.model import Activity
from koudai.cards.pay import load, redeem, refund, reverse
from koudai.cards.state import change_state
from koudai.ledger import Memory, Place, request_text


def apply(desk: Desk, command: Command) -> Activity | Refused | Place:
    """Fold one command; a Place answers a key that was used before: the entry that stands there."""
    sheet = desk.sheet
    verb, rule, always, sometimes = _RULES[type(command)]
    fields: dict[str, Any] = {"verb": verb}
    for name, told in always:
        value = getattr(command, name)
        fields[told] = _card_field(desk, value) if told in _CARDS else value
    # What came later stands in a request only where it says something, so that older keys stay what they were.
    for name in sometimes:
        value = getattr(command, name)
        if value is not None:
            fields[name] = value
    fields["event_at"] = command.event_at
    request = request_text(fields)
    known = sheet.keys.recall(command.key, request)
    if known is not None:
        if isinstance(known, Refused):
            return known
        return known.as_refusal() or desk.made.get(known.place) or known.place
    place = Place(sheet.batch_id, sheet.next_ordinal())
    outcome = sheet.closed(command.event_at) or rule(desk, command, place)
    if isinstance(outcome, Refused):
        sheet.keys.remember_refusal(command.key, request, place, outcome)
    else:
        sheet.keys.remember(command.key, Memory(request, place))
    return outcome


def _card_field(desk: Desk, ref: CardRef | None) -> int | str | None:
    """A card as a request names it: the same whether by id or by number; an unknown number by its hash."""
    if isinstance(ref, bytes):
        return desk.ids_of_numbers.get(ref) or ref.hex()
    return ref


_CARDS = {"card", "to_card"}

_Rule = Callable[[Desk, Any, Place], Activity | Refused]


def _told(*names: str) -> tuple[tuple[str, str], ...]:
    """Fields of a command, and how its canonical request calls them: what it is in is its currency."""
    return tuple((name, "currency" if name == "asset" else name) for name in names)


_ONE_CARD = _told("card")
_PAID = _told("card", "merchant_id", "amount_minor", "asset", "partial")

_RULES: dict[type[Command], tuple[str, _Rule, tuple[tuple[str, str], ...], tuple[str, ...]]] = {
    Activate: ("activate", change_state, _ONE_CARD, ()),
    Block: ("block", change_state, _ONE_CARD, ()),
    Unblock: ("unblock", change_state, _ONE_CARD, ()),
    Load: (
        "load", load, _told("card", "amount_minor", "asset", "source"),
        ("payer", "refund_to", "expires_at", "may_pass", "may_sell", "may_refund", "device"),
    ),
    Redeem: ("redeem", redeem, _PAID, ("device",)),
    Refund: ("refund", refund, _told("redemption", "card", "merchant_id", "amount_minor", "asset"), ()),
    Reverse: ("reverse", reverse, _told("redemption_key", "redemption"), ()),
    Authorise: ("authorise", authorise, (*_PAID, ("ttl_s", "ttl_s")), ("group", "device")),
    Capture: ("capture", capture, _told("hold", "group", "amount_minor", "final"), ()),
    Void: ("void", void, _told("hold", "group"), ()),
    Transfer: (
        "transfer", transfer, _told("card", "to_card", "amount_minor", "asset", "purpose"), ("recipient", "device"),
    ),
    Adjust: (
        "adjust", adjust,
        _told("card", "amount_minor", "asset", "increment", "source", "reason", "made_by", "approved_by", "corrects"),
        (),
    ),
    Expire: ("expire", expire, _ONE_CARD, ()),
    Renew: ("renew", renew, _told("card", "expires_at"), ()),
}  # fmt: skip
"""Each command's verb, its rule, and the fields of its canonical request: those always told, and the others."""

"""What each command does to a card: pure functions from the desk and a command to an outcome.

A rule either refuses and changes nothing, or moves value on the sheet and enters it in the history.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from koudai.base import Refused
from koudai.cards.carry import adjust, expire, transfer
from koudai.cards.commands import (
    Activate,
    Adjust,
    Authorise,
    Capture,
    ChangePin,
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
    Replace,
    ResetPin,
    Reverse,
    SetPin,
    SpendSplit,
    Split,
    Transfer,
    Void,
)
from koudai.cards.desk import Desk
from koudai.cards.gifts.link import words_hash
from koudai.cards.gifts.model import ClaimGift, GiveGift, ReturnGift, WithdrawGift
from koudai.cards.gifts.rules import claim, give, go_back, withdraw
from koudai.cards.issue.issue import issue
from koudai.cards.issue.reissue import replace
from koudai.cards.issue.split import spend_split, split
from koudai.cards.life.close import close
from koudai.cards.life.prolong import exchange, reactivate, renew
from koudai.cards.life.state import change_state
from koudai.cards.model import Activity, Given, Issued, Minted, Words
from koudai.cards.restrict.commands import (
    Block,
    Continue,
    Lift,
    ReportLoss,
    Restrict,
    Unblock,
)
from koudai.cards.restrict.rules import block, go_on, lift, report_loss, restrict, unblock
from koudai.cards.secrets.codes import PayCode
from koudai.cards.secrets.pin import change_pin, reset_pin, set_pin
from koudai.cards.secrets.pins import Pin
from koudai.cards.spend.hold import authorise, capture, void
from koudai.cards.spend.pay import load, redeem, refund, reverse
from koudai.cards.stock.model import CallOff, CreateStock, Print, Receive, Sell, Stock, VoidSale, WriteOff
from koudai.cards.stock.rules import call_off, create_stock, print_cards, receive, write_off
from koudai.cards.stock.sell import sell
from koudai.cards.stock.void_sale import void_sale
from koudai.ledger import Memory, Place, request_text


def apply(desk: Desk, command: Command) -> Activity | Issued | Minted | Given | Stock | Refused | Memory:
    """Fold one command; a Memory answers a key that was used before: what it led to is read elsewhere."""
    sheet = desk.sheet
    verb, rule, names, always, cards, sometimes = _RULES[type(command)]
    fields: dict[str, Any] = dict(zip(names, (verb, *always(command)), strict=True))
    for name in cards:
        if isinstance(fields[name], bytes):
            fields[name] = _card_field(desk, fields[name])
    # What came later stands in a request only where it says something, so that older keys stay what they were.
    for name in sometimes:
        value = getattr(command, name)
        if value is not None:
            fields[name] = (
                _said(desk, command.key, value)
                if type(value) is Words
                else value.under(command.key)
                if isinstance(value, Pin)
                else _card_field(desk, value)
                if isinstance(value, bytes)
                else value
            )
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


def _said(desk: Desk, key: str, words: Words) -> str:
    """What stands for a gift's words in a request: they may hold personal data."""
    if desk.mint is None:
        raise ValueError("gifts are given with the keyring in hand")
    return words_hash(desk.mint.keyring, key, words)


def _made(outcome: Activity | Issued | Minted | Given | Stock) -> str | None:
    """The cards, the gift or the stock that a command made, as they are remembered under its key."""
    if isinstance(outcome, Given):
        return request_text({"gift": outcome.gift.place})
    if isinstance(outcome, Activity):
        return None
    if isinstance(outcome, Stock):
        return request_text({"stock_id": outcome.id})
    if isinstance(outcome, Issued):
        return request_text({"card_id": outcome.card.id})
    return request_text({"card_ids": [piece.card.id for piece in outcome.cards]})


def _card_field(desk: Desk, ref: bytes) -> int | str:
    """A card as a request names it: the same whether by id or by number; an unknown number by its hash.

    So is a pay code, also one that was forgotten meanwhile.
    """
    if isinstance(ref, PayCode):
        return ref.hex()
    return desk.ids_of_numbers.get(ref) or ref.hex()


_CARDS = ("card", "to_card")

_Rule = Callable[[Desk, Any, Place], Activity | Issued | Minted | Given | Stock | Refused]
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
_CHOSEN = ("stock_id", "first", "last", "cards")
_PAID = ("card", "merchant_id", "amount_minor", "asset", "partial")

_RULES: dict[type[Command], _Entry] = {
    Issue: _rule("issue", issue, ("programme_id", "active", "holder_ref"), ("pin",)),
    Activate: _rule("activate", change_state, _ONE_CARD),
    Block: _rule("block", block, _ONE_CARD),
    Unblock: _rule("unblock", unblock, _ONE_CARD),
    Load: _rule(
        "load", load, ("card", "amount_minor", "asset", "source"),
        ("payer", "buyer", "refund_to", "expires_at", "may_pass", "may_sell", "may_refund", "device", "channel"),
    ),
    Redeem: _rule("redeem", redeem, _PAID, ("device", "basket", "pin")),
    Refund: _rule("refund", refund, ("redemption", "card", "merchant_id", "amount_minor", "asset"), ("to_card",)),
    Reverse: _rule("reverse", reverse, ("redemption_key", "redemption"), ("reason",)),
    Authorise: _rule("authorise", authorise, (*_PAID, "ttl_s"), ("group", "device", "basket", "pin")),
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
    Restrict: _rule(
        "restrict", restrict,
        ("card", "kind", "authority", "document", "amount_minor", "asset", "until", "temporary"),
    ),
    Lift: _rule("lift", lift, ("card", "restriction", "kind", "authority", "document")),
    Continue: _rule("continue", go_on, ("card", "restriction", "kind", "authority", "document", "until")),
    ReportLoss: _rule("report_loss", report_loss, ("card", "document")),
    SpendSplit: _rule(
        "spend_split", spend_split, ("card", "merchant_id", "amount_minor", "asset"), ("device", "basket", "pin")
    ),
    Replace: _rule("replace", replace, ("card", "reason")),
    GiveGift: _rule("give_gift", give, _ONE_CARD, ("to_ref", "words", "face", "deliver_at", "device")),
    ClaimGift: _rule("claim_gift", claim, ("gift", "token_hash", "holder_ref")),
    WithdrawGift: _rule("withdraw_gift", withdraw, ("gift",)),
    ReturnGift: _rule("return_gift", go_back, ("gift",)),
    SetPin: _rule("set_pin", set_pin, _ONE_CARD, ("pin",)),
    ChangePin: _rule("change_pin", change_pin, _ONE_CARD, ("old_pin", "pin", "device")),
    ResetPin: _rule("reset_pin", reset_pin, _ONE_CARD),
    # Not who made it, as for a correction.
    CreateStock: _rule("create_stock", create_stock, ("programme_id", "count", "design")),
    Print: _rule("print", print_cards, _CHOSEN),
    Receive: _rule("receive", receive, (*_CHOSEN, "merchant_id", "place")),
    WriteOff: _rule("write_off", write_off, (*_CHOSEN, "reason")),
    Sell: _rule(
        "sell", sell,
        ("card", "amount_minor", "asset", "source", "payment_ref", "till", "clerk", "acknowledged"),
        ("merchant_id", "place", "payment_minor", "payer", "refund_to"),
    ),
    CallOff: _rule("call_off", call_off, _ONE_CARD, ("reason",)),
    VoidSale: _rule("void_sale", void_sale, ("card", "reason")),
    Reactivate: _rule("reactivate", reactivate, _ONE_CARD),
    Exchange: _rule("exchange", exchange, _ONE_CARD),
    Close: _rule(
        # Nor who closed it.
        "close", close, ("card", "reason", "paid_to", "account_ref", "identity_ref", "buyer_ref", "bought_by_company"),
        ("partial",),
    ),
}  # fmt: skip

"""From what is sent to the command it means. Raises Problem where a body can't mean any."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from koudai import cards
from koudai.api.ids import Ids
from koudai.api.problems import invalid
from koudai.api.shapes import (
    Activate,
    BatchRedemption,
    Block,
    Load,
    NewActivity,
    Redeem,
    Refund,
    Reversal,
    Unblock,
)
from koudai.base import asset
from koudai.identity import Scope

SCOPES: dict[type[Any], Scope] = {
    Activate: Scope.CARDS_ACTIVATE,
    Load: Scope.CARDS_LOAD,
    Redeem: Scope.CARDS_REDEEM,
    Refund: Scope.CARDS_REFUND,
    # Whoever may pay must be able to undo a payment whose answer was lost.
    Reversal: Scope.CARDS_REDEEM,
    Block: Scope.CARDS_BLOCK,
    Unblock: Scope.CARDS_BLOCK,
}
"""What a key must be allowed for each type of activity."""


def command_of(ids: Ids, body: NewActivity, key: str) -> cards.Command:
    """The command that an activity's body means."""
    return _MAKERS[type(body)](ids, body, key)


def known_currency(code: str) -> str:
    """The code itself; raises Problem when no currency has it."""
    if asset(code) is None:
        raise invalid("currency", "currency")
    return code


def redeem(ids: Ids, body: Redeem | BatchRedemption, key: str) -> cards.Redeem:
    """The redemption that a body means."""
    return cards.Redeem(
        key=key,
        card=ids.card_ref(body.gift_card_id, body.gan),
        merchant_id=ids.merchant(body.merchant_id),
        amount_minor=body.amount_minor,
        asset=known_currency(body.currency),
        partial=body.partial,
    )


def named_by(body: Any) -> str:
    """The field by which a request names its card."""
    return "gift_card_id" if getattr(body, "gan", UNSET) is UNSET else "gan"


def _activate(ids: Ids, body: Activate, key: str) -> cards.Activate:
    return cards.Activate(key=key, card=ids.card_ref(body.gift_card_id, body.gan))


def _block(ids: Ids, body: Block, key: str) -> cards.Block:
    return cards.Block(key=key, card=ids.card_ref(body.gift_card_id, body.gan))


def _unblock(ids: Ids, body: Unblock, key: str) -> cards.Unblock:
    return cards.Unblock(key=key, card=ids.card_ref(body.gift_card_id, body.gan))


def _load(ids: Ids, body: Load, key: str) -> cards.Load:
    return cards.Load(
        key=key,
        card=ids.card_ref(body.gift_card_id, body.gan),
        amount_minor=body.amount_minor,
        asset=known_currency(body.currency),
        source=body.source,
    )


def _refund(ids: Ids, body: Refund, key: str) -> cards.Refund:
    code = known_currency(body.currency)
    if body.redemption_id is not UNSET:
        for field in ("gift_card_id", "gan", "merchant_id"):
            if getattr(body, field) is not UNSET:
                raise invalid(field, "one_of", other="redemption_id")
        redemption = ids.place(body.redemption_id)
        return cards.Refund(key=key, amount_minor=body.amount_minor, asset=code, redemption=redemption)
    if body.merchant_id is UNSET:
        raise invalid("redemption_id", "one_of", other="gift_card_id + merchant_id")
    return cards.Refund(
        key=key,
        amount_minor=body.amount_minor,
        asset=code,
        card=ids.card_ref(body.gift_card_id, body.gan),
        merchant_id=ids.merchant(body.merchant_id),
    )


def _reverse(ids: Ids, body: Reversal, key: str) -> cards.Reverse:
    if (body.redemption_key is UNSET) == (body.redemption_id is UNSET):
        raise invalid("redemption_key", "one_of", other="redemption_id")
    if body.redemption_id is not UNSET:
        return cards.Reverse(key=key, redemption=ids.place(body.redemption_id))
    if body.redemption_key == key:
        raise invalid("redemption_key", "own_key")
    assert body.redemption_key is not UNSET
    return cards.Reverse(key=key, redemption_key=body.redemption_key)


_MAKERS: dict[type[Any], Callable[[Ids, Any, str], cards.Command]] = {
    Activate: _activate,
    Load: _load,
    Redeem: redeem,
    Refund: _refund,
    Reversal: _reverse,
    Block: _block,
    Unblock: _unblock,
}

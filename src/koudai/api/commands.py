"""From what is sent to the command it means. Raises Problem where a body can't mean any."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import UNSET

from koudai import cards
from koudai.api.ids import Ids
from koudai.api.problems import invalid
from koudai.api.shapes import BatchRedemption, NewActivity
from koudai.api.wishes import (
    Activate,
    AdjustDecrement,
    AdjustIncrement,
    Authorise,
    Block,
    Capture,
    Close,
    Expire,
    Line as BodyLine,
    Load,
    Reactivate,
    Redeem,
    Refund,
    Renew,
    Reversal,
    Transfer,
    Unblock,
    Void,
)
from koudai.base import asset
from koudai.cards import FundingSource
from koudai.identity import Scope
from koudai.ledger import Place
from koudai.programmes import Line

SCOPES: dict[type[Any], Scope] = {
    Activate: Scope.CARDS_ACTIVATE,
    Load: Scope.CARDS_LOAD,
    Redeem: Scope.CARDS_REDEEM,
    Authorise: Scope.CARDS_REDEEM,
    Capture: Scope.CARDS_REDEEM,
    Void: Scope.CARDS_REDEEM,
    Refund: Scope.CARDS_REFUND,
    # Whoever may pay must be able to undo a payment whose answer was lost.
    Reversal: Scope.CARDS_REDEEM,
    Transfer: Scope.CARDS_TRANSFER,
    AdjustIncrement: Scope.CARDS_ADJUST,
    AdjustDecrement: Scope.CARDS_ADJUST,
    Expire: Scope.CARDS_EXPIRE,
    Renew: Scope.CARDS_EXPIRE,
    Reactivate: Scope.CARDS_EXPIRE,
    Close: Scope.CARDS_CLOSE,
    Block: Scope.CARDS_BLOCK,
    Unblock: Scope.CARDS_BLOCK,
}
"""What a key must be allowed for each type of activity."""


def command_of(ids: Ids, body: NewActivity, key: str, made_by: str = "") -> cards.Command:
    """The command that an activity's body means; `made_by` is the id of the API key that asks.

    Corrections and reversals keep it. Without it they are refused.
    """
    maker = _MAKERS.get(type(body))
    return maker(ids, body, key) if maker else _SIGNED[type(body)](ids, body, key, made_by)


def known_currency(code: str) -> str:
    """The code itself; raises Problem when no currency has it."""
    if asset(code) is None:
        raise invalid("currency", "currency")
    return code


def redeem(ids: Ids, body: Redeem | BatchRedemption, key: str) -> cards.Redeem:
    """The redemption that a body means."""
    return cards.Redeem(
        key=key,
        card=ids.payer(body.gift_card_id, body.gan, body.pay_code),
        merchant_id=ids.merchant(body.merchant_id),
        amount_minor=body.amount_minor,
        asset=known_currency(body.currency),
        partial=body.partial,
        device=body.device,
        lines=None if body.lines is None else as_lines(body.lines),
        pin=None if body.pin is None else ids.pin(body.pin),
    )


def as_lines(lines: Sequence[BodyLine]) -> tuple[Line, ...]:
    """The lines of a basket."""
    return tuple(Line(line.sku, line.goods_class, line.amount_minor) for line in lines)


def named_by(body: Any) -> str:
    """The field by which a request names its card."""
    if by_code(body):
        return "pay_code"
    return "gift_card_id" if getattr(body, "gan", UNSET) is UNSET else "gan"


def by_code(body: Any) -> bool:
    """Whether a request pays by a pay code."""
    return getattr(body, "pay_code", UNSET) is not UNSET


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
        payer=body.payer,
        buyer=body.buyer,
        refund_to=body.refund_to,
        expires_at=None if body.expires_at is None else in_utc("expires_at", body.expires_at),
        may_pass=body.may_pass,
        may_sell=body.may_sell,
        may_refund=body.may_refund,
        device=body.device,
        channel=body.channel,
    )


def in_utc(field: str, moment: datetime) -> datetime:
    """A moment of a field in UTC: the same request, whatever the offset it is told with.

    Raises Problem where UTC has no such year.
    """
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise invalid(field, "time") from None


def _authorise(ids: Ids, body: Authorise, key: str) -> cards.Authorise:
    return cards.Authorise(
        key=key,
        card=ids.payer(body.gift_card_id, body.gan, body.pay_code),
        merchant_id=ids.merchant(body.merchant_id),
        amount_minor=body.amount_minor,
        asset=known_currency(body.currency),
        ttl_s=body.ttl_s,
        partial=body.partial,
        group=body.group,
        device=body.device,
        lines=None if body.lines is None else as_lines(body.lines),
        pin=None if body.pin is None else ids.pin(body.pin),
    )


def _capture(ids: Ids, body: Capture, key: str) -> cards.Capture:
    hold, group = _hold_of(ids, body)
    amount_minor = None if body.amount_minor is UNSET else body.amount_minor
    if group is not None and amount_minor is not None:
        raise invalid("amount_minor", "not_with", other="group")
    if amount_minor == 0 and not body.final:
        raise invalid("amount_minor", "at_least", bound=1)
    return cards.Capture(key=key, hold=hold, group=group, amount_minor=amount_minor, final=body.final)


def _void(ids: Ids, body: Void, key: str) -> cards.Void:
    hold, group = _hold_of(ids, body)
    return cards.Void(key=key, hold=hold, group=group)


def _hold_of(ids: Ids, body: Capture | Void) -> tuple[Place | None, str | None]:
    """The hold or the group that is named: exactly one of them."""
    if body.group is UNSET and body.hold_id is not UNSET:
        return ids.place(body.hold_id), None
    if body.group is not UNSET and body.hold_id is UNSET:
        return None, body.group
    raise invalid("hold_id", "one_of", other="group")


def _transfer(ids: Ids, body: Transfer, key: str) -> cards.Transfer:
    return cards.Transfer(
        key=key,
        card=ids.card_ref(body.gift_card_id, body.gan),
        to_card=ids.card(body.to_gift_card_id),
        asset=known_currency(body.currency),
        purpose=body.purpose,
        amount_minor=body.amount_minor,
        recipient=body.recipient,
        device=body.device,
    )


def _adjust(ids: Ids, body: AdjustIncrement | AdjustDecrement, key: str, made_by: str) -> cards.Adjust:
    return cards.Adjust(
        key=key,
        card=ids.card_ref(body.gift_card_id, body.gan),
        amount_minor=body.amount_minor,
        asset=known_currency(body.currency),
        increment=isinstance(body, AdjustIncrement),
        source=getattr(body, "source", FundingSource.COMPANY),
        reason=body.reason,
        made_by=made_by,
        approved_by=body.approved_by,
        corrects=None if body.corrects_id is None else ids.place(body.corrects_id),
    )


def _expire(ids: Ids, body: Expire, key: str) -> cards.Expire:
    return cards.Expire(key=key, card=ids.card_ref(body.gift_card_id, body.gan))


def _renew(ids: Ids, body: Renew, key: str) -> cards.Renew:
    card = ids.card_ref(body.gift_card_id, body.gan)
    until = None if body.expires_at is None else in_utc("expires_at", body.expires_at)
    return cards.Renew(key=key, card=card, expires_at=until)


def _reactivate(ids: Ids, body: Reactivate, key: str) -> cards.Reactivate:
    return cards.Reactivate(key=key, card=ids.card_ref(body.gift_card_id, body.gan))


def _close(ids: Ids, body: Close, key: str, made_by: str) -> cards.Close:
    return cards.Close(
        key=key,
        card=ids.card_ref(body.gift_card_id, body.gan),
        reason=body.reason,
        made_by=made_by,
        paid_to=body.paid_to,
        account_ref=body.account_ref,
        identity_ref=body.identity_ref,
        buyer_ref=body.buyer_ref,
        bought_by_company=body.bought_by_company,
        partial=body.partial or None,
    )


def _refund(ids: Ids, body: Refund, key: str) -> cards.Refund:
    code = known_currency(body.currency)
    to_card = None if body.to_gift_card_id is None else ids.card(body.to_gift_card_id)
    if body.redemption_id is not UNSET:
        for field in ("gift_card_id", "gan", "merchant_id"):
            if getattr(body, field) is not UNSET:
                raise invalid(field, "one_of", other="redemption_id")
        redemption = ids.place(body.redemption_id)
        return cards.Refund(key=key, amount_minor=body.amount_minor, asset=code, redemption=redemption, to_card=to_card)
    if body.merchant_id is UNSET:
        raise invalid("redemption_id", "one_of", other="gift_card_id + merchant_id")
    return cards.Refund(
        key=key,
        amount_minor=body.amount_minor,
        asset=code,
        card=ids.card_ref(body.gift_card_id, body.gan),
        merchant_id=ids.merchant(body.merchant_id),
        to_card=to_card,
    )


def _reverse(ids: Ids, body: Reversal, key: str, made_by: str) -> cards.Reverse:
    if (body.redemption_key is UNSET) == (body.redemption_id is UNSET):
        raise invalid("redemption_key", "one_of", other="redemption_id")
    if body.redemption_id is not UNSET:
        return cards.Reverse(
            key=key, redemption=ids.place(body.redemption_id), reason=body.reason, made_by=made_by
        )  # fmt: skip
    if body.redemption_key == key:
        raise invalid("redemption_key", "own_key")
    assert body.redemption_key is not UNSET
    return cards.Reverse(key=key, redemption_key=body.redemption_key, reason=body.reason, made_by=made_by)


_MAKERS: dict[type[Any], Callable[[Ids, Any, str], cards.Command]] = {
    Activate: _activate,
    Load: _load,
    Redeem: redeem,
    Authorise: _authorise,
    Capture: _capture,
    Void: _void,
    Refund: _refund,
    Transfer: _transfer,
    Expire: _expire,
    Renew: _renew,
    Reactivate: _reactivate,
    Block: _block,
    Unblock: _unblock,
}

_SIGNED: dict[type[Any], Callable[[Ids, Any, str, str], cards.Command]] = {
    AdjustIncrement: _adjust,
    AdjustDecrement: _adjust,
    Reversal: _reverse,
    Close: _close,
}
"""What the books keep with who asked for it."""

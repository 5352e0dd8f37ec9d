"""Programmes, merchants, cards, activities and keys as this door shows them.

The objects have the fields that the HTTP API gives them too.
"""

from collections.abc import Mapping
from typing import Any

from koudai.base import render_time
from koudai.cards import Activity, Card, Programme
from koudai.cli.basket import line_object, line_words
from koudai.cli.limits import limit_object, limit_words
from koudai.cli.screen import money
from koudai.identity import ApiKey, Keyring, Mode
from koudai.merchants import Merchant

Object = dict[str, Any]


def card_object(keyring: Keyring, card: Card, mode: Mode) -> Object:
    """A card; of its number the last four digits."""
    return {
        "id": keyring.opaque_id("gftc", card.id),
        "programme_id": keyring.opaque_id("prgm", card.programme_id),
        "state": str(card.state),
        "last4": card.last4,
        "holder_ref": card.holder_ref,
        "balance": {"amount_minor": card.balance_minor, "currency": card.asset},
        "held_minor": card.held_minor,
        "available_minor": card.available_minor,
        "issued_at": render_time(card.issued_at),
        "mode": str(mode),
        **_named("successor_id", keyring, "gftc", card.successor_id),
        **_named("parent_id", keyring, "gftc", card.parent_id),
        **_named("root_id", keyring, "gftc", card.root_id if card.parent_id else None),
        **({"expires_at": render_time(card.expires_at)} if card.expires_at else {}),
    }


def _named(name: str, keyring: Keyring, kind: str, number: int | None, low: int = 0) -> Object:
    """A field that is there only where it names something."""
    return {} if number is None else {name: keyring.opaque_id(kind, number, low)}


def activity_object(keyring: Keyring, activity: Activity) -> Object:
    """An entry of a card's history."""
    merchant, redemption = activity.merchant_id, activity.redemption
    return {
        "id": keyring.opaque_id("gact", *activity.place),
        "type": str(activity.type),
        "gift_card_id": keyring.opaque_id("gftc", activity.card_id),
        "amount_minor": activity.amount_minor,
        "currency": activity.asset,
        "balance_minor": activity.balance_minor,
        "held_minor": activity.held_minor,
        "merchant_id": keyring.opaque_id("mrch", merchant) if merchant is not None else None,
        "source": str(activity.source) if activity.source else None,
        "redemption_id": keyring.opaque_id("gact", *redemption) if redemption else None,
        "event_at": render_time(activity.event_at),
        "recorded_at": render_time(activity.recorded_at),
        **_named("hold_id", keyring, "gact", *(activity.hold or (None, 0))),
        **_named("other_gift_card_id", keyring, "gftc", activity.other_card_id),
        **({"lines": [line_object(line) for line in activity.lines]} if activity.lines else {}),
        **({"remaining_minor": activity.remaining_minor} if activity.remaining_minor else {}),
    }


def programme_object(keyring: Keyring, programme: Programme, mode: Mode) -> Object:
    """A programme."""
    return {
        "id": keyring.opaque_id("prgm", programme.id),
        "name": programme.name,
        "currency": programme.asset,
        "number_prefix": programme.number_prefix,
        "max_balance_minor": programme.max_balance_minor,
        "max_load_minor": programme.max_load_minor,
        "draw_order": str(programme.draw_order),
        "limits": [limit_object(limit) for limit in programme.limits],
        "created_at": render_time(programme.created_at),
        "mode": str(mode),
    }


def merchant_object(keyring: Keyring, merchant: Merchant, balance_minor: int, mode: Mode) -> Object:
    """A merchant; its balance is what its customers paid less what went back."""
    return {
        "id": keyring.opaque_id("mrch", merchant.id),
        "name": merchant.name,
        "ref": merchant.ref,
        "scenario": str(merchant.scenario),
        "relation": str(merchant.relation),
        "contracted": merchant.contracted,
        "channel": str(merchant.channel),
        "balance": {"amount_minor": balance_minor, "currency": merchant.asset},
        "created_at": render_time(merchant.created_at),
        "mode": str(mode),
    }


def key_object(key: ApiKey) -> Object:
    """An API key without its secret."""
    return {
        "id": key.id,
        "issuer": key.issuer,
        "mode": str(key.mode),
        "name": key.name,
        "scopes": [str(scope) for scope in key.scopes],
        "created_at": render_time(key.created_at),
        "expires_at": render_time(key.expires_at) if key.expires_at else None,
        "revoked_at": render_time(key.revoked_at) if key.revoked_at else None,
    }


def fields(shown: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The fields of an object that have a value, as text: money with its currency."""
    return [
        (name, cell(shown, name)) for name, value in shown.items() if value not in (None, []) and name != "currency"
    ]


def cell(shown: Mapping[str, Any], name: str) -> str:
    """One field of an object as text."""
    value = shown[name]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if name == "lines":
        return "; ".join(map(line_words, value))
    if name == "limits":
        return "; ".join(map(limit_words, value))
    if isinstance(value, dict):
        return money(value["amount_minor"], value["currency"])
    if name.endswith("_minor"):
        return money(value, shown["currency"] if "currency" in shown else shown["balance"]["currency"])
    return ", ".join(value) if isinstance(value, list) else str(value)

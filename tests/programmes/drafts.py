"""A good document, and short ways to change it."""

from copy import deepcopy
from datetime import UTC, datetime
from io import StringIO

import msgspec
from ruamel.yaml import YAML

from koudai.programmes import Programme, Version, start_of

BASE = {
    "name": "tea",
    "titles": {"en": "Tea card", "zh": "茶卡"},
    "effective_on": "2026-01-01",
    "currency": "CNY",
    "class": "single_purpose",
    "policy": {"pack": "cn-single-purpose"},
    "kinds": {"registered": {"max_balance_minor": 500_000}},
    "number_prefix": "900001",
    "funding": ["cash", "transfer"],
    "scenarios": {"dining": "restaurant"},
}


def merged(base, changes):
    """A document with some of its names changed; None takes one away."""
    told = deepcopy(base)
    for name, value in changes.items():
        if value is None:
            told.pop(name, None)
        elif isinstance(value, dict) and isinstance(told.get(name), dict):
            told[name] = merged(told[name], value)
        else:
            told[name] = value
    return told


PACKS = {
    "single_purpose": "cn-single-purpose",
    "multi_purpose": "cn-multi-purpose",
    "telecom_topup": "cn-telecom",
    "fixed_goods_voucher": "cn-voucher",
}


VOUCHER = {
    "accepts": {"goods": {"skus": ["mooncakes"]}},
    "limits": [{"flow": "redeem", "subjects": ["card"], "per": "lifetime", "max_count": 1}],
}
"""What makes a voucher of a card: one pick-up of fixed goods."""


def changed(changes):
    """BASE with changes; another class comes with its pack."""
    other = {"policy": {"pack": PACKS[changes["class"]]}} if changes.get("class") in PACKS else {}
    other |= VOUCHER if changes.get("class") == "fixed_goods_voucher" else {}
    return merged(BASE, {**other, **changes})


def make(**changes) -> Programme:
    """A programme like BASE, but for the changes."""
    return msgspec.convert(changed(changes), Programme)


def text_of(**changes) -> str:
    """The document of such a programme."""
    out = StringIO()
    YAML(typ="safe", pure=True).dump(changed(changes), out)
    return out.getvalue()


def version(programme, programme_id=1) -> Version:
    """A version of a programme, in force from its own day on."""
    return Version(programme_id, start_of(programme), "text", programme, "Li Na", datetime(2025, 1, 1, tzinfo=UTC))

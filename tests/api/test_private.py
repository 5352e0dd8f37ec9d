"""What a log or a traceback may show of a body: never a card's number, a PIN, a code, a token, or a device."""

import importlib
import pkgutil

import msgspec
import pytest

import koudai.api

SECRET = {"gan", "pin", "old_pin", "pay_code", "device", "devices", "token", "csv"}


for module in pkgutil.iter_modules(koudai.api.__path__, "koudai.api."):
    importlib.import_module(module.name)


def structs(root=msgspec.Struct):
    """Every struct that the API defines: what is sent and what is answered."""
    for one in root.__subclasses__():
        if one.__module__.startswith("koudai.api."):
            yield one
        yield from structs(one)


KEEPERS = {one.__name__: one for one in structs() if SECRET & set(one.__struct_fields__)}


def test_the_bodies_that_carry_secrets_are_known():
    assert KEEPERS.keys() >= {
        "GanLookup",
        "GiftCard",
        "Load",
        "Redeem",
        "Transfer",
        "NewSale",
        "PinChange",
        "GiftClaim",
    }
    assert {field for one in KEEPERS.values() for field in one.__struct_fields__} >= SECRET


@pytest.mark.parametrize("name", sorted(KEEPERS))
def test_no_body_repeats_a_secret_that_it_carries(name):
    body = KEEPERS[name](**{field: f"<{field}>" for field in KEEPERS[name].__struct_fields__})
    assert not [field for field in SECRET if f"<{field}>" in f"{body!r} {body} {[body]}"]

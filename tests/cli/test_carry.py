"""Transfers, corrections, expiry and families, through the command line."""

from typing import Any

import pytest

CHINESE = "zh_CN.UTF-8"
YUAN = ("--currency", "CNY")


@pytest.fixture(scope="module")
def programme(koudai: Any) -> str:
    koudai.done("key", "create", "carried")
    return str(koudai.done("programme", "create", "Gift", *YUAN, "--key", "cp")["id"])


@pytest.fixture
def new(koudai: Any, programme: str) -> Any:
    def make(minor: int, *more: str) -> str:
        (made,) = koudai.done("card", "issue", "--programme", programme)["cards"]
        if minor:
            koudai.done("card", "load", made["id"], "--amount-minor", str(minor), *YUAN, "--source", "cash", *more)
        return str(made["id"])

    return make


def held(koudai: Any, card: str) -> int:
    return int(koudai.done("card", "show", card)["balance"]["amount_minor"])


def test_value_goes_to_another_card_and_the_pieces_come_together_again(koudai: Any, new: Any) -> None:
    one, other = new(1000), new(0)
    gave = koudai.done("card", "transfer", one, other, "--purpose", "gift", "--amount-minor", "300", *YUAN)
    assert (gave["type"], gave["amount_minor"]) == ("TRANSFER_BALANCE_FROM", 300)
    assert [held(koudai, one), held(koudai, other)] == [700, 300]
    piece = koudai.done("card", "split", one, "--piece", "200", *YUAN)["gift_cards"][0]["id"]
    assert [row["id"] for row in koudai.done("card", "family", one)["data"]] == [piece]
    assert piece in koudai("card", "family", one, language=CHINESE).out
    listed = koudai.done("card", "list", "--limit", "1")
    rows = koudai.done("card", "list", "--from", listed["next"])["data"]
    assert {one, piece} <= {row["id"] for row in [*listed["data"], *rows]}
    told = koudai("card", "list", "--limit", "1", language=CHINESE)
    assert (listed["next"] in told.out, listed["next"] in told.err, "末四位" in told.out) == (True, True, True)
    koudai.done("card", "transfer", piece, one, "--purpose", "merge", *YUAN)
    assert [held(koudai, one), held(koudai, piece)] == [700, 0]
    refused = koudai("card", "transfer", one, other, "--purpose", "merge", *YUAN, "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.not_one_root")


def test_what_a_load_says_of_its_value_holds(koudai: Any, new: Any) -> None:
    one, other = new(100, "--may-not-pass"), new(0)
    refused = koudai("card", "transfer", one, other, "--purpose", "gift", *YUAN, "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.not_transferable")
    assert koudai("card", "close", one, "--reason", "x", "--paid-to", "cash").status == 0
    kept = new(100, "--may-not-refund")
    refused = koudai("card", "close", kept, "--reason", "x", "--paid-to", "cash", "--json")
    assert refused.error()["code"] == "cards.not_refundable"


def test_a_correction_has_its_reason_and_upwards_its_second_person(koudai: Any, new: Any) -> None:
    card = new(100)
    told = ("--amount-minor", "40", *YUAN, "--reason", "counted twice", "--by", "Li Na")
    assert koudai.done("card", "adjust", card, "down", *told)["type"] == "ADJUST_DECREMENT"
    refused = koudai("card", "adjust", card, "up", *told, "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.second_person_missing")
    assert koudai.done("card", "adjust", card, "up", *told, "--approved-by", "Wu")["type"] == "ADJUST_INCREMENT"
    assert held(koudai, card) == 100
    assert koudai("card", "adjust", card, "sideways", *told).status == 2


def test_lots_expire_and_are_extended(koudai: Any, new: Any) -> None:
    card = new(100, "--expires-at", "2198-01-01T00:00:00Z")
    refused = koudai("card", "expire", card, "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.nothing_expired")
    assert koudai.done("card", "renew", card, "--expires-at", "2199-01-01T00:00:00Z")["type"] == "RENEW"
    refused = koudai("card", "renew", card, "--expires-at", "2198-06-01T00:00:00Z", "--json")
    assert refused.error()["code"] == "cards.nothing_to_renew"

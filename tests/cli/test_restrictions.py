"""Restrictions, loss reports, and paying with a split, through the command line."""

from typing import Any

import pytest

CHINESE = "zh_CN.UTF-8"
COURT = ("--as", "court", "--authority", "徐汇区人民法院", "--document", "(2027)执5号")


@pytest.fixture(scope="module")
def shop(koudai: Any) -> dict[str, str]:
    koudai.done("key", "create", "restrictions")
    programme = koudai.done("programme", "create", "Gift", "--currency", "CNY", "--key", "rp")
    merchant = koudai.done("merchant", "add", "Tea house", "--currency", "CNY", "--key", "rm")
    return {"programme": programme["id"], "merchant": merchant["id"]}


@pytest.fixture
def card(koudai: Any, shop: dict[str, str]) -> str:
    (made,) = koudai.done("card", "issue", "--programme", shop["programme"])["cards"]
    koudai.done("card", "load", made["id"], "--amount-minor", "10000", "--currency", "CNY", "--source", "cash")
    return str(made["id"])


def test_restrictions_are_stacked_shown_and_lifted(koudai: Any, card: str) -> None:
    court = koudai.done("card", "restrict", card, *COURT, "--amount-minor", "9000", "--currency", "CNY")
    assert court["type"] == "RESTRICT"
    koudai.done("card", "restrict", card, "--as", "issuer", "--until", "2199-01-01T00:00:00Z")
    queue = koudai.done("card", "restrictions", card)["data"]
    assert [(one["kind"], one["position"], one["effective_minor"]) for one in queue] == [
        ("court", 1, 9000), ("issuer", 2, 1000),
    ]  # fmt: skip
    shown = koudai("card", "restrictions", card, language=CHINESE).out
    assert "轮候顺位" in shown
    assert "徐汇区人民法院" in shown
    refused = koudai("card", "lift", card, court["id"], "--as", "issuer", "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.not_yours_to_lift")
    koudai.done("card", "lift", card, court["id"], *COURT)
    koudai.done("card", "unblock", card)
    assert [one["ended"] for one in koudai.done("card", "restrictions", card)["data"]] == ["lifted", "lifted"]
    assert koudai.done("card", "show", card)["available_minor"] == 10_000


def test_a_restriction_is_continued(koudai: Any, card: str) -> None:
    made = koudai.done("card", "restrict", card, *COURT, "--until", "2198-01-01T00:00:00Z")
    told = koudai.done("card", "continue", card, made["id"], *COURT, "--until", "2199-01-01T00:00:00Z")
    assert told["type"] == "CONTINUE"
    (one,) = koudai.done("card", "restrictions", card)["data"]
    assert (one["id"], one["until"], one["continued"][0]["id"]) == (made["id"], "2199-01-01T00:00:00Z", told["id"])
    refused = koudai("card", "continue", card, made["id"], "--as", "issuer", "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.not_yours_to_continue")


def test_an_amount_has_its_currency(koudai: Any, card: str) -> None:
    said = koudai("card", "restrict", card, "--as", "issuer", "--amount-minor", "5", "--json")
    assert (said.status, said.error()["code"]) == (2, "cli.missing")
    long = koudai("card", "restrict", card, *COURT[2:], "--as", "aml", "--temporary", "--until", "2199-01-01T00:00:00Z")
    assert long.status == 1
    assert "48" in long.err


def test_a_lost_card_is_stopped_and_found_again(koudai: Any, card: str, shop: dict[str, str]) -> None:
    lost = koudai.done("card", "lost", card, "--document", "call 4711")
    pay = ("card", "redeem", card, "--merchant", shop["merchant"], "--amount-minor", "10", "--currency", "CNY")
    refused = koudai(*pay, language=CHINESE)
    assert (refused.status, "持卡人挂失" in refused.err) == (1, True)
    koudai.done("card", "lift", card, lost["id"], "--as", "holder")
    assert koudai.done(*pay)["balance_minor"] == 9_990


def test_a_card_pays_and_its_rest_goes_into_a_new_one(koudai: Any, card: str, shop: dict[str, str]) -> None:
    wish = ("card", "spend-split", card, "--merchant", shop["merchant"], "--amount-minor", "1250", "--currency", "CNY")
    made = koudai.done(*wish, "--key", f"s{card}")
    assert (made["activity"]["type"], made["gift_cards"][0]["balance"]["amount_minor"]) == ("REDEEM", 8_750)
    assert koudai.done(*wish, "--key", f"s{card}") == made
    assert made["gift_cards"][0]["gan"] in koudai(*wish, "--key", f"s{card}").out

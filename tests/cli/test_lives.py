"""The later life of a card through the command line: renewed, re-activated, exchanged, reminded of, handed back."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cards.documented import PLAY
from tests.cli.test_law import WANG
from tests.programmes.drafts import text_of

CHINESE = "zh_CN.UTF-8"


@pytest.fixture(scope="module")
def programme(koudai: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Cards that last ten days."""
    koudai.done("key", "create", "first")
    made = koudai.done("programme", "create", "Lasting", "--currency", "CNY", "--key", "p")
    file: Path = tmp_path_factory.mktemp("documents") / "tea.yaml"
    text = text_of(
        **PLAY,
        effective_on="2020-01-01",
        number_prefix="990000",
        scenarios={"offline_retail": "ecommerce"},
        kinds={"registered": None, "bearer": {"validity": {"days": 10, "renewal": "on_request"}}},
        notices={"before_expiry_days": [1]},
    )
    file.write_text(text, encoding="utf-8")
    koudai.done("programme", "put", made["id"], str(file), "--by", "Li Na")
    return str(made["id"])


@pytest.fixture(scope="module")
def lawful(koudai: Any, programme: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Bearer cards under the law of single-purpose cards."""
    made = koudai.done("programme", "create", "Lawful", "--currency", "CNY")
    file: Path = tmp_path_factory.mktemp("documents") / "lawful.yaml"
    told = {"number_prefix": "990000", "kinds": {"registered": None, "bearer": {}}}
    file.write_text(text_of(effective_on="2020-01-01", **told), encoding="utf-8")
    koudai.done("programme", "put", made["id"], str(file), "--by", "Li Na")
    return str(made["id"])


def loaded(koudai: Any, programme: str, amount: int = 100) -> str:
    (card,) = koudai.done("card", "issue", "--programme", programme)["cards"]
    if amount:
        koudai.done(
            "card",
            "load",
            card["id"],
            "--amount-minor",
            str(amount),
            "--currency",
            "CNY",
            "--source",
            "transfer",
            "--payer",
            "tom",
        )
    return str(card["id"])


def test_a_life(koudai: Any, programme: str) -> None:
    card, other = loaded(koudai, programme), loaded(koudai, programme)
    until = koudai.done("card", "show", card)["expires_at"]
    koudai.done("clock", "advance", "--by", "240h")
    assert [row["notice"] for row in koudai.done("notices", "due")["data"]] == ["before_expiry"] * 2
    assert "提醒" in koudai("notices", "due", language=CHINESE).out
    taken = koudai.done("notices", "take", "--key", "n")
    assert {row["gift_card_id"] for row in taken["data"]} == {card, other}
    assert koudai.done("notices", "take", "--key", "n") == taken
    assert koudai.done("notices", "take")["data"] == []
    assert koudai.done("card", "renew", card)["type"] == "RENEW"
    assert koudai.done("card", "show", card)["expires_at"] > until

    koudai.done("clock", "advance", "--by", "480h")
    refused = koudai(
        "card", "redeem", card, "--merchant", "mrch_" + "0" * 32, "--amount-minor", "1", "--currency", "CNY"
    )
    assert refused.status == 1
    assert koudai.done("card", "reactivate", card)["type"] == "RENEW"
    wish = ("card", "exchange", other, "--key", "x")
    made = koudai.done(*wish)
    assert made["gift_card"]["balance"]["amount_minor"] == 100
    assert koudai.done(*wish) == made
    assert koudai.done("card", "show", other)["state"] == "DEACTIVATED"
    assert koudai.done("card", "sweep") == {"renewed": 0}


def test_a_card_is_handed_back(koudai: Any, lawful: str) -> None:
    ann = koudai.done("holder", "create", "-", stdin=json.dumps(WANG))["id"]
    card = loaded(koudai, lawful)
    wish = ("card", "close", card, "--reason", "asked for", "--paid-to", "cash")
    refused = koudai(*wish, "--json")
    assert (refused.status, refused.error()["code"], refused.error()["clause"]) == (
        1, "policy.required", "sp.21.identity",
    )  # fmt: skip
    made = koudai.done(*wish, "--identity", ann)
    assert (made["type"], made["amount_minor"]) == ("PAY_OUT", 100)
    (row,) = [row for row in koudai.done("card", "payouts")["data"] if row["gift_card_id"] == card]
    assert (row["identity_ref"], row["made_by"], row["activity_id"]) == (ann, "command line", made["id"])
    assert "退款去向" in koudai("card", "payouts", language=CHINESE).out


def test_goods_go_to_another_card_where_the_original_is_closed(koudai: Any, programme: str) -> None:
    shop = koudai.done("merchant", "add", "Tea house", "--currency", "CNY")["id"]
    card, other = loaded(koudai, programme), loaded(koudai, programme, 0)
    money = ("--amount-minor", "100", "--currency", "CNY")
    paid = koudai.done("card", "redeem", card, "--merchant", shop, *money)
    koudai.done("card", "close", card, "--reason", "empty")
    back = ("card", "refund", "--redemption", paid["id"], *money)
    refused = koudai(*back, "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.other_card_needed")
    assert koudai.done(*back, "--to-card", other)["gift_card_id"] == other

"""Merchants with what they are, and baskets, through the command line."""

import pytest

from tests.cards.documented import PLAY
from tests.programmes.drafts import text_of

CHINESE = "zh_CN.UTF-8"


@pytest.fixture(scope="module")
def scene(koudai, tmp_path_factory):
    """A restaurant, and ann's card with 100.00 that pays for tea."""
    koudai.done("key", "create", "first")
    programme = koudai.done("programme", "create", "Tea", "--currency", "CNY")["id"]
    file = tmp_path_factory.mktemp("tea") / "tea.yaml"
    told = {"number_prefix": "990000", "accepts": {"goods": {"classes": ["tea"]}}}
    file.write_text(text_of(effective_on="2020-01-01", **PLAY, **told), encoding="utf-8")
    koudai.done("programme", "put", programme, str(file), "--by", "Li Na")
    (card,) = koudai.done("card", "issue", "--programme", programme, "--holder", "ann")["cards"]
    koudai.done("card", "load", card["id"], "--amount-minor", "10000", "--currency", "CNY", "--source", "cash")
    shop = koudai.done(
        "merchant", "add", "Tea house", "--currency", "CNY", "--ref", "tea-house-1", "--scenario", "dining",
        "--relation", "own", "--contracted", "--channel", "online",
    )  # fmt: skip
    return shop, card["id"]


def test_a_merchant_is_shown_as_it_was_registered(koudai, scene):
    shop, _ = scene
    told = {name: shop[name] for name in ("ref", "scenario", "relation", "contracted", "channel")}
    assert told == {
        "ref": "tea-house-1", "scenario": "dining", "relation": "own", "contracted": True, "channel": "online",
    }  # fmt: skip
    assert koudai.done("merchant", "show", shop["id"]) == {
        name: shop[name] for name in shop if name != "idempotency_key"
    }
    assert "消费场景" in koudai("merchant", "show", shop["id"], language=CHINESE).out
    assert "tea-house-1" in koudai("merchant", "list").out
    taken = koudai("merchant", "add", "Other", "--currency", "CNY", "--ref", "tea-house-1", "--json")
    assert (taken.status, taken.error()["code"]) == (1, "merchants.ref_taken")
    for option, word, code in (
        ("--ref", "a b", "cli.not_a_ref"), ("--scenario", "space", "cli.not_a_choice"),
        ("--relation", "mine", "cli.not_a_choice"), ("--channel", "air", "cli.not_a_choice"),
    ):  # fmt: skip
        wrong = koudai("merchant", "add", "Other", "--currency", "CNY", option, word, "--json")
        assert (wrong.status, wrong.error()["code"], option in wrong.error()["detail"]) == (2, code, True)


@pytest.mark.parametrize("verb", ["redeem", "authorise"])
def test_a_basket_is_paid_line_by_line(koudai, scene, verb):
    shop, card = scene
    pay = ("card", verb, card, "--merchant", shop["id"], "--amount-minor", "500", "--currency", "CNY",
           "--line", "tea:1:tea:100", "--line", "gin-1:spirits:400")  # fmt: skip
    refused = koudai(*pay, "--json")
    assert (refused.status, refused.error()["code"]) == (1, "programmes.goods_not_accepted")
    told = koudai.done(*pay, "--partial", "--key", f"{verb} 1")
    assert (told["amount_minor"], told["remaining_minor"]) == (100, 400)
    assert told["lines"] == [
        {"sku": "tea:1", "goods_class": "tea", "amount_minor": 100, "paid_minor": 100, "accepted": True},
        {"sku": "gin-1", "goods_class": "spirits", "amount_minor": 400, "paid_minor": 0, "accepted": False,
         "reason": "programmes.goods_not_accepted"},
    ]  # fmt: skip
    assert koudai.done(*pay, "--partial", "--key", f"{verb} 1") == told
    out = koudai(*pay, "--partial").out
    assert "tea:1:tea 100/100; gin-1:spirits 0/400 (programmes.goods_not_accepted)" in out
    assert "4.00 CNY" in out


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("tea", "cli.line_form"), ("tea:100", "cli.line_form"), (":tea:100", "cli.line_form"),
        ("tea 1:tea:100", "cli.line_form"), ("tea-1::100", "cli.line_form"), ("tea-1:tea:1.5", "cli.amount_not_whole"),
        ("tea-1:tea:0", "cli.amount_not_positive"),
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_named(koudai, scene, line, code):
    shop, card = scene
    told = koudai("card", "redeem", card, "--merchant", shop["id"], "--amount-minor", "1", "--currency", "CNY",
                  "--line", line, "--json")  # fmt: skip
    assert (told.status, told.error()["code"]) == (2, code)
    assert "--line" in told.error()["detail"]

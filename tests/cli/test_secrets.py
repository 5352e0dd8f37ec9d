"""PINs and pay codes through the command line: a PIN is read, never an argument."""

import stat
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from koudai.cards import is_pay_code

RIGHT, WRONG, OTHER = "274916", "274917", "805263"
CHINESE = "zh_CN.UTF-8"


@pytest.fixture(scope="module")
def shop(koudai: Any) -> dict[str, str]:
    koudai.done("key", "create", "first")
    programme = koudai.done("programme", "create", "Gift", "--currency", "CNY", "--key", "p")
    merchant = koudai.done("merchant", "add", "Tea", "--currency", "CNY", "--key", "m")
    return {"programme": programme["id"], "merchant": merchant["id"]}


@pytest.fixture
def card(koudai: Any, shop: dict[str, str]) -> str:
    """A card with 100.00 on it."""
    (made,) = koudai.done("card", "issue", "--programme", shop["programme"])["cards"]
    koudai.done("card", "load", made["id"], "--amount-minor", "10000", "--currency", "CNY", "--source", "cash")
    return str(made["id"])


def paying(shop: dict[str, str], card: str, *more: str, verb: str = "redeem") -> tuple[str, ...]:
    return ("card", verb, card, "--merchant", shop["merchant"], "--amount-minor", "100", "--currency", "CNY", *more)


def code(told: Any) -> str:
    return str(told.error()["code"])


def test_a_pin_is_set_asked_for_changed_and_reset(koudai: Any, shop: dict[str, str], card: str) -> None:
    assert code(koudai("card", "pin", "set", card, "--json", stdin="123456\n")) == "cards.pin_weak"
    no_pin = koudai("card", "pin", "set", card, "--json", stdin="12345\n")
    assert (no_pin.status, code(no_pin)) == (2, "cli.not_a_pin")
    assert koudai.done("card", "pin", "set", card, stdin=f"{RIGHT}\n")["type"] == "SET_PIN"
    assert code(koudai(*paying(shop, card), "--json")) == "cards.pin_missing"
    wrong = koudai(*paying(shop, card, "--pin", "--device", "till"), language=CHINESE, stdin=f"{WRONG}\n")
    assert wrong.status == 1
    assert "还剩 4 次" in wrong.err
    assert WRONG not in wrong.err + wrong.out
    for verb, kind in (("redeem", "REDEEM"), ("authorise", "AUTHORISE")):
        paid = koudai.done(*paying(shop, card, "--pin", "--device", "till", verb=verb), stdin=f"{RIGHT}\n")
        assert paid["type"] == kind
    changed = koudai.done("card", "pin", "change", card, "--device", "app", stdin=f"{RIGHT}\n{OTHER}\n")
    assert changed["type"] == "CHANGE_PIN"
    assert koudai.done("card", "pin", "reset", card)["type"] == "RESET_PIN"
    assert koudai.done(*paying(shop, card))["type"] == "REDEEM"


def test_a_pay_code_is_made_with_its_pictures_and_pays_once(
    koudai: Any, shop: dict[str, str], card: str, tmp_path: Path
) -> None:
    qr, bars = tmp_path / "code.png", tmp_path / "bars.PNG"
    made = koudai.done("card", "pay-code", card, "--qr", str(qr), "--code128", str(bars))
    assert is_pay_code(made["code"])
    assert made["gift_card_id"] == card
    for file, form in ((qr, "QR Code"), (bars, "Code 128")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        (read,) = zxingcpp.read_barcodes(Image.open(file).convert("L"))
        assert (str(read.format), read.text) == (form, made["code"])
    assert koudai.done(*paying(shop, made["code"]))["gift_card_id"] == card
    used = koudai(*paying(shop, made["code"]), "--json")
    assert (used.status, code(used)) == (1, "cards.pay_code_used")


def test_a_pay_code_is_told_in_words_and_as_svg(koudai: Any, card: str, tmp_path: Path) -> None:
    files = [tmp_path / "code.svg", tmp_path / "bars.svg"]
    told = koudai("card", "pay-code", card, "--qr", str(files[0]), "--code128", str(files[1]), language=CHINESE)
    assert told.status == 0
    assert is_pay_code(told.out.split()[0])
    assert "仅可使用一次" in told.out
    assert all("<svg" in file.read_text(encoding="utf-8") for file in files)
    wrong = koudai("card", "pay-code", card, "--qr", "code.jpg", "--json")
    assert (wrong.status, code(wrong)) == (2, "cli.not_a_picture")
    nowhere = koudai("card", "pay-code", card, "--qr", str(tmp_path / "no" / "code.svg"), "--json")
    assert (nowhere.status, code(nowhere)) == (1, "cli.file_unwritable")


def test_a_code_stands_for_a_card_only_where_it_pays(koudai: Any, card: str) -> None:
    made = koudai.done("card", "pay-code", card)
    assert code(koudai("card", "block", made["code"], "--json")) == "cli.not_a_card"
    koudai.done("card", "block", card)
    assert code(koudai("card", "pay-code", card, "--json")) == "cards.blocked"

"""Physical cards through the command line: the printer's file, the storeroom, the till."""

import csv
import stat
from pathlib import Path
from typing import Any

import pytest

CHINESE = "zh_CN.UTF-8"


@pytest.fixture(scope="module")
def programme(koudai: Any) -> str:
    koudai.done("key", "create", "first")
    return str(koudai.done("programme", "create", "Gift", "--currency", "CNY", "--key", "p")["id"])


def sell(card: str, payment: str, *more: str) -> tuple[str, ...]:
    return (
        "stock", "sell", card, "--amount-minor", "5000", "--currency", "CNY", "--source", "cash", "--payment", payment,
        "--till", "two", "--clerk", "Chen", "--place", "shop 7", *more,
    )  # fmt: skip


def test_from_the_printer_to_the_till(koudai: Any, programme: str, tmp_path: Path) -> None:
    made = koudai.done(
        "stock", "create", "--programme", programme, "--count", "3", "--design", "春", "--by", "Li Na", "--key", "s"
    )
    file, other = tmp_path / "numbers.csv", tmp_path / "again.csv"
    wish = ("stock", "print", "--stock", made["id"], "--by", "printer", "--key", "print", "--out")
    assert koudai.done(*wish, str(file))["count"] == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    numbers = [row["gan"] for row in csv.DictReader(file.open(encoding="utf-8"))]
    again = koudai(*wish, str(other), "--json")
    assert (again.status, again.error()["code"]) == (1, "cli.printed_before")
    assert not other.exists()
    assert koudai(*wish, str(file), "--json").error()["code"] == "cli.file_exists"
    assert len(file.read_text(encoding="utf-8").splitlines()) == 4
    koudai.done("stock", "receive", "--stock", made["id"], "--place", "shop 7", "--by", "Wu")
    sold = koudai.done(*sell(numbers[0], "slip 1"))
    assert (sold["type"], sold["balance_minor"]) == ("LOAD", 5_000)
    unpaid = koudai(*sell(numbers[1], "slip 1"), "--json")
    assert (unpaid.status, unpaid.error()["code"]) == (1, "cards.payment_used")
    late = koudai("stock", "call-off", numbers[0], "--by", "hotline", "--json")
    assert late.error()["code"] == "cards.too_late"
    shown = koudai.done("stock", "show", made["id"])
    torn = shown["cards"][2]["id"]
    koudai.done("stock", "write-off", "--card", torn, "--reason", "torn", "--by", "Wu")
    (listed,) = koudai.done("stock", "list")["data"]
    assert {(one["state"], one["place"]): one["count"] for one in listed["counts"]} == {
        ("ACTIVE", "shop 7"): 1, ("IN_STOCK", "shop 7"): 1, ("WRITTEN_OFF", "shop 7"): 1,
    }  # fmt: skip
    assert [(one["step"], one["given_to"]) for one in listed["steps"]] == [
        ("PRINT", "printer"), ("RECEIVE", None), ("WRITE_OFF", None),
    ]  # fmt: skip
    told = koudai("stock", "show", made["id"], language=CHINESE).out
    assert "卡号领取人" in told
    assert "slip 1" in told
    assert numbers[0] not in told
    assert "shop 7" in koudai("stock", "list").out


def test_a_sale_is_undone(koudai: Any, programme: str, tmp_path: Path) -> None:
    made = koudai.done("stock", "create", "--programme", programme, "--count", "2", "--design", "夏", "--by", "Li Na")
    koudai.done("stock", "print", "--stock", made["id"], "--by", "printer", "--out", str(tmp_path / "n.csv"))
    koudai.done("stock", "receive", "--stock", made["id"], "--place", "shop 7", "--by", "Wu")
    one, two = (card["id"] for card in koudai.done("stock", "show", made["id"])["cards"])
    koudai.done(*sell(one, "slip 9"))
    voided = koudai.done("stock", "void-sale", one, "--reason", "tricked", "--by", "fraud desk")
    assert (voided["type"], voided["amount_minor"], voided["balance_minor"]) == ("VOID_SALE", 5_000, 0)
    shown = koudai.done("stock", "show", made["id"])
    assert (shown["steps"][-1]["step"], shown["steps"][-1]["made_by"]) == ("VOID_SALE", "fraud desk")
    assert [(card["state"], card["voided_at"] is None) for card in shown["cards"]] == [
        ("WRITTEN_OFF", False), ("IN_STOCK", True),
    ]  # fmt: skip
    assert koudai(*sell(two, "slip 9"), "--json").error()["code"] == "cards.payment_refunded"
    assert "撤销时间" in koudai("stock", "show", made["id"], language=CHINESE).out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("write-off", "--reason", "r", "--by", "w"), "cli.stock_names"),
        (("write-off", "--stock", f"stck_{'0' * 32}", "--card", f"gftc_{'0' * 32}", "--reason", "r", "--by", "w"),
         "cli.stock_names"),
        (("receive", "--stock", f"stck_{'0' * 32}", "--by", "w"), "cli.place_names"),
        (("receive", "--stock", f"stck_{'0' * 32}", "--place", "p", "--by", "w"), "cards.unknown_stock"),
        (("show", f"stck_{'0' * 32}"), "cards.unknown_stock"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(koudai: Any, programme: str, words: tuple[str, ...], code: str) -> None:
    told = koudai("stock", *words, "--json")
    assert told.status != 0
    assert told.error()["code"] == code

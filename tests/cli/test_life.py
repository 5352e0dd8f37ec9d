"""Keys, programmes, merchants and cards through the command line, on a real database."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

CHINESE = "zh_CN.UTF-8"
UNKNOWN = "0" * 32


@pytest.fixture(scope="module")
def shop(koudai: Any) -> dict[str, str]:
    """A programme with caps, and a merchant."""
    koudai.done("key", "create", "first")
    programme = koudai.done(
        "programme", "create", "Gift", "--currency", "GBP", "--max-balance-minor", "50000", "--key", "p"
    )
    merchant = koudai.done("merchant", "add", "Shop [bold]口袋", "--currency", "GBP", "--key", "m")
    return {"programme": programme["id"], "merchant": merchant["id"]}


@pytest.fixture
def card(koudai: Any, shop: dict[str, str]) -> dict[str, str]:
    """A fresh card with its number."""
    (card,) = koudai.done("card", "issue", "--programme", shop["programme"])["cards"]
    return card


def load(koudai: Any, card: str, amount: int, *more: str) -> dict[str, Any]:
    return koudai.done(
        "card", "load", card, "--amount-minor", str(amount), "--currency", "GBP", "--source", "transfer", *more
    )


def test_a_card_is_split_into_new_ones(koudai: Any, card: dict[str, str]) -> None:
    load(koudai, card["id"], 1_000)
    wish = (
        "card",
        "split",
        card["id"],
        "--piece",
        "300",
        "--piece",
        "200",
        "--currency",
        "GBP",
        "--key",
        f"s{card['id']}",
    )
    made = koudai.done(*wish)
    assert (made["activity"]["amount_minor"], made["activity"]["balance_minor"]) == (500, 500)
    assert [c["balance"]["amount_minor"] for c in made["gift_cards"]] == [300, 200]
    assert koudai.done(*wish) == made
    shown = koudai.done("card", "show", made["gift_cards"][1]["id"])
    assert (shown["parent_id"], shown["root_id"], shown["last4"]) == (
        card["id"], card["id"], made["gift_cards"][1]["gan"][-4:]
    )  # fmt: skip
    assert "卡号" in koudai(*wish, language=CHINESE).out
    refused = koudai("card", "split", card["id"], "--piece", "501", "--currency", "GBP", "--json")
    assert (refused.status, refused.error()["code"]) == (1, "cards.insufficient_balance")


def test_a_card_is_replaced_given_and_claimed(koudai: Any, card: dict[str, str], tmp_path: Path) -> None:
    load(koudai, card["id"], 1_000)
    made = koudai.done("card", "replace", card["id"], "--reason", "lost")
    new = made["gift_card"]
    assert (new["balance"]["amount_minor"], new["parent_id"], len(new["gan"])) == (1_000, card["id"], 19)
    given = koudai.done("gift", "give", new["id"], "--greeting", "Hello", "--from", "Ann")
    assert given["path"] == f"/g/{given['id']}#{given['token']}"
    assert koudai.done("gift", "withdraw", given["id"])["type"] == "GIFT_RETURN"
    picture = tmp_path / "gift.png"
    given = koudai.done("gift", "give", new["id"], "--link-base", "https://gifts.example.org", "--qr", str(picture))
    assert given["link"] == f"https://gifts.example.org{given['path']}"
    (read,) = zxingcpp.read_barcodes(Image.open(picture).convert("L"))
    assert read.text == given["link"]
    refused = koudai("gift", "claim", given["id"], "--token", "wrong", "--json")
    assert (refused.status, refused.error()["left_count"]) == (1, 4)
    mine = koudai.done("gift", "claim", given["id"], "--token", given["token"])
    assert (mine["balance"]["amount_minor"], len(mine["gan"])) == (1_000, 19)
    shown = koudai.done("gift", "show", given["id"])
    listed = koudai.done("gift", "list")
    assert (listed["data"][-1], listed["next"]) == (shown, None)
    first = koudai.done("gift", "list", "--limit", "1")["next"]
    assert f"--from {first}" in koudai("gift", "list", "--limit", "1").err
    assert (shown["state"], "token" in shown) == ("CLAIMED", False)
    assert koudai.done("gift", "sweep") == {"returned": 0, "words_forgotten": 0}
    assert "0 笔转赠已退回" in koudai("gift", "sweep", language=CHINESE).out


def test_an_issuer_is_made_with_its_first_key_only(koudai: Any) -> None:
    told = koudai("programme", "list", "--issuer", "nobody", "--json")
    assert told.status == 1
    assert told.error()["code"] == "cli.unknown_issuer"
    assert "koudai key create NAME --issuer nobody --mode test" in told.error()["detail"]
    assert "没有" in koudai("programme", "list", "--issuer", "nobody", language=CHINESE).err


def test_the_life_of_a_key(koudai: Any) -> None:
    made = koudai.done(
        "key", "create", "till 收银", "--scope", "cards:read", "--scope", "cards:redeem", "--issuer", "i"
    )
    assert made["token"].startswith(f"kd_test_{made['id']}")
    assert made["scopes"] == ["cards:read", "cards:redeem"]
    live = koudai.done("key", "create", "till", "--mode", "live", "--issuer", "i")
    assert live["token"].startswith("kd_live_")
    assert len(live["scopes"]) > 5

    rotated = koudai.done("key", "rotate", made["id"], "--overlap-hours", "0")
    assert rotated["replaces"] == made["id"]
    assert rotated["scopes"] == made["scopes"]
    assert rotated["name"] == "till 收银"
    assert rotated["token"] != made["token"]

    assert koudai.done("key", "revoke", live["id"]) == {"id": live["id"], "revoked": True}
    keys = {key["id"]: key for key in koudai.done("key", "list")["data"]}
    assert keys[made["id"]]["in_force"] is False
    assert keys[made["id"]]["expires_at"] == rotated["replaced_ends_at"]
    assert keys[rotated["id"]]["in_force"] is True
    assert keys[live["id"]]["revoked_at"]
    shown = koudai("key", "list").out
    assert "till 收银" in shown
    assert not any(key["token"] in shown for key in (made, live, rotated))

    told = koudai("key", "revoke", live["id"], "--json")
    assert (told.status, told.error()["code"]) == (1, "identity.key_unknown")
    assert koudai("key", "rotate", "ffff").status == 1


def test_programmes_and_merchants(koudai: Any, shop: dict[str, str]) -> None:
    again = koudai.done(
        "programme", "create", "Gift", "--currency", "GBP", "--max-balance-minor", "50000", "--key", "p"
    )
    assert again["id"] == shop["programme"]
    told = koudai("programme", "create", "Gift", "--currency", "CNY", "--key", "p", "--json")
    assert (told.status, told.error()["code"], told.error()["field"]) == (1, "ledger.key_reused", "currency")
    assert [one["id"] for one in koudai.done("programme", "list")["data"]] == [shop["programme"]]
    assert "500.00 GBP" in koudai("programme", "list").out

    assert [one["id"] for one in koudai.done("merchant", "list")["data"]] == [shop["merchant"]]
    assert "Shop [bold]口袋" in koudai("merchant", "list").out
    assert koudai.done("merchant", "show", shop["merchant"])["name"] == "Shop [bold]口袋"
    assert "商户" not in koudai("merchant", "show", f"mrch_{UNKNOWN}").err
    assert koudai("merchant", "show", f"mrch_{UNKNOWN}", "--json").error()["code"] == "cards.unknown_merchant"


def test_the_life_of_a_card(koudai: Any, shop: dict[str, str], card: dict[str, str]) -> None:
    merchant, amount = ("--merchant", shop["merchant"]), ("--currency", "GBP", "--amount-minor")
    assert load(koudai, card["id"], 12345, "--key", "l1")["balance_minor"] == 12345
    assert load(koudai, card["id"], 12345, "--key", "l1")["balance_minor"] == 12345

    paid = koudai.done("card", "redeem", "-", *merchant, *amount, "345", stdin=card["gan"] + "\n")
    assert (paid["balance_minor"], paid["merchant_id"]) == (12000, shop["merchant"])
    part = koudai.done("card", "redeem", card["gan"], *merchant, *amount, "99999", "--partial", "--key", "r2")
    assert (part["amount_minor"], part["balance_minor"]) == (12000, 0)
    back = koudai.done("card", "refund", "--redemption", paid["id"], *amount, "45")
    assert (back["type"], back["redemption_id"], back["balance_minor"]) == ("REFUND", paid["id"], 45)
    back = koudai.done("card", "refund", card["id"], *merchant, *amount, "55")
    assert back["redemption_id"] == part["id"]
    told = koudai("card", "reverse", "--redemption-key", "r2", "--json")
    assert (told.status, told.error()["code"]) == (1, "cards.already_refunded")
    quick = koudai.done("card", "redeem", card["id"], *merchant, *amount, "100")
    assert koudai.done("card", "reverse", "--redemption", quick["id"])["balance_minor"] == 100

    koudai.done("card", "block", card["id"])
    told = koudai.run("card", "redeem", card["id"], *merchant, *amount, "1", language=CHINESE)
    assert (told.status, told.out) == (1, "")
    assert told.err.splitlines()[-1] == "koudai: 该卡已冻结，请先解冻。 [cards.blocked]"
    koudai.done("card", "unblock", card["id"])

    shown = koudai.done("card", "show", card["gan"])
    assert shown["balance"] == {"amount_minor": 100, "currency": "GBP"}
    assert shown["last4"] == card["gan"][-4:]
    first = koudai.done("card", "activities", card["id"], "--limit", "3")
    assert [entry["type"] for entry in first["data"]] == ["UNBLOCK", "BLOCK", "REVERSAL"]
    rest = koudai.done("card", "activities", card["id"], "--from", first["next"])
    assert [entry["type"] for entry in rest["data"]] == [
        "REDEEM", "REFUND", "REFUND", "REDEEM", "REDEEM", "LOAD", "ACTIVATE",
    ]  # fmt: skip
    assert rest["next"] is None
    table = koudai("card", "activities", card["id"], language=CHINESE).out
    assert "余额" in table
    assert "123.45 GBP" in table
    assert card["gan"] not in table
    assert "122.45 GBP" in koudai("merchant", "list").out


def test_refusals_are_exit_1_with_their_figures(koudai: Any, shop: dict[str, str], card: dict[str, str]) -> None:
    redeem = ("card", "redeem", card["id"], "--merchant", shop["merchant"], "--amount-minor", "5", "--currency")
    told = koudai(*redeem, "GBP", "--key", "poor", "--json")
    assert told.status == 1
    error = told.error()
    assert error["code"] == "cards.insufficient_balance"
    assert (error["available_minor"], error["amount_minor"], error["idempotency_key"]) == (0, 5, "poor")
    assert koudai(*redeem, "CNY", "--json").error()["code"] == "cards.currency_mismatch"
    told = koudai(
        "card", "load", card["id"], "--amount-minor", "50001", "--currency", "GBP", "--source", "cash", "--json"
    )
    assert told.error()["code"] == "cards.balance_cap_exceeded"
    for arguments in (
        ("card", "show", f"gftc_{UNKNOWN}"),
        ("card", "block", f"gftc_{UNKNOWN}"),
        ("card", "show", card["id"], "--mode", "live", "--issuer", "i"),
        ("card", "show", card["gan"], "--mode", "live", "--issuer", "i"),
    ):
        told = koudai(*arguments, "--json")
        assert (told.status, told.error()["code"]) == (1, "cards.unknown_card"), arguments


def test_a_pending_card_is_activated(koudai: Any, shop: dict[str, str]) -> None:
    issue = ("card", "issue", "--programme", shop["programme"], "--pending", "--holder", "客户 7")
    (card,) = koudai.done(*issue)["cards"]
    assert koudai.done("card", "show", card["id"])["holder_ref"] == "客户 7"
    assert koudai.done("card", "show", card["id"])["state"] == "PENDING"
    assert koudai.done("card", "activate", card["id"])["type"] == "ACTIVATE"
    assert koudai.done("card", "show", card["id"])["state"] == "ACTIVE"


def test_many_cards_into_a_file(koudai: Any, shop: dict[str, str], tmp_path: Path) -> None:
    order = ("card", "issue", "--programme", shop["programme"], "--count", "2500", "--key", "order")
    told = koudai.run(*order, "--out", str(tmp_path / "cards.csv"), "--json")
    assert told.json()["issued"] == 2500
    assert "2,500/2,500" in told.err
    assert stat.S_IMODE((tmp_path / "cards.csv").stat().st_mode) == 0o600
    cards = list(csv.DictReader((tmp_path / "cards.csv").open(encoding="utf-8")))
    assert len({card["gan"] for card in cards}) == 2500
    assert [card["idempotency_key"] for card in cards] == [f"order/{n}" for n in range(1, 2501)]

    # The same key answers the same cards, whatever the form.
    again = koudai(*order, "--format", "jsonl")
    assert [json.loads(line) for line in again.out.splitlines()] == cards
    some = koudai("card", "issue", "--programme", shop["programme"], "--count", "3", "--key", "order")
    assert list(csv.DictReader(io.StringIO(some.out))) == cards[:3]

    told = koudai(*order, "--holder", "x", "--out", str(tmp_path / "none.csv"), "--json")
    assert (told.status, told.error()["code"], told.error()["field"]) == (1, "ledger.key_reused", "holder_ref")
    assert not (tmp_path / "none.csv").exists()
    told = koudai("card", "issue", "--programme", f"prgm_{UNKNOWN}", "--json")
    assert told.error()["code"] == "cards.unknown_programme"


def test_the_life_of_a_hold(koudai: Any, shop: dict[str, str], card: dict[str, str]) -> None:
    merchant, amount = ("--merchant", shop["merchant"]), ("--currency", "GBP", "--amount-minor")
    load(koudai, card["id"], 1_000, "--device", "kiosk")
    hold = koudai.done("card", "authorise", card["gan"], *merchant, *amount, "600", "--ttl", "1d12h", "--key", "h")
    assert (hold["type"], hold["balance_minor"], hold["held_minor"]) == ("AUTHORISE", 1_000, 600)
    again = ("card", "authorise", card["gan"], *merchant, *amount, "600", "--ttl", "36h", "--key", "h")
    assert koudai.done(*again)["id"] == hold["id"]
    shown = koudai.done("card", "show", card["id"])
    assert (shown["balance"]["amount_minor"], shown["held_minor"], shown["available_minor"]) == (1_000, 600, 400)
    told = koudai("card", "show", card["id"], language=CHINESE).out
    assert [line.split()[-2:] for line in told.splitlines() if "GBP" in line] == [
        ["10.00", "GBP"], ["6.00", "GBP"], ["4.00", "GBP"],
    ]  # fmt: skip
    assert "预授权占用" in told
    assert "可用余额" in told
    poor = koudai("card", "redeem", card["id"], *merchant, *amount, "401", "--json")
    assert (poor.status, poor.error()["available_minor"]) == (1, 400)

    part = koudai.done("card", "capture", "--hold", hold["id"], "--amount-minor", "100")
    assert (part["type"], part["hold_id"], part["balance_minor"]) == ("CAPTURE", hold["id"], 900)
    told = koudai("card", "void", "--hold", hold["id"], "--json")
    assert (told.status, told.error()["code"], told.error()["captured_minor"]) == (1, "cards.hold_captured", 100)
    koudai.done("card", "capture", "--hold", hold["id"], "--amount-minor", "0", "--final")
    assert koudai.done("card", "show", card["id"])["available_minor"] == 900

    for value in ("50", "2000"):
        koudai.done("card", "authorise", card["id"], *merchant, *amount, value, "--partial", "--group", "table 4")
    assert koudai.done("card", "show", card["id"])["available_minor"] == 0
    assert koudai.done("card", "void", "--group", "table 4")["type"] == "VOID"
    assert koudai.done("card", "show", card["id"])["held_minor"] == 0
    told = koudai("card", "capture", "--group", "table 4", "--json")
    assert told.error()["code"] == "cards.hold_closed"


def test_a_programme_with_limits(koudai: Any, shop: dict[str, str]) -> None:
    day, hour = "redeem holder day max=2000000 count=1", "redeem card+device rolling window=1h max=500"
    make = ("programme", "create", "Limited", "--currency", "GBP", "--limit", day, "--limit", hour, "--key", "limited")
    made = koudai.done(*make, "--draw-order", "in_proportion")
    assert (made["draw_order"], made["limits"]) == (
        "in_proportion",
        [
            {"subjects": ["holder"], "flow": "redeem", "per": "day", "max_minor": 2_000_000, "max_count": 1},
            {"subjects": ["card", "device"], "flow": "redeem", "per": "rolling", "window_s": 3_600, "max_minor": 500},
        ],
    )
    assert {**koudai.done("programme", "list")["data"][-1], "idempotency_key": "limited"} == made
    shown = koudai(*make, "--draw-order", "in_proportion").out
    assert f"{day}; redeem card+device rolling window=3600s max=500" in shown
    told = koudai(*make, "--json")
    assert (told.status, told.error()["field"]) == (1, "draw_order")

    issue = ("card", "issue", "--programme", made["id"], "--holder", "li na")
    (card,) = koudai.done(*issue)["cards"]
    load(koudai, card["id"], 5_000)
    pay = ("card", "redeem", card["id"], "--merchant", shop["merchant"], "--currency", "GBP", "--amount-minor")
    told = koudai(*pay, "501", "--device", "till 1", "--json")
    assert (told.error()["code"], told.error()["left_minor"]) == ("ledger.limit_exceeded", 500)
    koudai.done(*pay, "500", "--device", "till 1")
    told = koudai(*pay, "1", language=CHINESE)
    assert told.status == 1
    assert "超过限次 redeem.holder.day：可用 1 次，当前剩余 0 次。重置时间：" in told.err


def test_a_test_clock_is_moved_and_a_live_one_never(koudai: Any) -> None:
    koudai.done("key", "create", "sandbox", "--issuer", "clocked")
    koudai.done("key", "create", "till", "--issuer", "clocked", "--mode", "live")
    at = ("--issuer", "clocked")
    assert koudai.done("clock", "show", *at)["mode"] == "test"
    moved = koudai.done("clock", "advance", "--to", "2199-01-31T00:00:00+08:00", *at)
    assert moved == {"issuer": "clocked", "mode": "test", "now_at": "2199-01-30T16:00:00Z"}
    assert koudai.done("clock", "advance", "--by", "1d12h", *at)["now_at"] == "2199-02-01T04:00:00Z"
    assert "2199-02-01T04:00:00Z" in koudai("clock", "show", *at, language=CHINESE).out
    told = koudai("clock", "advance", "--to", "2199-01-01T00:00:00Z", *at, "--json")
    assert (told.status, told.error()["code"]) == (1, "identity.clock_out_of_range")
    for command in (("show",), ("advance", "--by", "1d")):
        told = koudai("clock", *command, *at, "--mode", "live", "--json")
        assert (told.status, told.error()["code"]) == (1, "identity.live_clock")
    assert koudai("clock", "show", "--issuer", "nobody", "--json").error()["code"] == "cli.unknown_issuer"


def test_numbers_are_not_shown_after_a_quarter_of_an_hour(koudai: Any, shop: dict[str, str]) -> None:
    issue = ("card", "issue", "--programme", shop["programme"], "--key", "late")
    koudai.done(*issue)
    koudai.as_superuser("UPDATE ledger.batches SET recorded_at = recorded_at - interval '16 minutes'")
    told = koudai(*issue, "--json")
    assert told.json()["cards"][0]["gan"] is None
    assert "15 minutes" in told.err


def test_a_load_says_who_paid(koudai: Any, card: dict[str, str]) -> None:
    money = ("--amount-minor", "100", "--currency", "GBP", "--source", "debit", "--key", "paid by tom")
    koudai.done("card", "load", card["id"], *money, "--payer", "tom")
    other = koudai("card", "load", card["id"], *money, "--payer", "ann", "--json")
    assert (other.status, other.error()["code"], other.error()["field"]) == (1, "ledger.key_reused", "payer")

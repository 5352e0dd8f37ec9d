"""`koudai ledger`: accounts, balances and transfers, in pages."""

from typing import Any

import pytest

CHINESE = "zh_CN.UTF-8"


@pytest.fixture(scope="module")
def shop(koudai: Any) -> dict[str, Any]:
    """Two cards and a merchant, on which a few things happened."""
    koudai.done("key", "create", "first")
    koudai.done("key", "create", "other", "--issuer", "other")
    programme = koudai.done("programme", "create", "Gift", "--currency", "GBP")["id"]
    merchant = koudai.done("merchant", "add", "Shop", "--currency", "GBP")["id"]
    cards = [one["id"] for one in koudai.done("card", "issue", "--programme", programme, "--count", "2")["cards"]]
    load = ("--amount-minor", "500", "--currency", "GBP", "--source")
    koudai.done("card", "load", cards[0], *load, "cash")
    koudai.done("card", "load", cards[0], *load, "bonus")
    koudai.done("card", "load", cards[1], *load, "cash")
    koudai.done(
        "card", "redeem", cards[0], "--merchant", merchant, "--amount-minor", "700", "--currency", "GBP", "--key", "pay"
    )
    return {"merchant": merchant, "cards": cards}


def all_of(koudai: Any, *arguments: str) -> list[dict[str, Any]]:
    """What all pages of a listing hold."""
    found: list[dict[str, Any]] = []
    more: tuple[str, ...] = ()
    while True:
        page = koudai.done("ledger", *arguments, *more)
        found += page["data"]
        if page["next_cursor"] is None:
            return found
        more = ("--after", page["next_cursor"])


def test_transfers(koudai: Any, shop: dict[str, Any]) -> None:
    found = all_of(koudai, "transfers", "--limit", "2")
    assert [(one["kind"], one["amount_minor"]) for one in found] == [
        ("load", 500), ("load", 500), ("load", 500), ("redeem", 500), ("redeem", 200),
    ]  # fmt: skip
    assert found[3]["entry"] == found[4]["entry"] == f"{found[3]['batch_id']}/{found[3]['ordinal']}"
    assert all_of(koudai, "transfers") == found
    assert all_of(koudai, "transfers", "--account", shop["cards"][1]) == [found[2]]
    account = str(found[3]["credit_account"])
    assert all_of(koudai, "transfers", "--account", account) == found[3:]
    assert all_of(koudai, "transfers", "--account", shop["merchant"], "--limit", "1") == found[3:]
    assert all_of(koudai, "transfers", "--issuer", "other") == []
    assert all_of(koudai, "transfers", "--after", "cur_" + "0" * 32) == []
    shown = koudai("ledger", "transfers", "--limit", "2", language=CHINESE)
    assert "5.00 GBP" in shown.out
    assert "--after cur_" in shown.err
    for wrong, code, status in (
        ("99999", "ledger.unknown_account", 1),
        ("mrch_" + "0" * 32, "ledger.unknown_account", 1),
        ("gftc_" + "0" * 32, "ledger.unknown_account", 1),
        (str(2**63), "cli.not_an_account", 2),
        ("gact_" + "0" * 32, "cli.not_an_account", 2),
    ):
        told = koudai("ledger", "transfers", "--account", wrong, "--json")
        assert (told.status, told.error()["code"]) == (status, code), wrong


def test_accounts_and_balances(koudai: Any, shop: dict[str, Any]) -> None:
    found = all_of(koudai, "accounts", "--limit", "3")
    assert sum(one["balance_minor"] for one in found) == 0
    cards = all_of(koudai, "accounts", "--kind", "card")
    assert [(one["balance_minor"], one["constrained"]) for one in cards] == [(300, True), (500, True)]
    assert all(one in found for one in cards)
    assert all_of(koudai, "accounts", "--issuer", "other") == []
    assert "7.00 GBP" in koudai("ledger", "accounts").out

    held = koudai.done("ledger", "balance", shop["cards"][0])
    assert (held["balance_minor"], held["held_minor"], held["available_minor"]) == (300, 0, 300)
    assert [(lot["amount_minor"], lot["source"]) for lot in held["lots"]] == [(300, "cash")]
    assert koudai.done("ledger", "balance", str(held["account"])) == held
    merchant = koudai.done("ledger", "balance", shop["merchant"])
    assert (merchant["balance_minor"], merchant["available_minor"], merchant["lots"]) == (700, 700, None)
    assert "3.00 GBP" in koudai("ledger", "balance", shop["cards"][0]).out
    assert "7.00 GBP" in koudai("ledger", "balance", shop["merchant"], language=CHINESE).out
    for wrong, more in (
        ("99999", ()),
        (shop["cards"][0], ("--issuer", "other")),
        (shop["merchant"], ("--issuer", "other")),
    ):
        told = koudai("ledger", "balance", wrong, *more, "--json")
        assert (told.status, told.error()["code"]) == (1, "ledger.unknown_account")
    loads = koudai.done("ledger", "transfers", "--account", shop["cards"][0])["data"]
    then = koudai.done("ledger", "balance", shop["cards"][0], "--known-at", loads[0]["recorded_at"])
    assert (then["balance_minor"], [lot["amount_minor"] for lot in then["lots"]]) == (500, [500])
    assert koudai.done("ledger", "balance", shop["cards"][0], "--as-of", "2020-01-01T00:00:00Z")["balance_minor"] == 0
    assert "5.00 GBP" in koudai("ledger", "balance", shop["cards"][0], "--known-at", loads[0]["recorded_at"]).out
    told = koudai("ledger", "balance", shop["cards"][0], "--as-of", "yesterday", "--json")
    assert (told.status, told.error()["code"]) == (2, "cli.not_a_time")


def test_where_value_came_from(koudai: Any, shop: dict[str, Any]) -> None:
    def cash(card: str, since: str) -> dict[str, Any]:
        found: dict[str, Any] = koudai.done("ledger", "tainted", card, "--source", "cash", "--since", since)
        return found

    found = cash(shop["cards"][0], "2020-01-01T00:00:00Z")
    assert (found["amount_minor"], found["balance_minor"], found["currency"]) == (300, 300, "GBP")
    assert cash(shop["cards"][0], "2100-01-01T00:00:00Z")["amount_minor"] == 0
    shown = koudai("ledger", "tainted", shop["cards"][1], "--source", "bonus", "--since", "2020-01-01T00:00:00Z")
    assert "0.00 GBP" in shown.out
    unknown = koudai("ledger", "tainted", "99999", "--source", "cash", "--since", "2020-01-01T00:00:00Z", "--json")
    assert unknown.error()["code"] == "ledger.unknown_account"


def test_a_statement_a_closed_period_and_alarms(koudai: Any, shop: dict[str, Any]) -> None:
    lines = all_of(koudai, "statement", shop["merchant"], "--limit", "1")
    assert [(one["kind"], one["amount_minor"], one["currency"]) for one in lines] == [
        ("redeem", 500, "GBP"), ("redeem", 200, "GBP"),
    ]  # fmt: skip
    assert all_of(koudai, "statement", shop["merchant"], "--until", "2020-01-01T00:00:00Z") == []
    card = all_of(koudai, "statement", shop["cards"][0])
    assert [one["amount_minor"] for one in card] == [500, 500, -500, -200]
    assert koudai.done("ledger", "close", "2020-01-01T00:00:00Z", "--by", "Wang")["closed_now"] is True
    assert koudai.done("ledger", "close", "2019-01-01T00:00:00Z", "--by", "Wang")["closed_now"] is False
    assert koudai.done("ledger", "roll") == {"left": 0, "indexed": 1}
    assert all_of(koudai, "statement", shop["merchant"], "--limit", "1") == lines
    assert koudai.done("ledger", "alarms") == {"data": [], "next_cursor": None}
    unknown = koudai("ledger", "clear-alarm", "7", "--by", "Wang", "--reason", "none", "--json")
    assert unknown.status != 0
    assert unknown.error()["code"] == "ledger.unknown_alarm"

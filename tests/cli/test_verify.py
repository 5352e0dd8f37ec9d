"""`koudai verify` on sound and on damaged books, and databases that don't answer."""

from typing import Any

import pytest


@pytest.fixture(scope="module")
def account(koudai: Any) -> int:
    """The account of a card with 5.00 GBP on it."""
    koudai.done("key", "create", "first")
    programme = koudai.done("programme", "create", "Gift", "--currency", "GBP")["id"]
    (card,) = koudai.done("card", "issue", "--programme", programme)["cards"]
    load = ("card", "load", card["id"], "--amount-minor", "500", "--currency", "GBP", "--source", "cash")
    koudai.done(*load)
    ((account,),) = koudai.as_superuser("SELECT id FROM ledger.accounts WHERE constrained")
    return int(account)


def test_sound_books(koudai: Any, account: int) -> None:
    told = koudai.run("verify", "--json")
    assert told.status == 0
    answer = told.json()
    assert answer["verified"] is True
    assert (answer["transfers"], answer["found"], answer["findings"]) == (1, 0, [])
    assert "The books hold: 1 transfers" in koudai("verify").out
    assert "账簿相符" in koudai("verify", language="zh_CN.UTF-8").out


def test_a_changed_balance_is_found_and_named(koudai: Any, account: int) -> None:
    koudai.as_superuser(
        f"UPDATE ledger.accounts SET balance_minor = balance_minor + 1, lots[2] = lots[2] + 1 WHERE id = {account}"
    )
    try:
        told = koudai("verify", "--json")
        assert told.status == 1
        answer = told.json()
        assert answer["verified"] is False
        assert answer["found"] == len(answer["findings"]) > 0
        named = {(finding["check"], finding["row"]) for finding in answer["findings"]}
        assert ("ledger.balance", f"ledger.accounts {account}") in named
        table = koudai("verify", language="zh_CN.UTF-8")
        assert table.status == 1
        assert f"ledger.accounts {account}" in table.out
        assert "账簿不符" in table.out
    finally:
        koudai.as_superuser(
            f"UPDATE ledger.accounts SET balance_minor = balance_minor - 1, lots[2] = lots[2] - 1 WHERE id = {account}"
        )
    assert koudai("verify").status == 0


GONE = [
    ("postgresql://koudai:secret@127.0.0.1:1/koudai", "pg.unavailable"),
    ("postgresql://koudai:secret@db.example.com/koudai?sslmode=disable", "pg.tls_required"),
    ("postgresql://koudai:secret@203.0.113.9/koudai?sslmode=prefer", "pg.tls_required"),
    ("postgresql://koudai:secret@[half/koudai", "pg.bad_url"),
]


@pytest.mark.parametrize(("url", "code"), GONE)
def test_a_database_that_cannot_be_used(koudai: Any, url: str, code: str) -> None:
    told = koudai("verify", "--json", KOUDAI_DATABASE_URL=url)
    assert told.status == 1
    assert told.error()["code"] == code
    assert "secret" not in told.out + told.err
    told = koudai.run("verify", language="zh_CN.UTF-8", KOUDAI_DATABASE_URL=url)
    assert (told.status, told.out) == (1, "")
    assert len(told.err.splitlines()) == 1
    assert told.err.startswith("koudai: ")
    assert told.err.endswith(f"[{code}]\n")
    found = koudai("doctor", "--json", KOUDAI_DATABASE_URL=url)
    assert found.status == 1
    assert code in {check["code"] for check in found.json()["checks"]}

"""`koudai proof`: what it writes can be checked by whoever has the key, and by nothing else of ours."""

import json
from pathlib import Path
from typing import Any

import pytest

CHINESE = "zh_CN.UTF-8"


@pytest.fixture(scope="module")
def paid(koudai: Any) -> dict[str, Any]:
    """A redemption from a card of two kinds of money, and a card that nothing was moved on."""
    koudai.done("key", "create", "first")
    koudai.done("key", "create", "live", "--mode", "live")
    programme = koudai.done("programme", "create", "Gift", "--currency", "GBP")["id"]
    merchant = koudai.done("merchant", "add", "Shop", "--currency", "GBP")["id"]
    (card,) = koudai.done("card", "issue", "--programme", programme)["cards"]
    for source in ("cash", "bonus"):
        koudai.done("card", "load", card["id"], "--amount-minor", "500", "--currency", "GBP", "--source", source)
    redeem = ("card", "redeem", card["id"], "--merchant", merchant, "--amount-minor", "700", "--currency", "GBP")
    activity = koudai.done(*redeem)
    block = koudai.done("card", "block", card["id"])
    return {"card": card["id"], "redemption": activity["id"], "block": block["id"]}


def test_receipts(koudai: Any, paid: dict[str, Any], tmp_path: Path) -> None:
    key, file = str(tmp_path / "issuer.key"), str(tmp_path / "receipt.txt")
    assert koudai("proof", "key", "--out", key).status == 0
    made = koudai.done("proof", "receipt", paid["redemption"], "--out", file)
    assert made["kind"] == "receipt"
    assert [leg["kind"] for leg in made["legs"]] == ["redeem", "redeem"]
    assert sum(leg["amount_minor"] for leg in made["legs"]) == 700
    text = Path(file).read_text(encoding="utf-8")
    place = f"{made['batch_id']}/{made['ordinal']}"
    assert koudai("proof", "receipt", place).out == text
    assert koudai("proof", "receipt", place, "--out", "-").out == text
    assert koudai.done("proof", "receipt", place)["text"] == text

    # The same again is no harm; another file is not overwritten.
    assert koudai("proof", "receipt", place, "--out", file).status == 0
    told = koudai("proof", "checkpoint", "--out", file, "--json")
    assert (told.status, told.error()["code"]) == (2, "cli.out_exists")
    assert Path(file).read_text(encoding="utf-8") == text
    told = koudai("proof", "checkpoint", "--out", str(tmp_path / "nowhere" / "x"), "--json")
    assert (told.status, told.error()["code"]) == (1, "cli.out_unwritable")

    for entry, more in ((paid["block"], ()), ("gact_" + "0" * 32, ()), ("999/1", ()), (place, ("--mode", "live"))):
        told = koudai("proof", "receipt", entry, *more, "--json")
        assert (told.status, told.error()["code"], told.error()["entry"]) == (1, "proof.no_entry", entry)
    for entry in ("7", "1/", f"{2**63}/1", f"1/{2**31}", paid["card"]):
        told = koudai("proof", "receipt", entry, "--json")
        assert (told.status, told.error()["code"]) == (2, "cli.not_an_entry"), entry

    told = koudai("proof", "check", file, "--key", key)
    assert (told.status, told.out.count("\n")) == (0, 1)
    assert "receipt holds: entry" in told.out


def test_the_log_and_its_growth(koudai: Any, paid: dict[str, Any], tmp_path: Path) -> None:
    size = koudai.done("proof", "checkpoint")["tree_size"]
    assert size == 3, "what moved no value has no leaf"
    koudai.done("card", "unblock", paid["card"])
    load = ("card", "load", paid["card"], "--amount-minor", "100", "--currency", "GBP", "--source", "cash")
    koudai.done(*load)
    grown, note = str(tmp_path / "grown.txt"), str(tmp_path / "note.txt")
    assert "grew from 3 to 4 batches" in koudai("proof", "consistency", "3", "4", "--out", grown).err
    assert "4" in koudai("proof", "checkpoint", "--out", note, language=CHINESE).err
    key = koudai.done("proof", "key")
    assert key["text"].startswith(f"{key['origin']}+")
    answer = koudai.done("proof", "check", grown, note, "--key", key["text"].strip())
    assert [one["kind"] for one in answer["files"]] == ["consistency", "checkpoint"]
    assert answer["holds"] is True
    told = koudai("proof", "consistency", "4", "5", "--json")
    assert (told.status, told.error()["code"], told.error()["size"]) == (1, "proof.no_such_size", 4)
    assert koudai("verify").status == 0


def test_a_check_opens_nothing_but_the_files(koudai: Any, paid: dict[str, Any], tmp_path: Path) -> None:
    receipt, key = koudai.done("proof", "receipt", paid["redemption"])["text"], koudai.done("proof", "key")["text"]
    good, bad, with_key = tmp_path / "good", tmp_path / "bad", tmp_path / "issuer.key"
    good.write_text(receipt, encoding="utf-8")
    bad.write_text(receipt.replace("entry-index 0", "entry-index 1"), encoding="utf-8")
    with_key.write_text(key, encoding="utf-8")
    # A home that isn't there, and a server that nobody answers at.
    elsewhere = {
        "KOUDAI_HOME": str(tmp_path / "home"), "KOUDAI_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "KOUDAI_KEYRING": str(tmp_path / "keyring.json"),
    }  # fmt: skip
    told = koudai("proof", "check", str(good), str(bad), "--key", str(with_key), "--json", **elsewhere)
    assert told.status == 1
    first, second = told.json()["files"]
    assert (first["holds"], first["kind"], first["batch_id"]) == (True, "receipt", first["batch_id"])
    assert (second["holds"], second["code"]) == (False, "proof.not_included")
    told = koudai("proof", "check", str(good), str(bad), "--key", str(with_key), language=CHINESE, **elsewhere)
    assert told.status == 1
    assert "成立" in told.out.splitlines()[0]
    assert "[proof.not_included]" in told.out.splitlines()[1]
    assert koudai("proof", "check", str(good), "--key", key.strip(), **elsewhere).status == 0
    assert koudai("proof", "check", str(good), str(tmp_path / "none"), "--key", key.strip(), **elsewhere).status == 2
    for wrong in (str(tmp_path / "none"), str(good), "a+b"):
        told = koudai("proof", "check", str(good), "--key", wrong, "--json", **elsewhere)
        assert told.status == 2
        assert told.error()["code"] in ("proof.bad_key", "proof.unreadable")
    assert koudai("proof", "check", "--key", key.strip(), "--json").error()["code"] == "cli.missing"
    assert not (tmp_path / "home").exists()


def test_what_was_changed_has_no_receipt(koudai: Any, paid: dict[str, Any], tmp_path: Path) -> None:
    made = koudai.done("proof", "receipt", paid["redemption"])
    at = f"WHERE batch_id = {made['batch_id']} AND ordinal = {made['ordinal']}"
    koudai.as_superuser(f"UPDATE ledger.transfers SET amount_minor = amount_minor + 1 {at}")
    try:
        told = koudai("proof", "receipt", paid["redemption"], "--json")
        assert (told.status, told.error()["code"]) == (1, "proof.broken")
        assert told.error()["row"] == f"ledger.seals {made['batch_id']}"
        assert json.dumps(told.error())
        assert "koudai verify" in koudai("proof", "receipt", paid["redemption"]).err
    finally:
        koudai.as_superuser(f"UPDATE ledger.transfers SET amount_minor = amount_minor - 1 {at}")
    assert koudai.done("proof", "receipt", paid["redemption"]) == made


def test_a_holder_can_check_that_his_balance_is_counted(koudai: Any, tmp_path: Path) -> None:
    """The issuer signs what it owes; the holder's part of it is checked without koudai's database."""
    koudai.done("key", "create", "reserve")
    programme = koudai.done("programme", "create", "Gift", "--currency", "JPY")["id"]
    cards = [one["id"] for one in koudai.done("card", "issue", "--programme", programme, "--count", "3")["cards"]]
    for card in cards[:2]:
        koudai.done("card", "load", card, "--amount-minor", "500", "--currency", "JPY", "--source", "cash")
    made = tmp_path / "reserve"
    koudai.done("proof", "reserve", "--currency", "JPY", "--out", str(made))
    assert (made / "holders.txt").stat().st_mode & 0o777 == 0o600
    key, mine = tmp_path / "key", tmp_path / "mine"
    koudai.done("proof", "key", "--out", str(key))
    koudai.done("proof", "reserve-of", cards[0], "--from", str(made), "--out", str(mine))
    checked = koudai("proof", "check", str(mine), str(made / "summary.txt"), "--key", str(key), "--json")
    assert checked.status == 0, checked
    told = koudai("proof", "reserve-of", cards[2], "--from", str(made), "--json")
    assert told.error()["code"] == "proof.not_counted"
    told = koudai("proof", "reserve-of", cards[0], "--from", str(tmp_path / "nowhere"), "--json")
    assert told.error()["code"] == "cli.in_unreadable"
    told = koudai("proof", "reserve", "--currency", "KWD", "--out", str(tmp_path / "none"), "--json")
    assert told.error()["code"] == "proof.nothing_owed"

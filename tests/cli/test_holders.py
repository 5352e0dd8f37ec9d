"""`koudai holder`, `koudai privacy` and `koudai vault`, on a real database."""

import json
from pathlib import Path
from typing import Any

import pytest

CHINESE = "zh_CN.UTF-8"
NUMBER = "11010519491231002X"
WANG = {"name": "王小明", "document_type": "resident_id", "document_number": NUMBER, "phone": "13800005678"}
UNKNOWN = "hldr_" + "0" * 32


@pytest.fixture(scope="module")
def wang(koudai: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registered person."""
    koudai.done("key", "create", "first")
    file = tmp_path_factory.mktemp("holders") / "wang.json"
    file.write_text(json.dumps(WANG))
    made = koudai.done("holder", "create", str(file), "--key", "wang")
    assert (made["level"], made["fields"]["name"], made["idempotency_key"]) == ("registered", "王*明", "wang")
    return str(made["id"])


def test_a_holder_is_read_from_standard_input_and_shown_masked(koudai: Any, wang: str) -> None:
    told = koudai("holder", "create", "-", stdin=json.dumps({"name": "李娜"}))
    assert told.status == 0
    assert "李*" in told.out
    assert "anonymous" in told.out
    shown = koudai("holder", "show", wang)
    assert "138****5678" in shown.out
    assert NUMBER not in shown.out
    assert "证件号码" in koudai("holder", "show", wang, language=CHINESE).out
    listed = koudai.done("holder", "list")["data"]
    assert [one["level"] for one in listed][:2] == ["registered", "anonymous"]
    assert "王*明" in koudai("holder", "list").out


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": 1}', '"王小明"', '{"nam": "王小明"}'])
def test_a_file_that_states_nothing_is_told_without_its_contents(koudai: Any, wang: str, text: str) -> None:
    told = koudai("holder", "create", "-", "--json", stdin=text)
    assert told.status == 2
    assert told.error()["code"] == "cli.not_details"
    assert "王" not in told.out
    assert koudai("holder", "create", "/nowhere", "--json").error()["reason"] == "FileNotFoundError"


def test_refusals(koudai: Any, wang: str) -> None:
    again = koudai("holder", "create", "-", "--json", stdin=json.dumps(WANG))
    assert again.error()["code"] == "holders.duplicate"
    wrong = koudai("holder", "create", "-", "--json", stdin=json.dumps({**WANG, "document_number": NUMBER[:-1] + "1"}))
    assert (wrong.status, wrong.error()["code"], NUMBER[:-1] in wrong.out) == (1, "holders.malformed", False)
    assert koudai("holder", "show", UNKNOWN, "--json").error()["code"] == "holders.unknown_holder"
    assert koudai("holder", "bind", UNKNOWN, "x", "--json").error()["code"] == "holders.unknown_holder"
    assert koudai("holder", "show", "gftc_" + "0" * 32, "--json").error()["code"] == "cli.not_an_id"


def test_the_life_of_a_holder(koudai: Any, wang: str) -> None:
    assert koudai.done("holder", "bind", wang, "phone")["devices"] == ["phone"]
    assert koudai.done("holder", "unbind", wang, "phone")["devices"] == []
    koudai.done("holder", "consent", wang, "marketing", "--text", "2026-11")
    (agreed,) = koudai.done("holder", "consents", wang)["data"]
    assert (agreed["purpose"], agreed["text_version"], agreed["withdrawn_at"]) == ("marketing", "2026-11", None)
    koudai.done("holder", "withdraw", wang, "marketing")
    assert koudai.done("holder", "consents", wang)["data"][0]["withdrawn_at"] >= agreed["given_at"]
    assert "撤回时间" in koudai("holder", "consents", wang, language=CHINESE).out
    assert koudai("holder", "consents", UNKNOWN, "--json").error()["code"] == "holders.unknown_holder"
    assert koudai.done("holder", "verify", wang)["level"] == "verified"
    assert "verified" in koudai("holder", "verify", wang).out
    found = koudai("holder", "find", "phone", "--json", stdin="138 0000 5678\n").json()["data"]
    assert [one["id"] for one in found] == [wang]
    changed = koudai("holder", "update", wang, "-", "--json", stdin=json.dumps({"email": "wang@example.com"})).json()
    assert (changed["level"], changed["fields"]["email"]) == ("verified", "w***@example.com")
    read = koudai.done("holder", "reveal", wang, "phone", "name", "--by", "zhang", "--reason", "complaint 1")
    assert read["fields"] == {"name": "王小明", "phone": "+8613800005678"}
    assert "王小明" in koudai("holder", "reveal", wang, "name", "--by", "zhang", "--reason", "again").out


def test_privacy(koudai: Any, wang: str) -> None:
    koudai("holder", "update", wang, "-", stdin=json.dumps({"email": "wang@example.com"}))
    exported = koudai("privacy", "export", wang, "--by", "wang").json()
    assert exported["fields"]["document_number"]["value"] == NUMBER
    assert exported["reveals"][-1]["revealed_to"] == "wang"
    erased = koudai.done("privacy", "erase", wang, "--ended-at", "2026-02-01T00:00:00+08:00")
    assert erased["fields"] == ["email", "devices"], "a binding that is over goes with any erasure"
    assert set(erased["kept"].values()) == {"2031-01-31T16:00:00Z"}
    refused = koudai("privacy", "erase", wang, "--ended-at", "2026-02-01T00:00:00+08:00", "--licensed")
    assert refused.status == 1
    assert "aml (反洗钱法 (2025) Art. 34) keeps" in refused.err
    assert "until 2036-01-31T16:00:00Z" in refused.err
    report = koudai.done("privacy", "report")
    assert {row["field"] for row in report["fields"]} >= {"name", "phone"}
    assert "document_number" in koudai("privacy", "report").out
    (other,) = [one["id"] for one in koudai.done("holder", "list")["data"] if one["fields"].get("name") == "李*"][
        :1
    ] or [koudai("holder", "create", "-", "--json", stdin=json.dumps({"name": "李娜"})).json()["id"]]
    told = koudai("privacy", "erase", other, "--ended-at", "2010-02-01T00:00:00+08:00", language=CHINESE)
    assert "已删除：name" in told.out


def test_privacy_reaches_the_words_of_gifts(koudai: Any, wang: str) -> None:
    programme = koudai.done("programme", "create", "Gifts", "--currency", "CNY")["id"]
    (made,) = koudai.done("card", "issue", "--programme", programme, "--holder", wang)["cards"]
    card = made["id"]
    koudai.done("card", "load", card, "--amount-minor", "100", "--currency", "CNY", "--source", "cash")
    given = koudai.done("gift", "give", card, "--greeting", "生日快乐", "--from", "Wang")
    assert {key["count"] for key in koudai.done("vault", "list")["data"]} == {
        sum(row["count"] for row in koudai.done("privacy", "report")["fields"])
    }, "the words are under the vault's key, as the fields are"
    told = koudai("privacy", "export", wang, "--by", "li").json()
    assert [(g["id"], g["greeting"], g["from_name"]) for g in told["gifts_given"]] == [
        (given["id"], "生日快乐", "Wang")
    ]
    erased = koudai("privacy", "erase", wang).out
    assert "gift_words" in erased
    shown = koudai.done("gift", "show", given["id"])
    assert (shown["state"], shown["greeting"], shown["from_name"]) == ("OFFERED", None, None)
    koudai.done("gift", "withdraw", given["id"])
    koudai.done("gift", "give", card, "--greeting", "Hello")


def test_vault_keys_are_changed(koudai: Any, wang: str) -> None:
    (first,) = koudai.done("vault", "list")["data"]
    assert (first["state"], first["count"] > 0) == ("current", True)
    added = koudai.done("vault", "add")
    assert added["path"] == str(koudai.home / "keyring.json")
    assert koudai("vault", "retire", "--json").json() == {"retired": []}
    rotated = koudai.done("vault", "rotate")
    assert rotated == {"id": added["id"], "resealed": first["count"]}
    assert koudai.done("vault", "rotate")["resealed"] == 0
    assert "rotated" not in koudai("vault", "list").out
    told = koudai("vault", "retire")
    assert first["id"] in told.out
    assert "Backups" in told.err
    states = {key["id"]: (key["state"], key["count"]) for key in koudai.done("vault", "list")["data"]}
    assert states == {first["id"]: ("retired", 0), added["id"]: ("current", first["count"])}
    assert koudai.done("vault", "rotate", KOUDAI_SUITE="gm")["resealed"] == first["count"]
    assert "王*明" in koudai("holder", "show", wang).out
    second = koudai.done("vault", "add")["id"]
    koudai.done("vault", "rotate")
    koudai.done("vault", "retire")
    names = [name for name in json.loads(Path(koudai.home / "keyring.json").read_text()) if name.startswith("vault")]
    assert names == ["vault-2"], "the file has the present key, and not the one before"
    assert koudai.done("vault", "list")["data"][-1]["id"] == second
    assert koudai("verify").status == 0
    wrong = koudai("holder", "list", "--json", KOUDAI_SUITE="rot13")
    assert (wrong.status, wrong.error()["code"]) == (1, "identity.suite_unknown")

"""Programmes at the command line: checked, compared, put, launched; in both languages."""

import json

import pytest

from koudai.cli import run_cli, words
from tests.cli.test_bad_input import PARTS

GOOD = """\
name: tea
titles: {en: Tea card, zh: 茶卡}
effective_on: 2199-01-01
currency: CNY
class: single_purpose
policy: {pack: cn-single-purpose}
kinds:
  registered: {max_balance_minor: 500000}
number_prefix: "990009"
funding: [cash, transfer]
scenarios: {dining: restaurant}
"""


@pytest.fixture
def say(capfd, monkeypatch):
    """Run a command that opens no database; its status and what it printed."""

    def run(*arguments, language="C"):
        monkeypatch.setenv("LC_ALL", language)
        words.language.cache_clear()
        status = run_cli(arguments, PARTS)
        return status, capfd.readouterr()

    yield run
    words.language.cache_clear()


@pytest.fixture
def draft(tmp_path):
    """Write a document; its path as text."""

    def write(text, name="tea.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_each_mistake_stands_on_a_line_that_editors_read(say, draft):
    file = draft(GOOD.replace("CNY", "YUA") + "pin: required\n")
    status, said = say("programme", "check", file)
    assert status == 1
    assert said.out.splitlines() == [
        f"{file}:4:1: currency: There is no currency YUA. Give its code of ISO 4217 in capitals, such as CNY.",
        f"{file}:12:1: pin: A PIN needs a carrier to be told with, and cards here are bare codes. Declare a carrier, or no PIN.",
    ]
    status, said = say("programme", "check", file, language="zh_CN.UTF-8")
    assert status == 1
    assert said.out.splitlines()[0] == f"{file}:4:1: currency: 没有币种 YUA。请给出 ISO 4217 大写代码，如 CNY。"


def test_a_mistake_as_json(say, draft):
    file = draft(GOOD.replace("CNY", "YUA"))
    status, said = say("programme", "check", file, "--json")
    told = json.loads(said.out)
    assert (status, told["valid"], told["declared"]) == (1, False, {})
    (mistake,) = told["mistakes"]
    assert mistake.pop("detail").startswith("There is no currency YUA")
    assert mistake == {
        "code": "programmes.unknown_currency", "path": "currency", "line": 4, "column": 1, "facts": {"currency": "YUA"},
    }  # fmt: skip


def test_a_good_document_tells_what_it_declares(say, draft):
    status, said = say("programme", "check", draft(GOOD))
    assert status == 0
    assert "kinds.registered.max_balance_minor   5,000.00 CNY" in said.out
    assert "withdrawal" not in said.out, "what is not offered is not declared"
    status, said = say("programme", "check", "xiaokoudai-source", "--json")
    declared = json.loads(said.out)["declared"]
    assert (status, declared["withdrawal.fee_bps"], declared["kinds.bearer.max_balance_minor"]) == (0, 150, 5_000_000)


def test_a_diff_says_which_way_each_figure_goes(say, draft):
    other = GOOD.replace("500000", "400000").replace("[cash, transfer]", "[cash, transfer, debit]")
    one, two = draft(GOOD), draft(other, "other.yaml")
    status, said = say("programme", "diff", one, two)
    assert status == 0
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "kinds.registered.max_balance_minor changes tightens 5,000.00 CNY 4,000.00 CNY" in lines
    assert "funding[debit] appears loosens debit" in lines
    _, said = say("programme", "diff", one, two, language="zh_CN.UTF-8")
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "kinds.registered.max_balance_minor 变更 收紧 5,000.00 CNY 4,000.00 CNY" in lines
    _, said = say("programme", "diff", one, two, "--json")
    assert json.loads(said.out)["changes"][1] == {
        "path": "funding[debit]", "happened": "appears", "effect": "loosens", "before": None, "after": "debit",
    }  # fmt: skip
    assert say("programme", "diff", one, one)[1].out == "They declare the same.\n"


def test_a_diff_of_a_bad_document_tells_its_mistakes(say, draft):
    status, said = say("programme", "diff", "phone-shop", draft(GOOD.replace("CNY", "YUA")))
    assert status == 1
    assert ":4:1: currency:" in said.out


def test_what_is_shipped_is_listed_and_printed(say):
    status, said = say("programme", "shipped")
    assert status == 0
    assert "手机商城充值卡" not in said.out
    assert "Phone shop card" in said.out
    assert "手机商城充值卡" in say("programme", "shipped", language="zh_CN.UTF-8")[1].out
    assert json.loads(say("programme", "shipped", "--json")[1].out)["data"][0]["name"] == "city-grocer"
    assert say("programme", "shipped", "phone-shop")[1].out.startswith("# A phone maker's own card")
    assert json.loads(say("programme", "shipped", "generic", "--json")[1].out)["name"] == "generic"


@pytest.mark.parametrize(
    ("arguments"), [("check", "nowhere.yaml"), ("shipped", "nothing"), ("diff", "phone-shop", "nowhere.yaml")]
)
def test_what_is_not_there_is_said(say, arguments):
    status, said = say("programme", *arguments)
    assert status == 1
    assert said.err.strip().endswith("[programmes.unreadable]")


def test_a_file_that_is_no_text_is_said(say, tmp_path):
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    status, said = say("programme", "check", str(path))
    assert (status, "programmes.unreadable" in said.err) == (1, True)


def test_from_a_document_to_a_live_programme(koudai, tmp_path):
    koudai.done("key", "create", "till")
    made = koudai.done("programme", "create", "Tea", "--currency", "CNY", "--number-prefix", "990009")["id"]
    file = tmp_path / "tea.yaml"
    file.write_text(GOOD, encoding="utf-8")
    put = koudai.done("programme", "put", made, str(file), "--by", "Li Na", "--key", "v1")
    assert (put["name"], put["effective_at"], put["put_by"]) == ("tea", "2198-12-31T16:00:00Z", "Li Na")
    assert koudai.done("programme", "put", made, str(file), "--by", "Li Na", "--key", "v1") == put

    refused = koudai("programme", "launch", made, "--by", "Wu", "--json")
    assert (refused.status, refused.error()["code"]) == (1, "programmes.gate_missing")
    for gate in ("filing", "terms", "custody"):
        told = koudai.done("programme", "gate", made, gate, f"{gate} 001", "--by", "Li Na")
        assert (told["gate"], told["reference"]) == (gate, f"{gate} 001")
    assert koudai("programme", "versions", made).out.startswith("Not live yet.")
    assert koudai.done("programme", "launch", made, "--by", "Wu")["launched_by"] == "Wu"

    file.write_text(GOOD.replace("2199-01-01", "2199-06-01").replace("500000", "400000"), encoding="utf-8")
    assert koudai("programme", "put", made, str(file), "--by", "Li Na").status == 0
    told = koudai.done("programme", "versions", made)
    assert [one["effective_at"][:10] for one in told["versions"]] == ["2198-12-31", "2199-05-31"]
    assert [one["gate"] for one in told["gates"]] == ["filing", "terms", "custody"]
    assert "Li Na" in koudai("programme", "versions", made).out
    chinese = koudai("programme", "versions", made, language="zh_CN.UTF-8").out
    assert chinese.startswith("已于")

    changes = koudai.done("programme", "diff", f"{made}@2199-01-01", made)["changes"]
    assert [(one["path"], one["effect"]) for one in changes] == [
        ("effective_on", "neither"), ("kinds.registered.max_balance_minor", "tightens"),
    ]  # fmt: skip
    for name in (f"{made}@2030-01-01", "prgm_" + "0" * 32):
        told = koudai("programme", "diff", made, name, "--json")
        assert (told.status, told.error()["code"]) == (1, "programmes.unknown_version")


def test_a_bad_document_is_not_put(koudai, tmp_path):
    koudai.done("key", "create", "till")
    made = koudai.done("programme", "create", "Tea", "--currency", "CNY")["id"]
    file = tmp_path / "tea.yaml"
    file.write_text(GOOD.replace("CNY", "YUA"), encoding="utf-8")
    told = koudai("programme", "put", made, str(file), "--by", "Li Na")
    assert told.status == 1
    assert f"{file}:4:1: currency:" in told.out
    assert koudai("programme", "put", made, str(file), "--by", "Li Na", "--json").json()["valid"] is False
    assert koudai.done("programme", "versions", made)["versions"] == []


def test_a_programme_that_is_not_there(koudai):
    koudai.done("key", "create", "till")
    for command in (("put", "phone-shop"), ("gate", "filing", "001"), ("launch",)):
        verb, *rest = command
        told = koudai("programme", verb, "prgm_" + "0" * 32, *rest, "--by", "Li Na", "--json")
        assert (told.status, told.error()["code"]) == (1, "cards.unknown_programme")

"""The law at the command line: listed, explained, in both languages, without a database."""

import pytest

from koudai.policy import pack_names, shipped, shipped_clauses
from koudai.programmes import shipped_text
from tests.cli.conftest import CHINESE, Koudai


@pytest.fixture
def koudai(tmp_path) -> Koudai:
    return Koudai(tmp_path / "no-home")


def test_every_clause_is_listed(koudai) -> None:
    listed = koudai.done("policy", "list")["data"]
    assert [one["id"] for one in listed] == sorted(shipped_clauses())
    for name in pack_names():
        mine = koudai.done("policy", "list", "--pack", name)["data"]
        assert {one["id"] for one in mine} == {clause.id for clause in shipped(name).clauses}
    assert not koudai.home.exists()


def test_a_clause_is_explained(koudai) -> None:
    told = koudai("policy", "explain", "sp.18.registered")
    assert told.status == 0
    for part in (
        "MOFCOM Order 2012-9, Art. 18",
        "at most 5000.00 CNY",
        "issue, load, split, gift, refund",
        "5000.01 CNY",
    ):
        assert part in told.out
    assert "no legal advice" in told.err
    chinese = koudai("policy", "explain", "sp.25.young", language=CHINESE)
    for part in ("商务部令2012年第9号 第二十五条", "未核实", "不超过 200 %", "沙盒试点可放开"):
        assert part in chinese.out
    for clause in ("sp.18.bearer", "sp.18.bearer_root", "mp.cap.bearer"):
        assert "no pilot opens it" in koudai("policy", "explain", clause).out
    shown = koudai.done("policy", "explain", "sp.15.bearer")
    assert (shown["limit"], shown["unit"], shown["currency"], shown["statutory"]) == (999_999, "minor", "CNY", True)


def test_a_list_is_told_as_a_table(koudai) -> None:
    told = koudai("policy", "list", "--pack", "generic")
    assert told.status == 0
    assert "generic.currency" in told.out
    assert "sp.18.registered" not in told.out


def test_a_clause_that_is_not_there_is_named(koudai) -> None:
    told = koudai("policy", "explain", "sp.99", "--json")
    assert told.status == 1
    assert (told.error()["code"], told.error()["clause"]) == ("policy.unknown_clause", "sp.99")
    assert koudai("policy", "list", "--pack", "guards").status == 2


def test_what_the_law_means_for_a_programme(koudai, tmp_path) -> None:
    told = koudai.done("policy", "check", "city-grocer")
    assert told["gates"] == ["filing", "terms", "custody"]
    assert "sp.18.bearer" in told["kinds"]["bearer"]["applies"]
    assert "sp.25.young" in told["kinds"]["registered"]["unverified"]
    broken = tmp_path / "broken.yaml"
    broken.write_text(shipped_text("city-grocer").replace("max_balance_minor: 500000", "max_balance_minor: 500100"))
    refused = koudai("policy", "check", str(broken), "--json")
    assert refused.status == 1
    assert {"clause": "sp.18.registered", "fact": "balance_after_minor", "refused": True} in (
        refused.json()["kinds"]["registered"]["violations"]
    )
    assert "将违反" in koudai("policy", "check", str(broken), language=CHINESE).out
    (tmp_path / "bad.yaml").write_text("name: x\n")
    assert "bad.yaml:1:1" in koudai("policy", "check", str(tmp_path / "bad.yaml")).out

"""The reference of the law is what the packs are."""

import ast
import importlib.util
from pathlib import Path

import pytest

from koudai.policy import Point, shipped_clauses

ROOT = Path(__file__).parents[2]
CLAUSES = shipped_clauses()


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_policy", ROOT / "scripts" / "make_policy.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_the_verbs_that_ask_the_law_have_their_names_on_the_page(script):
    alone = {"not_replaced"}
    assert set(script.VERBS) == set(script.askers()) | alone
    assert {Point.SETTLE} == set(Point) - {point for points, _ in script.askers().values() for point in points}


@pytest.mark.parametrize(
    ("clause", "verbs"),
    [
        ("sp.2.own_goods", ["payment", "hold"]),
        ("sp.15.bearer", ["load", "sale of stock", "correction upwards"]),
        ("sp.19.after_expiry", ["closing", "expiry"]),
        ("mp.bearer_loss", ["replacement", "loss report"]),
        ("cn.withdrawal", ["launch"]),
        ("mp.overdraft", ["payment", "hold"]),
        # These speak of what no verb tells.
        ("mp.use.cash", []),
        ("mp.payer_name", ["load", "sale of stock"]),
        ("mp.redeem.transit", []),
        ("guards.token", []),
        ("guards.buy_back_invoice", []),
        ("negative.refund_elsewhere", []),
        ("telecom.lending", []),
        ("sp.22.notice", []),
        ("sp.26.brand", []),
    ],
)
def test_who_asks_a_clause_is_read_from_the_source(script, clause, verbs):
    assert script.asked_by(CLAUSES[clause]) == verbs


def test_a_test_that_is_named_for_a_clause_breaks_it_through_a_verb(script):
    for clause, names in script.tests_of_clauses().items():
        assert script.asked_by(CLAUSES[clause]), f"{clause} is asked by nobody"
        for name in names:
            path, _, wanted = name.partition("::")
            tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
            (test,) = (one for one in tree.body if getattr(one, "name", None) == wanted)
            test.decorator_list = [one for one in test.decorator_list if "mark.clause" not in ast.unparse(one)]
            assert clause in ast.unparse(test), f"{name} says nothing of {clause}"


def test_the_reference_tells_every_clause_as_it_is(script):
    written = (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
    assert written == script.page(), "run: python scripts/make_policy.py > docs/reference/policy.md"


def test_every_page_about_the_law_says_that_it_is_no_advice():
    pages = ("docs/reference/policy.md", "docs/concepts/policy.md", "docs/howto/an-issuers-first-day.md",
             "docs/howto/a-holders-year.md", "README.md", "README.zh-CN.md")  # fmt: skip
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert "legal advice" in text or "法律意见" in text, page

"""Clauses in words, for people: English and Chinese, with money in its currency."""

import pytest

from koudai.phrases import Language
from koudai.policy import shipped_clauses, shown
from koudai.policy.model import Unit
from koudai.policy.tell import figure

CLAUSES = shipped_clauses()


@pytest.mark.parametrize(
    ("clause", "applies", "asks", "passes", "refused"),
    [
        ("sp.18.registered", "kind of card: registered", "balance afterwards at most 5000.00 CNY",
         "kind of card: registered; balance afterwards: 5000.00 CNY",
         "kind of card: registered; balance afterwards: 5000.01 CNY"),
        ("sp.19.bearer", "kind of card: bearer; expiry: yes", "validity at least 36 months",
         "kind of card: bearer; expiry: yes; validity: 36 months",
         "kind of card: bearer; expiry: yes; validity: 35 months"),
        ("sp.25.young", "issuer younger than a year: yes", "share of the capital at most 200 %",
         "issuer younger than a year: yes; share of the capital: 200 %",
         "issuer younger than a year: yes; share of the capital: 200.01 %"),
        ("sp.15.registered", "kind of card: registered", "identity of the payer: registered or verified",
         "kind of card: registered; identity of the payer: registered",
         "kind of card: registered; identity of the payer: anonymous"),
        ("sp.16.remote_cash", "face to face: no", "funding: anything but cash",
         "face to face: no; funding: bank transfer", "face to face: no; funding: cash"),
        ("generic.cap", "", "balance afterwards at most 5000000 minor units",
         "balance afterwards: 5000000 minor units", "balance afterwards: 5000001 minor units"),
        ("cn.withdrawal", "kind of refund: a withdrawal of the balance", "never", None,
         "kind of refund: a withdrawal of the balance"),
        ("licensed.complaints", "", "answered_within 15 days; temporary_freeze 48 hours", None, None),
    ],
)  # fmt: skip
def test_a_clause_is_told_as_people_say_it(clause, applies, asks, passes, refused):
    told = shown(CLAUSES[clause])
    assert (told.applies.en, told.asks.en) == (applies, asks)
    assert (told.example.passes.en if told.example and told.example.passes else None) == passes
    assert (told.example.refused.en if told.example else None) == refused


def test_the_same_in_chinese():
    told = shown(CLAUSES["sp.18.registered"])
    assert (told.applies.zh, told.asks.zh) == ("卡种：记名", "操作后余额不超过 5000.00 CNY")
    assert told.example.refused.zh == "卡种：记名；操作后余额：5000.01 CNY"
    assert shown(CLAUSES["sp.16.remote_cash"]).asks.zh == "资金来源：除现金以外"


@pytest.mark.parametrize(
    ("value", "unit", "en", "zh"),
    [
        (0, Unit.MINOR, "0.00 CNY", "0.00 CNY"),
        (4_001, Unit.BPS, "40.01 %", "40.01 %"),
        (20_000, Unit.BPS, "200 %", "200 %"),
        (20, Unit.WORKING_DAYS, "20 working days", "20 个工作日"),
        (3, Unit.YEARS, "3 years", "3 年"),
    ],
)
def test_figures(value, unit, en, zh):
    assert figure(value, unit, "CNY", Language.EN) == en
    assert figure(value, unit, "CNY", Language.ZH) == zh


def test_every_clause_is_shown_in_both_languages_with_the_packs_that_have_it():
    for clause in CLAUSES.values():
        told = shown(clause)
        assert told.packs
        for said in (told.title, told.citation):
            assert said.en
            assert any("\u4e00" <= sign <= "\u9fff" for sign in said.zh)
        assert bool(told.example) == bool(told.points)

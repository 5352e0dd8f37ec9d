"""What the law says to what programmes declare, before anything happens."""

from datetime import UTC, datetime, timedelta

import pytest

from koudai.base import Refused
from koudai.policy import Point, shipped
from koudai.programmes import Kind, Law, OpenedPilot, examined, read_programme, shipped_names, shipped_text, violated
from tests.policy.cases import INNOCENT
from tests.programmes.drafts import make, text_of

ALL = {name: read_programme(shipped_text(name)).value for name in shipped_names()}
REGISTERED = {"registered": {"max_balance_minor": 500_000}}
BEARER = {"registered": None, "bearer": {"max_balance_minor": 100_000, "validity": {"days": 1096}}}


LOADED = {
    **{name: value for name, value in INNOCENT[Point.LOAD].items() if name not in {"card_kind", "root_minor"}},
    "play_money": False, "root_minor": 100_000, "balance_after_minor": 100_001,
}  # fmt: skip


def goes_on(days):
    return {"registered": None, "bearer": {**BEARER["bearer"], "validity": {"days": 1096, "reactivation_days": days}}}


@pytest.mark.parametrize("name", ALL)
def test_what_is_shipped_breaks_no_law(name):
    assert violated(ALL[name]) is None


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({}, None),
        ({"kinds": {"registered": {"max_balance_minor": 500_001}}}, "sp.18.registered"),
        ({"kinds": {"registered": {"max_balance_minor": None}}}, "sp.18.registered"),
        ({"kinds": {"registered": {"validity": {"days": 3650}}}}, "sp.19.registered"),
        ({"kinds": BEARER}, None),
        ({"kinds": {**BEARER, "bearer": {"max_balance_minor": 100_001, "validity": {"days": 1096}}}}, "sp.18.bearer"),
        ({"kinds": {**BEARER, "bearer": {"max_balance_minor": 100_000, "validity": {"days": 1095}}}}, "sp.19.bearer"),
        # What can't be made to go on at some time can never be used again.
        ({"kinds": goes_on(0)}, "sp.19.reactivation"),
        ({"kinds": goes_on(3650)}, "sp.19.reactivation"),
        ({"kinds": goes_on(0), "class": "multi_purpose"}, "cn.reactivation"),
        ({"kinds": goes_on(0), "class": "telecom_topup"}, "cn.reactivation"),
        ({"kinds": goes_on(0), "class": "fixed_goods_voucher"}, "cn.reactivation"),
        ({"kinds": goes_on(0), "currency": "EUR", "policy": {"pack": "generic"}}, None),
        ({"withdrawal": {}}, "cn.withdrawal"),
        ({"withdrawal": {"fee_bps": 9000}}, "cn.withdrawal"),
        ({"withdrawal": {"fee_bps": 150}, "class": "multi_purpose"}, "cn.withdrawal"),
        ({"withdrawal": {"fee_bps": 150}, "policy": {"pack": "sandbox"}, "sandbox_only": True}, None),
        ({"fees": {"replacement_minor": 2_000}}, None),
        ({"fees": {"replacement_minor": 2_001}}, "cn.replacement_fee"),
        ({"fees": {"replacement_minor": 2_001}, "class": "telecom_topup"}, "cn.replacement_fee"),
        ({"funding": ["cash", "credit"]}, "negative.credit_funded"),
        # Whether a sale in cash is face to face is known when it is made.
        ({"funding": ["cash"]}, None),
        ({"class": "multi_purpose"}, None),
        ({"class": "multi_purpose", "kinds": {"registered": {"max_balance_minor": 500_001}}}, "mp.cap.registered"),
        ({"policy": {"pack": "sandbox"}, "sandbox_only": True, "kinds": {"registered": {"max_balance_minor": 5_000_000}}},
         None),
        ({"policy": {"pack": "sandbox"}, "sandbox_only": True, "kinds": {"registered": {"max_balance_minor": 5_000_001}}},
         "sandbox.cap"),
    ],
)  # fmt: skip
def test_what_a_programme_declares_is_held_against_its_pack(changes, clause):
    refused = violated(make(**changes))
    assert (None if refused is None else refused.facts["clause"]) == clause
    if refused is not None:
        pack = make(**changes).policy.pack
        assert refused.facts["title"] == {
            "en": shipped(pack).clause(clause).title.en,
            "zh": shipped(pack).clause(clause).title.zh,
        }


@pytest.mark.parametrize(("fee_bps", "clauses"), [(0, {"cn.withdrawal"}), (150, {"cn.withdrawal", "cn.refund_fee"})])
def test_all_that_a_withdrawal_breaks_is_told(fee_bps, clauses):
    found = examined(make(withdrawal={"fee_bps": fee_bps}))[Kind.REGISTERED]
    assert {one.clause.id for one in found.violations} == clauses
    assert "cn.withdrawal" in {one.id for one in examined(make())[Kind.REGISTERED].applies}


def test_clauses_of_what_cards_never_do_are_left_out():
    whole = {clause.id for clause in examined(ALL["xiaokoudai"])[Kind.REGISTERED].applies}
    assert "negative.resale_seller" in whole
    assert "negative.resale_seller" not in {c.id for c in examined(make())[Kind.REGISTERED].applies}


def test_what_nobody_verified_is_told_apart():
    found = examined(make())[Kind.REGISTERED]
    unverified = {clause.id for clause in found.unverified}
    assert "sp.25.young" in unverified
    assert unverified < {clause.id for clause in found.applies}


def test_a_pilot_of_before_opens_nothing_that_is_statutory_by_now():
    programme = make(policy={"pack": "cn-single-purpose", "pilots": ["old"]}, kinds=BEARER)
    now = datetime(2027, 1, 1, tzinfo=UTC)
    old = OpenedPilot(1, 1, "old", ("sp.18.bearer", "sp.99"), 10**6, 9, now + timedelta(days=9), "a trial", "Wu", now)
    asked = Law(programme, [old], (), {}).asked(Point.LOAD, Kind.BEARER, **LOADED)
    assert asked.check({}, now).refused.facts["clause"] == "sp.18.bearer"


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"policy": {"pack": "cn-nowhere"}}, "programmes.unknown_pack", "policy.pack"),
        ({"class": "multi_purpose", "policy": {"pack": "cn-single-purpose"}}, "programmes.pack_not_for_class", "class"),
    ],
)
def test_a_pack_is_one_that_there_is_and_for_the_class(changes, code, path):
    text = text_of(**changes)
    (mistake,) = read_programme(text)
    assert (mistake.code, mistake.path) == (code, path)
    assert path.rpartition(".")[2] + ":" in text.splitlines()[mistake.place.line - 1]


def test_a_refusal_names_clause_and_cards():
    refused = violated(make(funding=["credit"]))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.facts["card_kind"]) == ("programmes.breaks_law", "registered")

"""Judging: sums over windows, unverified clauses, pilots, and facts that are wrong."""

from datetime import UTC, datetime, timedelta

import pytest

from koudai.base import Refused
from koudai.phrases import Language, say
from koudai.policy import (
    FactsWrong,
    Judge,
    Pilot,
    PilotRefusal,
    PilotUse,
    Point,
    PolicyRefusal,
    Verdict,
    make_pilot,
    shipped,
)
from tests.policy.cases import INNOCENT, PROGRAMME, minor, told_at

NOW = datetime(2026, 5, 1, 4, tzinfo=UTC)
SINGLE, MULTI, TELECOM = shipped("cn-single-purpose"), shipped("cn-multi-purpose"), shipped("cn-telecom")


def judged(pack, point, more, *, now=NOW, **judging):
    facts = told_at(point, {**INNOCENT[point], **PROGRAMME[pack.name], **more})
    return Judge(pack, **judging).at(point)(facts, now)


def test_a_refusal_says_what_there_is_to_know():
    bearer = {"card_kind": "bearer", "payer_level": "anonymous"} | minor(amount="500", purchase_day="10,200")
    verdict = judged(SINGLE, Point.ISSUE, bearer)
    assert verdict.refused.code == PolicyRefusal.OVER_LIMIT
    assert verdict.refused.facts == {
        "clause": "sp.15.bearer",
        "citation": {"en": "MOFCOM Order 2012-9, Art. 15", "zh": "商务部令2012年第9号 第十五条"},
        "title": {
            "en": "Bearer cards of 10,000 yuan or more are bought under a real name, purchases of a day added up",
            "zh": "一次购买不记名卡达一万元（含）须实名登记，当日购买合并计算",
        },
        "allowed": {
            "en": "bearer purchases of the day at most 9999.99 CNY",
            "zh": "当日购买不记名卡金额不超过 9999.99 CNY",
        },
        "fact": "purchase_day_minor",
        "limit_minor": 9_999_99,
        "found_minor": 10_200_00,
        "left_minor": 299_99,
        "unit": "minor",
        "currency": "CNY",
        "resets_at": "2026-05-01T16:00:00Z",
        "advice": {
            "en": "299.99 CNY would fit now. It resets at 2026-05-01T16:00:00Z. A payer who registers may buy more.",
            "zh": "目前尚余额度 299.99 CNY。重置时间：2026-05-01T16:00:00Z。登记实名后可继续购买。",
        },
    }
    assert say(verdict.refused.code, verdict.refused.facts, Language.EN) == (
        "Bearer cards of 10,000 yuan or more are bought under a real name, purchases of a day added up"
        " (MOFCOM Order 2012-9, Art. 15). Allowed: bearer purchases of the day at most 9999.99 CNY."
        " 299.99 CNY would fit now. It resets at 2026-05-01T16:00:00Z. A payer who registers may buy more."
        " [clause sp.15.bearer]"
    )
    assert say(verdict.refused.code, verdict.refused.facts, Language.ZH) == (
        "一次购买不记名卡达一万元（含）须实名登记，当日购买合并计算（商务部令2012年第9号 第十五条）。"
        "允许范围：当日购买不记名卡金额不超过 9999.99 CNY。目前尚余额度 299.99 CNY。"
        "重置时间：2026-05-01T16:00:00Z。登记实名后可继续购买。〔条款 sp.15.bearer〕"
    )


@pytest.mark.parametrize(
    ("amount", "after", "left"),
    [
        ("100", "5,000.01", "99.99"),  # What is asked for is a cent too much.
        ("5,000", "9,000", "1,000"),
        ("100", "5,100", "0"),  # The card is full.
        ("100", "6,000", "0"),  # It was above the cap before, and the room isn't negative.
    ],
)
def test_the_room_left_is_what_would_just_pass(amount, after, left):
    load = minor(amount=amount, balance_after=after)
    refused = judged(SINGLE, Point.LOAD, load).refused
    room = refused.facts["left_minor"]
    assert room == minor(_=left)["__minor"]
    if room:
        less = load["balance_after_minor"] - load["amount_minor"] + room
        assert judged(SINGLE, Point.LOAD, {"amount_minor": room, "balance_after_minor": less}) is None
        refused = judged(SINGLE, Point.LOAD, {"amount_minor": room + 1, "balance_after_minor": less + 1}).refused
        assert refused.facts["left_minor"] == room


@pytest.mark.parametrize(
    ("now", "day_ends", "year_ends"),
    [
        # 15:59:59 in UTC is the last second of the Chinese day.
        ("2026-05-01T15:59:59+00:00", "2026-05-01T16:00:00Z", "2026-12-31T16:00:00Z"),
        ("2026-05-01T16:00:00+00:00", "2026-05-02T16:00:00Z", "2026-12-31T16:00:00Z"),
        ("2026-12-31T15:59:59+00:00", "2026-12-31T16:00:00Z", "2026-12-31T16:00:00Z"),
        ("2026-12-31T16:00:00+00:00", "2027-01-01T16:00:00Z", "2027-12-31T16:00:00Z"),
    ],
)
def test_a_sum_resets_with_the_chinese_day_or_year(now, day_ends, year_ends):
    moment = datetime.fromisoformat(now)
    day = judged(TELECOM, Point.LOAD, minor(load_day="50,000.01"), now=moment)
    assert day.refused.facts["resets_at"] == day_ends
    own = {"purpose": "own_payment_account"} | minor(own_account_year="5,000.01")
    assert judged(MULTI, Point.REDEEM, own, now=moment).refused.facts["resets_at"] == year_ends
    assert "resets_at" not in judged(SINGLE, Point.LOAD, minor(balance_after="5,000.01"), now=moment).refused.facts


def test_words_that_are_asked_for_are_listed():
    refused = judged(SINGLE, Point.ISSUE, {"payer_level": "anonymous"}).refused
    assert refused.code == PolicyRefusal.REQUIRED
    assert (refused.facts["fact"], refused.facts["found"]) == ("payer_level", "anonymous")
    assert refused.facts["one_of"] == ["registered", "verified"]
    refused = judged(SINGLE, Point.ISSUE, {"funding": "credit"}).refused
    assert refused.code == PolicyRefusal.FORBIDDEN
    assert "credit" not in refused.facts["one_of"]
    assert refused.facts["allowed"]["en"] == "funding: anything but credit card or instalments or pay later"
    never = judged(SINGLE, Point.REFUND, {"refund_kind": "withdrawal"}).refused
    assert (never.code, never.facts["allowed"]) == (PolicyRefusal.FORBIDDEN, {"en": "never", "zh": "一律不得"})


@pytest.mark.parametrize("pack", [SINGLE, MULTI, TELECOM])
def test_a_sale_that_is_undone_is_no_redemption_and_goes_back_to_its_source_alone(pack):
    """A bearer card isn't cashed (PBOC 2012-12), but a sale before any use can be rescinded (法释〔2025〕4, Art. 14)."""
    undone = {"refund_kind": "sale", "refund_to": "source", "card_kind": "bearer", "months_since_issue": 0,
              "identity_checked": False, "buyer_identity_checked": False} | minor(refund_day="1,000")  # fmt: skip
    assert judged(pack, Point.REFUND, undone) is None
    for elsewhere in ("cash", "same_name_account", "payer_account"):
        refused = judged(pack, Point.REFUND, {**undone, "refund_to": elsewhere}).refused
        assert refused.facts["clause"] == "guards.undone_sale", elsewhere


def test_an_unverified_clause_warns_and_refuses_only_when_the_operator_says_so():
    young = {"issuer_young": True, "prepaid_of_capital_bps": 20_001}
    verdict = judged(SINGLE, Point.ISSUE, young)
    assert verdict.refused is None
    (note,) = verdict.notes
    assert (note.clause, note.unverified, note.refused.facts["limit"]) == ("sp.25.young", True, 20_000)
    for enforce in ("all", ["sp.25.young"]):
        refused = judged(SINGLE, Point.ISSUE, young, enforce=enforce).refused
        assert refused == note.refused
    with pytest.raises(ValueError, match=r"sp\.18\.bearer"):
        Judge(SINGLE, enforce=["sp.18.bearer"])


def test_what_is_refused_keeps_the_notes_of_what_came_before():
    facts = {"terms_ban_refund": True, "sales_stopped": True}
    verdict = judged(SINGLE, Point.ISSUE, facts)
    assert verdict.refused.facts["clause"] == "consumers.sales_stop"
    assert [note.clause for note in verdict.notes] == ["consumers.terms_no_refund"]


PILOT = Pilot("gifts-2026", "pocket", frozenset({"sp.18.registered", "negative.credit_funded"}), 1_000_000, 50,
              NOW + timedelta(days=1))  # fmt: skip
BEYOND = minor(amount="6,000", balance_after="6,000")


def test_a_pilot_opens_its_clauses_and_marks_what_passes():
    verdict = judged(SINGLE, Point.LOAD, BEYOND, programme="pocket", pilots=[PILOT])
    assert verdict == Verdict(None, (), (PilotUse("gifts-2026", ("sp.18.registered",), 6_000_00),))
    both = {**BEYOND, "funding": "credit"}
    (use,) = judged(SINGLE, Point.LOAD, both, programme="pocket", pilots=[PILOT]).pilots
    assert set(use.clauses) == PILOT.opens
    # What needs no pilot is not marked.
    assert judged(SINGLE, Point.LOAD, {}, programme="pocket", pilots=[PILOT]) is None


@pytest.mark.parametrize(
    ("more", "now", "programme"),
    [
        (BEYOND, NOW, "another"),
        (BEYOND, NOW, None),
        (BEYOND, PILOT.until, "pocket"),
        # A clause beside it that the pilot doesn't open refuses all of it.
        ({**BEYOND, "payer_level": "anonymous"}, NOW, "pocket"),
    ],
)
def test_a_pilot_opens_nothing_else(more, now, programme):
    verdict = judged(SINGLE, Point.LOAD, more, now=now, programme=programme, pilots=[PILOT])
    assert verdict.refused is not None
    assert verdict.pilots == ()


def test_a_pilot_lasts_up_to_its_end():
    last = PILOT.until - timedelta(microseconds=1)
    assert judged(SINGLE, Point.LOAD, BEYOND, now=last, programme="pocket", pilots=[PILOT]).refused is None


def pilot(*opens, cap=1, holders=1, until=NOW + timedelta(days=1)):
    return Pilot("p", "pocket", frozenset(opens), cap, holders, until)


@pytest.mark.parametrize(
    ("pack", "wanted", "code"),
    [
        (SINGLE, pilot("cn.yield"), PilotRefusal.STATUTORY),
        (SINGLE, pilot("guards.token"), PilotRefusal.STATUTORY),
        (SINGLE, pilot("cn.cross_group"), PilotRefusal.STATUTORY),
        (SINGLE, pilot("sp.18.registered", "sp.15.bearer"), PilotRefusal.STATUTORY),
        (MULTI, pilot("licensed.licence"), PilotRefusal.STATUTORY),
        (MULTI, pilot("mp.redeem.bearer"), PilotRefusal.STATUTORY),
        (shipped("generic"), pilot("generic.currency"), PilotRefusal.STATUTORY),
        (shipped("sandbox"), pilot("sandbox.play_money"), PilotRefusal.STATUTORY),
        (SINGLE, pilot("mp.cap.bearer"), PolicyRefusal.UNKNOWN_CLAUSE),
        (SINGLE, pilot("sp.36.fines"), PolicyRefusal.UNKNOWN_CLAUSE),
        (SINGLE, pilot(), PilotRefusal.NOTHING_OPENED),
        (SINGLE, pilot("sp.18.registered", cap=0), PilotRefusal.NO_CAP),
        (SINGLE, pilot("sp.18.registered", holders=0), PilotRefusal.NO_CAP),
        (SINGLE, pilot("sp.18.registered", until=NOW), PilotRefusal.ENDED),
    ],
)
def test_a_pilot_that_may_not_be_is_not_made(pack, wanted, code):
    refused = make_pilot(pack, wanted, NOW)
    assert isinstance(refused, Refused)
    assert refused.code == code
    for language in Language:
        assert "{" not in say(refused.code, refused.facts, language)


def test_a_pilot_that_was_not_proven_stops_the_judge():
    assert make_pilot(SINGLE, PILOT, NOW) is PILOT
    for clause in ("cn.yield", "no.such"):
        with pytest.raises(ValueError, match=clause):
            Judge(SINGLE, programme="pocket", pilots=[pilot(clause)])


REDEEM = told_at(Point.REDEEM, {**INNOCENT[Point.REDEEM], **PROGRAMME["cn-single-purpose"]})


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({name: value for name, value in REDEEM.items() if name != "merchant_of"}, "merchant_of wasn't told"),
        ({**REDEEM, "merchant_of": "Own"}, "merchant_of has no word 'Own'"),
        ({**REDEEM, "licensed": 1}, "licensed is 1"),
        ({**REDEEM, "amount_minor": True}, "amount_minor is True"),
        ({**REDEEM, "amount_minor": 1.0}, "amount_minor is 1.0"),
        ({**REDEEM, "funding": "cash"}, "funding is not told there"),
        ({**REDEEM, "colour": "red"}, "colour is not told there"),
    ],
)
def test_facts_that_are_wrong_are_loud(facts, said):
    with pytest.raises(FactsWrong, match=said):
        Judge(SINGLE).at(Point.REDEEM)(facts, NOW)


def test_the_room_left_is_asked_for_also_where_nothing_is_refused():
    facts = told_at(Point.LOAD, {**INNOCENT[Point.LOAD], **PROGRAMME["cn-single-purpose"]})
    del facts["amount_minor"]
    with pytest.raises(FactsWrong, match="amount_minor"):
        Judge(SINGLE).at(Point.LOAD)(facts, NOW)


def test_what_is_fixed_is_examined_too():
    with pytest.raises(FactsWrong, match="card_kind"):
        Judge(SINGLE).at(Point.ISSUE, card_kind="Bearer")
    with pytest.raises(ValueError, match="multi_purpose"):
        Judge(SINGLE).at(Point.ISSUE, programme_class="multi_purpose")


def test_a_generic_refusal_is_in_the_programmes_currency():
    refused = judged(shipped("generic"), Point.LOAD, {"balance_after_minor": 5_000_001, "currency": "JPY"}).refused
    assert refused.facts["currency"] == "JPY"
    assert refused.facts["allowed"]["en"] == "balance afterwards at most 5000000 JPY"

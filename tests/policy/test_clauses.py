"""Every clause at its edge: what it lets pass, and what it refuses just beyond, by the whole pack (C1)."""

from datetime import UTC, datetime

import pytest

from koudai.phrases import Language, say
from koudai.policy import Judge, Severity, pack_names, shipped, shipped_clauses
from tests.policy.cases import CASES, INNOCENT, PROGRAMME, told_at

NOW = datetime(2026, 5, 1, 4, tzinfo=UTC)
CLAUSES = shipped_clauses()
JUDGES = {name: Judge(shipped(name), enforce="all") for name in pack_names()}


def packs_of(case):
    """The packs that have the clause; what is asked of play money is not asked in the sandbox, which has no other."""
    having = case.packs or [name for name in pack_names() if shipped(name).clause(case.clause)]
    asks_play_money = "play_money" in case.passes and CLAUSES[case.clause].pack != "sandbox"
    return [name for name in having if not (asks_play_money and name == "sandbox")]


CASES_IN_PACKS = [
    pytest.param(case, name, id=f"{case.clause}-{case.point}-{name}") for case in CASES for name in packs_of(case)
]


def facts_of(case, name, more):
    return told_at(case.point, {**INNOCENT[case.point], **PROGRAMME[name], **case.given, **more})


@pytest.mark.parametrize("point", list(INNOCENT))
@pytest.mark.parametrize("name", pack_names())
def test_there_is_nothing_to_say_of_what_is_innocent(name, point):
    assert JUDGES[name].at(point)(told_at(point, {**INNOCENT[point], **PROGRAMME[name]}), NOW) is None


@pytest.mark.parametrize(("case", "name"), CASES_IN_PACKS)
def test_it_passes_at_the_edge_and_is_refused_beyond(case, name):
    check = JUDGES[name].at(case.point)
    assert check(facts_of(case, name, case.passes), NOW) is None
    verdict = check(facts_of(case, name, case.refused), NOW)
    assert verdict is not None
    refused = verdict.refused
    assert refused.facts["clause"] == case.clause
    for language in Language:
        sentence = say(refused.code, refused.facts, language)
        assert case.clause in sentence
        assert CLAUSES[case.clause].citation.en in sentence or CLAUSES[case.clause].citation.zh in sentence
        assert "{" not in sentence


@pytest.mark.parametrize(("case", "name"), CASES_IN_PACKS)
def test_what_was_specialised_judges_alike(case, name):
    fixed = told_at(case.point, {**PROGRAMME[name], "card_kind": "registered"} | case.given)
    for more in (case.passes, case.refused):
        facts = facts_of(case, name, more)
        known = {fact: value for fact, value in fixed.items() if facts[fact] == value}
        rest = {fact: value for fact, value in facts.items() if fact not in known}
        assert JUDGES[name].at(case.point, **known)(rest, NOW) == JUDGES[name].at(case.point)(facts, NOW)
        assert JUDGES[name].at(case.point, **facts)({}, NOW) == JUDGES[name].at(case.point)(facts, NOW)


def test_every_clause_that_can_refuse_has_a_case_at_each_of_its_points():
    there = {(clause.id, point) for clause in CLAUSES.values() if clause.refuses for point in clause.points}
    assert {(case.clause, case.point) for case in CASES} == there


def test_what_only_warns_is_noted_and_stops_nothing():
    judge = JUDGES["cn-single-purpose"]
    for name in ("terms_ban_refund", "terms_ban_passing", "terms_ban_reissue"):
        facts = {**INNOCENT["issue"], **PROGRAMME["cn-single-purpose"], name: True}
        verdict = judge.at("issue")(told_at("issue", facts), NOW)
        assert verdict.refused is None
        (note,) = verdict.notes
        assert (note.unverified, note.refused.facts["fact"]) == (False, name)
    warns = {clause.id for clause in CLAUSES.values() if clause.severity is Severity.WARN}
    assert warns == {"consumers.terms_no_refund", "consumers.terms_no_passing", "consumers.terms_no_reissue"}

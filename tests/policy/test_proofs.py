"""A pack is proven when it is loaded: every mistake is told, with its line and column."""

from pathlib import Path

import pytest

import koudai.policy
from koudai.phrases import Language, say
from koudai.policy import FACTS, Pack, PackFault, load, pack_names, part, shipped, shipped_clauses

P = PackFault
HEAD = """\
pack: mine
title: {en: mine, zh: 我的}
classes: [single_purpose]
clauses:
"""


def clause(name, rest, points="[issue, load]", severity="refuse"):
    return (
        f"  - id: {name}\n"
        "    citation: {en: c, zh: c}\n"
        "    title: {en: t, zh: t}\n"
        f"    certainty: V\n    status: verified\n    severity: {severity}\n    points: {points}\n"
        f"    {rest}\n"
    )


def found(text):
    mistakes = load(text)
    assert isinstance(mistakes, list), mistakes
    for mistake in mistakes:
        for language in Language:
            said = say(mistake.code, mistake.facts, language)
            assert said != mistake.code
            assert "{" not in said
    return [(mistake.code, mistake.path, *mistake.place) for mistake in mistakes]


# The clause begins on line 5, and what is asked stands on line 12.
@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("require: {colour: red}", [(P.UNKNOWN_FACT, "clauses[0].require.colour", 12, 15)]),
        ("require: {purpose: [cash]}", [(P.FACT_NOT_TOLD, "clauses[0].require.purpose", 12, 15)] * 2),
        ("require: {funding: true}", [(P.WRONG_KIND, "clauses[0].require.funding", 12, 15)]),
        ("require: {expires: cash}", [(P.WRONG_KIND, "clauses[0].require.expires", 12, 15)]),
        ("require: {amount_minor: [many]}", [(P.WRONG_KIND, "clauses[0].require.amount_minor", 12, 15)]),
        ("require: {funding: {at_most: 3, none_of: [cash]}}", [(P.WRONG_KIND, "clauses[0].require.funding", 12, 15)]),
        ("require: {funding: {}}", [(P.WRONG_KIND, "clauses[0].require.funding", 12, 15)]),
        ("require: {funding: [cash, shells]}", [(P.UNKNOWN_WORD, "clauses[0].require.funding", 12, 15)]),
        ("require: {currency: XXX}", [(P.UNKNOWN_WORD, "clauses[0].require.currency", 12, 15)]),
        ("require: {amount_minor: {at_most: 5}}", [(P.UNIT_MISSING, "clauses[0].require.amount_minor", 12, 15)]),
        ("require: {amount_minor: {at_most: 5, unit: days}}", [(P.WRONG_UNIT, "clauses[0].require.amount_minor", 12, 15)]),
        ("require: {validity_months: {at_least: 3, unit: years}}",
         [(P.WRONG_UNIT, "clauses[0].require.validity_months", 12, 15)]),
        ("require: {amount_minor: {at_least: 1, at_most: 5, unit: minor}}",
         [(P.ONE_BOUND, "clauses[0].require.amount_minor", 12, 15)]),
        ("require: {card_kind: [bearer, registered]}", [(P.NOTHING_LEFT, "clauses[0].require.card_kind", 12, 15)]),
        ("require: {card_kind: {none_of: [bearer, registered]}}",
         [(P.NOTHING_LEFT, "clauses[0].require.card_kind", 12, 15)]),
        ("when: {amount_minor: {at_least: 9, below: 9, unit: minor}, colour: x}\n    never: true",
         [(P.NOTHING_LEFT, "clauses[0].when.amount_minor", 12, 12), (P.UNKNOWN_FACT, "clauses[0].when.colour", 12, 64)]),
        ("when: {card_kind: bearer}", [(P.NO_REQUIREMENT, "clauses[0]", 5, 5)]),
        ("never: true\n    require: {expires: false}", [(P.NO_REQUIREMENT, "clauses[0]", 5, 5)]),
        ("require: {expires: false, sales_stopped: true}", [(P.ONE_FACT, "clauses[0].require", 12, 5)]),
        ("require: {amount_minor: {at_most: 5, unit: yards}}",
         [(P.WRONG_UNIT, "clauses[0].require.amount_minor", 12, 15)]),
    ],
)  # fmt: skip
def test_what_is_asked_of_facts_is_proven(rest, told):
    assert found(HEAD + clause("mine.a", rest)) == told


@pytest.mark.parametrize(
    ("one", "other", "fact"),
    [
        # Two figures that leave nothing between them.
        ("require: {amount_minor: {at_least: 6, unit: minor}}", "require: {amount_minor: {at_most: 5, unit: minor}}", "amount_minor"),
        ("require: {amount_minor: {at_least: 5, unit: minor}}", "require: {amount_minor: {below: 5, unit: minor}}", "amount_minor"),
        ("require: {amount_minor: {at_least: 5, unit: minor}}", "require: {amount_minor: {at_most: 5, unit: minor}}", None),
        # Conditions that can hold together, and some that can't.
        ("when: {card_kind: bearer}\n    require: {expires: true}", "require: {expires: false}", "expires"),
        ("when: {card_kind: bearer}\n    require: {expires: true}",
         "when: {card_kind: registered}\n    require: {expires: false}", None),
        ("when: {amount_minor: {at_least: 5, unit: minor}}\n    require: {filed: true}",
         "when: {amount_minor: {below: 5, unit: minor}}\n    require: {filed: false}", None),
        ("when: {amount_minor: {at_least: 5, unit: minor}}\n    require: {filed: true}",
         "when: {amount_minor: {at_most: 5, unit: minor}}\n    require: {filed: false}", "filed"),
        # Words.
        ("require: {funding: [cash]}", "require: {funding: {none_of: [cash, credit]}}", "funding"),
        ("require: {funding: [cash, debit]}", "require: {funding: {none_of: [cash, credit]}}", None),
        # Never beside must.
        ("when: {funding: cash}\n    never: true", "require: {funding: [cash]}", "funding"),
        ("when: {funding: cash}\n    never: true", "require: {funding: [cash, debit]}", None),
        ("when: {funding: cash}\n    never: true", "when: {funding: cash}\n    require: {filed: true}", "filed"),
        ("when: {funding: cash}\n    never: true", "require: {filed: true}", None),
        ("when: {funding: cash}\n    never: true", "when: {funding: debit}\n    require: {filed: true}", None),
        # What a condition of the other leaves of the fact.
        ("require: {funding: [cash]}", "when: {funding: debit}\n    require: {filed: true}", None),
    ],
)  # fmt: skip
def test_clauses_that_cannot_both_be_met_are_told(one, other, fact):
    for first, second in ((one, other), (other, one)):
        text = HEAD + clause("mine.a", first, "[issue]") + clause("mine.b", second, "[issue]")
        if fact is None:
            assert isinstance(load(text), Pack)
        else:
            (mistake,) = load(text)
            assert (mistake.code, mistake.path) == (P.CANNOT_BOTH, "clauses[1]")
            assert mistake.facts == {"clause": "mine.b", "other": "mine.a", "fact": fact}
            assert text.splitlines()[mistake.place.line - 1] == "  - id: mine.b"


def test_clauses_at_different_points_are_no_contradiction():
    text = (
        HEAD
        + clause("mine.a", "require: {expires: true}", "[issue]")
        + clause("mine.b", "require: {expires: false}", "[load]")
    )
    assert isinstance(load(text), Pack)


def test_a_clause_can_be_at_odds_with_a_part_that_is_included():
    text = HEAD.replace("clauses:", "includes: [cn-statute]\nclauses:") + clause("mine.a", "require: {currency: EUR}")
    assert found(text) == [(P.CANNOT_BOTH, "clauses[0]", 6, 5)]


def test_ids_and_parts_are_known():
    fine = clause("mine.a", "require: {expires: false}")
    assert found(HEAD + fine + fine) == [(P.ID_TWICE, "clauses[1].id", 13, 5)]
    included = HEAD.replace("clauses:", "includes: [guards, no-such, cn-single-purpose]\nclauses:")
    assert found(included + fine) == [(P.UNKNOWN_PACK, "includes[1]", 4, 20), (P.UNKNOWN_PACK, "includes[2]", 4, 29)]
    guards = HEAD.replace("clauses:", "includes: [guards]\nclauses:")
    assert found(guards + clause("guards.token", "require: {expires: false}")) == [(P.ID_TWICE, "clauses[0].id", 6, 5)]
    twice = HEAD.replace("clauses:", "includes: [guards, guards]\nclauses:")
    assert {code for code, *_ in found(twice + fine)} == {P.ID_TWICE}
    assert found(guards.replace("classes: [single_purpose]\n", "") + fine) == [(P.PART_INCLUDES, "includes", 3, 1)]


def test_a_duty_is_enforced_nowhere_and_anything_else_somewhere():
    duty = clause("mine.a", "require: {expires: false}", severity="duty")
    assert found(HEAD + duty) == [
        (P.DUTY_ENFORCED, "clauses[0].points", 11, 5), (P.DUTY_ENFORCED, "clauses[0].require", 12, 5)
    ]  # fmt: skip
    assert found(HEAD + clause("mine.a", "require: {expires: false}", "[]")) == [(P.NO_POINT, "clauses[0]", 5, 5)]


@pytest.mark.parametrize(("certainty", "status"), [("U", "verified"), ("P", "unverified"), ("K", "unverified")])
def test_exactly_what_is_of_certainty_u_is_unverified(certainty, status):
    text = clause("mine.a", "require: {expires: false}").replace("certainty: V", f"certainty: {certainty}")
    assert found(HEAD + text.replace("status: verified", f"status: {status}")) == [
        (P.STATUS_MISMATCH, "clauses[0].status", 9, 5)
    ]


def test_all_mistakes_are_told_in_the_order_of_lines():
    text = HEAD + clause("mine.a", "require: {colour: red}") + clause("mine.a", "require: {amount_minor: {below: 1}}")
    assert [(code, line) for code, _, line, _ in found(text)] == [
        (P.UNKNOWN_FACT, 12), (P.ID_TWICE, 13), (P.UNIT_MISSING, 20)
    ]  # fmt: skip


def test_every_shipped_pack_is_proven_and_every_part_used():
    packs = Path(koudai.policy.__file__).parent / "packs"
    used = {clause.pack for name in pack_names() for clause in shipped(name).clauses}
    parts = {path.stem for path in packs.glob("parts/*.yaml")}
    assert used == parts | set(pack_names())
    assert shipped("guards") is None
    assert part("generic") is None


def test_every_fact_is_asked_by_some_clause_where_it_is_told():
    clauses = shipped_clauses().values()
    asked = {name for one in clauses for name in (*dict(one.when), *([one.requires.fact] if one.requires else []))}
    grown = {told for name in asked for told in FACTS[name].reckoned_with}
    known_by_class = {"programme_class"}
    assert set(FACTS) == asked | grown | known_by_class

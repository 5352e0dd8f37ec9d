"""A refusal: the clause, its figure, the room left, what would be allowed, and when a sum begins anew. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from koudai.base import Refused
from koudai.phrases import Language
from koudai.policy import tell
from koudai.policy.facts import FACTS, Fact
from koudai.policy.model import Clause, PolicyRefusal, Requirement, Said, Unit

_WHOLE_BPS = 10_000
EN, ZH = Language.EN, Language.ZH

_NEVER = Said("It isn't done under this pack.", "本规则包下不予办理。")
_CHANGE = Said("Change it to what is allowed.", "请改为允许的范围。")

Refuse = Callable[[Mapping[str, Any], datetime], Refused]
"""Makes the refusal of a clause from the facts that it was judged by."""


def refusal_of(clause: Clause, currency: str | None) -> Refuse:
    """How a clause refuses, with all prepared that doesn't go by the facts; `currency` is the programme's if known."""
    money = clause.money or currency
    if money is None:
        return lambda facts, now: _refusal(clause, facts.get("currency"))(facts, now)
    return _refusal(clause, money)


def _refusal(clause: Clause, money: str | None) -> Refuse:
    needs = clause.requires
    advice = tell.told(clause.remedy or (_NEVER if needs is None else _CHANGE))
    standing: dict[str, Any] = {
        "clause": clause.id,
        "citation": tell.told(clause.citation),
        "title": tell.told(clause.title),
        "allowed": {"en": tell.rule(needs, money, EN), "zh": tell.rule(needs, money, ZH)},
    }
    if needs is None:
        whole = {**standing, "advice": advice}
        return lambda facts, now: Refused(PolicyRefusal.FORBIDDEN, whole)
    fact = FACTS[needs.fact]
    standing["fact"] = fact.name
    if needs.limit is None:
        assert not isinstance(needs.allowed, range), "a bound has its figure"
        order = list(fact.words) if fact.words is not None else [True, False]
        whole = {**standing, "one_of": sorted(needs.allowed, key=order.index), "advice": advice}
        return lambda facts, now: Refused(needs.code, {**whole, "found": facts[needs.fact]})
    standing |= {f"limit{_end(fact)}": needs.limit, "unit": str(fact.unit)}
    if money and (fact.unit is Unit.MINOR or fact.share):
        standing["currency"] = money
    remedy = tell.told(clause.remedy) if clause.remedy else None
    return lambda facts, now: _of_figure(standing, advice, remedy, needs, fact, money, facts, now)


def _of_figure(
    standing: Mapping[str, Any], advice: tell.Told, remedy: tell.Told | None, needs: Requirement, fact: Fact,
    money: str | None, facts: Mapping[str, Any], now: datetime,
) -> Refused:  # fmt: skip
    whole = dict(standing)
    end = _end(fact)
    found = whole[f"found{end}"] = facts[fact.name]
    whole["advice"] = advice
    resets = tell.resets_at(fact.window, now) if fact.window else None
    if resets:
        whole["resets_at"] = resets
    if needs.code is PolicyRefusal.OVER_LIMIT and fact.grows_by:
        assert needs.limit is not None
        most, had = needs.limit, found - facts[fact.grows_by]
        if fact.share:
            # The room under a share is told as what may still be loaded.
            part, of = (facts[name] for name in fact.share)
            most, had, end = of * needs.limit // _WHOLE_BPS, part - facts[fact.grows_by], "_minor"
        left = whole[f"left{end}"] = max(0, most - had)
        said = tell.room(left, FACTS[fact.share[0]] if fact.share else fact, money, resets)
        whole["advice"] = {"en": f"{said['en']} {remedy['en']}", "zh": said["zh"] + remedy["zh"]} if remedy else said
    return Refused(needs.code, whole)


def _end(fact: Fact) -> str:
    """How a figure's name ends: amounts say their unit."""
    return "_minor" if fact.unit is Unit.MINOR else ""

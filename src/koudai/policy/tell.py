"""Clauses told in words, English and Chinese, from the vocabulary: for refusals, doors and documents. Pure."""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any

from koudai.base import CHINA, DAY_S, Money, asset, day_start_s, moment_of, render_time, seconds_of
from koudai.phrases import Language
from koudai.policy.facts import FACTS, Fact
from koudai.policy.model import FEWEST, MOST, Allowed, Clause, PolicyRefusal, Recurrence, Requirement, Said, Unit

EN, ZH = Language.EN, Language.ZH

Told = dict[str, str]
"""Something said in both languages, as facts of refusals carry it."""

_UNITS: dict[Unit, Said] = {
    Unit.MINOR: Said("minor units", "最小单位"),
    Unit.HOURS: Said("hours", "小时"),
    Unit.DAYS: Said("days", "天"),
    Unit.WORKING_DAYS: Said("working days", "个工作日"),
    Unit.MONTHS: Said("months", "个月"),
    Unit.YEARS: Said("years", "年"),
    Unit.TIMES: Said("times", "倍"),
}
_PER = {None: Said("", ""), Recurrence.DAY: Said(" a day", "每日"), Recurrence.YEAR: Said(" a year", "每年")}
_FLAGS = {True: Said("yes", "是"), False: Said("no", "否")}


def told(said: Said) -> Told:
    """Something said, as a fact of a refusal."""
    return {"en": said.en, "zh": said.zh}


def figure(value: int, unit: Unit | None, currency: str | None, language: Language) -> str:
    """A figure as people read it: `5000.00 CNY`, `30 days`, `40 %`."""
    known = asset(currency) if currency and unit is Unit.MINOR else None
    if known is not None:
        return str(Money(value, known))
    if unit is Unit.BPS:
        whole, rest = divmod(value, 100)
        return f"{whole}{f'.{rest:02}' if rest else ''} %"
    assert unit is not None, "a figure has a unit"
    said = _UNITS[unit]
    return f"{value} {said.en}" if language is EN else f"{value} {said.zh}"


def value(fact: Fact, what: Any, currency: str | None, language: Language) -> str:
    """A value of a fact as people read it."""
    if fact.unit is not None:
        return figure(what, fact.unit, currency, language)
    said = fact.words[what] if fact.words is not None else _FLAGS[what]
    return said.en if language is EN else said.zh


def bound(fact: Fact, allowed: Allowed, currency: str | None, language: Language, *, forbids: bool = False) -> str:
    """What is let through of a fact: `at most 5000.00 CNY`, `registered or verified`, `anything but cash`."""
    if isinstance(allowed, range):
        least, most = allowed.start, allowed.stop - 1
        parts = []
        if least > FEWEST:
            parts.append(("at least " if language is EN else "不少于 ") + figure(least, fact.unit, currency, language))
        if most < MOST:
            parts.append(("at most " if language is EN else "不超过 ") + figure(most, fact.unit, currency, language))
        return (" and " if language is EN else "且").join(parts)
    missing = fact.domain - allowed if not isinstance(fact.domain, range) else frozenset()
    if fact.words is not None and (forbids or 2 * len(missing) < len(allowed)):
        names = _names(fact, missing, language)
        return f"anything but {_listed(names, language)}" if language is EN else f"除{_listed(names, language)}以外"
    return _listed(_names(fact, allowed, language), language)


def _names(fact: Fact, values: Iterable[Any], language: Language) -> list[str]:
    order = list(fact.words) if fact.words is not None else [True, False]
    return [value(fact, one, None, language) for one in sorted(values, key=order.index)]


def _listed(names: list[str], language: Language) -> str:
    if language is ZH or len(names) < 2:
        return "、".join(names)
    return f"{', '.join(names[:-1])} or {names[-1]}"


def label(fact: Fact, language: Language) -> str:
    """A fact's name within a sentence."""
    return fact.label.en if language is EN else fact.label.zh


def rule(requirement: Requirement | None, currency: str | None, language: Language) -> str:
    """What a requirement asks, in words: `balance afterwards at most 5000.00 CNY`."""
    if requirement is None:
        return "never" if language is EN else "一律不得"
    fact = FACTS[requirement.fact]
    forbids = requirement.code is PolicyRefusal.FORBIDDEN
    return _asked(fact, requirement.allowed, currency, language, forbids=forbids)


def _asked(fact: Fact, allowed: Allowed, currency: str | None, language: Language, *, forbids: bool = False) -> str:
    name, asked = label(fact, language), bound(fact, allowed, currency, language, forbids=forbids)
    if isinstance(allowed, range):
        return f"{name} {asked}" if language is EN else f"{name}{asked}"
    return f"{name}: {asked}" if language is EN else f"{name}：{asked}"


def conditions(clause: Clause, language: Language) -> str:
    """Where a clause applies, in words; empty when it always does."""
    parts = [_asked(FACTS[name], allowed, clause.money, language) for name, allowed in clause.when]
    return ("; " if language is EN else "；").join(parts)


def figures(clause: Clause, language: Language) -> str:
    """The figures of a clause in words; empty when it has none."""
    if clause.requires is not None and clause.requires.limit is not None:
        fact = FACTS[clause.requires.fact]
        asked = bound(fact, clause.requires.allowed, clause.money, language)
        per = _PER[fact.window]
        return asked + per.en if language is EN else per.zh + asked
    join = "; " if language is EN else "；"
    # A duty's figures have their names of the document: later rooms read them by these.
    return join.join(f"{name} {figure(f.value, f.unit, clause.money, language)}" for name, f in clause.figures.items())


def room(left: int, fact: Fact, currency: str | None, resets: str | None) -> Told:
    """How much is left, and until when."""
    en = figure(left, fact.unit, currency, EN)
    zh = en if fact.unit is Unit.MINOR and currency else figure(left, fact.unit, currency, ZH)
    if resets is None:
        return {"en": f"{en} would fit now.", "zh": f"目前尚余额度 {zh}。"}
    return {"en": f"{en} would fit now. It resets at {resets}.", "zh": f"目前尚余额度 {zh}。重置时间：{resets}。"}


def resets_at(window: Recurrence, now: datetime) -> str:
    """When a sum over a Chinese calendar window begins anew, as RFC 3339 has it."""
    return _resets_at(window, day_start_s(seconds_of(now)))


@lru_cache(maxsize=8)
def _resets_at(window: Recurrence, day_s: int) -> str:
    if window is Recurrence.DAY:
        return render_time(moment_of(day_s + DAY_S))
    year = moment_of(day_s).astimezone(CHINA).year
    return render_time(datetime(year + 1, 1, 1, tzinfo=CHINA))


def example(clause: Clause, language: Language) -> tuple[str, str] | None:
    """What a clause lets pass at its edge, and what it refuses just beyond; None for a duty."""
    applies = conditions(clause, language)
    join, colon = ("; ", ": ") if language is EN else ("；", "：")
    needs = clause.requires
    if not clause.points:
        return None
    if needs is None:
        return ("", applies)
    fact = FACTS[needs.fact]
    if isinstance(needs.allowed, range):
        assert needs.limit is not None, "a bound has a figure"
        passes, fails = needs.limit, needs.limit + (-1 if needs.code is PolicyRefusal.BELOW_LIMIT else 1)
    else:
        assert not isinstance(fact.domain, range), "a word or a flag is asked"
        order = list(fact.words) if fact.words is not None else [True, False]
        passes = min(needs.allowed, key=order.index)
        fails = min(fact.domain - needs.allowed, key=order.index)
    sides = [f"{label(fact, language)}{colon}{value(fact, one, clause.money, language)}" for one in (passes, fails)]
    return tuple(join.join(filter(None, (applies, side))) for side in sides)  # type: ignore[return-value]


def asks(clause: Clause, language: Language) -> str:
    """What a clause asks, in words: its requirement, or the figures of a duty."""
    if not clause.points:
        return figures(clause, language)
    return rule(clause.requires, clause.money, language)

"""What differs between two programmes, and for whom: which declared figures tighten, which loosen. Pure."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from koudai.programmes.figures import Better, Path, Rule, named, plain, rule_of
from koudai.programmes.model import Programme
from koudai.programmes.words import Kind


class Happened(StrEnum):
    """What became of a figure."""

    APPEARS = "appears"
    DISAPPEARS = "disappears"
    CHANGES = "changes"


class Effect(StrEnum):
    """What that is to a holder: they may do less or pay more, the other way round, or neither."""

    TIGHTENS = "tightens"
    LOOSENS = "loosens"
    NEITHER = "neither"


_EFFECTS = {1: Effect.LOOSENS, -1: Effect.TIGHTENS, 0: Effect.NEITHER}


_IN_PATH = frozenset(("flow", "subjects", "per", "window_s"))


class Change(NamedTuple):
    """A figure that differs. Of what isn't there the value is None, of a whole part a mapping of what it says."""

    path: str
    happened: Happened
    effect: Effect
    before: Any
    after: Any


def diff(before: Programme, after: Programme) -> list[Change]:
    """What differs, in the order of the document."""
    unsaid = {
        f"kinds.{kind}.validity.renewal_days"
        for kind in Kind
        if not any((terms := one.of_kind(kind)) and terms.validity.renewal_days for one in (before, after))
    }
    return [change for change in changes((), plain(before), plain(after)) if change.path not in unsaid]


def changes(path: Path, before: Any, after: Any) -> Iterator[Change]:
    """What differs between two values of one place."""
    if before == after:
        return
    rule = rule_of(path)
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from changes((*path, name), before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and rule and rule.better is not Better.FREE:
        yield from _of_lists(path, rule, before, after)
    else:
        assert rule is not None, f"nobody says which way {named(path)} is better"
        yield _change(named(path), rule.effect(before, after), _told(before), _told(after))


def _of_lists(path: Path, rule: Rule, before: list[Any], after: list[Any]) -> Iterator[Change]:
    good = 1 if rule.better is Better.LISTED else -1
    for one in before:
        if one not in after:
            yield _change(f"{named(path)}[{one}]", -good, one, None)
    for one in after:
        if one not in before:
            yield _change(f"{named(path)}[{one}]", good, None, one)


def _change(path: str, effect: int, before: Any, after: Any) -> Change:
    happened = Happened.APPEARS if before is None else Happened.DISAPPEARS if after is None else Happened.CHANGES
    return Change(path, happened, _EFFECTS[effect], before, after)


def _told(value: Any) -> Any:
    """A value as it is told: of a part what it says; of a limit its bounds, since the path says what it counts."""
    if not isinstance(value, dict):
        return value
    return {name: _told(one) for name, one in value.items() if one is not None and name not in _IN_PATH}

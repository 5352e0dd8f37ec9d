"""A limit as a line of words: `redeem holder day max=2000000 count=5`."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

import click

from koudai.base import MAX_MINOR, Fault
from koudai.cli.codes import CliFault
from koudai.cli.values import amount_of, named, seconds_of_duration, shortened, whole_of
from koudai.ledger import Flow, Limit, Per, Subject

E = TypeVar("E", bound=StrEnum)

_WINDOW_DAYS = 366

# The words of the line for the fields that a limit says don't fit.
_WORDS = {"subjects": "WHO", "window_s": "window=", "min_minor": "min=", "max_minor": "max=", "max_count": "count="}

_BOUNDS: Mapping[str, tuple[str, Callable[[str, str], int]]] = {
    "window": ("window_s", lambda text, option: seconds_of_duration(text, option, _WINDOW_DAYS)),
    "min": ("min_minor", lambda text, option: amount_of(text, option, least=0)),
    "max": ("max_minor", lambda text, option: amount_of(text, option, least=0)),
    "count": ("max_count", lambda text, option: whole_of(text, option, 0, MAX_MINOR)),
}


class LimitWords(click.ParamType[Limit]):
    """FLOW WHO PER, and then `min=N`, `max=N`, `count=N`, and for a rolling one `window=DURATION`."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Limit:
        """The limit."""
        if isinstance(value, Limit):
            return value
        option = named(param) if param else ""
        if len(value.split()) < 3:
            _unread(option, value, "FLOW WHO PER")
        flow, who, per, *bounds = value.split()
        subjects = tuple(_one(Subject, one, f"{option} WHO") for one in who.split("+"))
        known: dict[str, int] = {}
        for bound in bounds:
            name, equals, text = bound.partition("=")
            field, read = _BOUNDS.get(name, ("", None))
            if not equals or read is None or field in known:
                _unread(option, value, bound)
            known[field] = read(text, f"{option} {name}=")
        limit = Limit(subjects, _one(Flow, flow, f"{option} FLOW"), _one(Per, per, f"{option} PER"), **known)
        wrong = limit.fault()
        if wrong is not None:
            raise Fault(CliFault.LIMIT_FIELD, option=option, found=shortened(value), field=_WORDS[wrong])
        return limit


def _unread(option: str, value: str, part: str) -> NoReturn:
    raise Fault(CliFault.LIMIT_FORM, option=option, found=shortened(value), part=shortened(part))


def _one(kind: type[E], word: str, option: str) -> E:
    if word not in list(kind):
        raise Fault(CliFault.NOT_A_CHOICE, option=option, found=shortened(word), choices=", ".join(kind))
    return kind(word)


def limit_object(limit: Limit) -> dict[str, Any]:
    """A limit as JSON has it: what it says, and nothing else."""
    bounds = {name: getattr(limit, name) for name, _ in _BOUNDS.values()}
    told = {"subjects": [str(one) for one in limit.subjects], "flow": str(limit.flow), "per": str(limit.per)}
    return {**told, **{name: bound for name, bound in bounds.items() if bound is not None}}


def limit_words(told: Mapping[str, Any]) -> str:
    """The line of words of a limit's object."""
    line = [told["flow"], "+".join(told["subjects"]), told["per"]]
    for name, (field, _) in _BOUNDS.items():
        if field in told:
            line.append(f"{name}={told[field]}{'s' if name == 'window' else ''}")
    return " ".join(line)

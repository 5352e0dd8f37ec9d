"""From the decoder's message to the field that is wrong, and the remedy in the caller's language."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from koudai.api.problems import ApiProblem, FieldFault, Problem

T = TypeVar("T")

_AT = re.compile(r"(?P<said>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.DOTALL)

# The decoder's sentences, in the order in which they are tried.
_SAID: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"Object missing required field `(?P<name>[^`]*)`", "missing"),
        (r"Object contains unknown field `(?P<name>[^`]*)`", "unknown"),
        (r"Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`", "type"),
        (r"Expected `int` >= (?P<bound>-?\d+)", "at_least"),
        (r"Expected `int` <= (?P<bound>-?\d+)", "at_most"),
        (r"Integer value out of range", "out_of_range"),
        (r"Expected `\w+` of length >= (?P<bound>\d+)", "longer"),
        (r"Expected `\w+` of length <= (?P<bound>\d+)", "shorter"),
        (r"Expected `str` matching regex (?P<pattern>.*)", "form"),
        (r"Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone component", "time"),
        (r"Invalid RFC3339 encoded date", "day"),
        (r"Invalid (?:enum )?value (?P<got>.*)", "choice"),
    )
)

_TYPES = {"int": "integer", "str": "string", "bool": "boolean", "float": "number with a fraction", "null": "null"}


def decoded(decode: Callable[[bytes | msgspec.Raw], T], body: bytes | msgspec.Raw) -> T:
    """What a prebuilt decoder makes of a body; raises Problem that names what is wrong."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise Problem(ApiProblem.INVALID, errors=[field_fault(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(ApiProblem.MALFORMED_JSON) from None


def field_fault(message: str) -> FieldFault:
    """The field and the reason in a message of the decoder."""
    parts = _AT.fullmatch(message)
    assert parts is not None
    path = (parts["path"] or "").removeprefix(".")
    for pattern, reason in _SAID:
        match = pattern.fullmatch(parts["said"])
        if match:
            facts: dict[str, Any] = match.groupdict()
            name = facts.pop("name", None)
            for end in ("expected", "got"):
                if reason == "type":
                    facts[end] = " | ".join(_TYPES.get(t, t) for t in facts[end].split(" | "))
            field = ".".join(filter(None, (path, name))) if name is not None else path
            return FieldFault(field or "body", reason, **facts)
    return FieldFault(path or "body", "other")

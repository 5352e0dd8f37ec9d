"""The two ways in which something is not done: a refusal, which is an answer, and a fault, which is not."""

from collections.abc import Mapping
from typing import Any


class Refused:
    """A judged no: the answer to a command, remembered under its key.

    `code` is dotted (`cards.blocked`); `facts` are the figures that explain it (which limit, what is
    left), JSON-ready, in minor units where they are money. A refusal is a value, never raised.
    """

    __slots__ = ("code", "facts")

    def __init__(self, code: str, facts: Mapping[str, Any] | None = None) -> None:
        self.code = str(code)
        self.facts: dict[str, Any] = dict(facts or {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused) and (self.code, self.facts) == (other.code, other.facts)

    def __hash__(self) -> int:
        return hash(self.code)

    def __repr__(self) -> str:
        return f"Refused({self.code!r}, {self.facts!r})"


class Fault(Exception):
    """Something stands in the way of an answer: a broken file, a database that is gone, a wrong key.

    It carries a dotted code and facts like a refusal, so that the doors say it in the caller's
    language, but it is raised and never remembered: the same command may succeed later.
    """

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(str(code), facts)
        self.code = str(code)
        self.facts: dict[str, Any] = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.facts.items())
        return f"{self.code} ({told})" if told else self.code

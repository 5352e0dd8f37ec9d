"""Idempotency: what was asked and answered under each key, for ever, per book and across all verbs. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from koudai.base import Refused
from koudai.ledger.model import LedgerRefusal, Place

_ENCODER = msgspec.json.Encoder()

BARRED = "{}"
"""The request of a key that may not be used any more: whatever comes with it gets the barred answer."""


class Memory(msgspec.Struct, frozen=True):
    """What is kept under a key: the request's canonical fields, and where or how it was answered.

    `refusal` is the code of a judged no. `facts` are its figures, or the ids of what was made where
    the place alone doesn't lead there.
    """

    request: str
    place: Place
    refusal: str | None = None
    facts: str | None = None

    def as_refusal(self) -> Refused | None:
        """The refusal as it was first answered, or None when the command was accepted."""
        if self.refusal is None:
            return None
        return Refused(self.refusal, msgspec.json.decode(self.facts) if self.facts else None)

    def facts_told(self) -> dict[str, Any]:
        """The facts by name."""
        told: dict[str, Any] = msgspec.json.decode(self.facts or "{}")
        return told

    def fact(self, name: str) -> Any:
        """One of the facts."""
        return self.facts_told()[name]


def request_text(fields: Mapping[str, Any]) -> str:
    """The canonical form of a command: its fields in their declared order, as JSON. No secret stands in it."""
    return _ENCODER.encode(fields).decode()


class Keys:
    """The keys of one batch: what was remembered before it, and what it adds."""

    __slots__ = ("added", "known")

    def __init__(self, known: dict[str, Memory]) -> None:
        self.known = known
        self.added: list[tuple[str, str, int, str | None, str | None]] = []

    def recall(self, key: str, request: str) -> Memory | Refused | None:
        """The memory of this key; a refusal that names the field when the request is another; None when new."""
        memory = self.known.get(key)
        if memory is None or memory.request in (request, BARRED):
            return memory
        return Refused(LedgerRefusal.KEY_REUSED, {"field": _first_difference(memory.request, request)})

    def remember(self, key: str, memory: Memory) -> None:
        """Keep an answer; it is written with the batch."""
        self.known[key] = memory
        self.added.append((key, memory.request, memory.place.ordinal, memory.refusal, memory.facts))

    def remember_refusal(self, key: str, request: str, place: Place, refused: Refused) -> None:
        """Keep a judged no with its figures."""
        facts = msgspec.json.encode(refused.facts).decode() if refused.facts else None
        self.remember(key, Memory(request, place, refused.code, facts))


def _first_difference(first: str, second: str) -> str:
    one, two = msgspec.json.decode(first), msgspec.json.decode(second)
    for name in [*one, *two]:
        if one.get(name) != two.get(name):
            return str(name)
    raise AssertionError("two canonical requests differ in no field")

"""Packs as they are written: the form of the YAML, before anything of it is proven."""

from typing import Annotated

import msgspec
from msgspec import Meta

from koudai.policy.model import Certainty, Figure, GateKind, Point, ProgrammeClass, Said, Severity, Status

_Id = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$", max_length=80)]
_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class Test(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bound of a figure with its unit, or the words that it must not be."""

    at_least: int | None = None
    at_most: int | None = None
    below: int | None = None
    unit: str | None = None
    none_of: Annotated[list[str], Meta(min_length=1)] | None = None

    @property
    def bounds(self) -> list[int]:
        """The bounds that it has."""
        return [bound for bound in (self.at_least, self.at_most, self.below) if bound is not None]


Asked = str | bool | Annotated[list[str], Meta(min_length=1)] | Test
"""What is asked of a fact: a word, one of several, yes or no, a bound."""


class WrittenClause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A clause as it is written. `require` asks something of one fact; `never` is instead of it."""

    id: _Id
    citation: Said
    title: Said
    certainty: Certainty
    status: Status
    severity: Severity
    points: list[Point] = []
    when: dict[str, Asked] = {}
    require: dict[str, Asked] | None = None
    never: bool = False
    figures: dict[str, Figure] = {}
    statutory: bool = False
    remedy: Said | None = None


class WrittenGate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A launch gate as it is written."""

    kind: GateKind
    citation: Said
    title: Said
    certainty: Certainty


class WrittenPack(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pack as it is written. Without classes it is a part, there to be included by others."""

    pack: _Name
    title: Said
    clauses: Annotated[list[WrittenClause], Meta(min_length=1)]
    classes: list[ProgrammeClass] = []
    includes: list[_Name] = []
    money: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = None
    gates: list[WrittenGate] = []

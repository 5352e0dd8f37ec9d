"""A document that was read, and the mistakes in one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

Path = tuple[str | int, ...]
"""Where a value stands in a document: names and numbers from the root, `("limits", 0, "max_minor")`."""


class DocumentFault(StrEnum):
    """What is wrong with a document, whatever it is about."""

    NOT_YAML = "documents.not_yaml"
    NOT_PLAIN = "documents.not_plain"
    NOT_WHOLE = "documents.not_whole"
    KEY_TWICE = "documents.key_twice"
    FIELD_MISSING = "documents.field_missing"
    UNKNOWN_FIELD = "documents.unknown_field"
    WRONG_TYPE = "documents.wrong_type"
    NOT_ONE_OF = "documents.not_one_of"
    TOO_SMALL = "documents.too_small"
    TOO_LARGE = "documents.too_large"
    TOO_SHORT = "documents.too_short"
    TOO_LONG = "documents.too_long"
    WRONG_FORM = "documents.wrong_form"
    UNWRITABLE = "documents.unwritable"
    MORE = "documents.more"


class Place(NamedTuple):
    """Where something begins in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a document: where, and why (`phrases` has a sentence for each code)."""

    code: str
    path: str
    place: Place
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Document(Generic[T]):
    """A document that has the form it should have: its value, and where each part of it stands."""

    value: T
    places: Mapping[Path, Place]

    def place(self, path: Path) -> Place:
        """Where a value stands; of one that isn't written there, the nearest that holds it."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def mistake(self, code: str, path: Path, **facts: Any) -> Mistake:
        """A mistake at a path."""
        return Mistake(str(code), as_path(path), self.place(path), facts)


def as_path(path: Path) -> str:
    """A path as people write it: `limits[0].max_minor`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text

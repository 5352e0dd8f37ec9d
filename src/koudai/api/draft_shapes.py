"""The JSON of documents of programmes before anything is put: what is wrong, what differs, what the law means."""

from datetime import date
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from koudai.api.scalars import Body, Document, Id, Word
from koudai.programmes import Effect, Happened


class ProgrammeDocument(Body, frozen=True, kw_only=True):
    """A document as it was written: YAML, as `/docs` and `koudai programme check` know it."""

    document: Document


class WrittenProgramme(Body, frozen=True, kw_only=True, tag_field="from", tag="document"):
    """A programme by its document."""

    document: Document


class ShippedProgramme(Body, frozen=True, kw_only=True, tag_field="from", tag="shipped"):
    """A programme that comes with koudai, by its name."""

    name: Word


class StoredProgramme(Body, frozen=True, kw_only=True, tag_field="from", tag="version"):
    """A version that was put: the one that takes effect on that day, or the newest."""

    programme_id: Id
    effective_on: Annotated[date, Meta(description="A Chinese calendar day.")] | None = None


ProgrammeSource = WrittenProgramme | ShippedProgramme | StoredProgramme


class ProgrammePair(Body, frozen=True, kw_only=True):
    """Two programmes to compare."""

    before: ProgrammeSource
    after: ProgrammeSource


class DocumentMistake(msgspec.Struct, frozen=True):
    """One thing that is wrong with a document: of which part (`path`), and where; `detail` says it in words."""

    code: str
    path: str
    line: int
    column: int
    detail: str
    facts: dict[str, Any]


class CheckedDocument(msgspec.Struct, frozen=True):
    """All mistakes of a document, in the order of its lines; without one, every figure that it declares by its path."""

    valid: bool
    mistakes: list[DocumentMistake]
    declared: dict[str, Any]


class FigureChange(msgspec.Struct, frozen=True):
    """A declared figure that differs, and what that is to a holder. Of what isn't there the value is null."""

    path: str
    happened: Happened
    effect: Effect
    before: Any
    after: Any


class ProgrammeDifference(msgspec.Struct, frozen=True):
    """What differs between two programmes, in the order of the document."""

    changes: list[FigureChange]


class ShippedTitle(msgspec.Struct, frozen=True):
    """A programme that comes with koudai; `sandbox_only`: it is for trying out, and never goes live."""

    name: str
    titles: dict[str, str]
    class_: str = msgspec.field(name="class")
    pack: str
    sandbox_only: bool


class ShippedTitles(msgspec.Struct, frozen=True):
    """The programmes that come with koudai, by name."""

    data: list[ShippedTitle]


class ShippedDocument(msgspec.Struct, frozen=True):
    """The document of a programme that comes with koudai, to begin one's own with."""

    name: str
    document: str

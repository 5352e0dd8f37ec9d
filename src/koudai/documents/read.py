"""Read a document: YAML 1.2 without anchors or tags of its own, checked against the schema of a type.

All mistakes are told, not the first alone, up to a hundred of them. The schema is made from the msgspec type (JSON
Schema 2020-12), so that editors can have it too.
"""

import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from jsonschema import Draft202012Validator, FormatChecker
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from koudai.documents.model import Document, DocumentFault, Mistake, Path, Place, as_path

T = TypeVar("T")

_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "bool", "null", "timestamp")}
_FLOAT = "tag:yaml.org,2002:float"
_START = Place(1, 1)
_DEPTH = 40
_UNWRITABLE = {"Cc", "Cs"}
_TOLD = 100


def read(text: str, kind: type[T]) -> Document[T] | list[Mistake]:
    """The document as a value of `kind`, or what is wrong with it, in the order of lines (see `at_most`)."""
    yaml, walk = YAML(typ="safe", pure=True), _Walk()
    # What is nested deeper is left at that place: the scanner takes ever longer for each bracket that is open.
    yaml.max_depth = _DEPTH
    try:
        node = yaml.compose(text)
        plain = None if node is None else walk.value(node, ())
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = _START if mark is None else Place(mark.line + 1, mark.column + 1)
        deep = isinstance(error, MaxDepthExceededError)
        detail = f"it is nested deeper than {_DEPTH} levels" if deep else str(error.problem or error.context)
        return [Mistake(str(DocumentFault.NOT_YAML), "", place, {"detail": detail})]
    except YAMLError as error:
        return [Mistake(str(DocumentFault.NOT_YAML), "", _START, {"detail": str(error)})]
    found: Document[Any] = Document(plain, {(): _START} | walk.places)
    told: dict[tuple[str, Path, str], Mistake] = {}
    # What could not be read is told once: nothing is asked of it, nor of what stands in it.
    for wrong in _validator(cast(Hashable, kind)).iter_errors(plain):
        for code, path, facts in _told(wrong):
            if not walk.is_unread(path):
                told[code, path, str(facts)] = found.mistake(code, path, **facts)
    mistakes = [*walk.mistakes, *told.values()]
    if mistakes:
        return at_most(mistakes)
    return Document(msgspec.convert(plain, kind), found.places)


def at_most(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Mistakes in the order of lines: a hundred, and where there are more, a last one that says how many."""
    ordered = sorted(mistakes, key=lambda mistake: (mistake.place, mistake.path, mistake.code))
    if len(ordered) <= _TOLD:
        return ordered
    left = ordered[_TOLD:]
    return [*ordered[:_TOLD], Mistake(str(DocumentFault.MORE), "", left[0].place, {"count": len(left)})]


@cache
def schema_of(kind: Hashable) -> dict[str, Any]:
    """The JSON Schema of a type's documents. What may be left out is left out, and never said to be nothing."""
    schema = msgspec.json.schema(kind)
    return _without_null(schema)  # type: ignore[no-any-return]


def _without_null(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_null(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _without_null(one) for name, one in schema.items() if one is not None}
    several = [one for one in told.get("anyOf", ()) if one != {"type": "null"}]
    if len(several) == 1:
        del told["anyOf"]
        told |= several[0]
    return told


@cache
def _validator(kind: Hashable) -> Any:
    return Draft202012Validator(schema_of(kind), format_checker=FormatChecker(("date",)))


class _Walk:
    """Turns nodes into plain values, and notes where each stands."""

    def __init__(self) -> None:
        self.places: dict[Path, Place] = {}
        self.mistakes: list[Mistake] = []
        self._unread: set[Path] = set()
        self._construct = YAML(typ="safe", pure=True).constructor.construct_object

    def is_unread(self, path: Path) -> bool:
        """Whether a path is of what could not be read, or stands in it."""
        return any(path[:length] in self._unread for length in range(len(path) + 1))

    def value(self, node: Node, path: Path) -> Any:
        place = Place(node.start_mark.line + 1, node.start_mark.column + 1)
        self.places.setdefault(path, place)
        if node.anchor or str(node.tag) not in _PLAIN:
            whole = node.anchor or str(node.tag) != _FLOAT
            code = DocumentFault.NOT_PLAIN if whole else DocumentFault.NOT_WHOLE
            self.mistakes.append(Mistake(str(code), as_path(path), place))
            self._unread.add(path)
            return None
        if isinstance(node, SequenceNode):
            return [self.value(one, (*path, number)) for number, one in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        # Days and moments stay the text that was written: the schema says what form they have.
        if str(node.tag).endswith((":str", ":timestamp")):
            return node.value if self._is_writable(node.value, path, place) else None
        try:
            return self._construct(node)
        except ValueError:
            # What says that it is a number and can't be read as one, or not one of thousands of digits.
            facts = {"value": _short(node.value), "expected": str(node.tag).rpartition(":")[2]}
            self.mistakes.append(Mistake(str(DocumentFault.WRONG_TYPE), as_path(path), place, facts))
            self._unread.add(path)
            return None

    def _is_writable(self, text: str, path: Path, place: Place) -> bool:
        """Whether nothing stands in a text that no file or database takes, as an escape in quotes may bring along."""
        bad = next((one for one in text if unicodedata.category(one) in _UNWRITABLE and one not in "\n\t"), None)
        if bad is not None:
            facts = {"character": f"U+{ord(bad):04X}"}
            self.mistakes.append(Mistake(str(DocumentFault.UNWRITABLE), as_path(path), place, facts))
            self._unread.add(path)
        return bad is None

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            place = Place(key.start_mark.line + 1, key.start_mark.column + 1)
            if not self._is_writable(name, path, place):
                continue
            inner = (*path, name)
            if name in told:
                self.mistakes.append(Mistake(str(DocumentFault.KEY_TWICE), as_path(inner), place))
            # A name's place is that of its key: that is where people look for it.
            self.places.setdefault(inner, place)
            told[name] = self.value(value, inner)
        return told


_Facts = dict[str, Any]


def _told(error: Any) -> Iterator[tuple[DocumentFault, Path, _Facts]]:
    """What an error of the schema is to people."""
    path: Path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if keyword == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield DocumentFault.FIELD_MISSING, path, {"field": name}
    elif keyword == "additionalProperties":
        known = sorted(error.schema.get("properties", ()))
        for name in error.instance:
            if name not in known:
                yield DocumentFault.UNKNOWN_FIELD, (*path, name), {"field": name, "known": ", ".join(known)}
    elif keyword == "enum":
        one_of = ", ".join(str(one) for one in error.validator_value)
        yield DocumentFault.NOT_ONE_OF, path, {"value": _short(error.instance), "one_of": one_of}
    elif keyword in _BOUNDS:
        yield _BOUNDS[keyword], path, {"value": _short(error.instance), "bound": error.validator_value}
    elif keyword in ("pattern", "format"):
        yield DocumentFault.WRONG_FORM, path, {"value": _short(error.instance), "form": error.validator_value}
    else:
        expected = error.validator_value if keyword == "type" else "another form"
        yield DocumentFault.WRONG_TYPE, path, {"value": _short(error.instance), "expected": expected}


_BOUNDS = {
    "minimum": DocumentFault.TOO_SMALL,
    "exclusiveMinimum": DocumentFault.TOO_SMALL,
    "maximum": DocumentFault.TOO_LARGE,
    "exclusiveMaximum": DocumentFault.TOO_LARGE,
    "minLength": DocumentFault.TOO_SHORT,
    "minItems": DocumentFault.TOO_SHORT,
    "minProperties": DocumentFault.TOO_SHORT,
    "maxLength": DocumentFault.TOO_LONG,
    "maxItems": DocumentFault.TOO_LONG,
}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"

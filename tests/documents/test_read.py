"""A document says where each of its mistakes stands."""

from datetime import date
from time import process_time
from typing import Annotated

import msgspec
import pytest

from koudai.documents import Document, DocumentFault, Mistake, Place, as_path, read, schema_of
from koudai.phrases import Language, say

F = DocumentFault


class Cap(msgspec.Struct, forbid_unknown_fields=True):
    most: Annotated[int, msgspec.Meta(ge=1)] | None = None
    since: date | None = None


class Shop(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=2, pattern="^[a-z]+$")]
    caps: list[Cap] = []
    goods: dict[str, int] = {}


def test_a_document_is_a_typed_value_whose_parts_know_their_lines():
    found = read("name: grocer\ncaps:\n  - since: 2026-01-31\n    most: 5_000\n", Shop)
    assert isinstance(found, Document)
    assert found.value == Shop("grocer", [Cap(5_000, date(2026, 1, 31))])
    assert found.place(("caps", 0, "most")) == Place(4, 5)
    mistake = found.mistake("documents.too_small", ("caps", 0, "most", "of_it"), value=1, bound=2)
    assert (mistake.path, mistake.place) == ("caps[0].most.of_it", Place(4, 5))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\ncaps:\n  - most: 0\n  - {most: x, foo: 1}\n",
         [(F.TOO_SHORT, "name", 1, 1), (F.TOO_SMALL, "caps[0].most", 3, 5), (F.WRONG_TYPE, "caps[1].most", 4, 6),
          (F.UNKNOWN_FIELD, "caps[1].foo", 4, 15)]),
        ("caps: 3\n", [(F.FIELD_MISSING, "", 1, 1), (F.WRONG_TYPE, "caps", 1, 1)]),
        ("", [(F.WRONG_TYPE, "", 1, 1)]),
        ("- 1\n", [(F.WRONG_TYPE, "", 1, 1)]),
        ("name: &x grocer\nname: b\n", [(F.NOT_PLAIN, "name", 1, 7), (F.KEY_TWICE, "name", 2, 1)]),
        ("name: grocer\ngoods: {tea: 1.5}\n", [(F.NOT_WHOLE, "goods.tea", 2, 14)]),
        ("name: Grocer\n", [(F.WRONG_FORM, "name", 1, 1)]),
        ("name: grocer\ncaps: [{since: 2026-02-30}]\n", [(F.WRONG_FORM, "caps[0].since", 2, 9)]),
        ("name: grocer\ncaps: [{since: null}]\n", [(F.WRONG_TYPE, "caps[0].since", 2, 9)]),
        ("name: [\n", [(F.NOT_YAML, "", 2, 1)]),
        ("name: grocer\n---\nname: other\n", [(F.NOT_YAML, "", 2, 1)]),
        ("name: !!python/none\n", [(F.NOT_PLAIN, "name", 1, 7)]),
        ("name: !!int abc\n", [(F.WRONG_TYPE, "name", 1, 7)]),
        ("name: " + "9" * 5_000, [(F.WRONG_TYPE, "name", 1, 7)]),
        ("[" * 5_000, [(F.NOT_YAML, "", 1, 41)]),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_line_and_column(text, told):
    found = read(text, Shop)
    assert isinstance(found, list)
    assert [(m.code, m.path, *m.place) for m in found] == told


def test_a_document_is_read_to_a_depth_of_forty_levels():
    def nested(levels):
        return read("goods: " + "[" * (levels - 1) + "]" * (levels - 1), Shop)

    assert [m.code for m in nested(40)] == [F.FIELD_MISSING, F.WRONG_TYPE]
    assert nested(41) == [Mistake(F.NOT_YAML, "", Place(1, 47), {"detail": "it is nested deeper than 40 levels"})]


@pytest.mark.parametrize(
    "text", ["goods: " + "[" * 49_000, "{" * 49_000, "[{" * 24_000, f"caps: [{'.5,' * 16_000}]"],
)  # fmt: skip
def test_a_hostile_document_of_any_size_that_is_taken_is_read_in_a_moment(text):
    began = process_time()
    read(text, Shop)
    assert process_time() - began < 6


def test_of_many_mistakes_a_hundred_are_told_and_how_many_there_are_besides():
    def wrong(lines):
        return read("name: grocer\ngoods:\n" + "".join(f"  g{n}: 1.5\n" for n in range(lines)), Shop)

    assert [m.code for m in wrong(100)] == [F.NOT_WHOLE] * 100
    told = wrong(103)
    assert [m.code for m in told] == [F.NOT_WHOLE] * 100 + [F.MORE]
    assert [m.place.line for m in told] == list(range(3, 104))
    assert told[-1].facts == {"count": 3}


def test_every_mistake_has_a_sentence_in_both_languages():
    for code in DocumentFault:
        for language in Language:
            assert say(code, {}, language) != code


def test_what_may_be_left_out_is_never_said_to_be_nothing():
    assert "null" not in str(schema_of(Shop))


def test_a_path_is_written_as_people_write_it():
    assert as_path(("limits", 2, "max_minor")) == "limits[2].max_minor"


def test_what_can_not_be_read_hides_no_other_mistake():
    text = "name: G\ncaps:\n  - most: 5.5\n  - mots: 1\n    most: 0\ngoods: &a {tea: x}\n"
    found = read(text, Shop)
    assert [(one.code, one.path, one.place.line) for one in found] == [
        (F.TOO_SHORT, "name", 1), (F.WRONG_FORM, "name", 1), (F.NOT_WHOLE, "caps[0].most", 3),
        (F.UNKNOWN_FIELD, "caps[1].mots", 4), (F.TOO_SMALL, "caps[1].most", 5), (F.NOT_PLAIN, "goods", 6),
    ]  # fmt: skip

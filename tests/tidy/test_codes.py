"""Every code that can be answered has its sentence in both languages, and no sentence is without a code."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
import string
from enum import StrEnum
from pathlib import Path

import pytest

import koudai
from koudai.cards import ActivityType, CardState, Ending, FundingSource, RestrictionKind
from koudai.phrases import Language, say, sentences

SRC = Path(koudai.__file__).parent
DOTTED = re.compile(r"[a-z]+\.[a-z0-9_]+")


def enums() -> dict[str, type[StrEnum]]:
    found = {}
    for module in pkgutil.walk_packages(koudai.__path__, "koudai."):
        if module.name.endswith("__main__"):
            continue
        for name, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(value, StrEnum) and value is not StrEnum and value.__module__ == module.name:
                found[f"{module.name}.{name}"] = value
    return found


CODES = sorted({str(code) for enum in enums().values() for code in enum if DOTTED.fullmatch(code)})


@pytest.mark.parametrize("code", CODES)
def test_a_code_has_a_sentence_in_each_language(code):
    said = sentences()[code]
    assert set(said) == {"en", "zh"}
    assert re.search(r"[\u4e00-\u9fff]", said["zh"])
    quoted = {lang: {f for _, f, _, _ in string.Formatter().parse(text) if f} for lang, text in said.items()}
    assert quoted["en"] == quoted["zh"], "the two languages quote other facts"


def test_no_sentence_is_without_a_code():
    # A field's fault is put together from its reason: `invalid("gan", "check_digit")` says `api.field_check_digit`.
    api = "\n".join(path.read_text(encoding="utf-8") for path in (SRC / "api").glob("*.py"))
    reasons = {f"api.field_{reason}" for reason in re.findall(r"\"([a-z_]+)\"", api)}
    assert sorted(set(sentences()) - set(CODES) - reasons) == []


def test_a_fact_that_was_not_told_is_left_as_its_name():
    assert "{path}" in say("identity.keys_exposed", {}, Language.EN)


def test_a_limit_that_never_resets_says_so():
    facts = {"limit": "load.card.lifetime", "limit_minor": 5, "left_minor": 0, "resets_at": None, "currency": "CNY"}
    assert say("ledger.limit_exceeded", facts, Language.EN).endswith("It resets: never.")
    assert say("ledger.limit_exceeded", facts, Language.ZH).endswith("重置时间：永不。")
    told = say("ledger.limit_exceeded", {**facts, "resets_at": "2027-01-31T16:00:00Z"}, Language.ZH)
    assert "剩余 0" in told
    assert told.endswith("重置时间：2027-01-31T16:00:00Z。")


@pytest.mark.parametrize(
    ("kind", "enum"),
    [
        ("state", CardState),
        ("activity_type", ActivityType),
        ("funding_source", FundingSource),
        ("restriction_kind", RestrictionKind),
        ("restriction_end", Ending),
    ],
)
def test_sql_and_python_know_the_same_words(kind, enum):
    schema = "".join(path.read_text(encoding="utf-8") for path in sorted((SRC / "cards" / "schema").glob("*.sql")))
    body = re.search(rf"CREATE TYPE cards\.{kind} AS ENUM\s*\(([^)]*)\)", schema)
    assert body
    added = re.findall(rf"ALTER TYPE cards\.{kind} ADD VALUE '([^']+)'", schema)
    assert re.findall(r"'([^']+)'", body[1]) + added == [member.value for member in enum]


def test_the_reference_tells_every_code_as_it_is():
    root = SRC.parents[1]
    spec = importlib.util.spec_from_file_location("make_codes", root / "scripts" / "make_codes.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = (root / "docs" / "reference" / "codes.md").read_text(encoding="utf-8")
    assert written == script.page(), "run: python scripts/make_codes.py > docs/reference/codes.md"

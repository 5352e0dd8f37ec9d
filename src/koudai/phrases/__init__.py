"""What every code means, in English and Chinese: one sentence each, for every door.

The sentences stand in TOML files beside this one, under the code's own dotted name, and may quote the
facts of the refusal or fault in braces.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any


class Language(StrEnum):
    """The languages that koudai speaks."""

    EN = "en"
    ZH = "zh"


@cache
def sentences() -> dict[str, dict[str, str]]:
    """Every code with its sentence in each language."""
    known: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for room, codes in tomllib.loads(path.read_text(encoding="utf-8")).items():
            for name, said in codes.items():
                known[f"{room}.{name}"] = said
    return known


class _Told(dict[str, Any]):
    """Facts by name; one that wasn't told is left as its name."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


_NEVER = {Language.EN: "never", Language.ZH: "永不"}


def _in(fact: Any, language: Language) -> Any:
    return fact[language] if isinstance(fact, dict) and fact.keys() == set(Language) else fact


def say(code: str, facts: Mapping[str, Any], language: Language) -> str:
    """The sentence of a code in a language, with its facts; the code itself when it has none.

    A time that doesn't come (`resets_at` of a limit for life) is told as never. A fact that is itself said in
    both languages (a clause's title) is told in this one.
    """
    sentence = sentences().get(code)
    if sentence is None:
        return code
    told = {
        name: _NEVER[language] if fact is None and name.endswith("_at") else _in(fact, language)
        for name, fact in facts.items()
    }
    return sentence[language].format_map(_Told(told))

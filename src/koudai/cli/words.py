"""The command line's own words, in the language of the locale."""

import os
import tomllib
from functools import cache
from pathlib import Path

from koudai.phrases import Language


@cache
def language() -> Language:
    """Chinese where LC_ALL, LC_MESSAGES or LANG (the first that is set) begins with zh, else English."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return Language.ZH if value.lower().startswith("zh") else Language.EN
    return Language.EN


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every word by its dotted name, in each language."""
    sections = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
    return {f"{section}.{name}": said for section, words in sections.items() for name, said in words.items()}


def word(name: str, **facts: object) -> str:
    """A word or sentence of the catalogue with its facts; raises KeyError for one that isn't there."""
    said = catalogue()[name][language()]
    return said.format_map(facts) if facts else said

"""The stories of `docs/howto`: what they show is what the commands print."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STORIES = ("an-issuers-first-day", "a-holders-year")


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("make_story", ROOT / "scripts" / "make_story.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", STORIES)
def test_a_story_shows_what_its_commands_print(
    new_koudai: Any, script: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(words: list[str], stdin: str, language: str) -> tuple[int, str, str]:
        told = new_koudai(*words, stdin=stdin, language=language)
        return told.status, told.out, told.err

    page = ROOT / "docs" / "howto" / f"{name}.md"
    shown = page.read_text(encoding="utf-8")
    told = script.Story(run).told(shown)
    assert shown.splitlines() == told.splitlines(), f"run: python scripts/make_story.py docs/howto/{name}.md"


ID, OTHER = "gftc_" + "0" * 32, "gftc_" + "1" * 32
HEADINGS = f"{'card':39}{'number':21}balance\n{'─' * 78}\n"


def told(script: Any, page: str, *printed: tuple[int, str, str]) -> tuple[str, list[list[str]]]:
    """The page with these answers, and the words that were asked."""
    answers, asked = list(printed), []

    def run(words: list[str], stdin: str, language: str) -> tuple[int, str, str]:
        asked.append([*words, stdin, language])
        return answers.pop(0)

    return script.Story(run).told(page), asked


def test_what_differs_has_a_name_that_is_called_again(script: Any) -> None:
    page = "Before.\n```console\n$ koudai show\nold\n$ koudai pay gftc_…2 \\\n    --to gftc_…1\n```\nAfter.\n"
    printed = (0, f"{ID} {OTHER} {ID}\n", "a note\n"), (1, "", f"a note\nkoudai: no such {OTHER}\n")
    text, asked = told(script, page, *printed)
    assert text == (
        "Before.\n```console\n$ koudai show\ngftc_…1 gftc_…2 gftc_…1\n"
        "$ koudai pay gftc_…2 \\\n    --to gftc_…1\nkoudai: no such gftc_…2\n```\nAfter.\n"
    )
    assert asked == [["show", "", "C.UTF-8"], ["pay", OTHER, "--to", ID, "", "C.UTF-8"]]


def test_standard_input_language_and_pipe(script: Any) -> None:
    page = "```console\n$ LANG=zh_CN.UTF-8 koudai pin - <<< '2 7' | tail -1\n```\n"
    text, asked = told(script, page, (0, "one\ntwo\n", ""))
    assert text == page.replace("-1\n", "-1\ntwo\n")
    assert asked == [["pin", "-", "2 7\n", "zh_CN.UTF-8"]]


def test_a_table_closes_up_behind_its_names(script: Any) -> None:
    row = f"{ID}  9900040000000000017  12.50 CNY  生日  x\n"
    text, _ = told(script, "```console\n$ koudai list\n```\n", (0, HEADINGS + row, ""))
    assert text.splitlines()[2:-1] == [
        "card     number    balance",
        "─" * 37,
        "gftc_…1  990004…1  12.50 CNY  生日  x",
    ]  # fmt: skip


def test_a_command_that_breaks_is_no_story(script: Any) -> None:
    with pytest.raises(RuntimeError, match="Traceback"):
        told(script, "```console\n$ koudai list\n```\n", (1, "", "Traceback\n"))

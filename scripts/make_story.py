"""Bring a story of `docs/howto` up to date: run its commands in order, and write down what each prints.

Usage: python scripts/make_story.py docs/howto/a-holders-year.md …

A story is a page with blocks of `console`: behind `$ ` a command, under it what it prints. What differs from run to
run is shown by a name, which later commands may use: `gftc_…1` is the first card that was shown. `<<<` gives a line to
standard input, `LANG=zh_CN.UTF-8` another language, `|` passes on what is printed. Of standard error only refusals
are shown.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.cells import cell_len

from koudai.pg import Embedded

Run = Callable[[list[str], str, str], tuple[int, str, str]]
"""Words behind `koudai`, standard input and locale to exit status, standard output and standard error."""

ENGLISH = "C.UTF-8"

NAMES = {
    "the secret of an API key": (r"\bkd_test_\w{20,}", "kd_test_…"),
    "an id": (r"\b([a-z]{3,5}_)[0-9a-f]{32}\b", r"\1…"),
    "the number of a card": (r"\b(99000\d)\d{13}\b", r"\1…"),
    "a pay code": (r"\b80\d{18}\b", "80…"),
    "the token of a gift": (r"(?<![\w-])[\w-]{43}(?![\w-])", "token…"),
}
"""What differs from run to run, and is called again: what stands for it, with a number behind."""

MASKS = {
    "when it was recorded": r"\b20[23]\d-\d\d-\d\dT[\d:]+[.]\d+Z",
    "how long a proof took": r"(?<= in )[\d.]+(?= s[.]$)",
    "the id of an API key": r"(?<=^id {6})[0-9a-f]{16}$",
}
"""What differs, and is only left out."""

_LAST_FOUR = re.compile(r"(?<= {2})\d{4}(?= {2}|$)|(?<=,)\d{4}(?=,)", re.MULTILINE)
_TABLE = re.compile(r"^(?=.*\n─+$)", re.MULTILINE)
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (?:.*\\\n)*.*\n", re.MULTILINE)


class Story:
    """One telling of a page, with the names that it has given so far."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._names: dict[str, str] = {}

    def told(self, page: str) -> str:
        """The page with what its commands print now."""
        return _BLOCK.sub(lambda block: "".join(map(self._done, _COMMAND.findall(block[0]))), page)

    def _done(self, command: str) -> str:
        meant = command.replace("\\\n", "")
        for real, name in reversed(self._names.items()):
            meant = meant.replace(name, real)
        words, stdin, language = shlex.split(meant.removeprefix("$ ")), "", ENGLISH
        if words[0].startswith("LANG="):
            language = words.pop(0).removeprefix("LANG=")
        if "<<<" in words:
            at = words.index("<<<")
            stdin = words[at + 1] + "\n"
            del words[at : at + 2]
        pipe = words.index("|") if "|" in words else len(words)
        status, out, err = self._run(words[1:pipe], stdin, language)
        if words[pipe + 1 :] and not status:
            out = subprocess.run(words[pipe + 1 :], input=out, capture_output=True, check=True, encoding="utf-8").stdout
        refusal = [line for line in err.splitlines(keepends=True) if status and line.startswith("koudai:")]
        if bool(status) != bool(refusal):
            raise RuntimeError(f"{command}\n{err}")
        return command + self._named(out + "".join(refusal))

    def _named(self, printed: str) -> str:
        for pattern, stem in NAMES.values():
            printed = re.sub(pattern, partial(self._name, stem), printed)
        for pattern in MASKS.values():
            printed = re.sub(pattern, lambda match: _cell(match, "…"), printed, flags=re.MULTILINE)
        if re.search("last four|last4|末四位", printed):
            printed = _LAST_FOUR.sub(lambda match: _cell(match, "…"), printed)
        return "".join(map(_without_gaps, _TABLE.split(printed)))

    def _name(self, stem: str, match: re.Match[str]) -> str:
        stem = match.expand(stem)
        count = sum(name.startswith(stem) for name in self._names.values())
        return _cell(match, self._names.setdefault(match[0], f"{stem}{count + 1}"))


def _cell(match: re.Match[str], name: str) -> str:
    """A name as wide as what it stands for, where it fills a cell: the columns behind it stay where they are."""
    is_cell = re.match(" {2}|\n", match.string[match.end() :]) is not None
    return name.ljust(len(match[0])) if is_cell else name


def _without_gaps(table: str) -> str:
    """Columns with nothing in any line are left out, up to two; wide characters count as two."""
    lines = [[part for char in line for part in [char, ""][: cell_len(char)]] for line in table.splitlines()]
    texts = [line for line in lines if set(line) - {"─", " "}]
    width = max(map(len, lines), default=0)
    empty = [all(line[at : at + 1] in ([], [" "]) for line in texts) for at in range(width)]
    gap = [at for at in range(width) if all(empty[max(at - 2, 0) : at + 1])]
    for line in lines:
        for at in reversed(gap):
            del line[at : at + 1]
    return "".join("".join(line).rstrip() + "\n" for line in lines)


def main(pages: list[str]) -> None:
    """Rewrite the pages, each told on a home of its own."""
    for page in map(Path, pages):
        with tempfile.TemporaryDirectory(prefix="kd-") as folder:
            home = Path(folder)
            # The embedded server's user, where it is another one, has to enter it.
            home.chmod(0o755)

            def run(words: list[str], stdin: str, language: str, home: Path = home) -> tuple[int, str, str]:
                done = subprocess.run(
                    [Path(sys.executable).with_name("koudai"), *words],
                    input=stdin,
                    capture_output=True,
                    check=False,
                    cwd=home,
                    encoding="utf-8",
                    env={**os.environ, "KOUDAI_HOME": str(home), "LC_ALL": language},
                )
                return done.returncode, done.stdout, done.stderr

            with Embedded(home):
                page.write_text(Story(run).told(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

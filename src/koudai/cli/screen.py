"""Tables on standard output and progress on standard error, for eyes and for logs."""

import io
import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich import box, progress
from rich.console import Console
from rich.table import Table

from koudai.base import Money, asset
from koudai.cli.speak import note
from koudai.cli.words import word

_SPARSE_S = 5.0
_FIRST_WAIT_S = 2.0
_WIDE = 200


def money(minor: int, code: str) -> str:
    """An amount as people read it: `1,234.56 GBP`."""
    kind = asset(code)
    if kind is None:
        return f"{minor:,} {code}"
    number, _, name = str(Money(minor, kind)).partition(" ")
    whole, point, rest = number.lstrip("-").partition(".")
    sign = "-" if minor < 0 else ""
    return f"{sign}{int(whole):,}{point}{rest} {name}"


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, numbers: Iterable[int] = ()
) -> None:
    """Print rows under headings; the columns `numbers` are set right."""
    right = set(numbers)
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="right" if at in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_clean(cell) for cell in row))
    _print(table)


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print one thing, a field a line; the names are words of the catalogue under `head`."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(word(f"head.{name}"), _clean(value))
    _print(table)


def _print(table: Table) -> None:
    if sys.stdout.isatty():
        Console(markup=False, emoji=False, highlight=False).print(table)
        return
    # What isn't a terminal has no width: nothing is folded to fit one, nor filled up.
    text = io.StringIO()
    Console(file=text, width=_WIDE, markup=False, emoji=False, highlight=False).print(table)
    for line in text.getvalue().splitlines():
        print(line.rstrip())


def _clean(cell: str) -> str:
    """Without what would steer the terminal: names come from others."""
    return "".join(c if c.isprintable() else "\ufffd" for c in cell)


class Progress:
    """Bars on a terminal, a line now and then elsewhere. Told stage, done and total."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._bars: progress.Progress | None = None
        self._tasks: dict[str, progress.TaskID] = {}
        self._told: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                console=self._console,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        label = word(f"stage.{stage}")
        if self._bars is not None:
            if stage not in self._tasks:
                self._tasks[stage] = self._bars.add_task(label, total=total)
            self._bars.update(self._tasks[stage], completed=done, total=total)
            return
        now = time.monotonic()
        last = self._told.setdefault(stage, now)
        if done >= total or now - last >= _SPARSE_S:
            self._told[stage] = now
            note(f"{label} {done:,}/{total:,}")


class StartNotice:
    """Says now and then that the embedded server takes long to start."""

    def __init__(self) -> None:
        self._next = _FIRST_WAIT_S

    def __call__(self, seconds: float) -> None:
        """Told the seconds so far, about once a second."""
        if seconds >= self._next:
            self._next = seconds + _SPARSE_S
            note(word("say.starting", seconds=f"{seconds:.0f}"))

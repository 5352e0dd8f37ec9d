"""`koudai card issue`: one card or a hundred thousand, in pieces, with their numbers."""

import csv
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click

from koudai import cards
from koudai.base import Fault, Refused
from koudai.cli.codes import CliFault
from koudai.cli.options import as_json, at_issuer
from koudai.cli.running import Call
from koudai.cli.screen import Progress
from koudai.cli.session import Side, key_or_new, opened_side
from koudai.cli.speak import as_fault, note, print_json
from koudai.cli.tree import Command
from koudai.cli.values import Key, OneOf, Opaque, Text, Whole
from koudai.cli.words import word

_PIECE = 1000
_MOST = 1_000_000
_COLUMNS = ("id", "gan", "last4", "idempotency_key")

Row = dict[str, Any]
_Sink = Callable[[list[Row]], None]
"""Takes the cards of a piece once they're committed."""


@click.command("issue", cls=Command, help=word("help.card_issue"))
@click.option("--programme", type=Opaque("prgm"), required=True, metavar="PROGRAMME", help=word("opt.programme"))
@click.option("--count", type=Whole(1, _MOST), default=1, metavar="N", help=word("opt.count"))
@click.option("--pending", is_flag=True, help=word("opt.pending"))
@click.option("--holder", type=Text(200), metavar="REF", help=word("opt.holder"))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help=word("opt.out"))
@click.option(
    "--format", "form", type=OneOf(("csv", "jsonl")), default="csv", metavar="csv|jsonl", help=word("opt.format")
)
@at_issuer
@click.option("--key", type=Key(240), metavar="KEY", help=word("opt.key_issue"))
@as_json
@click.pass_obj
def issue(
    call: Call, programme: str, count: int, pending: bool, holder: str | None, out: Path | None, form: str,
    issuer: str, mode: str, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Issue cards; each has the key KEY/1, KEY/2, … ."""
    key = key_or_new(key)
    gathered: list[Row] = []
    with _opened_sink(out, form, gathered if as_json else None) as sink:
        hidden = call.run(_issue(issuer, mode, programme, count, not pending, holder, key, sink))
    told: Row = {"issued": count, "programme_id": programme, "idempotency_key": key}
    if as_json:
        print_json({**told, "out": str(out)} if out else {**told, "cards": gathered})
    else:
        note(word("say.issued", count=f"{count:,}"))
    if hidden:
        note(word("say.hidden", count=f"{hidden:,}"))


async def _issue(
    issuer: str, mode: str, programme: str, count: int, active: bool, holder: str | None, key: str, sink: _Sink
) -> int:
    """Issue piece by piece; how many cards' numbers are no longer shown. Raises Fault when one is refused."""
    hidden = 0
    async with opened_side(issuer, mode) as side:
        programme_id, _ = side.internal_id("prgm", programme)
        with Progress() as progress:
            async for rows in _pieces(side, programme_id, count, active, holder, key):
                sink(rows)
                hidden += sum(row["gan"] is None for row in rows)
                done = int(rows[-1]["idempotency_key"].rpartition("/")[2])
                if count > _PIECE:
                    progress("issue", done, count)
    return hidden


async def _pieces(
    side: Side, programme_id: int, count: int, active: bool, holder: str | None, key: str
) -> AsyncIterator[list[Row]]:
    keyring = side.instance.keyring
    for start in range(0, count, _PIECE):
        wanted = [
            cards.Issue(key=f"{key}/{n}", programme_id=programme_id, active=active, holder_ref=holder)
            for n in range(start + 1, min(start + _PIECE, count) + 1)
        ]
        outcomes = await side.instance.db.transact(
            lambda tx, wanted=wanted: cards.run(tx, side.book, wanted, keyring)  # type: ignore[misc]
        )
        rows = []
        for command, outcome in zip(wanted, outcomes, strict=True):
            if isinstance(outcome, Refused):
                raise as_fault(outcome, idempotency_key=command.key)
            rows.append(
                {
                    "id": keyring.opaque_id("gftc", outcome.card.id),
                    "gan": outcome.number,
                    "last4": outcome.card.last4,
                    "idempotency_key": command.key,
                }
            )
        yield rows


@contextmanager
def _opened_sink(out: Path | None, form: str, gathered: list[Row] | None) -> Iterator[_Sink]:
    """Where the cards go: a new file for its user alone, the list that `--json` prints, or standard output."""
    if out is None and gathered is not None:
        yield gathered.extend
        return
    if out is None:
        yield _Lines(sys.stdout, form)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Fault(CliFault.FILE_EXISTS, option="--out", path=str(out)) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise Fault(CliFault.FILE_UNWRITABLE, option="--out", path=str(out), reason=reason) from problem
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        lines = _Lines(file, form)

        def sink(rows: list[Row]) -> None:
            # The numbers are shown again for a short while only, so a piece is on the disk before the next.
            try:
                lines(rows)
                file.flush()
                os.fsync(descriptor)
            except OSError as problem:
                raise Fault(
                    CliFault.FILE_UNWRITABLE, option="--out", path=str(out), reason=str(problem.strerror)
                ) from problem

        try:
            yield sink
        finally:
            if not lines.written:
                out.unlink()


class _Lines:
    """Writes cards as lines: CSV under a heading, or a JSON object each."""

    def __init__(self, file: TextIO, form: str) -> None:
        self._file = file
        self._form = form
        self.written = 0

    def __call__(self, rows: list[Row]) -> None:
        """Write a piece as a whole."""
        text = io.StringIO()
        if self._form == "csv":
            writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
            if not self.written:
                writer.writeheader()
            writer.writerows(rows)
        else:
            text.writelines(json.dumps(row) + "\n" for row in rows)
        self._file.write(text.getvalue())
        self.written += len(rows)

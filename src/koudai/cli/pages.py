"""A page of rows: one object with where the next page begins, or a table and a note of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from koudai.cli.render import cell
from koudai.cli.screen import print_table
from koudai.cli.speak import note, print_json
from koudai.cli.words import word


def print_page(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], following: str | None, *, numbers: Iterable[int] = (),
    as_json: bool,
) -> None:  # fmt: skip
    """Print `columns` of rows, or all of them as JSON; `following` is what `--from` names for the next page."""
    if as_json:
        print_json({"data": rows, "next": following})
        return
    blank = dict.fromkeys(columns)
    table = ([cell({**blank, **row}, name) for name in columns] for row in rows)
    print_table([word(f"head.{name}") for name in columns], table, numbers=numbers)
    if following:
        note(word("say.more_from", id=following))

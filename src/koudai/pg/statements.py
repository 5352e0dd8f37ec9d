"""Named SQL: each room keeps its statements in queries.sql, under a line that names and explains them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_HEADER = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*): (?P<purpose>\S.*)$")


class Statements(Mapping[str, str]):
    """The statements of one file by name.

    A statement begins with a line `-- name: what it is for` and runs to the next such line; its
    parameters are PostgreSQL's own `$1`, `$2`, …
    """

    def __init__(self, path: Path) -> None:
        self._statements: dict[str, str] = {}
        name = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            header = _HEADER.match(line)
            if header:
                name = header["name"]
                if name in self._statements:
                    raise ValueError(f"{path.name} names the statement {name} twice")
                self._statements[name] = ""
            elif name:
                self._statements[name] += line + "\n"
        self._statements = {name: text.strip().rstrip(";") for name, text in self._statements.items()}

    def __getitem__(self, name: str) -> str:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)

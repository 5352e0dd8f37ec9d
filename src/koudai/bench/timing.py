"""PostgreSQL's own timing of what the application asks, call by call, read from the server's log.

While `timed` holds, the server notes for every statement of the application's role how long it took to
bind and to execute it. So what is timed are the statements as the application sends them: prepared,
with the settings that its sessions have. What a client adds isn't in it, nor the beginning and end of
the transaction.
"""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from koudai.bench.pgbench import Yardstick
from koudai.pg import Database, Target

_APPLICATION = "koudai_app"
_ON = (
    f"ALTER ROLE {_APPLICATION} SET log_min_duration_statement = 0;"
    f" ALTER ROLE {_APPLICATION} SET log_parameter_max_length = 0"
)
_OFF = f"ALTER ROLE {_APPLICATION} RESET ALL"
# A statement's further lines begin with a tab, and are no lines of their own.
_LINE = re.compile(r"\[(\d+)\] LOG:  duration: ([0-9.]+) ms  (parse|bind|execute|statement)\b[^:]*: (\w+)", re.ASCII)


@dataclass(frozen=True)
class Timed:
    """A session of the application whose statements the server times."""

    db: Database
    pid: int


@asynccontextmanager
async def timed(yardstick: Yardstick, target: Target) -> AsyncIterator[Timed]:
    """A session that is timed until the block ends."""
    await yardstick.order(_ON, "postgres")
    try:
        async with Database(target, max_size=1) as db:
            yield Timed(db, int(await db.transact(lambda tx: tx.value("SELECT pg_backend_pid()"))))
    finally:
        await yardstick.order(_OFF, "postgres")


def calls_of(log: Path, pid: int) -> list[float]:
    """Microseconds of the database's for each transaction of a session, in order; those of its making too."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        return calls_in(lines, pid)


def calls_in(lines: Iterable[str], pid: int) -> list[float]:
    """The same of a log's lines."""
    found: list[float] = []
    for line in lines:
        match = _LINE.search(line)
        if match is None or int(match[1]) != pid:
            continue
        _, milliseconds, kind, first = match.groups()
        if first == "BEGIN":
            if kind == "execute":
                found.append(0.0)
        elif first != "COMMIT" and kind in ("bind", "execute") and found:
            found[-1] += float(milliseconds) * 1_000
    return found

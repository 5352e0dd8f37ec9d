"""The yardstick: PostgreSQL's own pgbench with its TPC-B-like script, in a database of its own."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from koudai.bench.ground import Ground
from koudai.bench.model import Sizes
from koudai.bench.peer import process_fault, run_to_end
from koudai.pg import Embedded

_DATABASE = "pgbench"
_SUPERUSER = "postgres"
_THREADS = 2
# Clients connect one after the other, and pgbench's clock runs meanwhile, though its rate leaves that out.
_CONNECTED_PER_S = 32
# A page of pgbench's accounts holds 61 rows, so this locks at least one on every page.
_TOUCH = """SELECT count(*) FROM (SELECT 1 FROM pgbench_accounts WHERE aid % 50 = 0 FOR NO KEY UPDATE) AS t;
SELECT count(*) FROM (SELECT 1 FROM pgbench_tellers FOR NO KEY UPDATE) AS t"""
_RATE = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)
_VARIABLES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}


@dataclass(frozen=True)
class Yardstick:
    """A server on which pgbench can run, and its superuser's few orders."""

    server: Embedded
    environment: dict[str, str]

    async def order(self, statement: str, database: str) -> None:
        """Run a statement as the superuser."""
        command: list[str | Path] = [
            self.server.binary("psql"),
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            database,
        ]
        await run_to_end(command, self.environment)

    async def fill(self, database: str, scale: int) -> None:
        """Make and fill pgbench's tables."""
        command: list[str | Path] = [self.server.binary("pgbench"), "-i", "-q", "-s", str(scale), database]
        await run_to_end(command, self.environment)

    async def settle(self) -> None:
        """Write out what is dirty, so that nobody pays for the pages of who ran before."""
        await self.order("CHECKPOINT", _SUPERUSER)

    async def tpcb(self, clients: int, seconds: float) -> float:
        """Transactions a second of so many clients, at least one whole second long. Raises Fault when there are none.

        The first change of a page after a checkpoint writes the whole page to the log. Checkpoints are far
        apart where a server runs for long, so that is got over with before the clock starts, for
        pgbench's tables as for ours.
        """
        await self.order(_TOUCH, _DATABASE)
        command: list[str | Path] = [
            self.server.binary("pgbench"), "-b", "tpcb-like", "-M", "prepared", "-n", "-j", str(min(clients, _THREADS)),
            "-c", str(clients), "-T", str(max(1, round(seconds)) + clients // _CONNECTED_PER_S), _DATABASE,
        ]  # fmt: skip
        said = await run_to_end(command, self.environment)
        found = _RATE.search(said)
        if found is None:
            raise process_fault("pgbench", said)
        return float(found[1])


async def lay_yardstick(ground: Ground, sizes: Sizes) -> Yardstick:
    """Make the database in which pgbench runs."""
    # By the environment and not by arguments, which every user of the machine can read.
    parts = dict(part.split("=", 1) for part in shlex.split(ground.server.dsn(_SUPERUSER)))
    login = {variable: parts[name] for name, variable in _VARIABLES.items()}
    yardstick = Yardstick(ground.server, {**ground.environment, **login, "LC_ALL": "C"})
    await yardstick.order(f"CREATE DATABASE {_DATABASE}", _SUPERUSER)
    await yardstick.fill(_DATABASE, sizes.scale)
    return yardstick

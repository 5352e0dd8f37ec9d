"""Servers that live as long as the tests, and for every test a database of its own at the present schema."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from koudai.identity import Keyring
from koudai.instance import ROOMS, Instance
from koudai.pg import Database, Embedded, Target, migrate

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)

_names = count(1)


def quick_place() -> str | None:
    """Where a server waits for no disk, if there is such a place with room; else where temporary files go."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**31
    return str(memory) if roomy else None


class Noon:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOON


class Server:
    """An embedded server and the databases that tests make on it."""

    def __init__(self, major: int) -> None:
        # A server of root's runs as another user, who has to be able to enter its home.
        self.home = Path(tempfile.mkdtemp(prefix=f"kd-{major}-", dir=quick_place()))
        self.home.chmod(0o755)
        self.major = major
        self.embedded = Embedded(self.home, major)
        self.embedded.start()
        self._template: str | None = None

    def close(self) -> None:
        self.embedded.stop()
        shutil.rmtree(self.home)

    def crash(self) -> None:
        """Kill it with all its sessions; it is down until it's started again, which is the caller's to do.

        A session notices only when it next waits that its server is gone, and may answer until then.
        """
        with self.superuser() as admin:
            sessions = [row[0] for row in admin.execute("SELECT pid FROM pg_stat_activity").fetchall()]
            os.kill(self.embedded.pid, signal.SIGKILL)
        until = time.monotonic() + 30
        while any(Path(f"/proc/{session}").exists() for session in sessions):
            assert time.monotonic() < until, "a session outlives its server"
            time.sleep(0.005)

    @contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        with psycopg.connect(self.embedded.dsn("postgres", database), autocommit=True) as connection:
            yield connection

    def target(self, database: str) -> Target:
        dsn = self.embedded.dsn
        return Target(dsn("koudai_app", database), dsn("postgres", database), self.embedded)

    def create(self, template: str = "template0") -> str:
        """A new database of the owner's; its name."""
        name = f"test_{next(_names)}"
        made = sql.SQL("CREATE DATABASE {} OWNER koudai_owner TEMPLATE {}")
        with self.superuser() as admin:
            admin.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
            admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO koudai_app").format(sql.Identifier(name)))
        return name

    def drop(self, name: str) -> None:
        with self.superuser() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A new database for as long as the block runs; its name."""
        name = self.create(template)
        try:
            yield name
        finally:
            self.drop(name)

    @property
    def template(self) -> str:
        """A database at the present schema, to be copied."""
        if self._template is None:
            self._template = self.create()
            migrate(self.target(self._template), ROOMS)
        return self._template


@dataclass(frozen=True)
class Site:
    """A database of a test's own: how to reach it, and as its superuser to damage it."""

    server: Server
    name: str
    target: Target

    @contextmanager
    def superuser(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        with self.server.superuser(self.name) as connection:
            yield connection

    def ask(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """The rows of a query, as the superuser sees them."""
        with self.superuser() as connection:
            return connection.execute(query, parameters or None).fetchall()

    def change(self, *statements: str) -> None:
        """Change what nobody else can: triggers and foreign keys are off."""
        with self.superuser() as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement)

    @contextmanager
    def copy(self) -> Iterator["Site"]:
        """A copy of this database, to which nobody may be connected, for as long as the block runs."""
        with self.server.database(self.name) as name:
            yield Site(self.server, name, self.server.target(name))


class Client:
    """A process that works through a list of batches; what it has answered so far can be read at any time."""

    def __init__(self, folder: Path, target: Target, batches: list[list[Any]], book: int) -> None:
        name = f"client-{next(_names)}"
        work, self._answers, self._said = (folder / f"{name}.{kind}" for kind in ("work", "answers", "said"))
        work.write_text("".join(json.dumps(batch) + "\n" for batch in batches))
        command = [sys.executable, str(Path(__file__).with_name("client.py")), target.app, str(work), str(book)]
        with self._answers.open("wb") as answers, self._said.open("wb") as said:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=answers, stderr=said)

    def ready(self) -> bool:
        """Whether it is connected and waits to be told to begin."""
        assert self.process.poll() is None, self.said()
        return self._answers.read_text().startswith("ready\n")

    def begin(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.close()

    def answered(self) -> list[list[Any]]:
        """The outcomes of each batch that was answered: refusals by code, the others by place."""
        lines = self._answers.read_text().split("\n")[:-1]
        return [[tuple(o) if isinstance(o, list) else o for o in json.loads(line)] for line in lines[1:]]

    def wait_for(self, batches: int) -> None:
        """Wait until so many are answered."""
        until = time.monotonic() + 30
        while len(self.answered()) < batches:
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, "the client doesn't get on"
            time.sleep(0.005)

    def finish(self) -> list[list[Any]]:
        """Wait for the end, which must be a good one; all outcomes."""
        assert self.process.wait(60) == 0, self.said()
        return self.answered()

    def kill(self) -> list[list[Any]]:
        """Kill it where it stands; what it had answered."""
        self.process.kill()
        self.process.wait()
        return self.answered()

    def said(self) -> str:
        return self._said.read_text()[-2000:]


@pytest.fixture
def start_clients(tmp_path: Path) -> Iterator[Callable[..., list[Client]]]:
    """Start client processes on a target, one for each list of batches of a book; all begin at once."""
    started: list[Client] = []

    def start(target: Target, *lists: list[list[Any]], book: int = 1) -> list[Client]:
        clients = [Client(tmp_path, target, batches, book) for batches in lists]
        started.extend(clients)
        until = time.monotonic() + 30
        while not all(client.ready() for client in clients):
            assert time.monotonic() < until, "the clients don't get ready"
            time.sleep(0.005)
        for client in clients:
            client.begin()
        return clients

    yield start
    for client in started:
        client.kill()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], Server]]:
    """The server of a major version, started when first asked for."""
    started: dict[int, Server] = {}

    def get(major: int) -> Server:
        if major not in started:
            started[major] = Server(major)
        return started[major]

    yield get
    for server in started.values():
        server.close()


@pytest.fixture
def major() -> int:
    return 18


@pytest.fixture
def server(servers: Callable[[int], Server], major: int) -> Server:
    return servers(major)


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def site(server: Server) -> Iterator[Site]:
    with server.database(server.template) as name:
        yield Site(server, name, server.target(name))


@pytest.fixture
async def db(site: Site) -> AsyncIterator[Database]:
    async with Database(site.target) as database:
        yield database


@pytest.fixture
def instance(site: Site, db: Database, keyring: Keyring) -> Instance:
    return Instance(site.server.home, site.target, db, keyring, Noon())

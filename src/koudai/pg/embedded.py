"""The embedded PostgreSQL: a cluster in a directory, started for whoever uses it and stopped by the last.

Any number of processes may use one home. Each holds a shared lock on `users.lock` for as long as it
does; the system drops it with the process, however that ends. Starting and stopping happen under
`start.lock`, and only who gets `users.lock` for itself alone may stop the server.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from koudai.base import Fault
from koudai.pg.postmaster import PORT, START_SECONDS, Postmaster, Running
from koudai.pg.runtime import (
    EmbeddedFault,
    RunAs,
    reachable_tree,
    run_as,
    state_directory,
    sync_directory,
    wheel_tree,
    write_safely,
)

__all__ = ["DATABASE", "ROLES", "SUPERUSER", "Embedded", "EmbeddedFault"]

SUPERUSER = "postgres"
ROLES = ("koudai_owner", "koudai_app")
DATABASE = "koudai"

# Written to postgresql.conf once, when the cluster is made: an operator may tune them there. Sized for
# two cores and many short transactions; page images stay uncompressed, since pglz, the only
# compression that the wheel has, costs more time than the bytes that it saves.
_SETTINGS = {
    "max_connections": "100",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


def _shared_buffers() -> str:
    """A sixteenth of the machine's memory, from 128 MB to 1 GB."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        memory = 0
    return f"{min(max(memory // 2**24, 128), 1024)}MB"


@dataclass(frozen=True, slots=True)
class _Papers:
    """What a home remembers of its cluster, in `postgres.json`."""

    major: int
    passwords: dict[str, str]
    roles_made: bool = False


class Embedded:
    """A PostgreSQL of our own in `home`, reached over a Unix socket by those who may read `home`.

    `major` is its version, which a home keeps for good. `on_wait` is called about once a second, with
    the seconds so far, while a start takes long: after a crash the server first recovers.
    """

    def __init__(self, home: Path, major: int = 18, on_wait: Callable[[float], None] | None = None) -> None:
        self.home = Path(os.path.realpath(home))
        self.major = major
        self._on_wait = on_wait
        self._users: int | None = None
        self._papers: _Papers | None = None
        self._postmaster: Postmaster | None = None
        self._running: Running | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make the cluster if there's none, start the server if it doesn't run, and become a user of it.

        Harmless when started already: it then starts a server that has died anew. Raises Fault with
        one of EmbeddedFault's codes; `pg.other_major` carries home, made_with and asked.
        """
        wheel_tree(self.major)
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with self._lock("start.lock", "start"):
                self._start()
        except OSError as problem:
            raise Fault(EmbeddedFault.FAILED, step="files", detail=str(problem)) from problem

    def stop(self) -> None:
        """Leave the server, and stop it when nobody else uses it. Harmless when not started.

        Raises Fault `pg.embedded_timeout` (step, seconds) when the server doesn't end.
        """
        if self._users is None or self._postmaster is None:
            return
        # Closed and not unlocked: a fork of ours that has it too goes on using the server.
        os.close(self._users)
        self._users = self._running = None
        try:
            with self._lock("start.lock", "stop"):
                self._end_if_unused(self._postmaster)
        except OSError as problem:
            raise Fault(EmbeddedFault.FAILED, step="files", detail=str(problem)) from problem

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """The connection string of `postgres`, `koudai_owner` or `koudai_app`, with its password.

        `postgres` is the superuser, for setting up and for repairs only. Raises KeyError for another
        role, RuntimeError when not started.
        """
        if self._papers is None:
            raise RuntimeError("the embedded server isn't started")
        return make_conninfo(
            host=str(self.socket_dir),
            port=PORT,
            user=role,
            password=self._papers.passwords[role],
            dbname=database,
            sslmode="disable",
            gssencmode="disable",
        )

    def binary(self, name: str) -> Path:
        """A program of that version, such as `pg_dump`, for ourselves to run."""
        return wheel_tree(self.major) / "bin" / name

    @property
    def data_dir(self) -> Path:
        """The cluster's data directory. Raises RuntimeError when never started."""
        if self._postmaster is None:
            raise RuntimeError("the embedded server isn't started")
        return self._postmaster.data

    @property
    def socket_dir(self) -> Path:
        """The directory of the server's socket. Raises RuntimeError when not started."""
        if self._running is None or self._running.socket_dir is None:
            raise RuntimeError("the embedded server isn't started")
        return self._running.socket_dir

    @property
    def pid(self) -> int:
        """The server's main process, as it was at the last start. Raises RuntimeError when not started."""
        if self._running is None:
            raise RuntimeError("the embedded server isn't started")
        return self._running.pid

    @property
    def log(self) -> Path:
        """The file that the server's messages go to."""
        return self.home / "postgres.log"

    def _start(self) -> None:
        """Start under the lock; what fails here leaves no server behind, save one that still recovers."""
        papers = self._read_papers()
        room, who = self._room(papers)
        data = room / f"postgres-{self.major}"
        postmaster = Postmaster(data, room, self.log, reachable_tree(self.major, who), who, self._on_wait)
        if not (data / "PG_VERSION").exists():
            self._make_cluster(postmaster, papers)
        if self._users is None:
            self._users = self._open("users.lock")
            fcntl.flock(self._users, fcntl.LOCK_SH)
        try:
            self._running = postmaster.ensure()
            self._papers, self._postmaster = papers, postmaster
            if not papers.roles_made:
                self._make_roles(papers)
                self._papers = replace(papers, roles_made=True)
                self._write_papers(self._papers)
        except BaseException as problem:
            os.close(self._users)
            self._users = self._running = None
            if not (isinstance(problem, Fault) and problem.code == EmbeddedFault.TIMEOUT):
                self._end_if_unused(postmaster)
            raise

    def _end_if_unused(self, postmaster: Postmaster) -> None:
        alone = self._open("users.lock")
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
            postmaster.end()
        except BlockingIOError:
            pass
        finally:
            os.close(alone)

    def _open(self, name: str) -> int:
        """A lock file, opened so that no program that we start inherits it."""
        return os.open(self.home / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextlib.contextmanager
    def _lock(self, name: str, step: str) -> Iterator[None]:
        descriptor = self._open(name)
        began = told = time.monotonic()
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    now = time.monotonic()
                if now - began > START_SECONDS:
                    raise Fault(EmbeddedFault.TIMEOUT, step=step, seconds=START_SECONDS)
                if self._on_wait is not None and now - told >= 1:
                    told = now
                    self._on_wait(now - began)
                time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    def _read_papers(self) -> _Papers:
        """The home's papers, made when there are none. Raises Fault `pg.other_major`, or when unreadable."""
        path = self.home / "postgres.json"
        try:
            papers = _Papers(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            if self._has_cluster():
                detail = f"{path} with the passwords is missing"
                raise Fault(EmbeddedFault.FAILED, step="passwords", detail=detail) from None
            papers = _Papers(self.major, {role: secrets.token_hex(32) for role in (SUPERUSER, *ROLES)})
            self._write_papers(papers)
        except (ValueError, TypeError) as problem:
            detail = f"{path}: {type(problem).__name__}"
            raise Fault(EmbeddedFault.FAILED, step="passwords", detail=detail) from problem
        if papers.major != self.major:
            raise Fault(EmbeddedFault.OTHER_MAJOR, home=str(self.home), made_with=papers.major, asked=self.major)
        return papers

    def _write_papers(self, papers: _Papers) -> None:
        write_safely(self.home / "postgres.json", json.dumps(asdict(papers), indent=1) + "\n")

    def _has_cluster(self) -> bool:
        return (self.home / "cluster").exists() or any(self.home.glob("postgres-*/PG_VERSION"))

    def _room(self, papers: _Papers) -> tuple[Path, RunAs]:
        """The directory around the data, and the user who runs there.

        That is the home, unless root lends the work to a user who can't enter it; then it's a
        directory of the system's, which the home's file `cluster` names.
        """
        named = self.home / "cluster"
        if named.exists():
            room = Path(named.read_text(encoding="utf-8").strip())
            who = run_as(room / f"postgres-{self.major}")
        else:
            room = self.home
            who = run_as(room / f"postgres-{self.major}")
            made = (room / f"postgres-{self.major}").exists()
            if not made and who.user is not None and not who.reaches(room):
                room = state_directory("clusters") / secrets.token_hex(8)
                write_safely(named, f"{room}\n")
        if room != self.home and not papers.roles_made:
            state_directory("clusters")
            room.mkdir(mode=0o755, exist_ok=True)
            room.chmod(0o755)
        return room, who

    def _make_cluster(self, at: Postmaster, papers: _Papers) -> None:
        """Make the data directory beside its place and move it there when it's whole."""
        if papers.roles_made:
            raise Fault(EmbeddedFault.FAILED, step="files", detail=f"{at.data} is missing")
        _sweep(at)
        work = Path(tempfile.mkdtemp(prefix=f"{at.data.name}.", dir=at.room))
        at.who.directory(work)
        secret = work / "password"
        write_safely(secret, papers.passwords[SUPERUSER])
        at.who.own(secret)
        command: list[str | Path] = [at.tree / "bin" / "initdb", "-D", work / "data", "-U", SUPERUSER]
        command += ["--encoding=UTF8", "--locale-provider=libc", "--locale=C", "--data-checksums"]
        command += ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={secret}"]
        for name, value in (*_SETTINGS.items(), ("shared_buffers", _shared_buffers())):
            command += ["--set", f"{name}={value}"]
        status, said = at.who.run(command)
        if status != 0:
            raise Fault(EmbeddedFault.FAILED, step="initdb", detail=said[-4000:])
        (work / "data").rename(at.data)
        sync_directory(at.room)
        _sweep(at)

    def _make_roles(self, papers: _Papers) -> None:
        """Make the two roles and their database, or what a start that was cut short has left to make."""
        try:
            with psycopg.connect(self.dsn(SUPERUSER, "postgres"), autocommit=True) as db:
                for role in ROLES:
                    _make_role(db, role, papers.passwords[role])
                known = db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                name, owner, app = (sql.Identifier(word) for word in (DATABASE, *ROLES))
                if known is None:
                    made = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
                    db.execute(sql.SQL(made).format(name, owner))
                db.execute(sql.SQL("REVOKE ALL ON DATABASE {}, postgres, template1 FROM PUBLIC").format(name))
                db.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, app))
        except psycopg.Error as problem:
            raise Fault(EmbeddedFault.FAILED, step="roles", detail=str(problem).strip()) from problem


def _sweep(at: Postmaster) -> None:
    """Remove what attempts to make a cluster have left.

    An initdb whose starter was killed may still be at work, which is why each attempt has a directory
    of its own, and why what can't be removed yet is left for later.
    """
    for leftover in at.room.glob(f"{at.data.name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _make_role(db: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> None:
    """Make a role that may log in and nothing else; its password is sent as the server stores it."""
    if db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        db.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    stored = db.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    rights = "ALTER ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
    db.execute(sql.SQL(rights).format(sql.Identifier(role), sql.Literal(stored)))

"""The server's process: finding the one that runs, starting one, waiting until it answers, ending it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from koudai.base import Fault
from koudai.pg.runtime import EmbeddedFault, RunAs

PORT = 5432
"""Names the socket; there is no TCP."""

START_SECONDS = 600.0
"""How long the recovery after a crash may take."""
_LEFTOVER_SECONDS = 60.0
_FAST_SECONDS = 120.0
_IMMEDIATE_SECONDS = 30.0

# What a start says while processes of a server that was killed are still about to go.
_PASSING = (
    "pre-existing shared memory block",
    "already exists",
    "is another postmaster",
    "Address already in use",
)

# The shortest limit of a socket's path is macOS's, 104 bytes with the closing zero.
_LONGEST_SOCKET = 103

_LONG_LOG = 16 * 2**20

# These hold whatever postgresql.conf says; all else may be tuned there.
_FIXED = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "logging_collector": "off",
    "log_destination": "stderr",
}

# A server that we started is our child, which somebody has to reap when it ends.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs: its main process, the directory of its socket, and whether it says it's ready."""

    pid: int
    socket_dir: Path | None
    ready: bool


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server of one cluster. `room` is the directory around the data, `log` gets what it says."""

    data: Path
    room: Path
    log: Path
    tree: Path
    who: RunAs
    on_wait: Callable[[float], None] | None = None

    def running(self) -> Running | None:
        """The server that runs on the data, ready or not; None when there's none."""
        pid, socket_dir, state = _read_lock(self.data / "postmaster.pid")
        if pid is None or not self._is_ours(pid):
            return None
        return Running(pid, socket_dir, state == "ready")

    def ensure(self) -> Running:
        """The server, started when it doesn't run, once it accepts connections.

        Raises Fault `pg.embedded_failed` (step, detail: the log's last lines) when it ended, and
        `pg.embedded_timeout` (step, seconds) when it takes longer than any recovery should.
        """
        began = time.monotonic()
        while True:
            found = self.running()
            child = None
            mark = 0
            if found is None:
                mark = self._begin_log()
                child = self._spawn()
            try:
                ready = self._await_ready(child, began)
            except BaseException:
                if child is not None and self.running() is None:
                    child.kill()
                raise
            if ready is not None:
                return ready
            # A server that we only found may have been about to stop, which is no reason to give up.
            said = self._said_since(mark)
            passing = child is None or any(sign in said for sign in _PASSING)
            if not passing or time.monotonic() - began > _LEFTOVER_SECONDS:
                raise Fault(EmbeddedFault.FAILED, step="start", detail=said)
            time.sleep(0.25)

    def end(self) -> None:
        """End the server: a fast shutdown, and when that takes too long an immediate one.

        Raises Fault `pg.embedded_timeout` (step, seconds) when it outlives both.
        """
        found = self.running()
        if found is None:
            return
        for how, seconds in ((signal.SIGINT, _FAST_SECONDS), (signal.SIGQUIT, _IMMEDIATE_SECONDS)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, how)
            limit = time.monotonic() + seconds
            while time.monotonic() < limit:
                if not self._is_ours(found.pid):
                    self._remove_socket_dir(found.socket_dir)
                    return
                time.sleep(0.02)
        raise Fault(EmbeddedFault.TIMEOUT, step="stop", seconds=_FAST_SECONDS + _IMMEDIATE_SECONDS)

    def _is_ours(self, pid: int) -> bool:
        """Whether a process is a live server on the data, and not a stranger who got its number.

        Told by the command line, which the server's children overwrite, and which, unlike the other
        marks of a process, root may read without further capabilities.
        """
        if pid in _children and _children[pid].poll() is not None:
            del _children[pid]
        if sys.platform == "linux":
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                return False
            return words[0].endswith(b"postgres") and os.fsencode(self.data) in words
        told = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        return f"postgres -D {self.data} " in told.stdout

    def _spawn(self) -> subprocess.Popen[bytes]:
        _, former, _ = _read_lock(self.data / "postmaster.pid")
        socket_dir = self._socket_dir(former)
        for lock in (self.data / "postmaster.pid", socket_dir / f".s.PGSQL.{PORT}.lock"):
            self._remove_if_a_strangers(lock)
        settings = _FIXED | {"unix_socket_directories": f'"{socket_dir}"'}
        command: list[str | Path] = [self.tree / "bin" / "postgres", "-D", self.data]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as output:
            child = self.who.popen(command, output.fileno())
        _children[child.pid] = child
        return child

    def _await_ready(self, child: subprocess.Popen[bytes] | None, began: float) -> Running | None:
        """The server once it answers; None when it ended before that."""
        told = began
        while True:
            found = self.running()
            if found is not None and found.ready and found.socket_dir and _answers(found.socket_dir):
                return found
            if (child is not None and child.poll() is not None) or (child is None and found is None):
                return None
            now = time.monotonic()
            if now - began > START_SECONDS:
                raise Fault(EmbeddedFault.TIMEOUT, step="start", seconds=START_SECONDS)
            if self.on_wait is not None and now - told >= 1:
                told = now
                self.on_wait(now - began)
            time.sleep(0.02 if now - began < 1 else 0.1)

    def _socket_dir(self, former: Path | None) -> Path:
        """A directory for the socket whose path is short; a crashed server's again, if that is sound.

        The same as before, so that other processes of a server that was killed find the next one.
        """
        near = self.room / "socket"
        if _fits(near):
            self.who.directory(near)
            return near
        if former is not None and former != near and self._is_private(former):
            return former
        above = Path(tempfile.gettempdir())
        if not _fits(above / "koudai-12345678") or (self.who.user is not None and not self.who.reaches(above)):
            above = Path("/tmp")  # noqa: S108 - mkdtemp makes a private directory in it
        fresh = Path(tempfile.mkdtemp(prefix="koudai-", dir=above))
        self.who.directory(fresh)
        return fresh

    def _is_private(self, path: Path) -> bool:
        owner = os.geteuid() if self.who.user is None else self.who.user
        with contextlib.suppress(OSError):
            seen = path.lstat()
            return seen.st_mode == 0o040700 and seen.st_uid == owner
        return False

    def _remove_socket_dir(self, path: Path | None) -> None:
        if path is None:
            return
        if path == self.room / "socket" or path.name.startswith("koudai-"):
            with contextlib.suppress(OSError):
                path.rmdir()

    def _remove_if_a_strangers(self, lock: Path) -> None:
        """Remove the lock file of a dead server whose number another process has got.

        PostgreSQL would take that process for the server. The data stay safe without the file: a start
        also looks for the shared memory of the data directory, and for anyone attached to it.
        """
        pid, _, _ = _read_lock(lock)
        if pid is None or self._is_ours(pid):
            return
        with contextlib.suppress(OSError):
            with contextlib.suppress(PermissionError):
                os.kill(pid, 0)
            lock.unlink()

    def _begin_log(self) -> int:
        """Make the log, or set a long one aside; the length that it has."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LONG_LOG:
                self.log.replace(self.log.with_suffix(".log.1"))
        os.close(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return self.log.stat().st_size

    def _said_since(self, mark: int) -> str:
        with self.log.open("rb") as file:
            file.seek(mark)
            lines = file.read()[-8000:].decode(errors="replace").splitlines()
        return "\n".join(lines[-20:])


def _fits(directory: Path) -> bool:
    """Whether a socket there has a path that the system and the lists of the settings allow."""
    short = len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET
    return short and not set(str(directory)) & set(',"\n')


def _answers(socket_dir: Path) -> bool:
    """Whether a server accepts connections there."""
    where = make_conninfo(host=str(socket_dir), port=PORT, dbname="postgres", user="postgres", connect_timeout=5)
    return pq.PGconn.ping(where.encode()) == pq.Ping.OK


def _read_lock(path: Path) -> tuple[int | None, Path | None, str]:
    """What a lock file names: the process, the socket's directory, the state; as far as written yet."""
    try:
        lines = os.fsdecode(path.read_bytes()).split("\n")
        pid = int(lines[0])
    except (OSError, ValueError):
        return None, None, ""
    lines += [""] * 8
    return (pid if pid > 0 else None), (Path(lines[4]) if lines[4] else None), lines[7].strip()

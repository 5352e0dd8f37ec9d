"""Whatever the document allows, and much that it doesn't, gets an answer and never a server error."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="kd-any-"))
    path.chmod(0o755)
    yield path / "home"
    shutil.rmtree(path)


def test_no_request_is_a_server_error(home) -> None:
    environment = {**os.environ, "KOUDAI_HOME": str(home), "LC_ALL": "C.UTF-8"}
    environment.pop("KOUDAI_DATABASE_URL", None)
    koudai = [sys.executable, "-m", "koudai"]
    made = subprocess.run([*koudai, "key", "create", "any", "--json"], env=environment, capture_output=True, check=True)
    token = json.loads(made.stdout)["token"]
    server = subprocess.Popen(
        [*koudai, "serve", "--port", "8457"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get("http://127.0.0.1:8457/readyz").status_code == 200:
                    break
            time.sleep(0.2)
        schemathesis = [
            str(Path(sys.executable).with_name("st")), "run", "http://127.0.0.1:8457/openapi.json",
            "-H", f"Authorization: Bearer {token}", "--checks", "not_a_server_error,status_code_conformance,"
            "content_type_conformance,response_schema_conformance", "--phases", "examples,fuzzing",
            "--max-examples", "5", "--seed", "1", "--generation-database", "none", "--no-color",
        ]  # fmt: skip
        ran = subprocess.run(schemathesis, capture_output=True, text=True, check=False, cwd=home, timeout=200)
        assert ran.returncode == 0, ran.stdout[-4_000:]
    finally:
        server.terminate()
        server.wait(timeout=60)
    assert server.returncode == 0

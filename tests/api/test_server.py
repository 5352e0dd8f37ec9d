"""The server as a process: it starts, streams, refuses what is too large, and ends cleanly."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from koudai.api import chores

SERVE = """
import asyncio, os, sys, uvloop
from koudai import cards, identity
from koudai.api import serve
from koudai.identity import Mode, Scope
from koudai.instance import open_instance

RUN = cards.run
async def slow(tx, book, commands):
    await asyncio.sleep(float(os.environ["SLOW_S"]))
    return await RUN(tx, book, commands)
cards.run = slow

async def main(home, port):
    async with open_instance({"KOUDAI_HOME": home}) as instance:
        async def key(tx):
            issuer = await identity.find_issuer(tx, "server", Mode.TEST, create=True)
            return await identity.create_key(tx, issuer, "k", tuple(Scope))
        token = (await instance.db.transact(key)).token
        await serve(instance, "127.0.0.1", port, lambda: print(token, flush=True))
    print("closed", flush=True)

uvloop.run(main(sys.argv[1], int(sys.argv[2])))
"""


class Running:
    """A server process; `token` is a key's."""

    def __init__(self, home: Path, slow_s: float = 0.0) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(home), str(self.port)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "SLOW_S": str(slow_s)},
        )  # fmt: skip
        self.token = self.process.stdout.readline().strip()
        self.url = f"http://127.0.0.1:{self.port}"
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Its exit code, and what else it said."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def new_home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="kd-srv-"))
    path.chmod(0o755)
    yield path / "home"
    shutil.rmtree(path)


def hundred_megabytes() -> Iterator[bytes]:
    for _ in range(100):
        yield b" " * 1024 * 1024


def rss_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0])


def test_bodies_connections_and_the_end(new_home) -> None:
    server = Running(new_home)
    with httpx.Client(base_url=server.url, headers=server.headers, timeout=60) as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        before = rss_kib(server.process.pid)
        for path in ("/v1/gift_card_activities", "/v1/gift_card_activities/batch", "/v1/merchants"):
            headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
            streamed = client.post(path, content=hundred_megabytes(), headers=headers)
            assert (streamed.status_code, streamed.json()["code"]) == (413, "api.body_too_large")
            declared = client.post(
                path, content=hundred_megabytes(), headers={**headers, "Content-Length": str(100 * 1024 * 1024)}
            )
            assert declared.status_code == 413
        assert rss_kib(server.process.pid) - before < 40 * 1024
        head = client.head("/v1/merchants")
        assert (head.status_code, head.content) == (200, b"")
        assert "server" not in head.headers
        metrics = client.get("/metrics").text
        assert 'koudai_http_requests_total{method="GET",route="/readyz",status="200"} 1.0' in metrics
        assert 'koudai_problems_total{code="api.body_too_large"} 6.0' in metrics
        assert server.token not in metrics
    assert server.end() == (0, "closed\n", "")


def test_requests_in_flight_are_answered_before_the_end(new_home) -> None:
    server = Running(new_home, slow_s=1.0)

    async def story() -> list[int]:
        async with httpx.AsyncClient(base_url=server.url, headers=server.headers, timeout=30) as client:
            # The first one of a token goes the ordinary way; by now this one is known.
            await client.post("/v1/gift_card_activities", json={}, headers={"Idempotency-Key": "k"})
            sent = [
                client.post("/v1/gift_card_activities", json={"type": "BLOCK", "gift_card_id": "x"},
                            headers={"Idempotency-Key": f"k-{n}"})
                for n in range(8)
            ]  # fmt: skip
            running = asyncio.gather(*sent)
            await asyncio.sleep(0.4)
            server.process.send_signal(signal.SIGTERM)
            return [answer.status_code for answer in await running]

    assert asyncio.run(story()) == [404] * 8
    out, err = server.process.communicate(timeout=30)
    assert (server.process.returncode, out, err) == (0, "closed\n", "")


def test_an_interrupt_ends_it_as_well_and_a_taken_port_is_told(new_home) -> None:
    server = Running(new_home)
    other = subprocess.run(
        [sys.executable, "-c", SERVE, str(new_home), str(server.port)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "SLOW_S": "0"},
    )  # fmt: skip
    assert other.returncode != 0
    assert "api.address_taken" in other.stderr
    # A client that goes away in the middle of its body leaves nothing behind.
    with closing(socket.create_connection(("127.0.0.1", server.port))) as half:
        half.sendall(
            b"POST /v1/gift_card_activities HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"idempotency-key: k\r\nauthorization: Bearer " + server.token.encode() + b"\r\ncontent-length: 50\r\n\r\n{"
        )
    assert httpx.get(server.url + "/healthz").json() == {"status": "ok"}
    assert json.loads(httpx.get(server.url + "/v1/merchants", headers=server.headers).text)["data"] == []
    assert server.end(signal.SIGINT) == (0, "closed\n", "")


@pytest.mark.anyio
async def test_a_chore_ends_that_lost_its_first_cancellation() -> None:
    """What the driver raises of a connection that was lost takes the place of a cancellation that comes just then."""
    cancelled = 0

    async def chore() -> None:
        nonlocal cancelled
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled += 1
                if cancelled == 2:
                    raise

    task = asyncio.create_task(chore())
    await asyncio.sleep(0)
    await asyncio.wait_for(chores.end(task), 10)
    assert task.cancelled()
    assert cancelled == 2

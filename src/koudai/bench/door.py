"""The HTTP server of a contest: koudai itself, as a process of its own."""

import asyncio
import contextlib
import json
import random
import socket
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from dataclasses import dataclass

from koudai.base import Fault
from koudai.bench.ground import Ground
from koudai.bench.model import HOST, BenchFault
from koudai.bench.peer import end, process_fault, tail
from koudai.bench.stock import CURRENCY, Stock
from koudai.identity import Keyring

_READY_S = 60.0
_BODIES = 50_000


@dataclass(frozen=True)
class Door:
    """A running HTTP server: its port, and its process's id."""

    port: int
    pid: int


@contextlib.asynccontextmanager
async def open_door(ground: Ground) -> AsyncIterator[Door]:
    """Start `koudai serve` and yield it, once it answers; it ends with the block."""
    port = _free_port()
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "koudai", "serve", "--host", HOST, "--port", str(port),
            stdin=DEVNULL, stdout=said, stderr=said, env=ground.environment, start_new_session=True,
        )  # fmt: skip
        try:
            give_up = time.monotonic() + _READY_S
            while not await _answers(port):
                if process.returncode is not None:
                    raise process_fault("koudai serve", tail(said))
                if time.monotonic() > give_up:
                    raise Fault(BenchFault.NOT_READY, seconds=_READY_S, detail=tail(said))
                await asyncio.sleep(0.05)
            yield Door(port, process.pid)
        finally:
            await end(process)


def bodies(stock: Stock, keyring: Keyring) -> list[str]:
    """Redemptions of random cards at random merchants, as they are sent."""
    chance = random.Random(1)  # noqa: S311 repeatable load, no secret
    shops = keyring.opaque_ids("mrch", [(one, 0) for one in stock.merchants])
    drawn = chance.choices(stock.cards, k=_BODIES)
    held = keyring.opaque_ids("gftc", [(one, 0) for one in drawn])
    return [
        json.dumps(
            {
                "type": "REDEEM",
                "gift_card_id": card,
                "merchant_id": chance.choice(shops),
                "amount_minor": 1,
                "currency": CURRENCY,
            }
        )
        for card in held
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await reader.readline()).split()[1:2] == [b"200"]
    except OSError:
        return False
    finally:
        writer.close()

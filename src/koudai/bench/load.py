"""The load: a process that sends single redemptions over HTTP on many connections, as cheaply as it can.

Started as `python -m koudai.bench.load`. Its orders are `stock` (port, token, bodies) and `run` (tag,
connections, seconds). Each connection sends its next request when its last one is answered.
"""

import asyncio
import gc
from collections.abc import Sequence
from itertools import count, pairwise
from time import perf_counter
from typing import cast

import uvloop

from koudai.base import Fault
from koudai.bench.model import HOST, BenchFault
from koudai.bench.peer import Order, obey

_WARM_UP_S = 0.5
_LAST_ANSWERS_S = 15.0
_SHOWN = 500


class _Run:
    """One run: what is sent, and when what was answered."""

    def __init__(self, head: bytes, tails: Sequence[bytes], connections: int) -> None:
        self.head = head
        self.tails = tails
        self.number = count()
        self.sending = True
        self.open = connections
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.times: list[float] = []
        self.waits: list[float] = []

    def next_request(self) -> bytes:
        """A request with a key of its own."""
        number = next(self.number)
        return b"%b%d%b" % (self.head, number, self.tails[number % len(self.tails)])

    def fail(self, status: str, detail: str) -> None:
        """The run is worth nothing: every redemption has to be accepted."""
        self.sending = False
        if not self.ended.done():
            self.ended.set_exception(Fault(BenchFault.HTTP_FAILED, status=status, detail=detail))

    def leave(self) -> None:
        """One connection less to wait for."""
        self.open -= 1
        if self.open == 0 and not self.ended.done():
            self.ended.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = b""
        self._began = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by their class.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._began = perf_counter()
        self._transport.write(self._run.next_request())

    def data_received(self, data: bytes) -> None:
        run = self._run
        if self._received:
            data = self._received + data
        if not _is_whole(data):
            self._received = data
            return
        self._received = b""
        now = perf_counter()
        run.times.append(now)
        run.waits.append(now - self._began)
        if data[9:10] != b"2":
            run.fail(data[9:12].decode(errors="replace"), data[-_SHOWN:].decode(errors="replace"))
        if run.sending:
            self._send()
        else:
            assert self._transport is not None
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._run.sending:
            self._run.fail("-", f"the server closed a connection ({exc})")
        self._run.leave()


def _is_whole(data: bytes) -> bool:
    """Whether an answer, which tells its length, has arrived whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    _, _, rest = data[:end].lower().partition(b"\r\ncontent-length:")
    return len(data) >= end + 4 + int(rest.partition(b"\r\n")[0])


class _Load:
    def __init__(self) -> None:
        self._port = 0
        self._line = b""
        self._tails: list[bytes] = []

    async def carry_out(self, order: Order) -> Order:
        if order.pop("do") == "stock":
            return self._stock(**order)
        return await self._measure(**order)

    def _stock(self, port: int, token: str, bodies: Sequence[str]) -> Order:
        self._port = port
        self._line = (
            f"POST /v1/gift_card_activities HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nIdempotency-Key: "
        ).encode()
        self._tails = [f"\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode() for body in bodies]
        return {}

    async def _measure(self, tag: str, connections: int, seconds: float) -> Order:
        """Open the connections, let them run in, and take the time of what is answered after that."""
        run = _Run(self._line + f"{tag}/".encode(), self._tails, connections)
        gc.collect()
        gc.freeze()
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: _Connection(run), HOST, self._port)
        await asyncio.wait([run.ended], timeout=_WARM_UP_S)
        began = perf_counter()
        first = len(run.times)
        await asyncio.wait([run.ended], timeout=seconds)
        ended, last = perf_counter(), len(run.times)
        run.sending = False
        await asyncio.wait_for(run.ended, _LAST_ANSWERS_S)
        waits = sorted(run.waits[first:last])
        stall = max(after - before for before, after in pairwise([began, *run.times[first:last], ended]))
        return {
            "per_s": (last - first) / (ended - began),
            "p50_ms": _percentile(waits, 50) * 1_000,
            "p99_ms": _percentile(waits, 99) * 1_000,
            "stall_ms": stall * 1_000,
        }


def _percentile(ordered: Sequence[float], percent: int) -> float:
    if not ordered:
        raise Fault(BenchFault.HTTP_FAILED, status="-", detail="no answer arrived in time")
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    uvloop.run(obey(_Load().carry_out))

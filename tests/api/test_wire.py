"""The wire: a plain request of the busiest route is answered without ASGI, and no caller can tell."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import pytest
import uvicorn
from uvicorn.server import ServerState

from koudai import cards, identity
from koudai.api import batcher, create_app, wire
from koudai.api.wire import Protocol

pytestmark = pytest.mark.anyio

RUN = cards.run
_keys = count(1)


@dataclass
class Line:
    """A listening API; `by_asgi` are the requests that went the ordinary way."""

    port: int
    token: str
    state: ServerState
    order: dict = field(default_factory=dict)
    by_asgi: list[str] = field(default_factory=list)

    def request(self, body: dict | bytes | None = None, key: str | None = None, *lines: str, version="1.1") -> bytes:
        """A request as it is sent: a plain one, with more header lines where they are given."""
        sent = body if isinstance(body, bytes) else json.dumps(self.order | (body or {})).encode()
        head = [
            f"POST /v1/gift_card_activities HTTP/{version}", "Host: koudai", f"Authorization: Bearer {self.token}",
            f"Idempotency-Key: {key or f'wire-{next(_keys)}'}", "Content-Type: application/json", *lines,
        ]  # fmt: skip
        if not any(line.lower().startswith("transfer-encoding") for line in lines):
            head.append(f"Content-Length: {len(sent)}")
        return "\r\n".join([*head, "", ""]).encode() + sent

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Client"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        yield Client(reader, writer)
        writer.close()

    async def once(self, request: bytes) -> "Answer":
        async with self.connect() as client:
            client.writer.write(request)
            return await client.answer()


Answer = tuple[int, dict[str, str], dict]


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> Answer:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)).decode()
        first, *lines = head.strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, json.loads(body or b"{}")

    async def end(self) -> bytes:
        """What comes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), 20)


@pytest.fixture
async def line(instance, api) -> AsyncIterator[Line]:
    """An API that listens, knows the caller's token already, and has an order that can be paid."""
    app = create_app(instance)
    state = ServerState()
    # As a server ticks it, once a second.
    state.default_headers = [(b"date", b"now")]
    found = Line(0, api.token, state)

    async def counting(scope, receive, send) -> None:
        found.by_asgi.append(scope["path"])
        await app(scope, receive, send)

    config = uvicorn.Config(
        counting, ws="none", lifespan="off", log_config=None, access_log=False, timeout_keep_alive=75
    )
    loop = asyncio.get_running_loop()
    async with app.router.lifespan_context(app):
        server = await loop.create_server(lambda: Protocol(app.door, config, state, {}), "127.0.0.1", 0)
        found.port = server.sockets[0].getsockname()[1]
        merchant, card = await api.merchant(), await api.loaded(await api.programme(), 10_000)
        found.order = {
            "type": "REDEEM", "gift_card_id": card, "merchant_id": merchant, "amount_minor": 1, "currency": "CNY"
        }  # fmt: skip
        assert (await found.once(found.request()))[0] == 201
        assert found.by_asgi == ["/v1/gift_card_activities"]
        found.by_asgi.clear()
        yield found
        server.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 201), ({"amount_minor": 20_000}, 409), ({"gift_card_id": "x"}, 404), ({"amount_minor": 0}, 422),
        ({"currency": "XXX"}, 422), ({"type": "NONE"}, 422), ({"type": "BLOCK"}, 422), (b"{", 400), (b"", 400),
        (b"\xff", 400),
    ],
)  # fmt: skip
async def test_both_ways_answer_alike(line, body, status) -> None:
    for language in ("en", "zh"):
        key = f"alike-{next(_keys)}"
        direct = await line.once(line.request(body, key, f"Accept-Language: {language}"))
        assert line.by_asgi == []
        # The same header twice is harmless here, and out of the ordinary.
        by_asgi = await line.once(line.request(body, key, f"Accept-Language: {language}", "X-A: 1", "X-A: 2"))
        assert line.by_asgi.pop() == "/v1/gift_card_activities"
        assert direct == by_asgi
        assert direct[0] == status


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        (("Idempotency-Key: k",), None, 422), (("X-A: 1", "X-A: 1"), None, 201),
        (("Transfer-Encoding: chunked",), b"2\r\n{}\r\n0\r\n\r\n", 422),
        (("Upgrade: h2c", "Connection: upgrade"), None, 400), ((), b" " * 65_537, 413),
    ],
)  # fmt: skip
async def test_what_is_out_of_the_ordinary_goes_the_ordinary_way(line, lines, body, status) -> None:
    assert (await line.once(line.request(body, None, *lines)))[0] == status
    assert len(line.by_asgi) == 1


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"application/json", b"text/plain", 415), (b"Idempotency-Key", b"X-Key", 400), (b"Bearer ", b"Bearer x", 401),
        (b"POST ", b"PUT ", 405), (b"_activities ", b"_activities?a=1 ", 201), (b"_activities ", b"%5Factivities ", 201),
    ],
)  # fmt: skip
async def test_another_head_goes_the_ordinary_way(line, old, new, status) -> None:
    assert (await line.once(line.request().replace(old, new, 1)))[0] == status
    assert len(line.by_asgi) == 1


async def test_a_body_is_asked_for_when_the_client_waits_for_that(line) -> None:
    head, _, body = line.request(None, None, "Expect: 100-continue").partition(b"\r\n\r\n")
    async with line.connect() as client:
        client.writer.write(head + b"\r\n\r\n")
        assert (await client.answer())[0] == 100
        client.writer.write(body)
        assert (await client.answer())[0] == 201


async def test_one_behind_another_is_answered_in_order(line) -> None:
    keys = [f"behind-{next(_keys)}" for _ in range(6)]
    bodies = [{}, {"amount_minor": 20_000}, b"{", {}, {"amount_minor": 0}, {}]
    async with line.connect() as client:
        client.writer.write(b"".join(line.request(body, key) for body, key in zip(bodies, keys, strict=True)))
        answers = [await client.answer() for _ in keys]
        assert [status for status, _, _ in answers] == [201, 409, 400, 201, 422, 201]
        assert [answers[n][2]["balance_minor"] for n in (0, 3, 5)] == [9_998, 9_997, 9_996]
        line.by_asgi.clear()
        client.writer.write(line.request())
        assert (await client.answer())[2]["balance_minor"] == 9_995
        assert line.by_asgi == []


async def test_a_request_may_come_in_pieces(line) -> None:
    async with line.connect() as client:
        for size in (1, 7, 150):
            request = line.request()
            for at in range(0, len(request), size):
                client.writer.write(request[at : at + size])
                await client.writer.drain()
                await asyncio.sleep(0)
            assert (await client.answer())[0] == 201
    assert line.by_asgi == []


@pytest.mark.parametrize(
    ("version", "lines"), [("1.1", ("Connection: close",)), ("1.0", ()), ("1.0", ("Connection: keep-alive",))]
)
async def test_a_connection_is_closed_when_that_is_asked_for(line, version, lines) -> None:
    for body, status in (({}, 201), (b"{", 400)):
        async with line.connect() as client:
            # What comes behind the last request is not looked at.
            client.writer.write(line.request(body, None, *lines, version=version) + line.request(None, "behind"))
            answer = await client.answer()
            assert (answer[0], answer[1]["connection"]) == (status, "close")
            assert await client.end() == b""
        assert line.by_asgi == []
    assert (await line.once(line.request({"amount_minor": 2}, "behind")))[2]["amount_minor"] == 2


async def test_garbage_is_refused_and_ends_the_connection(line) -> None:
    async with line.connect() as client:
        client.writer.write(line.request())
        assert (await client.answer())[0] == 201
        client.writer.write(b"POST /v1/gift_card_activities HTTP/1.1\r\n: x\r\n\r\n")
        assert (await client.end()).startswith(b"HTTP/1.1 400 ")


async def test_who_goes_away_while_it_waits_cancels_nothing(line, api, monkeypatch) -> None:
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slow(tx, book, commands):
        running.set()
        await go_on.wait()
        return await RUN(tx, book, commands)

    monkeypatch.setattr(cards, "run", slow)
    async with line.connect() as gone, line.connect() as stays:
        gone.writer.write(line.request(None, "gone"))
        await running.wait()
        stays.writer.write(line.request())
        gone.writer.transport.abort()
        await asyncio.sleep(0.05)
        go_on.set()
        assert (await stays.answer())[0] == 201
    assert (await api.get("/v1/idempotency_keys/gone")).json()["status"] == "accepted"
    assert line.by_asgi == []


async def test_who_waits_at_the_end_is_answered(line, monkeypatch) -> None:
    running, go_on = asyncio.Event(), asyncio.Event()

    async def slow(tx, book, commands):
        running.set()
        await go_on.wait()
        return await RUN(tx, book, commands)

    monkeypatch.setattr(cards, "run", slow)
    async with line.connect() as waits, line.connect() as idles:
        waits.writer.write(line.request())
        await running.wait()
        for protocol in list(line.state.connections):
            protocol.shutdown()
        assert await idles.end() == b""
        go_on.set()
        answer = await waits.answer()
        assert (answer[0], answer[1]["connection"]) == (201, "close")
        assert await waits.end() == b""
        assert not line.state.connections


async def test_a_crowd_is_turned_away(line, monkeypatch) -> None:
    monkeypatch.setattr(batcher, "WAITING_COMMANDS", 0)
    status, headers, body = await line.once(line.request())
    assert (status, headers["retry-after"], body["code"]) == (503, "1", "api.overloaded")


async def test_a_revoked_key_does_nothing_more(line, instance) -> None:
    await instance.db.transact(lambda tx: identity.revoke_key(tx, line.token.removeprefix("kd_test_")[:16]))
    assert [(await line.once(line.request()))[0] for _ in range(2)] == [401, 401]
    assert len(line.by_asgi) == 1


async def test_an_answer_that_cannot_be_told_spoils_no_other(line, monkeypatch, caplog) -> None:
    told = wire.told

    def poisoned(answer, named):
        if answer.amount_minor == 7:
            raise ValueError("no")
        return told(answer, named)

    monkeypatch.setattr(wire, "told", poisoned)
    orders = [line.request({"amount_minor": amount}) for amount in (1, 7, 2)]
    answers = await asyncio.gather(*(line.once(order) for order in orders))
    assert [status for status, _, _ in answers] == [201, 500, 201]
    assert "ValueError" in caplog.text

"""The wire: HTTP/1.1 by httptools, with a way of its own for the busiest route.

A plain request for an activity goes from the parser straight to the batcher, and its answer from there
to the socket; no task is made for it and no ASGI message. Whatever is out of the ordinary about a
request (an unknown token, a header twice, a body in chunks, one behind another that isn't answered)
takes the ordinary way, so that each refusal is told in one place.
"""

import asyncio
from time import perf_counter
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from koudai.api.activities import told, understood
from koudai.api.batcher import Answer
from koudai.api.door import Door, as_problem
from koudai.api.exchange import SINGLE_LIMIT_BYTES, Headers, Reply, idempotency_key, is_json, problem_reply, reply
from koudai.api.problems import Problem
from koudai.identity import Principal

DIRECT_PATH = "/v1/gift_card_activities"
"""The busiest route's path; its method is POST."""

_DIRECT_URL = DIRECT_PATH.encode()
_UNUSUAL = frozenset((b"expect", b"transfer-encoding", b"upgrade"))
_HEAD_ENDS = b"\r\n\r\n"


class _Joining:
    """A transport that holds the head of an answer back until its body comes, or the loop turns.

    uvicorn writes them one after the other, and each write is a call to the system and a packet.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(_HEAD_ENDS):
            self._held = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Nobody:
    """In the place of an event: nobody waits for a direct request's body, nor for its end."""

    def set(self) -> None:
        pass


class _Direct:
    """A plain request of the busiest route, on its way to the batcher and back.

    To uvicorn's protocol it is a cycle like its own (the attributes without an underscore), so that
    pipelining, keep-alive, clients that go and the server's end are uvicorn's business as ever.
    """

    __slots__ = ("_accept_language", "_began", "_key", "_named", "_principal", "_protocol", "body", "disconnected",
                 "keep_alive", "more_body", "response_complete")  # fmt: skip

    message_event = _Nobody()

    def __init__(self, protocol: "Protocol", principal: Principal, headers: Headers, keep_alive: bool) -> None:
        self._began = perf_counter()
        self._protocol = protocol
        self._principal = principal
        self._key = idempotency_key(headers)
        self._accept_language = headers.get(b"accept-language")
        self._named = ""
        self.body = b""
        self.more_body = True
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False

    def ask(self) -> None:
        """Hand it to the batcher, now that it is whole."""
        door = self._protocol.door
        try:
            command, self._named = understood(door, self._principal, self._key, self.body)
            door.batcher.ask(self._principal, (command,), self._tell)
        except Exception as error:  # noqa: BLE001 every request gets one clear answer
            # Not from within the parser: there may be more in its hands, to be looked at after the answer.
            self._protocol.loop.call_soon(self._refuse, error)

    def _tell(self, answers: list[Answer]) -> None:
        try:
            answer = reply(*told(answers[0], self._named))
        except Exception as error:  # noqa: BLE001 every request gets one clear answer
            self._refuse(error)
        else:
            self._reply(answer)

    def _refuse(self, error: Exception) -> None:
        problem = as_problem(error)
        self._protocol.door.metrics.problem(problem.code)
        self._reply(problem_reply(problem, self._accept_language))

    def _reply(self, answer: Reply) -> None:
        self._protocol.write(answer, self.keep_alive)
        self.response_complete = True
        self._protocol.on_response_complete()
        self._protocol.door.metrics.request(DIRECT_PATH, "POST", answer.status, perf_counter() - self._began)


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, door: Door, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection was opened."""
        joining = _Joining(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, joining))

    def on_headers_complete(self) -> None:
        """A request's head is there: see which way it goes."""
        direct = self._direct() if self.url == _DIRECT_URL and self.parser.get_method() == b"POST" else None
        if direct is None:
            super().on_headers_complete()
        else:
            self.cycle = cast(RequestResponseCycle, direct)

    def on_message_complete(self) -> None:
        """A request is whole."""
        super().on_message_complete()
        if isinstance(self.cycle, _Direct):
            self.cycle.ask()

    def _direct(self) -> _Direct | None:
        """The request, or None when something about it is out of the ordinary."""
        headers = dict(self.headers)
        length = headers.get(b"content-length", b"")
        if (
            len(headers) != len(self.headers)
            or not _UNUSUAL.isdisjoint(headers)
            or not is_json(headers)
            or not (length.isdigit() and len(length) <= 5 and int(length) <= SINGLE_LIMIT_BYTES)
            or (self.cycle is not None and not self.cycle.response_complete)
            or self.flow.write_paused
        ):
            return None
        principal = self.door.gate.remembered(headers.get(b"authorization"))
        if principal is None:
            return None
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        try:
            return _Direct(self, principal, headers, keep_alive)
        except Problem:
            return None

    def write(self, answer: Reply, keep_alive: bool) -> None:
        """Write a whole answer at once, unless the client is gone."""
        if self.transport.is_closing():
            return
        lines = [STATUS_LINE[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n" if keep_alive else b"connection: close\r\n\r\n", answer.body)
        self.transport.write(b"".join(lines))
        if not keep_alive:
            self.transport.close()

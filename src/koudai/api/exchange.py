"""One HTTP exchange on bare ASGI: headers, a bounded body, an answer."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import msgspec

from koudai.api.problems import CONTENT_TYPE, ApiProblem, Problem, invalid, language_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Mapping[bytes, bytes]

JSON = b"application/json"
SINGLE_LIMIT_BYTES = 64 * 1024
BATCH_LIMIT_BYTES = 8 * 1024 * 1024

_ONCE = (b"authorization", b"idempotency-key", b"content-type", b"content-length")


class Disconnected(Exception):
    """The client went away before its request was whole."""


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The request's headers by lower-case name. Raises Problem when one that decides comes twice."""
    pairs = scope["headers"]
    headers: dict[bytes, bytes] = dict(pairs)
    if len(headers) != len(pairs):
        names = [name for name, _ in pairs]
        for name in _ONCE:
            if names.count(name) > 1:
                raise invalid(name.decode().title(), "repeated")
    return headers


def idempotency_key(headers: Headers) -> str:
    """The Idempotency-Key header; raises Problem when there is none, or it isn't printable ASCII."""
    raw = headers.get(b"idempotency-key")
    if not raw:
        raise Problem(ApiProblem.KEY_REQUIRED)
    key = raw.decode("latin-1")
    if len(key) > 255 or not key.isascii() or not key.isprintable():
        raise invalid("Idempotency-Key", "key")
    return key


def is_json(headers: Headers) -> bool:
    """Whether the body is said to be JSON."""
    content_type = headers.get(b"content-type", b"")
    return content_type == JSON or content_type.partition(b";")[0].strip().lower() == JSON


async def read_json(receive: Receive, headers: Headers, limit_bytes: int = SINGLE_LIMIT_BYTES) -> bytes:
    """The body, which is JSON and not longer than the limit; not a byte more is kept in memory.

    Raises Problem, or Disconnected when the client goes away before the end.
    """
    if not is_json(headers):
        raise Problem(ApiProblem.NOT_JSON)
    declared = headers.get(b"content-length", b"0")
    if len(declared) > 15 or (declared.isdigit() and int(declared) > limit_bytes):
        raise Problem(ApiProblem.BODY_TOO_LARGE, {"limit_bytes": limit_bytes})
    chunks: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        length += len(chunk)
        if length > limit_bytes:
            raise Problem(ApiProblem.BODY_TOO_LARGE, {"limit_bytes": limit_bytes})
        if not message.get("more_body", False):
            return b"".join([*chunks, chunk]) if chunks else chunk
        chunks.append(chunk)


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


def reply(status: int, body: bytes, content_type: bytes = JSON, headers: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    """An answer with the headers that describe its body."""
    return Reply(status, ((b"content-type", content_type), (b"content-length", b"%d" % len(body)), *headers), body)


def problem_reply(problem: Problem, accept_language: bytes | None) -> Reply:
    """A problem in the caller's language."""
    language = language_of(accept_language)
    headers = (
        (b"content-language", language.encode()),
        (b"vary", b"accept-language"),
        (b"cache-control", b"no-store"),
        *problem.headers,
    )
    return reply(problem.status, msgspec.json.encode(problem.told(language)), CONTENT_TYPE, headers)


async def respond(send: Send, answer: Reply) -> None:
    """Send an answer."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def respond_problem(scope: Scope, send: Send, problem: Problem) -> None:
    """Send a problem in the caller's language."""
    accepted = next((value for name, value in scope["headers"] if name == b"accept-language"), None)
    await respond(send, problem_reply(problem, accepted))

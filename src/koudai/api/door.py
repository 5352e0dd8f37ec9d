"""The door as its routes see it: one declaration for each route, and what a request brings with it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from time import perf_counter
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from koudai import identity
from koudai.api.batcher import Batcher
from koudai.api.exchange import (
    Disconnected,
    Headers,
    Receive,
    Scope,
    Send,
    headers_of,
    idempotency_key,
    read_json,
    reply,
    respond,
    respond_problem,
)
from koudai.api.faults import log_bug, log_fault
from koudai.api.fields import decoded
from koudai.api.gate import Gate, require
from koudai.api.ids import Ids
from koudai.api.metrics import Metrics
from koudai.api.problems import ApiProblem, Problem, invalid, language_of, problem_of
from koudai.base import Fault, Refused
from koudai.identity import Principal
from koudai.instance import Instance
from koudai.pg import Tx
from koudai.phrases import Language

T = TypeVar("T")

PAGE_DEFAULT, PAGE_MAX = 50, 200


@dataclass(frozen=True)
class Door:
    """What all routes share."""

    instance: Instance
    ids: Ids
    gate: Gate
    metrics: Metrics
    batcher: Batcher


@dataclass
class Call:
    """One request: who calls (nobody on an open route), and what came along."""

    door: Door
    scope: Scope
    headers: Headers
    caller: Principal | None = None
    key: str = ""
    body: Any = None

    @property
    def principal(self) -> Principal:
        """Who calls."""
        assert self.caller is not None, "an open route has no caller"
        return self.caller

    @property
    def book(self) -> int:
        """The caller's book: all that it may see or change."""
        return self.principal.issuer_id

    @property
    def language(self) -> Language:
        """The language to answer in."""
        return language_of(self.headers.get(b"accept-language"))

    def path(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.scope["path_params"][name])

    def query(self, name: str) -> str | None:
        """A parameter of the query, or None. Raises Problem when it comes twice."""
        text = self.scope.get("query_string", b"").decode("latin-1")
        found = [value for key, value in parse_qsl(text, keep_blank_values=True) if key == name]
        if len(found) > 1:
            raise invalid(name, "repeated")
        return found[0] if found else None

    @property
    def limit(self) -> int:
        """How many things a page may have. Raises Problem when the query asks for less than 1 or too many."""
        text = self.query("limit")
        if text is None:
            return PAGE_DEFAULT
        if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= PAGE_MAX):
            raise invalid("limit", "between", least=1, bound=PAGE_MAX)
        return int(text)

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` in a transaction that has made sure of the caller's key."""

        async def checked(tx: Tx) -> T:
            await self.door.gate.check(tx, self.principal)
            return await work(tx)

        return await self.door.instance.db.transact(checked)


@dataclass(frozen=True)
class Text:
    """An answer that isn't JSON."""

    body: bytes
    content_type: bytes


Handle = Callable[[Call], Awaitable[Any]]
Raw = Callable[[Door, Scope, Receive, Headers], Awaitable[tuple[int, bytes]]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One route, from which the router and the OpenAPI document are both built.

    `handle` answers a Struct, a Refused or a Text. `raw` is used instead where the general way costs
    too much: it reads the request itself, and is told apart by nothing in the document.
    """

    method: str
    path: str
    name: str
    summary: str
    tag: str
    scope: identity.Scope | None = None
    open: bool = False
    keyed: bool = False
    request: Any = None
    response: Any = None
    status: int = 200
    query: tuple[str, ...] = ()
    codes: tuple[StrEnum, ...] = ()
    examples: Mapping[str, Any] = field(default_factory=dict)
    handle: Handle | None = None
    raw: Raw | None = None

    @property
    def takes_body(self) -> bool:
        """Whether a body is expected."""
        return self.request is not None


class Route:
    """The ASGI application of one path: it picks the operation by method."""

    def __init__(self, door: Door, operations: list[Operation]) -> None:
        self.door = door
        self.operations = {operation.method: operation for operation in operations}
        self._decoders = {
            operation.method: msgspec.json.Decoder(operation.request).decode
            for operation in operations
            if operation.takes_body and operation.raw is None
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        operation = self.operations.get(method)
        if operation is None:
            allowed = sorted({*self.operations, *(["HEAD"] if "GET" in self.operations else [])})
            problem = Problem(
                ApiProblem.METHOD_NOT_ALLOWED, {"allowed": allowed}, headers=[(b"allow", ", ".join(allowed).encode())]
            )
            self.door.metrics.problem(problem.code)
            await respond_problem(scope, send, problem)
            return
        await self.run(operation, scope, receive, send)

    async def run(self, operation: Operation, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        began = perf_counter()
        try:
            if operation.raw is not None:
                status, body = await operation.raw(self.door, scope, receive, headers_of(scope))
                await respond(send, reply(status, body))
            else:
                status = await self._answer(operation, scope, receive, send)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 every request gets one clear answer
            problem = as_problem(error)
            status = problem.status
            self.door.metrics.problem(problem.code)
            await respond_problem(scope, send, problem)
        self.door.metrics.request(operation.path, operation.method, status, perf_counter() - began)

    async def _answer(self, operation: Operation, scope: Scope, receive: Receive, send: Send) -> int:
        headers = headers_of(scope)
        call = Call(self.door, scope, headers)
        if not operation.open:
            call.caller = await self.door.gate.identify(headers.get(b"authorization"))
            if operation.scope is not None:
                require(call.caller, operation.scope)
        if operation.keyed:
            call.key = idempotency_key(headers)
        if operation.takes_body:
            call.body = decoded(self._decoders[operation.method], await read_json(receive, headers))
        assert operation.handle is not None
        answer = await operation.handle(call)
        if isinstance(answer, Refused):
            raise problem_of(answer)
        if isinstance(answer, Text):
            await respond(send, reply(operation.status, answer.body, answer.content_type))
        else:
            body = msgspec.json.encode(answer)
            await respond(send, reply(operation.status, body, headers=[(b"cache-control", b"no-store")]))
        return operation.status


def as_problem(error: Exception) -> Problem:
    """What went wrong as a problem; what nobody foresaw is logged and told as an internal error."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Fault):
        problem = problem_of(error)
        if problem.status >= 500:
            log_fault(error)
        return problem
    log_bug(error)
    return Problem(ApiProblem.INTERNAL)

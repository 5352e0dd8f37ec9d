"""The server: the application of the API, and how it is started and ended."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import cast

import uvicorn
from starlette import routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from koudai.api import docs
from koudai.api.batcher import Batcher
from koudai.api.chores import Chores
from koudai.api.door import Door, Operation, Route
from koudai.api.exchange import Receive, Scope, Send, respond_problem
from koudai.api.faults import log_bug
from koudai.api.gate import Gate
from koudai.api.ids import Ids
from koudai.api.metrics import Metrics
from koudai.api.operations import OPERATIONS
from koudai.api.problems import ApiProblem, Problem
from koudai.api.wire import Protocol
from koudai.base import Fault
from koudai.instance import Instance, calm_collector

GRACE_S = 30
"""How long requests in flight may take once the server is told to end."""

_BACKLOG = 2048


class Api(Starlette):
    """The application: all routes. `wire` answers plain requests of the busiest one before they come here."""

    def __init__(self, door: Door) -> None:
        by_path: dict[str, list[Operation]] = {}
        for operation in OPERATIONS:
            by_path.setdefault(operation.path, []).append(operation)
        applications = {path: Route(door, operations) for path, operations in by_path.items()}
        paths: list[routing.BaseRoute] = [
            # An idempotency key may have slashes in it.
            routing.Route(path.replace("{key}", "{key:path}"), application)
            for path, application in applications.items()
        ]
        super().__init__(
            routes=[*docs.routes(OPERATIONS), *paths],
            exception_handlers={HTTPException: _router_problem, Exception: _bug},
            lifespan=lambda _: _working(door),
        )
        self.router.redirect_slashes = False
        self.door = door


def create_app(instance: Instance) -> Api:
    """The API of an installation. Its batcher works while the application's lifespan lasts."""
    metrics = Metrics()
    ids = Ids(instance.keyring)
    gate = Gate(instance.db)
    return Api(Door(instance, ids, gate, metrics, Batcher(instance.db, gate, ids, metrics)))


@asynccontextmanager
async def _working(door: Door) -> AsyncIterator[None]:
    door.batcher.start()
    chores = Chores(door.instance)
    try:
        yield
    finally:
        await door.batcher.close()
        await chores.end()


async def _router_problem(request: Request, error: Exception) -> Response:
    """What the router itself refuses: an address that isn't there, or a method of the documentation's pages."""
    assert isinstance(error, HTTPException)
    code = ApiProblem.METHOD_NOT_ALLOWED if error.status_code == 405 else ApiProblem.NOT_FOUND
    headers = [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
    return _ProblemResponse(Problem(code, headers=headers))


async def _bug(request: Request, error: Exception) -> Response:
    log_bug(error)
    return _ProblemResponse(Problem(ApiProblem.INTERNAL))


class _ProblemResponse(Response):
    """A problem, for where Starlette wants a response."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(status_code=problem.status)
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"].door.metrics.problem(self._problem.code)
        await respond_problem(scope, send, self._problem)


class _Server(uvicorn.Server):
    """Ends on SIGTERM and SIGINT and then returns, so that the caller can close what it opened."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        calm_collector()
        if self._on_ready is not None:
            self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        for number in before:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)


async def serve(instance: Instance, host: str, port: int, on_ready: Callable[[], None] | None = None) -> None:
    """Serve the API until SIGTERM or SIGINT; requests in flight are answered first.

    Raises Fault `api.address_taken` when host and port can't be listened on. `on_ready` is called once
    requests are answered. To be run on the main thread.
    """
    app = create_app(instance)
    protocol = cast(type[asyncio.Protocol], partial(Protocol, app.door))
    config = uvicorn.Config(
        app, http=protocol, ws="none", lifespan="on", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=75,
        backlog=_BACKLOG,
    )  # fmt: skip
    with _listen(host, port) as listener:
        await _Server(config, on_ready).serve([listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise Fault(ApiProblem.ADDRESS_TAKEN, host=host, port=port, detail=detail) from error

"""The server: the application of the API, and how it is started and ended."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import cast

import anyio.to_thread
import uvicorn
from starlette import routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from koudai import cards, ledger, proof
from koudai.api import docs
from koudai.api.batcher import Batcher
from koudai.api.door import Door, Operation, Route
from koudai.api.exchange import Receive, Scope, Send, respond_problem
from koudai.api.faults import log_bug, log_fault
from koudai.api.gate import Gate
from koudai.api.ids import Ids
from koudai.api.metrics import Metrics
from koudai.api.operations import OPERATIONS
from koudai.api.problems import ApiProblem, Problem
from koudai.api.renewing import run_sweep
from koudai.api.sweeping import return_gifts
from koudai.api.wire import Protocol
from koudai.base import Fault
from koudai.instance import Instance, calm_collector
from koudai.pg import Embedded

GRACE_S = 30
"""How long requests in flight may take once the server is told to end."""

FOLD_EVERY_S = 1.0
"""How often what hot accounts gathered is folded into their balances."""

PURGE_EVERY_S = 10.0
"""How often pay codes of long ago are forgotten."""

PURGED_AFTER = timedelta(days=1)
"""How long after it was made a pay code is still known as used, replaced or expired; then it is unknown."""

_FOLDED_AT_ONCE = 5_000
_BREATH_S = 0.02
_CANCEL_EVERY_S = 1.0
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
    instance = door.instance
    chores = (
        asyncio.create_task(_fold(instance)),
        asyncio.create_task(return_gifts(instance, _log_failure)),
        asyncio.create_task(_purge(instance)),
        asyncio.create_task(proof.run_sequencer(instance.db, instance.keyring, _log_failure)),
        asyncio.create_task(run_sweep(instance, _log_failure)),
    )
    try:
        yield
    finally:
        await door.batcher.close()
        for chore in chores:
            await end(chore)


async def end(chore: asyncio.Task[None]) -> None:
    """Cancel a chore until it has ended: what the driver raises of a lost connection may take the place of it."""
    while not chore.done():
        chore.cancel()
        await asyncio.wait((chore,), timeout=_CANCEL_EVERY_S)


def _log_failure(error: Exception) -> None:
    (log_fault if isinstance(error, Fault) else log_bug)(error)  # type: ignore[arg-type]


async def _fold(instance: Instance) -> None:
    """Fold the hot accounts' deltas for as long as the server runs; an outage is told once."""
    failing = False
    while True:
        await asyncio.sleep(FOLD_EVERY_S)
        try:
            # In small pieces with a breath between them, so that no request waits behind a long one.
            folded = _FOLDED_AT_ONCE
            while folded >= _FOLDED_AT_ONCE:
                folded = await instance.db.transact(lambda tx: ledger.fold_deltas(tx, _FOLDED_AT_ONCE))
                await asyncio.sleep(_BREATH_S)
            failing = False
        except Exception as error:  # noqa: BLE001 the next round may succeed, and nobody else would try it
            if instance.target.embedded is not None:
                await _revive(instance.target.embedded)
            if not failing:
                (log_fault if isinstance(error, Fault) else log_bug)(error)  # type: ignore[arg-type]
            failing = True


async def _purge(instance: Instance) -> None:
    """Forget pay codes and guesses of long ago, for as long as the server runs; an outage is told once."""
    failing = False
    while True:
        await asyncio.sleep(PURGE_EVERY_S)
        before = instance.clock.now() - PURGED_AFTER
        try:
            await instance.db.transact(lambda tx, before=before: cards.purge_codes(tx, before))  # type: ignore[misc]
            failing = False
        except Exception as error:  # noqa: BLE001 the next round may succeed, and nobody else would try it
            if not failing:
                _log_failure(error)
            failing = True


async def _revive(server: Embedded) -> None:
    """Start the embedded server again if it died; where it didn't, nothing happens."""
    with suppress(Fault):
        await anyio.to_thread.run_sync(server.start)


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

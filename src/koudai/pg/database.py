"""Connections and transactions of the application."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from psycopg import AsyncConnection, AsyncRawCursor
from psycopg_pool import AsyncConnectionPool

from koudai.base import Fault
from koudai.pg.faults import Conflict, PgFault, as_faults
from koudai.pg.target import Target
from koudai.pg.trip import Row, Statement, travel

T = TypeVar("T")

# The application's sessions are pinned to keys (see Target); this undoes it for one transaction.
_PLAN_FOR_SCANS = "SELECT " + ", ".join(
    f"set_config('{name}', '{value}', true)"
    for name, value in (
        ("enable_seqscan", "on"),
        ("enable_bitmapscan", "on"),
        ("enable_hashjoin", "on"),
        ("enable_nestloop", "off"),
        ("plan_cache_mode", "force_custom_plan"),
        ("work_mem", "256MB"),
    )
)

# An outage is told by whoever meets it; the pool would tell it again at every try to reconnect.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

_ATTEMPTS = 8
_WAIT_FOR_CONNECTION_S = 4.0


class Later:
    """The rows of a statement that goes with the next ones; None until then."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: list[Row] | None = None


class Tx:
    """An open transaction: statements see it, and its opener commits or rolls back.

    `lasting` is the pool's: rooms keep in it what they read and what never changes once committed.
    """

    __slots__ = ("_connection", "_deferred", "commit_sent", "lasting")

    def __init__(self, connection: AsyncConnection[Row], lasting: dict[Any, Any]) -> None:
        self._connection = connection
        self.lasting = lasting
        self._deferred: list[tuple[Statement, Later]] = []
        self.commit_sent = False

    async def rows(self, statement: str, *parameters: Any) -> list[Row]:
        """The rows of one statement; parameters are `$1`, `$2`, … ."""
        return (await self.together((statement, *parameters)))[0]

    async def row(self, statement: str, *parameters: Any) -> Row | None:
        """The first row, or None."""
        rows = await self.rows(statement, *parameters)
        return rows[0] if rows else None

    async def value(self, statement: str, *parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = await self.row(statement, *parameters)
        return row[0] if row else None

    async def plan_for_scans(self) -> None:
        """Plan what follows in this transaction for whole tables: scans and hash joins, no look-ups row by row."""
        await self.rows(_PLAN_FOR_SCANS)

    async def together(self, *statements: Statement) -> list[list[Row]]:
        """Several statements `(text, parameter, …)` in one round trip; the rows of each, in order."""
        return await self._send(statements)

    def defer(self, *statements: Statement) -> list[Later]:
        """Statements that nobody waits for: they go with the next ones, at the latest with the commit."""
        later = [Later() for _ in statements]
        self._deferred += zip(statements, later, strict=True)
        return later

    async def commit(self) -> None:
        """Send what was deferred and commit, in one round trip. Raises `Conflict` when it met another's rows."""
        self.commit_sent = True
        if self._deferred:
            await self._send((), commit=True)

    async def _send(self, statements: Sequence[Statement], *, commit: bool = False) -> list[list[Row]]:
        deferred, self._deferred = self._deferred, []
        with as_faults():
            rows = await travel(self._connection, [*(s for s, _ in deferred), *statements], commit=commit)
        for (_, later), found in zip(deferred, rows, strict=False):
            later.rows = found
        return rows[len(deferred) :]


class Database:
    """A pool of connections of the application role."""

    def __init__(self, target: Target, *, min_size: int = 1, max_size: int = 8) -> None:
        self.target = target
        self._lasting: dict[Any, Any] = {}
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            target.app_conninfo(),
            min_size=min_size,
            max_size=max_size,
            open=False,
            timeout=_WAIT_FOR_CONNECTION_S,
            reconnect_timeout=30.0,
            # The driver prepares nothing of its own: it would deallocate all, ours too, at a rollback.
            kwargs={"cursor_factory": AsyncRawCursor, "prepare_threshold": None},
        )

    async def __aenter__(self) -> Self:
        with as_faults():
            probe = await AsyncConnection.connect(self.target.app_conninfo(), connect_timeout=10)
            await probe.close()
        await self._pool.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close(timeout=10.0)

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[Tx]:
        """A transaction that commits when the block ends and rolls back when it raises.

        With `snapshot` it only reads, and every statement sees the database as of one moment.
        """
        with as_faults():
            async with self._pool.connection() as connection:
                tx = Tx(connection, self._lasting)
                if snapshot:
                    tx.defer(("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",))
                yield tx
                await tx.commit()

    @asynccontextmanager
    async def session_lock(self, name: str) -> AsyncIterator[bool]:
        """Hold a lock by name, across transactions, until the block or this process ends.

        Yields False, and holds nothing, when somebody else has it.
        """
        with as_faults():
            async with self._pool.connection() as connection:
                cursor = await connection.execute("SELECT pg_try_advisory_lock(hashtext($1))", (name,))
                row = await cursor.fetchone()
                await connection.commit()
                held = bool(row and row[0])
                try:
                    yield held
                finally:
                    if held and not connection.closed:
                        await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", (name,))

    async def transact(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again when it met another one's rows; what it returns is committed.

        Raises Fault when the database can't answer. After a connection lost at the commit the outcome
        is not known here: the caller asks again with the same idempotency keys.
        """
        for left in reversed(range(_ATTEMPTS)):
            tx: Tx | None = None
            try:
                async with self.transaction() as tx:
                    return await work(tx)
            except Conflict as conflict:
                if not left:
                    raise Fault(PgFault.CONTENTION, detail=str(conflict).splitlines()[0]) from conflict
            except Fault as fault:
                # A session may have died while it lay idle. Before its commit was sent nothing can be booked.
                if fault.code != PgFault.UNAVAILABLE or tx is None or tx.commit_sent or not left:
                    raise
        raise AssertionError("the last attempt returns or raises")

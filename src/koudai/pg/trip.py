"""One round trip: many statements sent together in libpq's pipeline mode, their results read together.

The driver's own pipeline turns the event loop over for each statement; here all are written at once.
Every statement is prepared on its connection the first time, and its parameters take the types that
its casts say (`$1::bigint`).
"""

from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, Error, OperationalError, errors
from psycopg.abc import Buffer, Transformer as Reader
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from koudai.pg.arrays import Column

Row = tuple[Any, ...]
Statement = tuple[Any, ...]
"""Its text, and then its parameters."""

_TEXT, _BINARY = 0, 1
_VOID = 2278
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED, ExecStatus.BAD_RESPONSE)

_numbers = count()

# The names under which a connection knows its prepared statements; it forgets them when it ends.
_prepared: WeakKeyDictionary[AsyncConnection[Row], dict[str, bytes]] = WeakKeyDictionary()


async def travel(
    connection: AsyncConnection[Row], statements: Sequence[Statement], *, commit: bool = False
) -> list[list[Row]]:
    """Send statements in one round trip and answer the rows of each, in order.

    Begins a transaction when none is open; with `commit` ends it behind the last one. Where one fails,
    the ones behind it aren't run, and what the driver raises for it is raised.
    """
    # A parameter that can't be sent is found before anything is.
    encoded = [(statement[0], *_encode(statement[1:])) for statement in statements]
    pgconn = connection.pgconn
    names = _prepared.setdefault(connection, {})
    answers: list[bool] = []
    fresh: list[str] = []
    async with connection.lock:
        pgconn.enter_pipeline_mode()
        try:
            if pgconn.transaction_status == TransactionStatus.IDLE:
                pgconn.send_query_params(b"BEGIN", None)
                answers.append(False)
            for text, values, formats in encoded:
                if text not in names:
                    names[text] = b"kd_%d" % next(_numbers)
                    fresh.append(text)
                    pgconn.send_prepare(names[text], text.encode())
                    answers.append(False)
                pgconn.send_query_prepared(names[text], values, formats, result_format=_BINARY)
                answers.append(True)
            if commit:
                pgconn.send_query_params(b"COMMIT", None)
                answers.append(False)
            pgconn.pipeline_sync()
            results = await connection.wait(_exchange(pgconn))
            pgconn.exit_pipeline_mode()
        except BaseException:
            _forget(names, fresh)
            with suppress(Error):
                pgconn.exit_pipeline_mode()
            raise
    for result in results:
        if result.status in _FAILED:
            # What stood behind the failed statement was not prepared either; all are prepared anew.
            _forget(names, [text for text, _, _ in encoded])
            raise errors.error_from_result(result, encoding="utf-8")
    reader = Transformer(connection)
    return [_rows(reader, result) for result, answer in zip(results, answers, strict=True) if answer]


def _forget(names: dict[str, bytes], fresh: Sequence[str]) -> None:
    for text in fresh:
        names.pop(text, None)


def _exchange(pgconn: PGconn) -> Generator[Wait, Ready | int, list[PGresult]]:
    """Write what is queued and read the results, up to that of the sync."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    results: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == ConnStatus.BAD:
                raise OperationalError("the connection was lost")
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)


def _encode(parameters: Sequence[Any]) -> tuple[list[Buffer | None], list[int]]:
    values: list[Buffer | None] = []
    formats: list[int] = []
    for value in parameters:
        form = _BINARY
        if isinstance(value, Column):
            values.append(value.data)
        elif isinstance(value, str):
            values.append(value.encode())
        elif value is None or isinstance(value, bytes):
            values.append(value)
        else:
            form = _TEXT
            values.append(_as_text(value))
        formats.append(form)
    return values, formats


def _as_text(value: bool | int | datetime) -> bytes:
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, datetime):
        return value.isoformat().encode()
    raise TypeError(f"{type(value).__name__} is sent as a column, or not at all")


def _rows(reader: Reader, result: PGresult) -> list[Row]:
    if result.status != ExecStatus.TUPLES_OK or not result.ntuples or result.ftype(0) == _VOID:
        return []
    reader.set_pgresult(result)
    return reader.load_rows(0, result.ntuples, tuple)

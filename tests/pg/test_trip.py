"""A round trip: many statements in one write, their rows in order, and nothing behind one that failed."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import errors

from koudai.pg import int8s
from koudai.pg.trip import travel

pytestmark = pytest.mark.anyio


@pytest.fixture
async def connection(servers):
    opened = await psycopg.AsyncConnection.connect(servers(18).embedded.dsn("postgres", "postgres"))
    yield opened
    await opened.close()


async def test_each_statement_is_answered_in_order(connection):
    answers = await travel(
        connection,
        [
            ("SELECT 1",),
            ("SELECT $1::text, $2::int", "zwei", 2),
            ("SELECT unnest($1::bigint[])", int8s([3, 4])),
            ("SET LOCAL work_mem = '5MB'",),
        ],
    )
    assert answers == [[(1,)], [("zwei", 2)], [(3,), (4,)], []]


@pytest.mark.parametrize(
    ("cast", "value"),
    [
        ("bigint", -(2**63)),
        ("int", 7),
        ("bool", True),
        ("bool", False),
        ("text", "卡 \\ ' $1"),
        ("text", ""),
        ("text", None),
        ("bytea", b"\x00\xff"),
        ("timestamptz", datetime(2024, 2, 29, 12, 30, 0, 123456, tzinfo=UTC)),
    ],
)
async def test_a_parameter_arrives_as_it_was(connection, cast, value):
    for _ in range(2):  # prepared the first time, reused the second
        assert await travel(connection, [(f"SELECT $1::{cast}", value)]) == [[(value,)]]


async def test_a_transaction_is_begun_once_and_ended_by_the_commit(connection):
    await travel(connection, [("CREATE TEMPORARY TABLE told (n int) ON COMMIT PRESERVE ROWS",)], commit=True)
    await travel(connection, [("INSERT INTO told VALUES ($1::int)", 1)])
    await connection.rollback()
    await travel(connection, [("INSERT INTO told VALUES ($1::int)", 2)], commit=True)
    await connection.rollback()
    assert await travel(connection, [("SELECT n FROM told",)]) == [[(2,)]]


async def test_what_stands_behind_a_failed_statement_is_not_done_nor_thought_to_be_prepared(connection):
    await travel(connection, [("CREATE TEMPORARY TABLE told (n int PRIMARY KEY)",)], commit=True)
    with pytest.raises(errors.UniqueViolation):
        await travel(
            connection,
            [("INSERT INTO told VALUES (1)",), ("INSERT INTO told VALUES (1), (2)",), ("INSERT INTO told VALUES (3)",)],
            commit=True,
        )
    await connection.rollback()
    assert await travel(connection, [("INSERT INTO told VALUES (3)",), ("SELECT n FROM told",)]) == [[], [(3,)]]


async def test_a_parameter_that_cannot_be_sent_leaves_the_connection_as_it_was(connection):
    with pytest.raises(TypeError):
        await travel(connection, [("SELECT 1",), ("SELECT $1::float8", 1.5)])
    assert await travel(connection, [("SELECT 2",)]) == [[(2,)]]


async def test_text_with_a_nul_is_refused_and_not_cut(connection):
    with pytest.raises(psycopg.DataError):
        await travel(connection, [("SELECT $1::text", "a\x00b")])


async def test_a_lost_connection_is_told(connection, servers):
    (((pid,),),) = await travel(connection, [("SELECT pg_backend_pid()",)])
    with servers(18).superuser() as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    with pytest.raises(psycopg.OperationalError):
        for _ in range(3):
            await travel(connection, [("SELECT 1",)])

"""Round trips: many statements at once, their rows in order, and a whole session or none after whatever happens."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest

from koudai.base import Fault
from koudai.pg import Conflict, Database, int8s, texts


async def test_rows_come_back_in_the_order_of_their_statements(db):
    async with db.transaction() as tx:
        found = await tx.together(
            ("SELECT 1",),
            ("SELECT n, n::text FROM generate_series(1, $1::int) n", 3),
            ("INSERT INTO ledger.assets VALUES ('AAA', 2)",),
            ("SELECT code FROM ledger.assets WHERE code = $1::text", "AAA"),
            ("SELECT code FROM ledger.assets WHERE code = $1::text", "BBB"),
        )
        assert found == [[(1,)], [(1, "1"), (2, "2"), (3, "3")], [], [("AAA",)], []]
        assert await tx.together() == []
        assert await tx.value("SELECT NULL::int") is None
        assert await tx.row("SELECT 1 WHERE false") is None


@pytest.mark.parametrize(
    ("cast", "value"),
    [
        ("int", -5),
        ("bigint", 2**63 - 1),
        ("bigint", -(2**63)),
        ("bool", True),
        ("bool", False),
        ("text", "礼品 'x' \\ \n $1"),
        ("text", ""),
        ("text", None),
        ("int", None),
        ("bytea", b""),
        ("bytea", bytes(range(256))),
        ("timestamptz", datetime(1, 1, 1, tzinfo=UTC)),
        ("timestamptz", datetime(2024, 5, 1, 12, 0, 0, 1, tzinfo=UTC)),
    ],
)
async def test_a_parameter_arrives_as_what_it_was(db, cast, value):
    async with db.transaction() as tx:
        assert await tx.value(f"SELECT $1::{cast}", value) == value


async def test_what_was_deferred_goes_first_and_its_rows_are_there_later(db):
    async with db.transaction() as tx:
        (later,) = tx.defer(("INSERT INTO ledger.assets VALUES ('AAA', 2) RETURNING code",))
        assert later.rows is None
        assert await tx.value("SELECT count(*) FROM ledger.assets") == 1
        assert later.rows == [("AAA",)]
        tx.defer(("INSERT INTO ledger.assets VALUES ('BBB', 2)",))
    async with db.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM ledger.assets") == 2


async def test_what_was_deferred_and_fails_fails_the_whole(db):
    for last in (False, True):
        with pytest.raises(Conflict):
            async with db.transaction() as tx:
                tx.defer(
                    ("INSERT INTO ledger.assets VALUES ('AAA', 2)",), ("INSERT INTO ledger.assets VALUES ('AAA', 2)",)
                )
                if not last:
                    await tx.rows("SELECT 1")
        async with db.transaction() as tx:
            assert await tx.value("SELECT count(*) FROM ledger.assets") == 0


async def test_the_statement_that_failed_is_the_one_that_is_told(site):
    async with Database(site.target, max_size=1) as db:
        for _ in range(3):
            with pytest.raises(psycopg.errors.DivisionByZero):
                async with db.transaction() as tx:
                    await tx.together(("SELECT 1",), ("SELECT 1 / $1::int", 0), ("SELECT no_such_column",))
            with pytest.raises(psycopg.errors.UndefinedColumn):
                async with db.transaction() as tx:
                    await tx.together(("SELECT 1",), ("SELECT 1 / $1::int", 1), ("SELECT no_such_column",))
            with pytest.raises(TypeError):
                async with db.transaction() as tx:
                    await tx.together(("SELECT 1",), ("SELECT $1::float", 1.5))
            async with db.transaction() as tx:
                assert await tx.together(("SELECT 1",), ("SELECT 6 / $1::int", 2)) == [[(1,)], [(3,)]]
        sessions = site.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'koudai_app'"
        )
        assert sessions == [(1,)], "a mistake costs no session"


async def test_both_directions_may_be_full_at_once(db):
    """More is sent than the buffers hold while more comes back than they hold."""
    long = "x" * 200_000
    async with db.transaction() as tx:
        found = await tx.together(
            *(("SELECT t || $2::text FROM unnest($1::text[]) t", texts([long] * 10), str(n)) for n in range(20))
        )
    assert [len(rows) for rows in found] == [10] * 20
    assert all(row[0] == f"{long}{n}" for n, rows in enumerate(found) for row in rows)


async def test_a_caller_who_leaves_is_told_that_he_left_and_the_session_is_sound(site):
    """Cancelled while much is written, while the server works, while much is read."""
    long = texts(["x" * 200_000] * 50)
    async with Database(site.target, max_size=1) as db:
        for statement in (
            ("SELECT count(*) FROM unnest($1::text[]) t", long),
            ("SELECT pg_sleep(30)::text",),
            ("SELECT repeat('y', 1000) FROM generate_series(1, 20000)",),
        ):
            for wait in (0, 0.0005, 0.002, 0.01, 0.05):

                async def work(statement=statement):
                    async with db.transaction() as tx:
                        await tx.together(
                            statement, ("INSERT INTO ledger.assets VALUES ('AAA', 2)",), ("SELECT pg_sleep(9)::text",)
                        )

                task = asyncio.create_task(work())
                await asyncio.sleep(wait)
                task.cancel()
                async with asyncio.timeout(10):
                    with pytest.raises(asyncio.CancelledError):
                        await task
                    async with db.transaction() as tx:
                        assert await tx.value("SELECT count(*) FROM ledger.assets") == 0


async def test_a_session_that_is_ended_in_the_middle_is_one_clear_fault(site):
    """Ended by the operator at any moment; nobody hangs, and the next transaction has another session."""
    async with Database(site.target, max_size=2) as db:
        ended, told, done = asyncio.Event(), [], 0

        async def work(number):
            nonlocal done
            numbers = int8s(list(range(2000)))
            while not ended.is_set():
                try:
                    async with db.transaction() as tx:
                        await tx.together(
                            ("SELECT sum(n) FROM unnest($1::bigint[]) n", numbers), ("SELECT pg_sleep(0.001)::text",)
                        )
                        tx.defer(("SELECT count(*) FROM unnest($1::bigint[]) n", numbers))
                    done += 1
                except Fault as fault:
                    told.append(fault.code)

        tasks = [asyncio.create_task(work(n)) for n in range(2)]
        endings = 0
        async with asyncio.timeout(60):
            while endings < 40 or done <= 20:
                await asyncio.sleep(0.02)
                site.ask(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename = 'koudai_app'"
                )
                endings += 1
        ended.set()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks)
        assert set(told) == {"pg.unavailable"}
        answers = []
        async with asyncio.timeout(10):
            while 1 not in answers:
                answers += await asyncio.gather(db.transact(lambda tx: tx.value("SELECT 1")), return_exceptions=True)
        assert len(answers) <= 3, "each session that was ended is met once"


async def test_a_session_that_lost_its_prepared_statements_prepares_them_anew(servers):
    server = servers(18)
    with server.database(server.template) as name:
        async with Database(server.target(name), max_size=1) as db:
            for _ in range(2):
                assert await db.transact(lambda tx: tx.value("SELECT 41 + $1::int", 1)) == 42
            # Asked for in the same session, behind the transaction's back.
            async with db.session_lock("any"):
                pass
            await db.transact(lambda tx: tx.rows("DEALLOCATE ALL"))
            assert await db.transact(lambda tx: tx.value("SELECT 41 + $1::int", 1)) == 42

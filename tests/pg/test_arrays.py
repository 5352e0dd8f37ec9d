"""Columns: what is sent as a whole array is what PostgreSQL reads."""

import struct
from datetime import UTC, datetime, timedelta, timezone

import anyio.from_thread
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from koudai.base import MAX_MINOR
from koudai.pg import Database, byteas, columns, int4s, int8s, texts, tids, times

live = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def ask(servers):
    """Ask the database one thing: the rows of a statement and its parameters."""
    server = servers(18)
    with (
        server.database(server.template) as name,
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(Database(server.target(name), max_size=1)) as db,
    ):
        yield lambda *statement: portal.call(db.transact, lambda tx: tx.rows(*statement))


def read_back(ask, column, kind):
    cast = {int8s: "bigint", int4s: "integer", texts: "text", byteas: "bytea", times: "timestamptz"}[kind]
    ((found, dimensions),) = ask(f"SELECT $1::{cast}[], array_ndims($1::{cast}[])", column)
    assert dimensions == (1 if found else None)
    return found


BIG, SMALL = MAX_MINOR, -MAX_MINOR - 1
FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (int8s, []),
        (int8s, [0]),
        (int8s, [BIG, SMALL, -1, 0, 1]),
        (int8s, [None]),
        (int8s, [None, None, None]),
        (int8s, [None, 5, None]),
        (int8s, [5, None]),
        (int4s, []),
        (int4s, [2**31 - 1, -(2**31), 0]),
        (int4s, [None, None]),
        (int4s, [7, None, 8]),
        (texts, []),
        (texts, [""]),
        (texts, ["", "", ""]),
        (texts, [None]),
        (texts, [None, None]),
        (texts, [None, "", "NULL", "null"]),
        (texts, ["same", "same"]),
        (texts, ["{}", '"', "\\", "a,b", " ", "\n", "'", "$1"]),
        (texts, ["礼品卡", "é", "e\u0301", "😀", "\u202e", "\ufeff", "\x7f", "\U0010ffff"]),
        (texts, ["x" * 100_000]),
        (byteas, []),
        (byteas, [b""]),
        (byteas, [b"", b"\x00", bytes(range(256)), b"\\x00"]),
        (times, []),
        (times, [FIRST, LAST]),
        (times, [datetime(2000, 1, 1, tzinfo=UTC), datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]),
        (times, [datetime(2024, 5, 1, 20, tzinfo=timezone(timedelta(hours=8)))]),
    ],
)
def test_a_column_arrives_as_it_was(ask, kind, values):
    assert read_back(ask, kind(values), kind) == values


INT8, INT4 = st.integers(SMALL, BIG), st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@live
@given(
    int8=st.lists(st.none() | INT8),
    int4=st.lists(st.none() | INT4),
    text=st.lists(st.none() | TEXT),
    blob=st.lists(st.binary()),
    moment=st.lists(st.datetimes(timezones=st.just(UTC))),
)
def test_any_column_arrives_as_it_was(ask, int8, int4, text, blob, moment):
    for kind, values in ((int8s, int8), (int4s, int4), (texts, text), (byteas, blob), (times, moment)):
        assert read_back(ask, kind(values), kind) == values


@live
@given(st.lists(st.tuples(INT8, st.none() | TEXT, st.datetimes(timezones=st.just(UTC)), st.binary())))
def test_rows_arrive_as_rows(ask, rows):
    sent = columns((int8s, texts, times, byteas), rows)
    query = "SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bytea[])"
    assert ask(query, *sent) == rows


def test_rows_of_unequal_length_are_a_mistake():
    with pytest.raises(ValueError, match="shorter"):
        columns((int8s, texts), [(1, "a"), (2,)])
    with pytest.raises(ValueError, match="longer"):
        columns((int8s,), [(1, "a")])


def test_a_row_is_found_again_where_postgresql_said_it_is(ask):
    found = ask("SELECT ctid, oid FROM pg_catalog.pg_proc WHERE oid::bigint % 331 = 0 ORDER BY oid")
    assert len(found) > 3
    places = tids([bytes(at) for at, _ in found])
    again = ask("SELECT oid FROM pg_catalog.pg_proc WHERE ctid = ANY ($1::tid[]) ORDER BY oid", places)
    assert again == [(oid,) for _, oid in found]
    assert ask("SELECT cardinality($1::tid[])", tids([])) == [(0,)]


@pytest.mark.parametrize(
    ("kind", "value"), [(int8s, BIG + 1), (int8s, SMALL - 1), (int4s, 2**31), (int8s, 1.5), (int8s, "1")]
)
def test_what_does_not_fit_is_not_cut_to_fit(kind, value):
    for values in ([value], [None, value], [1, value]):
        with pytest.raises((OverflowError, struct.error)):
            kind(values)

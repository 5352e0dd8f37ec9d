"""Columns as arrays in PostgreSQL's binary form, built whole instead of element by element.

A batch travels as one array for each column. The driver's general way asks every element for its
type; a room knows the types of its columns, so it says them: `int8s(column)`, `texts(column)`, … .
The form is that of `array_send`: dimensions, null flag, element type, then length and bytes of each.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct, pack
from typing import Any

_HEADER = Struct(">iiIii")
_LENGTH = Struct(">i")
_NULL = _LENGTH.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Column:
    """A whole column, ready to be sent."""

    __slots__ = ("data",)
    element_oid: int

    def __init__(self, count: int, body: bytes | bytearray, nulls: bool) -> None:
        if count:
            self.data = _HEADER.pack(1, nulls, self.element_oid, count, 1) + body
        else:
            self.data = pack(">iiI", 0, 0, self.element_oid)


class _Int8s(Column):
    element_oid = 20


class _Int4s(Column):
    element_oid = 23


class _Texts(Column):
    element_oid = 25


class _Bytes(Column):
    element_oid = 17


class _Times(Column):
    element_oid = 1184


class _Tids(Column):
    element_oid = 27


class _Bools(Column):
    element_oid = 16


def _fixed(letter: str, size: int, values: Sequence[int]) -> bytes | bytearray:
    count = len(values)
    # Room is left for the length of each, and all lengths are laid in at once: that takes a quarter of the time.
    body = bytearray(pack(">" + ("4x" + letter) * count, *values))
    body[3 :: size + 4] = bytes([size]) * count
    return body


def _fixed_or_null(letter: str, size: int, values: Iterable[int | None]) -> bytes:
    element = Struct(">i" + letter)
    return b"".join([_NULL if v is None else element.pack(size, v) for v in values])


def int8s(values: Sequence[int | None]) -> Column:
    """bigint[]"""
    if values and values[0] is None and values.count(None) == len(values):
        return _Int8s(len(values), _NULL * len(values), True)
    if None in values:
        return _Int8s(len(values), _fixed_or_null("q", 8, values), True)
    return _Int8s(len(values), _fixed("q", 8, values), False)  # type: ignore[arg-type]


class _Wrapped(Column):
    """A column as the one field of a row (a composite type), in PostgreSQL's binary form."""

    __slots__ = ()
    element_oid = 0

    def __init__(self, column: Column, array_oid: int) -> None:
        self.data = pack(">iIi", 1, array_oid, len(column.data)) + column.data


def numbers(values: Sequence[int]) -> Column:
    """A row whose one field is a bigint[]"""
    return _Wrapped(int8s(values), 1016)


def int4s(values: Sequence[int | None]) -> Column:
    """integer[]"""
    if values and values[0] is None and values.count(None) == len(values):
        return _Int4s(len(values), _NULL * len(values), True)
    if None in values:
        return _Int4s(len(values), _fixed_or_null("i", 4, values), True)
    return _Int4s(len(values), _fixed("i", 4, values), False)  # type: ignore[arg-type]


def texts(values: Sequence[str | None]) -> Column:
    """text[]"""
    count = len(values)
    if count and values.count(values[0]) == count:
        # One value throughout (an asset, a kind, nothing) is the rule for most columns of a batch.
        return _Texts(count, _text(values[0]) * count, values[0] is None)
    if None in values:
        return _Texts(count, b"".join([_text(v) for v in values]), True)
    encoded = [v.encode() for v in values]  # type: ignore[union-attr]
    return _Texts(count, _with_lengths(encoded), False)


def _with_lengths(values: Sequence[bytes]) -> bytes:
    length = _LENGTH.pack
    return b"".join([length(len(v)) + v for v in values])


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    encoded = value.encode()
    return _LENGTH.pack(len(encoded)) + encoded


def byteas(values: Sequence[bytes]) -> Column:
    """bytea[]"""
    return _Bytes(len(values), _with_lengths(values), False)


def bools(values: Sequence[bool]) -> Column:
    """boolean[]"""
    return _Bools(len(values), _fixed("?", 1, values), False)


def tids(values: Sequence[bytes | None]) -> Column:
    """tid[], each as PostgreSQL sent it"""
    if None in values:
        parts = [_NULL if v is None else _LENGTH.pack(len(v)) + v for v in values]
        return _Tids(len(values), b"".join(parts), True)
    return _Tids(len(values), _with_lengths(values), False)  # type: ignore[arg-type]


def times(values: Sequence[datetime | None]) -> Column:
    """timestamptz[]: microseconds since 2000-01-01 in UTC."""
    count = len(values)
    if count and values.count(values[0]) == count:
        # Most of a batch happened at one moment, or never.
        return _Times(count, _time(values[0]) * count, values[0] is None)
    known: dict[datetime | None, int | None] = {None: None}
    counts = []
    for moment in values:
        if moment not in known:
            assert moment is not None
            known[moment] = (moment - _EPOCH) // _MICROSECOND
        counts.append(known[moment])
    if None in counts:
        return _Times(len(counts), _fixed_or_null("q", 8, counts), True)
    return _Times(len(counts), _fixed("q", 8, counts), False)  # type: ignore[arg-type]


def _time(moment: datetime | None) -> bytes:
    return _NULL if moment is None else pack(">iq", 8, (moment - _EPOCH) // _MICROSECOND)


def columns(kinds: Sequence[Callable[[Any], Column]], rows: Iterable[Sequence[Any]]) -> list[Column]:
    """Rows turned into columns, each of its kind: `columns((int8s, texts), [(1, "a"), (2, "b")])`."""
    turned = list(zip(*rows, strict=True)) or [()] * len(kinds)
    return [kind(column) for kind, column in zip(kinds, turned, strict=True)]

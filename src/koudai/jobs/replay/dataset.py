"""The retailer's invoices: read from a parquet file of invoice lines, exact to the penny.

The file has the shape of UCI Online Retail II: a row is one line of an invoice. Memory grows with the
invoices and the distinct values, not with the lines: the file is read in batches, and what a batch
repeats is understood once.
"""

import json
import math
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from koudai.base import MAX_MINOR, Fault, Rounding, minor_from_decimal, render_time

T = TypeVar("T")

_LONDON = ZoneInfo("Europe/London")
_PENCE = 2
_LINES_PER_BATCH = 65_536
_DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
_WHOLE = re.compile(r"(-?\d+)\.0+", re.ASCII)
_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

# A column's name in the file, and the other one it also goes by.
_INVOICE = ("Invoice", "InvoiceNo")
_QUANTITY = ("Quantity",)
_DATE_OF_INVOICE = ("InvoiceDate",)
_PRICE = ("Price", "UnitPrice")
_CUSTOMER = ("Customer ID", "CustomerID")
_COUNTRY = ("Country",)
_COLUMNS = (_INVOICE, _QUANTITY, _DATE_OF_INVOICE, _PRICE, _CUSTOMER, _COUNTRY)


class Code(StrEnum):
    """What can be wrong with a file of invoices. A `line` is the row of the file, the first being 1."""

    FILE_MISSING = "replay.file_missing"
    FILE_UNREADABLE = "replay.file_unreadable"
    NOT_PARQUET = "replay.not_parquet"
    EMPTY = "replay.empty"
    COLUMN_MISSING = "replay.column_missing"
    COLUMN_TWICE = "replay.column_twice"
    COLUMN_TYPE = "replay.column_type"
    NOT_UTF8 = "replay.not_utf8"
    BLANK = "replay.blank"
    NO_DATE = "replay.no_date"
    NOT_A_NUMBER = "replay.not_a_number"
    NOT_A_CUSTOMER = "replay.not_a_customer"
    TWO_CUSTOMERS = "replay.two_customers"
    TWO_COUNTRIES = "replay.two_countries"
    AMOUNT_TOO_LARGE = "replay.amount_too_large"


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice: when it was made (UTC), who bought, where, and its signed amount in pence."""

    number: str
    at: datetime
    customer: str | None
    country: str
    minor: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """All invoices by time, then by number; `digest` is a SHA-256 (hex) over exactly these invoices."""

    invoices: tuple[Invoice, ...]
    digest: str


def sample_path() -> Path:
    """The sample that koudai ships: the invoices of Online Retail II, 2009-12 to 2010-12, one line each."""
    return Path(__file__).parent / "sample" / "online_retail_2009_2010_invoices.parquet"


def read(path: Path, on_progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Read the invoices of a parquet file of invoice lines.

    `on_progress` is told after every batch how many lines are read, and of how many. Raises a Fault
    with one of the codes above when the file can't be read or can't be understood without guessing.
    """
    with _open(path) as stream:
        file = _parquet(path, stream)
        columns = _columns(file.schema_arrow)
        total = file.metadata.num_rows
        if not total:
            raise Fault(Code.EMPTY, path=str(path))
        tally = _Tally(file.schema_arrow, columns)
        done = 0
        for batch in _batches(path, file, columns):
            tally.add(batch, done)
            done += batch.num_rows
            if on_progress is not None:
                on_progress(done, total)
    invoices = tally.invoices()
    return Dataset(invoices, _digest(invoices))


def _open(path: Path) -> BinaryIO:
    """The bytes of a regular file; a Fault for anything else, before a pipe or device could block."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Fault(Code.FILE_UNREADABLE, path=str(path), reason="not a regular file")
        return path.open("rb")
    except FileNotFoundError:
        raise Fault(Code.FILE_MISSING, path=str(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Fault(Code.FILE_UNREADABLE, path=str(path), reason=reason) from error


def _parquet(path: Path, stream: BinaryIO) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(stream)
        _ = file.schema_arrow.names
        return file
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _batches(path: Path, file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(_LINES_PER_BATCH, columns=list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> Fault:
    # Arrow reports broken bytes as an OSError too, but only the system's own errors have a number.
    code = Code.FILE_UNREADABLE if getattr(error, "errno", None) else Code.NOT_PARQUET
    return Fault(code, path=str(path), reason=_shown((str(error).splitlines() or [""])[0]))


def _columns(schema: pa.Schema) -> list[str]:
    """The names under which the file has the six columns, in the order of `_COLUMNS`."""
    found = [[name for name in schema.names if name in accepted] for accepted in _COLUMNS]
    missing = [" | ".join(accepted) for accepted, names in zip(_COLUMNS, found, strict=True) if not names]
    if missing:
        told = _shown(", ".join(schema.names))
        raise Fault(Code.COLUMN_MISSING, missing=", ".join(missing), found=told)
    for names in found:
        if len(names) > 1:
            raise Fault(Code.COLUMN_TWICE, columns=", ".join(names))
    return [names[0] for names in found]


def _shown(value: object) -> str:
    """A value as a fact of a fault: text, and not longer than a sentence bears."""
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"


class _Unread(Exception):
    """A value that is none; the column adds where it stands."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code = code


def _is_text(kind: Any) -> bool:
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _kind(schema: pa.Schema, column: str) -> Any:
    """The Arrow type of a column's values."""
    kind: Any = schema.field(column).type
    return kind.value_type if types.is_dictionary(kind) else kind


_Accepted = Mapping[str, Callable[[Any], bool]]
_NUMBERS: _Accepted = {"int": types.is_integer, "double": types.is_float64, "decimal": types.is_decimal}
_DATES: _Accepted = {"text": _is_text, "timestamp": types.is_timestamp, "date": types.is_date}
_CUSTOMERS: _Accepted = {"text": _is_text, "int": types.is_integer, "double": types.is_float64}


class _Column(Generic[T]):
    """One column: every distinct value of it is parsed once, however often and in whatever batch it stands."""

    def __init__(self, schema: pa.Schema, name: str, accepted: _Accepted, parse: Callable[[Any], T]) -> None:
        kind = _kind(schema, name)
        if not types.is_null(kind) and not any(accepts(kind) for accepts in accepted.values()):
            told = ", ".join(accepted)
            raise Fault(Code.COLUMN_TYPE, column=name, found=_shown(kind), accepted=told)
        self._name = name
        self._parse = parse
        self._known: dict[Any, T] = {}

    def distinct(self, batch: pa.RecordBatch, before: int) -> tuple[list[int], list[T]]:
        """For every line the index of its value, and the values; `before` counts the lines already read."""
        encoded = _plain(batch.column(self._name)).dictionary_encode(null_encoding="encode")
        indices: list[int] = encoded.indices.to_pylist()
        try:
            stored = encoded.dictionary.to_pylist()
        except UnicodeDecodeError as error:
            raise Fault(Code.NOT_UTF8, column=self._name) from error
        values = []
        for i, value in enumerate(stored):
            try:
                values.append(self._value(value))
            except _Unread as unread:
                line = before + indices.index(i) + 1
                facts = {} if unread.code is Code.BLANK else {"found": _shown(value)}
                raise Fault(unread.code, column=self._name, line=line, **facts) from None
        return indices, values

    def each(self, batch: pa.RecordBatch, before: int) -> list[T]:
        """The value of every line."""
        indices, values = self.distinct(batch, before)
        return [values[i] for i in indices]

    def _value(self, stored: Any) -> T:
        try:
            return self._known[stored]
        except KeyError:
            value = self._known[stored] = self._parse(stored)
            return value


def _plain(array: Any) -> Any:
    """The same values in a type that Arrow can look for distinct values in, and Python can hold."""
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if types.is_date(array.type):
        array = array.cast(pa.timestamp("s"))
    if types.is_timestamp(array.type):
        return array.cast(pa.int64())
    if types.is_null(array.type) or types.is_string_view(array.type):
        return array.cast(pa.string())
    return array


class _Tally:
    """The invoices as far as the lines are read."""

    def __init__(self, schema: pa.Schema, columns: Sequence[str]) -> None:
        number, quantity, date, price, customer, country = columns
        self._number = _Column(schema, number, {"text": _is_text, "int": types.is_integer}, _text)
        self._quantity = _Column(schema, quantity, _NUMBERS, _number)
        self._date = _Column(schema, date, _DATES, _date_parser(_kind(schema, date)))
        self._price = _Column(schema, price, _NUMBERS, _number)
        self._customer = _Column(schema, customer, _CUSTOMERS, _customer)
        self._country = _Column(schema, country, {"text": _is_text}, _text)
        self._heads: dict[str, tuple[datetime, str | None, str]] = {}
        self._sums: defaultdict[str, int] = defaultdict(int)
        self._scale = 0

    def add(self, batch: pa.RecordBatch, before: int) -> None:
        """Add the lines of a batch to their invoices; `before` counts the lines already read."""
        numbers = self._number.each(batch, before)
        self._add_heads(batch, before, numbers)
        self._add_amounts(batch, before, numbers)

    def invoices(self) -> tuple[Invoice, ...]:
        """The invoices by time and number."""
        found = []
        for number, (at, customer, country) in self._heads.items():
            # Written out, since an exact Decimal of any length can be read but not always reckoned.
            amount = Decimal(f"{self._sums[number]}E-{self._scale}")
            minor = minor_from_decimal(amount, _PENCE, Rounding.HALF_AWAY_FROM_ZERO)
            if abs(minor) > MAX_MINOR:
                raise Fault(Code.AMOUNT_TOO_LARGE, invoice=number, maximum=MAX_MINOR)
            found.append(Invoice(number, at, customer, country, minor))
        return tuple(sorted(found, key=lambda invoice: (invoice.at, invoice.number)))

    def _add_heads(self, batch: pa.RecordBatch, before: int, numbers: list[str]) -> None:
        dates = self._date.each(batch, before)
        customers = self._customer.each(batch, before)
        countries = self._country.each(batch, before)
        rows = list(zip(numbers, dates, customers, countries, strict=True))
        for row in dict.fromkeys(rows):
            number, at, customer, country = row
            first = self._heads.setdefault(number, (at, customer, country))
            if customer != first[1]:
                facts = {"first": first[1] or "", "second": customer or ""}
                raise Fault(Code.TWO_CUSTOMERS, invoice=number, line=before + rows.index(row) + 1, **facts)
            if country != first[2]:
                facts = {"first": first[2], "second": country}
                raise Fault(Code.TWO_COUNTRIES, invoice=number, line=before + rows.index(row) + 1, **facts)
            if at < first[0]:
                self._heads[number] = (at, customer, country)

    def _add_amounts(self, batch: pa.RecordBatch, before: int, numbers: list[str]) -> None:
        lines_q, quantities = self._quantity.distinct(batch, before)
        lines_p, prices = self._price.distinct(batch, before)
        scale_q = max(scale for _, scale in quantities)
        scale_p = max(scale for _, scale in prices)
        if scale_q + scale_p > self._scale:
            factor = 10 ** (scale_q + scale_p - self._scale)
            for number in self._sums:
                self._sums[number] *= factor
            self._scale = scale_q + scale_p
        # Quantities as multiples of one power of ten, prices of another: every product has the tally's scale.
        units_q = [units * 10 ** (scale_q - scale) for units, scale in quantities]
        units_p = [units * 10 ** (self._scale - scale_q - scale) for units, scale in prices]
        sums = self._sums
        for number, q, p in zip(numbers, lines_q, lines_p, strict=True):
            sums[number] += units_q[q] * units_p[p]


def _text(value: str | int | None) -> str:
    text = "" if value is None else str(value).strip()
    if not text:
        raise _Unread(Code.BLANK)
    return text


def _number(value: float | Decimal | None) -> tuple[int, int]:
    """The exact number as units and scale, 12.5 being (125, 1): of a double, its shortest decimal."""
    if isinstance(value, int):
        return value, 0
    if value is None or not math.isfinite(value):
        raise _Unread(Code.NOT_A_NUMBER)
    sign, digits, exponent = Decimal(repr(value) if isinstance(value, float) else value).as_tuple()
    assert isinstance(exponent, int)
    units = int("".join(map(str, digits))) * 10 ** max(exponent, 0)
    return -units if sign else units, max(-exponent, 0)


def _date_parser(kind: Any) -> Callable[[Any], datetime]:
    if not types.is_timestamp(kind) and not types.is_date(kind):
        return _moment_of_text
    ticks = _TICKS[kind.unit] if types.is_timestamp(kind) else 1
    aware = types.is_timestamp(kind) and kind.tz is not None

    def moment(value: int | None) -> datetime:
        if value is None:
            raise _Unread(Code.BLANK)
        try:
            naive = datetime(1970, 1, 1) + timedelta(microseconds=value * 10**6 // ticks)  # noqa: DTZ001 - London's clock
            return naive.replace(tzinfo=UTC) if aware else _utc(naive)
        except OverflowError:
            raise _Unread(Code.NO_DATE) from None

    return moment


def _moment_of_text(value: str | None) -> datetime:
    text = _text(value)
    # Only with the year first: 12/1/2010 is a day of January or of December, and the file doesn't say.
    if not _DATE.fullmatch(text):
        raise _Unread(Code.NO_DATE)
    try:
        return _utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise _Unread(Code.NO_DATE) from None


def _utc(moment: datetime) -> datetime:
    """In UTC; a time without offset is the retailer's clock in London, summer time first where it is twofold."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=_LONDON)).astimezone(UTC)


def _customer(value: str | float | None) -> str | None:
    """The customer's number as text, None where nobody is named. 13085, 13085.0 and '13085.0' are one."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float):
        # A double counts whole numbers exactly up to 2**53; beyond, two customers may have become one.
        if not value.is_integer() or abs(value) > 2**53:
            raise _Unread(Code.NOT_A_CUSTOMER)
        return str(int(value))
    text = str(value).strip()
    # What other tools write for a missing number once such a column has been turned into text.
    if not text or text.lower() == "nan":
        return None
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def _digest(invoices: Sequence[Invoice]) -> str:
    """SHA-256 over one JSON array per invoice and line: number, time, customer, country, pence."""
    digest = sha256()
    for invoice in invoices:
        row = [invoice.number, render_time(invoice.at), invoice.customer, invoice.country, invoice.minor]
        digest.update(json.dumps(row, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()

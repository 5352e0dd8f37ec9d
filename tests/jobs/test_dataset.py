"""What koudai reads from a retailer's file of invoice lines, and what it refuses to guess."""

import errno
import json
import os
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings, strategies as st

from koudai.base import MAX_MINOR, Fault
from koudai.jobs.replay import dataset
from koudai.jobs.replay.dataset import Code

CHECKOUT = Path(__file__).resolve().parents[2]
FULL = CHECKOUT.parent / "shared" / "data" / "online_retail_2009_2010.parquet"

LINE = {
    "Invoice": "489434",
    "Quantity": 12,
    "InvoiceDate": "2009-12-01 07:45:00",
    "Price": 6.95,
    "Customer ID": 13085.0,
    "Country": "United Kingdom",
}


def table(*lines: dict, types: dict | None = None) -> pa.Table:
    """Invoice lines, each LINE but for what it says; `types` gives the Arrow types that matter."""
    rows = [LINE | line for line in lines]
    columns = {name: pa.array([row[name] for row in rows], (types or {}).get(name)) for name in LINE}
    return pa.table(columns)


@pytest.fixture
def write(tmp_path):
    def written(*lines, types=None, rename=None, drop=(), row_group_size=None):
        made = table(*lines, types=types).drop_columns(list(drop))
        made = made.rename_columns([(rename or {}).get(name, name) for name in made.column_names])
        pq.write_table(made, tmp_path / "lines.parquet", row_group_size=row_group_size)
        return tmp_path / "lines.parquet"

    return written


def fault(path):
    """The code and facts with which the file is refused."""
    with pytest.raises(Fault) as caught:
        dataset.read(path)
    json.dumps(caught.value.facts)
    return caught.value.code, caught.value.facts


# The shape of the file.


def test_an_invoice_is_the_sum_of_its_lines_at_the_time_of_the_earliest(write):
    path = write(
        {"InvoiceDate": "2009-12-01 07:46:00"},
        {"Quantity": 2, "Price": 0.55},
        {"Quantity": -1, "Price": 1.0, "InvoiceDate": "2009-12-01 07:47:00"},
    )
    assert dataset.read(path).invoices == (
        dataset.Invoice("489434", datetime(2009, 12, 1, 7, 45, tzinfo=UTC), "13085", "United Kingdom", 8350),
    )


def test_the_columns_may_have_the_names_of_either_edition(write):
    names = {"Invoice": "InvoiceNo", "Price": "UnitPrice", "Customer ID": "CustomerID"}
    assert dataset.read(write({}, rename=names)) == dataset.read(write({}))


def test_columns_that_are_not_needed_do_not_matter(tmp_path):
    full = table({}).append_column("StockCode", pa.array(["85048"])).append_column("x", pa.array([b"\xff"]))
    pq.write_table(full, tmp_path / "more.parquet")
    pq.write_table(table({}), tmp_path / "less.parquet")
    assert dataset.read(tmp_path / "more.parquet") == dataset.read(tmp_path / "less.parquet")


def test_text_may_be_stored_as_categories(write):
    categories = pa.dictionary(pa.int32(), pa.string())
    types = dict.fromkeys(("Invoice", "InvoiceDate", "Country"), categories)
    assert dataset.read(write({}, {}, types=types)) == dataset.read(write({}, {}))


def test_invoices_come_by_time_and_then_by_the_code_points_of_their_number(write):
    later = {"Invoice": "1", "InvoiceDate": "2009-12-02 00:00"}
    found = dataset.read(write(later, *({"Invoice": number} for number in ("a", "C1", "9", "10", "é"))))
    assert [invoice.number for invoice in found.invoices] == ["10", "9", "C1", "a", "é", "1"]


def test_progress_is_told_in_lines(write, monkeypatch):
    monkeypatch.setattr(dataset, "_LINES_PER_BATCH", 2)
    told = []
    dataset.read(write({}, {}, {}, {}, {}), lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_what_a_file_says_does_not_depend_on_how_it_is_stored(write, monkeypatch):
    lines = [
        {"Invoice": str(n % 3), "Quantity": n, "Price": p} for n, p in enumerate((1.0, 0.5, 2.005, 1e-9, 3.0, 7.5))
    ]
    whole = dataset.read(write(*lines))
    monkeypatch.setattr(dataset, "_LINES_PER_BATCH", 1)
    assert dataset.read(write(*lines, row_group_size=2)) == whole


# The digest.


def test_the_digest_is_a_sha256_over_the_invoices_as_lines_of_json(write):
    found = dataset.read(write({"Invoice": "é"}, {"Invoice": "2", "Customer ID": None}))
    lines = (
        '["2","2009-12-01T07:45:00Z",null,"United Kingdom",8340]\n'
        '["\\u00e9","2009-12-01T07:45:00Z","13085","United Kingdom",8340]\n'
    )
    assert found.digest == sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"Invoice": "489435"},
        {"Quantity": 13},
        {"InvoiceDate": "2009-12-01 07:45:01"},
        {"Price": 6.96},
        {"Customer ID": None},
        {"Country": "EIRE"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_changes_with_every_column(write, change):
    same = dataset.read(write({})).digest
    assert dataset.read(write({})).digest == same
    assert dataset.read(write(change, types={"Customer ID": pa.float64()})).digest != same


def test_the_digest_ignores_how_an_invoice_is_split_into_lines(write):
    whole = dataset.read(write({"Quantity": 3}, {"Invoice": "5"})).digest
    assert dataset.read(write({"Invoice": "5"}, {"Quantity": 1}, {"Quantity": 2})).digest == whole


# Dates.

WINTER, SUMMER = datetime(2009, 12, 1, 7, 45, tzinfo=UTC), datetime(2010, 7, 1, 7, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2009-12-01 07:45", WINTER),
        ("2009-12-01 07:45:00", WINTER),
        ("2009-12-01T07:45:00", WINTER),
        (" 2009-12-01 07:45 ", WINTER),
        ("2009-12-01 07:45:00Z", WINTER),
        ("2009-12-01T09:45+02:00", WINTER),
        ("2009-12-01T09:45+0200", WINTER),
        ("2009-12-01 07:45:00.5", WINTER.replace(microsecond=500_000)),
        ("2009-12-01 07:45:00.123456789", WINTER.replace(microsecond=123_456)),
        ("2010-07-01 08:45", SUMMER),
        ("2010-07-01 07:45Z", SUMMER),
        # The hour that comes twice, and the one that does not come at all.
        ("2010-10-31 01:30", datetime(2010, 10, 31, 0, 30, tzinfo=UTC)),
        ("2010-03-28 01:30", datetime(2010, 3, 28, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_date_as_text_is_iso_8601_and_london_time_unless_it_has_an_offset(write, written, moment):
    assert dataset.read(write({"InvoiceDate": written})).invoices[0].at == moment


@pytest.mark.parametrize(
    "written",
    ["12/1/2010 8:26", "01.12.2009 07:45", "2009-12-01", "20091201T0745", "2009-13-01 07:45", "2009-02-29 07:45",
     "2009-12-01 25:00", "2009-12-01 07:45 GMT", "0001-01-01 00:00+01:00", "yesterday", "２009-12-01 07:45"],
)  # fmt: skip
def test_a_date_in_any_other_form_is_refused_with_its_line(write, written):
    told = {"column": "InvoiceDate", "line": 2, "found": written}
    assert fault(write({}, {"InvoiceDate": written})) == (Code.NO_DATE, told)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    ("zone", "moment"),
    [(None, SUMMER), ("UTC", SUMMER.replace(hour=8)), ("America/New_York", SUMMER.replace(hour=8))],
)
def test_a_timestamp_is_london_time_unless_it_has_a_zone(write, unit, zone, moment):
    at = SUMMER.replace(hour=8) if zone else datetime(2010, 7, 1, 8, 45)
    types = {"InvoiceDate": pa.timestamp(unit, zone)}
    assert dataset.read(write({"InvoiceDate": at}, types=types)).invoices[0].at == moment


def test_nanoseconds_are_cut_to_microseconds(write):
    types = {"InvoiceDate": pa.timestamp("ns", "UTC")}
    found = dataset.read(write({"InvoiceDate": 1_000_000_000_123_456_789}, types=types)).invoices[0].at
    assert found == datetime(2001, 9, 9, 1, 46, 40, 123_456, tzinfo=UTC)


def test_a_day_begins_at_midnight_in_london(write):
    found = dataset.read(write({"InvoiceDate": date(2010, 7, 1)})).invoices[0].at
    assert found == datetime(2010, 6, 30, 23, tzinfo=UTC)


def test_a_timestamp_beyond_the_calendar_is_refused(write):
    code, facts = fault(write({"InvoiceDate": 2**60}, types={"InvoiceDate": pa.timestamp("ms")}))
    assert (code, facts["line"]) == (Code.NO_DATE, 1)


# Customers.


@pytest.mark.parametrize(
    ("written", "stored_as", "customer"),
    [
        (13085.0, pa.float64(), "13085"),
        (13085, pa.int64(), "13085"),
        ("13085", pa.string(), "13085"),
        ("13085.0", pa.string(), "13085"),
        (" 13085.00 ", pa.large_string(), "13085"),
        ("AB12", pa.string(), "AB12"),
        (" AB12\t", pa.string(), "AB12"),
        ("1.5", pa.string(), "1.5"),
        (None, pa.float64(), None),
        (float("nan"), pa.float64(), None),
        (None, pa.string(), None),
        (None, pa.null(), None),
        ("", pa.string(), None),
        (" \t", pa.string(), None),
        ("nan", pa.string(), None),
    ],
)
def test_a_customer_is_one_however_its_number_is_stored(write, written, stored_as, customer):
    path = write({"Customer ID": written}, types={"Customer ID": stored_as})
    assert dataset.read(path).invoices[0].customer == customer


@pytest.mark.parametrize("written", [13085.5, float("inf"), 2.0**60])
def test_a_double_that_can_be_no_customer_number_is_refused(write, written):
    told = {"column": "Customer ID", "line": 2, "found": str(written)}
    assert fault(write({}, {"Customer ID": written})) == (Code.NOT_A_CUSTOMER, told)


@pytest.mark.parametrize(
    ("customers", "first", "second"),
    [((13085.0, 13086.0), "13085", "13086"), ((13085.0, None), "13085", ""), ((None, 13085.0), "", "13085")],
)
def test_an_invoice_has_one_customer_and_nobody_counts_as_one(write, customers, first, second):
    lines = [{"Invoice": "other"}, *({"Customer ID": customer} for customer in customers)]
    told = {"invoice": "489434", "line": 3, "first": first, "second": second}
    assert fault(write(*lines)) == (Code.TWO_CUSTOMERS, told)


# Countries and numbers of invoices.


def test_an_invoice_has_one_country(write):
    told = {"invoice": "489434", "line": 2, "first": "United Kingdom", "second": "EIRE"}
    assert fault(write({}, {"Country": "EIRE"})) == (Code.TWO_COUNTRIES, told)


@pytest.mark.parametrize("batch", [1, 100])
def test_lines_of_an_invoice_are_compared_wherever_they_stand(write, monkeypatch, batch):
    monkeypatch.setattr(dataset, "_LINES_PER_BATCH", batch)
    path = write({}, {"Invoice": "other"}, {"Country": "EIRE"}, {"Country": "EIRE"})
    assert fault(path)[1]["line"] == 3


@pytest.mark.parametrize(
    ("written", "stored_as", "number"),
    [("C489449", None, "C489449"), (" 489434 ", None, "489434"), (489434, pa.int32(), "489434")],
)
def test_an_invoice_number_is_text_or_a_whole_number(write, written, stored_as, number):
    path = write({"Invoice": written}, types={"Invoice": stored_as})
    assert dataset.read(path).invoices[0].number == number


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("column", ["Invoice", "InvoiceDate", "Country"])
@pytest.mark.parametrize("written", [None, "", " "])
def test_what_an_invoice_needs_is_not_blank(write, monkeypatch, column, written, batch):
    monkeypatch.setattr(dataset, "_LINES_PER_BATCH", batch)
    assert fault(write({}, {}, {column: written})) == (Code.BLANK, {"column": column, "line": 3})


def test_a_column_of_nothing_is_blank_from_the_first_line(write):
    path = write({"Country": None}, types={"Country": pa.null()})
    assert fault(path) == (Code.BLANK, {"column": "Country", "line": 1})


# Amounts.


@pytest.mark.parametrize(
    ("lines", "minor"),
    [
        ([(1, 0.1), (1, 0.2)], 30),
        ([(1, 4.955)], 496),
        ([(-1, 4.955)], -496),
        ([(1, 1.005)], 101),
        ([(1, 0.004), (1, 0.001)], 1),
        ([(3, 0.005)], 2),
        ([(1, -0.0)], 0),
        ([(1, 1e22), (1, -1e22), (1, 0.01)], 1),
        ([(10**15, 1e-15)], 100),
        ([(1, 1e-300)], 0),
        ([(1, 9.223372036854774e16), (1, 18.07)], MAX_MINOR),
    ],
)
def test_an_amount_is_exact_and_then_rounded_once_halves_away_from_zero(write, lines, minor):
    path = write(*({"Quantity": quantity, "Price": price} for quantity, price in lines))
    assert dataset.read(path).invoices[0].minor == minor


@pytest.mark.parametrize(
    ("quantity", "quantity_as", "price", "price_as", "minor"),
    [
        (12, pa.int8(), 6.95, pa.float64(), 8340),
        (12, pa.uint64(), 7, pa.int16(), 8400),
        (1.1, pa.float64(), 1.1, pa.float64(), 121),
        (Decimal("1.5"), pa.decimal128(5, 2), Decimal("0.3333"), pa.decimal128(10, 4), 50),
        (1, pa.int64(), Decimal("12345678901234.565"), pa.decimal256(50, 20), 1234567890123457),
    ],
)
def test_quantity_and_price_are_whole_numbers_doubles_or_decimals(write, quantity, quantity_as, price, price_as, minor):
    path = write({"Quantity": quantity, "Price": price}, types={"Quantity": quantity_as, "Price": price_as})
    assert dataset.read(path).invoices[0].minor == minor


@pytest.mark.parametrize("column", ["Quantity", "Price"])
@pytest.mark.parametrize(
    ("value", "stored_as", "found"),
    [("12", pa.string(), "string"), (True, pa.bool_(), "bool"), (1.5, pa.float32(), "float")],
)
def test_a_quantity_or_price_of_another_type_is_refused(write, column, value, stored_as, found):
    told = {"column": column, "found": found, "accepted": "int, double, decimal"}
    assert fault(write({column: value}, types={column: stored_as})) == (Code.COLUMN_TYPE, told)


@pytest.mark.parametrize(
    ("column", "value", "found", "accepted"),
    [
        ("Invoice", 489434.0, "double", "text, int"),
        ("InvoiceDate", 40148, "int64", "text, timestamp, date"),
        ("Customer ID", True, "bool", "text, int, double"),
        ("Country", 826, "int64", "text"),
        ("Country", ["United Kingdom"], "list<element: string>", "text"),
    ],
)
def test_every_column_says_which_types_it_accepts(write, column, value, found, accepted):
    told = {"column": column, "found": found, "accepted": accepted}
    assert fault(write({column: value})) == (Code.COLUMN_TYPE, told)


@pytest.mark.parametrize("column", ["Quantity", "Price"])
@pytest.mark.parametrize(
    ("value", "found"),
    [(None, "None"), (float("nan"), "nan"), (float("inf"), "inf"), (float("-inf"), "-inf")],
)
def test_a_quantity_or_price_that_is_no_number_is_refused_with_its_line(write, column, value, found):
    path = write({}, {column: value}, types={"Quantity": pa.float64()})
    assert fault(path) == (Code.NOT_A_NUMBER, {"column": column, "line": 2, "found": found})


@pytest.mark.parametrize("lines", [[(1, 9.223372036854774e16), (1, 18.08)], [(-1, 1e17)], [(10**18, 1e308)]])
def test_an_amount_beyond_a_bigint_is_refused(write, lines):
    path = write(*({"Quantity": quantity, "Price": price} for quantity, price in lines))
    assert fault(path) == (Code.AMOUNT_TOO_LARGE, {"invoice": "489434", "maximum": MAX_MINOR})


NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.integers(-(10**6), 10**6).map(lambda thousandths: thousandths / 1000))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(-80_000, 80_000), NUMBERS), min_size=1, max_size=9))
@example([("A", 1, 0.125), ("A", 1, 5e-324), ("B", 1, 0.005)])
def test_amounts_equal_the_plain_sum_in_decimals(lines):
    exact = Context(prec=1000, rounding=ROUND_HALF_UP)
    sums = defaultdict(Decimal)
    for number, quantity, price in lines:
        sums[number] = exact.add(sums[number], exact.multiply(Decimal(repr(price)), quantity))
    expected = {number: int(total.quantize(Decimal("0.01"), context=exact) * 100) for number, total in sums.items()}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lines.parquet"
        rows = ({"Invoice": number, "Quantity": quantity, "Price": price} for number, quantity, price in lines)
        pq.write_table(table(*rows), path)
        assert {invoice.number: invoice.minor for invoice in dataset.read(path).invoices} == expected


# Files that are none.


def test_a_file_without_lines_is_refused(tmp_path):
    pq.write_table(table({}).slice(0, 0), tmp_path / "none.parquet")
    assert fault(tmp_path / "none.parquet") == (Code.EMPTY, {"path": str(tmp_path / "none.parquet")})


def test_columns_that_are_missing_are_named_together(write):
    path = write({}, drop=["Price", "Country"])
    found = "Invoice, Quantity, InvoiceDate, Customer ID"
    assert fault(path) == (Code.COLUMN_MISSING, {"missing": "Price | UnitPrice, Country", "found": found})


@pytest.mark.parametrize(("name", "columns"), [("InvoiceNo", "Invoice, InvoiceNo"), ("Price", "Price, Price")])
def test_a_column_that_is_there_twice_is_refused(tmp_path, name, columns):
    pq.write_table(table({}).append_column(name, pa.array(["1"])), tmp_path / "twice.parquet")
    assert fault(tmp_path / "twice.parquet") == (Code.COLUMN_TWICE, {"columns": columns})


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    latin = pa.array([b"R\xe9union"]).view(pa.string())
    lines = table({}).drop_columns(["Country"]).append_column("Country", latin)
    pq.write_table(lines, tmp_path / "latin.parquet")
    assert fault(tmp_path / "latin.parquet") == (Code.NOT_UTF8, {"column": "Country"})


def test_a_file_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "none.parquet"
    assert fault(path) == (Code.FILE_MISSING, {"path": str(path)})


def test_a_directory_is_refused(tmp_path):
    told = {"path": str(tmp_path), "reason": "not a regular file"}
    assert fault(tmp_path) == (Code.FILE_UNREADABLE, told)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert fault(tmp_path / "pipe")[0] == Code.FILE_UNREADABLE


def test_a_file_that_may_not_be_read_is_refused(write, monkeypatch):
    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    path = write({})
    monkeypatch.setattr(Path, "open", forbidden)
    assert fault(path) == (Code.FILE_UNREADABLE, {"path": str(path), "reason": "Permission denied"})


@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_a_file_cut_short_is_no_parquet(write, kept):
    path = write({})
    path.write_bytes(path.read_bytes()[:kept])
    assert fault(path)[0] == Code.NOT_PARQUET


def test_a_file_of_another_kind_is_no_parquet(tmp_path):
    (tmp_path / "lines.csv").write_text("Invoice,StockCode\n489434,85048\n" * 10)
    code, facts = fault(tmp_path / "lines.csv")
    assert (code, facts["path"]) == (Code.NOT_PARQUET, str(tmp_path / "lines.csv"))
    assert facts["reason"]


def test_a_file_broken_within_is_no_parquet(write):
    path = write(*({"Invoice": str(n)} for n in range(1000)))
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 200 + content[204:])
    assert fault(path)[0] == Code.NOT_PARQUET


# The sample.


@pytest.fixture(scope="module")
def sample():
    return dataset.read(dataset.sample_path())


def test_the_sample_holds_a_retailers_year(sample):
    invoices = sample.invoices
    assert len(invoices) == len({invoice.number for invoice in invoices}) == 28_816
    assert sum(invoice.number.startswith("C") for invoice in invoices) == 4_592
    assert len({invoice.customer for invoice in invoices} - {None}) == 4_383
    assert (invoices[0].at, invoices[-1].at) == (
        datetime(2009, 12, 1, 7, 45, tzinfo=UTC),
        datetime(2010, 12, 9, 20, 1, tzinfo=UTC),
    )
    assert sum(invoice.minor for invoice in invoices) == 953_948_462


def test_the_sample_has_the_columns_of_the_original_and_is_small_and_attributed():
    path = dataset.sample_path()
    assert pq.read_schema(path).names == [
        "Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"
    ]  # fmt: skip
    assert path.stat().st_size < 500_000
    attribution = path.with_name("ATTRIBUTION.md").read_text()
    assert all(word in attribution for word in ("Daqing Chen", "CC BY 4.0", "10.24432/C5CG6D"))


@pytest.mark.skipif(not FULL.exists(), reason="the full file of Online Retail II is not beside the checkout")
class TestTheFullFile:
    def test_it_reads_as_the_very_invoices_of_the_sample(self, sample):
        assert dataset.read(FULL) == sample

    def test_the_sample_is_what_its_script_writes(self, tmp_path):
        script = CHECKOUT / "scripts" / "make_sample.py"
        subprocess.run([sys.executable, script, FULL, tmp_path / "sample.parquet"], check=True)
        assert pq.read_table(tmp_path / "sample.parquet").equals(pq.read_table(dataset.sample_path()))
        assert pq.read_schema(tmp_path / "sample.parquet").equals(pq.read_schema(FULL))

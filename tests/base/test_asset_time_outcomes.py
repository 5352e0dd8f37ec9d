"""Assets by ISO 4217, times by RFC 3339, and the two ways of no."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from koudai.base import Asset, Fault, Refused, SystemClock, asset, parse_time, render_time


@pytest.mark.parametrize(
    ("code", "scale"),
    [("CNY", 2), ("GBP", 2), ("USD", 2), ("EUR", 2), ("HKD", 2), ("JPY", 0), ("KRW", 0), ("VND", 0), ("ISK", 0),
     ("KWD", 3), ("BHD", 3), ("TND", 3), ("UYU", 2), ("HUF", 2)],
)  # fmt: skip
def test_a_currency_is_known_with_its_decimals(code, scale):
    assert asset(code) == Asset(code, scale)


@pytest.mark.parametrize("code", ["", "cny", "RMB", "CN", "CNYY", "XXX", "XAU", "DEM", "人民币", " CNY", "CNY\n"])
def test_what_iso_4217_does_not_list_is_no_asset(code):
    assert asset(code) is None


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T12:00:00Z", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        ("2024-05-01T20:00:00+08:00", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        ("2024-05-01T06:30:00-05:30", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        ("2024-05-01T12:00:00.5Z", datetime(2024, 5, 1, 12, 0, 0, 500000, tzinfo=UTC)),
        ("2024-05-01T12:00:00.000001Z", datetime(2024, 5, 1, 12, 0, 0, 1, tzinfo=UTC)),
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_its_moment_in_utc(text, moment):
    found = parse_time(text)
    assert found == moment
    assert found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1714564800",
        "2024-05-01",
        "2024-05-01T12:00:00",
        "2024-13-01T12:00:00Z",
        "2023-02-29T12:00:00Z",
        "2024-05-01T12:60:00Z",
        "2024-05-01T25:00:00Z",
        "2024-05-01T12:00:00+24:00",
        "2024-05-01T12:00:00 UTC",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2024-05-01T12:00:00Z ",
    ],
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  the words are Python's
        parse_time(text)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 5, 1, 12, tzinfo=UTC), "2024-05-01T12:00:00Z"),
        (datetime(2024, 5, 1, 12, 0, 0, 1, tzinfo=UTC), "2024-05-01T12:00:00.000001Z"),
        (datetime(2024, 5, 1, 20, tzinfo=timezone(8 * HOUR)), "2024-05-01T12:00:00Z"),
    ],
)
def test_a_time_is_written_in_utc(moment, text):
    assert render_time(moment) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_written_time_reads_back(moment):
    assert parse_time(render_time(moment)) == moment


def test_the_clock_of_the_machine_tells_utc():
    before = datetime.now(UTC)
    told = SystemClock().now()
    assert before <= told <= datetime.now(UTC)
    assert told.utcoffset() == timedelta(0)


def test_a_refusal_is_a_value():
    assert Refused("a.b", {"left_minor": 1}) == Refused("a.b", {"left_minor": 1})
    assert Refused("a.b", {"left_minor": 1}) != Refused("a.b", {"left_minor": 2})
    assert Refused("a.b") != Refused("a.c")
    assert Refused("a.b").facts == {}
    assert len({Refused("a.b"), Refused("a.b"), Refused("a.c")}) == 2
    assert not issubclass(Refused, BaseException)


def test_a_fault_is_raised_with_its_code_and_facts():
    with pytest.raises(Fault, match=r"^pg\.full \(left=0\)$") as caught:
        raise Fault("pg.full", left=0)
    assert (caught.value.code, caught.value.facts) == ("pg.full", {"left": 0})
    assert str(Fault("pg.full")) == "pg.full"

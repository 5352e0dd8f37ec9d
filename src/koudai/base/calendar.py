"""The Chinese calendar: days and months of China Standard Time (UTC+8, GB/T 7408), in seconds since 1970."""

from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "CST")

DAY_S = 86_400
_OFFSET_S = 8 * 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_SECOND = timedelta(seconds=1)


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down, exact for every moment."""
    return (moment - _EPOCH) // _SECOND


def moment_of(seconds: int) -> datetime:
    """The moment so many seconds after 1970."""
    return _EPOCH + timedelta(seconds=seconds)


def day_start_s(at_s: int) -> int:
    """When the Chinese day of a moment began."""
    return at_s - (at_s + _OFFSET_S) % DAY_S


def month_start_s(at_s: int) -> int:
    """When the Chinese month of a moment began."""
    day = _day_of(at_s)
    return _start_of(day.replace(day=1))


def next_month_s(at_s: int) -> int:
    """When the Chinese month after that of a moment begins."""
    day = _day_of(at_s)
    return _start_of(date(day.year + day.month // 12, day.month % 12 + 1, 1))


def _day_of(at_s: int) -> date:
    return _EPOCH_DAY + timedelta(days=(at_s + _OFFSET_S) // DAY_S)


def _start_of(day: date) -> int:
    return (day - _EPOCH_DAY).days * DAY_S - _OFFSET_S

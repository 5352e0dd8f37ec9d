"""The words that every room shares: money and its assets, time, outcomes. Standard library only."""

from koudai.base.asset import Asset, asset, asset_codes
from koudai.base.calendar import (
    CHINA,
    DAY_S,
    day_start_s,
    moment_of,
    month_start_s,
    next_month_s,
    seconds_of,
)
from koudai.base.clock import Clock, SystemClock, parse_time, render_time
from koudai.base.money import MAX_MINOR, Money, Rounding, minor_from_decimal, split
from koudai.base.outcomes import Fault, Refused
from koudai.base.rounds import rounds

__all__ = [
    "CHINA",
    "DAY_S",
    "MAX_MINOR",
    "Asset",
    "Clock",
    "Fault",
    "Money",
    "Refused",
    "Rounding",
    "SystemClock",
    "asset",
    "asset_codes",
    "day_start_s",
    "minor_from_decimal",
    "moment_of",
    "month_start_s",
    "next_month_s",
    "parse_time",
    "render_time",
    "rounds",
    "seconds_of",
    "split",
]

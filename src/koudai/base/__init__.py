"""The words that every room shares: money and its assets, time, outcomes. Standard library only."""

from koudai.base.asset import Asset, asset
from koudai.base.clock import Clock, SystemClock, parse_time, render_time
from koudai.base.money import MAX_MINOR, Money, Rounding, minor_from_decimal, split
from koudai.base.outcomes import Fault, Refused

__all__ = [
    "MAX_MINOR",
    "Asset",
    "Clock",
    "Fault",
    "Money",
    "Refused",
    "Rounding",
    "SystemClock",
    "asset",
    "minor_from_decimal",
    "parse_time",
    "render_time",
    "split",
]

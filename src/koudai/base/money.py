"""Money: whole minor units of one asset. Never a float; every rounding is named where it happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import Enum

from koudai.base.asset import Asset

MAX_MINOR = 2**63 - 1
"""The largest amount there is: what a bigint of PostgreSQL holds."""


class Rounding(Enum):
    """How a fraction of a minor unit is decided."""

    HALF_AWAY_FROM_ZERO = ROUND_HALF_UP
    HALF_EVEN = ROUND_HALF_EVEN
    TOWARD_ZERO = ROUND_DOWN


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one asset, in minor units; may be negative."""

    minor: int
    asset: Asset

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money counts whole minor units, not {type(self.minor).__name__}")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other).minor, self.asset)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other).minor, self.asset)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.asset)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other).minor

    def __str__(self) -> str:
        sign = "-" if self.minor < 0 else ""
        digits = f"{abs(self.minor):0{self.asset.scale + 1}d}"
        if not self.asset.scale:
            return f"{sign}{digits} {self.asset.code}"
        return f"{sign}{digits[: -self.asset.scale]}.{digits[-self.asset.scale :]} {self.asset.code}"

    def _same(self, other: "Money") -> "Money":
        if other.asset != self.asset:
            raise ValueError(f"{other.asset.code} can't be reckoned with {self.asset.code}")
        return other


def minor_from_decimal(amount: Decimal, scale: int, rounding: Rounding) -> int:
    """Minor units of an exact decimal amount, e.g. 4.955 at scale 2, half away from zero: 496."""
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{amount} is no amount")
    # Scaled by its digits and not by a context's precision, so that no amount is too long to be exact.
    shift = exponent + scale
    units = int("".join(map(str, digits)) or "0")
    if shift >= 0:
        minor = units * 10**shift
    else:
        divisor = 10**-shift
        minor, rest = divmod(units, divisor)
        up = rounding is Rounding.HALF_AWAY_FROM_ZERO and 2 * rest >= divisor
        up |= rounding is Rounding.HALF_EVEN and (2 * rest > divisor or (2 * rest == divisor and minor % 2 == 1))
        minor += up
    return int(-minor if sign else minor)


def split(minor: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights so that the parts add up: largest remainder, earlier part first.

    The weights are not negative and not all zero; a negative amount is split like its opposite.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError("weights must not be negative, nor all be zero")
    if minor < 0:
        return [-part for part in split(-minor, weights)]
    parts = [minor * weight // total for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(minor * weights[i] % total), i))
    for i in remainders[: minor - sum(parts)]:
        parts[i] += 1
    return parts

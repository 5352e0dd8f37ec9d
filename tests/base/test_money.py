"""Money: whole minor units of one asset, every rounding named, nothing lost when it is divided."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, strategies as st

from koudai.base import MAX_MINOR, Asset, Money, Rounding, minor_from_decimal, split

CNY = Asset("CNY", 2)
JPY = Asset("JPY", 0)
KWD = Asset("KWD", 3)

AWAY, EVEN, DOWN = Rounding.HALF_AWAY_FROM_ZERO, Rounding.HALF_EVEN, Rounding.TOWARD_ZERO


@pytest.mark.parametrize(
    ("amount", "scale", "away", "even", "down"),
    [
        # amount    scale    away  even  down
        ("0", 2, 0, 0, 0),
        ("-0.00", 2, 0, 0, 0),
        ("1", 2, 100, 100, 100),
        ("1.5", 0, 2, 2, 1),
        ("2.5", 0, 3, 2, 2),
        ("-1.5", 0, -2, -2, -1),
        ("-2.5", 0, -3, -2, -2),
        ("4.955", 2, 496, 496, 495),
        ("4.945", 2, 495, 494, 494),
        ("4.9449999999999", 2, 494, 494, 494),
        ("4.9450000000001", 2, 495, 495, 494),
        ("-4.945", 2, -495, -494, -494),
        ("0.005", 2, 1, 0, 0),
        ("-0.005", 2, -1, 0, 0),
        ("0.0049", 2, 0, 0, 0),
        ("1E+3", 2, 100000, 100000, 100000),
        ("1E-30", 2, 0, 0, 0),
        ("92233720368547758.07", 2, MAX_MINOR, MAX_MINOR, MAX_MINOR),
        ("123456789012345678901234567890.125", 2, 12345678901234567890123456789013,
         12345678901234567890123456789012, 12345678901234567890123456789012),
        ("1.2345", 3, 1235, 1234, 1234),
    ],
)  # fmt: skip
def test_a_fraction_of_a_minor_unit_is_decided_as_named(amount, scale, away, even, down):
    found = [minor_from_decimal(Decimal(amount), scale, rounding) for rounding in (AWAY, EVEN, DOWN)]
    assert found == [away, even, down]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20), st.integers(0, 6))
def test_rounding_is_off_by_half_a_unit_at_most_and_the_same_below_zero(amount, scale):
    exact = Fraction(amount) * 10**scale
    for rounding, most in ((AWAY, Fraction(1, 2)), (EVEN, Fraction(1, 2))):
        minor = minor_from_decimal(amount, scale, rounding)
        assert abs(minor - exact) <= most
        assert minor_from_decimal(-amount, scale, rounding) == -minor
    assert 0 <= abs(exact) - abs(minor_from_decimal(amount, scale, DOWN)) < 1


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_has_no_minor_units(text):
    with pytest.raises(ValueError, match="no amount"):
        minor_from_decimal(Decimal(text), 2, AWAY)


@pytest.mark.parametrize(
    ("minor", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (100, [1, 1, 2], [25, 25, 50]),
        (1, [1, 1], [1, 0]),
        (1, [1, 2], [0, 1]),
        (2, [1, 1, 1], [1, 1, 0]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (0, [3, 4], [0, 0]),
        (7, [0, 5], [0, 7]),
        (7, [5], [7]),
        (10, [0, 1, 0, 1, 1], [0, 4, 0, 3, 3]),
        (MAX_MINOR, [1, 1], [2**62, 2**62 - 1]),
    ],
)
def test_an_amount_is_divided_by_the_largest_remainder(minor, weights, parts):
    assert split(minor, weights) == parts


@given(
    st.integers(-MAX_MINOR, MAX_MINOR),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any),
)
@example(-1, [1, 1])
def test_the_parts_add_up_and_none_is_a_unit_away_from_its_share(minor, weights):
    parts = split(minor, weights)
    assert sum(parts) == minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(minor * weight, sum(weights))) < 1
        assert weight or not part


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [2, -1], [-1], [1, -1]])
def test_weights_that_divide_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        split(100, weights)


def test_money_of_one_asset_is_reckoned():
    assert Money(5, CNY) + Money(7, CNY) == Money(12, CNY)
    assert Money(5, CNY) - Money(7, CNY) == Money(-2, CNY)
    assert -Money(5, CNY) == Money(-5, CNY)
    assert Money(5, CNY) < Money(7, CNY)
    assert not Money(5, CNY) < Money(5, CNY)
    assert sorted([Money(2, CNY), Money(-1, CNY), Money(0, CNY)]) == [Money(m, CNY) for m in (-1, 0, 2)]
    assert Money(MAX_MINOR, CNY) + Money(1, CNY) == Money(2**63, CNY), "only a store has an end"


@pytest.mark.parametrize(
    "reckon",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: max(a, b),
    ],
    ids=["+", "-", "<", "<=", ">", "max"],
)
def test_money_of_two_assets_never_meets(reckon):
    with pytest.raises((ValueError, TypeError)):
        reckon(Money(1, CNY), Money(2, JPY))
    assert Money(1, CNY) != Money(1, JPY)


@pytest.mark.parametrize("minor", [1.0, 1.5, True, "1", None, Decimal(1)])
def test_money_is_whole(minor):
    with pytest.raises(TypeError):
        Money(minor, CNY)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(0, CNY), "0.00 CNY"),
        (Money(5, CNY), "0.05 CNY"),
        (Money(-5, CNY), "-0.05 CNY"),
        (Money(123456, CNY), "1234.56 CNY"),
        (Money(-99, JPY), "-99 JPY"),
        (Money(7, KWD), "0.007 KWD"),
        (Money(MAX_MINOR, CNY), "92233720368547758.07 CNY"),
    ],
)
def test_money_reads_as_it_is_written(money, text):
    assert str(money) == text


def test_the_largest_amount_is_a_bigints():
    assert MAX_MINOR == 9_223_372_036_854_775_807

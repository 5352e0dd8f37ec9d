"""What a basket's lines may be paid with, and what comes back."""

from datetime import UTC, datetime

import pytest

from koudai.base import Refused
from koudai.programmes import Line, MerchantFacts, Spending
from tests.programmes.drafts import make

TEA_HOUSE = MerchantFacts("m1", "dining")
BASKET = [
    Line("tea-1", "tea", 100),
    Line("tea-2", "tea", 200),
    Line("cake-1", "cake", 300),
    Line("gin-1", "spirits", 400),
]
OK, NOT, BARRED = None, "programmes.goods_not_accepted", "programmes.goods_excluded"


def codes(found):
    return [one and one.code for one in found]


@pytest.mark.parametrize(
    ("goods", "excluded", "told"),
    [
        # whitelist,                         excluded,                              tea-1, tea-2, cake, gin
        (None, None, [OK, OK, OK, OK]),
        (None, {"classes": ["spirits"]}, [OK, OK, OK, BARRED]),
        (None, {"skus": ["tea-2"]}, [OK, BARRED, OK, OK]),
        ({"classes": ["tea"]}, None, [OK, OK, NOT, NOT]),
        ({"skus": ["gin-1"]}, None, [NOT, NOT, NOT, OK]),
        ({"classes": ["tea"], "skus": ["cake-1"]}, {"skus": ["tea-1"]}, [BARRED, OK, OK, NOT]),
        ({"classes": ["tea"], "skus": ["gin-1"]}, {"classes": ["spirits"]}, [OK, OK, NOT, OK]),
        ({"classes": ["spirits"]}, {"skus": ["gin-1"]}, [NOT, NOT, NOT, BARRED]),
    ],
)
def test_a_sku_goes_before_its_class_and_excluded_before_listed(goods, excluded, told):
    accepts = {"goods": goods, "excluded": excluded}
    programme = make(accepts={name: value for name, value in accepts.items() if value})
    assert codes(Spending(programme).payable_lines(TEA_HOUSE, BASKET)) == told


def test_a_line_that_is_not_payable_says_which():
    programme = make(accepts={"goods": {"classes": ["tea"]}})
    found = Spending(programme).payable_lines(TEA_HOUSE, BASKET)
    assert found[2] == Refused("programmes.goods_not_accepted", {"sku": "cake-1", "goods_class": "cake"})


@pytest.mark.parametrize(
    ("accepts", "scenario", "code"),
    [
        ({}, "dining", None),
        ({"merchants": ["m1"]}, "dining", None),
        ({"merchants": ["m2"]}, "dining", "programmes.merchant_not_accepted"),
        ({"merchants": ["m1"]}, "travel", "programmes.scenario_not_accepted"),
    ],
)
def test_a_merchant_is_paid_where_its_class_and_the_whitelist_say_so(accepts, scenario, code):
    merchant = MerchantFacts("m1", scenario)
    found = Spending(make(accepts=accepts)).merchant_refusal(merchant)
    assert (found and found.code) == code
    assert codes(Spending(make(accepts=accepts)).payable_lines(merchant, BASKET)) == [code] * 4


@pytest.mark.parametrize(
    ("cashback", "amount_minor", "given_today_minor", "back_minor"),
    [
        (None, 10_000, 0, 0),
        ({"rates_bps": {"dining": 300}}, 10_000, 0, 300),
        ({"rates_bps": {"dining": 300}}, 33, 0, 0),
        ({"rates_bps": {"dining": 300}}, 34, 0, 1),
        ({"rates_bps": {"dining": 300}}, 66, 0, 1),
        ({"rates_bps": {"travel": 300}}, 10_000, 0, 0),
        ({"rates_bps": {"dining": 300}, "merchants": ["m1"]}, 10_000, 0, 300),
        ({"rates_bps": {"dining": 300}, "merchants": ["m2"]}, 10_000, 0, 0),
        ({"rates_bps": {"dining": 300}, "day_max_minor": 250}, 10_000, 0, 250),
        ({"rates_bps": {"dining": 300}, "day_max_minor": 250}, 10_000, 100, 150),
        ({"rates_bps": {"dining": 300}, "day_max_minor": 250}, 10_000, 400, 0),
    ],
)
def test_what_comes_back_is_rounded_down_and_capped_by_day(cashback, amount_minor, given_today_minor, back_minor):
    programme = make(cashback=cashback) if cashback else make()
    assert Spending(programme).cashback_minor(TEA_HOUSE, amount_minor, given_today_minor) == back_minor


@pytest.mark.parametrize(
    ("accepts", "judged"),
    [
        ({}, False),
        ({"merchants": ["m1"]}, False),
        ({"goods": {"classes": ["tea"]}}, True),
        ({"goods": {"skus": ["tea-1"]}}, True),
        ({"excluded": {"classes": ["spirits"]}}, True),
        ({"excluded": {"skus": ["gin-1"]}}, True),
    ],
)
def test_where_goods_are_listed_or_excluded_lines_have_to_be_stated(accepts, judged):
    assert Spending(make(accepts=accepts)).judges_goods is judged


@pytest.mark.parametrize(
    ("days", "given_at", "lapses_at"),
    [
        (None, datetime(2026, 5, 1, tzinfo=UTC), None),
        (1, datetime(2026, 5, 1, 15, 59, tzinfo=UTC), datetime(2026, 5, 2, 16, tzinfo=UTC)),
        (1, datetime(2026, 5, 1, 16, tzinfo=UTC), datetime(2026, 5, 3, 16, tzinfo=UTC)),
        (365, datetime(2026, 5, 1, 4, tzinfo=UTC), datetime(2027, 5, 1, 16, tzinfo=UTC)),
    ],
)
def test_cashback_lasts_through_the_last_of_its_chinese_days(days, given_at, lapses_at):
    told = {"rates_bps": {"dining": 100}} | ({} if days is None else {"valid_days": days})
    assert Spending(make(cashback=told)).cashback_lapses_at(given_at) == lapses_at

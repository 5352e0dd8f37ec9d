"""What a card was promised is never changed to its disadvantage, whatever versions follow.

Which way is better is written down here a second time, figure by figure, without the table of the code.
"""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings, strategies as st

from koudai.ledger import Flow, FundingSource, Limit
from koudai.programmes import Kind, Programme, Promises, Scenario, promise, start_of
from koudai.programmes.diff import diff
from tests.programmes.drafts import BASE, make, version

NEVER = float("inf")
DAY = timedelta(days=1)


def few(values, least=0):
    return st.lists(st.sampled_from(values), unique=True, min_size=least, max_size=3).map(tuple)


def maybe(strategy):
    return st.none() | strategy


small = st.integers(1, 9)
validity = st.fixed_dictionaries({
    "days": maybe(small), "since": st.sampled_from(["issue", "activation"]),
    "renewal": st.sampled_from(["none", "on_request", "automatic"]), "renewal_days": maybe(small),
    "grace_days": small, "reactivation_days": maybe(st.integers(0, 9)),
}).map(lambda told: told if told["days"] else {})  # fmt: skip
kind = st.fixed_dictionaries(
    {"max_balance_minor": maybe(small), "max_load_minor": maybe(small), "validity": validity, "sellable": st.booleans()}
)
limit = st.fixed_dictionaries({
    "flow": st.sampled_from(["load", "redeem"]), "subjects": st.sampled_from([["card"], ["holder"]]),
    "per": st.just("day"), "max_minor": maybe(small), "max_count": maybe(small),
})  # fmt: skip
limits = st.lists(limit, max_size=4, unique_by=lambda one: (one["flow"], one["subjects"][0]))
rates = st.dictionaries(st.sampled_from(["dining", "travel"]), st.integers(100, 500), min_size=1)
cashback = st.fixed_dictionaries({
    "rates_bps": rates, "merchants": maybe(few(["m1", "m2", "m3"], 1)), "day_max_minor": maybe(small), "valid_days": maybe(small),
})  # fmt: skip
goods = st.fixed_dictionaries({"classes": few(["tea", "rice"]), "skus": few(["s1", "s2"])})
drafts = st.fixed_dictionaries({
    "kinds": st.fixed_dictionaries({"registered": kind, "bearer": maybe(kind)}),
    "carriers": few(["virtual", "physical"]),
    "funding": few(["cash", "transfer", "debit"], 1),
    "limits": limits,
    "fees": st.fixed_dictionaries({"replacement_minor": small}),
    "withdrawal": maybe(st.fixed_dictionaries({"fee_bps": small})),
    "scenarios": st.dictionaries(st.sampled_from([str(name) for name in Scenario]), st.sampled_from(["restaurant", "ecommerce"]), max_size=3),
    "accepts": st.fixed_dictionaries({"merchants": maybe(few(["m1", "m2", "m3"], 1)), "goods": maybe(goods), "excluded": goods}),
    "split": maybe(st.fixed_dictionaries({"max_pieces": st.integers(2, 9), "max_generations": small, "min_minor": small})),
    "gift": maybe(st.fixed_dictionaries({
        "to": st.sampled_from(["anybody", "named"]), "claim_days": small,
        "identity": st.sampled_from(["anonymous", "registered", "verified"]),
    })),
    "cashback": maybe(cashback),
    "draw_order": st.sampled_from(["bonus_first", "paid_first"]),
    "pin": st.sampled_from(["none", "optional", "required"]),
    "notices": st.fixed_dictionaries({"before_expiry_days": few([7, 30]), "silence_days": few([90, 180])}),
})  # fmt: skip


@st.composite
def histories(draw):
    """Versions of one programme, a year apart."""
    told = draw(st.lists(drafts, min_size=1, max_size=5))
    return [
        version(msgspec.convert({**BASE, **one, "effective_on": f"{2026 + number}-01-01"}, Programme))
        for number, one in enumerate(told)
    ]


def top(value):
    return NEVER if value is None else value


def figures(programme):
    """Every figure as a number or set of which more is better, by a name; what isn't offered is not there."""
    told = {}
    for name in Kind:
        terms = programme.of_kind(name)
        if terms is None:
            continue
        lasting = terms.validity
        told[name, "balance"], told[name, "load"] = top(terms.max_balance_minor), top(terms.max_load_minor)
        told[name, "days"], told[name, "sellable"] = top(lasting.days), terms.sellable
        if lasting.days is not None:
            told[name, "since"] = ("issue", "activation").index(lasting.since)
            told[name, "renewal"] = ("none", "on_request", "automatic").index(lasting.renewal)
            if lasting.renewal != "none":
                told[name, "renewal_days"] = lasting.renewal_days or lasting.days
            told[name, "grace"], told[name, "reactivation"] = lasting.grace_days, top(lasting.reactivation_days)
    for flow in ("load", "redeem"):
        for who in ("card", "holder"):
            found = next((x for x in programme.limits if (x.flow, x.subjects) == (flow, (who,))), None)
            told[flow, who, "max"] = top(found and found.max_minor) if found else NEVER
            told[flow, who, "count"] = top(found.max_count) if found else NEVER
    told["replacement fee"] = -programme.fees.replacement_minor
    if programme.withdrawal is not None:
        told["withdrawal"] = -programme.withdrawal.fee_bps
    told["scenarios"] = {name for name in Scenario if programme.commission_of(name)}
    told["funding"], told["carriers"] = set(programme.funding), set(programme.carriers)
    every = {"m1", "m2", "m3", "another"}
    told["merchants"] = every if programme.accepts.merchants is None else set(programme.accepts.merchants)
    listed, barred = programme.accepts.goods, programme.accepts.excluded
    for name in ("classes", "skus"):
        told["goods", name] = {"tea", "rice", "s1", "s2", "x"} if listed is None else set(getattr(listed, name))
        told["not barred", name] = {"tea", "rice", "s1", "s2", "x"} - set(getattr(barred, name))
    if programme.split is not None:
        told["pieces"], told["generations"] = programme.split.max_pieces, programme.split.max_generations
        told["piece"] = -programme.split.min_minor
    if programme.gift is not None:
        told["to"] = ("named", "anybody").index(programme.gift.to)
        told["claim"] = programme.gift.claim_days
        told["known"] = ("verified", "registered", "anonymous").index(programme.gift.identity)
    if programme.cashback is not None:
        for name in ("dining", "travel"):
            told["back", name] = getattr(programme.cashback.rates_bps, name) or 0
        told["back at"] = every if programme.cashback.merchants is None else set(programme.cashback.merchants)
        told["back a day"], told["back lasts"] = (
            top(programme.cashback.day_max_minor),
            top(programme.cashback.valid_days),
        )
    told["before"], told["silence"] = set(programme.notices.before_expiry_days), set(programme.notices.silence_days)
    return told


def assert_no_worse(before, after):
    had, has = figures(before), figures(after)
    for name, value in had.items():
        gone_with_expiry = name[0] in list(Kind) and after.of_kind(name[0]).validity.days is None
        assert gone_with_expiry or name in has, name
        if name in has:
            assert has[name] >= value, (name, value, has[name])
    assert (after.draw_order, after.pin, after.currency) == (before.draw_order, before.pin, before.currency)


AT = [datetime(2026 + number, 6, 1, tzinfo=UTC) for number in range(5)]


@settings(max_examples=300, deadline=None)
@given(histories())
def test_nothing_gets_worse_whatever_versions_follow(versions):
    promises = Promises(versions)
    for issue, issued_at in enumerate(AT[: len(versions)]):
        before = promises.terms(issued_at, issued_at).programme
        assert before == versions[issue].programme, "a card has exactly the version that it was issued under"
        for later in AT[issue + 1 : len(versions)]:
            now = promises.terms(issued_at, later).programme
            assert_no_worse(versions[issue].programme, now)
            assert_no_worse(before, now)
            before = now


@settings(max_examples=100, deadline=None)
@given(histories())
def test_what_is_in_force_has_no_effect_before_its_day(versions):
    issued_at = AT[0]
    upto = [promise(versions[:n], issued_at, AT[n - 1]).programme for n in range(1, len(versions) + 1)]
    assert [promise(versions, issued_at, AT[n]).programme for n in range(len(versions))] == upto


@settings(max_examples=100, deadline=None)
@given(histories())
def test_a_version_that_is_no_worse_in_anything_is_taken_whole(versions):
    had, new = versions[0], versions[-1]
    worse = any(
        c.effect == "tightens" or c.path in ("pin", "draw_order", "currency")
        for c in diff(had.programme, new.programme)
    )
    if not worse:
        assert diff(promise([had, new], AT[0], AT[4]).programme, new.programme) == []


FIRST = make(kinds={"registered": {"max_balance_minor": 500}})
SECOND = make(effective_on="2027-01-01", kinds={"registered": {"max_balance_minor": 300}}, titles={"en": "New"})
THIRD = make(effective_on="2028-01-01", kinds={"registered": {"max_balance_minor": 900}})
VERSIONS = [version(SECOND), version(THIRD), version(FIRST)]


def cap(issued_at, now):
    return promise(VERSIONS, issued_at, now).programme.kinds.registered.max_balance_minor


def test_a_cap_falls_for_new_cards_and_rises_for_all():
    assert [cap(AT[0], now) for now in AT[:3]] == [500, 500, 900]
    assert [cap(AT[1], now) for now in AT[1:3]] == [300, 900]
    assert promise(VERSIONS, AT[0], AT[1]).programme.titles.en == "New", "a title is no promise"


def test_a_version_counts_from_the_beginning_of_its_chinese_day():
    began = start_of(SECOND)
    assert began == datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert (cap(began, began), cap(began - timedelta(microseconds=1), began)) == (300, 500)


def test_who_was_issued_before_the_first_version_has_the_first():
    early = datetime(2025, 1, 1, tzinfo=UTC)
    assert promise(VERSIONS, early, early).programme == FIRST
    assert Promises(VERSIONS).in_force(early) is None
    assert Promises(VERSIONS).in_force(AT[1]).programme == SECOND


def test_terms_are_reckoned_once():
    promises = Promises(VERSIONS)
    assert promises.terms(AT[0], AT[1]) is promises.terms(AT[0] + DAY, AT[1] + DAY)
    assert promises.terms(AT[0], AT[1]) is not promises.terms(AT[0], AT[2])
    assert (promises.terms(AT[0], AT[1]).issued_under, promises.terms(AT[0], AT[1]).newest) == (
        start_of(FIRST),
        start_of(SECOND),
    )


def test_two_offers_of_cashback_are_not_mixed():
    everywhere = make(cashback={"rates_bps": {"dining": 100}})
    more_at_one = make(effective_on="2027-01-01", cashback={"rates_bps": {"dining": 500}, "merchants": ["m1"]})
    kept = promise([version(everywhere), version(more_at_one)], AT[0], AT[1]).programme.cashback
    assert kept == everywhere.cashback, "5 % at every merchant is what nobody promised"


def test_a_limit_that_comes_later_is_none_for_older_cards_and_one_that_goes_goes_for_all():
    day = {"flow": "load", "subjects": ["card"], "per": "day", "max_minor": 50}
    free, bound = make(), make(effective_on="2027-01-01", limits=[day])
    assert promise([version(free), version(bound)], AT[0], AT[1]).limits[Flow.LOAD] == ()
    terms = promise([version(free), version(bound)], AT[1], AT[1])
    assert terms.limits[Flow.LOAD] == (Limit(("card",), "load", "day", max_minor=50),)
    lifted = make(effective_on="2028-01-01")
    assert promise([version(free), version(bound), version(lifted)], AT[1], AT[2]).limits[Flow.LOAD] == ()


def test_limits_on_balances_stand_apart():
    held = {"flow": "load", "subjects": ["holder"], "per": "balance", "max_minor": 50}
    terms = promise([version(make(limits=[held]))], AT[0], AT[0])
    assert (len(terms.bounds), terms.limits[Flow.LOAD]) == (1, ())


def test_lists_grow_in_the_order_in_which_they_were_promised():
    first = make(funding=["cash", "debit"])
    second = make(effective_on="2027-01-01", funding=["transfer", "debit"])
    terms = promise([version(first), version(second)], AT[0], AT[1])
    assert terms.programme.funding == (FundingSource.CASH, FundingSource.DEBIT, FundingSource.TRANSFER)

"""Which way each figure is to the holder's good, and what a diff says of two programmes."""

import pytest

from koudai.programmes import declared_figures, diff
from koudai.programmes.diff import Effect, Happened
from koudai.programmes.figures import RULES, from_plain, leaves, plain, rule_of
from tests.programmes.drafts import make

APPEARS, GONE, CHANGES = Happened.APPEARS, Happened.DISAPPEARS, Happened.CHANGES
TIGHTER, LOOSER, NEITHER = Effect.TIGHTENS, Effect.LOOSENS, Effect.NEITHER


def registered(**terms):
    return {"kinds": {"registered": terms}}


def lasting(**validity):
    return registered(validity={"days": 100, **validity})


LIMIT = {"flow": "load", "subjects": ["card"], "per": "day", "max_minor": 50}
FLOOR = {"flow": "redeem", "subjects": ["card"], "per": "transaction", "min_minor": 50}
SPLIT = {"max_pieces": 5, "max_generations": 2, "min_minor": 100}
GIFT = {"to": "anybody", "claim_days": 7, "identity": "registered"}
BACK = {"rates_bps": {"dining": 200}, "merchants": ["m1"], "day_max_minor": 100, "valid_days": 30}

TABLE = [
    # before, after, path, what happened, effect
    ({}, {"titles": {"en": "Other"}}, "titles.en", CHANGES, NEITHER),
    ({}, {"class": "multi_purpose", "policy": {"pack": "cn-single-purpose"}}, "class", CHANGES, NEITHER),
    ({}, {"policy": {"pack": "other"}}, "policy.pack", CHANGES, NEITHER),
    ({}, {"draw_order": "paid_first"}, "draw_order", CHANGES, NEITHER),
    ({}, {"pin": "required"}, "pin", CHANGES, NEITHER),
    ({}, registered(max_balance_minor=600_000), "kinds.registered.max_balance_minor", CHANGES, LOOSER),
    ({}, registered(max_balance_minor=400_000), "kinds.registered.max_balance_minor", CHANGES, TIGHTER),
    ({}, registered(max_balance_minor=None), "kinds.registered.max_balance_minor", GONE, LOOSER),
    ({}, registered(max_load_minor=1), "kinds.registered.max_load_minor", APPEARS, TIGHTER),
    ({}, lasting(), "kinds.registered.validity.days", APPEARS, TIGHTER),
    (lasting(), lasting(days=99), "kinds.registered.validity.days", CHANGES, TIGHTER),
    (lasting(), lasting(days=101), "kinds.registered.validity.days", CHANGES, LOOSER),
    (lasting(), lasting(since="activation"), "kinds.registered.validity.since", CHANGES, LOOSER),
    (lasting(), lasting(renewal="on_request"), "kinds.registered.validity.renewal", CHANGES, LOOSER),
    (lasting(renewal="automatic"), lasting(renewal="on_request"), "kinds.registered.validity.renewal", CHANGES, TIGHTER),
    (lasting(renewal="automatic"), lasting(renewal="automatic", renewal_days=99),
     "kinds.registered.validity.renewal_days", CHANGES, TIGHTER),
    (lasting(), lasting(grace_days=5), "kinds.registered.validity.grace_days", CHANGES, LOOSER),
    (lasting(), lasting(reactivation_days=0), "kinds.registered.validity.reactivation_days", APPEARS, TIGHTER),
    ({}, registered(sellable=True), "kinds.registered.sellable", CHANGES, LOOSER),
    ({}, {"kinds": {"bearer": {}}}, "kinds.bearer", APPEARS, LOOSER),
    ({}, {"carriers": ["virtual"]}, "carriers[virtual]", APPEARS, LOOSER),
    ({}, {"funding": ["cash"]}, "funding[transfer]", GONE, TIGHTER),
    ({}, {"pay_code": {"ttl_s": 60}}, "pay_code", APPEARS, LOOSER),
    ({"pay_code": {"ttl_s": 60}}, {"pay_code": {"ttl_s": 30}}, "pay_code.ttl_s", CHANGES, NEITHER),
    ({}, {"limits": [LIMIT]}, "limits[load.card.day]", APPEARS, TIGHTER),
    ({"limits": [LIMIT]}, {}, "limits[load.card.day]", GONE, LOOSER),
    ({"limits": [LIMIT]}, {"limits": [{**LIMIT, "max_minor": 51}]}, "limits[load.card.day].max_minor", CHANGES, LOOSER),
    ({"limits": [LIMIT]}, {"limits": [{**LIMIT, "max_count": 5}]}, "limits[load.card.day].max_count", APPEARS, TIGHTER),
    ({"limits": [FLOOR]}, {"limits": [{**FLOOR, "min_minor": 51}]}, "limits[redeem.card.transaction].min_minor", CHANGES, TIGHTER),
    ({}, {"fees": {"replacement_minor": 5}}, "fees.replacement_minor", CHANGES, TIGHTER),
    ({}, {"withdrawal": {"fee_bps": 150}}, "withdrawal", APPEARS, LOOSER),
    ({"withdrawal": {"fee_bps": 150}}, {"withdrawal": {"fee_bps": 200}}, "withdrawal.fee_bps", CHANGES, TIGHTER),
    ({}, {"scenarios": {"travel": "local_services"}}, "scenarios.travel", APPEARS, LOOSER),
    ({}, {"scenarios": {"dining": "ecommerce"}}, "scenarios.dining", CHANGES, NEITHER),
    ({}, {"accepts": {"merchants": ["m1"]}}, "accepts.merchants", APPEARS, TIGHTER),
    ({"accepts": {"merchants": ["m1"]}}, {"accepts": {"merchants": ["m1", "m2"]}}, "accepts.merchants[m2]", APPEARS, LOOSER),
    ({"accepts": {"merchants": ["m1", "m2"]}}, {"accepts": {"merchants": ["m1"]}}, "accepts.merchants[m2]", GONE, TIGHTER),
    ({}, {"accepts": {"goods": {"classes": ["tea"]}}}, "accepts.goods", APPEARS, TIGHTER),
    ({}, {"accepts": {"excluded": {"skus": ["s1"]}}}, "accepts.excluded.skus[s1]", APPEARS, TIGHTER),
    ({}, {"split": SPLIT}, "split", APPEARS, LOOSER),
    ({"split": SPLIT}, {"split": {**SPLIT, "max_pieces": 4}}, "split.max_pieces", CHANGES, TIGHTER),
    ({"split": SPLIT}, {"split": {**SPLIT, "max_generations": 3}}, "split.max_generations", CHANGES, LOOSER),
    ({"split": SPLIT}, {"split": {**SPLIT, "min_minor": 1}}, "split.min_minor", CHANGES, LOOSER),
    ({"gift": GIFT}, {"gift": {**GIFT, "to": "named"}}, "gift.to", CHANGES, TIGHTER),
    ({"gift": GIFT}, {"gift": {**GIFT, "claim_days": 8}}, "gift.claim_days", CHANGES, LOOSER),
    ({"gift": GIFT}, {"gift": {**GIFT, "identity": "verified"}}, "gift.identity", CHANGES, TIGHTER),
    ({"gift": GIFT}, {}, "gift", GONE, TIGHTER),
    ({}, {"cashback": BACK}, "cashback", APPEARS, LOOSER),
    ({"cashback": BACK}, {"cashback": {**BACK, "rates_bps": {"dining": 100}}}, "cashback.rates_bps.dining", CHANGES, TIGHTER),
    ({"cashback": BACK}, {"cashback": {**BACK, "day_max_minor": 200}}, "cashback.day_max_minor", CHANGES, LOOSER),
    ({"cashback": BACK}, {"cashback": {**BACK, "valid_days": 29}}, "cashback.valid_days", CHANGES, TIGHTER),
    ({"cashback": BACK}, {"cashback": {**BACK, "merchants": ["m2", "m1"]}}, "cashback.merchants[m2]", APPEARS, LOOSER),
    ({}, {"notices": {"silence_days": [30]}}, "notices.silence_days[30]", APPEARS, LOOSER),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "path", "happened", "effect"), TABLE)
def test_a_figure_that_differs_is_told_with_its_way(before, after, path, happened, effect):
    (change,) = diff(make(**before), make(**after))
    assert (change.path, change.happened, change.effect) == (path, happened, effect)
    back = {TIGHTER: LOOSER, LOOSER: TIGHTER, NEITHER: NEITHER}
    (undone,) = diff(make(**after), make(**before))
    assert (undone.path, undone.effect) == (path, back[effect])
    assert (undone.before, undone.after) == (change.after, change.before)


FULL = make(
    kinds={"registered": {"validity": {"days": 9}}, "bearer": {}}, limits=[LIMIT],
    pay_code={"ttl_s": 60}, withdrawal={}, idle_fund={"partner": "F"}, split=SPLIT, gift=GIFT, cashback=BACK,
    accepts={"goods": {"classes": ["tea"]}},
)  # fmt: skip


def test_every_figure_of_a_document_has_a_rule_and_every_rule_a_figure():
    found = [path for path, _ in leaves(plain(FULL))]
    assert [path for path in found if rule_of(path) is None] == []
    used = {id(rule_of(path)) for path in found} | {id(rule_of(("effective_on",)))}
    assert [name for name, rule in RULES.items() if id(rule) not in used] == []


def test_a_programme_is_what_its_figures_say():
    told = plain(FULL)
    assert diff(from_plain(told), FULL) == []


def test_the_same_limits_in_another_order_are_the_same():
    assert diff(make(limits=[LIMIT, FLOOR]), make(limits=[FLOOR, LIMIT])) == []


def test_a_whole_part_is_told_with_what_it_says():
    (change,) = diff(make(), make(limits=[LIMIT]))
    assert (change.before, change.after) == (None, {"max_minor": 50})


def test_what_is_declared_is_told_as_pairs_for_the_law_to_judge():
    told = dict(declared_figures(make(limits=[LIMIT], gift=GIFT)))
    assert told["class"] == "single_purpose"
    assert told["currency"] == "CNY"
    assert told["funding"] == ("cash", "transfer")
    assert (told["kinds.registered"], told["kinds.bearer"]) == (True, None)
    assert told["kinds.registered.max_balance_minor"] == 500_000
    assert told["kinds.registered.max_load_minor"] is None, "no bound is a fact too"
    assert told["kinds.registered.validity.days"] is None
    assert told["limits[load.card.day].max_minor"] == 50
    assert (told["gift.identity"], told["withdrawal"]) == ("registered", None)

"""The programmes that come with koudai are good, and say what the requirements and the law say."""

import pytest

from koudai.documents import Document
from koudai.ledger import Flow, FundingSource, Limit, Per, Subject
from koudai.policy import GateKind, ProgrammeClass
from koudai.programmes import (
    COMMISSION_BPS,
    Commission,
    Identity,
    Kind,
    Renewal,
    Scenario,
    read_programme,
    required_gates,
    shipped_names,
    shipped_text,
)

YUAN = 100


def shipped(name):
    found = read_programme(shipped_text(name))
    assert isinstance(found, Document), found
    return found.value


ALL = {name: shipped(name) for name in shipped_names()}
CHINESE = {name: one for name, one in ALL.items() if one.currency == "CNY" and not one.sandbox_only}


def test_there_are_the_five():
    assert set(ALL) == {"phone-shop", "xiaokoudai", "xiaokoudai-source", "city-grocer", "generic"}
    assert all(one.name == name for name, one in ALL.items())
    assert len({one.number_prefix for one in ALL.values()}) == 5
    assert shipped_text("../model") is None


@pytest.mark.parametrize("name", CHINESE)
def test_a_chinese_programme_keeps_to_the_law(name):
    programme = ALL[name]
    for kind, cap in ((Kind.REGISTERED, 5_000), (Kind.BEARER, 1_000)):
        terms = programme.of_kind(kind)
        if terms is not None:
            assert terms.max_balance_minor == cap * YUAN, "MOFCOM 2012-9, 18; PBC 2012-12"
    if programme.kinds.registered:
        assert programme.kinds.registered.validity.days is None, "a registered card never expires"
    if programme.kinds.bearer:
        lasting = programme.kinds.bearer.validity
        assert lasting.days >= 3 * 365 + 1, "bearer at least three years, one of which may be a leap year"
        assert lasting.reactivation_days is None, "after expiry it is made to go on, at any time"
    assert not {FundingSource.CREDIT, FundingSource.INSTALMENT} & set(programme.funding), "no credit"
    assert (programme.withdrawal, programme.idle_fund) == (None, None)
    assert programme.policy.pack == f"cn-{programme.class_.replace('_', '-')}"
    assert "prepaid-cards" in programme.accepts.excluded.classes


def test_the_phone_shop_takes_5_000_a_time_and_20_000_a_day():
    shop = ALL["phone-shop"]
    assert shop.class_ is ProgrammeClass.SINGLE_PURPOSE
    limits = {limit.as_limit() for limit in shop.limits}
    assert limits == {
        Limit((Subject.CARD,), Flow.LOAD, Per.TRANSACTION, max_minor=5_000 * YUAN),
        *(Limit((who,), Flow.LOAD, Per.DAY, max_minor=20_000 * YUAN)
          for who in (Subject.CARD, Subject.HOLDER, Subject.DEVICE)),
    }  # fmt: skip
    assert shop.kinds.bearer is None, "P13: registered to one real-name account"
    assert shop.gift.identity is Identity.VERIFIED
    assert shop.accepts.goods is not None, "own goods"


def test_the_pocket_card_is_what_the_law_lets_it_be():
    pocket = ALL["xiaokoudai"]
    assert pocket.class_ is ProgrammeClass.MULTI_PURPOSE
    assert not pocket.sandbox_only
    assert not pocket.kinds.bearer.sellable, "T11"
    assert pocket.gift.identity is Identity.VERIFIED, "P13"
    rates = [rate for scenario in Scenario if (rate := getattr(pocket.cashback.rates_bps, scenario))]
    assert all(100 <= rate <= 500 for rate in rates), "P6"


def test_the_sources_own_figures_are_for_a_sandbox_and_marked():
    source = ALL["xiaokoudai-source"]
    assert source.sandbox_only
    assert source.policy.pack == "sandbox"
    for kind in Kind:
        terms = source.of_kind(kind)
        assert terms.max_balance_minor == 50_000 * YUAN, "P2"
        assert (terms.validity.days, terms.validity.renewal) == (3 * 365, Renewal.AUTOMATIC), "P2"
    assert source.withdrawal.fee_bps == 150, "P8"
    assert source.idle_fund is not None, "P7"
    rates = [getattr(source.cashback.rates_bps, scenario) for scenario in Scenario]
    assert (min(rates), max(rates)) == (100, 500), "P6: 1 % to 5 %"


@pytest.mark.parametrize("name", ["xiaokoudai", "xiaokoudai-source"])
def test_the_pocket_card_pays_in_all_eight_classes_each_with_its_commission(name):
    paid_by = {scenario: ALL[name].commission_of(scenario) for scenario in Scenario}
    assert len(paid_by) == 8
    assert None not in paid_by.values()
    assert paid_by[Scenario.ECOMMERCE] is Commission.ECOMMERCE
    assert paid_by[Scenario.DINING] is Commission.RESTAURANT
    assert paid_by[Scenario.LOCAL_SERVICES] is Commission.LOCAL_SERVICES


def test_commissions_are_m2s():
    assert COMMISSION_BPS == {"ecommerce": (1200, 1500), "restaurant": (800, 1000), "local_services": (1500, 1800)}


def test_the_grocer_has_both_kinds_and_other_countries_no_yuan():
    assert ALL["city-grocer"].kinds.registered
    assert ALL["city-grocer"].kinds.bearer
    text = shipped_text("generic").replace("currency: EUR", "currency: CNY")
    (mistake,) = read_programme(text)
    assert (mistake.code, mistake.path) == ("programmes.pack_refuses_currency", "currency")


@pytest.mark.parametrize(
    ("name", "gates"),
    [
        ("phone-shop", {GateKind.FILING, GateKind.TERMS, GateKind.CUSTODY}),
        ("xiaokoudai", {GateKind.LICENCE, GateKind.TERMS, GateKind.CUSTODY}),
        ("xiaokoudai-source", set()),
    ],
)
def test_what_stands_before_a_launch(name, gates):
    assert set(required_gates(ALL[name])) == gates


@pytest.mark.parametrize("name", ALL)
def test_figures_say_whence_they_are(name):
    text = shipped_text(name)
    assert text.startswith("#")
    if name != "generic":
        assert any(word in text for word in ("P12", "P2", "Art. 18"))

"""Examining a programme: what applies to it, and what its declared figures would violate."""

import pytest

from koudai.policy import (
    GateKind,
    ProgrammeClass,
    Status,
    at_least,
    at_most,
    exactly,
    examine,
    one_of,
    shipped,
)

SINGLE, MULTI, GENERIC = shipped("cn-single-purpose"), shipped("cn-multi-purpose"), shipped("generic")
P = ProgrammeClass
REGISTERED = {"card_kind": exactly("registered"), "balance_after_minor": at_most(500_000)}
BEARER = {"card_kind": exactly("bearer"), "balance_after_minor": at_most(100_000)}


def violated(pack, programme_class, declared):
    return {found.clause.id for found in examine(pack, programme_class, declared).violations}


@pytest.mark.parametrize(
    ("pack", "programme_class", "declared", "clauses"),
    [
        (SINGLE, P.SINGLE_PURPOSE, REGISTERED, set()),
        (SINGLE, P.SINGLE_PURPOSE, BEARER, set()),
        # The source's cap, one fen too much, and no cap at all.
        (SINGLE, P.SINGLE_PURPOSE, REGISTERED | {"balance_after_minor": at_most(5_000_000)}, {"sp.18.registered"}),
        (SINGLE, P.SINGLE_PURPOSE, REGISTERED | {"balance_after_minor": at_most(500_001)}, {"sp.18.registered"}),
        (SINGLE, P.SINGLE_PURPOSE, {"balance_after_minor": at_most(500_000)}, {"sp.18.bearer"}),
        # Validity.
        (SINGLE, P.SINGLE_PURPOSE, REGISTERED | {"expires": exactly(True)}, {"sp.19.registered"}),
        (SINGLE, P.SINGLE_PURPOSE, BEARER | {"expires": exactly(True), "validity_months": at_least(36)}, set()),
        (SINGLE, P.SINGLE_PURPOSE, BEARER | {"expires": exactly(True), "validity_months": exactly(35)}, {"sp.19.bearer"}),
        # Words.
        (SINGLE, P.SINGLE_PURPOSE, {"funding": one_of("transfer", "debit", "cash")}, {"sp.16.remote_cash"}),
        (SINGLE, P.SINGLE_PURPOSE, {"funding": one_of("transfer", "cash"), "face_to_face": exactly(True)}, set()),
        (SINGLE, P.SINGLE_PURPOSE, {"funding": one_of("transfer", "credit")}, {"negative.credit_funded"}),
        (SINGLE, P.SINGLE_PURPOSE, {"merchant_of": one_of("own", "other")}, {"sp.2.own_goods"}),
        (SINGLE, P.SINGLE_PURPOSE, {"merchant_of": one_of("other"), "licensed": exactly(False)},
         {"sp.2.own_goods", "cn.cross_group"}),
        (MULTI, P.MULTI_PURPOSE, {"merchant_of": one_of("own", "other"), "licensed": exactly(True)}, set()),
        (MULTI, P.MULTI_PURPOSE, {"purpose": one_of("purchase", "idle_fund")}, {"cn.yield"}),
        (SINGLE, P.SINGLE_PURPOSE, {"terms_ban_passing": exactly(True)}, {"consumers.terms_no_passing"}),
        # What is never allowed.
        (SINGLE, P.SINGLE_PURPOSE, {"refund_kind": one_of("goods", "card")}, set()),
        (SINGLE, P.SINGLE_PURPOSE, {"refund_kind": one_of("goods", "withdrawal")}, {"cn.withdrawal"}),
        (GENERIC, P.MULTI_PURPOSE, {"currency": exactly("EUR")}, set()),
        (GENERIC, P.MULTI_PURPOSE, {"currency": exactly("CNY")}, {"generic.currency"}),
    ],
)  # fmt: skip
def test_what_the_declared_figures_would_violate(pack, programme_class, declared, clauses):
    assert violated(pack, programme_class, declared) == clauses


def test_what_applies_and_what_of_it_is_unverified():
    old = examine(SINGLE, P.SINGLE_PURPOSE, REGISTERED | {"issuer_young": exactly(False)})
    young = examine(SINGLE, P.SINGLE_PURPOSE, REGISTERED | {"issuer_young": exactly(True)})
    assert "sp.18.bearer" not in {clause.id for clause in old.applies}
    assert {"sp.18.registered", "sp.36.fines", "cn.screening"} <= {clause.id for clause in old.applies}
    assert {one.id for one in young.unverified} - {one.id for one in old.unverified} == {"sp.25.young"}
    assert all(clause.status is Status.UNVERIFIED for clause in old.unverified)


@pytest.mark.parametrize(
    ("pack", "gates"),
    [
        ("cn-single-purpose", [GateKind.FILING, GateKind.TERMS, GateKind.CUSTODY]),
        ("cn-multi-purpose", [GateKind.LICENCE, GateKind.TERMS, GateKind.CUSTODY]),
        ("cn-telecom", [GateKind.LICENCE, GateKind.TERMS, GateKind.CUSTODY]),
        ("cn-voucher", [GateKind.TERMS]),
        ("generic", [GateKind.LICENCE, GateKind.TERMS, GateKind.CUSTODY]),
        ("sandbox", []),
    ],
)
def test_what_has_to_be_entered_before_a_programme_is_live(pack, gates):
    assert [gate.kind for gate in examine(shipped(pack), P.SINGLE_PURPOSE, {}).gates] == gates


def test_a_pack_is_for_some_classes():
    assert examine(SINGLE, P.SINGLE_PURPOSE, {}).fits
    assert not examine(SINGLE, P.MULTI_PURPOSE, {}).fits
    assert examine(GENERIC, P.TELECOM_TOPUP, {}).fits


def test_what_is_declared_of_no_fact_is_loud():
    with pytest.raises(KeyError):
        examine(SINGLE, P.SINGLE_PURPOSE, {"colour": exactly("red")})
    with pytest.raises(ValueError, match="shells"):
        examine(SINGLE, P.SINGLE_PURPOSE, {"funding": one_of("cash", "shells")})
    with pytest.raises(ValueError, match="funding"):
        examine(SINGLE, P.SINGLE_PURPOSE, {"funding": at_most(3)})

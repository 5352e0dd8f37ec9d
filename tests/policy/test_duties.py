"""Duties: no operation breaks them, and later rooms read their terms from the packs, so these must be the law's."""

import pytest

from koudai.policy import Certainty, Severity, Unit, shipped_clauses

P, V, S, U = Certainty.P, Certainty.V, Certainty.S, Certainty.U
DUTIES = {clause.id: clause for clause in shipped_clauses().values() if clause.severity is Severity.DUTY}

YUAN = 100

FIGURES = [
    ("sp.3.scale", V, {"revenue": (5_000_000 * YUAN, "minor"), "young_below": (1, "years"), "capital": (1_000_000 * YUAN, "minor")}),
    ("sp.15.records", S, {"records": (5, "years")}),
    ("sp.16.accounts", V, {}),
    ("sp.21.register", S, {}),
    ("sp.29.systems", V, {}),
    ("sp.31.group_brand_report", V, {"within": (20, "working_days")}),
    ("sp.31.scale_report", U, {"within": (15, "working_days")}),
    ("sp.31.other_report", U, {"by_month": (1, "months"), "by_day": (31, "days")}),
    ("sp.36.fines", V, {"least": (10_000 * YUAN, "minor"), "most": (30_000 * YUAN, "minor")}),
    ("cn.unlicensed_fine", P, {
        "gain": (500_000 * YUAN, "minor"), "least_of_gain": (1, "times"), "most_of_gain": (5, "times"),
        "least": (500_000 * YUAN, "minor"), "most": (2_000_000 * YUAN, "minor"),
    }),
    ("cn.screening", V, {}),
    ("cn.fraud_monitoring", P, {}),
    ("cn.cash_out_crime", P, {"turnover": (5_000_000 * YUAN, "minor"), "gain": (100_000 * YUAN, "minor")}),
    ("cn.invoice", U, {}),
    ("licensed.records", P, {"records": (10, "years")}),
    ("licensed.complaints", P, {"answered_within": (15, "days"), "temporary_freeze": (48, "hours")}),
    ("licensed.large_value", S, {
        "cash": (50_000 * YUAN, "minor"), "company_transfers": (2_000_000 * YUAN, "minor"),
        "person_transfers": (500_000 * YUAN, "minor"), "person_cross_border": (200_000 * YUAN, "minor"),
    }),
    ("licensed.report_deadlines", U, {"large_value": (5, "working_days")}),
    ("consumers.cooling_off", P, {"within": (7, "days")}),
    ("consumers.refund_sum", P, {"least": (0, "minor")}),
    ("consumers.refund_interest", P, {"rate_of": (1, "years")}),
    ("consumers.unlimited_use", P, {}),
    ("consumers.beijing", P, {
        "unused_refundable": (7, "days"), "unused_refunded_within": (5, "days"), "refunded_within": (15, "days"),
        "records": (3, "years"),
    }),
    ("consumers.shanghai", P, {"quarterly_by_day": (25, "days"), "notice": (30, "days")}),
    ("data.rights", U, {}),
    ("data.consent", P, {"child_below": (14, "years"), "assessments": (3, "years")}),
    ("data.face", S, {}),
    ("data.cryptography", P, {}),
    ("data.evidence", P, {}),
    ("data.shared_blacklist", U, {}),
    ("data.retention", P, {"licensed": (10, "years"), "real_name": (5, "years"), "local": (3, "years")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("clause", "certainty", "figures"), FIGURES, ids=lambda one: one if isinstance(one, str) else ""
)
def test_a_duty_has_the_figures_of_the_law(clause, certainty, figures):
    duty = DUTIES[clause]
    assert {name: (figure.value, figure.unit) for name, figure in duty.figures.items()} == {
        name: (value, Unit(unit)) for name, (value, unit) in figures.items()
    }
    assert duty.certainty is certainty
    assert duty.requires is None
    assert not duty.points


def test_every_duty_is_in_the_table():
    assert {clause for clause, _, _ in FIGURES} == set(DUTIES)

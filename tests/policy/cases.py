"""For every clause that can refuse: what passes at its edge, and what is refused just beyond. Written by hand.

The facts of a case are those of an innocent operation (`INNOCENT`) with what the case says instead. Amounts are
written in yuan, so that they can be held against the law as they stand there.
"""

from typing import Any, NamedTuple

from koudai.policy import FACTS, Point

I, L, R, S, G = Point.ISSUE, Point.LOAD, Point.REDEEM, Point.SPLIT, Point.GIFT  # noqa: E741
F, X, T, C = Point.REFUND, Point.RESALE, Point.SETTLE, Point.CLOSE

Facts = dict[str, Any]


def yuan(amount: str) -> int:
    whole, _, rest = amount.replace(",", "").partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0") if rest else 0)


def minor(**amounts: str) -> Facts:
    return {f"{name}_minor": yuan(amount) for name, amount in amounts.items()}


PROGRAMME: dict[str, Facts] = {
    "cn-single-purpose": {
        "programme_class": "single_purpose",
        "currency": "CNY",
        "play_money": False,
        "licensed": False,
    },
    "cn-multi-purpose": {"programme_class": "multi_purpose", "currency": "CNY", "play_money": False, "licensed": True},
    "cn-telecom": {"programme_class": "telecom_topup", "currency": "CNY", "play_money": False, "licensed": False},
    "cn-voucher": {"programme_class": "fixed_goods_voucher", "currency": "CNY", "play_money": False, "licensed": False},
    "generic": {"programme_class": "multi_purpose", "currency": "EUR", "play_money": False, "licensed": False},
    "sandbox": {"programme_class": "multi_purpose", "currency": "CNY", "play_money": True, "licensed": False},
}

_ISSUER = {"issuer_class": "scale", "issuer_sector": "retail", "issuer_young": False, "filed": True, "sales_stopped": False,
           "days_since_start": 400, "terms_ban_refund": False, "terms_ban_passing": False, "terms_ban_reissue": False,
           "simulated": False}  # fmt: skip
_MONEY = minor(amount="100", balance_after="100", root="100")
_SALE = minor(purchase="100", purchase_day="100", prepaid="100", revenue="10,000", capital="10,000") | {
    "payer_kind": "person", "payer_level": "registered", "payer_is_buyer": True, "funding": "transfer",
    "face_to_face": True, "prepaid_share_bps": 100, "prepaid_of_capital_bps": 100,
}  # fmt: skip
_CARD = {"card_kind": "registered"}

INNOCENT: dict[Point, Facts] = {
    I: _ISSUER | _MONEY | _SALE | _CARD | {"expires": False, "validity_months": 36, "reactivation_ends": False, "replacement_fee_minor": 0,
       "issue_reason": "sale"},
    L: _ISSUER | _MONEY | _SALE | _CARD | minor(cash_day="100", load_day="100")
       | {"expires": False, "validity_months": 36, "own_outlet": True, "top_up": False},
    R: minor(amount="100", balance_after="0", own_account_year="0") | _CARD
       | {"merchant_of": "own", "merchant_contracted": True, "online": False, "own_web_shop": False, "purpose": "purchase"},
    S: _MONEY | _CARD | {"to_card_kind": "registered", "purpose": "passing_on"},
    G: _MONEY | _CARD | {"to_card_kind": "registered", "purpose": "passing_on", "receiver_level": "registered"},
    F: _MONEY | _CARD | minor(balance_before="100", refund_day="100", refund_fee="0")
       | {"refund_kind": "goods", "refund_to": "original_card", "original_usable": True, "simulated": False, "transit": False,
          "months_since_issue": 12, "identity_checked": True, "buyer_identity_checked": True, "payer_kind": "person",
          "red_letter_invoice": True},
    X: minor(amount="100") | _CARD | {"to_card_kind": "registered", "purpose": "passing_on", "receiver_level": "registered",
       "seller_level": "verified", "same_name_account": True, "simulated": False},
    T: minor(amount="100") | {"issuer_class": "scale", "simulated": False, "funds_use": "settlement",
       "custody_share_bps": 10_000, "custody_covered": False, "reserve_share_bps": 10_000, "reserve_pledged": False,
       "receiver_onboarded": True},
    C: minor(amount="100", close_fee="0") | _CARD | {"close_scope": "card", "notice_days": 30, "forfeits": False},
}  # fmt: skip


def told_at(point: Point, facts: Facts) -> Facts:
    """Those facts that are told at a point."""
    return {name: value for name, value in facts.items() if point in FACTS[name].points}


class Case(NamedTuple):
    clause: str
    point: Point
    given: Facts
    passes: Facts
    refused: Facts
    packs: tuple[str, ...] = ()
    """Those of the packs with this clause that the case is for, when not for all."""


BEARER = {"card_kind": "bearer"}
ANONYMOUS = {"card_kind": "bearer", "payer_level": "anonymous"}
CASH = {"funding": "cash"}
CARD_BACK = {"refund_kind": "card", "refund_to": "same_name_account"}
BEARER_BACK = {**CARD_BACK, "card_kind": "bearer"}
BUY_BACK = {"refund_kind": "buy_back", "refund_to": "payer_account"}
UNDONE = {"refund_kind": "sale", "refund_to": "source"}
RECHARGE = {"refund_kind": "recharge", "refund_to": "source"}


def at(points: tuple[Point, ...], clause: str, given: Facts, passes: Facts, refused: Facts) -> list[Case]:
    return [Case(clause, point, told_at(point, given), passes, refused) for point in points]


def capped(clause: str, given: Facts, fact: str, most: str, beyond: str) -> list[Case]:
    return at(
        (I, L, S, G, F),
        clause,
        {**given, "to_card_kind": given["card_kind"]},
        minor(**{fact: most}),
        minor(**{fact: beyond}),
    )


CASES: list[Case] = [
    # Single-purpose cards, MOFCOM Order 2012-9.
    Case("sp.2.own_goods", R, {"licensed": True}, {"merchant_of": "brand"}, {"merchant_of": "other"}),
    Case("sp.2.sectors", I, {}, {"issuer_sector": "resident_services"}, {"issuer_sector": "other"}),
    Case("sp.7.filing", I, {"filed": False}, {"days_since_start": 30}, {"days_since_start": 31}),
    *at((I, L), "sp.15.registered", {}, {"payer_level": "registered"}, {"payer_level": "anonymous"}),
    *at((I, L), "sp.15.bearer", ANONYMOUS, minor(purchase_day="9,999.99"), minor(purchase_day="10,000")),
    *at((I, L), "sp.16.company_cash", {"payer_kind": "company", **CASH}, minor(purchase="4,999.99"), minor(purchase="5,000")),
    *at((I, L), "sp.16.person_cash", {"payer_kind": "person", **CASH}, minor(purchase="49,999.99"), minor(purchase="50,000")),
    *at((I, L), "sp.16.remote_cash", {"face_to_face": False}, {"funding": "transfer"}, {"funding": "cash"}),
    *capped("sp.18.registered", {"card_kind": "registered"}, "balance_after", "5,000", "5,000.01"),
    *capped("sp.18.bearer", BEARER, "balance_after", "1,000", "1,000.01"),
    *capped("sp.18.bearer_root", BEARER, "root", "1,000", "1,000.01"),
    *at((I, L), "sp.19.registered", {}, {"expires": False}, {"expires": True}),
    Case("sp.19.bearer", I, {**BEARER, "expires": True}, {"validity_months": 36}, {"validity_months": 35}),
    Case("sp.19.reactivation", I, BEARER, {"reactivation_ends": False}, {"reactivation_ends": True}),
    Case("sp.19.bearer", L, {**BEARER, "expires": True}, {"validity_months": 36}, {"validity_months": 35}),
    Case("sp.19.after_expiry", C, {}, {"forfeits": False}, {"forfeits": True}),
    Case("sp.20.original_card", F, {}, {"refund_to": "original_card"}, {"refund_to": "same_kind_card"}),
    Case("sp.20.same_kind", F, {"original_usable": False}, {"refund_to": "same_kind_card"}, {"refund_to": "same_name_account"}),
    Case("sp.21.identity", F, CARD_BACK, {"identity_checked": True}, {"identity_checked": False}),
    Case("sp.21.account", F, CARD_BACK, {"refund_to": "cash"}, {"refund_to": "source"}),
    Case("sp.21.cash", F, {**CARD_BACK, "refund_to": "cash"}, minor(balance_before="100"), minor(balance_before="100.01")),
    Case("sp.22.notice", C, {"close_scope": "programme"}, {"notice_days": 30}, {"notice_days": 29}),
    Case("sp.22.free_refund", C, {"close_scope": "programme"}, minor(close_fee="0"), minor(close_fee="0.01")),
    Case("sp.24.funds", T, {}, {"funds_use": "main_business"}, {"funds_use": "real_estate"}),
    *at((I, L), "sp.25.goods", {"issuer_sector": "lodging_catering"}, {"prepaid_share_bps": 40_00}, {"prepaid_share_bps": 40_01}),
    *at((I, L), "sp.25.services", {"issuer_sector": "resident_services"}, {"prepaid_share_bps": 100_00}, {"prepaid_share_bps": 100_01}),
    *at((I, L), "sp.25.group", {"issuer_class": "group"}, {"prepaid_share_bps": 30_00}, {"prepaid_share_bps": 30_01}),
    *at((I, L), "sp.25.young", {"issuer_young": True}, {"prepaid_of_capital_bps": 200_00}, {"prepaid_of_capital_bps": 200_01}),
    Case("sp.26.scale", T, {"issuer_class": "scale"}, {"custody_share_bps": 20_00}, {"custody_share_bps": 19_99}),
    Case("sp.26.group", T, {"issuer_class": "group"}, {"custody_share_bps": 30_00}, {"custody_share_bps": 29_99}),
    Case("sp.26.brand", T, {"issuer_class": "brand"}, {"custody_share_bps": 40_00}, {"custody_share_bps": 39_99}),
    # Multi-purpose cards, PBOC Announcement 2012-12.
    *capped("mp.cap.registered", {"card_kind": "registered"}, "balance_after", "5,000", "5,000.01"),
    *capped("mp.cap.bearer", BEARER, "balance_after", "1,000", "1,000.01"),
    *capped("mp.cap.bearer_root", BEARER, "root", "1,000", "1,000.01"),
    *at((I, L), "mp.validity.registered", {}, {"expires": False}, {"expires": True}),
    Case("mp.validity.bearer", I, {**BEARER, "expires": True}, {"validity_months": 36}, {"validity_months": 35}),
    Case("mp.validity.bearer", L, {**BEARER, "expires": True}, {"validity_months": 36}, {"validity_months": 35}),
    Case("mp.overdraft", R, {}, {"balance_after_minor": 0}, {"balance_after_minor": -1}),
    Case("mp.bearer_loss", I, BEARER, {"issue_reason": "exchange"}, {"issue_reason": "replacement"}),
    Case("mp.name.registered", I, {}, {"payer_level": "registered"}, {"payer_level": "anonymous"}),
    *at((I, L), "mp.name.bearer", ANONYMOUS, minor(purchase_day="9,999.99"), minor(purchase_day="10,000")),
    Case("mp.cash.company", I, {"payer_kind": "company", **CASH}, minor(purchase="4,999.99"), minor(purchase="5,000")),
    Case("mp.cash.person", I, {"payer_kind": "person", **CASH}, minor(purchase="49,999.99"), minor(purchase="50,000")),
    Case("mp.credit.purchase", I, {}, {"funding": "debit"}, {"funding": "credit"}),
    Case("mp.payer_name", I, {}, {"payer_is_buyer": True}, {"payer_is_buyer": False}),
    Case("mp.load.cash", L, {**CASH, "top_up": True}, minor(purchase="4,999.99"), minor(purchase="5,000")),
    Case("mp.load.credit", L, {}, {"funding": "debit"}, {"funding": "credit"}),
    Case("mp.load.outlet", L, {**CASH, "own_outlet": False, "top_up": True}, minor(cash_day="200"), minor(cash_day="200.01")),
    Case("mp.use.contracted", R, {}, {"merchant_contracted": True}, {"merchant_contracted": False}),
    Case("mp.use.cash", R, {}, {"purpose": "purchase"}, {"purpose": "cash"}),
    *at((S, G, X), "mp.use.cash", {}, {"purpose": "passing_on"}, {"purpose": "cash"}),
    *at((R, S, G, X), "mp.use.other_cards", {}, {"purpose": "purchase"}, {"purpose": "other_issuer_card"}),
    *at((R, S, G, X), "mp.use.accounts", {}, {"purpose": "own_payment_account"}, {"purpose": "payment_account"}),
    Case("mp.use.accounts", R, {}, {"purpose": "utilities"}, {"purpose": "bank_account"}),
    Case("mp.online", R, {"online": True}, {"own_web_shop": True}, {"own_web_shop": False}),
    Case("mp.online", R, {"online": True}, {"purpose": "utilities"}, {"purpose": "purchase"}),
    Case("mp.online.own_account", R, {"online": True, "purpose": "own_payment_account"},
         minor(own_account_year="5,000"), minor(own_account_year="5,000.01")),
    Case("mp.redeem.after", F, CARD_BACK, {"months_since_issue": 3}, {"months_since_issue": 2}),
    Case("mp.redeem.holder", F, CARD_BACK, {"identity_checked": True}, {"identity_checked": False}),
    Case("mp.redeem.buyer", F, CARD_BACK, {"buyer_identity_checked": True}, {"buyer_identity_checked": False}),
    Case("mp.redeem.company", F, {**CARD_BACK, "payer_kind": "company"}, {"refund_to": "payer_account"}, {"refund_to": "same_name_account"}),
    Case("mp.redeem.bearer", F, BEARER_BACK, {"transit": True}, {"transit": False}),
    Case("mp.redeem.transit", F, {**BEARER_BACK, "transit": True}, minor(balance_before="100"), minor(balance_before="100.01")),
    Case("mp.resale.bearer", X, {"to_card_kind": "bearer"}, {"card_kind": "registered", "to_card_kind": "registered"}, BEARER),
    Case("licensed.licence", I, {}, {"licensed": True}, {"licensed": False}),
    Case("licensed.reserve", T, {}, {"reserve_share_bps": 100_00}, {"reserve_share_bps": 99_99}),
    Case("licensed.pledge", T, {}, {"reserve_pledged": False}, {"reserve_pledged": True}),
    # Telecom, vouchers, other countries, sandbox.
    Case("telecom.day", L, {}, minor(load_day="50,000"), minor(load_day="50,000.01")),
    Case("telecom.recharge_source", F, RECHARGE, {"refund_to": "source"}, {"refund_to": "same_name_account"}),
    Case("telecom.recharge_day", F, RECHARGE, minor(refund_day="500"), minor(refund_day="500.01")),
    *at((R, S, G, X), "telecom.lending", {}, {"purpose": "passing_on"}, {"purpose": "lending"}),
    Case("voucher.purchase", R, {}, {"purpose": "purchase"}, {"purpose": "utilities"}),
    *at((I, L), "generic.currency", {}, {"currency": "USD"}, {"currency": "CNY"}),
    *capped("generic.cap", {"card_kind": "registered"}, "balance_after", "50,000", "50,000.01"),
    *at((R, S, G, X), "generic.yield", {}, {"purpose": "passing_on"}, {"purpose": "idle_fund"}),
    *at(tuple(Point), "sandbox.play_money", {}, {"play_money": True}, {"play_money": False}),
    *capped("sandbox.cap", {"card_kind": "registered"}, "balance_after", "50,000", "50,000.01"),
    # What several packs include.
    *at((R, S, G, X), "guards.token", {}, {"purpose": "purchase"}, {"purpose": "token"}),
    *at((S, G, X), "guards.stays_registered", {}, {"to_card_kind": "registered"}, {"to_card_kind": "bearer"}),
    Case("guards.onboarded_receivers", T, {}, {"receiver_onboarded": True}, {"receiver_onboarded": False}),
    Case("guards.buy_back_to_payer", F, BUY_BACK, {"refund_to": "payer_account"}, {"refund_to": "same_name_account"}),
    Case("guards.buy_back_invoice", F, BUY_BACK, {"red_letter_invoice": True}, {"red_letter_invoice": False}),
    Case("guards.undone_sale", F, UNDONE, {"refund_to": "source"}, {"refund_to": "cash"}),
    *at((I, L, F, X, T), "guards.simulator", {"simulated": True}, {"play_money": True}, {"play_money": False}),
    *at((I, L), "negative.credit_funded", {}, {"funding": "debit"}, {"funding": "instalment"}),
    Case("negative.refund_elsewhere", F, {"refund_kind": "goods", "original_usable": False}, {"refund_to": "same_kind_card"},
         {"refund_to": "other_name"}, ("cn-multi-purpose", "cn-telecom", "cn-voucher", "generic", "sandbox")),
    Case("negative.refund_elsewhere", F, {"refund_kind": "recharge"}, {"refund_to": "source"}, {"refund_to": "other_instrument"},
         ("cn-single-purpose", "cn-multi-purpose", "cn-voucher", "generic", "sandbox")),
    Case("negative.resale_seller", X, {}, {"seller_level": "verified"}, {"seller_level": "registered"}),
    Case("negative.resale_account", X, {}, {"same_name_account": True}, {"same_name_account": False}),
    *at((I, L), "cn.currency", {}, {"currency": "CNY"}, {"currency": "EUR"}),
    *at((R, S, G, X), "cn.yield", {}, {"purpose": "purchase"}, {"purpose": "idle_fund"}),
    Case("cn.cross_group", R, {"licensed": False}, {"merchant_of": "group"}, {"merchant_of": "other"}),
    Case("cn.cross_group", R, {"merchant_of": "other"}, {"licensed": True}, {"licensed": False},
         ("cn-multi-purpose", "cn-telecom", "cn-voucher")),
    Case("cn.withdrawal", F, {}, {"refund_kind": "goods"}, {"refund_kind": "withdrawal"}),
    Case("cn.reactivation", I, BEARER, {"reactivation_ends": False}, {"reactivation_ends": True},
         ("cn-multi-purpose", "cn-telecom", "cn-voucher")),
    Case("cn.refund_fee", F, {}, minor(refund_fee="0"), minor(refund_fee="0.01")),
    Case("cn.replacement_fee", I, {}, minor(replacement_fee="20"), minor(replacement_fee="20.01")),
    Case("cn.forfeiture", C, {}, {"forfeits": False}, {"forfeits": True}, ("cn-multi-purpose", "cn-telecom", "cn-voucher")),
    *at((G, X), "cn.passing_identity", {}, {"receiver_level": "registered"}, {"receiver_level": "anonymous"}),
    *at((I, L), "consumers.sales_stop", {}, {"sales_stopped": False}, {"sales_stopped": True}),
]  # fmt: skip

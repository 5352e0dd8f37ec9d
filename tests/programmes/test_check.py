"""Every mistake of a programme's document is told with its line, column and path; a good one is none."""

import importlib.util
import json
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from koudai.documents import Document, DocumentFault as D, schema_of
from koudai.ledger import Limit
from koudai.phrases import Language, say
from koudai.programmes import Programme, ProgrammeMistake as P, read_programme, shipped_names, shipped_text
from tests.programmes.drafts import text_of

ROOT = Path(__file__).parents[2]

GOOD = """\
name: tea
titles: {en: Tea card, zh: 茶卡}
effective_on: 2026-01-01
currency: CNY
class: single_purpose
policy: {pack: cn-single-purpose}
kinds:
  registered: {max_balance_minor: 500000}
number_prefix: "990009"
funding: [cash, transfer]
scenarios: {dining: restaurant}
"""


def told(text):
    found = read_programme(text)
    return [] if isinstance(found, Document) else [(m.code, m.path, *m.place) for m in found]


def test_a_good_document_is_a_programme():
    found = read_programme(GOOD)
    assert isinstance(found, Document)
    assert found.value.name == "tea"
    assert found.value.kinds.registered.validity.days is None, "it never expires"
    assert found.value.gift is None, "what is left out is not offered"


FORM = [
    ("name: tea", "name: Tea", D.WRONG_FORM, "name", 1, 1),
    ("en: Tea card, ", "", D.FIELD_MISSING, "titles", 2, 1),
    ("2026-01-01", "2026-02-30", D.WRONG_FORM, "effective_on", 3, 1),
    ("single_purpose", "any_purpose", D.NOT_ONE_OF, "class", 5, 1),
    ("500000", "5000.00", D.NOT_WHOLE, "kinds.registered.max_balance_minor", 8, 35),
    ("500000", "0", D.TOO_SMALL, "kinds.registered.max_balance_minor", 8, 16),
    ("500000", "9223372036854775808", D.TOO_LARGE, "kinds.registered.max_balance_minor", 8, 16),
    ("registered:", "signed:", D.UNKNOWN_FIELD, "kinds.signed", 8, 3),
    ('"990009"', '"490009"', D.WRONG_FORM, "number_prefix", 9, 1),
    ('"990009"', "990009", D.WRONG_TYPE, "number_prefix", 9, 1),
    ("[cash, transfer]", "[]", D.TOO_SHORT, "funding", 10, 1),
    ("[cash, transfer]", "[cash, gold]", D.NOT_ONE_OF, "funding[1]", 10, 17),
    ("dining:", "eating:", D.UNKNOWN_FIELD, "scenarios.eating", 11, 13),
    ("scenarios", "gift: {to: anybody}\nscenarios", D.FIELD_MISSING, "gift", 11, 1),
    ("scenarios", "cashback: {rates_bps: {dining: 99}}\nscenarios", D.TOO_SMALL, "cashback.rates_bps.dining", 11, 24),
    ("scenarios", "cashback: {rates_bps: {dining: 501}}\nscenarios", D.TOO_LARGE, "cashback.rates_bps.dining", 11, 24),
    ("scenarios", "split: {max_pieces: 1, max_generations: 1}\nscenarios", D.TOO_SMALL, "split.max_pieces", 11, 9),
    # A fee that nobody charges can't be declared.
    ("scenarios", "fees: {issue_minor: 5}\nscenarios", D.UNKNOWN_FIELD, "fees.issue_minor", 11, 8),
    ("scenarios", "fees: {inactivity: {}}\nscenarios", D.UNKNOWN_FIELD, "fees.inactivity", 11, 8),
    ("scenarios", "pay_code: {ttl_s: 4}\nscenarios", D.TOO_SMALL, "pay_code.ttl_s", 11, 12),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "code", "path", "line", "column"), FORM)
def test_a_wrong_form_is_told_with_its_place(right, wrong, code, path, line, column):
    assert right in GOOD
    assert told(GOOD.replace(right, wrong, 1)) == [(code, path, line, column)]


SENSE = [
    ("currency: CNY", "currency: YUA", P.UNKNOWN_CURRENCY, "currency", 4, 1),
    ("cn-single-purpose", "cn-nowhere", P.UNKNOWN_PACK, "policy.pack", 6, 10),
    ("class: single_purpose", "class: telecom_topup", P.PACK_NOT_FOR_CLASS, "class", 5, 1),
    ("{pack: cn-single-purpose}", "{pack: generic}", P.PACK_REFUSES_CURRENCY, "currency", 4, 1),
    ("{pack: cn-single-purpose}", "{pack: sandbox}", P.SANDBOX_MARK_MISSING, "policy.pack", 6, 10),
    ("scenarios", "idle_fund: {partner: Fund}\nscenarios", P.SANDBOX_MARK_MISSING, "idle_fund", 11, 1),
    ("\n  registered: {max_balance_minor: 500000}", " {}", P.NO_KIND, "kinds", 7, 1),
    ("500000}", "500000, max_load_minor: 500001}", P.BOUNDS_REVERSED, "kinds.registered.max_load_minor", 8, 43),
    ("500000}", "500000, validity: {renewal: automatic}}", P.NEVER_EXPIRES, "kinds.registered.validity.renewal", 8, 54),
    ("500000}", "500000, validity: {grace_days: 1}}", P.NEVER_EXPIRES, "kinds.registered.validity.grace_days", 8, 54),
    ("500000}", "500000, validity: {reactivation_days: 1}}", P.NEVER_EXPIRES, "kinds.registered.validity.reactivation_days", 8, 54),
    ("500000}", "500000, validity: {since: activation}}", P.NEVER_EXPIRES, "kinds.registered.validity.since", 8, 54),
    ("500000}", "500000, validity: {days: 9, renewal_days: 9}}", P.NO_RENEWAL, "kinds.registered.validity.renewal_days", 8, 63),
    ("500000}", "500000, validity: {days: 9, grace_days: 5, reactivation_days: 4}}", P.BOUNDS_REVERSED, "kinds.registered.validity.reactivation_days", 8, 78),
    ("scenarios", "pin: required\nscenarios", P.PIN_WITHOUT_CARRIER, "pin", 11, 1),
    ("[cash, transfer]", "[cash, transfer, cash]", P.TWICE, "funding[2]", 10, 27),
    ("{dining: restaurant}", "{}", P.NO_SCENARIO, "scenarios", 11, 1),
    ("scenarios", "accepts: {goods: {}}\nscenarios", P.NOTHING_ACCEPTED, "accepts.goods", 11, 11),
    ("scenarios", "accepts: {goods: {skus: [a]}, excluded: {skus: [a]}}\nscenarios", P.LISTED_AND_EXCLUDED, "accepts.excluded.skus[0]", 11, 49),
    ("scenarios", "split: {max_pieces: 2, max_generations: 1, min_minor: 500001}\nscenarios", P.BOUNDS_REVERSED, "split.min_minor", 11, 44),
    ("scenarios", "gift: {to: named, claim_days: 7}\nscenarios", P.NAMED_NEEDS_IDENTITY, "gift.identity", 11, 1),
    ("scenarios", "gift: {to: named, claim_days: 7, identity: anonymous}\nscenarios", P.NAMED_NEEDS_IDENTITY, "gift.identity", 11, 34),
    ("scenarios", "cashback: {rates_bps: {}}\nscenarios", P.NO_CASHBACK_RATE, "cashback.rates_bps", 11, 12),
    ("scenarios", "cashback: {rates_bps: {travel: 100}}\nscenarios", P.CASHBACK_OUTSIDE, "cashback.rates_bps.travel", 11, 24),
    ("scenarios", "accepts: {merchants: [m1]}\ncashback: {rates_bps: {dining: 100}, merchants: [m1, m2]}\nscenarios", P.CASHBACK_OUTSIDE, "cashback.merchants[1]", 12, 54),
    ("scenarios", "notices: {before_expiry_days: [7]}\nscenarios", P.NOTICE_TOO_EARLY, "notices.before_expiry_days[0]", 11, 32),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "code", "path", "line", "column"), SENSE)
def test_what_makes_no_sense_is_told_with_its_place(right, wrong, code, path, line, column):
    assert right in GOOD
    assert told(GOOD.replace(right, wrong, 1)) == [(code, path, line, column)]


GOODS = "accepts: {goods: {skus: [mooncakes]}}\n"
ONCE = "limits: [{flow: redeem, subjects: [card], per: lifetime, max_count: 1}]\n"
VOUCHERS = [
    (GOODS + ONCE, []),
    (ONCE, [(P.VOUCHER_NOT_FIXED, "accepts.goods")]),
    ("accepts: {goods: {classes: [food]}}\n" + ONCE, [(P.VOUCHER_NOT_FIXED, "accepts.goods")]),
    ("accepts: {goods: {classes: [food], skus: [mooncakes]}}\n" + ONCE, [(P.VOUCHER_NOT_FIXED, "accepts.goods")]),
    (GOODS, [(P.VOUCHER_NOT_ONCE, "limits")]),
    (GOODS + ONCE.replace("count: 1", "count: 2"), [(P.VOUCHER_NOT_ONCE, "limits")]),
    (GOODS + ONCE.replace("lifetime", "day"), [(P.VOUCHER_NOT_ONCE, "limits")]),
    (GOODS + ONCE.replace("redeem", "load"), [(P.VOUCHER_NOT_ONCE, "limits")]),
    (GOODS + ONCE.replace("[card]", "[holder]"), [(P.VOUCHER_NOT_ONCE, "limits")]),
]


@pytest.mark.parametrize("pack", ["cn-voucher", "generic"])
@pytest.mark.parametrize(("said", "mistakes"), VOUCHERS)
def test_a_voucher_is_one_pick_up_of_fixed_goods_under_whichever_pack(pack, said, mistakes):
    voucher = GOOD.replace("single_purpose", "fixed_goods_voucher").replace("cn-single-purpose", pack)
    voucher = voucher.replace("CNY", "EUR") if pack == "generic" else voucher
    assert [(code, path) for code, path, *_ in told(voucher + said)] == mistakes


LIMITS = [
    ("{flow: load, subjects: [card, card], per: day, max_minor: 5}", P.BAD_LIMIT, "limits[0].subjects"),
    ("{flow: load, subjects: [device], per: balance, max_minor: 5}", P.BAD_LIMIT, "limits[0].subjects"),
    ("{flow: load, subjects: [card], per: rolling, max_minor: 5}", P.BAD_LIMIT, "limits[0].window_s"),
    ("{flow: load, subjects: [card], per: day, min_minor: 5}", P.BAD_LIMIT, "limits[0].min_minor"),
    ("{flow: load, subjects: [card], per: transaction, max_count: 5}", P.BAD_LIMIT, "limits[0].max_count"),
    ("{flow: load, subjects: [card], per: day}", P.BAD_LIMIT, "limits[0].max_minor"),
    ("{flow: load, subjects: [card], per: transaction, min_minor: 6, max_minor: 5}", P.BOUNDS_REVERSED, "limits[0].min_minor"),
    ("{flow: load, subjects: [card], per: day, max_minor: 5}, {flow: load, subjects: [card], per: day, max_count: 5}",
     P.LIMIT_TWICE, "limits[1]"),
]  # fmt: skip


@pytest.mark.parametrize(("limits", "code", "path"), LIMITS)
def test_a_limit_that_makes_no_sense_is_told_as_the_ledger_sees_it(limits, code, path):
    found = told(GOOD + f"limits: [{limits}]\n")
    assert [(c, p) for c, p, *_ in found] == [(code, path)]
    assert found[0][2] == 12


def test_two_windows_are_two_limits():
    rolling = "{{flow: load, subjects: [card], per: rolling, window_s: {}, max_minor: 5}}"
    assert told(GOOD + f"limits: [{rolling.format(3600)}, {rolling.format(7200)}]\n") == []


def test_all_mistakes_are_told_at_once_in_the_order_of_lines():
    text = GOOD.replace("currency: CNY", "currency: YUA").replace("[cash, transfer]", "[cash, cash]")
    assert told(text + "pin: optional\n") == [
        (P.UNKNOWN_CURRENCY, "currency", 4, 1),
        (P.TWICE, "funding[1]", 10, 17),
        (P.PIN_WITHOUT_CARRIER, "pin", 12, 1),
    ]


def test_every_mistake_is_in_a_table_above():
    vouchers = {code for _, mistakes in VOUCHERS for code, _ in mistakes}
    assert {code for _, _, code, *_ in SENSE} | {code for _, code, _ in LIMITS} | vouchers == set(P)


@pytest.mark.parametrize("code", P)
def test_a_mistake_has_a_sentence_in_both_languages(code):
    assert len({say(code, {}, language) for language in Language} - {str(code)}) == 2


@pytest.mark.parametrize("name", shipped_names())
def test_editors_find_with_the_published_schema_what_we_find(name):
    published = json.loads((ROOT / "docs" / "reference" / "programme.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(published)
    document = YAML(typ="safe", pure=True).load(shipped_text(name))
    document["effective_on"] = str(document["effective_on"])
    assert not list(Draft202012Validator(published).iter_errors(document))
    assert list(Draft202012Validator(published).iter_errors({**document, "nonsense": 1}))


def test_what_is_published_is_what_the_code_says():
    spec = importlib.util.spec_from_file_location("make_programmes", ROOT / "scripts" / "make_programmes.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    written = (ROOT / "docs" / "reference" / "programme.schema.json").read_text(encoding="utf-8")
    assert written == script.schema(), (
        "run: python scripts/make_programmes.py schema > docs/reference/programme.schema.json"
    )
    page = (ROOT / "docs" / "reference" / "programmes.md").read_text(encoding="utf-8")
    assert page == script.page(), "run: python scripts/make_programmes.py page > docs/reference/programmes.md"


def test_what_may_be_left_out_is_never_said_to_be_nothing():
    assert "null" not in json.dumps(schema_of(Programme))


def test_a_document_and_its_parsed_form_are_the_same_programme():
    for name in shipped_names():
        programme = read_programme(shipped_text(name)).value
        assert msgspec.json.decode(msgspec.json.encode(programme), type=Programme) == programme


def test_a_limit_is_the_ledgers():
    limit = {"flow": "load", "subjects": ["card"], "per": "day", "max_minor": 5}
    (found,) = read_programme(text_of(limits=[limit])).value.limits
    assert found.as_limit() == Limit(("card",), "load", "day", max_minor=5)


def test_the_shortest_document_of_the_howto_is_good():
    page = (ROOT / "docs" / "howto" / "write-a-programme.md").read_text(encoding="utf-8")
    (shortest,) = [part for part in page.split("```yaml\n") if part.startswith("name: ")]
    found = read_programme(shortest.partition("```")[0])
    assert isinstance(found, Document), found
    assert found.value.kinds.registered.max_balance_minor == 500_000

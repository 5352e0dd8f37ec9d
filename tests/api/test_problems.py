"""Problems: every code of every room has a status and a sentence in both languages."""

import re
from pathlib import Path

import pytest

from koudai.api import problems
from koudai.api.problems import STATUS, ApiProblem, language_of
from koudai.cards import CardRefusal, CardWarning
from koudai.holders import HolderRefusal
from koudai.identity import IdentityFault
from koudai.ledger import LedgerRefusal
from koudai.merchants import MerchantRefusal
from koudai.pg import EmbeddedFault, PgFault
from koudai.phrases import Language, sentences
from koudai.policy import PilotRefusal, PolicyRefusal
from koudai.programmes import ProgrammeFault, ProgrammeRefusal

pytestmark = pytest.mark.anyio

CODES = [
    str(code)
    for room in (
        ApiProblem, LedgerRefusal, CardRefusal, HolderRefusal, IdentityFault, PgFault, EmbeddedFault, PolicyRefusal, PilotRefusal,
        ProgrammeRefusal, ProgrammeFault, MerchantRefusal, CardWarning,
    )
    for code in room
]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_status_and_a_sentence(code) -> None:
    assert 400 <= STATUS[code] < 600
    assert set(sentences()[code]) == set(Language)


def test_no_status_is_for_a_code_that_nobody_has() -> None:
    assert set(STATUS) == set(CODES)


def test_every_reason_of_a_field_has_a_sentence_and_none_is_left_over() -> None:
    source = "".join(path.read_text() for path in Path(problems.__file__).parent.glob("*.py"))
    reasons = set(re.findall(r'(?:invalid|FieldFault)\([\w.\[\]" -]+, "(\w+)"', source))
    reasons |= set(re.findall(r'^ +\(r".*", "(\w+)"\),$', source, re.MULTILINE)) | {"other"}
    said = {code.removeprefix("api.field_") for code in sentences() if code.startswith("api.field_")}
    assert reasons == said


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"), ("", "en"), ("*", "en"), ("fr", "en"), ("zh", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("ZH-Hant-TW", "zh"), ("en;q=0.9, zh;q=0.8", "en"), ("fr, zh;q=0.1", "zh"), ("zh;q=0", "en"),
        ("zh;q=x", "en"), ("en-GB,zh", "en"), ("," * 5000, "en"), ("zh;q=nan", "en"), ("\xff", "en"),
    ],
)  # fmt: skip
def test_the_language_is_chosen_by_weight(header, language) -> None:
    assert language_of(None if header is None else header.encode("latin-1")) == language


async def test_a_problem_in_chinese(api) -> None:
    programme = await api.programme()
    card = await api.loaded(programme, 100)
    chinese = {"Accept-Language": "zh-CN,zh;q=0.9"}
    merchant = await api.merchant()
    answer = await api.act(
        "REDEEM", gift_card_id=card, merchant_id=merchant, amount_minor=200, currency="CNY", headers=chinese
    )
    assert answer.headers["content-language"] == "zh"
    assert answer.json() == {
        "type": "/problems/cards.insufficient_balance",
        "title": "请求被拒绝",
        "status": 409,
        "detail": "可用余额 100 不足 200（CNY，最小单位）。可申请部分金额，或先充值。",
        "code": "cards.insufficient_balance",
        "facts": {"available_minor": 100, "amount_minor": 200, "currency": "CNY"},
    }
    invalid = await api.post("/v1/merchants", {"name": 1, "currency": "CNY"}, headers=chinese)
    assert invalid.json()["errors"][0]["detail"] == "name 的类型应为 string，当前为 integer。"
    batch = await api.post("/v1/gift_card_activities/batch", {"redemptions": [{}]}, headers=chinese)
    assert batch.json()["outcomes"][0]["problem"]["title"] == "请求无效"
    assert (await api.get("/v1/nothing", headers=chinese)).json()["title"] == "未找到"


async def test_the_type_of_a_problem_leads_to_its_meaning(api) -> None:
    for code in ("cards.insufficient_balance", "api.key_required", "pg.unavailable"):
        told = (await api.client.get(f"/problems/{code}")).json()
        assert (told["code"], told["status"]) == (code, STATUS[code])
        assert told["en"]
        assert told["zh"]

"""Programmes' versions, gates and launch through the API."""

import pytest

from koudai.identity import Mode
from koudai.programmes import shipped_text

pytestmark = pytest.mark.anyio

SHOP = shipped_text("phone-shop")
GATES = [("filing", "沪商单备 2026-001"), ("terms", "v3"), ("custody", "6222-1")]


async def test_from_a_document_to_a_live_programme(api):
    path = f"/v1/programmes/{await api.programme(number_prefix='990001')}"
    answer = await api.post(f"{path}/versions", {"document": SHOP}, key="v1")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["document"], made["effective_at"]) == (SHOP, "2025-12-31T16:00:00Z")
    assert (await api.post(f"{path}/versions", {"document": SHOP}, key="v1")).json() == made
    assert (await api.get(f"{path}/versions")).json() == {"data": [made]}

    refused = await api.post(f"{path}/launch", None)
    assert (refused.status_code, refused.json()["code"]) == (409, "programmes.gate_missing")
    for gate, reference in GATES:
        entered = await api.post(f"{path}/gates", {"gate": gate, "reference": reference})
        assert (entered.status_code, entered.json()["reference"]) == (201, reference)
    assert (await api.get(f"{path}/gates")).json()["launched_at"] is None
    launched = await api.post(f"{path}/launch", None, key="l1")
    assert launched.status_code == 200, launched.text
    assert launched.json() == (await api.get(f"{path}/gates")).json()
    assert [entry["gate"] for entry in launched.json()["data"]] == [gate for gate, _ in GATES]
    assert (await api.post(f"{path}/launch", None, key="l1")).json() == launched.json()
    outcome = (await api.get("/v1/idempotency_keys/v1")).json()
    assert (outcome["status"], outcome["programme_id"]) == ("accepted", path.rpartition("/")[2])


async def test_all_mistakes_of_a_document_are_told_in_the_callers_language(api):
    path = f"/v1/programmes/{await api.programme()}/versions"
    bad = SHOP.replace("currency: CNY", "currency: YUA").replace(
        "  - { flow: load, subjects: [card], per: transaction", "  - { flow: load, subjects: [card], per: rolling"
    )
    answer = await api.post(path, {"document": bad}, headers={"Accept-Language": "zh"})
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "programmes.not_valid")
    mistakes = told["facts"]["mistakes"]
    assert [(one["code"], one["path"]) for one in mistakes] == [
        ("programmes.unknown_currency", "currency"), ("programmes.bad_limit", "limits[0].window_s"),
    ]  # fmt: skip
    assert mistakes[0]["detail"].startswith("没有币种 YUA")
    assert all(one["line"] > 1 and one["column"] for one in mistakes)
    assert told["detail"].startswith("文档有 2 处错误")


@pytest.mark.parametrize(
    ("path", "body"),
    [("versions", {"document": SHOP}), ("gates", {"gate": "filing", "reference": "1"}), ("launch", None)],
)
async def test_a_programme_that_is_not_the_callers_is_not_found(api, path, body):
    for name in ("prgm_" + "0" * 32, "nonsense"):
        answer = await api.post(f"/v1/programmes/{name}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "api.not_found")
        if path != "launch":
            assert (await api.get(f"/v1/programmes/{name}/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("versions", {}, "document"),
        ("versions", {"document": ""}, "document"),
        ("versions", {"document": "a\x00"}, "document"),
        ("versions", {"document": "x" * 50_001}, "document"),
        ("gates", {"gate": "door", "reference": "1"}, "gate"),
        ("gates", {"gate": "filing", "reference": ""}, "reference"),
    ],
)
async def test_a_wrong_field_is_named(api, path, body, field):
    answer = await api.post(f"/v1/programmes/{await api.programme()}/{path}", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_on_a_live_side_nothing_is_dated_before_now_nor_a_sandboxs(api, new_key):
    token = (await new_key(Mode.LIVE)).token
    body = {"name": "Gifts", "currency": "CNY", "number_prefix": "990001"}
    made = (await api.post("/v1/programmes", body, token=token)).json()["id"]
    source = shipped_text("xiaokoudai-source").replace("990003", "990001")
    for document, code in ((SHOP, "programmes.dated_before_now"), (source, "programmes.sandbox_only")):
        answer = await api.post(f"/v1/programmes/{made}/versions", {"document": document}, token=token)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    later = SHOP.replace("2026-01-01", "2199-01-01")
    assert (await api.post(f"/v1/programmes/{made}/versions", {"document": later}, token=token)).status_code == 201

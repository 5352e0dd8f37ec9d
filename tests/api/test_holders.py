"""Holders through the API: masked, verified, revealed to who may, exported and erased."""

import pytest

from koudai.identity import Mode, Scope

pytestmark = pytest.mark.anyio

NUMBER = "11010519491231002X"
WANG = {
    "kind": "person",
    "name": "王小明",
    "document_type": "resident_id",
    "document_number": NUMBER,
    "phone": "13800005678",
}
UNKNOWN = "hldr_" + "0" * 32


async def take_on(api, **fields):
    answer = await api.post("/v1/holders", {**WANG, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_person_is_taken_on_and_shown_masked(api):
    made = await take_on(api)
    assert made["id"].startswith("hldr_")
    assert (made["kind"], made["level"], made["state"], made["version"]) == ("person", "registered", "active", 1)
    assert made["fields"] == {"name": "王*明", "document_type": "resident_id",
                              "document_number": "**************002X", "phone": "138****5678"}  # fmt: skip
    assert (await api.get(f"/v1/holders/{made['id']}")).json() == made
    assert (await api.get("/v1/holders")).json() == {"data": [made], "next_cursor": None}
    found = await api.post("/v1/holders/find", {"field": "document_number", "value": NUMBER.lower()})
    assert found.json()["data"] == [made]
    assert (await api.post("/v1/holders/find", {"field": "phone", "value": "13900005678"})).json()["data"] == []


async def test_pages_go_on(api):
    made = [(await api.post("/v1/holders", {"kind": "person"})).json() for _ in range(3)]
    first = (await api.get("/v1/holders?limit=2")).json()
    rest = (await api.get(f"/v1/holders?limit=2&cursor={first['next_cursor']}")).json()
    assert first["data"] + rest["data"] == made
    assert rest["next_cursor"] is None


async def test_a_key_answers_again_and_the_key_leads_to_the_holder(api):
    first = await api.post("/v1/holders", WANG, key="k")
    assert (await api.post("/v1/holders", WANG, key="k")).json() == first.json()
    other = await api.post("/v1/holders", {**WANG, "name": "王大明"}, key="k")
    assert (other.status_code, other.json()["code"], other.json()["facts"]) == (
        422,
        "ledger.key_reused",
        {"field": "details"},
    )
    assert (await api.get("/v1/idempotency_keys/k")).json() == {
        "key": "k", "status": "accepted", "holder_id": first.json()["id"]}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "status", "code", "facts"),
    [
        ({"document_number": NUMBER[:-1] + "1"}, 422, "holders.malformed",
         {"field": "document_number", "standard": "GB 11643-1999"}),
        ({"phone": "+1"}, 422, "holders.malformed", {"field": "phone", "standard": "ITU-T E.164"}),
        ({"document_type": "library_card"}, 422, "api.invalid", None),
        ({"level": "verified"}, 422, "api.invalid", None),
        ({"credit_code": "91350100M000100Y43"}, 422, "api.invalid", None),
        ({"name": "a\u0000b"}, 422, "api.invalid", None),
        ({"name": ""}, 422, "api.invalid", None),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_by_field_and_not_repeated(api, fields, status, code, facts):
    answer = await api.post("/v1/holders", {**WANG, **fields})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem.get("facts")) == (status, code, facts)
    assert NUMBER[:-1] not in answer.text
    assert "13800005678" not in answer.text


async def test_a_number_has_one_holder(api):
    await take_on(api)
    answer = await api.post("/v1/holders", WANG)
    assert (answer.status_code, answer.json()["code"]) == (409, "holders.duplicate")


async def test_the_life_of_a_company(api):
    agent = await take_on(api)
    body = {"kind": "company", "name": "晨光文具店", "credit_code": "91350100M000100Y43", "agent_id": agent["id"]}
    company = (await api.post("/v1/holders", body)).json()
    assert (company["level"], company["agent_id"], company["beneficial_owner_id"]) == ("registered", agent["id"], None)
    changed = (
        await api.post(f"/v1/holders/{company['id']}", {"beneficial_owner_id": agent["id"], "version": 1})
    ).json()
    assert (changed["version"], changed["beneficial_owner_id"]) == (2, agent["id"])
    stale = await api.post(f"/v1/holders/{company['id']}", {"name": "新店", "version": 1})
    assert (stale.status_code, stale.json()["facts"]) == (409, {"version": 2})
    assert (await api.post(f"/v1/holders/{agent['id']}/erasure", {})).json()["code"] == "holders.acts_for_company"
    wrong = await api.post("/v1/holders", {**body, "credit_code": None, "agent_id": UNKNOWN})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "holders.unknown_party")


async def test_devices_consents_and_verification(api):
    ref = (await take_on(api))["id"]
    path = f"/v1/holders/{ref}"
    assert (await api.post(f"{path}/devices", {"device": "phone"})).json()["devices"] == ["phone"]
    assert (await api.post(f"{path}/devices/unbind", {"device": "phone"})).json()["devices"] == []
    await api.post(f"{path}/consents", {"purpose": "financial_account", "text_version": "1"})
    assert (await api.post(f"{path}/consents", {"purpose": "everything", "text_version": "1"})).status_code == 422
    await api.post(f"{path}/consents/withdraw", {"purpose": "financial_account"})
    (consent,) = (await api.get(f"{path}/consents")).json()["data"]
    assert (consent["purpose"], consent["withdrawn_at"] >= consent["given_at"]) == ("financial_account", True)
    first = await api.post(f"{path}/verification", None, key="check")
    assert (first.status_code, first.json()["outcome"], first.json()["level"]) == (200, "matched", "verified")
    assert (await api.post(f"{path}/verification", None, key="check")).json() == first.json()
    assert (await api.get(path)).json()["level"] == "verified"


async def test_unmasked_reading_needs_its_scope_and_is_exported_with_the_rest(api, new_key, instance):
    ref = (await take_on(api))["id"]
    wish = {"fields": ["phone"], "reason": "complaint 1"}
    answer = await api.post(f"/v1/holders/{ref}/reveal", wish)
    assert answer.json() == {"fields": {"phone": "+8613800005678"}}
    assert answer.headers["cache-control"] == "no-store"
    told = (await api.get(f"/v1/holders/{ref}/export")).json()["holder"]
    assert told["fields"]["name"]["value"] == "王小明"
    assert [one["reason"] for one in told["reveals"]] == ["complaint 1", "export (PIPL 45)"]
    assert all(one["revealed_to"] in api.token for one in told["reveals"])


PATHS = [
    ("POST", "/v1/holders", WANG, Scope.HOLDERS_WRITE),
    ("GET", "/v1/holders", None, Scope.HOLDERS_READ),
    ("GET", "/v1/holders/{id}", None, Scope.HOLDERS_READ),
    ("POST", "/v1/holders/find", {"field": "phone", "value": "1"}, Scope.HOLDERS_READ),
    ("POST", "/v1/holders/{id}", {}, Scope.HOLDERS_WRITE),
    ("POST", "/v1/holders/{id}/devices", {"device": "x"}, Scope.HOLDERS_WRITE),
    ("POST", "/v1/holders/{id}/devices/unbind", {"device": "x"}, Scope.HOLDERS_WRITE),
    ("GET", "/v1/holders/{id}/consents", None, Scope.HOLDERS_READ),
    ("POST", "/v1/holders/{id}/consents", {"purpose": "sharing", "text_version": "1"}, Scope.HOLDERS_WRITE),
    ("POST", "/v1/holders/{id}/consents/withdraw", {"purpose": "sharing"}, Scope.HOLDERS_WRITE),
    ("POST", "/v1/holders/{id}/verification", None, Scope.HOLDERS_WRITE),
    ("POST", "/v1/holders/{id}/reveal", {"fields": ["name"], "reason": "x"}, Scope.HOLDERS_REVEAL),
    ("GET", "/v1/holders/{id}/export", None, Scope.PRIVACY),
    ("POST", "/v1/holders/{id}/erasure", {}, Scope.PRIVACY),
    ("GET", "/v1/privacy/report", None, Scope.PRIVACY),
]


async def test_each_route_asks_for_its_scope_and_meets_no_stranger(api, new_key):
    ref = (await take_on(api))["id"]
    stranger = (await new_key()).token
    for method, path, body, scope in PATHS:
        others = tuple(one for one in Scope if one is not scope)
        weak = (await new_key(scopes=others)).token
        answer = await api.call(method, path.replace("{id}", ref), body, token=weak)
        assert (answer.status_code, answer.json()["facts"]) == (403, {"scope": str(scope)}), path
        if "{id}" in path:
            for named, token in ((ref, stranger), (UNKNOWN, api.token), ("hldr_%00", api.token)):
                answer = await api.call(method, path.replace("{id}", named), body, token=token)
                assert answer.status_code == 404, (path, answer.text)


async def test_a_live_side_has_no_source_yet(api, new_key):
    live = (await new_key(Mode.LIVE)).token
    ref = (await api.post("/v1/holders", WANG, token=live)).json()["id"]
    answer = await api.post(f"/v1/holders/{ref}/verification", None, token=live)
    assert (answer.status_code, answer.json()["code"]) == (409, "holders.no_verifier")


async def test_erasure_says_what_is_kept_until_when(api):
    ref = (await take_on(api, email="wang@example.com"))["id"]
    made = (await api.post(f"/v1/holders/{ref}/erasure", {"ended_at": "2026-01-31T16:00:00Z"})).json()
    assert made["fields"] == ["email"]
    assert set(made["kept"].values()) == {"2031-01-31T16:00:00Z"}
    again = await api.post(f"/v1/holders/{ref}/erasure", {"ended_at": "2026-01-31T16:00:00Z"})
    assert (again.status_code, again.json()["code"]) == (409, "holders.duty_stands")
    assert again.json()["facts"]["until_at"] == "2031-01-31T16:00:00Z"
    chinese = await api.post(f"/v1/holders/{ref}/erasure", {}, headers={"Accept-Language": "zh"})
    assert "关系存续期间" in chinese.json()["detail"]
    assert (await api.post(f"/v1/holders/{ref}/erasure", {"ended_at": "2020-01-31T16:00:00Z"})).json()[
        "state"
    ] == "erased"
    assert (await api.get(f"/v1/holders/{ref}")).json()["fields"] == {}
    report = (await api.get("/v1/privacy/report")).json()
    assert report["holders"] == [{"kind": "person", "level": "anonymous", "state": "erased", "count": 1}]
    assert sum(row["count"] for row in report["erasures"]) == 2


async def test_nothing_personal_is_logged_when_something_breaks(api, monkeypatch, caplog):
    def break_down(case, details, desk):
        raise ValueError(details.name)

    await take_on(api)
    monkeypatch.setattr("koudai.holders.rules.checked", break_down)
    answer = await api.post("/v1/holders", {**WANG, "name": "王大明"})
    assert (answer.status_code, answer.json()["code"]) == (500, "api.internal")
    assert "ValueError" in caplog.text
    assert not any(value in caplog.text for value in (NUMBER, "13800005678", "王大明"))


async def test_verification_proves_the_holders_too(api, instance):
    await take_on(api)
    report = await instance.verify()
    assert report.findings == []

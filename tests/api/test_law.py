"""The law at the door: what the issuer is, pilots, unverified clauses, refusals, and what was let pass."""

from datetime import UTC, datetime, timedelta

import pytest

from koudai.api.openapi import document
from koudai.api.operations import OPERATIONS
from koudai.base import CHINA
from koudai.identity import Mode, Scope
from tests.programmes.drafts import text_of

pytestmark = pytest.mark.anyio

CHINESE = {"Accept-Language": "zh"}
FUNDING = ["cash", "transfer"]
BEARER = {"registered": None, "bearer": {}}
ROOMY = {
    "policy": {"pack": "cn-single-purpose", "pilots": ["more-room"]},
    "kinds": {"registered": {"max_balance_minor": None}},
}
BRAND = {"issuer_class": "brand", "sector": "retail", "founded_on": "2012-05-01", "began_on": "2020-01-01"}
PERSON = {"kind": "person", "name": "王小明", "document_type": "resident_id", "document_number": "11010519491231002X",
          "phone": "13800005678"}  # fmt: skip


def ends(days=30):
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def a_pilot(**changes):
    told = {"name": "more-room", "opens": ["sp.18.registered"], "cap_minor": 1_000, "cap_holders": 5, "until": ends(),
            "reason": "Agreed with the bureau"}  # fmt: skip
    return {**told, **changes}


async def under(api, **changes):
    """A programme whose document took effect long ago."""
    programme = await api.programme()
    text = text_of(**{"effective_on": "2020-01-01", "number_prefix": "900001", "funding": FUNDING, **changes})
    answer = await api.post(f"/v1/programmes/{programme}/versions", {"document": text})
    assert answer.status_code == 201, answer.text
    return programme


async def load(api, card, minor, **more):
    told = {"source": "transfer", "channel": "counter", **more}
    return await api.act("LOAD", gift_card_id=card, amount_minor=minor, currency="CNY", **told)


async def tried(api, card, minor, **more):
    """The clause that refuses a load; None where it is booked."""
    answer = await load(api, card, minor, **more)
    return None if answer.status_code == 201 else answer.json()["facts"]["clause"]


async def test_a_refusal_says_clause_figure_room_and_what_to_do_in_both_languages(api):
    card = (await api.card(await under(api, kinds=BEARER)))["id"]
    assert await tried(api, card, 60_000, payer="tom") is None
    answer = await load(api, card, 40_001, payer="tom")
    told = answer.json()
    assert (answer.status_code, told["code"], told["title"]) == (409, "policy.over_limit", "Refused")
    facts = told["facts"]
    assert {name: facts[name] for name in ("clause", "limit_minor", "found_minor", "left_minor", "currency")} == {
        "clause": "sp.18.bearer_root", "limit_minor": 100_000, "found_minor": 100_001, "left_minor": 40_000,
        "currency": "CNY",
    }  # fmt: skip
    assert told["detail"] == (
        "All bearer cards that stem from one hold at most 1,000 yuan together "
        "(MOFCOM Order 2012-9, Art. 18, and koudai's own rule for split and gift). "
        "Allowed: value under one root card at most 1000.00 CNY. 400.00 CNY would fit now. [clause sp.18.bearer_root]"
    )
    chinese = (await load(api, card, 40_001, payer="tom", headers=CHINESE)).json()
    assert (chinese["title"], chinese["detail"]) == (
        "请求被拒绝",
        "同一不记名卡及由其派生的各卡合计限额一千元（商务部令2012年第9号 第十八条，及 koudai 自有的拆分、转赠规则）。"
        "允许范围：同一根卡下的资金不超过 1000.00 CNY。目前尚余额度 400.00 CNY。〔条款 sp.18.bearer_root〕",
    )


async def test_from_a_clause_that_refuses_to_a_pilot_that_is_used_up(api):
    programme = await under(api, **ROOMY)
    path = f"/v1/programmes/{programme}/pilots"
    holder = await api.made("/v1/holders", PERSON)
    card = (await api.card(programme, holder_ref=holder))["id"]
    assert await tried(api, card, 500_000) is None
    assert await tried(api, card, 1) == "sp.18.registered"
    assert (await api.get("/v1/policy/judgements")).json() == {"data": [], "next_cursor": None}

    opened = await api.post(path, a_pilot(), key="p1")
    assert opened.status_code == 201, opened.text
    made = opened.json()
    assert {name: made[name] for name in ("programme_id", "opens", "currency", "used_minor", "holders", "has_ended")} == {
        "programme_id": programme, "opens": ["sp.18.registered"], "currency": "CNY", "used_minor": 0, "holders": 0,
        "has_ended": False,
    }  # fmt: skip
    assert (await api.post(path, {**a_pilot(), "until": made["until"]}, key="p1")).json() == made
    refused = await api.post(path, a_pilot())
    assert (refused.status_code, refused.json()["code"]) == (409, "programmes.pilot_exists")

    booked = [await load(api, card, minor) for minor in (700, 300)]
    assert [answer.status_code for answer in booked] == [201, 201]
    assert await tried(api, card, 1) == "sp.18.registered", "it is used up"
    (shown,) = (await api.get(path)).json()["data"]
    assert (shown["used_minor"], shown["cap_minor"], shown["holders"]) == (1_000, 1_000, 1)

    first = (await api.get("/v1/policy/judgements?limit=1")).json()
    assert first["data"] == [
        {
            "activity_id": booked[0].json()["id"], "recorded_at": booked[0].json()["recorded_at"],
            "points": [{
                "gift_card_id": card, "point": point, "pack": "cn-single-purpose", "noted": [],
                "pilots": [{"pilot": "more-room", "clauses": ["sp.18.registered"]}],
            } for point in ("issue", "load")],
        }
    ]  # fmt: skip
    last = (await api.get(f"/v1/policy/judgements?limit=1&cursor={first['next_cursor']}")).json()
    assert ([one["activity_id"] for one in last["data"]], last["next_cursor"]) == ([booked[1].json()["id"]], None)


async def test_a_pilot_ends_by_itself(api):
    programme = await under(api, **ROOMY)
    path = f"/v1/programmes/{programme}/pilots"
    assert (await api.post(path, a_pilot(until=ends(1)))).status_code == 201
    await api.post("/v1/test_clock/advance", {"to": ends(2)})
    assert (await api.get(path)).json()["data"][0]["has_ended"] is True


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"name": "other"}, 409, "programmes.pilot_not_named"),
        ({"opens": ["sp.18.bearer_root"]}, 422, "policy.pilot_statutory"),
        ({"opens": ["sp.99"]}, 404, "policy.unknown_clause"),
        ({"opens": []}, 422, "policy.pilot_nothing_opened"),
        ({"until": "2020-01-01T00:00:00Z"}, 422, "policy.pilot_ended"),
    ],
)
async def test_a_pilot_that_may_not_be_is_refused(api, change, status, code):
    answer = await api.post(f"/v1/programmes/{await under(api, **ROOMY)}/pilots", a_pilot(**change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_pilots_are_of_the_callers_programmes(api):
    for name in ("prgm_" + "0" * 32, "nonsense"):
        answers = (
            await api.post(f"/v1/programmes/{name}/pilots", a_pilot()),
            await api.get(f"/v1/programmes/{name}/pilots"),
        )
        assert [(a.status_code, a.json()["code"]) for a in answers] == [(404, "api.not_found")] * 2
    bare = await api.programme()
    answer = await api.post(f"/v1/programmes/{bare}/pilots", a_pilot())
    assert (answer.status_code, answer.json()["code"]) == (409, "programmes.no_version")


async def test_what_the_issuer_is_and_was(api):
    assert (await api.get("/v1/policy/issuer")).json() == {"current": None, "earlier": []}
    first = await api.post("/v1/policy/issuer", {**BRAND, "revenue_minor": 10}, key="i1")
    assert first.status_code == 201, first.text
    assert (await api.post("/v1/policy/issuer", {**BRAND, "revenue_minor": 10}, key="i1")).json() == first.json()
    second = (await api.post("/v1/policy/issuer", {**BRAND, "issuer_class": "group", "sales_stopped": True})).json()
    assert (await api.get("/v1/policy/issuer")).json() == {"current": second, "earlier": [first.json()]}
    assert (second["issuer_class"], second["sales_stopped"], second["revenue_minor"]) == ("group", True, None)
    assert first.json()["founded_on"] == "2012-05-01"


async def test_a_live_programme_asks_what_its_issuer_is_and_says_where_to_state_it(api, new_key):
    token = (await new_key(Mode.LIVE)).token
    body = {"name": "Tea", "currency": "CNY", "number_prefix": "900001"}
    programme = (await api.post("/v1/programmes", body, token=token)).json()["id"]
    text = text_of(effective_on="2199-01-01", number_prefix="900001")
    path = f"/v1/programmes/{programme}"
    assert (await api.post(f"{path}/versions", {"document": text}, token=token)).status_code == 201
    for gate in ("filing", "terms", "custody"):
        await api.post(f"{path}/gates", {"gate": gate, "reference": "1"}, token=token)
    for headers in ({}, CHINESE):
        refused = (await api.post(f"{path}/launch", None, token=token, headers=headers)).json()
        assert refused["code"] == "programmes.issuer_missing"
        assert "koudai policy issuer state" in refused["detail"]
        assert "POST /v1/policy/issuer" in refused["detail"]
    assert (await api.post("/v1/policy/issuer", BRAND, token=token)).status_code == 201
    refused = (await api.post(f"{path}/launch", None, token=token)).json()
    assert (refused["code"], refused["facts"]) == ("programmes.issuer_figure_missing", {"field": "revenue_minor"})
    measured = {**BRAND, "revenue_minor": 10**9}
    assert (await api.post("/v1/policy/issuer", measured, token=token)).status_code == 201
    assert (await api.post(f"{path}/launch", None, token=token)).status_code == 200


async def test_an_unverified_clause_is_noted_until_it_is_enforced(api):
    today = datetime.now(CHINA).date().isoformat()
    young = {"issuer_class": "other", "sector": "retail", "founded_on": today, "began_on": today, "capital_minor": 100}
    await api.post("/v1/policy/issuer", young)
    card = (await api.card(await under(api, kinds=BEARER)))["id"]
    assert await tried(api, card, 201, payer="tom") is None
    (noted,) = (await api.get("/v1/policy/judgements")).json()["data"]
    assert [(point["point"], point["noted"]) for point in noted["points"]] == [
        ("issue", ["sp.25.young"]), ("load", ["sp.25.young"]),
    ], "the first load is the purchase of the card, too"  # fmt: skip

    wish = {"clause": "sp.25.young", "refuses": True, "reason": "Counsel has read the article"}
    decided = await api.post("/v1/policy/enforcements", wish, key="e1")
    assert decided.status_code == 201, decided.text
    assert (await api.post("/v1/policy/enforcements", wish, key="e1")).json() == decided.json()
    assert await tried(api, card, 1, payer="tom") == "sp.25.young"
    other = (await api.post("/v1/policy/enforcements", {**wish, "refuses": False, "reason": "Read again"})).json()
    assert await tried(api, card, 1, payer="tom") is None
    told = (await api.get("/v1/policy/enforcements")).json()
    assert told == {"enforced": [], "data": [other, decided.json()]}


@pytest.mark.parametrize(
    ("clause", "status", "code"),
    [("sp.99", 404, "policy.unknown_clause"), ("sp.18.bearer", 409, "programmes.not_unverified")],
)
async def test_only_unverified_clauses_are_decided_on(api, clause, status, code):
    answer = await api.post("/v1/policy/enforcements", {"clause": clause, "refuses": True, "reason": "so"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_was_noted_of_an_activity_is_on_one_page(api):
    """Pages are of activities: what was said of one at several points is never parted."""
    programme = await under(api, kinds={"registered": {"max_balance_minor": None}})
    today = datetime.now(CHINA).date().isoformat()
    young = {"issuer_class": "other", "founded_on": today, "began_on": today, "capital_minor": 1, "no_refund": True}
    await api.post("/v1/policy/issuer", {**BRAND, **young})
    holder = await api.made("/v1/holders", PERSON)
    held = [(await api.card(programme, holder_ref=holder))["id"] for _ in range(2)]
    loaded = [(await load(api, card, 10)).json()["id"] for card in held * 2]
    whole = (await api.get("/v1/policy/judgements")).json()["data"]
    told = [[(point["point"], point["noted"]) for point in one["points"]] for one in whole]
    terms, capital = "consumers.terms_no_refund", "sp.25.young"
    assert told == [
        *[[("issue", [terms])]] * 2, *[[("issue", [capital, terms]), ("load", [capital])]] * 4,
    ]  # fmt: skip
    assert [one["activity_id"] for one in whole[2:]] == loaded
    for one, card in zip(whole, held * 3, strict=True):
        assert {point["gift_card_id"] for point in one["points"]} == {card}
        shown = await api.get(f"/v1/gift_card_activities/{one['activity_id']}")
        assert shown.json()["gift_card_id"] == card
    for limit in (1, 2, 5, 6):
        walked, cursor = [], ""
        while cursor is not None:
            page = (await api.get(f"/v1/policy/judgements?limit={limit}{cursor and '&cursor='}{cursor}")).json()
            assert len(page["data"]) <= limit
            walked += page["data"]
            cursor = page["next_cursor"]
        assert walked == whole


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("policy/issuer", {**BRAND, "issuer_class": "shop"}, "issuer_class"),
        ("policy/issuer", {**BRAND, "founded_on": "2012-13-01"}, "founded_on"),
        ("policy/issuer", {**BRAND, "founded_on": "yesterday"}, "founded_on"),
        ("policy/issuer", {**BRAND, "revenue_minor": 0}, "revenue_minor"),
        ("policy/issuer", {**BRAND, "sales_stopped": "no"}, "sales_stopped"),
        ("policy/issuer", {**BRAND, "name": "x"}, "name"),
        ("policy/enforcements", {"clause": "sp.25.young", "reason": "so"}, "refuses"),
        ("policy/enforcements", {"clause": "a\x00", "refuses": True, "reason": "so"}, "clause"),
        ("policy/enforcements", {"clause": "sp.25.young", "refuses": True, "reason": " \t"}, "reason"),
        ("programmes/prgm_1/pilots", a_pilot(until="2027-01-01"), "until"),
        ("programmes/prgm_1/pilots", a_pilot(cap_minor=0), "cap_minor"),
        ("programmes/prgm_1/pilots", a_pilot(cap_holders=0), "cap_holders"),
        ("programmes/prgm_1/pilots", a_pilot(reason="\u3000"), "reason"),
        ("programmes/prgm_1/pilots", a_pilot(opens=["a", 1]), "opens[1]"),
    ],
)
async def test_a_wrong_field_is_named(api, path, body, field):
    answer = await api.post(f"/v1/{path}", body, headers=CHINESE)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert field in error["detail"]


@pytest.mark.parametrize("field", ["founded_on", "began_on"])
async def test_a_day_that_cannot_be_is_named(api, field):
    answer = await api.post(
        "/v1/policy/issuer", {**BRAND, field: "2199-01-01" if field == "founded_on" else "2000-01-01"}
    )
    told = answer.json()
    assert (answer.status_code, told["code"], told["facts"]["field"]) == (422, "programmes.bad_day", field)


async def test_where_a_card_is_loaded_is_told_to_the_law(api):
    programme = await under(api, kinds={"registered": {"max_balance_minor": None}})
    card = (await api.card(programme, holder_ref=await api.made("/v1/holders", PERSON)))["id"]
    assert await tried(api, card, 100, source="cash", channel=None) == "sp.16.remote_cash"
    assert await tried(api, card, 100, source="cash", channel="remote") == "sp.16.remote_cash"
    assert await tried(api, card, 100, source="cash", channel="counter") is None
    assert await tried(api, card, 100, source="cash", channel="own_outlet") is None
    answer = await load(api, card, 100, channel="street")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "channel")


async def test_who_may_read_may_not_decide(api, new_key):
    reader = (await new_key(Mode.TEST, (Scope.PROGRAMMES_READ,))).token
    for path, body in (("policy/issuer", BRAND), ("policy/enforcements", {}), ("programmes/prgm_1/pilots", a_pilot())):
        answer = await api.post(f"/v1/{path}", body, token=reader)
        assert (answer.status_code, answer.json()["facts"]["scope"]) == (403, "programmes:write")
    for path in ("issuer", "enforcements", "judgements"):
        assert (await api.get(f"/v1/policy/{path}", token=reader)).status_code == 200
    till = (await new_key(Mode.TEST, (Scope.CARDS_LOAD,))).token
    assert (await api.get("/v1/policy/judgements", token=till)).status_code == 403


def test_the_document_says_that_the_law_may_refuse():
    paths = document(OPERATIONS)["paths"]
    for path in ("/v1/gift_cards", "/v1/gift_card_activities", "/v1/gift_cards/{id}/split"):
        assert "`policy.over_limit`" in paths[path]["post"]["responses"]["409"]["description"]

"""Restrictions through the API: who may order what, what the operator sees, and what the till is told."""

import pytest

from koudai.identity import Mode, Scope

COURT = {"kind": "court", "authority": "上海市徐汇区人民法院", "document": "(2027)沪0104执5号"}


@pytest.fixture
async def scene(api):
    programme, merchant = await api.programme(), await api.merchant()
    return await api.loaded(programme, 10_000), merchant


async def pay(api, card, merchant, amount):
    return await api.act("REDEEM", gift_card_id=card, merchant_id=merchant, amount_minor=amount, currency="CNY")


async def test_a_court_restricts_an_amount_and_the_operator_sees_the_queue(api, scene) -> None:
    card, merchant = scene
    path = f"/v1/gift_cards/{card}/restrictions"
    wish = {**COURT, "amount_minor": 9_000, "currency": "CNY", "until": "2199-01-01T00:00:00+08:00"}
    made = await api.post(path, wish, key="court")
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["kind"], told["position"], told["effective_minor"]) == ("court", 1, 9_000)
    assert (told["until"], told["made_by"]) == ("2198-12-31T16:00:00Z", api.token.removeprefix("kd_test_")[:16])
    assert (await api.post(path, {**wish, "until": "2198-12-31T16:00:00Z"}, key="court")).json() == told
    risk = (await api.post(path, {"kind": "risk", "amount_minor": 5_000, "currency": "CNY"})).json()
    assert (risk["position"], risk["effective_minor"]) == (2, 1_000)
    seen = (await api.get(path)).json()["data"]
    assert [one["id"] for one in seen] == [told["id"], risk["id"]]
    assert (await api.get(f"/v1/gift_cards/{card}")).json()["available_minor"] == 0

    no = (await pay(api, card, merchant, 10)).json()
    assert (no["status"], no["code"], no["facts"]["restriction"]) == (409, "cards.amount_restricted", "court")
    assert "a court, until 2198-12-31T16:00:00Z" in no["detail"]

    strange = await api.post(f"{path}/{told['id']}/lift", {"kind": "holder"})
    assert (strange.status_code, strange.json()["facts"]["allowed"]) == (403, ["court"])
    lifted = await api.post(f"{path}/{told['id']}/lift", {**COURT, "document": "之一"}, key="lift")
    assert lifted.status_code == 200, lifted.text
    assert (lifted.json()["ended"], lifted.json()["lifted_document"], lifted.json()["position"]) == (
        "lifted",
        "之一",
        None,
    )
    assert (
        await api.post(f"{path}/{told['id']}/lift", {**COURT, "document": "之一"}, key="lift")
    ).json() == lifted.json()
    assert (await api.post(f"{path}/{told['id']}/lift", COURT)).json()["code"] == "cards.unknown_restriction"
    assert (await pay(api, card, merchant, 5_000)).status_code == 201


async def test_a_court_continues_its_freeze_which_keeps_its_place(api, scene) -> None:
    card, _ = scene
    path = f"/v1/gift_cards/{card}/restrictions"
    wish = {**COURT, "amount_minor": 9_000, "currency": "CNY", "until": "2198-01-01T00:00:00+08:00"}
    told = (await api.post(path, wish)).json()
    await api.post(path, {"kind": "risk", "amount_minor": 5_000, "currency": "CNY"})
    longer = {**COURT, "document": "之二", "until": "2199-01-01T00:00:00+08:00"}
    made = await api.post(f"{path}/{told['id']}/continue", longer, key="longer")
    assert made.status_code == 200, made.text
    seen = made.json()
    assert (seen["id"], seen["position"], seen["until"], seen["document"]) == (
        told["id"], 1, "2198-12-31T16:00:00Z", "之二",
    )  # fmt: skip
    (before,) = seen["continued"]
    assert (before["until_before"], before["document_before"]) == ("2197-12-31T16:00:00Z", COURT["document"])
    assert (await api.post(f"{path}/{told['id']}/continue", longer, key="longer")).json() == seen
    strange = await api.post(f"{path}/{told['id']}/continue", {**longer, "authority": "上海市闵行区人民法院"})
    assert (strange.status_code, strange.json()["code"]) == (403, "cards.not_yours_to_continue")
    police = {**COURT, "kind": "police", "temporary": True}
    assert (await api.post(path, police)).status_code == 201
    again = await api.post(path, police)
    assert (again.status_code, again.json()["code"]) == (409, "cards.frozen_before")


async def test_a_till_orders_no_courts_freeze_and_isnt_told_of_risk(api, scene, new_key) -> None:
    card, merchant = scene
    path = f"/v1/gift_cards/{card}/restrictions"
    programme_side = api.token
    key = await new_key(Mode.TEST, tuple(s for s in Scope if s is not Scope.CARDS_RESTRICT))
    for kind in ("risk", "aml", "police", "court"):
        refused = await api.post(path, {**COURT, "kind": kind}, token=key.token)
        assert (refused.status_code, refused.json()["facts"]) == (403, {"scope": "cards:restrict"})
        refused = await api.post(f"{path}/gact_x/lift", {**COURT, "kind": kind}, token=key.token)
        assert refused.status_code == 403
    assert (await api.get(path, token=key.token)).status_code == 403
    api.token = programme_side
    assert (await api.post(path, {**COURT, "kind": "aml", "temporary": True})).status_code == 201
    no = (await pay(api, card, merchant, 10)).json()
    assert (no["code"], no["facts"]["restriction"], no["facts"]["ends_at"]) == ("cards.restricted", None, None)
    assert "aml" not in str(no)
    assert "launder" not in str(no)
    assert (await api.get(f"/v1/gift_cards/{card}")).json()["state"] == "BLOCKED"


async def test_a_loss_report_stops_a_card_until_it_is_found(api, scene) -> None:
    card, merchant = scene
    report = await api.post(f"/v1/gift_cards/{card}/loss_report", {"document": "call 4711"}, key="lost")
    assert (report.status_code, report.json()["kind"]) == (201, "holder")
    assert (
        await api.post(f"/v1/gift_cards/{card}/loss_report", {"document": "call 4711"}, key="lost")
    ).json() == report.json()
    assert (await pay(api, card, merchant, 10)).json()["facts"]["restriction"] == "holder"
    found = await api.post(f"/v1/gift_cards/{card}/restrictions/{report.json()['id']}/lift", {"kind": "issuer"})
    assert found.json()["lifted_as"] == "issuer"
    assert (await pay(api, card, merchant, 10)).status_code == 201


async def test_what_is_wrong_with_a_request(api, scene) -> None:
    card, _ = scene
    path = f"/v1/gift_cards/{card}/restrictions"
    rows = [
        # body                                                  status, code
        ({"kind": "judge"},                                     422, "api.invalid"),
        ({"kind": "issuer", "amount_minor": 5},                 422, "api.invalid"),
        ({"kind": "issuer", "currency": "CNY"},                 422, "api.invalid"),
        ({"kind": "issuer", "amount_minor": 5, "currency": "USD"}, 422, "cards.currency_mismatch"),
        ({"kind": "police", "authority": "x"},                  422, "cards.order_missing"),
        ({**COURT, "temporary": True},                          422, "cards.bad_term"),
        ({**COURT, "kind": "police", "temporary": True, "until": "2199-01-01T00:00:00Z"}, 409, "cards.freeze_too_long"),
    ]  # fmt: skip
    for body, status, code in rows:
        answer = await api.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    long = await api.post(path, rows[-1][0], headers={"Accept-Language": "zh"})
    assert "48 小时" in long.json()["detail"]
    nobody = "/v1/gift_cards/gftc_" + "0" * 32
    assert (await api.post(f"{nobody}/restrictions", {"kind": "issuer"})).json()["code"] == "cards.unknown_card"
    assert (await api.get(f"{nobody}/restrictions")).status_code == 404


async def test_a_card_pays_and_its_rest_goes_into_a_new_one(api, scene, new_key) -> None:
    card, merchant = scene
    path, wish = (
        f"/v1/gift_cards/{card}/spend_and_split",
        {"merchant_id": merchant, "amount_minor": 1_250, "currency": "CNY"},
    )
    made = await api.post(path, wish, key="spend")
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["activity"]["type"], told["activity"]["amount_minor"]) == ("REDEEM", 1_250)
    (child,) = told["gift_cards"]
    assert (child["balance"]["amount_minor"], child["parent_id"], len(child["gan"])) == (8_750, card, 19)
    assert (await api.post(path, wish, key="spend")).json() == told
    back = await api.act("REFUND", redemption_id=told["activity"]["id"], amount_minor=50, currency="CNY")
    assert back.json()["gift_card_id"] == card
    less = await api.post(f"/v1/gift_cards/{child['id']}/spend_and_split", {**wish, "amount_minor": 8_750})
    assert less.json()["code"] == "cards.nothing_left"
    for scope in (Scope.CARDS_REDEEM, Scope.CARDS_TRANSFER):
        key = await new_key(Mode.TEST, tuple(s for s in Scope if s is not scope))
        refused = await api.post(path, wish, token=key.token)
        assert (refused.status_code, refused.json()["facts"]) == (403, {"scope": str(scope)})

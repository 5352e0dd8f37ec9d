"""Merchants with what they are, baskets with lines, the rest of a tender and cashback, over HTTP."""

import pytest

from tests.cards.documented import PLAY
from tests.programmes.drafts import text_of

pytestmark = pytest.mark.anyio

TEA = {"sku": "tea-1", "goods_class": "tea", "amount_minor": 100}
GIN = {"sku": "gin-1", "goods_class": "spirits", "amount_minor": 400}
RESTAURANT = {
    "name": "Tea house", "currency": "CNY", "ref": "tea-house-1", "scenario": "dining", "relation": "own",
    "contracted": True, "channel": "own_web_shop",
}  # fmt: skip
PAID = {"sku": "tea-1", "goods_class": "tea", "amount_minor": 100, "paid_minor": 100, "accepted": True}
NOT_PAID = {
    "sku": "gin-1", "goods_class": "spirits", "amount_minor": 400, "paid_minor": 0, "accepted": False,
    "reason": "programmes.goods_not_accepted",
}  # fmt: skip


@pytest.fixture
async def scene(api):
    """A restaurant, and ann's card with 100.00 that pays for tea and gets 5 % back."""
    programme = await api.programme()
    document = text_of(
        **PLAY,
        effective_on="2020-01-01",
        accepts={"goods": {"classes": ["tea"]}},
        cashback={"rates_bps": {"dining": 500}},
    )
    assert (await api.post(f"/v1/programmes/{programme}/versions", {"document": document})).status_code == 201
    card = (await api.card(programme, holder_ref="ann"))["id"]
    await api.act("LOAD", gift_card_id=card, amount_minor=10_000, currency="CNY", source="cash")
    return await api.made("/v1/merchants", RESTAURANT), card


async def test_a_merchant_is_shown_as_it_was_registered(api) -> None:
    made = (await api.post("/v1/merchants", RESTAURANT, key="m")).json()
    assert {name: made.get(name) for name in RESTAURANT if name != "currency"} == {
        name: value for name, value in RESTAURANT.items() if name != "currency"
    }
    assert (await api.get(f"/v1/merchants/{made['id']}")).json() == made
    assert (await api.post("/v1/merchants", RESTAURANT, key="m")).json() == made
    taken = await api.post("/v1/merchants", RESTAURANT)
    assert (taken.status_code, taken.json()["code"], taken.json()["facts"]) == (
        409, "merchants.ref_taken", {"ref": "tea-house-1"},
    )  # fmt: skip
    plain = (await api.post("/v1/merchants", {"name": "Tea", "currency": "CNY"})).json()
    assert (plain["ref"], plain["scenario"], plain["relation"], plain["contracted"], plain["channel"]) == (
        None, "offline_retail", "other", False, "street",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"), [("ref", "a b"), ("ref", "a,b"), ("ref", ""), ("scenario", "space"), ("relation", "mine"), ("channel", "x"), ("contracted", 1)]
)  # fmt: skip
async def test_what_no_merchant_is_is_refused(api, field, value) -> None:
    answer = await api.post("/v1/merchants", {**RESTAURANT, field: value})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("kind", ["REDEEM", "AUTHORISE"])
async def test_the_till_is_told_of_each_line_again_and_again(api, scene, kind) -> None:
    shop, card = scene
    body = {
        "gift_card_id": card, "merchant_id": shop, "amount_minor": 500, "currency": "CNY", "partial": True,
        "lines": [TEA, GIN],
    }  # fmt: skip
    answer = await api.act(kind, key="basket", **body)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["amount_minor"], told["remaining_minor"], told["lines"]) == (100, 400, [PAID, NOT_PAID])
    assert (await api.act(kind, key="basket", **body)).json() == told
    assert (await api.get(f"/v1/gift_card_activities/{told['id']}")).json() == told
    assert (await api.get("/v1/idempotency_keys/basket")).json()["activity"] == told
    listed = (await api.get(f"/v1/gift_card_activities?gift_card_id={card}")).json()["data"]
    assert told in listed
    assert [one["type"] for one in listed][:1] == (["CASHBACK"] if kind == "REDEEM" else ["AUTHORISE"])
    other = await api.act(kind, key="basket", **{**body, "lines": [GIN, TEA]})
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "lines"})


async def test_why_a_basket_is_refused(api, scene) -> None:
    shop, card = scene
    body = {"gift_card_id": card, "merchant_id": shop, "amount_minor": 500, "currency": "CNY"}
    table = [
        ({}, 409, "cards.basket_missing"),
        ({"lines": [TEA]}, 422, "cards.basket_mismatch"),
        ({"lines": [TEA, GIN]}, 409, "programmes.goods_not_accepted"),
        ({"lines": [GIN], "amount_minor": 400, "partial": True}, 409, "programmes.goods_not_accepted"),
        ({"lines": []}, 422, "api.invalid"),
        ({"lines": [{**TEA, "amount_minor": 0}]}, 422, "api.invalid"),
        ({"lines": [{**TEA, "sku": "tea 1"}]}, 422, "api.invalid"),
        ({"lines": [{**TEA, "name": "Tea"}]}, 422, "api.invalid"),
    ]
    for more, status, code in table:
        answer = await api.act("REDEEM", **{**body, **more})
        assert (answer.status_code, answer.json()["code"]) == (status, code), more
    answer = await api.act("REDEEM", **{**body, "lines": [TEA, GIN]}, headers={"Accept-Language": "zh"})
    told = answer.json()
    assert "商品白名单" in told["detail"]
    assert told["facts"]["refused_lines"] == [
        {"line": 2, "code": "programmes.goods_not_accepted", "sku": "gin-1", "goods_class": "spirits"}
    ]


async def test_the_rest_of_a_tender_is_stated(api) -> None:
    programme, shop = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 300)
    body = {"gift_card_id": card, "merchant_id": shop, "currency": "CNY"}
    whole = (await api.act("REDEEM", amount_minor=100, partial=True, **body)).json()
    assert "remaining_minor" not in whole
    assert "lines" not in whole
    part = (await api.act("REDEEM", amount_minor=500, partial=True, key="part", **body)).json()
    assert (part["amount_minor"], part["remaining_minor"]) == (200, 300)
    assert (await api.act("REDEEM", amount_minor=500, partial=True, key="part", **body)).json() == part


async def test_a_batch_of_redemptions_states_baskets_too(api, scene) -> None:
    shop, card = scene
    body = {"gift_card_id": card, "merchant_id": shop, "amount_minor": 500, "currency": "CNY", "lines": [TEA, GIN]}
    items = [{**body, "idempotency_key": "a"}, {**body, "idempotency_key": "b", "partial": True}]
    answer = await api.post("/v1/gift_card_activities/batch", {"redemptions": items})
    refused, paid = answer.json()["outcomes"]
    assert (refused["status"], refused["problem"]["code"]) == ("refused", "programmes.goods_not_accepted")
    assert (paid["status"], paid["activity"]["lines"]) == ("accepted", [PAID, NOT_PAID])


async def test_cashback_is_told_in_the_history_and_falls_back(api, scene) -> None:
    shop, card = scene
    body = {"gift_card_id": card, "merchant_id": shop, "amount_minor": 100, "currency": "CNY", "lines": [TEA]}
    paid = (await api.act("REDEEM", **body)).json()
    await api.act("REFUND", redemption_id=paid["id"], amount_minor=100, currency="CNY")
    back, refund, given, redeemed, *_ = (await api.get(f"/v1/gift_card_activities?gift_card_id={card}")).json()["data"]
    assert [one["type"] for one in (back, refund, given, redeemed)] == ["CASHBACK_BACK", "REFUND", "CASHBACK", "REDEEM"]
    for one in (back, given):
        assert (one["amount_minor"], one["source"], one["redemption_id"], one["merchant_id"]) == (
            5, "bonus", paid["id"], shop,
        )  # fmt: skip
    assert back["balance_minor"] == 10_000

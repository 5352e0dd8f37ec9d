"""Physical cards by HTTP: from the order at the printer's to the first purchase, and what a till is told."""

import csv
import io

import pytest

from koudai.identity import Mode, Scope

pytestmark = pytest.mark.anyio


async def stocked(api, count=2, place="shop 7"):
    programme = await api.programme()
    made = await api.post("/v1/stock", {"programme_id": programme, "count": count, "design": "Spring 春"}, key="make")
    assert made.status_code == 201, made.text
    stock = made.json()["id"]
    file = (await api.post("/v1/stock/print", {"stock_id": stock}, key="print")).json()
    numbers = [line["gan"] for line in csv.DictReader(io.StringIO(file["csv"]))]
    came = await api.post("/v1/stock/receive", {"stock_id": stock, "place": place})
    assert (came.status_code, came.json()["type"]) == (201, "RECEIVE"), came.text
    return stock, numbers


def sale(**fields):
    return {
        "amount_minor": 5_000, "currency": "CNY", "source": "cash", "payment_ref": "slip 1", "till": "till 2",
        "clerk": "Chen", "place": "shop 7", **fields,
    }  # fmt: skip


async def test_from_the_printer_to_the_first_purchase(api) -> None:
    stock, numbers = await stocked(api)
    again = await api.post("/v1/stock/print", {"stock_id": stock}, key="print")
    assert (again.status_code, again.json()["cards"], again.json()["csv"]) == (201, 2, None)
    sold = await api.post("/v1/stock/sell", sale(gan=numbers[0]), key="sell")
    assert sold.status_code == 201, sold.text
    told = sold.json()
    assert (told["activity"]["type"], told["activity"]["balance_minor"], told["warnings"]) == ("LOAD", 5_000, [])
    card = told["stock_card"]
    assert (card["stock_id"], card["serial"], card["state"], card["place"]) == (stock, 1, "ACTIVE", "shop 7")
    assert card["sale"]["activity_id"] == told["activity"]["id"]
    assert (await api.post("/v1/stock/sell", sale(gan=numbers[0]), key="sell")).json() == told
    assert (await api.get(f"/v1/gift_cards/{card['gift_card_id']}/stock")).json() == card
    paid = await api.act("REDEEM", gan=numbers[0], merchant_id=await api.merchant(), amount_minor=1, currency="CNY")
    assert paid.status_code == 201
    shown = (await api.get(f"/v1/stock/{stock}")).json()
    assert [(one["state"], one["cards"]) for one in shown["counts"]] == [("ACTIVE", 1), ("IN_STOCK", 1)]
    assert [(one["step"], one["given_to"] is not None) for one in shown["steps"]] == [
        ("PRINT", True), ("RECEIVE", False),
    ]  # fmt: skip
    assert (await api.get("/v1/stock")).json() == {"data": [shown], "next_cursor": None}
    first = (await api.get(f"/v1/stock/{stock}/cards?limit=1")).json()
    rest = (await api.get(f"/v1/stock/{stock}/cards?cursor={first['next_cursor']}")).json()
    assert [one["serial"] for one in first["data"] + rest["data"]] == [1, 2]
    assert first["data"] == [card]
    assert (await api.get("/v1/idempotency_keys/make")).json()["stock_id"] == stock
    assert not any(number in str(shown) + str(told) + str(rest) for number in numbers)


async def test_what_is_not_paid_is_not_activated(api) -> None:
    stock, (one, two) = await stocked(api)
    activated = await api.act("ACTIVATE", gan=one)
    assert (activated.status_code, activated.json()["code"]) == (409, "cards.not_sold")
    assert (await api.post("/v1/stock/sell", sale(gan=one))).status_code == 201
    used = await api.post("/v1/stock/sell", sale(gan=two))
    assert (used.status_code, used.json()["code"], used.json()["facts"]["left_minor"]) == (409, "cards.payment_used", 0)
    lost = await api.post("/v1/stock/write_off", {"stock_id": stock, "first": 2, "last": 2, "reason": "torn"})
    assert lost.json()["type"] == "DEACTIVATE"
    late = await api.post("/v1/stock/call_off", {"gan": one})
    assert (late.status_code, late.json()["code"]) == (409, "cards.too_late")


async def test_a_sale_is_undone_once_and_its_payment_sells_no_further_card(api, new_key) -> None:
    stock, (one, two) = await stocked(api)
    sold = (await api.post("/v1/stock/sell", sale(gan=one))).json()["stock_card"]
    assert sold["sale"]["voided_at"] is None
    wish = {"gan": one, "reason": "tricked by telephone"}
    till = (await new_key(Mode.TEST, (Scope.CARDS_SELL, Scope.CARDS_REFUND, Scope.CARDS_BLOCK))).token
    assert (await api.post("/v1/stock/void_sale", wish, token=till)).status_code == 403
    voided = await api.post("/v1/stock/void_sale", wish, key="void")
    assert voided.status_code == 201, voided.text
    told = voided.json()
    entry = told["activity"]
    assert (entry["type"], entry["amount_minor"], entry["balance_minor"]) == ("VOID_SALE", 5_000, 0)
    undone = told["stock_card"]
    assert (undone["state"], undone["sale"]["payment_ref"]) == ("WRITTEN_OFF", "slip 1")
    assert undone["sale"]["voided_at"] == entry["event_at"]
    assert (await api.post("/v1/stock/void_sale", wish, key="void")).json() == told
    again = await api.post("/v1/stock/void_sale", wish)
    assert (again.status_code, again.json()["code"]) == (409, "cards.out_of_order")
    used = await api.post("/v1/stock/sell", sale(gan=two))
    assert (used.status_code, used.json()["code"]) == (409, "cards.payment_refunded")
    steps = (await api.get(f"/v1/stock/{stock}")).json()["steps"]
    assert (steps[-1]["step"], steps[-1]["reason"]) == ("VOID_SALE", "tricked by telephone")
    assert (await api.get(f"/v1/gift_cards/{undone['gift_card_id']}")).json()["state"] == "DEACTIVATED"


async def test_what_stands_against_undoing_a_sale_is_named_in_both_languages(api) -> None:
    _, (one, _) = await stocked(api)
    await api.post("/v1/stock/sell", sale(gan=one))
    await api.act("REDEEM", gan=one, merchant_id=await api.merchant(), amount_minor=1, currency="CNY")
    for language, said in (("en", "an entry REDEEM"), ("zh", "REDEEM 记录")):
        wish = {"gan": one, "reason": "tricked"}
        refused = await api.post("/v1/stock/void_sale", wish, headers={"Accept-Language": language})
        assert (refused.status_code, refused.json()["code"]) == (409, "cards.sale_used")
        assert said in refused.json()["detail"]


async def test_a_till_is_warned_in_its_language(api) -> None:
    _, numbers = await stocked(api, 5)
    for n, number in enumerate(numbers[:4]):
        assert (await api.post("/v1/stock/sell", sale(gan=number, payment_ref=f"slip {n}"))).status_code == 201
    last = sale(gan=numbers[4], payment_ref="slip 5")
    warned = await api.post("/v1/stock/sell", last, headers={"Accept-Language": "zh"})
    assert (warned.status_code, warned.json()["facts"]["warnings"]) == (409, ["cards.bulk_purchase"])
    assert "诈骗" in warned.json()["detail"]
    sold = await api.post("/v1/stock/sell", {**last, "acknowledged": True})
    assert (sold.status_code, sold.json()["warnings"]) == (201, ["cards.bulk_purchase"])


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("print", {}, "stock_id"),
        ("print", {"stock_id": "x", "gift_card_ids": ["y"]}, "stock_id"),
        ("print", {"gift_card_ids": ["y"], "first": 1}, "first"),
        ("receive", {"stock_id": "x"}, "merchant_id"),
        ("receive", {"stock_id": "x", "place": "p", "merchant_id": "m"}, "merchant_id"),
        ("sell", sale(), "gift_card_id"),
        ("sell", sale(gift_card_id="x", place=" "), "place"),
        ("sell", sale(gift_card_id="x", payment_ref=""), "payment_ref"),
        ("write_off", {"stock_id": "x"}, "reason"),
        ("void_sale", {"gift_card_id": "x"}, "reason"),
        ("void_sale", {"reason": "r"}, "gift_card_id"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_its_field(api, path, body, field) -> None:
    answer = await api.post(f"/v1/stock/{path}", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


async def test_each_hand_has_its_own_scope_and_strangers_see_nothing(api, new_key) -> None:
    stock, (one, _) = await stocked(api)
    seller = (await new_key(Mode.TEST, (Scope.CARDS_SELL,))).token
    for path, body in (
        ("/v1/stock/print", {"stock_id": stock}), ("/v1/stock/receive", {"stock_id": stock, "place": "p"}),
        ("/v1/stock/write_off", {"stock_id": stock, "reason": "r"}), ("/v1/stock/call_off", {"gan": one}),
    ):  # fmt: skip
        assert (await api.post(path, body, token=seller)).status_code == 403
    stranger = (await new_key()).token
    assert (await api.post("/v1/stock/sell", sale(gan=one), token=stranger)).json()["code"] == "cards.unknown_card"
    assert (await api.post("/v1/stock/print", {"stock_id": stock}, token=stranger)).json()[
        "code"
    ] == "cards.unknown_stock"
    for path in (f"/v1/stock/{stock}", f"/v1/stock/{stock}/cards", "/v1/gift_cards/x/stock"):
        assert (await api.get(path, token=stranger)).status_code == 404

"""A first card by HTTP, from the programme to the merchant's balance."""

import pytest

pytestmark = pytest.mark.anyio


async def test_a_first_card(api) -> None:
    programme = await api.programme(max_balance_minor=100_000)
    merchant = await api.merchant()
    card = await api.card(programme)
    assert len(card["gan"]) == 19
    assert card["last4"] == card["gan"][-4:]
    assert (card["state"], card["balance"]) == ("ACTIVE", {"amount_minor": 0, "currency": "CNY"})

    load = await api.act("LOAD", gan=card["gan"], amount_minor=10_000, currency="CNY", source="cash")
    assert load.status_code == 201, load.text
    assert load.json()["source"] == "cash"
    paid = await api.act("REDEEM", gift_card_id=card["id"], merchant_id=merchant, amount_minor=1_250, currency="CNY")
    assert paid.status_code == 201, paid.text
    redemption = paid.json()
    assert (redemption["balance_minor"], redemption["merchant_id"]) == (8_750, merchant)
    assert redemption["recorded_at"].endswith("Z")
    back = await api.act("REFUND", redemption_id=redemption["id"], amount_minor=250, currency="CNY")
    assert back.json()["redemption_id"] == redemption["id"]

    assert (await api.get(f"/v1/merchants/{merchant}")).json()["balance"] == {"amount_minor": 1_000, "currency": "CNY"}
    shown = (await api.get(f"/v1/gift_cards/{card['id']}")).json()
    assert shown["balance"] == {"amount_minor": 9_000, "currency": "CNY"}
    assert "gan" not in shown
    history = (await api.get(f"/v1/gift_card_activities?gift_card_id={card['id']}")).json()
    assert [a["type"] for a in history["data"]] == ["REFUND", "REDEEM", "LOAD", "ACTIVATE"]
    assert history["next_cursor"] is None
    assert (await api.get(f"/v1/gift_card_activities/{redemption['id']}")).json() == redemption
    found = await api.post("/v1/gift_cards/from_gan", {"gan": card["gan"]})
    assert found.json() == shown

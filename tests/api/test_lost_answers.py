"""An answer that never arrived: the same key tells it again, and never books twice."""

import asyncio

import psycopg
import pytest

pytestmark = pytest.mark.anyio


async def test_the_same_key_gives_the_same_outcome(api) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 1_000)
    order = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 700, "currency": "CNY"}
    first = await api.act("REDEEM", key="order 1/2", **order)
    again = await api.act("REDEEM", key="order 1/2", **order)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    # Refusals are remembered as well, though the card could pay by now.
    short = await api.act("REDEEM", key="order-2", **order)
    assert short.json()["code"] == "cards.insufficient_balance"
    assert short.json()["facts"] == {"available_minor": 300, "amount_minor": 700, "currency": "CNY"}
    await api.act("LOAD", gift_card_id=card, amount_minor=1_000, currency="CNY", source="cash")
    assert (await api.act("REDEEM", key="order-2", **order)).json() == short.json()

    told = (await api.get("/v1/idempotency_keys/order%201%2F2")).json()
    assert told == {"key": "order 1/2", "status": "accepted", "activity": first.json()}
    told = (await api.get("/v1/idempotency_keys/order-2")).json()
    assert (told["status"], told["problem"]) == ("refused", short.json())
    assert (await api.get("/v1/idempotency_keys/order-3")).status_code == 404
    assert (await api.get("/v1/idempotency_keys/%00")).status_code == 404


async def test_many_at_once_under_one_key_book_once(api) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 1_000)
    answers = await asyncio.gather(
        *(
            api.act("REDEEM", key="once", gift_card_id=card, merchant_id=merchant, amount_minor=600, currency="CNY")
            for _ in range(50)
        )
    )
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert (await api.get(f"/v1/gift_cards/{card}")).json()["balance"]["amount_minor"] == 400


async def test_a_number_is_shown_again_for_fifteen_minutes(api, instance) -> None:
    programme = await api.programme()
    first = await api.card(programme, holder_ref="h-1")
    body = {"programme_id": programme, "holder_ref": "h-1"}
    key = f"auto-{2}"
    again = await api.post("/v1/gift_cards", body, key=key)
    assert (again.status_code, again.json()) == (201, first)
    with psycopg.connect(instance.target.admin) as db:
        db.execute("UPDATE ledger.batches SET recorded_at = recorded_at - interval '16 minutes'")
    later = await api.post("/v1/gift_cards", body, key=key)
    assert later.json() == {name: value for name, value in first.items() if name != "gan"}
    told = (await api.get(f"/v1/idempotency_keys/{key}")).json()
    assert told == {"key": key, "status": "accepted", "gift_card_id": first["id"]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount_minor": 5}, "amount_minor"),
        ({"currency": "GBP"}, "currency"),
        ({"merchant_id": "mrch_unknown"}, "merchant_id"),
        ({"gift_card_id": "gftc_unknown"}, "gift_card_id"),
        ({"partial": True}, "partial"),
        ({"type": "BLOCK", "merchant_id": None, "amount_minor": None, "currency": None}, "type"),
    ],
)
async def test_another_request_under_the_key_is_refused_by_field(api, change, field) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 1_000)
    order = {
        "type": "REDEEM", "gift_card_id": card, "merchant_id": merchant, "amount_minor": 7, "currency": "CNY"
    }  # fmt: skip
    assert (await api.post("/v1/gift_card_activities", order, key="k")).status_code == 201
    other = {name: value for name, value in (order | change).items() if value is not None}
    answer = await api.post("/v1/gift_card_activities", other, key="k")
    assert (answer.status_code, answer.json()["code"]) == (422, "ledger.key_reused")
    assert answer.json()["facts"] == {"field": field}


async def test_a_key_is_one_across_all_verbs(api) -> None:
    await api.post("/v1/merchants", {"name": "M", "currency": "CNY"}, key="k")
    for path, body in (
        ("/v1/programmes", {"name": "P", "currency": "CNY", "number_prefix": "900001"}),
        ("/v1/merchants", {"name": "N", "currency": "CNY"}),
        ("/v1/gift_card_activities", {"type": "BLOCK", "gift_card_id": "gftc_x"}),
        ("/v1/gift_cards", {"programme_id": "prgm_x"}),
    ):
        answer = await api.post(path, body, key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "ledger.key_reused"), path
    again = await api.post("/v1/merchants", {"name": "M", "currency": "CNY"}, key="k")
    told = (await api.get("/v1/idempotency_keys/k")).json()
    assert told == {"key": "k", "status": "accepted", "merchant_id": again.json()["id"]}


async def test_a_reversal_undoes_or_bars_a_redemption(api) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 1_000)
    order = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 700, "currency": "CNY"}
    await api.act("REDEEM", key="arrived", **order)
    undone = await api.act("REVERSAL", redemption_key="arrived")
    assert (undone.status_code, undone.json()["balance_minor"]) == (201, 1_000)
    lost = await api.act("REVERSAL", redemption_key="lost")
    assert (lost.status_code, lost.json()["code"]) == (404, "cards.unknown_redemption")
    late = await api.act("REDEEM", key="lost", **order)
    assert (late.status_code, late.json()["code"]) == (409, "cards.reversed_before")
    assert (await api.get("/v1/idempotency_keys/lost")).json()["problem"]["code"] == "cards.reversed_before"
    own = await api.act("REVERSAL", key="mine", redemption_key="mine")
    assert (own.status_code, own.json()["errors"][0]["field"]) == (422, "redemption_key")
    by_id = await api.act("REVERSAL", redemption_id=(await api.act("REDEEM", **order)).json()["id"])
    assert by_id.json()["balance_minor"] == 1_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/merchants", {"name": "M", "currency": "CNY"}),
        ("/v1/programmes", {"name": "P", "currency": "CNY", "number_prefix": "900001"}),
        ("/v1/gift_cards", {"programme_id": "prgm_x"}),
    ],
)
async def test_a_barred_key_makes_nothing_else_either(api, path, body) -> None:
    await api.act("REVERSAL", redemption_key="barred")
    answer = await api.post(path, body, key="barred")
    assert (answer.status_code, answer.json()["code"]) == (409, "cards.reversed_before")

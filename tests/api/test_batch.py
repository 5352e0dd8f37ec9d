"""A batch of redemptions: an outcome for each, in order; a bad one stops nobody."""

import asyncio
import json
from time import perf_counter

import pytest

pytestmark = pytest.mark.anyio

BATCH = "/v1/gift_card_activities/batch"


async def test_eight_thousand_with_bad_ones_among_them(api) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    cards = [await api.loaded(programme, 10_000) for _ in range(4)]
    empty = (await api.card(programme))["id"]
    items = [
        {"idempotency_key": f"i-{n}", "gift_card_id": cards[n % 4], "merchant_id": merchant, "amount_minor": 3,
         "currency": "CNY"}
        for n in range(8_000)
    ]  # fmt: skip
    items[0]["amount_minor"] = -1
    items[17] = "not an object"
    items[999]["gift_card_id"] = empty
    items[1_000]["gift_card_id"] = "gftc_unknown"
    items[1_001] = {"gan": "9000010000000000000", **{k: v for k, v in items[1_001].items() if k != "gift_card_id"}}
    items[4_000]["extra"] = 1
    items[5_000] = items[4_999]
    items[6_000] = items[5_999] | {"amount_minor": 4}
    items[7_999]["currency"] = "GBP"
    bad = {
        0: (422, "api.invalid"), 17: (422, "api.invalid"), 999: (409, "cards.insufficient_balance"),
        1_000: (404, "cards.unknown_card"), 1_001: (422, "api.bad_number"), 4_000: (422, "api.invalid"),
        6_000: (422, "ledger.key_reused"), 7_999: (422, "cards.currency_mismatch"),
    }  # fmt: skip
    began = perf_counter()
    answer = await api.post(BATCH, {"redemptions": items})
    assert answer.status_code == 200, answer.text
    outcomes = answer.json()["outcomes"]
    assert len(outcomes) == 8_000
    for n, outcome in enumerate(outcomes):
        if n in bad:
            assert outcome["status"] == "refused"
            assert (outcome["problem"]["status"], outcome["problem"]["code"]) == bad[n], n
        else:
            assert outcome["status"] == "accepted", (n, outcome)
            assert outcome["activity"]["gift_card_id"] == cards[n % 4] or n == 5_000
    assert outcomes[5_000] == outcomes[4_999]
    assert outcomes[0]["problem"]["errors"][0]["field"] == "redemptions[0].amount_minor"
    assert outcomes[1_001]["problem"]["errors"][0]["field"] == "redemptions[1001].gan"
    assert outcomes[6_000]["problem"]["facts"] == {"field": "amount_minor"}
    accepted = 8_000 - len(bad)
    paid = 3 * (accepted - 1)
    assert (await api.get(f"/v1/merchants/{merchant}")).json()["balance"]["amount_minor"] == paid
    assert perf_counter() - began < 30
    # All of it again: the same outcomes, and nothing is booked twice.
    again = (await api.post(BATCH, {"redemptions": items})).json()["outcomes"]
    assert again == outcomes
    assert (await api.get(f"/v1/merchants/{merchant}")).json()["balance"]["amount_minor"] == paid


async def test_others_are_let_in_between_its_pieces(api) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 100_000)
    order = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 1, "currency": "CNY"}
    items = [{"idempotency_key": f"i-{n}", **order} for n in range(8_000)]
    whole = asyncio.create_task(api.post(BATCH, {"redemptions": items}))
    await asyncio.sleep(0.2)
    single = await api.act("REDEEM", **order)
    assert single.status_code == 201
    assert not whole.done()
    balances = [o["activity"]["balance_minor"] for o in (await whole).json()["outcomes"]]
    assert balances[0] > single.json()["balance_minor"] > balances[-1]


async def test_a_batch_over_its_limits(api) -> None:
    answer = await api.post(BATCH, {"redemptions": [{"x": "y" * 1_200}] * 8_000})
    assert (answer.status_code, answer.json()["facts"]) == (413, {"limit_bytes": 8 * 1024 * 1024})
    answer = await api.post(BATCH, {"redemptions": [{}] * 8_001})
    assert (answer.status_code, answer.json()["code"]) == (422, "api.invalid")


async def test_a_batch_needs_no_key_of_its_own(api) -> None:
    answer = await api.client.post(
        BATCH, content=json.dumps({"redemptions": [{}]}),
        headers={"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.json()["outcomes"][0]["problem"]["errors"][0]["field"] == "redemptions[0].idempotency_key"

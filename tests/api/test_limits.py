"""Limits of a programme over HTTP: declared, shown, and told when they are reached."""

import pytest

pytestmark = pytest.mark.anyio

DAY = {"subjects": ["card"], "flow": "redeem", "per": "day", "max_minor": 1_000, "max_count": 2}
PAIR = {"subjects": ["card", "device"], "flow": "redeem", "per": "rolling", "window_s": 3_600, "max_minor": 700}
LIFE = {"subjects": ["card"], "flow": "load", "per": "lifetime", "max_minor": 20_000}
LEAST = {"subjects": ["card"], "flow": "load", "per": "transaction", "min_minor": 100}
FLOOR = {"subjects": ["card"], "flow": "transfer", "per": "balance", "min_minor": 50}
GIVEN = {"subjects": ["card", "recipient"], "flow": "transfer", "per": "month", "max_count": 1}


async def test_limits_are_declared_and_shown(api) -> None:
    body = {"name": "P", "currency": "CNY", "number_prefix": "900001", "draw_order": "paid_first"}
    made = await api.post("/v1/programmes", {**body, "limits": [DAY, PAIR]}, key="p")
    assert made.status_code == 201, made.text
    assert (made.json()["draw_order"], made.json()["limits"]) == ("paid_first", [DAY, PAIR])
    assert (await api.get(f"/v1/programmes/{made.json()['id']}")).json() == made.json()
    assert (await api.get("/v1/programmes")).json()["data"] == [made.json()]
    assert (await api.post("/v1/programmes", {**body, "limits": [DAY, PAIR]}, key="p")).json() == made.json()
    other = await api.post("/v1/programmes", {**body, "limits": [PAIR, DAY]}, key="p")
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "limits"})
    plain = await api.get(f"/v1/programmes/{await api.programme()}")
    assert (plain.json()["draw_order"], plain.json()["limits"]) == ("bonus_first", [])


@pytest.mark.parametrize(
    ("limit", "field"),
    [
        (DAY | {"subjects": ["card", "card"]}, "subjects"),
        (DAY | {"window_s": 3_600}, "window_s"),
        ({**PAIR, "per": "rolling", "window_s": None}, "window_s"),
        (DAY | {"min_minor": 1}, "min_minor"),
        (LEAST | {"max_count": 1}, "max_count"),
        ({"subjects": ["card"], "flow": "load", "per": "day"}, "max_minor"),
        (FLOOR | {"subjects": ["device"]}, "subjects"),
    ],
)
async def test_a_limit_that_makes_no_sense_is_named(api, limit, field) -> None:
    body = {"name": "P", "currency": "CNY", "number_prefix": "900001", "limits": [DAY, limit]}
    answer = await api.post("/v1/programmes", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "cards.bad_limit")
    assert answer.json()["facts"] == {"field": f"limits[1].{field}"}
    assert f"limits[1].{field}" in answer.json()["detail"]


async def test_a_reached_limit_says_which_and_what_is_left_and_when_it_resets(api) -> None:
    merchant = await api.merchant()
    card = await api.loaded(await api.programme(limits=[DAY, PAIR, LIFE, LEAST]), 10_000)

    async def redeem(amount, **more):
        return await api.act(
            "REDEEM", gift_card_id=card, merchant_id=merchant, amount_minor=amount, currency="CNY", **more
        )

    assert (await redeem(600, device="till 1")).status_code == 201
    over = await redeem(200, device="till 1")
    assert (over.status_code, over.json()["code"]) == (409, "ledger.limit_exceeded")
    facts = over.json()["facts"]
    assert (facts["limit"], facts["limit_minor"], facts["left_minor"]) == ("redeem.card+device.rolling", 700, 100)
    assert facts["resets_at"] in over.json()["detail"]
    chinese = await redeem(500, device="till 2", headers={"Accept-Language": "zh"})
    facts = chinese.json()["facts"]
    assert chinese.json()["detail"] == (
        "超过限额 redeem.card.day：额度 1000，当前剩余 400（CNY，最小单位）。"
        f"重置时间：{facts['resets_at']}。"
    )  # fmt: skip
    assert facts["resets_at"].endswith("T16:00:00Z"), "midnight in China"
    assert (await redeem(1)).status_code == 201
    often = await redeem(1)
    assert (often.json()["code"], often.json()["facts"]["left_count"]) == ("ledger.count_exceeded", 0)
    held = await api.act("AUTHORISE", gift_card_id=card, merchant_id=merchant, amount_minor=1, currency="CNY")
    assert held.json()["code"] == "ledger.count_exceeded"

    more = {"gift_card_id": card, "currency": "CNY", "source": "cash"}
    never = await api.act("LOAD", amount_minor=10_001, **more)
    assert (never.json()["facts"]["left_minor"], never.json()["facts"]["resets_at"]) == (10_000, None)
    assert never.json()["detail"].endswith("It resets: never.")
    little = await api.act("LOAD", amount_minor=99, **more)
    assert (little.status_code, little.json()["code"]) == (409, "ledger.below_minimum")

    now = (await api.get("/v1/test_clock")).json()["now_at"]
    await api.post("/v1/test_clock/advance", {"to": f"{int(now[:4]) + 1}{now[4:10]}T00:00:00Z"})
    assert (await redeem(1)).status_code == 201


async def test_limits_on_transfers(api) -> None:
    programme = await api.programme(limits=[FLOOR, GIVEN])
    source, target = await api.loaded(programme, 1_000), (await api.card(programme))["id"]
    give = {"gift_card_id": source, "to_gift_card_id": target, "purpose": "gift", "currency": "CNY"}
    floor = await api.act("TRANSFER", **give, amount_minor=951)
    assert (floor.status_code, floor.json()["code"], floor.json()["facts"]["left_minor"]) == (
        409, "ledger.below_floor", 950,
    )  # fmt: skip
    assert (await api.act("TRANSFER", **give, amount_minor=10)).status_code == 201
    twice = await api.act("TRANSFER", **give, amount_minor=10)
    assert twice.json()["facts"]["limit"] == "transfer.card+recipient.month"
    uncle = await api.act("TRANSFER", **give, amount_minor=10, recipient="uncle")
    assert (uncle.status_code, uncle.json()["code"], uncle.json()["facts"]) == (
        422, "cards.recipient_differs", {"recipient": "uncle"},
    )  # fmt: skip
    give["to_gift_card_id"] = (await api.card(programme, holder_ref="uncle"))["id"]
    assert (await api.act("TRANSFER", **give, amount_minor=10, recipient="uncle")).status_code == 201

"""AUTHORISE, CAPTURE, VOID: value reserved for a merchant, and what becomes of it, over HTTP."""

import pytest

from koudai.identity import Mode, Scope

pytestmark = pytest.mark.anyio

NOBODY = "gact_" + "0" * 32


async def held(api, card) -> tuple[int, int, int]:
    """Balance, what is reserved, what is available."""
    shown = (await api.get(f"/v1/gift_cards/{card}")).json()
    return shown["balance"]["amount_minor"], shown["held_minor"], shown["available_minor"]


@pytest.fixture
async def shop(api):
    """A merchant and a card with 100.00 on it."""
    merchant = await api.merchant()
    return merchant, await api.loaded(await api.programme(), 10_000)


async def authorise(api, shop, amount=6_000, **more):
    merchant, card = shop
    return await api.act(
        "AUTHORISE", gift_card_id=card, merchant_id=merchant, amount_minor=amount, currency="CNY", **more
    )


async def test_a_hold_is_captured_in_parts(api, shop) -> None:
    merchant, card = shop
    hold = await authorise(api, shop, group="table 4", device="till 1")
    assert hold.status_code == 201, hold.text
    told = hold.json()
    assert (told["type"], told["amount_minor"], told["balance_minor"], told["held_minor"]) == (
        "AUTHORISE", 6_000, 10_000, 6_000,
    )  # fmt: skip
    assert told["merchant_id"] == merchant
    assert "hold_id" not in told
    assert "other_gift_card_id" not in told
    assert await held(api, card) == (10_000, 6_000, 4_000)
    poor = await api.act("REDEEM", gift_card_id=card, merchant_id=merchant, amount_minor=4_001, currency="CNY")
    assert (poor.status_code, poor.json()["facts"]["available_minor"]) == (409, 4_000)

    part = (await api.act("CAPTURE", hold_id=told["id"], amount_minor=1_000)).json()
    assert (part["type"], part["hold_id"], part["balance_minor"], part["held_minor"]) == (
        "CAPTURE", told["id"], 9_000, 5_000,
    )  # fmt: skip
    last = (await api.act("CAPTURE", hold_id=told["id"], amount_minor=2_000, final=True)).json()
    assert (last["amount_minor"], last["balance_minor"]) == (2_000, 7_000)
    assert await held(api, card) == (7_000, 0, 7_000)
    history = (await api.get(f"/v1/gift_card_activities?gift_card_id={card}")).json()["data"]
    assert [a["type"] for a in history[:4]] == ["RELEASE", "CAPTURE", "CAPTURE", "AUTHORISE"]
    assert {a["hold_id"] for a in history[:3]} == {told["id"]}
    assert (await api.get(f"/v1/gift_card_activities/{part['id']}")).json() == part
    balance = (await api.get(f"/v1/merchants/{merchant}")).json()["balance"]
    assert balance["amount_minor"] == 3_000
    back = await api.act("REFUND", redemption_id=part["id"], amount_minor=400, currency="CNY")
    assert (back.status_code, back.json()["redemption_id"]) == (201, part["id"])


async def test_a_hold_is_voided_and_replayed(api, shop) -> None:
    _, card = shop
    hold = await authorise(api, shop, key="h")
    assert (await authorise(api, shop, key="h")).json() == hold.json()
    other = await authorise(api, shop, 5_999, key="h")
    assert (other.status_code, other.json()["facts"]) == (422, {"field": "amount_minor"})
    other = await authorise(api, shop, key="h", ttl_s=60)
    assert other.json()["facts"] == {"field": "ttl_s"}
    gone = await api.act("VOID", hold_id=hold.json()["id"], key="v")
    assert (gone.status_code, gone.json()["amount_minor"], gone.json()["held_minor"]) == (201, 6_000, 0)
    assert (await api.act("VOID", hold_id=hold.json()["id"], key="v")).json() == gone.json()
    assert (await api.act("VOID", hold_id=NOBODY, key="v")).json()["facts"] == {"field": "hold_id"}
    assert (await api.act("CAPTURE", hold_id=hold.json()["id"], key="v")).json()["facts"] == {"field": "type"}
    assert await held(api, card) == (10_000, 0, 10_000)
    told = (await api.get("/v1/idempotency_keys/v")).json()
    assert told["activity"] == gone.json()


async def test_a_capture_is_replayed(api, shop) -> None:
    hold = (await authorise(api, shop)).json()["id"]
    once = await api.act("CAPTURE", hold_id=hold, key="c")
    assert (await api.act("CAPTURE", hold_id=hold, key="c")).json() == once.json()
    assert (await api.act("CAPTURE", hold_id=hold, amount_minor=6_000, key="c")).status_code == 422
    undone = await api.act("REVERSAL", redemption_key="c")
    assert (undone.status_code, undone.json()["redemption_id"]) == (201, once.json()["id"])
    assert await held(api, shop[1]) == (10_000, 0, 10_000)


async def test_holds_of_a_group_go_as_one(api, shop) -> None:
    merchant, card = shop
    for amount in (1_000, 2_000):
        assert (await authorise(api, shop, amount, group="party")).status_code == 201
    assert (await api.act("CAPTURE", group="party")).json()["amount_minor"] == 1_000
    assert await held(api, card) == (7_000, 0, 7_000)
    assert (await api.act("CAPTURE", group="party")).json()["code"] == "cards.hold_closed"
    await authorise(api, shop, 500, group="later")
    assert (await api.act("VOID", group="later")).json()["amount_minor"] == 500
    assert (await api.get(f"/v1/merchants/{merchant}")).json()["balance"]["amount_minor"] == 3_000


async def test_why_a_hold_is_refused(api, shop) -> None:
    _, card = shop
    too_much = await authorise(api, shop, 10_001)
    assert (too_much.status_code, too_much.json()["code"]) == (409, "cards.insufficient_balance")
    part = await authorise(api, shop, 10_001, partial=True)
    assert (part.status_code, part.json()["amount_minor"]) == (201, 10_000)
    hold = part.json()["id"]
    over = await api.act("CAPTURE", hold_id=hold, amount_minor=10_001)
    assert (over.status_code, over.json()["code"], over.json()["facts"]["left_minor"]) == (
        409, "cards.capture_exceeds_hold", 10_000,
    )  # fmt: skip
    await api.act("CAPTURE", hold_id=hold, amount_minor=1)
    voided = await api.act("VOID", hold_id=hold)
    assert (voided.status_code, voided.json()["code"]) == (409, "cards.hold_captured")
    free = await api.act("CAPTURE", hold_id=hold, amount_minor=0, final=True)
    assert (free.status_code, free.json()["amount_minor"]) == (201, 0)
    assert await held(api, card) == (9_999, 0, 9_999)
    for kind in ("CAPTURE", "VOID"):
        unknown = await api.act(kind, hold_id=NOBODY)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "cards.unknown_hold")
        assert (await api.act(kind, group="nobody's")).json()["code"] == "cards.unknown_hold"
    again = await api.act("CAPTURE", hold_id=hold)
    assert (again.status_code, again.json()["facts"]) == (409, {"state": "CAPTURED"})
    load = await api.act("LOAD", gift_card_id=card, amount_minor=1, currency="CNY", source="cash")
    assert (await api.act("CAPTURE", hold_id=load.json()["id"])).json()["code"] == "cards.unknown_hold"
    chinese = await api.act("VOID", hold_id=hold, headers={"Accept-Language": "zh"})
    assert chinese.json()["detail"] == (
        "该预授权已完成 1（CNY，最小单位），不能撤销。请以金额 0 的最终完成释放余额，已完成部分办理退货。"
    )


async def test_a_hold_expires_by_the_test_clock(api, shop) -> None:
    _, card = shop
    hold = (await authorise(api, shop, ttl_s=3_600)).json()
    clock = (await api.get("/v1/test_clock")).json()
    assert clock["mode"] == "test"
    year = int(clock["now_at"][:4])
    to = f"{year + 1}-06-01T00:00:00+08:00"
    moved = await api.post("/v1/test_clock/advance", {"to": to})
    assert (moved.status_code, moved.json()["now_at"]) == (200, f"{year + 1}-05-31T16:00:00Z")
    assert (await api.post("/v1/test_clock/advance", {"to": to})).json() == moved.json()
    assert (await api.get("/v1/test_clock")).json() == moved.json()
    late = await api.act("CAPTURE", hold_id=hold["id"])
    assert (late.status_code, late.json()["code"]) == (409, "cards.hold_expired")
    assert await held(api, card) == (10_000, 0, 10_000)
    back = await api.post("/v1/test_clock/advance", {"to": f"{year}-01-01T00:00:00Z"})
    assert (back.status_code, back.json()["code"]) == (409, "identity.clock_out_of_range")
    assert back.json()["facts"]["now_at"] == moved.json()["now_at"]
    far = await api.post("/v1/test_clock/advance", {"to": "9999-12-31T23:59:59Z"})
    assert far.json()["code"] == "identity.clock_out_of_range"


async def test_a_live_clock_is_never_moved(api, new_key) -> None:
    live = await new_key(Mode.LIVE)
    for answer in (
        await api.get("/v1/test_clock", token=live.token),
        await api.post("/v1/test_clock/advance", {"to": "2100-01-01T00:00:00Z"}, token=live.token),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "identity.live_clock")


async def test_who_may_redeem_may_hold(api, shop, new_key) -> None:
    merchant, card = shop
    wish = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 1, "currency": "CNY"}
    others = (await new_key(scopes=tuple(s for s in Scope if s is not Scope.CARDS_REDEEM))).token
    for kind, fields in (("AUTHORISE", wish), ("CAPTURE", {"hold_id": NOBODY}), ("VOID", {"group": "g"})):
        refused = await api.act(kind, token=others, **fields)
        assert (refused.status_code, refused.json()["facts"]) == (403, {"scope": "cards:redeem"})

"""API keys: who may come in, what each may do, and that test and live never meet."""

import asyncio

import pytest

from koudai import identity
from koudai.identity import Mode, Scope

pytestmark = pytest.mark.anyio

PATHS = ["/v1/programmes", "/v1/merchants", "/v1/gift_cards", "/v1/gift_card_activities?gift_card_id=x"]


@pytest.mark.parametrize(
    "header",
    [
        None, "", "Bearer", "Bearer ", "Basic a2Q6", "Bearer kd_test_" + "0" * 64, "Bearer kd_live_x", "kd_test_1",
        "Bearer \xff", "Bearer " + "x" * 5000,
    ],
)  # fmt: skip
async def test_who_has_no_key_stays_outside(api, header) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    for path in PATHS:
        answer = await api.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "api.unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    for path in ("/v1/gift_card_activities", "/v1/gift_card_activities/batch"):
        assert (await api.client.post(path, headers=headers)).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/start.js",
                                  "/docs/ui/swagger-ui-bundle.js", "/problems/cards.blocked"])  # fmt: skip
async def test_what_is_open(api, path) -> None:
    assert (await api.client.get(path)).status_code == 200


async def test_home_leads_to_the_documentation(api) -> None:
    answer = await api.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


LOAD = {"type": "LOAD", "gift_card_id": "x", "amount_minor": 5, "currency": "CNY", "source": "cash"}
REDEEM = {"type": "REDEEM", "gift_card_id": "x", "merchant_id": "x", "amount_minor": 5, "currency": "CNY"}
REFUND = {"type": "REFUND", "redemption_id": "x", "amount_minor": 5, "currency": "CNY"}
HOLD = {"type": "AUTHORISE", "gift_card_id": "x", "merchant_id": "x", "amount_minor": 5, "currency": "CNY"}
GIFT = {"type": "TRANSFER", "gift_card_id": "x", "to_gift_card_id": "y", "purpose": "gift", "currency": "CNY"}
MORE = {"gift_card_id": "x", "amount_minor": 5, "currency": "CNY", "reason": "r", "approved_by": "a"}
LATER = "2199-01-01T00:00:00Z"
ACTIVITIES = "/v1/gift_card_activities"

SCOPED = [
    ("POST", "/v1/programmes", {"name": "P", "currency": "CNY", "number_prefix": "900001"}, Scope.PROGRAMMES_WRITE),
    ("GET", "/v1/programmes", None, Scope.PROGRAMMES_READ),
    ("GET", "/v1/programmes/x", None, Scope.PROGRAMMES_READ),
    ("POST", "/v1/merchants", {"name": "M", "currency": "CNY"}, Scope.MERCHANTS_WRITE),
    ("GET", "/v1/merchants", None, Scope.MERCHANTS_READ),
    ("GET", "/v1/merchants/x", None, Scope.MERCHANTS_READ),
    ("POST", "/v1/gift_cards", {"programme_id": "x"}, Scope.CARDS_ISSUE),
    ("GET", "/v1/gift_cards", None, Scope.CARDS_READ),
    ("GET", "/v1/gift_cards/x", None, Scope.CARDS_READ),
    ("POST", "/v1/gift_cards/from_gan", {"gan": "9000010000000000009"}, Scope.CARDS_READ),
    ("GET", ACTIVITIES + "?gift_card_id=x", None, Scope.CARDS_READ),
    ("GET", ACTIVITIES + "/x", None, Scope.CARDS_READ),
    ("GET", "/v1/idempotency_keys/x", None, Scope.CARDS_READ),
    ("POST", ACTIVITIES, {"type": "ACTIVATE", "gift_card_id": "x"}, Scope.CARDS_ACTIVATE),
    ("POST", ACTIVITIES, LOAD, Scope.CARDS_LOAD),
    ("POST", ACTIVITIES, REDEEM, Scope.CARDS_REDEEM),
    ("POST", ACTIVITIES, HOLD, Scope.CARDS_REDEEM),
    ("POST", ACTIVITIES, {"type": "CAPTURE", "hold_id": "x"}, Scope.CARDS_REDEEM),
    ("POST", ACTIVITIES, {"type": "VOID", "group": "x"}, Scope.CARDS_REDEEM),
    ("POST", ACTIVITIES, GIFT, Scope.CARDS_TRANSFER),
    ("POST", ACTIVITIES, {"type": "ADJUST_INCREMENT", **MORE}, Scope.CARDS_ADJUST),
    ("POST", ACTIVITIES, {"type": "ADJUST_DECREMENT", **MORE}, Scope.CARDS_ADJUST),
    ("POST", ACTIVITIES, {"type": "EXPIRE", "gift_card_id": "x"}, Scope.CARDS_EXPIRE),
    ("POST", ACTIVITIES, {"type": "RENEW", "gift_card_id": "x", "expires_at": LATER}, Scope.CARDS_EXPIRE),
    ("POST", ACTIVITIES, {"type": "REACTIVATE", "gift_card_id": "x"}, Scope.CARDS_EXPIRE),
    ("POST", ACTIVITIES, {"type": "DEACTIVATE", "gift_card_id": "x", "reason": "x"}, Scope.CARDS_CLOSE),
    ("POST", "/v1/gift_cards/x/exchange", None, Scope.CARDS_ISSUE),
    ("GET", "/v1/payouts", None, Scope.CARDS_CLOSE),
    ("GET", "/v1/notices", None, Scope.CARDS_READ),
    ("POST", "/v1/notices/take", {}, Scope.NOTICES_TAKE),
    ("GET", "/v1/test_clock", None, Scope.CARDS_READ),
    ("POST", "/v1/test_clock/advance", {"to": LATER}, Scope.CLOCK_ADVANCE),
    ("POST", ACTIVITIES, REFUND, Scope.CARDS_REFUND),
    ("POST", ACTIVITIES, {"type": "REVERSAL", "redemption_id": "x"}, Scope.CARDS_REDEEM),
    ("POST", ACTIVITIES, {"type": "BLOCK", "gift_card_id": "x"}, Scope.CARDS_BLOCK),
    ("POST", ACTIVITIES, {"type": "UNBLOCK", "gift_card_id": "x"}, Scope.CARDS_BLOCK),
    ("POST", "/v1/gift_cards/x/restrictions", {"kind": "issuer"}, Scope.CARDS_BLOCK),
    ("POST", "/v1/gift_cards/x/restrictions/y/lift", {"kind": "holder"}, Scope.CARDS_BLOCK),
    ("POST", "/v1/gift_cards/x/restrictions/y/continue", {"kind": "issuer"}, Scope.CARDS_BLOCK),
    ("POST", "/v1/gift_cards/x/loss_report", {}, Scope.CARDS_BLOCK),
    ("GET", "/v1/gift_cards/x/restrictions", None, Scope.CARDS_RESTRICT),
    ("POST", "/v1/gift_cards/x/pin", {"pin": "274916"}, Scope.CARDS_PIN),
    ("POST", "/v1/gift_cards/x/pin/change", {"old_pin": "274916", "pin": "805263", "device": "d"}, Scope.CARDS_PIN),
    ("POST", "/v1/gift_cards/x/pin/reset", None, Scope.CARDS_PIN_RESET),
    ("POST", "/v1/gift_cards/x/pay_codes", None, Scope.CARDS_PAY_CODE),
    ("POST", ACTIVITIES + "/batch", {"redemptions": [{}]}, Scope.CARDS_REDEEM),
]


@pytest.mark.parametrize(("method", "path", "body", "scope"), SCOPED)
async def test_each_request_asks_for_its_scope(api, new_key, method, path, body, scope) -> None:
    others = await new_key(Mode.TEST, tuple(s for s in Scope if s is not scope))
    refused = await api.call(method, path, body, token=others.token)
    assert (refused.status_code, refused.json()["code"]) == (403, "api.scope_missing")
    assert refused.json()["facts"] == {"scope": str(scope)}
    enough = await new_key(Mode.TEST, (scope,))
    assert (await api.call(method, path, body, token=enough.token)).status_code in (200, 201, 404)


async def test_test_and_live_never_meet(api, new_key) -> None:
    live = await new_key(Mode.LIVE, issuer="both sides")
    test = await new_key(Mode.TEST, issuer="both sides")
    api.token = test.token
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.card(programme)
    paid = await api.act("LOAD", gift_card_id=card["id"], amount_minor=9, currency="CNY", source="cash", key="k")
    assert card["mode"] == "test"

    api.token = live.token
    for path in (
        f"/v1/programmes/{programme}",
        f"/v1/merchants/{merchant}",
        f"/v1/gift_cards/{card['id']}",
        f"/v1/gift_card_activities/{paid.json()['id']}",
        f"/v1/gift_card_activities?gift_card_id={card['id']}",
        "/v1/idempotency_keys/k",
    ):
        assert (await api.get(path)).status_code == 404, path
    assert (await api.post("/v1/gift_cards/from_gan", {"gan": card["gan"]})).status_code == 404
    for path in ("/v1/programmes", "/v1/merchants", "/v1/gift_cards"):
        assert (await api.get(path)).json() == {"data": [], "next_cursor": None}
    # The same key is another one on this side, and what it names isn't there.
    for named in ({"gift_card_id": card["id"]}, {"gan": card["gan"]}):
        answer = await api.act("BLOCK", **named)
        assert (answer.status_code, answer.json()["code"]) == (404, "cards.unknown_card")
    answer = await api.post("/v1/gift_cards", {"programme_id": programme}, key="k")
    assert (answer.status_code, answer.json()["code"]) == (404, "cards.unknown_programme")
    theirs = await api.merchant()

    api.token = test.token
    pay = {"gift_card_id": card["id"], "amount_minor": 1, "currency": "CNY"}
    answer = await api.act("REDEEM", merchant_id=theirs, **pay)
    assert (answer.status_code, answer.json()["code"]) == (404, "cards.unknown_merchant")
    assert (await api.act("REDEEM", merchant_id=merchant, **pay)).status_code == 201


async def test_no_card_is_issued_on_a_live_side_before_the_launch(api, new_key) -> None:
    api.token = (await new_key(Mode.LIVE, issuer="both sides")).token
    answer = await api.post("/v1/gift_cards", {"programme_id": await api.programme()})
    assert (answer.status_code, answer.json()["code"]) == (409, "cards.not_launched")


async def test_a_revoked_key_does_nothing_more(api, instance, new_key) -> None:
    programme, merchant = await api.programme(), await api.merchant()
    card = await api.loaded(programme, 1_000)
    order = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 1, "currency": "CNY"}
    ended = await new_key()
    api.token, kept = ended.token, api.token
    assert (await api.act("REDEEM", **order)).status_code == 404
    assert (await api.get("/v1/gift_cards")).status_code == 200
    await instance.db.transact(lambda tx: identity.revoke_key(tx, ended.id))
    both = await asyncio.gather(api.act("REDEEM", **order), api.act("REDEEM", token=kept, **order))
    assert [answer.status_code for answer in both] == [401, 201]
    assert (await api.get("/v1/gift_cards")).status_code == 401
    assert (await api.post("/v1/merchants", {"name": "M", "currency": "CNY"})).status_code == 401
    batch = {"redemptions": [{"idempotency_key": "b", **order}]}
    assert (await api.post("/v1/gift_card_activities/batch", batch)).status_code == 401


async def test_a_key_revoked_in_another_process_does_nothing_more(api, instance, new_key) -> None:
    ended = await new_key()
    api.token = ended.token
    batch = {
        "redemptions": [
            {"idempotency_key": "b", "gift_card_id": "x", "merchant_id": "x", "amount_minor": 1, "currency": "CNY"}
        ]
    }
    assert (await api.post("/v1/gift_card_activities/batch", batch)).json()["outcomes"][0]["status"] == "refused"
    await instance.db.transact(lambda tx: identity.revoke_key(tx, ended.id))
    told = (await api.post("/v1/gift_card_activities/batch", batch)).json()["outcomes"][0]
    assert (told["status"], told["problem"]["code"]) == ("failed", "api.unauthenticated")

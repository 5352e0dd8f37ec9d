"""Bad input: one clear answer each, naming the field, and nothing is half done or remembered."""

import json

import pytest

pytestmark = pytest.mark.anyio

CARD = "gftc_" + "0" * 32
MERCHANT = "mrch_" + "0" * 32
REDEEM = {"type": "REDEEM", "gift_card_id": CARD, "merchant_id": MERCHANT, "amount_minor": 5, "currency": "CNY"}
LOAD = {"type": "LOAD", "gift_card_id": CARD, "amount_minor": 5, "currency": "CNY", "source": "cash"}
HOLD = REDEEM | {"type": "AUTHORISE"}
CAPTURE = {"type": "CAPTURE", "hold_id": "gact_x"}
GIFT = {"type": "TRANSFER", "gift_card_id": CARD, "to_gift_card_id": CARD, "purpose": "gift", "currency": "CNY"}
UP = {"type": "ADJUST_INCREMENT", "gift_card_id": CARD, "amount_minor": 5, "currency": "CNY", "reason": "r",
      "approved_by": "a"}  # fmt: skip
DOWN = {"type": "ADJUST_DECREMENT", "gift_card_id": CARD, "amount_minor": 5, "currency": "CNY", "reason": "r"}
RENEW = {"type": "RENEW", "gift_card_id": CARD, "expires_at": "2199-01-01T00:00:00Z"}
LIMIT = {"subjects": ["card"], "flow": "redeem", "per": "day", "max_minor": 5}
REFUND = {"type": "REFUND", "redemption_id": "gact_x", "amount_minor": 5, "currency": "CNY"}
ACTIVITIES, CARDS, MERCHANTS, PROGRAMMES = (
    "/v1/gift_card_activities", "/v1/gift_cards", "/v1/merchants", "/v1/programmes",
)  # fmt: skip
PROGRAMME = {"name": "P", "currency": "CNY", "number_prefix": "900001"}


@pytest.mark.parametrize(
    ("path", "body", "field", "code"),
    [
        (ACTIVITIES, REDEEM | {"amount_minor": 0}, "amount_minor", "api.field_at_least"),
        (ACTIVITIES, REDEEM | {"amount_minor": -1}, "amount_minor", "api.field_at_least"),
        (ACTIVITIES, REDEEM | {"amount_minor": 1.5}, "amount_minor", "api.field_type"),
        (ACTIVITIES, REDEEM | {"amount_minor": 1.0}, "amount_minor", "api.field_type"),
        (ACTIVITIES, REDEEM | {"amount_minor": "5"}, "amount_minor", "api.field_type"),
        (ACTIVITIES, REDEEM | {"amount_minor": True}, "amount_minor", "api.field_type"),
        (ACTIVITIES, REDEEM | {"amount_minor": None}, "amount_minor", "api.field_type"),
        (ACTIVITIES, REDEEM | {"amount_minor": 2**63}, "amount_minor", "api.field_at_most"),
        (ACTIVITIES, REDEEM | {"amount_minor": 10**4000}, "amount_minor", "api.field_at_most"),
        (ACTIVITIES, REDEEM | {"currency": "XXX"}, "currency", "api.field_currency"),
        (ACTIVITIES, REDEEM | {"currency": "cny"}, "currency", "api.field_currency"),
        (ACTIVITIES, REDEEM | {"currency": "CN"}, "currency", "api.field_longer"),
        (ACTIVITIES, REDEEM | {"amount": 5}, "amount", "api.field_unknown"),
        (ACTIVITIES, REDEEM | {"type": "PAY"}, "type", "api.field_choice"),
        (ACTIVITIES, {"gift_card_id": CARD}, "type", "api.field_missing"),
        (ACTIVITIES, {"type": "REDEEM"}, "merchant_id", "api.field_missing"),
        (ACTIVITIES, {"type": "BLOCK"}, "gift_card_id", "api.field_one_of"),
        (ACTIVITIES, {"type": "BLOCK", "gift_card_id": CARD, "gan": "9" * 19}, "gift_card_id", "api.field_one_of"),
        (ACTIVITIES, {"type": "BLOCK", "gan": "9000010000000000000"}, "gan", "api.field_number"),
        (ACTIVITIES, {"type": "BLOCK", "gan": "١" * 19}, "gan", "api.field_number"),
        (ACTIVITIES, LOAD | {"source": "gold"}, "source", "api.field_choice"),
        (ACTIVITIES, REFUND | {"gift_card_id": CARD}, "gift_card_id", "api.field_one_of"),
        (ACTIVITIES, REFUND | {"merchant_id": MERCHANT}, "merchant_id", "api.field_one_of"),
        (ACTIVITIES, {"type": "REFUND", "gift_card_id": CARD, "amount_minor": 5, "currency": "CNY"},
         "redemption_id", "api.field_one_of"),
        (ACTIVITIES, {"type": "REVERSAL"}, "redemption_key", "api.field_one_of"),
        (ACTIVITIES, {"type": "REVERSAL", "redemption_key": "k\n"}, "redemption_key", "api.field_form"),
        (ACTIVITIES, {"type": "REVERSAL", "redemption_key": "k" * 256}, "redemption_key", "api.field_shorter"),
        (ACTIVITIES, REDEEM | {"device": ""}, "device", "api.field_longer"),
        (ACTIVITIES, REDEEM | {"device": "d" * 201}, "device", "api.field_shorter"),
        (ACTIVITIES, REDEEM | {"device": "d\0"}, "device", "api.field_form"),
        (ACTIVITIES, LOAD | {"payer": 7}, "payer", "api.field_type"),
        (ACTIVITIES, LOAD | {"may_pass": "yes"}, "may_pass", "api.field_type"),
        (ACTIVITIES, LOAD | {"expires_at": "0001-01-01T00:00:00+23:00"}, "expires_at", "api.field_time"),
        (ACTIVITIES, LOAD | {"expires_at": "9999-12-31T23:59:59-01:00"}, "expires_at", "api.field_time"),
        (ACTIVITIES, LOAD | {"expires_at": 7}, "expires_at", "api.field_type"),
        (ACTIVITIES, HOLD | {"ttl_s": 0}, "ttl_s", "api.field_at_least"),
        (ACTIVITIES, HOLD | {"ttl_s": 31_622_401}, "ttl_s", "api.field_at_most"),
        (ACTIVITIES, HOLD | {"group": ""}, "group", "api.field_longer"),
        (ACTIVITIES, HOLD | {"group": "a\0"}, "group", "api.field_form"),
        (ACTIVITIES, HOLD | {"amount_minor": 0}, "amount_minor", "api.field_at_least"),
        (ACTIVITIES, {"type": "CAPTURE"}, "hold_id", "api.field_one_of"),
        (ACTIVITIES, {"type": "VOID"}, "hold_id", "api.field_one_of"),
        (ACTIVITIES, CAPTURE | {"group": "g"}, "hold_id", "api.field_one_of"),
        (ACTIVITIES, CAPTURE | {"amount_minor": 0}, "amount_minor", "api.field_at_least"),
        (ACTIVITIES, CAPTURE | {"amount_minor": -1, "final": True}, "amount_minor", "api.field_at_least"),
        (ACTIVITIES, {"type": "CAPTURE", "group": "g", "amount_minor": 1}, "amount_minor", "api.field_not_with"),
        (ACTIVITIES, CAPTURE | {"currency": "CNY"}, "currency", "api.field_unknown"),
        (ACTIVITIES, GIFT | {"purpose": "loan"}, "purpose", "api.field_choice"),
        (ACTIVITIES, GIFT | {"amount_minor": 0}, "amount_minor", "api.field_at_least"),
        (ACTIVITIES, GIFT | {"gan": "9" * 19}, "gift_card_id", "api.field_one_of"),
        (ACTIVITIES, GIFT | {"currency": "ABC"}, "currency", "api.field_currency"),
        (ACTIVITIES, GIFT | {"recipient": "r" * 201}, "recipient", "api.field_shorter"),
        (ACTIVITIES, {k: v for k, v in UP.items() if k != "approved_by"}, "approved_by", "api.field_missing"),
        (ACTIVITIES, UP | {"reason": ""}, "reason", "api.field_longer"),
        (ACTIVITIES, DOWN | {"reason": "r" * 1001}, "reason", "api.field_shorter"),
        (ACTIVITIES, DOWN | {"made_by": "me"}, "made_by", "api.field_unknown"),
        (ACTIVITIES, DOWN | {"source": "cash"}, "source", "api.field_unknown"),
        (ACTIVITIES, {"type": "EXPIRE"}, "gift_card_id", "api.field_one_of"),
        (ACTIVITIES, RENEW | {"expires_at": 7}, "expires_at", "api.field_type"),
        (PROGRAMMES, PROGRAMME | {"draw_order": "random"}, "draw_order", "api.field_choice"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT, LIMIT | {"flow": "spend"}]}, "limits[1].flow", "api.field_choice"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT | {"subjects": []}]}, "limits[0].subjects", "api.field_longer"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT | {"subjects": ["card"] * 3}]}, "limits[0].subjects",
         "api.field_shorter"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT | {"subjects": ["moon"]}]}, "limits[0].subjects[0]",
         "api.field_choice"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT | {"window_s": 59}]}, "limits[0].window_s", "api.field_at_least"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT | {"max_minor": -1}]}, "limits[0].max_minor", "api.field_at_least"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT | {"max": 1}]}, "limits[0].max", "api.field_unknown"),
        (PROGRAMMES, PROGRAMME | {"limits": [LIMIT] * 51}, "limits", "api.field_shorter"),
        ("/v1/test_clock/advance", {}, "to", "api.field_missing"),
        ("/v1/test_clock/advance", {"to": "0001-01-01T00:00:00+23:00"}, "to", "api.field_time"),
        (ACTIVITIES, [], "body", "api.field_type"),
        (CARDS, {"programme_id": "x", "active": "yes"}, "active", "api.field_type"),
        (CARDS, {"programme_id": "x", "holder_ref": "a\0b"}, "holder_ref", "api.field_form"),
        (CARDS, {"programme_id": "x", "holder_ref": "h" * 201}, "holder_ref", "api.field_shorter"),
        (CARDS, {"programme_id": 7}, "programme_id", "api.field_type"),
        (MERCHANTS, {"name": "", "currency": "CNY"}, "name", "api.field_longer"),
        (MERCHANTS, {"name": "n" * 201, "currency": "CNY"}, "name", "api.field_shorter"),
        (MERCHANTS, {"name": "a\0", "currency": "CNY"}, "name", "api.field_form"),
        (MERCHANTS, {"name": "M", "currency": "ABC"}, "currency", "api.field_currency"),
        (PROGRAMMES, PROGRAMME | {"number_prefix": "400001"}, "number_prefix", "api.field_form"),
        (PROGRAMMES, PROGRAMME | {"number_prefix": "9٠0001"}, "number_prefix", "api.field_form"),
        (PROGRAMMES, PROGRAMME | {"max_load_minor": 0}, "max_load_minor", "api.field_at_least"),
        (PROGRAMMES, PROGRAMME | {"max_balance_minor": 2**63}, "max_balance_minor", "api.field_at_most"),
        (PROGRAMMES, PROGRAMME | {"currency": "ABC"}, "currency", "api.field_currency"),
        (ACTIVITIES + "/batch", {"redemptions": []}, "redemptions", "api.field_longer"),
        (ACTIVITIES + "/batch", {"redemptions": [1] * 8001}, "redemptions", "api.field_shorter"),
        (ACTIVITIES + "/batch", {}, "redemptions", "api.field_missing"),
        ("/v1/gift_cards/from_gan", {"gan": "1"}, "gan", "api.field_number"),
    ],
)  # fmt: skip
async def test_a_bad_field_is_named(api, path, body, field, code) -> None:
    answer = await api.post(path, body, key="bad")
    problem = answer.json()
    assert answer.status_code == 422, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] in ("api.invalid", "api.bad_number")
    assert [(e["field"], e["code"]) for e in problem["errors"]] == [(field, code)]
    assert "{" not in problem["errors"][0]["detail"].replace("{5}", "")
    assert (await api.get("/v1/idempotency_keys/bad")).status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "api.malformed_json"),
        (b"{", 400, "api.malformed_json"),
        (b"\xff", 400, "api.malformed_json"),
        (b'{"type":"REVERSAL","redemption_key":"\xff"}', 400, "api.malformed_json"),
        (b'{"type":"REVERSAL","redemption_key":"\\ud800"}', 400, "api.malformed_json"),
        (b'{"type":"BLOCK"} {}', 400, "api.malformed_json"),
        (b"[" * 60_000, 422, "api.invalid"),
        (b'{"type":' + b"[" * 60_000, 400, "api.malformed_json"),
        (b'{"type":"LOAD","amount_minor":' + b"9" * 5_000 + b"}", 422, "api.invalid"),
        (b" " * 70_000, 413, "api.body_too_large"),
    ],
)
async def test_a_body_that_is_no_json(api, content, status, code) -> None:
    answer = await api.call("POST", ACTIVITIES, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_deep_item_of_a_batch_is_no_bug(api) -> None:
    deep = b'{"redemptions":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
    answer = await api.call("POST", ACTIVITIES + "/batch", content=deep, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "json"])
async def test_another_content_type_is_refused(api, content_type) -> None:
    for path in (ACTIVITIES, CARDS, ACTIVITIES + "/batch"):
        answer = await api.call("POST", path, content=b"{}", headers={"Content-Type": content_type})
        assert (answer.status_code, answer.json()["code"]) == (415, "api.not_json")
    plain = await api.call("POST", MERCHANTS, content=json.dumps({"name": "M", "currency": "CNY"}),
                           headers={"Content-Type": "application/json; charset=utf-8"})  # fmt: skip
    assert plain.status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "api.not_found"),
        ("GET", "/nothing", 404, "api.not_found"),
        ("POST", "/v1/nothing", 404, "api.not_found"),
        ("GET", "/v1/merchants/", 404, "api.not_found"),
        ("GET", "/v1/gift_cards/gftc_x", 404, "api.not_found"),
        ("GET", "/v1/gift_cards/" + CARD, 404, "api.not_found"),
        ("GET", "/v1/gift_card_activities/gact_" + "0" * 32, 404, "api.not_found"),
        ("GET", "/v1/merchants/mrch_%00", 404, "api.not_found"),
        ("GET", "/v1/programmes/" + CARD, 404, "api.not_found"),
        ("GET", "/v1/gift_card_activities?gift_card_id=" + CARD, 404, "api.not_found"),
        ("GET", "/problems/nothing.of_the_kind", 404, "api.not_found"),
        ("PUT", "/v1/gift_cards", 405, "api.method_not_allowed"),
        ("DELETE", "/v1/gift_card_activities", 405, "api.method_not_allowed"),
        ("GET", "/v1/gift_card_activities/batch", 405, "api.method_not_allowed"),
        ("POST", "/healthz", 405, "api.method_not_allowed"),
        ("POST", "/openapi.json", 405, "api.method_not_allowed"),
    ],
)
async def test_what_is_not_there(api, method, path, status, code) -> None:
    answer = await api.call(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 405:
        assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


async def test_allow_names_all_methods_of_a_path(api) -> None:
    assert (await api.call("PATCH", ACTIVITIES)).headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (ACTIVITIES, REDEEM, 404, "cards.unknown_card"),
        (ACTIVITIES, LOAD | {"gift_card_id": "x" * 100}, 404, "cards.unknown_card"),
        (ACTIVITIES, LOAD | {"expires_at": "0001-01-01T00:00:00Z"}, 404, "cards.unknown_card"),
        (ACTIVITIES, HOLD, 404, "cards.unknown_card"),
        (ACTIVITIES, CAPTURE, 404, "cards.unknown_hold"),
        (ACTIVITIES, {"type": "VOID", "group": "口袋" * 100}, 404, "cards.unknown_hold"),
        (ACTIVITIES, GIFT, 404, "cards.unknown_card"),
        (ACTIVITIES, UP, 404, "cards.unknown_card"),
        (ACTIVITIES, DOWN | {"corrects_id": MERCHANT}, 404, "cards.unknown_card"),
        (ACTIVITIES, RENEW, 404, "cards.unknown_card"),
        (ACTIVITIES, REFUND, 404, "cards.unknown_redemption"),
        (ACTIVITIES, {"type": "REVERSAL", "redemption_id": MERCHANT}, 404, "cards.unknown_redemption"),
        (CARDS, {"programme_id": "prgm_x"}, 404, "cards.unknown_programme"),
    ],
)
async def test_an_unknown_id_is_judged_and_remembered(api, path, body, status, code) -> None:
    answer = await api.post(path, body, key="unknown")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    told = (await api.get("/v1/idempotency_keys/unknown")).json()
    assert told["problem"]["code"] == code


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"), ("limit=", "limit"),
        ("limit=1&limit=2", "limit"), ("limit=%D9%A1", "limit"), ("cursor=x", "cursor"), ("cursor=", "cursor"),
        ("cursor=" + CARD, "cursor"),
    ],
)  # fmt: skip
async def test_a_bad_query_is_named(api, query, field) -> None:
    for path in (CARDS, MERCHANTS, PROGRAMMES, ACTIVITIES):
        named = "&gift_card_id=" + CARD if path == ACTIVITIES else ""
        answer = await api.get(f"{path}?{query}{named}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), path
    missing = await api.get(ACTIVITIES)
    assert missing.json()["errors"][0]["field"] == "gift_card_id"


async def test_keys_are_asked_for_and_checked(api) -> None:
    body = {"name": "M", "currency": "CNY"}
    for path in (MERCHANTS, PROGRAMMES, CARDS, ACTIVITIES):
        answer = await api.call("POST", path, body, headers={"Idempotency-Key": ""})
        assert (answer.status_code, answer.json()["code"]) == (400, "api.key_required")
    for bad in ("k" * 256, "clé"):
        answer = await api.call("POST", MERCHANTS, body, headers={"Idempotency-Key": bad.encode()})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert (await api.post(MERCHANTS, body, key="k" * 255)).status_code == 201
    twice = await api.client.post(MERCHANTS, json=body, headers=[("idempotency-key", "a"), ("idempotency-key", "b")])
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (422, "api.field_repeated")


@pytest.mark.parametrize("code", ["CNY", "JPY", "KWD"])
async def test_amounts_up_to_bigint_are_taken(api, code) -> None:
    programme = await api.programme(currency=code)
    card = (await api.card(programme))["id"]
    top = await api.act("LOAD", gift_card_id=card, amount_minor=2**63 - 1, currency=code, source="cash")
    assert (top.status_code, top.json()["balance_minor"]) == (201, 2**63 - 1)
    over = await api.act("LOAD", gift_card_id=card, amount_minor=1, currency=code, source="cash")
    assert (over.status_code, over.json()["code"]) == (409, "ledger.balance_too_large")
    assert "account" not in over.json()["facts"]


async def test_of_a_name_that_stands_twice_the_last_one_counts(api) -> None:
    headers = {"authorization": f"Bearer {api.token}", "content-type": "application/json", "idempotency-key": "twice"}
    body = b'{"currency": "CNY", "name": "Tea", "name": "Tea House"}'
    made = await api.client.post(MERCHANTS, content=body, headers=headers)
    assert (made.status_code, made.json()["name"]) == (201, "Tea House")

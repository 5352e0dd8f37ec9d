"""The OpenAPI document: valid, complete, and true of what is served."""

import json

import jsonschema
import msgspec
import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from koudai.api.commands import SCOPES
from koudai.api.openapi import document
from koudai.api.operations import OPERATIONS
from koudai.api.problems import STATUS
from koudai.api.shapes import NewActivity
from koudai.identity import Scope

pytestmark = pytest.mark.anyio

DOCUMENT = json.loads(msgspec.json.encode(document(OPERATIONS)))
PAGES = {"/", "/docs", "/docs/start.js", "/openapi.json"}


async def test_every_route_is_described_and_every_described_one_served(api) -> None:
    routes = api.client._transport.app.routes
    served = {
        (method, route.path.replace("{key:path}", "{key}"))
        for route in routes
        if isinstance(route, Route) and route.path not in PAGES
        for method in route.endpoint.operations
    }
    described = {(m.upper(), path) for path, methods in DOCUMENT["paths"].items() for m in methods}
    assert served == described
    assert (await api.client.get("/openapi.json")).json() == DOCUMENT


def walk(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def test_references_lead_somewhere_and_schemas_are_valid() -> None:
    for node in walk(DOCUMENT):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            assert node["$ref"].removeprefix("#/components/schemas/") in DOCUMENT["components"]["schemas"]
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = [o["operationId"] for path in DOCUMENT["paths"].values() for o in path.values()]
    assert len(names) == len(set(names))


def test_the_document_is_openapi() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(DOCUMENT)


def validator_of(schema: dict) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_examples_are_what_they_are_examples_of() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for told in methods.values():
            content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, example in content.get("examples", {}).items():
                errors = list(validator_of(content["schema"]).iter_errors(example["value"]))
                assert not errors, (path, name, errors)


@pytest.mark.parametrize(
    ("body", "valid"),
    [
        ({"type": "BLOCK", "gift_card_id": "x"}, True),
        ({"type": "BLOCK"}, False),
        ({"type": "BLOCK", "gift_card_id": "x", "gan": "9000010000000000009"}, False),
        ({"type": "REFUND", "redemption_id": "x", "amount_minor": 1, "currency": "CNY"}, True),
        ({"type": "REFUND", "gift_card_id": "x", "merchant_id": "y", "amount_minor": 1, "currency": "CNY"}, True),
        ({"type": "REFUND", "gift_card_id": "x", "redemption_id": "y", "amount_minor": 1, "currency": "CNY"}, False),
        ({"type": "REFUND", "gift_card_id": "x", "amount_minor": 1, "currency": "CNY"}, False),
        ({"type": "REVERSAL", "redemption_key": "x"}, True),
        ({"type": "REVERSAL", "redemption_key": "x", "redemption_id": "y"}, False),
        ({"type": "REFUND", "redemption_id": "x", "amount_minor": 1, "currency": "XXX"}, False),
        ({"type": "CAPTURE", "hold_id": "x"}, True),
        ({"type": "CAPTURE", "hold_id": "x", "amount_minor": 0, "final": True}, True),
        ({"type": "CAPTURE", "group": "x", "final": True}, True),
        ({"type": "CAPTURE", "group": "x", "amount_minor": 1}, False),
        ({"type": "CAPTURE", "group": "x", "hold_id": "y"}, False),
        ({"type": "CAPTURE"}, False),
        ({"type": "VOID", "group": "x"}, True),
        ({"type": "VOID", "group": "x", "hold_id": "y"}, False),
        ({"type": "TRANSFER", "gift_card_id": "x", "to_gift_card_id": "y", "purpose": "gift", "currency": "CNY"}, True),
        ({"type": "TRANSFER", "to_gift_card_id": "y", "purpose": "gift", "currency": "CNY"}, False),
        ({"type": "RENEW", "gan": "9000010000000000009", "expires_at": "2199-01-01T00:00:00Z"}, True),
        ({"type": "EXPIRE", "gift_card_id": "x", "gan": "9000010000000000009"}, False),
        ({"type": "ADJUST_INCREMENT", "gift_card_id": "x", "amount_minor": 1, "currency": "CNY", "reason": "r"}, False),
        ({"type": "ADJUST_DECREMENT", "gift_card_id": "x", "amount_minor": 1, "currency": "CNY", "reason": "r"}, True),
        ({"type": "REFUND", "redemption_id": "x", "amount_minor": 2**63, "currency": "CNY"}, False),
    ],
)
async def test_the_schema_takes_what_the_server_takes(api, body, valid) -> None:
    schema = DOCUMENT["paths"]["/v1/gift_card_activities"]["post"]["requestBody"]["content"]["application/json"]
    assert validator_of(schema["schema"]).is_valid(body) == valid
    answer = await api.post("/v1/gift_card_activities", body)
    assert (answer.status_code != 422) == valid, answer.text


async def test_answers_are_as_described(api) -> None:
    limit = {"subjects": ["card"], "flow": "redeem", "per": "day", "max_minor": 50}
    programme, merchant = await api.programme(limits=[limit]), await api.merchant()
    card = await api.loaded(programme, 100)
    hold = await api.act("AUTHORISE", gift_card_id=card, merchant_id=merchant, amount_minor=9, currency="CNY")
    void = (await api.act("VOID", hold_id=hold.json()["id"])).json()
    made = (await api.post(f"/v1/gift_cards/{card}/replace", {"reason": "lost"})).json()
    gift = (await api.post(f"/v1/gift_cards/{made['gift_card']['id']}/gifts", {"greeting": "hi"})).json()
    told = [
        ("/v1/programmes", {}, "get"), ("/v1/merchants", {}, "get"), ("/v1/gift_cards", {}, "get"),
        ("/v1/programmes/{id}", {"id": programme}, "get"), ("/v1/merchants/{id}", {"id": merchant}, "get"),
        ("/v1/gift_cards/{id}", {"id": card}, "get"), ("/v1/test_clock", {}, "get"),
        ("/v1/policy/clauses", {}, "get"), ("/v1/policy/clauses/{clause}", {"clause": "sp.18.bearer"}, "get"),
        ("/v1/gift_card_activities/{id}", {"id": void["id"]}, "get"), ("/v1/idempotency_keys/{key}", {"key": "auto-1"}, "get"),
        ("/v1/gifts/{id}", {"id": gift["id"]}, "get"), ("/healthz", {}, "get"), ("/readyz", {}, "get"), ("/problems/{code}", {"code": "cards.blocked"}, "get"),
    ]  # fmt: skip
    for path, named, method in told:
        answer = await api.call(method.upper(), path.format(**named))
        content = DOCUMENT["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        jsonschema.validate(answer.json(), {**content["schema"], "components": DOCUMENT["components"]})


def test_declarations_are_whole() -> None:
    for operation in OPERATIONS:
        assert (operation.handle is None) != (operation.raw is None), operation.name
        assert operation.open == (not operation.path.startswith("/v1/")), operation.name
        assert operation.open or operation.scope or operation.name == "create_gift_card_activity"
        assert all(str(code) in STATUS for code in operation.codes)
    assert set(SCOPES) == set(NewActivity.__args__)
    assert set(SCOPES.values()) <= set(Scope)

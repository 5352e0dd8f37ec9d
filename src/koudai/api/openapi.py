"""The OpenAPI 3.1 document, built from the declarations of the routes."""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus

import msgspec

from koudai import __version__
from koudai.api.door import PAGE_DEFAULT, PAGE_MAX, Operation
from koudai.api.problems import STATUS, ApiProblem, ProblemBody
from koudai.api.shapes import BatchRedemption, Json
from koudai.base import asset_codes
from koudai.ledger import LedgerRefusal
from koudai.pg import PgFault

_BY_CARD = (
    "Activate", "AdjustDecrement", "AdjustIncrement", "Block", "Expire", "Load", "Renew", "Transfer", "Unblock",
    "NewSale", "CallOff", "VoidSale",
)  # fmt: skip
_PAYING = ("Authorise", "BatchRedemption", "Redeem")

_SCHEMAS = "#/components/schemas/"

_ABOUT = """\
Prepaid and gift cards: programmes, merchants, cards, and everything that happens to a card.

Amounts are whole minor units (`amount_minor`: 12.50 CNY is 1250) with their currency; times are RFC 3339 in UTC.
Every request that books or makes something (but a pay code) carries an `Idempotency-Key`, kept for ever: the same key
and request give the first outcome again, the same key with another request is refused, naming the field. Problems are
RFC 9457, with a dotted `code`, in English or Chinese by `Accept-Language`. 401, 422 for a malformed request, 429 and
503 are not remembered; judged refusals are. Of a name that stands twice in one object of a body, the last one counts.

金额以最小单位的整数表示，时间为 UTC。每个写请求都带 `Idempotency-Key`，永久有效。
"""

_QUERY: dict[str, Json] = {
    "cursor": {
        "name": "cursor", "in": "query", "schema": {"type": "string", "pattern": "^cur_[0-9a-f]{32}$"},
        "description": "The `next_cursor` of the page before; leave it out for the first page.",
    },
    "limit": {
        "name": "limit", "in": "query", "description": "How many a page has at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT},
    },
    "gift_card_id": {
        "name": "gift_card_id", "in": "query", "required": True, "schema": {"type": "string"},
        "description": "Whose history.",
    },
}  # fmt: skip

_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Your own name for this request; send the same again when you repeat it.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "example": "order-1001",
}

_HEADERS: dict[int, Json] = {
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
}


def document(operations: Sequence[Operation]) -> Json:
    """The document of these routes."""
    types = [t for o in operations for t in (o.request, o.response) if t is not None]
    schemas_of, components = msgspec.json.schema_components(
        [ProblemBody, BatchRedemption, *types], ref_template=_SCHEMAS + "{name}"
    )
    schemas = iter(schemas_of[2:])
    paths: dict[str, Json] = {}
    for operation in operations:
        request = next(schemas) if operation.request is not None else None
        response = next(schemas) if operation.response is not None else None
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, request, response)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "koudai",
            "version": __version__,
            "summary": "Prepaid cards, gift cards, vouchers, airtime and points",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(o.tag for o in operations)],
        "paths": paths,
        "components": {
            "schemas": _finished(components),
            "securitySchemes": {
                "api_key": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "kd_test_… or kd_live_…",
                    "description": "An API key. Test and live never mix.",
                }
            },
        },
    }  # fmt: skip


def _finished(components: Json) -> Json:
    """The schemas with what a type can't say: the currencies, and which fields exclude each other."""
    components["Currency"] = {
        "title": "Currency", "type": "string", "description": "ISO 4217", "enum": sorted(asset_codes()),
        "examples": ["CNY"],
    }  # fmt: skip
    by_card = [{"required": ["gift_card_id"]}, {"required": ["gan"]}]
    for name in _BY_CARD:
        components[name]["oneOf"] = by_card
    for name in _PAYING:
        components[name]["oneOf"] = [*by_card, {"required": ["pay_code"]}]
    components["Capture"]["oneOf"] = [
        {"required": ["hold_id"], "properties": {"group": False}},
        {"required": ["group"], "properties": {"hold_id": False, "amount_minor": False}},
    ]
    components["Void"]["oneOf"] = [{"required": ["hold_id"]}, {"required": ["group"]}]
    components["Refund"]["oneOf"] = [
        {
            "required": ["redemption_id"],
            "properties": {"gift_card_id": False, "gan": False, "merchant_id": False},
        },
        *(
            {"required": [card, "merchant_id"], "properties": {other: False, "redemption_id": False}}
            for card, other in (("gift_card_id", "gan"), ("gan", "gift_card_id"))
        ),
    ]
    components["Reversal"]["oneOf"] = [{"required": ["redemption_key"]}, {"required": ["redemption_id"]}]
    components["RedemptionBatch"]["properties"]["redemptions"]["items"] = {"$ref": _SCHEMAS + "BatchRedemption"}
    return components


def _operation(operation: Operation, request: Json | None, response: Json | None) -> Json:
    told: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": [] if operation.open else [{"api_key": []}],
        "responses": _responses(operation, response),
    }
    if operation.scope is not None:
        told["description"] = f"Scope: `{operation.scope}`."
    elif not operation.open:
        told["description"] = "The scope goes by the type, as in `cards:redeem`."
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [_QUERY[name] for name in operation.query]
    if operation.keyed:
        parameters.append(_KEY)
    if parameters:
        told["parameters"] = parameters
    if request is not None:
        content: Json = {"schema": request}
        if operation.examples:
            content["examples"] = dict(operation.examples)
        told["requestBody"] = {"required": True, "content": {"application/json": content}}
    return told


def _responses(operation: Operation, response: Json | None) -> Json:
    content: Json = {"application/json": {"schema": response}}
    if response is None:
        content = {"text/plain": {"schema": {"type": "string"}}}
    told: Json = {str(operation.status): {"description": HTTPStatus(operation.status).phrase, "content": content}}
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(_codes(operation)):
        by_status.setdefault(STATUS[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        problem: Json = {
            "description": ", ".join(f"`{code}`" for code in codes),
            "content": {"application/problem+json": {"schema": {"$ref": _SCHEMAS + "ProblemBody"}}},
        }
        if status in _HEADERS:
            problem["headers"] = _HEADERS[status]
        told[str(status)] = problem
    return told


def _codes(operation: Operation) -> Iterable[str]:
    """The codes that an operation may answer: its own, and those that its declaration brings with it."""
    yield from map(str, operation.codes)
    if not operation.open:
        yield from (ApiProblem.UNAUTHENTICATED, ApiProblem.SCOPE_MISSING)
    if operation.keyed:
        yield from (ApiProblem.KEY_REQUIRED, LedgerRefusal.KEY_REUSED)
    if operation.takes_body:
        yield from (ApiProblem.MALFORMED_JSON, ApiProblem.BODY_TOO_LARGE, ApiProblem.NOT_JSON, ApiProblem.OVERLOADED)
    # A header that decides may come twice anywhere.
    yield ApiProblem.INVALID
    if operation.name not in ("healthz", "metrics", "explain_problem"):
        yield from (PgFault.UNAVAILABLE, PgFault.DISK_FULL, PgFault.READ_ONLY, PgFault.CONTENTION)
    yield ApiProblem.INTERNAL

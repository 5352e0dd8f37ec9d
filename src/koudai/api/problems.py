"""Problems (RFC 9457): what a refusal, a fault or a bad request looks like over HTTP.

This module owns the one table from code to status; a test proves that every code is in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from koudai.base import Fault, Refused
from koudai.cards import CardRefusal, CardWarning
from koudai.holders import HolderRefusal
from koudai.identity import IdentityFault
from koudai.ledger import LedgerRefusal
from koudai.merchants import MerchantRefusal
from koudai.pg import EmbeddedFault, PgFault
from koudai.phrases import Language, say
from koudai.policy import PilotRefusal, PolicyRefusal
from koudai.programmes import ProgrammeFault, ProgrammeRefusal

CONTENT_TYPE = b"application/problem+json"


class ApiProblem(StrEnum):
    """What is wrong with a request itself, or with this door."""

    KEY_REQUIRED = "api.key_required"
    MALFORMED_JSON = "api.malformed_json"
    UNAUTHENTICATED = "api.unauthenticated"
    SCOPE_MISSING = "api.scope_missing"
    NOT_FOUND = "api.not_found"
    METHOD_NOT_ALLOWED = "api.method_not_allowed"
    BODY_TOO_LARGE = "api.body_too_large"
    NOT_JSON = "api.not_json"
    INVALID = "api.invalid"
    BAD_NUMBER = "api.bad_number"
    INTERNAL = "api.internal"
    ADDRESS_TAKEN = "api.address_taken"
    OVERLOADED = "api.overloaded"
    TOO_MANY_CODES = "api.too_many_codes"


def _codes(status: int, *codes: StrEnum) -> dict[str, int]:
    return {str(code): status for code in codes}


STATUS: Mapping[str, int] = {
    **_codes(400, ApiProblem.KEY_REQUIRED, ApiProblem.MALFORMED_JSON),
    **_codes(401, ApiProblem.UNAUTHENTICATED),
    **_codes(
        403, ApiProblem.SCOPE_MISSING, IdentityFault.LIVE_CLOCK, CardRefusal.NOT_YOURS_TO_LIFT,
        CardRefusal.NOT_YOURS_TO_CONTINUE,
        CardRefusal.GIFT_TOKEN_WRONG, CardRefusal.GIFT_FOR_ANOTHER,
    ),
    **_codes(
        404, ApiProblem.NOT_FOUND, CardRefusal.UNKNOWN_PROGRAMME, CardRefusal.UNKNOWN_CARD,
        CardRefusal.UNKNOWN_MERCHANT, CardRefusal.UNKNOWN_REDEMPTION, LedgerRefusal.UNKNOWN_ACCOUNT,
        LedgerRefusal.UNKNOWN_ALARM, CardRefusal.UNKNOWN_PAY_CODE,
        IdentityFault.KEY_UNKNOWN, CardRefusal.UNKNOWN_ENTRY, CardRefusal.UNKNOWN_HOLD, PolicyRefusal.UNKNOWN_CLAUSE,
        ProgrammeFault.UNREADABLE, ProgrammeFault.UNKNOWN_VERSION, HolderRefusal.UNKNOWN_HOLDER,
        CardRefusal.UNKNOWN_RESTRICTION, CardRefusal.UNKNOWN_GIFT, CardRefusal.UNKNOWN_STOCK,
    ),
    **_codes(405, ApiProblem.METHOD_NOT_ALLOWED),
    **_codes(
        409, CardRefusal.REVERSED_BEFORE, CardRefusal.NOT_ACTIVE, CardRefusal.BLOCKED, CardRefusal.DEACTIVATED,
        CardRefusal.ALREADY_ACTIVE,
        CardRefusal.RESTRICTED, CardRefusal.AMOUNT_RESTRICTED, CardRefusal.FREEZE_TOO_LONG, CardRefusal.FROZEN_BEFORE,
        CardRefusal.NO_LOSS_REPORT,
        CardRefusal.NOTHING_LEFT,
        CardRefusal.ALREADY_BLOCKED, CardRefusal.NOT_BLOCKED, CardRefusal.LOAD_CAP_EXCEEDED,
        CardRefusal.BALANCE_CAP_EXCEEDED, CardRefusal.INSUFFICIENT_BALANCE, CardRefusal.REFUND_EXCEEDS_PAID,
        CardRefusal.ALREADY_REFUNDED, CardRefusal.REVERSAL_TOO_LATE,
        LedgerRefusal.INSUFFICIENT_BALANCE, LedgerRefusal.BALANCE_TOO_LARGE,
        LedgerRefusal.LINKED_FAILED, CardRefusal.HOLD_CLOSED, CardRefusal.HOLD_EXPIRED, CardRefusal.HOLD_CAPTURED,
        CardRefusal.CAPTURE_EXCEEDS_HOLD, CardRefusal.NOT_TRANSFERABLE, CardRefusal.HAS_HOLDS, CardRefusal.REPLACED,
        CardRefusal.NOTHING_EXPIRED, CardRefusal.NOTHING_TO_RENEW, LedgerRefusal.PERIOD_CLOSED,
        CardRefusal.TOO_MANY_GENERATIONS, CardRefusal.NOT_SPLITTABLE, CardRefusal.PIECE_TOO_SMALL,
        CardRefusal.NOT_ONE_ROOT, CardRefusal.NOT_REPLACEABLE, CardRefusal.GIFT_PENDING, CardRefusal.NOT_GIVABLE,
        CardRefusal.GIFT_ENDED, CardRefusal.GIFT_EXPIRED, CardRefusal.GIFT_NOT_DUE, CardRefusal.GIFT_OWN,
        CardRefusal.GIFT_NOT_NOW, CardRefusal.IDENTITY_TOO_LOW, CardRefusal.NOT_ONE_HOLDER, CardRefusal.OTHER_PROGRAMME,
        CardRefusal.NOT_SELLABLE,
        CardRefusal.EXPIRED, CardRefusal.EXPIRED_OVER, CardRefusal.NOT_EXPIRED, CardRefusal.NEVER_EXPIRES,
        CardRefusal.NOT_RENEWABLE, CardRefusal.NOT_DUE, CardRefusal.OTHER_CARD_NEEDED, CardRefusal.OTHER_KIND,
        CardRefusal.OTHER_HOLDER, CardRefusal.OTHER_BUYER, CardRefusal.NOT_REFUNDABLE, CardRefusal.PAYOUT_ELSEWHERE,
        CardRefusal.PAYOUTS_STOPPED,
        CardRefusal.NOT_IN_FORCE, CardRefusal.NOT_LAUNCHED, CardRefusal.KIND_NOT_OFFERED,
        CardRefusal.PIN_SET, CardRefusal.PIN_NOT_OFFERED, CardRefusal.NO_PIN, CardRefusal.PIN_MISSING,
        CardRefusal.PIN_DEVICE_LOCKED, CardRefusal.PIN_LOCKED, CardRefusal.PIN_WRONG,
        CardRefusal.PAY_CODE_NOT_OFFERED, CardRefusal.PAY_CODE_USED, CardRefusal.PAY_CODE_REPLACED,
        CardRefusal.PAY_CODE_EXPIRED,
        LedgerRefusal.LIMIT_EXCEEDED, LedgerRefusal.COUNT_EXCEEDED, LedgerRefusal.BELOW_MINIMUM,
        LedgerRefusal.BELOW_FLOOR, IdentityFault.CLOCK_OUT_OF_RANGE, PolicyRefusal.OVER_LIMIT,
        PolicyRefusal.BELOW_LIMIT, PolicyRefusal.FORBIDDEN, PolicyRefusal.REQUIRED,
        ProgrammeRefusal.CURRENCY_CHANGED, ProgrammeRefusal.RECLASSIFIED, ProgrammeRefusal.VERSION_EXISTS,
        ProgrammeRefusal.DATED_BEFORE_NOW,
        ProgrammeRefusal.SANDBOX_ONLY, ProgrammeRefusal.GATE_MISSING, ProgrammeRefusal.NO_VERSION,
        ProgrammeRefusal.BREAKS_LAW, ProgrammeRefusal.ALREADY_LIVE, ProgrammeRefusal.MERCHANT_NOT_ACCEPTED,
        ProgrammeRefusal.SCENARIO_NOT_ACCEPTED, ProgrammeRefusal.GOODS_NOT_ACCEPTED, ProgrammeRefusal.GOODS_EXCLUDED,
        ProgrammeRefusal.PREFIX_CHANGED, ProgrammeRefusal.BOUND_TOO_LATE, ProgrammeRefusal.ISSUER_MISSING,
        ProgrammeRefusal.ISSUER_FIGURE_MISSING,
        ProgrammeRefusal.PILOT_EXISTS, ProgrammeRefusal.PILOT_NOT_NAMED, ProgrammeRefusal.NOT_UNVERIFIED,
        CardRefusal.FUNDING_NOT_ACCEPTED,
        HolderRefusal.DUPLICATE, HolderRefusal.ERASED, HolderRefusal.VERSION_CHANGED, HolderRefusal.DEVICE_BOUND,
        HolderRefusal.DEVICE_NOT_BOUND, HolderRefusal.TOO_MANY_DEVICES, HolderRefusal.CONSENT_GIVEN,
        HolderRefusal.CONSENT_NOT_GIVEN, HolderRefusal.NOT_REGISTERED, HolderRefusal.NO_VERIFIER,
        HolderRefusal.NOTHING_HELD, HolderRefusal.RELATION_STANDS, HolderRefusal.CARDS_OPEN, HolderRefusal.DUTY_STANDS,
        HolderRefusal.ACTS_FOR_COMPANY, IdentityFault.VAULT_KEY_IN_USE, IdentityFault.VAULT_KEY_MISSING,
        MerchantRefusal.REF_TAKEN, CardRefusal.BASKET_MISSING, CardRefusal.CARRIER_NOT_OFFERED,
        CardRefusal.NOT_STOCK, CardRefusal.OUT_OF_ORDER, CardRefusal.LIES_ELSEWHERE, CardRefusal.NOT_SOLD,
        CardRefusal.WRITE_IT_OFF,
        CardRefusal.PAYMENT_DIFFERS, CardRefusal.PAYMENT_USED, CardRefusal.WARNING_UNREAD, CardWarning.BULK_PURCHASE,
        CardRefusal.NOT_ACTIVE_YET, CardRefusal.TOO_LATE, CardRefusal.CALLED_OFF, CardRefusal.PAYMENT_REFUNDED,
        CardRefusal.SALE_USED, CardRefusal.SALE_OVER,
    ),
    **_codes(413, ApiProblem.BODY_TOO_LARGE),
    **_codes(415, ApiProblem.NOT_JSON),
    **_codes(
        422, ApiProblem.INVALID, ApiProblem.BAD_NUMBER, CardRefusal.AMOUNT_NOT_POSITIVE, CardRefusal.AMOUNT_TOO_LARGE,
        CardRefusal.CURRENCY_MISMATCH, LedgerRefusal.KEY_REUSED, LedgerRefusal.LINKED_CHAIN_OPEN,
        LedgerRefusal.AMOUNT_NOT_POSITIVE, LedgerRefusal.AMOUNT_TOO_LARGE, LedgerRefusal.SAME_ACCOUNT,
        LedgerRefusal.ASSET_MISMATCH, LedgerRefusal.KEPT_IN_LOTS, CardRefusal.BAD_LIMIT, CardRefusal.BAD_TERM,
        CardRefusal.BAD_PIECES, CardRefusal.SAME_CARD, CardRefusal.REASON_MISSING, CardRefusal.SECOND_PERSON_MISSING,
        CardRefusal.PIN_WEAK, CardRefusal.PIN_NEEDS_DEVICE, CardRefusal.PAYOUT_MISSING,
        CardRefusal.DEVICE_MISSING, CardRefusal.RECIPIENT_DIFFERS,
        PilotRefusal.STATUTORY, PilotRefusal.NOTHING_OPENED, PilotRefusal.NO_CAP, PilotRefusal.ENDED,
        ProgrammeRefusal.NOT_VALID, ProgrammeRefusal.BAD_DAY, HolderRefusal.UNKNOWN_PARTY,
        HolderRefusal.PARTY_NOT_PERSON, HolderRefusal.FIELD_OF_OTHER_KIND, HolderRefusal.MALFORMED,
        CardRefusal.ORDER_MISSING, CardRefusal.BASKET_MISMATCH, CardRefusal.RECEIVER_MISSING,
        CardRefusal.STOCK_TOO_LARGE, CardRefusal.PLACE_MISSING, CardRefusal.PAYMENT_MISSING,
        CardRefusal.PAYER_MISSING,
    ),
    **_codes(429, ApiProblem.TOO_MANY_CODES),
    **_codes(
        500, ApiProblem.INTERNAL, ApiProblem.ADDRESS_TAKEN, IdentityFault.KEYS_MISSING, IdentityFault.KEYS_WRONG,
        IdentityFault.KEYS_EXPOSED, IdentityFault.KEYS_UNREADABLE, IdentityFault.SUITE_UNKNOWN, PgFault.TOO_OLD,
        PgFault.BAD_URL,
        PgFault.TLS_REQUIRED, PgFault.NO_PRIVILEGE, PgFault.FOREIGN_SCHEMA, PgFault.SCHEMA_CHANGED,
        PgFault.SCHEMA_NEWER, EmbeddedFault.MISSING, EmbeddedFault.NO_USER,
        EmbeddedFault.OTHER_MAJOR,
    ),
    **_codes(
        503, ApiProblem.OVERLOADED, PgFault.UNAVAILABLE, PgFault.REFUSED_LOGIN, PgFault.DISK_FULL,
        PgFault.READ_ONLY, PgFault.CONTENTION, EmbeddedFault.FAILED, EmbeddedFault.TIMEOUT,
    ),
}  # fmt: skip
"""Every code of every room, and the HTTP status that it is told with."""

_TITLES: Mapping[int, Mapping[Language, str]] = {
    status: {Language.EN: en, Language.ZH: zh}
    for status, en, zh in (
        (400, "Bad request", "请求有误"),
        (401, "Not authenticated", "未通过身份验证"),
        (403, "Not allowed", "没有权限"),
        (404, "Not found", "未找到"),
        (405, "Method not allowed", "不支持该方法"),
        (409, "Refused", "请求被拒绝"),
        (413, "Body too large", "请求体过大"),
        (415, "Unsupported media type", "不支持的媒体类型"),
        (422, "Invalid request", "请求无效"),
        (429, "Too many wrong ones, wait", "错误过多，请稍候"),
        (500, "Internal error", "内部错误"),
        (503, "Unavailable, try again", "暂不可用，请重试"),
    )
}

_RETRY_AFTER_S = b"1"

# What the database's own words may give away (hosts, paths) is for the log; the caller is told this.
_SEE_LOG = {Language.EN: "the server's log says more", Language.ZH: "详情见服务器日志"}

# The rooms' names of a request's fields where the API has others.
_FIELDS = {
    "basket": "lines", "pieces": "amounts_minor", "card": "gift_card_id", "to_card": "to_gift_card_id",
    "redemption": "redemption_id", "hold": "hold_id", "corrects": "corrects_id", "increment": "type", "verb": "type",
        "gift": "id", "token_hash": "token", "words": "greeting", "cards": "gift_card_ids",
}  # fmt: skip


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field. `field` is its path, as in `redemptions[3].amount_minor`."""

    field: str
    code: str
    detail: str


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True, rename={"kind": "type"}):
    """A problem as it is sent. `facts` are the figures behind the code; money in them is in minor units."""

    kind: str
    title: str
    status: int
    detail: str
    code: str
    facts: dict[str, Any] = {}
    errors: list[FieldError] = []


class FieldFault:
    """A field's fault before it has a language: the sentence is `api.field_<reason>`."""

    __slots__ = ("facts", "field", "reason")

    def __init__(self, field: str, reason: str, **facts: Any) -> None:
        self.field = field
        self.reason = reason
        self.facts = facts

    def told(self, language: Language) -> FieldError:
        """The fault in a language."""
        code = f"api.field_{self.reason}"
        return FieldError(self.field, code, say(code, {"field": self.field, **self.facts}, language))


class Problem(Exception):
    """Raised where a request can't go on: a code of the table, its facts, and the fields at fault."""

    def __init__(
        self, code: str, facts: Mapping[str, Any] | None = None, errors: Iterable[FieldFault] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:  # fmt: skip
        super().__init__(str(code))
        self.code = str(code)
        self.facts = dict(facts or {})
        self.errors = tuple(errors)
        self.status = STATUS.get(self.code, 500)
        self.headers = list(headers)
        if self.status == 401:
            self.headers.append((b"www-authenticate", b'Bearer realm="koudai"'))
        elif self.status == 503:
            self.headers.append((b"retry-after", _RETRY_AFTER_S))

    def told(self, language: Language) -> ProblemBody:
        """The problem in a language."""
        facts = self.facts
        if self.status >= 500:
            facts = {**facts, "detail": _SEE_LOG[language]}
        detail = say(self.code, facts, language)
        return ProblemBody(
            f"/problems/{self.code}",
            _TITLES[self.status][language],
            self.status,
            detail,
            self.code,
            {} if self.status >= 500 else facts,
            [error.told(language) for error in self.errors],
        )


def invalid(field: str, reason: str, **facts: Any) -> Problem:
    """422 for one field: `reason` is the end of a code `api.field_…`."""
    return Problem(ApiProblem.INVALID, errors=[FieldFault(field, reason, **facts)])


def problem_of(no: Refused | Fault, named: str | None = None) -> Problem:
    """The problem that tells a refusal or a fault; `named` is the field by which the request named its card.

    The ledger's account numbers are internal and are left out.
    """
    facts = {name: value for name, value in no.facts.items() if name != "account"}
    if "field" in facts:
        field = str(facts["field"])
        facts["field"] = named if named and field == "card" else _FIELDS.get(field, field)
    return Problem(no.code, facts)


def language_of(header: bytes | None) -> Language:
    """The language that an Accept-Language header asks for: Chinese or English, English when in doubt."""
    best, best_weight = Language.EN, 0.0
    for part in (header or b"").decode("latin-1").lower().split(",")[:20]:
        name, _, weight_text = part.partition(";")
        weight_text = weight_text.strip().removeprefix("q=")
        try:
            weight = float(weight_text) if weight_text else 1.0
        except ValueError:
            continue
        asked = {"zh": Language.ZH, "en": Language.EN}.get(name.strip().partition("-")[0])
        if asked and weight > best_weight:
            best, best_weight = asked, weight
    return best

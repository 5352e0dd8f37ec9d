"""Holders, what is known of them, and why something about them is refused."""

from datetime import datetime
from enum import StrEnum

import msgspec


class HolderRefusal(StrEnum):
    """Why a command on holders is refused."""

    UNKNOWN_HOLDER = "holders.unknown_holder"
    UNKNOWN_PARTY = "holders.unknown_party"
    PARTY_NOT_PERSON = "holders.party_not_person"
    FIELD_OF_OTHER_KIND = "holders.field_of_other_kind"
    MALFORMED = "holders.malformed"
    DUPLICATE = "holders.duplicate"
    ERASED = "holders.erased"
    VERSION_CHANGED = "holders.version_changed"
    DEVICE_BOUND = "holders.device_bound"
    DEVICE_NOT_BOUND = "holders.device_not_bound"
    TOO_MANY_DEVICES = "holders.too_many_devices"
    CONSENT_GIVEN = "holders.consent_given"
    CONSENT_NOT_GIVEN = "holders.consent_not_given"
    NOT_REGISTERED = "holders.not_registered"
    NO_VERIFIER = "holders.no_verifier"
    NOTHING_HELD = "holders.nothing_held"
    RELATION_STANDS = "holders.relation_stands"
    CARDS_OPEN = "holders.cards_open"
    DUTY_STANDS = "holders.duty_stands"
    ACTS_FOR_COMPANY = "holders.acts_for_company"


class Kind(StrEnum):
    """What a holder is."""

    PERSON = "person"
    COMPANY = "company"


class Level(StrEnum):
    """How well a holder is known (实名).

    Registered: what the law asks for is stated and well-formed (单用途商业预付卡管理办法 Art. 15). Verified:
    an outside source has matched it. No caller states a level, and none rises by itself.
    """

    ANONYMOUS = "anonymous"
    REGISTERED = "registered"
    VERIFIED = "verified"


class State(StrEnum):
    """Erased: nothing personal is held any more; the ref stays, since the books name it."""

    ACTIVE = "active"
    ERASED = "erased"


class Field(StrEnum):
    """What is kept of a holder, each sealed by itself."""

    NAME = "name"
    DOCUMENT_TYPE = "document_type"
    DOCUMENT_NUMBER = "document_number"
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"
    BIRTH_DATE = "birth_date"
    CREDIT_CODE = "credit_code"
    LICENCE = "licence"


class DocumentType(StrEnum):
    """Documents that say who a person is."""

    RESIDENT_ID = "resident_id"
    FOREIGN_PERMANENT = "foreign_permanent"
    PASSPORT = "passport"
    HK_MACAO_PERMIT = "hk_macao_permit"
    TAIWAN_PERMIT = "taiwan_permit"


class Purpose(StrEnum):
    """What a holder may agree to. One is given at a time, so those that need it are separate (PIPL 29)."""

    CARD_SERVICE = "card_service"
    IDENTITY_CHECK = "identity_check"
    FINANCIAL_ACCOUNT = "financial_account"
    BIOMETRICS = "biometrics"
    UNDER_14 = "under_14"
    SHARING = "sharing"
    AUTOMATED_DECISION = "automated_decision"
    MARKETING = "marketing"


class Outcome(StrEnum):
    """What a source answered. Unavailable is no answer: the same request is asked again."""

    MATCHED = "matched"
    MISMATCHED = "mismatched"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"


OF_PERSON = frozenset(
    {Field.NAME, Field.DOCUMENT_TYPE, Field.DOCUMENT_NUMBER, Field.PHONE, Field.EMAIL, Field.ADDRESS, Field.BIRTH_DATE}
)
OF_COMPANY = frozenset({Field.NAME, Field.CREDIT_CODE, Field.LICENCE, Field.PHONE, Field.EMAIL, Field.ADDRESS})

IDENTITY = frozenset(
    {Field.NAME, Field.DOCUMENT_TYPE, Field.DOCUMENT_NUMBER, Field.BIRTH_DATE, Field.CREDIT_CODE, Field.LICENCE}
)
"""What a verification is about: when one of these changes, it is over."""

SEARCHED = frozenset({Field.DOCUMENT_NUMBER, Field.CREDIT_CODE, Field.PHONE, Field.EMAIL})
"""What a holder is found by: kept as a keyed hash too."""

UNIQUE = frozenset({Field.DOCUMENT_NUMBER, Field.CREDIT_CODE})
"""What one holder of a book alone may have."""

MOST_DEVICES = 20

DEVICES = "devices"
"""What devices are called beside the fields, in erasures and in the report."""


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated of a holder; None where nothing is. Its repr tells the names of fields alone."""

    name: str | None = None
    document_type: str | None = None
    document_number: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None
    birth_date: str | None = None
    credit_code: str | None = None
    licence: str | None = None

    def stated(self) -> dict[Field, str]:
        """The fields that are stated."""
        return {field: value for field in Field if (value := getattr(self, field)) is not None}

    def __repr__(self) -> str:
        return f"Details({', '.join(self.stated())})"


class Holder(msgspec.Struct, frozen=True):
    """A holder without anything personal: its ref, how well it is known, and its devices."""

    id: int
    ref: str
    kind: Kind
    level: Level
    state: State
    version: int
    identity_version: int
    devices: tuple[str, ...]
    agent_id: int | None
    beneficial_owner_id: int | None
    created_at: datetime


class Standing(msgspec.Struct, frozen=True):
    """What cards ask about a holder: its kind, level and state, and the devices bound to it."""

    kind: Kind
    level: Level
    state: State
    devices: tuple[str, ...]


class Consent(msgspec.Struct, frozen=True):
    """A purpose that was agreed to, under which text, from when and until when."""

    purpose: Purpose
    text_version: str
    given_at: datetime
    withdrawn_at: datetime | None


class Verification(msgspec.Struct, frozen=True):
    """What came of asking a source about a holder."""

    holder: str
    source: str
    outcome: Outcome
    reference: str | None
    level: Level
    asked_at: datetime
    answered_at: datetime


class Erased(msgspec.Struct, frozen=True):
    """What was erased of a holder, and what a duty still keeps, with the day it may go (None: not known yet).

    `beside` is what was erased beside fields: his devices, and what other rooms erase of him, as it was before the
    batch `batch_id`.
    """

    holder: str
    fields: tuple[Field, ...]
    kept: dict[Field, datetime | None]
    state: State
    beside: tuple[str, ...]
    batch_id: int

"""The JSON of holders: what is stated of people and companies, and how they are shown."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from koudai.api.scalars import Body, Device, Id, Moment, Private, Reason
from koudai.holders import DocumentType, Field, Kind, Level, Outcome, Purpose, State
from koudai.identity import Mode

Stated = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
TextVersion = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$", description="Which text was agreed to.")
]


class NewPerson(Private, Body, frozen=True, kw_only=True, tag_field="kind", tag="person"):
    """A person. Without anything it is anonymous; with name, document and phone, all well-formed, registered."""

    name: Stated | None = None
    document_type: DocumentType | None = None
    document_number: Stated | None = None
    phone: Stated | None = None
    email: Stated | None = None
    address: Stated | None = None
    birth_date: Stated | None = None


class NewCompany(Private, Body, frozen=True, kw_only=True, tag_field="kind", tag="company"):
    """A company: registered with its name, its credit code, and an agent who is registered himself."""

    name: Stated | None = None
    credit_code: Stated | None = None
    licence: Stated | None = None
    phone: Stated | None = None
    email: Stated | None = None
    address: Stated | None = None
    agent_id: Id | None = None
    beneficial_owner_id: Id | None = None


NewHolder = NewPerson | NewCompany


class HolderUpdate(Private, Body, frozen=True, kw_only=True):
    """Fields stated anew; what isn't stated stays. With `version`, only while the holder still has it."""

    name: Stated | None = None
    document_type: DocumentType | None = None
    document_number: Stated | None = None
    phone: Stated | None = None
    email: Stated | None = None
    address: Stated | None = None
    birth_date: Stated | None = None
    credit_code: Stated | None = None
    licence: Stated | None = None
    agent_id: Id | None = None
    beneficial_owner_id: Id | None = None
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None


class HolderLookup(Private, Body, frozen=True, kw_only=True):
    """A whole number or address, to find holders by: they are found by its keyed hash."""

    field: Annotated[str, Meta(pattern="^(document_number|credit_code|phone|email)$")]
    value: Stated


class DeviceBody(Private, Body, frozen=True, kw_only=True):
    """A device."""

    device: Device


class NewConsent(Body, frozen=True, kw_only=True):
    """What the holder agrees to. One purpose at a time: consents that the law wants separate are separate."""

    purpose: Purpose
    text_version: TextVersion


class ConsentEnd(Body, frozen=True, kw_only=True):
    """The purpose that the holder agrees to no more."""

    purpose: Purpose


class Reading(Body, frozen=True, kw_only=True):
    """Which fields are to be read unmasked, and why; it is logged with the API key."""

    fields: Annotated[list[Field], Meta(min_length=1, max_length=20)]
    reason: Reason


class Erasure(Body, frozen=True, kw_only=True):
    """When the relation with the holder ended (null while it stands), and whether the programme is licensed.

    Licensed programmes keep longer: the law against money laundering applies to them.
    """

    ended_at: Moment | None = None
    licensed: bool = False


class HolderShown(Private, msgspec.Struct, frozen=True):
    """A holder; its fields are masked. `id` is the `holder_ref` that its cards are issued with."""

    id: str
    kind: Kind
    level: Level
    state: State
    version: int
    fields: dict[str, str]
    devices: list[str]
    agent_id: str | None
    beneficial_owner_id: str | None
    created_at: datetime
    mode: Mode


class HolderPage(msgspec.Struct, frozen=True):
    """A page of holders; `next_cursor` is null on the last one."""

    data: list[HolderShown]
    next_cursor: str | None


class ConsentShown(msgspec.Struct, frozen=True):
    """A purpose that was agreed to; `withdrawn_at` is null while it is in force."""

    purpose: Purpose
    text_version: str
    given_at: datetime
    withdrawn_at: datetime | None


class ConsentList(msgspec.Struct, frozen=True):
    """All consents of a holder, oldest first."""

    data: list[ConsentShown]


class VerificationShown(msgspec.Struct, frozen=True):
    """What a source answered, and the level now. `unavailable` is no answer: repeat with the same key."""

    holder_id: str
    source: str
    outcome: Outcome
    reference: str | None
    level: Level
    asked_at: datetime
    answered_at: datetime


class FieldsShown(Private, frozen=True):
    """Fields unmasked."""

    fields: dict[str, str]


class ErasureShown(msgspec.Struct, frozen=True):
    """What was erased, and what a duty keeps, with the day it may go (null: while the relation stands).

    `gift_words` among the fields is what the holder wrote to gifts that he gave, `devices` what was bound to him.
    """

    holder_id: str
    fields: list[str]
    kept: dict[str, datetime | None]
    state: State


class HolderExport(Private, frozen=True):
    """Everything that is held about a holder, with the gifts that he gave, and those given to him by name.

    What the giver of a gift to him wrote is told once he has claimed it. 15 minutes after a gift's end it is forgotten.
    """

    holder: dict[str, Any]


class PrivacyReport(msgspec.Struct, frozen=True):
    """What is held of how many, which consents are in force, what was erased. Nobody is named."""

    holders: list[dict[str, Any]]
    fields: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    erasures: list[dict[str, Any]]

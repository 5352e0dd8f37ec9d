"""How an issuer and its programmes stand to the law, beside what their documents say."""

from datetime import date, datetime
from enum import StrEnum

import msgspec


class IssuerClass(StrEnum):
    """What an issuer of single-purpose cards is (MOFCOM Order 2012-9, Art. 3)."""

    GROUP = "group"
    BRAND = "brand"
    SCALE = "scale"
    OTHER = "other"


class Sector(StrEnum):
    """An issuer's line of business (MOFCOM Order 2012-9, Art. 2)."""

    RETAIL = "retail"
    LODGING_CATERING = "lodging_catering"
    RESIDENT_SERVICES = "resident_services"
    OTHER = "other"


class Issuer(msgspec.Struct, frozen=True):
    """What an issuer is to the law, as somebody stated it.

    `founded_on` is the day of its registration, `began_on` that of its card business. `revenue_minor` is last
    year's main revenue (of a group: the group's), `capital_minor` the registered capital; None: not stated.
    `no_refund`, `no_passing` and `no_reissue` say that its contract terms rule these out.
    """

    id: int
    issuer_class: IssuerClass
    sector: Sector
    founded_on: date
    began_on: date
    revenue_minor: int | None
    capital_minor: int | None
    no_refund: bool
    no_passing: bool
    no_reissue: bool
    sales_stopped: bool
    stated_by: str
    stated_at: datetime


class OpenedPilot(msgspec.Struct, frozen=True):
    """A sandbox pilot: clauses that are open for a programme until a moment, and what was used of its caps (C4)."""

    id: int
    programme_id: int
    name: str
    opens: tuple[str, ...]
    cap_minor: int
    cap_holders: int
    until: datetime
    reason: str
    opened_by: str
    opened_at: datetime
    used_minor: int = 0
    holders: int = 0


class Enforcement(msgspec.Struct, frozen=True):
    """That an operator lets an unverified clause refuse, or only warn again."""

    id: int
    clause: str
    refuses: bool
    reason: str
    decided_by: str
    decided_at: datetime

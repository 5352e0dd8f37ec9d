"""The JSON of a book's standing under the law: what its issuer is, pilots, decisions, and what the law noted."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from koudai.api.scalars import AmountMinor, Body, Cap, Moment, Name
from koudai.base import MAX_MINOR
from koudai.policy import ClauseShown, Point
from koudai.programmes import IssuerClass, Sector

ClauseId = Annotated[
    str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00]+$", description="As in `sp.18.registered`.")
]
Ground = Annotated[
    str,
    Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$", description="Why, in words."),
]
Day = Annotated[date, Meta(description="A Chinese calendar day.")]


class PolicyClauses(msgspec.Struct, frozen=True):
    """Every clause of the policy packs, in the order of their ids."""

    data: list[ClauseShown]


class NewIssuerStatement(Body, frozen=True, kw_only=True):
    """What an issuer is to the law. Stated again, the newest counts.

    `founded_on` is the day of its registration, `began_on` that of its card business. `revenue_minor` is last year's
    main revenue (of a group: the group's), `capital_minor` the registered capital; null: not stated. `no_refund`,
    `no_passing` and `no_reissue` say that its contract terms rule these out, `sales_stopped` that it sells no more.
    """

    issuer_class: IssuerClass
    sector: Sector
    founded_on: Day
    began_on: Day
    revenue_minor: Cap | None = None
    capital_minor: Cap | None = None
    no_refund: bool = False
    no_passing: bool = False
    no_reissue: bool = False
    sales_stopped: bool = False


class IssuerStatement(msgspec.Struct, frozen=True):
    """What an issuer was stated to be: by whom, and when."""

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


class IssuerStatements(msgspec.Struct, frozen=True):
    """What the issuer is (null: nobody has stated it), and what was stated before, newest first."""

    current: IssuerStatement | None
    earlier: list[IssuerStatement]


class NewPilot(Body, frozen=True, kw_only=True):
    """A sandbox pilot: clauses that are open for the programme, within caps and until a moment.

    The programme's newest document has to name it under `policy.pilots`. `cap_minor` is the most that may be moved
    under it in all, `cap_holders` how many may take part.
    """

    name: Name
    opens: Annotated[tuple[ClauseId, ...], Meta(max_length=100)]
    cap_minor: AmountMinor
    cap_holders: Annotated[int, Meta(ge=1, le=MAX_MINOR)]
    until: Moment
    reason: Ground


class Pilot(msgspec.Struct, frozen=True):
    """A sandbox pilot. `used_minor` was moved under it, for `holders`; when it `has_ended` it opens nothing."""

    programme_id: str
    name: str
    opens: list[str]
    currency: str
    cap_minor: int
    used_minor: int
    cap_holders: int
    holders: int
    until: datetime
    has_ended: bool
    reason: str
    opened_by: str
    opened_at: datetime


class ProgrammePilots(msgspec.Struct, frozen=True):
    """All pilots of a programme, oldest first."""

    data: list[Pilot]


class NewEnforcement(Body, frozen=True, kw_only=True):
    """That an unverified clause refuses from now on (`refuses`), or only warns again."""

    clause: ClauseId
    refuses: bool
    reason: Ground


class Enforcement(msgspec.Struct, frozen=True):
    """A decision on an unverified clause; the newest on it counts."""

    clause: str
    refuses: bool
    reason: str
    decided_by: str
    decided_at: datetime


class Enforcements(msgspec.Struct, frozen=True):
    """The unverified clauses that refuse now, and all decisions, newest first."""

    enforced: list[str]
    data: list[Enforcement]


class PilotTaken(msgspec.Struct, frozen=True):
    """A pilot under which something passed, and the clauses that it opened."""

    pilot: str
    clauses: list[str]


class PointJudged(msgspec.Struct, frozen=True):
    """What the law had to say at a point: clauses that only warned (`noted`), and pilots."""

    gift_card_id: str
    point: Point
    pack: str
    noted: list[str]
    pilots: list[PilotTaken]


class Judgement(msgspec.Struct, frozen=True):
    """What the law had to say of an activity that it let pass."""

    activity_id: str
    recorded_at: datetime
    points: list[PointJudged]


class JudgementPage(msgspec.Struct, frozen=True):
    """A page of judgements, oldest first; `next_cursor` is null on the last one."""

    data: list[Judgement]
    next_cursor: str | None

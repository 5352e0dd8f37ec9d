"""What the law is made of here: clauses in packs, and what is said of them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

Allowed = frozenset[Any] | range
"""The values of a fact that are let through: words or yes and no as a set, whole numbers as a range."""

FEWEST, MOST = -(2**63), 2**63 - 1
"""The figures there are: what a bigint of PostgreSQL holds."""


class Point(StrEnum):
    """Where a clause is enforced."""

    ISSUE = "issue"
    LOAD = "load"
    REDEEM = "redeem"
    SPLIT = "split"
    GIFT = "gift"
    REFUND = "refund"
    RESALE = "resale"
    SETTLE = "settle"
    CLOSE = "close"


class Severity(StrEnum):
    """What a clause does: refuses, warns, or is a duty (a report, a term) that no single operation can break."""

    REFUSE = "refuse"
    WARN = "warn"
    DUTY = "duty"


class Certainty(StrEnum):
    """How sure we are of a clause; where several sources are cited, of the least sure one.

    P: the statute was read in full. V: the article was seen quoted on an official or reliable page.
    S: a secondary source. U: not verified. K: no law, but koudai's own policy.
    """

    P = "P"
    V = "V"
    S = "S"
    U = "U"
    K = "K"


class Status(StrEnum):
    """Whether a clause's source was seen. One that wasn't warns, and refuses only when the operator says so."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"


class Unit(StrEnum):
    """What a figure counts. `bps` are basis points, `times` how often something is taken."""

    MINOR = "minor"
    BPS = "bps"
    HOURS = "hours"
    DAYS = "days"
    WORKING_DAYS = "working_days"
    MONTHS = "months"
    YEARS = "years"
    TIMES = "times"


class Recurrence(StrEnum):
    """The Chinese calendar window over which a fact sums up."""

    DAY = "day"
    YEAR = "year"


class GateKind(StrEnum):
    """What has to be entered before a programme goes live."""

    FILING = "filing"
    LICENCE = "licence"
    TERMS = "terms"
    CUSTODY = "custody"


class ProgrammeClass(StrEnum):
    """What kind of programme it is: the first thing to know of it, since every rule belongs to a class."""

    SINGLE_PURPOSE = "single_purpose"
    MULTI_PURPOSE = "multi_purpose"
    TELECOM_TOPUP = "telecom_topup"
    FIXED_GOODS_VOUCHER = "fixed_goods_voucher"


class PolicyRefusal(StrEnum):
    """Why the law, or the pack, says no."""

    OVER_LIMIT = "policy.over_limit"
    BELOW_LIMIT = "policy.below_limit"
    FORBIDDEN = "policy.forbidden"
    REQUIRED = "policy.required"
    UNKNOWN_CLAUSE = "policy.unknown_clause"


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something said in both languages."""

    en: str
    zh: str


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of a duty, as the law has it."""

    value: int
    unit: Unit


@dataclass(frozen=True)
class Requirement:
    """What has to hold: the values allowed of a fact. `limit` is the figure where there is one."""

    fact: str
    allowed: Allowed
    code: PolicyRefusal
    limit: int | None = None


@dataclass(frozen=True)
class Clause:
    """One rule of law, or of koudai's own policy, as a parameter.

    Where all of `when` hold, `requires` must; without one the thing is never allowed. A duty has neither
    points nor a requirement, but figures. `statutory` is what no pilot opens. `money` is the currency
    that its amounts are in; None when they are in that of the programme.
    """

    id: str
    pack: str
    citation: Said
    title: Said
    severity: Severity
    certainty: Certainty
    status: Status
    statutory: bool
    points: frozenset[Point]
    when: tuple[tuple[str, Allowed], ...]
    requires: Requirement | None
    figures: dict[str, Figure]
    remedy: Said | None
    money: str | None

    @property
    def refuses(self) -> bool:
        """Whether it can refuse something, be it only once the operator enforces it."""
        return self.severity is Severity.REFUSE


@dataclass(frozen=True)
class Gate:
    """What has to be entered before a programme under a pack goes live, and by which rule."""

    kind: GateKind
    citation: Said
    title: Said
    certainty: Certainty


@dataclass(frozen=True)
class Pack:
    """A pack that was proven: its own clauses and those of the parts that it includes.

    `classes` are those of the programmes that it is for; `gates` what they have to enter before they go live.
    """

    name: str
    title: Said
    classes: frozenset[ProgrammeClass]
    gates: tuple[Gate, ...]
    clauses: tuple[Clause, ...]
    _by_id: dict[str, Clause] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {clause.id: clause for clause in self.clauses})

    def clause(self, clause_id: str) -> Clause | None:
        """A clause by its id."""
        return self._by_id.get(clause_id)

    def bars(self, fact: str, value: Any) -> bool:
        """Whether it never lets anything be of which a fact has this value, and no pilot opens that."""
        return any(
            one.statutory and one.refuses and not one.when and one.requires is not None
            and one.requires.fact == fact and value not in one.requires.allowed
            for one in self.clauses
        )  # fmt: skip

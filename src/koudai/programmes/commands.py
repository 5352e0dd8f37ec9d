"""What somebody wishes of a programme's standing under the law; each carries its idempotency key."""

from datetime import date, datetime

import msgspec

from koudai.programmes.standing import IssuerClass, Sector


class StateIssuer(msgspec.Struct, frozen=True):
    """A wish to state what an issuer is; its fields are those of `Issuer`."""

    key: str
    issuer_class: IssuerClass
    sector: Sector
    founded_on: date
    began_on: date
    by: str
    revenue_minor: int | None = None
    capital_minor: int | None = None
    no_refund: bool = False
    no_passing: bool = False
    no_reissue: bool = False
    sales_stopped: bool = False


class OpenPilot(msgspec.Struct, frozen=True):
    """A wish to open clauses for a programme, whose newest document has to name the pilot.

    `cap_minor` is the most that may be moved under it, `cap_holders` how many may take part; it ends by itself.
    """

    key: str
    programme_id: int
    name: str
    opens: tuple[str, ...]
    cap_minor: int
    cap_holders: int
    until: datetime
    reason: str
    by: str


class Enforce(msgspec.Struct, frozen=True):
    """A wish that an unverified clause refuses (`refuses`), or only warns again."""

    key: str
    clause: str
    refuses: bool
    reason: str
    by: str

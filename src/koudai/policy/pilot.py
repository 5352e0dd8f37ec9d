"""Sandbox pilots: named clauses opened for a named programme, within caps and until a date (C4). Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from koudai.base import Refused, render_time
from koudai.policy.model import Pack, PolicyRefusal, Severity
from koudai.policy.tell import told


class PilotRefusal(StrEnum):
    """Why a pilot can't be made."""

    STATUTORY = "policy.pilot_statutory"
    NOTHING_OPENED = "policy.pilot_nothing_opened"
    NO_CAP = "policy.pilot_no_cap"
    ENDED = "policy.pilot_ended"


@dataclass(frozen=True)
class Pilot:
    """Clauses that are open for one programme until a moment.

    `cap_minor` is the most that may be moved under it in all, `cap_holders` how many holders may take part. Both are
    totals that the judge doesn't know: a verdict says how much of the pilot it takes, and the caller reserves that.
    """

    name: str
    programme: str
    opens: frozenset[str]
    cap_minor: int
    cap_holders: int
    until: datetime


@dataclass(frozen=True)
class PilotUse:
    """What a decision takes of a pilot: which clauses it opened, and how much is moved under it, in minor units."""

    pilot: str
    clauses: tuple[str, ...]
    amount_minor: int


def make_pilot(pack: Pack, pilot: Pilot, now: datetime) -> Pilot | Refused:
    """The pilot, or why there is none: a clause that is unknown or statutory, no cap, or an end that has passed."""
    if not pilot.opens:
        return Refused(PilotRefusal.NOTHING_OPENED, {"pilot": pilot.name})
    for clause_id in sorted(pilot.opens):
        clause = pack.clause(clause_id)
        if clause is None or clause.severity is Severity.DUTY:
            return Refused(PolicyRefusal.UNKNOWN_CLAUSE, {"clause": clause_id})
        if clause.statutory:
            facts = {"pilot": pilot.name, "clause": clause.id, "title": told(clause.title)}
            return Refused(PilotRefusal.STATUTORY, facts)
    if pilot.cap_minor <= 0 or pilot.cap_holders <= 0:
        return Refused(PilotRefusal.NO_CAP, {"pilot": pilot.name})
    if pilot.until <= now:
        return Refused(PilotRefusal.ENDED, {"pilot": pilot.name, "until": render_time(pilot.until)})
    return pilot

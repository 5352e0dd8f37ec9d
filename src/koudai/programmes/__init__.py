"""Programmes: under what terms cards are issued, as versioned documents that people write in YAML.

A document is checked with line and column of each mistake, compared with another one by which figures
tighten and which loosen, put as a version that takes effect on a day, and launched when its gates are
entered. `Promises` says what holds for a card: what it was issued with, and of later versions only what is
not to its disadvantage. `Spending`, `expiry` and `notices_due` say what that comes to.
"""

from pathlib import Path

from koudai.pg import Room
from koudai.programmes.charter import Asked, Charter, Law
from koudai.programmes.check import read_programme
from koudai.programmes.commands import Enforce, OpenPilot, StateIssuer
from koudai.programmes.diff import Change, Effect, Happened, diff
from koudai.programmes.enforce import enforce
from koudai.programmes.figures import declared_figures
from koudai.programmes.last import USED_LATE, Notice, NoticeKind, Stage, expiry, next_look, notices_due, renewed, stage
from koudai.programmes.launch import EnterGate, Launch, enter_gates, launch
from koudai.programmes.law import examined, opened_by, refuses, required_gates, violated, whole_months
from koudai.programmes.model import GateEntry, KindTerms, Launched, Programme, Till, Validity, Version
from koudai.programmes.open import open_pilots
from koudai.programmes.promise import Effective, Promises, promise
from koudai.programmes.put import PutVersion, Registered, not_valid, put_versions, start_of
from koudai.programmes.shelf import shipped_names, shipped_text
from koudai.programmes.spend import Line, MerchantFacts, Spending
from koudai.programmes.standing import Enforcement, Issuer, IssuerClass, OpenedPilot, Sector
from koudai.programmes.state import state_issuers
from koudai.programmes.store import (
    charter_of_book,
    count_charter_statement,
    enforced,
    enforcements,
    gates_of,
    issuers,
    launches_of,
    pilot_holders_statement,
    pilot_rooms_statement,
    pilots,
    use_pilots_statement,
    version_on,
    versions_of,
)
from koudai.programmes.under_law import KindUnderLaw, UnderLaw, Violated, under_law, under_law_of_book
from koudai.programmes.words import (
    COMMISSION_BPS,
    Carrier,
    Commission,
    Identity,
    Kind,
    Pin,
    ProgrammeFault,
    ProgrammeMistake,
    ProgrammeRefusal,
    Receiver,
    Renewal,
    Scenario,
    Start,
)

ROOM = Room("programmes", Path(__file__).parent)

__all__ = [
    "COMMISSION_BPS",
    "ROOM",
    "USED_LATE",
    "Asked",
    "Carrier",
    "Change",
    "Charter",
    "Commission",
    "Effect",
    "Effective",
    "Enforce",
    "Enforcement",
    "EnterGate",
    "GateEntry",
    "Happened",
    "Identity",
    "Issuer",
    "IssuerClass",
    "Kind",
    "KindTerms",
    "KindUnderLaw",
    "Launch",
    "Launched",
    "Law",
    "Line",
    "MerchantFacts",
    "Notice",
    "NoticeKind",
    "OpenPilot",
    "OpenedPilot",
    "Pin",
    "Programme",
    "ProgrammeFault",
    "ProgrammeMistake",
    "ProgrammeRefusal",
    "Promises",
    "PutVersion",
    "Receiver",
    "Registered",
    "Renewal",
    "Scenario",
    "Sector",
    "Spending",
    "Stage",
    "Start",
    "StateIssuer",
    "Till",
    "UnderLaw",
    "Validity",
    "Version",
    "Violated",
    "charter_of_book",
    "count_charter_statement",
    "declared_figures",
    "diff",
    "enforce",
    "enforced",
    "enforcements",
    "enter_gates",
    "examined",
    "expiry",
    "gates_of",
    "issuers",
    "launch",
    "launches_of",
    "next_look",
    "not_valid",
    "notices_due",
    "open_pilots",
    "opened_by",
    "pilot_holders_statement",
    "pilot_rooms_statement",
    "pilots",
    "promise",
    "put_versions",
    "read_programme",
    "refuses",
    "renewed",
    "required_gates",
    "shipped_names",
    "shipped_text",
    "stage",
    "start_of",
    "state_issuers",
    "under_law",
    "under_law_of_book",
    "use_pilots_statement",
    "version_on",
    "versions_of",
    "violated",
    "whole_months",
]

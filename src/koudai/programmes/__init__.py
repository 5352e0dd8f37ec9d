"""Programmes: under what terms cards are issued, as versioned documents that people write in YAML.

A document is checked with line and column of each mistake, compared with another one by which figures
tighten and which loosen, put as a version that takes effect on a day, and launched when its gates are
entered. `Promises` says what holds for a card: what it was issued with, and of later versions only what is
not to its disadvantage. `Spending`, `expiry` and `notices_due` say what that comes to.
"""

from pathlib import Path

from koudai.pg import Room
from koudai.programmes.check import read_programme
from koudai.programmes.diff import Change, Effect, Happened, diff
from koudai.programmes.figures import declared_figures
from koudai.programmes.last import Notice, NoticeKind, Stage, expiry, notices_due, renewed, stage
from koudai.programmes.launch import EnterGate, Launch, enter_gates, launch
from koudai.programmes.law import examined, refuses, required_gates, violated
from koudai.programmes.model import GateEntry, KindTerms, Launched, Programme, Till, Validity, Version
from koudai.programmes.promise import Effective, Promises, promise
from koudai.programmes.put import PutVersion, put_versions, start_of
from koudai.programmes.shelf import shipped_names, shipped_text
from koudai.programmes.spend import Line, MerchantFacts, Spending
from koudai.programmes.store import count_versions_statement, gates_of, launches_of, promises_of_book, versions_of
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
    "Carrier",
    "Change",
    "Commission",
    "Effect",
    "Effective",
    "EnterGate",
    "GateEntry",
    "Happened",
    "Identity",
    "Kind",
    "KindTerms",
    "Launch",
    "Launched",
    "Line",
    "MerchantFacts",
    "Notice",
    "NoticeKind",
    "Pin",
    "Programme",
    "ProgrammeFault",
    "ProgrammeMistake",
    "ProgrammeRefusal",
    "Promises",
    "PutVersion",
    "Receiver",
    "Renewal",
    "Scenario",
    "Spending",
    "Stage",
    "Start",
    "Till",
    "Validity",
    "Version",
    "count_versions_statement",
    "declared_figures",
    "diff",
    "enter_gates",
    "examined",
    "expiry",
    "gates_of",
    "launch",
    "launches_of",
    "notices_due",
    "promise",
    "promises_of_book",
    "put_versions",
    "read_programme",
    "refuses",
    "renewed",
    "required_gates",
    "shipped_names",
    "shipped_text",
    "stage",
    "start_of",
    "versions_of",
    "violated",
]

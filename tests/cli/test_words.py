"""Every code and every word is said in both languages, and nothing is written that nobody says."""

import re
import string
from enum import StrEnum
from pathlib import Path

import pytest

import koudai.cli
from koudai.cards import CardRefusal
from koudai.cli.codes import FAILED, WRONG_USAGE, CliFault, exit_status
from koudai.cli.diagnosis import Diagnosis, Status
from koudai.cli.words import catalogue
from koudai.holders import HolderRefusal
from koudai.identity import IdentityFault
from koudai.jobs.replay import ReplayFault
from koudai.jobs.replay.dataset import Code
from koudai.ledger import LedgerRefusal
from koudai.pg import EmbeddedFault, PgFault
from koudai.phrases import Language, sentences
from koudai.policy import GateKind
from koudai.programmes import ProgrammeFault, ProgrammeMistake, ProgrammeRefusal

ROOMS = [
    LedgerRefusal, CardRefusal, HolderRefusal, ProgrammeRefusal, ProgrammeMistake, ProgrammeFault, IdentityFault, PgFault, EmbeddedFault,
    Code, ReplayFault, CliFault, Diagnosis,
]  # fmt: skip
SOURCES = sorted(Path(koudai.cli.__file__).parent.glob("*.py"))


def facts(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("codes", ROOMS, ids=lambda codes: codes.__name__)
def test_every_code_has_its_sentence_in_both_languages(codes: type[StrEnum]) -> None:
    for code in codes:
        said = sentences()[code]
        assert set(said) == set(Language)
        assert all(said.values())
        assert facts(said["en"]) == facts(said["zh"]), code


@pytest.mark.parametrize("codes", [CliFault, Diagnosis])
def test_no_sentence_of_this_door_is_without_its_code(codes: type[StrEnum]) -> None:
    room = next(iter(codes)).partition(".")[0]
    assert {name for name in sentences() if name.startswith(f"{room}.")} == {str(code) for code in codes}


def test_every_word_is_there_in_both_languages() -> None:
    for name, said in catalogue().items():
        assert set(said) == set(Language), name
        assert facts(said["en"]) == facts(said["zh"]), name


def test_every_word_that_is_said_is_known_and_every_known_one_is_said() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    said = set(re.findall(r"word\(\s*f?['\"]([a-z]+\.[a-z0-9_]+)['\"]", text))
    assert said - set(catalogue()) == set()
    # These are put together from a name: a column, a stage, a status, a command.
    for name in set(catalogue()) - said:
        section, _, rest = name.partition(".")
        assert section in ("head", "stage", "status", "help"), name
        assert re.search(rf"['\"]{rest}['\"]", text) or rest in [str(s) for s in Status] + [
            "read",
            "book",
            "prepare",
            "measure",
            "fill",
        ], name


def test_exit_statuses() -> None:
    assert exit_status("cards.blocked") == exit_status("pg.unavailable") == exit_status("never.heard") == FAILED
    assert exit_status("cli.amount_not_whole") == WRONG_USAGE
    assert (exit_status("cli.interrupted"), exit_status("cli.terminated")) == (130, 143)
    assert {exit_status(code) for code in CliFault} == {1, 2, 130, 143}


def test_the_gates_are_named_as_they_are_entered() -> None:
    for said in catalogue()["help.programme_gate"].values():
        assert all(re.search(rf"\b{gate}\b", said, re.ASCII) for gate in GateKind), said

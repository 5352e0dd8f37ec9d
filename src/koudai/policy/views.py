"""A clause as the doors show it: one object, alike at the API and at the command line."""

from collections.abc import Callable

import msgspec

from koudai.phrases import Language
from koudai.policy import tell
from koudai.policy.facts import FACTS
from koudai.policy.load import pack_names, shipped, shipped_clauses
from koudai.policy.model import Certainty, Clause, Figure, Point, Said, Severity, Status, Unit
from koudai.policy.prove import points_of


class Example(msgspec.Struct, frozen=True):
    """What passes at a clause's edge (nothing, where it never allows), and what is refused just beyond."""

    passes: Said | None
    refused: Said


class ClauseShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A clause of a policy pack, in English and Chinese. It is a developer's digest of the law and no legal advice.

    `limit` is its figure in `unit`, money in minor units of `currency`; `certainty` is P (statute read), V (article
    seen quoted), S (secondary source), U (not verified) or K (koudai's own policy). An unverified clause only warns
    until the operator enforces it. `figures` are the terms of a duty.
    """

    id: str
    packs: list[str]
    citation: Said
    title: Said
    points: list[Point]
    applies: Said
    asks: Said
    severity: Severity
    certainty: Certainty
    status: Status
    statutory: bool
    fact: str | None = None
    limit: int | None = None
    unit: Unit | None = None
    currency: str | None = None
    figures: dict[str, Figure] = {}
    remedy: Said | None = None
    example: Example | None = None


def shown(clause: Clause) -> ClauseShown:
    """A clause with all there is to say of it."""
    needs = clause.requires
    fact = FACTS[needs.fact] if needs else None
    has_figure = needs is not None and needs.limit is not None
    return ClauseShown(
        id=clause.id, packs=[name for name in pack_names() if (pack := shipped(name)) and pack.clause(clause.id)],
        citation=clause.citation, title=clause.title, points=points_of(clause),
        applies=_said(lambda language: tell.conditions(clause, language)),
        asks=_said(lambda language: tell.asks(clause, language)),
        severity=clause.severity, certainty=clause.certainty, status=clause.status, statutory=clause.statutory,
        fact=fact.name if fact else None, limit=needs.limit if needs else None,
        unit=fact.unit if fact and has_figure else None, currency=clause.money if has_figure else None,
        figures=clause.figures, remedy=clause.remedy, example=_example(clause),
    )  # fmt: skip


def all_shown() -> list[ClauseShown]:
    """Every clause of the shipped packs, in the order of their ids."""
    return [shown(clause) for _, clause in sorted(shipped_clauses().items())]


def _said(say: Callable[[Language], str]) -> Said:
    return Said(say(Language.EN), say(Language.ZH))


def _example(clause: Clause) -> Example | None:
    en, zh = tell.example(clause, Language.EN), tell.example(clause, Language.ZH)
    if en is None or zh is None:
        return None
    return Example(Said(en[0], zh[0]) if en[0] else None, Said(en[1], zh[1]))

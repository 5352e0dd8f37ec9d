"""Restrictions: what is stacked on a card, what it binds, and who may lift it. Pure.

Those of one card stand in a queue (轮候): a later amount binds only what the earlier ones leave, and takes effect
as they end.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec

from koudai.base import Refused, render_time
from koudai.cards.refusals import CardRefusal
from koudai.ledger import Place
from koudai.policy import Unit, shipped_clauses


class RestrictionKind(StrEnum):
    """Under whose power a card is restricted: the holder's loss report, the issuer's own reasons, or the law's."""

    HOLDER = "holder"
    ISSUER = "issuer"
    RISK = "risk"
    AML = "aml"
    POLICE = "police"
    COURT = "court"


class Ending(StrEnum):
    """How a restriction ended: lifted, its term over, or gone with the value to the card that took over."""

    LIFTED = "lifted"
    LAPSED = "lapsed"
    CARRIED = "carried"


_K = RestrictionKind

FREEZING = frozenset((_K.AML, _K.POLICE, _K.COURT))
"""Those that let nothing off a card, not even what was promised before; they have an authority and a document."""

TEMPORARY = frozenset((_K.AML, _K.POLICE))
"""Those under which an authority freezes for a short while, until it decides."""

FREEZE_CLAUSE = "licensed.complaints"
"""The clause of law that says how long a temporary freeze lasts."""

_SAID = {
    _K.HOLDER: {"en": "its holder, who reported it lost", "zh": "持卡人挂失"},
    _K.ISSUER: {"en": "its issuer", "zh": "发卡方"},
    _K.POLICE: {"en": "the police", "zh": "公安机关"},
    _K.COURT: {"en": "a court", "zh": "人民法院"},
}
_GENERAL = {"en": "rules that the issuer has to keep", "zh": "发卡方须遵守的规定"}
_UNTIL_LIFTED = {"en": "until it is lifted", "zh": "直至解除"}
_UNTOLD = {"restriction": None, "by": _GENERAL, "ends_at": None, "until": _UNTIL_LIFTED}


class Restriction(msgspec.Struct, frozen=True):
    """A restriction of a card, named by the place of the entry that made it.

    Without `amount_minor` it is of the whole card, without `until` it lasts until it is lifted. `authority` is who
    ordered it and `document` the reference of the order. `made_by` is who entered it.
    """

    place: Place
    card_id: int
    kind: RestrictionKind
    authority: str
    document: str
    amount_minor: int | None
    until: datetime | None
    temporary: bool
    made_by: str

    @property
    def whole(self) -> bool:
        """Whether it is of the whole card."""
        return self.amount_minor is None


class Continuation(msgspec.Struct, frozen=True):
    """How a restriction was continued, by the entry at `place`: until when and by which document now, and before."""

    place: Place
    until: datetime | None
    until_before: datetime
    document: str
    document_before: str
    made_by: str
    made_at: datetime


class Queued(msgspec.Struct, frozen=True):
    """A restriction as the operator sees it.

    `position` is its place in the queue from 1, `effective_minor` what it binds now; both None once it has ended.
    `ended` is how, with the place and the moment; `lifted_…` tell who lifted it, and by which order. `continued` is
    how it was continued, in that order.
    """

    restriction: Restriction
    made_at: datetime
    position: int | None
    effective_minor: int | None
    ended: Ending | None = None
    ended_by: Place | None = None
    ended_at: datetime | None = None
    lifted_kind: RestrictionKind | None = None
    lifted_authority: str | None = None
    lifted_document: str | None = None
    lifted_by: str | None = None
    continued: tuple[Continuation, ...] = ()


Stack = tuple[Restriction, ...]
"""The open restrictions of a card, in the order of their queue."""


def effective(amounts: Iterable[int | None], free_minor: int) -> list[int]:
    """What each of a queue binds of `free_minor`: its amount (None: all), as far as the earlier ones leave it."""
    bound = []
    for amount in amounts:
        taken = free_minor if amount is None else min(amount, free_minor)
        bound.append(taken)
        free_minor -= taken
    return bound


def bound_minor(stack: Stack) -> int:
    """What the restrictions of amounts bind together, as far as it is there."""
    return sum(one.amount_minor or 0 for one in stack)


def kept_minor(stack: Stack) -> int:
    """What nothing may take off a card, not even its expiry, as far as it is there."""
    return sum(one.amount_minor or 0 for one in stack if one.kind in FREEZING)


def may_lift(kind: RestrictionKind) -> list[RestrictionKind]:
    """Who may lift a restriction: its own kind alone; the issuer also the holder's, when he asks."""
    return [_K.HOLDER, _K.ISSUER] if kind is _K.HOLDER else [kind]


def stopped_by(stack: Stack, *, stranger: bool = False) -> Refused:
    """Why a card does nothing: it is blocked by its issuer alone, or restricted by who is told, the gravest first.

    A `stranger`, who would send something to the card, isn't told by whom.
    """
    whole = [one for one in stack if one.whole]
    if all(one.kind is _K.ISSUER for one in whole):
        return Refused(CardRefusal.BLOCKED)
    return Refused(CardRefusal.RESTRICTED, {**(_UNTOLD if stranger else _told(whole)), "available_minor": 0})


def frozen_by(stack: Stack) -> Refused | None:
    """Why nothing at all leaves a card: a restriction of the whole of it by the law."""
    freezing = tuple(one for one in stack if one.whole and one.kind in FREEZING)
    return stopped_by(freezing) if freezing else None


def still_claimed(stack: Stack, balance_minor: int, amount_minor: int, asset: str) -> Refused | None:
    """Why what comes to a card goes to no other one: the law, or the risk room, keeps all of it, or waits for more."""
    keeping = tuple(one for one in stack if one.kind in FREEZING or one.kind is _K.RISK)
    if any(one.whole for one in keeping):
        return stopped_by(keeping)
    return amount_bound(keeping, 0, amount_minor, asset) if bound_minor(keeping) > balance_minor else None


def amount_bound(stack: Stack, available_minor: int, amount_minor: int, asset: str) -> Refused:
    """Why an amount can't be drawn that would be there without the restrictions of amounts."""
    told = _told([one for one in stack if not one.whole])
    facts = {**told, "available_minor": available_minor, "amount_minor": amount_minor, "currency": asset}
    return Refused(CardRefusal.AMOUNT_RESTRICTED, facts)


def _told(stack: Iterable[Restriction]) -> dict[str, Any]:
    """Who restricts and until when, as far as that may be told: the reasons of AML and risk stay general (R14)."""
    order = list(RestrictionKind)
    one = max(stack, key=lambda one: order.index(one.kind))
    if one.kind not in _SAID:
        return _UNTOLD
    told = {**_UNTOLD, "restriction": one.kind, "by": _SAID[one.kind]}
    if one.until is None:
        return told
    ends_at = render_time(one.until)
    return {**told, "ends_at": ends_at, "until": {"en": f"until {ends_at}", "zh": f"至 {ends_at}"}}


def not_yours(one: Restriction) -> Refused:
    """Who may lift a restriction instead, as far as that may be told."""
    return Refused(CardRefusal.NOT_YOURS_TO_LIFT, {"allowed": _allowed(one), "by": _SAID.get(one.kind, _GENERAL)})


def not_yours_to_continue(one: Restriction) -> Refused:
    """Who may continue a restriction instead, as far as that may be told."""
    return Refused(CardRefusal.NOT_YOURS_TO_CONTINUE, {"allowed": _allowed(one), "by": _SAID.get(one.kind, _GENERAL)})


def _allowed(one: Restriction) -> list[str]:
    return [str(kind) for kind in may_lift(one.kind)] if one.kind in _SAID else []


Order = tuple[RestrictionKind, str, str]
"""A kind, an authority of that, and its document."""


def clause_of_freezes() -> dict[str, Any]:
    """What a refusal says of the law by which an authority freezes for a while."""
    clause = shipped_clauses()[FREEZE_CLAUSE]
    citation = {"en": clause.citation.en, "zh": clause.citation.zh}
    return {"clause": clause.id, "citation": citation, "limit_h": freeze_hours()}


@cache
def freeze_hours() -> int:
    """How many hours a temporary freeze lasts at most (Anti-Money-Laundering Law, Art. 39, 45)."""
    figure = shipped_clauses()[FREEZE_CLAUSE].figures["temporary_freeze"]
    assert figure.unit is Unit.HOURS, "the law counts hours"
    return figure.value

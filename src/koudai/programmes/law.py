"""The law on a programme: what its pack asks of what it declares, and what stands before its launch. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from koudai import policy
from koudai.base import MAX_MINOR, Refused
from koudai.policy import FACTS, Allowed, Examination, GateKind, Point, Severity, Status, Violation, exactly, one_of
from koudai.programmes.model import KindTerms, Programme
from koudai.programmes.standing import OpenedPilot
from koudai.programmes.words import Identity, Kind, ProgrammeRefusal

_LEVELS = list(Identity)
# Mean months of the Gregorian calendar: 1,096 days are the three years of 36 months that the law speaks of.
_MONTHS_OF_400_YEARS, _DAYS_OF_400_YEARS = 4_800, 146_097


def required_gates(programme: Programme) -> tuple[GateKind, ...]:
    """What has to be entered before a programme goes live, as its pack says; one for trying out never does."""
    pack = policy.shipped(programme.policy.pack)
    return () if programme.sandbox_only or pack is None else tuple(gate.kind for gate in pack.gates)


def examined(programme: Programme) -> dict[Kind, Examination]:
    """What its pack means for each kind of its cards. A document that was read names a pack that there is."""
    pack = policy.shipped(programme.policy.pack)
    assert pack is not None, "a programme's pack was looked for when its document was read"
    found = {}
    for kind in Kind:
        terms = programme.of_kind(kind)
        if terms is not None:
            told = declared(programme, kind, terms)
            found[kind] = _certain(policy.examine(pack, programme.class_, told), told, _offered(programme, terms))
    return found


def _certain(found: Examination, told: Mapping[str, Allowed], offered: frozenset[Point]) -> Examination:
    """Without clauses of what cards never do, and without what is broken only under conditions that may not hold."""
    known = {*told, "programme_class"}
    return replace(
        found,
        applies=tuple(clause for clause in found.applies if not clause.points or offered & set(clause.points)),
        unverified=tuple(clause for clause in found.unverified if not clause.points or offered & set(clause.points)),
        violations=tuple(
            one
            for one in found.violations
            if offered & set(one.clause.points) and all(name in known for name, _ in one.clause.when)
        ),
    )


def _offered(programme: Programme, terms: KindTerms) -> frozenset[Point]:
    """The points that a card of a programme can come to."""
    never = {
        Point.SPLIT: programme.split is None,
        Point.GIFT: programme.gift is None,
        Point.RESALE: not terms.sellable,
    }
    return frozenset(point for point in Point if not never.get(point, False))


def violated(programme: Programme, opened: Collection[str] = ()) -> Refused | None:
    """The first thing that a programme declares and its pack refuses, where there is one.

    What it leaves open is none: then each act is judged when it comes. Nor is what only warns, or what pilots have
    `opened`: the clause judges again each act that they don't cover, and every one once they have ended.
    """
    for kind, found in examined(programme).items():
        for clause in (one.clause for one in found.violations if refuses(one) and one.clause.id not in opened):
            citation, title = ({"en": said.en, "zh": said.zh} for said in (clause.citation, clause.title))
            facts = {"card_kind": str(kind), "clause": clause.id, "citation": citation, "title": title}
            return Refused(ProgrammeRefusal.BREAKS_LAW, facts)
    return None


def opened_by(programme: Programme, pilots: Iterable[OpenedPilot], at: datetime) -> dict[str, str]:
    """Which clauses are open for a programme at a moment, and by which of its pilots that its document names."""
    named = [one for one in pilots if one.name in programme.policy.pilots and at < one.until]
    return {clause: one.name for one in named for clause in one.opens}


def refuses(violation: Violation) -> bool:
    """Whether what a programme declares is refused, and not only warned of."""
    clause = violation.clause
    return clause.severity is Severity.REFUSE and clause.status is Status.VERIFIED


def declared(programme: Programme, kind: Kind, terms: KindTerms) -> Mapping[str, Allowed]:
    """What a programme says of the facts that the law asks for, for one kind of its cards."""
    told: dict[str, Allowed] = {
        "currency": one_of(programme.currency),
        "card_kind": one_of(str(kind)),
        "funding": one_of(*(str(source) for source in programme.funding)),
        "expires": exactly(terms.validity.days is not None),
        "replacement_fee_minor": exactly(programme.fees.replacement_minor),
        "reactivation_ends": exactly(terms.validity.reactivation_days is not None),
        "purpose": one_of(*_purposes(programme)),
    }
    if programme.sandbox_only:
        told["play_money"] = exactly(True)
    # No card is ever overdrawn.
    most = MAX_MINOR if terms.max_balance_minor is None else terms.max_balance_minor
    told["balance_after_minor"] = range(most + 1)
    offer = programme.withdrawal
    told["refund_fee_minor"] = range(1 if offer is None else most * offer.fee_bps // 10_000 + 1)
    if offer is not None:
        told["refund_kind"] = FACTS["refund_kind"].domain
    if terms.validity.days is not None:
        told["validity_months"] = exactly(whole_months(terms.validity.days))
    if programme.gift is not None:
        told["receiver_level"] = one_of(*map(str, _LEVELS[_LEVELS.index(programme.gift.identity) :]))
    return told


def asks_of_issuer(programme: Programme) -> bool:
    """Whether the law of a programme asks what its issuer is, which somebody has to state before it is live."""
    pack = policy.shipped(programme.policy.pack)
    clauses = () if pack is None else [one for one in pack.clauses if one.refuses]
    asked = {name for one in clauses for name, _ in one.when} | {one.requires.fact for one in clauses if one.requires}
    return bool(asked & _OF_ISSUER)


_OF_ISSUER = {"issuer_class", "issuer_sector", "issuer_young", "days_since_start"}


def whole_months(days: int) -> int:
    """How many months lie in so many days, by the mean of the calendar."""
    return days * _MONTHS_OF_400_YEARS // _DAYS_OF_400_YEARS


def _purposes(programme: Programme) -> Iterator[str]:
    yield "purchase"
    if programme.gift is not None or programme.split is not None:
        yield "passing_on"
    if programme.idle_fund is not None:
        yield "idle_fund"

"""Offers: what a programme's document lets be done with its cards. Pure.

A programme without a document bounds nothing, and is for trying out: on a live side no card is issued before
the launch, for which there has to be one.
"""

from datetime import datetime
from typing import NamedTuple

from koudai.base import Refused, render_time
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.refusals import CardRefusal
from koudai.holders import Level, State
from koudai.policy import ProgrammeClass
from koudai.programmes import Carrier, Identity, Kind, KindTerms, Receiver

MAX_PIECES = 100
"""Into how many new cards a card is split by one command, whatever its programme says."""

MAX_GENERATIONS = 10
"""How many splits may lie between a card and its root where no document says."""


def not_issued(
    desk: Desk, programme_id: int, holder_ref: str | None, at: datetime, carrier: Carrier = Carrier.VIRTUAL
) -> Refused | None:  # fmt: skip
    """Why no card is issued: the programme isn't live, isn't in force yet, or has no cards of that kind or carrier."""
    if desk.charter.live and programme_id not in desk.charter.launched:
        return Refused(CardRefusal.NOT_LAUNCHED)
    promises = desk.charter.promises.get(programme_id)
    if promises is None:
        return None
    version = promises.in_force(at)
    if version is None:
        return Refused(CardRefusal.NOT_IN_FORCE, {"effective_at": render_time(promises.versions[0].effective_at)})
    kind = Kind.BEARER if holder_ref is None else Kind.REGISTERED
    if version.programme.of_kind(kind) is None:
        return Refused(CardRefusal.KIND_NOT_OFFERED, {"card_kind": str(kind)})
    if carrier not in (version.programme.carriers or (Carrier.VIRTUAL,)):
        return Refused(CardRefusal.CARRIER_NOT_OFFERED, {"carrier": str(carrier)})
    return None


def not_split(desk: Desk, card: HeldCard, pieces: tuple[int, ...]) -> Refused | None:
    """Why a card isn't split so: by what it was promised, and how many there are of its root already."""
    generations, least, most = MAX_GENERATIONS, 1, None
    if card.promised is not None:
        offer = card.promised.programme.split
        if offer is None:
            return Refused(CardRefusal.NOT_SPLITTABLE)
        generations, least, most = offer.max_generations, offer.min_minor, offer.max_pieces
    if card.lineage.generation >= generations:
        told = {"limit_count": generations, "generation": card.lineage.generation}
        return Refused(CardRefusal.TOO_MANY_GENERATIONS, told)
    made = desk.pieces.get(card.lineage.root_id, 0)
    if most is not None and made + len(pieces) > most:
        told = {"pieces": len(pieces), "limit_count": most, "left_count": max(0, most - made)}
        return Refused(CardRefusal.BAD_PIECES, told)
    if min(pieces) < least:
        facts = {"limit_minor": least, "amount_minor": min(pieces), "currency": card.asset}
        return Refused(CardRefusal.PIECE_TOO_SMALL, facts)
    return None


def not_replaced(card: HeldCard) -> Refused | None:
    """Why a card isn't replaced: a bearer card of a multi-purpose programme has no loss report (PBC 2012-12)."""
    if card.promised is None or card.holder_ref is not None:
        return None
    if card.promised.programme.class_ is not ProgrammeClass.MULTI_PURPOSE:
        return None
    return Refused(CardRefusal.NOT_REPLACEABLE, {"clause": "mp.bearer_loss"})


class GiftOffer(NamedTuple):
    """How a card may be given: only to somebody named or to anybody, to be claimed in how many days and by whom."""

    named: bool
    claim_days: int
    identity: Identity


def offer_of(card: HeldCard) -> GiftOffer | None:
    """How a card may be given; None where it may not."""
    if card.promised is None:
        return _GIVEN_BY_DEFAULT
    offer = card.promised.programme.gift
    return None if offer is None else GiftOffer(offer.to is Receiver.NAMED, offer.claim_days, offer.identity)


_GIVEN_BY_DEFAULT = GiftOffer(named=False, claim_days=7, identity=Identity.ANONYMOUS)
"""How a card is given where no document says."""


def not_given(offer: GiftOffer | None, to_ref: str | None) -> Refused | None:
    """Why a card isn't given so."""
    if offer is None:
        return Refused(CardRefusal.NOT_GIVABLE)
    return Refused(CardRefusal.RECEIVER_MISSING) if offer.named and to_ref is None else None


def not_passed(desk: Desk, source: HeldCard, target: HeldCard, *, sold: bool) -> Refused | None:
    """Why value isn't given, or sold, to who holds another card: a gift in parts is bound as a gift of the card is."""
    if source.promised is None:
        return None
    identity = Identity.ANONYMOUS
    if sold:
        if not (source.promised.programme.of_kind(source.kind) or KindTerms()).sellable:
            return Refused(CardRefusal.NOT_SELLABLE)
    else:
        offer = offer_of(source)
        bad = not_given(offer, target.holder_ref)
        if bad or offer is None:
            return bad
        identity = offer.identity
    return known_too_little(desk, identity, source, target.holder_ref)


def known_too_little(desk: Desk, identity: Identity, card: HeldCard, ref: str | None) -> Refused | None:
    """Why who gets a card, or value of it, isn't known well enough: what is in a name stays so."""
    least = Level(identity)
    if card.holder_ref is not None and least is Level.ANONYMOUS:
        least = Level.REGISTERED
    standing = None if ref is None else desk.standings.get(ref)
    known = Level.ANONYMOUS if standing is None or standing.state is State.ERASED else standing.level
    if _LEVELS[known] < _LEVELS[least]:
        return Refused(CardRefusal.IDENTITY_TOO_LOW, {"required": least, "level": known})
    return None


_LEVELS = {Level.ANONYMOUS: 0, Level.REGISTERED: 1, Level.VERIFIED: 2}

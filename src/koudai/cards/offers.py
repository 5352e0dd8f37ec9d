"""Offers: what a programme's document lets be done with its cards. Pure.

A programme without a document bounds nothing, and is for trying out: on a live side no card is issued before
the launch, for which there has to be one.
"""

from datetime import datetime

from koudai.base import Refused, render_time
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.model import CardRefusal
from koudai.programmes import Kind

MAX_PIECES = 100
"""Into how many new cards a card is split by one command, whatever its programme says."""

MAX_GENERATIONS = 10
"""How many splits may lie between a card and its root where no document says."""


def not_issued(desk: Desk, programme_id: int, holder_ref: str | None, at: datetime) -> Refused | None:
    """Why no card is issued: the programme isn't live, isn't in force yet, or has no cards of that kind."""
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

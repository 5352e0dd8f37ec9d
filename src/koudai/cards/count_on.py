"""Count on: the limits on a card that comes from another one go on where they stand for that one. Pure.

What a card has used up it has used up by whatever number it is called next: a limit isn't dodged by a replacement, nor
by a split once it is used up. A registered card that was claimed as a gift is somebody else's, and begins anew; of a
bearer card nobody can tell whose it is.
"""

from collections.abc import Iterable, Iterator

from koudai.cards.desk import Desk, HeldCard, Redemption, name_of, ref_of
from koudai.cards.terms import BookTerms, Subjects
from koudai.ledger import Flow, Meter, Subject


def _pairs(terms: BookTerms) -> dict[str, Subjects]:
    """The pairs that limits of a book count of which a card is one, by name."""
    return {name_of(kind): kind for kind in sorted(terms.kinds) if Subject.CARD in kind}


def spans_of_pairs(terms: BookTerms, card_ids: Iterable[int]) -> list[tuple[str, str]]:
    """Between which refs those of the pairs of cards lie. That of card and holder is locked with the card anyway."""
    names = [name for name, kind in _pairs(terms).items() if Subject.HOLDER not in kind]
    # Behind the card's id stands a plus sign, which a comma comes next to.
    return [(f"{name}:{card_id}+", f"{name}:{card_id},") for card_id in card_ids for name in names]


def count_on(desk: Desk, parent: HeldCard, child: HeldCard) -> None:
    """Let a card that this batch made begin with the counters of its parent: its own, and those of its pairs."""
    child.pocket.meter.go_on_from(parent.pocket.meter)
    for ref, own in _refs(desk, parent, child):
        meter = desk.sheet.subjects.get(ref)
        if meter is not None and meter.flat:
            desk.sheet.begin(own, meter)


def _refs(desk: Desk, parent: HeldCard, child: HeldCard) -> Iterator[tuple[str, str]]:
    """The refs of the pairs that a card is in, each with what it is for the card that comes from it."""
    for name, kind in _pairs(desk.terms).items():
        if Subject.HOLDER in kind:
            ref, own = (ref_of(kind, card.pocket, None, None) for card in (parent, child))
            if ref is not None and own is not None:
                yield ref, own
            continue
        before = f"{name}:{parent.id}"
        for ref in _known(desk).get(before, ()):
            yield ref, f"{name}:{child.id}{ref.removeprefix(before)}"


def _known(desk: Desk) -> dict[str, list[str]]:
    """The refs of all pairs that the batch has read, by what stands before the plus sign in them."""
    if desk.pairs is None:
        desk.pairs = {}
        for ref in desk.sheet.subjects:
            if isinstance(ref, str):
                name, _, who = ref.partition(":")
                desk.pairs.setdefault(f"{name}:{who.partition('+')[0]}", []).append(ref)
    return desk.pairs


def uncount(desk: Desk, card: HeldCard, redemption: Redemption) -> None:
    """Give a payment that was undone back to whoever it was counted for, and to the cards that went on from its card.

    Pieces that were split off meanwhile keep what they began with: the value comes back to the others.
    """
    limits, at_s = card.terms.limits[Flow.REDEEM], desk.seconds(redemption.at)
    meters = desk.meters(card, Flow.REDEEM, redemption.device)
    limits.give_back(meters, redemption.paid_minor, at_s, whole=redemption.whole)
    for heir in heirs(desk, card):
        own: list[Meter | None] = [
            meter if Subject.CARD in kind else None
            for kind, meter in zip(limits.kinds, desk.meters(heir, Flow.REDEEM, redemption.device), strict=True)
        ]
        limits.give_back(own, redemption.paid_minor, at_s, whole=redemption.whole)


def heirs(desk: Desk, card: HeldCard) -> Iterator[HeldCard]:
    """The cards that took the place of a card, one after the other, as long as they go on with its counters."""
    while card.pocket.successor_id is not None:
        card = desk.cards[card.pocket.successor_id]
        if not card.lineage.inherits:
            return
        yield card

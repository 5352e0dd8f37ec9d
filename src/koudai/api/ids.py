"""Ids as the outside sees them, and what they stand for inside."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import UNSET, UnsetType

from koudai.api.problems import ApiProblem, FieldFault, Problem, invalid
from koudai.api.shapes import BasketLine, GiftCardActivity
from koudai.base import MAX_MINOR
from koudai.cards import Activity, BasketLine as Line, CardRef, Pin, is_number, is_pay_code, pay_code_of, pin_of
from koudai.holders import KIND as HOLDER
from koudai.identity import Keyring
from koudai.ledger import Place

CARD, ACTIVITY, MERCHANT, PROGRAMME, CURSOR = "gftc", "gact", "mrch", "prgm", "cur"
GIFT = "gift"
STOCK = "stck"
NOBODY = ""
"""The ref of no holder: a command that names it is judged, refused and remembered like any other."""

UNKNOWN = -1
"""An id that nothing has: a command that names it is judged, refused and remembered like any other."""

MAX_INT4 = 2**31 - 1
_REMEMBERED = 10_000


class Ids:
    """Opaque ids by the installation's keyring. Whatever is no id of ours is simply unknown."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        # Merchants and programmes are few and named again and again; cards are neither.
        self.merchant = lru_cache(_REMEMBERED)(self._merchant)
        self.programme = lru_cache(_REMEMBERED)(self._programme)

    def card(self, opaque: str) -> int:
        """The card behind an id, or UNKNOWN."""
        pair = self._keyring.internal_id(CARD, opaque)
        return pair[0] if pair is not None and pair[0] <= MAX_MINOR else UNKNOWN

    def _merchant(self, opaque: str) -> int:
        pair = self._keyring.internal_id(MERCHANT, opaque)
        return pair[0] if pair is not None and pair[0] <= MAX_INT4 else UNKNOWN

    def _programme(self, opaque: str) -> int:
        pair = self._keyring.internal_id(PROGRAMME, opaque)
        return pair[0] if pair is not None and pair[0] <= MAX_INT4 else UNKNOWN

    def stock(self, opaque: str) -> int:
        """The stock behind an id, or UNKNOWN."""
        pair = self._keyring.internal_id(STOCK, opaque)
        return pair[0] if pair is not None and pair[0] <= MAX_MINOR else UNKNOWN

    def holder(self, opaque: str) -> str:
        """The ref of a holder, which is its id as the outside sees it; NOBODY where it isn't one of ours."""
        return opaque if self._keyring.internal_id(HOLDER, opaque) is not None else NOBODY

    def place(self, opaque: str) -> Place:
        """The activity behind an id, or a place where nothing stands."""
        return self._place(ACTIVITY, opaque) or Place(UNKNOWN, UNKNOWN)

    def gift(self, opaque: str) -> Place:
        """The gift behind an id, or a place where nothing stands."""
        return self._place(GIFT, opaque) or Place(UNKNOWN, UNKNOWN)

    def gift_id(self, place: Place) -> str:
        """The id of a gift."""
        return self._keyring.opaque_id(GIFT, *place)

    def cursor(self, opaque: str | None) -> Place | None:
        """Where a page begins; None for the first one. Raises Problem when the cursor isn't ours."""
        if opaque is None:
            return None
        place = self._place(CURSOR, opaque)
        if place is None:
            raise invalid("cursor", "cursor")
        return place

    def cursor_of(self, high: int, low: int = 0) -> str:
        """The cursor of the page that begins there."""
        return self._keyring.opaque_id(CURSOR, high, low)

    def _place(self, kind: str, opaque: str) -> Place | None:
        pair = self._keyring.internal_id(kind, opaque)
        if pair is None or pair[0] > MAX_MINOR or pair[1] > MAX_INT4:
            return None
        return Place(*pair)

    def card_ref(self, gift_card_id: str | UnsetType, gan: str | UnsetType) -> CardRef:
        """A card as a request names it: by id or by number, exactly one. Raises Problem otherwise."""
        if gan is UNSET and gift_card_id is not UNSET:
            return self.card(gift_card_id)
        if gan is not UNSET and gift_card_id is UNSET:
            return self.number_hash(gan)
        raise invalid("gift_card_id", "one_of", other="gan")

    def payer(self, gift_card_id: str | UnsetType, gan: str | UnsetType, pay_code: str | UnsetType) -> CardRef:
        """What pays: a card as `card_ref` names it, or a pay code in its place. Raises Problem otherwise."""
        if pay_code is UNSET:
            return self.card_ref(gift_card_id, gan)
        if gift_card_id is not UNSET or gan is not UNSET:
            raise invalid("pay_code", "one_of", other="gift_card_id" if gan is UNSET else "gan")
        if not is_pay_code(pay_code):
            raise invalid("pay_code", "pay_code")
        return pay_code_of(self._keyring, pay_code)

    def pin(self, digits: str) -> Pin:
        """A PIN as commands carry it."""
        return pin_of(self._keyring, digits)

    def number_hash(self, gan: str) -> bytes:
        """What a card's number is found by. Raises Problem when its check digit is wrong."""
        if not is_number(gan):
            raise Problem(ApiProblem.BAD_NUMBER, errors=[FieldFault("gan", "number")])
        return self._keyring.lookup_hash(gan)

    def of(self, kind: str, ids: Iterable[int]) -> list[str]:
        """The opaque ids of things of one kind."""
        return self._keyring.opaque_ids(kind, [(one, 0) for one in ids])

    def activities(self, found: Sequence[Activity]) -> list[GiftCardActivity]:
        """Entries as they are shown; many at once are cheaper than one by one."""
        own = self._keyring.opaque_ids(ACTIVITY, [a.place for a in found])
        of_cards = self.of(CARD, [a.card_id for a in found])
        known = {a.merchant_id for a in found if a.merchant_id is not None}
        merchants: dict[int | None, str] = dict(zip(known, self.of(MERCHANT, known), strict=True))
        # Few entries name another entry or card: most batches look nothing up.
        linked = [a for a in found if a.redemption or a.hold or a.other_card_id]
        places = {place for a in linked for place in (a.redemption, a.hold) if place is not None}
        entries: dict[Place | None, str] = (
            dict(zip(places, self._keyring.opaque_ids(ACTIVITY, places), strict=True)) if places else {}
        )
        cards = {a.other_card_id for a in linked if a.other_card_id is not None}
        others: dict[int | None, str] = dict(zip(cards, self.of(CARD, cards), strict=True)) if cards else {}
        return [
            GiftCardActivity(
                id_, a.type, card_id, a.amount_minor, a.asset, a.balance_minor, a.held_minor,
                merchants.get(a.merchant_id), a.source, entries.get(a.redemption), a.event_at, a.recorded_at,
                entries.get(a.hold, UNSET), others.get(a.other_card_id, UNSET),
                [as_line(line) for line in a.lines] or UNSET, a.remaining_minor or UNSET,
            )
            for a, id_, card_id in zip(found, own, of_cards, strict=True)
        ]  # fmt: skip


def as_line(line: Line) -> BasketLine:
    """A line of a basket as it is shown."""
    accepted = line.reason is None
    return BasketLine(line.sku, line.goods_class, line.amount_minor, line.paid_minor, accepted, line.reason)

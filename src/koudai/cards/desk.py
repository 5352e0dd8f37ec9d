"""The desk: all that a batch of commands knows of its cards, under lock, while it is folded. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from koudai.base import Refused, seconds_of
from koudai.cards.gifts.model import Gifts
from koudai.cards.law.pilots import Pilots
from koudai.cards.law.tally import Closing, Owed, Tally
from koudai.cards.model import (
    Activity,
    ActivityType,
    CardState,
    Entry,
    Given,
    Issued,
    Lineage,
    LineRow,
    Minted,
    NewCard,
    Part,
    PayoutRow,
)
from koudai.cards.numbers import Mint
from koudai.cards.restrict.model import Order, Restriction, Stack
from koudai.cards.secrets.codes import Codes
from koudai.cards.secrets.pins import Pins
from koudai.cards.stock.model import Shelf, Stock
from koudai.cards.terms import BookTerms, Subjects, Terms
from koudai.holders import Standing
from koudai.ledger import BONUS, Drawn, Flow, FundingSource, Hold, Meter, Place, Pocket, Sheet, Subject
from koudai.merchants import Merchant
from koudai.policy import Point
from koudai.programmes import USED_LATE, Asked, Charter, Effective, Kind, Law


class HeldCard:
    """A locked card: its state and terms, who holds it, where it comes from, its pocket, and its newest entry.

    `promised` is what its programme's document promised to it at `promised_at`; None where there is none.
    `waits_until` is when it can be used, where it was sold at a till and that is still to come.
    `frozen_by` are the orders by which it was frozen for a while, read where another one is to be.
    `lapsed` is why it neither pays nor is loaded any more once its time is over, and how it goes on.
    """

    __slots__ = ("asset", "expires_at", "frozen_by", "gift_until", "has_pin", "holder_ref", "id", "issued_at", "lapsed",
                 "last", "lineage", "pocket", "promised", "promised_at", "restrictions", "state", "terms",
                 "waits_until")  # fmt: skip

    @property
    def kind(self) -> Kind:
        """Whether it is somebody's by name, or whoever's holds it."""
        return Kind.BEARER if self.holder_ref is None else Kind.REGISTERED

    def __init__(
        self, pocket: Pocket, state: CardState, terms: Terms, holder_ref: str | None, issued_at: datetime,
        promised_at: datetime, lineage: Lineage, promised: Effective | None, gift_until: datetime | None = None,
        expires_at: datetime | None = None, *, has_pin: bool = False,
    ) -> None:  # fmt: skip
        self.id = pocket.id
        self.asset = pocket.asset
        self.pocket = pocket
        self.state = state
        self.terms = terms
        self.holder_ref = holder_ref
        self.issued_at = issued_at
        self.promised_at = promised_at
        self.lineage = lineage
        self.promised = promised
        self.restrictions: Stack = ()
        self.frozen_by: set[Order] = set()
        self.has_pin = has_pin
        self.waits_until: datetime | None = None
        self.expires_at = expires_at
        self.lapsed: Refused | None = None
        self.last = pocket.newest
        self.gift_until = gift_until

    @property
    def given(self) -> bool:
        """Whether it waits for who claims it as a gift: nothing leaves it then."""
        return self.gift_until is not None

    @property
    def holds_bought(self) -> bool:
        """Whether somebody paid for anything that it holds: more than a bonus is on it."""
        return not all(lot.flags & BONUS for lot in self.pocket.lots)


class Judgement(NamedTuple):
    """What the law had to say of an entry that was let pass: clauses that warned, pilots that opened some."""

    ordinal: int
    card_id: int
    point: Point
    pack: str
    noted: str
    pilots: str


class Redemption:
    """A redemption or capture that may be given back.

    `drawn` are the lots that it drew, in that order; `refunded_minor` of it went back so far, beginning
    with the last. `at` is the moment at which limits counted it, and `whole` whether it was counted by
    itself: a capture, which paid at `paid_at`, was counted as a part of its hold. Captures of one group have one
    `lead`, the ordinal of the first.
    """

    __slots__ = ("at", "card_id", "device", "drawn", "lead", "merchant_id", "paid_at", "paid_minor", "place",
                 "refunded_minor", "whole")  # fmt: skip

    def __init__(
        self, place: Place, card_id: int, merchant_id: int, paid_minor: int, refunded_minor: int, at: datetime,
        device: str | None = None, drawn: list[Drawn] | None = None, *, whole: bool = True,
        paid_at: datetime | None = None, lead: int | None = None,
    ) -> None:  # fmt: skip
        self.place = place
        self.lead = lead
        self.card_id = card_id
        self.merchant_id = merchant_id
        self.paid_minor = paid_minor
        self.refunded_minor = refunded_minor
        self.at = at
        self.paid_at = paid_at or at
        self.device = device
        self.drawn = drawn or []
        self.whole = whole

    @property
    def left_minor(self) -> int:
        """What can still be given back of it."""
        return self.paid_minor - self.refunded_minor

    def give_back(self, amount_minor: int) -> list[Drawn]:
        """Note that an amount goes back, and say to which lots: in the reverse of the order they were drawn in."""
        skip = self.refunded_minor
        self.refunded_minor += amount_minor
        parts: list[Drawn] = []
        for lot, minor in reversed(self.drawn):
            past = min(skip, minor)
            skip -= past
            part = min(minor - past, amount_minor)
            amount_minor -= part
            if part:
                parts.append((lot, part))
        assert amount_minor == 0, "an entry drew what it paid"
        return parts


class Cashback:
    """Cashback that was given for a redemption or capture at `place`: to which card, on which Chinese day.

    `strain` is that of the lot that it went into, and `taken_minor` what fell back of it by now.
    """

    __slots__ = ("card_id", "day", "given_minor", "place", "strain", "taken_minor")

    def __init__(self, place: Place, card_id: int, day: str, strain: int, given_minor: int, taken_minor: int) -> None:
        self.place = place
        self.card_id = card_id
        self.day = day
        self.strain = strain
        self.given_minor = given_minor
        self.taken_minor = taken_minor


class Desk:
    """A sheet with the cards, merchants, redemptions and holds that its commands name."""

    def __init__(self, sheet: Sheet, terms: BookTerms, charter: Charter) -> None:
        self.sheet = sheet
        self.terms = terms
        self.charter = charter
        self.cards: dict[int, HeldCard] = {}
        self.ids_of_numbers: dict[bytes, int] = {}
        self.merchants: Mapping[int, Merchant] = {}
        self.merchants_of_holds: dict[Place, int] = {}
        self.corrected: dict[Place, int] = {}
        self.redemptions: dict[Place, Redemption] = {}
        self.refundable: dict[tuple[int, int], list[Redemption]] = {}
        self.holds: dict[Place, Hold] = {}
        self.groups: dict[str, list[Hold]] = {}
        self.keys_before_lock: set[str] = set()
        self.made: dict[Place, Activity | Issued | Minted | Given | Stock] = {}
        self.mint: Mint | None = None
        self.new_cards: list[NewCard] = []
        self.pieces: dict[int, int] = {}
        self.pairs: dict[str, list[str]] | None = None
        self.hands: Mapping[int, int] = {}
        self.tallies: dict[str, Tally] = {}
        self.families: dict[int, int] = {}
        self.cashed: dict[int, int] = {}
        self.standings: Mapping[str, Standing] = {}
        self.closing = Closing()
        self.owed = Owed()
        self.pilots = Pilots()
        self.judgements: list[Judgement] = []
        self.entries: list[Entry] = []
        self.parts: list[Part] = []
        self.expiries: dict[int, datetime] = {}
        self.were_empty: set[int] = set()
        self.used_late: set[int] = set()
        self.payouts: list[PayoutRow] = []
        self.states: dict[int, CardState] = {}
        self.restricted: list[Restriction] = []
        self.unrestricted: list[Ended] = []
        self.continued: list[Continued] = []
        self.lines: list[LineRow] = []
        self.tenders: list[tuple[int, int]] = []
        self.cashbacks: dict[Place, Cashback] = {}
        self.rewarded: dict[tuple[int, str], int] = {}
        self.fell_back: dict[Place, int] = {}
        self.gifts = Gifts()
        self.pins = Pins()
        self.codes = Codes()
        self.tracks_redemptions = False
        self.shelf = Shelf()
        self._seconds: dict[datetime, int] = {}
        self._laws: dict[int, Law | None] = {}
        self.asked_of_payments: dict[tuple[int, bool, int], Asked | None] = {}

    def seconds(self, moment: datetime) -> int:
        """A moment in seconds since 1970; most commands of a batch share one."""
        known = self._seconds.get(moment)
        if known is None:
            known = self._seconds[moment] = seconds_of(moment)
        return known

    def meters(
        self, card: HeldCard, flow: Flow, device: str | None = None, recipient: str | None = None
    ) -> list[Meter | None]:
        """The meters of those whom limits on a flow count, in their order; who isn't known has none."""
        found: list[Meter | None] = []
        for kind in card.terms.limits[flow].kinds:
            if kind == _CARD:
                found.append(card.pocket.meter)
            elif kind == _HOLDER:
                found.append(self.meter_of_holder(card))
            else:
                ref = ref_of(kind, card.pocket, device, recipient)
                found.append(None if ref is None else self.sheet.subjects.get(ref))
        return found

    def meter_of_holder(self, card: HeldCard) -> Meter | None:
        """The meter of a card's holder; None for a bearer card."""
        holder = card.pocket.holder_id
        return None if holder is None else self.sheet.subjects[holder]

    def law(self, programme_id: int) -> Law | None:
        """The law that judges a programme's cards; None without a document."""
        if programme_id not in self._laws:
            self._laws[programme_id] = self.charter.law(programme_id, self.sheet.now)
        return self._laws[programme_id]

    def root_minor(self, card: HeldCard) -> int:
        """What all cards of a card's root hold."""
        return self.families[card.lineage.root_id]

    def cashed_minor(self, card: HeldCard) -> int:
        """What all cards of a card's root hold, with what was paid out for others of them in cash before."""
        return self.root_minor(card) + self.cashed.get(card.lineage.root_id, 0)

    def moved(self, card: HeldCard, minor: int) -> None:
        """Tell what counts the value of holders and of roots that a card got so much, or lost it (negative)."""
        if self.families and card.lineage.root_id in self.families:
            self.families[card.lineage.root_id] += minor
        if card.terms.holder_bounds and (meter := self.meter_of_holder(card)):
            for limit in card.terms.holder_bounds:
                meter.moved(limit, minor)

    def promised(self, programme_id: int, since: datetime) -> Effective | None:
        """What a programme's document, where there is one, promised to cards that have its terms since then."""
        return self.charter.promised(programme_id, since, self.sheet.now)

    def add_hold(self, hold: Hold) -> Hold:
        """Know a hold, by its place and its group; the one that is known already where it is."""
        known = self.holds.setdefault(hold.place, hold)
        if known is hold:
            self.sheet.holds[hold.place] = hold
            if hold.group is not None:
                self.groups.setdefault(hold.group, []).append(hold)
        return known

    def enter(
        self, card: HeldCard, place: Place, kind: ActivityType, amount_minor: int, event_at: datetime | None,
        *, merchant_id: int | None = None, source: FundingSource | None = None, redemption: Place | None = None,
        hold: Place | None = None, other_card_id: int | None = None, device: str | None = None,
        recipient: str | None = None, lead: int | None = None,
    ) -> Activity:  # fmt: skip
        """Write an entry into a card's history, behind its newest one."""
        sheet = self.sheet
        at = event_at or sheet.now
        if event_at is not None and kind in USES and event_at < sheet.now - USED_LATE:
            self.used_late.add(card.id)
        balance, held = card.pocket.balance_minor, card.pocket.held_minor
        self.entries.append(
            (
                place[1], place[1] if lead is None else lead, card.id, kind, amount_minor, balance, held, merchant_id,
                source, *(redemption or _NOWHERE), *(hold or _NOWHERE), other_card_id, device, recipient, *card.last,
                at,
            )
        )  # fmt: skip
        card.last = place
        activity = Activity(
            place, card.id, kind, amount_minor, card.asset, balance, merchant_id, source, redemption, at,
            sheet.recorded_at, held, hold, other_card_id,
        )  # fmt: skip
        self.made[place] = activity
        return activity


Ended = tuple[int, int, int, Any, Any, str | None, str | None, str | None]
"""A restriction's place, the ordinal of what ended it, how, and who lifted it: kind, authority, document, by"""

Continued = tuple[int, int, int, datetime | None, str, str, str]
"""The ordinal of what continued a restriction, its place, until when, and by whom: authority, document, by"""

_CARD = (Subject.CARD,)
_HOLDER = (Subject.HOLDER,)
_NOWHERE = (None, None)

USES = frozenset({ActivityType.LOAD, ActivityType.REDEEM, ActivityType.CAPTURE})
"""What ends a silence (`cards.last_use_v1`)."""


def ref_of(kind: Subjects, pocket: Pocket, device: str | None, recipient: str | None) -> str | None:
    """The ref of a device, a recipient, or a pair; None where one of them isn't known.

    In a pair with a holder the holder comes first, since the database puts it in.
    """
    told: dict[Subject, Any] = {
        Subject.CARD: pocket.id,
        Subject.HOLDER: pocket.holder_id,
        Subject.DEVICE: device,
        Subject.RECIPIENT: recipient,
    }
    values = in_order(kind, told)
    if None in values:
        return None
    return ref_from(kind, values)


def ref_from(kind: Subjects, values: Sequence[Any]) -> str:
    """A ref from what is told in order; what stands before another has its own plus signs escaped."""
    *before, last = (str(value) for value in values)
    return f"{name_of(kind)}:{''.join(f'{escaped(one)}+' for one in before)}{last}"


def escaped(value: str) -> str:
    """A value that can stand before a plus sign."""
    return value.replace("%", "%25").replace("+", "%2B")


_RANKS = {Subject.HOLDER: 0, Subject.CARD: 1, Subject.DEVICE: 2, Subject.RECIPIENT: 3}


def in_order(kind: Subjects, told: dict[Subject, Any]) -> list[Any]:
    """What is told of the subjects of a kind, in the order in which a ref has them: a holder comes first."""
    return [told[one] for one in sorted(kind, key=_RANKS.__getitem__)]


def holder_of(ref: str) -> str:
    """What the ledger calls the holder whom a card names by a ref."""
    return f"holder:{ref}"


def name_of(kind: Subjects) -> str:
    """How a ref calls a kind of subject or pair: `device`, `holder+device`."""
    return "+".join(one.value for one in sorted(kind, key=_RANKS.__getitem__))

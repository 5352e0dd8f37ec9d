"""The sheet: locked accounts in memory, on which a batch is folded. Pure."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from koudai.base import MAX_MINOR, Refused, render_time, seconds_of
from koudai.ledger.holds import Hold, HoldState
from koudai.ledger.keys import Keys
from koudai.ledger.limits import Meter
from koudai.ledger.lots import (
    DrawOrder,
    Lot,
    NewLot,
    Part,
    Provenance,
    choose,
    expiry_s,
    keep_in_order,
)
from koudai.ledger.model import Correction, LedgerRefusal, Place
from koudai.ledger.pocket import Pocket

Transfer = tuple[int, int, int, int, str, str, datetime, int, int | None, int | None]
"""ordinal, debit, credit, amount in minor units, asset, kind, event time, entry, debited lot, credited lot"""

Drawn = tuple[int, int]
"""A lot, and how much was drawn of it."""


class Sheet:
    """One batch of one book while it is folded.

    `pockets` holds every constrained account that the batch may debit or credit, all under lock; an
    account that isn't there is hot and has no bound. Each accepted move is seen by the next. `now` is
    the book's time, and `subjects` the counters of holders, devices and recipients, by ref and by id.
    """

    __slots__ = (
        "batch_id",
        "begun",
        "book",
        "closed_before",
        "corrections",
        "fresh_ids",
        "holds",
        "keys",
        "new_lots",
        "now",
        "now_s",
        "opened",
        "ordinal",
        "pockets",
        "provenances",
        "recorded_at",
        "subjects",
        "successors",
        "touched",
        "transfers",
    )

    def __init__(
        self, book: int, batch_id: int, recorded_at: datetime, now: datetime, pockets: dict[int, Pocket], keys: Keys,
        closed_before: datetime | None = None, fresh_ids: Iterable[int] = (),
    ) -> None:  # fmt: skip
        self.book = book
        self.batch_id = batch_id
        self.recorded_at = recorded_at
        self.now = now
        self.now_s = seconds_of(now)
        self.pockets = pockets
        self.keys = keys
        self.subjects: dict[str | int, Meter] = {}
        self.begun: dict[str, Meter] = {}
        self.closed_before = closed_before
        self.fresh_ids = deque(fresh_ids)
        self.ordinal = 0
        self.transfers: list[Transfer] = []
        self.touched: dict[int, int] = {}
        self.new_lots: list[NewLot] = []
        self.provenances: dict[int, tuple[int, Provenance]] = {}
        self.holds: dict[Place, Hold] = {}
        self.successors: dict[int, int] = {}
        self.corrections: list[tuple[int, Correction]] = []
        self.opened: list[tuple[Pocket, str, int]] = []

    def next_ordinal(self) -> int:
        """The number of the next entry of this batch."""
        self.ordinal += 1
        return self.ordinal

    def move(
        self, entry: int, debit: int, credit: int, amount_minor: int, asset: str, kind: str, event_at: datetime,
    ) -> Refused | None:  # fmt: skip
        """Move value between accounts that aren't kept in lots, or say why not and change nothing."""
        source, target = self.pockets.get(debit), self.pockets.get(credit)
        if source is not None and source.balance_minor < amount_minor:
            facts = {
                "account": debit,
                "available_minor": source.balance_minor,
                "amount_minor": amount_minor,
                "asset": asset,
            }
            return Refused(LedgerRefusal.INSUFFICIENT_BALANCE, facts)
        if target is not None:
            if target.balance_minor > MAX_MINOR - amount_minor:
                return Refused(LedgerRefusal.BALANCE_TOO_LARGE, {"account": credit, "asset": asset})
            target.balance_minor += amount_minor
        if source is not None:
            source.balance_minor -= amount_minor
        self.transfers.append((entry, debit, credit, amount_minor, asset, kind, event_at, entry, None, None))
        return None

    def take_back(self, count: int) -> None:
        """Undo all bare moves but the first `count`: a linked chain fell."""
        for _, debit, credit, amount_minor, *_ in reversed(self.transfers[count:]):
            if debit in self.pockets:
                self.pockets[debit].balance_minor += amount_minor
            if credit in self.pockets:
                self.pockets[credit].balance_minor -= amount_minor
        del self.transfers[count:]

    def touch(self, account: int, ordinal: int) -> None:
        """Note an entry of a constrained account by which no value moves."""
        self.touched[account] = ordinal

    def _leg(self, entry: int) -> int:
        """The ordinal of the next transfer of an entry: the first has the entry's own."""
        return self.next_ordinal() if self.transfers and self.transfers[-1][7] == entry else entry

    def closed(self, event_at: datetime | None) -> Refused | None:
        """Why nothing can be booked any more as of a moment: its period is closed."""
        if event_at is None or self.closed_before is None or event_at >= self.closed_before:
            return None
        facts = {"event_at": render_time(event_at), "closed_before": render_time(self.closed_before)}
        return Refused(LedgerRefusal.PERIOD_CLOSED, facts)

    def too_full(self, pocket: Pocket, amount_minor: int) -> Refused | None:
        """Why a pocket can't take an amount in: no balance is longer than money is."""
        if pocket.balance_minor > MAX_MINOR - amount_minor:
            return Refused(LedgerRefusal.BALANCE_TOO_LARGE, {"account": pocket.id, "asset": pocket.asset})
        return None

    def pay(self, entry: int, pocket: Pocket, payee: int, parts: Sequence[Part], kind: str, at: datetime) -> None:
        """Pay parts of a pocket's lots to a hot account. The lots hold them, reserved or not."""
        for lot, minor in parts:
            lot.minor -= minor
            pocket.balance_minor -= minor
            leg = self._leg(entry)
            self.transfers.append((leg, pocket.id, payee, minor, pocket.asset, kind, at, entry, lot.id, None))
        pocket.settle()

    def spend(
        self, entry: int, pocket: Pocket, payee: int, amount_minor: int, order: DrawOrder, kind: str, at: datetime,
    ) -> list[Drawn]:  # fmt: skip
        """Pay an amount that the pocket has available to a hot account; from which lots it was drawn."""
        lot_id = pocket.take_first(amount_minor, self.now_s) if order is DrawOrder.BONUS_FIRST else None
        if lot_id is None:
            parts = self.draw(pocket, amount_minor, order)
            self.pay(entry, pocket, payee, parts, kind, at)
            return [(lot.id, minor) for lot, minor in parts]
        self.transfers.append(
            (entry, pocket.id, payee, amount_minor, pocket.asset, kind, at, entry, lot_id, None)
        )  # fmt: skip
        return [(lot_id, amount_minor)]

    def draw(self, pocket: Pocket, amount_minor: int, order: DrawOrder) -> list[Part]:
        """The parts that an amount is drawn from; the pocket has that much available."""
        return choose(pocket.lots, amount_minor, order, self.now_s)

    def put(
        self, entry: int, payer: int, pocket: Pocket, amount_minor: int, provenance: Provenance, kind: str,
        at: datetime,
    ) -> None:  # fmt: skip
        """Put value from a hot account into a pocket, as a new lot or into the one of the same strain."""
        lot = self._lot_for(entry, pocket, provenance, None)
        self._into(pocket, lot, amount_minor)
        leg = self._leg(entry)
        self.transfers.append((leg, payer, pocket.id, amount_minor, pocket.asset, kind, at, entry, None, lot.id))

    def restore(
        self, entry: int, payer: int, pocket: Pocket, drawn: Sequence[Drawn], kind: str, at: datetime,
        lasting: Mapping[int, datetime],
    ) -> None:  # fmt: skip
        """Put value back into lots that it was drawn from, or into like ones of the pocket that gets it instead.

        `lasting` gives lots another expiry than they had.
        """
        for lot_id, minor in drawn:
            provenance = self.provenances[lot_id][1]
            if lot_id in lasting:
                provenance = msgspec.structs.replace(provenance, expires_at=lasting[lot_id])
            lot = pocket.lot(lot_id) or self._lot_for(entry, pocket, provenance, lot_id)
            self._into(pocket, lot, minor)
            leg = self._leg(entry)
            self.transfers.append((leg, payer, pocket.id, minor, pocket.asset, kind, at, entry, None, lot.id))

    def carry(
        self, entry: int, source: Pocket, target: Pocket, parts: Sequence[Part], kind: str, at: datetime,
    ) -> None:  # fmt: skip
        """Carry parts of lots from one pocket to another, with their provenance."""
        for lot, minor in parts:
            into = self._lot_for(entry, target, self.provenances[lot.id][1], lot.id)
            lot.minor -= minor
            source.balance_minor -= minor
            self._into(target, into, minor)
            leg = self._leg(entry)
            self.transfers.append(
                (leg, source.id, target.id, minor, source.asset, kind, at, entry, lot.id, into.id)
            )  # fmt: skip
        source.settle()

    def renew(self, entry: int, pocket: Pocket, lot: Lot, expires_at: datetime | None, at: datetime) -> int:
        """Give what is free of a lot another expiry: it becomes another lot. How much that is."""
        minor = lot.minor - lot.held_minor
        provenance = msgspec.structs.replace(self.provenances[lot.id][1], expires_at=expires_at)
        into = self._lot_for(entry, pocket, provenance, lot.id)
        lot.minor -= minor
        pocket.balance_minor -= minor
        self._into(pocket, into, minor)
        leg = self._leg(entry)
        self.transfers.append((leg, pocket.id, pocket.id, minor, pocket.asset, "renew", at, entry, lot.id, into.id))
        pocket.settle()
        return minor

    def reserve(
        self, entry: int, pocket: Pocket, payee: int, amount_minor: int, order: DrawOrder, at: datetime,
        expires_at: datetime, device: str | None, group: str | None,
    ) -> Hold:  # fmt: skip
        """Reserve an amount that the pocket has available."""
        lot_id = pocket.reserve_first(amount_minor, self.now_s) if order is DrawOrder.BONUS_FIRST else None
        if lot_id is None:
            parts = self.draw(pocket, amount_minor, order)
            for lot, minor in parts:
                lot.held_minor += minor
            pocket.held_minor += amount_minor
            noted = [(lot.id, minor) for lot, minor in parts]
        else:
            noted = [(lot_id, amount_minor)]
        pocket.due_at = min(pocket.due_at or expires_at, expires_at)
        place = Place(self.batch_id, entry)
        hold = Hold(
            place, pocket.id, payee, amount_minor, pocket.asset, at, expires_at, noted, device=device, group=group
        )  # fmt: skip
        hold.changed = True
        self.holds[place] = hold
        return hold

    def capture(self, entry: int, pocket: Pocket, hold: Hold, amount_minor: int, at: datetime) -> list[Drawn]:
        """Pay a part of what a hold reserves to its payee, out of the lots that it reserved."""
        assert hold.state is HoldState.OPEN, "a closed hold can't be captured"
        assert not hold.is_due(self.now), "an expired hold can't be captured"
        drawn = hold.take(amount_minor)
        if len(drawn) == 1 and pocket.take_reserved(*drawn[0]):
            leg, (lot_id, minor) = self._leg(entry), drawn[0]
            self.transfers.append((leg, pocket.id, hold.payee, minor, pocket.asset, "capture", at, entry, lot_id, None))
        else:
            self.pay(entry, pocket, hold.payee, self._unhold(pocket, drawn), "capture", at)
        hold.captured_minor += amount_minor
        if amount_minor:
            hold.captured_at = self.now
        if not hold.left_minor:
            self._close(pocket, hold, HoldState.CAPTURED)
        return drawn

    def release(self, pocket: Pocket, hold: Hold, state: HoldState) -> int:
        """Give what a hold still reserves back to its lots, and close it. How much that was."""
        left = hold.left_minor
        self._unhold(pocket, hold.take(left))
        hold.released_minor += left
        self._close(pocket, hold, state)
        return left

    def _unhold(self, pocket: Pocket, drawn: Sequence[Drawn]) -> list[Part]:
        parts = []
        for lot_id, minor in drawn:
            lot = pocket.lot(lot_id)
            assert lot is not None, "a reserved lot is live"
            lot.held_minor -= minor
            pocket.held_minor -= minor
            parts.append((lot, minor))
        return parts

    def _close(self, pocket: Pocket, hold: Hold, state: HoldState) -> None:
        hold.state = state
        hold.changed = True
        # The other open holds of the account may not be known here: the date may be too early, never too late.
        if not pocket.held_minor:
            pocket.due_at = None

    def _into(self, pocket: Pocket, lot: Lot, minor: int) -> None:
        if not lot.minor and lot not in pocket.lots:
            pocket.lots.append(lot)
        lot.minor += minor
        pocket.balance_minor += minor
        keep_in_order(pocket.lots)

    def _lot_for(self, entry: int, pocket: Pocket, provenance: Provenance, parent: int | None) -> Lot:
        """The pocket's live lot of a provenance, one of its own that was emptied, or a new one."""
        strain = provenance.strain()
        flags, expires = provenance.flags, expiry_s(provenance.expires_at)
        for lot in pocket.lots:
            if lot.strain == strain:
                return lot
        if parent is not None and self.provenances[parent] == (pocket.id, provenance):
            return Lot(parent, 0, 0, flags, expires, strain)
        lot_id = self.fresh_ids.popleft()
        self.provenances[lot_id] = (pocket.id, provenance)
        self.new_lots.append(NewLot(lot_id, pocket.id, parent, provenance, entry))
        return Lot(lot_id, 0, 0, flags, expires, strain)

    def open(self, kind: str, asset: str, holder_id: int | None, ordinal: int) -> Pocket:
        """Open an account that is kept in lots, by the entry `ordinal` (0: nothing is entered yet)."""
        account = self.fresh_ids.popleft()
        pocket = Pocket(account, asset, 0, Place(0, 0), None, holder_id=holder_id, lots=[])
        self.pockets[account] = pocket
        self.opened.append((pocket, kind, ordinal))
        return pocket

    def begin(self, ref: str, other: Meter) -> None:
        """Make a subject, of whom nothing was counted so far, begin with what another one has counted."""
        made = self.begun[ref] = self.subjects[ref] = Meter(0, None, None)
        made.go_on_from(other)

    def succeed(self, pocket: Pocket, successor: Pocket) -> None:
        """Note that an account took over from another: what comes back to that one goes to it."""
        pocket.successor_id = self.successors[pocket.id] = successor.id

    def correct(self, ordinal: int, correction: Correction) -> None:
        """Note what an entry of this batch corrects, and why."""
        self.corrections.append((ordinal, correction))

    def entered(self, asset: str) -> list[tuple[Pocket, int]]:
        """The constrained accounts of an asset that this batch enters, and the newest entry without a transfer."""
        accounts = {a for t in self.transfers for a in (t[1], t[2])}
        accounts.update(self.touched)
        # Of a card that was replaced only the counters may change: what is undone comes to its successor.
        accounts.update(p.id for p in self.pockets.values() if p.meter.changed)
        pockets, touched = self.pockets, self.touched
        return [(p, touched.get(a, 0)) for a in accounts if (p := pockets.get(a)) and p.asset == asset]

    def assets(self) -> set[str]:
        """The assets that this batch moves or enters."""
        counted = {p.asset for p in self.pockets.values() if p.meter.changed}
        return {t[4] for t in self.transfers} | {self.pockets[a].asset for a in self.touched} | counted

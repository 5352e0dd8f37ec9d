"""Put a version: a programme's document, in force from the day that it names."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import anyio.to_thread
import msgspec

from koudai.base import CHINA, Refused, render_time
from koudai.documents import Document, DocumentFault, Mistake
from koudai.identity import Mode, mode_of_book
from koudai.ledger import (
    Keys,
    Limit,
    Memory,
    Per,
    Place,
    Subject,
    declare_limits,
    hold_batches,
    limits_of_book,
    open_batch,
    request_text,
    time_of_book,
    write,
)
from koudai.pg import Tx
from koudai.policy import GateKind
from koudai.programmes import store
from koudai.programmes.check import read_programme
from koudai.programmes.law import opened_by, required_gates, violated
from koudai.programmes.model import GateEntry, Launched, Programme, Version
from koudai.programmes.standing import Issuer, OpenedPilot
from koudai.programmes.words import ProgrammeRefusal


class PutVersion(msgspec.Struct, frozen=True):
    """A wish to put a version of a programme; `document` is the text that somebody wrote."""

    key: str
    programme_id: int
    document: str
    by: str


class Registered(msgspec.Struct, frozen=True):
    """A programme as it was made, before any document: which a version of its document has to agree with."""

    currency: str
    number_prefix: str
    has_cards: bool


@dataclass
class State:
    """What programmes are, under lock; commands see those before them."""

    now: datetime
    live_side: bool
    versions: dict[int, list[Version]] = field(default_factory=dict)
    gates: dict[int, list[GateEntry]] = field(default_factory=dict)
    launches: dict[int, Launched] = field(default_factory=dict)
    issuer: Issuer | None = None
    pilots: Sequence[OpenedPilot] = ()
    registered: Mapping[int, Registered] = field(default_factory=dict)
    limits: dict[int, list[Limit]] = field(default_factory=dict)

    def missing(self, programme_id: int, programme: Programme) -> list[GateKind]:
        """The gates that a programme has to have entered, and that nobody has."""
        entered = {entry.gate for entry in self.gates.get(programme_id, ())}
        return [gate for gate in GateKind if gate in required_gates(programme) and gate not in entered]

    def violated(self, programme_id: int, programme: Programme) -> Refused | None:
        """What a version breaks from the day on which it is in force, and no pilot opens then."""
        pilots = [one for one in self.pilots if one.programme_id == programme_id]
        return violated(programme, opened_by(programme, pilots, max(self.now, start_of(programme))))


async def state_of(tx: Tx, book: int, programmes: Collection[int]) -> State:
    """Lock programmes, and read what they are."""
    await store.lock(tx, programmes)
    return State(
        await time_of_book(tx, book), await mode_of_book(tx, book) is Mode.LIVE,
        await store.versions_of(tx, book, programmes), await store.gates_of(tx, book, programmes),
        await store.launches_of(tx, book, programmes),
        next(iter(await store.issuers(tx, book)), None), await store.pilots(tx, book),
    )  # fmt: skip


async def put_versions(
    tx: Tx, book: int, commands: Sequence[PutVersion], registered: Mapping[int, Registered]
) -> list[Version | Refused]:  # fmt: skip
    """Put versions; one outcome for each, in order. A repeated key answers its first version.

    Limits that no version had before are declared to the ledger: they count from here on, and for a card that was
    promised none of them they bound nothing. `registered` are the programmes as they were made.

    A programme keeps its currency, its class and its pack. On an issuer's live side no version is dated before now,
    and none is put that is for a sandbox alone. A programme that is live already takes no version whose gates are
    missing, nor one that breaks the law.
    """
    # Documents are read in a thread and before any lock: whoever else is served doesn't wait for a large one.
    read = {c.document: await anyio.to_thread.run_sync(read_programme, c.document) for c in commands}
    await hold_batches(tx, book)
    state = await state_of(tx, book, {c.programme_id for c in commands})
    state.registered, state.limits = registered, await limits_of_book(tx, book)
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Version | Refused] = []
    for command in commands:
        request = _request(command)
        known = recalled(sheet.keys, command.key, request)
        if isinstance(known, Refused):
            outcomes.append(known)
            continue
        versions = state.versions.setdefault(command.programme_id, [])
        if known is not None:
            effective = known.fact("effective_at")
            outcomes.append(next(v for v in versions if render_time(v.effective_at) == effective))
            continue
        place = Place(sheet.batch_id, sheet.next_ordinal())
        judged = _judged(state, command, read[command.document])
        if isinstance(judged, Refused):
            sheet.keys.remember_refusal(command.key, request, place, judged)
            outcomes.append(judged)
            continue
        effective_at = start_of(judged)
        made = await store.add_version(
            tx, book, command.programme_id, effective_at, command.document, judged, command.by
        )
        versions.append(made)
        state.limits.setdefault(command.programme_id, []).extend(
            await declare_limits(tx, book, command.programme_id, _undeclared(state, command.programme_id, judged))
        )
        facts = {"programme_id": command.programme_id, "effective_at": render_time(effective_at)}
        sheet.keys.remember(command.key, Memory(request, place, facts=request_text(facts)))
        outcomes.append(made)
    write(tx, sheet)
    return outcomes


def recalled(keys: Keys, key: str, request: str) -> Memory | Refused | None:
    """What was answered under a key: a refusal as it was, or the memory of what was made; None when new."""
    known = keys.recall(key, request)
    if isinstance(known, Memory):
        return known.as_refusal() or known
    return known


def start_of(programme: Programme) -> datetime:
    """When a version takes effect: at the beginning of its Chinese calendar day."""
    day = programme.effective_on
    return datetime(day.year, day.month, day.day, tzinfo=CHINA)


def _undeclared(state: State, programme_id: int, programme: Programme) -> list[Limit]:
    """The limits of a document that the ledger doesn't count yet."""
    counted = {limit.counter for limit in state.limits.get(programme_id, ())}
    return [limit for one in programme.limits if (limit := one.as_limit()).counter not in counted]


def _changed(first: Programme, programme: Programme) -> Refused | None:
    """Why a version isn't one of the same programme.

    Class and pack say under which law its cards are, wherever they are by now: a version to come, too, would take
    from cards that were issued meanwhile what the law promises them.
    """
    if first.currency != programme.currency:
        facts = {"expected": first.currency, "currency": programme.currency}
        return Refused(ProgrammeRefusal.CURRENCY_CHANGED, facts)
    had, wished = ((str(one.class_), one.policy.pack) for one in (first, programme))
    if had == wished:
        return None
    facts = {"expected": had[0], "expected_pack": had[1], "class_name": wished[0], "pack": wished[1]}
    return Refused(ProgrammeRefusal.RECLASSIFIED, facts)


def _unlike(state: State, programme_id: int, programme: Programme) -> Refused | None:
    """Why a document isn't of its programme: of another currency, of other numbers, or with a bound that comes late."""
    made = state.registered.get(programme_id)
    if made is None:
        return None
    if made.currency != programme.currency:
        facts = {"expected": made.currency, "currency": programme.currency}
        return Refused(ProgrammeRefusal.CURRENCY_CHANGED, facts)
    if made.number_prefix != programme.number_prefix:
        facts = {"expected": made.number_prefix, "number_prefix": programme.number_prefix}
        return Refused(ProgrammeRefusal.PREFIX_CHANGED, facts)
    # What holders have together is counted from nothing, so before the first card.
    bounds = [x for x in _undeclared(state, programme_id, programme) if x.per is Per.BALANCE and x.subjects != _CARD]
    if bounds and made.has_cards:
        return Refused(ProgrammeRefusal.BOUND_TOO_LATE, {"limit": bounds[0].name})
    return None


_CARD = (Subject.CARD,)


def _judged(state: State, command: PutVersion, found: Document[Programme] | list[Mistake]) -> Programme | Refused:
    if isinstance(found, list):
        return not_valid(found)
    programme = found.value
    before = state.versions[command.programme_id]
    unlike = _changed(before[0].programme, programme) if before else None
    unlike = unlike or _unlike(state, command.programme_id, programme)
    if unlike is not None:
        return unlike
    if state.live_side and programme.sandbox_only:
        return Refused(ProgrammeRefusal.SANDBOX_ONLY)
    effective_at, day = start_of(programme), programme.effective_on.isoformat()
    if any(version.effective_at == effective_at for version in before):
        return Refused(ProgrammeRefusal.VERSION_EXISTS, {"effective_on": day})
    if state.live_side and effective_at < state.now:
        facts = {"effective_on": day, "now_at": render_time(state.now)}
        return Refused(ProgrammeRefusal.DATED_BEFORE_NOW, facts)
    if command.programme_id in state.launches:
        missing = state.missing(command.programme_id, programme)
        if missing:
            return gate_missing(missing)
        return state.violated(command.programme_id, programme) or programme
    return programme


def gate_missing(missing: Sequence[GateKind]) -> Refused:
    """The refusal that names the gates that nobody has entered."""
    return Refused(ProgrammeRefusal.GATE_MISSING, {"missing": ", ".join(missing)})


def not_valid(mistakes: Sequence[Mistake]) -> Refused:
    """The refusal of a document that has mistakes, with as many of them as are told."""
    told = [
        {"code": m.code, "path": m.path, "line": m.place.line, "column": m.place.column, "facts": dict(m.facts)}
        for m in mistakes
    ]
    first = mistakes[0].place
    count = sum(m.facts["count"] if m.code == DocumentFault.MORE else 1 for m in mistakes)
    facts: dict[str, Any] = {"count": count, "line": first.line, "column": first.column, "mistakes": told}
    return Refused(ProgrammeRefusal.NOT_VALID, facts)


def _request(command: PutVersion) -> str:
    return request_text(
        {
            "verb": "put_version",
            "programme": command.programme_id,
            "document_sha256": hashlib.sha256(command.document.encode()).hexdigest(),
        }
    )

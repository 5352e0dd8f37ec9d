"""Launch: enter what a programme has to have before it goes live, and let it go live."""

from collections.abc import Sequence

import msgspec

from koudai.base import CHINA, Refused, render_time
from koudai.ledger import Memory, Place, open_batch, request_text, write
from koudai.pg import Tx
from koudai.policy import GateKind
from koudai.programmes import store
from koudai.programmes.law import asks_of_issuer
from koudai.programmes.measure import figure_missing
from koudai.programmes.model import GateEntry, Launched, Programme
from koudai.programmes.put import State, gate_missing, recalled, state_of
from koudai.programmes.words import ProgrammeRefusal


class EnterGate(msgspec.Struct, frozen=True):
    """A wish to enter the reference of a filing, licence, contract or custody account."""

    key: str
    programme_id: int
    gate: GateKind
    reference: str
    by: str


class Launch(msgspec.Struct, frozen=True):
    """A wish to let a programme go live."""

    key: str
    programme_id: int
    by: str


async def enter_gates(tx: Tx, book: int, commands: Sequence[EnterGate]) -> list[GateEntry | Refused]:
    """Enter references; one outcome for each, in order. Entered again, the newest counts and the others stay."""
    await store.lock(tx, {c.programme_id for c in commands})
    sheet = await open_batch(tx, book, {c.key for c in commands})
    entries = await store.gates_of(tx, book, {c.programme_id for c in commands})
    outcomes: list[GateEntry | Refused] = []
    for command in commands:
        fields = {"verb": "enter_gate", "programme": command.programme_id, "gate": command.gate}
        request = request_text({**fields, "reference": command.reference})
        known = recalled(sheet.keys, command.key, request)
        if isinstance(known, Refused):
            outcomes.append(known)
            continue
        log = entries.setdefault(command.programme_id, [])
        if known is not None:
            outcomes.append(log[known.fact("entry")])
            continue
        made = await store.add_gate(tx, book, command.programme_id, command.gate, command.reference, command.by)
        log.append(made)
        place = Place(sheet.batch_id, sheet.next_ordinal())
        facts = {"programme_id": command.programme_id, "entry": len(log) - 1}
        sheet.keys.remember(command.key, Memory(request, place, facts=request_text(facts)))
        outcomes.append(made)
    write(tx, sheet)
    return outcomes


async def launch(tx: Tx, book: int, commands: Sequence[Launch]) -> list[Launched | Refused]:
    """Let programmes go live; one outcome for each, in order.

    The version in force and those to come are judged: whether they break the law, and which gates it asks for.
    """
    state = await state_of(tx, book, {c.programme_id for c in commands})
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Launched | Refused] = []
    for command in commands:
        request = request_text({"verb": "launch", "programme": command.programme_id})
        known = recalled(sheet.keys, command.key, request)
        if known is not None:
            outcomes.append(known if isinstance(known, Refused) else state.launches[command.programme_id])
            continue
        place = Place(sheet.batch_id, sheet.next_ordinal())
        refused = _refusal(state, command)
        if refused is not None:
            sheet.keys.remember_refusal(command.key, request, place, refused)
            outcomes.append(refused)
            continue
        made = state.launches[command.programme_id] = await store.add_launch(tx, book, command.programme_id, command.by)
        facts = request_text({"programme_id": command.programme_id})
        sheet.keys.remember(command.key, Memory(request, place, facts=facts))
        outcomes.append(made)
    write(tx, sheet)
    return outcomes


def _refusal(state: State, command: Launch) -> Refused | None:
    programmes = _judged(state, command.programme_id)
    if not programmes:
        return Refused(ProgrammeRefusal.NO_VERSION)
    launched = state.launches.get(command.programme_id)
    if launched is not None:
        return Refused(ProgrammeRefusal.ALREADY_LIVE, {"launched_at": render_time(launched.launched_at)})
    if state.live_side and any(programme.sandbox_only for programme in programmes):
        return Refused(ProgrammeRefusal.SANDBOX_ONLY)
    broken = next(
        (broken for programme in programmes if (broken := state.violated(command.programme_id, programme))), None
    )
    if broken is not None:
        return broken
    bad = _unmeasured(state, [one for one in programmes if asks_of_issuer(one)]) if state.live_side else None
    if bad is not None:
        return bad
    missing = {gate for programme in programmes for gate in state.missing(command.programme_id, programme)}
    return gate_missing([gate for gate in GateKind if gate in missing]) if missing else None


def _unmeasured(state: State, programmes: Sequence[Programme]) -> Refused | None:
    """Why programmes whose law asks what their issuer is don't go live: it wasn't stated, or not its size."""
    issuer, today = state.issuer, state.now.astimezone(CHINA).date()
    if issuer is None:
        return Refused(ProgrammeRefusal.ISSUER_MISSING) if programmes else None
    missing = next((name for one in programmes if (name := figure_missing(one, issuer, today))), None)
    return None if missing is None else Refused(ProgrammeRefusal.ISSUER_FIGURE_MISSING, {"field": missing})


def _judged(state: State, programme_id: int) -> list[Programme]:
    """The versions that a launch is judged by: the one in force, and those to come."""
    versions = state.versions.get(programme_id, [])
    past = [version for version in versions if version.effective_at <= state.now]
    return [version.programme for version in (*past[-1:], *versions[len(past) :])]

"""Versions of programmes, the gates before their launch, and the launch."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from koudai import cards, programmes
from koudai.api.door import Call
from koudai.api.drafting import with_sentences
from koudai.api.problems import ApiProblem, Problem
from koudai.api.shapes import GateEntry, ProgrammeGates, ProgrammeVersion, ProgrammeVersions
from koudai.base import Refused
from koudai.pg import Tx
from koudai.programmes import EnterGate, Launch, ProgrammeRefusal, PutVersion

T = TypeVar("T")


async def on_programme(call: Call, work: Callable[[Tx, int], Awaitable[T]]) -> T:
    """Work on the programme that the path names. Raises Problem where there is none of the caller's."""
    programme_id = call.door.ids.programme(call.path("id"))

    async def known(tx: Tx) -> T:
        if programme_id not in await cards.programmes_by_id(tx, call.book, [programme_id]):
            raise Problem(ApiProblem.NOT_FOUND)
        return await work(tx, programme_id)

    return await call.transact(known)


async def put_version(call: Call) -> ProgrammeVersion | Refused:
    """POST /v1/programmes/{id}/versions"""

    async def work(tx: Tx, programme_id: int) -> programmes.Version | Refused:
        wish = PutVersion(call.key, programme_id, call.body.document, call.principal.key_id)
        (made,) = await cards.put_versions(tx, call.book, [wish])
        return made

    made = await on_programme(call, work)
    if not isinstance(made, Refused):
        return _version(call, made)
    if made.code == ProgrammeRefusal.NOT_VALID:
        return with_sentences(made, call.language)
    return made


async def list_versions(call: Call) -> ProgrammeVersions:
    """GET /v1/programmes/{id}/versions"""

    async def work(tx: Tx, programme_id: int) -> list[programmes.Version]:
        return (await programmes.versions_of(tx, call.book, [programme_id])).get(programme_id, [])

    return ProgrammeVersions([_version(call, version) for version in await on_programme(call, work)])


async def enter_gate(call: Call) -> GateEntry | Refused:
    """POST /v1/programmes/{id}/gates"""

    async def work(tx: Tx, programme_id: int) -> programmes.GateEntry | Refused:
        wish = EnterGate(call.key, programme_id, call.body.gate, call.body.reference, call.principal.key_id)
        (made,) = await programmes.enter_gates(tx, call.book, [wish])
        return made

    made = await on_programme(call, work)
    return made if isinstance(made, Refused) else _entry(made)


async def list_gates(call: Call) -> ProgrammeGates:
    """GET /v1/programmes/{id}/gates"""
    return await on_programme(call, lambda tx, programme_id: _gates(call, tx, programme_id))


async def launch(call: Call) -> ProgrammeGates | Refused:
    """POST /v1/programmes/{id}/launch"""

    async def work(tx: Tx, programme_id: int) -> ProgrammeGates | Refused:
        wish = Launch(call.key, programme_id, call.principal.key_id)
        (made,) = await programmes.launch(tx, call.book, [wish])
        return made if isinstance(made, Refused) else await _gates(call, tx, programme_id)

    return await on_programme(call, work)


async def _gates(call: Call, tx: Tx, programme_id: int) -> ProgrammeGates:
    entered = (await programmes.gates_of(tx, call.book, [programme_id])).get(programme_id, [])
    launched = (await programmes.launches_of(tx, call.book, [programme_id])).get(programme_id)
    return ProgrammeGates(
        call.path("id"), launched.launched_at if launched else None, launched.launched_by if launched else None,
        [_entry(entry) for entry in entered],
    )  # fmt: skip


def _version(call: Call, version: programmes.Version) -> ProgrammeVersion:
    return ProgrammeVersion(call.path("id"), version.effective_at, version.document, version.put_by, version.put_at)


def _entry(entry: programmes.GateEntry) -> GateEntry:
    return GateEntry(entry.gate, entry.reference, entry.entered_by, entry.entered_at)

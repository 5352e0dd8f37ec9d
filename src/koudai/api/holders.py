"""Holders: taken on, changed, shown masked; their devices, consents and verifications; what privacy asks for."""

from collections.abc import Sequence

import msgspec

from koudai import holders, privacy
from koudai.api.commands import in_utc
from koudai.api.door import Call
from koudai.api.holder_shapes import (
    ConsentList,
    ConsentShown,
    ErasureShown,
    FieldsShown,
    HolderExport,
    HolderPage,
    HolderShown,
    HolderUpdate,
    NewCompany,
    NewHolder,
    PrivacyReport,
    VerificationShown,
)
from koudai.api.problems import ApiProblem, Problem
from koudai.base import Refused
from koudai.holders import Command, Details, Field, Holder, HolderRefusal, Kind
from koudai.pg import Tx


async def _shown(call: Call, tx: Tx, found: Sequence[Holder]) -> list[HolderShown]:
    views = await holders.masked_views(tx, call.book, found, call.door.instance.vault)
    return [
        HolderShown(
            v.holder.ref, v.holder.kind, v.holder.level, v.holder.state, v.holder.version,
            {str(field): value for field, value in v.fields.items()}, list(v.holder.devices), v.agent,
            v.beneficial_owner, v.holder.created_at, call.principal.mode,
        )
        for v in views
    ]  # fmt: skip


async def _run(call: Call, command: Command) -> HolderShown | Refused:
    """Carry a command out and show the holder as it is then."""

    async def work(tx: Tx) -> HolderShown | Refused:
        (outcome,) = await holders.run(tx, call.book, [command], call.door.instance.vault)
        if isinstance(outcome, Refused):
            return outcome
        assert isinstance(outcome, Holder)
        return (await _shown(call, tx, [outcome]))[0]

    return await call.transact(work)


def _details(body: NewHolder | HolderUpdate) -> Details:
    return Details(**{field: getattr(body, field, None) for field in Field})


def _party(call: Call, opaque: str | None) -> str | None:
    return None if opaque is None else call.door.ids.holder(opaque)


def _named(call: Call) -> str:
    return call.door.ids.holder(call.path("id"))


async def create(call: Call) -> HolderShown | Refused:
    """POST /v1/holders"""
    body = call.body
    kind = Kind.COMPANY if isinstance(body, NewCompany) else Kind.PERSON
    parties = (_party(call, getattr(body, name, None)) for name in ("agent_id", "beneficial_owner_id"))
    return await _run(call, holders.Create(call.key, kind, _details(body), *parties))


async def update(call: Call) -> HolderShown | Refused:
    """POST /v1/holders/{id}"""
    body = call.body
    parties = (_party(call, body.agent_id), _party(call, body.beneficial_owner_id))
    return await _run(call, holders.Update(call.key, _named(call), _details(body), *parties, body.version))


async def page(call: Call) -> HolderPage:
    """GET /v1/holders: oldest first."""
    cursor, limit = call.door.ids.cursor(call.query("cursor")), call.limit

    async def work(tx: Tx) -> HolderPage:
        found = await holders.page(tx, call.book, cursor.batch_id if cursor else 0, limit + 1)
        more = call.door.ids.cursor_of(found[limit - 1].id) if len(found) > limit else None
        return HolderPage(await _shown(call, tx, found[:limit]), more)

    return await call.transact(work)


async def show(call: Call) -> HolderShown:
    """GET /v1/holders/{id}"""
    ref = _named(call)

    async def work(tx: Tx) -> list[HolderShown]:
        return await _shown(call, tx, list((await holders.find(tx, call.book, [ref])).values()))

    shown = await call.transact(work)
    if not shown:
        raise Problem(ApiProblem.NOT_FOUND)
    return shown[0]


async def find(call: Call) -> HolderPage:
    """POST /v1/holders/find: what is personal stands in the body, as an address would be logged."""
    field = Field(call.body.field)

    async def work(tx: Tx) -> HolderPage:
        found = await holders.find_by(tx, call.book, field, call.body.value, call.door.instance.vault)
        return HolderPage(await _shown(call, tx, found), None)

    return await call.transact(work)


async def bind(call: Call) -> HolderShown | Refused:
    """POST /v1/holders/{id}/devices"""
    return await _run(call, holders.Bind(call.key, _named(call), call.body.device))


async def unbind(call: Call) -> HolderShown | Refused:
    """POST /v1/holders/{id}/devices/unbind"""
    return await _run(call, holders.Unbind(call.key, _named(call), call.body.device))


async def give(call: Call) -> HolderShown | Refused:
    """POST /v1/holders/{id}/consents"""
    return await _run(call, holders.Give(call.key, _named(call), call.body.purpose, call.body.text_version))


async def withdraw(call: Call) -> HolderShown | Refused:
    """POST /v1/holders/{id}/consents/withdraw"""
    return await _run(call, holders.Withdraw(call.key, _named(call), call.body.purpose))


async def consents(call: Call) -> ConsentList:
    """GET /v1/holders/{id}/consents"""
    ref = _named(call)
    found = await call.transact(lambda tx: holders.consents(tx, call.book, ref))
    return ConsentList([ConsentShown(*msgspec.structs.astuple(one)) for one in found])


async def verify(call: Call) -> VerificationShown | Refused:
    """POST /v1/holders/{id}/verification: two transactions, and the source is asked between them."""
    verifier = call.door.instance.verifier(call.principal.mode)
    if verifier is None:
        return Refused(HolderRefusal.NO_VERIFIER)
    ask = holders.Ask(call.key, _named(call), verifier.name)
    (outcome,) = await holders.ascertain(call.transact, call.book, [ask], call.door.instance.vault, verifier)
    return outcome if isinstance(outcome, Refused) else VerificationShown(*msgspec.structs.astuple(outcome))


async def reveal(call: Call) -> FieldsShown:
    """POST /v1/holders/{id}/reveal: logged with the API key, the time and the reason."""
    ref, vault = _named(call), call.door.instance.vault
    found = await call.transact(
        lambda tx: holders.reveal(
            tx, call.book, ref, call.body.fields, vault, revealed_to=call.principal.key_id, reason=call.body.reason
        )
    )
    return FieldsShown({str(field): value for field, value in found.items()})


async def export(call: Call) -> HolderExport:
    """GET /v1/holders/{id}/export: logged like every unmasked reading."""
    ref, vault, key_id = _named(call), call.door.instance.vault, call.principal.key_id
    return HolderExport(
        await call.transact(lambda tx: privacy.export(tx, call.book, ref, vault, exported_to=key_id))
    )  # fmt: skip


async def erase(call: Call) -> ErasureShown | Refused:
    """POST /v1/holders/{id}/erasure"""
    body = call.body
    ended_at = None if body.ended_at is None else in_utc("ended_at", body.ended_at)
    wish = holders.Erase(call.key, _named(call), holders.duties(licensed=body.licensed), ended_at)
    outcome = await call.transact(lambda tx: privacy.erase(tx, call.book, wish, call.door.instance.vault))
    if isinstance(outcome, Refused):
        return outcome
    kept = {str(field): until for field, until in outcome.kept.items()}
    gone = [*map(str, outcome.fields), *outcome.beside]
    return ErasureShown(outcome.holder, gone, kept, outcome.state)


async def report(call: Call) -> PrivacyReport:
    """GET /v1/privacy/report"""
    known = holders.duties(licensed=True)
    return PrivacyReport(**await call.transact(lambda tx: privacy.report(tx, call.book, known)))

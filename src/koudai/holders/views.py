"""What is shown of holders: masked to those who serve them, whole to those who may and say why, all to himself."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from koudai.base import Fault, render_time
from koudai.holders.mask import masked
from koudai.holders.model import SEARCHED, Consent, Field, Holder, HolderRefusal, Purpose
from koudai.holders.numbers import email, packed, phone
from koudai.holders.opening import KIND
from koudai.holders.retain import Duty
from koudai.holders.store import SQL, by_id, context, find, sealed_fields, search
from koudai.identity import Vault
from koudai.ledger import time_of_book
from koudai.pg import Tx, int8s, texts

Object = dict[str, Any]


class Shown(msgspec.Struct, frozen=True):
    """A holder with its fields as they may be shown, and the refs of its parties."""

    holder: Holder
    fields: dict[Field, str]
    agent: str | None
    beneficial_owner: str | None


async def masked_views(tx: Tx, book: int, found: Sequence[Holder], vault: Vault) -> list[Shown]:
    """Holders with their fields masked, in the same order."""
    held = await sealed_fields(tx, [holder.id for holder in found])
    shown = []
    for holder in found:
        opened = _opened(vault, book, holder.id, {f: one[0] for f, one in held.get(holder.id, {}).items()})
        fields = {field: masked(holder.kind, field, value) for field, value in opened.items()}
        shown.append(Shown(holder, fields, *(_ref(vault, of) for of in (holder.agent_id, holder.beneficial_owner_id))))
    return shown


def _ref(vault: Vault, holder_id: int | None) -> str | None:
    return None if holder_id is None else vault.keyring.opaque_id(KIND, holder_id)


def _opened(vault: Vault, book: int, holder_id: int, sealed: dict[Field, bytes]) -> dict[Field, str]:
    return {f: vault.open(sealed[f], context(book, holder_id, f)) for f in Field if f in sealed}


async def find_by(tx: Tx, book: int, field: Field, value: str, vault: Vault) -> list[Holder]:
    """Holders of a book that have a value in a field that is searched: by its keyed hash, oldest first."""
    assert field in SEARCHED, "other fields have no hash"
    try:
        kept = {Field.PHONE: phone, Field.EMAIL: email}.get(field, packed)(value)
    except ValueError:
        return []
    return await by_id(tx, book, [holder_id for holder_id, _ in await search(tx, book, field, [kept], vault)])


async def reveal(
    tx: Tx, book: int, ref: str, fields: Sequence[Field], vault: Vault, *, revealed_to: str, reason: str
) -> dict[Field, str]:
    """Fields of a holder unmasked. Who reads them, when and why is committed with the reading.

    Raises Fault when there is no such holder.
    """
    holder = await _one(tx, book, ref)
    held = (await sealed_fields(tx, [holder.id])).get(holder.id, {})
    now = await time_of_book(tx, book)
    await tx.rows(SQL["add_reveal"], holder.id, texts(sorted(fields)), revealed_to, reason, now)
    return _opened(vault, book, holder.id, {field: one[0] for field, one in held.items() if field in fields})


async def consents(tx: Tx, book: int, ref: str) -> list[Consent]:
    """What a holder agreed to, from when until when; oldest first. Raises Fault when there is no such holder."""
    holder = await _one(tx, book, ref)
    return _consents(await tx.rows(SQL["consents"], int8s([holder.id])))


def _consents(rows: Iterable[Sequence[Any]]) -> list[Consent]:
    given: list[Consent] = []
    for _, is_given, purpose, text_version, at in rows:
        for number, one in enumerate(given):
            if one.purpose == purpose and one.withdrawn_at is None:
                given[number] = msgspec.structs.replace(one, withdrawn_at=at)
        if is_given:
            given.append(Consent(Purpose(purpose), text_version, at, None))
    return given


async def export(
    tx: Tx, book: int, ref: str, vault: Vault, *, exported_to: str, beside: Sequence[str] = ()
) -> Object:  # fmt: skip
    """Everything that is held here about a holder, for himself (PIPL 45); the reading is logged and is a part of it.

    `beside` names what of other rooms is read with it. Raises Fault when there is no such holder.
    """
    holder = await _one(tx, book, ref)
    held = (await sealed_fields(tx, [holder.id])).get(holder.id, {})
    opened = _opened(vault, book, holder.id, {field: one[0] for field, one in held.items()})
    now = await time_of_book(tx, book)
    await tx.rows(SQL["add_reveal"], holder.id, texts([*sorted(opened), *beside]), exported_to, "export (PIPL 45)", now)
    devices, asked, erased, revealed = await tx.together(
        *((SQL[name], holder.id) for name in ("all_devices", "all_requests", "all_erasures", "all_reveals"))
    )
    return {
        "id": holder.ref,
        "kind": str(holder.kind),
        "level": str(holder.level),
        "state": str(holder.state),
        "created_at": render_time(holder.created_at),
        "agent_id": _ref(vault, holder.agent_id),
        "beneficial_owner_id": _ref(vault, holder.beneficial_owner_id),
        "fields": {str(f): {"value": v, "stated_at": render_time(held[f][1])} for f, v in opened.items()},
        "devices": _rows(("device", "bound_at", "unbound_at"), devices),
        "consents": [msgspec.to_builtins(one) for one in await consents(tx, book, ref)],
        "verifications": _rows(("source", "outcome", "reference", "asked_at", "answered_at"), asked),
        "erasures": _rows(("fields", "rule", "erased_at"), erased),
        "reveals": _rows(("fields", "revealed_to", "reason", "revealed_at"), revealed),
    }


async def report(tx: Tx, book: int, applying: Sequence[Duty]) -> Object:
    """What is held of how many, and how long; which consents stand; what was erased (PIPL 51, 54).

    Nobody is named. `kept` are the duties that keep a field, with their years after a relation's end.
    """
    await tx.plan_for_scans()
    fields, devices, people, agreed, erased = await tx.together(
        *((SQL[name], book) for name in _HELD)
    )  # fmt: skip
    return {
        "holders": _rows(("kind", "level", "state", "count"), people),
        "fields": [{**row, "kept": _kept(applying, row["field"])} for row in _rows(_OF_FIELD, [*fields, *devices])],
        "consents": _rows(("purpose", "in_force", "withdrawn"), agreed),
        "erasures": _rows(("rule", "count"), erased),
    }


_HELD = ("held_fields", "held_devices", "held_holders", "held_consents", "held_erasures")
_OF_FIELD = ("field", "count", "oldest_at")


def _kept(applying: Sequence[Duty], field: str) -> list[Object]:
    standing = [duty for duty in applying if field in duty.fields]
    return [{"rule": duty.rule, "years": duty.years, "source": duty.source} for duty in standing]


def _rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Object]:
    return [
        {
            name: render_time(value) if name.endswith("_at") and value is not None else value
            for name, value in zip(names, row, strict=True)
        }
        for row in rows
    ]


async def _one(tx: Tx, book: int, ref: str) -> Holder:
    found = await find(tx, book, [ref])
    if ref not in found:
        raise Fault(HolderRefusal.UNKNOWN_HOLDER)
    return found[ref]

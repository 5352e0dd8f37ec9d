"""What must hold of holders, for the ledger's verification to run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from koudai.base import Fault
from koudai.holders.model import SEARCHED, Field
from koudai.holders.store import context, searched
from koudai.identity import Vault, key_of
from koudai.ledger import Check
from koudai.pg import Statements, Tx

SQL = Statements(Path(__file__).with_name("verify.sql"))

_PIECE = 5_000
_TOLD = 50

_CHECKS = (
    "field_holder", "field_key", "level_fields", "level_agent", "level_proof", "party", "device_row", "consent_order",
    "erased",
)  # fmt: skip


def holder_checks(vault: Vault) -> tuple[Check, ...]:
    """The checks of this room; one of them opens every field."""

    async def seals(tx: Tx) -> Sequence[Sequence[Any]]:
        return await _open_all(tx, vault)

    sql = [Check(f"holders.{name}", SQL[name], ranged=False) for name in _CHECKS]
    return (*sql, Check("holders.field_seal", seals, ranged=False))


async def _open_all(tx: Tx, vault: Vault) -> list[tuple[str, str]]:
    """Fields that don't open where they stand, or aren't found by what they say. What they say is not told."""
    found: list[tuple[str, str]] = []
    after: tuple[int, str] = (0, "")
    while len(found) < _TOLD and (rows := await tx.rows(SQL["fields_after"], *after, _PIECE)):
        for holder_id, book, name, sealed, lookup in rows:
            wrong = _wrong(vault, book, holder_id, name, bytes(sealed), lookup)
            if wrong:
                found.append((f"holders.fields {holder_id}/{name}", wrong))
        after = (rows[-1][0], rows[-1][2])
    return found


def _wrong(vault: Vault, book: int, holder_id: int, name: str, sealed: bytes, lookup: bytes | None) -> str | None:
    if name not in list(Field):
        return "there is no such field"
    field = Field(name)
    try:
        value = vault.open(sealed, context(book, holder_id, field))
    except Fault:
        return "it doesn't open where it stands"
    expected = vault.lookup(key_of(sealed), searched(book, field, value)) if field in SEARCHED else None
    return None if lookup == expected else "it is found by another hash than its own"

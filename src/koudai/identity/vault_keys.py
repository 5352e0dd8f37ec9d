"""The life of a vault key: added to the keyring, taken into use, and retired when nothing is sealed with it.

Adding and using are two steps, so that every server has the new key before one of them seals with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from koudai.base import Fault
from koudai.identity.keyring import read_keyring, replace_keyring
from koudai.identity.keys import SQL
from koudai.identity.model import IdentityFault
from koudai.identity.vault import Vault
from koudai.pg import Tx


@dataclass(frozen=True, slots=True)
class VaultKeyRow:
    """A vault key as it may be listed: its fingerprint, its state, and since when it is known."""

    fingerprint: str
    state: str
    added_at: datetime


async def list_vault_keys(tx: Tx) -> list[VaultKeyRow]:
    """All vault keys, oldest first."""
    return [VaultKeyRow(*row) for row in await tx.rows(SQL["list_vault_keys"])]


async def current_vault_key(tx: Tx, vault: Vault) -> str:
    """The key that new fields are sealed with, which stays so until this transaction ends.

    A database that names none is written with the keyring's first. Raises Fault when the keyring lacks
    the key: it was taken into use after this process had read its file.
    """
    # The rows are read by a statement of its own, whose snapshot is taken when the keys are held.
    held = await tx.together((SQL["hold_vault_keys"],), (SQL["vault_keys_in_force"],))
    rows: Sequence[Sequence[str]] = held[1]
    if not rows:
        await tx.rows(SQL["name_vault_key"], vault.first, "current")
        return vault.first
    current = next(row[0] for row in rows if row[1] == "current")
    if not vault.holds(current):
        raise Fault(IdentityFault.KEYS_WRONG, purpose=f"vault {current}")
    return current


async def vault_key_to_change(tx: Tx, vault: Vault) -> str:
    """The key that new fields are sealed with, for who changes the keys.

    Waits for the transactions that seal; others wait for this one to end. Raises Fault as `current_vault_key` does.
    """
    await tx.rows(SQL["take_vault_keys"])
    return await current_vault_key(tx, vault)


async def add_vault_key(tx: Tx, vault: Vault, path: Path) -> str:
    """Add a key to the keyring's file and name it in the database; its fingerprint.

    One that was added before and isn't used yet is answered again; one that an earlier attempt left in the
    file without a name is named. Raises Fault when the file can't be read or written.
    """
    await vault_key_to_change(tx, vault)
    keyring = read_keyring(path)
    known = await list_vault_keys(tx)
    waiting = [row.fingerprint for row in known if row.state == "added" and row.fingerprint in keyring.vault_roots()]
    if waiting:
        return waiting[-1]
    named = {row.fingerprint for row in known}
    unnamed = [name for name in keyring.vault_roots() if name not in named]
    if not unnamed:
        keyring = keyring.with_vault_key()
        replace_keyring(path, keyring)
        unnamed = [name for name in keyring.vault_roots() if name not in named]
    await tx.rows(SQL["name_vault_key"], unnamed[-1], "added")
    return unnamed[-1]


async def use_vault_key(tx: Tx, vault: Vault) -> str:
    """Seal new fields with the key that was added last; its fingerprint, or that of the present one.

    Waits for the transactions that seal with the one before. Raises Fault when this keyring lacks it.
    """
    current = await vault_key_to_change(tx, vault)
    added = [row.fingerprint for row in await list_vault_keys(tx) if row.state == "added"]
    if not added:
        return current
    if not vault.holds(added[-1]):
        raise Fault(IdentityFault.VAULT_KEY_MISSING, key=added[-1])
    await tx.rows(SQL["outdate_vault_key"], added[-1])
    await tx.rows(SQL["use_vault_key"], added[-1])
    return added[-1]


async def retire_vault_key(tx: Tx, fingerprint: str) -> None:
    """Put an old key out of force; the caller has made sure that nothing is sealed with it."""
    await tx.rows(SQL["retire_vault_key"], fingerprint)


async def old_vault_keys(tx: Tx) -> list[str]:
    """The keys that nothing new is sealed with, and that are not retired."""
    return [row.fingerprint for row in await list_vault_keys(tx) if row.state == "old"]


async def retired_vault_keys(tx: Tx) -> list[str]:
    """The keys that are out of force."""
    return [row.fingerprint for row in await list_vault_keys(tx) if row.state == "retired"]


def drop_vault_keys(path: Path, fingerprints: Sequence[str]) -> None:
    """Take retired keys out of the keyring's file. Raises Fault when it can't be read or written."""
    keyring = before = read_keyring(path)
    for fingerprint in fingerprints:
        keyring = keyring.without_vault_key(fingerprint)
    if keyring.vault_roots() != before.vault_roots():
        replace_keyring(path, keyring)

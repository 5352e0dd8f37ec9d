"""API keys: made, presented, rotated, revoked. Only a digest of the secret is kept."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from koudai.base import Fault
from koudai.identity.model import ApiKey, IdentityFault, Issuer, Mode, NewKey, Scope
from koudai.pg import Later, Statements, Tx, texts

SQL = Statements(Path(__file__).with_name("queries.sql"))

_TOKEN = re.compile(r"kd_(test|live)_([0-9a-f]{16})([0-9a-f]{48})")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who presents an API key: its id, the issuer and mode it belongs to, and what it may do."""

    key_id: str
    issuer_id: int
    mode: Mode
    scopes: frozenset[str]


async def find_issuer(tx: Tx, name: str, mode: Mode, *, create: bool = False) -> Issuer | None:
    """One side of an issuer by name; made when `create` says so and there is none."""
    row = await tx.row(SQL["find_issuer"], name, mode)
    if row is None and create:
        row = await tx.row(SQL["add_issuer"], name, mode)
    return Issuer(row[0], row[1], Mode(row[2])) if row else None


async def mode_of_book(tx: Tx, book: int) -> Mode | None:
    """Which side of an issuer a book is; None where no issuer has it. It never changes, and is kept with the pool."""
    known: Mode | None = tx.lasting.get(("identity.mode", book))
    if known is None:
        found = await tx.value(SQL["mode_of_issuer"], book)
        if found is not None:
            known = tx.lasting["identity.mode", book] = Mode(found)
    return known


async def list_issuers(tx: Tx) -> list[Issuer]:
    """All issuers, both sides."""
    return [Issuer(row[0], row[1], Mode(row[2])) for row in await tx.rows(SQL["list_issuers"])]


async def create_key(tx: Tx, issuer: Issuer, name: str, scopes: Iterable[Scope]) -> NewKey:
    """Make an API key for an issuer; the token is in the answer and nowhere else."""
    return await _add(tx, issuer.id, issuer.mode, name, tuple(sorted(set(scopes))))


async def _add(tx: Tx, issuer_id: int, mode: Mode, name: str, scopes: tuple[Scope, ...]) -> NewKey:
    key_id, secret = secrets.token_hex(8), secrets.token_hex(24)
    token = f"kd_{mode}_{key_id}{secret}"
    await tx.rows(SQL["add_key"], key_id, issuer_id, name, _digest(token), texts(list(scopes)))
    return NewKey(key_id, token, mode, scopes)


async def authenticate(tx: Tx, token: str) -> Principal | None:
    """Who presents this token; None when it is malformed, unknown, expired, revoked or of the other mode."""
    match = _TOKEN.fullmatch(token)
    row = await tx.row(SQL["find_key"], match[2] if match else "")
    # The comparison runs whether or not the key exists, so that its time tells nothing.
    same = hmac.compare_digest(_digest(token), bytes(row[1]) if row else bytes(32))
    if match is None or row is None or not same or row[3] != match[1]:
        return None
    return Principal(row[0], row[2], Mode(row[3]), frozenset(row[4]))


async def good_keys(tx: Tx, key_ids: Iterable[str]) -> set[str]:
    """Which of these key ids are neither revoked nor expired at this moment."""
    return {row[0] for row in await tx.rows(SQL["good_keys"], texts(list(key_ids)))}


def hold_keys(tx: Tx, key_ids: Iterable[str]) -> Later:
    """Ask which of these key ids are in force, with the next statements of the transaction.

    The rows hold the ids that are. Who revokes one of them waits for this transaction to end.
    """
    (held,) = tx.defer((SQL["hold_keys"], texts(list(key_ids))))
    return held


async def list_keys(tx: Tx) -> list[ApiKey]:
    """All API keys, without secrets."""
    return [
        ApiKey(r[0], r[1], Mode(r[2]), r[3], tuple(Scope(s) for s in r[4]), r[5], r[6], r[7])
        for r in await tx.rows(SQL["list_keys"])
    ]


async def revoke_key(tx: Tx, key_id: str) -> None:
    """End a key at once. Raises Fault when there is no such key in force."""
    if await tx.row(SQL["revoke_key"], key_id) is None:
        raise Fault(IdentityFault.KEY_UNKNOWN, key=key_id)


async def rotate_key(tx: Tx, key_id: str, old_ends_at: datetime) -> NewKey:
    """Make a key with the name and scopes of another, which ends at `old_ends_at`."""
    row = await tx.row(SQL["expire_key"], key_id, old_ends_at)
    if row is None:
        raise Fault(IdentityFault.KEY_UNKNOWN, key=key_id)
    mode = next(i.mode for i in await list_issuers(tx) if i.id == row[0])
    return await _add(tx, row[0], mode, row[1], tuple(Scope(s) for s in row[2]))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

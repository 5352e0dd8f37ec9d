"""The log as it is kept: its size, the hash of any part of it by way of tiles, and what of it is signed."""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from koudai.base import Fault, merkle
from koudai.pg import Statements, Tx
from koudai.proof.check import Key, is_consistent
from koudai.proof.formats import sign_checkpoint, verifier_key

SQL = Statements(Path(__file__).with_name("queries.sql"))

HASH = 32
"""Bytes of a hash."""

Statement = tuple[Any, ...]


class LogFault(StrEnum):
    """Why no proof can be had."""

    NO_ENTRY = "proof.no_entry"
    NOT_SEALED = "proof.not_sealed"
    NO_SUCH_SIZE = "proof.no_such_size"
    BROKEN = "proof.broken"


class Signer(Protocol):
    """Who holds the key of the log: the installation's keyring."""

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs checkpoints."""
        ...


def broken(row: str, detail: str) -> Fault:
    """The fault of a row that isn't what it was: nothing is proven or signed with it."""
    return Fault(LogFault.BROKEN, row=row, detail=detail)


def origin_of(public_key: Ed25519PublicKey) -> str:
    """The name of the log that a key signs: it says which key, and nothing of whose it is."""
    return f"koudai-{sha256(public_key.public_bytes_raw()).hexdigest()[:16]}"


def public_key(signer: Signer) -> Key:
    """The key to hand out, under which what the signer signed can be checked."""
    public = signer.signing_key.public_key()
    return Key.read(verifier_key(origin_of(public), public))


async def tree_size(tx: Tx) -> int:
    """How many leaves the log has."""
    return int(await tx.value(SQL["size"]))


async def combine(tx: Tx, plan: merkle.Plan, size: int) -> list[bytes]:
    """The proof that was planned of the tree of the first `size` leaves, with a few rows for each subtree.

    Raises Fault when a row isn't there.
    """
    found = await tx.together(*(_where(node, size) for node in plan.needed)) if plan.needed else []
    return plan.combine([_root(node, rows) for node, rows in zip(plan.needed, found, strict=True)])


async def sign(tx: Tx, signer: Signer, size: int) -> str:
    """A checkpoint of the first `size` leaves, which are there; kept where that size was never signed.

    Nothing is signed that contradicts what was: the tree has to be consistent with the checkpoints next
    to it, else Fault is raised. Whoever asked hands it on only once the transaction has committed: what
    was signed of leaves that aren't there after all would be at odds with what will be.
    """
    (root,) = await combine(tx, merkle.root_plan(size), size)
    sizes = []
    for known_size, known_root in await tx.rows(SQL["signed_around"], size):
        sizes.append(known_size)
        old, new = sorted(((known_size, known_root), (size, root)))
        path = await combine(tx, merkle.consistency_plan(old[0], new[0]), new[0])
        if not is_consistent(*old, *new, path):
            raise broken(f"proof.checkpoints {known_size}", f"the log isn't consistent with it at {size}")
    key = signer.signing_key
    note = sign_checkpoint(origin_of(key.public_key()), size, root, key)
    if size not in sizes:
        tx.defer((SQL["add_checkpoint"], size, root, note))
    return note


def hashes_of(data: bytes) -> list[bytes]:
    """The hashes that stand side by side in a tile."""
    return [data[at : at + HASH] for at in range(0, len(data), HASH)]


def below(level: int, start: int, stop: int) -> Statement:
    """The statement that reads hashes of a tile level, by their numbers, from the level below it."""
    if level == 0:
        return (SQL["leaf_hashes"], start, stop)
    return (SQL["tile_roots"], level - 1, start, stop)


def _where(node: merkle.Node, size: int) -> Statement:
    level, number, start, stop = merkle.in_tile(node)
    if merkle.tile_width(level, number, size) == merkle.TILE_WIDTH:
        return (SQL["tile_hashes"], level, number, start, stop - start)
    first = number * merkle.TILE_WIDTH
    return below(level, first + start, first + stop)


def _root(node: merkle.Node, rows: Sequence[Sequence[bytes]]) -> bytes:
    level, number, start, stop = merkle.in_tile(node)
    hashes = hashes_of(b"".join([row[0] for row in rows]))
    if len(hashes) != stop - start:
        raise broken(f"proof.tiles {level}/{number}", f"of its hashes {start} to {stop} only {len(hashes)} are there")
    return merkle.root(hashes)

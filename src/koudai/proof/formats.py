"""Proof files as koudai writes them, each in the one form that the checker accepts, and what is signed. Pure."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from koudai.proof.check import CONSISTENCY, RECEIPT, RESERVE, RESERVE_NAME, Key, Unproven


def verifier_key(origin: str, public_key: Ed25519PublicKey) -> str:
    """The key by which strangers know the issuer; a newline follows it in its file.

    The origin names both the log and the key, without spaces or `+`: best an address of the issuer's,
    such as `example.org/pocket`. Raises ValueError when it can't be one.
    """
    return _named(origin, public_key).text()


def sign_checkpoint(origin: str, size: int, root: bytes, private_key: Ed25519PrivateKey) -> str:
    """A C2SP checkpoint of the log with so many batches. A log must never be signed twice at odds with itself."""
    return _signed(origin, f"{size}\n{_base64(root)}\n", private_key)


class Totals(NamedTuple):
    """What a summary says: what an issuer owed to holders, and the tree that it is the sum of.

    `as_of` is the moment of the balances. They hold what the log of `log_size` batches holds, and perhaps
    more that was booked since.
    """

    issuer: str
    mode: str
    asset: str
    as_of: datetime
    log_size: int
    log_root: bytes
    total_minor: int
    leaves: int
    root: bytes


def sign_summary(origin: str, totals: Totals, private_key: Ed25519PrivateKey) -> str:
    """What is published of a reserve, signed under the log's name with `/reserve` behind it.

    Raises ValueError when the names can't stand in a line, or a number isn't below 2^63.
    """
    names = (totals.issuer, totals.mode, totals.asset)
    if not all(name.isprintable() for name in names):
        raise ValueError(f"{names} can't all be written in a line")
    if not all(0 <= number < 2**63 for number in (totals.log_size, totals.total_minor, totals.leaves)):
        raise ValueError("a number of a summary is below 2^63")
    body = [
        f"issuer {totals.issuer}",
        f"mode {totals.mode}",
        f"asset {totals.asset}",
        f"as-of {totals.as_of.astimezone(UTC).isoformat(timespec='microseconds').replace('+00:00', 'Z')}",
        f"log-size {totals.log_size}",
        f"log-root {_base64(totals.log_root)}",
        f"total {totals.total_minor}",
        f"leaves {totals.leaves}",
        f"root {_base64(totals.root)}",
        "",
    ]
    return _signed(origin + RESERVE_NAME, "\n".join(body), private_key)


def reserve(leaves: Iterable[tuple[bytes, int, Sequence[bytes]]], summary: str) -> str:
    """The file that proves a balance to be counted: of each part leaf data, index and path; and the summary."""
    lines = [RESERVE]
    for data, index, path in leaves:
        lines += [f"leaf {_base64(data)}", f"leaf-index {index}", *(f"leaf-node {_base64(node)}" for node in path)]
    return "\n".join([*lines, "", summary])


def receipt(
    entry: bytes, entry_index: int, entry_path: Sequence[bytes], batch: bytes, batch_index: int,
    batch_path: Sequence[bytes], checkpoint: str,
) -> str:  # fmt: skip
    """The file that proves an entry: its leaf data, its batch's, their places and paths, and the signed log."""
    lines = [
        RECEIPT,
        f"entry {_base64(entry)}",
        f"entry-index {entry_index}",
        *(f"entry-hash {_base64(node)}" for node in entry_path),
        f"batch {_base64(batch)}",
        f"batch-index {batch_index}",
        *(f"batch-hash {_base64(node)}" for node in batch_path),
        "",
        checkpoint,
    ]
    return "\n".join(lines)


def consistency(old: str, new: str, path: Sequence[bytes]) -> str:
    """The file that proves a log to have only grown between two signed checkpoints."""
    lines = [
        CONSISTENCY,
        f"old {_base64(old.encode())}",
        f"new {_base64(new.encode())}",
        *(f"hash {_base64(node)}" for node in path),
        "",
    ]
    return "\n".join(lines)


def _signed(name: str, body: str, private_key: Ed25519PrivateKey) -> str:
    """A C2SP note: the lines of the body under the name of the key, and its signature."""
    key = _named(name, private_key.public_key())
    body = f"{name}\n{body}"
    return f"{body}\n— {name} {_base64(key.id + private_key.sign(body.encode()))}\n"


def _named(origin: str, public_key: Ed25519PublicKey) -> Key:
    key = Key(origin, public_key.public_bytes_raw())
    try:
        return Key.read(key.text())
    except Unproven as error:
        raise ValueError(
            f"{origin!r} can't name a log: it is empty, or has a space, a + or what can't be printed"
        ) from error


def _base64(data: bytes) -> str:
    return b64encode(data).decode()

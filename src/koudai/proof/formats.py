"""Proof files as koudai writes them, each in the one form that the checker accepts, and the signing of a log. Pure."""

from base64 import b64encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from koudai.proof.check import CONSISTENCY, RECEIPT, Key, Unproven


def verifier_key(origin: str, public_key: Ed25519PublicKey) -> str:
    """The key by which strangers know the issuer; a newline follows it in its file.

    The origin names both the log and the key, without spaces or `+`: best an address of the issuer's,
    such as `example.org/pocket`. Raises ValueError when it can't be one.
    """
    return _named(origin, public_key).text()


def sign_checkpoint(origin: str, size: int, root: bytes, private_key: Ed25519PrivateKey) -> str:
    """A C2SP checkpoint of the log with so many batches. A log must never be signed twice at odds with itself."""
    key = _named(origin, private_key.public_key())
    body = f"{origin}\n{size}\n{_base64(root)}\n"
    return f"{body}\n— {origin} {_base64(key.id + private_key.sign(body.encode()))}\n"


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

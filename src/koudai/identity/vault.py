"""The vault: personal data sealed field by field, and found by keyed hash.

Of each vault key three are derived (HKDF-SHA-256, RFC 5869): one for AES-256-GCM, one for SM4-GCM (GB/T
32907-2016, RFC 8998), one for the hashes. A sealed field says its suite and its key, so what was
written before a change of either opens as well.
"""

import hmac
import os
from collections.abc import Iterable
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from koudai.base import Fault
from koudai.identity.keyring import Keyring
from koudai.identity.model import IdentityFault

_FORM = 2
_NONCE, _TAG, _HEAD = 12, 16, 10
_HASH = 16


class Suite(StrEnum):
    """By what new fields are sealed: AES-256-GCM, or SM4-GCM of the Chinese suite."""

    AES = "aes"
    GM = "gm"

    @property
    def mark(self) -> int:
        """The byte by which a sealed field says that it is sealed so."""
        return _MARKS[self]


_MARKS = {Suite.AES: 1, Suite.GM: 2}


def suite_of(name: str) -> Suite:
    """The suite that a configuration names; raises Fault when there is none of that name."""
    try:
        return Suite(name)
    except ValueError:
        raise Fault(IdentityFault.SUITE_UNKNOWN, found=name[:60], choices=", ".join(Suite)) from None


class _Key:
    """One vault key, and the three that are derived of it."""

    def __init__(self, root: bytes) -> None:
        self.aes = AESGCM(_derived(root, b"aes-256-gcm", 32))
        self.sm4 = algorithms.SM4(_derived(root, b"sm4-gcm", 16))
        self.lookup = _derived(root, b"lookup", 32)

    def seal(self, suite: Suite, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
        if suite is Suite.AES:
            return self.aes.encrypt(nonce, plain, bound)
        sealing = Cipher(self.sm4, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(bound)
        return sealing.update(plain) + sealing.finalize() + sealing.tag

    def open(self, mark: int, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        if mark == Suite.AES.mark:
            return self.aes.decrypt(nonce, sealed, bound)
        opening = Cipher(self.sm4, modes.GCM(nonce, sealed[-_TAG:])).decryptor()
        opening.authenticate_additional_data(bound)
        return opening.update(sealed[:-_TAG]) + opening.finalize()


def _derived(root: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, None, b"koudai vault: " + purpose).derive(root)


class Vault:
    """The vault keys of a keyring, and the suite in which new fields are sealed."""

    def __init__(self, keyring: Keyring, suite: Suite = Suite.AES) -> None:
        self.keyring = keyring
        self.suite = suite
        self._keys = {name: _Key(root) for name, root in keyring.vault_roots().items()}

    @property
    def first(self) -> str:
        """The name of the first key, which every keyring has."""
        return next(iter(self._keys))

    def holds(self, name: str) -> bool:
        """Whether the keyring has the key of this name."""
        return name in self._keys

    def seal(self, name: str, plain: str, context: bytes) -> bytes:
        """Seal a field under the key `name`; `context` binds it to its row: it opens nowhere else."""
        head = bytes((_FORM, self.suite.mark)) + bytes.fromhex(name)
        nonce = os.urandom(_NONCE)
        return head + nonce + self._keys[name].seal(self.suite, nonce, plain.encode(), head + context)

    def open(self, sealed: bytes, context: bytes) -> str:
        """Open a field; raises Fault when it isn't what was sealed for that row, or its key isn't here."""
        head, nonce, rest = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        key = self._keys.get(key_of(sealed))
        try:
            if key is None or head[0] != _FORM or head[1] not in _MARKS.values() or len(rest) < _TAG:
                raise ValueError("not sealed by us, or under a key that isn't here")
            return key.open(head[1], nonce, rest, head + context).decode()
        except (InvalidTag, ValueError):
            # Nothing of the field goes along: what is raised is logged.
            raise Fault(IdentityFault.KEYS_WRONG, purpose=f"vault {key_of(sealed)}") from None

    def suite_in(self, sealed: bytes) -> Suite | None:
        """In which suite a field is sealed; None when in none of ours."""
        return next((suite for suite, mark in _MARKS.items() if sealed[1:2] == bytes((mark,))), None)

    def lookup(self, name: str, value: str) -> bytes:
        """HMAC-SHA-256 of a value under the key `name`, cut to 128 bits."""
        return hmac.digest(self._keys[name].lookup, value.encode(), "sha256")[:_HASH]

    def lookups(self, values: Iterable[str]) -> dict[bytes, str]:
        """Every hash under which one of these values may be kept, whichever key it was, and the value."""
        return {self.lookup(name, value): value for value in values for name in self._keys}


def key_of(sealed: bytes) -> str:
    """The name of the key that a field is sealed under."""
    return sealed[2:_HEAD].hex()

"""The keyring: the installation's own secret keys, in a file that only its user can read.

Four keys, each for one purpose: `fields` encrypts card numbers, `lookup` hashes them so that they can
be found, `ids` turns internal ids into opaque ones, `signing` signs the log. Beside them stand the
vault's keys, which seal personal data and are changed while the system runs: the first is derived
from `fields`, the later ones are `vault-1`, `vault-2`, … in the file. The database names all of them
by fingerprint, so that a server with the wrong ones finds out before it writes anything.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from koudai.base import Fault
from koudai.identity.keys import SQL
from koudai.identity.model import IdentityFault
from koudai.pg import Conflict, Tx, texts

PURPOSES = ("fields", "lookup", "ids", "signing")

_FORMAT = b"\x01"
_VAULT = re.compile(r"vault-([1-9][0-9]{0,5})")
_BLOCK = 16


class Keyring:
    """The keys, and what is done with them."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        vaults = {name for name in keys if _VAULT.fullmatch(name)}
        if set(keys) - vaults != set(PURPOSES) or any(len(key) != 32 for key in keys.values()):
            raise ValueError(f"a keyring holds 32 bytes for each of {', '.join(PURPOSES)}")
        self._keys = {purpose: keys[purpose] for purpose in PURPOSES}
        self._vaults = {name: keys[name] for name in sorted(vaults, key=_number)}
        self._fields = AESGCM(keys["fields"])
        self._pins = HKDF(SHA256(), 32, None, b"koudai keyring: pins").derive(keys["lookup"])
        # One block, encrypted as it is, is a keyed permutation of 128 bits: what an opaque id needs.
        # Without chaining there is no state, so one context serves for ever.
        ids = Cipher(algorithms.AES(keys["ids"]), modes.ECB())  # noqa: S305
        self._encrypt_ids = ids.encryptor().update
        self._decrypt_ids = ids.decryptor().update

    @classmethod
    def generate(cls) -> "Keyring":
        """New keys from the operating system's random source."""
        return cls({purpose: secrets.token_bytes(32) for purpose in PURPOSES})

    def fingerprints(self) -> dict[str, str]:
        """Names of the keys that tell nothing about them."""
        return {
            purpose: hmac.digest(key, b"koudai keyring fingerprint: " + purpose.encode(), "sha256").hex()[:16]
            for purpose, key in self._keys.items()
        }

    def vault_roots(self) -> dict[str, bytes]:
        """The vault's keys by fingerprint, oldest first. What seals with them is `identity.Vault`."""
        derived = HKDF(SHA256(), 32, None, b"koudai keyring: the first vault key").derive(self._keys["fields"])
        return {_vault_fingerprint(root): root for root in (derived, *self._vaults.values())}

    def with_vault_key(self) -> "Keyring":
        """This keyring and one new vault key."""
        number = max(map(_number, self._vaults), default=0) + 1
        return Keyring({**self._keys, **self._vaults, f"vault-{number}": secrets.token_bytes(32)})

    def without_vault_key(self, fingerprint: str) -> "Keyring":
        """This keyring without a vault key. The first one stays, as it is derived from `fields`."""
        kept = {name: root for name, root in self._vaults.items() if _vault_fingerprint(root) != fingerprint}
        return Keyring({**self._keys, **kept})

    def seal(self, plain: str, context: bytes) -> bytes:
        """Encrypt a field (AES-256-GCM); `context` binds it to its row: it opens nowhere else."""
        nonce = os.urandom(12)
        return _FORMAT + nonce + self._fields.encrypt(nonce, plain.encode(), context)

    def open(self, sealed: bytes, context: bytes) -> str:
        """Decrypt a field; raises Fault when it isn't what was sealed for that row."""
        try:
            if sealed[:1] != _FORMAT:
                raise ValueError("not of a form that we seal in")
            return self._fields.decrypt(sealed[1:13], sealed[13:], context).decode()
        except (InvalidTag, ValueError) as error:
            raise Fault(IdentityFault.KEYS_WRONG, purpose="fields") from error

    def lookup_hash(self, value: str) -> bytes:
        """HMAC-SHA-256 of a value, cut to 128 bits: equal values are found without being kept."""
        return hmac.digest(self._keys["lookup"], value.encode(), "sha256")[:16]

    def pin_proof(self, pin: str) -> bytes:
        """HMAC-SHA-256 of a PIN under a key of its own, which is derived from `lookup` and is in no database.

        A PIN has a million values, so no hash without a secret protects it, however slow.
        """
        return hmac.digest(self._pins, pin.encode(), "sha256")

    def opaque_id(self, kind: str, high: int, low: int = 0) -> str:
        """An id for the outside: `kind`, an underscore, and the encrypted internal id as 32 hex digits."""
        return self.opaque_ids(kind, ((high, low),))[0]

    def opaque_ids(self, kind: str, pairs: Iterable[tuple[int, int]]) -> list[str]:
        """Many ids of one kind at once."""
        tag = _tag(kind)
        plain = b"".join([tag + high.to_bytes(8) + low.to_bytes(4) for high, low in pairs])
        text = self._encrypt_ids(plain).hex()
        return [f"{kind}_{text[at : at + 2 * _BLOCK]}" for at in range(0, len(text), 2 * _BLOCK)]

    def internal_id(self, kind: str, opaque: str) -> tuple[int, int] | None:
        """The two numbers behind an opaque id; None when it isn't one of ours of that kind."""
        prefix, _, text = opaque.partition("_")
        try:
            block = bytes.fromhex(text)
        except ValueError:
            return None
        if prefix != kind or len(block) != _BLOCK or text != block.hex():
            return None
        plain = self._decrypt_ids(block)
        if plain[:4] != _tag(kind):
            return None
        return int.from_bytes(plain[4:12]), int.from_bytes(plain[12:])

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs the log: Ed25519, of which `signing` is the 32 bytes of RFC 8032's secret."""
        return Ed25519PrivateKey.from_private_bytes(self._keys["signing"])

    def to_text(self) -> str:
        """The keyring as its file holds it."""
        keys = {**self._keys, **self._vaults}
        return json.dumps({p: base64.b64encode(k).decode() for p, k in keys.items()}, indent=1) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """A keyring from its file's text; raises ValueError when it is none."""
        return cls({str(p): base64.b64decode(k, validate=True) for p, k in json.loads(text).items()})


def _number(name: str) -> int:
    return int(name.removeprefix("vault-"))


def _vault_fingerprint(root: bytes) -> str:
    return hmac.digest(root, b"koudai keyring fingerprint: vault", "sha256").hex()[:16]


@cache
def _tag(kind: str) -> bytes:
    return hashlib.sha256(kind.encode()).digest()[:4]


async def load_keyring(tx: Tx, path: Path) -> Keyring:
    """The keyring of this installation, checked against the fingerprints that the database names.

    On a database that names none it is made, if the file isn't there, and named. Raises Fault when
    the file is missing, can be read by others, isn't a keyring, or holds other keys.
    """
    named = {row[0]: row[1] for row in await tx.rows(SQL["read_keyring"])}
    if not path.exists():
        if named:
            raise Fault(IdentityFault.KEYS_MISSING, path=str(path), purposes=sorted(named))
        try:
            _write_once(path, Keyring.generate())
        except OSError as error:
            raise Fault(IdentityFault.KEYS_UNREADABLE, path=str(path), detail=type(error).__name__) from error
    keyring = read_keyring(path)
    ours = keyring.fingerprints()
    wrong = sorted(purpose for purpose, name in named.items() if ours.get(purpose) != name)
    roots = keyring.vault_roots()
    wrong += [f"vault {row[0]}" for row in await tx.rows(SQL["vault_keys_in_use"]) if row[0] not in roots]
    if wrong:
        raise Fault(IdentityFault.KEYS_WRONG, purpose=", ".join(wrong), path=str(path))
    if not named:
        await tx.rows(SQL["name_keyring"], texts(list(ours)), texts(list(ours.values())))
    return keyring


def read_keyring(path: Path) -> Keyring:
    """The keyring that a file holds. Raises Fault when others can read it, or when it is none."""
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Fault(IdentityFault.KEYS_EXPOSED, path=str(path))
        return Keyring.from_text(path.read_text(encoding="ascii"))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Fault(IdentityFault.KEYS_UNREADABLE, path=str(path), detail=type(error).__name__) from error


def replace_keyring(path: Path, keyring: Keyring) -> None:
    """Put another keyring in the place of a file, whole or not at all. Raises Fault when it can't be written."""
    try:
        os.replace(_draft(path, keyring), path)
    except OSError as error:
        raise Fault(IdentityFault.KEYS_UNREADABLE, path=str(path), detail=type(error).__name__) from error


def _draft(path: Path, keyring: Keyring) -> Path:
    """The keyring in a file of its own beside `path`, on the disk and readable for its user alone."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(keyring.to_text())
        file.flush()
        os.fsync(file.fileno())
    return draft


def _write_once(path: Path, keyring: Keyring) -> None:
    """Write the file whole or not at all, readable for its user alone; never over another one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = _draft(path, keyring)
    try:
        os.link(draft, path)
    except FileExistsError as error:
        raise Conflict(f"{path} has just been made by another process") from error
    finally:
        draft.unlink()

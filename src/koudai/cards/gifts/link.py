"""The secrets of a gift: the token of its link, its words, and how both are sealed."""

import secrets
from typing import NamedTuple

import msgspec

from koudai.cards.model import Words
from koudai.identity import Keyring, Vault
from koudai.ledger import Place

_TOKEN_BYTES = 32
_BY_KEYRING = b"\x01"


def draw_token() -> str:
    """A token that nobody can guess: 32 random bytes in 43 characters that stand in any address."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def token_hash(keyring: Keyring, token: str) -> bytes:
    """What a token is known by."""
    return keyring.lookup_hash(f"gift token\0{token}")


def words_hash(keyring: Keyring, key: str, words: Words) -> str:
    """What stands for a gift's words in the memory of a key, and can be compared with nothing else."""
    return keyring.lookup_hash(f"gift words\0{key}\0{_text(words)}").hex()


def gift_path(gift: str, token: str) -> str:
    """The end of a gift's address, by its outside id: the token stands where no server's log sees it."""
    return f"/g/{gift}#{token}"


def seal_token(keyring: Keyring, place: Place, token: str) -> bytes:
    """A gift's token, sealed to its place."""
    return keyring.seal(token, _context(b"token", place))


def open_token(keyring: Keyring, place: Place, sealed: bytes) -> str:
    """A gift's token."""
    return keyring.open(sealed, _context(b"token", place))


class Ink(NamedTuple):
    """What words are sealed with: the vault, and the key of it that is held until the batch is committed."""

    vault: Vault
    key: str

    def seal(self, place: Place, words: Words) -> bytes:
        """A gift's words, sealed to its place."""
        return self.vault.seal(self.key, _text(words), _context(b"words", place))


def open_words(vault: Vault, place: Place, sealed: bytes) -> Words:
    """A gift's words. Before they were personal data of the vault's, they were sealed under the keyring."""
    opening = vault.keyring.open if sealed[:1] == _BY_KEYRING else vault.open
    return msgspec.json.decode(opening(sealed, _context(b"words", place)), type=Words)


def _text(words: Words) -> str:
    return msgspec.json.encode(words).decode()


def _context(what: bytes, place: Place) -> bytes:
    return b"gift " + what + place.batch_id.to_bytes(8) + place.ordinal.to_bytes(4)

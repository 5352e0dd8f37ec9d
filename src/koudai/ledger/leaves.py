"""The leaves that a batch is sealed in: its entries and itself, byte by byte as docs/reference/proofs.md. Pure.

An entry is what one command booked: one transfer or several, its legs. It is hashed with a salt of its
own, so that who holds the proof of one entry can't find its neighbours by guessing.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from struct import Struct

from koudai.base.merkle import root

Leg = tuple[int, int, int, int, str, str, datetime, int, int | None, int | None]
"""ordinal, debit, credit, amount in minor units, asset, kind, event time, ordinal of its entry, debit lot, credit lot

A lot is 0 where there is none. An entry has the ordinal of its first leg, and the ordinals of its legs
follow one another.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_SALTED = Struct(">32sI").pack
# A field of 16 bytes takes the first 16 of the digest that it is given.
_HEAD = Struct(">16sQIH").pack
_LEG = Struct(">IQQQQQq").pack
_BATCH = Struct(">QIqI32s").pack


def _prefixed(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded


_ENTRY_TAG = _prefixed("koudai.entry.v1")
_BATCH_TAG = _prefixed("koudai.batch.v1")
_LEAF = b"\x00" + _ENTRY_TAG


@lru_cache(maxsize=4096)
def _words(asset: str, kind: str) -> bytes:
    return _prefixed(asset) + _prefixed(kind)


def entry_salt(batch_salt: bytes, ordinal: int) -> bytes:
    """The salt of an entry (16 bytes), from its batch's, which has 32 and is secret."""
    return sha256(_SALTED(batch_salt, ordinal)).digest()[:16]


def entry_data(salt: bytes, batch_id: int, ordinal: int, legs: Sequence[Leg]) -> bytes:
    """The leaf data of one entry under its salt, from its legs in order."""
    ((found, count, body),) = _entries(legs)
    assert found == ordinal, "an entry has the ordinal of its first leg"
    return _ENTRY_TAG + _HEAD(salt, batch_id, ordinal, count) + body


def batch_data(batch_id: int, book: int, recorded_at: datetime, entries: int, entries_root: bytes) -> bytes:
    """The leaf data of a batch: what it is, and the root over its entries in order of their ordinals."""
    return _BATCH_TAG + _BATCH(batch_id, book, _micros(recorded_at), entries, entries_root)


def entry_hashes(batch_salt: bytes, batch_id: int, legs: Sequence[Leg]) -> list[bytes]:
    """The leaf hash of each entry of a batch, from all its legs in order."""
    if len(batch_salt) != 32:
        raise ValueError("a batch's salt has 32 bytes")
    return [
        sha256(_LEAF + _HEAD(sha256(_SALTED(batch_salt, entry)).digest(), batch_id, entry, count) + body).digest()
        for entry, count, body in _entries(legs)
    ]


def seal(batch_salt: bytes, batch_id: int, legs: Sequence[Leg]) -> tuple[int, bytes]:
    """How many entries a batch has, and the root over them; the salt has 32 bytes."""
    hashes = entry_hashes(batch_salt, batch_id, legs)
    return len(hashes), root(hashes)


def _entries(legs: Sequence[Leg]) -> Iterator[tuple[int, int, bytes]]:
    """Each entry's ordinal, how many legs it has, and their bytes."""
    entry, parts = -1, list[bytes]()
    moment, micros = None, 0
    for ordinal, debit, credit, minor, asset, kind, event_at, owner, debit_lot, credit_lot in legs:
        if event_at is not moment:  # Most of a batch happened at one moment.
            moment, micros = event_at, _micros(event_at)
        leg = _LEG(ordinal, debit, debit_lot or 0, credit, credit_lot or 0, minor, micros) + _words(asset, kind)
        if owner == ordinal:
            assert ordinal > entry, "entries stand in order"
            if parts:
                yield entry, len(parts), b"".join(parts)
            entry, parts = ordinal, [leg]
        else:
            assert (owner, ordinal) == (entry, entry + len(parts)), "the legs of an entry follow one another"
            parts.append(leg)
    if parts:
        yield entry, len(parts), b"".join(parts)


def _micros(moment: datetime) -> int:
    """Microseconds since the epoch, exact."""
    return (moment - _EPOCH) // _MICROSECOND

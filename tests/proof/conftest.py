"""A log of a few batches, signed by an issuer, from which any proof can be had."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from koudai import ledger
from koudai.base import Asset, merkle
from koudai.identity import Keyring
from koudai.ledger.leaves import Leg, batch_data, entry_data, entry_hashes, entry_salt, seal
from koudai.pg import Database, Tx
from koudai.proof import Key, proof_checks
from koudai.proof.formats import consistency, receipt, sign_checkpoint, verifier_key

_keys = itertools.count(1)

ORIGIN = "example.org/pocket"
BEGAN = datetime(2024, 5, 1, 12, tzinfo=UTC)


def legs_of(ordinal: int, count: int = 1) -> list[Leg]:
    """The legs of an entry, its lots and time made of its ordinal."""
    at = BEGAN + timedelta(microseconds=ordinal)
    return [
        (ordinal + i, 1000 + ordinal, 2000 + i, 1999 + i, "CNY", "redeem", at, ordinal, 7 * i, 0)
        for i in range(count)
    ]  # fmt: skip


class Log:
    """A log whose batches have the given counts of legs an entry."""

    def __init__(self, batches: Sequence[Sequence[int]], origin: str = ORIGIN, seed: int = 1) -> None:
        self.origin = origin
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.key = Key.read(verifier_key(origin, self.private.public_key()))
        self.entries: list[list[list[Leg]]] = []
        self.batches: list[bytes] = []
        for batch_id, counts in enumerate(batches, 10):
            entries, ordinal = [], 1
            for count in counts:
                entries.append(legs_of(ordinal, count))
                ordinal += count + 1
            self.entries.append(entries)
            sealed = seal(self.salt(batch_id), batch_id, [leg for entry in entries for leg in entry])
            self.batches.append(batch_data(batch_id, 3, BEGAN + timedelta(seconds=batch_id), *sealed))

    def salt(self, batch_id: int) -> bytes:
        return sha256(b"a secret of batch %d" % batch_id).digest()

    def leaves(self, size: int | None = None) -> list[bytes]:
        return [merkle.leaf_hash(batch) for batch in self.batches[:size]]

    def root(self, size: int | None = None) -> bytes:
        return merkle.root(self.leaves(size))

    def sign(self, size: int, root: bytes) -> str:
        return sign_checkpoint(self.origin, size, root, self.private)

    def checkpoint(self, size: int | None = None) -> str:
        return self.sign(len(self.leaves(size)), self.root(size))

    def entry(self, batch: int, entry: int) -> bytes:
        legs = self.entries[batch][entry]
        ordinal = legs[0][0]
        return entry_data(entry_salt(self.salt(10 + batch), ordinal), 10 + batch, ordinal, legs)

    def receipt(self, batch: int = 0, entry: int = 0, size: int | None = None) -> str:
        inner = entry_hashes(self.salt(10 + batch), 10 + batch, [leg for e in self.entries[batch] for leg in e])
        return receipt(
            self.entry(batch, entry), entry, merkle.inclusion_path(entry, inner),
            self.batches[batch], batch, merkle.inclusion_path(batch, self.leaves(size)), self.checkpoint(size),
        )  # fmt: skip

    def consistency(self, old: int, new: int | None = None) -> str:
        size = len(self.leaves(new))
        plan = merkle.consistency_plan(old, size)
        nodes = [merkle.root(self.leaves()[n << level : (n + 1) << level]) for level, n in plan.needed]
        return consistency(self.checkpoint(old), self.checkpoint(size), plan.combine(nodes))

    def forged(self, entry: bytes, batch: bytes | None = None) -> str:
        """A receipt as an issuer might sign it who keeps to no rule: an entry alone in a batch alone in the log."""
        batch = batch or batch_data(10, 3, BEGAN, 1, merkle.leaf_hash(entry))
        return receipt(entry, 0, [], batch, 0, [], self.sign(1, merkle.leaf_hash(batch)))


@pytest.fixture(scope="session")
def log() -> Log:
    """Five batches; the second entry of the first has three legs."""
    return Log([[1, 3, 1], [1], [2, 1], [1] * 9, [1, 1]])


@pytest.fixture(scope="session")
def new_log() -> type[Log]:
    """Makes another log."""
    return Log


@dataclass
class Till:
    """Two hot accounts of a book, between which as many batches are posted as a test wants."""

    db: Database
    accounts: tuple[int, int]
    book: int = 1

    async def post(self, count: int = 1, entries: int = 1, **fields: Any) -> list[ledger.Place]:
        """Post so many batches of so many entries; the place of each entry."""
        return [
            place
            for _ in range(count)
            for place in await self.db.transact(lambda tx: self.within(tx, entries, **fields))
        ]

    async def within(self, tx: Tx, entries: int = 1, **fields: Any) -> list[ledger.Place]:
        """Post one batch in a transaction of the test's own."""
        debit, credit = self.accounts
        told = {"amount_minor": 5, "asset": "CNY", "kind": "redeem", "event_at": BEGAN, **fields}
        postings = [ledger.Posting(key=f"k{next(_keys)}", debit=debit, credit=credit, **told) for _ in range(entries)]
        places = await ledger.post(tx, self.book, postings)
        assert all(isinstance(place, ledger.Place) for place in places), places
        return list(places)


async def open_till(db: Database, book: int = 1) -> Till:
    async def work(tx: Tx) -> tuple[int, int]:
        cny = Asset("CNY", 2)
        debit, credit = await ledger.open_accounts(tx, book, cny, "test", constrained=False, count=2)
        return debit, credit

    return Till(db, await db.transact(work), book)


@pytest.fixture
async def till(db: Database) -> Till:
    return await open_till(db)


async def wrong_rows(db: Database, keyring: Keyring) -> dict[str, list[str]]:
    """The rows that the room's checks name, by check."""
    found: dict[str, list[str]] = {}
    async with db.transaction(snapshot=True) as tx:
        told = {}
        for check in proof_checks(keyring):
            span = (1, 2**62) if check.ranged else ()
            if isinstance(check.statement, str):
                told[check.name] = await tx.rows(check.statement, *span)
            else:
                told[check.name] = await check.statement(tx, *span)
    for name, rows in told.items():
        assert all(detail for _, detail in rows)
        if rows:
            found[name] = [row for row, _ in rows]
    return found


@pytest.fixture(scope="session")
def find_wrong() -> Any:
    """Runs every check of the room on a database: the rows that are wrong, by check."""
    return wrong_rows

"""Reserve proofs: a signed total of what an issuer owes to holders, in which each can find his own balance.

The tree is a Merkle sum tree: `build` makes it of balances and a secret, and of nothing else, so whoever
keeps these two can cut any holder's proof of it later. A node's hash takes in the hashes and the sums of
both children; one that took in their sum alone would let the issuer sign less than it owes. Balances are
cut into parts and the parts shuffled; docs/reference/proofs.md tells what the subtotals give away even so.
"""

import hmac
import secrets
from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256, sha512
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from koudai.base import Fault
from koudai.ledger.reserves import owed
from koudai.pg import Database, Statements, Tx
from koudai.proof import formats
from koudai.proof.check import Checkpoint, Key, Lines, Unproven, read_summary, verify
from koudai.proof.sequence import catch_up
from koudai.proof.tree import Signer, broken, origin_of, public_key, sign, tree_size

SQL = Statements(Path(__file__).with_name("reserve.sql"))

BUNDLE = "koudai-reserve-holders@v1"
"""The first line of what the issuer keeps of a reserve: its secret, its summary, and every balance."""

MOST_PARTS = 1024
"""Parts that a balance is cut into at most: a holder's file stays within what a checker reads."""

MOST_OWED = 2**63 - 1
"""The largest total, in minor units."""

NODE = 40
"""Bytes of a node: its sum (u64) and its hash."""

_DIGEST = Struct(">32sI").pack
_RECORD = Struct(">16s16sIQ")
_FIXED = Struct(">16sQQ").pack
_TAG = b"\x00\x11koudai.reserve.v1"

Leaf = tuple[bytes, int, list[bytes]]
"""A leaf as its proof shows it: leaf data, index, and the sibling nodes from the leaf's own upwards."""


class ReserveFault(StrEnum):
    """Why there is no reserve, or no proof by it."""

    NOTHING_OWED = "proof.nothing_owed"
    TOTAL_TOO_LARGE = "proof.total_too_large"
    NOT_COUNTED = "proof.not_counted"


class Owner(NamedTuple):
    """Whose reserve it is: a side of an issuer, and the book that its accounts are in."""

    book: int
    issuer: str
    mode: str


class Snapshot(NamedTuple):
    """What a book owed at a moment, by account, and the size that the log had then."""

    as_of: datetime
    log_size: int
    accounts: list[tuple[int, int]]


@dataclass(frozen=True)
class Tree:
    """A sum tree, with what it takes to tell each holder his parts. `levels` are nodes side by side, leaves first."""

    secret: bytes
    holders: list[str]
    balances: Sequence[int]
    most: int
    first_part: Sequence[int]
    place: Sequence[int]
    levels: list[bytes]

    @property
    def leaves(self) -> int:
        """How many leaves there are, a power of two."""
        return len(self.levels[0]) // NODE

    @property
    def total(self) -> int:
        """What all leaves add up to, in minor units."""
        return int.from_bytes(self.levels[-1][:8])

    @property
    def root(self) -> bytes:
        """The hash over all leaves and their sums."""
        return self.levels[-1][8:]

    def proof(self, holder: str) -> list[Leaf]:
        """Where each part of a holder's balance is counted, in order of index. Raises KeyError when none is."""
        at = bisect_left(self.holders, holder)
        if at == len(self.holders) or self.holders[at] != holder:
            raise KeyError(holder)
        balance, found = self.balances[at], list[Leaf]()
        for number, (digest, part) in enumerate(_parts(self.secret, holder, balance, self.most), self.first_part[at]):
            index = self.place[number]
            path = [self._node(level, (index >> height) ^ 1) for height, level in enumerate(self.levels[:-1])]
            found.append((part_data(digest[:16], balance, part, holder), index, path))
        return sorted(found, key=lambda leaf: leaf[1])

    @staticmethod
    def _node(level: bytes, number: int) -> bytes:
        return level[number * NODE : (number + 1) * NODE]


def build(balances: Iterable[tuple[str, int]], secret: bytes) -> Tree:
    """The tree over the balances of holders, in minor units, under a secret of 32 bytes. Pure, whatever their order.

    Raises ValueError when a holder stands there twice, has no name that stands in a line without spaces,
    or less than nothing; OverflowError when the total is above `MOST_OWED`.
    """
    if len(secret) != 32:
        raise ValueError("a reserve's secret has 32 bytes")
    held = _sound(balances)
    most = largest_part([balance for _, balance in held])
    owners, first_part, records = array("I"), array("I"), list[bytes]()
    for number, (holder, balance) in enumerate(held):
        first_part.append(len(owners))
        for digest, part in _parts(secret, holder, balance, most):
            records.append(_RECORD.pack(digest[16:32], digest[:16], len(owners), part))
            owners.append(number)
    padding = hmac.digest(secret, b"\x01", "sha256")
    for number in range(len(owners), 1 << max(len(owners) - 1, 0).bit_length()):
        digest = sha512(_DIGEST(padding, number)).digest()
        records.append(_RECORD.pack(digest[16:32], digest[:16], number, 0))
    # Each begins with 16 bytes that nobody can tell from random ones: any order is as likely as any other.
    records.sort()
    place, leaves = array("I", bytes(4 * len(owners))), bytearray()
    for index, record in enumerate(records):
        _, salt, number, part = _RECORD.unpack(record)
        holder, balance = "", 0
        if number < len(owners):
            holder, balance = held[owners[number]]
            place[number] = index
        leaves += part.to_bytes(8) + sha256(b"\x00" + part_data(salt, balance, part, holder)).digest()
    names, amounts = [holder for holder, _ in held], array("Q", [balance for _, balance in held])
    return Tree(secret, names, amounts, most, first_part, place, _levels(bytes(leaves)))


def largest_part(balances: Sequence[int]) -> int:
    """The largest amount that a leaf may have, by all balances of a reserve.

    The first power of two that is neither below the mean, so that there are no more than four leaves a
    holder, nor below a 512th of the largest balance, so that nobody has more than `MOST_PARTS`.
    """
    if not balances:
        return 1
    least = max(1, -(-sum(balances) // len(balances)), -(-max(balances) // (MOST_PARTS // 2)))
    return 1 << (least - 1).bit_length()


def count_parts(balance: int, most: int) -> int:
    """How many parts a balance is cut into: as many as make half of `most` on the average, and two at least."""
    return max(1, min(balance, max(2, -(-2 * balance // most))))


def cut(balance: int, most: int, draws: Sequence[int]) -> list[int]:
    """A balance in as many parts as there are draws, none above `most`, and none of nothing but that of nothing.

    Each draw but the last, a random number far above 2^63, makes a part: any amount up to twice the mean
    of what is left, or as far from that mean as `most` is.
    """
    parts, left = list[int](), balance
    for more, draw in zip(range(len(draws), 1, -1), draws, strict=False):
        low = max(1, -(-2 * left // more) - most)
        high = min(most, 2 * left // more - 1)
        parts.append(low + draw % (high - low + 1))
        left -= parts[-1]
    return [*parts, left]


def part_data(salt: bytes, balance: int, part: int, holder: str) -> bytes:
    """The leaf data of a part of a holder's balance; of padding all but the salt is nothing."""
    name = holder.encode()
    return _TAG + _FIXED(salt, balance, part) + len(name).to_bytes(2) + name


def _sound(balances: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The balances in the order of their holders, each of which can be counted."""
    held = sorted(balances)
    before, total = "", 0
    for holder, balance in held:
        if holder == before or " " in holder or not holder.isprintable() or len(holder.encode()) >= 2**16:
            raise ValueError(f"{holder!r} can't be told from other holders")
        if balance < 0:
            raise ValueError(f"{holder} would owe {-balance}")
        before, total = holder, total + balance
    if total > MOST_OWED:
        raise OverflowError(f"the total {total} is above {MOST_OWED}")
    return held


def _parts(secret: bytes, holder: str, balance: int, most: int) -> Iterator[tuple[bytes, int]]:
    """Each part of a balance, behind 64 bytes that are random to who hasn't the secret.

    The first 16 are its salt, which the holder learns; the next 16 its rank in the shuffle, and the next
    16 what it was cut by, which he doesn't.
    """
    salt = hmac.digest(secret, b"\x00" + holder.encode(), "sha256")
    digests = [sha512(_DIGEST(salt, number)).digest() for number in range(count_parts(balance, most))]
    draws = [int.from_bytes(digest[32:48]) for digest in digests]
    return zip(digests, cut(balance, most, draws), strict=True)


def _levels(level: bytes) -> list[bytes]:
    """A tree's levels from its leaves upwards, each with half the nodes."""
    levels = [level]
    while len(level) > NODE:
        above = bytearray()
        for at in range(0, len(level), 2 * NODE):
            pair = level[at : at + 2 * NODE]
            total = int.from_bytes(pair[:8]) + int.from_bytes(pair[NODE : NODE + 8])
            above += total.to_bytes(8) + sha256(b"\x01" + pair).digest()
        level = bytes(above)
        levels.append(level)
    return levels


@dataclass(frozen=True)
class Reserve:
    """A tree, and the summary of it as it was signed and is published."""

    tree: Tree
    summary: str

    def bundle(self) -> str:
        """What the issuer keeps of it, as text. Secret: it tells every balance."""
        lines = [f"{holder} {minor}" for holder, minor in zip(self.tree.holders, self.tree.balances, strict=True)]
        secret, summary = b64encode(self.tree.secret).decode(), b64encode(self.summary.encode()).decode()
        return "\n".join([BUNDLE, f"secret {secret}", f"summary {summary}", *lines, ""])


async def snapshot(tx: Tx, book: int, asset: str) -> Snapshot:
    """What a book owes now in an asset; of a transaction that is a snapshot."""
    as_of, size = await tx.value(SQL["moment"]), await tree_size(tx)
    return Snapshot(as_of, size, [pair async for pair in owed(tx, book, asset)])


async def reserve(
    db: Database, signer: Signer, owner: Owner, asset: str, named: Callable[[Sequence[int]], Iterable[str]]
) -> Reserve:
    """Sign what an owner owes now in an asset; `named` tells accounts by the ids that their holders know.

    The secret is new each time: with the same one, who compares two reserves would see which parts changed.
    Raises Fault when nothing is owed, or more than can be written; and as signing a log does.
    """
    await catch_up(db)
    async with db.transaction(snapshot=True) as tx:
        seen = await snapshot(tx, owner.book, asset)
    if not seen.accounts:
        raise Fault(ReserveFault.NOTHING_OWED, asset=asset)
    note = await db.transact(lambda tx: sign(tx, signer, seen.log_size))
    log = Checkpoint.read(Lines(note.encode()), public_key(signer))
    names = named([number for number, _ in seen.accounts])
    balances = zip(names, (minor for _, minor in seen.accounts), strict=True)
    try:
        tree = build(balances, secrets.token_bytes(32))
    except OverflowError as error:
        raise Fault(ReserveFault.TOTAL_TOO_LARGE, asset=asset) from error
    totals = formats.Totals(
        owner.issuer, owner.mode, asset, seen.as_of, log.size, log.root, tree.total, tree.leaves, tree.root
    )
    key = signer.signing_key
    return Reserve(tree, formats.sign_summary(origin_of(key.public_key()), totals, key))


def reserve_of(made: Reserve, key: Key, holder: str) -> str:
    """The file that proves a holder's balance to be counted, checked before it is handed out.

    Raises Fault when the holder had no balance then, or when the key isn't the one that signed.
    """
    try:
        file = formats.reserve(made.tree.proof(holder), made.summary)
    except KeyError as error:
        raise Fault(ReserveFault.NOT_COUNTED, holder=holder) from error
    try:
        verify(file.encode(), key)
    except Unproven as unproven:
        raise broken("koudai-reserve", f"the proof made of it doesn't hold: {unproven}") from unproven
    return file


def read_bundle(text: str, key: Key) -> Reserve:
    """A reserve from what was kept of it, proven to be what the key signed.

    It hashes the whole tree anew. Raises Fault when it isn't.
    """
    head, secret, summary, *rest = [*text.split("\n"), "", "", ""]
    if head != BUNDLE or not text.endswith("\n"):
        raise broken(BUNDLE, "it is cut short, or is something else")
    held = [line.partition(" ") for line in rest if line]
    try:
        tree = build(
            ((holder, int(minor)) for holder, _, minor in held),
            b64decode(secret.removeprefix("secret "), validate=True),
        )
        signed = b64decode(summary.removeprefix("summary "), validate=True).decode()
        _, root = read_summary(Lines(signed.encode()), key)
    except (ValueError, OverflowError, Unproven) as error:
        raise broken(BUNDLE, str(error)) from error
    if tree.root != root:
        raise broken(BUNDLE, "the tree made of it isn't the one that was signed")
    return Reserve(tree, signed)

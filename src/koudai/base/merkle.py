"""Merkle trees after RFC 6962 (the same in RFC 9162): SHA-256, leaves and nodes hashed apart by a first byte. Pure.

A small tree is hashed whole from its leaves. Of a log of millions, a proof is planned first: a `Plan`
names the perfect subtrees whose hashes it needs, and once they are read, makes the proof of them.
Subtrees are kept as tiles after C2SP tlog-tiles; `in_tile` says where the hash of one is to be had.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""

TILE_HEIGHT = 8
"""Levels of the tree that a tile spans."""

TILE_WIDTH = 1 << TILE_HEIGHT
"""Hashes of a full tile."""


class Node(NamedTuple):
    """A perfect subtree: of level L and number N it covers the leaves from N·2^L up to (N+1)·2^L, exclusive."""

    level: int
    number: int


class Tiled(NamedTuple):
    """The hashes `start` up to `stop`, exclusive, of the tile `number` at the tile level `level`."""

    level: int
    number: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A proof that is yet to be made: of the subtrees `needed`, of which each hash of it folds the next few.

    `folds` says how many. The hash of a subtree that isn't perfect is folded from the perfect ones that
    it consists of, from left to right.
    """

    needed: tuple[Node, ...]
    folds: tuple[int, ...]

    def combine(self, hashes: Sequence[bytes]) -> list[bytes]:
        """The proof, from the hashes of the subtrees `needed` in their order."""
        if len(hashes) != len(self.needed):
            raise ValueError(f"{len(self.needed)} hashes are needed, not {len(hashes)}")
        proof, at = [], 0
        for count in self.folds:
            proof.append(fold(hashes[at : at + count]))
            at += count
        return proof


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node from its two children."""
    return sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of a tree over the hashes of its leaves."""
    level = leaf_hashes
    while len(level) > 1:
        level = _parents(level)
    return level[0] if level else EMPTY_ROOT


def fold(subtrees: Sequence[bytes]) -> bytes:
    """The hash over perfect subtrees that stand side by side, the larger ones first."""
    if not subtrees:
        return EMPTY_ROOT
    folded = subtrees[-1]
    for left in subtrees[-2::-1]:
        folded = node_hash(left, folded)
    return folded


def inclusion_path(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """The inclusion proof of a leaf, from its sibling upwards, of a tree that is held whole."""
    _within(index, len(leaf_hashes))
    path, level = [], leaf_hashes
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level = _parents(level)
        index >>= 1
    return path


def root_plan(size: int) -> Plan:
    """The root of a tree of so many leaves: `combine` answers it alone."""
    return _plan([(0, size)])


def inclusion_plan(index: int, size: int) -> Plan:
    """The inclusion proof of the leaf `index` in the tree of `size` leaves."""
    _within(index, size)
    siblings = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _left(end - first)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((first, middle))
            first = middle
    return _plan(reversed(siblings))


def consistency_plan(old: int, new: int) -> Plan:
    """The consistency proof between the trees of `old` and `new` leaves; empty where these are equal or `old` is 0."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves doesn't grow from one of {old}")
    if old in (0, new):
        return Plan((), ())
    ranges = []
    first, end = 0, new
    while old != end:
        middle = first + _left(end - first)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((first, middle))
            first = middle
    if first:
        ranges.append((first, end))
    return _plan(reversed(ranges))


def in_tile(node: Node) -> Tiled:
    """Where a subtree's hash is to be had: it is `root` of these hashes (of one only, that hash itself)."""
    level, below = divmod(node.level, TILE_HEIGHT)
    number, start = divmod(node.number << below, TILE_WIDTH)
    return Tiled(level, number, start, start + (1 << below))


def tile_width(level: int, number: int, size: int) -> int:
    """How many hashes a tile has in a tree of `size` leaves: 256 when it is full, 0 when it isn't there."""
    return min(TILE_WIDTH, max(0, (size >> TILE_HEIGHT * level) - TILE_WIDTH * number))


def _parents(level: Sequence[bytes]) -> list[bytes]:
    """The next level upwards; a last hash without a sibling goes up as it is."""
    hashes = iter(level)
    parents = [sha256(b"\x01" + left + right).digest() for left, right in zip(hashes, hashes, strict=False)]
    if len(level) & 1:
        parents.append(level[-1])
    return parents


def _plan(ranges: Iterable[tuple[int, int]]) -> Plan:
    """The plan of hashes over ranges of leaves, each a subtree of some tree."""
    needed: list[Node] = []
    folds = []
    for first, end in ranges:
        before = len(needed)
        at = first
        while at < end:
            level = (end - at).bit_length() - 1
            needed.append(Node(level, at >> level))
            at += 1 << level
        folds.append(len(needed) - before)
    return Plan(tuple(needed), tuple(folds))


def _left(size: int) -> int:
    """Leaves of the left subtree: the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _within(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")

"""Prove the seals again from the transfers, and the log from its leaves.

`proof_checks` are for the ledger's verification to run. What takes a tree's hashes is reckoned here:
`prove_seals` for a range of batches, `prove_log` for the whole log. Each answers what is wrong as
(row, detail). The hashes of entries and leaves are made by the database, from the description of the
format and not by the code that sealed them, so that the two prove each other.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from koudai.base import merkle
from koudai.ledger import Check
from koudai.pg import Statements, Tx
from koudai.proof.check import Checkpoint, Key, Lines, Unproven
from koudai.proof.tree import SQL as LOG, Signer, hashes_of, public_key, tree_size

SQL = Statements(Path(__file__).with_name("verify.sql"))

Found = list[tuple[str, str]]
"""Rows that are wrong, and what is wrong with each."""

_PIECE = 50_000
_CHUNK = merkle.TILE_WIDTH**2


async def prove_seals(tx: Tx, first_batch: int, last_batch: int) -> Found:
    """The batches of a range that aren't what they were sealed as, or have no seal though they should.

    A batch is exempt only if it has no seal and was booked before the log began (`proof.genesis`): its
    number is not above that of the newest batch at that moment.
    """
    genesis = int(await tx.value(LOG["genesis"]))
    wrong: Found = []
    for row, detail in await tx.rows(SQL["sealed_nothing"], first_batch, last_batch):
        wrong.append((row, detail))
    while (end := await tx.value(SQL["piece"], first_batch, last_batch, _PIECE)) is not None:
        for batch_id, entries, hashes, sealed, root in await tx.rows(SQL["entry_hashes"], first_batch, end):
            if root is None:
                if batch_id > genesis:
                    wrong.append((f"ledger.seals {batch_id}", "it is not there, and the batch holds transfers"))
            elif (entries, merkle.root(hashes_of(hashes))) != (sealed, root):
                told = f"it was sealed with {sealed} entries under another root than that of the {entries} there are"
                wrong.append((f"ledger.seals {batch_id}", told))
        first_batch = end + 1
    return wrong


async def prove_log(tx: Tx, signer: Signer) -> Found:
    """The leaves that are missing, and the tiles and checkpoints that aren't those of the leaves.

    To be asked in a snapshot, since it reads the whole log piece by piece.
    """
    gap = await tx.value(SQL["gap"])
    if gap is not None:
        # What follows stands in other places than it was signed in: there is no more to prove.
        return [(f"proof.leaves {gap}", "it is not there, and later ones are")]
    size = await tree_size(tx)
    upper, beyond = await tx.together((SQL["upper_tiles"],), (SQL["beyond"], size))
    tiles = {(level, number): (root, hashes) for level, number, root, hashes in upper}
    log = _Log(tiles, public_key(signer))
    log.wrong += [(row, detail) for row, detail in beyond]
    for start in range(0, size + 1, _CHUNK):
        stop = min(start + _CHUNK, size)
        leaves, lowest, signed = await tx.together(
            (SQL["leaves"], start, stop),
            (SQL["tiles"], 0, start // merkle.TILE_WIDTH, stop // merkle.TILE_WIDTH),
            (SQL["checkpoints"], start - (start == 0), stop),
        )
        tiles.update(((0, number), (root, hashes)) for number, root, hashes in lowest)
        log.expect(signed)
        for (data,) in leaves:
            for leaf in hashes_of(data):
                log.add(leaf)
    return [*log.wrong, *((f"proof.tiles {level}/{n}", "the log has no such leaves") for level, n in sorted(tiles))]


class _Log:
    """The log, grown again leaf by leaf; `wrong` is what was kept of it and isn't so."""

    def __init__(self, tiles: dict[tuple[int, int], tuple[bytes, bytes]], key: Key) -> None:
        self.size = 0
        self.wrong: Found = []
        self._tiles = tiles
        self._key = key
        self._peaks: list[bytes] = []
        self._rows: list[list[bytes]] = [[]]
        self._signed: list[Sequence[Any]] = []

    def expect(self, signed: Sequence[Sequence[Any]]) -> None:
        """Take in the checkpoints of the next sizes."""
        self._signed = list(reversed(signed))
        self._compare()

    def add(self, leaf: bytes) -> None:
        """Add the next leaf; compare the tiles that it fills and the checkpoints of the new size."""
        self._rows[0].append(leaf)
        node, level, number = leaf, 0, self.size
        while number & 1:
            node = merkle.node_hash(self._peaks.pop(), node)
            level, number = level + 1, number >> 1
            if level % merkle.TILE_HEIGHT == 0:
                self._fill(level // merkle.TILE_HEIGHT - 1, number, node)
        self._peaks.append(node)
        self.size += 1
        if self._signed:
            self._compare()

    def _fill(self, level: int, number: int, root: bytes) -> None:
        hashes = b"".join(self._rows[level])
        self._rows[level] = []
        if level + 1 == len(self._rows):
            self._rows.append([])
        self._rows[level + 1].append(root)
        kept = self._tiles.pop((level, number), None)
        if kept != (root, hashes):
            told = "it is not there" if kept is None else "it is not what the level below makes of it"
            self.wrong.append((f"proof.tiles {level}/{number}", told))

    def _compare(self) -> None:
        while self._signed and self._signed[-1][0] == self.size:
            _, kept, note = self._signed.pop()
            root = merkle.fold(self._peaks)
            told = ""
            if kept != root:
                told = "its root is not that of the leaves"
            else:
                try:
                    said = Checkpoint.read(Lines(note.encode()), self._key)
                    told = "" if (said.size, said.root) == (self.size, root) else "its note says something else"
                except Unproven as unproven:
                    told = f"its note doesn't hold: {unproven}"
            if told:
                self.wrong.append((f"proof.checkpoints {self.size}", told))


def proof_checks(signer: Signer) -> tuple[Check, ...]:
    """What must hold of seals and of the log that a signer's checkpoints tell of."""

    async def log(tx: Tx) -> Found:
        return await prove_log(tx, signer)

    return (
        Check("proof.seal_leaf", SQL["seal_leaf"]),
        Check("proof.leaf_hash", SQL["leaf_hash"]),
        Check("proof.leaf_seal", SQL["leaf_seal"], ranged=False),
        Check("proof.seal_root", prove_seals),
        Check("proof.log", log, ranged=False),
    )

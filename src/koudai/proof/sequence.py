"""Sequence: give each sealed batch its leaf in the log.

Posting takes no lock of the log. A batch puts itself in line (`ledger.unsequenced`) in the transaction
that books it, and later, one sequencer at a time takes out of the line whatever it can see, and gives it
the next indices, in one transaction of its own. So:

- **Nothing that was committed is left out.** A batch is in line from its commit on, in line or in the log
  ever after, and never in both: what takes it out gives it its leaf, in the same commit. If the sequencer
  dies before that, all of it is in line as before.
- **The order is that of being found**, and no claim on any other. Numbers of batches aren't the order of
  commits: batch 7 may commit after batch 9 has its leaf. A sequencer that went by numbers, "all after the
  last one", would never look at 7 again; this one finds it in line next time. Among those that are found
  at once, the smaller number goes first.
- **Indices have no gap**, since they are counted from the newest leaf under the lock, and not drawn from a
  sequence, which loses what a transaction that fails has drawn.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from koudai.base import merkle, rounds
from koudai.ledger import take_unsequenced
from koudai.ledger.leaves import batch_data
from koudai.pg import Database, Tx, byteas, columns, int4s, int8s
from koudai.proof.tree import SQL, Signer, below, broken, hashes_of, sign, tree_size

PIECE = 10_000
"""Leaves that one transaction of a sequencer adds at most, unless it is told otherwise."""

EVERY_S = 1.0
"""How often a server sequences what was booked."""

SIGN_EVERY_S = 60.0
"""How often a server signs the log, where it grew; on demand it is signed at any time."""


class Tile(NamedTuple):
    """A tile that has become full."""

    level: int
    number: int
    root: bytes
    hashes: bytes


_TILE = (int4s, int8s, byteas, byteas)


async def sequence(tx: Tx, limit: int = PIECE, *, wait: bool = False) -> int:
    """Give up to `limit` sealed batches their leaves; how many got one.

    0 when none is in line, or when another transaction is at it: with `wait` this one waits for that one
    to end, and then takes what is left. The transaction must not be a snapshot.
    """
    # A statement of its own: what the next ones see is then not older than what the last sequencer did.
    if wait:
        await tx.rows(SQL["lock"])
    elif not await tx.value(SQL["try_lock"]):
        return 0
    (size,) = tx.defer((SQL["size"],))
    batches = await take_unsequenced(tx, limit)
    if not batches:
        return 0
    assert size.rows is not None
    first = size.rows[0][0]
    hashes = [merkle.leaf_hash(batch_data(*batch)) for batch in batches]
    filled = await _fill(tx, first, hashes)
    ids = int8s([batch[0] for batch in batches])
    await tx.rows(SQL["append"], first, ids, byteas(hashes), *columns(_TILE, filled))
    return len(batches)


async def checkpoint(tx: Tx, signer: Signer) -> str:
    """A signed checkpoint of the log as it is, kept if its size is new; to be handed on after the commit."""
    return await sign(tx, signer, await tree_size(tx))


async def catch_up(db: Database, piece: int = PIECE) -> int:
    """Sequence whatever is in line, a transaction for each piece; how many batches got their leaves."""
    done = 0
    while True:
        got = await db.transact(lambda tx: sequence(tx, piece))
        done += got
        if got < piece:
            return done


async def run_sequencer(db: Database, signer: Signer, on_failure: Callable[[Exception], None]) -> None:
    """Sequence about once a second, and sign about once a minute, until it is cancelled.

    A failure is told once until it is over, and tried again: nothing is lost meanwhile, it stands in line.
    """
    unsigned, done = True, 0

    async def work() -> None:
        nonlocal unsigned, done
        # In pieces that are soon done, since they share the machine with postings.
        unsigned |= await catch_up(db, PIECE // 10) > 0
        done += 1
        if unsigned and done * EVERY_S >= SIGN_EVERY_S:
            await db.transact(lambda tx: checkpoint(tx, signer))
            unsigned, done = False, 0

    await rounds(EVERY_S, work, on_failure)


async def _fill(tx: Tx, first: int, hashes: Sequence[bytes]) -> list[Tile]:
    """The tiles, from the lowest level upwards, that become full when these hashes follow `first` others."""
    filled: list[Tile] = []
    level = 0
    while first % merkle.TILE_WIDTH + len(hashes) >= merkle.TILE_WIDTH:
        number, there = divmod(first, merkle.TILE_WIDTH)
        row = list(hashes)
        if there:
            rows = await tx.rows(*below(level, first - there, first))
            before = hashes_of(b"".join([row[0] for row in rows]))
            if len(before) != there:
                raise broken(f"proof.tiles {level}/{number}", f"{there} hashes come before, {len(before)} are there")
            row = before + row
        roots = []
        for at in range(0, len(row) - merkle.TILE_WIDTH + 1, merkle.TILE_WIDTH):
            full = row[at : at + merkle.TILE_WIDTH]
            roots.append(merkle.root(full))
            filled.append(Tile(level, number + len(roots) - 1, roots[-1], b"".join(full)))
        level, first, hashes = level + 1, number, roots
    return filled

"""Receipts of entries, and proofs that the log has only grown, made from the rows and signed.

Nothing is handed out on trust in what is stored: the seal is reckoned again from the transfers, the leaf
from the seal, and the finished file is put through the offline checker.
"""

from typing import NoReturn

from koudai.base import Fault, merkle
from koudai.ledger import Place, SealedBatch, legs_of_batch
from koudai.ledger.leaves import batch_data, entry_data, entry_hashes, entry_salt
from koudai.pg import Tx
from koudai.proof import formats
from koudai.proof.check import Unproven, verify
from koudai.proof.sequence import sequence
from koudai.proof.tree import SQL, LogFault, Signer, broken, combine, public_key, sign, tree_size


async def receipt(tx: Tx, signer: Signer, book: int, place: Place) -> str:
    """The file that proves the entry at a place of a book; to be handed on after the commit.

    It can be had as soon as the entry is committed: a batch that is still in line is sequenced first.
    Any of an entry's legs names it. Raises Fault when no value was moved there, or when it was before
    batches were sealed; and `proof.broken`, naming the row, when what is stored isn't what was sealed.
    """
    batch = await legs_of_batch(tx, place.batch_id)
    entry = next((leg[7] for leg in batch.legs if leg[0] == place.ordinal), None) if batch else None
    if batch is None or batch.book != book or entry is None:
        raise Fault(LogFault.NO_ENTRY, entry=f"{place.batch_id}/{place.ordinal}")
    if batch.seal is None:
        await _unsealed(tx, batch)
    hashes = _proven_hashes(batch)
    data = batch_data(batch.id, batch.book, batch.recorded_at, batch.seal.entries, batch.seal.root)
    index = await _leaf_of(tx, batch.id, data)
    size = await tree_size(tx)
    path = await combine(tx, merkle.inclusion_plan(index, size), size)
    note = await sign(tx, signer, size)
    at = sorted({leg[7] for leg in batch.legs}).index(entry)
    legs = [leg for leg in batch.legs if leg[7] == entry]
    told = entry_data(entry_salt(batch.seal.salt, entry), batch.id, entry, legs)
    file = formats.receipt(told, at, merkle.inclusion_path(at, hashes), data, index, path, note)
    return _checked(file, signer)


async def consistency(tx: Tx, signer: Signer, old: int, new: int) -> str:
    """The file that proves the log of `new` leaves to have grown from that of `old`; to be handed on after the commit.

    Sizes that were never signed are signed now. Raises Fault when the log has no such sizes.
    """
    size = await tree_size(tx)
    if not 0 <= old <= new <= size:
        raise Fault(LogFault.NO_SUCH_SIZE, old=old, new=new, size=size)
    notes = [await sign(tx, signer, one) for one in sorted({old, new})]
    path = await combine(tx, merkle.consistency_plan(old, new), new)
    return _checked(formats.consistency(notes[0], notes[-1], path), signer)


def _proven_hashes(batch: SealedBatch) -> list[bytes]:
    """The leaf hashes of a batch's entries, proven to have the root that was sealed."""
    assert batch.seal is not None
    try:
        hashes = entry_hashes(batch.seal.salt, batch.id, batch.legs)
    except (AssertionError, ValueError, OverflowError) as error:
        raise broken(f"ledger.transfers {batch.id}", f"its entries can't be told: {error}") from error
    if (len(hashes), merkle.root(hashes)) != (batch.seal.entries, batch.seal.root):
        raise broken(f"ledger.seals {batch.id}", f"the root over its {len(hashes)} entries is another")
    return hashes


async def _leaf_of(tx: Tx, batch_id: int, data: bytes) -> int:
    """The index of a batch's leaf, which it is given if it has none, proven to be the leaf of that data."""
    leaf = await tx.row(SQL["leaf_of_batch"], batch_id)
    while leaf is None:
        got = await sequence(tx, wait=True)
        leaf = await tx.row(SQL["leaf_of_batch"], batch_id)
        if leaf is None and not got:
            raise broken(f"ledger.seals {batch_id}", "it has no leaf, and isn't in line for one")
    index, found = leaf
    if found != merkle.leaf_hash(data):
        raise broken(f"proof.leaves {index}", f"it isn't the leaf of batch {batch_id}")
    return int(index)


async def _unsealed(tx: Tx, batch: SealedBatch) -> NoReturn:
    if batch.id > await tx.value(SQL["genesis"]):
        raise broken(f"ledger.seals {batch.id}", "it isn't there")
    raise Fault(LogFault.NOT_SEALED, batch=batch.id)


def _checked(file: str, signer: Signer) -> str:
    """The file, which holds: what is stored of the log is not only there but right."""
    try:
        verify(file.encode(), public_key(signer))
    except Unproven as unproven:
        raise broken("proof.leaves", f"the proof made of it doesn't hold: {unproven}") from unproven
    return file

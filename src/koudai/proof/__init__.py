"""Proofs for strangers: receipts of entries and the growth of the log, signed by the issuer, checked without koudai.

Every sealed batch gets a leaf in one Merkle tree, some time after it was booked: `sequence` tells in what
order, and why none is left out. `receipt` and `consistency` make the files, `formats` writes and signs
them, and `check` proves them: one file that imports nothing of koudai, so that it can be handed on alone.
docs/reference/proofs.md describes every byte.
"""

from pathlib import Path

from koudai.pg import Room
from koudai.proof.check import Key, ProofFault, Proven, Unproven, verify
from koudai.proof.prove import proof_checks, prove_log, prove_seals
from koudai.proof.receipt import consistency, receipt
from koudai.proof.reserve import Owner, Reserve, ReserveFault, read_bundle, reserve, reserve_of
from koudai.proof.sequence import catch_up, checkpoint, run_sequencer, sequence
from koudai.proof.tree import LogFault, Signer, public_key, tree_size

ROOM = Room("proof", Path(__file__).parent)

__all__ = [
    "ROOM",
    "Key",
    "LogFault",
    "Owner",
    "ProofFault",
    "Proven",
    "Reserve",
    "ReserveFault",
    "Signer",
    "Unproven",
    "catch_up",
    "checkpoint",
    "consistency",
    "proof_checks",
    "prove_log",
    "prove_seals",
    "public_key",
    "read_bundle",
    "receipt",
    "reserve",
    "reserve_of",
    "run_sequencer",
    "sequence",
    "tree_size",
    "verify",
]

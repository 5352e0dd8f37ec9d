"""Proofs for strangers: receipts of entries and the growth of the log, signed by the issuer, checked without koudai.

`formats` writes and signs the files; `check` proves them. `check` is one file that imports nothing of
koudai, so that it can be handed on alone. docs/reference/proofs.md describes every byte.
"""

from koudai.proof.check import Key, ProofFault, Proven, Unproven, verify
from koudai.proof.formats import consistency, receipt, sign_checkpoint, verifier_key

__all__ = [
    "Key",
    "ProofFault",
    "Proven",
    "Unproven",
    "consistency",
    "receipt",
    "sign_checkpoint",
    "verifier_key",
    "verify",
]

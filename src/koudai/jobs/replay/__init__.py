"""Replay a real retailer's year through the engine: every invoice a card payment, every cancellation a refund.

`dataset` reads the file, `plan` turns invoices into commands on cards, `replay` runs them by the same
verbs as every door and adds up what the ledger says. All commands carry keys made of the invoice's
number, so a replay that was stopped anywhere is finished by starting it again.
"""

from koudai.jobs.replay.dataset import Dataset, Invoice, read, sample_path
from koudai.jobs.replay.replay import ReplayFault, Result, issuer_name, replay

__all__ = ["Dataset", "Invoice", "ReplayFault", "Result", "issuer_name", "read", "replay", "sample_path"]

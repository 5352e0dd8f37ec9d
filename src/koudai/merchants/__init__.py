"""Who is paid: merchants, each with a payable account in the ledger.

Today only what a redemption needs; contracts, catalogues and onboarding will stand here.
"""

from pathlib import Path

from koudai.merchants.model import Merchant
from koudai.merchants.register import Register, register
from koudai.merchants.store import as_merchants, find, find_statement, known_merchants, page
from koudai.pg import Room

ROOM = Room("merchants", Path(__file__).parent)

__all__ = [
    "ROOM",
    "Merchant",
    "Register",
    "as_merchants",
    "find",
    "find_statement",
    "known_merchants",
    "page",
    "register",
]

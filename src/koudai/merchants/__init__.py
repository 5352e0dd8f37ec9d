"""Who is paid: merchants, each with a payable account in the ledger.

What a merchant is for, whose it is and where it is paid is said when it is registered: programmes and the law
ask for that. Contracts, catalogues and onboarding will stand here.
"""

from pathlib import Path

from koudai.merchants.model import Channel, Merchant, MerchantRefusal, Relation, Scenario
from koudai.merchants.register import Register, register
from koudai.merchants.store import as_merchants, find, find_statement, known_merchants, page
from koudai.pg import Room

ROOM = Room("merchants", Path(__file__).parent)

__all__ = [
    "ROOM",
    "Channel",
    "Merchant",
    "MerchantRefusal",
    "Register",
    "Relation",
    "Scenario",
    "as_merchants",
    "find",
    "find_statement",
    "known_merchants",
    "page",
    "register",
]

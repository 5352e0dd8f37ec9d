"""Who is who: issuers with their test and live side, API keys with scopes, and the installation's keyring."""

from pathlib import Path

from koudai.identity.clock import advance_clock, read_clock
from koudai.identity.keyring import Keyring, load_keyring
from koudai.identity.keys import (
    Principal,
    authenticate,
    create_key,
    find_issuer,
    good_keys,
    hold_keys,
    list_issuers,
    list_keys,
    revoke_key,
    rotate_key,
)
from koudai.identity.model import ApiKey, IdentityFault, Issuer, Mode, NewKey, Scope
from koudai.pg import Room

ROOM = Room("identity", Path(__file__).parent)

__all__ = [
    "ROOM",
    "ApiKey",
    "IdentityFault",
    "Issuer",
    "Keyring",
    "Mode",
    "NewKey",
    "Principal",
    "Scope",
    "advance_clock",
    "authenticate",
    "create_key",
    "find_issuer",
    "good_keys",
    "hold_keys",
    "list_issuers",
    "list_keys",
    "load_keyring",
    "read_clock",
    "revoke_key",
    "rotate_key",
]

"""Who is who: issuers with their test and live side, API keys with scopes, and the installation's keyring and vault."""

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
    mode_of_book,
    revoke_key,
    rotate_key,
)
from koudai.identity.model import ApiKey, IdentityFault, Issuer, Mode, NewKey, Scope
from koudai.identity.vault import Suite, Vault, key_of, suite_of
from koudai.identity.vault_keys import (
    VaultKeyRow,
    add_vault_key,
    current_vault_key,
    drop_vault_keys,
    list_vault_keys,
    old_vault_keys,
    retire_vault_key,
    retired_vault_keys,
    use_vault_key,
    vault_key_to_change,
)
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
    "Suite",
    "Vault",
    "VaultKeyRow",
    "add_vault_key",
    "advance_clock",
    "authenticate",
    "create_key",
    "current_vault_key",
    "drop_vault_keys",
    "find_issuer",
    "good_keys",
    "hold_keys",
    "key_of",
    "list_issuers",
    "list_keys",
    "list_vault_keys",
    "load_keyring",
    "mode_of_book",
    "old_vault_keys",
    "read_clock",
    "retire_vault_key",
    "retired_vault_keys",
    "revoke_key",
    "rotate_key",
    "suite_of",
    "use_vault_key",
    "vault_key_to_change",
]

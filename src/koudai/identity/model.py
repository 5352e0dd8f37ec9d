"""Issuers, API keys and what they may do."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class IdentityFault(StrEnum):
    """Why a caller, a keyring or a time is not accepted."""

    KEYS_MISSING = "identity.keys_missing"
    KEYS_WRONG = "identity.keys_wrong"
    KEYS_EXPOSED = "identity.keys_exposed"
    KEYS_UNREADABLE = "identity.keys_unreadable"
    SUITE_UNKNOWN = "identity.suite_unknown"
    VAULT_KEY_MISSING = "identity.vault_key_missing"
    VAULT_KEY_IN_USE = "identity.vault_key_in_use"
    KEY_UNKNOWN = "identity.key_unknown"
    LIVE_CLOCK = "identity.live_clock"
    CLOCK_OUT_OF_RANGE = "identity.clock_out_of_range"


class Mode(StrEnum):
    """Test is for trying out, live is for money; nothing passes between them."""

    TEST = "test"
    LIVE = "live"


class Scope(StrEnum):
    """What an API key may do."""

    PROGRAMMES_READ = "programmes:read"
    PROGRAMMES_WRITE = "programmes:write"
    MERCHANTS_READ = "merchants:read"
    MERCHANTS_WRITE = "merchants:write"
    CARDS_READ = "cards:read"
    CARDS_ISSUE = "cards:issue"
    CARDS_ACTIVATE = "cards:activate"
    CARDS_LOAD = "cards:load"
    CARDS_REDEEM = "cards:redeem"
    CARDS_REFUND = "cards:refund"
    CARDS_BLOCK = "cards:block"
    CARDS_RESTRICT = "cards:restrict"
    CARDS_TRANSFER = "cards:transfer"
    CARDS_ADJUST = "cards:adjust"
    CARDS_EXPIRE = "cards:expire"
    CARDS_PIN = "cards:pin"
    CARDS_PIN_RESET = "cards:pin_reset"
    CARDS_PAY_CODE = "cards:pay_code"
    CARDS_STOCK = "cards:stock"
    CARDS_PRINT = "cards:print"
    CARDS_SELL = "cards:sell"
    CARDS_CLOSE = "cards:close"
    NOTICES_TAKE = "notices:take"
    HOLDERS_READ = "holders:read"
    HOLDERS_WRITE = "holders:write"
    HOLDERS_REVEAL = "holders:reveal"
    PRIVACY = "privacy"
    CLOCK_ADVANCE = "clock:advance"


@dataclass(frozen=True, slots=True)
class Issuer:
    """One side (test or live) of an issuer; `id` is its book in the ledger."""

    id: int
    name: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it may be listed: everything but its secret."""

    id: str
    issuer: str
    mode: Mode
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: `token` is what its owner presents, told this once and not kept."""

    id: str
    token: str = field(repr=False)
    mode: Mode
    scopes: tuple[Scope, ...]

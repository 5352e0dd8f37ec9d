"""Merchants: who they are to the issuer and to its programmes, and why one isn't taken on."""

from datetime import datetime
from enum import StrEnum

import msgspec


class MerchantRefusal(StrEnum):
    """Why a merchant isn't taken on."""

    REF_TAKEN = "merchants.ref_taken"


class Scenario(StrEnum):
    """The eight classes of what cards pay for (P3), as programmes' documents know them."""

    ECOMMERCE = "ecommerce"
    OFFLINE_RETAIL = "offline_retail"
    LOCAL_SERVICES = "local_services"
    DINING = "dining"
    GROCERIES = "groceries"
    TRAVEL = "travel"
    ENTERTAINMENT = "entertainment"
    HEALTH_BEAUTY = "health_beauty"


class Relation(StrEnum):
    """Whose a merchant is, seen from the issuer: the law's words, as policy asks for them."""

    OWN = "own"
    GROUP = "group"
    BRAND = "brand"
    OTHER = "other"


class Channel(StrEnum):
    """Where a merchant is paid: over its counter, over a network, or in a web shop of the issuer's own network."""

    STREET = "street"
    ONLINE = "online"
    OWN_WEB_SHOP = "own_web_shop"


class Merchant(msgspec.Struct, frozen=True):
    """A merchant: `account_id` is its payable account, which what its customers pay is credited to.

    `ref` is the name by which programmes' documents list it; without one it is on no list. What it is for, whose
    it is, whether it has a contract with the issuer and where it is paid stay as they were registered.
    """

    id: int
    account_id: int
    asset: str
    name: str
    created_at: datetime
    ref: str | None = None
    scenario: Scenario = Scenario.OFFLINE_RETAIL
    relation: Relation = Relation.OTHER
    contracted: bool = False
    channel: Channel = Channel.STREET

    @property
    def online(self) -> bool:
        """Whether it is paid over a network."""
        return self.channel is not Channel.STREET

    @property
    def own_web_shop(self) -> bool:
        """Whether it is the web shop of a merchant of the issuer's own network."""
        return self.channel is Channel.OWN_WEB_SHOP

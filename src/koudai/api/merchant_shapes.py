"""The JSON of merchants: what is taken and what is answered."""

from datetime import datetime

import msgspec

from koudai.api.scalars import Body, Currency, Name, Ref
from koudai.api.shapes import Amount
from koudai.identity import Mode
from koudai.merchants import Channel, Relation, Scenario


class NewMerchant(Body, frozen=True, kw_only=True):
    """A merchant, the currency that it is paid in, and what it is to programmes and to the law.

    All of it stays as it is said here. `ref` is the name by which programmes' documents list it, `scenario` what it
    is for, `relation` whose it is, and `contracted` whether it has a contract with the issuer.
    """

    name: Name
    currency: Currency
    ref: Ref | None = None
    scenario: Scenario = Scenario.OFFLINE_RETAIL
    relation: Relation = Relation.OTHER
    contracted: bool = False
    channel: Channel = Channel.STREET


class Merchant(msgspec.Struct, frozen=True):
    """A merchant; `balance` is what its customers paid less what went back."""

    id: str
    name: str
    ref: str | None
    scenario: Scenario
    relation: Relation
    contracted: bool
    channel: Channel
    balance: Amount
    created_at: datetime
    mode: Mode


class MerchantPage(msgspec.Struct, frozen=True):
    """A page of merchants; `next_cursor` is null on the last one."""

    data: list[Merchant]
    next_cursor: str | None

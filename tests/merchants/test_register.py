"""What is said of a merchant when it is registered, and stays so."""

import asyncio
import re
from pathlib import Path

import pytest

from koudai import merchants, programmes
from koudai.base import Refused, asset
from koudai.merchants import Channel, Merchant, MerchantRefusal, Register, Relation, Scenario
from koudai.policy.words import MERCHANTS

pytestmark = pytest.mark.anyio
CNY = asset("CNY")


async def register(db, *wishes, book=1):
    return await db.transact(lambda tx: merchants.register(tx, book, wishes))


def test_documents_the_law_and_the_database_know_the_same_words():
    assert [str(one) for one in Scenario] == [str(one) for one in programmes.Scenario]
    assert [str(one) for one in Relation] == list(MERCHANTS)
    schema = (Path(merchants.__file__).parent / "schema" / "0002_facets.sql").read_text(encoding="utf-8")
    for column, words in {"scenario": Scenario, "relation": Relation, "channel": Channel}.items():
        (listed,) = re.findall(rf"{column} IN \(([^)]*)\)", schema)
        assert re.findall(r"'([^']+)'", listed) == [str(one) for one in words]


async def test_what_is_said_of_a_merchant_is_read_again(db):
    wish = Register(
        "k", "Tea house 茶馆", CNY, "茶馆-1", Scenario.DINING, Relation.BRAND, contracted=True, channel=Channel.ONLINE
    )
    (made,) = await register(db, wish)
    assert (made.ref, made.scenario, made.relation, made.contracted, made.channel) == (
        "茶馆-1", Scenario.DINING, Relation.BRAND, True, Channel.ONLINE,
    )  # fmt: skip
    async with db.transaction() as tx:
        assert await merchants.find(tx, 1, [made.id]) == {made.id: made}
        assert await merchants.page(tx, 1, 0, 10) == [made]
    assert await register(db, wish) == [made]


async def test_who_says_nothing_is_a_shop_in_the_street_without_contract(db):
    (made,) = await register(db, Register("k", "Tea", CNY))
    assert (made.ref, made.scenario, made.relation, made.contracted, made.channel) == (
        None, "offline_retail", "other", False, "street",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "online", "own_web_shop"),
    [("street", False, False), ("online", True, False), ("own_web_shop", True, True)],
)
async def test_where_it_is_paid_tells_what_the_law_asks(db, channel, online, own_web_shop):
    (made,) = await register(db, Register("k", "Tea", CNY, channel=Channel(channel)))
    assert (made.online, made.own_web_shop) == (online, own_web_shop)


async def test_a_ref_is_one_merchants_of_a_book(db):
    one, other, again, unnamed, unnamed_too = await register(
        db, Register("1", "One", CNY, "tea"), Register("2", "Two", CNY, "tea"), Register("2", "Two", CNY, "tea"),
        Register("3", "Three", CNY), Register("4", "Four", CNY),
    )  # fmt: skip
    assert isinstance(one, Merchant)
    assert other == again == Refused(MerchantRefusal.REF_TAKEN, {"ref": "tea"})
    assert isinstance(unnamed, Merchant)
    assert isinstance(unnamed_too, Merchant)
    (abroad,) = await register(db, Register("1", "One", CNY, "tea"), book=2)
    assert isinstance(abroad, Merchant)
    (key,) = await register(db, Register("1", "One", CNY, "coffee"))
    assert key == Refused("ledger.key_reused", {"field": "ref"})


async def test_of_two_who_take_a_ref_at_once_one_gets_it(db):
    outcomes = await asyncio.gather(*(register(db, Register(f"k{n}", "Tea", CNY, "tea")) for n in range(6)))
    made = [one for (one,) in outcomes if isinstance(one, Merchant)]
    assert len(made) == 1
    assert all(one == Refused(MerchantRefusal.REF_TAKEN, {"ref": "tea"}) for (one,) in outcomes if one not in made)


async def test_a_key_of_before_has_the_answer_of_then(db):
    """A merchant that was registered before anything was said of it: the request is the same."""
    (made,) = await register(db, Register("k", "Tea", CNY))
    async with db.transaction() as tx:
        request = await tx.value("SELECT request FROM ledger.idempotency WHERE key = 'k'")
    assert request == '{"verb":"register_merchant","name":"Tea","currency":"CNY"}'
    assert await register(db, Register("k", "Tea", CNY)) == [made]

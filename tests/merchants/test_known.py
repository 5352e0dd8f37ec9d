"""Merchants that were read stay known to a pool, in bounds."""

import sys

import pytest

from koudai import merchants
from koudai.base import asset

store = sys.modules["koudai.merchants.store"]

pytestmark = pytest.mark.anyio


async def test_who_has_too_many_begins_anew_and_takes_none_from_others(db, monkeypatch):
    cny = asset("CNY")
    wishes = [merchants.Register(name, name, cny) for name in ("one", "two")]
    made = await db.transact(lambda tx: merchants.register(tx, 1, wishes))
    async with db.transaction() as tx:
        mine = merchants.known_merchants(tx, 1)
        mine |= await merchants.find(tx, 1, [one.id for one in made])
        assert merchants.known_merchants(tx, 1) is mine, "the next batch finds them"
        assert merchants.known_merchants(tx, 2) == {}, "another issuer doesn't"
        monkeypatch.setattr(store, "_KEPT", 1)
        assert merchants.known_merchants(tx, 1) == {}
        assert set(mine) == {one.id for one in made}, "a batch that is under way still has them"

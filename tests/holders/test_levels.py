"""How well a holder is known: it follows from what was stated and matched, and nobody states it."""

import pytest

from koudai.holders import Level

pytestmark = pytest.mark.anyio


async def test_first(desk):
    one = await desk.do(desk.whole_person())
    assert one.level is Level.REGISTERED
    assert (await desk.masked(one))["name"] == "王*明"
    v = await desk.ascertain(one)
    assert v.level is Level.VERIFIED
    await desk.verify()

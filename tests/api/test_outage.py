"""The database stops in the middle: 503 at once or soon, and afterwards the same key books once."""

import asyncio
import os
import shutil
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from koudai.instance import open_instance
from koudai.pg import Embedded

pytestmark = pytest.mark.anyio


@pytest.fixture
def path():
    made = Path(tempfile.mkdtemp(prefix="kd-out-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


async def test_an_embedded_server_that_was_killed_is_started_again(opened, path) -> None:
    async with open_instance({"KOUDAI_HOME": str(path / "home")}) as instance, opened(instance) as api:
        merchant = await api.merchant()
        card = await api.loaded(await api.programme(), 100)
        os.kill(instance.target.embedded.pid, signal.SIGKILL)
        order = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 10, "currency": "CNY"}
        answer = await _served(lambda: api.act("REDEEM", key="one", **order))
        assert answer.status_code == 201, answer.text
        shown = await _served(lambda: api.get(f"/v1/gift_cards/{card}"))
        assert shown.status_code == 200, shown.text
        assert shown.json()["balance"]["amount_minor"] == 90


async def _served(ask):
    """The first answer that doesn't say to come again; one takes a while when the database is down."""
    give_up = perf_counter() + 60
    while (answer := await ask()).status_code == 503 and perf_counter() < give_up:
        pass
    return answer


async def test_a_server_of_others_is_killed_and_comes_back(opened, path) -> None:
    async with open_instance({"KOUDAI_HOME": str(path / "home")}) as own:
        # As if it were a server that the environment named: nobody here starts it again.
        instance = replace(own, target=replace(own.target, embedded=None))
        async with opened(instance) as api:
            merchant = await api.merchant()
            card = await api.loaded(await api.programme(), 1_000)
            order = {"gift_card_id": card, "merchant_id": merchant, "amount_minor": 10, "currency": "CNY"}
            assert (await api.act("REDEEM", key="before", **order)).status_code == 201

            running = asyncio.gather(*(api.act("REDEEM", key=f"k-{n}", **order) for n in range(20)))
            await asyncio.sleep(0.002)
            os.kill(own.target.embedded.pid, signal.SIGKILL)
            during = await running
            assert {a.status_code for a in during} <= {201, 503}
            began = perf_counter()
            down = await api.act("REDEEM", key="down", **order)
            assert (down.status_code, down.json()["code"]) == (503, "pg.unavailable")
            assert down.headers["retry-after"]
            assert str(path) not in down.text
            assert perf_counter() - began < 12
            assert (await api.get("/healthz")).status_code == 200
            assert (await api.get("/readyz")).status_code == 503

            second = Embedded(path / "home")
            await asyncio.to_thread(second.start)
            try:
                for _ in range(100):
                    if (await api.get("/readyz")).status_code == 200:
                        break
                    await asyncio.sleep(0.3)
                keys = ["before", "down", *(f"k-{n}" for n in range(20))]
                again = [await api.act("REDEEM", key=key, **order) for key in keys]
                assert {a.status_code for a in again} == {201}
                for first, later in zip(during, again[2:], strict=True):
                    assert first.status_code == 503 or first.json() == later.json()
                shown = (await api.get(f"/v1/gift_cards/{card}")).json()
                assert shown["balance"]["amount_minor"] == 1_000 - 10 * len(keys)
            finally:
                await asyncio.to_thread(second.stop)

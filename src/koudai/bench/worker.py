"""A worker: a process with one connection that redeems in batches through the verb of the cards.

Started as `python -m koudai.bench.worker` in the contest's environment. Its orders are `stock` (book,
cards, merchants), `prepare` (tag, batches, batch, hot) and `run` (at, seconds).
"""

import asyncio
import gc
import random
import time
from collections.abc import Sequence

import uvloop

from koudai import cards
from koudai.bench.peer import Order, obey
from koudai.bench.stock import CURRENCY, check
from koudai.instance import Instance, open_instance


class _Worker:
    def __init__(self, instance: Instance) -> None:
        self._db = instance.db
        self._book = 0
        self._cards: Sequence[int] = ()
        self._merchants: Sequence[int] = ()
        self._batches: list[list[cards.Command]] = []

    async def carry_out(self, order: Order) -> Order:
        match order.pop("do"):
            case "stock":
                self._book, self._cards, self._merchants = order["book"], order["cards"], order["merchants"]
                return {}
            case "prepare":
                return self._prepare(**order)
            case _:
                return await self._run(**order)

    def _prepare(self, tag: str, batches: int, batch: int, hot: bool) -> Order:
        """Make the commands of a run before its clock starts; each batch is taken once, from the end."""
        chance = random.Random(tag)  # noqa: S311 repeatable load, no secret
        merchants = self._merchants[:1] if hot else self._merchants
        self._batches = [
            [
                cards.Redeem(
                    key=f"{tag}/{b}/{n}", card=chance.choice(self._cards), merchant_id=chance.choice(merchants),
                    amount_minor=1, asset=CURRENCY,
                )
                for n in range(batch)
            ]
            for b in range(batches)
        ]  # fmt: skip
        gc.collect()
        gc.freeze()
        return {}

    async def _run(self, at: float, seconds: float) -> Order:
        """Redeem from the moment `at` of the system's monotonic clock on; what counts is committed."""
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        began = now = time.monotonic()
        count = 0
        while self._batches and now < began + seconds:
            count += await self._redeem(self._batches.pop())
            now = time.monotonic()
        self._batches = []
        return {"count": count, "seconds": now - began}

    async def _redeem(self, commands: list[cards.Command]) -> int:
        outcomes = await self._db.transact(lambda tx: cards.run(tx, self._book, commands))
        check(outcomes)
        return len(outcomes)


async def _main() -> None:
    async with open_instance(connections=1) as instance:
        await obey(_Worker(instance).carry_out)


if __name__ == "__main__":
    uvloop.run(_main())

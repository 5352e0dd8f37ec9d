"""A worker: a process with one connection that sends batches through the verb of the cards.

Started as `python -m koudai.bench.worker` in the contest's environment. Its orders are `issue` (book,
programme, first, count), `stock` (stream, book, cards, merchants), `prepare` (tag, batches, batch, draw,
pairs) with `run` (at, seconds), and `book` (tag, count), which has no clock.
"""

import asyncio
import random
import time
from collections.abc import Sequence

import uvloop

from koudai import cards
from koudai.bench.model import Draw
from koudai.bench.peer import Order, obey
from koudai.bench.probe import Zipf
from koudai.bench.stock import CURRENCY, check, make_cards
from koudai.instance import Instance, calm_collector, open_instance


class _Worker:
    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._book = self._stream = 0
        self._cards: Sequence[int] = ()
        self._merchants: Sequence[int] = ()
        self._zipf: Zipf | None = None
        self._batches: list[Sequence[cards.Command]] = []
        self._pairs = False

    async def carry_out(self, order: Order) -> Order:
        match order.pop("do"):
            case "issue":
                return {"cards": await make_cards(self._instance, **order)}
            case "stock":
                return self._stock(**order)
            case "prepare":
                return self._prepare(**order)
            case "book":
                return await self._book_all(**order)
            case _:
                return await self._run(**order)

    def _stock(self, stream: int, book: int, cards: Sequence[int], merchants: Sequence[int]) -> Order:
        self._stream, self._book, self._cards, self._merchants = stream, book, cards, merchants
        self._zipf = None
        return {}

    def _prepare(self, tag: str, batches: int, batch: int, draw: str, pairs: bool) -> Order:
        """Make the commands of a run before its clock starts; each batch is taken once, from the end."""
        self._pairs = pairs
        self._batches = [self._draw(f"{tag}/{number}", batch, draw, pairs) for number in range(batches)]
        calm_collector()
        return {}

    def _draw(self, tag: str, count: int, draw: str, pairs: bool = False) -> Sequence[cards.Command]:
        chance = random.Random(tag)  # noqa: S311 repeatable load, no secret
        if draw == Draw.ZIPF:
            # Made once, since that takes longer than a batch: its favourites are the same in every run.
            self._zipf = self._zipf or Zipf(len(self._cards), seed=1, stream=self._stream)
            drawn = [self._cards[number] for number in self._zipf.draw(count)]
        else:
            drawn = chance.choices(self._cards, k=count)
        paid = chance.choices(self._merchants[:1] if draw == Draw.HOT else self._merchants, k=count)
        command = cards.Authorise if pairs else cards.Redeem
        return [
            command(key=f"{tag}/{n}", card=card, merchant_id=merchant, amount_minor=1, asset=CURRENCY)
            for n, (card, merchant) in enumerate(zip(drawn, paid, strict=True))
        ]

    async def _run(self, at: float, seconds: float) -> Order:
        """Send batches from the moment `at` of the system's monotonic clock on; what counts is committed."""
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        began = now = time.monotonic()
        count = 0
        send = self._authorise_and_capture if self._pairs else self._send
        while self._batches and now < began + seconds:
            count += len(await send(self._batches.pop()))
            now = time.monotonic()
        self._batches = []
        return {"count": count, "seconds": now - began}

    async def _book_all(self, tag: str, count: int) -> Order:
        await self._send(self._draw(tag, count, Draw.UNIFORM))
        return {}

    async def _authorise_and_capture(self, commands: Sequence[cards.Command]) -> list[cards.Outcome]:
        held = await self._send(commands)
        return await self._send(
            [
                cards.Capture(key=f"{command.key}/capture", hold=hold.place)
                for command, hold in zip(commands, held, strict=True)
                if isinstance(hold, cards.Activity)
            ]
        )

    async def _send(self, commands: Sequence[cards.Command]) -> list[cards.Outcome]:
        outcomes = await self._instance.db.transact(lambda tx: cards.run(tx, self._book, commands))
        check(outcomes)
        return outcomes


async def _main() -> None:
    async with open_instance(connections=1) as instance:
        await obey(_Worker(instance).carry_out)


if __name__ == "__main__":
    uvloop.run(_main())

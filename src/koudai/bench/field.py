"""The field of a contest: one server, the yardstick on it, and the processes that measure against it."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from statistics import fmean, mean

from koudai.base import Fault
from koudai.bench.door import Door, bodies, open_door
from koudai.bench.ground import Ground
from koudai.bench.keep import catch_up, kept_up
from koudai.bench.model import BenchFault, Draw, Http, Memory, Sizes
from koudai.bench.peer import Peer, open_peer
from koudai.bench.pgbench import Yardstick, lay_yardstick
from koudai.bench.probe import process_tree, rss_bytes, wal_bytes
from koudai.bench.result import Verified
from koudai.bench.stock import Stock, open_stock
from koudai.instance import Instance, open_instance

_PIECE = 1_000
_TURN_S = 10.0
_PREPARED_PER_S = 40_000
_LEAD_S = 0.1
# At least a row on every page of what redemptions change in place: see `Yardstick.tpcb` for what it is good for.
_TOUCH = """SELECT count(*) FROM (SELECT 1 FROM ledger.accounts WHERE id % 4 = 0 FOR NO KEY UPDATE) AS t;
SELECT count(*) FROM (SELECT 1 FROM ledger.subjects WHERE id % 4 = 0 FOR NO KEY UPDATE) AS t"""

Tell = Callable[[int, int], None]
"""Told what is done, and what there is in all."""

_silent: Tell = lambda done, total: None  # noqa: E731 a default that says nothing


@dataclass(frozen=True)
class Tally:
    """What a run of batches came to: how many, how many a second, and bytes of log for each."""

    count: int
    per_s: float
    wal_bytes: float


@dataclass(frozen=True)
class Web:
    """The HTTP server, and the process that sends to it."""

    door: Door
    load: Peer


@dataclass(frozen=True)
class Field:
    """All that takes part, ready; `workers` have their cards once some were made."""

    ground: Ground
    instance: Instance
    yardstick: Yardstick
    workers: Sequence[Peer]
    stock: Stock
    sizes: Sizes

    async def make_cards(self, until: int, tell: Tell = _silent) -> None:
        """Issue and load cards until there are so many, and share them out among the workers."""
        firsts = iter(range(len(self.stock.cards), until, _PIECE))

        async def issue(worker: Peer) -> None:
            for first in firsts:
                made = await worker.ask(
                    do="issue", book=self.stock.book, programme=self.stock.programme, first=first,
                    count=min(_PIECE, until - first),
                )  # fmt: skip
                self.stock.cards.extend(made["cards"])
                tell(len(self.stock.cards), until)

        await asyncio.gather(*map(issue, self.workers))
        for n, worker in enumerate(self.workers):
            # Each has cards of its own: two batches at the same time never wait for one card.
            mine = self.stock.cards[n :: len(self.workers)]
            await worker.ask(do="stock", stream=n, book=self.stock.book, cards=mine, merchants=self.stock.merchants)
        await self.analyze()

    async def book(self, tag: str, transfers: int, tell: Tell = _silent) -> None:
        """Redeem so many times in large batches, by all workers, in any time. Batch n has the keys `tag/n/…`."""
        numbers = count()
        begun = done = 0

        async def send(worker: Peer) -> None:
            nonlocal begun, done
            while begun < transfers:
                size = min(self.sizes.large_batch, transfers - begun)
                begun += size
                await worker.ask(do="book", tag=f"{tag}/{next(numbers)}", count=size)
                done += size
                tell(done, transfers)

        async with kept_up(self.instance.db):
            await asyncio.gather(*map(send, self.workers))

    async def analyze(self) -> None:
        """As pgbench does with its own tables, and so that autovacuum doesn't do it while we measure."""
        await self.yardstick.order("VACUUM ANALYZE", "koudai")

    async def settle(self) -> None:
        """Tidy up after the contestant before, so that the next one doesn't pay for it."""
        await catch_up(self.instance.db)
        await self.yardstick.settle()

    async def _make_ready(self) -> None:
        """Settle for one of ours."""
        await self.settle()
        await self.yardstick.order(_TOUCH, "koudai")

    async def tpcb(self, clients: int, seconds: float) -> float:
        """pgbench's transactions a second."""
        await self.settle()
        return await self.yardstick.tpcb(clients, seconds)

    async def batches(self, tag: str, batch: int, draw: Draw, seconds: float, *, pairs: bool = False) -> Tally:
        """Redemptions a second in batches by all workers together; with `pairs` authorisations that are captured.

        A long time is cut into turns, since commands are prepared before the clock starts.
        """
        await self._make_ready()
        turns = math.ceil(seconds / _TURN_S)
        found = [await self._turn(f"{tag}/{turn}", batch, draw, seconds / turns, pairs) for turn in range(turns)]
        return Tally(
            sum(tally.count for tally in found), fmean(t.per_s for t in found), fmean(t.wal_bytes for t in found)
        )

    async def _turn(self, tag: str, batch: int, draw: Draw, seconds: float, pairs: bool) -> Tally:
        batches = math.ceil(seconds * _PREPARED_PER_S / batch)
        await asyncio.gather(
            *(
                worker.ask(do="prepare", tag=f"{tag}/{n}", batches=batches, batch=batch, draw=draw, pairs=pairs)
                for n, worker in enumerate(self.workers)
            )
        )
        before = await self._position()
        async with kept_up(self.instance.db):
            at = time.monotonic() + _LEAD_S
            done = await asyncio.gather(*(w.ask(do="run", at=at, seconds=seconds) for w in self.workers))
        # What is left of keeping up writes to the log on behalf of these transfers too.
        await catch_up(self.instance.db)
        written = wal_bytes(before, await self._position())
        transfers = sum(answer["count"] for answer in done)
        per_s = sum(answer["count"] / answer["seconds"] for answer in done)
        return Tally(transfers, per_s, written / max(transfers, 1))

    async def _position(self) -> str:
        async with self.instance.db.transaction() as tx:
            return str(await tx.value("SELECT pg_current_wal_lsn()::text"))

    async def http(self, web: Web, tag: str, connections: int, seconds: float) -> Http:
        """Single redemptions over HTTP. The server keeps up by itself."""
        await self._make_ready()
        return Http(**await web.load.ask(do="run", tag=tag, connections=connections, seconds=seconds))

    def memory(self, web: Web | None) -> Memory:
        """What the processes take at this moment."""
        workers = [taken for worker in self.workers if (taken := rss_bytes([worker.pid])) is not None]
        return Memory(
            server=rss_bytes(process_tree(self.ground.server.pid)),
            worker=round(mean(workers)) if workers else None,
            api=rss_bytes(process_tree(web.door.pid)) if web else None,
        )

    async def verify(self, tell: Tell) -> Verified:
        """Prove the books; raises Fault unless they hold."""
        await catch_up(self.instance.db)
        report = await self.instance.verify(tell)
        if not report.holds:
            raise Fault(BenchFault.NOT_VERIFIED, found=report.found, first=str(report.findings[0]))
        return Verified(report.transfers, report.seconds)

    async def version(self) -> str:
        """PostgreSQL's version."""
        async with self.instance.db.transaction() as tx:
            return str(await tx.value("SHOW server_version"))


@asynccontextmanager
async def open_field(ground: Ground, sizes: Sizes) -> AsyncIterator[Field]:
    """Open a field on a ground, with merchants and without cards."""
    async with AsyncExitStack() as stack:
        instance = await stack.enter_async_context(open_instance(ground.environment, connections=4))
        yardstick = await lay_yardstick(ground, sizes)
        stock = await open_stock(instance, sizes.merchants)
        workers = [
            await stack.enter_async_context(open_peer("koudai.bench.worker", ground.environment))
            for _ in range(sizes.workers)
        ]
        yield Field(ground, instance, yardstick, workers, stock, sizes)


@asynccontextmanager
async def open_web(field: Field) -> AsyncIterator[Web]:
    """Start the HTTP server and the load for it."""
    async with open_door(field.ground) as door, open_peer("koudai.bench.load", field.ground.environment) as load:
        sent = bodies(field.stock, field.instance.keyring)
        await load.ask(do="stock", port=door.port, token=field.stock.token, bodies=sent)
        yield Web(door, load)

"""The contest: redemptions through koudai beside pgbench, on one server, round after round."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import fmean

from koudai import ledger
from koudai.base import Fault
from koudai.bench.door import bodies, open_door
from koudai.bench.ground import Ground, open_ground
from koudai.bench.model import BenchFault, Http, Result, Round, Sizes, machine
from koudai.bench.peer import Peer, open_peer
from koudai.bench.pgbench import Yardstick, lay_yardstick
from koudai.bench.stock import Stock, lay_in
from koudai.instance import Instance, open_instance

Progress = Callable[[str, int, int], None]
"""Told the stage (`prepare`, `measure`, `verify`), what is done and what there is in all."""

_TURN_S = 10.0
_PREPARED_PER_S = 60_000
_LEAD_S = 0.1


async def bench_ledger(
    environment: Mapping[str, str], rounds: int = 3, seconds: float = 5.0, on_progress: Progress | None = None
) -> Result:
    """Measure redemptions beside pgbench: so many rounds, and in each so many seconds for each contestant.

    It works on a temporary server on the disk of the installation that the environment names. Raises
    Fault when a process fails, a redemption isn't accepted, or the books don't prove right at the end.
    """
    return await contest(environment, rounds, seconds, Sizes(), on_progress)


async def contest(
    environment: Mapping[str, str], rounds: int, seconds: float, sizes: Sizes, on_progress: Progress | None
) -> Result:
    """The same at any size."""
    tell = on_progress or (lambda stage, done, total: None)
    with open_ground(environment) as ground:
        async with open_instance(ground.environment, connections=4) as instance:
            yardstick = await lay_yardstick(ground, sizes)
            stock = await lay_in(instance, sizes, lambda done, total: tell("prepare", done, total))
            # As pgbench does with its own tables, and so that autovacuum doesn't do it in the first round.
            await yardstick.order("VACUUM ANALYZE", "koudai")
            async with _open_field(ground, instance, yardstick, stock, sizes) as field:
                results = []
                for number in range(rounds):
                    results.append(await _round(field, number, rounds, seconds, tell))
            report = await instance.verify(lambda done, total: tell("verify", done, total))
            if not report.holds:
                raise Fault(BenchFault.NOT_VERIFIED, found=report.found, first=str(report.findings[0]))
            async with instance.db.transaction() as tx:
                version = str(await tx.value("SHOW server_version"))
    return Result(tuple(results), machine(version))


@dataclass(frozen=True)
class _Field:
    """All that takes part, ready."""

    instance: Instance
    yardstick: Yardstick
    workers: Sequence[Peer]
    load: Peer
    sizes: Sizes

    async def settle(self) -> None:
        """Tidy up after the contestant before, so that the next one doesn't pay for it."""
        while await self.instance.db.transact(ledger.fold_deltas):
            pass
        await self.yardstick.settle()

    async def tpcb(self, clients: int, seconds: float) -> float:
        """pgbench's transactions a second."""
        await self.settle()
        return await self.yardstick.tpcb(clients, seconds)

    async def batches(self, tag: str, seconds: float, *, hot: bool) -> float:
        """Redemptions a second in batches by all workers together, at one merchant or at all.

        A long time is cut into turns, since commands are prepared before the clock starts.
        """
        await self.settle()
        turns = math.ceil(seconds / _TURN_S)
        return fmean([await self._turn(f"{tag}/{turn}", seconds / turns, hot) for turn in range(turns)])

    async def _turn(self, tag: str, seconds: float, hot: bool) -> float:
        batch = self.sizes.batch
        batches = math.ceil(seconds * _PREPARED_PER_S / batch)
        await asyncio.gather(
            *(
                worker.ask(do="prepare", tag=f"{tag}/{n}", batches=batches, batch=batch, hot=hot)
                for n, worker in enumerate(self.workers)
            )
        )
        at = time.monotonic() + _LEAD_S
        done = await asyncio.gather(*(w.ask(do="run", at=at, seconds=seconds) for w in self.workers))
        return float(sum(answer["count"] / answer["seconds"] for answer in done))

    async def http(self, tag: str, seconds: float) -> Http:
        """Single redemptions over HTTP."""
        await self.settle()
        return Http(**await self.load.ask(do="run", tag=tag, connections=self.sizes.connections, seconds=seconds))


@asynccontextmanager
async def _open_field(
    ground: Ground, instance: Instance, yardstick: Yardstick, stock: Stock, sizes: Sizes
) -> AsyncIterator[_Field]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        workers = []
        for n in range(sizes.workers):
            worker = await enter(open_peer("koudai.bench.worker", ground.environment))
            # Each has cards of its own: two batches at the same time never wait for one card.
            mine = stock.cards[n :: sizes.workers]
            await worker.ask(do="stock", book=stock.book, cards=mine, merchants=stock.merchants)
            workers.append(worker)
        port = await enter(open_door(ground))
        load = await enter(open_peer("koudai.bench.load", ground.environment))
        await load.ask(do="stock", port=port, token=stock.token, bodies=bodies(stock, instance.keyring))
        yield _Field(instance, yardstick, workers, load, sizes)


async def _round(field: _Field, number: int, rounds: int, seconds: float, tell: Progress) -> Round:
    """One round; ours stand between pgbench's, so that a drift within the round hits both alike."""
    clients = field.sizes.clients
    steps = len(clients) + 4
    done = number * steps

    def step() -> None:
        nonlocal done
        done += 1
        tell("measure", done, rounds * steps)

    tpcb: dict[int, float] = {}

    async def measure_tpcb(some: Sequence[int]) -> None:
        for count in some:
            tpcb[count] = await field.tpcb(count, seconds)
            step()

    await measure_tpcb(clients[:1])
    uniform = await field.batches(f"uniform/{number}", seconds, hot=False)
    step()
    await measure_tpcb(clients[1:2])
    hot = await field.batches(f"hot/{number}", seconds, hot=True)
    step()
    await measure_tpcb(clients[2:])
    http = await field.http(f"http/{number}", seconds)
    step()
    crowd = await field.tpcb(field.sizes.crowd, seconds)
    step()
    return Round(tpcb, crowd, uniform, hot, http)

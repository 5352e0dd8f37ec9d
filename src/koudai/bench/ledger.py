"""The contest: redemptions through koudai beside pgbench, on one server, round after round."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from koudai.bench.field import Field, Web, open_field, open_web
from koudai.bench.ground import open_ground
from koudai.bench.model import BATCHES, HTTP, PAIRS, SCALE, Draw, Http, Memory, Sizes, Wish, machine
from koudai.bench.pgledger import BATCH_CLIENTS, Pgledger, PgledgerFigures, check_readable, lay_pgledger
from koudai.bench.result import Result, Round, Scale, Verified
from koudai.bench.scale import bounded, grow

Progress = Callable[[str, int, int], None]
"""Told the stage (`prepare`, `measure`, `fill`, `verify`), what is done and what there is in all."""

# The order within a round. A run of pgbench stands before each group, and the one with many clients at
# the end, so that a drift within the round hits both alike.
_GROUPS = (
    tuple(f"{BATCHES[0]}.{draw}" for draw in Draw),
    (*(f"{BATCHES[1]}.{draw}" for draw in Draw), PAIRS),
    ("http_1", "http_8", "http_256", "http_64"),
)

# What the goals are about is measured for all of the seconds, and the rest for a part of them.
_MAIN = (f"{BATCHES[0]}.{Draw.UNIFORM}", f"{BATCHES[1]}.{Draw.UNIFORM}", PAIRS, "http_64")
_PART = 0.4


async def bench_ledger(
    environment: Mapping[str, str],
    wish: Wish,
    on_progress: Progress | None = None,
    *,
    most_transfers: int | None = None,
    most_cards: int | None = None,
) -> Result:
    """Measure what is asked for beside pgbench, round by round; growing at most up to so many transfers and cards.

    It works on temporary servers on the disk of the installation that the environment names. Raises
    Fault when a process fails, a redemption isn't accepted, the peer's file doesn't serve, or the books
    don't prove right at the end.
    """
    return await contest(environment, wish, bounded(Sizes(), most_transfers, most_cards), on_progress)


async def contest(
    environment: Mapping[str, str], wish: Wish, sizes: Sizes, on_progress: Progress | None = None
) -> Result:
    """The same at any size."""
    tell = on_progress or (lambda stage, done, total: None)
    if wish.pgledger:
        check_readable(wish.pgledger)
    rounds: tuple[Round, ...] = ()
    verified: Verified | None = None
    scale: Scale | None = None
    version = ""
    if wish.pgledger or any(wish.wants(figure) for group in _GROUPS for figure in group):
        with open_ground(environment) as ground:
            async with open_field(ground, sizes) as opened:
                rounds, verified = await _play(opened, wish, tell)
                version = await opened.version()
    if wish.wants(SCALE):
        with open_ground(environment) as ground:
            async with open_field(ground, sizes) as opened:
                scale = await grow(opened, wish, tell)
                version = await opened.version()
    return Result(rounds, machine(version), verified, scale)


async def _play(opened: Field, wish: Wish, tell: Progress) -> tuple[tuple[Round, ...], Verified]:
    """All rounds, and the proof of the books after them."""
    sizes = opened.sizes
    peer: Pgledger | None = None
    if wish.pgledger:
        # First, since a file that doesn't serve is found out here.
        peer = await lay_pgledger(
            opened.ground, wish.pgledger, sizes, opened.yardstick, lambda done, total: tell("prepare", done, total)
        )
    await opened.make_cards(sizes.cards, lambda done, total: tell("prepare", done, total))
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(open_web(opened)) if any(map(wish.wants, HTTP)) else None
        total = wish.rounds * _steps(wish, sizes)
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            tell("measure", done, total)

        rounds = []
        for number in range(wish.rounds):
            rounds.append(await _Round(opened, web, peer, wish, number, step).play())
    return tuple(rounds), await opened.verify(lambda done, total: tell("verify", done, total))


def _steps(wish: Wish, sizes: Sizes) -> int:
    """How many measurements a round has."""
    ours = sum(wish.wants(figure) for group in _GROUPS for figure in group)
    peers = len(sizes.clients) + len(BATCH_CLIENTS) if wish.pgledger else 0
    return len(sizes.clients) + ours + any(map(wish.wants, HTTP)) + peers


@dataclass
class _Round:
    """A round in the making."""

    opened: Field
    web: Web | None
    peer: Pgledger | None
    wish: Wish
    number: int
    step: Callable[[], None]
    tpcb: dict[int, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    http: dict[str, Http] = field(default_factory=dict)
    wal_bytes: float | None = None

    async def play(self) -> Round:
        """Measure everything that is asked for, once."""
        clients = self.opened.sizes.clients
        seconds = self.wish.seconds
        for at, group in enumerate(_GROUPS):
            await self._yardstick(clients[at :: len(_GROUPS)])
            for figure in filter(self.wish.wants, group):
                await self._measure(figure, seconds if figure in _MAIN else seconds * _PART)
                self.step()
        crowd: float | None = None
        if self.web:
            crowd = await self.opened.tpcb(self.opened.sizes.crowd, seconds)
            self.step()
        memory: Memory = self.opened.memory(self.web)
        figures: PgledgerFigures | None = None
        if self.peer:
            figures = await self.peer.measure_all(seconds, self.step)
        return Round(self.tpcb, self.rates, self.http, crowd, self.wal_bytes, memory, figures)

    async def _yardstick(self, clients: Sequence[int]) -> None:
        for some in clients:
            self.tpcb[some] = await self.opened.tpcb(some, self.wish.seconds)
            self.step()

    async def _measure(self, figure: str, seconds: float) -> None:
        tag = f"{figure}/{self.number}"
        sizes = self.opened.sizes
        if figure in HTTP:
            assert self.web is not None
            connections = sizes.connections[HTTP.index(figure)]
            self.http[figure] = await self.opened.http(self.web, tag, connections, seconds)
            return
        size, _, draw = figure.partition(".")
        batch = sizes.large_batch if size == BATCHES[1] else sizes.batch
        tally = await self.opened.batches(tag, batch, Draw(draw or Draw.UNIFORM), seconds, pairs=figure == PAIRS)
        self.rates[figure] = tally.per_s
        if figure == _MAIN[0]:
            self.wal_bytes = tally.wal_bytes

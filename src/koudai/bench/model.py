"""What is measured, how much of it, and why there may be no result."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
"""Where the HTTP server of a contest listens."""


class BenchFault(StrEnum):
    """Why there is no result."""

    PROCESS_FAILED = "bench.process_failed"
    NOT_ACCEPTED = "bench.not_accepted"
    HTTP_FAILED = "bench.http_failed"
    NOT_READY = "bench.not_ready"
    NOT_VERIFIED = "bench.not_verified"
    PEER_UNUSABLE = "bench.peer_unusable"
    NOTHING_READ = "bench.nothing_read"


class Draw(StrEnum):
    """How cards and merchants are drawn: each alike, all at one merchant, or cards by Zipf's law."""

    UNIFORM = "uniform"
    HOT = "hot"
    ZIPF = "zipf"


BATCHES = ("batch_1000", "batch_8000")
"""The contests of redemptions in batches; each has a figure for each draw, such as `batch_1000.hot`."""

PAIRS = "authorise_capture"
"""The contest of authorisations in batches, each followed by a batch of their captures."""

HTTP = ("http_1", "http_8", "http_64", "http_256")
"""The contests over HTTP, one redemption a request, by their connections."""

ZIPF = "zipf"
"""The figure `batch_1000.zipf`, where it is asked for alone."""

SCALE = "scale"
"""The contest of growing, which is long."""

CONTESTS = (*BATCHES, ZIPF, PAIRS, *HTTP, SCALE)
"""What can be asked for by name."""


@dataclass(frozen=True)
class Sizes:
    """How large the contest is.

    `connections` are those of the contests `HTTP`, in that order; `crowd` is the number of pgbench's
    clients beside them. `card_marks` and `transfer_marks` are where the contest of growing measures.
    """

    cards: int = 100_000
    merchants: int = 1_000
    batch: int = 1_000
    large_batch: int = 8_000
    workers: int = 2
    connections: tuple[int, ...] = (1, 8, 64, 256)
    scale: int = 10
    clients: tuple[int, ...] = (1, 8, 32)
    crowd: int = 64
    card_marks: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    transfer_marks: tuple[int, ...] = (100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True)
class Wish:
    """What is asked for: so many rounds, and in each so many seconds for each contestant.

    `only` names contests; none means all but that of growing. `pgledger` is the peer's file.
    """

    rounds: int = 3
    seconds: float = 5.0
    only: Sequence[str] = ()
    scale: bool = False
    pgledger: Path | None = None

    def wants(self, figure: str) -> bool:
        """Whether a figure such as `batch_1000.hot` or `http_64` is asked for."""
        if figure == SCALE:
            return self.scale or SCALE in self.only
        named = {figure, figure.partition(".")[0]} | ({ZIPF} if figure == f"{BATCHES[0]}.{Draw.ZIPF}" else set())
        return not self.only or not named.isdisjoint(self.only)


@dataclass(frozen=True)
class Http:
    """Single redemptions over HTTP: how many a second, and how long one took, in milliseconds.

    `stall_ms` is the longest time in which no answer at all arrived.
    """

    per_s: float
    p50_ms: float
    p99_ms: float
    stall_ms: float


@dataclass(frozen=True)
class Memory:
    """Resident bytes at the end of a round, what is shared counted once: of the database's processes
    together, of one process that books batches, and of the HTTP server. None where the system doesn't
    tell, or there is no such process.
    """

    server: int | None
    worker: int | None
    api: int | None


def machine(postgresql: str) -> dict[str, Any]:
    """What a figure has to be read with: processors and memory that we may use, and versions; no names."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpus": cpus,
        "memory_gib": round(memory / 2**30, 1),
        "python": platform.python_version(),
        "postgresql": postgresql,
        "platform": f"{platform.system()} {platform.machine()}",
    }

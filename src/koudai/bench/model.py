"""What is measured, how much of it, and what came of it."""

import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
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


@dataclass(frozen=True)
class Sizes:
    """How large the contest is; `crowd` is the number of pgbench's clients beside the HTTP connections."""

    cards: int = 100_000
    merchants: int = 1_000
    batch: int = 1_000
    workers: int = 2
    connections: int = 64
    scale: int = 10
    clients: tuple[int, ...] = (1, 8, 32)
    crowd: int = 64


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
class Round:
    """One round: transactions a second of pgbench by number of clients, and redemptions a second of ours."""

    tpcb: Mapping[int, float]
    crowd: float
    uniform: float
    hot: float
    http: Http

    @property
    def best(self) -> float:
        """The yardstick: pgbench at the number of clients that suited it best in this round."""
        return max(self.tpcb.values())


@dataclass(frozen=True)
class Result:
    """All rounds, and the machine that they ran on."""

    rounds: tuple[Round, ...]
    machine: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The one object that `koudai bench ledger --json` prints: medians, of the ratios as well."""
        rounds = self.rounds
        clients = max(rounds[0].tpcb, key=lambda number: median(r.tpcb[number] for r in rounds))
        http = [r.http for r in rounds]
        return {
            "tpcb_like": {"per_s": _rate(r.best for r in rounds), "clients": clients},
            "batch_1000": {
                "uniform": {
                    "per_s": _rate(r.uniform for r in rounds),
                    "ratio": _ratio(r.uniform / r.best for r in rounds),
                },
                "hot": {
                    "per_s": _rate(r.hot for r in rounds),
                    "ratio": _ratio(r.hot / r.best for r in rounds),
                },
            },
            "tpcb_like_64": {"per_s": _rate(r.crowd for r in rounds)},
            "http_64": {
                "per_s": _rate(h.per_s for h in http),
                "ratio": _ratio(r.http.per_s / r.best for r in rounds),
                "ratio_64": _ratio(r.http.per_s / r.crowd for r in rounds),
                "p50_ms": _ratio(h.p50_ms for h in http),
                "p99_ms": _ratio(h.p99_ms for h in http),
                "stall_ms": _ratio(h.stall_ms for h in http),
            },
            "rounds": len(rounds),
            "machine": dict(self.machine),
        }


def _rate(values: Iterable[float]) -> float:
    return round(median(values), 1)


def _ratio(values: Iterable[float]) -> float:
    return round(median(values), 3)


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

"""What came of the rounds: medians, of the ratios within a round as well."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from koudai.bench.model import BATCHES, HTTP, PAIRS, ZIPF, Draw, Http, Memory
from koudai.bench.pgledger import PgledgerFigures, middle

Json = dict[str, Any]


@dataclass(frozen=True)
class Round:
    """One round: transactions a second of pgbench by number of clients, and what was measured of ours.

    `rates` are redemptions (or pairs of authorisation and capture) a second by figure, `crowd` is
    pgbench with as many clients as HTTP has connections, `wal_bytes` is the log that a redemption in
    batches of 1,000 took.
    """

    tpcb: Mapping[int, float]
    rates: Mapping[str, float] = field(default_factory=dict)
    http: Mapping[str, Http] = field(default_factory=dict)
    crowd: float | None = None
    wal_bytes: float | None = None
    memory: Memory | None = None
    pgledger: PgledgerFigures | None = None

    @property
    def best(self) -> float:
        """The yardstick: pgbench at the number of clients that suited it best in this round."""
        return max(self.tpcb.values())


@dataclass(frozen=True)
class Verified:
    """The proof of the books at the end: how many transfers, in how many seconds."""

    transfers: int
    seconds: float

    def to_json(self) -> Json:
        """With transfers a second."""
        per_s = round(self.transfers / max(self.seconds, 0.001), 1)
        return {"transfers": self.transfers, "seconds": self.seconds, "per_s": per_s}


@dataclass(frozen=True)
class Point:
    """What was measured at a mark: cards and transfers that were there, and the rounds."""

    cards: int
    transfers: int
    rounds: tuple[Round, ...]

    def to_json(self, figure: str) -> Json:
        """The figure, with what was there."""
        return {**rate_and_ratio(self.rounds, figure), "transfers": self.transfers, "cards": self.cards}


@dataclass(frozen=True)
class Scale:
    """How throughput grows: points by mark, first over transfers and then over cards."""

    figure: str
    transfers: Mapping[int, Point]
    cards: Mapping[int, Point]
    verified: Verified

    def to_json(self) -> Json:
        """Each point, and what is left at the last mark of the ratio to pgbench at the first one."""
        found: Json = {}
        for name, points in (("transfers", self.transfers), ("cards", self.cards)):
            told = {str(mark): point.to_json(self.figure) for mark, point in points.items()}
            ratios = [one["ratio"] for one in told.values()]
            found |= {name: told, f"{name}_ratio": round(ratios[-1] / ratios[0], 3)}
        return {**found, "verify": self.verified.to_json()}


@dataclass(frozen=True)
class Result:
    """All rounds, the contest of growing where it was asked for, and the machine that they ran on."""

    rounds: tuple[Round, ...]
    machine: Mapping[str, Any]
    verified: Verified | None = None
    scale: Scale | None = None

    def to_json(self) -> Json:
        """The one object that `koudai bench ledger --json` prints. What wasn't asked for isn't there."""
        found: Json = {}
        if self.rounds:
            found |= self._yardstick() | self._batches() | self._http() | self._costs() | self._pgledger()
        if self.scale:
            found["scale"] = self.scale.to_json()
        if self.verified:
            found["verify"] = self.verified.to_json()
        return {**found, "rounds": len(self.rounds), "machine": dict(self.machine)}

    def _yardstick(self) -> Json:
        rounds = self.rounds
        clients = max(rounds[0].tpcb, key=lambda number: median(r.tpcb[number] for r in rounds))
        found: Json = {"tpcb_like": {"per_s": _rate(r.best for r in rounds), "clients": clients}}
        if rounds[0].crowd is not None:
            found["tpcb_like_64"] = {"per_s": _rate(r.crowd or 0.0 for r in rounds)}
        return found

    def _batches(self) -> Json:
        found: Json = {}
        for size in BATCHES:
            drawn = {draw: f"{size}.{draw}" for draw in Draw if f"{size}.{draw}" in self.rounds[0].rates}
            if drawn:
                found[size] = {str(draw): rate_and_ratio(self.rounds, figure) for draw, figure in drawn.items()}
        if Draw.ZIPF in found.get(BATCHES[0], ()):
            found[ZIPF] = found[BATCHES[0]][Draw.ZIPF]
        if PAIRS in self.rounds[0].rates:
            found[PAIRS] = rate_and_ratio(self.rounds, PAIRS)
        return found

    def _http(self) -> Json:
        found: Json = {}
        for name in filter(self.rounds[0].http.__contains__, HTTP):
            each = [(r.http[name], r) for r in self.rounds]
            found[name] = {
                "per_s": _rate(http.per_s for http, _ in each),
                "ratio": _ratio(http.per_s / r.best for http, r in each),
                "ratio_64": _ratio(http.per_s / (r.crowd or r.best) for http, r in each),
                "p50_ms": _ratio(http.p50_ms for http, _ in each),
                "p99_ms": _ratio(http.p99_ms for http, _ in each),
                "stall_ms": _ratio(http.stall_ms for http, _ in each),
            }
        return found

    def _costs(self) -> Json:
        found: Json = {}
        wal = [r.wal_bytes for r in self.rounds if r.wal_bytes is not None]
        if wal:
            found["wal_bytes_per_transfer"] = round(median(wal))
        kept = [r.memory for r in self.rounds if r.memory is not None]
        if kept:
            found["memory"] = {
                "server_bytes": _most(one.server for one in kept),
                "worker_bytes": _most(one.worker for one in kept),
                "api_bytes": _most(one.api for one in kept),
            }
        return found

    def _pgledger(self) -> Json:
        """The peer: our batches against the best that it reached, our single ones against its single ones."""
        figures = [r.pgledger for r in self.rounds if r.pgledger is not None]
        if not figures:
            return {}
        found = middle(figures).to_json()
        against: dict[str, Callable[[Round, PgledgerFigures], float | None]] = {
            BATCHES[0]: lambda r, peer: _part(r.rates.get(f"{BATCHES[0]}.{Draw.UNIFORM}"), peer.best),
            BATCHES[1]: lambda r, peer: _part(r.rates.get(f"{BATCHES[1]}.{Draw.UNIFORM}"), peer.best),
            "http_64": lambda r, peer: _part(
                r.http["http_64"].per_s if "http_64" in r.http else None, peer.best_single
            ),
        }
        for name, ratio in against.items():
            ratios = [ratio(r, peer) for r, peer in zip(self.rounds, figures, strict=True)]
            if None not in ratios:
                found[f"ratio_{name}"] = _ratio(one for one in ratios if one is not None)
        return {"pgledger": found}


def rate_and_ratio(rounds: Iterable[Round], figure: str) -> Json:
    """The median of a figure, and of its ratio to pgbench in the same round."""
    rounds = list(rounds)
    return {
        "per_s": _rate(r.rates[figure] for r in rounds),
        "ratio": _ratio(r.rates[figure] / r.best for r in rounds),
    }


def _part(ours: float | None, theirs: float) -> float | None:
    return None if ours is None else ours / theirs


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _rate(values: Iterable[float]) -> float:
    return round(median(values), 1)


def _ratio(values: Iterable[float]) -> float:
    return round(median(values), 3)

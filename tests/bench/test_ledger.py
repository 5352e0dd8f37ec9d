"""The bench: a tiny contest runs to its end, and its object has the shape and the sums it should."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from koudai.bench.ledger import contest
from koudai.bench.model import Http, Result, Round, Sizes

TINY = Sizes(cards=400, merchants=10, batch=50, connections=4, scale=1, clients=(1, 2), crowd=4)


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="kd-"))
    path.chmod(0o755)
    yield path
    rmtree(path)


def shape(value: Any) -> Any:
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else type(value)


SHAPE = {
    "tpcb_like": {"per_s": float, "clients": int},
    "batch_1000": {
        "uniform": {"per_s": float, "ratio": float},
        "hot": {"per_s": float, "ratio": float},
    },
    "tpcb_like_64": {"per_s": float},
    "http_64": {
        "per_s": float,
        "ratio": float,
        "ratio_64": float,
        "p50_ms": float,
        "p99_ms": float,
        "stall_ms": float,
    },
    "rounds": int,
    "machine": {"cpus": int, "memory_gib": float, "python": str, "postgresql": str, "platform": str},
}


def test_a_tiny_contest_has_its_object_and_leaves_nothing(home: Path) -> None:
    told: list[tuple[str, int, int]] = []
    environment = {**os.environ, "KOUDAI_HOME": str(home), "KOUDAI_DATABASE_URL": "postgresql://nowhere.invalid/x"}
    result = asyncio.run(contest(environment, 1, 0.5, TINY, lambda *what: told.append(what)))
    found = result.to_json()
    assert shape(found) == SHAPE
    assert found["rounds"] == 1
    best = found["tpcb_like"]["per_s"]
    for ours in (*found["batch_1000"].values(), found["http_64"]):
        assert ours["per_s"] > 0
        assert ours["ratio"] == pytest.approx(ours["per_s"] / best, abs=0.002)
    http = found["http_64"]
    assert http["ratio_64"] == pytest.approx(http["per_s"] / found["tpcb_like_64"]["per_s"], abs=0.002)
    assert 0 < http["p50_ms"] <= http["p99_ms"]
    assert found["tpcb_like"]["clients"] in TINY.clients
    assert [what for what in told if what[0] == "measure"] == [("measure", n, 6) for n in range(1, 7)]
    assert told[-1][0] == "verify"
    assert list(home.iterdir()) == []


def test_what_is_compared_is_the_ratio_within_a_round() -> None:
    def one(speed: float) -> Round:
        tpcb = {1: 100 * speed, 8: 500 * speed, 32: 400 * speed}
        http = Http(per_s=600 * speed, p50_ms=1, p99_ms=2, stall_ms=3)
        return Round(tpcb, crowd=300 * speed, uniform=3000 * speed, hot=3500 * speed, http=http)

    found = Result((one(1.0), one(10.0), one(3.0)), {}).to_json()
    assert found["tpcb_like"] == {"per_s": 1500, "clients": 8}
    assert found["batch_1000"] == {
        "uniform": {"per_s": 9000, "ratio": 6.0},
        "hot": {"per_s": 10500, "ratio": 7.0},
    }
    assert (found["http_64"]["ratio"], found["http_64"]["ratio_64"]) == (1.2, 2.0)

"""Verbs: a tiny run measures every verb beside pgbench, and a judgement."""

import asyncio
import os
from pathlib import Path

import pytest

from koudai.bench.model import Sizes
from koudai.bench.verbs import Verbs, verbs

TINY = Sizes(cards=200, merchants=2, workers=1, scale=1, clients=(1,))


def test_a_tiny_run_measures_every_verb(home: Path) -> None:
    told: list[tuple[str, int, int]] = []
    environment = {**os.environ, "KOUDAI_HOME": str(home)}
    result = asyncio.run(verbs(environment, 2, 0.2, TINY, 500, lambda *what: told.append(what)))
    found = result.to_json()
    assert list(home.iterdir()) == []
    assert found["issue"]["cards"] == 500
    assert found["issue"]["seconds"] > 0
    for verb in ("split", "gift"):
        assert found[verb]["per_s"] > 0
        assert found[verb]["ratio"] > 0
    assert 0 < found["judgement"]["allowed"]["us"] < found["judgement"]["refused"]["us"]
    assert told[-1] == ("measure", 2, 2)


def test_a_ratio_is_the_median_of_those_within_the_rounds() -> None:
    rates = {"split": (100.0, 300.0, 400.0)}
    found = Verbs(1, 1.0, (100.0, 100.0, 200.0), rates, {"allowed": (1.0, 3.0, 2.0)}, {}).to_json()
    assert found["split"] == {"per_s": 300.0, "ratio": pytest.approx(2.0)}
    assert found["judgement"] == {"allowed": {"us": 2.0}}

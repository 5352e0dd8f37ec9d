"""Reading: a tiny ledger is filled and asked, and what the server's log says is told as it is."""

import asyncio
import os
from pathlib import Path

import pytest

from koudai.bench.model import Sizes
from koudai.bench.read import Reading, reading
from koudai.bench.timing import calls_in

TINY = Sizes(cards=200, merchants=5, large_batch=100, scale=1)
QUESTIONS = ("bound", "card", "history", "merchant_balance", "statement", "statement_open", "outcome", "activity")


def test_a_tiny_ledger_is_filled_and_every_question_timed(home: Path) -> None:
    told: list[tuple[str, int, int]] = []
    environment = {**os.environ, "KOUDAI_HOME": str(home)}
    result = asyncio.run(reading(environment, 2_050, 30, TINY, lambda *what: told.append(what)))
    found = result.to_json()
    assert list(home.iterdir()) == []
    assert (found["transfers"], found["cards"], found["partitions"], found["picks"]) == (2_050, 200, 2, 30)
    assert set(found) == {"transfers", "cards", "partitions", "picks", *QUESTIONS, "machine"}
    for name in QUESTIONS:
        times = found[name]
        assert len(result.times[name]) == 30
        assert 0 < times["p50_us"] <= times["p99_us"] < 1_000_000
        assert times["ratio"] == pytest.approx(times["p50_us"] / found["bound"]["p50_us"], abs=0.002)
    assert ("prepare", 200, 200) in told
    assert ("fill", 2_050, 2_050) in told
    assert told[-1] == ("measure", 50, 50)


def test_percentiles_are_those_of_the_times() -> None:
    times = [float(n) for n in range(1, 101)]
    found = Reading(1, 1, 2, {"bound": times, "card": [time * 3 for time in times]}, {}).to_json()
    assert found["bound"] == {"p50_us": 51.0, "p99_us": 100.0, "ratio": 1.0}
    assert found["card"] == {"p50_us": 153.0, "p99_us": 300.0, "ratio": 3.0}


LOG = """\
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.900 ms  parse <unnamed>: BEGIN
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.900 ms  bind <unnamed>: BEGIN
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.900 ms  execute <unnamed>: BEGIN
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 5.000 ms  parse kd_1: SELECT 1
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.020 ms  bind kd_1: SELECT 1
2024-05-01 12:00:00.000 UTC [8] LOG:  duration: 9.000 ms  execute kd_1: SELECT 1
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.030 ms  execute kd_1: SELECT 1
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.010 ms  bind kd_2: WITH RECURSIVE walk AS (
\t    SELECT 'LOG:  duration: 7.000 ms  execute kd_2: SELECT'
\t)
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.040 ms  execute kd_2: WITH RECURSIVE walk AS (
\t)
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 3.000 ms  statement: COMMIT
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.900 ms  execute <unnamed>: BEGIN
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.005 ms  bind kd_1: SELECT 1
2024-05-01 12:00:00.000 UTC [7] LOG:  checkpoint starting: time
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.006 ms  execute kd_1: SELECT 1
2024-05-01 12:00:00.000 UTC [7] LOG:  duration: 0.900 ms  statement: COMMIT
"""


def test_a_call_is_what_its_statements_took_to_bind_and_to_execute() -> None:
    assert calls_in(LOG.splitlines(keepends=True), 7) == pytest.approx([100.0, 11.0])

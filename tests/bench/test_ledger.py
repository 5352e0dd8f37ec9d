"""The bench: tiny contests run to their end, and their objects have the shape and the sums they should."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from koudai.base import Fault
from koudai.bench.ledger import contest
from koudai.bench.model import BATCHES, CONTESTS, HTTP, BenchFault, Draw, Http, Memory, Sizes, Wish
from koudai.bench.pgledger import PgledgerFigures
from koudai.bench.result import Point, Result, Round, Scale, Verified
from koudai.bench.scale import FIGURE, bounded
from koudai.cli import Parts, run_cli

TINY = Sizes(
    cards=400, merchants=10, batch=50, large_batch=100, connections=(1, 2, 4, 8), scale=1, clients=(1, 2), crowd=4,
    card_marks=(100, 300), transfer_marks=(1_000, 3_000),
)  # fmt: skip
LOADS = 2
HELPER = "CREATE FUNCTION helper(number bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'acct_' || number $$;\n"
STAND_IN = Path(__file__).with_name("stand_in.sql").read_text(encoding="utf-8")

RATE = {"per_s": float, "ratio": float}
OVER_HTTP = {**RATE, "ratio_64": float, "p50_ms": float, "p99_ms": float, "stall_ms": float}
VERIFY = {"transfers": int, "seconds": float, "per_s": float}
END = {
    "rounds": int,
    "machine": {"cpus": int, "memory_gib": float, "python": str, "postgresql": str, "platform": str},
}
SHAPE = {
    "tpcb_like": {"per_s": float, "clients": int},
    "tpcb_like_64": {"per_s": float},
    "batch_1000": {"uniform": RATE, "hot": RATE, "zipf": RATE},
    "batch_8000": {"uniform": RATE, "hot": RATE, "zipf": RATE},
    "zipf": RATE,
    "authorise_capture": RATE,
    **dict.fromkeys(HTTP, OVER_HTTP),
    "wal_bytes_per_transfer": int,
    "memory": {"server_bytes": int, "worker_bytes": int, "api_bytes": int},
    "verify": VERIFY,
    **END,
}


def run(home: Path, wish: Wish, sizes: Sizes = TINY) -> tuple[dict[str, Any], list[tuple[str, int, int]]]:
    """A contest's object, and what was told meanwhile; it leaves nothing behind."""
    told: list[tuple[str, int, int]] = []
    environment = {**os.environ, "KOUDAI_HOME": str(home), "KOUDAI_DATABASE_URL": "postgresql://nowhere.invalid/x"}
    result = asyncio.run(contest(environment, wish, sizes, lambda *what: told.append(what)))
    assert list(home.iterdir()) == []
    return result.to_json(), told


def shape(value: Any) -> Any:
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else type(value)


def test_a_tiny_contest_has_everything_and_leaves_nothing(home: Path) -> None:
    found, told = run(home, Wish(rounds=1, seconds=0.25))
    if not Path("/proc/self/smaps_rollup").exists():
        assert set(found["memory"].values()) == {None}
        found["memory"] = dict.fromkeys(found["memory"], 1)
    assert shape(found) == SHAPE
    assert found["rounds"] == 1
    best = found["tpcb_like"]["per_s"]
    figures = [found[size][draw] for size in BATCHES for draw in Draw]
    for ours in (*figures, found["authorise_capture"], *(found[name] for name in HTTP)):
        assert ours["per_s"] > 0
        assert ours["ratio"] == pytest.approx(ours["per_s"] / best, abs=0.002)
    for name in HTTP:
        http = found[name]
        assert http["ratio_64"] == pytest.approx(http["per_s"] / found["tpcb_like_64"]["per_s"], abs=0.002)
        assert 0 < http["p50_ms"] <= http["p99_ms"]
    assert found["zipf"] == found["batch_1000"]["zipf"]
    assert found["tpcb_like"]["clients"] in TINY.clients
    # More than the rows of a transfer themselves, less than a page of each of its tables.
    assert 500 < found["wal_bytes_per_transfer"] < 20_000
    booked = sum(ours["per_s"] * 0.2 for ours in (*figures, *(found[name] for name in HTTP)))
    assert found["verify"]["transfers"] > TINY.cards * LOADS + booked / 2
    assert [what for what in told if what[0] == "measure"] == [("measure", n, 14) for n in range(1, 15)]
    assert told[-1][0] == "verify"


def test_only_what_is_asked_for_is_measured_and_a_peer_beside_it(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "pgledger.sql"
    path.write_text(HELPER + STAND_IN)
    wish = Wish(rounds=1, seconds=0.25, only=("zipf", "http_64"), pgledger=path)
    found, told = run(home, wish, replace(TINY, clients=(1,)))
    several = {"per_s": float, "clients": int, "by_clients": {"1": float}}
    assert shape(found) == {
        "tpcb_like": SHAPE["tpcb_like"],
        "tpcb_like_64": SHAPE["tpcb_like_64"],
        "batch_1000": {"zipf": RATE},
        "zipf": RATE,
        "http_64": OVER_HTTP,
        "memory": shape(found["memory"]),
        "pgledger": {
            "best_per_s": float,
            "single": several,
            "batched": {"size": int, **several, "by_clients": {"1": float, "2": float}},
            "ratio_http_64": float,
        },
        "verify": VERIFY,
        **END,
    }
    peer = found["pgledger"]
    assert peer["ratio_http_64"] == pytest.approx(found["http_64"]["per_s"] / peer["single"]["per_s"], abs=0.002)
    assert [what for what in told if what[0] == "measure"][-1] == ("measure", 7, 7)


def test_growing_measures_at_each_mark(home: Path) -> None:
    found, told = run(home, Wish(rounds=1, seconds=0.25, only=("scale",)), replace(TINY, clients=(1,)))
    point = {**RATE, "transfers": int, "cards": int}
    assert shape(found) == {
        "scale": {
            "transfers": {"1000": point, "3000": point},
            "transfers_ratio": float,
            "cards": {"100": point, "300": point},
            "cards_ratio": float,
            "verify": VERIFY,
        },
        **END,
    }
    scale = found["scale"]
    first, last = scale["transfers"].values()
    few, many = scale["cards"].values()
    assert (first["transfers"], first["cards"]) == (1_000, 100)
    # What was measured at the first mark may have gone beyond the second one.
    assert last["transfers"] >= 3_000
    assert few == last
    assert (many["cards"], many["transfers"] > last["transfers"] + 200 * LOADS) == (300, True)
    assert scale["transfers_ratio"] == pytest.approx(last["ratio"] / first["ratio"], abs=0.002)
    assert scale["cards_ratio"] == pytest.approx(many["ratio"] / few["ratio"], abs=0.002)
    assert scale["verify"]["transfers"] > many["transfers"]
    assert ("fill", 1_000, 1_000) in told
    assert [what for what in told if what[0] == "measure"] == [("measure", n, 3) for n in range(1, 4)]


def test_a_file_that_is_not_there_is_told_before_anything_is_made(home: Path) -> None:
    with pytest.raises(Fault) as told:
        run(home, Wish(pgledger=home / "pgledger.sql"))
    assert told.value.code == BenchFault.PEER_UNUSABLE
    assert list(home.iterdir()) == []


def one(speed: float, **more: Any) -> Round:
    tpcb = {1: 100 * speed, 8: 500 * speed, 32: 400 * speed}
    rates = {"batch_1000.uniform": 3000 * speed, "batch_1000.hot": 3500 * speed, "authorise_capture": 1000 * speed}
    http = {"http_64": Http(per_s=600 * speed, p50_ms=1, p99_ms=2, stall_ms=3)}
    return Round(tpcb, rates, http, crowd=300 * speed, **more)


def test_what_is_compared_is_the_ratio_within_a_round() -> None:
    found = Result((one(1.0), one(10.0), one(3.0)), {}).to_json()
    assert found["tpcb_like"] == {"per_s": 1500, "clients": 8}
    assert found["batch_1000"] == {
        "uniform": {"per_s": 9000, "ratio": 6.0},
        "hot": {"per_s": 10500, "ratio": 7.0},
    }
    assert found["authorise_capture"] == {"per_s": 3000, "ratio": 2.0}
    assert (found["http_64"]["ratio"], found["http_64"]["ratio_64"]) == (1.2, 2.0)
    assert {"batch_8000", "zipf", "http_1", "pgledger", "scale", "wal_bytes_per_transfer"}.isdisjoint(found)


def test_a_peer_is_compared_with_its_best_and_one_by_one() -> None:
    figures = PgledgerFigures(single={1: 200.0}, batched={1: 400.0, 2: 500.0}, batch=1_000)
    found = Result((one(1.0, pgledger=figures),), {}).to_json()["pgledger"]
    assert {name: value for name, value in found.items() if name.startswith("ratio")} == {
        "ratio_batch_1000": 6.0,
        "ratio_http_64": 3.0,
    }


def test_of_memory_the_most_is_told_and_of_log_the_median() -> None:
    rounds = [
        one(1.0, wal_bytes=wal, memory=Memory(server, 5, None)) for wal, server in ((900.4, 7), (100, 9), (5000, 8))
    ]
    found = Result(tuple(rounds), {}).to_json()
    assert found["wal_bytes_per_transfer"] == 900
    assert found["memory"] == {"server_bytes": 9, "worker_bytes": 5, "api_bytes": None}


def test_growth_is_what_is_left_of_the_ratio_at_the_last_mark() -> None:
    def point(transfers: int, ours: float, theirs: float) -> Point:
        return Point(10, transfers, (Round({8: theirs}, {FIGURE: ours}),))

    # Ours is slower at the end, but the machine is slower by more.
    points = {100: point(100, 1000, 100), 1000: point(1000, 960, 80)}
    found = Scale(FIGURE, points, {10: points[1000]}, Verified(3_000, 1.5)).to_json()
    assert (found["transfers_ratio"], found["cards_ratio"]) == (1.2, 1.0)
    assert found["transfers"]["1000"] == {"per_s": 960, "ratio": 12.0, "transfers": 1000, "cards": 10}
    assert found["verify"] == {"transfers": 3_000, "seconds": 1.5, "per_s": 2000.0}


@pytest.mark.parametrize(
    ("only", "scale", "wanted"),
    [
        pytest.param((), False, "all but scale", id="all"),
        pytest.param((), True, "all", id="all and scale"),
        pytest.param(("scale",), False, {"scale"}, id="scale alone"),
        pytest.param(("zipf",), False, {"batch_1000.zipf"}, id="zipf"),
        pytest.param(("batch_8000",), False, {f"batch_8000.{draw}" for draw in Draw}, id="batches"),
        pytest.param(("http_1", "authorise_capture"), False, {"http_1", "authorise_capture"}, id="two"),
        pytest.param(("http_1",), True, {"http_1", "scale"}, id="one and scale"),
    ],
)
def test_contests_are_chosen_by_name(only: tuple[str, ...], scale: bool, wanted: Any) -> None:
    figures = {*(f"{size}.{draw}" for size in BATCHES for draw in Draw), "authorise_capture", *HTTP, "scale"}
    if isinstance(wanted, str):
        wanted = figures if wanted == "all" else figures - {"scale"}
    wish = Wish(only=only, scale=scale)
    assert {figure for figure in figures if wish.wants(figure)} == wanted


def test_marks_end_where_they_are_told_to() -> None:
    assert bounded(Sizes(), None, None) == Sizes()
    sizes = bounded(Sizes(), 2_000_000, 500)
    assert sizes.transfer_marks == (100_000, 1_000_000, 2_000_000)
    assert sizes.card_marks == (500,)
    assert bounded(Sizes(), 10_000_000, None).transfer_marks == Sizes().transfer_marks


class Measured:
    def to_json(self) -> dict[str, Any]:
        return {"tpcb_like": {"per_s": 1234.5}, "rounds": 1}


def called(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[Any], str]:
    """What the parts were called with, and what was printed."""
    calls: list[Any] = []

    async def bench_ledger(rounds: int, seconds: float, on_progress: Any, **options: Any) -> Measured:
        calls.append(("ledger", rounds, seconds, options))
        return Measured()

    async def bench_read(transfers: int, on_progress: Any) -> Measured:
        calls.append(("read", transfers))
        on_progress("fill", 2, 2)
        return Measured()

    never: Any = None
    parts = Parts(never, never, bench_ledger, bench_read, never, never, never, asyncio.run)
    assert run_cli(("bench", *arguments), parts) == 0
    return calls, capfd.readouterr().out


def test_the_command_line_asks_for_what_it_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    nothing = {"only": (), "scale": False, "most_transfers": None, "most_cards": None, "pgledger": None}
    calls, printed = called(capfd, "ledger")
    assert calls == [("ledger", 3, 5.0, nothing)]
    assert "1,234.5" in printed
    more = ("--rounds", "1", "--seconds", "2", "--only", "zipf", "--only", "http_8", "--pgledger", "x.sql", "--scale")
    calls, printed = called(capfd, "ledger", *more, "--json")
    asked = {**nothing, "only": ("zipf", "http_8"), "scale": True, "pgledger": Path("x.sql")}
    assert calls == [("ledger", 1, 2.0, asked)]
    assert printed == '{"tpcb_like": {"per_s": 1234.5}, "rounds": 1}\n'
    calls, _ = called(capfd, "ledger", "--scale-transfers", "5000", "--scale-cards", "200")
    assert calls == [("ledger", 3, 5.0, {**nothing, "scale": True, "most_transfers": 5_000, "most_cards": 200})]
    assert called(capfd, "read")[0] == [("read", 1_000_000)]
    assert called(capfd, "read", "--transfers", "20000")[0] == [("read", 20_000)]


def test_help_names_every_contest(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    _, printed = called(capfd, "ledger", "--help")
    assert [name for name in CONTESTS if name not in printed] == []

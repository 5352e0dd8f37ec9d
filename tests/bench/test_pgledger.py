"""The peer pgledger: it is loaded, stocked and measured, and a file that doesn't serve is named.

The real file is its authors' and isn't in this repository. Most tests use a tiny stand-in with the same
signatures, `stand_in.sql`, which books transfers and keeps bounds. Where KOUDAI_PGLEDGER_SQL names the
real file, that is tried as well.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import psycopg
import pytest

from koudai.base import Fault
from koudai.bench.ground import Ground, open_ground
from koudai.bench.model import BenchFault, Sizes
from koudai.bench.pgbench import Yardstick, lay_yardstick
from koudai.bench.pgledger import BATCH_CLIENTS, PgledgerFigures, lay_pgledger, middle

TINY = Sizes(cards=1_203, merchants=7, batch=50, scale=1, clients=(1, 2))
LOADED = 10_000_000
REAL = "KOUDAI_PGLEDGER_SQL"

HELPER = "CREATE FUNCTION helper(number bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'acct_' || number $$;\n"
STAND_IN = Path(__file__).with_name("stand_in.sql").read_text(encoding="utf-8")
# A peer that refuses every transfer but the loads.
REFUSING = STAND_IN + "ALTER TABLE transfers ADD CHECK (amount > 1);\n"

Field = tuple[Ground, Yardstick]


@pytest.fixture(scope="module")
def server() -> Iterator[Field]:
    """A ground with a yardstick."""
    home = Path(tempfile.mkdtemp(prefix="kd-"))
    home.chmod(0o755)
    try:
        with open_ground({**os.environ, "KOUDAI_HOME": str(home)}) as ground:
            yield ground, asyncio.run(lay_yardstick(ground, TINY))
    finally:
        rmtree(home)


@pytest.fixture
def field(server: Field) -> Iterator[Field]:
    """The same for every test, without what the one before has laid."""
    yield server
    asyncio.run(server[1].order("DROP DATABASE IF EXISTS pgledger WITH (FORCE)", "postgres"))


def ask(ground: Ground, query: str) -> tuple[Any, ...]:
    with psycopg.connect(ground.server.dsn("postgres", "pgledger"), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row


BOOKED = """SELECT sum(balance) FILTER (WHERE name LIKE 'merchant/%')::bigint,
    count(*) FILTER (WHERE name LIKE 'card/%' AND balance < 10000000),
    count(*) FILTER (WHERE name LIKE 'merchant/%' AND balance > 0)
    FROM pgledger_accounts_view"""
CARDS = """SELECT count(*), min(balance)::bigint, max(balance)::bigint, bool_or(allow_negative_balance)
    FROM pgledger_accounts_view WHERE name LIKE 'card/%'"""


async def check_peer(field: Field, path: Path) -> None:
    """The stock is as it should be, and every run is of transfers that were booked."""
    ground, yardstick = field
    told: list[tuple[int, int]] = []
    peer = await lay_pgledger(ground, path, TINY, yardstick, lambda done, total: told.append((done, total)))
    assert told[-1] == (TINY.cards, TINY.cards)
    assert ask(ground, CARDS) == (TINY.cards, LOADED, LOADED, False)
    assert ask(ground, "SELECT count(*) FROM pgledger_accounts_view WHERE name LIKE 'merchant/%'") == (TINY.merchants,)

    await peer.settle()
    # A run of a second has booked about its rate: what is counted are transfers, and they are there.
    per_s = await peer.measure(clients=2, seconds=1.0)
    singles, paying, paid = ask(ground, BOOKED)
    assert per_s == pytest.approx(singles, rel=0.7)
    assert paying > 10
    assert paid == TINY.merchants
    per_s = await peer.measure_batch(batch=20, clients=2, seconds=1.0)
    both, *_ = ask(ground, BOOKED)
    assert per_s == pytest.approx(both - singles, rel=0.7)
    assert (both - singles) % 20 == 0
    of_cards = "SELECT count(*), count(DISTINCT r.from_account_id) > 700 FROM contest.batches, unnest(requests) AS r"
    assert ask(ground, of_cards) == (64 * 20, True)

    steps: list[int] = []
    figures = await peer.measure_all(1.0, lambda: steps.append(1))
    assert (set(figures.single), set(figures.batched)) == (set(TINY.clients), set(BATCH_CLIENTS))
    assert len(steps) == len(TINY.clients) + len(BATCH_CLIENTS)
    assert ask(ground, "SELECT sum(balance)::bigint FROM pgledger_accounts_view") == (0,)


def test_a_stand_in_is_stocked_and_measured(field: Field, tmp_path: Path) -> None:
    path = tmp_path / "pgledger.sql"
    path.write_text(HELPER + STAND_IN)
    asyncio.run(check_peer(field, path))


def test_helpers_are_found_beside_the_file_and_a_transfer_that_is_refused_is_a_fault(
    field: Field, tmp_path: Path
) -> None:
    path = tmp_path / "pgledger.sql"
    path.write_text(REFUSING)
    (tmp_path / "vendor" / "ids").mkdir(parents=True)
    (tmp_path / "vendor" / "ids" / "helper.sql").write_text(HELPER)

    async def work(ground: Ground, yardstick: Yardstick) -> None:
        peer = await lay_pgledger(ground, path, TINY, yardstick)
        for refused in (peer.measure(1, 1.0), peer.measure_batch(10, 1, 1.0)):
            with pytest.raises(Fault) as told:
                await refused
            assert told.value.code == BenchFault.PROCESS_FAILED
            assert "transfers_amount_check" in told.value.facts["detail"]

    asyncio.run(work(*field))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param(STAND_IN, "function helper(integer) does not exist", id="without its helper"),
        pytest.param("CREATE EXTENSION of_somebody_else;", 'extension "of_somebody_else" is not available', id="extension"),
        pytest.param("This is no SQL.", "syntax error", id="no SQL"),
        pytest.param("SELECT 1;", "transfer_request[]", id="another file"),
        pytest.param(
            "CREATE TYPE transfer_request AS (a text, b text, c numeric);",
            "function pgledger_create_account",
            id="without its functions",
        ),
        pytest.param(
            HELPER + STAND_IN + "ALTER TABLE transfers ADD CHECK (amount < 5);", "transfers_amount_check", id="no loads"
        ),
    ],
)  # fmt: skip
def test_a_file_that_does_not_serve_is_named_with_the_reason(
    field: Field, tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "ledger.sql"
    if text is not None:
        path.write_text(text)

    async def work(ground: Ground, yardstick: Yardstick) -> None:
        with pytest.raises(Fault) as told:
            await lay_pgledger(ground, path, TINY, yardstick)
        assert told.value.code == BenchFault.PEER_UNUSABLE
        assert told.value.facts["path"] == str(path)
        assert said in told.value.facts["detail"]

    asyncio.run(work(*field))


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} names no copy of pgledger.sql, which isn't ours to include")
def test_the_real_file_is_stocked_and_measured(field: Field) -> None:
    asyncio.run(check_peer(field, Path(os.environ[REAL])))


def test_the_best_of_each_way_stands_beside_each_figure() -> None:
    figures = PgledgerFigures(single={1: 10.04, 8: 30.0, 32: 20.0}, batched={1: 70.06, 2: 60.0}, batch=1_000)
    assert (figures.best_single, figures.best_batched, figures.best) == (30.0, 70.06, 70.06)
    assert figures.to_json() == {
        "best_per_s": 70.1,
        "single": {"per_s": 30.0, "clients": 8, "by_clients": {"1": 10.0, "8": 30.0, "32": 20.0}},
        "batched": {"size": 1_000, "per_s": 70.1, "clients": 1, "by_clients": {"1": 70.1, "2": 60.0}},
    }


def test_the_middle_of_rounds_is_the_median_of_each_figure() -> None:
    rounds = [PgledgerFigures({1: one, 8: 5.0 - one}, {1: 2 * one}, 1_000) for one in (1.0, 4.0, 2.0)]
    assert middle(rounds) == PgledgerFigures({1: 2.0, 8: 3.0}, {1: 4.0}, 1_000)

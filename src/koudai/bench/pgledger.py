"""A peer: pgledger, a double-entry ledger in one SQL file, in a database of its own on the same server.

The file is its authors' and not ours: whoever measures names it. It is given every help that a user of
it would think of: its tables are vacuumed and analysed before each run, its functions are called by
pgbench with prepared statements, ids are looked up by number at the cost of about a hundredth of a
transfer, and what it could be asked to do in batches is made before the clock starts.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from koudai.base import Fault
from koudai.bench.ground import Ground
from koudai.bench.model import BenchFault, Sizes
from koudai.bench.peer import process_fault, run_to_end
from koudai.bench.pgbench import Yardstick

BATCH_CLIENTS = (1, 2)
"""Clients that book in batches. More would wait: two batches have merchants in common, and it locks them."""

_DATABASE = "pgledger"
_SUPERUSER = "postgres"
_THREADS = 2
_PIECE = 5_000
_AT_ONCE = 2
_RATE = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)

# What the contest adds, in a schema of its own: numbers for ids, and batches that wait to be booked.
# Cards may never be overdrawn, as ours. Merchants have no bounds, as ours. Each piece loads from a funding
# account of its own: the more often a row changes in one transaction, the dearer is the next change.
_FIELD = """
CREATE SCHEMA contest;
CREATE TABLE contest.cards (n integer PRIMARY KEY, id text NOT NULL);
CREATE TABLE contest.merchants (n integer PRIMARY KEY, id text NOT NULL);
CREATE TABLE contest.batches (size integer, n integer, requests transfer_request[] NOT NULL, PRIMARY KEY (size, n));

CREATE PROCEDURE contest.open_merchants(count integer) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contest.merchants
    SELECT number, (SELECT made.id FROM pgledger_create_account('merchant/' || number, 'GBP') AS made)
    FROM generate_series(1, count) AS number;
END $$;

CREATE PROCEDURE contest.open_cards(first integer, last integer) LANGUAGE plpgsql AS $$
DECLARE
    loaded CONSTANT numeric := 10000000;
    piece CONSTANT integer := 500;
    funding text;
BEGIN
    FOR low IN first..last BY piece LOOP
        SELECT made.id INTO funding
        FROM pgledger_create_account('funding/' || low, 'GBP', allow_positive_balance => false) AS made;
        INSERT INTO contest.cards
        SELECT number,
            (SELECT made.id
             FROM pgledger_create_account('card/' || number, 'GBP', allow_negative_balance => false) AS made)
        FROM generate_series(low, least(low + piece - 1, last)) AS number;
        PERFORM count(*) FROM pgledger_create_transfers(
            transfer_requests => (
                SELECT array_agg((funding, id, loaded)::transfer_request ORDER BY n)
                FROM contest.cards WHERE n BETWEEN low AND low + piece - 1
            ),
            event_at => NULL
        );
        COMMIT;
    END LOOP;
END $$;

CREATE PROCEDURE contest.draw_batches(wanted integer, of_size integer) LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM contest.batches WHERE size = of_size) THEN
        RETURN;
    END IF;
    PERFORM setseed(0.5);
    INSERT INTO contest.batches
    SELECT of_size, drawn.batch, array_agg((card.id, merchant.id, 1)::transfer_request)
    FROM (
        SELECT batch,
            1 + floor(random() * (SELECT count(*) FROM contest.cards))::integer AS card,
            1 + floor(random() * (SELECT count(*) FROM contest.merchants))::integer AS merchant
        FROM generate_series(1, wanted) AS batch, generate_series(1, of_size)
    ) AS drawn
    JOIN contest.cards AS card ON card.n = drawn.card
    JOIN contest.merchants AS merchant ON merchant.n = drawn.merchant
    GROUP BY drawn.batch;
END $$;
"""
# Through the view that it publishes: see `Yardstick.tpcb` for what this is good for.
_TOUCH = "SELECT count(*) FROM (SELECT 1 FROM pgledger_accounts_view FOR NO KEY UPDATE) AS t"
# An id that isn't found is null, which it refuses: no run is quick because it does nothing.
_TRANSFER = r"""\set card random(1, :cards)
\set merchant random(1, :merchants)
SELECT * FROM pgledger_create_transfer(
    (SELECT id FROM contest.cards WHERE n = :card), (SELECT id FROM contest.merchants WHERE n = :merchant), 1);
"""
_BATCHES = 64
_BATCH = r"""\set n random(1, :batches)
SELECT count(*) FROM pgledger_create_transfers(
    transfer_requests => (SELECT requests FROM contest.batches WHERE size = :size AND n = :n), event_at => NULL);
"""


@dataclass(frozen=True)
class PgledgerFigures:
    """Transfers a second of one round: each in a transaction of its own, and in batches, by clients."""

    single: Mapping[int, float]
    batched: Mapping[int, float]
    batch: int

    @property
    def best_single(self) -> float:
        """One transfer a transaction, at the number of clients that suited it best."""
        return max(self.single.values())

    @property
    def best_batched(self) -> float:
        """Transfers in batches, at the number of clients that suited it best."""
        return max(self.batched.values())

    @property
    def best(self) -> float:
        """The most that it reached in any way."""
        return max(self.best_single, self.best_batched)

    def to_json(self) -> dict[str, Any]:
        """The best of each way, with each figure by its number of clients."""
        return {
            "best_per_s": round(self.best, 1),
            "single": _by_clients(self.single),
            "batched": {"size": self.batch, **_by_clients(self.batched)},
        }


def middle(rounds: Sequence[PgledgerFigures]) -> PgledgerFigures:
    """The median of each figure over rounds of the same kind."""
    return PgledgerFigures(
        single={clients: median(one.single[clients] for one in rounds) for clients in rounds[0].single},
        batched={clients: median(one.batched[clients] for one in rounds) for clients in rounds[0].batched},
        batch=rounds[0].batch,
    )


def _by_clients(figures: Mapping[int, float]) -> dict[str, Any]:
    return {
        "per_s": round(max(figures.values()), 1),
        "clients": max(figures, key=lambda clients: figures[clients]),
        "by_clients": {str(clients): round(per_s, 1) for clients, per_s in figures.items()},
    }


@dataclass(frozen=True)
class Pgledger:
    """The peer, ready to be measured: its cards are loaded, its merchants open."""

    yardstick: Yardstick
    sizes: Sizes
    room: Path

    async def settle(self) -> None:
        """Tidy its tables, and write out what is dirty, so that nobody pays for who ran before."""
        await self.yardstick.order("VACUUM ANALYZE", _DATABASE)
        await self.yardstick.settle()

    async def measure(self, clients: int, seconds: float) -> float:
        """Transfers a second of so many clients, from a random card to a random merchant, each committed alone.

        Lasts at least one whole second; raises Fault when a transfer isn't accepted.
        """
        variables = {"cards": self.sizes.cards, "merchants": self.sizes.merchants}
        return await self._run("transfer", _TRANSFER, variables, clients, seconds)

    async def measure_batch(self, batch: int, clients: int, seconds: float) -> float:
        """Transfers a second of so many clients, `batch` of them in one call of its function for many.

        A run goes through 64 random batches in random order, which are made before its clock starts.
        """
        await self.yardstick.order(f"CALL contest.draw_batches({_BATCHES}, {batch})", _DATABASE)
        variables = {"batches": _BATCHES, "size": batch}
        return batch * await self._run("batch", _BATCH, variables, clients, seconds)

    async def measure_all(self, seconds: float, tell: Callable[[], None] | None = None) -> PgledgerFigures:
        """One round, settled before each of its runs; `tell` is called after each."""

        def done() -> None:
            if tell is not None:
                tell()

        single, batched = {}, {}
        for clients in self.sizes.clients:
            await self.settle()
            single[clients] = await self.measure(clients, seconds)
            done()
        for clients in BATCH_CLIENTS:
            await self.settle()
            batched[clients] = await self.measure_batch(self.sizes.batch, clients, seconds)
            done()
        return PgledgerFigures(single, batched, self.sizes.batch)

    async def _run(self, name: str, script: str, variables: Mapping[str, int], clients: int, seconds: float) -> float:
        """Transactions a second of a script."""
        path = self.room / f"pgledger-{name}.sql"
        path.write_text(script, encoding="utf-8")
        await self.yardstick.order(_TOUCH, _DATABASE)
        command: list[str | Path] = [
            self.yardstick.server.binary("pgbench"), "-f", path, "-M", "prepared", "-n",
            "-j", str(min(clients, _THREADS)), "-c", str(clients), "-T", str(max(1, round(seconds))),
            *(part for known, value in variables.items() for part in ("-D", f"{known}={value}")), _DATABASE,
        ]  # fmt: skip
        said = await run_to_end(command, self.yardstick.environment)
        found = _RATE.search(said)
        if found is None:
            raise process_fault("pgbench", said)
        return float(found[1])


async def lay_pgledger(
    ground: Ground,
    path: Path,
    sizes: Sizes,
    yardstick: Yardstick,
    tell: Callable[[int, int], None] | None = None,
) -> Pgledger:
    """Load the SQL file into a database of its own, and make its cards and merchants.

    The helpers that the file needs are in it, or in `vendor` beside it, as in its repository. `tell` is
    told how many cards are loaded, and of how many. Raises Fault `bench.peer_unusable` (path, detail)
    when the file can't be read or loaded, or hasn't the functions that are called.
    """
    check_readable(path)
    await yardstick.order(f"CREATE DATABASE {_DATABASE}", _SUPERUSER)
    try:
        await _load(yardstick, path)
        await yardstick.order(_FIELD, _DATABASE)
        await yardstick.order(f"CALL contest.open_merchants({sizes.merchants})", _DATABASE)
        await _open_cards(yardstick, sizes.cards, tell or (lambda done, total: None))
    except Fault as fault:
        raise _unusable(path, str(fault.facts.get("detail", fault.code))) from fault
    peer = Pgledger(yardstick, sizes, ground.home)
    await peer.settle()
    return peer


def check_readable(path: Path) -> None:
    """Raise Fault `bench.peer_unusable` (path, detail) when the file can't be read."""
    try:
        path.open("rb").close()
    except OSError as problem:
        raise _unusable(path, problem.strerror or str(problem)) from problem


def _unusable(path: Path, detail: str) -> Fault:
    return Fault(BenchFault.PEER_UNUSABLE, path=str(path), detail=detail)


async def _load(yardstick: Yardstick, path: Path) -> None:
    """All or nothing, as its own recipe does it."""
    files = [*sorted((path.parent / "vendor").glob("*/*.sql")), path]
    command: list[str | Path] = [
        yardstick.server.binary("psql"), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1",
        *(part for file in files for part in ("-f", file)), _DATABASE,
    ]  # fmt: skip
    await run_to_end(command, yardstick.environment)


async def _open_cards(yardstick: Yardstick, count: int, tell: Callable[[int, int], None]) -> None:
    """Two pieces at once, for a transfer keeps a processor busy."""
    done = 0

    async def open_piece(first: int) -> None:
        nonlocal done
        last = min(first + _PIECE - 1, count)
        await yardstick.order(f"CALL contest.open_cards({first}, {last})", _DATABASE)
        done += last - first + 1
        tell(done, count)

    for first in range(1, count + 1, _PIECE * _AT_ONCE):
        pieces = range(first, min(first + _PIECE * _AT_ONCE, count + 1), _PIECE)
        # Both have ended before one's fault is raised: nothing goes on behind the back of who caught it.
        ended = await asyncio.gather(*map(open_piece, pieces), return_exceptions=True)
        for fault in ended:
            if fault is not None:
                raise fault

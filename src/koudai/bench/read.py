"""Reading: how long the database takes for what people ask of a large ledger.

A field is filled through the verb of the cards, and a partition is rolled at two thirds. Then every
question is asked again and again, all in turn, so that what the machine does to one it does to all.
What is told is PostgreSQL's own time for the statements (see `timing`), beside a bound that is timed
alike: the look-up of one row of pgbench's accounts by its primary key.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from koudai import cards, ledger, merchants
from koudai.base import Fault
from koudai.bench.field import Field, open_field
from koudai.bench.ground import open_ground
from koudai.bench.ledger import Progress
from koudai.bench.model import BenchFault, Sizes, machine
from koudai.bench.stock import LOADS
from koudai.bench.timing import Call, calls_of, timed
from koudai.ledger import Place
from koudai.pg import Database

BOUND = "bound"
"""The look-up of one row by its primary key."""

_ENTRIES_A_CARD = 50
_HISTORY = 20
_STATEMENT = 50
_WARM_UP = 20
_TAG = "fill"
_LOOK_UP = "SELECT abalance FROM pgbench_accounts WHERE aid = $1::int"
_ACCOUNTS = 100_000


@dataclass(frozen=True)
class Reading:
    """Microseconds of each question, sorted, and what there was to ask about."""

    transfers: int
    cards: int
    partitions: int
    times: Mapping[str, Sequence[float]]
    machine: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The one object that `koudai bench read --json` prints; a ratio is that of the medians to the bound."""
        bound = _percentile(self.times[BOUND], 50)
        found: dict[str, Any] = {
            "transfers": self.transfers,
            "cards": self.cards,
            "partitions": self.partitions,
            "picks": len(self.times[BOUND]),
        }
        for name, times in self.times.items():
            p50, p99 = _percentile(times, 50), _percentile(times, 99)
            found[name] = {"p50_us": round(p50, 1), "p99_us": round(p99, 1), "ratio": round(p50 / bound, 3)}
        return {**found, "machine": dict(self.machine)}


async def bench_read(
    environment: Mapping[str, str], transfers: int, on_progress: Progress | None = None
) -> Reading:
    """Fill a temporary server up to so many transfers, and time the questions of a thousand random picks.

    Raises Fault when a process fails, or a question finds nothing.
    """
    cards_there = max(1_000, min(100_000, transfers // _ENTRIES_A_CARD))
    return await reading(environment, transfers, 1_000, Sizes(cards=cards_there), on_progress)


async def reading(
    environment: Mapping[str, str], transfers: int, picks: int, sizes: Sizes, on_progress: Progress | None = None
) -> Reading:
    """The same at any size."""
    tell = on_progress or (lambda stage, done, total: None)
    with open_ground(environment) as ground:
        async with open_field(ground, sizes) as field:
            await field.make_cards(sizes.cards, lambda done, total: tell("prepare", done, total))
            sent = [await _fill(field, transfers, tell, part) for part in (0, 1)]
            await field.analyze()
            await field.settle()
            times = await _ask_all(field, await _questions(field, picks, sent), tell)
            there = sizes.cards * LOADS + sum(sent)
            return Reading(there, sizes.cards, 2, times, machine(await field.version()))


async def _fill(field: Field, transfers: int, tell: Progress, part: int) -> int:
    """Book the part up to two thirds and leave its partition, or the rest; how many were booked."""
    loaded = field.sizes.cards * LOADS
    middle = max(loaded, transfers * 2 // 3)
    begun, until = ((loaded, middle), (middle, max(middle, transfers)))[part]
    await field.book(f"{_TAG}/{part}", until - begun, lambda done, _: tell("fill", begun + done, transfers))
    if part == 0:
        db = field.instance.db
        await db.transact(ledger.roll)
        # It waits for transactions that began before, such as autovacuum's.
        while not await db.transact(ledger.index_partitions):
            await asyncio.sleep(0.1)
    return until - begun


async def _questions(field: Field, picks: int, sent: Sequence[int]) -> dict[str, list[Call]]:
    """For each name as many calls as picks, about random cards, merchants and redemptions."""
    chance = random.Random(1)  # noqa: S311 repeatable load, no secret
    db, book = field.instance.db, field.stock.book
    picked = chance.choices(field.stock.cards, k=picks)
    known = await db.transact(lambda tx: cards.cards_by_id(tx, book, list(set(picked))))
    shops = await db.transact(lambda tx: merchants.find(tx, book, field.stock.merchants))
    paid = [shop.account_id for shop in chance.choices(list(shops.values()), k=picks)]
    keys = [_key(field, sent, chance) for _ in range(picks)]
    places = [await _place(db, book, key) for key in keys]
    return {
        "card": [lambda tx, c=c: cards.cards_by_id(tx, book, [c]) for c in picked],
        "history": [
            lambda tx, c=c: cards.activities_of_card(tx, book, c, known[c].newest, _HISTORY) for c in picked
        ],
        "merchant_balance": [lambda tx, a=a: ledger.balances(tx, [a]) for a in paid],
        "statement": [
            lambda tx, a=a, p=p: ledger.statement(tx, book, a, None, None, p, _STATEMENT)
            for a, p in zip(paid, places, strict=True)
        ],
        "outcome": [lambda tx, k=k: ledger.outcome_of_key(tx, book, k) for k in keys],
        "activity": [lambda tx, p=p: cards.activity(tx, book, p) for p in places],
    }


def _key(field: Field, sent: Sequence[int], chance: random.Random) -> str:
    """The key of a random redemption, as `Field.book` made it."""
    number = chance.randrange(sum(sent))
    part = 0 if number < sent[0] else 1
    batch, ordinal = divmod(number - sent[0] * part, field.sizes.large_batch)
    return f"{_TAG}/{part}/{batch}/{ordinal}"


async def _place(db: Database, book: int, key: str) -> Place:
    memory = await db.transact(lambda tx: ledger.outcome_of_key(tx, book, key))
    if memory is None:
        raise _nothing("outcome")
    return memory.place


def _nothing(name: str) -> Fault:
    return Fault(BenchFault.NOTHING_READ, question=name)


async def _ask_all(field: Field, questions: Mapping[str, Sequence[Call]], tell: Progress) -> dict[str, list[float]]:
    """Ask everything in turn, pick by pick, and read how long each took."""
    await field.yardstick.order("GRANT SELECT ON pgbench_accounts TO koudai_app", field.yardstick.database)
    ours = field.instance.target
    theirs = replace(ours, app=field.ground.server.dsn("koudai_app", field.yardstick.database))
    rows = field.sizes.scale * _ACCOUNTS
    chance = random.Random(2)  # noqa: S311 repeatable load, no secret
    picks = len(next(iter(questions.values())))
    order = [*(range(min(_WARM_UP, picks))), *range(picks)]
    async with timed(field.yardstick, ours) as session, timed(field.yardstick, theirs) as beside:
        for done, pick in enumerate(order, start=1):
            aid = chance.randint(1, rows)
            await beside.ask(lambda tx, aid=aid: tx.value(_LOOK_UP, aid))  # type: ignore[misc]
            for name, calls in questions.items():
                answer = await session.ask(calls[pick])
                if not answer or answer == ([], None):
                    raise _nothing(name)
            tell("measure", done, len(order))
    log = field.ground.server.log
    # What was asked last is what was asked for; the sessions asked for their own number before.
    bound = calls_of(log, beside.pid)[-picks:]
    told = calls_of(log, session.pid)[-picks * len(questions) :]
    assert len(bound) == picks
    assert len(told) == picks * len(questions)
    times = {name: sorted(told[at :: len(questions)]) for at, name in enumerate(questions)}
    return {BOUND: sorted(bound), **times}


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

"""Reading: how long the database takes for what people ask of a large ledger.

A field is filled through the verb of the cards, and a partition is rolled at two thirds. Then every
question is asked again and again, all in turn, so that what the machine does to one it does to all.
What is told is PostgreSQL's own time for the statements (see `timing`). The bound among them is the
look-up of one row of pgbench's accounts by its primary key, in the same session.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from koudai import cards, ledger, merchants
from koudai.base import Fault
from koudai.bench.field import Field, open_field
from koudai.bench.ground import open_ground
from koudai.bench.ledger import Progress
from koudai.bench.model import BenchFault, Sizes, machine
from koudai.bench.stock import LOADS
from koudai.bench.timing import calls_of, timed
from koudai.ledger import Place
from koudai.pg import Database, Tx

BOUND = "bound"
"""The look-up of one row by its primary key."""

# As many cards and merchants as have a history worth asking for.
_ENTRIES_A_CARD = 50
_ENTRIES_A_MERCHANT = 100
_HISTORY = 20
_STATEMENT = 50
_WARM_UP = 20
_TAG = "fill"
_LOOK_UP = "SELECT abalance FROM public.pgbench_accounts WHERE aid = $1::int"
_ACCOUNTS = 100_000


@dataclass(frozen=True)
class _Pick:
    """What one turn asks about."""

    card: int
    newest: Place
    account: int
    key: str
    place: Place
    left: Place
    open: Place
    aid: int


def _statement(tx: Tx, book: int, account: int, after: Place) -> Awaitable[Any]:
    return ledger.statement(tx, book, account, None, None, after, _STATEMENT)


# By the views that the doors call.
_QUESTIONS: Mapping[str, Callable[[int, _Pick, Tx], Awaitable[Any]]] = {
    BOUND: lambda _, pick, tx: tx.rows(_LOOK_UP, pick.aid),
    "card": lambda book, pick, tx: cards.cards_by_id(tx, book, [pick.card]),
    "history": lambda book, pick, tx: cards.activities_of_card(tx, book, pick.card, pick.newest, _HISTORY),
    "merchant_balance": lambda _, pick, tx: ledger.balances(tx, [pick.account]),
    "statement": lambda book, pick, tx: _statement(tx, book, pick.account, pick.left),
    "statement_open": lambda book, pick, tx: _statement(tx, book, pick.account, pick.open),
    "outcome": lambda book, pick, tx: ledger.outcome_of_key(tx, book, pick.key),
    "activity": lambda book, pick, tx: cards.activity(tx, book, pick.place),
}


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


async def bench_read(environment: Mapping[str, str], transfers: int, on_progress: Progress | None = None) -> Reading:
    """Fill a temporary server up to so many transfers, and time the questions of a thousand random picks.

    Raises Fault when a process fails, or a question finds nothing.
    """
    sizes = Sizes(
        cards=max(1_000, min(100_000, transfers // _ENTRIES_A_CARD)),
        merchants=min(1_000, transfers // _ENTRIES_A_MERCHANT),
    )
    return await reading(environment, transfers, 1_000, sizes, on_progress)


async def reading(
    environment: Mapping[str, str], transfers: int, picks: int, sizes: Sizes, on_progress: Progress | None = None
) -> Reading:
    """The same at any size."""
    tell = on_progress or (lambda stage, done, total: None)
    with open_ground(environment) as ground:
        async with open_field(ground, sizes) as field:
            await field.make_cards(sizes.cards, lambda done, total: tell("prepare", done, total))
            sent = [await _fill(field, transfers, tell, part) for part in (0, 1)]
            await field.yardstick.fill("koudai", sizes.scale)
            await field.yardstick.order("GRANT SELECT ON pgbench_accounts TO koudai_app", "koudai")
            await field.analyze()
            await field.settle()
            times = await _ask_all(field, await _pick_all(field, picks, sent), tell)
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
        while not await db.transact(ledger.index_partitions):  # noqa: ASYNC110 nobody would tell of it
            await asyncio.sleep(0.1)
    return until - begun


async def _pick_all(field: Field, count: int, sent: Sequence[int]) -> list[_Pick]:
    chance = random.Random(1)  # noqa: S311 repeatable load, no secret
    db, book = field.instance.db, field.stock.book
    drawn = chance.choices(field.stock.cards, k=count)
    known = await db.transact(lambda tx: cards.cards_by_id(tx, book, list(set(drawn))))
    shops = list((await db.transact(lambda tx: merchants.find(tx, book, field.stock.merchants))).values())
    rows = field.sizes.scale * _ACCOUNTS
    parts = ((0, sent[0]), (sent[0], sent[1]))
    picks = []
    for card in drawn:
        key = _key(field, sent, chance.randrange(sum(sent)))
        # Statements that go on somewhere before the end of a partition, the one that was left and the open one.
        left, newest = (_key(field, sent, chance.randrange(first, first + part // 2)) for first, part in parts)
        picks.append(
            _Pick(
                card=card, newest=known[card].newest, account=chance.choice(shops).account_id, key=key,
                place=await _place(db, book, key), left=await _place(db, book, left),
                open=await _place(db, book, newest), aid=chance.randint(1, rows),
            )
        )  # fmt: skip
    return picks


def _key(field: Field, sent: Sequence[int], number: int) -> str:
    """The key of a redemption by its number, as `Field.book` made it."""
    part = 0 if number < sent[0] else 1
    batch, ordinal = divmod(number - sent[0] * part, field.sizes.large_batch)
    return f"{_TAG}/{part}/{batch}/{ordinal}"


async def _place(db: Database, book: int, key: str) -> Place:
    memory = await db.transact(lambda tx: ledger.outcome_of_key(tx, book, key))
    if memory is None:
        raise Fault(BenchFault.NOTHING_READ, question="outcome")
    return memory.place


async def _ask_all(field: Field, picks: Sequence[_Pick], tell: Progress) -> dict[str, list[float]]:
    """Ask everything in turn, pick by pick, and read how long each took."""
    order = [*picks[:_WARM_UP], *picks]
    async with timed(field.yardstick, field.instance.target) as session:
        for done, pick in enumerate(order, start=1):
            for name, question in _QUESTIONS.items():
                if not _found(await session.db.transact(partial(question, field.stock.book, pick))):
                    raise Fault(BenchFault.NOTHING_READ, question=name)
            tell("measure", done, len(order))
    # What was asked last is what is measured; before it stand the warm-up and what the session asked first.
    told = calls_of(field.ground.server.log, session.pid)[-len(picks) * len(_QUESTIONS) :]
    times = {name: sorted(told[at :: len(_QUESTIONS)]) for at, name in enumerate(_QUESTIONS)}
    assert {len(one) for one in times.values()} == {len(picks)}
    return times


def _found(answer: Any) -> bool:
    # A page is a list and where the next one begins.
    return bool(answer[0] if isinstance(answer, tuple) else answer)


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

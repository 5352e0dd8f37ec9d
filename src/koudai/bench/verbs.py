"""Verbs: how fast cards are made, taken apart and given away, beside pgbench on one server; how fast is judged.

One process and one connection do all of it, so that the figures are those of a single worker. What is put on the
cards is what the contest of redemptions has: two lots, a holder, limits, and a programme with a document.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any

from koudai import cards
from koudai.base import Fault, Refused, SystemClock
from koudai.bench.field import Field, open_field
from koudai.bench.ground import open_ground
from koudai.bench.ledger import Progress
from koudai.bench.model import BenchFault, Sizes, machine
from koudai.bench.stock import CURRENCY
from koudai.instance import calm_collector
from koudai.policy import Point
from koudai.programmes import Kind, Law, read_programme, shipped_text

_ISSUED = 100_000
_BATCH = 1_000
_GIVEN = 1_000
_JUDGED = 20_000

# A load of 500 yuan on a bearer card of a retailer, as cards tell it.
_LOAD: Mapping[str, Any] = {
    "payer_level": "anonymous", "payer_kind": "person", "balance_after_minor": 50_000, "root_minor": 50_000,
    "purchase_minor": 50_000, "purchase_day_minor": 50_000, "prepaid_share_bps": 100, "prepaid_minor": 50_000,
    "revenue_minor": 5_000_000, "amount_minor": 50_000,
}  # fmt: skip
_PROGRAMME = "city-grocer"


@dataclass(frozen=True)
class Verbs:
    """What came of it: `rates` are commands a second of each round by verb, `tpcb` is pgbench's best of the round.

    `issue_s` is how long 100,000 cards took in all, `judged_us` microseconds of one judgement.
    """

    issued: int
    issue_s: float
    tpcb: Sequence[float]
    rates: Mapping[str, Sequence[float]]
    judged_us: Mapping[str, Sequence[float]]
    machine: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The one object that `koudai bench cards --json` prints; a ratio is the median of those within the rounds."""
        found: dict[str, Any] = {
            "issue": {"cards": self.issued, "seconds": round(self.issue_s, 2)},
            "tpcb_per_s": round(median(self.tpcb), 1),
        }
        for verb, rates in self.rates.items():
            ratio = median(rate / best for rate, best in zip(rates, self.tpcb, strict=True))
            found[verb] = {"per_s": round(median(rates), 1), "ratio": round(ratio, 3)}
        found["judgement"] = {name: {"us": round(median(times), 2)} for name, times in self.judged_us.items()}
        return {**found, "machine": dict(self.machine)}


async def bench_cards(
    environment: Mapping[str, str], rounds: int, seconds: float, on_progress: Progress | None = None
) -> Verbs:
    """Measure on a temporary server. Raises Fault when something isn't accepted."""
    return await verbs(environment, rounds, seconds, Sizes(cards=20_000, merchants=10), _ISSUED, on_progress)


async def verbs(
    environment: Mapping[str, str], rounds: int, seconds: float, sizes: Sizes, issued: int,
    on_progress: Progress | None = None,
) -> Verbs:  # fmt: skip
    """The same at any size."""
    tell = on_progress or (lambda stage, done, total: None)
    with open_ground(environment) as ground:
        async with open_field(ground, sizes) as field:
            await field.make_cards(sizes.cards, lambda done, total: tell("prepare", done, total))
            issue_s = await _issue(field, issued, tell)
            await field.analyze()
            # As in a server, which books in the same way.
            calm_collector()
            tpcb: list[float] = []
            rates: dict[str, list[float]] = {name: [] for name in _VERBS}
            judged: dict[str, list[float]] = {}
            steps = {name: await prepare(field) for name, prepare in _VERBS.items()}
            for number in range(rounds):
                tpcb.append(max([await field.tpcb(clients, seconds) for clients in sizes.clients]))
                for name, step in steps.items():
                    await field.settle()
                    rates[name].append(await _rate(step, seconds))
                for name, taken in _judge():
                    judged.setdefault(name, []).append(taken)
                tell("measure", number + 1, rounds)
            return Verbs(issued, issue_s, tpcb, rates, judged, machine(await field.version()))


async def _issue(field: Field, issued: int, tell: Callable[[str, int, int], None]) -> float:
    """Seconds in which so many virtual cards are issued, in batches, each with its number and its seal."""
    instance, stock = field.instance, field.stock
    began = perf_counter()
    for first in range(0, issued, _BATCH):
        wishes = [
            cards.Issue(key=f"verbs/{n}", programme_id=stock.programme, holder_ref=f"holder {n}")
            for n in range(first, min(first + _BATCH, issued))
        ]
        made = await instance.db.transact(
            lambda tx, wishes=wishes: cards.run(tx, stock.book, wishes, instance.keyring)  # type: ignore[misc]
        )
        _accepted(made)
        tell("fill", first + len(wishes), issued)
    return perf_counter() - began


Step = Callable[[], Awaitable[int]]
"""Does a batch of a verb, and says how many commands that were."""


async def _splits(field: Field) -> Step:
    """Splits, each of a card into two new ones and what stays."""
    instance, stock, numbers = field.instance, field.stock, count()

    async def step() -> int:
        ids = stock.cards
        chosen = [next(numbers) for _ in range(min(_BATCH, len(ids)))]
        wishes = [cards.Split(key=f"split/{n}", card=ids[n % len(ids)], pieces=(2, 1), asset=CURRENCY) for n in chosen]
        _accepted(await instance.db.transact(lambda tx: cards.run(tx, stock.book, wishes, instance.keyring)))
        return len(wishes)

    return step


async def _gifts(field: Field) -> Step:
    """Gifts, each given and claimed, so that the card is issued anew; of bearer cards, which are given on and on."""
    instance, stock, numbers = field.instance, field.stock, count()
    new = [cards.Issue(key=f"bearer/{n}", programme_id=stock.programme) for n in range(_GIVEN)]
    issued = _accepted(await instance.db.transact(lambda tx: cards.run(tx, stock.book, new, instance.keyring)))
    ids = [one.card.id for one in issued]
    source = cards.FundingSource.TRANSFER
    loads = [
        cards.Load(key=f"bearer load/{n}", card=card, amount_minor=100, asset=CURRENCY, source=source)
        for n, card in enumerate(ids)
    ]
    _accepted(await instance.db.transact(lambda tx: cards.run(tx, stock.book, loads)))

    async def step() -> int:
        run = next(numbers)
        wishes = [cards.GiveGift(key=f"give/{run}/{n}", card=card) for n, card in enumerate(ids)]
        ring, vault = instance.keyring, instance.vault
        given = _accepted(await instance.db.transact(lambda tx: cards.run(tx, stock.book, wishes, ring, vault)))
        claims = [
            cards.ClaimGift(
                key=f"claim/{run}/{n}", gift=one.gift.place, token_hash=cards.token_hash(instance.keyring, one.token)
            )
            for n, one in enumerate(given)
        ]
        made = _accepted(await instance.db.transact(lambda tx: cards.run(tx, stock.book, claims, instance.keyring)))
        ids[:] = [one.cards[0].card.id for one in made]
        return len(ids)

    return step


_VERBS: Mapping[str, Callable[[Field], Awaitable[Step]]] = {"split": _splits, "gift": _gifts}


async def _rate(step: Step, seconds: float) -> float:
    """Commands a second for so long, batch after batch."""
    done, began = 0, perf_counter()
    while perf_counter() - began < seconds:
        done += await step()
    return done / (perf_counter() - began)


def _accepted(outcomes: Sequence[Any]) -> Sequence[Any]:
    for outcome in outcomes:
        if isinstance(outcome, Refused):
            raise Fault(BenchFault.NOT_ACCEPTED, outcome=repr(outcome))
    return outcomes


def _judge() -> Iterator[tuple[str, float]]:
    """Microseconds of a judgement of a load: one that is allowed, and one that the cap of a bearer card refuses."""
    text = shipped_text(_PROGRAMME)
    assert text is not None, "it is shipped"
    found = read_programme(text)
    assert not isinstance(found, list), "and has no mistake"
    standing = {
        "play_money": True, "simulated": False, "issuer_class": "other", "issuer_sector": "retail",
        "issuer_young": False, "sales_stopped": False,
    }  # fmt: skip
    asked = Law(found.value, (), (), standing).asked(
        Point.LOAD, Kind.BEARER, funding="transfer", face_to_face=True, own_outlet=False, top_up=True
    )
    assert asked is not None, "it can be refused"
    now = SystemClock().now()
    for name, minor in (("allowed", 50_000), ("refused", 100_001)):
        facts = {**_LOAD, "balance_after_minor": minor, "root_minor": minor}
        facts = {name: value for name, value in facts.items() if name in asked.wants or name == "amount_minor"}
        verdict = asked.check(facts, now)
        if (verdict is None) is not (name == "allowed"):
            raise Fault(BenchFault.NOT_ACCEPTED, outcome=repr(verdict))
        began = perf_counter()
        for _ in range(_JUDGED):
            asked.check(facts, now)
        yield name, (perf_counter() - began) / _JUDGED * 1e6

"""Growing: throughput of batches as transfers and cards become more, beside pgbench at each mark.

Transfers grow first, on the fewest cards, and then cards, on all those transfers: so the last point of
the one is the first of the other.
"""

from collections.abc import Callable
from dataclasses import replace

from koudai.bench.field import Field
from koudai.bench.model import BATCHES, Draw, Sizes, Wish
from koudai.bench.result import Point, Round, Scale
from koudai.bench.stock import LOADS

FIGURE = f"{BATCHES[0]}.{Draw.UNIFORM}"
"""What is measured at each mark."""

Progress = Callable[[str, int, int], None]


def bounded(sizes: Sizes, most_transfers: int | None, most_cards: int | None) -> Sizes:
    """The sizes with marks up to these bounds, which are the last marks then."""
    return replace(
        sizes,
        transfer_marks=_up_to(sizes.transfer_marks, most_transfers),
        card_marks=_up_to(sizes.card_marks, most_cards),
    )


def _up_to(marks: tuple[int, ...], most: int | None) -> tuple[int, ...]:
    return marks if most is None else (*(mark for mark in marks if mark < most), most)


async def grow(field: Field, wish: Wish, tell: Progress) -> Scale:
    """Grow a new field from mark to mark, and measure at each; at the end the books are proven."""
    return await _Growth(field, wish, tell).run()


class _Growth:
    def __init__(self, field: Field, wish: Wish, tell: Progress) -> None:
        self._field = field
        self._wish = wish
        self._tell = tell
        self._transfers = 0
        sizes = field.sizes
        self._measures = (len(sizes.transfer_marks) + len(sizes.card_marks) - 1) * wish.rounds
        self._measured = 0

    async def run(self) -> Scale:
        """All marks."""
        sizes = self._field.sizes
        await self._make_cards(sizes.card_marks[0])
        by_transfers = {}
        for mark in sizes.transfer_marks:
            await self._fill(mark)
            by_transfers[mark] = await self._measure(f"transfers/{mark}")
        by_cards = {sizes.card_marks[0]: by_transfers[sizes.transfer_marks[-1]]}
        for mark in sizes.card_marks[1:]:
            await self._make_cards(mark)
            by_cards[mark] = await self._measure(f"cards/{mark}")
        verified = await self._field.verify(lambda done, total: self._tell("verify", done, total))
        return Scale(FIGURE, by_transfers, by_cards, verified)

    async def _make_cards(self, mark: int) -> None:
        made = len(self._field.stock.cards)
        await self._field.make_cards(mark, lambda done, total: self._tell("prepare", done, total))
        self._transfers += (mark - made) * LOADS

    async def _fill(self, mark: int) -> None:
        before = self._transfers
        if before < mark:
            await self._field.book(
                f"fill/{mark}", mark - before, lambda done, _: self._tell("fill", before + done, mark)
            )
            self._transfers = mark
            await self._field.analyze()

    async def _measure(self, tag: str) -> Point:
        """Rounds of ours between runs of pgbench; all of them together take ours as long as one contest.

        So what is measured adds little to what is there.
        """
        seconds = self._wish.seconds / self._wish.rounds
        there = self._transfers
        clients = self._field.sizes.clients
        rounds = []
        for number in range(self._wish.rounds):
            tpcb = {some: await self._field.tpcb(some, seconds) for some in clients[:-1]}
            tally = await self._field.batches(f"{tag}/{number}", self._field.sizes.batch, Draw.UNIFORM, seconds)
            tpcb |= {some: await self._field.tpcb(some, seconds) for some in clients[-1:]}
            self._transfers += tally.count
            rounds.append(Round(tpcb, {FIGURE: tally.per_s}))
            self._measured += 1
            self._tell("measure", self._measured, self._measures)
        return Point(len(self._field.stock.cards), there, tuple(rounds))

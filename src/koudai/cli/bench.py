"""`koudai bench`: what koudai measures of itself."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import click

from koudai.bench import CONTESTS
from koudai.cli.options import as_json
from koudai.cli.parts import Answer
from koudai.cli.running import Call
from koudai.cli.screen import Progress, print_table
from koudai.cli.speak import print_json
from koudai.cli.tree import Group
from koudai.cli.values import OneOf, Whole
from koudai.cli.words import word

bench = Group("bench", help=word("help.bench"), no_args_is_help=True)


@bench.command("ledger", help=word("help.bench_ledger"))
@click.option("--rounds", type=Whole(1, 100), default=3, metavar="N", help=word("opt.rounds"))
@click.option("--seconds", type=Whole(1, 3600), default=5, metavar="S", help=word("opt.seconds"))
@click.option("--only", type=OneOf(CONTESTS), multiple=True, metavar="NAME", help=word("opt.only"))
@click.option("--pgledger", type=click.Path(path_type=Path), metavar="FILE", help=word("opt.pgledger"))
@click.option("--scale", is_flag=True, help=word("opt.scale"))
@click.option("--scale-transfers", type=Whole(1_000, 10**9), metavar="N", help=word("opt.scale_transfers"))
@click.option("--scale-cards", type=Whole(100, 10**8), metavar="N", help=word("opt.scale_cards"))
@as_json
@click.pass_obj
def ledger(
    call: Call,
    rounds: int,
    seconds: int,
    only: Sequence[str],
    pgledger: Path | None,
    scale: bool,
    scale_transfers: int | None,
    scale_cards: int | None,
    as_json: bool,
) -> None:
    """Measure redemptions beside pgbench on the same server."""
    grows = scale or scale_transfers is not None or scale_cards is not None
    _show(
        call,
        lambda progress: call.parts.bench_ledger(
            rounds, float(seconds), progress, only=only, scale=grows, most_transfers=scale_transfers,
            most_cards=scale_cards, pgledger=pgledger,
        ),
        as_json,
    )  # fmt: skip


@bench.command("read", help=word("help.bench_read"))
@click.option("--transfers", type=Whole(10_000, 10**9), default=1_000_000, metavar="N", help=word("opt.read_transfers"))
@as_json
@click.pass_obj
def read(call: Call, transfers: int, as_json: bool) -> None:
    """Measure how long questions take."""
    _show(call, lambda progress: call.parts.bench_read(transfers, progress), as_json)


@bench.command("cards", help=word("help.bench_cards"))
@click.option("--rounds", type=Whole(1, 100), default=3, metavar="N", help=word("opt.rounds"))
@click.option("--seconds", type=Whole(1, 3600), default=5, metavar="S", help=word("opt.seconds"))
@as_json
@click.pass_obj
def cards(call: Call, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure how fast cards are made, taken apart and given away, and how fast is judged."""
    _show(call, lambda progress: call.parts.bench_cards(rounds, float(seconds), progress), as_json)


def _show(call: Call, measure: Callable[[Progress], Awaitable[Answer]], as_json: bool) -> None:
    async def work() -> dict[str, Any]:
        return (await measure(progress)).to_json()

    with Progress() as progress:
        measured = call.run(work())
    if as_json:
        print_json(measured)
    else:
        print_table([word("head.measure"), word("head.value")], _rows(measured), numbers=(1,))


def _rows(measured: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """The figures of an object of objects, one a row, under their dotted names."""
    rows = []
    for name, value in measured.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{above}{name}.")
        else:
            rows.append((f"{above}{name}", f"{value:,}" if isinstance(value, (int, float)) else str(value)))
    return rows

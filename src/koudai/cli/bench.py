"""`koudai bench`: what koudai measures of itself."""

import click

from koudai.cli.options import as_json
from koudai.cli.running import Call
from koudai.cli.screen import Progress, print_table
from koudai.cli.speak import print_json
from koudai.cli.tree import Group
from koudai.cli.values import Whole
from koudai.cli.words import word

bench = Group("bench", help=word("help.bench"), no_args_is_help=True)


@bench.command("ledger", help=word("help.bench_ledger"))
@click.option("--rounds", type=Whole(1, 100), default=3, metavar="N", help=word("opt.rounds"))
@click.option("--seconds", type=Whole(1, 3600), default=5, metavar="S", help=word("opt.seconds"))
@as_json
@click.pass_obj
def ledger(call: Call, rounds: int, seconds: int, as_json: bool) -> None:
    """Measure redemptions beside pgbench on the same server."""
    with Progress() as progress:
        measured = call.run(_measure(call, rounds, seconds, progress))
    if as_json:
        print_json(measured)
    else:
        print_table([word("head.measure"), word("head.value")], _rows(measured), numbers=(1,))


async def _measure(call: Call, rounds: int, seconds: int, progress: Progress) -> dict[str, object]:
    return (await call.parts.bench_ledger(rounds, float(seconds), progress)).to_json()


def _rows(measured: dict[str, object], above: str = "") -> list[tuple[str, str]]:
    """The figures of an object of objects, one a row, under their dotted names."""
    rows = []
    for name, value in measured.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{above}{name}.")
        else:
            rows.append((f"{above}{name}", f"{value:,}" if isinstance(value, (int, float)) else str(value)))
    return rows

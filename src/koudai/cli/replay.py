"""`koudai replay`: a retailer's year, paid by card; and the table that it ends with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from koudai.cli.codes import DONE, FAILED
from koudai.cli.options import as_json
from koudai.cli.running import Call
from koudai.cli.screen import Progress, money, print_table
from koudai.cli.session import opened
from koudai.cli.speak import print_json
from koudai.cli.tree import Command
from koudai.cli.values import Text
from koudai.cli.words import word

_CURRENCY = "GBP"
_SHOWN = 10


@click.command("replay", cls=Command, help=word("help.replay"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dataset", type=Text(100), default="default", metavar="NAME", help=word("opt.dataset"))
@as_json
@click.pass_obj
def replay(call: Call, file: Path, dataset: str, as_json: bool) -> int:
    """Replay a file; 1 when the books don't hold afterwards."""

    async def work() -> dict[str, Any]:
        with Progress() as progress:
            async with opened(connections=4) as instance:
                return (await call.parts.replay(instance, file, dataset, progress)).to_json()

    result = call.run(work())
    if as_json:
        print_json(result)
    else:
        print_result(result)
    return DONE if result["verified"] else FAILED


def print_result(result: Mapping[str, Any]) -> None:
    """Print what came of a replay: what happened to the invoices, and what each merchant took."""
    redeemed, refunded = result["redeemed"], result["refunded"]
    rows = [
        (word("head.invoices"), f"{result['invoices']:,}", ""),
        (word("head.redeemed"), f"{redeemed['count']:,}", money(redeemed["minor"], _CURRENCY)),
        (word("head.refunded"), f"{refunded['count']:,}", money(refunded["minor"], _CURRENCY)),
        (word("head.skipped"), f"{result['skipped']:,}", ""),
    ]
    for code, count in result["refused"].items():
        rows.append((word("head.refused", code=code), f"{count:,}", ""))
    rows.append((word("head.cards_issued"), f"{result['cards_issued']:,}", ""))
    print_table([word("head.year"), word("head.count"), word("head.amount")], rows, numbers=(1, 2))
    print()
    _print_merchants(result["merchants"])
    verified = word("say.yes") if result["verified"] else word("say.no")
    print(word("say.replayed", verified=verified, seconds=f"{result['seconds']:.1f}"))


def _print_merchants(merchants: Mapping[str, Mapping[str, int]]) -> None:
    names = ("redeemed_minor", "refunded_minor", "net_minor")
    best = sorted(merchants.items(), key=lambda one: (-one[1]["net_minor"], one[0]))
    rows = [(name, *(money(sums[n], _CURRENCY) for n in names)) for name, sums in best[:_SHOWN]]
    headings = [word("head.merchant"), word("head.redeemed"), word("head.refunded"), word("head.net")]
    print_table(headings, rows, numbers=(1, 2, 3))
    if len(best) > _SHOWN:
        print(word("say.more_merchants", count=len(best) - _SHOWN))
    print()

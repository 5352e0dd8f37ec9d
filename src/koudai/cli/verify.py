"""`koudai verify`: the books proven again from their rows."""

from dataclasses import asdict

import click

from koudai import ledger
from koudai.cli.codes import DONE, FAILED
from koudai.cli.options import as_json
from koudai.cli.running import Call
from koudai.cli.screen import Progress, print_table
from koudai.cli.session import opened
from koudai.cli.speak import note, print_json
from koudai.cli.tree import Command
from koudai.cli.words import word


@click.command("verify", cls=Command, help=word("help.verify"))
@click.option("--incremental", is_flag=True, help=word("opt.incremental"))
@as_json
@click.pass_obj
def verify(call: Call, incremental: bool, as_json: bool) -> int:
    """Prove the books; 1 when a row is wrong."""

    async def work() -> ledger.Report:
        with Progress() as progress:
            async with opened(connections=4) as instance:
                return await instance.verify(
                    lambda done, total: progress("verify", done, total), incremental=incremental
                )

    report = call.run(work())
    if as_json:
        print_json({"verified": report.holds, **asdict(report)})
    elif report.holds:
        print(word("say.holds", **_figures(report)))
    else:
        headings = [word(f"head.{name}") for name in ("check", "row", "detail")]
        print_table(headings, ((f.check, f.row, f.detail) for f in report.findings))
        print(word("say.broken", found=f"{report.found:,}", **_figures(report)))
    if report.found > len(report.findings):
        note(word("say.cut", shown=len(report.findings), found=report.found))
    return DONE if report.holds else FAILED


def _figures(report: ledger.Report) -> dict[str, str]:
    return {
        "transfers": f"{report.transfers:,}",
        "accounts": f"{report.accounts:,}",
        "keys": f"{report.keys:,}",
        "seconds": f"{report.seconds:.1f}",
    }

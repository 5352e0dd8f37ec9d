"""The composition root: the one place where the doors and the long work are joined.

Doors don't know each other, so the command line is handed what it starts. Each part is imported when
it is used: `koudai --help` loads none of them.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from koudai.cli import Parts, run_cli

if TYPE_CHECKING:
    from koudai.bench import Reading, Result as Measured, Verbs
    from koudai.instance import Instance
    from koudai.jobs.replay import Result as Replayed


async def _serve(instance: "Instance", host: str, port: int, on_ready: Callable[[], None] | None = None) -> None:
    from koudai.api.server import serve  # noqa: PLC0415

    await serve(instance, host, port, on_ready)


async def _replay(
    instance: "Instance",
    path: Path,
    dataset: str,
    on_progress: Callable[[str, int, int], None],
    *,
    only_if_empty: bool = False,
) -> "Replayed":
    from koudai.jobs.replay import replay  # noqa: PLC0415

    return await replay(instance, path, dataset, on_progress, only_if_empty=only_if_empty)


async def _bench_ledger(
    rounds: int, seconds: float, on_progress: Callable[[str, int, int], None], *,
    only: Sequence[str], scale: bool, most_transfers: int | None, most_cards: int | None, pgledger: Path | None,
) -> "Measured":  # fmt: skip
    from koudai.bench import Wish, bench_ledger  # noqa: PLC0415

    wish = Wish(rounds, seconds, only, scale, pgledger)
    return await bench_ledger(
        os.environ, wish, on_progress, most_transfers=most_transfers, most_cards=most_cards
    )  # fmt: skip


async def _bench_read(transfers: int, on_progress: Callable[[str, int, int], None]) -> "Reading":
    from koudai.bench import bench_read  # noqa: PLC0415

    return await bench_read(os.environ, transfers, on_progress)


async def _bench_cards(rounds: int, seconds: float, on_progress: Callable[[str, int, int], None]) -> "Verbs":
    from koudai.bench import bench_cards  # noqa: PLC0415

    return await bench_cards(os.environ, rounds, seconds, on_progress)


def _sample_path() -> Path:
    from koudai.jobs.replay import sample_path  # noqa: PLC0415

    return sample_path()


def join() -> Parts:
    """What the command line is handed."""
    return Parts(
        serve=_serve,
        replay=_replay,
        bench_ledger=_bench_ledger,
        bench_read=_bench_read,
        bench_cards=_bench_cards,
        sample_path=_sample_path,
        issuer_of=_issuer_of,
        run_loop=uvloop.run,
    )


def _issuer_of(dataset: str) -> str:
    from koudai.jobs.replay import issuer_name  # noqa: PLC0415

    return issuer_name(dataset)


def main() -> None:
    """The command `koudai`."""
    sys.exit(run_cli(sys.argv[1:], join()))

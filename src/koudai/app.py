"""The composition root: the one place where the doors and the long work are joined.

Doors don't know each other, so the command line is handed what it starts. Each part is imported when
it is used: `koudai --help` loads none of them.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from koudai.cli import Parts, run_cli

if TYPE_CHECKING:
    from koudai.bench import Result as Measured
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


async def _bench_ledger(rounds: int, seconds: float, on_progress: Callable[[str, int, int], None]) -> "Measured":
    from koudai.bench import bench_ledger  # noqa: PLC0415

    return await bench_ledger(os.environ, rounds, seconds, on_progress)


def _sample_path() -> Path:
    from koudai.jobs.replay import sample_path  # noqa: PLC0415

    return sample_path()


def join() -> Parts:
    """What the command line is handed."""
    return Parts(
        serve=_serve,
        replay=_replay,
        bench_ledger=_bench_ledger,
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

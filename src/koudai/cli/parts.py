"""What the command line is handed, since it may not or need not import it."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from koudai.instance import Instance

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Told the stage, what is done and what there is in all."""


class Answer(Protocol):
    """What came of long work."""

    def to_json(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        ...


class Serve(Protocol):
    """Answer HTTP until a signal or a cancellation ends it; `on_ready` is called once it answers."""

    def __call__(
        self, instance: "Instance", host: str, port: int, on_ready: Callable[[], None] | None = None
    ) -> Awaitable[None]: ...


class Replay(Protocol):
    """Replay a file as a data set; raises Fault when it can't."""

    def __call__(
        self, instance: "Instance", path: Path, dataset: str, on_progress: Progress, *, only_if_empty: bool = False
    ) -> Awaitable[Answer]: ...


class BenchLedger(Protocol):
    """Measure the ledger in so many rounds, in each so many seconds for each contestant.

    `only` names contests, `scale` adds that of growing up to so many transfers and cards, `pgledger` is the
    peer's file.
    """

    def __call__(
        self, rounds: int, seconds: float, on_progress: Progress, *,
        only: Sequence[str], scale: bool, most_transfers: int | None, most_cards: int | None, pgledger: Path | None,
    ) -> Awaitable[Answer]: ...  # fmt: skip


class BenchRead(Protocol):
    """Measure how long questions take at so many transfers."""

    def __call__(self, transfers: int, on_progress: Progress) -> Awaitable[Answer]: ...


class BenchCards(Protocol):
    """Measure how fast cards are made, taken apart and given away."""

    def __call__(self, rounds: int, seconds: float, on_progress: Progress) -> Awaitable[Answer]: ...


class RunLoop(Protocol):
    """Run a coroutine on a new event loop to its end."""

    def __call__(self, main: Coroutine[Any, Any, T]) -> T: ...


@dataclass(frozen=True)
class Parts:
    """The parts that `app` joins to this door. `issuer_of` names the issuer of a data set."""

    serve: Serve
    replay: Replay
    bench_ledger: BenchLedger
    bench_read: BenchRead
    bench_cards: BenchCards
    sample_path: Callable[[], Path]
    issuer_of: Callable[[str], str]
    run_loop: RunLoop

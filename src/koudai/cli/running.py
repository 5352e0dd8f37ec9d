"""Run a command's coroutine so that Ctrl-C and SIGTERM let it close what it has opened."""

import asyncio
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

from koudai.cli.codes import CliFault
from koudai.cli.parts import Parts

T = TypeVar("T")


class Stopped(Exception):
    """Ctrl-C or SIGTERM asked us to stop, and everything that was open has been closed."""

    def __init__(self, code: CliFault) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Call:
    """What a command is called with: the parts it was handed."""

    parts: Parts

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end. Raises Stopped after Ctrl-C or SIGTERM."""
        try:
            return self.parts.run_loop(_until_stopped(work))
        except KeyboardInterrupt:
            raise Stopped(CliFault.INTERRUPTED) from None


async def _until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """SIGTERM cancels the work, as the event loop's runner does it at Ctrl-C."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task is not None
    signals: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        loop.call_soon_threadsafe(task.cancel)

    # Not by the loop's own handlers: those would go on being called beside the HTTP server's.
    before = signal.signal(signal.SIGTERM, stop)
    try:
        return await work
    except asyncio.CancelledError:
        if signals:
            raise Stopped(CliFault.TERMINATED) from None
        raise
    finally:
        signal.signal(signal.SIGTERM, before)

"""Rounds: what a server does by itself, again and again."""

import asyncio
from collections.abc import Awaitable, Callable


async def rounds(
    every_s: float, work: Callable[[], Awaitable[object]], on_failure: Callable[[Exception], None]
) -> None:  # fmt: skip
    """Do a piece of work every so many seconds until this is cancelled.

    A failure is told once until a round succeeds again, and the work is tried again in the next one.
    """
    failing = False
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
            failing = False
        except Exception as error:  # noqa: BLE001 the next round may succeed, and nobody else would try it
            if not failing:
                on_failure(error)
            failing = True

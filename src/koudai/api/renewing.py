"""The server's periodic work on cards that nobody touches."""

import asyncio
from collections.abc import Callable

from koudai import cards, identity
from koudai.instance import Instance

SWEEP_EVERY_S = 600.0
"""How often cards are looked for whose term is over: nobody waits for it, since who touches one renews it."""


async def run_sweep(instance: Instance, on_failure: Callable[[Exception], None]) -> None:
    """Sweep the cards of all sides for as long as the server runs; a failure is told once, and tried again."""
    failing = False
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            for side in await instance.db.transact(identity.list_issuers):
                await cards.sweep_all(instance.db, side.id)
            failing = False
        except Exception as error:  # noqa: BLE001 the next round may succeed, and nobody else would try it
            if not failing:
                on_failure(error)
            failing = True

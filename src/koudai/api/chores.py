"""Chores: what the server does by itself while it answers requests."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import anyio.to_thread

from koudai import cards, identity, ledger, proof
from koudai.api.faults import log_bug, log_fault
from koudai.base import Fault, rounds
from koudai.instance import Instance
from koudai.pg import Tx

FOLD_EVERY_S = 1.0
"""How often what hot accounts gathered is folded into their balances."""

PURGE_EVERY_S = 10.0
"""How often pay codes of long ago are forgotten, and the words of gifts that have ended."""

PURGED_AFTER = timedelta(days=1)
"""How long after it was made a pay code is still known as used, replaced or expired; then it is unknown."""

RETURN_EVERY_S = 60.0
"""How often gifts go back; a gift's card is free at the moment at which its days are over, whenever that is entered."""

SWEEP_EVERY_S = 600.0
"""How often cards are looked for whose term is over: nobody waits for it, since who touches one renews it."""

_FOLDED_AT_ONCE = 5_000
_RETURNED_AT_ONCE = 200
_BREATH_S = 0.02
_CANCEL_EVERY_S = 1.0


class Chores:
    """The chores of an installation, each a task of its own."""

    def __init__(self, instance: Instance) -> None:
        db, clock = instance.db, instance.clock

        async def fold() -> None:
            try:
                await _in_pieces(instance, lambda tx: ledger.fold_deltas(tx, _FOLDED_AT_ONCE), _FOLDED_AT_ONCE)
            except Exception:
                await _revive(instance)
                raise

        async def purge() -> None:
            now = clock.now()
            await db.transact(lambda tx: cards.purge_codes(tx, now - PURGED_AFTER))
            await _in_pieces(instance, lambda tx: cards.forget_words(tx, now), cards.FORGOTTEN_AT_ONCE)

        async def return_gifts() -> None:
            for side in await db.transact(identity.list_issuers):
                await _in_pieces(
                    instance,
                    lambda tx, book=side.id: cards.return_due_gifts(tx, book, _RETURNED_AT_ONCE),  # type: ignore[misc]
                )

        async def sweep() -> None:
            for side in await db.transact(identity.list_issuers):
                await cards.sweep_all(db, side.id)

        self._tasks = [
            asyncio.create_task(rounds(every_s, work, _log))
            for every_s, work in (
                (FOLD_EVERY_S, fold), (PURGE_EVERY_S, purge), (RETURN_EVERY_S, return_gifts), (SWEEP_EVERY_S, sweep)
            )
        ]  # fmt: skip
        self._tasks.append(asyncio.create_task(proof.run_sequencer(db, instance.keyring, _log)))

    async def end(self) -> None:
        """Cancel the chores until they have ended."""
        for task in self._tasks:
            await end(task)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: what the driver raises of a lost connection may take the place of it."""
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=_CANCEL_EVERY_S)


async def _in_pieces(instance: Instance, work: Callable[[Tx], Awaitable[int]], full: int = 1) -> None:
    """Work in small pieces until one did less than `full`, so that no request waits behind a long one."""
    done = full
    while done >= full:
        done = await instance.db.transact(work)
        await asyncio.sleep(_BREATH_S)


async def _revive(instance: Instance) -> None:
    """Start the embedded server again if it died; where it didn't, nothing happens."""
    if instance.target.embedded is not None:
        with suppress(Fault):
            await anyio.to_thread.run_sync(instance.target.embedded.start)


def _log(error: Exception) -> None:
    (log_fault if isinstance(error, Fault) else log_bug)(error)  # type: ignore[arg-type]

"""The batcher: single commands gathered into batches.

There is no timer: whatever queued up is the next batch, as soon as the last one waits for nothing but
its commit. An idle server answers at once, and a busy one has large batches.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter

from koudai import cards
from koudai.api.faults import log_bug, log_fault
from koudai.api.gate import Gate
from koudai.api.ids import Ids
from koudai.api.metrics import Metrics
from koudai.api.problems import ApiProblem, Problem
from koudai.api.shapes import GiftCardActivity
from koudai.base import Fault, Refused
from koudai.cards import Activity, CardRefusal, Command
from koudai.identity import Principal, hold_keys
from koudai.pg import Database, PgFault, Tx

Answer = GiftCardActivity | Refused | Fault
_Item = tuple[Principal, Command]

BATCH_COMMANDS = 1_000
"""How many commands one transaction takes, so that nobody waits long behind it."""

WAITING_COMMANDS = 20_000
"""How many may wait; who comes then is told to come again."""

PATIENCE_S = 5.0
"""How long a batch is tried anew, and a caller kept waiting, while the database doesn't answer."""

_PAUSE_S = 0.1
_LOOK_S = 0.5

_ALONE_EVERY_S = 0.1
"""So often no batch begins before the last one has ended. Each shares the lock of a key's row with the one
before it, and who revokes the key must find a moment at which nobody holds it."""

Tell = Callable[[list[Answer]], None]
"""Told the answers to what one request asked, once."""

Folded = Callable[[], None]
"""Called when a batch has its outcomes, and only its commit is left."""


class _Wish:
    """What one request asks: its commands, and who is told their answers."""

    __slots__ = ("_tell", "asked_at", "commands", "principal")

    def __init__(self, principal: Principal, commands: Sequence[Command], tell: Tell) -> None:
        self.principal = principal
        self.commands = commands
        self.asked_at = perf_counter()
        self._tell: Tell | None = tell

    @property
    def open(self) -> bool:
        """Whether it was not answered yet; who waited too long was told 503 before."""
        return self._tell is not None

    def answer(self, answers: list[Answer]) -> None:
        """Tell the answers, unless it was answered before."""
        tell, self._tell = self._tell, None
        if tell is not None:
            try:
                tell(answers)
            except Exception as bug:  # noqa: BLE001 the others of the batch are told all the same
                log_bug(bug)


class Batcher:
    """Runs commands on cards in batches, each in one transaction."""

    def __init__(self, db: Database, gate: Gate, ids: Ids, metrics: Metrics) -> None:
        self._db = db
        self._gate = gate
        self._ids = ids
        self._metrics = metrics
        self._queue: deque[_Wish] = deque()
        self._waiting = 0
        self._woken = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._closing = False
        metrics.watch_waiting(lambda: self._waiting)

    def start(self) -> None:
        """Begin to work."""
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Finish what waits, then end. What comes now is turned away."""
        self._closing = True
        self._woken.set()
        if self._worker is not None:
            await self._worker

    def submit(self, principal: Principal, commands: Sequence[Command]) -> "asyncio.Future[list[Answer]]":
        """One answer for each command, in order, once they are committed.

        Whoever awaits it may go away: that cancels nothing. Raises Problem when too much waits already.
        """
        answers: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        # It may be done already: the server cancels who still waits when its time to stop is over.
        self.ask(principal, commands, lambda told: None if answers.done() else answers.set_result(told))
        return answers

    def ask(self, principal: Principal, commands: Sequence[Command], tell: Tell) -> None:
        """The same for who doesn't await: `tell` is called with the answers, later and never from in here."""
        if self._closing or self._waiting + len(commands) > WAITING_COMMANDS:
            raise Problem(ApiProblem.OVERLOADED)
        self._queue.append(_Wish(principal, commands, tell))
        self._waiting += len(commands)
        self._woken.set()

    async def _work(self) -> None:
        """Batch after batch: the next one is taken when the one before it waits for nothing but its commit.

        That one holds the locks of its cards by then, so a card's commands are booked in the order in
        which they came. Two are under way at most: what comes meanwhile makes the next one larger.
        """
        before: asyncio.Task[None] | None = None
        alone_at = perf_counter()
        while True:
            if self._queue:
                folded = asyncio.Event()
                batch = asyncio.get_running_loop().create_task(self._finish(self._take(), folded.set))
                batch.add_done_callback(lambda _, folded=folded: folded.set())  # type: ignore[misc]
                await folded.wait()
                if before is not None:
                    await before
                before = batch
                if perf_counter() > alone_at + _ALONE_EVERY_S:
                    await batch
                    alone_at = perf_counter()
            elif self._closing:
                if before is not None:
                    await before
                return
            else:
                self._woken.clear()
                await self._woken.wait()

    def _take(self) -> list[_Wish]:
        """The next batch: wishes in the order in which they came, whole."""
        taken = [self._queue.popleft()]
        count = len(taken[0].commands)
        while self._queue and count + len(self._queue[0].commands) <= BATCH_COMMANDS:
            taken.append(self._queue.popleft())
            count += len(taken[-1].commands)
        self._waiting -= count
        return taken

    async def _finish(self, wishes: list[_Wish], folded: Folded) -> None:
        """Run a batch to its end and answer it; who waits too long is told so, and the batch goes on."""
        began = perf_counter()
        items = [(wish.principal, command) for wish in wishes for command in wish.commands]
        attempt = asyncio.get_running_loop().create_task(self._book(items, folded))
        while not (await asyncio.wait((attempt,), timeout=_LOOK_S))[0]:
            self._give_up(wishes)
        answers = attempt.result()
        at = 0
        for wish in wishes:
            end = at + len(wish.commands)
            wish.answer(answers[at:end])
            at = end
        self._metrics.batch(len(items), perf_counter() - began)

    def _give_up(self, taken: list[_Wish]) -> None:
        """Answer 503 to those who waited too long. What was taken may yet be booked, under its keys."""
        too_long = perf_counter() - PATIENCE_S - _LOOK_S
        fault = Fault(PgFault.UNAVAILABLE, detail="no answer in time")
        for wish in taken:
            if wish.open and wish.asked_at < too_long:
                log_fault(fault)
                wish.answer([fault] * len(wish.commands))
        while self._queue and self._queue[0].asked_at < too_long:
            wish = self._queue.popleft()
            self._waiting -= len(wish.commands)
            wish.answer([fault] * len(wish.commands))

    async def _book(self, items: list[_Item], folded: Folded) -> list[Answer]:
        """The answers of a batch. Never raises: what can't be answered is a Fault for its item.

        After a lost connection it isn't known whether the batch was committed; running it again is
        safe, as every command has its key.
        """
        give_up_at = perf_counter() + PATIENCE_S
        while True:
            try:
                return await self._commit(items, folded)
            except Fault as fault:
                log_fault(fault)
                if fault.code != PgFault.UNAVAILABLE or perf_counter() > give_up_at:
                    return [fault] * len(items)
                await asyncio.sleep(_PAUSE_S)
            except Exception as bug:  # noqa: BLE001 one poisonous command must not fail its neighbours
                if len(items) == 1:
                    log_bug(bug)
                    return [Fault(ApiProblem.INTERNAL)]
                half = len(items) // 2
                return await self._book(items[:half], folded) + await self._book(items[half:], folded)

    async def _commit(self, items: list[_Item], folded: Folded) -> list[Answer]:
        good = {principal.key_id for principal, _ in items}
        while True:
            try:
                outcomes = await self._db.transact(lambda tx, good=good: _run(tx, items, good, folded))  # type: ignore[misc]
                break
            except _RevokedError as revoked:
                # Nothing was written yet. The rest is run anew, without the commands of those keys.
                self._gate.forget(good - revoked.still_good)
                good = revoked.still_good
        for (principal, _), outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, Refused) and outcome.code == CardRefusal.UNKNOWN_PAY_CODE:
                self._gate.codes.wrong(principal.key_id)
        shown = iter(self._ids.activities([o for o in outcomes if isinstance(o, Activity)]))
        return [next(shown) if isinstance(o, Activity) else o for o in outcomes]


class _RevokedError(Exception):
    """Keys of a batch are no longer in force."""

    def __init__(self, still_good: set[str]) -> None:
        super().__init__()
        self.still_good = still_good


async def _run(tx: Tx, items: list[_Item], good: set[str], folded: Folded) -> list[Activity | Refused | Fault]:
    """Run the commands of good keys; raises when one of these is not, once the cards are locked.

    That a key is in force is asked together with the cards' state, and holds until the commit.
    """
    places: dict[int, list[int]] = {}
    for at, (principal, _) in enumerate(items):
        if principal.key_id in good:
            places.setdefault(principal.issuer_id, []).append(at)
    outcomes: list[Activity | Refused | Fault] = [_REVOKED] * len(items)
    held = hold_keys(tx, sorted(good))
    # Issuers in the order of their ids: two servers then take their locks in the same order.
    for issuer_id in sorted(places):
        ats = places[issuer_id]
        for at, outcome in zip(ats, await cards.run(tx, issuer_id, [items[at][1] for at in ats]), strict=True):
            outcomes[at] = outcome
    if held.rows is not None and len(held.rows) < len(good):
        raise _RevokedError({row[0] for row in held.rows})
    folded()
    return outcomes


_REVOKED = Fault(ApiProblem.UNAUTHENTICATED)

"""One installation, opened: its home, its database at the present schema, its keyring, its clock."""

import gc
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import anyio.to_thread

from koudai import cards, holders, identity, ledger, merchants, programmes, proof
from koudai.base import Clock, SystemClock
from koudai.holders import SimulatedVerifier, Verifier
from koudai.identity import Keyring, Mode, Suite, Vault, load_keyring, suite_of
from koudai.pg import Database, Embedded, Room, Target, find_target, migrate

ROOMS = (
    identity.ROOM, ledger.ROOM, proof.ROOM, holders.ROOM, merchants.ROOM, programmes.ROOM, cards.ROOM,
    Room("jobs", Path(__file__).parent / "jobs"),
)  # fmt: skip
"""The rooms that keep something, in the order in which their schemas are made."""

HOME = "KOUDAI_HOME"
KEYRING = "KOUDAI_KEYRING"
SUITE = "KOUDAI_SUITE"


@dataclass(frozen=True)
class Instance:
    """What doors and jobs work with."""

    home: Path
    target: Target
    db: Database
    keyring: Keyring
    clock: Clock
    suite: Suite = Suite.AES

    @cached_property
    def vault(self) -> Vault:
        """What personal data is sealed with."""
        return Vault(self.keyring, self.suite)

    def verifier(self, mode: Mode) -> Verifier | None:
        """The outside source that verifies holders: the simulated one for a test side, none yet for a live one."""
        return SimulatedVerifier() if mode is Mode.TEST else None

    async def verify(
        self, on_progress: Callable[[int, int], None] | None = None, *, incremental: bool = False
    ) -> ledger.Report:
        """Prove the books again, by the checks of all rooms (see `ledger.verify`)."""
        personal = (*holders.holder_checks(self.vault), *cards.word_checks(self.vault))
        checks = (*cards.CARD_CHECKS, *proof.proof_checks(self.keyring), *personal)
        return await ledger.verify(self.db, checks, on_progress, incremental=incremental)


def home_of(environment: Mapping[str, str]) -> Path:
    """The data directory: `KOUDAI_HOME`, or the place for a program's state on this system."""
    named = environment.get(HOME, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/koudai/home")
    state = environment.get("XDG_STATE_HOME", "").strip()
    return Path(state or Path.home() / ".local" / "state") / "koudai"


def keyring_path(environment: Mapping[str, str]) -> Path:
    """The keyring's file: `KOUDAI_KEYRING`, or `keyring.json` in the data directory."""
    named = environment.get(KEYRING, "").strip()
    return Path(named).expanduser().absolute() if named else home_of(environment) / "keyring.json"


def calm_collector() -> None:
    """Let the collector of cycles look seldom, in a process that books many commands.

    What is here now stays, so it need not be walked over again. What a batch makes is freed by its
    counts, and a thousand commands make some twenty thousand objects that live at once (8,000 of them
    160,000): at the collector's own threshold of 700 it would walk over them all again and again, which
    cost a third of all time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(300_000, 20, 50)


@asynccontextmanager
async def open_instance(
    environment: Mapping[str, str] | None = None,
    *,
    on_wait: Callable[[float], None] | None = None,
    connections: int = 8,
) -> AsyncIterator[Instance]:
    """Open the installation that the environment names, and close it again.

    Starts the embedded server where no other is named, brings the schema up to date and checks the
    keyring. Raises Fault with what stands in the way.
    """
    environment = os.environ if environment is None else environment
    home = home_of(environment)
    suite = suite_of(environment.get(SUITE, "").strip() or Suite.AES)
    target = find_target(environment)
    server = None if target else Embedded(home, on_wait=on_wait)
    try:
        if server is not None:
            await anyio.to_thread.run_sync(server.start)
            target = Target(app=server.dsn("koudai_app"), admin=server.dsn("postgres"), embedded=server)
        assert target is not None
        await anyio.to_thread.run_sync(migrate, target, ROOMS)
        async with Database(target, max_size=connections) as db:
            keyring = await db.transact(lambda tx: load_keyring(tx, keyring_path(environment)))
            yield Instance(home, target, db, keyring, SystemClock(), suite)
    finally:
        if server is not None:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(server.stop)

"""An installation opened for one command, and the issuer's side that it works on."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from koudai.base import Fault
from koudai.cli.codes import CliFault
from koudai.cli.options import DEFAULT_ISSUER
from koudai.cli.screen import StartNotice
from koudai.cli.speak import note
from koudai.cli.words import word
from koudai.identity import Issuer, Mode, find_issuer, list_issuers
from koudai.instance import Instance, open_instance


@asynccontextmanager
async def opened(connections: int = 2) -> AsyncIterator[Instance]:
    """The installation that the environment names.

    Opening isn't cut short: an embedded server that is just starting would stay behind. Who stops us
    meanwhile is heard as soon as it's open.
    """
    installation = open_instance(on_wait=StartNotice(), connections=connections)
    opening = asyncio.ensure_future(installation.__aenter__())
    try:
        instance = await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if opening.exception() is None:
            await installation.__aexit__(None, None, None)
        raise
    try:
        yield instance
    except BaseException as error:
        if not await installation.__aexit__(type(error), error, error.__traceback__):
            raise
    else:
        await installation.__aexit__(None, None, None)


@dataclass(frozen=True)
class Side:
    """One side, test or live, of an issuer of this installation."""

    instance: Instance
    issuer: Issuer

    @property
    def book(self) -> int:
        """Its book in the ledger."""
        return self.issuer.id

    def internal_id(self, kind: str, opaque: str) -> tuple[int, int]:
        """What stands behind an opaque id; numbers that nothing has where it isn't one of ours.

        A command that names such a thing is judged, refused and remembered like any other.
        """
        return self.instance.keyring.internal_id(kind, opaque) or (-1, -1)


@asynccontextmanager
async def opened_side(issuer: str, mode: str) -> AsyncIterator[Side]:
    """The installation, and a side of an issuer; raises Fault when there is no such side."""
    async with opened() as instance:
        found = await instance.db.transact(lambda tx: find_issuer(tx, issuer, Mode(mode)))
        if found is None and issuer == DEFAULT_ISSUER:
            sides = [one for one in await instance.db.transact(list_issuers) if one.mode == mode]
            found = sides[0] if len(sides) == 1 else None
        if found is None:
            raise Fault(CliFault.UNKNOWN_ISSUER, issuer=issuer, mode=mode)
        yield Side(instance, found)


def key_or_new(key: str | None) -> str:
    """The idempotency key that was given, or a new one, which is told before anything is done under it."""
    if key is None:
        key = f"cli-{secrets.token_hex(12)}"
        note(word("say.key", key=key))
    return key

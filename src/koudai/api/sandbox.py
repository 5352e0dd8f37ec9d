"""The test clock: a sandbox's time, which its own keys move."""

from koudai import identity
from koudai.api.commands import in_utc
from koudai.api.door import Call
from koudai.api.shapes import SandboxClock


async def show_clock(call: Call) -> SandboxClock:
    """GET /v1/test_clock"""
    now = await call.transact(lambda tx: identity.read_clock(tx, call.book))
    return SandboxClock(now, call.principal.mode)


async def advance_clock(call: Call) -> SandboxClock:
    """POST /v1/test_clock/advance: the same request again changes nothing, so it needs no key."""
    to = in_utc("to", call.body.to)
    now = await call.transact(lambda tx: identity.advance_clock(tx, call.book, to))
    return SandboxClock(now, call.principal.mode)

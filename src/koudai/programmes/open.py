"""Open: named clauses for a named programme, within caps and until a moment (a sandbox pilot, C4)."""

from collections.abc import Sequence
from datetime import datetime

from koudai import policy
from koudai.base import Refused, render_time
from koudai.ledger import open_batch, request_text, write
from koudai.pg import Tx
from koudai.programmes import store
from koudai.programmes.commands import OpenPilot
from koudai.programmes.model import Programme
from koudai.programmes.once import made_once
from koudai.programmes.standing import OpenedPilot
from koudai.programmes.words import ProgrammeRefusal


async def open_pilots(tx: Tx, book: int, commands: Sequence[OpenPilot]) -> list[OpenedPilot | Refused]:
    """Open pilots; one outcome for each, in order. A statutory clause is never opened."""
    programmes = {c.programme_id for c in commands}
    await store.lock(tx, programmes)
    versions = await store.versions_of(tx, book, programmes)
    sheet = await open_batch(tx, book, {c.key for c in commands})

    async def make(command: OpenPilot) -> OpenedPilot | Refused:
        newest = versions.get(command.programme_id, ())[-1:]
        refused = _refusal(command, newest[0].programme if newest else None, sheet.now)
        return refused or await store.add_pilot(tx, book, command)

    outcomes = await made_once(sheet, commands, _request, "pilot", make, lambda: store.pilots(tx, book))
    write(tx, sheet)
    return outcomes


def _refusal(command: OpenPilot, programme: Programme | None, now: datetime) -> Refused | None:
    if programme is None:
        return Refused(ProgrammeRefusal.NO_VERSION)
    if command.name not in programme.policy.pilots:
        return Refused(ProgrammeRefusal.PILOT_NOT_NAMED, {"pilot": command.name})
    pack = policy.shipped(programme.policy.pack)
    assert pack is not None, "a programme's pack was looked for when its document was read"
    wished = policy.Pilot(
        command.name, str(command.programme_id), frozenset(command.opens), command.cap_minor, command.cap_holders,
        command.until,
    )  # fmt: skip
    judged = policy.make_pilot(pack, wished, now)
    return judged if isinstance(judged, Refused) else None


def _request(command: OpenPilot) -> str:
    return request_text(
        {
            "verb": "open_pilot",
            "programme": command.programme_id,
            "name": command.name,
            "opens": sorted(command.opens),
            "cap_minor": command.cap_minor,
            "cap_holders": command.cap_holders,
            "until": render_time(command.until),
            "reason": command.reason,
        }
    )

"""State: what an issuer is to the law, which its programmes' documents don't say."""

from collections.abc import Sequence
from datetime import date

import msgspec

from koudai.base import CHINA, Refused
from koudai.ledger import open_batch, request_text, write
from koudai.pg import Tx
from koudai.programmes import store
from koudai.programmes.commands import StateIssuer
from koudai.programmes.once import made_once
from koudai.programmes.standing import Issuer
from koudai.programmes.words import ProgrammeRefusal


async def state_issuers(tx: Tx, book: int, commands: Sequence[StateIssuer]) -> list[Issuer | Refused]:
    """State what an issuer is; one outcome for each, in order. Stated again, the newest counts and the others stay.

    A day to come is refused, and so is a business that began before its issuer was founded.
    """
    sheet = await open_batch(tx, book, {c.key for c in commands})
    today = sheet.now.astimezone(CHINA).date()

    async def make(command: StateIssuer) -> Issuer | Refused:
        return _bad_day(command, today) or await store.add_issuer(tx, book, command)

    outcomes = await made_once(sheet, commands, _request, "issuer", make, lambda: store.issuers(tx, book))
    write(tx, sheet)
    return outcomes


def _bad_day(command: StateIssuer, today: date) -> Refused | None:
    bad = next((name for name in ("founded_on", "began_on") if getattr(command, name) > today), None)
    if bad is None and command.began_on < command.founded_on:
        bad = "began_on"
    if bad is None:
        return None
    return Refused(ProgrammeRefusal.BAD_DAY, {"field": bad, "day": getattr(command, bad).isoformat()})


def _request(command: StateIssuer) -> str:
    fields = msgspec.to_builtins(command)
    return request_text({"verb": "state_issuer", **{k: v for k, v in fields.items() if k not in {"key", "by"}}})

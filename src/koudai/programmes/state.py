"""State: what an issuer is to the law, which its programmes' documents don't say."""

from collections.abc import Sequence

import msgspec

from koudai.base import CHINA, Refused
from koudai.ledger import Memory, Place, open_batch, request_text, write
from koudai.pg import Tx
from koudai.programmes import store
from koudai.programmes.commands import StateIssuer
from koudai.programmes.put import recalled
from koudai.programmes.standing import Issuer
from koudai.programmes.words import ProgrammeRefusal


async def state_issuers(tx: Tx, book: int, commands: Sequence[StateIssuer]) -> list[Issuer | Refused]:
    """State what an issuer is; one outcome for each, in order. Stated again, the newest counts and the others stay.

    A day to come is refused, and so is a business that began before its issuer was founded.
    """
    sheet = await open_batch(tx, book, {c.key for c in commands})
    outcomes: list[Issuer | Refused] = []
    for command in commands:
        fields = msgspec.to_builtins(command)
        request = request_text({"verb": "state_issuer", **{k: v for k, v in fields.items() if k not in {"key", "by"}}})
        known = recalled(sheet.keys, command.key, request)
        if isinstance(known, Refused):
            outcomes.append(known)
            continue
        if known is not None:
            made = next(one for one in await store.issuers(tx, book) if one.id == known.fact("issuer"))
            outcomes.append(made)
            continue
        place = Place(sheet.batch_id, sheet.next_ordinal())
        today = sheet.now.astimezone(CHINA).date()
        bad = next((name for name in ("founded_on", "began_on") if getattr(command, name) > today), None)
        if bad is None and command.began_on < command.founded_on:
            bad = "began_on"
        if bad is not None:
            refused = Refused(ProgrammeRefusal.BAD_DAY, {"field": bad, "day": getattr(command, bad).isoformat()})
            sheet.keys.remember_refusal(command.key, request, place, refused)
            outcomes.append(refused)
            continue
        made = await store.add_issuer(tx, book, command)
        sheet.keys.remember(command.key, Memory(request, place, facts=request_text({"issuer": made.id})))
        outcomes.append(made)
    write(tx, sheet)
    return outcomes

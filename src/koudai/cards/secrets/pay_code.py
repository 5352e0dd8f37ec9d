"""Make pay codes: single-use, for seconds, each in the place of the one before it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from koudai.base import Refused
from koudai.cards.checks import stopped
from koudai.cards.commands import CardRef
from koudai.cards.model import CardState
from koudai.cards.refusals import CardRefusal
from koudai.cards.restrict.model import Restriction
from koudai.cards.secrets.codes import DrawCode, NewPayCode, PayCode, draw_code, pay_code_of
from koudai.cards.secrets.store import SQL as SECRETS
from koudai.cards.store import SQL, as_restriction
from koudai.identity import Keyring
from koudai.ledger import lock_statement, successors, time_of_book
from koudai.pg import Tx, bools, byteas, columns, int8s, times
from koudai.programmes import Promises, charter_of_book, count_charter_statement

TTL_S = 60
"""How long a code lives where no document says."""

_CODE = (int8s, byteas, times, bools)


class MakePayCode(msgspec.Struct, frozen=True):
    """Make a pay code for a card, by its id or number. It needs no key: who lost the answer makes another one."""

    card: CardRef


async def make_pay_codes(
    tx: Tx, book: int, commands: Sequence[MakePayCode], keyring: Keyring, *, draw: DrawCode = draw_code
) -> list[NewPayCode | Refused]:  # fmt: skip
    """Make pay codes; one outcome for each command, in order. An older code of the card is dead from then on.

    They are no entries of a history: nothing happens to the card.
    """
    hashes = {c.card for c in commands if isinstance(c.card, bytes)}
    found: dict[bytes, int] = (
        dict(await tx.rows(SQL["ids_of_numbers"], book, byteas(list(hashes)))) if hashes else {}
    )  # fmt: skip
    named = [found.get(c.card) if isinstance(c.card, bytes) else c.card for c in commands]
    ids = sorted({one for one in named if one is not None})
    _, counted, rows, restricted = await tx.together(
        lock_statement(book, ids), count_charter_statement(book), (SQL["read_cards"], book, int8s(ids)),
        (SQL["open_restrictions"], int8s(ids)),
    )  # fmt: skip
    now = await time_of_book(tx, book)
    (_, charter), replaced = await charter_of_book(tx, book, counted), await successors(tx, ids)
    stacks: dict[int, list[Restriction]] = {}
    for one in map(as_restriction, restricted):
        stacks.setdefault(one.card_id, []).append(one)
    lives: dict[int, timedelta | Refused] = {}
    for row in rows:
        card_id, state, programme_id, promised_at = row[0], row[1], row[2], row[5]
        stack = tuple(one for one in stacks.get(card_id, ()) if one.until is None or now < one.until)
        given, active = (at if at is not None and now < at else None for at in (row[10], row[12]))
        if state == CardState.BLOCKED and not any(one.whole for one in stack):
            state = CardState.ACTIVE
        lives[card_id] = stopped(CardState(state), stack, given, active, replaced=card_id in replaced) or _life(
            charter.promises.get(programme_id), promised_at, now
        )
    outcomes: list[NewPayCode | Refused] = []
    for card_id in named:
        life = Refused(CardRefusal.UNKNOWN_CARD) if card_id is None else lives.get(card_id)
        if card_id is None or life is None or isinstance(life, Refused):
            outcomes.append(life if isinstance(life, Refused) else Refused(CardRefusal.UNKNOWN_CARD))
        else:
            outcomes.append(NewPayCode(draw(), card_id, now + life))
    await _add(tx, book, keyring, now, [one for one in outcomes if isinstance(one, NewPayCode)])
    return outcomes


def _life(promises: Promises | None, promised_at: datetime, now: datetime) -> timedelta | Refused:
    """How long a code of a card lives, by what was promised to it."""
    if promises is None:
        return timedelta(seconds=TTL_S)
    offer = promises.terms(promised_at, now).programme.pay_code
    return Refused(CardRefusal.PAY_CODE_NOT_OFFERED) if offer is None else timedelta(seconds=offer.ttl_s)


async def _add(tx: Tx, book: int, keyring: Keyring, now: datetime, made: Sequence[NewPayCode]) -> None:
    """Keep the hashes of codes; of those of one card only the last one lives."""
    if not made:
        return
    newest = {one.card_id: one.code for one in made}
    rows: list[tuple[int, PayCode, datetime, bool]] = [
        (one.card_id, pay_code_of(keyring, one.code), one.expires_at, newest[one.card_id] == one.code) for one in made
    ]
    await tx.rows(SECRETS["add_pay_codes"], book, now, *columns(_CODE, rows))


async def purge_codes(tx: Tx, before: datetime, limit: int = 5_000) -> int:
    """Forget pay codes made before a moment of the machine's time, and devices that guessed before it; how many."""
    return int(await tx.value(SECRETS["purge_codes"], before, limit))

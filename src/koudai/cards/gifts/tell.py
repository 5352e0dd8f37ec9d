"""Tell: the gifts of a holder, for himself; and of how many gifts words are kept, for who answers for that."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from koudai.base import render_time
from koudai.cards.gifts.store import SQL, find_gifts
from koudai.cards.model import Gift, GiftState, Words
from koudai.cards.store import by_place
from koudai.identity import Vault
from koudai.ledger import Place
from koudai.pg import Tx

Object = dict[str, Any]


class GiftsOfHolder(msgspec.Struct, frozen=True):
    """What a holder gave, and what was given to him by name; oldest first. `said`: somebody's words are among it."""

    given: list[Object]
    received: list[Object]
    said: bool


async def gifts_of_holder(tx: Tx, book: int, ref: str, vault: Vault) -> GiftsOfHolder:
    """The gifts of a holder as they are told to himself.

    What he wrote is his. Of a gift to him he is told what its giver wrote for him once he has claimed it, and never who
    gave but by that.
    """
    given, received = [
        [Place(*row) for row in rows]
        for rows in await tx.together((SQL["gifts_given"], book, ref), (SQL["gifts_received"], book, ref))
    ]
    both = {*given, *received}
    gifts = await find_gifts(tx, book, both, vault)
    rows = await tx.rows(*by_place(SQL["gift_days"], both, book))
    days = {Place(row[0], row[1]): (row[2], row[3]) for row in rows}
    shown = {place: gifts[place].words for place in given}
    told = {p: gifts[p].words if gifts[p].state is GiftState.CLAIMED else Words() for p in received}
    return GiftsOfHolder(
        [{**_told(vault, gifts[p], days, shown[p]), "gift_card_id": _card(vault, gifts[p])} for p in given],
        [_told(vault, gifts[p], days, told[p]) for p in received],
        any(words != Words() for words in (*shown.values(), *told.values())),
    )


def _card(vault: Vault, gift: Gift) -> str:
    return vault.keyring.opaque_id("gftc", gift.card_id)


def _told(
    vault: Vault, gift: Gift, days: Mapping[Place, tuple[datetime, datetime | None]], words: Words
) -> Object:  # fmt: skip
    given_at, ended_at = days[gift.place]
    return {
        "id": vault.keyring.opaque_id("gift", *gift.place),
        "state": str(gift.state),
        "to_ref": gift.to_ref,
        "greeting": words.greeting,
        "from_name": words.from_name,
        "face": gift.face,
        "given_at": render_time(given_at),
        "deliver_at": gift.deliver_at and render_time(gift.deliver_at),
        "claim_until": render_time(gift.claim_until),
        "ended_at": ended_at and render_time(ended_at),
    }


async def held_words(tx: Tx, book: int) -> tuple[int, datetime | None]:
    """Of how many gifts of a book words are kept, and when the oldest of them was given."""
    ((count, oldest_at),) = await tx.rows(SQL["held_words"], book)
    return count, oldest_at

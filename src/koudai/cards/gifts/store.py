"""The SQL of gifts: what is read of them, and what a batch writes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from koudai.cards.desk import Desk
from koudai.cards.gifts.link import open_token, open_words
from koudai.cards.gifts.model import HeldGift
from koudai.cards.model import Gift, GiftState, Words
from koudai.cards.store import Statement, by_place
from koudai.identity import Vault
from koudai.ledger import Place, time_of_book
from koudai.pg import Statements, Tx, byteas, columns, int4s, int8s, texts, times

SQL = Statements(Path(__file__).with_name("queries.sql"))

_NEW = (int4s, int8s, texts, texts, texts, times, times, byteas, byteas, texts)
_TRIED = (int8s, int4s, int4s, texts, int8s, int4s, int8s)


async def cards_of_gifts(tx: Tx, book: int, places: Iterable[Place]) -> dict[Place, tuple[int, str | None]]:
    """The cards that are given, by the places of their gifts, and on which devices they were offered."""
    rows = await tx.rows(*by_place(SQL["cards_of_gifts"], places, book))
    return {Place(row[0], row[1]): (row[2], row[3]) for row in rows}


def gifts_statement(book: int, places: Iterable[Place]) -> Statement:
    """The statement that reads gifts once their cards are locked; `as_held_gift` reads its rows."""
    return by_place(SQL["gifts"], places, book)


def as_held_gift(row: Sequence[Any]) -> HeldGift:
    """A gift from a row of `gifts_statement`."""
    batch_id, ordinal, card_id, state, identity, to_ref, face, deliver_at, claim_until, tries, hashed, device = row
    return HeldGift(
        Place(batch_id, ordinal), card_id, GiftState(state), identity, to_ref, face, deliver_at, claim_until, tries,
        bytes(hashed), device,
    )  # fmt: skip


def gift_statements(desk: Desk) -> list[Statement]:
    """The statements that write what happened to gifts, and until when cards wait for who claims them."""
    statements: list[Statement] = []
    book, batch_id = desk.sheet.book, desk.sheet.batch_id
    if desk.gifts.new:
        rows = [
            (
                g.place.ordinal, g.card_id, g.identity, g.to_ref, g.face, g.deliver_at, g.claim_until, g.token_hash,
                token, giver_ref,
            )
            for g, token, giver_ref in desk.gifts.new
        ]  # fmt: skip
        statements.append((SQL["add_gifts"], book, batch_id, *columns(_NEW, rows)))
    if desk.gifts.words:
        words = [(place.ordinal, sealed) for place, sealed in desk.gifts.words.items()]
        statements.append((SQL["add_words"], book, batch_id, *columns((int4s, byteas), words)))
    changed = desk.gifts.changed.values()
    if changed:
        tried = [(*g.place, g.tries, g.state, *(g.ended or (None, None)), g.claimed_card_id) for g in changed]
        statements.append((SQL["settle_gifts"], *columns(_TRIED, tried)))
    ended = sorted(gift.place for gift in changed if gift.ended is not None)
    if ended:
        statements.append(by_place(SQL["end_words"], ended, batch_id))
    if desk.gifts.waiting:
        statements.append((SQL["mark_gifts"], *columns((int8s, times), list(desk.gifts.waiting.items()))))
    return statements


async def gifts_with_tokens(
    tx: Tx, book: int, places: Iterable[Place], vault: Vault
) -> dict[Place, tuple[Gift, str | None]]:
    """Gifts of a book by place, as they stand now, each with its token while it is offered."""
    now = await time_of_book(tx, book)
    found: dict[Place, tuple[Gift, str | None]] = {}
    for row in await tx.rows(*by_place(SQL["sealed_gifts"], places, book)):
        batch_id, ordinal, card_id, kept, identity, to_ref, face, deliver_at, claim_until, sealed, words_sealed = row
        place = Place(batch_id, ordinal)
        token = None if sealed is None else open_token(vault.keyring, place, bytes(sealed))
        words = Words() if words_sealed is None else open_words(vault, place, bytes(words_sealed))
        state = _state_at(GiftState(kept), deliver_at, claim_until, now)
        found[place] = (Gift(place, card_id, state, identity, to_ref, face, deliver_at, claim_until, words), token)
    return found


def _state_at(state: GiftState, deliver_at: datetime | None, claim_until: datetime, now: datetime) -> GiftState:
    """A gift's state at a moment: time changes it before anybody enters that."""
    if state is not GiftState.OFFERED:
        return state
    if now >= claim_until:
        return GiftState.RETURNED
    return GiftState.SCHEDULED if deliver_at is not None and now < deliver_at else state


async def find_gifts(tx: Tx, book: int, places: Iterable[Place], vault: Vault) -> Mapping[Place, Gift]:
    """Gifts of a book by place, as their givers may see them; an unknown one is left out.

    Words that are kept no more are empty.
    """
    return {place: gift for place, (gift, _) in (await gifts_with_tokens(tx, book, places, vault)).items()}


async def page_gifts(tx: Tx, book: int, after: Place, limit: int, vault: Vault) -> list[Gift]:
    """The next `limit` gifts of a book after a place, oldest first, as their givers may see them."""
    places = [Place(*row) for row in await tx.rows(SQL["gifts_of_book"], book, *after, limit)]
    found = await find_gifts(tx, book, places, vault)
    return [found[place] for place in places]


async def due_gifts(tx: Tx, book: int, limit: int) -> list[Place]:
    """Up to `limit` gifts of a book whose days are over and that nobody has entered as gone back."""
    now = await time_of_book(tx, book)
    return [Place(*row) for row in await tx.rows(SQL["due_gifts"], book, now, limit)]

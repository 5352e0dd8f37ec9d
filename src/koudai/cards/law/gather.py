"""Gather: what the law asks beyond the cards themselves is read under lock, and what it decided is written."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from koudai.base import day_start_s
from koudai.cards.commands import Command, Issue, Load, Refund, SpendSplit, Split, Transfer
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.gifts.model import ClaimGift
from koudai.cards.law.judge import payer_ref, root_of, tallies_of
from koudai.cards.law.tally import Owed, Tally
from koudai.cards.stock.model import Sell
from koudai.cards.stock.sell import as_load
from koudai.holders import as_standings, standings_statement
from koudai.ledger import owed_statement
from koudai.pg import Statements, Tx, columns, int4s, int8s, texts
from koudai.programmes import (
    Kind,
    pilot_holders_statement,
    pilot_rooms_statement,
    use_pilots_statement,
)

SQL = Statements(Path(__file__).with_name("queries.sql"))

_OWED_KEPT = timedelta(minutes=1)
_TALLY = (texts, int8s, int8s, int8s, int8s, int8s)
_JUDGEMENT = (int4s, int8s, texts, texts, texts, texts)
_ROOTED: set[type[Command]] = {Load, Sell, Refund, Split, SpendSplit, ClaimGift, Transfer}

Statement = tuple[Any, ...]


async def gather(tx: Tx, desk: Desk, commands: Sequence[Command]) -> None:
    """Read what payers and roots had loaded that day, who is how well known, and what is left of pilots.

    The rows of tallies are locked last of all, in one order for everybody. What a root holds is read under the lock
    of its tally: nothing else is loaded on it meanwhile, and what is spent meanwhile only makes it less.
    """
    kinds = set(map(type, commands))
    book, statements = desk.sheet.book, dict[str, Statement]()
    loads = (as_load(c) if isinstance(c, Sell) else c for c in commands)
    named = [(card, c) for c in loads if isinstance(c, Load) and (card := _card(desk, c)) is not None]
    roots = _roots(desk) if kinds & _ROOTED else []
    whos = {who for card, c in named for who in tallies_of(card, c)} | {root_of(card) for card in roots}
    if whos:
        statements["tallies"] = (SQL["lock_tallies"], book, texts(sorted(whos)))
    if roots:
        ids = sorted({card.lineage.root_id for card in roots})
        statements["families"] = (SQL["families"], book, int8s(ids), int8s(list(desk.cards)))
    refs = {ref for card, c in named if (ref := payer_ref(card, c)) is not None}
    refs |= {c.holder_ref for c in commands if isinstance(c, Issue) and c.holder_ref is not None}
    if Transfer in kinds:
        refs |= {card.holder_ref for card in desk.cards.values() if card.holder_ref is not None}
    if refs:
        statements["standings"] = standings_statement(book, refs)
    programmes = {card.terms.programme_id for card in desk.cards.values()}
    programmes |= {c.programme_id for c in commands if isinstance(c, Issue)}
    pilots = [one.id for one in desk.charter.pilots_of(programmes)]
    if pilots:
        everybody = refs | {card.holder_ref or root_of(card) for card in desk.cards.values()}
        statements["pilot_rooms"] = pilot_rooms_statement(pilots)
        statements["pilot_holders"] = pilot_holders_statement(pilots, everybody)
    if statements:
        _take(desk, dict(zip(statements, await tx.together(*statements.values()), strict=True)), roots)
    if kinds & {Load, Sell, Issue}:
        await _read_owed(tx, desk)


def _card(desk: Desk, command: Load) -> HeldCard | None:
    card_id = desk.ids_of_numbers.get(command.card) if isinstance(command.card, bytes) else command.card
    return None if card_id is None else desk.cards.get(card_id)


def _roots(desk: Desk) -> list[HeldCard]:
    """The bearer cards that are under a law: the value of their roots counts."""
    return [one for one in desk.cards.values() if one.kind is Kind.BEARER and one.promised is not None]


def _take(desk: Desk, rows: dict[str, Sequence[Sequence[Any]]], roots: Sequence[HeldCard]) -> None:
    sheet = desk.sheet
    today = day_start_s(sheet.now_s)
    for who, *row in rows.get("tallies", ()):
        desk.tallies[who] = Tally((who, *row), today, sheet.batch_id)
    desk.families = dict.fromkeys((card.lineage.root_id for card in roots), 0)
    for root_id, minor in rows.get("families", ()):
        desk.families[root_id] += minor
    for card in desk.cards.values():
        if card.lineage.root_id in desk.families:
            desk.families[card.lineage.root_id] += card.pocket.balance_minor
    desk.standings = {**desk.standings, **as_standings(rows.get("standings", ()))}
    desk.pilot_rooms = {row[0]: (row[1], row[2]) for row in rows.get("pilot_rooms", ())}
    desk.in_pilots = {(row[0], row[1]) for row in rows.get("pilot_holders", ())}


async def _read_owed(tx: Tx, desk: Desk) -> None:
    """What the book owes in all, where the issuer stated what it is measured by.

    It is read once a minute, since that reads all that the book's hot accounts gave; what this process loads
    meanwhile is added, so that of other processes' alone up to a minute is missing.
    """
    issuer, sheet = desk.charter.issuer, desk.sheet
    assets = {card.asset for card in desk.cards.values()}
    if issuer is None or (issuer.revenue_minor is None and issuer.capital_minor is None) or not assets:
        return
    key = ("cards.owed", sheet.book, *sorted(assets))
    known: Owed | None = tx.lasting.get(key)
    if known is None or known.read_at is None or sheet.recorded_at - known.read_at > _OWED_KEPT:
        owed = 0
        for asset in assets:
            owed += int(await tx.value(*owed_statement(sheet.book, asset)))
        known = tx.lasting[key] = Owed(owed, sheet.recorded_at)
    desk.owed = known


def what_was_judged(desk: Desk) -> list[Statement]:
    """The statements that write tallies, what was taken of pilots, and what the law noted."""
    statements: list[Statement] = []
    tallies = [tally.row() for tally in desk.tallies.values() if tally.changed]
    if tallies:
        statements.append((SQL["set_tallies"], desk.sheet.book, *columns(_TALLY, tallies)))
    if desk.pilot_uses:
        statements.append(use_pilots_statement(desk.pilot_uses))
    if desk.judgements:
        place = desk.sheet.book, desk.sheet.batch_id
        statements.append((SQL["add_judgements"], *place, *columns(_JUDGEMENT, desk.judgements)))
    return statements

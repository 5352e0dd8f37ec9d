"""Gather: what the law asks beyond the cards themselves is read under lock, and what it decided is written."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from koudai.base import day_start_s
from koudai.cards.checks import card_of
from koudai.cards.commands import (
    Adjust,
    Close,
    Command,
    Issue,
    Load,
    PaidTo,
    Refund,
    Reverse,
    SpendSplit,
    Split,
    Transfer,
)
from koudai.cards.desk import Desk, HeldCard
from koudai.cards.gifts.model import ClaimGift
from koudai.cards.law.tally import Owed, Tally
from koudai.cards.law.whom import payer_ref, payers_of, root_of, tallies_of
from koudai.cards.stock.model import Sell
from koudai.cards.stock.sell import as_load
from koudai.cards.store import by_place
from koudai.holders import as_standings, standings_statement
from koudai.ledger import Place, open_alarms, owed_statement
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
_ROOTED: set[type[Command]] = {Load, Adjust, Sell, Refund, Reverse, Split, SpendSplit, ClaimGift, Transfer}

Statement = tuple[Any, ...]


async def gather(tx: Tx, desk: Desk, commands: Sequence[Command]) -> None:
    """Read what payers and roots had loaded that day, who is how well known, and what is left of pilots.

    The rows of tallies are locked last of all, in one order for everybody. What a root holds is read under the lock
    of its tally: nothing else is loaded on it meanwhile, and what is spent meanwhile only makes it less.
    """
    kinds = set(map(type, commands))
    book, statements = desk.sheet.book, dict[str, Statement]()
    loads = (as_load(c) if isinstance(c, Sell) else c for c in commands)
    named = [(card, c) for c in loads if isinstance(c, Load) and (card := card_of(desk, c.card)) is not None]
    roots = _roots(desk, named_too=Transfer in kinds) if kinds & _ROOTED else []
    closed = [(card, c) for c in commands if isinstance(c, Close) and (card := card_of(desk, c.card)) is not None]
    # Whether a card may be paid out in cash goes by all of its root.
    cashed = [card for card, close in closed if close.paid_to is PaidTo.CASH]
    roots += [card for card in cashed if card not in roots]
    whos = {who for card, c in named for who in tallies_of(card, c)} | {
        root_of(card) for card in roots if card.kind is Kind.BEARER or card in cashed
    }  # fmt: skip
    if whos:
        statements["tallies"] = (SQL["lock_tallies"], book, texts(sorted(whos)))
    if roots:
        ids = sorted({card.lineage.root_id for card in roots})
        statements["families"] = (SQL["families"], book, int8s(ids), int8s(list(desk.cards)))
    if cashed:
        statements["cashed"] = (SQL["cashed"], book, int8s(sorted({card.lineage.root_id for card in cashed})))
    refs = {ref for card, c in named if (ref := payer_ref(card, c)) is not None}
    refs |= {c.holder_ref for c in commands if isinstance(c, Issue) and c.holder_ref is not None}
    await _read_loaded(tx, desk, [card for card, _ in closed])
    for card, close in closed:
        refs |= payers_of(desk, card) | {ref for ref in (close.identity_ref, close.buyer_ref) if ref is not None}
    if kinds & {Transfer, Adjust}:
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
    if kinds & {Load, Adjust, Sell, Issue}:
        await _read_owed(tx, desk)


async def _read_loaded(tx: Tx, desk: Desk, cards: Sequence[HeldCard]) -> None:
    """When cards were bought, and who held those on which that came which they hold.

    Where nobody else is named, who held them paid for it.
    """
    if cards:
        ids = sorted({card.id for card in cards})
        desk.closing.payouts_stopped = bool(await open_alarms(tx))
        desk.closing.bought_at = {row[0]: row[1] for row in await tx.rows(SQL["bought"], int8s(ids))}
    known = desk.sheet.provenances
    places = {known[lot.id][1].funded_by for card in cards for lot in card.pocket.lots}
    if places:
        rows = await tx.rows(*by_place(SQL["holders_of_entries"], places))
        desk.closing.holder_of = {Place(batch_id, ordinal): ref for batch_id, ordinal, ref in rows}


def _roots(desk: Desk, *, named_too: bool) -> list[HeldCard]:
    """The bearer cards that are under a law: the value of their roots counts.

    What goes between two cards is judged by the kind of one, and told what the root of either holds.
    """
    lawful = (one for one in desk.cards.values() if one.promised is not None)
    return [one for one in lawful if named_too or one.kind is Kind.BEARER]


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
    desk.cashed = {row[0]: row[1] for row in rows.get("cashed", ())}
    desk.standings = {**desk.standings, **as_standings(rows.get("standings", ()))}
    desk.pilots.rooms = {row[0]: (row[1], row[2]) for row in rows.get("pilot_rooms", ())}
    desk.pilots.holders = {(row[0], row[1]) for row in rows.get("pilot_holders", ())}


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
    if desk.pilots.uses:
        statements.append(use_pilots_statement(desk.pilots.uses))
    if desk.judgements:
        place = desk.sheet.book, desk.sheet.batch_id
        statements.append((SQL["add_judgements"], *place, *columns(_JUDGEMENT, desk.judgements)))
    return statements

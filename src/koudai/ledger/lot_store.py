"""The SQL of lots, holds and limits; `store` writes them with their batch."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from koudai.ledger.holds import Hold, HoldState
from koudai.ledger.limit import Flow, Limit, Per, Subject
from koudai.ledger.limits import Meter
from koudai.ledger.lots import Provenance
from koudai.ledger.model import Place
from koudai.ledger.sheet import Drawn, Sheet
from koudai.pg import Statements, Tx, columns, int4s, int8s, numbers, texts, tids, times

SQL = Statements(Path(__file__).with_name("queries.sql"))

Statement = tuple[Any, ...]
Rows = Iterable[Sequence[Any]]

_LOT = (int8s, int8s, int8s, int8s, times, times, int8s, int4s, int4s, texts, texts, texts, int4s)
_NEW_HOLD = (
    int4s, int8s, int8s, int8s, int8s, int8s, times, times, times, texts, texts, texts, texts, int4s, int4s,
)  # fmt: skip
_OLD_HOLD = (int8s, int4s, tids, int8s, int8s, times, texts, int4s, int4s)
_PLACE = (int8s, int4s)
_STATES = {state.value: state for state in HoldState}
_LIMIT = (texts, texts, texts, int8s, int8s, int8s, int8s)
_COUNTED = (int8s, tids, int4s, int4s)
_BEGUN = (texts, int4s, int4s)


def lots_statement(places: Iterable[Place], accounts: Iterable[int]) -> Statement:
    """The statement that reads the provenance of lots that entries drew, and of all live lots of accounts.

    `add_provenances` reads its rows.
    """
    return (SQL["lots"], *columns(_PLACE, places), int8s(list(accounts)))


def add_provenances(sheet: Sheet, rows: Rows) -> None:
    """Tell a sheet the provenance of lots."""
    for lot_id, account, source, flags, funded_at, batch_id, ordinal, payer, refund_to, expires_at in rows:
        came = Place(batch_id, ordinal)
        known = Provenance(source, flags, funded_at, came, payer, refund_to, expires_at)
        sheet.provenances[lot_id] = (account, known)


def drawn_statement(places: Iterable[Place]) -> Statement:
    """The statement that reads which lots entries drew; see `as_drawn`."""
    return (SQL["drawn"], *columns(_PLACE, places))


def as_drawn(rows: Rows) -> dict[Place, list[Drawn]]:
    """The lots that entries drew, in that order."""
    drawn: dict[Place, list[Drawn]] = {}
    for batch_id, ordinal, lot, minor in rows:
        drawn.setdefault(Place(batch_id, ordinal), []).append((lot, minor))
    return drawn


def holds_statement(book: int, places: Iterable[Place]) -> Statement:
    """The statement that reads holds by place; see `as_hold`."""
    return (SQL["holds"], book, *columns(_PLACE, places))


def whose_holds_statement(book: int, places: Iterable[Place], groups: Iterable[str]) -> Statement:
    """The statement that asks whose the holds at places and of groups are: batch, ordinal, account, device."""
    return (SQL["whose_holds"], book, *columns(_PLACE, places), texts(list(groups)))


def holds_of_groups_statement(book: int, groups: Iterable[str]) -> Statement:
    """The statement that reads the holds of groups."""
    return (SQL["holds_of_groups"], book, texts(list(groups)))


def open_holds_statement(accounts: Iterable[int]) -> Statement:
    """The statement that reads the open holds of accounts."""
    return (SQL["open_holds"], int8s(list(accounts)))


def as_hold(row: Sequence[Any]) -> Hold:
    """A hold from a row."""
    batch_id, ordinal, account, payee, amount, asset, counted_at, expires_at, lots = row[:9]
    captured, released, captured_at, state, device, group, at = row[9:]
    return Hold(
        Place(batch_id, ordinal), account, payee, amount, asset, counted_at, expires_at,
        list(zip(lots[::2], lots[1::2], strict=True)), captured_minor=captured, released_minor=released,
        captured_at=captured_at, state=_STATES[state], device=device, group=group, at=at,
    )  # fmt: skip


async def successors(tx: Tx, accounts: Iterable[int]) -> dict[int, list[int]]:
    """The accounts that took over from others, all along the chain."""
    found: dict[int, list[int]] = {}
    for first, account in await tx.rows(SQL["successors"], int8s(list(accounts))):
        found.setdefault(first, []).append(account)
    return found


def fresh_ids_statement(count: int) -> Statement:
    """The statement that draws ids for new lots."""
    return (SQL["fresh_ids"], count)


def add_subjects(sheet: Sheet, rows: Rows) -> None:
    """Tell a sheet the counters of subjects that were locked."""
    for subject_id, ref, at, meters in rows:
        sheet.subjects[ref] = sheet.subjects[subject_id] = Meter(subject_id, at, meters)


def lock_subjects_statement(
    book: int, accounts: Sequence[int], refs: Iterable[str], pairs: Iterable[tuple[int, str, str]]
) -> Statement:
    """The statement that locks the counters of holders of accounts, of refs, and of pairs with a holder.

    Such a pair is (account, kind, ref of the other): its own ref is `kind:holder+ref`. To be sent behind
    the one that locks the accounts; `sheet_from` reads its rows.
    """
    return (
        SQL["lock_subjects"], book, int8s(accounts), texts(sorted(set(refs))), *columns((int8s, texts, texts), pairs),
    )  # fmt: skip


def subjects_between_statement(book: int, spans: Iterable[tuple[str, str]]) -> Statement:
    """The statement that reads, without a lock, the subjects whose refs lie behind one and before another: see `Meter`.

    It answers id, ref, place and counters, of those alone that have any.
    """
    return (SQL["subjects_between"], book, *columns((texts, texts), spans))


def count_statements(sheet: Sheet) -> list[Statement]:
    """The statements that write the counters of subjects, those of this batch's own as well."""
    statements: list[Statement] = []
    counted = {meter.id: meter for meter in sheet.subjects.values() if meter.changed and meter.at is not None}
    if counted:
        spans, flat = _laid_flat(counted.values())
        rows = [(meter.id, meter.at, *span) for meter, span in zip(counted.values(), spans, strict=True)]
        statements.append((SQL["count"], sheet.book, *columns(_COUNTED, rows), int8s(flat)))
    if sheet.begun:
        spans, flat = _laid_flat(sheet.begun.values())
        made = [(ref, *span) for ref, span in zip(sheet.begun, spans, strict=True)]
        statements.append((SQL["begin_subjects"], sheet.book, *columns(_BEGUN, made), int8s(flat)))
    return statements


def _laid_flat(meters: Iterable[Meter]) -> tuple[list[tuple[int, int]], list[int]]:
    """The counters of all meters one after the other, and where those of each begin and end."""
    spans: list[tuple[int, int]] = []
    flat: list[int] = []
    for meter in meters:
        begin = len(flat) + 1
        flat += meter.flat
        spans.append((begin, len(flat)))
    return spans, flat


def add_lots_statement(sheet: Sheet) -> Statement:
    """The statement that writes the provenance of a sheet's new lots."""
    rows = [
        (
            lot.id, lot.account, lot.parent, p.strain(), p.funded_at, p.expires_at, *p.funded_by, lot.came_ordinal,
            p.source, p.payer, p.refund_to, p.flags,
        )
        for lot in sheet.new_lots
        for p in (lot.provenance,)
    ]  # fmt: skip
    return (SQL["add_lots"], sheet.book, sheet.batch_id, *columns(_LOT, rows))


def hold_statements(sheet: Sheet) -> list[Statement]:
    """The statements that write a sheet's new holds, and what became of older ones."""
    changed = [hold for hold in sheet.holds.values() if hold.changed]
    made = [hold for hold in changed if hold.place.batch_id == sheet.batch_id]
    older = [hold for hold in changed if hold.place.batch_id != sheet.batch_id]
    statements: list[Statement] = []
    if made:
        ends, flat = _lay_flat(made)
        rows = [
            (
                h.place.ordinal, h.account, h.payee, h.amount_minor, h.captured_minor, h.released_minor, h.counted_at,
                h.expires_at, h.captured_at, h.state, h.asset, h.device, h.group, *end,
            )
            for h, end in zip(made, ends, strict=True)
        ]  # fmt: skip
        statements.append((SQL["add_holds"], sheet.book, sheet.batch_id, *columns(_NEW_HOLD, rows), int8s(flat)))
    if older:
        ends, flat = _lay_flat(older)
        settled = [
            (*h.place, h.at, h.captured_minor, h.released_minor, h.captured_at, h.state, *end)
            for h, end in zip(older, ends, strict=True)
        ]
        statements.append((SQL["settle_holds"], *columns(_OLD_HOLD, settled), numbers(flat)))
    return statements


def _lay_flat(holds: Sequence[Hold]) -> tuple[list[tuple[int, int]], list[int]]:
    flat: list[int] = []
    ends = []
    for hold in holds:
        begin = len(flat) + 1
        for part in hold.lots:
            flat += part
        ends.append((begin, len(flat)))
    return ends, flat


async def declare_limits(tx: Tx, book: int, scope_id: int, limits: Sequence[Limit]) -> list[Limit]:
    """Declare limits for a scope; answers them with their ids.

    Where the scope has accounts already, `hold_batches` comes first, so that each batch either counts by them or
    came before them.
    """
    rows = [("+".join(x.subjects), x.flow, x.per, x.window_s, x.min_minor, x.max_minor, x.max_count) for x in limits]
    return [_as_limit(row) for row in await tx.rows(SQL["add_limits"], book, scope_id, *columns(_LIMIT, rows))]


def owed_statement(book: int, asset: str) -> tuple[Any, ...]:
    """The statement that answers, as text, what a book's constrained accounts hold together in an asset."""
    return (SQL["owed_in_all"], book, asset)


async def hold_batches(tx: Tx, book: int) -> None:
    """Wait for the batches of a book that have begun; none begins until this transaction ends."""
    await tx.rows(SQL["hold_batches"], book)


async def limits_of_book(tx: Tx, book: int) -> dict[int, list[Limit]]:
    """All limits of a book, by scope."""
    found: dict[int, list[Limit]] = {}
    for row in await tx.rows(SQL["limits"], book):
        found.setdefault(row[0], []).append(_as_limit(row))
    return found


def _as_limit(row: Sequence[Any]) -> Limit:
    _scope, subjects, flow, per, window_s, least, most, count, limit_id = row
    pair = tuple(Subject(one) for one in subjects.split("+"))
    return Limit(pair, Flow(flow), Per(per), window_s, least, most, count, limit_id)

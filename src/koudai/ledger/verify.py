"""Verify: prove the books again from their rows, on a live database.

The sealed part (batches that no running transaction can add to) is proven range by range and can be
resumed; the tail, and the balances, in one snapshot. Rooms above add checks of their own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from koudai.pg import Database, Statements, Tx, columns, int8s, texts

SQL = Statements(Path(__file__).with_name("verify.sql"))

_SETTLE_S = 5.0
_FIRST_RANGE = 256
# How long a range may take: each walks over all accounts anew, so that short ones are dear.
_SHORT_S, _LONG_S = 3.0, 12.0
_FINDINGS_SHOWN = 50

Progress = Callable[[int, int], None]
Rows = Sequence[Sequence[Any]]
Statement = tuple[Any, ...]


@dataclass(frozen=True)
class Check:
    """One thing that must hold: a statement, or what else can be asked, that answers the rows where it doesn't.

    Each answered row is (row, detail), both text. A check over a range takes the first and the last
    batch id as `$1` and `$2`; one over the whole (`ranged=False`) takes no parameter.
    """

    name: str
    statement: str | Callable[..., Awaitable[Rows]]
    ranged: bool = True


@dataclass(frozen=True)
class Finding:
    """A row that breaks a rule: the check's name, which row it is, and what is wrong with it."""

    check: str
    row: str
    detail: str


@dataclass
class Report:
    """What a verification saw. `findings` is cut after 50 of each check; `found` counts them all."""

    transfers: int = 0
    accounts: int = 0
    keys: int = 0
    sealed_batch_id: int = 0
    resumed_after: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether everything that was checked holds."""
        return self.found == 0

    def add(self, check: str, rows: Rows) -> None:
        """Take in the rows that a check answered."""
        self.found += len(rows)
        self.findings += [Finding(check, str(row), str(detail)) for row, detail in rows[:_FINDINGS_SHOWN]]


LEDGER_CHECKS = (
    Check("ledger.transfer_accounts", SQL["transfer_accounts"]),
    Check("ledger.transfer_lots", SQL["transfer_lots"]),
    Check("ledger.entry_legs", SQL["entry_legs"]),
    Check("ledger.transfer_key", SQL["transfer_key"]),
    Check("ledger.key_effect", SQL["key_effect"]),
    Check("ledger.key_place", SQL["key_place"]),
    Check("ledger.key_batch", SQL["key_batch"], ranged=False),
    Check("ledger.transfer_batch", SQL["transfer_batch"], ranged=False),
    Check("ledger.constrained_negative", SQL["constrained_negative"], ranged=False),
    Check("ledger.book_sum", SQL["book_sum"], ranged=False),
    Check("ledger.lot_row", SQL["lot_row"], ranged=False),
    Check("ledger.lot_twice", SQL["lot_twice"], ranged=False),
    Check("ledger.lot_provenance", SQL["lot_provenance"], ranged=False),
    Check("ledger.hold_reserved", SQL["hold_reserved"], ranged=False),
    Check("ledger.hold_left", SQL["hold_left"], ranged=False),
    Check("ledger.hold_due", SQL["hold_due"], ranged=False),
)


async def verify(
    db: Database, checks: Sequence[Check] = (), on_progress: Progress | None = None, *, incremental: bool = False
) -> Report:
    """Run the ledger's checks and those of the rooms above; the report names every row that is wrong.

    An interrupted run is taken up where it stopped, unless it is still running elsewhere. An
    `incremental` one goes on from where the last one ended: it proves the batches that came since, and
    the balances that they moved; what concerns the whole is for a full run. `on_progress` is told
    batches done and batches in all. What is found raises alarms, which stop payouts. It takes three
    connections of the pool.
    """
    started = time.monotonic()
    checks = (*LEDGER_CHECKS, *checks)
    async with db.session_lock("ledger.verify") as alone:
        report = Report()
        audit_id, report.sealed_batch_id, through = await _begin(db, report, alone, incremental)
        report.resumed_after = since = through
        step = _FIRST_RANGE
        while through < report.sealed_batch_id:
            first = await _next_batch(db, through)
            last = min(first - 1 + step, report.sealed_batch_id)
            began = time.monotonic()
            await _prove_range(db, audit_id, through + 1, last, checks, report)
            took = time.monotonic() - began
            step = max(16, min(step * 2 if took < _SHORT_S else step // 2 if took > _LONG_S else step, 1 << 16))
            through = last
            if on_progress:
                on_progress(through, report.sealed_batch_id)
        await _prove_rest(db, audit_id, checks, report, since if incremental and audit_id else 0)
        async with db.transaction() as tx:
            await tx.together(*((SQL[name], audit_id) for name in ("finish_audit", "drop_totals", "gather_totals")))
            await _raise_alarms(tx, report)
    report.seconds = round(time.monotonic() - started, 3)
    return report


async def _begin(db: Database, report: Report, alone: bool, incremental: bool) -> tuple[int, int, int]:
    """Take up an interrupted audit or begin one: its id, the last sealed batch, and how far it came.

    Beside another one that still runs nothing is noted down: all is proven in one snapshot, as the tail.
    """
    if not alone:
        return 0, 0, 0
    async with db.transaction() as tx:
        row = await tx.row(SQL["open_audit"])
    if row is not None:
        for found in msgspec.json.decode(row[4]):
            report.add(found["check"], [(found["row"], found["detail"])])
        report.transfers = row[3]
        return row[0], row[1], row[2]
    sealed = await _seal(db)
    async with db.transaction() as tx:
        if incremental:
            row = await tx.row(SQL["reopen_audit"], sealed)
            if row is not None:
                report.transfers = row[3]
                return row[0], row[1], row[2]
        return await tx.value(SQL["begin_audit"], sealed), sealed, 0


async def _raise_alarms(tx: Tx, report: Report) -> None:
    """Note what was found where clearing will see it."""
    first: dict[str, Finding] = {}
    counts: dict[str, int] = {}
    for finding in report.findings:
        first.setdefault(finding.check, finding)
        counts[finding.check] = counts.get(finding.check, 0) + 1
    if first:
        rows = [(check, counts[check], f"{finding.row}: {finding.detail}") for check, finding in first.items()]
        await tx.rows(SQL["raise_alarm"], *columns((texts, int8s, texts), rows))


async def _seal(db: Database) -> int:
    """The last batch id below which nothing can appear any more: all older transactions have ended.

    A batch takes its transaction id before its number, so once every transaction that is older than
    now has ended, all batches up to the newest one seen before are decided. Where one goes on for
    long, nothing is called sealed and all is proven as the tail.
    """
    async with db.transaction() as tx:
        newest = await tx.value(SQL["newest_batch"])
    async with db.transaction() as tx:
        horizon = await tx.value(SQL["own_transaction"])
    give_up = time.monotonic() + _SETTLE_S
    while time.monotonic() < give_up:
        async with db.transaction() as tx:
            if await tx.value(SQL["all_older_ended"], horizon):
                return int(newest)
        await asyncio.sleep(0.02)
    return 0


async def _next_batch(db: Database, after: int) -> int:
    async with db.transaction() as tx:
        return int(await tx.value(SQL["next_batch"], after))


async def _prove_range(
    db: Database, audit_id: int, first: int, last: int, checks: Sequence[Check], report: Report
) -> None:
    """Prove sealed batches, and commit what they add up to together with how far we came."""
    async with db.transaction() as tx, db.transaction() as second:
        before = len(report.findings)
        totals = (SQL["add_totals"], audit_id, first, last)
        counted = await _run_ranged((tx, second), checks, first, last, report, totals)
        found = _as_json(report.findings[before:])
        await tx.rows(SQL["advance_audit"], audit_id, first - 1, last, counted, found)
        report.transfers += counted


async def _prove_rest(db: Database, audit_id: int, checks: Sequence[Check], report: Report, since: int) -> None:
    """The tail and every balance against its transfers, in one snapshot; and what concerns the whole.

    Where `since` isn't 0, only the tail, and the balances that were moved after that batch.
    """
    sealed = report.sealed_batch_id
    async with db.transaction(snapshot=True) as tx, db.transaction(snapshot=True) as second:
        newest = await tx.value(SQL["newest_batch"])
        if newest > sealed:
            report.transfers += await _run_ranged((tx,), checks, sealed + 1, newest, report)
        whole = [check for check in checks if not check.ranged and not since]
        own = ((SQL["balance"], audit_id, sealed, since), (SQL["counts"],))
        found, (balances, ((accounts, keys, transfers),)) = await _share((tx, second), whole, (), own)
        report.add("ledger.balance", balances)
        if since:
            return
        for check in whole:
            report.add(check.name, found[check.name])
        report.accounts, report.keys = accounts, keys
        if transfers != report.transfers:
            told = f"{report.transfers} were proven, {transfers} are there"
            report.add("ledger.transfers_missed", [("ledger.transfers", told)])


async def _run_ranged(
    txs: Sequence[Tx], checks: Sequence[Check], first: int, last: int, report: Report, *own: Statement
) -> int:
    """Run the checks over a range, and on the first connection its own statements; how many transfers it has."""
    ranged = [check for check in checks if check.ranged]
    counting = (SQL["count_transfers"], first, last)
    found, (((counted,),), *_) = await _share(txs, ranged, (first, last), (counting, *own))
    for check in ranged:
        report.add(check.name, found[check.name])
    return int(counted)


async def _share(
    txs: Sequence[Tx], checks: Sequence[Check], span: tuple[int, ...], own: Sequence[Statement]
) -> tuple[dict[str, Rows], list[Rows]]:
    """Work through checks on several connections at once; on the first one, statements of its own before.

    What each check and each of those statements answered. The rooms above have the longest ones, and
    those begin first.
    """
    found: dict[str, Rows] = {}
    answers: list[Rows] = []
    left = iter(reversed(checks))

    async def work(tx: Tx, before: Sequence[Statement]) -> None:
        await tx.plan_for_scans()
        for statement in before:
            answers.append(await tx.rows(*statement))
        for check in left:
            if isinstance(check.statement, str):
                found[check.name] = await tx.rows(check.statement, *span)
            else:
                found[check.name] = await check.statement(tx, *span)

    try:
        async with asyncio.TaskGroup() as group:
            for tx in txs:
                group.create_task(work(tx, own if tx is txs[0] else ()))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return found, answers


def _as_json(findings: Sequence[Finding]) -> str:
    return msgspec.json.encode([{"check": f.check, "row": f.row, "detail": f.detail} for f in findings]).decode()

"""Verification: it proves what holds, tells how far it is, goes on where it stopped, and runs beside postings."""

import asyncio
import sys
import threading

import psycopg
import pytest

from koudai import ledger
from koudai.ledger import Check
from koudai.pg import Database

module = sys.modules["koudai.ledger.verify"]


class Interrupted(Exception):
    """Stands for whatever ends a verification in the middle."""


@pytest.fixture
async def long_book(book, monkeypatch):
    """Sixty batches, proven in ranges that begin with four."""
    monkeypatch.setattr(module, "_FIRST_RANGE", 4)
    await book.open("hot shop", a=1000)
    for n in range(59):
        await book.post(book.posting("a", "hot shop", n % 9 + 1, f"k{n}"))
    return book


def interrupt_at(limit):
    def on_progress(done, total):
        if done >= limit:
            raise Interrupted

    return on_progress


async def test_books_without_anything_in_them_hold(book):
    report = await book.verify()
    assert (report.transfers, report.accounts, report.keys, report.found) == (0, 0, 0, 0)


async def test_it_counts_what_it_proved(book):
    await book.open("shop", a=100)
    await book.post(*(book.posting("a", "shop", n) for n in (50, 60, 50)))
    report = await book.verify()
    assert (report.transfers, report.accounts, report.keys) == (3, 3, 4)
    assert report.sealed_batch_id > 0
    assert report.seconds > 0


async def test_it_tells_how_far_it_is(long_book):
    told = []
    report = await ledger.verify(long_book.db, on_progress=lambda done, total: told.append((done, total)))
    assert len(told) >= 3
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert {total for _, total in told} == {report.sealed_batch_id}
    assert told[0][0] == 4
    assert told[-1][0] == told[-1][1] == 60
    assert report.transfers == 60


async def test_an_interrupted_one_goes_on_where_it_stopped(long_book, site):
    with pytest.raises(Interrupted):
        await ledger.verify(long_book.db, on_progress=interrupt_at(10))
    await long_book.post(long_book.posting("a", "hot shop", 1))
    told = []
    async with Database(site.target) as fresh:
        report = await ledger.verify(fresh, on_progress=lambda done, _: told.append(done))
    assert report.holds
    assert report.resumed_after == 20
    assert min(told) > 20
    assert report.transfers == 61, "those proven before, the rest, and the tail"
    again = await long_book.verify()
    assert (again.resumed_after, again.transfers) == (0, 61)
    assert site.ask("SELECT count(*) FILTER (WHERE finished_at IS NULL) FROM ledger.audits") == [(0,)]
    assert site.ask("SELECT count(DISTINCT audit_id) FROM ledger.audit_totals") == [(1,)], "the newest one's"


async def test_interrupted_at_every_range_it_still_ends(long_book):
    ends = []
    for _ in range(20):
        try:
            report = await ledger.verify(long_book.db, on_progress=interrupt_at(0))
        except Interrupted:
            continue
        ends.append(report)
        break
    assert ends[0].holds
    assert (ends[0].transfers, ends[0].resumed_after) == (60, 60)


async def test_what_was_found_before_the_interruption_is_still_told(long_book, site):
    site.change("DELETE FROM ledger.idempotency WHERE key = 'k3'")
    with pytest.raises(Interrupted):
        await ledger.verify(long_book.db, on_progress=interrupt_at(10))
    report = await ledger.verify(long_book.db)
    assert report.resumed_after == 20
    (finding,) = report.findings
    assert finding.check == "ledger.transfer_key"
    assert report.found == 1


async def test_two_at_a_time_don_t_disturb_each_other(long_book, site):
    """While one is under way another runs from beginning to end; both find that the books hold."""
    others = []

    async def run_other():
        async with Database(site.target) as db:
            others.append(await ledger.verify(db))

    def on_progress(done, _total):
        if done == 20:
            thread = threading.Thread(target=lambda: asyncio.run(run_other()))
            thread.start()
            thread.join()

    report = await ledger.verify(long_book.db, on_progress=on_progress)
    assert [o.findings for o in others] == [[]]
    assert (others[0].transfers, others[0].resumed_after) == (60, 0), "the other one began its own"
    assert report.findings == []
    assert report.transfers == 60


async def test_a_transaction_that_goes_on_for_long_only_makes_the_tail_longer(long_book, site, monkeypatch):
    monkeypatch.setattr(module, "_SETTLE_S", 0.2)
    async with Database(site.target) as other, other.transaction() as slow:
        await ledger.post(slow, 1, [long_book.posting("a", "hot shop", 1)])
        await slow.rows("SELECT 1")  # What is written goes with the next statement at the latest.
        report = await long_book.verify()
        assert (report.sealed_batch_id, report.transfers) == (0, 60)
    report = await long_book.verify()
    assert report.sealed_batch_id > 0
    assert report.transfers == 61


async def test_it_runs_while_others_post_and_fold(long_book, site):
    """What is under way doesn't look wrong, whatever the moment."""
    ended = asyncio.Event()

    async def post(number):
        async with Database(site.target, max_size=1) as db:
            done = 0
            while not ended.is_set():
                postings = [long_book.posting("hot CNY", "a", 2), long_book.posting("a", "hot shop", 1)]
                await db.transact(lambda tx, p=postings: ledger.post(tx, 1, p))
                if number == 0:
                    await db.transact(lambda tx: ledger.fold_deltas(tx, 7))
                done += 1
        return done

    posting = [asyncio.create_task(post(n)) for n in range(3)]
    seen = [await ledger.verify(long_book.db) for _ in range(6)]
    ended.set()
    done = await asyncio.gather(*posting)
    assert [r.findings for r in seen] == [[]] * 6
    assert [r.transfers for r in seen] == sorted(r.transfers for r in seen)
    assert min(done) > 5
    assert seen[-1].transfers > seen[0].transfers
    assert (await long_book.verify()).transfers == 60 + 2 * sum(done)


async def test_rooms_above_add_checks_and_all_rows_are_counted(long_book):
    checks = (
        Check("shop.every", "SELECT 'ledger.transfers ' || batch_id, 'seen' FROM ledger.transfers"
              " WHERE batch_id BETWEEN $1::bigint AND $2::bigint"),
        Check("shop.whole", "SELECT 'the whole', count(*)::text FROM ledger.transfers", ranged=False),
        Check("shop.once", "SELECT 'x', 'y' FROM ledger.batches WHERE id BETWEEN $1::bigint AND $2::bigint AND id = 30"),
    )  # fmt: skip
    report = await ledger.verify(long_book.db, checks)
    assert not report.holds
    assert report.found == 60 + 1 + 1
    by_check = {
        name: [f for f in report.findings if f.check == name] for name in ("shop.every", "shop.whole", "shop.once")
    }
    assert [(f.row, f.detail) for f in by_check["shop.whole"]] == [("the whole", "60")]
    assert len(by_check["shop.once"]) == 1
    assert len({f.row for f in by_check["shop.every"]}) == len(by_check["shop.every"]) > 40


async def test_an_incremental_run_proves_what_came_since(book):
    """It goes on from where the last one ended, as often as one likes, and finds what a full one finds."""
    await book.open("shop", a=100)
    await book.post(book.posting("a", "shop", 10))
    assert (await ledger.verify(book.db)).holds
    for n in range(3):
        await book.post(book.posting("a", "shop", 1), book.posting("a", "shop", 2))
        report = await ledger.verify(book.db, incremental=True)
        assert report.holds
        assert report.resumed_after > 0
        assert report.transfers == 2 + 2 * (n + 1)
    assert (await ledger.verify(book.db)).transfers == 8


async def test_what_is_found_raises_an_alarm_until_somebody_clears_it(book, site):
    await book.open("shop", a=100)
    await book.post(book.posting("a", "shop", 10))
    with psycopg.connect(site.target.owner_conninfo()) as owner:
        owner.execute("UPDATE ledger.accounts SET balance_minor = balance_minor + 1 WHERE id = %s", (book.ids["a"],))
    for _ in range(2):
        assert not (await ledger.verify(book.db)).holds
    alarms = await book.db.transact(ledger.open_alarms)
    assert sorted(alarm.check for alarm in alarms) == ["ledger.balance", "ledger.book_sum"]
    for alarm in alarms:
        assert await book.db.transact(lambda tx, one=alarm: ledger.clear_alarm(tx, one.id, "Wang", "a drill"))
        assert not await book.db.transact(lambda tx, one=alarm: ledger.clear_alarm(tx, one.id, "Wang", "again"))
    assert await book.db.transact(ledger.open_alarms) == []

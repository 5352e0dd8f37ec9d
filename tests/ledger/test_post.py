"""Posting: one outcome for each, in order; what is refused changes nothing and stops nobody."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from koudai.base import MAX_MINOR, Asset, Refused, render_time
from koudai.ledger import (
    LedgerRefusal,
    Place,
    close_period,
    fresh_ids_statement,
    open_accounts,
    open_batch,
    turnover,
    write,
)

R = LedgerRefusal
NOON, DAY = datetime(2024, 5, 1, 12, tzinfo=UTC), timedelta(days=1)


def code(outcome):
    return outcome.code if isinstance(outcome, Refused) else "ok"


async def test_a_list_is_answered_one_by_one_and_in_order(book):
    await book.open("shop", a=100, b=0)
    story = [
        # debit    credit   amount  outcome
        ("a",      "shop",      40, "ok"),
        ("a",      "shop",      61, R.INSUFFICIENT_BALANCE),
        ("a",      "shop",      60, "ok"),
        ("a",      "shop",       1, R.INSUFFICIENT_BALANCE),
        ("b",      "a",          1, R.INSUFFICIENT_BALANCE),
        ("shop",   "b",         30, "ok"),
        ("b",      "a",         30, "ok"),
        ("a",      "b",         31, R.INSUFFICIENT_BALANCE),
        ("a",      "b",         30, "ok"),
        ("hot CNY", "a",         5, "ok"),
        ("a",      "hot CNY",    5, "ok"),
    ]  # fmt: skip
    outcomes = await book.post(*(book.posting(*row[:3]) for row in story))
    assert [code(o) for o in outcomes] == [row[3] for row in story]
    assert await book.balances() == {"a": 0, "b": 30, "shop": 70, "hot CNY": -100}
    assert outcomes[1].facts == {"account": book.ids["a"], "available_minor": 60, "amount_minor": 61, "asset": "CNY"}
    places = [o for o in outcomes if isinstance(o, Place)]
    assert places == sorted(set(places))
    assert len({p.batch_id for p in places}) == 1
    await book.verify()


async def test_where_several_reasons_hold_the_first_is_told(book, other_book):
    """Each row has all the faults of the rows below it that can hold together with its own."""
    await book.open("b", "full", "hot source", a=10)
    await book.post(book.posting("hot source", "full", MAX_MINOR))
    await book.open("pounds", asset="GBP", a_pound=7)
    await other_book.open("c")
    book.ids["card"] = await book.db.transact(_open_in_lots)
    assert await book.db.transact(lambda tx: close_period(tx, book.number, NOON - DAY, "the auditor"))
    foreign, nobody, early = other_book.ids["c"], 10**15, NOON - 2 * DAY
    told = {"event_at": render_time(early), "closed_before": render_time(NOON - DAY)}
    used = book.posting("a", "b", 1, "used")
    assert [code(o) for o in await book.post(used)] == ["ok"]
    rows = [
        # All before a closed period have that fault as well, up to the one that tells of it.
        # reason                 debit    credit    amount          asset  key      facts
        (R.KEY_REUSED,           nobody,  nobody,   -5,             "XXX", "used",  {"field": "debit"}),
        (R.AMOUNT_NOT_POSITIVE,  nobody,  nobody,   0,              "XXX", None,    {"amount_minor": 0}),
        (R.AMOUNT_NOT_POSITIVE,  nobody,  nobody,   -5,             "XXX", None,    {"amount_minor": -5}),
        (R.AMOUNT_NOT_POSITIVE,  nobody,  nobody,   -(2**70),       "XXX", None,    {"amount_minor": -(2**70)}),
        (R.AMOUNT_TOO_LARGE,     nobody,  nobody,   MAX_MINOR + 1,  "XXX", None,    {"limit_minor": MAX_MINOR}),
        (R.AMOUNT_TOO_LARGE,     "a",     "b",      2**100,         "CNY", None,    {"limit_minor": MAX_MINOR}),
        (R.SAME_ACCOUNT,         nobody,  nobody,   99,             "XXX", None,    {"account": nobody}),
        (R.SAME_ACCOUNT,         "a",     "a",      5,              "CNY", None,    {"account": book.ids["a"]}),
        (R.UNKNOWN_ACCOUNT,      nobody,  foreign,  99,             "XXX", None,    {"account": nobody}),
        (R.UNKNOWN_ACCOUNT,      "a",     nobody,   99,             "XXX", None,    {"account": nobody}),
        (R.UNKNOWN_ACCOUNT,      "a",     foreign,  1,              "CNY", None,    {"account": foreign}),
        (R.UNKNOWN_ACCOUNT,      foreign, "a",      1,              "CNY", None,    {"account": foreign}),
        (R.UNKNOWN_ACCOUNT,      0,       -1,       1,              "CNY", None,    {"account": 0}),
        (R.ASSET_MISMATCH,       "a",     "b",      99,             "XXX", None,    {"account": book.ids["a"], "asset": "CNY"}),
        (R.ASSET_MISMATCH,       "a",     "pounds", 99,             "GBP", None,    {"account": book.ids["a"], "asset": "CNY"}),
        (R.ASSET_MISMATCH,       "a",     "pounds", 99,             "CNY", None,    {"account": book.ids["pounds"], "asset": "GBP"}),
        (R.KEPT_IN_LOTS,         "a",     "card",   99,             "CNY", None,    {"account": book.ids["card"]}),
        (R.KEPT_IN_LOTS,         "card",  "full",   99,             "CNY", None,    {"account": book.ids["card"]}),
        (R.PERIOD_CLOSED,        "a",     "full",   99,             "CNY", None,    told),
        (R.INSUFFICIENT_BALANCE, "a",     "full",   10,             "CNY", None,
         {"account": book.ids["a"], "available_minor": 9, "amount_minor": 10, "asset": "CNY"}),
        (R.BALANCE_TOO_LARGE,    "a",     "full",   9,              "CNY", None,    {"account": book.ids["full"], "asset": "CNY"}),
    ]  # fmt: skip
    closed = next(n for n, row in enumerate(rows) if row[0] is R.PERIOD_CLOSED)
    before = await book.balances()
    for one_by_one in (False, True):
        sent = [
            book.posting(d, c, amount, key, asset=asset, event_at=early if n <= closed else NOON)
            for n, (_, d, c, amount, asset, key, _) in enumerate(rows)
        ]
        outcomes = [(await book.post(p))[0] for p in sent] if one_by_one else await book.post(*sent)
        assert outcomes == [Refused(reason, facts) for reason, *_, facts in rows]
        assert await book.balances() == before
    met = list(dict.fromkeys(row[0] for row in rows))
    # Chains are told of elsewhere; no posting meets a limit, or an alarm.
    others = {R.LINKED_CHAIN_OPEN, R.LINKED_FAILED, R.UNKNOWN_ALARM}
    limits = {R.LIMIT_EXCEEDED, R.COUNT_EXCEEDED, R.BELOW_MINIMUM, R.BELOW_FLOOR}
    assert met == [r for r in R if r not in others | limits], "in the order of the enum"
    await book.verify()


async def test_the_ends_of_bigint(book):
    await book.open("b", a=MAX_MINOR)
    assert (await book.balances())["hot CNY"] == -MAX_MINOR
    (over,) = await book.post(book.posting("hot CNY", "a", 1))
    assert over == Refused(R.BALANCE_TOO_LARGE, {"account": book.ids["a"], "asset": "CNY"})
    outcomes = await book.post(
        book.posting("a", "b", MAX_MINOR), book.posting("b", "a", MAX_MINOR), book.posting("a", "b", 1)
    )
    assert [code(o) for o in outcomes] == ["ok"] * 3
    assert await book.balances() == {"a": MAX_MINOR - 1, "b": 1, "hot CNY": -MAX_MINOR}
    await book.verify()


async def test_a_hot_account_beyond_bigint_stops_nobody_else(book):
    """Its balance may be too large for one row; the postings of others, and what is read and folded, go on."""
    await book.open("hot a", "hot b", "c")
    far = [book.posting("hot a", "hot b", MAX_MINOR) for _ in range(3)]
    first = await book.post(far[0], book.posting("hot a", "c", 5))
    assert [code(o) for o in first] == ["ok", "ok"]
    second = await book.post(*far[1:], book.posting("hot a", "c", 6))
    assert code(second[-1]) == "ok"
    went = [code(o) for o in (*first[:1], *second[:2])].count("ok")
    assert (await book.balances())["hot b"] == went * MAX_MINOR
    await book.fold()
    assert (await book.balances())["hot b"] == went * MAX_MINOR
    await book.verify()


async def test_assets_don_t_mix_and_each_has_its_scale(book):
    for asset, scale in (("CNY", 2), ("JPY", 0), ("KWD", 3)):
        await book.open(f"to {asset}", asset=asset, **{f"from_{asset}": 10**scale})
    outcomes = await book.post(
        *(book.posting(f"from_{a}", f"to {a}", 1, asset=a) for a in ("CNY", "JPY", "KWD")),
        *(book.posting("from_CNY", f"to {a}", 1, asset="CNY") for a in ("JPY", "KWD")),
    )
    assert [code(o) for o in outcomes] == ["ok", "ok", "ok", R.ASSET_MISMATCH, R.ASSET_MISMATCH]
    assert len({o.batch_id for o in outcomes[:3]}) == 1, "several assets may stand in one batch"
    held = await book.balances()
    assert {n: m for n, m in held.items() if n.startswith("from")} == {"from_CNY": 99, "from_JPY": 0, "from_KWD": 999}
    await book.verify()


async def test_an_asset_keeps_the_scale_that_it_came_with(book):
    await book.open("a")
    with pytest.raises(ValueError, match="counts CNY with 2 decimals, not 3"):
        await book.db.transact(lambda tx: _open(tx, Asset("CNY", 3)))


async def _open(tx, asset):
    return await open_accounts(tx, 1, asset, "x", constrained=True)


async def _open_in_lots(tx):
    sheet = await open_batch(tx, 1, [])
    sheet.fresh_ids += [row[0] for row in await tx.rows(*fresh_ids_statement(1))]
    pocket = sheet.open("card", "CNY", None, 0)
    write(tx, sheet)
    return pocket.id


async def test_two_books_are_strangers(book, other_book):
    await book.open("shop", a=50)
    await other_book.open("shop", a=70)
    same = book.posting("a", "shop", 20, "k")
    theirs = other_book.posting("a", "shop", 30, "k")
    (ours,), (other,) = await book.post(same), await other_book.post(theirs)
    assert isinstance(ours, Place)
    assert isinstance(other, Place)
    assert (await book.balances())["a"] == 30
    assert (await other_book.balances())["a"] == 40
    assert (await book.recall("k")).place == ours
    assert (await other_book.recall("k")).place == other
    (strange,) = await other_book.post(same)
    assert strange == Refused(R.KEY_REUSED, {"field": "debit"})
    (unknown,) = await other_book.post(msgspec.structs.replace(same, key="new"))
    assert unknown == Refused(R.UNKNOWN_ACCOUNT, {"account": book.ids["a"]})
    await book.verify()


async def test_nothing_is_posted_by_an_empty_list(book):
    await book.open(a=5)
    assert await book.post() == []
    assert (await book.balances())["a"] == 5
    await book.verify()


async def test_a_thousand_at_once_see_each_other(book):
    """The last of a thousand on one account sees what the others took."""
    await book.open("shop", a=500)
    outcomes = await book.post(*(book.posting("a", "shop", 1) for _ in range(1000)))
    assert [code(o) for o in outcomes] == ["ok"] * 500 + [R.INSUFFICIENT_BALANCE] * 500
    assert [o.facts["available_minor"] for o in outcomes[500:]] == [0] * 500
    await book.verify()


async def test_turnover_is_added_up_from_the_transfers(book):
    await book.open("shop", a=100)
    await book.post(
        book.posting("a", "shop", 30, kind="redeem"),
        book.posting("a", "shop", 20, kind="redeem"),
        book.posting("shop", "a", 5, kind="refund"),
    )
    found = await book.db.transact(lambda tx: turnover(tx, [book.ids["shop"]]))
    assert sorted((t.kind, t.in_minor, t.out_minor) for t in found) == [("redeem", 50, 0), ("refund", 0, 5)]
    assert await book.db.transact(lambda tx: turnover(tx, [])) == []

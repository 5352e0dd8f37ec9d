"""Linked chains: booked whole or not at all, wherever they stand in a list."""

import msgspec

from koudai.base import Refused
from koudai.ledger import LedgerRefusal, Place

R = LedgerRefusal


def code(outcome):
    return outcome.code if isinstance(outcome, Refused) else "ok"


async def test_a_chain_stands_or_falls_and_its_neighbours_don_t_care(book):
    await book.open("shop", "fee", a=100, b=0)
    story = [
        # debit  credit  amount linked  outcome                     what it is
        ("a",    "shop",     10, False, "ok"),                      # a single one
        ("a",    "shop",     20, True,  "ok"),                      # a chain that stands
        ("a",    "fee",       1, False, "ok"),
        ("a",    "shop",     30, True,  R.LINKED_FAILED),           # one whose last falls
        ("a",    "b",        30, True,  R.LINKED_FAILED),
        ("b",    "fee",      31, False, R.INSUFFICIENT_BALANCE),
        ("a",    "shop",     69, False, "ok"),                      # has all that the fallen chain gave back
        ("a",    "shop",      1, False, R.INSUFFICIENT_BALANCE),
        ("b",    "fee",       1, True,  R.INSUFFICIENT_BALANCE),    # one whose first falls
        ("shop", "b",         5, True,  R.LINKED_FAILED),
        ("shop", "b",        -5, True,  R.AMOUNT_NOT_POSITIVE),     # judged for itself, also in a fallen chain
        ("shop", "b",         5, False, R.LINKED_FAILED),
        ("shop", "b",         7, True,  "ok"),                      # one link brings what the next one needs
        ("b",    "a",         7, True,  "ok"),
        ("a",    "fee",       7, False, "ok"),
        ("shop", "b",         1, True,  R.LINKED_CHAIN_OPEN),       # one that has no end
        ("shop", "shop",      1, True,  R.LINKED_CHAIN_OPEN),
    ]  # fmt: skip
    outcomes = await book.post(*(book.posting(*row[:3], linked=row[3]) for row in story))
    assert [code(o) for o in outcomes] == [row[4] for row in story]
    assert await book.balances() == {"a": 0, "b": 0, "shop": 92, "fee": 8, "hot CNY": -100}
    await book.verify()


async def test_what_fell_may_come_again_and_what_was_judged_may_not(book):
    await book.open("shop", "fee", a=10)
    first = book.posting("a", "shop", 5, "first", linked=True)
    second = book.posting("a", "fee", 6, "second")
    assert [code(o) for o in await book.post(first, second)] == [R.LINKED_FAILED, R.INSUFFICIENT_BALANCE]
    assert await book.recall("first") is None
    assert (await book.recall("second")).refusal == R.INSUFFICIENT_BALANCE
    await book.post(book.posting("hot CNY", "a", 90))
    again = await book.post(first, second)
    assert [code(o) for o in again] == [R.LINKED_FAILED, R.INSUFFICIENT_BALANCE], "a judged no stays no"
    assert again[1].facts["available_minor"] == 5
    healed = await book.post(first, msgspec.structs.replace(second, key="third"))
    assert [code(o) for o in healed] == ["ok", "ok"]
    assert await book.post(first, msgspec.structs.replace(second, key="third")) == healed
    assert (await book.balances())["a"] == 89
    await book.verify()


async def test_an_open_chain_is_a_judged_no(book):
    await book.open("shop", a=10)
    lonely = book.posting("a", "shop", 5, "lonely", linked=True)
    end = book.posting("a", "shop", 1, "end")
    assert [code(o) for o in await book.post(lonely)] == [R.LINKED_CHAIN_OPEN]
    assert (await book.recall("lonely")).refusal == R.LINKED_CHAIN_OPEN
    assert [code(o) for o in await book.post(lonely, end)] == [R.LINKED_CHAIN_OPEN, R.LINKED_FAILED]
    assert (await book.balances())["a"] == 10
    await book.verify()


async def test_a_chain_falls_with_a_key_that_was_used_otherwise(book):
    await book.open("shop", a=10)
    (place,) = await book.post(book.posting("a", "shop", 1, "used"))
    outcomes = await book.post(book.posting("a", "shop", 2, "new", linked=True), book.posting("a", "shop", 3, "used"))
    assert outcomes == [Refused(R.LINKED_FAILED), Refused(R.KEY_REUSED, {"field": "amount_minor"})]
    assert (await book.recall("used")).place == place
    assert await book.recall("new") is None
    await book.verify()


async def test_the_same_chain_again_in_one_list_is_the_first_one(book):
    await book.open("shop", a=10)
    chain = [book.posting("a", "shop", 2, "x", linked=True), book.posting("a", "shop", 3, "y")]
    outcomes = await book.post(*chain, *chain)
    assert outcomes[:2] == outcomes[2:]
    assert all(isinstance(o, Place) for o in outcomes)
    assert (await book.balances())["a"] == 5
    await book.verify()


async def test_a_fallen_chain_takes_nothing_back_of_what_was_booked_before_it(book):
    """A link that repeats one booked earlier in the same list answers that booking, whatever becomes of the rest."""
    await book.open("shop", a=10)
    booked = book.posting("a", "shop", 2, "booked", linked=True)
    outcomes = await book.post(
        booked,
        book.posting("a", "shop", 3),
        booked,
        book.posting("a", "shop", 1, "new", linked=True),
        book.posting("a", "shop", 99),
    )
    assert [code(o) for o in outcomes] == ["ok", "ok", "ok", R.LINKED_FAILED, R.INSUFFICIENT_BALANCE]
    assert outcomes[2] == outcomes[0]
    assert (await book.recall("booked")).place == outcomes[0]
    assert (await book.balances())["a"] == 5
    assert await book.post(booked, book.posting("a", "shop", 1)) == [outcomes[0], (await _newest(book))]
    await book.verify()


async def _newest(book):
    async with book.db.transaction() as tx:
        return Place(*await tx.row("SELECT batch_id, ordinal FROM ledger.transfers ORDER BY 1 DESC, 2 DESC"))


async def test_a_long_chain_that_falls_at_its_end_leaves_no_trace(book):
    await book.open("shop", "b", a=1000)
    before = await book.balances()
    chain = [book.posting("a", "b" if i % 2 else "shop", 1, f"c{i}", linked=True) for i in range(500)]
    outcomes = await book.post(*chain, book.posting("b", "shop", 251, "end"))
    assert [code(o) for o in outcomes] == [R.LINKED_FAILED] * 500 + [R.INSUFFICIENT_BALANCE]
    assert await book.balances() == before
    async with book.db.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM ledger.idempotency WHERE key LIKE 'c%'") == 0
    await book.verify()

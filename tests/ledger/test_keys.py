"""Idempotency: a key belongs to one command of its book, for ever; its first answer is its only one."""

from datetime import timedelta

import msgspec
import pytest

from koudai.base import Refused
from koudai.ledger import LedgerRefusal, Place, post

R = LedgerRefusal


async def test_the_first_answer_is_the_only_one(book):
    """Yes and no alike; in a later transaction, in the same list, and when by now the answer would be another."""
    await book.open("shop", a=10)
    paid = book.posting("a", "shop", 8, "paid")
    short = book.posting("a", "shop", 3, "short")
    wrong = book.posting("a", "shop", 0, "wrong")
    first = await book.post(paid, short, wrong, short, paid, wrong)
    assert first[:3] == [first[4], first[3], first[5]]
    assert isinstance(first[0], Place)
    assert first[1:3] == [
        Refused(R.INSUFFICIENT_BALANCE, {"account": book.ids["a"], "available_minor": 2, "amount_minor": 3, "asset": "CNY"}),
        Refused(R.AMOUNT_NOT_POSITIVE, {"amount_minor": 0}),
    ]  # fmt: skip
    await book.post(book.posting("hot CNY", "a", 100))
    assert await book.post(wrong, short, paid) == [first[2], first[1], first[0]]
    assert await book.post(paid) == first[:1]
    assert (await book.balances())["a"] == 102
    async with book.db.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM ledger.idempotency WHERE key IN ('paid', 'short', 'wrong')") == 3
    await book.verify()


@pytest.mark.parametrize("answered", ["accepted", "refused"])
async def test_another_command_under_a_key_is_refused_and_the_field_named(book, answered):
    await book.open("shop", "fee", a=10)
    await book.open(asset="GBP", b=1)
    first = book.posting("a", "shop", 4 if answered == "accepted" else 400, "k")
    (outcome,) = await book.post(first)
    changes = {
        "debit": {"debit": book.ids["fee"]},
        "credit": {"credit": book.ids["fee"]},
        "amount_minor": {"amount_minor": 5},
        "asset": {"asset": "GBP"},
        "kind": {"kind": "other"},
        "event_at": {"event_at": first.event_at + timedelta(microseconds=1)},
        "linked": {"linked": True},
    }
    assert set(changes) == {f for f in first.__struct_fields__ if f != "key"}
    others = [msgspec.structs.replace(first, **change) for change in changes.values()]
    end = book.posting("hot CNY", "a", 1)
    outcomes = await book.post(*others, end)
    assert outcomes[:-1] == [Refused(R.KEY_REUSED, {"field": field}) for field in changes]
    both = msgspec.structs.replace(first, kind="other", amount_minor=7)
    assert await book.post(both) == [Refused(R.KEY_REUSED, {"field": "amount_minor"})], "the first of them is named"
    assert await book.post(first) == [outcome], "the misuse changed nothing"
    await book.verify()


async def test_two_commands_under_one_new_key_in_one_list(book):
    await book.open("shop", a=10)
    outcomes = await book.post(book.posting("a", "shop", 1, "k"), book.posting("a", "shop", 2, "k"))
    assert isinstance(outcomes[0], Place)
    assert outcomes[1] == Refused(R.KEY_REUSED, {"field": "amount_minor"})
    assert (await book.balances())["a"] == 9
    await book.verify()


@pytest.mark.parametrize(
    "keys",
    [
        ["k", "K", " k", "k ", "k\n", "k\t"],
        ["é", "e\u0301", "è", "É"],
        ["ß", "ss", "ẞ"],
        ["订单-1", "订单-１", "訂單-1"],
        ["x" * 255, "x" * 256, "x" * 2000],
        ["1", "01", "1.0", "1e0"],
        ["{}", '"', "\\", "'", "%", "_", "$1", ",", "NULL", ""],
        ["😀", "😀\u200d", "\u200d"],
    ],
)
async def test_keys_are_the_same_only_when_they_are_the_same(book, keys):
    await book.open("shop", a=100)
    postings = [book.posting("a", "shop", 1, key) for key in keys]
    postings = [msgspec.structs.replace(p, key=key) for p, key in zip(postings, keys, strict=True)]
    outcomes = await book.post(*postings)
    assert len({o for o in outcomes if isinstance(o, Place)}) == len(keys)
    for key, outcome in zip(keys, outcomes, strict=True):
        assert (await book.recall(key)).place == outcome
    assert await book.post(*reversed(postings)) == outcomes[::-1]
    assert (await book.balances())["a"] == 100 - len(keys)


async def test_an_outcome_is_found_by_its_key(book):
    await book.open("shop", a=10)
    (place, refused) = await book.post(book.posting("a", "shop", 10, "yes"), book.posting("a", "shop", 1, "no"))
    yes, no = await book.recall("yes"), await book.recall("no")
    assert (yes.place, yes.refusal, yes.as_refusal()) == (place, None, None)
    assert no.as_refusal() == refused
    assert await book.recall("never") is None


async def test_a_transaction_that_failed_remembers_nothing(book):
    await book.open("shop", a=10)
    posting = book.posting("a", "shop", 4, "k")

    async def work(tx):
        await post(tx, 1, [posting])
        raise KeyError("after the posting")

    with pytest.raises(KeyError):
        await book.db.transact(work)
    assert await book.recall("k") is None
    assert (await book.balances())["a"] == 10
    assert isinstance((await book.post(posting))[0], Place)
    await book.verify()

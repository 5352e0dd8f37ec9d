"""Holders are reminded before an expiry and after a silence, each of them once; and what is due is swept."""

import asyncio
from collections import defaultdict

import pytest

from koudai import cards
from koudai.base import Refused
from tests.cards.lives import Life, day

NOTICES = {"before_expiry_days": [30, 7], "silence_days": [20, 60]}
YEAR = {"days": 100, "renewal": "automatic"}


@pytest.fixture
async def life(counter):
    life = Life(counter)
    return await life.open(YEAR, notices=NOTICES)


async def due(life):
    page = await life.counter.within(lambda tx: cards.due_notices(tx, life.counter.book, 0, 100))
    return told(life, page.notices)


def told(life, notices):
    names = {card_id: name for name, card_id in life.ids.items()}
    return [(names[one.card_id], str(one.notice.kind), one.notice.days) for one in notices]


async def take(life, key=None, limit=100):
    key = key or life.counter.key()
    return await life.counter.within(lambda tx: cards.take_notices(tx, life.counter.book, key, limit))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (0,   []),
        (19,  []),
        (20,  [("card", "silence", 20)]),
        (59,  [("card", "silence", 20)]),
        (60,  [("card", "silence", 60)]),
        (71,  [("card", "before_expiry", 30), ("card", "silence", 60)]),
        (94,  [("card", "before_expiry", 7), ("card", "silence", 60)]),
        (101, [("card", "silence", 60)]),
    ],
)  # fmt: skip
async def test_of_what_a_holder_is_reminded_on_a_day(life, at, expected):
    await life.card(amount=5)
    await life.card("empty")
    await life.until(day(at, hour=13))
    assert await due(life) == expected


async def test_nobody_is_told_twice_and_a_use_begins_anew(life):
    await life.card(amount=5)
    await life.until(day(21))
    assert told(life, await take(life)) == [("card", "silence", 20)]
    assert await take(life) == []
    await life.counter.do(life.do("redeem"))
    await life.counter.do(life.counter.block(life.ids["card"]), life.counter.unblock(life.ids["card"]))
    await life.until(day(40))
    assert await due(life) == [], "what isn't a use doesn't count, and the redemption was 19 days ago"
    await life.until(day(41, hour=13))
    assert told(life, await take(life)) == [("card", "silence", 20)]
    await life.counter.verify()


async def test_the_same_key_answers_the_same_reminders_again(life):
    await life.card(amount=5)
    await life.until(day(21))
    first = await take(life, "k")
    await life.card("later", 5)
    await life.until(day(50))
    assert await take(life, "k") == first
    other = await take(life, "k", limit=7)
    assert isinstance(other, Refused)
    assert other.code == "ledger.key_reused"
    assert len(await take(life)) == 1
    await life.counter.verify()


async def test_many_takers_share_what_is_due_and_none_gets_it_twice(life):
    for n in range(12):
        await life.card(f"card {n}", 5)
    await life.until(day(21))
    found = await asyncio.gather(*(take(life, limit=5) for _ in range(4)))
    names = [name for page in found for name, *_ in told(life, page)]
    assert len(names) == len(set(names))
    while more := await take(life, limit=5):
        names += [name for name, *_ in told(life, more)]
    assert sorted(names) == sorted(life.ids)


async def test_programmes_that_remind_nobody_are_left_out(counter):
    life = Life(counter)
    await life.open(YEAR)
    await life.card(amount=5)
    await life.until(day(99))
    assert await due(life) == []


async def sweep(life, *after, limit=500):
    return await life.counter.within(lambda tx: cards.sweep(tx, life.counter.book, *after, limit=limit))


async def test_a_sweep_renews_what_renews_by_itself_in_pages_and_nothing_else(life):
    for n in range(5):
        await life.card(f"card {n}")
    await life.card("pending", active=False)
    await life.until(day(100))
    assert await sweep(life) == (0, None)
    await life.until(day(101))
    renewed, after = await sweep(life, limit=4)
    assert (renewed, after.card_id) == (4, life.ids["card 3"])
    assert await sweep(life, after, limit=4) == (2, None)
    assert await sweep(life) == (0, None)
    assert {(await life.see(name)).expires_at for name in life.ids} == {day(201)}
    assert [e.type for e in await life.counter.history(life.ids["pending"])] == ["RENEW"]
    await life.counter.verify()


async def test_what_does_not_renew_by_itself_is_left_as_it_is(counter):
    life = Life(counter)
    await life.open({"days": 10, "renewal": "on_request"})
    await life.card(amount=5)
    await life.until(day(50))
    assert await sweep(life) == (0, None)
    assert (await life.see()).expires_at == day(11)


async def test_a_sweep_and_a_till_that_come_at_once_renew_a_card_once(life):
    await life.card(amount=50)
    await life.until(day(101))
    await asyncio.gather(*(sweep(life) for _ in range(3)), *(life.told(life.do("redeem")) for _ in range(3)))
    types = [e.type for e in await life.counter.history(life.ids["card"])]
    assert types.count("RENEW") == 1
    assert types.count("REDEEM") == 3
    await life.counter.verify()


async def test_a_freeze_that_lapses_takes_no_reminder_along(counter):
    """Nobody has to touch the card for it: it is looked at again when the term of its freeze is over."""
    life = Life(counter)
    reminding = {"before_expiry_days": [30, 7], "silence_days": [20]}
    await life.open({"days": 40, "reactivation_days": 5}, kind="registered", notices=reminding)
    for name in ("frozen", "blocked", "free"):
        await life.card(name, 100, holder_ref=name)
    order = {"authority": "PSB", "document": "1", "temporary": True, "made_by": "wu"}
    await counter.do(cards.Restrict(key="r", card=life.ids["frozen"], kind=cards.RestrictionKind.POLICE, **order))
    await counter.do(counter.block(life.ids["blocked"]))
    told = defaultdict(list)
    for number in (1, 2, 3, 12, 20, 30, 35, 39):
        await life.until(day(number))
        due = await counter.within(lambda tx, n=number: cards.take_notices(tx, counter.book, f"take {n}", 100))
        for one in due:
            told[one.holder_ref].append((number, str(one.notice.kind), one.notice.days))
    assert told["frozen"] == told["free"]
    assert [(kind, days) for _, kind, days in told["free"]] == [
        ("before_expiry", 30),
        ("silence", 20),
        ("before_expiry", 7),
    ]
    assert "blocked" not in told
    await counter.verify()

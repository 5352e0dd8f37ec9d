"""Several processes at the same few cards: what is blocked pays nothing, and nothing is given back twice."""

import random
from collections import Counter
from itertools import chain

import pytest

joined = chain.from_iterable


@pytest.fixture
async def crowd(counter):
    programme = await counter.programme()
    shops = [await counter.merchant(name) for name in ("one", "two")]
    cards = [await counter.card(programme, 300) for _ in range(3)]
    return shops, cards


async def settle(counter, shops, cards, lists, answers):
    outcomes = {}
    for sent, told in zip(joined(lists), joined(answers), strict=True):
        for item, outcome in zip(sent, told, strict=True):
            assert outcomes.setdefault(item[1], (item, outcome)) == (item, outcome), "one key, one answer"
    places = [outcome for _, outcome in outcomes.values() if isinstance(outcome, tuple)]
    assert len(set(places)) == len(places)
    held = [await counter.held(card) for card in cards]
    paid = [await counter.paid_to(shop) for shop in shops]
    assert min(held) >= 0
    assert sum(held) + sum(paid) == 900, "nothing is made and nothing is lost"
    entries = [entry for card in cards for entry in await counter.history(card)]
    assert {entry.place for entry in entries} >= set(places)
    assert len(entries) == len(places) + 6, "each card was activated and loaded"
    await counter.verify()
    return [(item[0], outcome if isinstance(outcome, str) else "ok") for item, outcome in outcomes.values()]


async def test_what_is_blocked_pays_nothing(counter, site, start_clients, crowd):
    """Two processes pay, one of them with the keys of the other as well, while a third blocks and unblocks."""
    shops, cards = crowd
    rng = random.Random(7)

    def paying(seed):
        return [
            [
                ["redeem", f"{seed}/{b}/{i}", rng.choice(cards), rng.choice(shops).id, rng.randint(1, 9)]
                for i in range(4)
            ]
            for b in range(60)
        ]

    first, second = paying(1), paying(2)
    blocking = [
        [[verb, f"{verb}/{n}/{card}", card]] for n in range(40) for card in cards for verb in ("block", "unblock")
    ]
    lists = [first, [b for pair in zip(first, second, strict=True) for b in pair], blocking]
    answers = [client.finish() for client in start_clients(site.target, *lists)]
    told = Counter(await settle(counter, shops, cards, lists, answers))
    assert {("redeem", "ok"), ("redeem", "cards.blocked"), ("block", "ok"), ("unblock", "ok")} <= set(told)
    for card in cards:
        state = "ACTIVE"
        for entry in reversed(await counter.history(card)):
            assert entry.type != "REDEEM" or state == "ACTIVE", "paid while it was blocked"
            state = {"BLOCK": "BLOCKED", "UNBLOCK": "ACTIVE"}.get(entry.type, state)


async def test_nothing_is_given_back_twice(counter, site, start_clients, crowd):
    """While one process pays, others refund to the card and undo by key, each more than was paid."""
    shops, cards = crowd
    rng = random.Random(11)
    paying = [
        [["redeem", f"pay/{b}/{i}", rng.choice(cards), rng.choice(shops).id, rng.randint(1, 9)] for i in range(4)]
        for b in range(60)
    ]
    keys = [item[1] for batch in paying for item in batch]
    undoing = [[["reverse", f"undo/{key}", key]] for key in keys[2::3]]
    refunding = [
        [["refund", f"back/{b}/{i}", rng.choice(cards), rng.choice(shops).id, rng.randint(1, 9)] for i in range(3)]
        for b in range(100)
    ]
    lists = [paying, undoing, refunding]
    answers = [client.finish() for client in start_clients(site.target, *lists)]
    told = Counter(await settle(counter, shops, cards, lists, answers))
    assert {("redeem", "ok"), ("refund", "ok"), ("refund", "cards.refund_exceeds_paid")} <= set(told)
    assert sum(n for (verb, _), n in told.items() if verb == "reverse") == 80
    undone = dict(zip([b[0][2] for b in undoing], [a[0] for a in answers[1]], strict=True))
    paid = dict(zip(keys, joined(answers[0]), strict=True))
    for key, outcome in undone.items():
        if isinstance(outcome, tuple):
            assert isinstance(paid[key], tuple)
        elif outcome == "cards.unknown_redemption":
            assert isinstance(paid[key], str), "what couldn't be undone was never paid"

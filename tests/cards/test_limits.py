"""Limits: how much may flow, by whom and over what; what a refusal says, what counts and what is given back."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from koudai import cards
from koudai.base import DAY_S, Refused, asset, render_time
from tests.cards.story import Story, code, limit

HOUR_S = 3600


@pytest.fixture
def story(counter, site):
    return Story(counter, site)


def flow(story, name, kind, minor, **more):
    """A command by which an amount flows from or to a card."""
    if kind == "load":
        return story.load(name, f"cash:{minor}", **more)
    if kind == "transfer":
        # Who gets it is who holds the other card.
        return story.transfer(name, f"{more['recipient']}_1" if "recipient" in more else "sink", minor, "gift", **more)
    return story.redeem(name, minor, **more)


def facts(refused, *names):
    return (refused.code, *(refused.facts[name] for name in names))


async def test_every_limit_counts_whom_it_names_and_nobody_else(story):
    """Of 100, 60 went to one; then 41 are refused to whoever shares what is counted, and no one else."""
    names = ("ann_1", "ann_2", "bob_1", "_1")
    till, other = {"device": "till"}, {"device": "other"}
    zoe, zac = {"recipient": "zoe"}, {"recipient": "zac"}
    rows = [
        # who is counted      went to         refused to                                       and not to
        ("card",              ("ann_1", {}),  [("ann_1", {}), ("ann_1", till)],                [("ann_2", {}), ("_1", {})]),
        ("holder",            ("ann_1", {}),  [("ann_1", {}), ("ann_2", till)],                [("bob_1", {}), ("_1", {})]),
        ("device",            ("ann_1", till), [("ann_1", till), ("bob_1", till), ("_1", till)], [("ann_1", other), ("ann_1", {})]),
        ("card+device",       ("ann_1", till), [("ann_1", till)],                              [("ann_1", other), ("ann_2", till), ("ann_1", {})]),
        ("device+card",       ("_1", till),   [("_1", till)],                                  [("_1", other), ("ann_2", till)]),
        ("holder+device",     ("ann_1", till), [("ann_1", till), ("ann_2", till)],             [("ann_2", other), ("bob_1", till), ("_1", till)]),
        ("device+holder",     ("ann_1", till), [("ann_2", till)],                              [("ann_1", {}), ("_1", till)]),
        ("card+holder",       ("ann_1", {}),  [("ann_1", till)],                               [("ann_2", {}), ("bob_1", {})]),
        ("recipient",         ("ann_1", zoe), [("ann_1", zoe), ("_1", zoe)],                   [("ann_1", zac), ("ann_1", {})]),
        ("card+recipient",    ("ann_1", zoe), [("ann_1", zoe)],                                [("ann_1", zac), ("ann_2", zoe)]),
        ("holder+recipient",  ("ann_1", zoe), [("ann_1", zoe), ("ann_2", zoe)],                [("ann_1", zac), ("bob_1", zoe), ("_1", zoe)]),
        ("device+recipient",  ("ann_1", {**till, **zoe}), [("_1", {**till, **zoe})],           [("ann_1", {**other, **zoe}), ("ann_1", {**till, **zac}), ("ann_1", till)]),
    ]  # fmt: skip
    for subjects, (first, with_), refused, accepted in rows:
        for kind in ("transfer",) if "recipient" in subjects else ("load", "redeem", "transfer"):
            name = f"{kind}.{subjects}.lifetime"
            kept = "" if kind == "load" else "cash:500"
            await story.open(limits=[limit(name, most=100)], **dict.fromkeys(names, kept), sink="", zoe_1="", zac_1="")
            await story.do(flow(story, first, kind, 60, **with_))
            for card, more in refused:
                no = await story.counter.no(flow(story, card, kind, 41, **more))
                assert facts(no, "limit", "left_minor") == ("ledger.limit_exceeded", name, 40), (name, card, more)
            for card, more in accepted:
                assert await story.told(flow(story, card, kind, 41, **more)) == "ok", (name, card, more)
            assert await story.told(flow(story, first, kind, 40, **with_)) == "ok", "up to the limit itself"
    await story.counter.verify()


def cst(*moment):
    """A moment of China Standard Time."""
    return datetime(*moment, tzinfo=UTC) - timedelta(hours=8)


async def test_a_window_is_a_chinese_day_or_month_or_rolls_or_lasts_for_ever(story):
    s, us = timedelta(seconds=1), timedelta(microseconds=1)
    rows = [
        # per         window_s    the limit is used up at             then refused at                              free again at
        ("day",       None,       cst(2024, 5, 2, 9),                 [cst(2024, 5, 2, 23, 59, 59)],               cst(2024, 5, 3)),
        ("day",       None,       cst(2024, 5, 3),                    [cst(2024, 5, 3, 7, 59), cst(2024, 5, 3, 8), cst(2024, 5, 4) - us], cst(2024, 5, 4)),
        ("day",       None,       cst(2024, 12, 31, 23, 59, 59),      [],                                          cst(2025, 1, 1)),
        ("day",       None,       cst(2028, 2, 28, 12),               [cst(2028, 2, 29) - s],                      cst(2028, 2, 29)),
        ("day",       None,       cst(2028, 2, 29, 12),               [cst(2028, 3, 1) - s],                       cst(2028, 3, 1)),
        ("month",     None,       cst(2024, 6, 1),                    [cst(2024, 6, 30, 23, 59, 59)],              cst(2024, 7, 1)),
        ("month",     None,       cst(2024, 7, 31, 23, 59, 59),       [],                                          cst(2024, 8, 1)),
        ("month",     None,       cst(2024, 12, 1, 3),                [cst(2024, 12, 31, 23), cst(2025, 1, 1) - us], cst(2025, 1, 1)),
        ("month",     None,       cst(2027, 2, 28, 23, 59),           [cst(2027, 3, 1) - s],                       cst(2027, 3, 1)),
        ("month",     None,       cst(2028, 2, 28, 23, 59),           [cst(2028, 2, 29, 12)],                      cst(2028, 3, 1)),
        ("lifetime",  None,       cst(2024, 6, 1),                    [cst(2025, 6, 1), cst(2033, 1, 1)],          None),
        ("rolling",   60,         cst(2024, 6, 1, 12, 0, 0),          [cst(2024, 6, 1, 12, 1, 0)],                 cst(2024, 6, 1, 12, 1, 3)),
        ("rolling",   HOUR_S,     cst(2024, 6, 1, 12, 0, 0),          [cst(2024, 6, 1, 13, 0, 0), cst(2024, 6, 1, 13, 2, 30) - s], cst(2024, 6, 1, 13, 2, 30)),
        ("rolling",   HOUR_S,     cst(2024, 6, 1, 12, 2, 29),         [cst(2024, 6, 1, 13, 2, 29)],                cst(2024, 6, 1, 13, 2, 30)),
        ("rolling",   DAY_S,      cst(2024, 6, 1, 23, 30),            [cst(2024, 6, 2, 0, 1), cst(2024, 6, 2, 23, 30)], cst(2024, 6, 3)),
        ("rolling",   366 * DAY_S, cst(2024, 6, 1),                   [cst(2025, 6, 2)],                           None),
    ]  # fmt: skip
    for n, (per, window_s, *_) in enumerate(rows):
        await story.open(limits=[limit(f"redeem.card.{per}", most=100, window_s=window_s)], **{f"_{n}": "cash:900"})
    steps = []
    for n, (_, _, at, refused, free) in enumerate(rows):
        steps += [(at, n, "use"), *((when, n, "refused") for when in refused)]
        if free:
            steps += [(free - s, n, "refused"), (free, n, "free")]
    for when, n, what in sorted(steps, key=lambda step: (step[0], step[2] != "use")):
        await story.until(when)
        name, free = f"_{n}", rows[n][4]
        if what in ("use", "free"):
            assert await story.told(story.redeem(name, 100)) == "ok", rows[n]
        else:
            no = await story.counter.no(story.redeem(name, 1))
            assert facts(no, "left_minor") == ("ledger.limit_exceeded", 0), (rows[n], when)
            if rows[n][0] == "lifetime":
                assert no.facts["resets_at"] is None
            elif free:
                assert no.facts["resets_at"] == render_time(free), (rows[n], when)
    await story.counter.verify()


async def test_at_no_moment_does_more_flow_in_a_rolling_window_than_the_limit_says(story):
    """100 an hour: spent as fast as it is let, whatever the moment, no hour has more."""
    await story.open(limits=[limit("redeem.card.rolling", most=100, window_s=HOUR_S)], _1="cash:9000")
    await story.until(cst(2024, 6, 1, 12))
    went = []
    for n in range(200):
        await story.later(seconds=(37, 61, 150, 149, 1, 333)[n % 6])
        (outcome,) = await story.counter.run(story.redeem("_1", 1 + n * 7 % 19))
        if isinstance(outcome, Refused):
            assert datetime.fromisoformat(outcome.facts["resets_at"]) > story.now
        else:
            went.append((story.now, outcome.amount_minor))
    hour = timedelta(seconds=HOUR_S)
    busiest = max(sum(minor for at, minor in went if since - hour < at <= since) for since, _ in went)
    assert 90 <= busiest <= 100
    await story.counter.verify()


async def test_what_is_left_of_a_rolling_window_comes_back_bit_by_bit(story):
    await story.open(limits=[limit("redeem.card.rolling", most=100, window_s=HOUR_S)], _1="cash:900")
    start = cst(2024, 6, 1, 12)
    rows = [
        # minutes  pay   outcome   left     free again, minutes
        (0,        30,   "ok",     None,    None),
        (10,       30,   "ok",     None,    None),
        (20,       41,   "no",     40,      62.5),
        (20,       40,   "ok",     None,    None),
        (62,       1,    "no",     0,       62.5),
        (62.5,     31,   "no",     30,      72.5),
        (62.5,     30,   "ok",     None,    None),
        (72.5,     31,   "no",     30,      82.5),
        (85,       70,   "ok",     None,    None),
    ]  # fmt: skip
    for minutes, minor, outcome, left, free in rows:
        await story.until(start + timedelta(minutes=minutes))
        (told,) = await story.counter.run(story.redeem("_1", minor))
        assert (code(told) == "ok") is (outcome == "ok"), minutes
        if outcome == "no":
            resets = render_time(start + timedelta(minutes=free))
            assert facts(told, "left_minor", "resets_at") == ("ledger.limit_exceeded", left, resets), minutes
    await story.counter.verify()


async def test_what_a_refusal_says(story):
    at = cst(2024, 6, 1, 12)
    await story.until(at)
    day, month = render_time(cst(2024, 6, 2)), render_time(cst(2024, 7, 1))
    over, often = "ledger.limit_exceeded", "ledger.count_exceeded"
    rows = [
        # limit                                             before       now      code           facts besides the limit's name
        (limit("redeem.card.transaction", most=50),         [50],        51,  over,  {"limit_minor": 50, "left_minor": 50, "resets_at": None}),
        (limit("redeem.card.transaction", least=10),        [10],        9,   "ledger.below_minimum", {"limit_minor": 10, "amount_minor": 9}),
        (limit("redeem.card.day", most=100),                [30, 30],    41,  over,  {"limit_minor": 100, "left_minor": 40, "resets_at": day}),
        (limit("redeem.card.day", times=2),                 [1, 1],      1,   often, {"limit_count": 2, "left_count": 0, "resets_at": day}),
        (limit("redeem.card.day", most=0),                  [],          1,   over,  {"limit_minor": 0, "left_minor": 0, "resets_at": day}),
        (limit("redeem.card.day", times=0),                 [],          1,   often, {"limit_count": 0, "left_count": 0, "resets_at": day}),
        (limit("redeem.holder.month", most=100),            [100],       1,   over,  {"limit_minor": 100, "left_minor": 0, "resets_at": month}),
        (limit("redeem.holder.lifetime", times=1),          [1],         1,   often, {"limit_count": 1, "left_count": 0, "resets_at": None}),
        (limit("load.card.day", most=1000),                 [],          1,   over,  {"limit_minor": 1000, "left_minor": 0, "resets_at": day}),
        (limit("redeem.card+device.day", most=100),         [60],        41,  over,  {"limit_minor": 100, "left_minor": 40, "resets_at": day}),
        (limit("load.card.balance", most=1100),             [],          101, over,  {"limit_minor": 1100, "left_minor": 100, "resets_at": None}),
        (limit("load.holder.balance", most=1100),           [],          101, over,  {"limit_minor": 1100, "left_minor": 100, "resets_at": None}),
        (limit("redeem.card.balance", least=900),           [60],        41,  "ledger.below_floor", {"limit_minor": 900, "left_minor": 40}),
        (limit("redeem.holder.balance", least=900),         [60],        41,  "ledger.below_floor", {"limit_minor": 900, "left_minor": 40}),
    ]  # fmt: skip
    for n, (known, before, minor, refusal, expected) in enumerate(rows):
        name = f"h{n}_1"
        await story.open(limits=[known], **{name: "cash:1000"})
        for amount in before:
            await story.do(story.redeem(name, amount, device="till"))
        kind = str(known.flow)
        no = await story.counter.no(flow(story, name, kind, minor, device="till"))
        currency = {} if refusal == often else {"currency": "CNY"}
        assert no == Refused(refusal, {"limit": known.name, **expected, **currency}), known.name
        again = await story.counter.no(flow(story, name, kind, minor, device="till"))
        assert again == no, "what is refused isn't counted"
    await story.counter.verify()


async def test_where_several_limits_are_passed_the_first_declared_is_told(story):
    many = [
        limit("redeem.card.month", most=80), limit("redeem.card.day", most=50), limit("redeem.holder.day", most=60),
        limit("redeem.card.transaction", most=70),
    ]  # fmt: skip
    await story.open(limits=many, ann_1="cash:500")
    told = [(71, "transaction"), (70, "day"), (50, "ok"), (31, "month"), (30, "day")]
    for minor, expected in told:
        (outcome,) = await story.counter.run(story.redeem("ann_1", minor))
        assert (outcome.facts["limit"].rpartition(".")[2] if isinstance(outcome, Refused) else "ok") == expected
    await story.counter.verify()


async def test_what_counts_and_what_is_given_back(story):
    """Of 100 and 5 times a day: after each step, what is left."""
    both = [limit("redeem.holder.day", most=100), limit("redeem.card.day", times=5)]
    rows = [
        # step                                          left   times left
        (lambda s: s.redeem("ann_1", 10),                90,    4),
        (lambda s: s.authorise("ann_1", 30),             60,    3),
        (lambda s: s.authorise("ann_1", 20),             40,    2),
        (lambda s: s.void("hold 1"),                     70,    3),
        (lambda s: s.capture("hold 2", 5),               70,    3),
        (lambda s: s.capture("hold 2", 5, final=True),   80,    3),
        (lambda s: s.refund(5, "hold 2 captured"),       80,    3),
        (lambda s: s.refund(10, "paid"),                 80,    3),
        (lambda s: s.redeem("ann_1", 25),                55,    2),
        (lambda s: s.reverse("paid again"),              80,    3),
        (lambda s: s.load("ann_1", "cash:50"),           80,    3),
        (lambda s: s.adjust("ann_1", -50),               80,    3),
        (lambda s: s.transfer("ann_1", "ann_2", 50),     80,    3),
        (lambda s: s.redeem("ann_1", 81),                80,    3),
        (lambda s: s.redeem("ann_1", 80),                0,     2),
    ]  # fmt: skip
    names = {0: "paid", 1: "hold 1", 2: "hold 2", 4: "hold 2 captured", 8: "paid again"}
    await story.open(limits=both, ann_1="cash:500", ann_2="")
    for n, (step, minor, times) in enumerate(rows):
        (outcome,) = await story.counter.run(step(story))
        if n in names:
            story.places[names[n]] = outcome.place
        assert await left(story, "ann_1") == (minor, times), n
    assert code(outcome) == "ok"
    await story.counter.verify()


async def left(story, name):
    """What is left of the first and the second limit on redemptions, from the counters."""
    rows = story.site.ask(
        """
        WITH meters AS (
            SELECT m.meters[i] AS id, m.meters[i + 2] AS minor, m.meters[i + 3] AS times
            FROM (SELECT meters FROM ledger.accounts WHERE id = %s
                  UNION ALL SELECT meters FROM ledger.subjects WHERE ref ~ '^holder:') AS m,
                 generate_series(1, cardinality(m.meters), 4) AS i)
        SELECT coalesce(sum(l.max_minor - coalesce(m.minor, 0)) FILTER (WHERE l.max_minor IS NOT NULL), 0),
               coalesce(sum(l.max_count - coalesce(m.times, 0)) FILTER (WHERE l.max_count IS NOT NULL), 0)
        FROM ledger.limits l LEFT JOIN meters m ON m.id = l.id WHERE l.flow = 'redeem'
        """,
        story.ids[name],
    )
    return tuple(int(number) for number in rows[0])


async def test_an_expired_hold_is_given_back_to_the_windows_it_was_counted_in(story):
    limits = [limit("redeem.holder.month", most=100), limit("redeem.card.month", times=5)]
    await story.until(cst(2024, 6, 1))
    await story.open(limits=limits, ann_1="cash:500")
    await story.do(story.authorise("ann_1", 40, ttl_s=DAY_S))
    await story.do(story.authorise("ann_1", 30, ttl_s=DAY_S), "part")
    await story.do(story.capture("part", 10))
    assert await left(story, "ann_1") == (30, 3)
    await story.later(days=1)
    refused = await story.counter.no(story.redeem("ann_1", 91))
    assert refused.facts["left_minor"] == 90, "given back before the command is judged"
    assert await left(story, "ann_1") == (90, 4), "of the other one a part was captured: it counts as one"
    await story.do(story.authorise("ann_1", 60, ttl_s=60 * DAY_S))
    await story.until(cst(2024, 7, 1))
    await story.do(story.redeem("ann_1", 100))
    await story.later(days=45)
    assert await story.told(story.redeem("ann_1", 100)) == "ok"
    assert await story.told(story.redeem("ann_1", 1)) == "ledger.limit_exceeded"
    await story.counter.verify()


async def test_a_void_of_the_next_day_gives_nothing_back_to_it(story):
    await story.open(limits=[limit("redeem.card.day", most=100)], _1="cash:500")
    await story.until(cst(2024, 6, 1, 12))
    hold = await story.do(story.authorise("_1", 70))
    paid = await story.do(story.redeem("_1", 30))
    await story.until(cst(2024, 6, 2))
    await story.do(story.redeem("_1", 60))
    await story.do(story.void(hold))
    await story.do(story.reverse(paid))
    refused = await story.counter.no(story.redeem("_1", 41))
    assert refused.facts["left_minor"] == 40
    await story.counter.verify()


async def test_only_what_leaves_by_the_counted_way_counts(story):
    every = [limit(f"{kind}.card.lifetime", most=100) for kind in ("load", "redeem", "transfer")]
    await story.open(limits=every, _1="", _2="")
    await story.put("_1", "cash:100")
    rows = [
        # command                                                   outcome
        (lambda: story.load("_1", "cash:1"),                        "ledger.limit_exceeded"),
        (lambda: story.adjust("_1", 300),                           "ok"),
        (lambda: story.adjust("_1", -20),                           "ok"),
        (lambda: story.redeem("_1", 100),                           "ok"),
        (lambda: story.redeem("_1", 1),                             "ledger.limit_exceeded"),
        (lambda: story.authorise("_1", 1),                          "ledger.limit_exceeded"),
        (lambda: story.transfer("_1", "_2", 100),                   "ok"),
        (lambda: story.transfer("_1", "_2", 1),                     "ledger.limit_exceeded"),
        (lambda: story.replaced("_1", "_3"),                        "ok"),
        (lambda: story.load("_3", "cash:1"),                        "ledger.limit_exceeded"),
        (lambda: story.redeem("_3", 1),                             "ledger.limit_exceeded"),
        (lambda: story.transfer("_3", "_2", 1),                     "ledger.limit_exceeded"),
    ]  # fmt: skip
    for n, (command, outcome) in enumerate(rows):
        wish = command()
        told = await story.told(wish) if isinstance(wish, cards.Command) else code(await wish)
        assert told == outcome, n
    await story.counter.verify()


async def test_what_a_card_and_a_holder_may_hold_together(story):
    known = [
        limit("load.card.balance", most=100), limit("load.holder.balance", most=150), limit("redeem.card.balance", least=10),
        limit("redeem.holder.balance", least=30),
    ]  # fmt: skip
    await story.open(limits=known, ann_1="", ann_2="", _1="")
    over, under = "ledger.limit_exceeded", "ledger.below_floor"
    rows = [
        # command                                                     outcome   limit
        (lambda: story.load("ann_1", "cash:101"),                     over,     "load.card.balance"),
        (lambda: story.load("ann_1", "cash:100"),                     "ok",     None),
        (lambda: story.load("ann_2", "cash:51"),                      over,     "load.holder.balance"),
        (lambda: story.load("ann_2", "cash:50"),                      "ok",     None),
        (lambda: story.adjust("ann_2", 1),                            over,     "load.holder.balance"),
        (lambda: story.load("_1", "cash:100"),                        "ok",     None),
        (lambda: story.transfer("_1", "ann_2", 1),                    over,     "load.holder.balance"),
        (lambda: story.transfer("ann_1", "ann_2", 51),                over,     "load.card.balance"),
        (lambda: story.redeem("ann_1", 91),                           under,    "redeem.card.balance"),
        (lambda: story.redeem("ann_1", 90),                           "ok",     None),
        (lambda: story.redeem("ann_2", 31),                           under,    "redeem.holder.balance"),
        (lambda: story.redeem("ann_2", 30),                           "ok",     None),
        (lambda: story.authorise("ann_2", 1),                         under,    "redeem.holder.balance"),
        (lambda: story.transfer("ann_2", "_1", 1),                    under,    "redeem.holder.balance"),
        (lambda: story.load("ann_1", "cash:50"),                      "ok",     None),
        (lambda: story.authorise("ann_1", 40),                        "ok",     None),
        (lambda: story.redeem("ann_1", 11),                           under,    "redeem.card.balance"),
        (lambda: story.redeem("ann_1", 10),                           "ok",     None),
    ]  # fmt: skip
    for n, (command, outcome, which) in enumerate(rows):
        (told,) = await story.counter.run(command())
        assert code(told) == outcome, (n, told)
        assert which is None or told.facts["limit"] == which, n
    await story.counter.verify()


async def test_limits_of_two_programmes_are_counted_apart_also_for_one_holder(story):
    for name in ("ann_1", "ann_2"):
        await story.open(limits=[limit("redeem.holder.day", most=100)], **{name: "cash:500"})
    for name in ("ann_1", "ann_2"):
        await story.do(story.redeem(name, 100))
        assert await story.told(story.redeem(name, 1)) == "ledger.limit_exceeded"
    await story.counter.verify()


async def test_the_moment_it_happened_decides_where_it_counts_and_counted_time_doesn_t_run_back(story):
    await story.open(limits=[limit("redeem.card.day", most=100)], _1="cash:500")
    await story.until(cst(2024, 6, 10, 12))
    rows = [
        # happened                  pay   outcome
        (cst(2024, 6, 8, 12),       100,  "ok"),
        (cst(2024, 6, 8, 23),       1,    "no"),
        (cst(2024, 6, 9),           60,   "ok"),
        (cst(2024, 6, 8, 12),       41,   "no"),
        (cst(2024, 6, 7, 12),       40,   "ok"),
        (cst(2024, 6, 9, 13),       1,    "no"),
        (cst(2024, 6, 10, 1),       100,  "ok"),
    ]  # fmt: skip
    for at, minor, outcome in rows:
        told = await story.told(story.redeem("_1", minor, event_at=at))
        assert (told == "ok") is (outcome == "ok"), at
    await story.counter.verify()


async def test_in_one_batch_each_sees_what_those_before_it_counted(story):
    await story.open(limits=[limit("redeem.holder.day", most=100, times=4)], ann_1="cash:500", ann_2="cash:500")
    amounts = [30, 80, 30, 50, 40, 0, 1]
    outcomes = await story.counter.run(*(story.redeem(f"ann_{n % 2 + 1}", minor) for n, minor in enumerate(amounts)))
    assert [code(o).rpartition(".")[2] for o in outcomes] == [
        "ok", "limit_exceeded", "ok", "limit_exceeded", "ok", "amount_not_positive", "limit_exceeded",
    ]  # fmt: skip
    await story.counter.verify()


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(
    ("subjects", "most", "times"),
    [("holder", 300, None), ("holder", None, 40), ("card+holder", 200, 40)],
)
async def test_processes_together_don_t_pass_a_limit(story, site, start_clients, subjects, most, times):
    """Four processes pay from one card, or each from another card of one holder, as much and as fast as they can."""
    names = ["ann_1"] if "card" in subjects else ["ann_1", "ann_2", "ann_3", "ann_4"]
    name = f"redeem.{subjects}.lifetime"
    await story.open(limits=[limit(name, most=most, times=times)], **dict.fromkeys(names, "cash:5000"))

    def paying(seed):
        return [
            [["redeem", f"{seed}/{b}/{i}", story.ids[names[seed % len(names)]], story.shop.id, 1 + (b * i + seed) % 9]
             for i in range(3)]
            for b in range(30)
        ]  # fmt: skip

    lists = [paying(seed) for seed in range(4)]
    answers = [client.finish() for client in start_clients(site.target, *lists)]
    paid = [
        (item[4], outcome)
        for sent, told in zip(chain(*lists), chain(*answers), strict=True)
        for item, outcome in zip(sent, told, strict=True)
    ]
    went = [minor for minor, outcome in paid if isinstance(outcome, tuple)]
    assert {o for _, o in paid if isinstance(o, str)} <= {"ledger.limit_exceeded", "ledger.count_exceeded"}
    assert len(went) < len(paid) / 2
    assert most is None or most - 9 < sum(went) <= most or len(went) == times
    assert times is None or len(went) == times or sum(went) > most - 9
    assert await story.counter.paid_to(story.shop) == sum(went)
    await story.counter.verify()


async def test_a_programme_with_a_senseless_limit_is_refused_and_the_field_named(story):
    rows = [
        # limit                                                          field
        (limit("redeem.card.day"),                                       "max_minor"),
        (limit("redeem.card.rolling", most=1),                           "window_s"),
        (limit("redeem.card.rolling", most=1, window_s=59),              "window_s"),
        (limit("redeem.card.rolling", most=1, window_s=366 * DAY_S + 1), "window_s"),
        (limit("redeem.card.day", most=1, window_s=60),                  "window_s"),
        (limit("redeem.card+card.day", most=1),                          "subjects"),
        (limit("redeem.card+holder+device.day", most=1),                 "subjects"),
        (limit("load.device.balance", most=1),                           "subjects"),
        (limit("load.card+holder.balance", most=1),                      "subjects"),
        (limit("redeem.card.day", least=1),                              "min_minor"),
        (limit("redeem.card.transaction", times=1),                      "max_count"),
        (limit("load.card.balance", times=1),                            "max_count"),
    ]  # fmt: skip
    counter = story.counter
    for bad, field in rows:
        wish = cards.CreateProgramme(
            counter.key(), "Bad", asset("CNY"), "900001", limits=(limit("redeem.card.day", most=1), bad)
        )
        (refused,) = await counter.within(lambda tx, w=wish: cards.create_programmes(tx, 1, [w]))
        assert refused == Refused("cards.bad_limit", {"field": f"limits[1].{field}"}), bad.name

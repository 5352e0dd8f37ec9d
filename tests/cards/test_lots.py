"""Lots: in which order they are drawn, what is one lot, how value comes back, and where provenance goes with it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from koudai import ledger
from koudai.cards import FundingSource
from tests.cards.story import DAY, START, Story, code


@pytest.fixture
def story(counter, site):
    return Story(counter, site)


async def test_lots_are_drawn_in_the_declared_order(story):
    rows = [
        # order           what is on the card                 pay  what is drawn                        what is left
        ("bonus_first",   "cash:30 bonus:10",                   5, "bonus:5",                           "bonus:5 cash:30"),
        ("bonus_first",   "cash:30 bonus:10",                  10, "bonus:10",                          "cash:30"),
        ("bonus_first",   "cash:30 bonus:10",                  11, "bonus:10 cash:1",                   "cash:29"),
        ("bonus_first",   "cash:30 bonus:10",                  40, "bonus:10 cash:30",                  ""),
        ("bonus_first",   "bonus:7@90 bonus:9@20 bonus:3",     17, "bonus:9 bonus:7 bonus:1",           "bonus:2"),
        ("bonus_first",   "cash:5 debit:5@40 transfer:5@20",   12, "transfer:5 debit:5 cash:2",         "cash:3"),
        ("bonus_first",   "cash:5/ann cash:5/bob",              6, "cash:5 cash:1",                     "cash:4/bob"),
        ("paid_first",    "bonus:10 cash:30",                   5, "cash:5",                            "bonus:10 cash:25"),
        ("paid_first",    "bonus:10 cash:30",                  31, "cash:30 bonus:1",                   "bonus:9"),
        ("paid_first",    "bonus:10@5 cash:3@90 debit:3@20",    7, "debit:3 cash:3 bonus:1",            "bonus:9@5"),
        ("in_proportion", "bonus:10 cash:30",                   4, "bonus:1 cash:3",                    "bonus:9 cash:27"),
        ("in_proportion", "bonus:10 cash:30",                   1, "cash:1",                            "bonus:10 cash:29"),
        ("in_proportion", "bonus:10 cash:30",                   2, "bonus:1 cash:1",                    "bonus:9 cash:29"),
        ("in_proportion", "bonus:10 cash:30",                   6, "bonus:2 cash:4",                    "bonus:8 cash:26"),
        ("in_proportion", "bonus:10 cash:30",                   7, "bonus:2 cash:5",                    "bonus:8 cash:25"),
        ("in_proportion", "cash:1 debit:1 transfer:1",          2, "cash:1 debit:1",                    "transfer:1"),
        ("in_proportion", "cash:100 debit:100 transfer:101",  100, "cash:33 debit:33 transfer:34",      "cash:67 debit:67 transfer:67"),
        ("in_proportion", "bonus:33 cash:33 debit:34",         99, "bonus:33 cash:33 debit:33",         "debit:1"),
        ("in_proportion", "bonus:10 cash:30",                  40, "bonus:10 cash:30",                  ""),
    ]  # fmt: skip
    for order, held, minor, drawn, left in rows:
        await story.open(order=order, _1=held)
        paid = await story.do(story.redeem("_1", minor))
        assert (story.drawn(paid), await story.lots("_1")) == (drawn, left), (order, held, minor)
    await story.counter.verify()


async def test_a_hold_draws_as_a_redemption_would(story):
    for order, reserved in (
        ("bonus_first", "bonus:10-10 cash:30-2"),
        ("paid_first", "bonus:10 cash:30-12"),
        ("in_proportion", "bonus:10-3 cash:30-9"),
    ):
        await story.open(order=order, _1="cash:30 bonus:10")
        await story.do(story.authorise("_1", 12))
        assert await story.lots("_1") == reserved
    await story.counter.verify()


async def test_what_has_expired_is_not_drawn(story):
    rows = [
        # order           what 5 are drawn from
        ("bonus_first",   "bonus:4 cash:1"),
        ("paid_first",    "cash:5"),
        ("in_proportion", "bonus:1 cash:4"),
    ]  # fmt: skip
    for n, (order, _) in enumerate(rows):
        await story.open(order=order, **{f"_{n}": "bonus:50@400 bonus:4@500 cash:16"})
    await story.day(400)
    for n, (_, drawn) in enumerate(rows):
        assert await story.holds(f"_{n}") == (70, 20)
        refused = await story.counter.no(story.redeem(f"_{n}", 21))
        assert (refused.code, refused.facts["available_minor"]) == ("cards.insufficient_balance", 20)
        assert story.drawn(await story.do(story.redeem(f"_{n}", 5))) == drawn
    await story.counter.verify()


async def test_what_is_alike_is_one_lot(story):
    """The Chinese day of the funding counts, not its moment: 16:00 in UTC is midnight."""
    midnight = START.replace(hour=16)
    at, ms, cash = midnight - DAY, timedelta(microseconds=1), "cash:5"
    rows = [
        # first                                    second                                     one lot?
        ((cash, {}),                               (cash, {}),                                True),
        ((cash, {}),                               ("debit:5", {}),                           False),
        ((cash, {}),                               ("bonus:5", {}),                           False),
        ((cash, {"payer": "ann"}),                 (cash, {"payer": "ann"}),                  True),
        ((cash, {"payer": "ann"}),                 (cash, {"payer": "bob"}),                  False),
        ((cash, {"payer": "ann"}),                 (cash, {}),                                False),
        ((cash, {"refund_to": "bank"}),            (cash, {"refund_to": "bank"}),             True),
        ((cash, {"refund_to": "bank"}),            (cash, {"refund_to": "other"}),            False),
        (("cash:5@9", {}),                         ("cash:5@9", {}),                          True),
        (("cash:5@9", {}),                         ("cash:5@8", {}),                          False),
        (("cash:5@9", {}),                         (cash, {}),                                False),
        ((cash, {"may_pass": False}),              (cash, {}),                                False),
        ((cash, {"may_pass": True}),               (cash, {}),                                True),
        ((cash, {"may_sell": False}),              (cash, {}),                                False),
        ((cash, {"may_refund": False}),            (cash, {}),                                False),
        (("bonus:5", {"may_refund": False}),       ("bonus:5", {}),                           True),
        (("instalment:5", {"may_sell": False}),    ("instalment:5", {}),                      True),
        ((cash, {"event_at": at}),                 (cash, {"event_at": midnight - ms}),       True),
        ((cash, {"event_at": midnight - ms}),      (cash, {"event_at": midnight}),            False),
        ((cash, {"event_at": at - ms}),            (cash, {"event_at": at}),                  False),
        ((cash, {"device": "till 1"}),             (cash, {"device": "till 2"}),              True),
    ]  # fmt: skip
    for n, (first, second, one) in enumerate(rows):
        for together in (True, False):
            name = f"_{n}{together}"
            await story.open(**{name: ""})
            loads = [story.load(name, lot, **more) for lot, more in (first, second)]
            for batch in [loads] if together else [[load] for load in loads]:
                await story.counter.do(*batch)
            assert [lot.minor for lot in await story.live(name)] == ([10] if one else [5, 5]), rows[n]
    await story.counter.verify()


async def test_a_refund_goes_back_to_the_lots_in_reverse(story):
    rows = [
        # pay  give back      into which lots                 what is on the card then
        (12,   [12],          ["cash:2 bonus:10"],            "bonus:10@9 cash:20"),
        (12,   [1, 1, 10],    ["cash:1", "cash:1", "bonus:10"], "bonus:10@9 cash:20"),
        (12,   [3, 4],        ["cash:2 bonus:1", "bonus:4"],  "bonus:5@9 cash:20"),
        (10,   [4],           ["bonus:4"],                    "bonus:4@9 cash:20"),
        (30,   [20, 10],      ["cash:20", "bonus:10"],        "bonus:10@9 cash:20"),
        (30,   [25],          ["cash:20 bonus:5"],            "bonus:5@9 cash:20"),
    ]  # fmt: skip
    for n, (minor, back, into, left) in enumerate(rows):
        name = f"_{n}"
        await story.open(**{name: "cash:20 bonus:10@9"})
        ids = [lot.id for lot in await story.live(name)]
        paid = await story.do(story.redeem(name, minor))
        assert [story.put_into(await story.do(story.refund(m, paid))) for m in back] == into
        assert await story.lots(name) == left
        assert [lot.id for lot in await story.live(name)] == ids, "they are the same lots again"
        assert await story.told(story.refund(minor - sum(back) + 1, paid)) == "cards.refund_exceeds_paid"
    await story.counter.verify()


async def test_what_comes_back_after_its_time_is_expired_at_once(story):
    await story.open(_1="cash:20 bonus:10@9")
    paid = await story.do(story.redeem("_1", 14))
    await story.day(9)
    assert await story.holds("_1") == (16, 16)
    await story.do(story.refund(7, paid))
    assert await story.lots("_1") == "bonus:3@9 cash:20"
    assert await story.holds("_1") == (23, 20)
    await story.do(story.renew("_1", START + 30 * DAY))
    assert await story.holds("_1") == (23, 23)
    await story.do(story.refund(5, paid))
    assert await story.lots("_1") == "bonus:5@9 bonus:3@30 cash:20"
    gone = await story.do(story.expire("_1"))
    assert (gone.amount_minor, await story.holds("_1")) == (5, (23, 23))
    assert await story.told(story.expire("_1")) == "cards.nothing_expired"
    await story.counter.verify()


@pytest.mark.parametrize("replacements", [1, 2, 3])
async def test_a_refund_follows_replacements_with_its_provenance(story, replacements):
    names = [f"_{n}" for n in range(replacements + 1)]
    await story.open(**dict.fromkeys(names, ""))
    await story.put("_0", "instalment:50/ann bonus:20@90", refund_to=None)
    funded = {lot.source: (lot.funded_at, lot.funded_by) for lot in await story.live("_0")}
    paid = await story.do(story.redeem("_0", 60))
    for old, new in pairwise(names):
        await story.later(days=1)
        await story.replaced(old, new)
    await story.later(days=1)
    back = await story.do(story.refund(45, paid))
    assert back.card_id == story.ids[names[-1]]
    assert story.put_into(back) == "instalment:40 bonus:5"
    assert await story.lots(names[-1]) == "bonus:5@90 instalment:50/ann"
    assert {lot.source: (lot.funded_at, lot.funded_by) for lot in await story.live(names[-1])} == funded
    assert [await story.holds(name) for name in names[:-1]] == [(0, 0)] * replacements
    await story.do(story.refund(15, paid))
    assert await story.lots(names[-1]) == "bonus:20@90 instalment:50/ann"
    assert await story.told(story.refund(1, paid)) == "cards.refund_exceeds_paid"
    for name in names[:-1]:
        assert await story.told(story.redeem(name, 1)) == "cards.replaced"
        assert await story.told(story.load(name, "cash:1")) == "cards.replaced"
        assert await story.told(story.transfer(name, names[-1], 1)) == "cards.replaced"
        assert await story.told(story.adjust(name, 1)) == "cards.replaced"
    await story.counter.verify()


async def test_a_refund_that_waits_while_its_card_is_replaced_goes_to_the_new_one(story):
    """In one batch the replacement comes first."""
    await story.open(_1="cash:50")
    paid = await story.do(story.redeem("_1", 30))
    moved, back = await story.told_anew(story.replace("_1"), story.refund(30, paid))
    assert (code(moved), code(back)) == ("ok", "ok")
    story.ids["_2"] = moved.cards[0].card.id
    assert await story.lots("_2") == "cash:50"
    await story.counter.verify()


async def test_what_may_go_depends_on_the_purpose_and_the_lot(story):
    ok, no, little = "ok", "cards.not_transferable", "cards.insufficient_balance"
    all_ = {"may_pass": True, "may_sell": True}
    rows = [
        # lots                      with                  amount  gift    sale
        ("cash:10",                 {},                   10,     ok,     ok),
        ("bonus:10",                {},                   10,     ok,     ok),
        ("credit:10",               {},                   10,     ok,     no),
        ("instalment:10",           {},                   10,     ok,     no),
        ("instalment:10",           all_,                 10,     ok,     ok),
        ("cash:10",                 {"may_pass": False},  10,     no,     ok),
        ("cash:10",                 {"may_sell": False},  10,     ok,     no),
        ("cash:6 instalment:4",     {},                   7,      ok,     no),
        ("cash:6 instalment:4",     {},                   6,      ok,     ok),
        ("cash:6 instalment:4",     {},                   None,   ok,     ok),
        ("instalment:4",            {},                   None,   ok,     no),
        ("cash:6 instalment:4",     {},                   11,     little, little),
        ("",                        {},                   None,   little, little),
    ]  # fmt: skip
    for n, (held, more, minor, *outcomes) in enumerate(rows):
        for purpose, outcome in zip(("gift", "sale"), outcomes, strict=True):
            one, two = f"_{n}{purpose}", f"_to{n}{purpose}"
            await story.open(**{one: "", two: ""})
            await story.put(one, held, **more)
            assert await story.told(story.transfer(one, two, minor, purpose)) == outcome, (rows[n], purpose)
    refused = await story.counter.no(story.transfer("_7sale", "_to7sale", 7, "sale"))
    assert refused.facts == {"transferable_minor": 6, "amount_minor": 7, "purpose": "sale", "currency": "CNY"}
    await story.counter.verify()


async def test_what_goes_takes_shares_of_all_lots_that_may_go(story):
    rows = [
        # lots of the first                      purpose amount  goes                                  stays
        ("cash:10 debit:10 bonus:10",            "gift",   10,   "bonus:4 cash:3 debit:3",             "bonus:6 cash:7 debit:7"),
        ("cash:10 debit:10 bonus:10",            "gift",   11,   "bonus:4 cash:4 debit:3",             "bonus:6 cash:6 debit:7"),
        ("cash:10 debit:20 transfer:31",         "gift",   20,   "cash:3 debit:7 transfer:10",         "cash:7 debit:13 transfer:21"),
        ("cash:1 debit:1 transfer:98",           "gift",    1,   "transfer:1",                         "cash:1 debit:1 transfer:97"),
        ("cash:10 instalment:90",                "sale",    7,   "cash:7",                             "cash:3 instalment:90"),
        ("cash:10 instalment:90 debit:5",        "sale",    7,   "cash:5 debit:2",                     "cash:5 instalment:90 debit:3"),
        ("cash:10 instalment:90 bonus:20",       "sale", None,   "bonus:20 cash:10",                   "instalment:90"),
    ]  # fmt: skip
    for n, (held, purpose, minor, goes, stays) in enumerate(rows):
        one, two = f"_{n}", f"_to{n}"
        await story.open(**{one: held, two: ""})
        gone = await story.do(story.transfer(one, two, minor, purpose))
        assert (await story.lots(two), await story.lots(one)) == (goes, stays), rows[n]
        assert gone.amount_minor == sum(lot.minor for lot in await story.live(two))
    await story.counter.verify()


async def test_expired_and_reserved_value_stays_where_it_is(story):
    await story.open(_1="bonus:10@5 cash:20 debit:8", _2="")
    await story.do(story.authorise("_1", 15))
    await story.day(1)
    assert code(await story.told_anew(story.replace("_1"))) == "cards.has_holds"
    assert await story.lots("_1") == "bonus:10-10@5 cash:20-5 debit:8"
    await story.do(story.transfer("_1", "_2"))
    assert await story.lots("_1") == "bonus:10-10@5 cash:5-5"
    assert await story.lots("_2") == "cash:15 debit:8"
    await story.day(5)
    assert await story.told(story.expire("_1")) == "cards.nothing_expired", "it is reserved"
    await story.day(8)
    assert await story.holds("_1") == (15, 5)
    await story.do(story.transfer("_1", "_2"))
    assert (await story.lots("_1"), await story.lots("_2")) == ("bonus:10@5", "cash:20 debit:8")
    await story.replaced("_1", "_3")
    assert (await story.lots("_1"), await story.holds("_3")) == ("", (10, 0)), "all of it goes, expired or not"
    await story.counter.verify()


async def test_provenance_is_carried_whole(story):
    names = ["_a", "_b", "_c", "_d", "_e"]
    await story.open(**dict.fromkeys(names, ""))
    await story.put("_a", "instalment:90@60/ann", refund_to="the bank", may_sell=True)
    (first,) = await story.live("_a")
    assert first.funded_by == first.came_by
    for n, purpose in enumerate(("gift", "gift", "sale", "replacement")):
        await story.later(days=1)
        if purpose == "replacement":
            await story.replaced(names[n], names[n + 1])
        else:
            await story.do(story.transfer(names[n], names[n + 1], 80 - n, purpose))
        (lot,) = await story.live(names[n + 1])
        for what in ("source", "paid", "payer", "refund_to", "may_pass", "may_sell", "may_refund", "funded_at", "funded_by",
                     "expires_at"):  # fmt: skip
            assert getattr(lot, what) == getattr(first, what), (purpose, what)
        assert lot.came_by > first.came_by
    assert [await story.holds(name) for name in names] == [(10, 10), (1, 1), (1, 1), (0, 0), (78, 78)]
    parents = dict(story.site.ask("SELECT id, parent_id FROM ledger.lots"))
    at, steps = lot.id, 0
    while parents[at] is not None:
        at, steps = parents[at], steps + 1
    assert (at, steps) == (first.id, 4)
    await story.counter.verify()


async def test_what_comes_home_is_the_lot_that_went(story):
    await story.open(_a="cash:50/ann", _b="", _c="")
    (first,) = await story.live("_a")
    await story.do(story.transfer("_a", "_b", 50))
    await story.do(story.transfer("_b", "_c", 20))
    await story.do(story.transfer("_b", "_a", 30))
    await story.do(story.transfer("_c", "_a", 20))
    (home,) = await story.live("_a")
    assert home.minor == 50
    assert (home.funded_at, home.funded_by, home.payer) == (first.funded_at, first.funded_by, "ann")
    await story.do(story.transfer("_a", "_b", 7))
    await story.do(story.transfer("_a", "_b", 7))
    assert await story.lots("_b") == "cash:14/ann", "alike: one lot"
    await story.counter.verify()


async def tainted(story, names, source, since):
    ids = [story.ids[name] for name in names]
    found = await story.counter.within(lambda tx: ledger.tainted(tx, ids, source, since))
    return [found.get(card, 0) for card in ids]


async def test_what_was_bought_by_instalment_is_known_through_two_splits_and_a_gift(story):
    names = ["_a", "_b", "_c", "_d"]
    await story.open(**dict.fromkeys(names, ""))
    await story.put("_a", "cash:60 instalment:40")
    await story.day(10)
    since = story.now
    await story.put("_a", "instalment:100")
    await story.do(story.transfer("_a", "_b", 100))
    await story.do(story.transfer("_b", "_c", 50))
    await story.day(20)
    await story.do(story.transfer("_c", "_d", 20, "gift"))
    rows = [
        # source       since               a    b    c    d
        ("instalment", since,             [50,  25,  15,  10]),
        ("instalment", since + DAY,       [0,   0,   0,   0]),
        ("instalment", START,             [70,  35,  21,  14]),
        ("cash",       START,             [30,  15,  9,   6]),
        ("credit",     START,             [0,   0,   0,   0]),
    ]  # fmt: skip
    for source, after, expected in rows:
        assert await tainted(story, names, source, after) == expected, (source, after)
    await story.do(story.redeem("_d", 6))
    await story.replaced("_d", "_e")
    names[3:] = ["_d", "_e"]
    assert sum(await tainted(story, names, "instalment", since)) == 100, "cash was drawn first: it is the older one"
    await story.counter.verify()


BONUS_SHARES = """
SELECT a.batch_id, a.ordinal,
       (SELECT sum(t.amount_minor) FROM ledger.transfers t JOIN ledger.lots l ON l.id = t.debit_lot
        WHERE t.batch_id = a.batch_id AND t.entry = a.ordinal AND NOT l.paid)
       - coalesce((SELECT sum(t.amount_minor) FROM cards.refund_parts p
                   JOIN ledger.transfers t ON t.batch_id = p.batch_id AND t.entry = p.ordinal
                   JOIN ledger.lots l ON l.id = t.credit_lot AND NOT l.paid
                   WHERE p.redemption_batch_id = a.batch_id AND p.redemption_ordinal = a.ordinal), 0)
FROM cards.activities a WHERE a.type IN ('REDEEM', 'CAPTURE')
"""


async def test_the_bonus_in_each_redemption_can_be_told_afterwards(story):
    rows = [
        # order           on the card            pay  by      give back  bonus in it
        ("bonus_first",   "cash:30 bonus:10",     25, "pay",   0,        10),
        ("bonus_first",   "cash:30 bonus:10",     25, "pay",   20,       5),
        ("bonus_first",   "cash:30 bonus:10",     25, "hold",  0,        10),
        ("paid_first",    "cash:30 bonus:10",     33, "pay",   1,        2),
        ("paid_first",    "cash:30 bonus:10",     30, "hold",  0,        None),
        ("in_proportion", "cash:30 bonus:10",     12, "pay",   0,        3),
        ("in_proportion", "cash:30 bonus:10",     12, "hold",  10,       2),
        ("in_proportion", "cash:30",              12, "pay",   0,        None),
    ]  # fmt: skip
    expected = {}
    for n, (order, held, minor, by, back, bonus) in enumerate(rows):
        await story.open(order=order, **{f"_{n}": held})
        if by == "pay":
            paid = await story.do(story.redeem(f"_{n}", minor))
        else:
            paid = await story.do(story.capture(await story.do(story.authorise(f"_{n}", minor))))
        if back:
            await story.do(story.refund(back, paid))
        expected[paid.place] = bonus
    assert {(batch, at): share for batch, at, share in story.site.ask(BONUS_SHARES)} == expected
    await story.counter.verify()


async def test_corrections_are_lots_of_their_own(story):
    await story.open(_1="cash:20")
    await story.do(story.adjust("_1", 7))
    await story.do(story.adjust("_1", 5, source=FundingSource.BONUS))
    await story.do(story.adjust("_1", 3, source=FundingSource.BONUS))
    assert await story.lots("_1") == "bonus:8 cash:20 company:7"
    down = await story.do(story.adjust("_1", -10))
    assert story.drawn(down) == "bonus:8 cash:2"
    assert await story.told(story.adjust("_1", -26)) == "cards.insufficient_balance"
    assert await story.told(story.refund(1, down)) == "cards.unknown_redemption"
    await story.counter.verify()


async def test_renewing_leaves_no_lot_twice(story):
    await story.open(_1="cash:5@9 cash:6@20 cash:7 bonus:8@9")
    await story.do(story.renew("_1", START + 20 * DAY))
    assert await story.lots("_1") == "bonus:8@20 cash:11@20 cash:7"
    assert await story.told(story.renew("_1", START + 20 * DAY)) == "cards.nothing_to_renew"
    assert await story.told(story.renew("_1", START)) == "cards.bad_term"
    await story.do(story.authorise("_1", 10))
    await story.do(story.renew("_1", START + 30 * DAY))
    assert await story.lots("_1") == "bonus:8-8@20 cash:2-2@20 cash:9@30 cash:7"
    await story.counter.verify()


@dataclass
class Part:
    """What the story reckons of one lot: `ends` is when it expires."""

    bonus: bool
    ends: datetime | None
    minor: int
    held: int = 0

    def free(self, now):
        return 0 if self.ends and self.ends <= now else self.minor - self.held


class Purse:
    """What a card should hold, reckoned part by part."""

    def __init__(self):
        self.parts, self.held = [], []

    def draw(self, now, minor):
        order = sorted(self.parts, key=lambda p: (not p.bonus, p.ends or datetime.max.replace(tzinfo=UTC)))
        drawn = []
        for part in order:
            taken = min(minor, part.free(now))
            minor -= taken
            drawn += [(part, taken)] if taken else []
        assert minor == 0
        return drawn

    def spend(self, now, minor):
        drawn = self.draw(now, minor)
        for part, taken in drawn:
            part.minor -= taken
        return drawn

    def renew(self, ends):
        parts = [p for p in self.parts if p.ends and p.ends < ends and p.minor > p.held]
        free = [p.minor - p.held for p in parts]
        for part, minor in zip(parts, free, strict=True):
            part.minor -= minor
            self.parts.append(Part(part.bonus, ends, minor))
        return sum(free)

    def hold(self, now, minor, ends):
        drawn = self.draw(now, minor)
        for part, taken in drawn:
            part.held += taken
        self.held.append((ends, drawn))

    def capture(self, minor):
        """A part of the newest hold, in the order in which it reserved."""
        ends, drawn = self.held.pop()
        rest = []
        for part, reserved in drawn:
            taken = min(minor, reserved)
            minor -= taken
            part.minor -= taken
            part.held -= taken
            rest += [(part, reserved - taken)] if reserved > taken else []
        self.held.append((ends, rest))

    def let_go(self, now):
        for _, drawn in [hold for hold in self.held if hold[0] <= now]:
            for part, reserved in drawn:
                part.held -= reserved
        self.held = [hold for hold in self.held if hold[0] > now]

    def lapse(self, now):
        gone = 0
        for part in self.parts:
            if part.ends and part.ends <= now:
                gone += part.minor - part.held
                part.minor = part.held
        return gone

    def seen(self, now):
        """Booked and available, whether or not anything was given free yet."""
        due = sum(
            reserved for ends, drawn in self.held if ends <= now for part, reserved in drawn
            if not (part.ends and part.ends <= now)
        )  # fmt: skip
        return sum(p.minor for p in self.parts), sum(p.free(now) for p in self.parts) + due


@pytest.mark.parametrize("major", [18])
async def test_three_years_of_a_card(story):
    """Interest every month by hand, vouchers that lapse, holds that are captured in part and lapse, renewals, a new card each year."""
    names = ["ann_1", "ann_2", "ann_3", "ann_4"]
    await story.open(**dict.fromkeys(names, ""))
    shop, purse, name = story.shop, Purse(), names[0]
    brought = interest = lapsed = paid = 0

    async def same():
        assert await story.holds(name) == purse.seen(story.now), story.now

    for month in range(36):
        await story.until(datetime(2024 + (5 + month) // 12, (5 + month) % 12 + 1, 1, 4, tzinfo=UTC))
        await same()
        purse.let_go(story.now)
        gone = purse.lapse(story.now)
        if gone:
            assert (await story.do(story.expire(name))).amount_minor == gone
        lapsed += gone
        await same()
        if month % 12 == 0:
            ends = story.now + timedelta(days=200)
            await story.do(story.load(name, "transfer:20000", expires_at=ends, payer="ann"))
            purse.parts.append(Part(False, ends, 20_000))
            brought += 20_000
        if month % 3 == 1:
            ends = story.now + timedelta(days=75)
            await story.do(story.load(name, "bonus:1500", expires_at=ends))
            purse.parts.append(Part(True, ends, 1_500))
            brought += 1_500
        added = purse.seen(story.now)[0] // 100
        await story.do(story.adjust(name, added, source=FundingSource.BONUS, reason="interest"))
        purse.parts.append(Part(True, None, added))
        interest += added
        await story.do(story.authorise(name, 500, ttl_s=20 * 86_400), "hold")
        purse.hold(story.now, 500, story.now + timedelta(days=20))
        await same()
        await story.later(days=9)
        if month % 2:
            await story.do(story.capture("hold", 300))
            purse.capture(300)
            paid += 300
        last = await story.do(story.redeem(name, 350))
        drawn = purse.spend(story.now, 350)
        paid += 350
        await same()
        await story.later(days=2)
        if month % 12 == 5:
            # What the year's load would lose in some weeks lasts for another year; what is reserved goes on as it is.
            ends = story.now + timedelta(days=365)
            assert (await story.do(story.renew(name, ends))).amount_minor == purse.renew(ends)
        if month % 12 == 11:
            await story.later(days=12)
            new = names[names.index(name) + 1]
            await story.replaced(name, new)
            purse.let_go(story.now)
            name = new
            back = await story.do(story.refund(350, last))
            assert back.card_id == story.ids[name]
            for part, taken in drawn:
                part.minor += taken
            paid -= 350
        await same()
    booked, _ = await story.holds(name)
    assert brought + interest == booked + lapsed + paid
    assert await story.counter.paid_to(shop) == paid
    assert lapsed > 2_500
    states = dict(story.site.ask("SELECT state, count(*) FROM ledger.holds GROUP BY state"))
    assert states == {"EXPIRED": 36}
    report = await story.counter.verify()
    assert report.transfers > 150

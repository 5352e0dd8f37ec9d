"""The line for reminders is as good as a walk over all cards: nothing is missed, and nothing is told twice."""

import asyncio
from datetime import date, timedelta
from itertools import count

import anyio
import anyio.from_thread
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from koudai import cards, ledger
from koudai.base import CHINA, Refused
from koudai.cards import CardState
from koudai.pg import Database
from koudai.programmes import Kind, Promises, notices_due, versions_of
from tests.cards.conftest import Counter
from tests.cards.lives import START, Life, day

USES = {"LOAD", "REDEEM", "CAPTURE"}
HOUR = timedelta(hours=1)
LONG, SHORT = {"before_expiry_days": [9, 2], "silence_days": [6, 15]}, {"before_expiry_days": [3]}
WORLDS = [
    ({"days": 20, "renewal": "on_request"}, LONG),
    ({"days": 20, "renewal": "automatic"}, {"before_expiry_days": [15, 1]}),
    ({"days": 25, "since": "activation"}, {"before_expiry_days": [5], "silence_days": [1]}),
    ({}, {"silence_days": [4, 12]}),
]
MORE = [LONG, SHORT, {"silence_days": [2]}, {"before_expiry_days": [19], "silence_days": [30]}]
CARD = st.integers(0, 3)
TIME = st.sampled_from([HOUR, *map(timedelta, (1, 2, 3, 5, 8, 13))])
LATE = st.sampled_from([None, HOUR / 2, 3 * HOUR, timedelta(days=5)])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("issue"), st.booleans(), st.booleans()),
        st.tuples(st.just("load"), CARD, LATE),
        st.tuples(st.just("redeem"), CARD, LATE),
        st.tuples(st.sampled_from(["block", "unblock", "activate", "renew", "reactivate", "replace"]), CARD),
        st.tuples(st.just("stop_and_unblock"), CARD, TIME),
        st.tuples(st.just("empty_and_refund"), CARD, TIME),
        *[st.tuples(st.just("pass_time"), TIME)] * 3,
        st.tuples(st.just("version"), st.sampled_from(MORE), st.integers(0, 3)),
        *[st.tuples(st.just("take"), st.integers(1, 9))] * 3,
    ),
    min_size=8, max_size=24,
)  # fmt: skip


BOTH = ("silence", "before_expiry")
MET = {(what, kind) for what in ("pass_time", "load", "empty_and_refund", "stop_and_unblock") for kind in BOTH}
"""What brings on which reminder in these stories, and more."""

DAYS = {number: timedelta(days=number) for number in range(1, 9)}
TOLD = [
    (WORLDS[0], [("pass_time", DAYS[8]), ("take", 1), ("pass_time", DAYS[5])]),
    (WORLDS[0], [("stop_and_unblock", 0, DAYS[8]), ("take", 9), ("stop_and_unblock", 0, DAYS[5]), ("load", 1, None),
                 ("take", 9), ("empty_and_refund", 1, DAYS[6])]),
    (WORLDS[2], [("pass_time", DAYS[6]), ("load", 0, DAYS[5])]),
]  # fmt: skip
"""Stories in which all of that happens."""


class Walk(Life):
    """Cards to which anything happens; what is due of them is told by a walk over all of them as well."""

    def __init__(self, counter, met):
        super().__init__(counter)
        self.met = met
        self.cards, self.promised, self.sent = [], {}, {}
        self.now, self.days, self.versions = START, {date(2026, 1, 1)}, []

    async def version(self, day, **changes):
        await super().version(day, **changes)
        book, programme = self.counter.book, self.programme.id
        found = await self.counter.within(lambda tx: versions_of(tx, book, [programme]))
        self.promises = Promises(found[programme])

    async def issue(self, active, filled):
        """A card that is active or not, with something on it or not."""
        made = await self.card(f"card {len(self.cards)}", amount=5 if active and filled else 0, active=active)
        self.cards.append(made.id)
        self.promised[made.id] = self.now

    async def act(self, number, command):
        """Do something to a card, where there is one; it may be refused."""
        if number < len(self.cards):
            outcome = (await self.counter.run(command(self.cards[number])))[0]
            return None if isinstance(outcome, Refused) else outcome
        return None

    def happened(self, late):
        return None if late is None else self.now - late

    async def load(self, number, late):
        """What is bought on an empty card begins its days anew, and what is given doesn't."""
        source = cards.FundingSource.BONUS if number % 2 else cards.FundingSource.CASH
        await self.act(number, lambda card: self.counter.load(card, 3, event_at=self.happened(late), source=source))

    async def redeem(self, number, late):
        await self.act(number, lambda card: self.counter.redeem(card, self.shop, 1, event_at=self.happened(late)))

    async def empty_and_refund(self, number, time):
        """Nobody is reminded of an empty card; value that comes back is no use."""
        paid = await self.act(number, lambda card: self.counter.redeem(card, self.shop, 100, partial=True))
        if paid is not None:
            await self.pass_time(time)
            await self.take(9)
            await self.act(number, lambda _: self.counter.refund(1, of=paid))

    async def stop_and_unblock(self, number, time):
        """Nobody is reminded of a card that is stopped."""
        await self.block(number)
        await self.pass_time(time)
        await self.take(9)
        await self.unblock(number)

    async def block(self, number):
        await self.act(number, self.counter.block)

    async def unblock(self, number):
        await self.act(number, self.counter.unblock)

    async def activate(self, number):
        await self.act(number, self.counter.activate)

    async def renew(self, number):
        await self.act(number, lambda card: cards.Renew(key=self.counter.key(), card=card))

    async def reactivate(self, number):
        await self.act(number, lambda card: cards.Reactivate(key=self.counter.key(), card=card))

    async def replace(self, number):
        if number >= len(self.cards):
            return
        wish = cards.Replace(key=self.counter.key(), card=self.cards[number], reason=cards.ReplaceReason.LOST)
        keyring, book = self.counter.keyring, self.counter.book
        (made,) = await self.counter.within(lambda tx: cards.run(tx, book, [wish], keyring))
        if not isinstance(made, Refused):
            heir = made.cards[0].card.id
            self.cards.append(heir)
            self.promised[heir] = self.promised[self.cards[number]]

    async def pass_time(self, time):
        self.now += time
        await self.until(self.now)

    async def more(self, notices, ahead):
        """A version with other notices, in effect from today or from a day to come."""
        day = (self.now.astimezone(CHINA) + timedelta(days=ahead)).date()
        if day not in self.days:
            self.days.add(day)
            if not self.validity:
                notices = {"silence_days": notices.get("silence_days", [3])}
            await self.version(day.isoformat(), kinds={"registered": None, "bearer": {"validity": self.validity}},
                               notices=notices)  # fmt: skip

    async def due(self):
        """What is due, by a walk over all cards there are."""
        found = []
        seen = await self.counter.within(lambda tx: cards.cards_by_id(tx, self.counter.book, self.cards))
        for card in seen.values():
            if card.state is not CardState.ACTIVE or not card.balance_minor or card.successor_id is not None:
                continue
            used = [e.event_at for e in await self.counter.history(card.id) if e.type in USES]
            programme = self.promises.terms(self.promised[card.id], self.now).programme
            lasts = card.expires_at if programme.of_kind(Kind.BEARER).validity.days is not None else None
            sent = self.sent.setdefault(card.id, [])
            due = notices_due(programme.notices, lasts, used[0] if used else card.issued_at, sent, self.now)
            found += [(card.id, one) for one in due]
        return sorted(found)

    async def listed(self, limit):
        """What the pages of the list tell."""
        found, after = [], 0
        while after is not None:
            page = await self.counter.within(
                lambda tx, a=after: cards.due_notices(tx, self.counter.book, a, limit)
            )  # fmt: skip
            found += page.notices
            after = page.next_after
        return sorted((one.card_id, one.notice) for one in found)

    async def take(self, limit):
        """Take some of what is due: as much as is asked for, where there is so much."""
        due, key = await self.due(), self.counter.key()
        taken = await self.counter.within(lambda tx: cards.take_notices(tx, self.counter.book, key, limit))
        told = [(one.card_id, one.notice) for one in taken]
        assert set(told) <= set(due)
        assert min(limit, len(due)) <= len(told) <= limit + 1, "those of one card are never cut"
        for card, notice in told:
            self.sent[card].append(notice)
        return told

    async def live(self, world, story):
        """All steps, and behind each of them that list and walk agree."""
        self.validity, notices = world
        await self.open(self.validity, notices=notices)
        for active, filled in ((True, True), (True, False), (False, False)):
            await self.issue(active, filled)
        due = []
        for kind, *told in story:
            before = due
            await getattr(self, {"version": "more"}.get(kind, kind))(*told)
            due = await self.due()
            assert await self.listed(limit=2) == due, (kind, told)
            self.met |= {(kind, str(one.kind)) for _, one in set(due) - set(before)}
        while await self.take(2):
            pass
        assert await self.due() == []


@pytest.mark.parametrize("major", [18])
def test_whatever_happens_to_cards_the_line_tells_what_a_walk_over_all_of_them_does(site, keyring):
    books, met = count(10), set()
    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(Database(site.target)) as db,
    ):

        @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @example(*TOLD[0])
        @example(*TOLD[1])
        @example(*TOLD[2])
        @given(world=st.sampled_from(WORLDS), story=STEPS)
        def tell(world, story):
            portal.call(Walk(Counter(db, keyring, next(books)), met).live, world, story)

        tell()
        report = portal.call(ledger.verify, db, cards.CARD_CHECKS)
        assert report.findings == []
    assert met >= MET, MET - met


async def take(life, limit=9):
    """What is taken, by card, kind and days."""
    key, book = life.counter.key(), life.counter.book
    taken = await life.counter.within(lambda tx: cards.take_notices(tx, book, key, limit))
    names = {card_id: name for name, card_id in life.ids.items()}
    return [(names[one.card_id], str(one.notice.kind), one.notice.days) for one in taken]


@pytest.fixture
async def life(counter):
    """A programme under which cards last for 30 days, with a card of each sort that nobody has to be reminded of."""
    life = Life(counter)
    told = {"before_expiry_days": [9, 2], "silence_days": [100]}
    await life.open({"days": 30, "renewal": "automatic"}, notices=told)
    await life.card("card", 5)
    await life.card("empty")
    await life.card("pending", active=False)
    await life.card("stopped", 5)
    await life.counter.do(counter.block(life.ids["stopped"]))
    assert await take(life) == []
    return life


GIVEN = {"source": cards.FundingSource.BONUS}
"""Value that begins no term."""


@pytest.mark.parametrize(
    ("name", "at", "happens", "told"),
    [
        ("card",    24, [], ("before_expiry", 9)),
        ("empty",   24, [("load", GIVEN)], ("before_expiry", 9)),
        ("stopped", 24, [("unblock", {})], ("before_expiry", 9)),
        ("pending", 24, [("activate", {}), ("load", GIVEN)], ("before_expiry", 9)),
        ("card",    55, [("redeem", {})], ("before_expiry", 9)),
        ("card",     3, [("redeem", {"event_at": day(-97)})], ("silence", 100)),
        ("empty",    3, [("load", {"event_at": day(-98)})], ("silence", 100)),
    ],
)  # fmt: skip
async def test_what_becomes_due_late_is_told(life, name, at, happens, told):
    """Whoever was here before had nothing to tell of the card."""
    await life.until(day(at, hour=13))
    if happens:
        assert name not in [one for one, *_ in await take(life)]
    for verb, more in happens:
        command = life.counter.unblock(life.ids[name]) if verb == "unblock" else life.do(verb, name, **more)
        await life.counter.do(command)
    assert [tuple(what) for one, *what in await take(life) if one == name] == [told]
    assert [one for one, *_ in await take(life)] == []
    await life.counter.verify()


async def test_a_version_that_promises_more_is_told_of_when_it_takes_effect(life):
    validity = {"bearer": {"validity": {"days": 30, "renewal": "automatic"}}}
    told = {"before_expiry_days": [25], "silence_days": [100, 5]}
    await life.version("2027-03-09", kinds={"registered": None, **validity}, notices=told)
    await life.until(day(7, hour=23))
    assert await take(life) == []
    await life.until(day(8))
    assert await take(life) == [("card", "before_expiry", 25), ("card", "silence", 5)]
    assert await take(life) == []


async def test_who_takes_while_cards_are_loaded_and_unblocked_overlooks_none(life):
    """While one takes, a card that something happens to is left out or waited for, and told of by the next."""
    counter = life.counter
    await life.until(day(24))
    for n in range(12):
        await life.card(f"more {n}", 5 if n % 2 else 0)
        if n % 2:
            await counter.do(counter.block(life.ids[f"more {n}"]))
    await life.until(day(50))
    freed = [
        life.do("load", f"more {n}", **GIVEN) if n % 2 == 0 else counter.unblock(life.ids[f"more {n}"])
        for n in range(12)
    ]
    found = await asyncio.gather(*(take(life, 3) for _ in range(4)), *(counter.do(command) for command in freed))
    told = [one for page in found[:4] for one in page]
    while more := await take(life, 3):
        told += more
    assert len(told) == len(set(told))
    assert {one for one, kind, _ in told if kind == "before_expiry"} >= {f"more {n}" for n in range(12)}
    await counter.verify()

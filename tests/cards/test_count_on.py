"""Limits go on: a card that was issued anew has used up what the one before it had, and so has a piece of a split."""

import asyncio
from collections import Counter
from copy import deepcopy
from itertools import count
from random import Random

import pytest

from koudai import cards
from koudai.base import DAY_S, Refused
from koudai.cards.spend.pay import REVERSED_WITHIN
from tests.cards.gifts import GiftTable
from tests.cards.lives import Life
from tests.cards.story import Story, code, limit
from tests.cards.test_limits import HOUR_S, cst, facts, flow

TILL = {"device": "a+till"}


class Family(Story):
    """A story of cards that come from others."""

    def split(self, name, *pieces, **more):
        return self._made(cards.Split, card=self.ids[name], pieces=pieces, asset="CNY", **more)

    def spend_split(self, name, minor, **more):
        return self._made(
            cards.SpendSplit, card=self.ids[name], merchant_id=self.shop.id, amount_minor=minor, asset="CNY", **more
        )  # fmt: skip

    async def known(self, command, *names):
        """The outcome of a command that makes cards, which are known by these names from then on."""
        made = await self.told_anew(command)
        if isinstance(made, cards.Minted):
            self.ids |= {name: one.card.id for name, one in zip(names, made.cards, strict=True)}
        return made

    async def given(self, name, new, ref=None):
        table = GiftTable(self.counter)
        given = await table.given(self.ids[name])
        return await self.known(table.claiming(given, ref=ref), new)

    async def anew(self, how, old, new):
        """Make a card of another one, which is called `new`."""
        made = await {
            "replaced": lambda: self.known(self.replace(old), new),
            "split": lambda: self.known(self.split(old, 300), new),
            "spent and split": lambda: self.known(self.spend_split(old, 1), new),
            "given": lambda: self.given(old, new),
            "given to another holder": lambda: self.given(old, new, self.claimer),
        }[how]()
        assert isinstance(made, cards.Minted), made

    def counters(self):
        """What was counted of cards, alone and in pairs: (limit's name, card, with whom) → {window: (amount, times)}."""
        limits = {row[0]: row[1] for row in self.site.ask(
            "SELECT id, flow || '.' || subject || '.' || per FROM ledger.limits")}  # fmt: skip
        names = {str(card_id): name for name, card_id in self.ids.items()}
        found = {}
        rows = self.site.ask("SELECT 'card:' || id, meters FROM ledger.accounts WHERE meters IS NOT NULL"
                             " UNION ALL SELECT ref, meters FROM ledger.subjects WHERE ref ~ 'card'")  # fmt: skip
        for ref, meters in rows:
            kind, _, who = ref.partition(":")
            if kind == "holder+card":
                who = who.partition("+")[2]
            card, _, other = who.partition("+")
            for limit_id, start, minor, times in zip(*[iter(meters)] * 4, strict=True):
                found.setdefault((limits[limit_id], names[card], other), {})[start] = (minor, times)
        return found


@pytest.fixture
def story(counter, site):
    return Family(counter, site)


GOES_ON = {"replaced": True, "split": True, "given": True, "given to another holder": False}


@pytest.mark.parametrize(("how", "goes_on"), GOES_ON.items())
async def test_which_limits_go_on_and_whose(story, how, goes_on):
    """60 of 100 were used: a card that goes on has 40 left, and one that begins anew has 100."""
    rows = [
        # limit                                                     used by       with
        (limit("redeem.card.day", most=100),                        "redeem",     {}),
        (limit("redeem.card.month", most=100),                      "redeem",     TILL),
        (limit("redeem.card.lifetime", most=100),                   "redeem",     {}),
        (limit("redeem.card.rolling", most=100, window_s=DAY_S),    "redeem",     {}),
        (limit("load.card.day", most=100),                          "load",       {}),
        (limit("redeem.card+device.day", most=100),                 "redeem",     TILL),
        (limit("load.device+card.lifetime", most=100),              "load",       TILL),
        (limit("transfer.card+recipient.lifetime", most=100),       "transfer",   {"recipient": "zoe"}),
        (limit("transfer.card+device.rolling", most=100, window_s=HOUR_S), "transfer", TILL),
    ]  # fmt: skip
    story.claimer = await GiftTable(story.counter).holder("registered")
    for n, (known, kind, more) in enumerate(rows):
        if how.startswith("given") and "recipient" in more:
            # Who claims counts as a recipient himself.
            continue
        holder = "ann" if how == "given to another holder" else ""
        old, new = f"{holder}_{2 * n}", f"{holder}_{2 * n + 1}"
        await story.open(limits=[known], sink="", zoe_1="", **{old: ""})
        await story.do(story.adjust(old, 1000))
        await story.do(flow(story, old, kind, 60, **more))
        await story.anew(how, old, new)
        left = 40 if goes_on else 100
        no = await story.counter.no(flow(story, new, kind, left + 1, **more))
        assert facts(no, "limit", "left_minor") == ("ledger.limit_exceeded", known.name, left), known.name
        assert await story.told(flow(story, new, kind, left, **more)) == "ok", known.name
        assert await story.told(flow(story, new, kind, 1, **more)) == "ledger.limit_exceeded", known.name
    await story.counter.verify()


async def test_a_card_and_its_holder_as_a_pair_go_on_too_and_the_holder_alone_is_counted_once(story):
    limits = [limit("redeem.card+holder.day", most=100), limit("redeem.holder.day", most=150)]
    await story.open(limits=limits, ann_1="cash:900")
    await story.do(story.redeem("ann_1", 60))
    await story.anew("replaced", "ann_1", "ann_2")
    no = await story.counter.no(story.redeem("ann_2", 41))
    assert facts(no, "limit", "left_minor") == ("ledger.limit_exceeded", "redeem.card+holder.day", 40)
    await story.do(story.redeem("ann_2", 40))
    await story.open(limits=limits, ann_3="cash:900")
    await story.anew("split", "ann_2", "ann_4")
    assert await story.told(story.redeem("ann_4", 1)) == "ledger.limit_exceeded"
    await story.until(cst(2024, 5, 3, 9))
    await story.do(story.redeem("ann_4", 100), "paid")
    no = await story.counter.no(story.redeem("ann_2", 51))
    assert facts(no, "limit", "left_minor") == ("ledger.limit_exceeded", "redeem.holder.day", 50)
    await story.anew("replaced", "ann_4", "ann_5")
    await story.do(story.reverse("paid"))
    no = await story.counter.no(story.redeem("ann_2", 151))
    assert facts(no, "left_minor") == ("ledger.limit_exceeded", 100), (
        "the card's own; the holder was given 100 back once"
    )
    await story.do(story.redeem("ann_2", 100))
    no = await story.counter.no(story.redeem("ann_5", 51))
    assert facts(no, "limit", "left_minor") == ("ledger.limit_exceeded", "redeem.holder.day", 50)
    await story.counter.verify()


async def test_what_counts_times_bounds_one_payment_or_a_balance(story):
    """Of 5 times 3 were used: 2 are left to each piece. A bound that adds nothing up binds each card by itself."""
    limits = [
        limit("redeem.card.day", times=5), limit("redeem.card.transaction", most=70), limit("load.card.balance", most=900),
    ]  # fmt: skip
    await story.open(limits=limits, _0="cash:900")
    for _ in range(3):
        await story.do(story.redeem("_0", 10))
    await story.known(story.split("_0", 300, 300), "_1", "_2")
    for name in ("_1", "_2"):
        assert await story.told(story.redeem(name, 71)) == "ledger.limit_exceeded"
        assert [await story.told(story.redeem(name, 70)) for _ in range(3)] == ["ok", "ok", "ledger.count_exceeded"]
        assert await story.told(story.load(name, "cash:741")) == "ledger.limit_exceeded"
        assert await story.told(story.load(name, "cash:740")) == "ok"
    assert [await story.told(story.redeem("_0", 1)) for _ in range(3)] == ["ok", "ok", "ledger.count_exceeded"]
    await story.counter.verify()


async def test_a_split_counts_for_the_card_that_is_split_and_for_none_of_its_pieces(story):
    limits = [limit("transfer.card.day", most=100, times=3), limit("redeem.card.day", most=50)]
    await story.open(limits=limits, sink="", _0="cash:900")
    day = "transfer.card.day", "_0", ""
    await story.known(story.split("_0", 20, 10), "_1", "_2")
    assert list(story.counters()[day].values()) == [(30, 1)]
    await story.do(story.transfer("_0", "sink", 30))
    await story.known(story.split("_0", 40), "_3")
    told = story.counters()
    assert list(told[day].values()) == [(100, 3)]
    assert ("transfer.card.day", "_1", "") not in told, "nothing was counted before"
    assert list(told["transfer.card.day", "_3", ""].values()) == [(60, 2)]
    assert (await story.known(story.split("_0", 1), "_4")).code == "ledger.count_exceeded"
    assert await story.told(story.transfer("_3", "sink", 41)) == "cards.insufficient_balance"
    assert await story.told(story.transfer("_3", "sink", 40)) == "ok"
    assert await story.told(story.transfer("_1", "sink", 20)) == "ok"
    await story.open(
        limits=[limit("transfer.card.day", most=900), limit("redeem.card.day", most=50)], sink="", _5="cash:900"
    )  # fmt: skip
    await story.do(story.redeem("_5", 10))
    await story.known(story.spend_split("_5", 15, **TILL), "_6")
    assert story.counters()["redeem.card.day", "_6", ""] == story.counters()["redeem.card.day", "_5", ""]
    no = await story.counter.no(story.redeem("_6", 26))
    assert facts(no, "left_minor") == ("ledger.limit_exceeded", 25), "what it paid is used up, what was split off isn't"
    assert await story.told(story.transfer("_6", "sink", 875)) == "ok"
    await story.counter.verify()


async def test_a_card_that_is_exchanged_goes_on(counter, site):
    life, family = Life(counter), Family(counter, site)
    declared = [{"flow": "load", "subjects": ["card"], "per": "lifetime", "max_minor": 500}]
    await life.open({"days": 10, "grace_days": 0, "reactivation_days": 30}, limits=declared)
    await life.card("old", 400)
    await life.until(cst(2027, 3, 20, 12))
    made = await life.exchange("old")
    family.ids = {"old": life.ids["old"], "new": made.cards[0].card.id}
    no = await counter.no(counter.load(family.ids["new"], 101, source="transfer"))
    assert facts(no, "limit", "left_minor") == ("ledger.limit_exceeded", "load.card.lifetime", 100)
    await counter.do(counter.load(family.ids["new"], 100, source="transfer"))
    await counter.verify()


async def test_who_is_given_back_what_is_undone(story):
    """The card that paid and those that took its place, not a piece of it."""
    both = [limit("redeem.card.day", most=1000, times=50), limit("redeem.card+device.day", most=1000)]
    own, pair = "redeem.card.day", "redeem.card+device.day"
    rows = [
        # what was undone                     after it was              the card   who came from it   with the device
        ("reverse",                           "replaced",               (40, 1),   (40, 1),           (0, 0)),
        ("reverse",                           "split",                  (40, 1),   (100, 2),          (60, 1)),
        ("reverse",                           "given",                  (40, 1),   (40, 1),           (0, 0)),
        ("void",                              "split",                  (100, 2),  (130, 3),          (60, 1)),
        ("release",                           "split",                  (100, 2),  (130, 3),          (60, 1)),
        ("refund",                            "replaced",               (100, 2),  (100, 2),          (60, 1)),
    ]  # fmt: skip
    for n, (undone, how, card, heir, paired) in enumerate(rows):
        old, new = f"_{2 * n}", f"_{2 * n + 1}"
        await story.open(limits=both, **{old: "cash:1000"})
        paid = await story.do(story.redeem(old, 60, **TILL))
        await story.do(story.redeem(old, 40))
        hold = await story.do(story.authorise(old, 30, ttl_s=HOUR_S)) if undone in ("void", "release") else None
        await story.anew(how, old, new)
        if undone == "release":
            await story.later(hours=1)
            assert await story.told(story.redeem(old, 10**6)) == "cards.insufficient_balance"
        else:
            refund, undo = story.refund(60, paid), story.void(hold) if hold else story.reverse(paid)
            await story.do(refund if undone == "refund" else undo)
        told = story.counters()
        found = [tuple(told.get((kind, who, other), {}).values()) for kind, who, other in
                 ((own, old, ""), (own, new, ""), (pair, new, "a+till"))]  # fmt: skip
        assert found == [() if one is None else (one,) for one in (card, heir, paired)], rows[n]
    await story.counter.verify()


async def test_what_is_undone_after_several_generations(story):
    """_0 → _1 is split: _2 → _3. What _0 paid comes back to _0 and _1, what _2 paid to _2 and _3."""
    await story.open(limits=[limit("redeem.card.lifetime", most=1000)], _0="cash:1000")
    first = await story.do(story.redeem("_0", 5))
    await story.anew("replaced", "_0", "_1")
    await story.anew("split", "_1", "_2")
    second = await story.do(story.redeem("_2", 7))
    await story.anew("replaced", "_2", "_3")

    def used():
        told = story.counters()
        return [told["redeem.card.lifetime", f"_{n}", ""][0] for n in range(4)]

    assert used() == [(5, 1), (5, 1), (12, 2), (12, 2)]
    await story.do(story.reverse(first))
    assert used() == [(0, 0), (0, 0), (12, 2), (12, 2)]
    await story.do(story.reverse(second))
    assert used() == [(0, 0), (0, 0), (5, 1), (5, 1)]
    await story.counter.verify()


async def test_in_one_batch_a_card_is_used_issued_anew_and_its_payment_undone(story):
    """Each sees what those before it counted; also in a pair that nobody had counted before."""
    limits = [limit("redeem.card.day", most=100), limit("redeem.card+device.day", most=100)]
    await story.open(limits=limits, _0="cash:500")
    paying, undoing = (story.redeem("_0", minor, key=f"pay {minor}", **TILL) for minor in (60, 30))
    made = await story.told_anew(
        paying, undoing, story.replace("_0"),
        cards.Reverse(key="undo", redemption_key="pay 30"), story.redeem("_0", 1),
    )  # fmt: skip
    assert [code(one) if isinstance(one, Refused) else "ok" for one in made] == ["ok"] * 4 + ["cards.replaced"]
    story.ids["_1"] = made[2].cards[0].card.id
    told = story.counters()
    assert {key: list(windows.values()) for key, windows in told.items() if key[1] == "_1"} == {
        ("redeem.card.day", "_1", ""): [(60, 1)], ("redeem.card+device.day", "_1", "a+till"): [(60, 1)],
    }  # fmt: skip
    await story.counter.verify()


async def test_cards_of_before_began_anew_and_nothing_is_given_back_to_them(story):
    """A card that was issued anew when nothing went on yet is counted as it was then."""
    await story.open(limits=[limit("redeem.card.lifetime", most=1000)], _0="cash:1000")
    paid = await story.do(story.redeem("_0", 60))
    await story.anew("replaced", "_0", "_1")
    story.site.change(
        "UPDATE cards.inherits_since SET batch_id = (SELECT max(id) FROM ledger.batches)",
        "UPDATE cards.cards SET inherits = false", f"UPDATE ledger.accounts SET meters = NULL WHERE id = {story.ids['_1']}",
    )  # fmt: skip
    await story.counter.verify()
    await story.do(story.redeem("_1", 70))
    await story.do(story.reverse(paid))
    told = story.counters()
    assert [told["redeem.card.lifetime", name, ""][0] for name in ("_0", "_1")] == [(0, 0), (70, 1)]
    await story.anew("replaced", "_1", "_2")
    assert story.counters()["redeem.card.lifetime", "_2", ""][0] == (70, 1)
    await story.counter.verify()


async def test_a_limit_is_not_passed_by_who_replaces_and_splits_a_card_while_tills_are_paid(story):
    """However the replacement falls among the payments and what undoes one: all that was paid is counted of the new card."""
    counter = story.counter
    await story.open(
        limits=[limit("redeem.card.lifetime", most=100), limit("redeem.card+device.day", times=9)], _0="cash:900"
    )
    first = await story.do(story.redeem("_0", 5, **TILL))

    async def one(command):
        (outcome,) = await counter.within(lambda tx: cards.run(tx, counter.book, [command], counter.keyring))
        return outcome

    outcomes = await asyncio.gather(
        *(one(story.redeem("_0", 5, **TILL)) for _ in range(4)), one(story.split("_0", 50)), one(story.reverse(first)),
        one(story.replace("_0")), *(one(story.redeem("_0", 5, **TILL)) for _ in range(4)),
    )  # fmt: skip
    paid = [one for one in outcomes if isinstance(one, cards.Activity) and one.type == "REDEEM"]
    story.ids["_1"] = outcomes[6].cards[0].card.id
    no = await counter.no(story.redeem("_1", 101))
    assert no.facts["left_minor"] == 100 - 5 * len(paid)
    rest = [await story.told(story.redeem("_1", 1, **TILL)) for _ in range(10)]
    assert rest.count("ok") == 9 - len(paid)
    await counter.verify()


class Counts:
    """Who has used up what, by the rules alone: a dictionary for each card, copied where a card goes on."""

    LIMITS = {  # noqa: RUF012  read only
        "redeem.card.day": ("redeem", "day", False, 300, 6), "redeem.card.lifetime": ("redeem", "ever", False, 900, None),
        "load.card.day": ("load", "day", False, 200, None), "transfer.card.month": ("transfer", "month", False, 400, None),
        "redeem.card+device.day": ("redeem", "day", True, 150, None), "load.card+device.month": ("load", "month", True, None, 4),
    }  # fmt: skip

    def __init__(self):
        self.used, self.heirs = {}, {}

    def windows(self, now):
        local = (now.timestamp() + 8 * HOUR_S) // DAY_S
        month = (now.year, now.month) if now.day < 28 else None
        assert month, "the story keeps off the ends of months"
        return {"day": local, "month": month, "ever": 0}

    def slots(self, kind, device, now):
        """Where a flow counts: limit and with whom, and the window."""
        for name, (of, per, pair, *_) in self.LIMITS.items():
            if of == kind and (device or not pair):
                yield name, device if pair else None, self.windows(now)[per]

    def refusal(self, card, kind, minor, device, now):
        for slot in self.slots(kind, device, now):
            most, times = self.LIMITS[slot[0]][3:]
            used, often = self.used[card].get(slot, (0, 0))
            if times is not None and often >= times:
                return slot[0], "ledger.count_exceeded"
            if most is not None and used + minor > most:
                return slot[0], "ledger.limit_exceeded"
        return None

    def add(self, card, kind, minor, device, now, times=1):
        for slot in self.slots(kind, device, now):
            used, often = self.used[card].get(slot, (0, 0))
            self.used[card][slot] = used + minor, often + times

    def issue_anew(self, old, new, how):
        self.used[new] = deepcopy(self.used[old])
        if how in ("replaced", "given"):
            self.heirs[old] = new

    def undo(self, card, minor, device, at):
        while card is not None:
            for slot in self.slots("redeem", device, at):
                if slot in self.used[card]:
                    used, often = self.used[card][slot]
                    self.used[card][slot] = used - minor, often - 1
            card = self.heirs.get(card)


@pytest.mark.parametrize("major", [18])
async def test_at_random_the_limits_of_families_are_what_a_simple_model_says(story):
    await story.until(cst(2024, 6, 3, 9))
    await story.open(sink="")
    met = Counter()
    for seed in range(8):
        await random_family(story, seed, met)
    wanted = {"load", "redeem", "transfer", "refused", "replaced", "split", "spent and split", "given",
              "undone", "undone after a replacement"}  # fmt: skip
    assert {what for what, times in met.items() if times >= 3} >= wanted, met
    await story.counter.verify()


async def random_family(story, seed, met):
    """A card and all that comes from it, against the model."""
    rng, model, names, numbers = Random(seed), Counts(), [f"_{seed}.0"], count(1)
    limits = [limit(name, most=most, times=times) for name, (*_, most, times) in Counts.LIMITS.items()]
    await story.open(limits=limits, sink="", **{names[0]: ""})
    await story.do(story.adjust(names[0], 400))
    model.used[names[0]] = {}
    payments = []
    for _ in range(80):
        card, device = rng.choice(names), rng.choice([None, "a", "a+b"])
        more = {"device": device} if device else {}
        match rng.choice(["load", "redeem", "redeem", "redeem", "transfer", "anew", "undo", "undo", "wait"]):
            case "wait":
                await story.later(hours=rng.choice([1, 5, 20]))
                if story.now.day >= 25:
                    await story.later(days=10)
            case "anew":
                how = rng.choice(["replaced", "replaced", "split", "split", "spent and split", "given"])
                await grow(story, model, rng, (card, how, f"_{seed}.{next(numbers)}"), names, payments, met)
            case "undo" if payments:
                place, *paid = payments.pop(rng.randrange(len(payments)))
                if story.now - paid[-1] >= REVERSED_WITHIN:
                    assert await story.told(story.reverse(place)) == "cards.reversal_too_late"
                    continue
                met["undone after a replacement" if paid[0] in model.heirs else "undone"] += 1
                await story.do(story.reverse(place))
                model.undo(*paid)
            case ("load" | "redeem" | "transfer") as kind:
                minor = rng.randint(1, 60)
                if kind != "load" and await story.counter.held(story.ids[card]) < minor:
                    continue
                (told,) = await story.counter.run(flow(story, card, kind, minor, **more))
                expected = model.refusal(card, kind, minor, device, story.now)
                assert (facts(told, "limit")[::-1] if isinstance(told, Refused) else None) == expected
                met[kind if expected is None else "refused"] += 1
                if expected is None:
                    model.add(card, kind, minor, device, story.now)
                    if kind == "redeem":
                        payments.append((told.place, card, minor, device, story.now))


async def grow(story, model, rng, wish, names, payments, met):
    """Issue a card anew, in the story and in the model."""
    card, how, new = wish
    held = await story.counter.held(story.ids[card])
    minor = rng.randint(1, 90)
    if held <= minor + 1:
        return
    now = story.now
    match how:
        case "split":
            expected = model.refusal(card, "transfer", minor, None, now)
            told = await story.known(story.split(card, minor), new)
        case "spent and split":
            # What isn't paid goes, and mostly that is more than may go.
            paid = held - minor
            expected = model.refusal(card, "redeem", paid, None, now) or model.refusal(
                card, "transfer", minor, None, now
            )
            told = await story.known(story.spend_split(card, paid), new)
            if expected is None:
                model.add(card, "redeem", paid, None, now)
                payments.append((told.activity.place, card, paid, None, now))
        case "replaced":
            expected = None
            told = await story.known(story.replace(card), new)
        case _:
            expected = model.refusal(card, "transfer", held, None, now)
            if expected:
                return
            minor = held
            told = await story.given(card, new)
    assert (facts(told, "limit")[::-1] if isinstance(told, Refused) else None) == expected, how
    if expected is not None:
        return
    met[how] += 1
    model.issue_anew(card, new, how)
    if how != "replaced":
        model.add(card, "transfer", minor, None, now)
    if how in ("replaced", "given"):
        names.remove(card)
    names.append(new)

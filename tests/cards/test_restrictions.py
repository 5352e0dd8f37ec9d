"""Restrictions are stacked (P16): what each kind stops, what amounts bind in their queue, who lifts, and how terms end."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from koudai import cards
from koudai.base import Refused
from koudai.cards import CardRefusal, RestrictionKind
from koudai.cards.restrict.model import FREEZING, effective, freeze_hours, may_lift
from koudai.ledger import Place
from koudai.programmes import PutVersion, Version
from tests.cards.story import DAY, START, Story, code
from tests.programmes.drafts import text_of

R, K = CardRefusal, RestrictionKind


@pytest.fixture
def story(counter, site):
    return Told(counter, site)


class Told(Story):
    """A story whose cards are restricted."""

    def restrict(self, name, kind="issuer", minor=None, **more):
        if kind in FREEZING:
            more = {"authority": "People's Court of Xuhui", "document": "(2027) 5", **more}
        asset = None if minor is None else more.pop("asset", "CNY")
        return self._made(
            cards.Restrict, card=self.ids[name], kind=K(kind), amount_minor=minor, asset=asset,
            **{"made_by": "wu", **more},
        )  # fmt: skip

    def lift(self, name, restriction, kind, **more):
        if kind in FREEZING:
            more = {"authority": "People's Court of Xuhui", "document": "(2027) 9", **more}
        place = self._place(restriction)
        return self._made(cards.Lift, card=self.ids[name], restriction=place, kind=K(kind), made_by="wu", **more)

    def go_on(self, name, restriction, kind, until=None, **more):
        if kind in FREEZING:
            more = {"authority": "People's Court of Xuhui", "document": "(2027) 6", **more}
        place = self._place(restriction)
        return self._made(
            cards.Continue, card=self.ids[name], restriction=place, kind=K(kind), until=until, made_by="wu", **more
        )  # fmt: skip

    def lost(self, name, **more):
        return self._made(cards.ReportLoss, card=self.ids[name], made_by="wu", **more)

    async def split(self, name, *pieces):
        wish = self._made(cards.Split, card=self.ids[name], pieces=pieces, asset="CNY")
        return await self.made_by(wish)

    async def spend_split(self, name, minor, **more):
        wish = self._pay(cards.SpendSplit, name, minor, **more)
        return await self.made_by(wish)

    async def made_by(self, wish):
        book, keyring = self.counter.book, self.counter.keyring
        (outcome,) = await self.counter.within(lambda tx: cards.run(tx, book, [wish], keyring))
        return outcome

    async def stack(self, name):
        """What is stacked on a card: kind, amount, place in the queue, what it binds now, and how it ended."""
        found = await self.counter.within(
            lambda tx: cards.restrictions_of_card(tx, self.counter.book, self.ids[name])
        )  # fmt: skip
        return [
            (
                q.restriction.kind.value,
                q.restriction.amount_minor,
                q.position,
                q.effective_minor,
                q.ended and q.ended.value,
            )
            for q in found
        ]

    async def state(self, name):
        return (await self.counter.see(self.ids[name])).state.value


async def test_what_each_kind_stops_on_the_whole_of_a_card(story):
    """Nothing but a court's, the police's and money laundering's stops what was promised before."""
    verbs = {
        "load": lambda c, s: s.load(c, "cash:1"),
        "redeem": lambda c, s: s.redeem(c, 1),
        "redeem a part": lambda c, s: s.redeem(c, 1000, partial=True),
        "authorise": lambda c, s: s.authorise(c, 1),
        "give": lambda c, s: s.transfer(c, "_to", 1, "gift"),
        "be given": lambda c, s: s.transfer("_to", c, 1, "gift"),
        "capture": lambda c, s: s.capture(f"hold of {c}", 1),
        "adjust down": lambda c, s: s.adjust(c, -1),
        "expire": lambda c, s: s.expire(c),
        "adjust up": lambda c, s: s.adjust(c, 1),
        "refund": lambda c, s: s.refund(1, f"pay of {c}"),
        "reverse": lambda c, s: s.reverse(f"pay of {c}, later"),
        "renew": lambda c, s: s.renew(c, START + 99 * DAY),
        "void": lambda c, s: s.void(f"other hold of {c}"),
        "replace": lambda c, s: s.replace(c),
    }
    no, law = "cards.restricted", "cards.restricted"
    table = {
        # verb            holder  issuer           risk  aml  police  court
        "load":          (no,     "cards.blocked", no,   law, law,    law),
        "redeem":        (no,     "cards.blocked", no,   law, law,    law),
        "redeem a part": (no,     "cards.blocked", no,   law, law,    law),
        "authorise":     (no,     "cards.blocked", no,   law, law,    law),
        "give":          (no,     "cards.blocked", no,   law, law,    law),
        "be given":      (no,     "cards.blocked", no,   law, law,    law),
        "capture":       ("ok",   "ok",            "ok", law, law,    law),
        "adjust down":   ("ok",   "ok",            "ok", law, law,    law),
        "expire":        ("ok",   "ok",            "ok", law, law,    law),
        "adjust up":     ("ok",   "ok",            "ok", "ok", "ok",  "ok"),
        "refund":        ("ok",   "ok",            "ok", "ok", "ok",  "ok"),
        "reverse":       ("ok",   "ok",            "ok", "ok", "ok",  "ok"),
        "renew":         ("ok",   "ok",            "ok", "ok", "ok",  "ok"),
        "void":          ("ok",   "ok",            "ok", "ok", "ok",  "ok"),
        "replace":       ("ok",   "ok",            "ok", law, law,    law),
    }  # fmt: skip
    assert set(table) == set(verbs)
    names = {kind: f"_{kind}" for kind in K}
    held = "cash:100 debit:20@30 bonus:7@2"
    await story.open(
        _to="cash:50", **dict.fromkeys(names.values(), held)
    )  # fmt: skip
    for name in names.values():
        await story.do(story.redeem(name, 8), f"pay of {name}")
        await story.do(story.authorise(name, 8), f"hold of {name}")
        await story.do(story.authorise(name, 6), f"other hold of {name}")
        await story.do(story.load(name, "bonus:4@2"))
    await story.day(3)
    for kind, name in names.items():
        await story.do(story.redeem(name, 3), f"pay of {name}, later")
        await story.do(story.restrict(name, kind))
        assert await story.state(name) == "BLOCKED"
    for verb, ends in table.items():
        if verb == "replace":
            for name in names.values():
                await story.told(story.void(f"hold of {name}"))
                await story.told(story.capture(f"hold of {name}", 0, final=True))
        tell = story.told if verb != "replace" else story.told_of_new
        told = {kind.value: await tell(verbs[verb](name, story)) for kind, name in names.items()}
        assert told == dict(zip(K, ends, strict=True)), verb
    for name in ("_aml", "_police", "_court"):
        assert code(await story.split(name, 1)) == code(await story.spend_split(name, 1)) == "cards.restricted"
    await story.counter.verify()


async def test_a_refusal_says_who_restricts_and_until_when_but_not_the_reasons_of_risk_and_aml(story):
    until = START + 9 * DAY
    rows = [
        # kind     told      by                                        until
        ("holder", "holder", "its holder, who reported it lost",       "until 2024-05-10T12:00:00Z"),
        ("court",  "court",  "a court",                                "until 2024-05-10T12:00:00Z"),
        ("police", "police", "the police",                             "until 2024-05-10T12:00:00Z"),
        ("risk",   None,     "rules that the issuer has to keep",      "until it is lifted"),
        ("aml",    None,     "rules that the issuer has to keep",      "until it is lifted"),
    ]  # fmt: skip
    await story.open(
        _to="cash:10", **{f"_{kind}": "cash:100" for kind, *_ in rows}, **{f"_part_{kind}": "cash:100" for kind, *_ in rows}
    )  # fmt: skip
    for kind, told, by, ends in rows:
        await story.do(story.restrict(f"_{kind}", kind, until=until))
        await story.do(story.restrict(f"_part_{kind}", kind, 70, until=until))
        whole = await story.counter.no(story.redeem(f"_{kind}", 1))
        part = await story.counter.no(story.redeem(f"_part_{kind}", 31))
        for refused in (whole, part):
            assert (refused.facts["restriction"], refused.facts["by"]["en"]) == (told, by)
            assert refused.facts["until"]["en"] == ends
        assert (whole.code, whole.facts["available_minor"]) == (R.RESTRICTED, 0)
        assert (part.code, part.facts["available_minor"], part.facts["amount_minor"]) == (R.AMOUNT_RESTRICTED, 30, 31)
        short = await story.counter.no(story.redeem(f"_part_{kind}", 101))
        assert (short.code, short.facts["available_minor"]) == (R.INSUFFICIENT_BALANCE, 30)
        assert await story.told(story.redeem(f"_part_{kind}", 30)) == "ok"
        given = await story.counter.no(story.transfer("_to", f"_{kind}", 1, "gift"))
        assert (given.code, given.facts["restriction"], given.facts["ends_at"]) == (R.RESTRICTED, None, None)
    # Of several the gravest is told; the issuer's own alone is a block.
    await story.do(story.restrict("_holder", "court"))
    assert (await story.counter.no(story.redeem("_holder", 1))).facts["restriction"] == "court"
    await story.counter.verify()


async def test_who_may_lift(story):
    await story.open(**{f"_{kind}": "cash:100" for kind in K})
    for kind in K:
        await story.do(story.restrict(f"_{kind}", kind), kind.value)
    for kind in K:
        for other in K:
            if other not in may_lift(kind):
                refused = await story.counter.no(story.lift(f"_{kind}", kind.value, other))
                told = [str(one) for one in may_lift(kind)] if kind not in (K.RISK, K.AML) else []
                assert (refused.code, refused.facts["allowed"]) == (R.NOT_YOURS_TO_LIFT, told)
    assert {kind: may_lift(kind) for kind in K if may_lift(kind) != [kind]} == {K.HOLDER: [K.HOLDER, K.ISSUER]}
    for kind in K:
        if kind is not K.ISSUER:
            refused = await story.counter.no(story.counter.unblock(story.ids[f"_{kind}"]))
            assert refused.code == R.NOT_YOURS_TO_LIFT
        if kind in FREEZING:
            for field in ("authority", "document"):
                refused = await story.counter.no(story.lift(f"_{kind}", kind.value, kind, **{field: " "}))
                assert refused == Refused(R.ORDER_MISSING, {"field": field})
        lifting = story.lift(f"_{kind}", kind.value, may_lift(kind)[-1])
        lifted = await story.do(lifting)
        assert (lifted.type, await story.state(f"_{kind}")) == ("LIFT", "ACTIVE")
        assert await story.counter.do(lifting) == lifted
        assert await story.told(story.lift(f"_{kind}", kind.value, kind)) == R.UNKNOWN_RESTRICTION
        assert await story.told(story.redeem(f"_{kind}", 1)) == "ok"
    await story.counter.verify()


async def test_the_database_lets_nobody_else_lift_it_either(story, site):
    await story.open(_1="cash:100")
    made = await story.do(story.restrict("_1", "court"))
    for ending in ("'{lifted}', '{issuer}'", "'{lapsed}', '{NULL}'"):

        async def by_hand(tx, ending=ending):
            await tx.value(
                "SELECT cards.end_restrictions_v1(1, now(), ARRAY[$1::bigint], ARRAY[$2::int], '{1}', "
                + ending + ", '{NULL}', '{NULL}', '{NULL}')", *made.place,
            )  # fmt: skip

        with pytest.raises(Exception, match=r"restrictions_(lifted|lapsed)"):
            await story.counter.within(by_hand)
    assert await story.stack("_1") == [("court", None, 1, 100, None)]


async def test_block_and_unblock_are_the_issuers_own(story):
    counter = story.counter
    await story.open(_1="cash:100")
    card = story.ids["_1"]
    await counter.do(counter.block(card))
    assert (await counter.no(counter.block(card))).code == R.ALREADY_BLOCKED
    court = await story.do(story.restrict("_1", "court"))
    assert await story.stack("_1") == [("issuer", None, 1, 100, None), ("court", None, 2, 0, None)]
    assert (await counter.do(counter.unblock(card))).type == "UNBLOCK"
    assert await story.state("_1") == "BLOCKED"
    assert (await counter.no(counter.unblock(card))).code == R.NOT_YOURS_TO_LIFT
    assert await story.stack("_1") == [("court", None, 1, 100, None), ("issuer", None, None, None, "lifted")]
    await counter.do(counter.block(card))
    await story.do(story.lift("_1", court, "court"))
    assert (await counter.no(story.redeem("_1", 1))) == Refused(R.BLOCKED)
    await counter.do(counter.unblock(card))
    assert await story.told(story.redeem("_1", 1)) == "ok"
    await counter.verify()


async def test_later_amounts_wait_for_what_the_earlier_ones_leave(story):
    await story.open(_1="cash:100")
    first = await story.do(story.restrict("_1", "court", 70))
    await story.do(story.restrict("_1", "police", 50))
    await story.do(story.restrict("_1", "risk", 10))
    assert await story.stack("_1") == [
        ("court", 70, 1, 70, None), ("police", 50, 2, 30, None), ("risk", 10, 3, 0, None),
    ]  # fmt: skip
    assert await story.holds("_1") == (100, 0)
    # What comes is taken by who waits, in order.
    await story.do(story.load("_1", "cash:25"))
    assert [row[3] for row in await story.stack("_1")] == [70, 50, 5]
    await story.do(story.lift("_1", first, "court"))
    assert [row[3] for row in await story.stack("_1")] == [50, 10, None]
    assert await story.holds("_1") == (125, 65)
    # What is reserved before is not bound; it can still be captured.
    hold = await story.do(story.authorise("_1", 65))
    await story.do(story.restrict("_1", "court", 40))
    assert await story.stack("_1") == [
        ("police", 50, 1, 50, None), ("risk", 10, 2, 10, None), ("court", 40, 3, 0, None),
        ("court", 70, None, None, "lifted"),
    ]  # fmt: skip
    assert await story.told(story.capture(hold, 60)) == "ok"
    assert await story.told(story.redeem("_1", 1)) == R.AMOUNT_RESTRICTED
    await story.counter.verify()


async def test_what_the_law_has_frozen_does_not_expire(story):
    await story.open(_1="cash:30 bonus:50@2", _2="cash:30 bonus:50@2", _to="")
    await story.do(story.restrict("_1", "court", 45))
    await story.do(story.restrict("_2", "issuer", 45))
    await story.day(3)
    for name, taken in (("_1", 35), ("_2", 50)):
        assert (await story.do(story.expire(name))).amount_minor == taken
    assert [row[3] for row in await story.stack("_1")] == [45]
    assert await story.told(story.expire("_1")) == R.AMOUNT_RESTRICTED
    assert await story.holds("_1") == (45, 0)
    await story.counter.verify()


async def test_whoever_takes_value_off_a_card_leaves_what_is_restricted(story):
    await story.open(_1="cash:100", _to="")
    await story.do(story.restrict("_1", "police", 70))
    assert await story.told(story.transfer("_1", "_to", 31, "gift")) == R.AMOUNT_RESTRICTED
    assert await story.told(story.adjust("_1", -31)) == R.AMOUNT_RESTRICTED
    assert await story.told(story.authorise("_1", 31)) == R.AMOUNT_RESTRICTED
    assert code(await story.split("_1", 20, 11)) == R.AMOUNT_RESTRICTED
    assert code(await story.spend_split("_1", 31)) == R.AMOUNT_RESTRICTED
    made = await story.spend_split("_1", 10)
    assert (made.activity.amount_minor, made.cards[0].card.balance_minor) == (10, 20)
    assert await story.holds("_1") == (70, 0)
    assert (await story.do(story.load("_1", "cash:8"))).balance_minor == 78
    assert (await story.do(story.transfer("_1", "_to", None, "gift"))).amount_minor == 8
    await story.counter.verify()


async def test_a_term_that_is_over_ends_by_itself(story):
    await story.open(_1="cash:100", _2="cash:100")
    await story.do(story.restrict("_1", "police", until=START + DAY), "whole")
    await story.do(story.restrict("_1", "court", 60, until=START + 2 * DAY))
    assert (await story.holds("_1"), await story.state("_1")) == ((100, 40), "BLOCKED")
    await story.until(START + DAY - timedelta(seconds=1))
    assert await story.told(story.redeem("_1", 1)) == R.RESTRICTED
    await story.day(1)
    # At once, though nothing was entered yet.
    assert (await story.holds("_1"), await story.state("_1")) == ((100, 40), "ACTIVE")
    assert await story.stack("_1") == [("court", 60, 1, 60, None), ("police", None, None, None, "lapsed")]
    await story.do(story.redeem("_1", 40))
    history = await story.counter.history(story.ids["_1"])
    assert [entry.type for entry in history[:2]] == ["REDEEM", "LAPSE"]
    await story.day(2)
    assert await story.holds("_1") == (60, 60)
    assert await story.told(story.lift("_1", "whole", "police")) == R.UNKNOWN_RESTRICTION
    assert await story.told(story.redeem("_1", 60)) == "ok"
    assert [row[4] for row in await story.stack("_1")] == ["lapsed", "lapsed"]
    await story.counter.verify()


async def test_a_temporary_freeze_lasts_two_days_at_most(story):
    await story.open(**{f"_{n}": "cash:10" for n in range(3)})
    hours = timedelta(hours=1)
    assert freeze_hours() == 48
    rows = [
        # kind      until         refusal
        ("police",  48 * hours,   "ok"),
        ("aml",     None,         "ok"),
        ("police",  48 * hours + timedelta(seconds=1), R.FREEZE_TOO_LONG),
        ("court",   hours,        R.BAD_TERM),
        ("police",  -hours,       R.BAD_TERM),
    ]  # fmt: skip
    for n, (kind, span, end) in enumerate(rows):
        until = None if span is None else story.now + span
        assert await story.told(story.restrict(f"_{min(n, 2)}", kind, temporary=True, until=until)) == end
    refused = await story.counter.no(story.restrict("_2", "aml", temporary=True, until=story.now + 99 * hours))
    assert refused.facts["clause"] == "licensed.complaints"
    assert "Art. 39, 45" in refused.facts["citation"]["en"]
    await story.later(hours=48)
    assert [await story.state(f"_{n}") for n in range(3)] == ["ACTIVE"] * 3
    # What comes behind it isn't a temporary one.
    assert await story.told(story.restrict("_1", "police", until=story.now + 200 * hours)) == "ok"
    await story.counter.verify()


async def test_a_freeze_that_is_continued_in_time_keeps_its_place_in_the_queue(story):
    await story.open(_1="cash:100")
    await story.do(story.restrict("_1", "court", 60, until=START + 5 * DAY), "first")
    await story.do(story.restrict("_1", "police", 70, until=START + 9 * DAY))
    await story.day(4)
    wish = story.go_on("_1", "first", "court", START + 20 * DAY)
    made = await story.do(wish)
    assert (made.type, made.amount_minor) == ("CONTINUE", 0)
    assert await story.counter.do(wish) == made
    await story.day(6)
    in_force = [("court", 60, 1, 60, None), ("police", 70, 2, 40, None)]
    assert await story.stack("_1") == in_force
    assert await story.told(story.redeem("_1", 1)) == R.AMOUNT_RESTRICTED
    again = await story.do(story.go_on("_1", "first", "court", document="(2027) 7"))
    (court, *_) = await story.counter.within(lambda tx: cards.restrictions_of_card(tx, 1, story.ids["_1"]))
    assert (court.restriction.place, court.restriction.until) == (story.places["first"], None)
    assert [(k.place, k.until_before, k.until, k.document_before, k.document) for k in court.continued] == [
        (made.place, START + 5 * DAY, START + 20 * DAY, "(2027) 5", "(2027) 6"),
        (again.place, START + 20 * DAY, None, "(2027) 6", "(2027) 7"),
    ]
    assert (court.continued[0].made_by, court.continued[0].made_at) == ("wu", START + 4 * DAY)
    await story.day(30)
    assert await story.stack("_1") == [("court", 60, 1, 60, None), ("police", 70, None, None, "lapsed")]
    await story.do(story.lift("_1", "first", "court"))
    assert [e.type for e in await story.counter.history(story.ids["_1"])][:4] == [
        "LIFT",
        "LAPSE",
        "CONTINUE",
        "CONTINUE",
    ]
    await story.counter.verify()


async def test_who_continues_a_restriction_and_when(story):
    await story.open(_to="cash:1", **{f"_{kind}": "cash:100" for kind in K})
    until, later = START + 5 * DAY, START + 6 * DAY
    for kind in K:
        await story.do(story.restrict(f"_{kind}", kind, until=until), kind.value)
        for other in K:
            refused = story.go_on(f"_{kind}", kind.value, other, later)
            if other not in may_lift(kind):
                told = await story.counter.no(refused)
                assert told.code == R.NOT_YOURS_TO_CONTINUE
                assert told.facts["allowed"] == (
                    [] if kind in (K.RISK, K.AML) else [str(one) for one in may_lift(kind)]
                )
        assert await story.told(story.go_on(f"_{kind}", kind.value, may_lift(kind)[-1], later)) == "ok"
    rows = [
        # card       with                                                  refusal
        ("_court",   {"authority": "People's Court of Minhang"},           R.NOT_YOURS_TO_CONTINUE),
        ("_court",   {"authority": " "},                                   R.ORDER_MISSING),
        ("_aml",     {"document": ""},                                     R.ORDER_MISSING),
        ("_court",   {"until": later},                                     R.BAD_TERM),
        ("_court",   {"until": until},                                     R.BAD_TERM),
        ("_court",   {"restriction": Place(9, 9)},                         R.UNKNOWN_RESTRICTION),
        ("_to",      {"restriction": "court", "kind": "court"},            R.UNKNOWN_RESTRICTION),
        ("_issuer",  {"until": None},                                      "ok"),
        ("_issuer",  {"until": later},                                     R.BAD_TERM),
    ]  # fmt: skip
    for name, changes, end in rows:
        told = {"restriction": name[1:], "kind": name[1:], "until": later + DAY, **changes}
        assert await story.told(story.go_on(name, **told)) == end, (name, changes)
    await story.day(6)
    assert await story.told(story.go_on("_court", "court", "court", later + DAY)) == R.UNKNOWN_RESTRICTION, (
        "it has ended"
    )
    story.ids["nobody"] = 10**15
    assert await story.told(story.go_on("nobody", "court", "court")) == R.UNKNOWN_CARD
    await story.counter.verify()


async def test_a_temporary_freeze_is_continued_by_a_formal_order_alone(story):
    await story.open(_1="cash:10")
    await story.do(story.restrict("_1", "police", temporary=True), "brief")
    refused = await story.counter.no(story.go_on("_1", "brief", "police", START + 9 * DAY, document="(2027) 5"))
    assert (refused.code, refused.facts["latest"]) == (R.FREEZE_TOO_LONG, "2024-05-03T12:00:00Z")
    await story.later(hours=47)
    await story.do(story.go_on("_1", "brief", "police", START + 9 * DAY))
    await story.day(3)
    assert await story.state("_1") == "BLOCKED"
    (one,) = await story.counter.within(lambda tx: cards.restrictions_of_card(tx, 1, story.ids["_1"]))
    assert (one.restriction.temporary, one.restriction.document) == (False, "(2027) 6")
    assert await story.told(story.go_on("_1", "brief", "police", START + 10 * DAY)) == "ok", (
        "a formal one by the same order"
    )
    await story.day(10)
    assert await story.state("_1") == "ACTIVE"
    assert await story.told(story.restrict("_1", "police", temporary=True)) == R.FROZEN_BEFORE
    assert await story.told(story.restrict("_1", "police", temporary=True, document="(2027) 6")) == "ok"
    await story.counter.verify()


async def test_a_temporary_freeze_is_not_repeated_by_the_same_document(story):
    await story.open(_1="cash:10", _2="cash:10")
    brief = {"temporary": True, "minor": 1}
    await story.do(story.restrict("_1", "police", **brief), "first")
    rows = [
        # card   kind      with                               told
        ("_1",   "police", {},                                R.FROZEN_BEFORE),
        ("_1",   "police", {"document": "  (2027) 5 "},       R.FROZEN_BEFORE),
        ("_1",   "police", {"document": "(2027) 6"},          "ok"),
        ("_1",   "police", {"authority": "Police of Minhang"}, "ok"),
        ("_1",   "aml",    {},                                "ok"),
        ("_1",   "police", {"temporary": False},              "ok"),
        ("_2",   "police", {},                                "ok"),
    ]  # fmt: skip
    for name, kind, more, end in rows:
        assert await story.told(story.restrict(name, kind, **{**brief, **more})) == end, more
    refused = await story.counter.no(story.restrict("_1", "police", **brief))
    assert (refused.facts["document"], refused.facts["limit_h"]) == ("(2027) 5", 48)
    await story.do(story.lift("_1", "first", "police"))
    assert await story.told(story.restrict("_1", "police", **brief)) == R.FROZEN_BEFORE, "nor once it was lifted"
    await story.day(3)
    assert await story.told(story.restrict("_1", "police", **brief)) == R.FROZEN_BEFORE, "nor once it is over"
    await story.replaced("_1", "_3")
    assert await story.told(story.restrict("_3", "police", **brief)) == R.FROZEN_BEFORE, "nor on what took its place"
    twice = [story.restrict("_2", "aml", **brief), story.restrict("_2", "aml", **brief)]
    assert [code(one) for one in await story.counter.run(*twice)] == ["ok", R.FROZEN_BEFORE]
    await story.counter.verify()


async def test_of_many_who_continue_and_freeze_at_once_each_sees_the_one_before(story):
    await story.open(_1="cash:10", _2="cash:10")
    await story.do(story.restrict("_1", "court", 5, until=START + DAY), "first")
    terms = [START + n * DAY for n in (4, 2, 5, 3)]
    outcomes = await asyncio.gather(
        *(story.told(story.go_on("_1", "first", "court", until)) for until in terms),
        *(story.told(story.restrict("_2", "police", temporary=True)) for _ in range(4)),
    )  # fmt: skip
    assert sorted(outcomes[4:]) == [R.FROZEN_BEFORE] * 3 + ["ok"]
    (one,) = await story.counter.within(lambda tx: cards.restrictions_of_card(tx, 1, story.ids["_1"]))
    assert one.restriction.until == START + 5 * DAY
    assert len(one.continued) == outcomes[:4].count("ok")
    await story.counter.verify()


async def test_what_is_continued_goes_along_with_a_card_and_a_batch_may_do_it_twice(story):
    await story.open(_1="cash:100")
    await story.do(story.restrict("_1", "court", 60, until=START + 5 * DAY), "first")
    wishes = [story.go_on("_1", "first", "court", START + n * DAY) for n in (7, 6, 9)]
    outcomes = await story.told_anew(*wishes, story.replace("_1"))
    assert [code(one) for one in outcomes] == ["ok", R.BAD_TERM, "ok", "ok"]
    story.ids["_2"] = outcomes[3].cards[0].card.id
    await story.day(8)
    assert await story.stack("_2") == [("court", 60, 1, 60, None)]
    await story.day(9)
    assert await story.stack("_2") == [("court", 60, None, None, "lapsed")]
    await story.counter.verify()


async def test_the_database_lets_nobody_continue_what_has_ended_or_shorten_a_term(story):
    await story.open(_1="cash:100")
    made = await story.do(story.restrict("_1", "police", temporary=True))
    rows = [
        # at                   until                  document   constraint
        (START + 3 * DAY,      START + 9 * DAY,       "other",   "continuations_in_time"),
        (START,                START + DAY,           "other",   "continuations_longer"),
        (START,                START + 9 * DAY,       "(2027) 5", "continuations_formal"),
    ]  # fmt: skip
    for at, until, document, constraint in rows:

        async def by_hand(tx, told=(at, *made.place, until, document)):
            await tx.value(
                "SELECT cards.continue_restrictions_v1(1, $1::timestamptz, '{1}', ARRAY[$2::bigint], ARRAY[$3::int],"
                " ARRAY[$4::timestamptz], '{x}', ARRAY[$5::text], '{x}')", *told,
            )  # fmt: skip

        with pytest.raises(Exception, match=constraint):
            await story.counter.within(by_hand)
    await story.do(story.lift("_1", made, "police"))
    with pytest.raises(Exception, match="is not open"):
        await story.counter.within(by_hand)


async def test_why_a_restriction_is_refused(story):
    await story.open(_1="cash:10", _old="cash:10")
    await story.replaced("_old", "_new")
    rows = [
        # card    kind      amount  with                          refusal
        ("_1",    "risk",   0,      {},                           R.AMOUNT_NOT_POSITIVE),
        ("_1",    "risk",   2**63,  {},                           R.AMOUNT_TOO_LARGE),
        ("_1",    "risk",   1,      {"asset": "USD"},             R.CURRENCY_MISMATCH),
        ("_1",    "court",  1,      {"authority": " "},           R.ORDER_MISSING),
        ("_1",    "police", None,   {"document": ""},             R.ORDER_MISSING),
        ("_1",    "aml",    None,   {"document": ""},             R.ORDER_MISSING),
        ("_1",    "risk",   None,   {"until": START},             R.BAD_TERM),
        ("_1",    "risk",   None,   {"temporary": True},          R.BAD_TERM),
        ("_old",  "court",  None,   {},                           R.REPLACED),
    ]  # fmt: skip
    for name, kind, minor, more, refusal in rows:
        assert await story.told(story.restrict(name, kind, minor, **more)) == refusal
    story.ids["nobody"] = 10**15
    assert await story.told(story.restrict("nobody")) == R.UNKNOWN_CARD
    assert await story.told(story.lost("nobody")) == R.UNKNOWN_CARD
    assert await story.told(story.lift("nobody", Place(1, 1), "issuer")) == R.UNKNOWN_CARD
    assert await story.told(story.lift("_1", Place(9, 9), "issuer")) == R.UNKNOWN_RESTRICTION
    assert await story.stack("_1") == []
    await story.counter.verify()


async def test_a_pending_card_that_is_restricted_is_not_activated(counter):
    programme = await counter.programme()
    card = await counter.card(programme, active=False)
    wish = cards.Restrict(key="r", card=card, kind=K.RISK, made_by="wu")
    made = await counter.do(wish)
    assert (await counter.see(card)).state == "PENDING"
    assert (await counter.no(counter.activate(card))).code == R.RESTRICTED
    await counter.do(cards.Lift(key="l", card=card, restriction=made.place, kind=K.RISK, made_by="wu"))
    await counter.do(counter.activate(card))
    await counter.verify()


async def test_of_an_empty_card_it_is_not_the_restrictions_that_keep_value(story):
    await story.open(_1="cash:5", _to="")
    await story.do(story.restrict("_1", "court", 70))
    assert await story.told(story.transfer("_1", "_to")) == R.AMOUNT_RESTRICTED
    await story.open(_2="", _other="")
    await story.do(story.restrict("_2", "court", 70))
    assert await story.told(story.transfer("_2", "_other")) == R.INSUFFICIENT_BALANCE


async def test_a_loss_report_stops_the_card_at_once_and_found_again_it_goes_on(story):
    await story.open(ann_1="cash:100")
    wish = story.lost("ann_1", document="call 17")
    report = await story.do(wish)
    assert await story.counter.do(wish) == report
    assert await story.told(story.lost("ann_1")) == R.ALREADY_BLOCKED
    assert (await story.counter.no(story.redeem("ann_1", 1))).facts["by"]["zh"] == "持卡人挂失"
    await story.do(story.lift("ann_1", report, "holder"))
    assert await story.told(story.redeem("ann_1", 1)) == "ok"
    again = await story.do(story.lost("ann_1"))
    await story.do(story.lift("ann_1", again, "issuer", document="asked by phone"))
    await story.counter.verify()


@pytest.mark.parametrize(
    ("class_", "pack", "holder", "told"),
    [
        ("multi_purpose", "cn-multi-purpose", None, R.NO_LOSS_REPORT),
        ("multi_purpose", "cn-multi-purpose", "ann", "ok"),
        ("single_purpose", "cn-single-purpose", None, "ok"),
    ],
)
@pytest.mark.clause("mp.bearer_loss")
async def test_a_bearer_card_of_many_purposes_has_no_loss_report(counter, class_, pack, holder, told):
    programme = await counter.programme()
    text = text_of(
        effective_on="2020-01-01", kinds={"registered": {}, "bearer": {}}, policy={"pack": pack}, **{"class": class_}
    )
    wish = PutVersion("v", programme.id, text, "Li Na")
    (made,) = await counter.within(lambda tx: cards.put_versions(tx, counter.book, [wish]))
    assert isinstance(made, Version), made
    await counter.enter_gates(programme)
    card = await counter.card(programme, holder_ref=holder and await counter.person())
    (outcome,) = await counter.run(cards.ReportLoss(key="lost", card=card, made_by="wu"))
    assert code(outcome) == told
    if told != "ok":
        assert outcome.facts["clause"] == "mp.bearer_loss"


async def test_a_replacement_has_the_restrictions_of_the_card_that_it_replaces(story):
    await story.open(ann_old="cash:100")
    await story.do(story.restrict("ann_old", "court", 60, until=START + 9 * DAY), "court")
    await story.do(story.lost("ann_old"))
    await story.do(story.restrict("ann_old", "risk"), "risk")
    await story.replaced("ann_old", "ann_new")
    assert await story.stack("ann_new") == [("court", 60, 1, 60, None), ("risk", None, 2, 40, None)]
    assert await story.stack("ann_old") == [
        ("holder", None, 1, 0, None), ("court", 60, None, None, "carried"), ("risk", None, None, None, "carried"),
    ]  # fmt: skip
    assert (await story.state("ann_new"), await story.state("ann_old")) == ("BLOCKED", "DEACTIVATED")
    book = story.counter.book
    carried = await story.counter.within(
        lambda tx: cards.restrictions_of_card(tx, book, story.ids["ann_new"])
    )  # fmt: skip
    court = carried[0].restriction
    assert (court.authority, court.document, court.until) == ("People's Court of Xuhui", "(2027) 5", START + 9 * DAY)
    assert await story.told(story.lift("ann_old", "court", "court")) == R.UNKNOWN_RESTRICTION
    await story.do(story.lift("ann_new", court, "court"))
    await story.do(story.lift("ann_new", carried[1].restriction, "risk"))
    assert await story.told(story.redeem("ann_new", 100)) == "ok"
    await story.counter.verify()


async def test_what_only_stops_the_card_stays_with_it(story):
    await story.open(ann_old="cash:100")
    await story.counter.do(story.counter.block(story.ids["ann_old"]))
    await story.do(story.lost("ann_old"))
    await story.replaced("ann_old", "ann_new")
    assert (await story.stack("ann_new"), await story.state("ann_new")) == ([], "ACTIVE")
    await story.counter.verify()


# Batches, models, and many at once


async def test_a_batch_ends_as_the_same_commands_one_by_one(story):
    """Two books, one of which gets the commands in one batch; what is lifted was restricted before."""
    await story.open(_one="cash:100", _all="cash:100")
    for name in ("_one", "_all"):
        await story.do(story.restrict(name, "court", 30), f"court of {name}")

    def commands(name):
        card = story.ids[name]
        return [
            story.counter.block(card), story.redeem(name, 1), story.restrict(name, "aml", until=START + DAY),
            story.counter.unblock(card), story.counter.unblock(card), story.lost(name), story.lost(name),
            story.lift(name, f"court of {name}", "issuer"), story.lift(name, f"court of {name}", "court"),
            story.lift(name, f"court of {name}", "court"), story.restrict(name, "police", 95), story.redeem(name, 1),
        ]  # fmt: skip

    one_by_one = [await story.told(command) for command in commands("_one")]
    together = [code(outcome) for outcome in await story.counter.run(*commands("_all"))]
    assert one_by_one == together
    assert len(set(together)) >= 6
    assert await story.stack("_one") == await story.stack("_all")
    assert await story.holds("_one") == await story.holds("_all")
    await story.counter.verify()


@given(
    st.lists(st.one_of(st.none(), st.integers(1, 40)), max_size=6), st.integers(0, 100),
)  # fmt: skip
def test_a_queue_binds_minor_unit_by_minor_unit(amounts, free):
    """An independent model: each minor unit is taken by the first in the queue that has not enough yet."""
    taken = [0] * len(amounts)
    for _ in range(free):
        for n, amount in enumerate(amounts):
            if amount is None or taken[n] < amount:
                taken[n] += 1
                break
    assert effective(amounts, free) == taken


@pytest.mark.parametrize("major", [18])
async def test_a_courts_freeze_comes_in_the_middle_of_many_payments(story):
    """Several connections pay from one card; from the freeze on nothing leaves it but what is free beside it."""
    await story.open(_1="cash:1000", _to="")
    card = story.ids["_1"]

    async def pay(times):
        return [await story.told(story.redeem("_1", 2)) for _ in range(times)]

    async def freeze():
        await asyncio.sleep(0.05)
        part = await story.do(story.restrict("_1", "court", 900))
        whole = await story.do(story.restrict("_1", "court"))
        return part.place, whole.place

    *paid, (part, whole) = await asyncio.gather(*(pay(25) for _ in range(4)), freeze())
    history = list(reversed(await story.counter.history(card)))
    kinds = [entry.type for entry in history]
    assert kinds.count("REDEEM") == sum(one.count("ok") for one in paid)
    assert kinds[-1] == "RESTRICT"
    assert "REDEEM" not in kinds[next(n for n, e in enumerate(history) if e.place == whole) :]
    for entry in history:
        assert entry.type != "REDEEM" or entry.place < part or entry.balance_minor >= 900
    assert await story.told(story.redeem("_1", 1)) == R.RESTRICTED
    await story.counter.verify()


@pytest.mark.parametrize("major", [18])
async def test_a_split_meets_a_block(story):
    """Whichever is first: a card that is blocked isn't split, and its pieces have what it gave."""
    await story.open(**{f"_{n}": "cash:100" for n in range(6)})
    for n in range(6):
        name = f"_{n}"
        made, blocked = await asyncio.gather(
            story.split(name, 40), story.counter.run(story.counter.block(story.ids[name]))
        )
        assert not isinstance(blocked[0], Refused)
        kinds = [e.type for e in await story.counter.history(story.ids[name])]
        if isinstance(made, Refused):
            assert (made.code, kinds) == (R.BLOCKED, ["BLOCK", "LOAD", "ACTIVATE"])
        else:
            assert kinds == ["BLOCK", "TRANSFER_BALANCE_FROM", "LOAD", "ACTIVATE"]
            assert await story.holds(name) == (60, 60)
    await story.counter.verify()


@pytest.mark.parametrize("major", [18])
async def test_what_was_blocked_before_there_were_restrictions_is_the_issuers(story, site):
    """The step that brings restrictions makes them of the entries that there are."""
    counter = story.counter
    await story.open(**{f"_{n}": "cash:100" for n in range(3)})
    await counter.do(counter.block(story.ids["_1"]))
    for verb in (counter.block, counter.unblock, counter.block):
        await counter.do(verb(story.ids["_2"]))
    asked = (
        "SELECT batch_id, ordinal, card_id, kind, ended_batch_id, ended_ordinal, ended_as, lifted_kind"
        " FROM cards.restrictions ORDER BY 1"
    )
    counts = "SELECT id, restrictions FROM cards.cards ORDER BY 1"
    before = site.ask(asked), site.ask(counts)
    assert [len(rows) for rows in before] == [3, 3]
    step = (Path(cards.__file__).parent / "schema" / "0006_restrictions.sql").read_text(encoding="utf-8")
    site.change(
        "TRUNCATE cards.restrictions", "UPDATE cards.cards SET restrictions = 0",
        step[step.index("INSERT INTO cards.restrictions") :],
    )  # fmt: skip
    assert (site.ask(asked), site.ask(counts)) == before
    await counter.do(counter.unblock(story.ids["_1"]))
    await counter.verify()


@pytest.mark.parametrize("major", [18])
async def test_what_is_available_is_what_an_independent_reckoning_says(story):
    """Amounts come and go on one card while it is loaded and pays; whole minor units, one after the other."""
    await story.open(_1="cash:200")
    rng, balance, queue, terms = random.Random(3), 200, [], 0
    for _ in range(60):
        verb = rng.choice(("load", "redeem", "redeem", "restrict", "restrict", "lift", "go on"))
        free = max(0, balance - sum(minor for _, _, minor in queue))
        minor = rng.randint(1, 60)
        if verb == "load":
            await story.do(story.load("_1", f"cash:{minor}"))
            balance += minor
        elif verb == "redeem":
            told = await story.told(story.redeem("_1", minor))
            if minor <= free:
                balance -= minor
                assert told == "ok"
            else:
                assert told == (R.AMOUNT_RESTRICTED if minor <= balance else R.INSUFFICIENT_BALANCE)
        elif verb == "restrict":
            kind = rng.choice(list(K))
            made = await story.do(story.restrict("_1", kind, minor, until=START + DAY))
            queue.append((made.place, kind, minor))
        elif verb == "go on" and queue:
            place, kind, _ = rng.choice(queue)
            terms += 1
            await story.do(story.go_on("_1", place, kind, START + (1 + terms) * DAY))
        elif queue:
            place, kind, _ = queue.pop(rng.randrange(len(queue)))
            await story.do(story.lift("_1", place, kind))
        left, binds = balance, []
        for _, _, asked in queue:
            binds.append(min(asked, left))
            left -= binds[-1]
        assert await story.holds("_1") == (balance, left)
        assert [row[3] for row in await story.stack("_1") if row[2]] == binds
    assert queue
    await story.counter.verify()

"""Holds: what they reserve, how they end, and that no way leads back from an end."""

from datetime import timedelta

import psycopg
import pytest

from koudai.base import render_time
from koudai.cards import Reverse
from koudai.ledger import Place
from koudai.pg import Database
from tests.cards.story import DAY, START, Story, code, limit


@pytest.fixture
def story(counter, site):
    return Story(counter, site)


async def entries(story, name, count):
    """The newest entries of a card: kind, amount, balance, what is reserved after them."""
    told = (await story.counter.history(story.ids[name]))[:count]
    return [(str(e.type), e.amount_minor, e.balance_minor, e.held_minor) for e in reversed(told)]


async def test_a_hold_goes_one_way_to_its_end(story):
    """Each story is of one hold of 60 on a card with 100; after each step what is booked, and what is available."""
    closed, expired = "cards.hold_closed", "cards.hold_expired"
    captured, exceeds = "cards.hold_captured", "cards.capture_exceeds_hold"
    not_positive = "cards.amount_not_positive"
    rows = [
        # step          amount  final   outcome       booked  available
        [("capture",    None,   False,  "ok",          40,     40),
         ("capture",    None,   False,  closed,        40,     40),
         ("void",       None,   False,  captured,      40,     40)],
        [("capture",    25,     False,  "ok",          75,     40),
         ("void",       None,   False,  captured,      75,     40),
         ("capture",    36,     False,  exceeds,       75,     40),
         ("capture",    0,      False,  not_positive,  75,     40),
         ("capture",    -1,     True,   not_positive,  75,     40),
         ("capture",    35,     False,  "ok",          40,     40),
         ("capture",    1,      False,  closed,        40,     40)],
        [("capture",    25,     True,   "ok",          75,     75),
         ("capture",    1,      False,  closed,        75,     75)],
        [("capture",    25,     False,  "ok",          75,     40),
         ("capture",    0,      True,   "ok",          75,     75),
         ("capture",    None,   False,  closed,        75,     75)],
        [("capture",    0,      True,   "ok",          100,    100),
         ("capture",    None,   False,  closed,        100,    100)],
        [("capture",    60,     True,   "ok",          40,     40)],
        [("capture",    61,     False,  exceeds,       100,    40),
         ("capture",    61,     True,   exceeds,       100,    40)],
        [("void",       None,   False,  "ok",          100,    100),
         ("void",       None,   False,  closed,        100,    100),
         ("capture",    None,   False,  closed,        100,    100)],
        [("week",       None,   False,  "ok",          100,    100),
         ("capture",    None,   False,  expired,       100,    100),
         ("void",       None,   False,  expired,       100,    100)],
        [("capture",    25,     False,  "ok",          75,     40),
         ("week",       None,   False,  "ok",          75,     75),
         ("capture",    1,      False,  expired,       75,     75),
         ("void",       None,   False,  captured,      75,     75)],
    ]  # fmt: skip
    for n, steps in enumerate(rows):
        name = f"_{n}"
        await story.open(**{name: "cash:100"})
        hold = await story.do(story.authorise(name, 60))
        assert await story.holds(name) == (100, 40)
        for step in steps:
            verb, minor, final, outcome, *after = step
            if verb == "week":
                await story.later(days=7)
            else:
                command = story.capture(hold, minor, final=final) if verb == "capture" else story.void(hold)
                assert await story.told(command) == outcome, (n, step)
            assert await story.holds(name) == tuple(after), (n, step)
    await story.counter.verify()


async def test_the_entries_of_a_hold_tell_what_is_reserved(story):
    await story.open(_1="cash:100", _2="cash:100", _3="cash:100")
    hold = await story.do(story.authorise("_1", 60))
    await story.do(story.capture(hold, 25))
    await story.do(story.capture(hold, 15, final=True))
    assert await entries(story, "_1", 4) == [
        ("AUTHORISE", 60, 100, 60), ("CAPTURE", 25, 75, 35), ("CAPTURE", 15, 60, 20), ("RELEASE", 20, 60, 0),
    ]  # fmt: skip
    await story.do(story.void(await story.do(story.authorise("_2", 60))))
    assert await entries(story, "_2", 2) == [("AUTHORISE", 60, 100, 60), ("VOID", 60, 100, 0)]
    await story.do(story.authorise("_3", 60))
    await story.later(days=7)
    await story.do(story.redeem("_3", 90))
    assert await entries(story, "_3", 3) == [
        ("AUTHORISE", 60, 100, 60), ("RELEASE", 60, 100, 0), ("REDEEM", 90, 10, 0),
    ]  # fmt: skip
    await story.counter.verify()


async def test_what_is_reserved_is_neither_paid_nor_passed_on_nor_corrected(story):
    await story.open(_1="cash:70 bonus:30", _2="")
    hold = await story.do(story.authorise("_1", 60))
    little = "cards.insufficient_balance"
    for command in (
        story.redeem("_1", 41), story.authorise("_1", 41), story.transfer("_1", "_2", 41), story.adjust("_1", -41)
    ):  # fmt: skip
        refused = await story.counter.no(command)
        assert (refused.code, refused.facts["available_minor"]) == (little, 40)
    part = await story.do(story.redeem("_1", 41, partial=True))
    assert part.amount_minor == 40
    assert await story.told(story.authorise("_1", 1, partial=True)) == little
    taken = await story.do(story.capture(hold))
    assert story.drawn(taken) == "bonus:30 cash:30", "the lots that it reserved"
    assert await story.holds("_1") == (0, 0)
    await story.counter.verify()


async def test_a_part_is_reserved_where_it_was_asked_for(story):
    await story.open(_1="cash:50")
    hold = await story.do(story.authorise("_1", 80, partial=True))
    assert hold.amount_minor == 50
    assert await story.told(story.capture(hold, 51)) == "cards.capture_exceeds_hold"
    assert (await story.do(story.capture(hold))).amount_minor == 50
    await story.counter.verify()


async def test_a_capture_is_given_back_like_a_redemption(story):
    await story.open(_1="cash:50 bonus:20@60")
    hold = await story.do(story.authorise("_1", 40))
    first, second = await story.do(story.capture(hold, 30)), await story.do(story.capture(hold, 10))
    assert (story.drawn(first), story.drawn(second)) == ("bonus:20 cash:10", "cash:10")
    assert story.put_into(await story.do(story.refund(15, first))) == "cash:10 bonus:5"
    assert (await story.do(story.reverse(second))).amount_minor == 10
    assert await story.told(story.reverse(first)) == "cards.already_refunded"
    assert await story.told(story.refund(16, first)) == "cards.refund_exceeds_paid"
    assert await story.told(story.refund(1, hold)) == "cards.unknown_redemption"
    assert await story.lots("_1") == "bonus:5@60 cash:50"
    await story.counter.verify()


async def test_holds_of_a_group_are_captured_and_voided_as_one(story):
    await story.open(_1="cash:100", _2="cash:100", _3="cash:100")
    cards = ("_1", "_2", "_3")

    async def reserve(group, *amounts, **more):
        for name, minor in zip(cards, amounts, strict=False):
            await story.do(story.authorise(name, minor, group=group, **more))

    await reserve("table 4", 10, 20, 30)
    assert await story.told(story.capture(group="table 4", minor=10)) == "cards.bad_term"
    taken = await story.do(story.capture(group="table 4"))
    assert (taken.card_id, taken.amount_minor) == (story.ids["_1"], 10), "the first is told"
    assert [await story.holds(name) for name in cards] == [(90, 90), (80, 80), (70, 70)]
    assert await story.told(story.capture(group="table 4")) == "cards.hold_closed"
    assert await story.told(story.void(group="table 4")) == "cards.hold_captured"

    await reserve("table 5", 10, 20, 30)
    await story.do(story.void(group="table 5"))
    assert [await story.holds(name) for name in cards] == [(90, 90), (80, 80), (70, 70)]
    assert await story.told(story.void(group="table 5")) == "cards.hold_closed"
    assert await story.told(story.capture(group="table 5")) == "cards.hold_closed"

    await reserve("table 6", 10, 20)
    one = await story.do(story.authorise("_3", 30, group="table 6"))
    await story.do(story.capture(one, 1))
    refused = await story.counter.no(story.void(group="table 6"))
    assert (refused.code, refused.facts) == ("cards.hold_captured", {"captured_minor": 1, "currency": "CNY"})
    assert [await story.holds(name) for name in cards] == [(90, 80), (80, 60), (69, 40)], "all of them or none"
    await story.do(story.capture(group="table 6"))
    assert [await story.holds(name) for name in cards] == [(80, 80), (60, 60), (40, 40)]
    for verb in (story.capture, story.void):
        assert await story.told(verb(group="table 7")) == "cards.unknown_hold"
    await story.counter.verify()


@pytest.mark.parametrize("together", [True, False])
async def test_what_was_captured_as_one_is_undone_as_one(story, together):
    """Whoever got no answer to the capture of a group undoes it by its key: all of it, on every card, or nothing."""
    await story.open(limits=[limit("redeem.card.day", most=100)], _1="cash:100", _2="cash:100", _3="cash:100")
    names = ("_1", "_2", "_3")
    holds = [story.authorise(name, minor, group="table") for name, minor in zip(names, (10, 20, 100), strict=True)]
    undo = Reverse(key="undo", redemption_key="cap")
    steps = [*holds, story.capture(group="table", key="cap"), undo]
    outcomes = []
    for part in [steps] if together else [[one] for one in steps]:
        outcomes += await story.counter.run(*part)
    undone = outcomes[-1]
    assert (undone.type, undone.card_id, undone.amount_minor) == ("REVERSAL", story.ids["_1"], 10)
    assert [await story.holds(name) for name in names] == [(100, 100)] * 3
    assert [(await entries(story, name, 1))[0][:3] for name in names] == [
        ("REVERSAL", 10, 100), ("REVERSAL", 20, 100), ("REVERSAL", 100, 100),
    ]  # fmt: skip
    assert await story.counter.do(undo) == undone, "a repeated key answers the same"
    assert await story.told(Reverse(key="again", redemption_key="cap")) == "cards.already_refunded"
    # Its own day has room for all of it again.
    await story.do(story.redeem("_3", 100))
    await story.counter.verify()


async def test_a_group_is_undone_whole_or_not_at_all(story):
    await story.open(_1="cash:100", _2="cash:100")
    for name in ("_1", "_2"):
        await story.do(story.authorise(name, 60, group="table"))
    first = await story.do(story.capture(group="table", key="cap"))
    (second,) = [one for one in await story.counter.history(story.ids["_2"]) if one.type == "CAPTURE"]
    await story.do(Reverse(key="one", redemption=second.place))
    assert await story.told(Reverse(key="all", redemption_key="cap")) == "cards.already_refunded"
    assert [await story.holds(name) for name in ("_1", "_2")] == [(40, 40), (100, 100)]
    await story.do(Reverse(key="other", redemption=first.place))
    assert [await story.holds(name) for name in ("_1", "_2")] == [(100, 100)] * 2
    await story.counter.verify()


async def test_of_a_group_one_of_which_expired_none_is_captured(story):
    for group, hours in (("first", (1, 2)), ("last", (2, 1))):
        names = [f"_{group}", f"_{group}er"]
        await story.open(**dict.fromkeys(names, "cash:100"))
        started = story.now
        for name, ttl in zip(names, hours, strict=True):
            await story.do(story.authorise(name, 10 * ttl, group=group, ttl_s=ttl * 3600))
        await story.later(hours=1)
        refused = await story.counter.no(story.capture(group=group))
        assert refused.code == "cards.hold_expired"
        assert refused.facts == {"expired_at": render_time(started + timedelta(hours=1))}
        assert sorted([await story.holds(name) for name in names]) == [(100, 80), (100, 100)]
        await story.do(story.void(group=group))
        assert [await story.holds(name) for name in names] == [(100, 100), (100, 100)]
    await story.counter.verify()


async def test_a_hold_lasts_until_its_last_second(story):
    """The book's time decides, whatever a capture says of when it happened."""
    rows = [
        # ttl      captured after            outcome
        (1,        timedelta(0),             "ok"),
        (1,        timedelta(seconds=1),     "cards.hold_expired"),
        (3600,     timedelta(seconds=3599),  "ok"),
        (3600,     timedelta(microseconds=3_599_999_999), "ok"),
        (3600,     timedelta(hours=1),       "cards.hold_expired"),
        (366 * 86_400, timedelta(days=366) - timedelta(seconds=1), "ok"),
        (366 * 86_400, timedelta(days=366),  "cards.hold_expired"),
    ]  # fmt: skip
    for n, (ttl_s, after, outcome) in enumerate(rows):
        name = f"_{n}"
        await story.open(**{name: "cash:100"})
        hold = await story.do(story.authorise(name, 60, ttl_s=ttl_s, event_at=story.now - 9 * DAY))
        await story.until(story.now + after)
        assert await story.told(story.capture(hold, 1, event_at=story.now - 9 * DAY)) == outcome, rows[n]
    for ttl_s in (0, -1, 366 * 86_400 + 1):
        refused = await story.counter.no(story.authorise("_0", 1, ttl_s=ttl_s))
        assert (refused.code, refused.facts) == ("cards.bad_term", {"field": "ttl_s"})
    await story.counter.verify()


async def test_views_are_exact_before_and_after_a_hold_is_given_free(story, site):
    await story.open(_1="cash:50 bonus:20@3 debit:30@9", _2="cash:5")
    await story.do(story.authorise("_1", 10, ttl_s=86_400))
    await story.do(story.authorise("_1", 15, ttl_s=5 * 86_400))
    await story.do(story.authorise("_1", 30, ttl_s=2 * 86_400))
    booked = 100
    rows = [
        # day   available  because
        (0,     45,        "55 are reserved"),
        (1,     55,        "the first hold expired: bonus is free"),
        (2,     85,        "the last one expired"),
        (3,     75,        "what of the bonus is free expired"),
        (5,     80,        "the other hold expired: debit is free, its bonus has expired"),
        (9,     50,        "debit expired"),
    ]  # fmt: skip
    for day, available, because in rows:
        await story.day(day)
        assert await story.holds("_1") == (booked, available), because
        assert site.ask("SELECT held_minor FROM ledger.accounts WHERE id = %s", story.ids["_1"]) == [(55,)], "lazily"
    await story.do(story.load("_1", "cash:7"))
    assert site.ask("SELECT held_minor FROM ledger.accounts WHERE id = %s", story.ids["_1"]) == [(0,)]
    assert await story.holds("_1") == (booked + 7, 57)
    assert await story.lots("_1") == "bonus:20@3 debit:30@9 cash:50 cash:7"
    assert [e[0] for e in await entries(story, "_1", 4)] == ["RELEASE", "RELEASE", "RELEASE", "LOAD"]
    assert (await story.do(story.expire("_1"))).amount_minor == 50
    await story.counter.verify()


async def test_only_the_cards_of_a_batch_are_given_free(story, site):
    await story.open(_1="cash:50", _2="cash:50")
    for name in ("_1", "_2"):
        await story.do(story.authorise(name, 10, ttl_s=60))
    await story.later(minutes=1)
    await story.do(story.redeem("_1", 1))
    states = dict(site.ask("SELECT account_id, state FROM ledger.holds"))
    assert states == {story.ids["_1"]: "EXPIRED", story.ids["_2"]: "OPEN"}
    assert await story.told(story.expire("_2")) == "cards.nothing_expired"
    assert set(dict(site.ask("SELECT account_id, state FROM ledger.holds")).values()) == {"EXPIRED"}
    await story.counter.verify()


async def test_a_hold_is_known_in_its_book_alone(story, other_counter):
    await story.open(_1="cash:50")
    hold = await story.do(story.authorise("_1", 10, group="g"))
    for command in (
        story.capture(hold), story.void(hold), story.capture(group="g"), story.void(group="g"),
        story.capture(Place(10**9, 1)), story.void(), story.capture(),
    ):  # fmt: skip
        (outcome,) = await other_counter.run(command)
        assert code(outcome) == "cards.unknown_hold"
    assert await story.told(story.capture(hold)) == "ok"
    await story.counter.verify()


async def test_many_commands_on_one_hold_in_one_batch_happen_in_order(story):
    await story.open(_1="cash:100")
    hold = await story.do(story.authorise("_1", 60))
    outcomes = await story.counter.run(
        story.capture(hold, 20), story.void(hold), story.redeem("_1", 41), story.capture(hold, 30, final=True),
        story.redeem("_1", 41), story.capture(hold),
    )  # fmt: skip
    assert [code(o) for o in outcomes] == [
        "ok", "cards.hold_captured", "cards.insufficient_balance", "ok", "ok", "cards.hold_closed",
    ]  # fmt: skip
    assert await story.holds("_1") == (9, 9)
    await story.counter.verify()


async def test_the_table_itself_knows_no_way_back(story, site):
    """Even who owns the tables can't capture what expired, void what was captured, or reserve what isn't there."""
    await story.open(_1="cash:100", _2="cash:100")
    places = {
        "open": (await story.do(story.authorise("_1", 10))).place,
        "captured": (await story.do(story.authorise("_1", 10))).place,
        "partly": (await story.do(story.authorise("_1", 10))).place,
        "voided": (await story.do(story.authorise("_1", 10))).place,
        "expired": (await story.do(story.authorise("_2", 10, ttl_s=60))).place,
    }
    await story.do(story.capture(places["captured"]))
    await story.do(story.capture(places["partly"], 4))
    await story.do(story.void(places["voided"]))
    await story.later(minutes=2)
    await story.do(story.redeem("_2", 1))
    rows = [
        # hold       what is written                                                              stopped by
        ("expired",  "state = 'CAPTURED', captured_minor = 10, released_minor = 0, captured_at = expires_at", "holds_expired_is_not_captured"),
        ("expired",  "captured_minor = 1, released_minor = 9, captured_at = expires_at + interval '1 s'", "holds_expired_is_not_captured"),
        ("open",     "state = 'CAPTURED', captured_minor = 10, captured_at = expires_at",           "holds_expired_is_not_captured"),
        ("open",     "state = 'CAPTURED', captured_minor = 10",                                     "holds_captured_at"),
        ("captured", "state = 'VOIDED'",                                                            "holds_captured_is_not_voided"),
        ("captured", "captured_minor = 11",                                                         "holds_within_amount"),
        ("captured", "captured_minor = 6, released_minor = 5",                                      "holds_within_amount"),
        ("captured", "state = 'OPEN'",                                                              "holds_closed_is_settled"),
        ("captured", "captured_at = NULL",                                                          "holds_captured_at"),
        ("captured", "captured_at = 'infinity'",                                                    "holds_expired_is_not_captured"),
        ("partly",   "state = 'VOIDED', released_minor = 6",                                        "holds_captured_is_not_voided"),
        ("partly",   "state = 'CAPTURED'",                                                          "holds_closed_is_settled"),
        ("partly",   "expires_at = captured_at",                                                    "holds_expired_is_not_captured"),
        ("voided",   "state = 'CAPTURED'",                                                          "holds_all_captured"),
        ("voided",   "captured_minor = 1, captured_at = counted_at",                                "holds_captured_is_not_voided"),
        ("voided",   "released_minor = 9",                                                          "holds_closed_is_settled"),
        ("open",     "released_minor = -1",                                                         "holds_released_minor_check"),
        ("voided",   "state = 'LOST'",                                                              "holds_state_check"),
    ]  # fmt: skip
    for name, what, constraint in rows:
        written = f"UPDATE ledger.holds SET {what} WHERE (batch_id, ordinal) = (%s, %s)"
        with psycopg.connect(site.target.owner_conninfo()) as owner:
            with pytest.raises(psycopg.errors.CheckViolation) as stopped:
                owner.execute(written, places[name])
            assert stopped.value.diag.constraint_name == constraint, (name, what)
    accounts = [
        # what is written to the account                                            stopped by
        ("held_minor = balance_minor + 1",                                          "accounts_lots_agree"),
        ("held_minor = -1",                                                         "accounts_lots_agree"),
        ("held_minor = 0",                                                          "accounts_lots_agree"),
        ("lots[3] = lots[2] + 1, held_minor = lots[2] + 1",                         "accounts_lots_agree"),
        ("lots[2] = lots[2] + 1",                                                   "accounts_lots_agree"),
        ("lots = lots || ARRAY[1, 0, 0, 0, 0, 0]::bigint[]",                        "accounts_lots_agree"),
        ("lots = '{}'",                                                             "accounts_lots_agree"),
        ("lots = lots[1:5]",                                                        "accounts_lots_agree"),
        ("lots = NULL",                                                             "accounts_held_in_lots"),
        ("lots[2] = 5, lots[3] = 6, balance_minor = 5, held_minor = 6",             "accounts_lots_agree"),
    ]  # fmt: skip
    for what, constraint in accounts:
        with psycopg.connect(site.target.owner_conninfo()) as owner:
            with pytest.raises(psycopg.errors.CheckViolation) as stopped:
                owner.execute(f"UPDATE ledger.accounts SET {what} WHERE id = %s", [story.ids["_1"]])
            assert stopped.value.diag.constraint_name == constraint, what
    await story.counter.verify()


async def test_a_caller_that_doesn_t_judge_is_stopped_by_the_table(story, site):
    """The application itself, calling its functions with what no rule allowed."""
    await story.open(_1="cash:100")
    late = await story.do(story.authorise("_1", 10, ttl_s=60))
    done = await story.do(story.authorise("_1", 10))
    await story.do(story.capture(done))
    settle = (
        "SELECT ledger.settle_holds_v2(ARRAY[h.batch_id], ARRAY[h.ordinal], ARRAY[h.ctid], ARRAY[$3::bigint],"
        " ARRAY[$4::bigint], ARRAY[$5::timestamptz], ARRAY[$6::text], ARRAY[1], ARRAY[0], ROW('{}'::bigint[])::ledger.numbers)"
        " FROM ledger.holds h WHERE h.batch_id = $1::bigint AND h.ordinal = $2::int"
    )
    rows = [
        # hold   captured  released  captured at                      state        stopped by
        (late,   10,       0,        START + timedelta(seconds=60),   "CAPTURED",  "holds_expired_is_not_captured"),
        (done,   10,       0,        START,                           "VOIDED",    "holds_captured_is_not_voided"),
        (done,   11,       0,        START,                           "CAPTURED",  "holds_within_amount"),
    ]  # fmt: skip
    async with Database(site.target) as db:
        for hold, captured, released, at, state, constraint in rows:
            with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
                await db.transact(lambda tx, r=(*hold.place, captured, released, at, state): tx.rows(settle, *r))
    await story.counter.verify()


async def test_a_refused_authorisation_reserves_nothing(story):
    await story.open(_1="cash:100", _2="cash:5")
    await story.counter.do(story.counter.block(story.ids["_2"]))
    rows = [
        # card   amount   with                        refusal
        ("_1",   0,       {},                         "cards.amount_not_positive"),
        ("_1",   101,     {},                         "cards.insufficient_balance"),
        ("_1",   5,       {"merchant_id": 10**6},     "cards.unknown_merchant"),
        ("_2",   5,       {},                         "cards.blocked"),
        ("_1",   5,       {"ttl_s": 0},               "cards.bad_term"),
    ]  # fmt: skip
    for name, minor, more, refusal in rows:
        assert await story.told(story.authorise(name, minor, group="g", **more)) == refusal
    assert await story.holds("_1") == (100, 100)
    assert await story.told(story.capture(group="g")) == "cards.unknown_hold"
    await story.counter.verify()


async def test_a_hold_on_a_card_that_is_blocked_later_can_still_be_captured(story):
    await story.open(_1="cash:100")
    hold = await story.do(story.authorise("_1", 60))
    await story.counter.do(story.counter.block(story.ids["_1"]))
    assert await story.told(story.capture(hold, 10)) == "ok"
    assert await story.told(story.capture(hold, 0, final=True)) == "ok"
    assert await story.holds("_1") == (90, 90)
    await story.counter.verify()

"""What a card does and why it says no: states, reasons in their order, caps."""

from datetime import UTC, datetime

import pytest

from koudai.base import MAX_MINOR, Refused
from koudai.cards import ActivityType, CardRefusal, CardState, FundingSource
from koudai.ledger import Place

R, A = CardRefusal, ActivityType
PENDING, ACTIVE, BLOCKED = CardState.PENDING, CardState.ACTIVE, CardState.BLOCKED

BIG = MAX_MINOR + 1


def code(outcome):
    return outcome.code if isinstance(outcome, Refused) else outcome.type


async def card_in(counter, programme, state):
    """A card with 50 on it that has paid 10 of them back and forth; a pending one has nothing."""
    card = await counter.card(programme, active=state is not PENDING)
    if state is not PENDING:
        await counter.do(counter.load(card, 50))
    if state is BLOCKED:
        await counter.do(counter.block(card))
    return card


async def test_from_every_state_by_every_verb(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    table = [
        # verb        PENDING              ACTIVE               BLOCKED
        ("activate",  ACTIVE,              R.ALREADY_ACTIVE,    R.ALREADY_ACTIVE),
        ("block",     R.NOT_ACTIVE,        BLOCKED,             R.ALREADY_BLOCKED),
        ("unblock",   R.NOT_BLOCKED,       R.NOT_BLOCKED,       ACTIVE),
        ("load",      R.NOT_ACTIVE,        ACTIVE,              R.BLOCKED),
        ("redeem",    R.NOT_ACTIVE,        ACTIVE,              R.BLOCKED),
        ("refund",    R.REFUND_EXCEEDS_PAID, R.REFUND_EXCEEDS_PAID, R.REFUND_EXCEEDS_PAID),
    ]  # fmt: skip
    act = {
        "activate": counter.activate,
        "block": counter.block,
        "unblock": counter.unblock,
        "load": lambda c: counter.load(c, 5),
        "redeem": lambda c: counter.redeem(c, shop, 5),
        "refund": lambda c: counter.refund(5, card=c, merchant=shop),
    }
    for verb, *ends in table:
        for before, end in zip((PENDING, ACTIVE, BLOCKED), ends, strict=True):
            card = await card_in(counter, programme, before)
            (outcome,) = await counter.run(act[verb](card))
            after = (await counter.see(card)).state
            if isinstance(end, CardRefusal):
                assert (code(outcome), after) == (end, before), (verb, before)
            else:
                assert (code(outcome), after) == (A[verb.upper()], end), (verb, before)
    await counter.verify()


async def test_a_card_s_life_in_one_batch_is_that_of_seven(counter):
    """The thousandth command sees the ones before it, whether they came with it or before it."""
    programme, shop = await counter.programme(), await counter.merchant()
    lives = []
    for together in (True, False):
        card = await counter.card(programme, active=False)
        story = [
            # command                              outcome             balance
            (counter.load(card, 100),              R.NOT_ACTIVE),
            (counter.activate(card),               (A.ACTIVATE, 0, 0)),
            (counter.activate(card),               R.ALREADY_ACTIVE),
            (counter.load(card, 100),              (A.LOAD, 100, 100)),
            (counter.redeem(card, shop, 101),      R.INSUFFICIENT_BALANCE),
            (counter.redeem(card, shop, 30),       (A.REDEEM, 30, 70)),
            (counter.block(card),                  (A.BLOCK, 0, 70)),
            (counter.redeem(card, shop, 1),        R.BLOCKED),
            (counter.load(card, 1),                R.BLOCKED),
            (counter.refund(10, card=card, merchant=shop), (A.REFUND, 10, 80)),
            (counter.unblock(card),                (A.UNBLOCK, 0, 80)),
            (counter.redeem(card, shop, 80),       (A.REDEEM, 80, 0)),
            (counter.refund(101, card=card, merchant=shop), R.REFUND_EXCEEDS_PAID),
            (counter.refund(100, card=card, merchant=shop), (A.REFUND, 100, 100)),
        ]  # fmt: skip
        commands = [command for command, _ in story]
        if together:
            outcomes = await counter.run(*commands)
        else:
            outcomes = [(await counter.run(command))[0] for command in commands]
        told = [o.code if isinstance(o, Refused) else (o.type, o.amount_minor, o.balance_minor) for o in outcomes]
        assert told == [end for _, end in story]
        kept = [(a.type, a.amount_minor, a.balance_minor) for a in await counter.history(card)]
        assert kept == [end for _, end in reversed(story) if isinstance(end, tuple)]
        assert await counter.history(card) == [o for o in reversed(outcomes) if not isinstance(o, Refused)]
        lives.append(await counter.held(card))
    assert lives == [100, 100]
    assert await counter.paid_to(shop) == 0
    await counter.verify()


async def test_where_several_reasons_hold_the_first_is_told(counter, other_counter):
    programme = await counter.programme(max_balance=100, max_load=60)
    shop, dollars = await counter.merchant(), await counter.merchant("USA", "USD")
    card = await counter.card(programme, 50)
    pending = await counter.card(programme, active=False)
    blocked = await card_in(counter, programme, BLOCKED)
    foreign_programme = await other_counter.programme()
    foreign, foreign_shop = await other_counter.card(foreign_programme, 50), await other_counter.merchant()
    nobody, nowhere = 10**12, 10**6
    paid = await counter.do(counter.redeem(card, shop, 10))
    loaded = await counter.do(counter.load(card, 60))
    theirs = await other_counter.do(other_counter.redeem(foreign, foreign_shop, 10))
    load, redeem, refund, reverse = counter.load, counter.redeem, counter.refund, counter.reverse
    table = {
        "load": [
            (load(nobody, 0, currency="USD"), R.AMOUNT_NOT_POSITIVE),
            (load(nobody, -(2**80), currency="USD"), R.AMOUNT_NOT_POSITIVE),
            (load(nobody, BIG, currency="USD"), R.AMOUNT_TOO_LARGE),
            (load(nobody, 99, currency="USD"), R.UNKNOWN_CARD),
            (load(foreign, 99, currency="USD"), R.UNKNOWN_CARD),
            (load(b"no such number..", 99, currency="USD"), R.UNKNOWN_CARD),
            (load(shop.account_id, 99), R.UNKNOWN_CARD),
            (load(pending, 101, currency="USD"), R.CURRENCY_MISMATCH),
            (load(blocked, 101, currency="XXX"), R.CURRENCY_MISMATCH),
            (load(pending, 101), R.NOT_ACTIVE),
            (load(blocked, 101), R.BLOCKED),
            (load(card, 101), R.LOAD_CAP_EXCEEDED),
            (load(card, 1), R.BALANCE_CAP_EXCEEDED),
        ],
        "redeem": [
            (redeem(nobody, nowhere, 0, currency="USD"), R.AMOUNT_NOT_POSITIVE),
            (redeem(nobody, nowhere, BIG, currency="USD"), R.AMOUNT_TOO_LARGE),
            (redeem(nobody, nowhere, 999, currency="USD"), R.UNKNOWN_CARD),
            (redeem(foreign, nowhere, 999, currency="USD"), R.UNKNOWN_CARD),
            (redeem(pending, nowhere, 999, currency="USD"), R.UNKNOWN_MERCHANT),
            (redeem(pending, foreign_shop, 999, currency="USD"), R.UNKNOWN_MERCHANT),
            (redeem(pending, shop, 999, currency="USD"), R.CURRENCY_MISMATCH),
            (redeem(pending, dollars, 999, currency="USD"), R.CURRENCY_MISMATCH),
            (redeem(blocked, dollars, 999), R.CURRENCY_MISMATCH),
            (redeem(pending, shop, 999), R.NOT_ACTIVE),
            (redeem(blocked, shop, 999), R.BLOCKED),
            (redeem(card, shop, 999), R.INSUFFICIENT_BALANCE),
            (redeem(blocked, shop, 999, partial=True), R.BLOCKED),
        ],
        "refund to a card at a merchant": [
            (refund(0, card=nobody, merchant=nowhere, currency="USD"), R.AMOUNT_NOT_POSITIVE),
            (refund(BIG, card=nobody, merchant=nowhere, currency="USD"), R.AMOUNT_TOO_LARGE),
            (refund(99, card=nobody, merchant=nowhere, currency="USD"), R.UNKNOWN_CARD),
            (refund(99, card=foreign, merchant=shop), R.UNKNOWN_CARD),
            (refund(99, merchant=shop), R.UNKNOWN_CARD),
            (refund(99, card=card, merchant=nowhere, currency="USD"), R.UNKNOWN_MERCHANT),
            (refund(99, card=card, merchant=foreign_shop), R.UNKNOWN_MERCHANT),
            (refund(99, card=card, currency="USD"), R.UNKNOWN_MERCHANT),
            (refund(99, card=card, merchant=shop, currency="USD"), R.CURRENCY_MISMATCH),
            (refund(11, card=pending, merchant=shop), R.REFUND_EXCEEDS_PAID),
            (refund(10, card=card, merchant=shop), R.BALANCE_CAP_EXCEEDED),
        ],
        "refund of a redemption": [
            (refund(0, of=Place(1, 1), currency="USD"), R.AMOUNT_NOT_POSITIVE),
            (refund(BIG, of=paid, currency="USD"), R.AMOUNT_TOO_LARGE),
            (refund(99, of=Place(10**9, 1), currency="USD"), R.UNKNOWN_REDEMPTION),
            (refund(99, of=loaded, currency="USD"), R.UNKNOWN_REDEMPTION),
            (refund(99, of=theirs, currency="USD"), R.UNKNOWN_REDEMPTION),
            (refund(99, of=paid, currency="USD"), R.CURRENCY_MISMATCH),
            (refund(10, of=paid), R.BALANCE_CAP_EXCEEDED),
        ],
        "reversal": [
            (reverse(of=Place(10**9, 1)), R.UNKNOWN_REDEMPTION),
            (reverse(of=loaded), R.UNKNOWN_REDEMPTION),
            (reverse(of=theirs), R.UNKNOWN_REDEMPTION),
            (reverse(), R.UNKNOWN_REDEMPTION),
        ],
        "change of state": [
            (counter.activate(nobody), R.UNKNOWN_CARD),
            (counter.block(foreign), R.UNKNOWN_CARD),
            (counter.unblock(b"no such number.."), R.UNKNOWN_CARD),
            (counter.block(-1), R.UNKNOWN_CARD),
        ],
    }  # fmt: skip
    order = list(R)
    for verb, rows in table.items():
        told = [end for _, end in rows if verb != "change of state"]
        assert [order.index(r) for r in told if told.count(r) == 1 or r] == [order.index(r) for r in told]
        one_by_one = [(await counter.run(command))[0] for command, _ in rows]
        assert [code(o) for o in one_by_one] == [end for _, end in rows], verb
        together = await counter.run(*(command for command, _ in rows))
        assert together == one_by_one, f"{verb}: each key has its first answer"
    assert (await counter.see(card)).balance_minor == 100
    await counter.verify()


async def test_a_refund_that_exceeds_what_was_paid_and_the_cap_is_told_as_the_order_says(counter):
    """Both reasons hold; the one that stands first in CardRefusal is told."""
    programme, shop = await counter.programme(max_balance=100), await counter.merchant()
    card = await counter.card(programme, 100)
    await counter.do(counter.redeem(card, shop, 10), counter.load(card, 10))
    refused = await counter.no(counter.refund(11, card=card, merchant=shop))
    both = [R.BALANCE_CAP_EXCEEDED, R.REFUND_EXCEEDS_PAID]
    assert refused.code == min(both, key=list(R).index)


async def test_a_refusal_says_why(counter):
    programme = await counter.programme(max_balance=100, max_load=60)
    shop = await counter.merchant()
    card = await counter.card(programme, 50)
    paid = await counter.do(counter.redeem(card, shop, 20))
    table = [
        (counter.load(card, 0), {"amount_minor": 0}),
        (counter.load(card, BIG), {"limit_minor": MAX_MINOR}),
        (counter.load(card, 5, currency="USD"), {"currency": "USD", "expected": "CNY"}),
        (counter.load(card, 61), {"limit": "max_load_minor", "limit_minor": 60, "left_minor": 60, "resets_at": None,
                                  "currency": "CNY"}),
        (counter.redeem(card, shop, 31), {"available_minor": 30, "amount_minor": 31, "currency": "CNY"}),
        (counter.refund(21, of=paid), {"refundable_minor": 20, "amount_minor": 21, "currency": "CNY"}),
        (counter.load(card, 60), None),
        (counter.load(card, 11), {"limit": "max_balance_minor", "limit_minor": 100, "left_minor": 10, "resets_at": None,
                                  "currency": "CNY"}),
        (counter.refund(11, of=paid), {"limit": "max_balance_minor", "limit_minor": 100, "left_minor": 10,
                                       "resets_at": None, "currency": "CNY"}),
        (counter.refund(10, of=paid), None),
        (counter.load(card, 1), {"limit": "max_balance_minor", "limit_minor": 100, "left_minor": 0, "resets_at": None,
                                 "currency": "CNY"}),
        (counter.reverse(of=paid), {"refunded_minor": 10, "paid_minor": 20, "currency": "CNY"}),
    ]  # fmt: skip
    outcomes = await counter.run(*(command for command, _ in table))
    assert [o.facts if isinstance(o, Refused) else None for o in outcomes] == [facts for _, facts in table]
    again = await counter.run(*(command for command, _ in table))
    assert again == outcomes, "remembered with its figures"
    await counter.verify()


@pytest.mark.parametrize(
    ("max_balance", "max_load", "story"),
    [
        # caps                 loads with their outcomes
        (None, None, [(MAX_MINOR, "ok")]),
        (100, None, [(100, "ok"), (1, R.BALANCE_CAP_EXCEEDED)]),
        (100, None, [(101, R.BALANCE_CAP_EXCEEDED), (99, "ok"), (2, R.BALANCE_CAP_EXCEEDED), (1, "ok")]),
        (None, 60, [(61, R.LOAD_CAP_EXCEEDED), (60, "ok"), (60, "ok")]),
        (100, 60, [(101, R.LOAD_CAP_EXCEEDED), (60, "ok"), (41, R.BALANCE_CAP_EXCEEDED), (40, "ok")]),
        (60, 100, [(100, R.BALANCE_CAP_EXCEEDED), (60, "ok")]),
    ],
)
async def test_a_load_keeps_within_the_programme_s_caps(counter, max_balance, max_load, story):
    card = await counter.card(await counter.programme(max_balance=max_balance, max_load=max_load))
    outcomes = await counter.run(*(counter.load(card, amount) for amount, _ in story))
    assert ["ok" if code(o) == A.LOAD else code(o) for o in outcomes] == [end for _, end in story]
    assert await counter.held(card) == sum(amount for amount, end in story if end == "ok")


async def test_a_card_without_caps_ends_where_bigint_does(counter):
    programme = await counter.programme()
    card, other = await counter.card(programme, MAX_MINOR - 5), await counter.card(programme)
    fits, over, neighbour = await counter.run(
        counter.load(card, 5), counter.load(card, 1, source=FundingSource.BONUS),
        counter.load(other, 7, source=FundingSource.BONUS),
    )  # fmt: skip
    assert (code(fits), code(over), code(neighbour)) == (A.LOAD, "ledger.balance_too_large", A.LOAD)
    assert await counter.held(card) == MAX_MINOR
    await counter.verify()


async def test_a_programme_beyond_bigint_stops_nobody(counter):
    """One caller's huge loads from one source are answered one by one, and stop neither reading nor folding."""
    programme, shop = await counter.programme(), await counter.merchant()
    first, second, third = [await counter.card(programme) for _ in range(3)]
    outcomes = await counter.run(
        counter.load(first, MAX_MINOR), counter.load(second, MAX_MINOR), counter.load(third, 5)
    )
    assert code(outcomes[2]) == A.LOAD
    assert code((await counter.run(counter.redeem(third, shop, 2)))[0]) == A.REDEEM
    await counter.verify()


async def test_a_part_is_paid_only_when_a_part_was_asked_for(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 30)
    whole, part, empty, fits = await counter.run(
        counter.redeem(card, shop, 31),
        counter.redeem(card, shop, 31, partial=True, key="part"),
        counter.redeem(card, shop, 1, partial=True),
        counter.load(card, 10),
    )
    assert (whole.code, whole.facts["available_minor"]) == (R.INSUFFICIENT_BALANCE, 30)
    assert (part.amount_minor, part.balance_minor) == (30, 0)
    assert (empty.code, empty.facts["available_minor"]) == (R.INSUFFICIENT_BALANCE, 0)
    assert code(fits) == A.LOAD
    assert await counter.do(counter.redeem(card, shop, 31, partial=True, key="part")) == part
    enough = await counter.do(counter.redeem(card, shop, 4, partial=True))
    assert (enough.amount_minor, await counter.held(card), await counter.paid_to(shop)) == (4, 6, 34)
    await counter.verify()


async def test_a_load_names_where_it_came_from(counter):
    programme = await counter.programme()
    card = await counter.card(programme)
    done = await counter.do(*(counter.load(card, n + 1, source=s) for n, s in enumerate(FundingSource)))
    assert [d.source for d in done] == list(FundingSource)
    async with counter.db.transaction() as tx:
        rows = await tx.rows(
            "SELECT f.source::text, -d.amount_minor FROM cards.funding_accounts f"
            " JOIN ledger.unfolded d ON d.account_id = f.account_id ORDER BY 2"
        )
    assert rows == [(s.value, n + 1) for n, s in enumerate(FundingSource)]
    await counter.verify()


async def test_a_key_has_one_answer_whatever_the_verb(counter):
    programme, shop = await counter.programme(key="programme"), await counter.merchant()
    card = await counter.card(programme, 100, key="issue")
    number_hash = counter.keyring.lookup_hash((await counter.issue(programme, key="issue")).number)
    first = await counter.do(counter.redeem(card, shop, 5, key="k"))
    assert await counter.do(counter.redeem(card, shop, 5, key="k")) == first
    assert await counter.do(counter.redeem(number_hash, shop, 5, key="k")) == first, "by its number it is the same card"
    other = await counter.card(programme)
    at = datetime(2024, 1, 1, tzinfo=UTC)
    table = [
        # another command                                              field that differs
        (counter.redeem(other, shop, 5, key="k"),                      "card"),
        (counter.redeem(b"no such number..", shop, 5, key="k"),        "card"),
        (counter.redeem(card, 99, 5, key="k"),                         "merchant_id"),
        (counter.redeem(card, shop, 6, key="k"),                       "amount_minor"),
        (counter.redeem(card, shop, 5, currency="USD", key="k"),       "currency"),
        (counter.redeem(card, shop, 5, partial=True, key="k"),         "partial"),
        (counter.redeem(card, shop, 5, event_at=at, key="k"),          "event_at"),
        (counter.load(card, 5, key="k"),                               "verb"),
        (counter.refund(5, of=first, key="k"),                         "verb"),
        (counter.reverse(of=first, key="k"),                           "verb"),
        (counter.block(card, key="k"),                                 "verb"),
        (counter.block(card, key="issue"),                             "verb"),
        (counter.block(card, key="programme"),                         "verb"),
    ]  # fmt: skip
    outcomes = await counter.run(*(command for command, _ in table))
    assert outcomes == [Refused("ledger.key_reused", {"field": field}) for _, field in table]
    refused = await counter.programme(key="k")
    assert refused == Refused("ledger.key_reused", {"field": "verb"})
    assert await counter.held(card) == 95
    await counter.verify()


async def test_the_time_of_a_command_is_its_own_or_that_of_its_record(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)
    at = datetime(2019, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    told, now = await counter.do(counter.redeem(card, shop, 1, event_at=at), counter.redeem(card, shop, 1))
    assert told.event_at == at != told.recorded_at
    assert now.event_at == now.recorded_at == told.recorded_at


async def test_two_issuers_never_meet(counter, other_counter):
    programme, shop = await counter.programme(), await counter.merchant()
    issued = await counter.issue(programme, amount=50)
    card, by_number = issued.card.id, counter.keyring.lookup_hash(issued.number)
    other_shop = await other_counter.merchant()
    await other_counter.programme()
    for ref in (card, by_number):
        for command in (counter.load(ref, 5), counter.redeem(ref, other_shop, 5), counter.block(ref)):
            assert (await other_counter.no(command)).code == R.UNKNOWN_CARD
    assert (await counter.no(counter.redeem(card, other_shop, 5))).code == R.UNKNOWN_MERCHANT
    paid = await counter.do(counter.redeem(card, shop, 5, key="k"))
    assert (await other_counter.no(counter.refund(1, of=paid))).code == R.UNKNOWN_REDEMPTION
    assert (await other_counter.no(counter.reverse(of=paid))).code == R.UNKNOWN_REDEMPTION
    assert (await other_counter.no(counter.reverse(of_key="k"))).code == R.UNKNOWN_REDEMPTION
    assert await counter.held(card) == 45
    await counter.verify()


async def test_a_bad_command_stops_none_of_its_neighbours(counter):
    """Each of these would be refused alone; the good ones between them are done all the same."""
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)
    paid = await counter.do(counter.redeem(card, shop, 50))
    bad = [
        counter.refund(-(10**9), of=paid),
        counter.refund(-(2**90), of=paid),
        counter.refund(2**90, of=paid),
        counter.refund(-(2**90), card=card, merchant=shop),
        counter.load(card, 2**90),
        counter.reverse(key="self", of_key="self"),
        counter.reverse(),
        counter.redeem(10**15, shop, 5),
        counter.redeem(0, 0, 5),
    ]
    for wrong in bad:
        outcomes = await counter.run(
            counter.redeem(card, shop, 1), wrong, counter.refund(2, card=card, merchant=shop), counter.load(card, 1)
        )
        assert [isinstance(o, Refused) for o in outcomes] == [False, True, False, False], (wrong, outcomes)
    assert await counter.held(card) == 50 + 2 * len(bad)
    await counter.verify()

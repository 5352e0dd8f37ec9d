"""A card is given: it waits untouched, is claimed once under a new number, or goes back to its giver."""

import asyncio
import secrets
from datetime import timedelta

import pytest

from koudai import cards, ledger
from koudai.base import Refused, asset
from koudai.cards import CardRefusal, GiftState
from koudai.ledger import Flow, FundingSource, Limit, Per, Subject
from tests.cards.gifts import WORDS, GiftTable
from tests.cards.test_offers import put
from tests.conftest import NOON

DAY = timedelta(days=1)
DENIED = "permission denied"


@pytest.fixture
def table(counter):
    return GiftTable(counter)


async def begin(counter, moment=NOON):
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, moment))


def code(outcome):
    return outcome.code if isinstance(outcome, Refused) else "ok"


async def test_a_bearer_card_is_given_and_claimed_by_whoever_has_the_link(counter, table):
    programme, shop = await counter.programme(), await counter.merchant()
    issued = await counter.issue(programme, amount=100)
    card = issued.card.id
    await counter.do(counter.load(card, 50, source=FundingSource.CREDIT))
    lots = await counter.within(lambda tx: ledger.lots_of(tx, counter.book, card))
    given = await table.given(card, face="peony")
    assert (given.gift.state, given.gift.words, given.gift.face) == (GiftState.OFFERED, WORDS, "peony")
    assert len(given.token) == 43
    assert await counter.held(card) == 150
    made = await table.claim(given)
    (new,) = made.cards
    assert (new.card.balance_minor, new.card.available_minor, new.card.holder_ref) == (150, 150, None)
    assert (new.card.parent_id, new.card.root_id, new.card.generation) == (card, card, 0)
    carried = await counter.within(lambda tx: ledger.lots_of(tx, counter.book, new.card.id))
    assert [(x.source, x.minor, x.funded_at, x.funded_by) for x in carried] == [
        (x.source, x.minor, x.funded_at, x.funded_by) for x in lots
    ]
    old_number = counter.keyring.lookup_hash(issued.number)
    assert (await counter.no(counter.redeem(old_number, shop, 1))).code == CardRefusal.REPLACED
    assert (await table.claim(given)).facts == {"state": "CLAIMED"}, "single use"
    assert code(await table.withdraw(given)) == CardRefusal.GIFT_ENDED
    assert await table.state(given) == GiftState.CLAIMED
    assert [e.type for e in await counter.history(card)][:3] == ["DEACTIVATE", "TRANSFER_BALANCE_FROM", "GIFT_OFFER"]
    await counter.do(counter.redeem(counter.keyring.lookup_hash(new.number), shop, 150))
    await counter.verify()


STATES = ("offered", "scheduled", "withdrawn", "claimed", "killed", "over", "swept")


async def brought_to(counter, table, card, state, now):
    """A gift of a card in a state."""
    given = await table.given(card, deliver_at=now + 2 * DAY if state == "scheduled" else None)
    match state:
        case "withdrawn":
            await table.withdraw(given)
        case "claimed":
            await table.claim(given)
        case "killed":
            for _ in range(5):
                await table.claim(given, "wrong")
        case "over" | "swept":
            await begin(counter, now + 7 * DAY)
            if state == "swept":
                assert await table.sweep() >= 1
    return given


TABLE = [
    # verb       offered  scheduled  withdrawn  claimed     killed   over      swept
    ("claim",    "ok",    "not_due", "ended",   "ended",    "ended", "expired", "ended"),
    ("withdraw", "ok",    "ok",      "ended",   "ended",    "ended", "expired", "ended"),
    ("give",     "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("redeem",   "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("reserve",  "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("load",     "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("lower",    "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("raise",    "ok",    "ok",      "ok",      "replaced", "ok",    "ok",      "ok"),
    ("split",    "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("send",     "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("receive",  "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("replace",  "pend",  "pend",    "ok",      "replaced", "ok",    "ok",      "ok"),
    ("block",    "ok",    "ok",      "ok",      "dead",     "ok",    "ok",      "ok"),
    ("refund",   "ok",    "ok",      "ok",      "ok",       "ok",    "ok",      "ok"),
]  # fmt: skip
CODES = {
    "not_due": CardRefusal.GIFT_NOT_DUE, "ended": CardRefusal.GIFT_ENDED, "expired": CardRefusal.GIFT_EXPIRED,
    "pend": CardRefusal.GIFT_PENDING, "replaced": CardRefusal.REPLACED, "dead": CardRefusal.DEACTIVATED, "ok": "ok",
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
async def test_what_may_be_done_in_each_state(counter, table, state):
    programme, shop = await counter.programme(), await counter.merchant()
    for month, (verb, *told) in enumerate(TABLE):
        now = NOON + month * 30 * DAY
        await begin(counter, now)
        card, other = await counter.card(programme, 100), await counter.card(programme, 100)
        paid = await counter.do(counter.redeem(card, shop, 10))
        given = await brought_to(counter, table, card, state, now)
        adjusted = {"card": card, "amount_minor": 5, "asset": "CNY", "reason": "r", "made_by": "a", "approved_by": "b"}
        moved = {"amount_minor": 1, "asset": "CNY", "purpose": cards.Purpose.GIFT}
        command = {
            "redeem": lambda card=card: counter.redeem(card, shop, 1),
            "reserve": lambda card=card: cards.Authorise(
                key=counter.key(), card=card, merchant_id=shop.id, amount_minor=1, asset="CNY"
            ),
            "load": lambda card=card: counter.load(card, 1),
            "lower": lambda more=adjusted: cards.Adjust(key=counter.key(), increment=False, **more),
            "raise": lambda more=adjusted: cards.Adjust(key=counter.key(), increment=True, **more),
            "send": lambda a=card, b=other, m=moved: cards.Transfer(key=counter.key(), card=a, to_card=b, **m),
            "receive": lambda a=card, b=other, m=moved: cards.Transfer(key=counter.key(), card=b, to_card=a, **m),
            "block": lambda card=card: counter.block(card),
            "refund": lambda paid=paid: counter.refund(10, of=paid),
        }  # fmt: skip
        if verb in command:
            (outcome,) = await counter.run(command[verb]())
        elif verb == "split":
            wish = cards.Split(key=counter.key(), card=card, pieces=(1,), asset="CNY")
            (outcome,) = await counter.within(
                lambda tx, wish=wish: cards.run(tx, counter.book, [wish], counter.keyring)
            )
        else:
            outcome = await getattr(table, verb)(given if verb in ("claim", "withdraw") else card)
        assert code(outcome) == CODES[told[STATES.index(state)]], (verb, state)
    await counter.verify()


LEVELS = ("anonymous", "registered", "verified")
WHO = [
    # card         asked          claimed by those of level
    ("bearer",     None,          "nobody anonymous registered verified"),
    ("bearer",     "anonymous",   "nobody anonymous registered verified"),
    ("bearer",     "registered",  "registered verified"),
    ("bearer",     "verified",    "verified"),
    ("registered", None,          "registered verified"),
    ("registered", "anonymous",   "registered verified"),
    ("registered", "registered",  "registered verified"),
    ("registered", "verified",    "verified"),
]  # fmt: skip


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(("kind", "asked", "who"), WHO)
async def test_who_claims_is_known_as_well_as_the_programme_asks(counter, table, kind, asked, who):
    programme = await counter.programme()
    if asked is not None:
        kinds = {"registered": {}, "bearer": {"validity": {"days": 1096}}}
        await put(
            counter, programme, "v", "2020-01-01", kinds=kinds, gift={"claim_days": 3, "identity": asked}
        )  # fmt: skip
    refs = {level: await table.holder(level, f"12{n}") for n, level in enumerate(LEVELS)}
    for level in ("nobody", *LEVELS):
        card = await counter.card(programme, 10, holder_ref="ann" if kind == "registered" else None)
        given = await table.given(card)
        outcome = await table.claim(given, ref=refs.get(level))
        if level in who.split():
            holder = refs.get(level) if kind == "registered" else None
            assert (code(outcome), outcome.cards[0].card.holder_ref) == ("ok", holder), level
        else:
            assert code(outcome) == CardRefusal.IDENTITY_TOO_LOW, level
    await counter.verify()


async def test_a_gift_for_somebody_named_is_his_alone(counter, table):
    programme = await counter.programme()
    await put(
        counter, programme, "v", "2020-01-01",
        gift={"claim_days": 3, "identity": "registered", "to": "named"},
    )  # fmt: skip
    wang, li = await table.holder("registered"), await table.holder("registered", "124")
    card = await counter.card(programme, 10, holder_ref="ann")
    assert code(await table.give(card)) == CardRefusal.RECEIVER_MISSING
    given = await table.given(card, to_ref=wang)
    assert code(await table.claim(given, ref=li)) == CardRefusal.GIFT_FOR_ANOTHER
    assert code(await table.claim(given)) == CardRefusal.GIFT_FOR_ANOTHER
    assert (await table.claim(given, ref=wang)).cards[0].card.holder_ref == wang
    await counter.verify()


async def test_which_gifts_are_not_offered(counter, table):
    programme, shop = await counter.programme(), await counter.merchant()
    await begin(counter)
    closed = await counter.programme(prefix="900002")
    await put(counter, closed, "v", "2020-01-01")
    kept, empty, held = [await counter.card(programme, n) for n in (5, 0, 9)]
    await counter.do(counter.load(kept, 5, may_pass=False))
    await counter.do(cards.Authorise(key="h", card=held, merchant_id=shop.id, amount_minor=1, asset="CNY"))
    stopped = await counter.card(programme, 9)
    await counter.do(counter.block(stopped))
    fine = await counter.card(programme, 9)
    for card, more, told in [
        (404, {}, CardRefusal.UNKNOWN_CARD),
        (await counter.card(closed, 9, holder_ref="ann"), {}, CardRefusal.NOT_GIVABLE),
        (kept, {}, CardRefusal.NOT_TRANSFERABLE),
        (empty, {}, CardRefusal.INSUFFICIENT_BALANCE),
        (held, {}, CardRefusal.HAS_HOLDS),
        (stopped, {}, CardRefusal.BLOCKED),
        (await counter.card(programme, active=False), {}, CardRefusal.NOT_ACTIVE),
        (fine, {"deliver_at": NOON}, CardRefusal.BAD_TERM),
        (fine, {"deliver_at": NOON + 367 * DAY}, CardRefusal.BAD_TERM),
        (fine, {"words": cards.Words("g" * 201)}, CardRefusal.BAD_TERM),
        (fine, {"words": cards.Words("g" * 200), "deliver_at": NOON + 366 * DAY}, "ok"),
    ]:
        assert code(await table.give(card, **more)) == told, (card, more)
    await counter.verify()


async def test_value_that_may_not_be_passed_on_and_comes_back_meanwhile_stops_the_claim(counter, table):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme)
    await counter.do(counter.load(card, 10, may_pass=False))
    paid = await counter.do(counter.redeem(card, shop, 10))
    await counter.do(counter.load(card, 20))
    given = await table.given(card)
    await counter.do(counter.refund(10, of=paid))
    assert code(await table.claim(given)) == CardRefusal.GIFT_NOT_NOW
    await table.withdraw(given)
    await counter.do(counter.redeem(card, shop, 10))
    await counter.verify()


async def test_a_blocked_card_is_not_claimed_while_it_is_blocked(counter, table):
    card = await counter.card(await counter.programme(), 10)
    given = await table.given(card)
    await counter.do(counter.block(card))
    assert code(await table.claim(given)) == CardRefusal.BLOCKED
    await counter.do(counter.unblock(card))
    assert code(await table.claim(given)) == "ok"
    await counter.verify()


async def test_days_of_delivery_and_return(counter, table):
    programme = await counter.programme()
    await begin(counter)
    card = await counter.card(programme, 10)
    given = await table.given(card, deliver_at=NOON + DAY)
    assert given.gift.claim_until == NOON + 8 * DAY
    steps = [
        (timedelta(0), GiftState.SCHEDULED, CardRefusal.GIFT_NOT_DUE, 0),
        (DAY - timedelta(microseconds=1), GiftState.SCHEDULED, CardRefusal.GIFT_NOT_DUE, 0),
        (DAY, GiftState.OFFERED, None, 0),
        (8 * DAY - timedelta(microseconds=1), GiftState.OFFERED, None, 0),
        (8 * DAY, GiftState.RETURNED, CardRefusal.GIFT_EXPIRED, 1),
        (8 * DAY, GiftState.RETURNED, CardRefusal.GIFT_ENDED, 0),
    ]
    for after, state, told, swept in steps:
        await begin(counter, NOON + after)
        assert await table.state(given) == state
        if told:
            assert code(await table.claim(given)) == told
        assert await table.sweep() == swept
    assert [e.type for e in await counter.history(card)][:2] == ["GIFT_RETURN", "GIFT_OFFER"]
    await counter.verify()


async def test_a_card_is_given_anew_before_anybody_entered_that_it_came_back(counter, table):
    await begin(counter)
    card = await counter.card(await counter.programme(), 10)
    first = await table.given(card)
    await begin(counter, NOON + 7 * DAY)
    second = await table.given(card)
    assert await table.sweep() == 1
    assert code(await table.give(card)) == CardRefusal.GIFT_PENDING, "the first one's end frees nothing"
    assert code(await table.claim(first)) == CardRefusal.GIFT_ENDED
    assert code(await table.claim(second)) == "ok"
    await counter.verify()


async def test_five_wrong_tokens_kill_a_gift(counter, table):
    shop = await counter.merchant()
    card = await counter.card(await counter.programme(), 10)
    given = await table.given(card)
    first = await table.claim(given, "wrong", key="same")
    assert first == Refused(CardRefusal.GIFT_TOKEN_WRONG, {"left_count": 4})
    assert await table.claim(given, "wrong", key="same") == first, "the same try again is no new one"
    assert [(await table.claim(given, f"{n}")).facts["left_count"] for n in range(4)] == [3, 2, 1, 0]
    assert (await table.claim(given)).facts == {"state": "KILLED"}
    assert await table.state(given) == GiftState.KILLED
    assert (await counter.history(card))[0].type == "GIFT_RETURN"
    await counter.do(counter.redeem(card, shop, 10))
    await counter.verify()


async def test_wrong_tokens_are_counted_whoever_tries_at_the_same_time(counter, table):
    given = await table.given(await counter.card(await counter.programme(), 10))
    outcomes = await asyncio.gather(*(table.claim(given, f"wrong {n}") for n in range(9)))
    left = sorted(o.facts["left_count"] for o in outcomes if o.code == CardRefusal.GIFT_TOKEN_WRONG)
    assert left == [0, 1, 2, 3, 4]
    assert sum(o.code == CardRefusal.GIFT_ENDED for o in outcomes) == 4
    await counter.verify()


@pytest.mark.parametrize("rival", ["claim", "withdraw", "redeem", "sweep"])
async def test_of_two_at_the_same_time_one_wins(counter, table, rival):
    programme, shop = await counter.programme(), await counter.merchant()
    for _ in range(4):
        card = await counter.card(programme, 100)
        given = await table.given(card)
        other = {
            "claim": lambda given=given: table.claim(given),
            "withdraw": lambda given=given: table.withdraw(given),
            "redeem": lambda card=card: counter.run(counter.redeem(card, shop, 100)),
            "sweep": lambda: table.sweep(),
        }[rival]
        claimed, told = await asyncio.gather(table.claim(given), other())
        told = told[0] if isinstance(told, list) else told
        match rival:
            case "claim":
                assert sorted([code(claimed), code(told)]) == [CardRefusal.GIFT_ENDED, "ok"]
            case "withdraw":
                assert sorted([code(claimed), code(told)]) == [CardRefusal.GIFT_ENDED, "ok"]
            case "redeem":
                assert code(claimed) == "ok"
                assert code(told) in (CardRefusal.GIFT_PENDING, CardRefusal.REPLACED)
            case "sweep":
                assert (code(claimed), told) == ("ok", 0)
        won = [o for o in (claimed, told) if isinstance(o, cards.Minted)]
        owned = [card, *(one.cards[0].card.id for one in won)]
        assert sum([await counter.held(one) for one in owned]) == 100
    await counter.verify()


async def test_the_giver_limits_count_claims_and_name_the_receiver(counter, table):
    wang = await table.holder("registered")
    limits = [
        Limit((Subject.HOLDER,), Flow.TRANSFER, Per.DAY, max_count=3),
        Limit((Subject.CARD, Subject.RECIPIENT), Flow.TRANSFER, Per.MONTH, max_minor=15),
        Limit((Subject.HOLDER,), Flow.LOAD, Per.BALANCE, max_minor=25),
    ]
    wish = cards.CreateProgramme("p", "Gifts", asset("CNY"), "900001", limits=tuple(limits))
    (programme,) = await counter.within(lambda tx: cards.create_programmes(tx, counter.book, [wish]))
    told = []
    for amount in (16, 10, 10, 10, 5):
        holder = f"ann {amount}" if amount == 16 else "ann"
        card = await counter.card(programme, holder_ref=holder)
        await counter.do(counter.load(card, amount))
        given = await table.give(card)
        told.append((code(given), "" if isinstance(given, Refused) else code(await table.claim(given, ref=wang))))
    assert told == [
        ("ok", "cards.gift_not_now"), ("ok", "ok"), ("ok", "ok"), ("ok", "ledger.limit_exceeded"), ("ok", "ok"),
    ]  # fmt: skip
    card = await counter.card(programme, 5, holder_ref="ann")
    assert code(await table.give(card)) == "ledger.count_exceeded", "asked at giving too"
    await counter.verify()


async def test_repeated_keys_tell_the_token_and_the_number_for_15_minutes(counter, table, site):
    card = await counter.card(await counter.programme(), 10)
    given = await table.given(card, key="give")
    assert await table.give(card, key="give") == given
    other = await table.give(card, key="give", words=cards.Words("Other"))
    assert (code(other), other.facts) == ("ledger.key_reused", {"field": "words"})
    made = await table.claim(given, key="claim")
    assert (await table.claim(given, key="claim")).cards[0].number == made.cards[0].number
    assert (await table.give(card, key="give")).token is None, "it is claimed, so its token is dead"
    late = await table.given(await counter.card(await counter.programme(), 10), key="late")
    with site.superuser() as admin:
        admin.execute("UPDATE ledger.batches SET recorded_at = recorded_at - interval '16 minutes'")
    assert (await table.give(late.gift.card_id, key="late")).token is None
    assert (await table.claim(given, key="claim")).cards[0].number is None


async def test_no_secret_stands_in_any_table_nor_in_a_repr(counter, table, site):
    card = await counter.card(await counter.programme(), 10)
    given = await table.given(card)
    secret = [given.token, "birthday", "生日", "Grandma"]
    wish = table.claiming(given)
    for told in (repr(given), repr(table.offer(card)), repr(wish)):
        assert not [one for one in secret if one in told]
    await table.claim(given, secrets.token_urlsafe(32))
    tables = site.ask(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    dump = "\n".join(
        str(row) for schema, name in tables for row in site.ask(f'SELECT t::text FROM "{schema}"."{name}" AS t')
    )
    assert "GIFT_OFFER" in dump
    assert not [one for one in secret if one in dump or one.encode().hex() in dump]


async def test_the_application_can_neither_change_a_gift_nor_offer_one_that_is_over(counter, table):
    await table.given(await counter.card(await counter.programme(), 10))
    for statement in (
        "UPDATE cards.gifts SET tries = 0", "DELETE FROM cards.gifts", "UPDATE cards.cards SET gift_until = NULL",
        "INSERT INTO cards.gifts (batch_id, state) VALUES (1, 'CLAIMED')",
    ):  # fmt: skip
        with pytest.raises(Exception, match=DENIED):
            await counter.within(lambda tx, statement=statement: tx.rows(statement))


async def test_a_batch_of_gifts_ends_as_one_by_one(counter, table):
    programme, shop = await counter.programme(), await counter.merchant()
    ended = []
    for together in (True, False):
        one, two = [await table.given(await counter.card(programme, 100)) for _ in range(2)]
        third = await counter.card(programme, 100)
        wishes = [
            *(table.claiming(one, "wrong") for _ in range(2)), table.claiming(one), table.claiming(one),
            table.withdrawing(one), table.withdrawing(two), table.claiming(two),
            counter.redeem(two.gift.card_id, shop, 10), counter.redeem(one.gift.card_id, shop, 10),
            table.offer(third), counter.redeem(third, shop, 1), table.offer(third),
            *(table.claiming(two, "wrong") for _ in range(2)),
        ]  # fmt: skip
        told = []
        ring, vault = counter.keyring, counter.vault
        for batch in [wishes] if together else [[wish] for wish in wishes]:
            told += await counter.within(lambda tx, batch=batch: cards.run(tx, counter.book, batch, ring, vault))
        ended.append([(code(o), o.facts.get("state") if isinstance(o, Refused) else None) for o in told])
    assert ended[0] == ended[1]
    assert [one for one, _ in ended[0]][:8] == [
        CardRefusal.GIFT_TOKEN_WRONG, CardRefusal.GIFT_TOKEN_WRONG, "ok", CardRefusal.GIFT_ENDED,
        CardRefusal.GIFT_ENDED, "ok", CardRefusal.GIFT_ENDED, "ok",
    ]  # fmt: skip
    await counter.verify()


async def test_two_issuers_never_meet(counter, other_counter, table):
    given = await table.given(await counter.card(await counter.programme(), 10))
    stranger = GiftTable(other_counter)
    assert code(await stranger.claim(given)) == CardRefusal.UNKNOWN_GIFT
    assert code(await stranger.withdraw(given)) == CardRefusal.UNKNOWN_GIFT
    assert code(await table.claim(given)) == "ok"

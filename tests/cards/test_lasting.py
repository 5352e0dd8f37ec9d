"""How long cards last: by what they were promised, on which day, and what each verb does then."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from koudai import cards
from koudai.base import Refused
from koudai.cards import CardRefusal
from tests.cards.lives import START, Life, code, day

ASKED = {"days": 10, "renewal": "on_request", "grace_days": 3, "reactivation_days": 20}
ITSELF = {"days": 10, "renewal": "automatic"}
NEVER = {"days": 10}
ONCE = {"days": 10, "reactivation_days": 0}
YEARS = {"days": 1096}


@pytest.fixture
async def life(counter):
    return Life(counter)


@pytest.mark.parametrize(
    ("validity", "at", "load", "redeem", "renew", "reactivate", "exchange"),
    # The tenth day behind that of the issue is the last one.
    [
        ({},     99, "ok",           "ok",           "never_expires", "never_expires", "never_expires"),
        (ASKED,   0, "ok",           "ok",           "not_due",       "not_expired",   "not_expired"),
        (ASKED,  10, "ok",           "ok",           "ok",            "not_expired",   "not_expired"),
        (ASKED,  11, "ok",           "ok",           "ok",            "ok",            "ok"),
        (ASKED,  13, "ok",           "ok",           "ok",            "ok",            "ok"),
        (ASKED,  14, "expired",      "expired",      "expired",       "ok",            "ok"),
        (ASKED,  30, "expired",      "expired",      "expired",       "ok",            "ok"),
        (ASKED,  31, "expired_over", "expired_over", "expired_over",  "expired_over",  "expired_over"),
        (ITSELF, 10, "ok",           "ok",           "ok",            "not_expired",   "not_expired"),
        (ITSELF, 11, "ok",           "ok",           "ok",            "not_expired",   "not_expired"),
        (ITSELF, 99, "ok",           "ok",           "ok",            "not_expired",   "not_expired"),
        (NEVER,  10, "ok",           "ok",           "not_renewable", "not_expired",   "not_expired"),
        (NEVER,  11, "expired",      "expired",      "not_renewable", "ok",            "ok"),
        (NEVER,  99, "expired",      "expired",      "not_renewable", "ok",            "ok"),
        (ONCE,   10, "ok",           "ok",           "not_renewable", "not_expired",   "not_expired"),
        (ONCE,   11, "expired_over", "expired_over", "not_renewable", "expired_over",  "expired_over"),
    ],
)  # fmt: skip
async def test_what_a_card_does_on_a_day(life, validity, at, load, redeem, renew, reactivate, exchange):
    await life.open(validity)
    for name in ("loaded", "paid", "renewed", "reactivated", "exchanged"):
        await life.card(name, 100)
    await life.until(day(at))
    told = [
        await life.told(life.do("load", "loaded")),
        await life.told(life.do("redeem", "paid")),
        await life.told(life.do("renew", "renewed")),
        await life.told(life.do("reactivate", "reactivated")),
        code(await life.exchange("exchanged")),
    ]
    assert told == [w if w == "ok" else f"cards.{w}" for w in (load, redeem, renew, reactivate, exchange)]
    for name in ("renewed", "reactivated"):
        assert (await life.see(name)).balance_minor == 100, "nothing is forfeited"
    await life.counter.verify()


@pytest.mark.parametrize(
    ("validity", "issued", "activated", "expires"),
    [
        ({"days": 1},                          0, 0,    2),
        ({"days": 10},                         0, 5,    11),
        ({"days": 10, "since": "activation"},  0, 5,    16),
        ({"days": 10, "since": "activation"},  0, None, None),
        ({"days": 10},                         0, None, 11),
    ],
)  # fmt: skip
async def test_when_a_card_expires(life, validity, issued, activated, expires):
    await life.open(validity)
    await life.until(day(issued, hour=13))
    await life.card(active=activated == issued)
    if activated != issued and activated is not None:
        await life.until(day(activated, hour=13))
        assert await life.told(life.do("activate")) == "ok"
    assert (await life.see()).expires_at == (None if expires is None else day(expires))
    await life.counter.verify()


async def test_a_card_that_was_never_activated_expires_on_the_shelf(life):
    await life.open(NEVER)
    await life.card(active=False)
    await life.until(day(11))
    assert await life.told(life.do("activate")) == "cards.expired"


@pytest.mark.parametrize(
    ("bought", "source", "before", "expires"),
    [
        (0,  "debit", "nothing", 11),
        (7,  "debit", "nothing", 18),
        (7,  "bonus", "nothing", 11),
        (7,  "debit", "value",   11),
        (7,  "debit", "spent",   18),
        (7,  "debit", "bonus",   18),
    ],
)  # fmt: skip
async def test_what_is_bought_on_a_card_without_any_has_its_whole_term(life, bought, source, before, expires):
    """Who buys a bearer card that lay empty for long has the years of Art. 19 from then on."""
    await life.open(NEVER)
    await life.card(amount=1 if before in ("value", "spent") else 0)
    if before == "spent":
        await life.counter.do(life.do("redeem"))
    if before == "bonus":
        await life.counter.do(life.counter.load(life.ids["card"], 5, source=cards.FundingSource.BONUS))
    await life.until(day(bought, hour=15))
    load = life.counter.load(life.ids["card"], 2, source=cards.FundingSource(source))
    made = await life.counter.do(load)
    assert (made.type, made.amount_minor) == ("LOAD", 2)
    assert await life.counter.do(load) == made, "a repeated key begins no term"
    assert (await life.see()).expires_at == day(expires)
    types = [str(e.type) for e in await life.counter.history(life.ids["card"])]
    assert types[: types.index("LOAD")] == (["RENEW"] if expires == 18 else []), "the history says so, behind the load"
    assert await life.told(life.do("load")) == "ok"
    assert (await life.see()).expires_at == day(18 if source == "bonus" else expires), (
        "the first purchase counts, and no later one"
    )
    await life.counter.verify()


@pytest.mark.parametrize(
    ("issued", "days", "last"),
    [
        (datetime(2028, 2, 28, 4, tzinfo=UTC), 1, "2028-02-29"),
        (datetime(2028, 2, 29, 4, tzinfo=UTC), 366, "2029-03-01"),
        (datetime(2028, 2, 29, 4, tzinfo=UTC), 1096, "2031-03-01"),
        (datetime(2027, 2, 28, 15, 59, tzinfo=UTC), 1, "2027-03-01"),
        (datetime(2027, 2, 28, 16, 0, tzinfo=UTC), 1, "2027-03-02"),
    ],
)
async def test_leap_days_and_midnights_are_those_of_the_chinese_calendar(life, issued, days, last):
    await life.open({"days": days}, at=issued)
    await life.card(amount=100)
    end = datetime.fromisoformat(f"{last}T00:00:00+08:00") + timedelta(days=1)
    assert (await life.see()).expires_at == end
    await life.until(end - timedelta(microseconds=1))
    assert await life.told(life.do("redeem")) == "ok"
    await life.until(end)
    assert await life.told(life.do("redeem")) == "cards.expired"


async def test_a_refusal_says_when_it_expired_and_how_it_goes_on(life):
    await life.open(ASKED)
    await life.card(amount=5)
    await life.until(day(20))
    assert await life.counter.no(life.do("redeem")) == Refused(
        CardRefusal.EXPIRED, {"expired_at": "2027-03-11T16:00:00Z"}
    )
    await life.until(day(31))
    assert await life.counter.no(life.do("redeem")) == Refused(
        CardRefusal.EXPIRED_OVER, {"expired_at": "2027-03-11T16:00:00Z", "until": "2027-03-31T16:00:00Z"}
    )


async def test_what_renews_by_itself_does_so_when_it_is_touched_and_says_so_in_its_history(life):
    await life.open({**ITSELF, "renewal_days": 7})
    await life.card(amount=5)
    await life.until(day(30))
    assert await life.told(life.do("redeem")) == "ok"
    assert (await life.see()).expires_at == day(11 + 7 * 3), "where the term before it ended, as often as it takes"
    assert [e.type for e in await life.counter.history(life.ids["card"])] == ["REDEEM", "RENEW", "LOAD", "ACTIVATE"]
    await life.counter.verify()


async def test_a_renewal_that_is_asked_for_begins_where_the_term_ends_and_is_given_once(life):
    await life.open({**ASKED, "renewal_days": 4})
    await life.card(amount=5)
    await life.until(day(6))
    refused = await life.counter.no(life.do("renew"))
    assert refused.facts == {"expires_at": "2027-03-11T16:00:00Z", "from_at": "2027-03-07T16:00:00Z"}
    await life.until(day(7))
    made = await life.counter.do(life.do("renew"))
    assert (made.type, made.amount_minor, made.balance_minor) == ("RENEW", 0, 5)
    assert (await life.see()).expires_at == day(15)
    assert await life.told(life.do("renew")) == "cards.not_due"
    await life.counter.verify()


async def test_a_reactivated_card_lasts_from_then(life):
    await life.open(NEVER)
    await life.card(amount=5)
    await life.until(day(50, hour=9))
    again = life.do("reactivate")
    assert await life.told(life.do("redeem")) == "cards.expired"
    assert await life.told(again) == "ok"
    assert await life.told(life.do("redeem")) == "ok"
    assert (await life.see()).expires_at == day(61)
    assert await life.counter.do(again) == await life.counter.do(again), "a repeated key changes nothing"
    await life.counter.verify()


async def test_an_exchanged_card_goes_on_as_a_new_one_with_all_its_lots(life):
    await life.open(NEVER)
    await life.card("old", 80)
    bonus = life.counter.load(life.ids["old"], 20, source=cards.FundingSource.BONUS, expires_at=day(5))
    await life.counter.do(bonus)
    paid = await life.counter.do(life.do("redeem", "old"))
    await life.until(day(50))
    made = await life.exchange("old", key="x")
    assert await life.exchange("old", key="x") == made, "the number is told again"
    (heir,) = made.cards
    old, new = await life.see("old"), await life.counter.see(heir.card.id)
    assert (old.state, old.balance_minor, old.successor_id) == ("DEACTIVATED", 0, new.id)
    assert (new.state, new.balance_minor, new.available_minor, new.expires_at) == ("ACTIVE", 99, 80, day(61))
    assert heir.number != old.last4
    assert [e.type for e in await life.counter.history(old.id)][:2] == ["DEACTIVATE", "TRANSFER_BALANCE_FROM"]
    assert await life.told(life.do("redeem", "old")) == "cards.replaced"
    back = await life.counter.do(life.counter.refund(1, of=paid))
    assert back.card_id == new.id
    await life.counter.verify()


async def test_a_card_with_holds_is_not_exchanged(life):
    await life.open(NEVER)
    await life.card(amount=5)
    await life.counter.do(life.do("authorise", ttl_s=366 * 86_400))
    await life.until(day(11))
    assert code(await life.exchange()) == "cards.has_holds"


async def test_a_hold_is_captured_after_the_expiry_since_it_was_promised_before(life):
    await life.open(NEVER)
    await life.card(amount=5)
    hold = await life.counter.do(life.do("authorise", ttl_s=20 * 86_400))
    await life.until(day(15))
    assert await life.told(cards.Capture(key="c", hold=hold.place)) == "ok"


async def test_pieces_of_a_card_last_as_long_as_it_does(life):
    await life.open(NEVER, split={"max_pieces": 5, "max_generations": 1, "min_minor": 1})
    await life.card(amount=50)
    await life.until(day(9))
    made = await life.split(one=10, two=10)
    for piece in made.cards:
        assert piece.card.expires_at == (await life.counter.see(piece.card.id)).expires_at == day(11)
    await life.counter.verify()


async def test_a_later_version_never_shortens_a_term_and_may_lengthen_it(life):
    await life.open(NEVER)
    await life.card("kept", 5)
    await life.version("2027-03-03", kinds={"registered": None, "bearer": {"validity": {"days": 5}}})
    await life.until(day(10))
    assert await life.told(life.do("redeem", "kept")) == "ok"
    await life.version("2027-03-12", kinds={"registered": None, "bearer": {"validity": {"days": 30}}})
    await life.until(day(12))
    assert await life.told(life.do("redeem", "kept")) == "ok"
    assert (await life.see("kept")).expires_at == day(31)
    await life.version("2027-03-20", kinds={"registered": None, "bearer": {"validity": {}}})
    await life.until(day(99))
    assert await life.told(life.do("redeem", "kept")) == "ok"
    await life.counter.verify()


async def test_a_batch_ends_as_its_commands_one_by_one(life):
    await life.open(ASKED)
    for name in ("together", "alone"):
        await life.card(name, 10)
    verbs = ("redeem", "renew", "reactivate", "redeem", "reactivate", "load", "renew", "close")
    await life.until(day(20))
    together = [code(o) for o in await life.counter.run(*(life.do(verb, "together") for verb in verbs))]
    alone = [await life.told(life.do(verb, "alone")) for verb in verbs]
    assert together == alone
    assert together == ["cards.expired", "cards.expired", "ok", "ok", "cards.not_expired", "ok", "cards.not_due",
                        "cards.payout_missing"]  # fmt: skip
    one, other = await life.see("together"), await life.see("alone")
    assert (one.balance_minor, one.expires_at, one.state) == (other.balance_minor, other.expires_at, other.state)
    await life.counter.verify()


async def test_many_who_come_when_a_card_is_due_renew_it_once(life):
    await life.open(ITSELF)
    await life.card(amount=50)
    await life.until(day(11))
    told = await asyncio.gather(*(life.told(life.do("redeem")) for _ in range(8)))
    assert told == ["ok"] * 8
    types = [e.type for e in await life.counter.history(life.ids["card"])]
    assert types.count("RENEW") == 1
    await life.counter.verify()


async def test_of_many_who_reactivate_or_exchange_at_once_one_does(life):
    await life.open(NEVER)
    await life.card(amount=50)
    await life.until(day(11))
    told = await asyncio.gather(
        *(life.told(life.do("reactivate")) for _ in range(4)), *(life.exchange() for _ in range(4))
    )
    told = [one if isinstance(one, str) else code(one) for one in told]
    assert told.count("ok") == 1
    assert set(told) <= {"ok", "cards.not_expired", "cards.replaced"}
    await life.counter.verify()


@pytest.mark.parametrize(
    ("pack", "class_", "validity", "at", "source", "outcome"),
    [
        ("generic",           "single_purpose", ONCE,  11,    "debit", "ok"),
        ("generic",           "single_purpose", ASKED, 20,    "debit", "cards.nothing_expired"),
        ("cn-single-purpose", "single_purpose", YEARS, 1_102, "bonus", "ok"),
        ("cn-single-purpose", "single_purpose", YEARS, 1_102, "debit", "policy.forbidden"),
        ("cn-multi-purpose",  "multi_purpose",  YEARS, 1_102, "debit", "policy.forbidden"),
    ],
)  # fmt: skip
async def test_value_that_nobody_used_lapses_only_where_the_pack_lets_it(
    counter, life, pack, class_, validity, at, source, outcome
):
    currency = "EUR" if pack == "generic" else "CNY"
    life.programme, life.shop = await counter.programme(currency), await counter.merchant(currency=currency)
    await life.open(validity, currency=currency, policy={"pack": pack}, **{"class": class_})
    await counter.enter_gates(life.programme)
    await life.card()
    told = {"currency": currency, "source": cards.FundingSource(source), "payer": "tom"}
    # A card under a Chinese pack can be made to go on for ever; its value may have a day of its own.
    told |= {"expires_at": day(1_100)} if validity is YEARS else {}
    await counter.do(counter.load(life.ids["card"], 70, **told))
    await life.until(day(at))
    assert await life.told(life.do("expire")) == outcome
    assert (await life.see()).balance_minor == (0 if outcome == "ok" else 70)
    await counter.verify()


async def test_start_is_noon_in_china():
    assert day(0) + timedelta(hours=12) == START


@pytest.mark.parametrize("stop", ["block", "court"])
async def test_a_card_that_is_stopped_is_renewed_and_reactivated_all_the_same(life, stop):
    """Its time runs on, and of its value nothing moves: a freeze makes nobody's card lapse."""
    await life.open(ASKED)
    await life.card("card", 100)
    card = life.ids["card"]
    await life.until(day(10))
    if stop == "block":
        await life.counter.do(life.counter.block(card))
    else:
        order = {"authority": "Court of Pudong", "document": "7", "made_by": "wu"}
        await life.counter.do(cards.Restrict(key="c", card=card, kind=cards.RestrictionKind.COURT, **order))
    assert await life.told(life.do("renew")) == "ok"
    await life.until(day(40))
    assert await life.told(life.do("reactivate")) == "ok"
    assert (await life.see()).state is cards.CardState.BLOCKED
    told = "cards.blocked" if stop == "block" else "cards.restricted"
    assert code(await life.exchange()) == told, "a new number is issued of no card that is stopped"
    await life.counter.verify()

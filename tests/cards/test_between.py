"""Value between cards: who may get it, by which law it is taken in, and that it stays with one holder where it merges."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count, product

import pytest

from koudai import cards, identity
from koudai.base import CHINA, Refused
from koudai.cards import FundingSource, Purpose
from koudai.identity import Mode
from koudai.programmes import OpenPilot, open_pilots
from tests.cards.documented import documented
from tests.cards.gifts import GiftTable
from tests.cards.test_law import BEARER, SPLIT, Court

pytestmark = pytest.mark.anyio

BOTH = {"registered": {}, "bearer": {"validity": {"days": 1096}}}
SOLD = {"registered": {"sellable": True}, "bearer": {"validity": {"days": 1096}, "sellable": True}}
_prefixes = count(10_000)
LEVELS = ("anonymous", "registered", "verified")


@pytest.fixture
def court(db, keyring):
    return Court(db, keyring)


@pytest.fixture
def table(counter):
    return GiftTable(counter)


def sending(counter, source, target, minor=None, purpose="gift", **more):
    return cards.Transfer(
        key=counter.key(), card=source, to_card=target, amount_minor=minor, asset="CNY", purpose=Purpose(purpose), **more
    )  # fmt: skip


async def sent(counter, source, target, minor=None, purpose="gift", **more):
    """What a transfer is answered: `ok`, the clause that refuses it, or its code."""
    (outcome,) = await counter.run(sending(counter, source, target, minor, purpose, **more))
    if not isinstance(outcome, Refused):
        return "ok"
    return outcome.facts.get("clause", outcome.code) if outcome.facts else outcome.code


async def test_value_goes_to_no_card_of_another_programme(counter):
    """Neither with a document nor without one, and whatever the other's document would say of it (P13)."""
    bare, other = await counter.programme(), await counter.programme(prefix="900002")
    strict = await documented(
        counter, await counter.programme(prefix="900003"), kinds=BOTH, funding=["transfer"], gift={"claim_days": 3}
    )
    wide = await documented(
        counter, await counter.programme(prefix="900004"), kinds=BOTH, gift={"claim_days": 3}
    )  # fmt: skip
    held = {p.id: await counter.card(p, 100) for p in (bare, other, strict, wide)}
    for (one, source), (two, target) in product(held.items(), held.items()):
        if one != two:
            assert await sent(counter, source, target, 1) == "cards.other_programme", (one, two)
            assert await sent(counter, source, target, 1, "sale") == "cards.other_programme", (one, two)
    for programme in (bare, wide):
        assert await sent(counter, held[programme.id], await counter.card(programme), 1) == "ok"
    assert [await counter.held(card) for card in held.values()] == [99, 100, 100, 99]
    await counter.verify()


GIVEN = [
    # the document's gift                                        anonymous      registered     verified
    (None,                                                       "not_givable", "not_givable", "not_givable"),
    ({"claim_days": 3},                                          "low",         "ok",          "ok"),
    ({"claim_days": 3, "identity": "registered"},                "low",         "ok",          "ok"),
    ({"claim_days": 3, "identity": "verified"},                  "low",         "low",         "ok"),
    ({"claim_days": 3, "identity": "registered", "to": "named"}, "low",         "ok",          "ok"),
]  # fmt: skip
CODES = {"not_givable": "cards.not_givable", "low": "cards.identity_too_low", "ok": "ok"}


@pytest.mark.parametrize("major", [18])
async def test_a_gift_in_parts_is_bound_as_a_gift_of_the_card(counter, table):
    refs = {level: await table.holder(level, f"12{n}") for n, level in enumerate(LEVELS)}
    giver = await counter.person("777")
    for n, (gift, *expected) in enumerate(GIVEN):
        programme = await documented(counter, await counter.programme(prefix=f"90001{n}"), kinds=BOTH, gift=gift)
        source = await counter.card(programme, 100, holder_ref=giver)
        for level, outcome in zip(LEVELS, expected, strict=True):
            target = await counter.card(programme, holder_ref=refs[level])
            assert await sent(counter, source, target, 10) == CODES[outcome], (gift, level)
        # What is in a name goes to no bearer, and a bearer's goes to a name only as the document asks.
        bearer = await counter.card(programme, 100)
        named = "cards.receiver_missing" if (gift or {}).get("to") else "cards.identity_too_low"
        assert await sent(counter, source, bearer, 10) == ("cards.not_givable" if gift is None else named)
        target = await counter.card(programme, holder_ref=refs["verified"])
        assert await sent(counter, bearer, target, 10) == ("cards.not_givable" if gift is None else "ok")
    refused = await counter.no(sending(counter, source, bearer, 10))
    assert refused == Refused("cards.receiver_missing")
    await counter.verify()


async def test_a_bearer_s_gift_asks_for_a_name_where_the_document_does(counter):
    programme = await documented(counter, kinds=BOTH, gift={"claim_days": 3, "identity": "registered"})
    source, bearer = await counter.card(programme, 100), await counter.card(programme)
    refused = await counter.no(sending(counter, source, bearer, 10))
    assert refused == Refused("cards.identity_too_low", {"required": "registered", "level": "anonymous"})
    assert await sent(counter, source, await counter.card(programme, holder_ref=await counter.person()), 10) == "ok"


PILOT = {"pack": "sandbox", "pilots": ["market"]}


async def market(counter, **changes):
    """A programme under whose pilot sales needn't be paid to an account of the seller's name, nor he be verified."""
    programme = await counter.programme(prefix=f"9{next(_prefixes)}")
    await documented(counter, programme, **{"policy": PILOT, "sandbox_only": True, **changes})
    ends, opens = datetime.now(UTC) + timedelta(days=9), ("negative.resale_account", "negative.resale_seller")
    wish = OpenPilot(counter.key(), programme.id, "market", opens, 10**9, 99, ends, "a trial", "Wu")
    (made,) = await counter.within(lambda tx: open_pilots(tx, counter.book, [wish]))
    assert not isinstance(made, Refused), made
    return programme


async def test_value_is_sold_only_where_the_document_lets_cards_be_sold(counter):
    ann, bob = await counter.person(), await counter.person("124")
    rows = [
        # kinds, seller, buyer     answer
        (BOTH,   ann,    bob,      "cards.not_sellable"),
        (BOTH,   None,   bob,      "cards.not_sellable"),
        (SOLD,   ann,    bob,      "ok"),
        (SOLD,   None,   bob,      "ok"),
        (SOLD,   None,   None,     "ok"),
        (SOLD,   ann,    None,     "cards.identity_too_low"),
        (SOLD,   ann,    "zoe",    "cards.identity_too_low"),
    ]  # fmt: skip
    for n, (kinds, seller, buyer, answer) in enumerate(rows):
        programme = await market(counter, kinds=kinds)
        source = await counter.card(programme, 50, holder_ref=seller)
        target = await counter.card(programme, holder_ref=buyer)
        assert await sent(counter, source, target, 10, "sale") == answer, n
    await counter.verify()


async def test_the_card_that_gets_it_is_judged_as_by_a_load(court):
    """The caps are those of its own kind, and what its root holds is summed, wherever the value comes from."""
    programme = await court.under(kinds={**BOTH, "registered": {"max_balance_minor": None}}, gift={"claim_days": 3},
                                  split=SPLIT)  # fmt: skip
    ann, bob = await court.person(), await court.person("124")

    async def bearer(minor):
        return await court.card(programme, minor)

    full, rest, more = await bearer(100_000), await bearer(90_000), await bearer(60_000)
    (piece,) = (one.card.id for one in (await court.split(rest, 40_000)).cards)
    named = await court.card(programme, 450_000, holder_ref=ann)
    rich = await court.card(programme, 500_000, holder_ref=bob)
    rows = [
        # from     to      minor    answer
        (more,     full,   1,       "sp.18.bearer_root"),
        (more,     rest,   10_001,  "sp.18.bearer_root"),
        (more,     piece,  10_001,  "sp.18.bearer_root"),
        (more,     piece,  6_000,   "ok"),
        (more,     rest,   4_001,   "sp.18.bearer_root"),
        (more,     rest,   4_000,   "ok"),
        (rest,     piece,  5_000,   "ok"),
        (full,     named,  50_001,  "sp.18.registered"),
        (full,     named,  50_000,  "ok"),
        (rich,     named,  1,       "sp.18.registered"),
        (named,    full,   1,       "cards.identity_too_low"),
        (full,     rich,   1,       "sp.18.registered"),
    ]  # fmt: skip
    for n, (source, target, minor, answer) in enumerate(rows):
        assert await sent(court, source, target, minor) == answer, n
    await court.verify()


async def test_two_cards_of_a_root_are_not_filled_from_outside_at_once(court):
    """In one batch, too: what one brings leaves no room for the other."""
    programme = await court.under(kinds=BEARER, gift={"claim_days": 3}, split=SPLIT)
    card = await court.card(programme, 80_000)
    (piece,) = (one.card.id for one in (await court.split(card, 40_000)).cards)
    one, two = await court.card(programme, 20_000), await court.card(programme, 20_000)
    outcomes = await court.run(sending(court, one, card), sending(court, two, piece, 1))
    assert not isinstance(outcomes[0], Refused)
    assert outcomes[1].facts["clause"] == "sp.18.bearer_root"
    await court.verify()


async def test_a_sale_is_judged_for_what_the_buyer_s_card_holds(counter):
    programme = await market(counter, kinds=SOLD)
    source, target = await counter.card(programme, 100), await counter.card(programme, 4_999_950)
    assert await sent(counter, source, target, 51, "sale") == "sandbox.cap"
    assert await sent(counter, source, target, 50, "sale") == "ok"
    await counter.verify()


async def test_what_a_later_document_doesn_t_take_in_goes_to_none_of_its_cards(db, keyring):
    """A card keeps what it was promised; another one, of another version, takes of it what that accepts."""
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    told = {"kinds": BEARER, "gift": {"claim_days": 3}}
    programme = await court.under(**told, funding=["cash", "bonus", "transfer"])
    old = await court.card(programme)
    await court.do(court.load(old, 10, source=FundingSource.CASH, channel=cards.Channel.COUNTER))
    tomorrow = (datetime.now(CHINA) + timedelta(days=1)).date().isoformat()
    await court.put(programme, tomorrow, **told, funding=["debit"])
    await court.days(1)
    new, given = await court.card(programme), await court.card(programme)
    refused = await court.no(sending(court, old, new, 4))
    assert refused == Refused("cards.funding_not_accepted", {"source": "cash", "one_of": "debit"})
    older = await court.card(programme)
    await court.do(court.load(older, 10, source=FundingSource.DEBIT))
    assert await sent(court, older, given, 4) == "ok"
    await court.verify()


async def split(counter, card, *pieces):
    wish = cards.Split(key=counter.key(), card=card, pieces=pieces, asset="CNY")
    (made,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
    return [piece.card.id for piece in made.cards]


async def claimed(table, card, ref=None):
    return (await table.claim(await table.given(card), ref=ref)).cards[0].card.id


@pytest.mark.parametrize("kind", ["bearer", "registered"])
async def test_a_merge_passes_nothing_on(counter, table, kind):
    """The giver keeps `card`, `old` and its piece; the claimer has `got` and what comes from it, and gives of that."""
    ann, bob, zoe = [await counter.person(n) for n in ("123", "124", "125")] if kind == "registered" else [None] * 3
    programme = await counter.programme()
    lost = await counter.card(programme, 1_000, holder_ref=ann)
    card = (await table.replace(lost)).cards[0].card.id
    given, old = await split(counter, card, 300, 200)
    (old_piece,) = await split(counter, old, 50)
    (left,) = await split(counter, given, 60)
    got = await claimed(table, given, bob)
    got_piece, passed_on = await split(counter, got, 40, 30)
    new = (await table.replace(got_piece)).cards[0].card.id
    third = await claimed(table, passed_on, zoe)
    await counter.do(counter.load(card, 100, may_pass=False))
    hands = [{card, old, old_piece, left}, {got, new}, {third}]
    for source, target in product(set().union(*hands), repeat=2):
        if source != target:
            one = any({source, target} <= hand for hand in hands)
            answer = await sent(counter, source, target, 1, "merge")
            assert answer == ("ok" if one else "cards.not_one_holder"), (source, target)
    await counter.verify()


async def test_what_came_back_as_a_gift_is_the_giver_s_again_where_that_is_known(counter, table):
    """Of registered cards it is: both are Ann's. Of bearer cards nobody can tell, so they stay apart."""
    programme, ann = await counter.programme(), await counter.person()
    bob = await counter.person("124")
    for first, second, answer in ((ann, bob, "ok"), (None, None, "cards.not_one_holder")):
        card = await counter.card(programme, 100, holder_ref=first)
        (piece,) = await split(counter, card, 40)
        back = await claimed(table, await claimed(table, piece, second), first)
        assert await sent(counter, card, back, 1, "merge") == answer
        assert await sent(counter, card, back, 1) == "ok", "as a gift it goes"
    await counter.verify()


ONCE = [{"flow": "transfer", "subjects": ["recipient"], "per": "month", "max_count": 1}]


async def test_who_gets_it_is_who_holds_the_card_whatever_the_caller_says(counter):
    """Of one a month for each recipient: a caller makes no other one of him by another name (P13, R6)."""
    ann, bob, zoe = [await counter.person(n) for n in ("123", "124", "125")]
    told = {"kinds": BOTH, "gift": {"claim_days": 3}, "split": SPLIT, "limits": ONCE}
    programme = await documented(counter, await counter.programme(), **told)
    source, giver = await counter.card(programme, 900), await counter.card(programme, 900, holder_ref=ann)
    hers, too = [await counter.card(programme, holder_ref=zoe) for _ in "12"]
    his = await counter.card(programme, holder_ref=bob)
    bearer = await counter.card(programme, 50)
    (piece,) = await split(counter, bearer, 10)
    count, differs = "ledger.count_exceeded", "cards.recipient_differs"
    rows = [
        # from      to       said        answer
        (source,    hers,    "nobody",   differs),
        (source,    hers,    None,       "ok"),
        (source,    hers,    "somebody", differs),
        (source,    hers,    None,       count),
        (giver,     too,     zoe,        count),
        (giver,     his,     zoe,        differs),
        (giver,     his,     bob,        "ok"),
        (source,    bearer,  "nobody",   differs),
        (source,    bearer,  None,       "ok"),
        (source,    piece,   None,       count),
    ]  # fmt: skip
    for n, (one, other, said, answer) in enumerate(rows):
        assert await sent(counter, one, other, 1, recipient=said) == answer, n
    refused = await counter.no(sending(counter, source, hers, 1, recipient="nobody"))
    assert refused == Refused(differs, {"recipient": "nobody"})
    assert await sent(counter, bearer, piece, 1, "merge") == "ok", "a merge gives nobody anything"
    assert await sent(counter, piece, bearer, 1, "merge") == "ok"
    await counter.verify()


async def test_a_claimer_who_says_nobody_known_is_counted_by_the_card_s_root(counter, table):
    programme = await documented(
        counter, await counter.programme(), kinds=BOTH, gift={"claim_days": 3}, split=SPLIT, limits=ONCE
    )  # fmt: skip
    zoe = await counter.person()
    one, two = [await counter.card(programme, 50) for _ in "12"]
    pieces = await split(counter, one, 10, 10, 10)
    rows = [
        # card      claimed by   answer
        (pieces[0], "the moon",  "ok"),
        (pieces[1], "the sun",   "cards.gift_not_now"),
        (pieces[1], None,        "cards.gift_not_now"),
        (pieces[1], zoe,         "ok"),
        (two,       zoe,         "cards.gift_not_now"),
    ]  # fmt: skip
    given = {}
    for n, (card, ref, answer) in enumerate(rows):
        given[card] = given.get(card) or await table.given(card)
        outcome = await table.claim(given[card], ref=ref)
        assert (outcome.code if isinstance(outcome, Refused) else "ok") == answer, n
    await counter.verify()


async def test_a_limit_by_device_asks_for_the_device(counter, table):
    """Whoever leaves it out isn't counted by nobody: he is told what is missing (P12, R6)."""
    shop = await counter.merchant()
    pay = {"merchant_id": shop.id, "amount_minor": 1, "asset": "CNY"}

    def verbs(card, other, given):
        key = counter.key
        return {
            "load": lambda **on: [counter.load(card, 1, source=FundingSource.TRANSFER, **on)],
            "redeem": lambda **on: [counter.redeem(card, shop, 1, **on)],
            "authorise": lambda **on: [cards.Authorise(key=key(), card=card, **pay, **on)],
            "transfer": lambda **on: [sending(counter, card, other, 1, **on)],
            "split": lambda **on: [cards.Split(key=key(), card=card, pieces=(1,), asset="CNY", **on)],
            "spend_split": lambda **on: [cards.SpendSplit(key=key(), card=given, **pay, **on)],
            "give": lambda **on: [table.offer(other, **on)],
        }

    table_of = [
        # what the document limits               verbs that ask for a device
        (("load", "device"),                     {"load"}),
        (("load", "card", "device"),             {"load"}),
        (("redeem", "device"),                   {"redeem", "authorise", "spend_split"}),
        (("redeem", "device", "card"),           {"redeem", "authorise", "spend_split"}),
        (("transfer", "device"),                 {"transfer", "split", "spend_split", "give"}),
        (("transfer", "device", "recipient"),    {"transfer", "split", "spend_split", "give"}),
        (("transfer", "card", "recipient"),      set()),
    ]  # fmt: skip
    for n, ((flow, *subjects), asking) in enumerate(table_of):
        limit = {"flow": flow, "subjects": subjects, "per": "day", "max_minor": 10_000}
        told = {"kinds": BEARER, "gift": {"claim_days": 3}, "split": SPLIT, "limits": [limit]}
        programme = await documented(counter, await counter.programme(prefix=f"92000{n}"), **told)
        held = [await counter.issue(programme) for _ in "123"]
        await counter.do(
            *(counter.load(one.card.id, 50, source=FundingSource.TRANSFER, device="till") for one in held)
        )  # fmt: skip
        for verb, made in verbs(*(one.card.id for one in held)).items():
            (outcome,) = await counter.within(
                lambda tx, made=made: cards.run(tx, counter.book, made(), counter.keyring, counter.vault)
            )  # fmt: skip
            if verb in asking:
                named = f"{flow}.{'+'.join(subjects)}.day"
                assert outcome == Refused("cards.device_missing", {"field": "device", "limit": named}), verb
                (outcome,) = await counter.within(
                    lambda tx, made=made: cards.run(tx, counter.book, made(device="phone"), counter.keyring, counter.vault)
                )  # fmt: skip
            assert not isinstance(outcome, Refused), (verb, subjects, outcome)
    await counter.verify()


async def test_a_claim_counts_for_the_device_on_which_the_gift_was_offered(counter, table):
    limit = {"flow": "transfer", "subjects": ["device"], "per": "day", "max_count": 2}
    pair = {"flow": "transfer", "subjects": ["device", "recipient"], "per": "day", "max_count": 1}
    told = {"kinds": BOTH, "gift": {"claim_days": 3}, "limits": [limit, pair]}
    programme, zoe = await documented(counter, await counter.programme(), **told), await counter.person()
    one, two, three, other = [
        await table.given(await counter.card(programme, 10), device=device)
        for device in ("phone", "phone", "phone", "tablet")
    ]
    rows = [
        # gift   by     answer
        (one,    zoe,   "ok"),
        (two,    zoe,   "cards.gift_not_now"),
        (two,    None,  "ok"),
        (three,  None,  "cards.gift_not_now"),
        (other,  zoe,   "ok"),
    ]  # fmt: skip
    for n, (given, ref, answer) in enumerate(rows):
        outcome = await table.claim(given, ref=ref)
        assert (outcome.code if isinstance(outcome, Refused) else "ok") == answer, n
    await counter.verify()


async def test_a_limit_that_a_card_wasn_t_promised_asks_it_for_no_device(db, keyring):
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.under(kinds=BEARER)
    old = await court.card(programme)
    tomorrow = (datetime.now(CHINA) + timedelta(days=1)).date().isoformat()
    limit = {"flow": "load", "subjects": ["device"], "per": "day", "max_minor": 100}
    await court.put(programme, tomorrow, kinds=BEARER, limits=[limit])
    await court.days(1)
    new = await court.card(programme)
    await court.do(court.load(old, 10))
    assert (await court.no(court.load(new, 10))).code == "cards.device_missing"
    await court.do(court.load(new, 10, device="phone"))
    await court.verify()


def raising(counter, card, minor, **more):
    told = {"reason": "a wrong entry", "made_by": "Li Na", "approved_by": "Wu", "asset": "CNY", **more}
    return cards.Adjust(key=counter.key(), card=card, amount_minor=minor, increment=True, **told)


async def test_a_correction_upwards_is_judged_as_a_load_that_nobody_pays(court):
    """It creates value: past no cap, no root's threshold, and from nothing that is banned; but it is no purchase."""
    told = {"kinds": {**BOTH, "registered": {"max_balance_minor": None}}, "split": SPLIT}
    programme = await court.under(**told)
    ann = await court.person()
    root = await court.card(programme, 90_000)
    (piece,) = await split(court, root, 40_000)
    mine, lent = await court.card(programme, 499_000, holder_ref=ann), await court.card(programme)
    rows = [
        # card    minor      source                     refused by
        (root,    10_001,    FundingSource.COMPANY,     "sp.18.bearer_root"),
        (piece,   10_001,    FundingSource.CASH,        "sp.18.bearer_root"),
        (piece,   9_000,     FundingSource.CASH,        None),
        (root,    1_001,     FundingSource.BONUS,       "sp.18.bearer_root"),
        (root,    1_000,     FundingSource.COMPANY,     None),
        (mine,    1_001,     FundingSource.COMPANY,     "sp.18.registered"),
        (mine,    1_000,     FundingSource.CASH,        None),
        (lent,    1,         FundingSource.CREDIT,      "negative.credit_funded"),
        (lent,    1,         FundingSource.INSTALMENT,  "negative.credit_funded"),
        (lent,    100_000,   FundingSource.TRANSFER,    None),
    ]  # fmt: skip
    for n, (card, minor, source, clause) in enumerate(rows):
        (outcome,) = await court.run(raising(court, card, minor, source=source))
        assert (outcome.facts["clause"] if isinstance(outcome, Refused) else None) == clause, n
    refused = await court.no(raising(court, root, 1))
    assert (refused.code, refused.facts["limit_minor"], refused.facts["left_minor"]) == (
        "policy.over_limit",
        100_000,
        0,
    )
    await court.verify()


async def test_a_correction_restores_no_more_than_there_is_room_for_now(court):
    """As returned goods (Art. 20): what was taken off by mistake comes back as long as nothing took its place."""
    programme = await court.under(kinds=BEARER)
    card = await court.card(programme, 100_000)
    taken = await court.do(
        cards.Adjust(
            key=court.key(), card=card, amount_minor=600, increment=False, reason="r", made_by="a", asset="CNY"
        )
    )  # fmt: skip
    await court.do(court.load(card, 200))
    refused = await court.no(raising(court, card, 600, corrects=taken.place))
    assert (refused.facts["clause"], refused.facts["left_minor"]) == ("sp.18.bearer_root", 400)
    await court.do(raising(court, card, 400, corrects=taken.place))
    await court.verify()


async def test_corrections_and_loads_of_one_root_leave_each_other_no_more_room_than_there_is(court):
    programme = await court.under(kinds=BEARER, split=SPLIT)
    card = await court.card(programme, 90_000)
    pieces = await split(court, card, 10_000, 10_000)
    tills = [court.run(court.load(one, 3_000, payer=f"p{n}")) for n, one in enumerate([card, *pieces])]
    hands = [court.run(raising(court, one, 3_000)) for one in (card, *pieces)]
    outcomes = [
        one.facts["clause"] if isinstance(one, Refused) else None for (one,) in await asyncio.gather(*tills, *hands)
    ]
    assert sorted(outcomes, key=str) == [None] * 3 + ["sp.18.bearer_root"] * 3
    await court.verify()


async def test_what_stays_with_a_holder_breaks_none_of_his_bounds(counter, table):
    """Another card of his own is no other pocket: his cap and his floor are of all his cards together."""
    bounds = [
        {"flow": "load", "subjects": ["holder"], "per": "balance", "max_minor": 500},
        {"flow": "redeem", "subjects": ["holder"], "per": "balance", "min_minor": 300},
    ]
    programme = await documented(
        counter, await counter.programme(), kinds=BOTH, gift={"claim_days": 3}, split=SPLIT, limits=bounds
    )  # fmt: skip
    ann, bob = await counter.person("123"), await counter.person("456")
    card = await counter.card(programme, 400, holder_ref=ann)
    (piece,) = await split(counter, card, 200)
    own = cards.Transfer(key="own", card=piece, to_card=card, asset="CNY", purpose=cards.Purpose.MERGE)
    await counter.do(own)
    assert await counter.held(card) == 400
    his = await counter.card(programme, holder_ref=bob)
    away = cards.Transfer(key="away", card=card, to_card=his, amount_minor=101, asset="CNY", purpose=cards.Purpose.GIFT)
    assert (await counter.no(away)).code == "ledger.below_floor"
    (small,) = await split(counter, card, 101)
    given = await table.give(small)
    assert given.code == "ledger.below_floor", "nor does all of a card go as a gift"
    await counter.verify()


async def test_who_claims_learns_nothing_of_what_the_giver_may_still_give(counter, table):
    limit = {"flow": "transfer", "subjects": ["holder"], "per": "day", "max_minor": 500}
    programme = await documented(
        counter, await counter.programme(), kinds=BOTH, gift={"claim_days": 3}, limits=[limit]
    )  # fmt: skip
    ann, bob = await counter.person("123"), await counter.person("456")
    gifts = [await table.given(await counter.card(programme, 300, holder_ref=ann)) for _ in range(2)]
    assert not isinstance(await table.claim(gifts[0], ref=bob), Refused)
    assert await table.claim(gifts[1], ref=bob) == Refused(cards.CardRefusal.GIFT_NOT_NOW)
    assert await table.state(gifts[1]) == "OFFERED", "it can be claimed another day"
    await counter.verify()

"""The law in the path of every movement: facts are told truly, and sums can't be dodged."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from koudai import cards, identity, programmes
from koudai.base import CHINA, Refused
from koudai.cards import Channel, FundingSource
from koudai.identity import Mode
from koudai.instance import ROOMS
from koudai.pg import migrate
from koudai.programmes import Enforce, Issuer, IssuerClass, PutVersion, Sector, StateIssuer
from tests.cards.court import BEARER, SPLIT, Court
from tests.programmes.drafts import text_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def court(db, keyring):
    return Court(db, keyring)


@pytest.mark.clause("sp.18.bearer_root")
async def test_a_refusal_carries_clause_figure_room_and_what_would_be_allowed(court):
    programme = await court.under(kinds=BEARER)
    card = await court.card(programme, 60_000)
    refused = await court.no(court.load(card, 40_001, key="l"))
    told = {name: refused.facts[name] for name in ("clause", "limit_minor", "found_minor", "left_minor", "currency")}
    assert refused.code == "policy.over_limit"
    assert told == {
        "clause": "sp.18.bearer_root", "limit_minor": 100_000, "found_minor": 100_001, "left_minor": 40_000,
        "currency": "CNY",
    }  # fmt: skip
    assert refused.facts["citation"]["zh"].startswith("商务部令2012年第9号 第十八条")
    again = await court.no(court.load(card, 40_001, key="l"))
    assert again == refused, "a judged refusal is remembered"
    assert await court.tried(card, 40_000) is None


@pytest.mark.clause("sp.15.registered", "sp.16.remote_cash", "sp.18.registered", "negative.credit_funded")
async def test_who_pays_and_with_what(court):
    programme = await court.under(kinds={"registered": {"max_balance_minor": None}})
    ann = await court.person()
    stranger = await court.issue(programme, holder_ref="nobody")
    assert stranger.facts["clause"] == "sp.15.registered"
    card = await court.card(programme, holder_ref=ann)
    table = [
        # minor   source                   where            clause
        (100, FundingSource.CREDIT, Channel.COUNTER, "negative.credit_funded"),
        (100, FundingSource.CASH, Channel.REMOTE, "sp.16.remote_cash"),
        (100, FundingSource.CASH, None, "sp.16.remote_cash"),
        (100, FundingSource.CASH, Channel.COUNTER, None),
        (499_900, FundingSource.TRANSFER, Channel.REMOTE, None),
        (1, FundingSource.TRANSFER, Channel.REMOTE, "sp.18.registered"),
    ]  # fmt: skip
    for minor, source, channel, clause in table:
        assert await court.tried(card, minor, source, channel=channel) == clause, (minor, source, channel)
    assert await court.tried(card, 1, payer="somebody unknown") == "sp.15.registered", "who pays is who counts"


@pytest.mark.clause("sp.15.bearer")
async def test_a_payer_s_day_is_summed_over_cards_and_programmes(court):
    """10,000 yuan of bearer cards a day need a name (Art. 15), however many cards they are bought on."""
    one, other = await court.under(kinds=BEARER), await court.under("900002", kinds=BEARER)
    bought = [await court.card(p) for p in (one, other) * 5]
    outcomes = [await court.tried(card, 99_999, payer="18600000000") for card in bought]
    assert outcomes == [None] * 10
    eleventh = await court.card(one)
    assert await court.tried(eleventh, 10, payer="18600000000") == "sp.15.bearer"
    assert await court.tried(eleventh, 9, payer="18600000000") is None
    known = await court.person()
    assert await court.tried(eleventh, 1_000, payer=known) is None, "who is registered may buy more"
    await court.verify()


async def test_what_is_loaded_under_no_document_counts_for_its_payer_too(court):
    """Otherwise the sums that are kept would be other ones than those that are proven."""
    under, free = await court.under(kinds=BEARER), await court.programme(prefix="900002")
    bought, tried = await court.card(under), await court.card(free)
    assert await court.tried(bought, 100, payer="18600000000") is None
    assert await court.tried(tried, 999_900, payer="18600000000") is None, "no law asks for anything there"
    assert await court.tried(bought, 1, payer="18600000000") == "sp.15.bearer"
    await court.verify()


async def test_two_tills_sell_one_payer_no_more_than_the_sum_of_the_day(court):
    programme = await court.under(kinds=BEARER)
    bought = [await court.card(programme) for _ in range(12)]
    outcomes = await asyncio.gather(*(court.tried(card, 99_999, payer="18600000000") for card in bought))
    assert sorted(outcomes, key=str) == [None] * 10 + ["sp.15.bearer"] * 2
    await court.verify()


async def test_the_sums_of_a_day_begin_anew_with_the_chinese_day(db, keyring):
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.under(kinds=BEARER)
    bought = [await court.card(programme) for _ in range(11)]
    for card in bought[:10]:
        assert await court.tried(card, 99_990, payer="tom") is None
    assert await court.tried(bought[10], 200, payer="tom") == "sp.15.bearer"
    await court.days(1)
    assert await court.tried(bought[10], 200, payer="tom") is None
    await court.verify()


@pytest.mark.clause("sp.18.bearer_root")
async def test_all_cards_of_one_root_are_summed(court):
    """What was split off a bearer card leaves no room under it (koudai's rule to Art. 18)."""
    programme = await court.under(kinds=BEARER, split=SPLIT)
    card, shop = await court.card(programme, 100_000), await court.merchant()
    made = await court.split(card, 40_000, 30_000)
    child, sibling = (piece.card.id for piece in made.cards)
    for one in (card, child, sibling):
        assert await court.tried(one, 1) == "sp.18.bearer_root"
    paid = await court.do(court.redeem(child, shop, 500))
    assert await court.tried(card, 501) == "sp.18.bearer_root"
    # In one batch: what is given back leaves no room for what is loaded after it.
    outcomes = await court.run(
        court.refund(500, of=paid),
        court.load(card, 1, key="late"),
    )
    assert not isinstance(outcomes[0], Refused)
    assert outcomes[1].facts["clause"] == "sp.18.bearer_root"
    await court.verify()


@pytest.mark.clause("mp.load.outlet")
@pytest.mark.parametrize("how", ["the card itself", "its replacement", "a piece of it", "what it was split from"])
async def test_cash_of_a_day_is_one_sum_whatever_a_card_is_called_next(db, keyring, how):
    """200 yuan of cash a day away from own outlets: neither a replacement nor a split begins the sum anew."""
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.under(split=SPLIT, **{"class": "multi_purpose"})
    await court.enter_gates(programme)
    ann = await court.person()
    first = card = await court.card(programme, holder_ref=ann)
    other = await court.card(programme, holder_ref=ann)
    await court.days(1)
    assert await court.tried(first, 15_000, FundingSource.CASH) is None
    if how == "its replacement":
        wish = cards.Replace(key="new", card=first, reason="damaged")
        (made,) = await court.within(lambda tx: cards.run(tx, court.book, [wish], court.keyring))
        card = made.cards[0].card.id
    elif how != "the card itself":
        piece = (await court.split(first, 5_000)).cards[0].card.id
        card = piece if how == "a piece of it" else first
        if card == first:
            assert await court.tried(piece, 1_000, FundingSource.CASH) is None
    room = 4_000 if how == "what it was split from" else 5_000
    refused = await court.no(court.load(card, room + 1, source=FundingSource.CASH, channel=Channel.COUNTER, key="more"))
    assert (refused.facts["clause"], refused.facts["left_minor"]) == ("mp.load.outlet", room)
    assert await court.tried(card, room, FundingSource.CASH) is None
    assert await court.tried(card, 1, FundingSource.CASH, channel=Channel.OWN_OUTLET) is None
    assert await court.tried(other, 20_000, FundingSource.CASH) is None, "another card of the same holder has its own"
    await court.verify()


SUMS_OF_CASH = "0023_sums_of_cash"


@pytest.mark.parametrize("major", [18])
async def test_cash_that_was_summed_by_card_is_summed_by_root_from_then_on(court, site):
    programme = await court.under(split=SPLIT, **{"class": "multi_purpose"})
    await court.enter_gates(programme)
    card = await court.card(programme, holder_ref=await court.person())
    assert await court.tried(card, 5_000, FundingSource.CASH) is None
    piece = (await court.split(card, 1_000)).cards[0].card.id
    assert await court.tried(piece, 6_000, FundingSource.CASH) is None
    # As it stood before: a sum for each card, of which that of another day counts no more.
    told = "SELECT book, '{}', day_s{}, {}, 0, {}, since_batch_id FROM cards.tallies WHERE who ~ '^cash:'"
    old = [told.format(f"card:{card}", "", 5_000, 5_000), told.format(f"card:{piece}", "", 6_000, 6_000),
           told.format(f"card:{piece + 1_000}", " - 86400", 7, 7)]  # fmt: skip
    site.change(
        "ALTER TABLE cards.tallies DROP CONSTRAINT tallies_who_check",
        f"INSERT INTO cards.tallies (book, who, day_s, load_minor, bearer_minor, cash_minor, since_batch_id) {old[0]}"
        f" UNION ALL {old[1]} UNION ALL {old[2]}",
        "DELETE FROM cards.tallies WHERE who ~ '^cash:'",
        "ALTER TABLE cards.tallies ADD CONSTRAINT tallies_who_check CHECK (who ~ '.')",
        "ALTER TABLE cards.cards DROP COLUMN came_batch_id, DROP COLUMN came_lead",
        f"DELETE FROM pg.migrations WHERE step IN ('{SUMS_OF_CASH}', '0024_lines_of_cards')",
    )
    assert migrate(site.target, ROOMS) == [f"cards.{SUMS_OF_CASH}", "cards.0024_lines_of_cards"]
    summed = [(f"cash:{card}", 11_000)]
    assert site.ask("SELECT who, cash_minor FROM cards.tallies WHERE who !~ '^payer:'") == summed
    await court.verify()
    # Who took the second of these steps before there was the first takes that one behind it.
    site.change(f"DELETE FROM pg.migrations WHERE step = '{SUMS_OF_CASH}'")
    assert migrate(site.target, ROOMS) == [f"cards.{SUMS_OF_CASH}"]
    assert site.ask("SELECT who, cash_minor FROM cards.tallies WHERE who !~ '^payer:'") == summed
    # The day of its issue is that of its purchase, for which another figure holds; of a piece it never is.
    refused = await court.no(court.load(piece, 9_001, source=FundingSource.CASH, channel=Channel.COUNTER, key="more"))
    assert refused.facts["left_minor"] == 9_000


@pytest.mark.clause("mp.load.outlet", "mp.load.cash", "mp.cash.person")
async def test_a_purchase_in_cash_is_none_of_a_top_up_s_business(db, keyring):
    """50,000 yuan bound what a person buys for cash, 200 and 5,000 what is put on a card that is out (P3)."""
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.under(**{"class": "multi_purpose"})
    await court.enter_gates(programme)
    ann = await court.person()
    bought = [await court.card(programme, holder_ref=ann) for _ in range(11)]
    outcomes = [await court.tried(card, 499_999, FundingSource.CASH) for card in bought]
    assert outcomes == [None] * 10 + ["mp.cash.person"]
    await court.days(1)
    assert await court.tried(bought[10], 20_001, FundingSource.CASH) == "mp.load.outlet"
    told = {"channel": Channel.OWN_OUTLET}
    assert await court.tried(bought[10], 500_000, FundingSource.CASH, **told) == "mp.load.cash"
    assert await court.tried(bought[10], 499_999, FundingSource.CASH, **told) is None
    await court.verify()


async def test_two_tills_load_no_more_on_one_root_than_there_is_room(court):
    programme = await court.under(kinds=BEARER, split=SPLIT)
    card = await court.card(programme, 90_000)
    pieces = [piece.card.id for piece in (await court.split(card, 10_000, 10_000, 10_000)).cards]
    tills = (court.tried(one, 3_000, payer=f"p{n}") for n, one in enumerate([card, *pieces] * 2))
    outcomes = await asyncio.gather(*tills)
    assert sorted(outcomes, key=str) == [None] * 3 + ["sp.18.bearer_root"] * 5
    await court.verify()


@pytest.mark.clause("sp.18.bearer_root", "sp.18.registered")
@pytest.mark.parametrize("kind", ["bearer", "registered"])
@pytest.mark.parametrize("together", [True, False])
async def test_nor_does_what_is_undone(court, kind, together):
    """What was there before has no room any more once something else was loaded in its place."""
    bearer = kind == "bearer"
    programme = await court.under(kinds=BEARER) if bearer else await court.under()
    most, clause = (100_000, "sp.18.bearer_root") if bearer else (500_000, "sp.18.registered")
    holder = {} if bearer else {"holder_ref": await court.person()}
    card, shop = await court.card(programme, most, **holder), await court.merchant()
    told = {"source": FundingSource.TRANSFER, "channel": Channel.COUNTER, "payer": "tom"} if bearer else {
        "source": FundingSource.TRANSFER, "channel": Channel.COUNTER}  # fmt: skip
    steps = [
        court.redeem(card, shop, most, key="pay"), court.load(card, 1, **told), court.reverse(of_key="pay", key="undo"),
    ]  # fmt: skip
    outcomes = []
    for part in [steps] if together else [[one] for one in steps]:
        outcomes += await court.run(*part)
    assert (outcomes[2].facts["clause"], outcomes[2].facts["left_minor"]) == (clause, most - 1)
    assert await court.held(card) == 1
    await court.do(court.redeem(card, shop, 1), court.reverse(of_key="pay", key="once more"))
    assert await court.held(card) == most
    await court.verify()


@pytest.mark.clause("sp.15.bearer")
async def test_a_bearer_card_s_day_is_one_sum_whoever_is_said_to_have_paid(court):
    programme = await court.under(kinds=BEARER, split=SPLIT)
    card, shop = await court.card(programme), await court.merchant()
    for number in range(10):
        assert await court.tried(card, 99_999, payer=f"tom {number}") is None
        await court.do(court.redeem(card, shop, 99_999 if number < 9 else 99_994))
    piece = (await court.split(card, 5)).cards[0].card.id
    for one in (card, piece):
        assert await court.tried(one, 10, payer="tom 11") == "sp.15.bearer"
    assert await court.tried(piece, 9, payer="tom 12") is None
    other = await court.card(programme)
    assert await court.tried(other, 10, payer="tom 13") is None, "another root has its own day"
    await court.verify()


async def test_returned_goods_don_t_pass_the_cap(court):
    programme = await court.under(kinds=BEARER)
    card, shop = await court.card(programme, 100_000), await court.merchant()
    paid = await court.do(court.redeem(card, shop, 5_000))
    assert await court.tried(card, 4_000) is None
    refused = await court.no(court.refund(5_000, of=paid))
    assert refused.facts["clause"] == "sp.18.bearer_root"
    assert not isinstance((await court.run(court.refund(1_000, of=paid)))[0], Refused)


@pytest.mark.clause("sp.25.young")
async def test_an_unverified_clause_warns_and_is_kept_until_the_operator_says_otherwise(court):
    """Art. 25 for an issuer younger than a year is unverified: twice its capital."""
    today = datetime.now(CHINA).date()
    young = StateIssuer("s", IssuerClass.OTHER, Sector.RETAIL, today, today, "Li Na", None, 10_000)
    (stated,) = await court.within(lambda tx: programmes.state_issuers(tx, court.book, [young]))
    assert isinstance(stated, Issuer)
    programme = await court.under(kinds=BEARER)
    card = await court.card(programme)
    assert await court.tried(card, 20_000) is None
    assert await court.judgements() == []
    assert await court.tried(card, 1) is None
    told = [(one.point, one.pack, one.noted, one.pilots) for one in await court.judgements()]
    assert told == [(point, "cn-single-purpose", "sp.25.young", "") for point in ("issue", "load")]
    wish = Enforce("e", "sp.25.young", True, "counsel read the article", "Wu")
    await court.within(lambda tx: programmes.enforce(tx, court.book, [wish]))
    assert await court.tried(card, 1) == "sp.25.young"
    off = Enforce("f", "sp.25.young", False, "counsel read it again", "Wu")
    await court.within(lambda tx: programmes.enforce(tx, court.book, [off]))
    assert await court.tried(card, 1) is None


def retailer(key, **figures):
    days = date(2010, 1, 1), date(2012, 1, 1)
    return StateIssuer(key, IssuerClass.BRAND, Sector.RETAIL, *days, "Li Na", **figures)


@pytest.mark.clause("sp.25.goods")
async def test_over_the_ceiling_of_the_prepaid_balance_the_room_left_is_told(court):
    """Art. 25: in retail 40 % of last year's main revenue."""
    await court.within(lambda tx: programmes.state_issuers(tx, court.book, [retailer("s", revenue_minor=100_001)]))
    programme = await court.under(kinds=BEARER)
    await court.enter_gates(programme)
    one, other = await court.card(programme, 30_000), await court.card(programme)
    refused = await court.no(court.load(other, 10_001, channel=Channel.COUNTER))
    told = ("clause", "limit", "found", "unit", "left_minor", "currency")
    assert [refused.facts[name] for name in told] == ["sp.25.goods", 4_000, 4_001, "bps", 10_000, "CNY"]
    assert "100.00 CNY would fit now" in refused.facts["advice"]["en"]
    assert "目前尚余额度 100.00 CNY" in refused.facts["advice"]["zh"]
    assert await court.tried(other, 10_000) is None
    assert (await court.no(court.load(one, 1, channel=Channel.COUNTER))).facts["left_minor"] == 0
    await court.verify()


async def test_on_a_live_side_nothing_is_loaded_that_nobody_can_measure(db, keyring, site):
    """Stated again without the figure, the ceiling isn't off: it can't be told, so nothing is sold until it can."""
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.LIVE, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.programme()
    tomorrow = (datetime.now(CHINA) + timedelta(days=1)).date().isoformat()
    kinds = {"registered": None, "bearer": {**BEARER["bearer"], "max_balance_minor": 100_000}}
    document = text_of(effective_on=tomorrow, number_prefix="900001", kinds=kinds)
    assert not isinstance(await court.putting(programme, document), Refused)
    with site.superuser() as admin:
        admin.execute("UPDATE programmes.versions SET effective_at = effective_at - interval '9 days'")
        admin.commit()
    await court.enter_gates(programme)

    async def stated(**figures):
        wish = retailer(court.key(), **figures)
        await court.within(lambda tx: programmes.state_issuers(tx, court.book, [wish]))

    await stated(revenue_minor=10**9)
    launch = programmes.Launch(court.key(), programme.id, "Wu")
    (launched,) = await court.within(lambda tx: programmes.launch(tx, court.book, [launch]))
    assert isinstance(launched, programmes.Launched)
    card, shop = await court.card(programme, 10_000), await court.merchant()
    await stated(capital_minor=10**9)
    missing = Refused("programmes.issuer_figure_missing", {"field": "revenue_minor"})
    assert await court.no(court.load(card, 1)) == missing
    assert await court.issue(programme) == missing
    await court.do(court.redeem(card, shop, 500))
    await stated(revenue_minor=10**9)
    await court.do(court.load(card, 1))
    await court.verify()


async def test_a_batch_is_judged_as_one_by_one(court):
    programme = await court.under(kinds=BEARER, split=SPLIT)
    bought = [await court.card(programme) for _ in range(3)]
    wishes = [
        cards.Load(key=court.key(), card=card, amount_minor=minor, asset="CNY", source=FundingSource.CASH, payer="tom",
                   channel=Channel.COUNTER)
        for card, minor in ((bought[0], 60_000), (bought[0], 40_001), (bought[0], 40_000), (bought[1], 100_000))
    ]  # fmt: skip
    outcomes = await court.run(*wishes)
    assert [o.facts["clause"] if isinstance(o, Refused) else None for o in outcomes] == [
        None, "sp.18.bearer_root", None, None,
    ]  # fmt: skip
    await court.verify()


async def test_the_document_s_funding_and_limits_bind_its_cards(court):
    limits = [{"flow": "load", "subjects": ["card"], "per": "day", "max_minor": 1_000}]
    programme = await court.under(kinds=BEARER, funding=["transfer"], limits=limits)
    card = await court.card(programme)
    refused = await court.no(court.load(card, 10, source="cash"))
    assert refused == Refused("cards.funding_not_accepted", {"source": "cash", "one_of": "transfer"})
    await court.do(court.load(card, 700))
    refused = await court.no(court.load(card, 301))
    assert (refused.code, refused.facts["limit"], refused.facts["left_minor"]) == (
        "ledger.limit_exceeded", "load.card.day", 300,
    )  # fmt: skip
    await court.verify()


async def test_a_later_version_s_limits_bind_new_cards_and_older_ones_keep_theirs(db, keyring):
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    day = {"flow": "load", "subjects": ["card"], "per": "day"}
    month = {"flow": "load", "subjects": ["card"], "per": "month", "max_minor": 400}
    programme = await court.under(kinds=BEARER, limits=[{**day, "max_minor": 1_000}])
    old = await court.card(programme, 500)
    tomorrow = (datetime.now(CHINA) + timedelta(days=1)).date().isoformat()
    await court.put(programme, tomorrow, kinds=BEARER, limits=[{**day, "max_minor": 300}, month])
    await court.do(court.load(old, 500))
    await court.days(1)
    new = await court.card(programme)
    await court.do(court.redeem(old, await court.merchant(), 1_000))
    await court.do(court.load(old, 1_000))
    refused = await court.no(court.load(new, 301))
    assert (refused.facts["limit"], refused.facts["left_minor"]) == ("load.card.day", 300)
    await court.do(court.load(new, 300))
    await court.days(1)
    await court.do(court.redeem(old, await court.merchant(), 1_000))
    await court.do(court.load(old, 1_000))
    # The day after may be of another month.
    refused = await court.no(court.load(new, 301))
    assert refused.facts["limit"] in {"load.card.month", "load.card.day"}
    await court.verify()


async def test_a_later_version_takes_no_cards_from_under_their_law(db, keyring):
    """Art. 19 keeps the value of cards that are over; no version makes them cards of a class that has no Art. 19."""
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.programme(prefix="990004")
    shipped = programmes.shipped_text("city-grocer")
    await court.putting(programme, shipped)
    await court.enter_gates(programme)
    launch = programmes.Launch(court.key(), programme.id, "Wu")
    (launched,) = await court.within(lambda tx: programmes.launch(tx, court.book, [launch]))
    assert isinstance(launched, programmes.Launched)
    card, now = await court.card(programme), datetime.now(UTC)
    await court.do(court.load(card, 8_000, channel=Channel.COUNTER, expires_at=now + timedelta(days=1_150)))
    voucher = text_of(
        effective_on="2026-02-01", number_prefix="990004",
        kinds={"registered": None, "bearer": {"validity": {"days": 1096, "since": "activation", "reactivation_days": 0}}},
        **{"class": "fixed_goods_voucher"},
    )  # fmt: skip
    refused = await court.putting(programme, voucher)
    assert refused.code == "programmes.reclassified"
    await court.days(1_200)
    lost = await court.no(cards.Expire(key="e", card=card))
    assert (lost.facts["clause"], await court.held(card)) == ("sp.19.after_expiry", 8_000)
    await court.verify()


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        ("single_purpose", "sp.19.after_expiry"),
        ("multi_purpose", "cn.forfeiture"),
        ("telecom_topup", "cn.forfeiture"),
        ("fixed_goods_voucher", "cn.forfeiture"),
    ],
)
@pytest.mark.clause("sp.19.after_expiry", "cn.forfeiture")
async def test_in_china_nothing_that_was_paid_for_is_forfeited(db, keyring, kind, clause):
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.under(kinds=BEARER, **{"class": kind})
    await court.enter_gates(programme)
    card, now = await court.card(programme), datetime.now(UTC)
    await court.do(court.load(card, 8_000, channel=Channel.COUNTER, expires_at=now + timedelta(days=1_150)))
    await court.days(1_200)
    refused = await court.no(cards.Expire(key="e", card=card))
    assert (refused.facts["clause"], await court.held(card)) == (clause, 8_000)
    await court.verify()


@pytest.mark.parametrize(
    ("kind", "clause"), [("single_purpose", "sp.19.reactivation"), ("multi_purpose", "cn.reactivation")]
)
@pytest.mark.clause("sp.19.reactivation", "cn.reactivation")
async def test_no_card_is_issued_that_can_t_be_made_to_go_on(court, kind, clause):
    validity = {**BEARER["bearer"]["validity"], "reactivation_days": 0}
    programme = await court.under(kinds={"registered": None, "bearer": {"validity": validity}}, **{"class": kind})
    await court.enter_gates(programme)
    assert (await court.issue(programme)).facts["clause"] == clause


@pytest.mark.clause("cn.replacement_fee")
async def test_no_card_is_issued_whose_replacement_costs_too_much(court):
    dear = await court.under(kinds=BEARER, fees={"replacement_minor": 2_001})
    refused = await court.issue(dear)
    told = {name: refused.facts[name] for name in ("clause", "limit_minor", "found_minor", "currency")}
    assert told == {"clause": "cn.replacement_fee", "limit_minor": 2_000, "found_minor": 2_001, "currency": "CNY"}
    fair = await court.under("900002", kinds=BEARER, fees={"replacement_minor": 2_000})
    assert not isinstance(await court.issue(fair), Refused)


async def test_a_limit_that_is_declared_while_cards_are_loaded_counts_exactly(court):
    """The counters agree with a recount, wherever the version came between the batches."""
    programme = await court.under(kinds=BEARER)
    held = [await court.card(programme) for _ in range(4)]

    async def loads():
        for _ in range(10):
            await asyncio.gather(*(court.do(court.load(card, 10)) for card in held))

    async def puts():
        for n in range(3):
            await asyncio.sleep(0.05)
            limit = {"flow": "load", "subjects": ["card"], "per": ("day", "month", "lifetime")[n], "max_minor": 10**6}
            await court.put(programme, f"202{n + 1}-01-01", kinds=BEARER, limits=[limit])

    await asyncio.gather(loads(), puts())
    await court.do(*(court.load(card, 10) for card in held))
    await court.verify()


async def test_what_holders_have_together_is_bound_before_the_first_card_or_never(court):
    programme = await court.under(kinds=BEARER)
    await court.card(programme)
    bound = {"flow": "load", "subjects": ["holder"], "per": "balance", "max_minor": 10}
    text = text_of(effective_on="2022-01-01", number_prefix="900001", limits=[bound])
    wish = PutVersion("p", programme.id, text, "Li Na")
    (refused,) = await court.within(lambda tx: cards.put_versions(tx, court.book, [wish]))
    assert refused == Refused("programmes.bound_too_late", {"limit": "load.holder.balance"})


async def test_a_card_that_is_made_in_the_same_batch_is_nobody_s_to_name(court):
    """Its id isn't told before the batch is over. Whoever guesses it is told that there is no such card, and no more."""
    programme = await court.under(kinds=BEARER)
    card = await court.card(programme, 50_000)
    probe = await court.card(programme)
    near = range(probe + 1, probe + 12)
    wishes = [
        cards.Issue(key=court.key(), programme_id=programme.id),
        *(court.load(one, 10, payer="tom") for one in near),
        *(cards.Transfer(key=court.key(), card=card, to_card=one, asset="CNY", purpose="gift") for one in near),
        *(cards.Close(key=court.key(), card=one, reason="r", made_by="m") for one in near),
    ]
    made, *outcomes = await court.within(lambda tx: cards.run(tx, court.book, wishes, court.keyring))
    assert made.card.id in near, "one of the guesses was right"
    assert {one.code for one in outcomes} == {"cards.unknown_card"}
    await court.verify()


async def test_a_bearer_card_gives_to_a_registered_one_and_what_its_root_holds_is_known(court):
    programme = await court.under(kinds={**BEARER, "registered": {"max_balance_minor": None}}, gift={"claim_days": 7})
    bearer, ann = await court.card(programme, 500), await court.person()
    registered = await court.card(programme, 700, holder_ref=ann)
    for one, other in ((bearer, registered), (registered, bearer)):
        gift = cards.Transfer(
            key=court.key(), card=one, to_card=other, asset="CNY", purpose=cards.Purpose.GIFT, amount_minor=1
        )
        (outcome,) = await court.run(gift)
        assert not isinstance(outcome, Refused) or outcome.code == "cards.identity_too_low"
    await court.verify()

"""The law in the path of every movement: facts are told truly, sums can't be dodged, pilots end by themselves."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from koudai import cards, identity, ledger, programmes
from koudai.base import CHINA, Refused
from koudai.cards import Channel, FundingSource
from koudai.identity import Mode
from koudai.ledger import Place
from koudai.programmes import (
    Enforce,
    Issuer,
    IssuerClass,
    OpenedPilot,
    OpenPilot,
    PutVersion,
    Sector,
    StateIssuer,
    Version,
)
from tests.cards.conftest import Counter
from tests.programmes.drafts import text_of

pytestmark = pytest.mark.anyio

BEARER = {"registered": None, "bearer": {"validity": {"days": 1096, "since": "issue", "renewal": "on_request"}}}
SPLIT = {"max_pieces": 9, "max_generations": 3, "min_minor": 1}
FUNDING = ["cash", "transfer", "debit", "credit", "bonus"]


class Court(Counter):
    """A counter whose programmes have documents, and whose customers are known."""

    def __init__(self, *args):
        super().__init__(*args)
        self.bearers = set()

    async def under(self, prefix="900001", **changes):
        """A programme whose document took effect long ago."""
        programme = await self.programme(prefix=prefix)
        await self.put(programme, **changes)
        return programme

    async def put(self, programme, day="2020-01-01", **changes):
        told = {"funding": FUNDING, "number_prefix": programme.number_prefix, **changes}
        wish = PutVersion(self.key(), programme.id, text_of(effective_on=day, **told), "Li Na")
        (made,) = await self.within(lambda tx: cards.put_versions(tx, self.book, [wish]))
        assert isinstance(made, Version), made

    async def issue(self, programme, **more):
        made = await super().issue(programme, **more)
        if not isinstance(made, Refused) and more.get("holder_ref") is None:
            self.bearers.add(made.card.id)
        return made

    async def tried(self, card, minor, source=FundingSource.TRANSFER, **more):
        """The clause that refuses a load; None where it is booked."""
        told = {"channel": Channel.COUNTER, **more}
        (outcome,) = await self.run(self.load(card, minor, source=source, **told))
        return outcome.facts["clause"] if isinstance(outcome, Refused) else None

    def load(self, card, amount, *, source=FundingSource.TRANSFER, **more):
        """A load; of a bearer card by a buyer of its own where no other is named."""
        told = {"payer": f"buyer of {card}", **more} if card in self.bearers else more
        return super().load(card, amount, source=source, **told)

    async def split(self, card, *pieces):
        wish = cards.Split(key=self.key(), card=card, pieces=pieces, asset="CNY")
        (made,) = await self.within(lambda tx: cards.run(tx, self.book, [wish], self.keyring))
        assert not isinstance(made, Refused), made
        self.bearers |= {piece.card.id for piece in made.cards if piece.card.holder_ref is None}
        return made

    async def days(self, number):
        """Let the book's time go on."""
        now = await self.within(lambda tx: ledger.time_of_book(tx, self.book))
        await self.within(lambda tx: identity.advance_clock(tx, self.book, now + timedelta(days=number)))

    async def judgements(self):
        return await self.within(lambda tx: cards.page_judgements(tx, self.book, Place(0, 0), 100))


@pytest.fixture
def court(db, keyring):
    return Court(db, keyring)


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


async def test_two_tills_load_no_more_on_one_root_than_there_is_room(court):
    programme = await court.under(kinds=BEARER, split=SPLIT)
    card = await court.card(programme, 90_000)
    pieces = [piece.card.id for piece in (await court.split(card, 10_000, 10_000, 10_000)).cards]
    tills = (court.tried(one, 3_000, payer=f"p{n}") for n, one in enumerate([card, *pieces] * 2))
    outcomes = await asyncio.gather(*tills)
    assert sorted(outcomes, key=str) == [None] * 3 + ["sp.18.bearer_root"] * 5
    await court.verify()


async def test_returned_goods_don_t_pass_the_cap(court):
    programme = await court.under(kinds=BEARER)
    card, shop = await court.card(programme, 100_000), await court.merchant()
    paid = await court.do(court.redeem(card, shop, 5_000))
    assert await court.tried(card, 4_000) is None
    refused = await court.no(court.refund(5_000, of=paid))
    assert refused.facts["clause"] == "sp.18.bearer_root"
    assert not isinstance((await court.run(court.refund(1_000, of=paid)))[0], Refused)


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


PILOT = {
    "policy": {"pack": "cn-single-purpose", "pilots": ["more-room"]},
    "kinds": {"registered": {"max_balance_minor": None}},
}


async def opened(court, programme, *, cap_minor=1_000, cap_holders=5, until=None, opens=("sp.18.registered",)):
    ends = until or datetime.now(UTC) + timedelta(days=30)
    wish = OpenPilot(court.key(), programme.id, "more-room", opens, cap_minor, cap_holders, ends, "a trial", "Wu")
    (made,) = await court.within(lambda tx: programmes.open_pilots(tx, court.book, [wish]))
    return made


async def test_a_pilot_opens_a_clause_within_its_caps_and_marks_what_passes(court):
    programme = await court.under(**PILOT)
    card = await court.card(programme, holder_ref=await court.person())
    assert await court.tried(card, 500_000) is None
    assert await court.tried(card, 1) == "sp.18.registered"
    assert isinstance(await opened(court, programme), OpenedPilot)
    assert await court.tried(card, 1_001) == "sp.18.registered", "more than its cap"
    assert await court.tried(card, 700) is None
    assert await court.tried(card, 301) == "sp.18.registered", "no more than what is left"
    assert await court.tried(card, 300) is None
    marked = await court.judgements()
    # On the day of its issue a load is the purchase of the card, too; what is judged at both points is taken once.
    told = [(one.point, one.pilots) for one in marked]
    assert told == [("issue", "more-room(sp.18.registered)"), ("load", "more-room(sp.18.registered)")] * 2
    (pilot,) = await court.within(lambda tx: programmes.pilots(tx, court.book))
    assert (pilot.used_minor, pilot.holders) == (1_000, 1)
    await court.verify()


async def test_a_pilot_has_no_more_holders_than_its_cap_and_ends_by_itself(db, keyring):
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    programme = await court.under(**PILOT)
    people = [await court.person(f"{n:03}") for n in range(1, 4)]
    held = [await court.card(programme, holder_ref=one) for one in people]
    for card in held:
        assert await court.tried(card, 500_000) is None
    await opened(court, programme, cap_minor=10**6, cap_holders=2)
    assert [await court.tried(card, 10) for card in held] == [None, None, "sp.18.registered"]
    await court.days(31)
    assert await court.tried(held[0], 10) == "sp.18.registered"


async def test_a_bearer_card_is_one_holder_to_a_pilot_from_its_issue_on(court):
    """Here under an issuer that never filed (Art. 7): of three cards that are issued together two are in the pilot."""
    today = datetime.now(CHINA).date()
    late = StateIssuer(
        "s", IssuerClass.OTHER, Sector.RETAIL, today - timedelta(days=400), today - timedelta(days=31), "Li"
    )
    await court.within(lambda tx: programmes.state_issuers(tx, court.book, [late]))
    programme = await court.under(policy=PILOT["policy"], kinds=BEARER)
    assert (await court.issue(programme)).facts["clause"] == "sp.7.filing"
    await opened(court, programme, cap_holders=2, opens=("sp.7.filing",))
    wishes = [cards.Issue(key=court.key(), programme_id=programme.id) for _ in range(3)]
    *made, third = await court.within(lambda tx: cards.run(tx, court.book, wishes, court.keyring))
    assert third.facts["clause"] == "sp.7.filing"
    for one in (*made, *made):
        assert await court.tried(one.card.id, 100, payer="tom") is None
    (pilot,) = await court.within(lambda tx: programmes.pilots(tx, court.book))
    assert (pilot.used_minor, pilot.holders) == (400, 2)
    await court.verify()


async def test_many_tills_take_no_more_of_a_pilot_than_there_is(court):
    programme = await court.under(**PILOT)
    held = [await court.card(programme, holder_ref=await court.person(f"{n:03}")) for n in range(1, 9)]
    for card in held:
        assert await court.tried(card, 500_000) is None
    await opened(court, programme, cap_minor=500, cap_holders=100)
    outcomes = await asyncio.gather(*(court.tried(card, 100) for card in held))
    assert sorted(outcomes, key=str) == [None] * 5 + ["sp.18.registered"] * 3
    (pilot,) = await court.within(lambda tx: programmes.pilots(tx, court.book))
    assert (pilot.used_minor, pilot.holders) == (500, 5)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"opens": ("sp.18.bearer_root",)}, "policy.pilot_statutory"),
        ({"opens": ()}, "policy.pilot_nothing_opened"),
        ({"opens": ("sp.99",)}, "policy.unknown_clause"),
        ({"cap_minor": 0}, "policy.pilot_no_cap"),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, "policy.pilot_ended"),
    ],
)
async def test_a_pilot_that_may_not_be_is_not_opened(court, wish, code):
    assert (await opened(court, await court.under(**PILOT), **wish)).code == code


async def test_a_pilot_that_no_document_names_is_not_opened(court):
    refused = await opened(court, await court.under(kinds={"registered": {"max_balance_minor": None}}))
    assert refused == Refused("programmes.pilot_not_named", {"pilot": "more-room"})


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
        assert not isinstance(outcome, Refused) or outcome.facts.get("clause"), "it is judged"
    await court.verify()

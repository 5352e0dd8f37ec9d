"""Sandbox pilots open clauses within their caps, mark what passes, and end by themselves."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from koudai import cards, identity, programmes
from koudai.base import CHINA, Refused
from koudai.identity import Mode
from koudai.programmes import (
    IssuerClass,
    OpenedPilot,
    OpenPilot,
    Sector,
    StateIssuer,
    Version,
)
from tests.cards.court import BEARER, FUNDING, Court
from tests.programmes.drafts import text_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def court(db, keyring):
    return Court(db, keyring)


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


@pytest.mark.clause("sp.18.registered")
async def test_a_launched_programme_has_more_room_while_its_pilot_lasts(db, keyring):
    """What the pilot opens stands in no version's way; once it has ended the clause refuses again by itself."""
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.TEST, create=True))
    court = Court(db, keyring, side.id)
    law, lawful = PILOT["policy"], {"registered": {"max_balance_minor": 500_000}}
    roomy = {"registered": {"max_balance_minor": 600_000}}
    programme = await court.under(kinds=lawful, funding=FUNDING[:3])
    await court.enter_gates(programme)
    launch = programmes.Launch(court.key(), programme.id, "Wu")
    (launched,) = await court.within(lambda tx: programmes.launch(tx, court.book, [launch]))
    assert isinstance(launched, programmes.Launched)
    card = await court.card(programme, holder_ref=await court.person())
    assert await court.tried(card, 500_000) is None

    def version(day, **changes):
        told = {"funding": FUNDING[:3], "number_prefix": programme.number_prefix, **changes}
        return court.putting(programme, text_of(effective_on=day, **told))

    assert (await version("2021-01-01", kinds=roomy, policy=law)).facts["clause"] == "sp.18.registered"
    assert isinstance(await version("2021-01-01", kinds=lawful, policy=law), Version)
    await opened(court, programme, cap_minor=10**6)
    far = (datetime.now(CHINA) + timedelta(days=40)).date().isoformat()
    late = await version(far, kinds=roomy, policy=law)
    assert late.facts["clause"] == "sp.18.registered", "it is in force when the pilot has ended"
    unnamed = await version("2022-01-01", kinds=roomy)
    assert unnamed.facts["clause"] == "sp.18.registered", "it doesn't name the pilot"
    assert isinstance(await version("2022-01-01", kinds=roomy, policy=law), Version)
    assert await court.tried(card, 60_000) is None
    assert (await court.judgements())[-1].pilots == "more-room(sp.18.registered)"
    await court.days(31)
    assert await court.tried(card, 10) == "sp.18.registered", "its document would let it hold that"
    assert (await version("2023-01-01", kinds=roomy, policy=law)).facts["clause"] == "sp.18.registered"
    await court.verify()


async def test_what_a_pilot_opens_stands_in_no_launch_s_way(court):
    programme = await court.under(**PILOT, funding=FUNDING[:3])
    await court.enter_gates(programme)

    async def launch():
        wish = programmes.Launch(court.key(), programme.id, "Wu")
        return (await court.within(lambda tx: programmes.launch(tx, court.book, [wish])))[0]

    assert (await launch()).facts["clause"] == "sp.18.registered"
    await opened(court, programme)
    assert isinstance(await launch(), programmes.Launched)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"opens": ("sp.18.bearer_root",)}, "policy.pilot_statutory"),
        # It would be of no use: what all cards of the root hold is no less than what one of them holds.
        ({"opens": ("sp.18.bearer",)}, "policy.pilot_statutory"),
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

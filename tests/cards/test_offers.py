"""What a programme's document lets be done with its cards: issued, of which kinds, and split how."""

import asyncio
from datetime import date

import pytest

from koudai import cards, identity, programmes
from koudai.base import Refused
from koudai.cards import CardRefusal
from koudai.identity import Mode
from koudai.programmes import (
    EnterGate,
    GateEntry,
    Issuer,
    IssuerClass,
    Launch,
    Launched,
    PutVersion,
    Sector,
    StateIssuer,
    Version,
)
from tests.cards.conftest import Counter
from tests.cards.documented import FUNDED
from tests.holders.conftest import FrontDesk
from tests.programmes.drafts import text_of

SPLIT = {"max_pieces": 3, "max_generations": 1, "min_minor": 10}


async def put(counter, programme, key, day, **changes):
    # Under no law but that of a sandbox, where nothing says otherwise: what the law does is in test_law.
    told = {"policy": {"pack": "sandbox"}, "sandbox_only": True, **changes}
    text = text_of(
        effective_on=day,
        **{"number_prefix": programme.number_prefix, "funding": FUNDED, **told},
    )
    wish = PutVersion(key, programme.id, text, "Li Na")
    (made,) = await counter.within(lambda tx: cards.put_versions(tx, counter.book, [wish]))
    assert isinstance(made, Version), made


async def split(counter, card, *pieces):
    wish = cards.Split(key=counter.key(), card=card, pieces=pieces, asset="CNY")
    (outcome,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
    return outcome


async def test_a_programme_without_a_document_bounds_nothing(counter):
    card = await counter.card(await counter.programme(), 100)
    assert not isinstance(await split(counter, card, 1), Refused)


async def test_no_card_is_issued_before_the_first_version_is_in_force(counter):
    programme = await counter.programme()
    await put(counter, programme, "v", "2199-01-01")
    refused = await counter.issue(programme, holder_ref="ann")
    assert refused == Refused(CardRefusal.NOT_IN_FORCE, {"effective_at": "2198-12-31T16:00:00Z"})


@pytest.mark.parametrize(
    ("kinds", "holder", "offered"),
    [
        ({"registered": {}}, "ann", True),
        ({"registered": {}}, None, False),
        ({"registered": None, "bearer": {}}, None, True),
        ({"registered": None, "bearer": {}}, "ann", False),
    ],
)
async def test_cards_are_of_the_kinds_that_the_document_has(counter, kinds, holder, offered):
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01", kinds=kinds)
    made = await counter.issue(programme, holder_ref=holder)
    if offered:
        assert isinstance(made, cards.Issued)
    else:
        kind = "bearer" if holder is None else "registered"
        assert made == Refused(CardRefusal.KIND_NOT_OFFERED, {"card_kind": kind})


async def test_on_a_live_side_no_card_is_issued_before_the_launch(db, keyring, site):
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", Mode.LIVE, create=True))
    counter = Counter(db, keyring, side.id)
    programme = await counter.programme()
    desk = FrontDesk(db, keyring, side.id)
    ann = (await desk.do(desk.whole_person())).ref
    assert await counter.issue(programme, holder_ref=ann) == Refused(CardRefusal.NOT_LAUNCHED)
    # A version for a live side takes effect after now: here the day has come at once.
    await put(counter, programme, "v", "2199-01-01", policy={"pack": "cn-single-purpose"}, sandbox_only=False)
    site.change("UPDATE programmes.versions SET effective_at = '2020-01-01'")
    assert await counter.issue(programme, holder_ref=ann) == Refused(CardRefusal.NOT_LAUNCHED)
    stated = StateIssuer("s", IssuerClass.OTHER, Sector.RETAIL, date(2010, 1, 1), date(2012, 1, 1), "Li Na", 10**9)
    (issuer,) = await counter.within(lambda tx: programmes.state_issuers(tx, counter.book, [stated]))
    assert isinstance(issuer, Issuer)
    gates = [EnterGate(f"g {gate}", programme.id, gate, "001", "Li Na") for gate in ("filing", "terms", "custody")]
    entered = await counter.within(lambda tx: programmes.enter_gates(tx, counter.book, gates))
    assert all(isinstance(one, GateEntry) for one in entered)
    wish = Launch("l", programme.id, "Wu")
    (launched,) = await counter.within(lambda tx: programmes.launch(tx, counter.book, [wish]))
    assert isinstance(launched, Launched)
    assert isinstance(await counter.issue(programme, holder_ref=ann), cards.Issued)


async def test_a_card_is_split_as_its_document_says(counter):
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01", split=SPLIT)
    card = await counter.card(programme, 100, holder_ref="ann")
    assert await split(counter, card, 20, 9) == Refused(
        CardRefusal.PIECE_TOO_SMALL, {"limit_minor": 10, "amount_minor": 9, "currency": "CNY"}
    )
    made = await split(counter, card, 20, 20)
    assert await split(counter, card, 10, 10) == Refused(
        CardRefusal.BAD_PIECES, {"pieces": 2, "limit_count": 3, "left_count": 1}
    )
    child = made.cards[0].card.id
    assert await split(counter, child, 10) == Refused(
        CardRefusal.TOO_MANY_GENERATIONS, {"limit_count": 1, "generation": 1}
    )
    assert not isinstance(await split(counter, card, 10), Refused)
    assert (await split(counter, card, 10)).facts["left_count"] == 0
    await counter.verify()


async def test_a_document_that_says_nothing_of_splits_offers_none(counter):
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01")
    card = await counter.card(programme, 100, holder_ref="ann")
    assert await split(counter, card, 10) == Refused(CardRefusal.NOT_SPLITTABLE)


async def test_what_a_card_was_promised_outlives_the_version(counter):
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01", split=SPLIT)
    old = await counter.card(programme, 100, holder_ref="ann", event_at=programmes.start_of(_of("2021-01-01")))
    await put(counter, programme, "w", "2022-01-01")
    new = await counter.card(programme, 100, holder_ref="ann")
    assert not isinstance(await split(counter, old, 20), Refused)
    assert await split(counter, new, 20) == Refused(CardRefusal.NOT_SPLITTABLE)


def _of(day):
    return programmes.read_programme(text_of(effective_on=day)).value


async def test_many_at_once_make_no_more_pieces_than_the_root_may_have(counter):
    """Also where the cards that are split are other ones: it is the root that is counted."""
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01", split={**SPLIT, "max_pieces": 6, "max_generations": 2})
    card = await counter.card(programme, 1_000, holder_ref="ann")
    first = await split(counter, card, 300, 300)
    sources = [card, *(piece.card.id for piece in first.cards)]
    outcomes = await asyncio.gather(*(split(counter, sources[n % 3], 10) for n in range(9)))
    assert sum(not isinstance(outcome, Refused) for outcome in outcomes) == 4
    assert {o.code for o in outcomes if isinstance(o, Refused)} == {CardRefusal.BAD_PIECES}
    await counter.verify()

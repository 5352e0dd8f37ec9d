"""Returned goods go back to the card that paid; to another one of the same kind where that can't take them."""

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal, FundingSource, PaidTo
from tests.cards.lives import Life, day
from tests.cards.test_law import BEARER, SPLIT, Court

ONCE = {"days": 10, "reactivation_days": 0}
BOTH = {kind: {"validity": {**ONCE}} for kind in ("registered", "bearer")}


@pytest.fixture
async def life(counter):
    life = Life(counter)
    return await life.open(kinds=BOTH)


async def paid(life, name="card", minor=40, **more):
    """A card that paid, and the place of its redemption."""
    await life.card(name, minor, **more)
    return (await life.counter.do(life.counter.redeem(life.ids[name], life.shop, minor))).place


async def test_goods_go_to_the_original_card_while_that_can_take_them(life):
    place = await paid(life)
    await life.card("other")
    back = await life.counter.do(life.counter.refund(40, of=place, to_card=life.ids["other"]))
    assert back.card_id == life.ids["card"]


@pytest.mark.parametrize("gone", ["closed", "expired"])
async def test_where_the_original_is_gone_another_card_of_the_kind_is_needed_and_takes_them(life, gone):
    place = await paid(life)
    if gone == "closed":
        await life.counter.do(life.do("close"))
    else:
        await life.until(day(11))
    await life.card("other")
    because = "cards.deactivated" if gone == "closed" else "cards.expired_over"
    assert await life.counter.no(life.counter.refund(40, of=place)) == Refused(
        CardRefusal.OTHER_CARD_NEEDED, {"because": because, "card_kind": "bearer"}
    )
    back = await life.counter.do(life.counter.refund(15, of=place, to_card=life.ids["other"]))
    assert (back.card_id, back.redemption) == (life.ids["other"], place)
    again = life.counter.refund(26, of=place, to_card=life.ids["other"])
    assert await life.told(again) == "cards.refund_exceeds_paid"
    assert await life.counter.held(life.ids["other"]) == 15
    await life.counter.verify()


async def test_where_the_original_would_hold_too_much_another_card_takes_them(counter):
    programme, shop = await counter.programme(max_balance=100), await counter.merchant()
    card = await counter.card(programme, 50)
    place = (await counter.do(counter.redeem(card, shop, 30))).place
    await counter.do(counter.load(card, 75))
    other, full = await counter.card(programme, 90), await counter.card(programme, 91)
    assert (await counter.no(counter.refund(10, of=place))).code == CardRefusal.BALANCE_CAP_EXCEEDED
    assert (await counter.no(counter.refund(10, of=place, to_card=full))).code == CardRefusal.BALANCE_CAP_EXCEEDED
    assert (await counter.do(counter.refund(10, of=place, to_card=other))).card_id == other
    assert (await counter.do(counter.refund(5, of=place, to_card=other))).card_id == card, "that much fits"
    await counter.verify()


@pytest.mark.parametrize(
    ("holder", "other", "outcome"),
    [
        ("ann", {"holder_ref": "ann"},                      None),
        ("ann", {"holder_ref": "bob"},                      CardRefusal.OTHER_HOLDER),
        ("ann", {},                                         CardRefusal.OTHER_KIND),
        (None,  {},                                         None),
        (None,  {"holder_ref": "ann"},                      CardRefusal.OTHER_KIND),
        ("ann", {"holder_ref": "ann", "active": False},     CardRefusal.NOT_ACTIVE),
        ("ann", "another programme",                        CardRefusal.OTHER_KIND),
        ("ann", "nothing",                                  CardRefusal.UNKNOWN_CARD),
        ("ann", "itself",                                   CardRefusal.SAME_CARD),
    ],
)  # fmt: skip
async def test_only_a_card_of_the_same_programme_kind_and_holder_takes_them(life, holder, other, outcome):
    counter = life.counter
    place = await paid(life, holder_ref=holder)
    await counter.do(life.do("close"))
    if other == "another programme":
        to = await counter.card(await counter.programme(), holder_ref=holder)
    elif isinstance(other, str):
        to = life.ids["card"] if other == "itself" else 10**15
    else:
        await life.card("other", **other)
        to = life.ids["other"]
    (made,) = await counter.run(counter.refund(40, of=place, to_card=to))
    assert (made.code if isinstance(made, Refused) else None) == outcome
    await counter.verify()


async def test_a_card_is_named_by_its_number_as_by_its_id(life, keyring):
    place = await paid(life)
    await life.counter.do(life.do("close"))
    made = await life.counter.issue(life.programme)
    by_number = life.counter.refund(40, of=place, to_card=keyring.lookup_hash(made.number), key="k")
    by_id = life.counter.refund(40, of=place, to_card=made.card.id, key="k")
    assert await life.counter.do(by_number) == await life.counter.do(by_id)


async def test_lots_go_along_and_what_expired_meanwhile_has_the_time_that_was_left(life):
    counter = life.counter
    await life.card()
    card = life.ids["card"]
    bonus = {"source": FundingSource.BONUS}
    await counter.do(counter.load(card, 30, expires_at=day(8), **bonus), counter.load(card, 10), counter.load(card, 20, expires_at=day(90), **bonus))  # fmt: skip
    await life.until(day(6))
    place = (await counter.do(counter.redeem(card, life.shop, 60))).place
    await life.until(day(11))
    await life.card("other")
    await counter.do(counter.refund(60, of=place, to_card=life.ids["other"]))
    lots = await counter.within(lambda tx: ledger.lots_of(tx, counter.book, life.ids["other"]))
    found = {(lot.source, lot.minor, lot.expires_at) for lot in lots}
    assert found == {("bonus", 30, day(13)), ("cash", 10, None), ("bonus", 20, day(90))}
    assert (await life.see("other")).available_minor == 60
    await counter.verify()


async def test_in_one_batch_a_card_is_closed_and_its_goods_come_back(life):
    place = await paid(life)
    await life.card("other")
    await life.counter.do(life.do("close"), life.counter.refund(40, of=place, to_card=life.ids["other"]))
    assert await life.counter.held(life.ids["other"]) == 40
    close = cards.Close(
        key="c", card=life.ids["other"], reason="r", made_by="m", paid_to=PaidTo.CASH, identity_ref="bob"
    )
    assert (await life.counter.do(close)).amount_minor == 40
    await life.counter.verify()


async def test_where_the_law_leaves_no_room_on_the_original_another_card_takes_them(db, keyring):
    """Art. 20: all cards of one root are full together (Art. 18), and the goods are paid back to another one."""
    court = Court(db, keyring)
    programme = await court.under(kinds=BEARER, split=SPLIT)
    card, shop = await court.card(programme, 100_000), await court.merchant()
    place = (await court.do(court.redeem(card, shop, 60_000))).place
    child = (await court.split(card, 20_000)).cards[0].card.id
    await court.do(court.load(child, 55_000))
    other, full = await court.card(programme), await court.card(programme, 40_001)
    for to_card in (None, child, full):
        refused = await court.no(court.refund(60_000, of=place, to_card=to_card))
        assert refused.facts["clause"] == "sp.18.bearer_root", to_card
    back = await court.do(court.refund(60_000, of=place, to_card=other))
    assert (back.card_id, await court.held(other), await court.held(card)) == (other, 60_000, 20_000)
    fits = await court.do(court.redeem(card, shop, 5_000))
    assert (await court.do(court.refund(5_000, of=fits.place, to_card=other))).card_id == card, "there is room for it"
    await court.verify()


WHOLE = [(kind, True) for kind in ("court", "police", "aml", "risk", "holder")]
"""A holder stops the whole card, and no amount."""


@pytest.mark.parametrize(("kind", "whole"), [*WHOLE, *((kind, False) for kind, _ in WHOLE[:-1])])
async def test_what_a_freeze_waits_for_goes_to_no_other_card(counter, kind, whole):
    programme, shop = await counter.programme(max_balance=100), await counter.merchant()
    card, other = await counter.card(programme, 50), await counter.card(programme)
    place = (await counter.do(counter.redeem(card, shop, 30))).place
    await counter.do(counter.load(card, 75))
    order = {} if kind == "holder" else {"authority": "Some office", "document": "7"}
    amount = None if whole else 96
    wish = cards.Restrict(
        key="r", card=card, kind=cards.RestrictionKind(kind), amount_minor=amount, asset="CNY", made_by="wu", **order
    )
    stopped = await counter.do(wish)
    refund = counter.refund(10, of=place, to_card=other)
    if kind == "holder":
        assert (await counter.do(refund)).card_id == other
        return
    refused = await counter.no(refund)
    assert refused.code == ("cards.restricted" if whole else "cards.amount_restricted")
    assert await counter.held(other) == 0
    lift = cards.Lift(
        key="l", card=card, restriction=stopped.place, kind=cards.RestrictionKind(kind), made_by="wu", **order
    )
    await counter.do(lift)
    assert (await counter.do(counter.refund(10, of=place, to_card=other))).card_id == other
    await counter.verify()


async def test_what_a_freeze_of_an_amount_has_already_stands_in_nobody_s_way(counter):
    programme, shop = await counter.programme(max_balance=100), await counter.merchant()
    card, other = await counter.card(programme, 50), await counter.card(programme)
    place = (await counter.do(counter.redeem(card, shop, 30))).place
    await counter.do(counter.load(card, 75))
    await counter.do(cards.Restrict(
        key="r", card=card, kind=cards.RestrictionKind.COURT, amount_minor=95, asset="CNY", authority="Court", document="7",
        made_by="wu",
    ))  # fmt: skip
    assert (await counter.do(counter.refund(10, of=place, to_card=other))).card_id == other
    await counter.verify()


@pytest.mark.parametrize("gone", ["replaced", "closed"])
@pytest.mark.parametrize("payments", [2, 3])
async def test_what_several_payments_drew_comes_back_at_once_to_a_card_that_has_none_of_it(life, gone, payments):
    """Each payment drew value of another source: none of it is left on the card that takes it."""
    counter = life.counter
    await life.card("card")
    await life.card("other")
    card = life.ids["card"]
    sources = [FundingSource.CASH, FundingSource.DEBIT, FundingSource.TRANSFER][:payments]
    for source in sources:
        await counter.do(counter.load(card, 10, source=source))
    for _ in sources:
        await counter.do(counter.redeem(card, life.shop, 10))
    if gone == "replaced":
        wish = cards.Replace(key="new", card=card, reason="damaged")
        (made,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
        to = made.cards[0].card.id
    else:
        await counter.do(life.do("close"))
        to = life.ids["other"]
    back = counter.refund(10 * payments, card=card, merchant=life.shop, to_card=life.ids["other"])
    assert (await counter.do(back)).card_id == to
    lots = await counter.within(lambda tx: ledger.lots_of(tx, counter.book, to))
    assert sorted((str(lot.source), lot.minor) for lot in lots) == sorted((str(one), 10) for one in sources)
    await counter.verify()


async def test_verification_knows_who_took_over_from_a_card(life, monkeypatch):
    counter = life.counter
    place = await paid(life, holder_ref="ann")
    await life.card("stranger", holder_ref="mallory")
    wish = cards.Replace(key="new", card=life.ids["card"], reason="damaged")
    await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
    stranger = life.ids["stranger"]
    monkeypatch.setattr("koudai.cards.spend.pay.refund_target", lambda desk, *_: desk.cards[stranger])
    back = await counter.do(counter.refund(40, of=place, to_card=stranger))
    with pytest.raises(AssertionError, match=r"cards\.refund_parts"):
        await counter.verify()
    assert back.card_id == stranger

"""A card is split into new ones: nothing is lost, and each piece knows where its value comes from."""

import asyncio

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal
from koudai.cards.issue.offers import MAX_GENERATIONS, MAX_PIECES
from tests.cards.gifts import GiftTable

BONUS, CREDIT = cards.FundingSource.BONUS, cards.FundingSource.CREDIT


async def split(counter, card, *pieces, key=None, **more):
    wish = cards.Split(key=key or counter.key(), card=card, pieces=pieces, asset=more.pop("asset", "CNY"), **more)
    (outcome,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], counter.keyring))
    return outcome


async def parts(counter, card):
    """What a card holds, by source."""
    lots = await counter.within(lambda tx: ledger.lots_of(tx, counter.book, card))
    return {lot.source: lot.minor for lot in lots}


async def test_the_pieces_have_their_share_of_every_lot_and_the_rest_stays(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, holder_ref="ann")
    await counter.do(
        counter.load(card, 600), counter.load(card, 300, source=BONUS), counter.load(card, 100, source=CREDIT)
    )
    made = await split(counter, card, 100, 500, key="k")
    assert made.activity.amount_minor == 600
    assert [(c.card.balance_minor, c.card.state) for c in made.cards] == [(100, "ACTIVE"), (500, "ACTIVE")]
    one, two = (c.card.id for c in made.cards)
    assert await parts(counter, one) == {"cash": 60, "bonus": 30, "credit": 10}
    assert await parts(counter, two) == {"cash": 300, "bonus": 150, "credit": 50}
    assert await parts(counter, card) == {"cash": 240, "bonus": 120, "credit": 40}
    for child in made.cards:
        seen = await counter.see(child.card.id)
        assert seen == child.card
        assert (seen.root_id, seen.parent_id, seen.generation, seen.holder_ref) == (card, card, 1, "ann")
        assert len(child.number) == 19
        assert [e.type for e in await counter.history(seen.id)] == ["TRANSFER_BALANCE_TO"]
    tainted = await counter.within(
        lambda tx: ledger.tainted(tx, [card, one, two], "credit", made.activity.event_at.min)
    )
    assert tainted == {card: 40, one: 10, two: 50}
    await counter.do(counter.redeem(one, shop, 100))
    again = await split(counter, card, 100, 500, key="k")
    assert again.activity == made.activity
    assert [(c.number, c.card.balance_minor) for c in again.cards] == [
        (made.cards[0].number, 0),
        (made.cards[1].number, 500),
    ]
    await counter.verify()


async def test_children_of_children_have_one_root(counter):
    programme = await counter.programme()
    card = root = await counter.card(programme, 1_000)
    for generation in range(1, MAX_GENERATIONS + 1):
        made = await split(counter, card, 500 - generation)
        card = made.cards[0].card.id
        seen = await counter.see(card)
        assert (seen.root_id, seen.generation, seen.holder_ref) == (root, generation, None)
    assert await split(counter, card, 1) == Refused(
        CardRefusal.TOO_MANY_GENERATIONS, {"limit_count": MAX_GENERATIONS, "generation": MAX_GENERATIONS}
    )
    await counter.verify()


@pytest.mark.parametrize(
    ("pieces", "more", "code"),
    [
        ((), {}, CardRefusal.BAD_PIECES),
        ((1,) * (MAX_PIECES + 1), {}, CardRefusal.BAD_PIECES),
        ((0,), {}, CardRefusal.AMOUNT_NOT_POSITIVE),
        ((5, -1), {}, CardRefusal.AMOUNT_NOT_POSITIVE),
        ((60, 41), {}, CardRefusal.INSUFFICIENT_BALANCE),
        ((1 << 60,) * 20, {}, CardRefusal.AMOUNT_TOO_LARGE),
        ((10,), {"asset": "GBP"}, CardRefusal.CURRENCY_MISMATCH),
    ],
)
async def test_what_cannot_be_split_is_refused_and_changes_nothing(counter, pieces, more, code):
    programme = await counter.programme()
    card = await counter.card(programme, 100)
    outcome = await split(counter, card, *pieces, **more)
    assert outcome.code == code
    assert await counter.held(card) == 100
    async with counter.db.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM cards.cards") == 1
    await counter.verify()


async def test_a_stopped_or_unknown_card_is_not_split_and_what_is_held_stays(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)
    hold = cards.Authorise(key="hold", card=card, merchant_id=shop.id, amount_minor=70, asset="CNY", ttl_s=60)
    await counter.do(hold)
    assert (await split(counter, card, 31)).code == CardRefusal.INSUFFICIENT_BALANCE
    assert (await split(counter, card, 30)).cards[0].card.balance_minor == 30
    await counter.do(counter.block(card))
    assert (await split(counter, card, 1)).code == CardRefusal.BLOCKED
    assert (await split(counter, 10**15, 1)).code == CardRefusal.UNKNOWN_CARD
    await counter.verify()


async def test_two_tills_split_and_spend_one_card_at_the_same_time(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 100)

    async def spend(n):
        return await counter.within(
            lambda tx: cards.run(tx, counter.book, [counter.redeem(card, shop, 10, key=f"r{n}")])
        )

    outcomes = await asyncio.gather(*(split(counter, card, 5, 5, key=f"s{n}") for n in range(8)), *map(spend, range(8)))
    pieces = [o for o in outcomes[:8] if not isinstance(o, Refused)]
    spent = [o for (o,) in outcomes[8:] if not isinstance(o, Refused)]
    assert len(pieces) + len(spent) == 10
    assert await counter.held(card) == 0
    assert sum([await counter.held(c.card.id) for p in pieces for c in p.cards]) == 10 * len(pieces)
    await counter.verify()


async def test_a_piece_that_was_given_away_is_merged_with_nothing_of_its_giver(counter):
    """What may not be passed on isn't passed on by way of a merge either, nor taken from its giver."""
    table, programme = GiftTable(counter), await counter.programme()
    wang = await table.holder("registered")
    card = await counter.card(programme, 100, holder_ref="ann")
    (piece,) = (await split(counter, card, 30)).cards
    (gift,) = (await table.claim(await table.given(piece.card.id), ref=wang)).cards
    await counter.do(counter.load(card, 50, may_pass=False))
    for source, target in ((card, gift.card.id), (gift.card.id, card)):
        merge = cards.Transfer(
            key=counter.key(), card=source, to_card=target, asset="CNY", purpose=cards.Purpose.MERGE
        )  # fmt: skip
        assert await counter.no(merge) == Refused(CardRefusal.NOT_ONE_HOLDER)
    assert [await counter.held(one) for one in (card, gift.card.id)] == [120, 30]
    await counter.verify()


async def test_many_cards_are_split_in_one_batch(counter):
    programme = await counter.programme()
    made = [await counter.card(programme, 100, holder_ref=f"h{n}") for n in range(20)]
    wishes = [cards.Split(key=f"k{n}", card=card, pieces=(n + 1, 2), asset="CNY") for n, card in enumerate(made)]
    outcomes = await counter.within(lambda tx: cards.run(tx, counter.book, wishes * 2, counter.keyring))
    assert outcomes[:20] == outcomes[20:]
    assert [await counter.held(card) for card in made] == [97 - n for n in range(20)]
    assert len({c.number for o in outcomes[:20] for c in o.cards}) == 40
    await counter.verify()


async def test_pieces_of_one_card_are_merged_again_and_others_are_not(counter):
    programme = await counter.programme()
    card, other = await counter.card(programme, holder_ref="ann"), await counter.card(programme, 5, holder_ref="ann")
    await counter.do(counter.load(card, 700), counter.load(card, 300, source=CREDIT))
    made = await split(counter, card, 400, 100)
    one, two = (piece.card.id for piece in made.cards)
    (grandchild,) = (await split(counter, two, 10)).cards

    def merge(source, target, amount=None):
        return cards.Transfer(
            key=counter.key(),
            card=source,
            to_card=target,
            asset="CNY",
            purpose=cards.Purpose.MERGE,
            amount_minor=amount,
        )

    await counter.do(merge(one, card), merge(grandchild.card.id, one), merge(one, two, 10), merge(two, card))
    assert await parts(counter, card) == {"cash": 700, "credit": 300}
    assert [await counter.held(c) for c in (one, two, grandchild.card.id)] == [0, 0, 0]
    for source, target in ((other, card), (card, other)):
        assert await counter.no(merge(source, target)) == Refused(CardRefusal.NOT_ONE_ROOT)
    assert (await counter.no(merge(10**15, card))).code == CardRefusal.UNKNOWN_CARD
    await counter.verify()

"""A card's history: a chain from its newest entry backwards, paged, and true to what the card holds."""

from itertools import pairwise

import pytest

from koudai.base import Refused
from koudai.cards import activities_of_card, activity, cards_by_id, page_cards, page_programmes, programmes_by_id
from koudai.ledger import Place


async def pages(counter, card, limit):
    """A card's history page by page."""
    begin, told = (await counter.see(card)).newest, []
    while begin is not None:
        page, begin = await counter.within(lambda tx, at=begin: activities_of_card(tx, counter.book, card, at, limit))
        assert len(page) == limit or begin is None
        told.append(page)
        if not page:
            break
    return told


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 100])
async def test_a_history_is_paged_by_its_chain(counter, limit):
    programme, shop = await counter.programme(), await counter.merchant()
    card, noise = await counter.card(programme, 100), await counter.card(programme, 100)
    done = []
    for n in range(5):
        outcomes = await counter.run(
            counter.redeem(noise, shop, 1), counter.redeem(card, shop, n + 1), counter.redeem(card, shop, 1000),
            counter.load(card, 1), counter.refund(1, card=noise, merchant=shop),
        )  # fmt: skip
        done += [o for o in outcomes if not isinstance(o, Refused) and o.card_id == card]
    told = [entry for page in await pages(counter, card, limit) for entry in page]
    assert told[:-2] == done[::-1]
    assert [e.type for e in told[-2:]] == ["LOAD", "ACTIVATE"]
    assert told[0].balance_minor == await counter.held(card) == 90
    for newer, older in pairwise(told):
        step = -newer.amount_minor if newer.type == "REDEEM" else newer.amount_minor
        assert newer.balance_minor == older.balance_minor + step


async def test_a_pending_card_has_no_history(counter):
    card = await counter.card(await counter.programme(), active=False)
    assert await pages(counter, card, 10) == [[]]


async def test_an_entry_is_found_by_its_place_and_only_in_its_book(counter, other_counter):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 10)
    paid = await counter.do(counter.redeem(card, shop, 4))
    assert await counter.within(lambda tx: activity(tx, 1, paid.place)) == paid
    for book, place in ((2, paid.place), (1, Place(paid.place.batch_id, 99)), (1, Place(0, 0))):
        assert await counter.within(lambda tx, b=book, p=place: activity(tx, b, p)) is None
    assert await other_counter.within(lambda tx: activities_of_card(tx, 2, card, paid.place, 5)) == ([], None)
    other = await counter.card(programme)
    assert await counter.within(lambda tx: activities_of_card(tx, 1, other, paid.place, 5)) == ([], None)


async def test_what_a_card_held_is_told_by_its_entries(counter):
    """An entry tells the balance as of itself, whatever came later."""
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 10)
    first = await counter.do(counter.redeem(card, shop, 4, key="k"))
    await counter.do(counter.load(card, 90))
    again = await counter.do(counter.redeem(card, shop, 4, key="k"))
    assert again == first
    assert (first.balance_minor, await counter.held(card)) == (6, 96)
    seen = await counter.see(card)
    assert (await counter.history(card))[0].place == seen.newest


async def test_cards_and_programmes_are_paged_by_id_within_their_book(counter, other_counter):
    programme, other = await counter.programme(), await other_counter.programme()
    ours, theirs = [], []
    for _ in range(5):
        ours.append(await counter.card(programme))
        theirs.append(await other_counter.card(other))
    seen, after = [], 0
    while page := await counter.within(lambda tx, a=after: page_cards(tx, 1, a, 2)):
        assert len(page) <= 2
        seen += [card.id for card in page]
        after = page[-1].id
    assert seen == sorted(ours)
    assert list(await counter.within(lambda tx: cards_by_id(tx, 1, [*ours, *theirs, 0]))) == sorted(ours)
    assert await counter.within(lambda tx: page_programmes(tx, 1, 0, 9)) == [programme]
    assert await counter.within(lambda tx: page_programmes(tx, 1, programme.id, 9)) == []
    assert await counter.within(lambda tx: programmes_by_id(tx, 2, [programme.id, other.id])) == {other.id: other}

"""A card is replaced: a new one has all that it held and was promised, and the old one is dead."""

import asyncio

import pytest

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import CardRefusal
from koudai.ledger import FundingSource
from tests.cards.gifts import GiftTable
from tests.cards.test_offers import put, split
from tests.conftest import NOON


@pytest.fixture
def table(counter):
    return GiftTable(counter)


async def lots(counter, card):
    return {lot.source: lot.minor for lot in await counter.within(lambda tx: ledger.lots_of(tx, counter.book, card))}


async def test_all_goes_to_the_new_card_and_the_old_number_is_dead(counter, table):
    programme, shop = await counter.programme(), await counter.merchant()
    issued = await counter.issue(programme, amount=600, holder_ref="ann")
    old, number = issued.card.id, counter.keyring.lookup_hash(issued.number)
    await counter.do(counter.load(old, 300, source=FundingSource.BONUS))
    paid = await counter.do(counter.redeem(old, shop, 100))
    made = await table.replace(old, key="k")
    (new,) = made.cards
    assert (new.card.state, new.card.holder_ref, new.card.balance_minor, len(new.number)) == ("ACTIVE", "ann", 800, 19)
    assert (new.card.root_id, new.card.parent_id, new.card.generation) == (old, old, 0)
    assert new.number != issued.number
    assert await counter.see(new.card.id) == new.card
    gone = await counter.see(old)
    assert (gone.state, gone.balance_minor, gone.successor_id) == ("DEACTIVATED", 0, new.card.id)
    assert await lots(counter, new.card.id) == {"transfer": 600, "bonus": 200}
    assert [e.type for e in await counter.history(old)][:2] == ["DEACTIVATE", "TRANSFER_BALANCE_FROM"]
    assert [e.type for e in await counter.history(new.card.id)] == ["TRANSFER_BALANCE_TO"]
    for command in (
        counter.redeem(number, shop, 1), counter.redeem(old, shop, 1), counter.load(old, 1),
        cards.Authorise(key=counter.key(), card=number, merchant_id=shop.id, amount_minor=1, asset="CNY"),
    ):  # fmt: skip
        assert await counter.no(command) == Refused(CardRefusal.REPLACED), "nothing of the new card is told"
    assert (await table.replace(old)).code == CardRefusal.REPLACED
    assert (await counter.no(counter.unblock(old))).code == CardRefusal.DEACTIVATED
    back = await counter.do(counter.refund(100, of=paid))
    assert back.card_id == new.card.id
    assert await lots(counter, new.card.id) == {"transfer": 600, "bonus": 300}
    again = await table.replace(old, key="k")
    assert (again.activity, again.cards[0].number) == (made.activity, new.number)
    await counter.verify()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("ACTIVE", "ok"),
        ("BLOCKED", "ok"),
        ("PENDING", CardRefusal.NOT_ACTIVE),
        ("reserved", CardRefusal.HAS_HOLDS),
        ("replaced", CardRefusal.REPLACED),
        ("given", CardRefusal.GIFT_PENDING),
        ("given and blocked", CardRefusal.GIFT_PENDING),
        ("unknown", CardRefusal.UNKNOWN_CARD),
    ],
)
async def test_which_cards_are_replaced(counter, table, state, told):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 0 if state == "PENDING" else 100, active=state != "PENDING")
    if state == "reserved":
        await counter.do(
            cards.Authorise(key="h", card=card, merchant_id=shop.id, amount_minor=1, asset="CNY")
        )  # fmt: skip
    if state == "replaced":
        await table.replace(card)
    if "given" in state:
        await table.given(card)
    if state in ("BLOCKED", "given and blocked"):
        await counter.do(counter.block(card))
    outcome = await table.replace(404 if state == "unknown" else card)
    assert (outcome.code if isinstance(outcome, Refused) else "ok") == told
    await counter.verify()


async def test_an_empty_card_is_replaced_too(counter, table):
    card = await counter.card(await counter.programme())
    made = await table.replace(card, "damaged")
    assert made.cards[0].card.balance_minor == 0
    await counter.verify()


@pytest.mark.parametrize(
    ("class_", "holder", "told"),
    [
        ("multi_purpose", None, CardRefusal.NOT_REPLACEABLE),
        ("multi_purpose", "ann", "ok"),
        ("single_purpose", None, "ok"),
    ],
)
async def test_a_bearer_card_of_a_multi_purpose_programme_is_not_replaced(counter, table, class_, holder, told):
    programme = await counter.programme()
    kinds = {"registered": {}, "bearer": {"validity": {"days": 1096}}}
    await put(counter, programme, "v", "2020-01-01", **{"class": class_}, kinds=kinds)
    card = await counter.card(programme, 100, holder_ref=holder)
    outcome = await table.replace(card)
    assert (outcome.code if isinstance(outcome, Refused) else "ok") == told


async def test_the_fee_is_taken_off_the_new_card_and_never_more_than_there_is(counter, table):
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01", fees={"replacement_minor": 15})
    poor, rich = [await counter.card(programme, amount, holder_ref="ann") for amount in (14, 100)]
    await counter.do(counter.load(rich, 10, source=FundingSource.BONUS))
    assert await table.replace(poor) == Refused(
        CardRefusal.INSUFFICIENT_BALANCE, {"available_minor": 14, "amount_minor": 15, "currency": "CNY"}
    )
    made = await table.replace(rich)
    new = made.cards[0].card
    assert (made.activity.amount_minor, new.balance_minor, new.available_minor) == (110, 95, 95)
    assert await lots(counter, new.id) == {"transfer": 95}, "in draw order: the bonus first"
    assert [(e.type, e.amount_minor) for e in await counter.history(new.id)] == [
        ("FEE", 15), ("TRANSFER_BALANCE_TO", 110),
    ]  # fmt: skip
    await counter.verify()


async def test_a_reissue_is_no_piece_and_no_generation(counter, table):
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01", split={"max_pieces": 2, "max_generations": 1, "min_minor": 1})
    root = await counter.card(programme, 100, holder_ref="ann")
    for _ in range(3):
        root = (await table.replace(root)).cards[0].card.id
    piece = (await split(counter, root, 10)).cards[0].card
    assert piece.generation == 1
    piece = (await table.replace(piece.id)).cards[0].card
    assert piece.generation == 1
    assert (await split(counter, piece.id, 1)).code == CardRefusal.TOO_MANY_GENERATIONS
    assert not isinstance(await split(counter, root, 10), Refused)
    assert (await split(counter, root, 10)).facts["left_count"] == 0
    await counter.verify()


async def test_what_was_promised_goes_with_a_card(counter, table):
    programme = await counter.programme()
    await put(counter, programme, "v", "2020-01-01", split={"max_pieces": 9, "max_generations": 3, "min_minor": 1})
    card = await counter.card(programme, 100, holder_ref="ann", event_at=NOON)
    await put(counter, programme, "w", "2025-01-01")
    new = (await table.replace(card)).cards[0].card.id
    assert not isinstance(await split(counter, new, 10), Refused), "later versions have no splits"


async def test_a_card_is_replaced_once_while_tills_redeem_and_refund(counter, table):
    programme, shop = await counter.programme(), await counter.merchant()
    card = await counter.card(programme, 1_000)
    paid = [await counter.do(counter.redeem(card, shop, 10)) for _ in range(5)]

    async def one(verb, *wishes):
        (outcome,) = await counter.within(lambda tx: verb(tx, counter.book, wishes))
        return outcome

    outcomes = await asyncio.gather(
        *(table.replace(card) for _ in range(3)),
        *(one(cards.run, counter.redeem(card, shop, 10)) for _ in range(8)),
        *(one(cards.run, counter.refund(10, of=place)) for place in paid),
    )
    made = [o for o in outcomes if isinstance(o, cards.Minted)]
    assert len(made) == 1
    redeemed = sum(isinstance(o, cards.Activity) and o.type == "REDEEM" for o in outcomes)
    assert sum(isinstance(o, cards.Activity) and o.type == "REFUND" for o in outcomes) == 5
    assert await counter.held(made[0].cards[0].card.id) == 1_000 - 10 * redeemed
    assert await counter.held(card) == 0
    await counter.verify()


async def test_a_batch_of_replacements_ends_as_one_by_one(counter):
    programme, shop = await counter.programme(), await counter.merchant()
    ended = []
    for together in (True, False):
        one, two = [await counter.card(programme, 100) for _ in range(2)]
        wishes = [
            counter.redeem(one, shop, 30),
            cards.Replace(key=counter.key(), card=one, reason=cards.ReplaceReason.LOST),
            counter.redeem(one, shop, 1),
            cards.Replace(key=counter.key(), card=one, reason=cards.ReplaceReason.LOST),
            cards.Replace(key=counter.key(), card=two, reason=cards.ReplaceReason.STOLEN),
            counter.load(two, 5),
        ]
        batches = [wishes] if together else [[wish] for wish in wishes]
        told = []
        for batch in batches:
            told += await counter.within(lambda tx, batch=batch: cards.run(tx, counter.book, batch, counter.keyring))
        ended.append(
            [o.code if isinstance(o, Refused) else getattr(o, "activity", o).balance_minor for o in told]
        )  # fmt: skip
    assert ended[0] == ended[1] == [70, 0, CardRefusal.REPLACED, CardRefusal.REPLACED, 0, CardRefusal.REPLACED]
    await counter.verify()

"""Baskets: what of them a card pays for, what is told of the lines, and of the rest of a tender (P3)."""

import pytest

from koudai import cards
from koudai.base import Refused
from koudai.cards import BasketLine, CardRefusal
from koudai.cards.spend.store import SQL
from koudai.pg import Tx
from koudai.programmes import Line
from tests.cards.documented import documented

TEA, CAKE, GIN = Line("tea-1", "tea", 100), Line("cake-1", "cake", 300), Line("gin-1", "spirits", 400)
NOT, BARRED = "programmes.goods_not_accepted", "programmes.goods_excluded"
TEA_ONLY = {"goods": {"classes": ["tea"]}}
NO_GIN = {"excluded": {"classes": ["spirits"]}}


async def held(counter, minor, accepts=None):
    """A card with an amount on it, of a programme that accepts what is said; None: one without a document."""
    if accepts is None:
        return await counter.card(await counter.programme(), minor)
    programme = await documented(counter, accepts=accepts)
    return await counter.card(programme, minor, holder_ref="ann")


def told(outcome):
    """What an outcome says in short: what was paid of each line, and the rest; or the code."""
    if isinstance(outcome, Refused):
        return outcome.code
    return [line.paid_minor for line in outcome.lines], outcome.remaining_minor


@pytest.mark.parametrize("verb", [cards.Redeem, cards.Authorise])
@pytest.mark.parametrize(
    ("accepts", "held_minor", "lines", "partial", "said"),
    [
        # document, on the card, basket, partial: paid of each line and the rest of the tender, or why not
        (None, 900, None, False, ([], 0)),
        (None, 900, [TEA, GIN], False, ([100, 400], 0)),
        (None, 450, [TEA, GIN], False, "cards.insufficient_balance"),
        (None, 450, [TEA, GIN], True, ([100, 350], 50)),
        (None, 70, [TEA, GIN], True, ([70, 0], 430)),
        ({}, 900, None, False, ([], 0)),
        ({}, 900, [TEA, GIN], False, ([100, 400], 0)),
        (TEA_ONLY, 900, None, False, "cards.basket_missing"),
        (TEA_ONLY, 900, None, True, "cards.basket_missing"),
        (TEA_ONLY, 900, [TEA], False, ([100], 0)),
        (TEA_ONLY, 900, [TEA, CAKE], False, NOT),
        (TEA_ONLY, 900, [CAKE, TEA], True, ([0, 100], 300)),
        (TEA_ONLY, 60, [CAKE, TEA, TEA], True, ([0, 60, 0], 440)),
        (TEA_ONLY, 900, [CAKE], True, NOT),
        (NO_GIN, 900, None, False, "cards.basket_missing"),
        (NO_GIN, 900, [TEA, CAKE], False, ([100, 300], 0)),
        (NO_GIN, 900, [GIN, CAKE], False, BARRED),
        (NO_GIN, 900, [GIN, CAKE], True, ([0, 300], 400)),
        (TEA_ONLY | NO_GIN, 900, [CAKE, GIN], False, NOT),
        (TEA_ONLY | NO_GIN, 900, [CAKE, GIN, TEA], True, ([0, 0, 100], 700)),
    ],
)
async def test_only_what_the_whitelist_allows_is_payable(counter, verb, accepts, held_minor, lines, partial, said):
    shop, card = await counter.merchant(), await held(counter, held_minor, accepts)
    asked = sum(line.amount_minor for line in lines) if lines else 200
    command = verb(
        key="pay", card=card, merchant_id=shop.id, amount_minor=asked, asset="CNY", partial=partial,
        lines=None if lines is None else tuple(lines),
    )  # fmt: skip
    (first,) = await counter.run(command)
    assert told(first) == said
    if not isinstance(first, Refused):
        assert first.amount_minor + first.remaining_minor == asked
        assert first.amount_minor == (sum(said[0]) if lines else asked)
        (newest, *_) = await counter.history(card)
        assert newest == first, "a reader is told the same"
    assert await counter.run(command) == [first], "the same key gets the same answer"
    assert await counter.paid_to(shop) == (
        first.amount_minor if verb is cards.Redeem and not isinstance(said, str) else 0
    )
    await counter.verify()


async def test_a_refused_basket_says_which_lines_and_why(counter):
    shop, card = await counter.merchant(), await held(counter, 900, TEA_ONLY | NO_GIN)
    refused = await counter.no(counter.redeem(card, shop, 800, lines=(TEA, CAKE, GIN)))
    assert refused == Refused(
        NOT,
        {
            "sku": "cake-1", "goods_class": "cake",
            "refused_lines": [
                {"line": 2, "code": NOT, "sku": "cake-1", "goods_class": "cake"},
                {"line": 3, "code": BARRED, "sku": "gin-1", "goods_class": "spirits"},
            ],
        },
    )  # fmt: skip
    paid = await counter.do(counter.redeem(card, shop, 800, lines=(TEA, CAKE, GIN), partial=True))
    assert paid.lines == (
        BasketLine("tea-1", "tea", 100, 100, None), BasketLine("cake-1", "cake", 300, 0, NOT),
        BasketLine("gin-1", "spirits", 400, 0, BARRED),
    )  # fmt: skip


@pytest.mark.parametrize("accepts", [None, {}, TEA_ONLY])
@pytest.mark.parametrize(
    ("lines", "asked"), [([TEA], 99), ([TEA], 101), ([], 100), ([Line("a", "tea", 0), TEA], 100), ([Line("a", "tea", -5), Line("b", "tea", 105)], 100)]
)  # fmt: skip
async def test_lines_come_to_the_amount(counter, accepts, lines, asked):
    shop, card = await counter.merchant(), await held(counter, 900, accepts)
    refused = await counter.no(counter.redeem(card, shop, asked, lines=tuple(lines), partial=True))
    total = sum(line.amount_minor for line in lines)
    facts = {"lines_minor": total, "amount_minor": asked, "currency": "CNY"}
    assert refused == Refused(CardRefusal.BASKET_MISMATCH, facts)


@pytest.mark.parametrize(
    ("accepts", "ref", "scenario", "said"),
    [
        ({}, None, "dining", "ok"),
        ({}, None, "travel", ("programmes.scenario_not_accepted", {"scenario": "travel"})),
        ({"merchants": ["teahouse"]}, "teahouse", "dining", "ok"),
        ({"merchants": ["teahouse"]}, "other", "dining", ("programmes.merchant_not_accepted", {"merchant": "other"})),
        ({"merchants": ["Teahouse"]}, None, "dining", ("programmes.merchant_not_accepted", {"merchant": "Teahouse"})),
    ],
)
async def test_a_merchant_is_paid_where_the_document_says_so(counter, accepts, ref, scenario, said):
    shop = await counter.merchant("Teahouse", scenario=scenario, ref=ref)
    card = await held(counter, 900, accepts)
    for more in ({}, {"lines": (TEA,)}, {"lines": (TEA,), "partial": True}):
        (outcome,) = await counter.run(counter.redeem(card, shop, 100, **more))
        assert (said == "ok") is not isinstance(outcome, Refused)
        if said != "ok":
            assert (outcome.code, outcome.facts) == said


async def test_a_key_with_another_basket_is_refused(counter):
    shop, card = await counter.merchant(), await held(counter, 900)
    await counter.do(counter.redeem(card, shop, 100, lines=(TEA,), key="k"))
    for lines in (None, (Line("tea-2", "tea", 100),)):
        assert (await counter.no(counter.redeem(card, shop, 100, lines=lines, key="k"))).facts == {"field": "basket"}


@pytest.mark.parametrize("together", [True, False])
async def test_a_batch_ends_as_the_same_commands_one_by_one(counter, together):
    shop, card = await counter.merchant(), await held(counter, 600, TEA_ONLY)
    commands = [
        counter.redeem(card, shop, 400, lines=(TEA, CAKE), partial=True, key="a"),
        counter.redeem(card, shop, 400, lines=(TEA, CAKE), partial=True, key="a"),
        counter.redeem(card, shop, 500, lines=(TEA,) * 5, partial=True),
        counter.redeem(card, shop, 500, lines=(TEA,) * 5, partial=True),
        counter.redeem(card, shop, 500, lines=(TEA,) * 5, partial=True),
    ]
    outcomes = await counter.run(*commands) if together else [(await counter.run(c))[0] for c in commands]
    assert [told(one) for one in outcomes] == [
        ([100, 0], 300), ([100, 0], 300), ([100] * 5, 0), "cards.insufficient_balance", "cards.insufficient_balance",
    ]  # fmt: skip
    await counter.verify()


async def test_a_capture_is_of_the_basket_that_was_reserved_for(counter):
    shop, card = await counter.merchant(), await held(counter, 900, TEA_ONLY)
    hold = await counter.do(
        cards.Authorise(
            key="hold", card=card, merchant_id=shop.id, amount_minor=400, asset="CNY", partial=True, lines=(CAKE, TEA)
        )
    )
    caught = await counter.do(cards.Capture(key="catch", hold=hold.place))
    assert (hold.amount_minor, hold.remaining_minor, caught.amount_minor, caught.lines) == (100, 300, 100, ())
    assert caught.hold == hold.place
    await counter.verify()


@pytest.mark.parametrize(("changes", "trips"), [(None, 1), ({}, 1), ({"cashback": {"rates_bps": {"dining": 100}}}, 2)])
async def test_only_who_was_promised_cashback_is_asked_for_it(counter, monkeypatch, changes, trips):
    """A payment reads all in one trip, whatever its document says, unless that promises cashback."""
    programme = await counter.programme() if changes is None else await documented(counter, **changes)
    shop = await counter.merchant()
    card = await counter.card(programme, 900, holder_ref=None if changes is None else "ann")
    await counter.do(counter.redeem(card, shop, 100))
    sent = []
    together = Tx.together

    async def noted(tx, *statements):
        sent.append({text for text, *_ in statements})
        return await together(tx, *statements)

    monkeypatch.setattr(Tx, "together", noted)
    await counter.do(counter.redeem(card, shop, 100))
    assert len(sent) == trips
    assert not sent[0] & {SQL["rewarded"], SQL["cashbacks"]}

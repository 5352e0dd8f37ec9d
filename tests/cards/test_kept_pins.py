"""New cards that are made of others keep the PIN of those, with its wrong tries and its lock; a gift's don't."""

import asyncio

import pytest

from koudai import cards
from koudai.base import Refused
from koudai.cards.secrets.pins import MAX_TRIES
from tests.cards.gifts import GiftTable
from tests.cards.lives import Life, day
from tests.cards.test_pins import OTHER, RIGHT, WRONG, Till, told

WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SPLITS = {"max_pieces": 20, "max_generations": 5, "min_minor": 1}


class Mint(Till):
    """A counter at which cards with a PIN, of a programme with a document, are made into others."""

    async def open(self):
        self.life = Life(self)
        await self.life.open(
            {"days": 10, "reactivation_days": 99}, split=SPLITS, gift={"to": "anybody", "claim_days": 7}, pin="optional",
            carriers=["virtual", "physical"], pay_code={"ttl_s": 600},
        )  # fmt: skip
        self.programme_id, self.shop = self.life.programme, self.life.shop
        return self

    async def as_was(self, state, amount=100):
        """A card whose PIN is unset, set, tried twice in vain, or locked."""
        card = await self.card(self.programme_id, amount)
        if state != "unset":
            await self.do(self.set(card))
        tries = {"tried": 2, "locked": MAX_TRIES}.get(state, 0)
        for n in range(tries):
            assert await self.told(self.pay(card, WRONG, device=f"first {n}")) == [f"pin_wrong {MAX_TRIES - 1 - n}"]
        return card

    async def code(self, card):
        wish = [cards.MakePayCode(card)]
        (made,) = await self.within(lambda tx: cards.make_pay_codes(tx, self.book, wish, self.keyring))
        return cards.pay_code_of(self.keyring, made.code)

    def wish(self, verb, card):
        key = self.key()
        match verb:
            case "replace":
                return cards.Replace(key=key, card=card, reason=cards.ReplaceReason.LOST)
            case "exchange":
                return cards.Exchange(key=key, card=card)
            case "split":
                return cards.Split(key=key, card=card, pieces=(30, 20), asset="CNY")
        return cards.SpendSplit(key=key, card=card, merchant_id=self.shop.id, amount_minor=5, asset="CNY")

    async def mint(self, *commands):
        """The outcomes of one batch that may make cards."""
        return await self.within(lambda tx: cards.run(tx, self.book, commands, self.keyring))

    async def made(self, verb, card):
        """The ids of the cards that are made of one."""
        if verb == "gift":
            table = GiftTable(self)
            outcome = await table.claim(await table.given(card))
        else:
            if verb == "exchange":
                await self.life.until(day(50))
            # A card with a PIN is paid from in this way by a pay code.
            named = await self.code(card) if verb == "spend and split" else card
            (outcome,) = await self.mint(self.wish(verb, named))
        assert isinstance(outcome, cards.Minted), outcome
        return [one.card.id for one in outcome.cards]


@pytest.fixture
async def mint(db, keyring):
    return await Mint(db, keyring).open()


def rows(site):
    return {
        row[0]: row[1:] for row in site.ask("SELECT card_id, made_for, tries, locked_at IS NOT NULL FROM cards.pins")
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["replace", "exchange", "split", "spend and split", "gift"])
@pytest.mark.parametrize(
    ("state", "none", "wrong", "right"),
    [
        ("unset",  "ok",          "no_pin",      "no_pin"),
        ("set",    "pin_missing", "pin_wrong 4", "ok"),
        ("tried",  "pin_missing", "pin_wrong 2", "ok"),
        ("locked", "pin_missing", "pin_locked",  "pin_locked"),
    ],
)  # fmt: skip
async def test_what_is_told_on_a_new_card_is_judged_as_on_the_one_it_was_made_of(
    mint, site, verb, state, none, wrong, right
):
    old = await mint.as_was(state)
    before = rows(site).get(old)
    if verb == "gift":
        before, none, wrong, right = None, "ok", "no_pin", "no_pin"
    made = await mint.made(verb, old)
    assert len(made) == (2 if verb == "split" else 1)
    for new in made:
        assert rows(site).get(new) == before, "made for the old one, with its tries and its lock"
        tells = [mint.pay(new, pin, device=f"{new} {pin}") for pin in (None, WRONG, RIGHT)]
        assert await mint.one_by_one(*tells) == [none, wrong, right]
    if "split" not in verb:
        assert old not in rows(site), "the PIN of a card that is dead is forgotten"
    await mint.verify()


@pytest.mark.parametrize("verb", ["replace", "exchange", "split", "spend and split"])
@pytest.mark.parametrize(
    ("state", "asked", "ends", "own"),
    [
        ("unset",  ("set",),          ["ok"],             True),
        ("unset",  ("change",),       ["no_pin"],         None),
        ("unset",  ("reset",),        ["no_pin"],         None),
        ("set",    ("set",),          ["pin_set"],        False),
        ("set",    ("change",),       ["ok"],             True),
        ("set",    ("guess",),        ["pin_wrong 4"],    False),
        ("set",    ("reset",),        ["ok"],             None),
        ("set",    ("reset", "set"),  ["ok", "ok"],       True),
        ("locked", ("change",),       ["pin_locked"],     False),
        ("locked", ("set",),          ["pin_set"],        False),
        ("locked", ("reset", "set"),  ["ok", "ok"],       True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("major", [18])
async def test_set_change_and_reset_give_a_new_card_a_pin_of_its_own(mint, site, verb, state, asked, ends, own):
    new = (await mint.made(verb, await mint.as_was(state)))[0]
    verbs = {
        "set": lambda: mint.set(new, OTHER),
        "change": lambda: mint.change(new, RIGHT, OTHER, "app"),
        "guess": lambda: mint.change(new, WRONG, OTHER, "app"),
        "reset": lambda: mint.reset(new),
    }
    assert await mint.told(*(verbs[one]() for one in asked)) == ends
    kept = rows(site).get(new)
    assert (None if kept is None else kept[0] == new) == own
    if own:
        assert await mint.told(mint.pay(new, RIGHT), mint.pay(new, OTHER)) == ["pin_wrong 4", "ok"]
    await mint.verify()


@pytest.mark.parametrize(
    ("before", "none", "right", "other"),
    [
        (("set",),                    "pin_missing", "ok",          "pin_wrong 4"),
        (("set", "wrong", "wrong"),   "pin_missing", "ok",          "pin_wrong 4"),
        (("set", "change"),           "pin_missing", "pin_wrong 4", "ok"),
        (("set", "reset"),            "ok",          "no_pin",      "no_pin"),
        (("set", "reset", "set"),     "pin_missing", "ok",          "pin_wrong 4"),
        (("set", *["wrong"] * 5),     "pin_missing", "pin_locked",  "pin_locked"),
        (("set", *["wrong"] * 5, "reset"), "ok",     "no_pin",      "no_pin"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["replace", "split"])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("major", [18])
async def test_what_came_before_in_the_batch_goes_along(mint, verb, before, none, right, other, batched):
    card = await mint.as_was("unset")
    verbs = {
        "set": lambda: mint.set(card),
        "change": lambda: mint.change(card, RIGHT, OTHER, "app"),
        "wrong": lambda: mint.pay(card, WRONG, device="first"),
        "reset": lambda: mint.reset(card),
    }
    wishes = [verbs[one]() for one in before]
    if batched:
        outcomes = await mint.mint(*wishes, mint.wish(verb, card))
    else:
        outcomes = [(await mint.mint(one))[0] for one in (*wishes, mint.wish(verb, card))]
    for piece in outcomes[-1].cards:
        new = piece.card.id
        tells = [mint.pay(new, pin, device=f"{new} {pin}") for pin in (None, RIGHT, OTHER)]
        assert await mint.one_by_one(*tells) == [none, right, other]
    await mint.verify()


async def test_a_card_that_was_issued_with_a_pin_is_loaded_and_split_by_one_batch(mint):
    issued = await mint.issue(mint.programme_id, pin=mint.pin(RIGHT))
    loaded, split = await mint.mint(mint.load(issued.card.id, 100), mint.wish("split", issued.card.id))
    assert not isinstance(loaded, Refused)
    for piece in split.cards:
        assert await mint.told(mint.pay(piece.card.id), mint.pay(piece.card.id, RIGHT)) == ["pin_missing", "ok"]
    await mint.verify()


async def test_a_card_is_issued_loaded_and_split_by_one_batch(db, keyring, site):
    mint = Mint(db, keyring)
    programme = await mint.programme()
    # Nobody knows the id before; it is the next one.
    card = (await mint.card(programme)) + 1
    issue = cards.Issue(key="i", programme_id=programme.id, pin=mint.pin(RIGHT))
    issued, _, split = await mint.mint(issue, mint.load(card, 100), mint.wish("split", card))
    assert issued.card.id == card
    assert rows(site) == dict.fromkeys((card, *(piece.card.id for piece in split.cards)), (card, 0, False))
    await mint.verify()


async def test_a_pin_goes_along_from_card_to_card(mint, site):
    first = await mint.as_was("set")
    (piece, _) = await mint.made("split", first)
    (second,) = await mint.made("replace", piece)
    (third,) = await mint.made("spend and split", second)
    (fourth,) = await mint.made("exchange", third)
    assert rows(site)[fourth] == (first, 0, False)
    assert await mint.told(mint.pay(fourth, WRONG), mint.pay(fourth, RIGHT)) == ["pin_wrong 4", "ok"]
    await mint.do(mint.change(fourth, RIGHT, OTHER))
    (fifth,) = await mint.made("replace", fourth)
    assert rows(site)[fifth] == (fourth, 0, False)
    assert await mint.told(mint.pay(fifth, RIGHT), mint.pay(fifth, OTHER)) == ["pin_wrong 4", "ok"]
    await mint.verify()


async def test_pieces_count_by_themselves_and_a_merge_leaves_each_its_own(mint, site):
    card = await mint.as_was("tried")
    one, two = await mint.made("split", card)
    assert await mint.told(mint.pay(one, WRONG), mint.pay(two, RIGHT), mint.pay(card, WRONG)) == [
        "pin_wrong 2", "ok", "pin_wrong 2",
    ]  # fmt: skip
    await mint.do(mint.change(two, RIGHT, OTHER))
    for piece in (one, two):
        await mint.do(cards.Transfer(
            key=mint.key(), card=piece, to_card=card, amount_minor=None, asset="CNY", purpose=cards.Purpose.MERGE,
        ))  # fmt: skip
    assert rows(site) == {card: (card, 3, False), one: (card, 3, False), two: (two, 0, False)}
    assert await mint.told(mint.pay(card, OTHER), mint.pay(card, RIGHT)) == ["pin_wrong 1", "ok"]
    await mint.verify()


async def test_a_pin_without_its_proof_pays_no_split(mint):
    card = await mint.as_was("set")
    assert [told(one) for one in await mint.mint(mint.wish("spend and split", card))] == ["pin_missing"]


async def test_under_a_repeated_key_no_pin_comes_back(mint, site):
    card = await mint.as_was("set")
    wish = mint.wish("replace", card)
    (made,) = await mint.mint(wish)
    new = made.cards[0].card.id
    await mint.do(mint.reset(new))
    (again,) = await mint.mint(wish)
    assert again.activity == made.activity
    assert rows(site) == {}


@pytest.mark.parametrize(
    ("first", "verb", "guess", "tries"),
    [
        ("guess", "replace",         "pin_wrong 4", 1),
        ("guess", "split",           "pin_wrong 4", 1),
        ("guess", "spend and split", "pin_wrong 4", 1),
        ("make",  "replace",         "replaced",    0),
        ("make",  "split",           "pin_wrong 4", 0),
        ("make",  "spend and split", "pin_wrong 4", 0),
    ],
)  # fmt: skip
async def test_who_waits_for_the_card_s_lock_goes_by_what_the_other_wrote(mint, site, first, verb, guess, tries):
    card = await mint.as_was("set")
    named = await mint.code(card) if verb == "spend and split" else card
    wishes = {"guess": mint.pay(card, WRONG, device="guesser"), "make": mint.wish(verb, named)}
    ran, let_go = asyncio.Event(), asyncio.Event()

    async def holding(tx):
        outcomes = await cards.run(tx, mint.book, [wishes.pop(first)], mint.keyring)
        ran.set()
        await let_go.wait()
        return outcomes

    ahead = asyncio.create_task(mint.within(holding))
    await ran.wait()
    ((second, wish),) = wishes.items()
    behind = asyncio.create_task(mint.mint(wish))
    async with asyncio.timeout(10):
        while not site.ask(WAITING):  # noqa: ASYNC110 there is no event to wait for
            await asyncio.sleep(0.01)
    let_go.set()
    ends = {first: (await ahead)[0], second: (await behind)[0]}
    assert told(ends["guess"]) == guess
    for piece in ends["make"].cards:
        assert rows(site)[piece.card.id] == (card, tries, False)
    await mint.verify()


@pytest.mark.parametrize("attempt", range(4))
async def test_of_wrong_tries_at_a_card_while_it_is_replaced_and_at_the_new_one_five_are_judged(mint, attempt):
    card = await mint.as_was("set")

    async def guess(n):
        return (await mint.told(mint.pay(card, WRONG, device=f"till {n}")))[0]

    async def replace():
        await asyncio.sleep(0.01 * attempt)
        return (await mint.mint(mint.wish("replace", card)))[0]

    made, *ends = await asyncio.gather(replace(), *(guess(n) for n in range(8)))
    new = made.cards[0].card.id
    ends += await mint.one_by_one(*(mint.pay(new, WRONG, device=f"new {n}") for n in range(6)))
    judged = sorted(end for end in ends if end.startswith("pin_wrong"))
    assert judged == [f"pin_wrong {left}" for left in range(MAX_TRIES)]
    assert set(ends) <= {*judged, "replaced", "pin_locked"}
    assert await mint.told(mint.pay(new, RIGHT, device="last")) == ["pin_locked"]
    await mint.verify()

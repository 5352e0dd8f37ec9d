"""Issuing: numbers nobody can guess, shown once and for a quarter of an hour, and kept where nobody reads them."""

import secrets
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given, strategies as st

from koudai import cards
from koudai.base import Fault, Refused
from koudai.cards import CardRefusal, CardState, Issue, is_number, numbers, run
from koudai.identity import Keyring
from koudai.ledger import Place


async def make(counter, *wishes, **more):
    return await counter.within(lambda tx: run(tx, counter.book, wishes, counter.keyring, **more))


# Numbers


@pytest.mark.parametrize(
    ("digits", "check"),
    [
        # The vectors that everyone tests Luhn with: payment networks' test numbers, an IMEI, the patent's.
        ("411111111111111", 1),
        ("555555555555444", 4),
        ("37828224631000", 5),
        ("601111111111111", 7),
        ("353011133330000", 0),
        ("7992739871", 3),
        ("49015420323751", 8),
        ("0", 0),
        ("000000000000000000", 0),
        ("999999999999999999", 8),
    ],
)
def test_the_check_digit_is_luhn_s(digits, check):
    assert numbers.check_digit(digits) == check


@given(st.text("0123456789", min_size=18, max_size=18), st.data())
def test_a_digit_that_was_mistyped_or_swapped_is_noticed(digits, data):
    number = f"{digits}{numbers.check_digit(digits)}"
    assert is_number(number)
    at = data.draw(st.integers(0, 18))
    for other in "0123456789":
        assert is_number(number[:at] + other + number[at + 1 :]) == (other == number[at])
    if at < 18:
        one, two = number[at], number[at + 1]
        swapped = number[:at] + two + one + number[at + 2 :]
        # Luhn can't tell 09 from 90: that is known of it.
        assert is_number(swapped) == (one == two or {one, two} == {"0", "9"})


NUMBER = "9000010000000000009"


@pytest.mark.parametrize(
    "text",
    ["", "9", NUMBER[:-1], NUMBER + "0", NUMBER[:-1] + "6", f" {NUMBER}", f"{NUMBER}\n", NUMBER[:-1] + "५", "x" * 19,
     "٩" * 19, "９" * 19, "²" * 19, "-" + NUMBER[1:], NUMBER[:9] + " " + NUMBER[10:]],
)  # fmt: skip
def test_what_is_no_number(text):
    assert numbers.check_digit(NUMBER[:-1]) == int(NUMBER[-1])
    assert is_number(NUMBER)
    assert not is_number(text)


@pytest.mark.parametrize(
    ("prefix", "good"),
    [("900001", True), ("000000", True), ("099999", True), ("999999", True), ("400000", False), ("123456", False),
     ("90000", False), ("9000011", False), ("90000x", False), ("", False), ("９00001", False), ("900001\n", False)],
)  # fmt: skip
async def test_a_prefix_is_one_that_no_bank_has(counter, prefix, good):
    assert numbers.is_prefix(prefix) == good
    if good:
        made = await counter.issue(await counter.programme(prefix=prefix))
        assert made.number.startswith(prefix)
        assert is_number(made.number)
    else:
        with pytest.raises(Exception, match="number_prefix"):  # The table says so to whoever didn't ask.
            await counter.programme(prefix=prefix)


def test_twelve_digits_are_drawn_from_the_secure_source():
    bounds = []
    drawn = numbers.generate("900001", lambda below: bounds.append(below) or 42)
    assert bounds == [10**12]
    assert drawn[:18] == "900001000000000042"
    assert numbers.generate.__defaults__ == (secrets.randbelow,)
    assert run.__kwdefaults__ == {"generate": numbers.generate}


def test_numbers_don_t_repeat_and_their_digits_are_even():
    drawn = [numbers.generate("900001") for _ in range(20_000)]
    assert len(set(drawn)) == len(drawn)
    assert all(map(is_number, drawn))
    for at in range(6, 18):
        for digit in "0123456789":
            share = sum(number[at] == digit for number in drawn) / len(drawn)
            # Eight standard deviations around a tenth.
            assert abs(share - 0.1) < 8 * (0.09 / len(drawn)) ** 0.5, (at, digit, share)


# Cards


async def test_cards_of_all_kinds_in_one_batch(counter):
    pounds, yuan = await counter.programme("GBP", "000001"), await counter.programme()
    at = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    wishes = [
        Issue(
            key=f"k{n}", programme_id=(yuan, pounds)[n % 2].id if n != 50 else 999, active=n % 3 > 0,
            holder_ref=f"客户 {n}" if n % 5 == 0 else None, event_at=at if n % 7 == 0 else None,
        )
        for n in range(100)
    ]  # fmt: skip
    made = await make(counter, *wishes)
    assert made[50] == Refused(CardRefusal.UNKNOWN_PROGRAMME)
    rest = [(w, m) for w, m in zip(wishes, made, strict=True) if m is not made[50]]
    assert len({m.number for _, m in rest}) == len({m.card.id for _, m in rest}) == 99
    for wish, one in rest:
        card = one.card
        assert (card.programme_id, card.holder_ref, card.balance_minor) == (wish.programme_id, wish.holder_ref, 0)
        assert card.state is (CardState.ACTIVE if wish.active else CardState.PENDING)
        assert card.asset == ("CNY" if wish.programme_id == yuan.id else "GBP")
        assert (one.number[-4:], is_number(one.number)) == (card.last4, True)
        assert one.number.startswith("900001" if card.asset == "CNY" else "000001")
        assert wish.event_at in (None, card.issued_at)
        assert await counter.see(card.id) == card
        assert await by_number(counter, one.number) == card
        entries = await counter.history(card.id)
        assert [(e.type, e.event_at) for e in entries] == ([("ACTIVATE", card.issued_at)] if wish.active else [])
        assert (card.newest == Place(0, 0)) == (not wish.active)
    assert await make(counter, *wishes) == made
    assert await make(counter, wishes[50], wishes[1], wishes[1]) == [made[50], made[1], made[1]]
    assert await make(counter) == []
    await counter.verify()


async def by_number(counter, number):
    found = counter.keyring.lookup_hash(number)
    return await counter.within(lambda tx: cards.card_by_number(tx, counter.book, found))


async def test_the_same_wish_twice_in_one_list_is_one_card(counter):
    programme = await counter.programme()
    wish, other = Issue(key="k", programme_id=programme.id), Issue(key="k", programme_id=programme.id, active=False)
    one, two, three = await make(counter, wish, wish, other)
    assert one == two
    assert three == Refused("ledger.key_reused", {"field": "active"})
    async with counter.db.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM cards.cards") == 1
        assert await tx.value("SELECT count(*) FROM ledger.accounts WHERE kind = 'card'") == 1
    await counter.verify()


async def test_a_number_that_is_taken_is_drawn_again(counter, other_counter):
    """Also one that was drawn twice in a batch, and one of another book."""
    programme, other = await counter.programme(), await other_counter.programme()
    first = await other_counter.issue(other)
    draws = count()

    def poor(prefix):
        """One that is taken at first, and then every number four times."""
        n = next(draws)
        return first.number if n == 2 else numbers.generate(prefix, lambda _: n // 4)

    wishes = [Issue(key=f"k{n}", programme_id=programme.id, active=n % 2 > 0) for n in range(6)]
    made = await make(counter, *wishes, generate=poor)
    assert len({m.number for m in made} | {first.number}) == 7
    for one in made:
        assert await by_number(counter, one.number) == one.card
        assert one.card.last4 == one.number[-4:]
    assert await make(counter, *wishes) == made
    await counter.verify()


async def test_no_number_can_be_read_in_the_database(counter, site):
    programme, shop = await counter.programme(), await counter.merchant()
    issued = [await counter.issue(programme, amount=10) for _ in range(3)]
    for one in issued:
        found = counter.keyring.lookup_hash(one.number)
        await counter.do(counter.redeem(found, shop, 5, key=f"by number {one.card.id}"))
        await counter.no(counter.redeem(found, shop, 500))
        await counter.no(counter.load(counter.keyring.lookup_hash(one.number[::-1]), 5))
        assert one.number not in repr(one)
    columns = site.ask(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('identity', 'ledger', 'cards', 'merchants', 'jobs', 'pg')"
    )
    assert ("cards", "cards", "number_sealed") in columns
    seen = 0
    for schema, table, column in columns:
        for (kept,) in site.ask(f'SELECT "{column}"::text FROM {schema}.{table}'):
            seen += 1
            for one in issued:
                middle = one.number[6:18]
                for written in (one.number, middle, one.number.encode().hex(), middle.encode().hex()):
                    assert written not in (kept or ""), (schema, table, column)
    assert seen > 200


async def test_a_sealed_number_opens_for_its_card_alone(counter, site):
    programme = await counter.programme()
    one, two = [await counter.issue(programme, key=k) for k in ("one", "two")]
    site.change(
        f"UPDATE cards.cards SET number_sealed = (SELECT number_sealed FROM cards.cards WHERE id = {one.card.id})"
        f" WHERE id = {two.card.id}"
    )
    assert await counter.issue(programme, key="one") == one
    with pytest.raises(Fault) as caught:
        await counter.issue(programme, key="two")
    assert caught.value.code == "identity.keys_wrong"


async def test_without_the_key_nobody_is_found_by_a_number(counter):
    made = await counter.issue(await counter.programme())
    stranger = Keyring.generate().lookup_hash(made.number)
    assert (await by_number(counter, made.number)).id == made.card.id
    assert await counter.within(lambda tx: cards.card_by_number(tx, 1, stranger)) is None
    assert (
        await counter.within(lambda tx: cards.card_by_number(tx, 2, counter.keyring.lookup_hash(made.number))) is None
    )


@pytest.mark.parametrize(
    ("minutes", "shown"), [(0, True), (14, True), (14.9, True), (15.1, False), (60, False), (10**6, False)]
)
async def test_a_number_is_shown_again_for_a_quarter_of_an_hour(counter, site, minutes, shown):
    programme = await counter.programme()
    first = await counter.issue(programme, key="k")
    site.change(f"UPDATE ledger.batches SET recorded_at = recorded_at - interval '{minutes} minutes'")
    again = await counter.issue(programme, key="k")
    assert again.card == first.card
    assert again.number == (first.number if shown else None)
    assert again.card.last4 == first.number[-4:]


async def test_a_card_seen_again_is_as_it_is_now(counter):
    programme = await counter.programme()
    first = await counter.issue(programme, key="k")
    await counter.do(counter.load(first.card.id, 70), counter.block(first.card.id))
    again = await counter.issue(programme, key="k")
    assert (again.number, again.card.balance_minor, again.card.state) == (first.number, 70, CardState.BLOCKED)


async def test_the_window_of_a_number_does_not_move(counter, site):
    """Asking again doesn't make it longer."""
    programme = await counter.programme()
    await counter.issue(programme, key="k")
    for minutes, shown in ((10, True), (4, True), (2, False)):
        site.change(f"UPDATE ledger.batches SET recorded_at = recorded_at - interval '{minutes} minutes'")
        assert ((await counter.issue(programme, key="k")).number is not None) == shown

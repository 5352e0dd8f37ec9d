"""A holder is erased once his last card has ended, whatever is said of that: the relation is what the cards say."""

from datetime import UTC, datetime, timedelta

import pytest

from koudai import cards, holders, ledger, privacy
from koudai.base import Refused
from tests.cards.documented import documented
from tests.conftest import NOON

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=366)


async def erase(counter, ref, ended_at=LONG_AGO, key=None):
    wish = holders.Erase(key or counter.key(), ref, holders.duties(licensed=False), ended_at)
    return await counter.within(lambda tx: privacy.erase(tx, counter.book, wish, counter.vault))


async def later(counter, moment):
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, moment))


def close(counter, card):
    return cards.Close(key=counter.key(), card=card, reason="asked for", made_by="clerk")


@pytest.mark.parametrize(
    ("class_", "years"),
    [("single_purpose", 5), ("multi_purpose", 10)],
)
async def test_years_are_counted_from_the_end_of_the_last_card(counter, class_, years):
    await later(counter, NOON)
    ann = await counter.person()
    programme = await documented(counter, **{"class": class_})
    one, other = [(await counter.issue(programme, holder_ref=ann)).card.id for _ in "12"]
    assert await erase(counter, ann) == Refused("holders.cards_open", {"count": 2})
    await counter.do(close(counter, one))
    assert await erase(counter, ann) == Refused("holders.cards_open", {"count": 1})
    await later(counter, NOON + YEAR)
    await counter.do(close(counter, other))
    refused = await erase(counter, ann)
    assert refused.code == "holders.duty_stands"
    assert refused.facts["until_at"].startswith(str((NOON + YEAR).year + years))
    await later(counter, NOON + (years + 1) * YEAR)
    made = await erase(counter, ann, key="gone")
    assert (made.state, made.kept) == ("erased", {})
    assert await erase(counter, ann, key="gone") == made, "the key answers again"
    await counter.verify()


async def test_who_never_had_a_card_is_erased_by_what_is_said(counter):
    ann = await counter.person()
    assert (await erase(counter, ann)).state == "erased"


async def test_who_keeps_a_loaded_card_stays_its_holder_when_his_e_mail_is_erased(counter):
    vault = counter.vault

    async def do(command):
        (made,) = await counter.within(lambda tx: holders.run(tx, counter.book, [command], vault))
        return made

    ann = (await do(holders.Create("ann", holders.Kind.PERSON, holders.Details(email="ann@example.com")))).ref
    await do(holders.Bind("phone", ann, "phone"))
    card = (await counter.issue(await documented(counter), holder_ref=ann)).card.id
    made = await erase(counter, ann)
    assert (made.fields, made.beside, made.state) == (("email",), (), "active")
    assert await erase(counter, ann) == Refused("holders.cards_open", {"count": 1})
    await counter.do(close(counter, card))
    made = await erase(counter, ann)
    assert (made.beside, made.state) == (("devices",), "erased")
    await counter.verify()

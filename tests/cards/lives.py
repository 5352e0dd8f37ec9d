"""Cards under a document whose time is moved by hand: what they were promised of how long they last."""

from datetime import UTC, datetime, timedelta

from koudai import cards, ledger
from koudai.base import Refused
from koudai.cards import FundingSource
from koudai.programmes import PutVersion, Version
from tests.cards.documented import PLAY
from tests.programmes.drafts import text_of

START = datetime(2027, 3, 1, 4, tzinfo=UTC)
"""Noon of a Chinese day."""


def day(number, *, hour=0):
    """The beginning of a Chinese day of the story: that of `START` is day 0."""
    return START + timedelta(days=number, hours=hour - 12)


def code(outcome):
    return str(outcome.code) if isinstance(outcome, Refused) else "ok"


class Life:
    """A programme with a document, its cards by name, and the book's time."""

    def __init__(self, counter):
        self.counter, self.ids = counter, {}
        self.programme = self.shop = None

    async def open(self, validity=None, *, kind="bearer", at=START, **changes):
        """A programme whose cards of a kind last so long; the book's time is `at`."""
        await self.until(at)
        counter = self.counter
        if self.programme is None:
            self.programme, self.shop = await counter.programme(), await counter.merchant()
        kinds = changes.pop("kinds", None) or {kind: {"validity": validity or {}}}
        await self.version("2026-01-01", kinds={"registered": None, **kinds}, **changes)
        return self

    async def version(self, day, **changes):
        plain = {} if "policy" in changes else PLAY
        told = {"number_prefix": self.programme.number_prefix, "funding": [str(one) for one in FundingSource]}
        document = text_of(effective_on=day, **{**plain, **told, **changes})
        wish = PutVersion(self.counter.key(), self.programme.id, document, "Li Na")
        (made,) = await self.counter.within(lambda tx: cards.put_versions(tx, self.counter.book, [wish]))
        assert isinstance(made, Version), made

    async def until(self, moment):
        await self.counter.within(lambda tx: ledger.advance_clock(tx, self.counter.book, moment))

    async def card(self, name="card", amount=0, **more):
        made = await self.counter.issue(self.programme, amount=amount, **more)
        self.ids[name] = made.card.id
        return made.card

    async def see(self, name="card"):
        return await self.counter.see(self.ids[name])

    async def told(self, command):
        """The code of an outcome, `ok` where it isn't refused."""
        (outcome,) = await self.counter.run(command)
        return code(outcome)

    async def exchange(self, name="card", key=None):
        wish = cards.Exchange(key=key or self.counter.key(), card=self.ids[name])
        keyring = self.counter.keyring
        (outcome,) = await self.counter.within(lambda tx: cards.run(tx, self.counter.book, [wish], keyring))
        return outcome

    async def split(self, name="card", **pieces):
        """Pieces of a card, by name."""
        wish = cards.Split(key=self.counter.key(), card=self.ids[name], pieces=tuple(pieces.values()), asset="CNY")
        keyring, book = self.counter.keyring, self.counter.book
        (made,) = await self.counter.within(lambda tx: cards.run(tx, book, [wish], keyring))
        self.ids |= {piece: one.card.id for piece, one in zip(pieces, made.cards, strict=True)}
        return made

    def do(self, verb, name="card", **more):
        """A command by its word."""
        counter, card = self.counter, self.ids[name]
        made = {
            "load": lambda: counter.load(card, 1, **more),
            "redeem": lambda: counter.redeem(card, self.shop, 1, **more),
            "authorise": lambda: cards.Authorise(
                key=counter.key(), card=card, merchant_id=self.shop.id, amount_minor=1, asset="CNY", **more
            ),
            "activate": lambda: counter.activate(card, **more),
            "renew": lambda: cards.Renew(key=counter.key(), card=card, **more),
            "reactivate": lambda: cards.Reactivate(key=counter.key(), card=card, **more),
            "expire": lambda: cards.Expire(key=counter.key(), card=card, **more),
            "close": lambda: cards.Close(
                key=counter.key(), card=card, **{"reason": "asked for", "made_by": "clerk", **more}
            ),
        }
        return made[verb]()

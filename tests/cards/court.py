"""A counter whose programmes are under the law."""

from datetime import timedelta

from koudai import cards, identity, ledger
from koudai.base import Refused
from koudai.cards import Channel, FundingSource
from koudai.ledger import Place
from koudai.programmes import (
    PutVersion,
    Version,
)
from tests.cards.conftest import Counter
from tests.programmes.drafts import text_of

BEARER = {"registered": None, "bearer": {"validity": {"days": 1096, "since": "issue", "renewal": "on_request"}}}
SPLIT = {"max_pieces": 9, "max_generations": 3, "min_minor": 1}
FUNDING = ["cash", "transfer", "debit", "credit", "bonus"]


class Court(Counter):
    """A counter whose programmes have documents, and whose customers are known."""

    def __init__(self, *args):
        super().__init__(*args)
        self.bearers = set()

    async def under(self, prefix="900001", **changes):
        """A programme whose document took effect long ago."""
        programme = await self.programme(prefix=prefix)
        await self.put(programme, **changes)
        return programme

    async def put(self, programme, day="2020-01-01", **changes):
        told = {"funding": FUNDING, "number_prefix": programme.number_prefix, **changes}
        made = await self.putting(programme, text_of(effective_on=day, **told))
        assert isinstance(made, Version), made

    async def putting(self, programme, document):
        """The outcome of putting a document."""
        wish = PutVersion(self.key(), programme.id, document, "Li Na")
        return (await self.within(lambda tx: cards.put_versions(tx, self.book, [wish])))[0]

    async def issue(self, programme, **more):
        made = await super().issue(programme, **more)
        if not isinstance(made, Refused) and more.get("holder_ref") is None:
            self.bearers.add(made.card.id)
        return made

    async def tried(self, card, minor, source=FundingSource.TRANSFER, **more):
        """The clause that refuses a load; None where it is booked."""
        told = {"channel": Channel.COUNTER, **more}
        (outcome,) = await self.run(self.load(card, minor, source=source, **told))
        return outcome.facts["clause"] if isinstance(outcome, Refused) else None

    def load(self, card, amount, *, source=FundingSource.TRANSFER, **more):
        """A load; of a bearer card by a buyer of its own where no other is named."""
        told = {"payer": f"buyer of {card}", **more} if card in self.bearers else more
        return super().load(card, amount, source=source, **told)

    async def split(self, card, *pieces):
        wish = cards.Split(key=self.key(), card=card, pieces=pieces, asset="CNY")
        (made,) = await self.within(lambda tx: cards.run(tx, self.book, [wish], self.keyring))
        assert not isinstance(made, Refused), made
        self.bearers |= {piece.card.id for piece in made.cards if piece.card.holder_ref is None}
        return made

    async def days(self, number):
        """Let the book's time go on."""
        now = await self.within(lambda tx: ledger.time_of_book(tx, self.book))
        await self.within(lambda tx: identity.advance_clock(tx, self.book, now + timedelta(days=number)))

    async def judgements(self):
        return await self.within(lambda tx: cards.page_judgements(tx, self.book, Place(0, 0), 100))

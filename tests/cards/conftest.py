"""A shop counter: a book with a programme, merchants and cards, and short ways to act on them."""

from itertools import count

import pytest

from koudai import cards, ledger, merchants
from koudai.base import Refused, asset
from koudai.cards import FundingSource
from koudai.identity import Suite, Vault
from koudai.ledger import Place
from koudai.policy import GateKind
from koudai.programmes import EnterGate, enter_gates
from tests.holders.conftest import FrontDesk

_keys = count(1)


class Counter:
    """One book of one issuer. Keys are made up where none is given; amounts are CNY where nothing is said."""

    def __init__(self, db, keyring, book=1, suite=Suite.AES):
        self.db = db
        self.keyring = keyring
        self.vault = Vault(keyring, suite)
        self.book = book

    def key(self):
        return f"auto-{next(_keys)}"

    async def within(self, work):
        return await self.db.transact(work)

    async def run(self, *commands):
        """The outcomes of one batch."""
        return await self.db.transact(lambda tx: cards.run(tx, self.book, commands))

    async def do(self, *commands):
        """The outcomes of one batch, none of which is a refusal; one by itself where there is one."""
        outcomes = await self.run(*commands)
        assert not any(isinstance(o, Refused) for o in outcomes), outcomes
        return outcomes[0] if len(outcomes) == 1 else outcomes

    async def no(self, command):
        """The refusal of a command."""
        (outcome,) = await self.run(command)
        assert isinstance(outcome, Refused), outcome
        return outcome

    async def programme(self, currency="CNY", prefix="900001", max_balance=None, max_load=None, key=None):
        wish = cards.CreateProgramme(key or self.key(), "Gifts", asset(currency), prefix, max_balance, max_load)
        (made,) = await self.within(lambda tx: cards.create_programmes(tx, self.book, [wish]))
        return made

    async def person(self, sequence="123"):
        """Somebody who stated who they are; the ref by which cards name them."""
        desk = FrontDesk(self.db, self.keyring, self.book)
        return (await desk.do(desk.whole_person(sequence, key=f"person {sequence}"))).ref

    async def enter_gates(self, programme):
        """All that a programme has to have entered before it is live."""
        wishes = [EnterGate(self.key(), programme.id, gate, "001", "Li Na") for gate in GateKind]
        await self.within(lambda tx: enter_gates(tx, self.book, wishes))

    async def merchant(self, name="Tea house", currency="CNY", scenario="dining", **more):
        """A shop of the issuer's own, where nothing else is said."""
        told = {"relation": merchants.Relation.OWN, "contracted": True, **more}
        wish = merchants.Register(self.key(), name, asset(currency), scenario=merchants.Scenario(scenario), **told)
        (made,) = await self.within(lambda tx: merchants.register(tx, self.book, [wish]))
        return made

    async def issue(self, programme, *, amount=0, **more):
        """A card just issued, with an amount on it."""
        wish = cards.Issue(key=more.pop("key", None) or self.key(), programme_id=programme.id, **more)
        (made,) = await self.within(lambda tx: cards.run(tx, self.book, [wish], self.keyring))
        if amount:
            # Of a bearer card nobody else is known who may have paid.
            payer = None if more.get("holder_ref") else f"buyer of {made.card.id}"
            told = {"currency": programme.asset, "source": FundingSource.TRANSFER, "payer": payer}
            await self.do(self.load(made.card.id, amount, **told))
        return made

    async def card(self, programme, amount=0, **more):
        made = await self.issue(programme, amount=amount, **more)
        assert not isinstance(made, Refused), made
        return made.card.id

    async def see(self, card):
        return (await self.within(lambda tx: cards.cards_by_id(tx, self.book, [card])))[card]

    async def held(self, card):
        return (await self.see(card)).balance_minor

    async def paid_to(self, merchant):
        return (await self.within(lambda tx: ledger.balances(tx, [merchant.account_id])))[merchant.account_id]

    async def history(self, card):
        """All entries of a card, newest first."""
        begin = (await self.see(card)).newest
        return (await self.within(lambda tx: cards.activities_of_card(tx, self.book, card, begin, 10_000)))[0]

    async def verify(self):
        report = await ledger.verify(self.db, cards.CARD_CHECKS)
        assert report.findings == []
        assert report.holds
        return report

    def load(self, card, amount, *, currency="CNY", source=cards.FundingSource.CASH, key=None, **more):
        return cards.Load(key=key or self.key(), card=card, amount_minor=amount, asset=currency, source=source, **more)

    def redeem(self, card, merchant, amount, *, currency="CNY", key=None, **more):
        merchant_id = merchant if isinstance(merchant, int) else merchant.id
        return cards.Redeem(
            key=key or self.key(), card=card, merchant_id=merchant_id, amount_minor=amount, asset=currency, **more
        )

    def refund(self, amount, *, of=None, card=None, merchant=None, currency="CNY", key=None, **more):
        """A refund of an activity (or the place of one), or to a card at a merchant."""
        place = of if of is None or isinstance(of, Place) else of.place
        merchant_id = merchant if merchant is None or isinstance(merchant, int) else merchant.id
        return cards.Refund(
            key=key or self.key(), amount_minor=amount, asset=currency, redemption=place, card=card,
            merchant_id=merchant_id, **more,
        )  # fmt: skip

    def reverse(self, *, of=None, of_key=None, key=None, **more):
        place = of if of is None or isinstance(of, Place) else of.place
        return cards.Reverse(key=key or self.key(), redemption_key=of_key, redemption=place, **more)

    def activate(self, card, key=None):
        return cards.Activate(key=key or self.key(), card=card)

    def block(self, card, key=None):
        return cards.Block(key=key or self.key(), card=card)

    def unblock(self, card, key=None):
        return cards.Unblock(key=key or self.key(), card=card)


ON_BOTH = {
    "test_damage", "test_holds", "test_issue", "test_lots", "test_notices", "test_processes", "test_reads", "test_rules",
    "test_together",
}  # fmt: skip
"""Where all SQL of the room is used (`test_damage` makes one of everything): on the oldest and the newest PostgreSQL.

The others run on the newest alone.
"""


def pytest_generate_tests(metafunc):
    told = ",".join(str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize"))
    if "major" in metafunc.fixturenames and "major" not in told:
        both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH
        metafunc.parametrize("major", (16, 18) if both else (18,))


@pytest.fixture
def counter(db, keyring):
    return Counter(db, keyring)


@pytest.fixture
def other_counter(db, keyring):
    return Counter(db, keyring, 2)

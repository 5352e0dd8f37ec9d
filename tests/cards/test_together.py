"""All that a holder, a till, an issuer and a court do at once, from many connections: money and lineage add up.

The model beside it is as plain as can be: what each family of cards was given less what it paid. In which order it
happened doesn't matter to that, so it holds however the connections met.
"""

import asyncio
import random
from collections import Counter as Count

import pytest

from koudai import cards
from koudai.base import Refused
from koudai.cards import FundingSource, Purpose, RestrictionKind
from koudai.pg import Conflict

pytestmark = pytest.mark.anyio

WORKERS, ACTS = 6, 100
COURT = {"authority": "People's Court of Xuhui", "document": "(2026) 5", "made_by": "Wu"}


class Crowd:
    """Cards of a few families, who acts on them at random, and what came of it."""

    def __init__(self, counter, seed):
        self.counter, self.seed = counter, seed
        self.root: dict[int, int] = {}
        self.paid: Count[int] = Count()
        self.told: Count[str] = Count()
        self.bought, self.holds, self.gifts, self.orders = [], [], [], []

    async def open(self, families=4):
        counter = self.counter
        programme, self.shop = await counter.programme(), await counter.merchant()
        for n in range(families):
            card = await counter.card(programme, 5_000, holder_ref=f"holder {n}")
            self.root[card] = card
            self.paid[card] += 5_000
        return self

    async def with_cards(self, command):
        """An outcome of a command that makes cards."""
        counter = self.counter
        (outcome,) = await counter.within(
            lambda tx: cards.run(tx, counter.book, [command], counter.keyring, counter.vault)
        )
        return outcome

    def take_in(self, card, outcome):
        for one in outcome.cards:
            self.root[one.card.id] = self.root[card]

    async def act(self, rng):
        """One act of somebody; what it does to the family's value is noted where it is accepted."""
        counter, known = self.counter, list(self.root)
        # Mostly the newest ones: of the older, many are replaced.
        card = rng.choice(known if rng.random() < 0.25 else known[-10:])
        minor, key = rng.randrange(1, 200), counter.key()
        verb = rng.choice(VERBS)
        outcome = await getattr(self, verb)(rng, card, minor, key)
        self.told[f"{verb}: {outcome.code if isinstance(outcome, Refused) else 'ok'}"] += 1

    async def _run(self, command):
        (outcome,) = await self.counter.run(command)
        return outcome

    async def load(self, rng, card, minor, key):
        made = await self._run(self.counter.load(card, minor, key=key, source=FundingSource.TRANSFER))
        if not isinstance(made, Refused):
            self.paid[self.root[card]] += minor
        return made

    async def redeem(self, rng, card, minor, key):
        made = await self._run(self.counter.redeem(card, self.shop, minor, key=key))
        if not isinstance(made, Refused):
            self.paid[self.root[card]] -= minor
            self.bought.append((card, made.place))
        return made

    async def refund(self, rng, card, minor, key):
        if not self.bought:
            return Refused("nothing was bought")
        card, place = rng.choice(self.bought)
        made = await self._run(self.counter.refund(minor, of=place, key=key))
        if not isinstance(made, Refused):
            self.paid[self.root[card]] += minor
        return made

    async def authorise(self, rng, card, minor, key):
        told = {"merchant_id": self.shop.id, "amount_minor": minor, "asset": "CNY"}
        made = await self._run(cards.Authorise(key=key, card=card, **told))
        if not isinstance(made, Refused):
            self.holds.append((card, made.place))
        return made

    async def capture(self, rng, card, minor, key):
        if not self.holds:
            return Refused("nothing is held")
        card, hold = rng.choice(self.holds[-5:])
        made = await self._run(cards.Capture(key=key, hold=hold, amount_minor=rng.choice([minor, None])))
        if not isinstance(made, Refused):
            self.paid[self.root[card]] -= made.amount_minor
        return made

    async def void(self, rng, card, minor, key):
        hold = rng.choice(self.holds)[1] if self.holds else None
        return await self._run(cards.Void(key=key, hold=hold)) if hold else Refused("nothing is held")

    async def split(self, rng, card, minor, key):
        made = await self.with_cards(cards.Split(key=key, card=card, pieces=(minor, 3), asset="CNY"))
        if not isinstance(made, Refused):
            self.take_in(card, made)
        return made

    async def spend_split(self, rng, card, minor, key):
        wish = cards.SpendSplit(key=key, card=card, merchant_id=self.shop.id, amount_minor=minor, asset="CNY")
        made = await self.with_cards(wish)
        if not isinstance(made, Refused):
            self.paid[self.root[card]] -= minor
            self.take_in(card, made)
        return made

    async def merge(self, rng, card, minor, key):
        other = rng.choice([one for one in self.root if self.root[one] == self.root[card]])
        return await self._run(
            cards.Transfer(key=key, card=card, to_card=other, amount_minor=minor, asset="CNY", purpose=Purpose.MERGE)
        )

    async def replace(self, rng, card, minor, key):
        made = await self.with_cards(cards.Replace(key=key, card=card, reason="lost"))
        if not isinstance(made, Refused):
            self.take_in(card, made)
        return made

    async def give(self, rng, card, minor, key):
        made = await self.with_cards(cards.GiveGift(key=key, card=card))
        if not isinstance(made, Refused):
            self.gifts.append((card, made))
        return made

    async def claim(self, rng, card, minor, key):
        if not self.gifts:
            return Refused("nothing was given")
        card, given = rng.choice(self.gifts)
        token = cards.token_hash(self.counter.keyring, given.token)
        wish = cards.ClaimGift(key=key, gift=given.gift.place, token_hash=token, holder_ref=self.claimer)
        made = await self.with_cards(wish)
        if not isinstance(made, Refused):
            self.take_in(card, made)
        return made

    async def withdraw(self, rng, card, minor, key):
        given = rng.choice(self.gifts)[1] if self.gifts else None
        return await self._run(cards.WithdrawGift(key=key, gift=given.gift.place)) if given else Refused("nothing")

    async def block(self, rng, card, minor, key):
        return await self._run(self.counter.block(card, key))

    async def unblock(self, rng, card, minor, key):
        return await self._run(self.counter.unblock(card, key))

    async def freeze(self, rng, card, minor, key):
        told = {"kind": RestrictionKind.COURT, "amount_minor": rng.choice([minor, None]), "asset": "CNY", **COURT}
        made = await self._run(cards.Restrict(key=key, card=card, **told))
        if not isinstance(made, Refused):
            self.orders.append((card, made.place))
        return made

    async def lift(self, rng, card, minor, key):
        if not self.orders:
            return Refused("nothing is frozen")
        card, place = rng.choice(self.orders)
        kind = rng.choice([RestrictionKind.COURT, RestrictionKind.ISSUER])
        return await self._run(cards.Lift(key=key, card=card, restriction=place, kind=kind, **COURT))


VERBS = [
    "load", "redeem", "redeem", "refund", "authorise", "capture", "void", "split", "spend_split", "merge", "replace",
    "give", "claim", "claim", "withdraw", "block", "unblock", "unblock", "freeze", "lift", "lift",
]  # fmt: skip


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize("seed", range(3))
async def test_money_and_lineage_add_up_whoever_acts_at_once(counter, seed):
    crowd = await Crowd(counter, seed).open()
    crowd.claimer = await counter.person()

    async def somebody(number):
        rng = random.Random(f"{seed}/{number}")
        for _ in range(ACTS):
            try:
                await crowd.act(rng)
            except Conflict:
                # It met others again and again: nothing was done, as a door would tell.
                crowd.told["conflict"] += 1

    await asyncio.gather(*(somebody(number) for number in range(WORKERS)))
    held: Count[int] = Count()
    for card, root in crowd.root.items():
        shown = await counter.see(card)
        assert shown.root_id == root
        held[root] += shown.balance_minor
    assert held == crowd.paid, crowd.told
    loaded = 0
    for card in crowd.root:
        loaded += sum(entry.amount_minor for entry in await counter.history(card) if entry.type == "LOAD")
    assert held.total() + await counter.paid_to(crowd.shop) == loaded
    await counter.verify()
    happened = {name.split(":")[0] for name in crowd.told if name.endswith(": ok")}
    assert len(happened) > len(set(VERBS)) // 2, crowd.told

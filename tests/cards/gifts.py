"""Short ways to replace, give and claim cards, in a book with holders of every level."""

from koudai import cards
from tests.holders.conftest import FrontDesk

WORDS = cards.Words("Happy birthday, 生日快乐", "Grandma")


class GiftTable:
    """Acts on a counter's book. Outcomes are answered as they are, refused or not."""

    def __init__(self, counter):
        self.counter = counter

    async def _one(self, wish):
        (outcome,) = await self.counter.within(
            lambda tx: cards.run(tx, self.counter.book, [wish], self.counter.keyring, self.counter.vault)
        )
        return outcome

    async def replace(self, card, reason="lost", key=None):
        wish = cards.Replace(key=key or self.counter.key(), card=card, reason=cards.ReplaceReason(reason))
        return await self._one(wish)

    def offer(self, card, key=None, **more):
        return cards.GiveGift(key=key or self.counter.key(), card=card, **{"words": WORDS, **more})

    async def give(self, card, key=None, **more):
        return await self._one(self.offer(card, key, **more))

    async def given(self, card, **more):
        made = await self.give(card, **more)
        assert isinstance(made, cards.Given), made
        return made

    def claiming(self, given, token=None, key=None, ref=None):
        hashed = cards.token_hash(self.counter.keyring, token or given.token)
        return cards.ClaimGift(
            key=key or self.counter.key(), gift=given.gift.place, token_hash=hashed, holder_ref=ref
        )  # fmt: skip

    async def claim(self, given, token=None, key=None, ref=None):
        return await self._one(self.claiming(given, token, key, ref))

    def withdrawing(self, given, key=None):
        return cards.WithdrawGift(key=key or self.counter.key(), gift=given.gift.place)

    async def withdraw(self, given):
        (outcome,) = await self.counter.run(self.withdrawing(given))
        return outcome

    async def state(self, given):
        place = given.gift.place
        found = await self.counter.within(
            lambda tx: cards.find_gifts(tx, self.counter.book, [place], self.counter.vault)
        )
        return found[place].state

    async def sweep(self):
        return await self.counter.within(lambda tx: cards.return_due_gifts(tx, self.counter.book))

    async def holder(self, level="anonymous", sequence="123"):
        """The ref of a made-up person who is known so well."""
        desk = FrontDesk(self.counter.db, self.counter.keyring, self.counter.book)
        if level == "anonymous":
            made = await desk.do(desk.person(phone="13800138000"))
        else:
            made = await desk.do(desk.whole_person(sequence))
        if level == "verified":
            await desk.ascertain(made)
        made = await desk.see(made)
        assert made.level == level, made
        return made.ref

"""Cards by name whose value is told in words, in a book whose time is moved by hand.

A lot is told as `cash:30`: its source and what it holds; `bonus:30@10` expires on the tenth day of the
story, `cash:30/ann` was paid by ann, and of `cash:30-5` five are reserved.
"""

import re
from datetime import UTC, datetime, timedelta

from koudai import cards, ledger
from koudai.base import Refused, asset
from koudai.cards import Purpose
from koudai.ledger import DrawOrder, Flow, FundingSource, Limit, Per, Subject

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)

_LOT = re.compile(r"(?P<source>[a-z]+):(?P<minor>\d+)(?:@(?P<day>\d+))?(?:/(?P<payer>\w+))?")


def limit(name, *, window_s=None, least=None, most=None, times=None):
    """A limit by the name that a refusal gives it: `redeem.card+device.rolling`."""
    flow, subjects, per = name.split(".")
    return Limit(tuple(map(Subject, subjects.split("+"))), Flow(flow), Per(per), window_s, least, most, times)


def code(outcome):
    return outcome.code if isinstance(outcome, Refused) else "ok"


class Story:
    """Amounts are in CNY. A command's outcome is kept under the name that it is given."""

    def __init__(self, counter, site):
        self.counter, self.site = counter, site
        self.ids, self.places = {}, {}
        self.now = START
        self.shop = None

    async def open(self, *, order="bonus_first", limits=(), **held):
        """A programme with cards: each with its lots; `ann_1` is held by ann, `_1` by nobody."""
        within, book, key = self.counter.within, self.counter.book, self.counter.key
        await self.until(self.now)
        wish = cards.CreateProgramme(
            key(), "Lots", asset("CNY"), "900001", draw_order=DrawOrder(order), limits=tuple(limits)
        )
        (made,) = await within(lambda tx: cards.create_programmes(tx, book, [wish]))
        assert not isinstance(made, Refused), made
        if self.shop is None:
            self.shop = await self.counter.merchant()
        names = list(held)
        wishes = [
            cards.Issue(key=key(), programme_id=made.id, holder_ref=name.rpartition("_")[0] or None) for name in names
        ]
        issued = await within(lambda tx: cards.run(tx, book, wishes, self.counter.keyring))
        self.ids |= {name: one.card.id for name, one in zip(names, issued, strict=True)}
        for name in names:
            await self.put(name, held[name])
        return made

    async def until(self, moment):
        """Let the book's time come to a moment."""
        self.now = moment
        await self.counter.within(lambda tx: ledger.advance_clock(tx, self.counter.book, moment))

    async def later(self, **span):
        await self.until(self.now + timedelta(**span))

    async def day(self, number):
        await self.until(START + number * DAY)

    async def put(self, name, lots, **more):
        """Load a card with lots, one after the other."""
        commands = [self.load(name, text, **more) for text in lots.split()]
        return await self.counter.do(*commands) if commands else None

    # Commands

    def load(self, name, lot, **more):
        told = _LOT.fullmatch(lot)
        assert told, lot
        if told["day"]:
            more["expires_at"] = START + int(told["day"]) * DAY
        if told["payer"]:
            more["payer"] = told["payer"]
        return self._made(
            cards.Load, card=self.ids[name], amount_minor=int(told["minor"]), source=FundingSource(told["source"]),
            asset="CNY", **more,
        )  # fmt: skip

    def redeem(self, name, minor, **more):
        return self._pay(cards.Redeem, name, minor, **more)

    def authorise(self, name, minor, **more):
        return self._pay(cards.Authorise, name, minor, **more)

    def _pay(self, kind, name, minor, **more):
        more.setdefault("merchant_id", self.shop.id)
        return self._made(kind, card=self.ids[name], amount_minor=minor, asset="CNY", **more)

    def capture(self, hold=None, minor=None, **more):
        return self._made(cards.Capture, hold=self._place(hold), amount_minor=minor, **more)

    def void(self, hold=None, **more):
        return self._made(cards.Void, hold=self._place(hold), **more)

    def refund(self, minor, of, **more):
        return self._made(cards.Refund, redemption=self._place(of), amount_minor=minor, asset="CNY", **more)

    def reverse(self, of, **more):
        return self._made(cards.Reverse, redemption=self._place(of), **more)

    def transfer(self, name, to, minor=None, purpose="gift", **more):
        return self._made(
            cards.Transfer, card=self.ids[name], to_card=self.ids[to], amount_minor=minor, asset="CNY",
            purpose=Purpose(purpose), **more,
        )  # fmt: skip

    def adjust(self, name, minor, **more):
        """Upwards, or downwards where the amount is negative."""
        if minor > 0:
            more.setdefault("approved_by", "the second")
        return self._made(
            cards.Adjust, card=self.ids[name], amount_minor=abs(minor), asset="CNY", increment=minor > 0,
            **{"reason": "a story", "made_by": "the first", **more},
        )  # fmt: skip

    def expire(self, name, **more):
        return self._made(cards.Expire, card=self.ids[name], **more)

    def renew(self, name, until, **more):
        return self._made(cards.Renew, card=self.ids[name], expires_at=until, **more)

    def _made(self, kind, /, key=None, **fields):
        return kind(key=key or self.counter.key(), **fields)

    def _place(self, told):
        return self.places[told] if isinstance(told, str) else getattr(told, "place", told)

    def replace(self, name, reason="lost", **more):
        return self._made(cards.Replace, card=self.ids[name], reason=cards.ReplaceReason(reason), **more)

    # What became of it

    async def told_of_new(self, command):
        """The code of what a command that makes cards is answered: `ok` or why not."""
        outcome = await self.told_anew(command)
        return outcome.code if isinstance(outcome, Refused) else "ok"

    async def replaced(self, old, new):
        """Issue a card anew, under another name."""
        made = await self.told_anew(self.replace(old))
        assert isinstance(made, cards.Minted), made
        self.ids[new] = made.cards[0].card.id
        return made.activity

    async def told_anew(self, *commands):
        """The outcomes of a batch in which cards are issued anew; of one by itself where there is one."""
        counter = self.counter
        outcomes = await counter.within(lambda tx: cards.run(tx, counter.book, commands, counter.keyring))
        return outcomes[0] if len(outcomes) == 1 else outcomes

    async def do(self, command, name=None):
        done = await self.counter.do(command)
        if name:
            self.places[name] = done.place
        return done

    async def told(self, command):
        """The code of an outcome, `ok` where it isn't refused."""
        (outcome,) = await self.counter.run(command)
        return code(outcome)

    async def holds(self, name):
        """What is booked on a card, and what of it is available."""
        seen = await self.counter.see(self.ids[name])
        return seen.balance_minor, seen.available_minor

    async def live(self, name):
        return await self.counter.within(lambda tx: ledger.lots_of(tx, self.counter.book, self.ids[name]))

    async def lots(self, name):
        """The lots of a card in words."""
        return " ".join(_told(lot) for lot in await self.live(name))

    def drawn(self, entry):
        """Which lots an entry drew, in words and in that order."""
        return self._legs(entry, "debit")

    def put_into(self, entry):
        """Which lots an entry went into."""
        return self._legs(entry, "credit")

    def _legs(self, entry, side):
        rows = self.site.ask(
            f"SELECT l.source, t.amount_minor FROM ledger.transfers t JOIN ledger.lots l ON l.id = t.{side}_lot"
            " WHERE t.batch_id = %s AND t.entry = %s ORDER BY t.ordinal", *self._place(entry),
        )  # fmt: skip
        return " ".join(f"{source}:{minor}" for source, minor in rows)


def _told(lot):
    text = f"{lot.source}:{lot.minor}"
    if lot.held_minor:
        text += f"-{lot.held_minor}"
    if lot.expires_at:
        text += f"@{(lot.expires_at - START) // DAY}"
    return text + (f"/{lot.payer}" if lot.payer else "")

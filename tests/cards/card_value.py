"""The part of the cards' model that is about value: what is on a card, in which lots, and what of it can be drawn.

See card_model, which has the rest. What time ends (holds, restrictions) ends at its moment here, and in the product
when somebody looks; what is told of it is the same.
"""

import pickle
from datetime import timedelta
from types import SimpleNamespace as Record

from tests.cards.lot_model import CHINA, FOR_EVER, MOST, No, shares

LAW, DAY = ("aml", "police", "court"), timedelta(days=1)


class Value:
    """One book. A command is (key, verb, fields); an answer ("no", code, facts), or what the entry that it made says:
    ("yes", type, card, amount, balance, held, more).

    `programmes`: name → what it says of its cards (see PROGRAMMES of test_card_model); `shops`: name → asset and
    scenario; `levels`: how well people are known.
    """

    def __init__(self, programmes, shops, levels, now):
        self.programmes, self.shops, self.levels, self.now = programmes, shops, levels, now
        self.cards, self.holds, self.payments, self.gifts, self.answers = {}, {}, {}, {}, {}
        self.till = dict.fromkeys(shops, 0)
        self.numbers, self.claimed = 0, set()

    def copy(self):
        return pickle.loads(pickle.dumps(self))  # noqa: S301  its own

    def batch(self, commands):
        return [self.answer(*command) for command in commands]

    def answer(self, key, verb, fields):
        asked = (verb, tuple(sorted(fields.items())))
        if key not in self.answers:
            try:
                told = getattr(self, verb)(key, **fields)
            except No as no:
                told = ("no", no.code, no.facts)
            self.answers[key] = asked, told
        first, told = self.answers[key]
        return told if first == asked else ("no", "ledger.key_reused", {})

    def until(self, moment):
        """Let time come to a moment."""
        self.now = moment
        for hold in self.holds.values():
            if hold.state == "OPEN" and hold.expires_at <= moment:
                self.let_go(hold, "EXPIRED")
        for one in self.cards.values():
            one.stack = [r for r in one.stack if r.until is None or r.until > moment]

    # What a card has

    @staticmethod
    def booked(one):
        return sum(lot.minor for lot in one.lots)

    @staticmethod
    def held(one):
        return sum(lot.held for lot in one.lots)

    def is_over(self, lot):
        return lot.expires_at is not None and lot.expires_at <= self.now

    def free(self, lot):
        return 0 if self.is_over(lot) else lot.minor - lot.held

    def unbound(self, one):
        """What there is to draw, whatever is restricted."""
        return sum(map(self.free, one.lots))

    def available(self, one):
        return max(0, self.unbound(one) - sum(r.amount or 0 for r in one.stack))

    def says(self, one):
        """What the card's programme says."""
        return self.programmes[one.programme]

    @staticmethod
    def state(one):
        if one.successor is not None:
            return "DEACTIVATED"
        if not one.active:
            return "PENDING"
        return "BLOCKED" if any(r.amount is None for r in one.stack) else "ACTIVE"

    def gift_of(self, one):
        """The gift that a card waits for, until its days are over."""
        gift = self.gifts.get(one.gift)
        return gift if gift and gift.state == "OFFERED" and self.now < gift.until else None

    def heir(self, one):
        while one.successor is not None:
            one = self.cards[one.successor]
        return one

    # Lots

    @staticmethod
    def strain(lot):
        """What lots of one card are told apart by."""
        day = lot.at.astimezone(CHINA).date()
        return (lot.source, lot.payer, lot.may_pass, lot.may_sell, lot.may_refund, lot.expires_at, day)

    def put(self, one, amount, like, **other):
        """Value of a provenance comes onto a card: into its live lot that is alike, else into a new one."""
        like = Record(**{**vars(like), **other})
        lot = next((x for x in one.lots if x.minor and self.strain(x) == self.strain(like)), None)
        if lot is None:
            self.numbers += 1
            lot = Record(**{**vars(like), "n": self.numbers, "card": one.name, "minor": 0, "held": 0})
            one.lots.append(lot)
        lot.minor += amount

    @staticmethod
    def in_order(lots, *, paid_first=False):
        """Bonus first, or what was paid for; then what expires first, then the older one."""
        return sorted(lots, key=lambda x: ((x.source == "bonus") is paid_first, x.expires_at or FOR_EVER, x.n))

    def share(self, lots, amount):
        """(lot, its share of an amount), by what is free of each."""
        lots = [lot for lot in self.in_order(lots) if self.free(lot)]
        parts = zip(lots, shares(amount, [self.free(lot) for lot in lots]), strict=True)
        return [(lot, part) for lot, part in parts if part]

    def drawn(self, one, amount):
        order = self.says(one)["order"]
        if order == "in_proportion":
            return self.share(one.lots, amount)
        parts = []
        for lot in self.in_order(one.lots, paid_first=order == "paid_first"):
            part = min(self.free(lot), amount)
            amount -= part
            parts += [(lot, part)] * bool(part)
        return parts

    # Why not

    @staticmethod
    def positive(amount):
        if amount <= 0:
            raise No("cards.amount_not_positive")
        if amount > MOST:
            raise No("cards.amount_too_large")

    def card(self, name):
        if name not in self.cards:
            raise No("cards.unknown_card")
        return self.cards[name]

    @staticmethod
    def same(asset, *others):
        if any(other != asset for other in others):
            raise No("cards.currency_mismatch")

    @staticmethod
    def stopped(stack):
        """Why a card does nothing that is restricted by these as a whole."""
        if any(r.amount is None for r in stack):
            others = any(r.amount is None and r.kind != "issuer" for r in stack)
            raise No("cards.restricted" if others else "cards.blocked")

    def frozen(self, one):
        self.stopped([r for r in one.stack if r.kind in LAW])

    def usable(self, one):
        if not one.active:
            raise No("cards.not_active")
        if one.successor is not None:
            raise No("cards.replaced")
        self.stopped(one.stack)
        if self.gift_of(one):
            raise No("cards.gift_pending")

    def alive(self, one, code="cards.deactivated"):
        if one.successor is not None:
            raise No(code)

    def enough(self, one, amount):
        """Whether so much can be drawn: it isn't there, or it is and restricted."""
        if self.available(one) < amount:
            code = "amount_restricted" if self.unbound(one) >= amount else "insufficient_balance"
            raise No(f"cards.{code}", available_minor=self.available(one))

    def fits(self, one, amount):
        most = self.says(one)["max_balance"]
        if most is not None and self.booked(one) + amount > most:
            raise No("cards.balance_cap_exceeded", left_minor=max(0, most - self.booked(one)))

    def enter(self, kind, one, amount=0, **more):
        one.history.append((kind, amount, self.booked(one)))
        return ("yes", kind, one.name, amount, self.booked(one), self.held(one), more)

    # Cards made, and value on them

    def new(self, name, programme, holder, like=None, generation=0, *, active=True):
        """A card; one that comes from another has its root."""
        root, parent = (name, None) if like is None else (like.root, like.name)
        one = Record(name=name, programme=programme, holder=holder, active=active, root=root, parent=parent,
                     generation=generation, successor=None, gift=None, lots=[], stack=[], history=[])  # fmt: skip
        self.cards[name] = one
        return one

    @staticmethod
    def lineage(*cards):
        return tuple((one.name, one.root, one.parent, one.generation, one.holder) for one in cards)

    def issue(self, key, programme, holder=None, active=True):
        if ("bearer" if holder is None else "registered") not in self.programmes[programme]["kinds"]:
            raise No("cards.kind_not_offered")
        one = self.new(f"{key}.0", programme, holder, active=active)
        if active:
            self.enter("ACTIVATE", one)
        return ("yes", "ISSUE", one.name, 0, 0, 0, {"cards": self.lineage(one)})

    def activate(self, _key, card):
        one = self.card(card)
        self.alive(one)
        if one.active:
            raise No("cards.already_active")
        self.stopped(one.stack)
        one.active = True
        return self.enter("ACTIVATE", one)

    def load(self, key, card, amount, source, asset="CNY", payer=None, expires_at=None, may_pass=True, may_sell=None):
        self.positive(amount)
        one = self.card(card)
        says = self.says(one)
        self.same(asset, "CNY")
        self.usable(one)
        if expires_at is not None and expires_at <= self.now:
            raise No("cards.bad_term")
        if source in says["unfunded"]:
            raise No("cards.funding_not_accepted")
        if says["max_load"] is not None and amount > says["max_load"]:
            raise No("cards.load_cap_exceeded")
        self.fits(one, amount)
        may_sell = source not in ("credit", "instalment") if may_sell is None else may_sell
        self.put(one, amount, Record(load=key, source=source, payer=payer, expires_at=expires_at, at=self.now,
                                     may_pass=may_pass, may_sell=may_sell, may_refund=source != "bonus"))  # fmt: skip
        return self.enter("LOAD", one, amount)

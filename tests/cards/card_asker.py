"""Who asks: commands that mostly suit where the model stands, and rivals that want the same at the same time."""

from datetime import timedelta
from random import Random

from tests.cards.card_shop import PROGRAMMES, SHOPS
from tests.cards.card_value import LAW

HOUR, DAY = 3600, 86_400
WEIGHTS = {
    "issue": 2, "load": 8, "activate": 2, "redeem": 8, "authorise": 6, "capture": 6, "void": 3, "refund": 6, "reverse": 2,
    "split": 7, "spend_split": 4, "transfer": 6, "replace": 4, "give": 6, "claim": 8, "withdraw": 2, "restrict": 6,
    "lift": 6, "report_loss": 1, "block": 2, "unblock": 4, "expire": 6,
}  # fmt: skip
GOODS = [
    ("mug", "china"),
    ("green", "tea"),
    ("rum", "spirits"),
    ("tea-gold", "tea"),
    ("bun", "cake"),
    ("latte", "coffee"),
]


class Asker:
    """One who asks, by a seed; `machine` knows the model, what was sent, and which keys are new."""

    def __init__(self, seed, machine):
        self.rng, self.machine, self.model = Random(seed * 10**6 + machine.keys), machine, machine.model

    def one_in(self, many):
        return self.rng.randrange(many) == 0

    def some(self, *choices):
        return self.rng.choice(choices)

    def command(self):
        """A command as (key, verb, fields); some were sent before, some use the key of another one."""
        sent = self.machine.sent
        if self.one_in(15):
            return self.some(*sent[-30:])
        verb = self.rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
        key, _, said = self.exactly(verb, **getattr(self, verb)())
        return (self.some(*sent[-30:])[0] if self.one_in(60) else key), verb, said

    def exactly(self, verb, **said):
        """A command with what is said here, where that isn't None."""
        return self.machine.fresh(), verb, {name: value for name, value in said.items() if value is not None}

    # What is asked for

    def card(self, suits=lambda one: True):
        """A card that suits, mostly a usable one, rather a new one, and often one of which an amount is restricted."""
        if self.one_in(50):
            return "nobody"
        known = list(self.model.cards.values())
        alive = [one for one in known if one.successor is None]
        usable = [one for one in alive if self.model.state(one) == "ACTIVE" and not self.model.gift_of(one)]
        liked = [one for one in usable if suits(one)]
        bound = [one for one in usable if one.stack]
        if bound and self.one_in(4):
            return self.some(*bound[-6:]).name
        choice = known if self.one_in(12) else alive if self.one_in(6) else liked or usable or alive or known
        return self.some(*choice[-10:]).name if choice else "nobody"

    def full(self, one):
        return self.model.available(one) > 20

    def has(self, card):
        return self.model.available(self.model.cards[card]) if card in self.model.cards else 9

    def amount(self, about):
        if self.one_in(50):
            return self.some(0, -3, 2**63)
        return self.some(about, about + 1, about // 2, about // 3, *(self.rng.randint(1, 40) for _ in "1234"))

    def asset(self):
        return "USD" if self.one_in(60) else None

    def later(self, *spans):
        return self.model.now + timedelta(seconds=self.some(*spans))

    def basket(self, card, amount):
        """Lines, where the card's programme asks for them, or now and then."""
        one = self.model.cards.get(card)
        needs = one is not None and self.model.says(one)["goods"]
        if amount <= 0 or self.one_in(20) or not (needs or self.one_in(6)):
            return {}
        lines, rest = [], amount
        while rest > 0 and len(lines) < 3:
            part = rest if self.one_in(3) else self.rng.randint(1, rest)
            lines.append((*self.some(*GOODS, *GOODS[:2] * 4), part))
            rest -= part
        told = {"lines": tuple(lines)}
        return told if self.one_in(20) else {**told, "amount": amount - rest}

    def issue(self):
        kinds = PROGRAMMES[programme := self.some(*PROGRAMMES)]["kinds"]
        bearer = "bearer" in kinds and self.one_in(2)
        holder = None if bearer or self.one_in(12) else self.some("ann", "bob", "cai", "dan")
        return {"programme": programme, "holder": holder, "active": not self.one_in(6)}

    def activate(self):
        pending = [one.name for one in self.model.cards.values() if not one.active]
        return {"card": self.some(*pending) if pending and not self.one_in(9) else self.card()}

    def load(self):
        source = self.some("cash", "cash", "transfer", "bonus", "bonus", "credit", "points")
        return {
            "card": self.card(), "amount": self.amount(90), "source": source, "asset": self.asset(),
            "payer": self.some(None, "pat", "sam", f"payer {self.machine.keys}"),
            "expires_at": self.later(HOUR, HOUR, DAY, 3 * DAY, 30 * DAY, -1) if source == "bonus" or self.one_in(4) else None,
            "may_pass": self.some(*[None] * 9, True, False), "may_sell": self.some(*[None] * 5, True, False),
        }  # fmt: skip

    def redeem(self):
        card = self.card(self.full)
        amount = self.amount(self.has(card))
        shop = self.some(*["teahouse"] * 9, *SHOPS, "nowhere")
        return {"card": card, "shop": shop, "amount": amount, "partial": self.one_in(4), "asset": self.asset(),
                **self.basket(card, amount)}  # fmt: skip

    def authorise(self):
        return {**self.redeem(), "ttl_s": self.some(60, HOUR, DAY, DAY, 3 * DAY, *[0] * self.one_in(9))}

    def hold(self):
        """A hold, mostly an open one."""
        known = list(self.model.holds)
        open_ones = [name for name in known if self.model.holds[name].state == "OPEN"]
        return (
            self.some(*(open_ones or known[-9:] or ["nothing"])) if not self.one_in(9) else self.some(*known, "nothing")
        )

    def left(self, hold):
        known = self.model.holds.get(hold)
        return sum(part for _, part in known.reserved) if known else 9

    def capture(self):
        hold = self.hold()
        return {
            "hold": hold,
            "amount": self.some(None, 0, *[self.amount(self.left(hold))] * 4),
            "final": self.one_in(3),
        }

    def void(self):
        return {"hold": self.hold()}

    def payment(self, suits=lambda paid: True):
        known = [name for name, paid in self.model.payments.items() if paid.paid > paid.back and suits(paid)]
        return self.some(*known[-12:], *[*self.model.payments, "nothing"][-1:])

    def refund(self):
        name = self.payment()
        paid = self.model.payments.get(name)
        told = {"amount": self.amount(paid.paid - paid.back if paid else 9), "asset": self.asset()}
        told["to_card"] = self.card() if self.one_in(3) else None
        if paid and self.one_in(2):
            return {**told, "card": paid.card, "shop": paid.shop}
        return {**told, "redemption": name}

    def reverse(self):
        return {"redemption": self.payment(lambda paid: not paid.back)}

    def split(self):
        card = self.card(lambda one: self.full(one) and self.model.says(one)["split"])
        pieces = [self.amount(self.has(card) // 3 + 1) for _ in range(self.some(1, 1, 2, 2, 3))]
        return {"card": card, "pieces": tuple(pieces) if not self.one_in(40) else (), "asset": self.asset()}

    def spend_split(self):
        card = self.card(lambda one: self.full(one) and self.model.says(one)["split"])
        return {
            "card": card,
            "shop": self.some("teahouse", "teahouse", "grocer"),
            "amount": self.amount(self.has(card) // 2),
        }

    def transfer(self):
        """Mostly within a family, of which pieces may have been given away."""
        card = self.card(self.full)
        one, purpose = self.model.cards.get(card), self.some("merge", "merge", "merge", "gift", "sale")
        if one and purpose == "sale" and self.model.says(one)["documented"]:
            purpose = "gift"  # What the law asks of sales is in test_law.
        family = [
            x for x in self.model.cards.values() if one and x.root == one.root and x.successor is None and x is not one
        ]
        strangers = [x for x in family if x.holder != one.holder]
        others = strangers if strangers and self.one_in(2) else family
        to_card = self.some(*others).name if others and purpose == "merge" and not self.one_in(9) else self.card()
        amount = self.some(None, *[self.amount(self.has(card))] * 3)
        return {"card": card, "to_card": to_card, "purpose": purpose, "amount": amount, "asset": self.asset()}

    # What makes it anew

    def replace(self):
        stopped = self.model.cards.values()
        stopped = [x.name for x in stopped if x.stack and x.successor is None and x.active]
        return {"card": self.some(*stopped) if stopped and self.one_in(2) else self.card()}

    def give(self):
        card = self.card(lambda one: self.full(one) and not one.stack and not self.model.held(one))
        one = self.model.cards.get(card)
        named = one and self.model.says(one)["gift"] and self.model.says(one)["gift"]["named"]
        to = (
            self.some("ann", "cai", "cai", "dan")
            if named and not self.one_in(9)
            else self.some(None, None, None, "cai")
        )
        return {"card": card, "to": to, "deliver_at": self.some(*[None] * 6, self.later(HOUR, DAY, 0, 400 * DAY)),
                "greeting": "贺" * self.some(9, 9, 9, 200, 200 + self.one_in(9))}  # fmt: skip

    def claim(self):
        known = list(self.model.gifts)
        offered = [name for name in known if self.model.gifts[name].state == "OFFERED"]
        gift = self.some(*(offered[-4:] or known[-4:] or ["nothing"]), *known[-1:])
        told = self.model.gifts.get(gift)
        holder = (
            told.to
            if told and told.to and not self.one_in(5)
            else self.some("ann", "bob", "cai", "dan", None, "stranger")
        )
        return {
            "gift": gift,
            "token": "right" if not self.one_in(4) else f"wrong {self.rng.random()}",
            "holder": holder,
        }

    def withdraw(self):
        offered = [name for name, told in self.model.gifts.items() if told.state == "OFFERED"]
        return {"gift": self.some(*offered, *[*self.model.gifts, "nothing"][-1:])}

    # What stands in the way

    def restrict(self):
        """Often behind another one, or on what has expired: there the queue decides, and whose it is."""
        card, kind = self.card(), self.some("holder", "issuer", "risk", "aml", "police", "court", "court")
        over = self.over()
        if over and self.one_in(3):
            card, kind = self.some(*over), "court"
        amount = self.some(None, *[self.amount(self.has(card) // 2)] * 3)
        until = self.some(None, None, None, self.later(60, HOUR, DAY, 5 * DAY, 0))
        return {
            "card": card, "kind": kind, "amount": amount, "until": until, "temporary": self.one_in(6),
            "document": "(2026) 5" if kind in LAW and not self.one_in(12) else " ", "asset": self.asset(),
        }  # fmt: skip

    def lift(self):
        """A restriction that there is, under its own power or another one."""
        known = [
            (one.name, r) for one in self.model.cards.values() for r in one.stack if r.name in self.machine.shop.places
        ]
        named, found = self.some(*known) if known else (self.card(), None)
        kind = self.some(*[found.kind] * 6, "issuer", "court", "holder") if found else "court"
        return {"card": named if not self.one_in(20) else self.card(), "restriction": found.name if found else "nothing",
                "kind": kind, "document": "(2026) 9" if kind in LAW and not self.one_in(12) else " "}  # fmt: skip

    def report_loss(self):
        return {"card": self.card()}

    block = report_loss

    def unblock(self):
        blocked = [x.name for x in self.model.cards.values() if any(r.kind == "issuer" for r in x.stack)]
        return {"card": self.some(*blocked) if blocked and not self.one_in(6) else self.card()}

    def over(self):
        """Cards on which something has expired."""
        model = self.model
        return [x.name for x in model.cards.values() if any(lot.minor and model.is_over(lot) for lot in x.lots)]

    def expire(self):
        over = self.over()
        bound = [name for name in over if self.model.cards[name].stack]
        return {"card": self.some(*(bound or over)) if over and not self.one_in(6) else self.card()}

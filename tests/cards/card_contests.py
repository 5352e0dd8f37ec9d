"""Contests: who wants the same at the same time. Each is what stands before it, and a batch of every rival."""

from tests.cards.card_asker import HOUR

MUG = ("mug", "china")


class Contests:
    """Contests on a card that is ready for them; `ask` makes up commands, and `prepare` does what comes before."""

    def __init__(self, ask, prepare):
        self.ask, self.model, self.prepare, self.some = ask, ask.model, prepare, ask.some
        self.say = ask.exactly

    def ready(self, need=40):
        """A card that has so much to pay, split or give away; a new one where there is none, and now and then."""
        fit = [
            one.name
            for one in self.model.cards.values()
            if self.model.state(one) == "ACTIVE" and self.model.available(one) >= need and not self.model.gift_of(one)
        ]
        if fit and not self.ask.one_in(5):
            return self.some(*fit[-8:])
        programme = self.some("plain", "capped", "tea", "multi", "named")
        holder = "ann" if programme == "named" else self.some("ann", "dan", None)
        card = f"{self.prepare(self.say('issue', programme=programme, holder=holder))}.0"
        for source in ("cash", "bonus"):
            self.prepare(self.say("load", card=card, amount=60, source=source))
        return card

    def paying(self, card, verb=None, amount=None):
        """A till that asks for so much, or most of what the card has."""
        verb = verb or self.some("redeem", "authorise", "spend_split")
        amount = amount or max(1, self.ask.has(card) * 2 // 3)
        more = {"lines": ((*MUG, amount),), "partial": self.ask.one_in(3)} if verb != "spend_split" else {}
        more |= {"ttl_s": HOUR} if verb == "authorise" else {}
        return self.say(verb, card=card, shop="teahouse", amount=amount, **more)

    def given(self, card):
        named = self.model.cards[card].programme == "named"
        return self.prepare(self.say("give", card=card, to="cai" if named else self.some(None, "cai")))

    def claiming(self, gift, holder, token="right"):
        return self.say("claim", gift=gift, token=token, holder=holder)

    def capturing(self, hold):
        return self.say("capture", hold=hold, amount=self.some(None, 20, 11), final=self.ask.one_in(3))

    def splitting(self, card):
        return self.say("split", card=card, pieces=self.some((10,), (7, 9), (20, 15)))

    def two_claimants_of_one_gift(self):
        gift = self.given(self.ready())
        other = self.some(self.claiming(gift, "ann"), self.claiming(gift, "cai", self.some("right", "wrong")))
        third = self.some(None, self.say("withdraw", gift=gift), self.claiming(gift, "dan"))
        return [self.claiming(gift, "cai"), other, *[third] * (third is not None)]

    def two_tills_on_one_card(self):
        card = self.ready()
        return [self.paying(card) for _ in range(self.some(2, 2, 3))]

    def capture_against_void(self):
        hold = self.prepare(self.paying(self.ready(), "authorise", 30))
        return [self.say("void", hold=hold), *(self.capturing(hold) for _ in range(self.some(1, 1, 2)))]

    def split_against_block(self):
        card = self.ready()
        stop = self.some("block", "block", "report_loss")
        more = [self.say("unblock", card=card)] * self.ask.one_in(3)
        return [self.splitting(card), self.say(stop, card=card), *more]

    def a_freeze_in_the_middle(self):
        """A court's, of an amount or of the whole card, while the card pays, is split, given, claimed or replaced."""
        card, way = (
            self.ready(),
            self.some("pays", "pays", "is split", "is replaced", "is given", "is claimed", "is captured"),
        )
        match way:
            case "is captured":
                rival = self.capturing(self.prepare(self.paying(card, "authorise", 30)))
            case "is claimed":
                rival = self.claiming(self.given(card), "cai")
            case "is given":
                rival = self.say("give", card=card, to="cai")
            case "is replaced":
                rival = self.say("replace", card=card)
            case "is split":
                rival = self.splitting(card)
            case _:
                rival = self.paying(card)
        amount = self.some(None, self.ask.has(card) // 2 + 1)
        freeze = self.say("restrict", card=card, amount=amount, kind="court", document="(2026) 7")
        return [freeze, rival, *[self.paying(card)] * self.ask.one_in(3)]

    def what_comes_back_meets_who_goes_away(self):
        """A refund, or a load, to a card that another one is about to take over from."""
        card = self.ready()
        bought = self.prepare(self.paying(card, "redeem", 12))
        gift = self.given(card) if self.ask.one_in(3) else None
        away = self.claiming(gift, "cai") if gift else self.say("replace", card=card)
        load = self.say("load", card=card, amount=9, source="cash")
        return [away, self.say("refund", redemption=bought, amount=5), *[load] * self.ask.one_in(3)]

    def value_crosses_within_a_family(self):
        card = self.ready()
        made = self.prepare(self.say("split", card=card, pieces=(15, 12)))
        known = [name for name in (f"{made}.0", f"{made}.1", card) if name in self.model.cards]
        pairs = [(one, to) for one in known for to in known if one != to] or [(card, card)] * 2
        merges = [
            self.say("transfer", card=one, to_card=to, purpose="merge", amount=self.some(None, 9))
            for one, to in self.ask.rng.sample(pairs, 2)
        ]
        return [*merges, *[self.paying(known[0])] * self.ask.one_in(3)]

    def anything(self):
        """Whatever comes to mind, several commands each."""
        return [[self.ask.command() for _ in range(self.some(1, 2, 3))] for _ in range(self.some(2, 3, 4))]


CONTESTS = (
    "two_claimants_of_one_gift", "two_tills_on_one_card", "capture_against_void", "split_against_block",
    "a_freeze_in_the_middle", "what_comes_back_meets_who_goes_away", "value_crosses_within_a_family", "anything",
)  # fmt: skip

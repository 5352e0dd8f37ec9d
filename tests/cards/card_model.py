"""A model of cards that are paid with, split, merged, given, restricted and replaced, in plain words.

It was written from REQUIREMENTS, the concepts and what the commands say of themselves, and shares nothing with the
product: one command after the other, lists of lots. Whatever a command makes is named by its key, so that a name
is the same in whichever order things happen: the second card of `k7` is `k7.1`, its hold, payment, gift or
restriction `k7`, and a restriction that went along with a replaced card has a stroke more.
"""

from datetime import timedelta
from types import SimpleNamespace as Record

from tests.cards.card_paying import Paying
from tests.cards.card_value import DAY, LAW
from tests.cards.lot_model import No

LEVELS = ("anonymous", "registered", "verified")
WRONG_TOKENS, GREETING, FREEZE = 5, 200, timedelta(hours=48)


class Model(Paying):
    """Value and payments, with what makes new cards of them and what stands in their way."""

    # Pieces

    def may_be_split(self, one, pieces):
        says = self.says(one)["split"]
        if says is None:
            raise No("cards.not_splittable")
        if one.generation >= says["max_generations"]:
            raise No("cards.too_many_generations", generation=one.generation)
        # What was issued anew is no piece: its generation is its parent's.
        family = [x for x in self.cards.values() if x.root == one.root and x.parent is not None]
        made = sum(x.generation > self.cards[x.parent].generation for x in family)
        if says["max_pieces"] is not None and made + len(pieces) > says["max_pieces"]:
            raise No("cards.bad_pieces", left_count=max(0, says["max_pieces"] - made))
        if min(pieces) < says["min_minor"]:
            raise No("cards.piece_too_small", amount_minor=min(pieces))

    def piece(self, name, one, amount):
        """A new card with its share of every lot that is free."""
        piece = self.new(name, one.programme, one.holder, one, one.generation + 1)
        for lot, part in self.share(one.lots, amount):
            lot.minor -= part
            self.put(piece, part, lot)
        return piece

    def split(self, key, card, pieces, asset="CNY"):
        for minor in pieces:
            self.positive(minor)
        if not 1 <= len(pieces) <= 100:
            raise No("cards.bad_pieces")
        one = self.card(card)
        self.same(asset, "CNY")
        self.usable(one)
        self.may_be_split(one, pieces)
        self.enough(one, sum(pieces))
        made = [self.piece(f"{key}.{n}", one, minor) for n, minor in enumerate(pieces)]
        told = self.enter("TRANSFER_BALANCE_FROM", one, sum(pieces), cards=self.lineage(*made))
        for piece, minor in zip(made, pieces, strict=True):
            self.enter("TRANSFER_BALANCE_TO", piece, minor)
        return told

    def spend_split(self, key, card, shop, amount, asset="CNY"):
        one, amount, _ = self.payable(card, shop, amount, asset, partial=False, lines=None)
        rest = self.available(one) - amount
        if not rest:
            raise No("cards.nothing_left")
        self.may_be_split(one, [rest])
        name = f"{key}.0"
        told = self.pay(key, one, shop, self.drawn(one, amount), self.now, "REDEEM")
        piece = self.piece(name, one, rest)
        self.enter("TRANSFER_BALANCE_FROM", one, rest)
        self.enter("TRANSFER_BALANCE_TO", piece, rest)
        return (*told[:-1], {"cards": self.lineage(piece)})

    def transfer(self, _key, card, to_card, purpose, amount=None, asset="CNY"):
        if amount is not None:
            self.positive(amount)
        one, to = self.card(card), self.card(to_card)
        if one is to:
            raise No("cards.same_card")
        if purpose == "merge" and one.root != to.root:
            raise No("cards.not_one_root")
        if purpose == "merge" and (one.holder, self.hand(one)) != (to.holder, self.hand(to)):
            raise No("cards.not_one_holder")
        self.same(asset, "CNY")
        self.usable(one)
        self.usable(to)
        if one.programme != to.programme:
            raise No("cards.other_programme")
        if purpose != "merge":
            self.passed(one, to, purpose)
        lots = [lot for lot in one.lots if {"gift": lot.may_pass, "sale": lot.may_sell, "merge": True}[purpose]]
        goes = min(self.available(one), sum(map(self.free, lots)))
        asked = goes if amount is None else amount
        self.enough(one, max(1, asked))
        if not goes or goes < asked:
            raise No("cards.not_transferable", transferable_minor=goes)
        self.fits(to, asked)
        for lot, part in self.share(lots, asked):
            lot.minor -= part
            self.put(to, part, lot)
        told = self.enter("TRANSFER_BALANCE_FROM", one, asked)
        self.enter("TRANSFER_BALANCE_TO", to, asked)
        return told

    def hand(self, one):
        """The claim by which whoever has a bearer card came to it; None for who bought it."""
        if one.holder is not None or one.parent is None:
            return None
        return one.name if one.name in self.claimed else self.hand(self.cards[one.parent])

    def passed(self, one, to, purpose):
        """What a document lets pass to another card's holder, and how well that one has to be known."""
        says, least = self.says(one), 0
        if not says["documented"]:
            return
        if purpose == "sale":
            if not says["sellable"]:
                raise No("cards.not_sellable")
        else:
            if says["gift"] is None:
                raise No("cards.not_givable")
            if says["gift"]["named"] and to.holder is None:
                raise No("cards.receiver_missing")
            least = LEVELS.index(says["gift"]["identity"])
        self.known(to.holder, max(least, one.holder is not None))

    def known(self, holder, least):
        if LEVELS.index(self.levels.get(holder, "anonymous")) < least:
            raise No("cards.identity_too_low")

    # Cards issued anew

    def reissue(self, name, one, holder):
        """All that a card has, expired or not, goes to a new one in its place; nothing of it is reserved."""
        new = self.new(name, one.programme, holder, one, one.generation)
        amount = self.booked(one)
        for lot in self.in_order(one.lots):
            if lot.minor:
                self.put(new, lot.minor, lot)
                lot.minor = 0
        one.successor = name
        told = self.enter("TRANSFER_BALANCE_FROM", one, amount, cards=self.lineage(new))
        self.enter("DEACTIVATE", one)
        self.enter("TRANSFER_BALANCE_TO", new, amount)
        carried = [r for r in one.stack if r.amount is not None or r.kind not in ("holder", "issuer")]
        one.stack = [r for r in one.stack if r not in carried]
        for r in carried:
            new.stack.append(Record(**{**vars(r), "name": f"{r.name}'"}))
            self.enter("RESTRICT", new)
        return told, new

    def holds_nothing_reserved(self, one):
        if self.held(one):
            raise No("cards.has_holds", held_minor=self.held(one))

    def replace(self, key, card):
        one = self.card(card)
        says = self.says(one)
        if self.state(one) != "BLOCKED":
            self.usable(one)
        elif self.gift_of(one):
            raise No("cards.gift_pending")
        self.frozen(one)
        if one.holder is None and says["class"] == "multi_purpose":
            raise No("cards.not_replaceable")
        self.holds_nothing_reserved(one)
        fee = says["fee"]
        self.enough(one, fee)
        told, new = self.reissue(f"{key}.0", one, one.holder)
        if fee:
            for lot, part in self.drawn(new, fee):
                lot.minor -= part
            self.enter("FEE", new, fee)
        return told

    # Gifts

    def goes_whole(self, one):
        """A gift is all of a card: there is something, nobody has bound it, and all of it may be passed on."""
        booked = self.booked(one)
        if one.stack or not self.available(one):
            code = "amount_restricted" if booked and one.stack else "insufficient_balance"
            raise No(f"cards.{code}", available_minor=self.available(one))
        if any(lot.minor and not lot.may_pass for lot in one.lots):
            raise No("cards.not_transferable", amount_minor=booked)

    def give(self, key, card, to=None, deliver_at=None, greeting=""):
        one = self.card(card)
        if deliver_at is not None and not self.now < deliver_at <= self.now + 366 * DAY:
            raise No("cards.bad_term")
        if len(greeting) > GREETING:
            raise No("cards.bad_term")
        self.usable(one)
        says = self.says(one)["gift"]
        if says is None:
            raise No("cards.not_givable")
        if says["named"] and to is None:
            raise No("cards.receiver_missing")
        self.holds_nothing_reserved(one)
        self.goes_whole(one)
        until = (deliver_at or self.now) + says["days"] * DAY
        self.gifts[key] = Record(card=card, to=to, deliver_at=deliver_at, until=until, tries=0, state="OFFERED")
        one.gift = key
        return self.enter("GIFT_OFFER", one, until=until)

    def gift(self, name):
        if name not in self.gifts:
            raise No("cards.unknown_gift")
        gift = self.gifts[name]
        if gift.state != "OFFERED":
            raise No("cards.gift_ended", state=gift.state)
        if self.now >= gift.until:
            raise No("cards.gift_expired")
        return gift

    def claim(self, key, gift, token, holder=None):
        gift = self.gift(gift)
        one = self.cards[gift.card]
        if token != "right":
            gift.tries += 1
            if gift.tries == WRONG_TOKENS:
                gift.state = "KILLED"
                self.enter("GIFT_RETURN", one)
            raise No("cards.gift_token_wrong", left_count=WRONG_TOKENS - gift.tries)
        if gift.deliver_at is not None and self.now < gift.deliver_at:
            raise No("cards.gift_not_due")
        if gift.to is not None and holder != gift.to:
            raise No("cards.gift_for_another")
        self.known(holder, max(LEVELS.index(self.says(one)["gift"]["identity"]), one.holder is not None))
        if holder is not None and holder == one.holder:
            raise No("cards.gift_own")
        if one.stack and not any(r.amount is None for r in one.stack):
            # Who claims isn't told what is bound, nor by whom.
            raise No("cards.blocked")
        self.stopped(one.stack)
        self.goes_whole(one)
        gift.state = "CLAIMED"
        told, new = self.reissue(f"{key}.0", one, None if one.holder is None else holder)
        self.claimed.add(new.name)
        return told

    def withdraw(self, _key, gift):
        gift = self.gift(gift)
        gift.state = "WITHDRAWN"
        return self.enter("GIFT_RETURN", self.cards[gift.card])

    def sweep(self):
        """Enter which gifts went back; how many."""
        due = [gift for gift in self.gifts.values() if gift.state == "OFFERED" and self.now >= gift.until]
        for gift in due:
            gift.state = "RETURNED"
            self.enter("GIFT_RETURN", self.cards[gift.card])
        return len(due)

    def shown_gift(self, gift):
        if gift.state == "OFFERED" and self.now >= gift.until:
            return "RETURNED"
        waits = gift.state == "OFFERED" and gift.deliver_at is not None and self.now < gift.deliver_at
        return "SCHEDULED" if waits else gift.state

    # Restrictions

    def reportable(self, one):
        if one.holder is None and self.says(one)["class"] == "multi_purpose":
            raise No("cards.no_loss_report")

    @staticmethod
    def ordered(kind, document):
        if kind in LAW and not document.strip():
            raise No("cards.order_missing")

    def put_on(self, key, one, kind, amount=None, until=None, entry="RESTRICT"):
        one.stack.append(Record(name=key, kind=kind, amount=amount, until=until))
        return self.enter(entry, one)

    def restrict(self, key, card, kind, amount=None, until=None, temporary=False, document="", asset="CNY"):
        if amount is not None:
            self.positive(amount)
        one = self.card(card)
        self.alive(one, "cards.replaced")
        if amount is not None:
            self.same(asset, "CNY")
        if kind == "holder":
            self.reportable(one)
        self.ordered(kind, document)
        if (until is not None and until <= self.now) or (temporary and kind not in ("aml", "police")):
            raise No("cards.bad_term")
        if temporary and until is not None and until > self.now + FREEZE:
            raise No("cards.freeze_too_long")
        return self.put_on(key, one, kind, amount, until or (self.now + FREEZE if temporary else None))

    def lift(self, _key, card, restriction, kind, document=""):
        one = self.card(card)
        found = next((r for r in one.stack if r.name == restriction), None)
        if found is None:
            raise No("cards.unknown_restriction")
        if kind != found.kind and (found.kind, kind) != ("holder", "issuer"):
            raise No("cards.not_yours_to_lift")
        self.ordered(kind, document)
        one.stack.remove(found)
        return self.enter("LIFT", one)

    def report_loss(self, key, card):
        one = self.card(card)
        self.alive(one, "cards.replaced")
        self.reportable(one)
        if any(r.kind == "holder" and r.amount is None for r in one.stack):
            raise No("cards.already_blocked")
        return self.put_on(key, one, "holder")

    def block(self, key, card):
        one = self.card(card)
        self.alive(one)
        if not one.active:
            raise No("cards.not_active")
        if any(r.kind == "issuer" and r.amount is None for r in one.stack):
            raise No("cards.already_blocked")
        return self.put_on(key, one, "issuer", entry="BLOCK")

    def unblock(self, _key, card):
        one = self.card(card)
        self.alive(one)
        whole = [r for r in one.stack if r.amount is None]
        if not any(r.kind == "issuer" for r in whole):
            raise No("cards.not_yours_to_lift" if whole else "cards.not_blocked")
        one.stack = [r for r in one.stack if r.amount is not None or r.kind != "issuer"]
        return self.enter("UNBLOCK", one)

    def expire(self, _key, card):
        """What the law has bound stays, as far as nothing else covers it."""
        one = self.card(card)
        over = [lot for lot in self.in_order(one.lots) if self.is_over(lot) and lot.minor > lot.held]
        if not over:
            raise No("cards.nothing_expired")
        self.frozen(one)
        kept = max(0, sum(r.amount or 0 for r in one.stack if r.kind in LAW) - self.unbound(one))
        amount = sum(lot.minor - lot.held for lot in over) - kept
        if amount <= 0:
            raise No("cards.amount_restricted")
        missing = amount
        for lot in over:
            part = min(lot.minor - lot.held, missing)
            lot.minor, missing = lot.minor - part, missing - part
        return self.enter("EXPIRE", one, amount)

    # What is seen of it

    def shown(self):
        """All that there is, as `CardShop.seen` tells it."""
        lots = {}
        for one in self.cards.values():
            lots[one.name] = sorted((lot.load, *map(str, self.strain(lot)), lot.minor) for lot in one.lots if lot.minor)
        return {
            "cards": {
                one.name: (self.state(one), self.booked(one), self.available(one), one.root, one.parent, one.generation,
                           one.successor, one.holder)
                for one in self.cards.values()
            },
            "lots": lots,
            "tills": self.till,
            "gifts": {name: self.shown_gift(gift) for name, gift in self.gifts.items()},
            "restrictions": {
                one.name: [(r.kind, r.amount, r.until) for r in one.stack] for one in self.cards.values() if one.stack
            },
            "history": {one.name: one.history for one in self.cards.values() if one.history},
        }  # fmt: skip

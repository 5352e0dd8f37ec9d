"""The part of the cards' model that is about paying: redeemed, reserved, captured, and what comes back of it."""

from datetime import timedelta
from types import SimpleNamespace as Record

from tests.cards.card_value import DAY, Value
from tests.cards.lot_model import LONGEST_HOLD_S, No


class Paying(Value):
    """Value, and how merchants are paid with it."""

    # Paying

    def payable(self, card, shop, amount, asset, partial, lines, ttl_s=1):
        """The card, what is paid of the amount, and of each line."""
        self.positive(amount)
        one = self.card(card)
        if shop not in self.shops:
            raise No("cards.unknown_merchant")
        self.same(asset, "CNY", self.shops[shop]["asset"])
        self.usable(one)
        if not 1 <= ttl_s <= LONGEST_HOLD_S:
            raise No("cards.bad_term")
        reasons, asked = self.judged(one, shop, amount, lines, partial=partial), amount
        if lines is not None:
            amount = sum(minor for (_, _, minor), no in zip(lines, reasons, strict=True) if no is None)
        if not (partial and self.available(one)):
            self.enough(one, amount)
        amount = min(amount, self.available(one))
        more, rest = {"rest": asked - amount} if amount < asked else {}, amount
        if lines is not None:
            more["lines"] = ()
            for (_, _, minor), no in zip(lines, reasons, strict=True):
                part = min(minor, rest) if no is None else 0
                rest, more["lines"] = rest - part, (*more["lines"], (part, no))
        return one, amount, more

    def judged(self, one, shop, amount, lines, *, partial):
        """Why each line of a basket isn't payable, None where it is."""
        says = self.says(one)
        if lines is not None and (sum(x for _, _, x in lines) != amount or any(x <= 0 for _, _, x in lines)):
            raise No("cards.basket_mismatch")
        if says["scenarios"] and self.shops[shop]["scenario"] not in says["scenarios"]:
            raise No("programmes.scenario_not_accepted")
        goods = says["goods"]
        if goods is None:
            return [None] * len(lines or ())
        if lines is None:
            raise No("cards.basket_missing")
        reasons = []
        for sku, goods_class, _ in lines:
            barred = sku in goods["no_skus"] or (sku not in goods["skus"] and goods_class in goods["no_classes"])
            listed = sku in goods["skus"] or goods_class in goods["classes"]
            reasons.append(
                "programmes.goods_excluded" if barred else None if listed else "programmes.goods_not_accepted"
            )
        if any(reasons) and not (partial and None in reasons):
            raise No(next(filter(None, reasons)))
        return reasons

    def pay(self, key, one, shop, parts, at, kind, **more):
        for lot, part in parts:
            lot.minor -= part
        paid = sum(part for _, part in parts)
        self.till[shop] += paid
        if paid:
            self.payments[key] = Record(name=key, card=one.name, shop=shop, paid=paid, back=0, parts=parts, at=at)
        return self.enter(kind, one, paid, **more)

    def redeem(self, key, card, shop, amount, asset="CNY", partial=False, lines=None):
        one, amount, more = self.payable(card, shop, amount, asset, partial, lines)
        return self.pay(key, one, shop, self.drawn(one, amount), self.now, "REDEEM", **more)

    def authorise(self, key, card, shop, amount, ttl_s, asset="CNY", partial=False, lines=None):
        one, amount, more = self.payable(card, shop, amount, asset, partial, lines, ttl_s)
        parts = self.drawn(one, amount)
        for lot, part in parts:
            lot.held += part
        self.holds[key] = Record(card=card, shop=shop, captured=0, reserved=parts, state="OPEN", at=self.now,
                                 expires_at=self.now + timedelta(seconds=ttl_s))  # fmt: skip
        return self.enter("AUTHORISE", one, amount, **more)

    def hold(self, name):
        if name not in self.holds:
            raise No("cards.unknown_hold")
        return self.holds[name]

    def let_go(self, hold, state):
        left = sum(part for _, part in hold.reserved)
        for lot, part in hold.reserved:
            lot.held -= part
        hold.reserved, hold.state = [], state
        return left

    def capture(self, key, hold, amount=None, final=False):
        hold = self.hold(hold)
        if hold.state != "OPEN":
            raise No("cards.hold_expired" if hold.state == "EXPIRED" else "cards.hold_closed")
        left = sum(part for _, part in hold.reserved)
        amount = left if amount is None else amount
        if amount or not final:
            self.positive(amount)
        if amount > left:
            raise No("cards.capture_exceeds_hold", left_minor=left)
        one = self.cards[hold.card]
        self.frozen(one)
        parts, rest, missing = [], [], amount
        for lot, part in hold.reserved:
            taken = min(part, missing)
            missing, lot.held = missing - taken, lot.held - taken
            parts += [(lot, taken)] * bool(taken)
            rest += [(lot, part - taken)] * (taken < part)
        hold.reserved, hold.captured = rest, hold.captured + amount
        told = self.pay(key, one, hold.shop, parts, hold.at, "CAPTURE")
        if not rest or final:
            self.let_go(hold, "CAPTURED" if hold.captured else "VOIDED")
        return told

    def void(self, _key, hold):
        hold = self.hold(hold)
        if hold.captured:
            raise No("cards.hold_captured")
        if hold.state != "OPEN":
            raise No("cards.hold_expired" if hold.state == "EXPIRED" else "cards.hold_closed")
        return self.enter("VOID", self.cards[hold.card], self.let_go(hold, "VOIDED"))

    # What comes back

    def give_back(self, payment, amount, to):
        """Restore lots, the last drawn first, behind what went back before; elsewhere with the time that was left."""
        skip, payment.back = payment.back, payment.back + amount
        self.till[payment.shop] -= amount
        for lot, part in reversed(payment.parts):
            past = min(skip, part)
            back = min(part - past, amount)
            skip, amount = skip - past, amount - back
            if back and to.name != lot.card:
                over = {"expires_at": self.now + max(lot.expires_at - payment.at, DAY)} if self.is_over(lot) else {}
                self.put(to, back, lot, **over)
            elif back and not any(x.minor and self.strain(x) == self.strain(lot) for x in to.lots):
                lot.minor += back
            elif back:
                self.put(to, back, lot)

    def refund(self, _key, amount, asset="CNY", redemption=None, card=None, shop=None, to_card=None):
        self.positive(amount)
        if redemption is not None:
            if redemption not in self.payments:
                raise No("cards.unknown_redemption")
            laid_on = [self.payments[redemption]]
        else:
            self.card(card)
            if shop not in self.shops:
                raise No("cards.unknown_merchant")
            laid_on = [p for p in list(self.payments.values())[::-1] if (p.card, p.shop) == (card, shop)]
        self.same(asset, "CNY")
        left = sum(p.paid - p.back for p in laid_on)
        if left < amount:
            raise No("cards.refund_exceeds_paid", refundable_minor=left)
        to = self.takes(self.heir(self.cards[laid_on[0].card]), amount, to_card)
        missing = amount
        for payment in laid_on:
            part = min(missing, payment.paid - payment.back)
            missing -= part
            self.give_back(payment, part, to)
        return self.enter("REFUND", to, amount)

    def takes(self, one, amount, to_card):
        """Which card takes goods that come back: the one that paid, unless it is full and another of its kind is named."""
        try:
            self.fits(one, amount)
        except No:
            if to_card is None:
                raise
        else:
            return one
        other = self.card(to_card)
        if other is one:
            raise No("cards.same_card")
        if other.programme != one.programme or (other.holder is None) != (one.holder is None):
            raise No("cards.other_kind")
        if other.holder != one.holder:
            raise No("cards.other_holder")
        self.usable(other)
        self.fits(other, amount)
        return other

    def reverse(self, _key, redemption):
        if redemption not in self.payments:
            raise No("cards.unknown_redemption")
        payment = self.payments[redemption]
        if payment.back:
            raise No("cards.already_refunded")
        if self.now >= payment.at + DAY:
            raise No("cards.reversal_too_late")
        to = self.heir(self.cards[payment.card])
        self.give_back(payment, payment.paid, to)
        return self.enter("REVERSAL", to, payment.paid)

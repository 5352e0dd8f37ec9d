"""A model of cards with lots, holds and limits, written from their rules in plain words.

It shares nothing with the product: a dictionary for everything, one command after the other. Entries,
lots and holds have numbers of the model's own; whoever compares has to pair them with places and ids.
"""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

MOST = 2**63 - 1
CHINA = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
LONGEST_HOLD_S = 366 * 86_400


class No(Exception):
    """A refusal on its way out of a verb."""

    def __init__(self, code, **facts):
        super().__init__(code)
        self.code, self.facts = code, facts


def seconds(moment):
    return (moment - EPOCH) // timedelta(seconds=1)


def shares(amount, weights):
    """An amount split by weights: whole parts, what is left over to the largest remainders, earlier first."""
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return parts


def name_of(limit):
    return f"{limit['flow']}.{'+'.join(limit['subjects'])}.{limit['per']}"


def window_of(limit, moment):
    """The start, in seconds since 1970, of the window or bucket that a moment lies in."""
    local = moment.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    match limit["per"]:
        case "day":
            return seconds(local)
        case "month":
            return seconds(local.replace(day=1))
        case "lifetime":
            return 0
        case "rolling":
            width = -(-limit["window_s"] // 24)
            return seconds(moment) // width * width


def first_window_beside(limit, start):
    """The oldest start that still counts together with this one."""
    if limit["per"] != "rolling":
        return start
    width = -(-limit["window_s"] // 24)
    return start - -(-limit["window_s"] // width) * width


def order_of_drawing(order):
    """How lots are sorted: bonus or paid first, then what expires first, then the older one."""
    last = "bonus" if order == "paid_first" else None
    return lambda lot: (
        (lot.source == last) if last else (lot.source != "bonus"),
        lot.expires_at or FOR_EVER,
        lot.number,
    )


class Model:
    """One book. A command is (key, verb, fields); an answer ("yes", entry) or ("no", code, facts).

    `programmes`: name → asset, draw_order, max_balance, max_load, limits (dictionaries with a `number`
    of their own). `cards`: name → (programme, holder). `shops`: name → asset.
    """

    def __init__(self, programmes, cards, shops, now):
        self.now = now
        self.programmes = programmes
        self.shops = shops
        self.cards = {
            name: SimpleNamespace(name=name, programme=programmes[programme], holder=holder, state="PENDING",
                                  successor=None, lots=[], entries=[])
            for name, (programme, holder) in cards.items()
        }  # fmt: skip
        self.till = dict.fromkeys(shops, 0)
        self.answers = {}
        self.entries = []
        self.holds = []
        self.lots = []
        self.payments = {}
        self.counters = {}

    # What a batch is

    def batch(self, commands):
        """The answers to the commands of one batch."""
        for name in sorted({name for command in commands for name in self.touched(*command)}):
            self.release_due(name)
        return [self.answer(*command) for command in commands]

    def answer(self, key, verb, fields):
        asked = (verb, tuple(sorted(fields.items())))
        if key in self.answers:
            first, told = self.answers[key]
            return told if first in (asked, None) else ("no", "ledger.key_reused", {})
        try:
            told = ("yes", getattr(self, verb)(key=key, **fields))
        except No as no:
            told = ("no", no.code, no.facts)
        self.answers.setdefault(key, (asked, told))
        return self.answers[key][1]

    def touched(self, _key, verb, fields):
        """The cards that a command names or leads to, as things stand before its batch."""
        found = {fields.get("card"), fields.get("to_card")}
        if verb in ("capture", "void"):
            found |= {hold.card for hold in self.members(fields.get("hold"), fields.get("group"))}
        payment = self.payments.get(fields.get("redemption")) or self.payment_of_key(fields.get("redemption_key"))
        if payment:
            found.add(payment.card)
        found = {name for name in found if name in self.cards}
        return found | {self.heir(name) for name in found if verb in ("refund", "reverse")}

    def release_due(self, name):
        for hold in self.holds:
            if hold.card == name and hold.state == "OPEN" and hold.expires_at <= self.now:
                self.let_go(hold, "RELEASE", "EXPIRED", self.now)

    # What a card holds

    def booked(self, name):
        return sum(lot.minor for lot in self.cards[name].lots)

    def held(self, name):
        return sum(lot.held for lot in self.cards[name].lots)

    def is_over(self, lot):
        return lot.expires_at is not None and lot.expires_at <= self.now

    def free(self, lot):
        return 0 if self.is_over(lot) else lot.minor - lot.held

    def available(self, name):
        return sum(self.free(lot) for lot in self.cards[name].lots)

    def shown_available(self, name):
        """What a view says: what due holds reserve is free again before any batch says so."""
        due = [h for h in self.holds if h.card == name and h.state == "OPEN" and h.expires_at <= self.now]
        again = sum(minor for hold in due for lot, minor in hold.reserved if not self.is_over(lot))
        return self.available(name) + again

    def chain(self, name):
        """A card, and those that replaced it, one after the other."""
        found = [name]
        while self.cards[found[-1]].successor is not None:
            found.append(self.cards[found[-1]].successor)
        return found

    def heir(self, name):
        """The end of the chain of cards that replaced this one."""
        return self.chain(name)[-1]

    def drawn(self, name, amount):
        """Which lots of a card an amount is taken from: (lot, amount), in the order of drawing."""
        order = self.cards[name].programme["draw_order"]
        lots = sorted((lot for lot in self.cards[name].lots if self.free(lot)), key=order_of_drawing(order))
        if order == "in_proportion":
            return self.in_proportion(lots, amount)
        parts = []
        for lot in lots:
            part = min(self.free(lot), amount - sum(taken for _, taken in parts))
            if part:
                parts.append((lot, part))
        return parts

    def in_proportion(self, lots, amount):
        lots = sorted(lots, key=order_of_drawing("bonus_first"))
        parts = zip(lots, shares(amount, [self.free(lot) for lot in lots]), strict=True)
        return [(lot, part) for lot, part in parts if part]

    def put(self, name, amount, like):
        """Put value of a provenance on a card: into its live lot that is alike, else into a new one."""
        lot = self.alike(name, like)
        if lot is None:
            lot = SimpleNamespace(**{**vars(like), "number": len(self.lots), "card": name, "minor": 0, "held": 0})
            self.lots.append(lot)
            self.cards[name].lots.append(lot)
        lot.minor += amount

    def restore(self, lot, amount):
        """Put value back: on its card, where a lot that was emptied comes to life again, or on that one's heir."""
        heir = self.heir(lot.card)
        if heir == lot.card and self.alike(heir, lot) is None:
            lot.minor += amount
        else:
            self.put(heir, amount, lot)

    def alike(self, name, like):
        return next((lot for lot in self.cards[name].lots if lot.minor and self.strain(lot) == self.strain(like)), None)

    @staticmethod
    def strain(lot):
        return (lot.source, lot.paid, lot.may_pass, lot.may_sell, lot.may_refund, lot.payer, lot.refund_to,
                lot.expires_at, lot.funded_at.astimezone(CHINA).date())  # fmt: skip

    def enter(self, kind, name, amount, at, **more):
        """Write an entry into a card's history, as the card stands after it."""
        entry = SimpleNamespace(
            number=len(self.entries), kind=kind, card=name, amount=amount, balance=self.booked(name),
            held=self.held(name), at=at, shop=None, source=None, redemption=None, hold=None, other=None,
        )  # fmt: skip
        vars(entry).update(more)
        self.entries.append(entry)
        self.cards[name].entries.append(entry.number)
        return entry.number

    # What may be asked

    def is_amount(self, amount):
        if amount <= 0:
            raise No("cards.amount_not_positive", amount_minor=amount)
        if amount > MOST:
            raise No("cards.amount_too_large")

    def is_card(self, *names):
        if not all(name in self.cards for name in names):
            raise No("cards.unknown_card")

    def is_shop(self, shop):
        if shop not in self.shops:
            raise No("cards.unknown_merchant")

    def is_asset(self, asset, *expected):
        if any(asset != e for e in expected):
            raise No("cards.currency_mismatch")

    def is_alive(self, name):
        if self.cards[name].state == "DEACTIVATED":
            raise No("cards.deactivated")

    def is_usable(self, name, but=()):
        card = self.cards[name]
        if card.state == "PENDING":
            raise No("cards.not_active")
        if card.state == "BLOCKED" and "BLOCKED" not in but:
            raise No("cards.blocked")
        if card.successor is not None:
            raise No("cards.replaced")

    def asset_of(self, name):
        return self.cards[name].programme["asset"]

    def fits(self, name, amount):
        """Whether a card may take an amount in: the programme's cap, then the limits on balances."""
        most = self.cards[name].programme["max_balance"]
        if most is not None and self.booked(name) + amount > most:
            raise No("cards.balance_cap_exceeded", limit_minor=most, left_minor=max(0, most - self.booked(name)))
        for limit, has in self.balance_limits(name, reserved=False):
            if limit["max_minor"] is not None and has + amount > limit["max_minor"]:
                raise No("ledger.limit_exceeded", limit=name_of(limit), left_minor=max(0, limit["max_minor"] - has))

    def keeps_floor(self, name, amount):
        for limit, has in self.balance_limits(name, reserved=True):
            if limit["min_minor"] is not None and has - amount < limit["min_minor"]:
                raise No("ledger.below_floor", limit=name_of(limit), left_minor=max(0, has - limit["min_minor"]))

    def balance_limits(self, name, *, reserved):
        """The limits on balances of a card, each with what its subject has."""
        card = self.cards[name]
        for limit in card.programme["limits"]:
            if limit["per"] == "balance" and limit["subjects"] == ("card",):
                yield limit, self.booked(name) - (self.held(name) if reserved else 0)
            elif limit["per"] == "balance" and card.holder is not None:
                yield limit, self.net(limit, card.holder)

    def net(self, limit, holder):
        """What a holder has on all cards of the programme that declares this limit."""
        return sum(
            self.booked(card.name)
            for card in self.cards.values()
            if card.holder == holder and limit in card.programme["limits"]
        )

    # What may flow

    def flows(self, name, flow, device, recipient):
        """The limits of a flow that know their subject, each with who that is, in the order declared."""
        card = self.cards[name]
        who = {"card": name, "holder": card.holder, "device": device, "recipient": recipient}
        for limit in card.programme["limits"]:
            subject = tuple(who[kind] for kind in limit["subjects"])
            if limit["flow"] == flow and limit["per"] != "balance" and None not in subject:
                yield limit, (limit["number"], subject)

    def counted_in(self, limit, counter, at):
        """The window that a moment counts in: time that was counted doesn't run back."""
        return max([window_of(limit, at), *self.counters.get(counter, {})])

    def may_flow(self, name, flow, amount, at, device=None, recipient=None):
        for limit, counter in self.flows(name, flow, device, recipient):
            told, least, most = name_of(limit), limit["min_minor"], limit["max_minor"]
            if limit["per"] == "transaction":
                if least is not None and amount < least:
                    raise No("ledger.below_minimum", limit=told)
                if most is not None and amount > most:
                    raise No("ledger.limit_exceeded", limit=told, left_minor=most)
                continue
            oldest = first_window_beside(limit, self.counted_in(limit, counter, at))
            counted = [both for start, both in self.counters.get(counter, {}).items() if start >= oldest]
            used, times = sum(amount for amount, _ in counted), sum(count for _, count in counted)
            if limit["max_count"] is not None and times >= limit["max_count"]:
                raise No("ledger.count_exceeded", limit=told, left_count=0)
            if most is not None and used + amount > most:
                raise No("ledger.limit_exceeded", limit=told, left_minor=max(0, most - used))

    def count(self, name, flow, amount, at, device=None, recipient=None):
        for limit, counter in self.flows(name, flow, device, recipient):
            if limit["per"] != "transaction":
                start = self.counted_in(limit, counter, at)
                oldest = first_window_beside(limit, start)
                kept = {s: both for s, both in self.counters.get(counter, {}).items() if s >= oldest}
                used, times = kept.get(start, (0, 0))
                self.counters[counter] = {**kept, start: (used + amount, times + 1)}

    def uncount(self, name, amount, at, device, *, whole):
        """Give a payment back to the windows that its moment lies in, where those are still counted.

        Where its card was replaced meanwhile, so are the counters that the cards after it went on with.
        """
        counted = {
            counter: limit
            for card in self.chain(name)
            for limit, counter in self.flows(card, "redeem", device, None)
            if limit["per"] != "transaction"
        }
        for counter, limit in counted.items():
            start = window_of(limit, at)
            windows = self.counters.get(counter, {})
            if start in windows:
                used, times = windows[start]
                windows[start] = (max(0, used - amount), max(0, times - whole))

    def go_on_counting(self, old, new):
        """A card that replaces another one has used up what that one has: alone, and with whomever it is counted."""
        for number, subject in list(self.counters):
            for limit in self.cards[old].programme["limits"]:
                who = dict(zip(limit["subjects"], subject, strict=False))
                if limit["number"] == number and who.get("card") == old:
                    theirs = tuple({**who, "card": new}[kind] for kind in limit["subjects"])
                    self.counters[number, theirs] = dict(self.counters[number, subject])

    # Cards

    def activate(self, key, card):
        self.is_card(card)
        self.is_alive(card)
        if self.cards[card].state != "PENDING":
            raise No("cards.already_active")
        return self.become(card, "ACTIVE", "ACTIVATE")

    def block(self, key, card):
        self.is_card(card)
        self.is_alive(card)
        if self.cards[card].state != "ACTIVE":
            raise No("cards.not_active" if self.cards[card].state == "PENDING" else "cards.already_blocked")
        return self.become(card, "BLOCKED", "BLOCK")

    def unblock(self, key, card):
        self.is_card(card)
        self.is_alive(card)
        if self.cards[card].state != "BLOCKED":
            raise No("cards.not_blocked")
        return self.become(card, "ACTIVE", "UNBLOCK")

    def become(self, name, state, kind):
        self.cards[name].state = state
        return self.enter(kind, name, 0, self.now)

    def provenance(self, source, at, expires_at=None, payer=None, refund_to=None, **flags):
        usual = {
            "may_pass": True,
            "may_sell": source not in ("credit", "instalment"),
            "may_refund": source != "bonus",
        }
        said = {flag: value for flag, value in flags.items() if value is not None}
        return SimpleNamespace(source=source, paid=source != "bonus", payer=payer, refund_to=refund_to,
                               expires_at=expires_at, funded_at=at, **{**usual, **said})  # fmt: skip

    def load(self, key, card, amount, asset, source, event_at=None, device=None, **more):
        at = event_at or self.now
        self.is_amount(amount)
        self.is_card(card)
        self.is_asset(asset, self.asset_of(card))
        self.is_usable(card)
        expires_at = more.get("expires_at")
        if expires_at is not None and expires_at <= self.now:
            raise No("cards.bad_term")
        at_once = self.cards[card].programme["max_load"]
        if at_once is not None and amount > at_once:
            raise No("cards.load_cap_exceeded", limit_minor=at_once)
        self.fits(card, amount)
        self.may_flow(card, "load", amount, at, device)
        self.put(card, amount, self.provenance(source, at, **more))
        self.count(card, "load", amount, at, device)
        return self.enter("LOAD", card, amount, at, source=source)

    # Paying

    def payable(self, card, shop, amount, asset):
        self.is_amount(amount)
        self.is_card(card)
        self.is_shop(shop)
        self.is_asset(asset, self.asset_of(card), self.shops[shop])
        self.is_usable(card)

    def taken(self, card, amount, at, device, *, partial):
        """How much is taken of what was asked for; it is counted."""
        available = self.available(card)
        if available < amount:
            if not (partial and available):
                raise No("cards.insufficient_balance", available_minor=available, amount_minor=amount)
            amount = available
        self.keeps_floor(card, amount)
        self.may_flow(card, "redeem", amount, at, device)
        self.count(card, "redeem", amount, at, device)
        return amount

    def pay(self, key, name, shop, parts, at, counted_at, device, kind, hold=None):
        """Pay a shop from lots, and remember it as what can be refunded."""
        paid = sum(part for _, part in parts)
        for lot, part in parts:
            lot.minor -= part
        self.till[shop] += paid
        entry = self.enter(kind, name, paid, at, shop=shop, hold=hold)
        self.payments[entry] = SimpleNamespace(
            key=key, entry=entry, card=name, shop=shop, paid=paid, back=0, parts=parts, at=at, counted_at=counted_at,
            device=device, whole=kind == "REDEEM",
        )  # fmt: skip
        return entry

    def redeem(self, key, card, shop, amount, asset, event_at=None, device=None, partial=False):
        at = event_at or self.now
        self.payable(card, shop, amount, asset)
        amount = self.taken(card, amount, at, device, partial=partial)
        return self.pay(key, card, shop, self.drawn(card, amount), at, at, device, "REDEEM")

    def authorise(self, key, card, shop, amount, asset, ttl_s, event_at=None, device=None, partial=False, group=None):
        at = event_at or self.now
        self.payable(card, shop, amount, asset)
        if not 1 <= ttl_s <= LONGEST_HOLD_S:
            raise No("cards.bad_term")
        amount = self.taken(card, amount, at, device, partial=partial)
        reserved = self.drawn(card, amount)
        for lot, part in reserved:
            lot.held += part
        entry = self.enter("AUTHORISE", card, amount, at, shop=shop)
        self.holds.append(
            SimpleNamespace(entry=entry, card=card, shop=shop, amount=amount, captured=0, released=0, reserved=reserved,
                            counted_at=at, device=device, group=group, state="OPEN",
                            expires_at=self.now + timedelta(seconds=ttl_s))
        )  # fmt: skip
        return entry

    def members(self, hold, group):
        return [h for h in self.holds if h.entry == hold or (group is not None and h.group == group)]

    @staticmethod
    def left(hold):
        return hold.amount - hold.captured - hold.released

    def capture(self, key, hold=None, group=None, amount=None, final=False, event_at=None):
        at = event_at or self.now
        members = self.members(hold, group)
        if not members:
            raise No("cards.unknown_hold")
        if group is not None and amount is not None:
            raise No("cards.bad_term")
        if any(h.state == "EXPIRED" for h in members):
            raise No("cards.hold_expired")
        members = [h for h in members if h.state == "OPEN"]
        if not members:
            raise No("cards.hold_closed")
        if amount is not None:
            if amount != 0 or not final:
                self.is_amount(amount)
            if amount > self.left(members[0]):
                raise No("cards.capture_exceeds_hold", left_minor=self.left(members[0]))
        told = [self.capture_one(key, h, self.left(h) if amount is None else amount, at, final=final) for h in members]
        return told[0]

    def capture_one(self, key, hold, amount, at, *, final):
        """Pay from what is reserved, in the order in which it was drawn."""
        parts = []
        for lot, reserved in hold.reserved:
            part = min(reserved, amount - sum(taken for _, taken in parts))
            if part:
                parts.append((lot, part))
                lot.held -= part
        taken = {lot.number: part for lot, part in parts}
        rest = [(lot, reserved - taken.get(lot.number, 0)) for lot, reserved in hold.reserved]
        hold.reserved = [(lot, reserved) for lot, reserved in rest if reserved]
        hold.captured += amount
        if not self.left(hold):
            hold.state = "CAPTURED"
        entry = self.pay(key, hold.card, hold.shop, parts, at, hold.counted_at, hold.device, "CAPTURE", hold.entry)
        if final and self.left(hold):
            self.let_go(hold, "RELEASE", "CAPTURED" if hold.captured else "VOIDED", self.now)
        return entry

    def let_go(self, hold, kind, state, at):
        """Give free what a hold still reserves."""
        rest = self.left(hold)
        for lot, part in hold.reserved:
            lot.held -= part
        hold.reserved, hold.released, hold.state = [], hold.released + rest, state
        self.uncount(hold.card, rest, hold.counted_at, hold.device, whole=not hold.captured)
        return self.enter(kind, hold.card, rest, at, shop=hold.shop, hold=hold.entry)

    def void(self, key, hold=None, group=None, event_at=None):
        members = self.members(hold, group)
        if not members:
            raise No("cards.unknown_hold")
        if any(h.captured for h in members):
            raise No("cards.hold_captured")
        still = [h for h in members if h.state == "OPEN"]
        if not still:
            raise No("cards.hold_expired" if members[0].state == "EXPIRED" else "cards.hold_closed")
        entries = [self.let_go(h, "VOID", "VOIDED", event_at or self.now) for h in still]
        return entries[0]

    # Giving back

    def refund(self, key, amount, asset, redemption=None, card=None, shop=None, event_at=None):
        self.is_amount(amount)
        if redemption is not None:
            if redemption not in self.payments:
                raise No("cards.unknown_redemption")
            laid_on = [self.payments[redemption]]
            card = laid_on[0].card
        else:
            self.is_card(card)
            self.is_shop(shop)
            laid_on = [p for _, p in sorted(self.payments.items(), reverse=True) if (p.card, p.shop) == (card, shop)]
        self.is_asset(asset, self.asset_of(card))
        refundable = sum(p.paid - p.back for p in laid_on)
        if refundable < amount:
            raise No("cards.refund_exceeds_paid", refundable_minor=refundable)
        self.fits(self.heir(card), amount)
        missing, newest = amount, None
        for payment in laid_on:
            part = min(missing, payment.paid - payment.back)
            if part:
                newest = payment.entry if newest is None else newest
                self.give_back(payment, part)
                missing -= part
        return self.enter("REFUND", self.heir(card), amount, event_at or self.now, redemption=newest,
                          shop=laid_on[0].shop)  # fmt: skip

    def give_back(self, payment, amount):
        """Restore lots, the last drawn first, beginning after what went back before."""
        skip, missing = payment.back, amount
        for lot, part in reversed(payment.parts):
            skipped = min(skip, part)
            skip -= skipped
            restored = min(part - skipped, missing)
            missing -= restored
            if restored:
                self.restore(lot, restored)
        payment.back += amount
        self.till[payment.shop] -= amount

    def payment_of_key(self, key):
        return next((p for p in self.payments.values() if p.key == key), None) if key is not None else None

    def reverse(self, key, redemption=None, redemption_key=None, event_at=None):
        if redemption_key is not None and redemption_key not in self.answers and redemption_key != key:
            self.answers[redemption_key] = (None, ("no", "cards.reversed_before", {}))
        payment = self.payments.get(redemption) if redemption is not None else self.payment_of_key(redemption_key)
        if payment is None:
            raise No("cards.unknown_redemption")
        if payment.back:
            raise No("cards.already_refunded", refunded_minor=payment.back, paid_minor=payment.paid)
        if self.now >= payment.at + timedelta(days=1):
            raise No("cards.reversal_too_late")
        self.give_back(payment, payment.paid)
        self.uncount(payment.card, payment.paid, payment.counted_at, payment.device, whole=payment.whole)
        return self.enter("REVERSAL", self.heir(payment.card), payment.paid, event_at or self.now,
                          redemption=payment.entry, shop=payment.shop)  # fmt: skip

    # From card to card

    def transfer(self, key, card, to_card, asset, purpose, amount=None, recipient=None, device=None, event_at=None):
        at = event_at or self.now
        if amount is not None:
            self.is_amount(amount)
        self.is_card(card, to_card)
        if card == to_card:
            raise No("cards.same_card")
        self.is_asset(asset, self.asset_of(card), self.asset_of(to_card))
        self.is_usable(card)
        self.is_usable(to_card)
        if self.cards[card].programme is not self.cards[to_card].programme:
            raise No("cards.other_programme")
        holder = self.cards[to_card].holder
        if recipient not in (None, holder):
            raise No("cards.recipient_differs")
        # Whoever holds a bearer card: all cards that took one another's place are one.
        recipient = holder or to_card.rstrip("'")
        available = self.available(card)
        if available == 0 or (amount is not None and available < amount):
            raise No("cards.insufficient_balance", available_minor=available)
        may = {"gift": lambda lot: lot.may_pass, "sale": lambda lot: lot.may_sell}[purpose]
        lots = [lot for lot in self.cards[card].lots if self.free(lot) and may(lot)]
        goes = sum(self.free(lot) for lot in lots)
        if goes == 0 or (amount is not None and goes < amount):
            raise No("cards.not_transferable")
        amount = goes if amount is None else amount
        self.keeps_floor(card, amount)
        self.may_flow(card, "transfer", amount, at, device, recipient)
        self.fits(to_card, amount)
        self.count(card, "transfer", amount, at, device, recipient)
        return self.carry(card, to_card, self.in_proportion(lots, amount), at)

    def replace(self, key, card, reason):
        """All of a card goes to a new one, which has its name with a stroke."""
        self.is_card(card)
        self.is_usable(card, but=("BLOCKED",))
        if self.held(card):
            raise No("cards.has_holds")
        old, new = self.cards[card], f"{card}'"
        self.cards[new] = SimpleNamespace(name=new, programme=old.programme, holder=old.holder, state="ACTIVE",
                                          successor=None, lots=[], entries=[])  # fmt: skip
        lots = sorted((lot for lot in old.lots if lot.minor), key=order_of_drawing("bonus_first"))
        entry = self.carry(card, new, [(lot, lot.minor) for lot in lots], self.now, closes=True)
        old.successor = new
        self.go_on_counting(card, new)
        return entry

    def carry(self, name, to, parts, at, *, closes=False):
        for lot, part in parts:
            lot.minor -= part
            self.put(to, part, lot)
        amount = sum(part for _, part in parts)
        entry = self.enter("TRANSFER_BALANCE_FROM", name, amount, at, other=to)
        if closes:
            self.become(name, "DEACTIVATED", "DEACTIVATE")
        self.enter("TRANSFER_BALANCE_TO", to, amount, at, other=name)
        return entry

    # By hand, and by time

    def adjust(self, key, card, amount, asset, increment, reason, made_by, source="company", approved_by=None,
               corrects=None, event_at=None):  # fmt: skip
        at = event_at or self.now
        self.is_amount(amount)
        self.is_card(card)
        self.is_asset(asset, self.asset_of(card))
        self.is_usable(card, but=("BLOCKED",))
        if not reason.strip() or not made_by.strip():
            raise No("cards.reason_missing")
        if increment and (approved_by is None or not approved_by.strip() or approved_by == made_by):
            raise No("cards.second_person_missing")
        if corrects is not None and corrects not in self.cards[card].entries:
            raise No("cards.unknown_entry")
        if increment:
            self.fits(card, amount)
            flags = {"may_pass": True, "may_sell": True, "may_refund": source != "bonus"}
            self.put(card, amount, self.provenance(source, at, **flags))
            return self.enter("ADJUST_INCREMENT", card, amount, at, source=source)
        if self.available(card) < amount:
            raise No("cards.insufficient_balance", available_minor=self.available(card))
        for lot, part in self.drawn(card, amount):
            lot.minor -= part
        return self.enter("ADJUST_DECREMENT", card, amount, at)

    def expire(self, key, card, event_at=None):
        self.is_card(card)
        over = [lot for lot in self.cards[card].lots if self.is_over(lot) and lot.minor > lot.held]
        if not over:
            raise No("cards.nothing_expired")
        amount = sum(lot.minor - lot.held for lot in over)
        for lot in over:
            lot.minor = lot.held
        return self.enter("EXPIRE", card, amount, event_at or self.now)

    def renew(self, key, card, expires_at, event_at=None):
        self.is_card(card)
        if expires_at <= self.now:
            raise No("cards.bad_term")
        self.is_usable(card, but=("BLOCKED",))
        lots = [
            lot
            for lot in sorted(self.cards[card].lots, key=order_of_drawing("bonus_first"))
            if lot.expires_at is not None and lot.expires_at < expires_at and lot.minor > lot.held
        ]
        if not lots:
            raise No("cards.nothing_to_renew")
        amount = 0
        for lot in lots:
            part = lot.minor - lot.held
            lot.minor -= part
            amount += part
            self.put(card, part, SimpleNamespace(**{**vars(lot), "expires_at": expires_at}))
        return self.enter("RENEW", card, amount, event_at or self.now)

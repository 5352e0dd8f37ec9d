"""Cards against a model written from their rules in plain words: every outcome and every balance the same."""

import json
from contextlib import contextmanager
from itertools import count

import anyio
import anyio.from_thread
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from koudai import cards, ledger, merchants
from koudai.base import Refused, asset
from koudai.ledger import Place
from koudai.pg import Database

CAPS = {"capped": (100, 60), "free": (None, None)}
CARDS = {"a": "free", "b": "capped", "c": "capped", "new": "free"}
SHOPS = {"tea": "CNY", "books": "CNY", "abroad": "USD"}


class Model:
    """What a card does, command by command, with a dictionary for everything.

    A command is (key, verb, fields); an answer is ("no", code) or ("yes", type, amount, balance after).
    """

    def __init__(self):
        self.state = dict.fromkeys(CARDS, "PENDING")
        self.held = dict.fromkeys(CARDS, 0)
        self.till = dict.fromkeys(SHOPS, 0)
        self.answers = {}
        self.payments = []

    def answer(self, key, verb, fields):
        asked = (verb, tuple(sorted(fields.items(), key=str)))
        if key in self.answers:
            first, told = self.answers[key]
            return told if first in (asked, None) else ("no", "ledger.key_reused")
        told = self.do(key, verb, **fields)
        self.answers.setdefault(key, (asked, told))
        return self.answers[key][1]

    def do(self, key, verb, **fields):
        reason = getattr(self, verb)(key, **fields)
        return ("no", reason) if isinstance(reason, str) else ("yes", *reason)

    def became(self, kind, card, amount=0):
        return (kind, card, amount, self.held[card])

    def activate(self, _key, card):
        if card not in CARDS:
            return "cards.unknown_card"
        if self.state[card] != "PENDING":
            return "cards.already_active"
        self.state[card] = "ACTIVE"
        return self.became("ACTIVATE", card)

    def block(self, _key, card):
        if card not in CARDS:
            return "cards.unknown_card"
        if self.state[card] != "ACTIVE":
            return "cards.not_active" if self.state[card] == "PENDING" else "cards.already_blocked"
        self.state[card] = "BLOCKED"
        return self.became("BLOCK", card)

    def unblock(self, _key, card):
        if card not in CARDS:
            return "cards.unknown_card"
        if self.state[card] != "BLOCKED":
            return "cards.not_blocked"
        self.state[card] = "ACTIVE"
        return self.became("UNBLOCK", card)

    def load(self, _key, card, amount, currency):
        if amount <= 0:
            return "cards.amount_not_positive"
        if card not in CARDS:
            return "cards.unknown_card"
        if currency != "CNY":
            return "cards.currency_mismatch"
        if self.state[card] != "ACTIVE":
            return "cards.not_active" if self.state[card] == "PENDING" else "cards.blocked"
        most, at_once = CAPS[CARDS[card]]
        if at_once and amount > at_once:
            return "cards.load_cap_exceeded"
        if most and self.held[card] + amount > most:
            return "cards.balance_cap_exceeded"
        self.held[card] += amount
        return self.became("LOAD", card, amount)

    def redeem(self, key, card, shop, amount, currency, partial):
        if amount <= 0:
            return "cards.amount_not_positive"
        if card not in CARDS:
            return "cards.unknown_card"
        if shop not in SHOPS:
            return "cards.unknown_merchant"
        if currency != "CNY" or SHOPS[shop] != "CNY":
            return "cards.currency_mismatch"
        if self.state[card] != "ACTIVE":
            return "cards.not_active" if self.state[card] == "PENDING" else "cards.blocked"
        if self.held[card] < amount and not (partial and self.held[card]):
            return "cards.insufficient_balance"
        taken = min(amount, self.held[card])
        self.held[card] -= taken
        self.till[shop] += taken
        self.payments.append({"key": key, "card": card, "shop": shop, "paid": taken, "back": 0})
        return self.became("REDEEM", card, taken)

    def refund(self, _key, amount, currency, of=None, card=None, shop=None):
        """`of` is the number of a payment that was made before this batch."""
        if amount <= 0:
            return "cards.amount_not_positive"
        if of is not None:
            if of >= len(self.payments):
                return "cards.unknown_redemption"
            from_these = [self.payments[of]]
            card = from_these[0]["card"]
        else:
            if card not in CARDS:
                return "cards.unknown_card"
            if shop not in SHOPS:
                return "cards.unknown_merchant"
            from_these = [p for p in self.payments[::-1] if (p["card"], p["shop"]) == (card, shop)]
        if currency != "CNY":
            return "cards.currency_mismatch"
        if sum(p["paid"] - p["back"] for p in from_these) < amount:
            return "cards.refund_exceeds_paid"
        most, _ = CAPS[CARDS[card]]
        if most and self.held[card] + amount > most:
            return "cards.balance_cap_exceeded"
        missing = amount
        for payment in from_these:
            part = min(missing, payment["paid"] - payment["back"])
            payment["back"] += part
            self.till[payment["shop"]] -= part
            missing -= part
        self.held[card] += amount
        return self.became("REFUND", card, amount)

    def reverse(self, key, of_key):
        if of_key not in self.answers:
            if of_key != key:
                self.answers[of_key] = (None, ("no", "cards.reversed_before"))
            return "cards.unknown_redemption"
        found = [p for p in self.payments if p["key"] == of_key]
        if not found:
            return "cards.unknown_redemption"
        (payment,) = found
        if payment["back"]:
            return "cards.already_refunded"
        payment["back"] = payment["paid"]
        self.held[payment["card"]] += payment["paid"]
        self.till[payment["shop"]] -= payment["paid"]
        return self.became("REVERSAL", payment["card"], payment["paid"])


KEY = st.integers(0, 120).map("k{}".format)
CARD = st.sampled_from(["a", "a", "b", "c", "new", "nobody"])
SHOP = st.sampled_from(["tea", "tea", "tea", "books", "abroad", "nowhere"])
AMOUNT = st.sampled_from([1, 2, 5, 10, 30, 60, 61, 100, 300, 0, -7])
CURRENCY = st.sampled_from(["CNY"] * 8 + ["USD"])

COMMAND = st.one_of(
    st.tuples(KEY, st.sampled_from(["activate", "block", "unblock", "unblock"]), st.fixed_dictionaries({"card": CARD})),
    *2 * [st.tuples(KEY, st.just("load"), st.fixed_dictionaries({"card": CARD, "amount": AMOUNT, "currency": CURRENCY}))],
    *3 * [st.tuples(KEY, st.just("redeem"), st.fixed_dictionaries(
        {"card": CARD, "shop": SHOP, "amount": AMOUNT, "currency": CURRENCY, "partial": st.booleans()}))],
    st.tuples(KEY, st.just("refund"), st.fixed_dictionaries({"amount": AMOUNT, "currency": CURRENCY, "of": st.integers(0, 9)})),
    *2 * [st.tuples(KEY, st.just("refund"), st.fixed_dictionaries(
        {"amount": AMOUNT, "currency": CURRENCY, "card": CARD, "shop": SHOP}))],
    *2 * [st.tuples(KEY, st.just("reverse"), st.fixed_dictionaries({"of_key": KEY | st.integers(0, 4)}))],
)  # fmt: skip


class CardMachine(RuleBasedStateMachine):
    """Batches of any commands, run by the cards verb and by the model."""

    database: Database
    portal: anyio.from_thread.BlockingPortal
    keyring = None
    books = count(1)
    met: set[tuple[str, str]] = set()  # noqa: RUF012  gathered over all runs

    def within(self, work):
        return self.portal.call(self.database.transact, work)

    @initialize()
    def open_shop(self):
        self.book, self.model, self.places = next(self.books), Model(), {}
        cny, ring = asset("CNY"), self.keyring
        wishes = [cards.CreateProgramme(f"p {n}", n, cny, "900001", *caps) for n, caps in CAPS.items()]
        made = self.within(lambda tx: cards.create_programmes(tx, self.book, wishes))
        programmes = dict(zip(CAPS, made, strict=True))
        shops = [merchants.Register(f"m {n}", n, asset(currency)) for n, currency in SHOPS.items()]
        self.shops = dict(zip(SHOPS, self.within(lambda tx: merchants.register(tx, self.book, shops)), strict=True))
        issues = [cards.Issue(key=f"c {n}", programme_id=programmes[p].id, active=False) for n, p in CARDS.items()]
        issued = self.within(lambda tx: cards.run(tx, self.book, issues, ring))
        self.ids = {name: i.card.id for name, i in zip(CARDS, issued, strict=True)}
        self.hashes = {name: ring.lookup_hash(i.number) for name, i in zip(CARDS, issued, strict=True)}
        start = [(f"start {n}", "activate", {"card": n}) for n in "abc"]
        start += [(f"money {n}", "load", {"card": n, "amount": 60, "currency": "CNY"}) for n in "abc"]
        self.batch(start, by_number=False)

    def command(self, key, verb, fields, by_number):
        card = (self.hashes if by_number else self.ids).get(fields.get("card"), 10**12)
        shop = self.shops[fields["shop"]].id if fields.get("shop") in self.shops else 10**8
        match verb:
            case "load":
                return cards.Load(key=key, card=card, amount_minor=fields["amount"], asset=fields["currency"],
                                  source=cards.FundingSource.CASH)  # fmt: skip
            case "redeem":
                return cards.Redeem(key=key, card=card, merchant_id=shop, amount_minor=fields["amount"],
                                    asset=fields["currency"], partial=fields["partial"])  # fmt: skip
            case "refund" if "of" in fields:
                place = (
                    self.payment_places[fields["of"]]
                    if fields["of"] < len(self.payment_places)
                    else Place(10**9, fields["of"])
                )
                return cards.Refund(key=key, amount_minor=fields["amount"], asset=fields["currency"], redemption=place)
            case "refund":
                return cards.Refund(
                    key=key, amount_minor=fields["amount"], asset=fields["currency"], card=card, merchant_id=shop
                )
            case "reverse":
                return cards.Reverse(key=key, redemption_key=fields["of_key"])
            case _:
                return getattr(cards, verb.capitalize())(key=key, card=card)

    def meant(self, fields):
        """Numbers stand for payments that were answered before: the newest is 0; where there is none, for nothing."""
        payments = [p["key"] for p in self.model.payments][::-1]
        if isinstance(fields.get("of_key"), int):
            return {"of_key": dict(enumerate(payments)).get(fields["of_key"], "never")}
        if "of" in fields:
            return fields | {"of": len(payments) - 1 - fields["of"] if fields["of"] < len(payments) else 10**6}
        return fields

    @property
    def payment_places(self):
        return [self.places[p["key"]] for p in self.model.payments if p["key"] in self.places]

    @rule(commands=st.lists(COMMAND, min_size=3, max_size=20), by_number=st.booleans(), split=st.booleans())
    def batch(self, commands, by_number, split=False):
        commands = [(key, verb, self.meant(fields)) for key, verb, fields in commands]
        sent = [self.command(*command, by_number) for command in commands]
        expected = [self.model.answer(*command) for command in commands]
        if split:
            outcomes = [self.within(lambda tx, c=c: cards.run(tx, self.book, [c]))[0] for c in sent]
        else:
            outcomes = self.within(lambda tx: cards.run(tx, self.book, sent))
        names = {card_id: name for name, card_id in self.ids.items()}
        for command, outcome, answer in zip(commands, outcomes, expected, strict=True):
            if isinstance(outcome, Refused):
                told = ("no", outcome.code)
                json.dumps(outcome.facts)
            else:
                told = ("yes", outcome.type, names[outcome.card_id], outcome.amount_minor, outcome.balance_minor)
                self.places[command[0]] = outcome.place
            assert told == answer, (command, commands)
            self.met.add((command[1], told[1]))
        self.compare()

    def compare(self):
        seen = self.within(lambda tx: cards.cards_by_id(tx, self.book, list(self.ids.values())))
        assert {n: seen[i].balance_minor for n, i in self.ids.items()} == self.model.held
        assert {n: seen[i].state for n, i in self.ids.items()} == self.model.state
        tills = self.within(lambda tx: ledger.balances(tx, [s.account_id for s in self.shops.values()]))
        assert {n: tills[s.account_id] for n, s in self.shops.items()} == self.model.till

    @rule()
    def fold(self):
        self.within(lambda tx: ledger.fold_deltas(tx, 5))
        self.compare()


@contextmanager
def machine_on(site, keyring):
    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(Database(site.target)) as database,
    ):
        yield type(
            "Machine", (CardMachine,), {"database": database, "portal": portal, "keyring": keyring, "met": set()}
        )


@pytest.mark.parametrize("major", [18])
def test_cards_do_what_their_rules_say(site, keyring):
    with machine_on(site, keyring) as machine:
        wanted = settings(
            max_examples=100, stateful_step_count=12, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), print_blob=True,
        )  # fmt: skip
        run_state_machine_as_test(machine, settings=wanted)
        report = machine.portal.call(ledger.verify, machine.database, cards.CARD_CHECKS)
        assert report.findings == []
        assert report.transfers > 200
        wanted_met = {"LOAD", "REDEEM", "REFUND", "REVERSAL", "BLOCK", "UNBLOCK", "ledger.key_reused",
                      "cards.insufficient_balance", "cards.refund_exceeds_paid", "cards.already_refunded",
                      "cards.reversed_before", "cards.blocked", "cards.balance_cap_exceeded"}  # fmt: skip
        assert wanted_met <= {end for _, end in machine.met}

"""Cards with lots, holds and limits against a model written from their rules: after every step all of it the same."""

import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import anyio
import anyio.from_thread
import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from koudai import cards, ledger, merchants
from koudai.base import Fault, Refused, asset
from koudai.identity import Suite, Vault
from koudai.ledger import DrawOrder, Flow, FundingSource, Limit, Per, Place, Subject
from koudai.pg import Conflict, Database
from tests.cards.lot_model import Model, name_of, seconds

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOUR, DAY = 3600, 86_400
_numbers = count(1)


def limit(told, *, window_s=None, least=None, most=None, times=None):
    """A limit by its name: `redeem.card+device.day`."""
    flow, subjects, per = told.split(".")
    return {"number": next(_numbers), "subjects": tuple(subjects.split("+")), "flow": flow, "per": per,
            "window_s": window_s, "min_minor": least, "max_minor": most, "max_count": times}  # fmt: skip


def programme(*limits, currency="CNY", order="bonus_first", max_balance=None, max_load=None):
    return {"asset": currency, "draw_order": order, "max_balance": max_balance, "max_load": max_load,
            "limits": list(limits)}  # fmt: skip


PROGRAMMES = {
    "plain": programme(),
    "counted": programme(
        limit("redeem.card.transaction", least=2, most=200),
        limit("redeem.card.day", most=300, times=5),
        limit("redeem.card.rolling", window_s=2 * HOUR, most=220),
        limit("redeem.holder.month", most=900),
        limit("redeem.device.day", times=3),
        limit("redeem.card+device.lifetime", most=500),
        limit("load.card.day", most=500, times=5),
        limit("load.holder.rolling", window_s=30 * DAY + 1, most=1500, times=14),
        limit("transfer.card.day", most=150),
        limit("transfer.recipient.month", times=3),
        limit("transfer.holder+recipient.lifetime", most=300),
    ),
    "bounded": programme(
        limit("load.card.balance", most=450),
        limit("redeem.card.balance", least=20),
        limit("load.holder.balance", least=50, most=700),
        order="paid_first", max_balance=500, max_load=200,
    ),
    "shared": programme(
        limit("redeem.holder.rolling", window_s=25 * 60, times=4, most=350), order="in_proportion",
    ),
    "abroad": programme(currency="USD"),
}  # fmt: skip
LIMITS = {told["number"]: told for known in PROGRAMMES.values() for told in known["limits"]}
CARDS = {
    "a": ("counted", "ann"),
    "b": ("counted", "ann"),
    "c": ("counted", None),
    "d": ("bounded", "ann"),
    "e": ("bounded", "bob"),
    "f": ("bounded", "bob"),
    "g": ("shared", None),
    "h": ("shared", "bob"),
    "i": ("plain", None),
    "j": ("plain", None),
    "new": ("plain", "bob"),
    "usd": ("abroad", None),
}
SHOPS = {"tea": "CNY", "books": "CNY", "far": "USD"}
CONNECTIONS = 8
NOBODY, NOWHERE, NEVER = 10**12, 10**8, Place(10**9, 1)


def as_limit(told):
    return Limit(
        tuple(map(Subject, told["subjects"])), Flow(told["flow"]), Per(told["per"]), told["window_s"],
        told["min_minor"], told["max_minor"], told["max_count"],
    )  # fmt: skip


class Shop:
    """A book with these programmes, cards and merchants, at a time of its own: what the model is, in the product."""

    def __init__(self, portal, database, reader, keyring, book):
        self.portal, self.database, self.reader, self.keyring, self.book = portal, database, reader, keyring, book
        self.places, self.first_told, self.newest = {}, {}, dict.fromkeys(CARDS, Place(0, 0))
        self.cuts = 0

    def within(self, work):
        """The answer of a transaction; it may meet connections that were cut, and is asked for again then."""
        while True:
            with self.maybe_cut():
                return self.portal.call(self.database.transact, work)

    @contextmanager
    def maybe_cut(self):
        """What may fail once for each connection that was cut, and has to begin again where it met another one."""
        try:
            yield
        except Conflict:
            pass
        except Fault:
            if not self.cuts:
                raise
            self.cuts -= 1

    def run(self, sent):
        return self.learn(self.within(lambda tx: self.all_go_one_way(tx, sent)))

    async def all_go_one_way(self, tx, sent):
        """Commands of any kind; those that make cards need the keyring, and gifts the vault."""
        return await cards.run(tx, self.book, sent, self.keyring, Vault(self.keyring, Suite.AES))

    def learn(self, outcomes):
        """Know the cards that were issued anew; the outcomes, each as its entry alone."""
        for made in outcomes:
            if isinstance(made, cards.Minted):
                name, (new,) = f"{self.names[made.activity.card_id]}'", made.cards
                self.ids[name], self.names[new.card.id] = new.card.id, name
                self.hashes[name] = self.keyring.lookup_hash(new.number)
                self.newest.setdefault(name, Place(0, 0))
        return [made.activity if isinstance(made, cards.Minted) else made for made in outcomes]

    def open(self):
        self.within(lambda tx: ledger.advance_clock(tx, self.book, START))
        wishes = [
            cards.CreateProgramme(f"p {name}", name, asset(p["asset"]), "900001", p["max_balance"], p["max_load"],
                                  DrawOrder(p["draw_order"]), tuple(map(as_limit, p["limits"])))
            for name, p in PROGRAMMES.items()
        ]  # fmt: skip
        made = self.within(lambda tx: cards.create_programmes(tx, self.book, wishes))
        made = dict(zip(PROGRAMMES, made, strict=True))
        self.limits = {
            known["number"]: declared.id
            for name, p in PROGRAMMES.items()
            for known, declared in zip(p["limits"], made[name].limits, strict=True)
        }
        shops = [merchants.Register(f"m {n}", n, asset(currency)) for n, currency in SHOPS.items()]
        self.shops = dict(zip(SHOPS, self.within(lambda tx: merchants.register(tx, self.book, shops)), strict=True))
        issues = [
            cards.Issue(key=f"c {n}", programme_id=made[p].id, active=False, holder_ref=holder)
            for n, (p, holder) in CARDS.items()
        ]
        issued = self.within(lambda tx: cards.run(tx, self.book, issues, self.keyring))
        self.ids = {name: i.card.id for name, i in zip(CARDS, issued, strict=True)}
        self.names = {card_id: name for name, card_id in self.ids.items()}
        self.hashes = {name: self.keyring.lookup_hash(i.number) for name, i in zip(CARDS, issued, strict=True)}

    def command(self, key, verb, fields, by_number=False):
        """A command of the model as one of the product."""
        said = {"key": key}
        for field, value in fields.items():
            match field:
                case "card" | "to_card":
                    said[field] = (self.hashes if by_number else self.ids).get(value, NOBODY)
                case "shop":
                    said["merchant_id"] = self.shops[value].id if value in self.shops else NOWHERE
                case "amount":
                    said["amount_minor"] = value
                case "redemption" | "hold" | "corrects":
                    said[field] = None if value is None else self.places.get(value, NEVER)
                case "source":
                    said[field] = FundingSource(value)
                case "purpose":
                    said[field] = cards.Purpose(value)
                case _:
                    said[field] = value
        return getattr(cards, verb.capitalize())(**said)

    # Several connections, and connections that are lost

    def cut(self, sent, moment, after_s):
        """Run a batch whose connection is cut; its outcomes where they were told all the same, else None."""

        async def work():
            async with self.database.transaction() as tx:
                pid = await tx.value("SELECT pg_backend_pid()")
                if moment == "begun":
                    self.kill(pid)
                outcomes = await self.all_go_one_way(tx, sent)
                if moment == "written":
                    await tx.value("SELECT 1")
                if moment in ("judged", "written"):
                    self.kill(pid)
            return outcomes

        with self.maybe_cut():
            if moment != "on its way":
                return self.learn(self.portal.call(work))
            going = self.portal.start_task_soon(self.database.transact, lambda tx: self.all_go_one_way(tx, sent))
            time.sleep(after_s)
            self.kill()
            return self.learn(going.result())
        return None

    def kill(self, pid=None):
        """End a connection of the application, or all of them that are in a transaction."""
        self.cuts = CONNECTIONS
        self.reader.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = current_database()"
            " AND usename = 'koudai_app' AND pid = coalesce(%s, pid) AND state <> 'idle'", (pid,),
        )  # fmt: skip

    def at_once(self, batches, *, cut, queued):
        """Run batches beside one another, each in a transaction of its own; the outcomes of each.

        Where they are `queued`, the first commits when the others wait for what it has locked.
        """
        outcomes = [None] * len(batches)

        async def run(number):
            with self.maybe_cut():
                outcomes[number] = await self.database.transact(lambda tx: self.all_go_one_way(tx, batches[number]))

        async def run_before_others(tasks):
            with self.maybe_cut():
                async with self.database.transaction() as tx:
                    told = await self.all_go_one_way(tx, batches[0])
                    for number in range(1, len(batches)):
                        tasks.start_soon(run, number)
                    await anyio.to_thread.run_sync(self.wait_for, lambda: outcomes.count(None) - 1)
                outcomes[0] = told

        async def work():
            async with anyio.create_task_group() as tasks:
                if queued:
                    await run_before_others(tasks)
                else:
                    for number in range(len(batches)):
                        tasks.start_soon(run, number)
                if cut is not None:
                    await anyio.sleep(cut)
                    await anyio.to_thread.run_sync(self.kill)

        self.portal.call(work)
        return [self.run(batches[n]) if told is None else self.learn(told) for n, told in enumerate(outcomes)]

    def wait_for(self, running):
        """Wait until all that is still running waits for a lock."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        until = time.monotonic() + 1
        while self.reader.execute(waiting).fetchone()[0] < running() and time.monotonic() < until:
            time.sleep(0.001)

    def batch_of(self, key):
        """The batch that a key was answered in."""
        rows = self.reader.execute(
            "SELECT batch_id FROM ledger.idempotency WHERE (book, key) = (%s, %s)", (self.book, key)
        )
        return rows.fetchone()[0]

    # What stands in the database, in the words of the model

    def look(self, wanted):
        """What the views say: cards, the entries that came since this was asked last, merchants' balances.

        `wanted` is how many new entries each card should have; oldest first.
        """

        async def ask(tx):
            seen = await cards.cards_by_id(tx, self.book, list(self.ids.values()))
            tills = await ledger.balances(tx, [shop.account_id for shop in self.shops.values()])
            new = {}
            for name, known in self.newest.items():
                newest = seen[self.ids[name]].newest
                if wanted[name] or newest != known:
                    entries, rest = await cards.activities_of_card(tx, self.book, self.ids[name], newest, wanted[name])
                    assert (rest or Place(0, 0)) == known, (name, entries)
                    new[name] = entries[::-1]
            return seen, new, tills

        seen, new, tills = self.within(ask)
        told = {
            name: (c.state, c.balance_minor, c.held_minor, c.available_minor, self.names.get(c.successor_id))
            for name, c in ((name, seen[card_id]) for name, card_id in self.ids.items())
        }
        self.newest = {name: seen[card_id].newest for name, card_id in self.ids.items()}
        return told, new, {name: tills[shop.account_id] for name, shop in self.shops.items()}

    def lots(self):
        """Live lots of each card: provenance → (minor, held)."""
        rows = self.reader.execute(
            "SELECT a.id, n.i, n.minor, n.held, n.flags, n.expiry, n.strain, l.strain, l.source, l.paid, l.may_pass,"
            " l.may_sell, l.may_refund, l.payer, l.refund_to, l.expires_at,"
            " (l.funded_at AT TIME ZONE 'Asia/Shanghai')::date, l.account_id"
            " FROM ledger.accounts a CROSS JOIN LATERAL (SELECT i, a.lots[i], a.lots[i + 1], a.lots[i + 2],"
            " a.lots[i + 3], a.lots[i + 4], a.lots[i + 5] FROM generate_series(1, cardinality(a.lots), 6) i)"
            " n (i, id, minor, held, flags, expiry, strain) JOIN ledger.lots l ON l.id = n.id WHERE a.book = %s",
            (self.book,),
        ).fetchall()
        live = {name: {} for name in self.ids}
        for card_id, _, minor, held, flags, expiry, strain, own_strain, *provenance, account_id in rows:
            source, _, may_pass, may_sell, may_refund, _, _, expires_at, _ = provenance
            assert account_id == card_id
            assert strain == own_strain
            assert flags == (source == "bonus") + 2 * may_pass + 4 * may_sell + 8 * may_refund
            assert expiry == (seconds(expires_at) if expires_at else 0)
            into = live[self.names[card_id]]
            before = into.get(tuple(provenance), (0, 0))
            into[tuple(provenance)] = (before[0] + minor, before[1] + held)
        return live

    def holds(self):
        """Each hold by its place: state, amount, captured, released, and what is left by lot's provenance."""
        rows = self.reader.execute(
            "SELECT h.batch_id, h.ordinal, h.account_id, h.state, h.amount_minor, h.captured_minor, h.released_minor,"
            " h.expires_at, h.device, h.group_ref, h.counted_at, (SELECT coalesce(array_agg(ARRAY[l.source,"
            " coalesce(l.payer, ''), coalesce(l.refund_to, ''), coalesce(extract(epoch FROM l.expires_at)::bigint, 0)::text,"
            " l.may_pass::text, l.may_sell::text, l.may_refund::text,"
            " (l.funded_at AT TIME ZONE 'Asia/Shanghai')::date::text, h.lots[i + 1]::text] ORDER BY i), '{}')"
            " FROM generate_series(1, cardinality(h.lots), 2) i JOIN ledger.lots l ON l.id = h.lots[i])"
            " FROM ledger.holds h WHERE h.book = %s",
            (self.book,),
        ).fetchall()
        return {
            Place(row[0], row[1]): (self.names[row[2]], *row[3:11], [tuple(lot) for lot in row[11]]) for row in rows
        }

    def counters(self):
        """What limits have counted: (limit, ref) → {start: (amount, count)}; a card's ref is its name."""
        rows = self.reader.execute(
            "SELECT id::text, meters, true FROM ledger.accounts WHERE book = %(book)s AND meters <> '{}' UNION ALL"
            " SELECT ref, meters, false FROM ledger.subjects WHERE book = %(book)s AND meters <> '{}'",
            {"book": self.book},
        ).fetchall()
        found = {}
        for ref, meters, is_card in rows:
            for limit_id, start, amount, times in zip(*[iter(meters)] * 4, strict=True):
                who = self.names[int(ref)] if is_card else ref
                assert start not in found.setdefault((limit_id, who), {})
                found[limit_id, who][start] = (amount, times)
        return found


def told_lots(model):
    """The model's live lots as `Shop.lots` tells them."""
    live = {}
    for name, card in model.cards.items():
        into = live.setdefault(name, {})
        for lot in card.lots:
            if lot.minor:
                before = into.get(model.strain(lot), (0, 0))
                into[model.strain(lot)] = (before[0] + lot.minor, before[1] + lot.held)
    return live


def told_holds(model, places):
    def reserved(lot, minor):
        source, _, may_pass, may_sell, may_refund, payer, refund_to, expires_at, day = model.strain(lot)
        flags = [str(flag).lower() for flag in (may_pass, may_sell, may_refund)]
        return (source, payer or "", refund_to or "", str(seconds(expires_at) if expires_at else 0), *flags,
                day.isoformat(), str(minor))  # fmt: skip

    return {
        places[h.entry]: (h.card, h.state, h.amount, h.captured, h.released, h.expires_at, h.device, h.group,
                          h.counted_at, [reserved(lot, minor) for lot, minor in h.reserved])
        for h in model.holds
    }  # fmt: skip


class Asker:
    """Makes up commands that mostly suit where the model stands: one that nothing suits tests little."""

    def __init__(self, seed, machine):
        self.rng, self.machine, self.model = Random(seed * 10**6 + machine.keys), machine, machine.model

    def now_and_then(self, one_in):
        return self.rng.randrange(one_in) == 0

    def some(self, *choices):
        return self.rng.choice(choices)

    def command(self):
        """A command as (key, verb, fields); some were sent before, some use a key of another one."""
        sent = self.machine.sent
        if self.now_and_then(14):
            return self.some(*sent[-30:])
        verb = self.rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
        fields = {name: value for name, value in getattr(self, verb)().items() if value is not None}
        if self.now_and_then(50):
            return self.some(*sent[-30:])[0], verb, fields
        return self.machine.fresh(ahead=self.now_and_then(20)), verb, fields

    def card(self, *wanted):
        if self.now_and_then(40):
            return "nobody"
        usable = [
            n for n, c in self.model.cards.items() if c.state == "ACTIVE" and c.successor is None and n[:3] != "usd"
        ]
        return self.some(*(wanted or usable or CARDS)) if wanted or not self.now_and_then(8) else self.some(*CARDS)

    def beside(self, card):
        """Mostly another card of the programme of this one."""
        known = self.model.cards
        same = [n for n in known if card in known and n != card and known[n].programme is known[card].programme]
        return self.some(*same) if same and not self.now_and_then(8) else self.card()

    def amount(self, about):
        if self.now_and_then(40):
            return self.some(0, -3, 2**63)
        return self.some(about, about, about + 1, about // 2, about // 3, *(self.rng.randint(1, 60) for _ in "12345"))

    def asset_of(self, card):
        expected = "USD" if card.startswith("usd") else "CNY"
        return expected if not self.now_and_then(40) else self.some("USD", "CNY", "XXX")

    def shop(self, card):
        expected = ("far",) if card.startswith("usd") else ("tea", "tea", "books")
        return self.some(*expected) if not self.now_and_then(30) else self.some(*SHOPS, "nowhere")

    def event_at(self):
        later = self.some(*[None] * 8, -400, -HOUR, -5 * HOUR, -DAY, -40 * DAY, 90, DAY)
        return None if later is None else self.model.now + timedelta(seconds=later)

    def until(self):
        """When lots expire: at few moments, so that some are alike."""
        hour = self.model.now.replace(minute=0, second=0)
        return hour + timedelta(seconds=self.some(HOUR, HOUR, 2 * HOUR, 6 * HOUR, DAY, 40 * DAY))

    def flow(self, card, about):
        return {"card": card, "amount": self.amount(about), "asset": self.asset_of(card), "event_at": self.event_at(),
                "device": self.some(None, None, "pos-1", "pos-2")}  # fmt: skip

    def paying(self):
        card = self.card()
        about = self.model.available(card) if card in self.model.cards else 9
        return {**self.flow(card, about), "shop": self.shop(card), "partial": self.now_and_then(4)}

    def activate(self):
        return {"card": self.card("new", *CARDS)}

    def block(self):
        return {"card": self.card()}

    def unblock(self):
        return {"card": self.card(*[n for n, c in self.model.cards.items() if c.state == "BLOCKED"])}

    def load(self):
        flag, person = (None, None, None, True, False), (None, None, "pat", "sam")
        return {
            **self.flow(self.card(), 100), "source": self.some("cash", "cash", "bonus", "bonus", "credit", "points"),
            "expires_at": self.some(None, self.until()), "payer": self.some(*person), "refund_to": self.some(*person),
            "may_pass": self.some(*flag), "may_sell": self.some(*flag), "may_refund": self.some(*flag),
        }  # fmt: skip

    def redeem(self):
        return self.paying()

    def authorise(self):
        ttl_s = self.some(60, HOUR, DAY, 3 * DAY, 40 * DAY, 366 * DAY) if not self.now_and_then(20) else 0
        return {**self.paying(), "ttl_s": ttl_s, "group": self.some(None, None, f"g{len(self.model.holds) // 4}")}

    def hold(self):
        """A hold, mostly one that is open; or a group."""
        holds = [h for h in self.model.holds if h.state == "OPEN" or self.now_and_then(20)] or self.model.holds
        if not holds or self.now_and_then(30):
            return None, self.some({"hold": -1}, {"group": "none"}, {})
        hold = self.some(*holds)
        if hold.group is not None and self.now_and_then(2):
            return hold, {"group": hold.group}
        return hold, {"hold": hold.entry}

    def capture(self):
        hold, which = self.hold()
        amount = self.some(None, None, 0, *[self.amount(self.model.left(hold) if hold else 9)] * 6)
        if "group" in which and not self.now_and_then(10):
            amount = None
        return {**which, "amount": amount, "final": self.now_and_then(3), "event_at": self.event_at()}

    def void(self):
        return self.hold()[1]

    def payment(self):
        """What was paid, mostly of late; a capture of nothing is no payment."""
        known = [e for e, payment in sorted(self.model.payments.items()) if payment.paid]
        return self.some(*[e for e in known if e in self.machine.shop.places][-12:], -1)

    def refund(self):
        known = self.model.payments.get(entry := self.payment())
        about = {"amount": self.amount(known.paid if known else 9), "event_at": self.event_at()}
        if known and self.now_and_then(2):
            return {**about, "card": known.card, "shop": known.shop, "asset": self.asset_of(known.card)}
        if self.now_and_then(12):
            card = self.card()
            return {**about, "card": card, "shop": self.shop(card), "asset": self.asset_of(card)}
        if self.now_and_then(20):
            entry = self.some(*self.machine.shop.places)
        return {**about, "redemption": entry, "asset": self.asset_of(known.card if known else "a")}

    def reverse(self):
        known = self.model.payments.get(entry := self.payment())
        if known and self.now_and_then(2):
            return {"redemption_key": known.key}
        if self.now_and_then(3):
            empty = {payment.key for payment in self.model.payments.values() if not payment.paid}
            keys = [key for key, _, _ in self.machine.sent[-9:] if key not in empty]
            return {"redemption_key": self.some(self.machine.next_key(), *keys)}
        return {"redemption": entry}

    def transfer(self):
        card = self.card(*(n for n in self.model.cards if n[:3] != "usd"))
        about = self.model.available(card) if card in self.model.cards else 9
        amount = self.some(None, *[self.amount(about)] * 3)
        return {**self.flow(card, 0), "to_card": self.beside(card), "amount": amount, "purpose": self.some("gift", "sale"),
                "recipient": self.some(*[None] * 9, "ann", "pat")}  # fmt: skip

    def replace(self):
        stopped = [n for n, c in self.model.cards.items() if c.state == "BLOCKED"]
        return {"card": self.card(*stopped), "reason": self.some("lost", "damaged")}

    def adjust(self):
        card = self.card()
        own = self.model.cards[card].entries[-9:] if card in self.model.cards else []
        corrects = (
            self.some(None, None, *own) if not self.now_and_then(12) else self.some(-1, *self.machine.shop.places)
        )
        increment = self.now_and_then(2)
        about = 20 if increment or card not in self.model.cards else self.model.available(card)
        approved_by = self.some("chi", "chi", "chi", "chi", "wu", None, " ") if increment else self.some(None, "chi")
        return {
            "card": card, "amount": self.amount(about), "asset": self.asset_of(card), "event_at": self.event_at(),
            "increment": increment, "source": self.some(None, None, "bonus", "cash"), "made_by": self.some(*["wu"] * 9, ""),
            "reason": self.some(*["wrong"] * 9, " "), "approved_by": approved_by,
            "corrects": corrects if corrects in self.machine.shop.places else None if corrects != -1 else -1,
        }  # fmt: skip

    def expire(self):
        over = {lot.card for lot in self.model.lots if lot.minor and self.model.is_over(lot)}
        return {"card": self.card(*(sorted(over) if not self.now_and_then(6) else ())), "event_at": self.event_at()}

    def renew(self):
        ends = {lot.card for lot in self.model.lots if lot.minor and lot.expires_at}
        expires_at = self.until() + timedelta(seconds=self.some(0, 0, 50 * DAY)) if not self.now_and_then(12) else START
        return {"card": self.card(*(sorted(ends) if not self.now_and_then(6) else ())), "expires_at": expires_at}


WEIGHTS = {"load": 9, "redeem": 9, "authorise": 9, "capture": 10, "void": 3, "refund": 7, "reverse": 4, "activate": 1,
           "block": 2, "unblock": 4, "transfer": 8, "replace": 2, "adjust": 4, "expire": 5, "renew": 4}  # fmt: skip
SEED = st.integers(0, 9_999)
MOMENTS = ("begun", "judged", "written", "on its way", "answered")


class LotMachine(RuleBasedStateMachine):
    """Batches of any commands, run by the cards verb and by the model; then everything is compared."""

    database: Database
    portal: anyio.from_thread.BlockingPortal
    reader = None
    keyring = None
    books = count(1)
    met: Counter[tuple[str, str]] = Counter()  # noqa: RUF012  gathered over all runs

    def open_shop(self):
        """A new book; all cards but one are active, and nothing is on them."""
        self.shop = Shop(self.portal, self.database, self.reader, self.keyring, next(self.books))
        self.shop.open()
        self.model = Model(PROGRAMMES, CARDS, SHOPS, START)
        self.sent, self.keys, self.turns, self.compared = [], 0, 0, -1
        self.step([(self.fresh(), "activate", {"card": name}) for name in CARDS if name != "new"])

    @initialize()
    def load_cards(self):
        self.open_shop()
        money = [{"card": name, "amount": 100, "asset": "USD" if name == "usd" else "CNY", "source": source}
                 for name in CARDS if name != "new" for source in ("cash", "bonus")]  # fmt: skip
        self.step([(self.fresh(), "load", fields) for fields in money])

    def fresh(self, *, ahead=False):
        """A key that wasn't used; some are left out, for a reversal to name them."""
        self.keys += 1 + ahead
        return f"k{self.keys}"

    def next_key(self):
        return f"k{self.keys + 1}"

    @rule(seeds=st.lists(SEED, min_size=3, max_size=12), by_number=st.booleans())
    def batch(self, seeds, by_number):
        self.step([Asker(seed, self).command() for seed in seeds], by_number=by_number)

    @rule(seeds=st.lists(SEED, min_size=2, max_size=5))
    def one_by_one(self, seeds):
        for seed in seeds:
            self.step([Asker(seed, self).command()])

    @rule(later=st.sampled_from([1, 60, 60, 400, 400, HOUR, HOUR, 6 * HOUR, DAY, 2 * DAY, 32 * DAY]))
    def wait(self, later):
        self.model.now += timedelta(seconds=later)
        now = self.shop.within(lambda tx: ledger.advance_clock(tx, self.shop.book, self.model.now))
        assert now == self.model.now
        self.shop.within(lambda tx: ledger.fold_deltas(tx, 5))
        self.compare()

    @precondition(lambda self: self.turns % 2 == 0)
    @rule(seeds=st.lists(SEED, min_size=1, max_size=6), moment=st.sampled_from(MOMENTS), after_ms=st.integers(0, 12),
          together=st.booleans())  # fmt: skip
    def lost(self, seeds, moment, after_ms, together):
        self.lost_at([Asker(seed, self).command() for seed in seeds], moment, after_ms, together=together)

    def lost_at(self, commands, moment, after_ms, *, together):
        """Whoever has no answer sends each command again with its key; whatever became of the first, it is there once."""
        sent = [self.shop.command(*command) for command in commands]
        expected = self.model.batch(commands)
        told = self.shop.cut(sent, moment, after_ms / 1000)
        self.met["lost", f"{moment}, {'not ' if told is None else ''}answered"] += 1
        outcomes = self.shop.run(sent) if together else [self.shop.run([command])[0] for command in sent]
        assert told in (None, outcomes)
        self.compare((commands, expected, outcomes))

    @rule(lists=st.lists(st.lists(SEED, min_size=1, max_size=4), min_size=2, max_size=3),
          cut=st.sampled_from([None, None, None, 0.001, 0.005]))  # fmt: skip
    def at_once(self, lists, cut):
        self.at_once_with(self.asked_apart(lists), cut, queued=False)

    @rule(lists=st.lists(st.lists(SEED, min_size=1, max_size=4), min_size=2, max_size=3))
    def queued(self, lists):
        self.at_once_with(self.asked_apart(lists), None, queued=True)

    def at_once_with(self, batches, cut, *, queued):
        """Batches of several connections at the same cards end as one after the other, in the order of their ids."""
        batches = [[*commands, (self.fresh(), "block", {"card": "nobody"})] for commands in batches]
        sent = [[self.shop.command(*command) for command in commands] for commands in batches]
        outcomes = self.shop.at_once(sent, cut=cut, queued=queued)
        order = sorted(range(len(batches)), key=lambda n: self.shop.batch_of(batches[n][-1][0]))
        self.met["queued" if queued else "at once", "in another order" if order != sorted(order) else "in order"] += 1
        expected = {n: self.model.batch(batches[n]) for n in order}
        self.compare(*[(batches[n], expected[n], outcomes[n]) for n in order])
        return [expected[n] for n in sorted(order)]

    def asked_apart(self, lists):
        """Commands of several batches, none of which settles a group that another one may be adding to.

        Between cards that aren't locked together there is no order: such a hold may be left out of the group.
        """
        batches = [[Asker(seed, self).command() for seed in seeds] for seeds in lists]
        settled = [{fields.get("group") for _, verb, fields in b if verb in ("capture", "void")} for b in batches]
        return [
            [
                (key, verb, {k: v for k, v in fields.items() if k != "group" or verb != "authorise" or v not in others})
                for key, verb, fields in commands
            ]
            for n, commands in enumerate(batches)
            for others in [set().union(*settled[:n], *settled[n + 1 :])]
        ]

    def step(self, commands, *, by_number=False):
        sent = [self.shop.command(*command, by_number) for command in commands]
        expected = self.model.batch(commands)
        outcomes = self.shop.run(sent)
        self.compare((commands, expected, outcomes))
        return expected

    def judge(self, commands, expected, outcomes):
        for command, answer, outcome in zip(commands, expected, outcomes, strict=True):
            self.sent.append(command)
            self.judge_one(command, answer, outcome)

    def judge_one(self, command, answer, outcome):
        key, verb, _ = command
        if isinstance(outcome, Refused):
            self.met[verb, outcome.code] += 1
            assert answer[:2] == ("no", outcome.code), (command, outcome, answer)
            assert answer[2].items() <= outcome.facts.items(), (command, outcome, answer)
        else:
            self.met[verb, outcome.type] += 1
            assert answer[0] == "yes", (command, outcome, answer)
            entry = self.model.entries[answer[1]]
            assert self.shop.places[entry.number] == outcome.place, command
            self.same_entry(entry, outcome)
        if not (isinstance(outcome, Refused) and outcome.code == "ledger.key_reused"):
            assert self.shop.first_told.setdefault(key, outcome) == outcome, "a key has one answer"

    def same_entry(self, entry, told):
        shop, places = self.shop, self.shop.places
        wanted = (entry.kind, entry.card, entry.amount, entry.balance, entry.held, entry.source, entry.at,
                  self.shop.shops[entry.shop].id if entry.shop else None,
                  places.get(entry.redemption), places.get(entry.hold), entry.other)  # fmt: skip
        found = (told.type, shop.names[told.card_id], told.amount_minor, told.balance_minor, told.held_minor,
                 told.source, told.event_at, told.merchant_id, told.redemption, told.hold,
                 shop.names.get(told.other_card_id))  # fmt: skip
        assert found == wanted

    def compare(self, *batches):
        """All that was answered and all that there is."""
        shop, model = self.shop, self.model
        self.turns += 1
        new = {n: [number for number in c.entries if number > self.compared] for n, c in model.cards.items()}
        seen, entries, tills = shop.look({name: len(numbers) for name, numbers in new.items()})
        told = [
            (n, entry)
            for name, numbers in new.items()
            if numbers
            for n, entry in zip(numbers, entries[name], strict=True)
        ]
        shop.places |= {number: entry.place for number, entry in told}
        for batch in batches:
            self.judge(*batch)
        for number, entry in told:
            self.same_entry(model.entries[number], entry)
        self.compared = len(model.entries) - 1
        assert seen == {
            name: (c.state, model.booked(name), model.held(name), model.shown_available(name), c.successor)
            for name, c in model.cards.items()
        }
        assert shop.lots() == told_lots(model)
        assert shop.holds() == told_holds(model, shop.places)
        assert tills == model.till
        self.compare_counters()

    def compare_counters(self):
        """Each limit's counters; those of pairs, devices and recipients without saying whose they are."""
        wanted = {number: [] for number in self.shop.limits}
        for (number, subject), windows in self.model.counters.items():
            wanted[number].append((subject if len(subject) == 1 else None, windows))
        for card in self.model.cards.values():
            for told in card.programme["limits"]:
                if told["per"] == "balance" and told["subjects"] == ("holder",) and card.holder:
                    net = self.model.net(told, card.holder)
                    known = ((card.holder,), {0: (net, 0)})
                    if net and known not in wanted[told["number"]]:
                        wanted[told["number"]].append(known)
        found = {number: [] for number in self.shop.limits}
        numbers = {limit_id: number for number, limit_id in self.shop.limits.items()}
        for (limit_id, ref), windows in self.shop.counters().items():
            who = ref.partition(":")[2] or ref
            # A bearer card's recipient is its root, which the model calls by the card's name.
            subject = (self.shop.names[int(who[5:])] if who.startswith("root:") else who,)
            known = LIMITS[numbers[limit_id]]
            if known["per"] != "balance" or windows != {0: (0, 0)}:
                found[known["number"]].append((subject if len(known["subjects"]) == 1 else None, windows))
        for number, counters in wanted.items():
            assert sorted(counters, key=repr) == sorted(found[number], key=repr), name_of(LIMITS[number])


@pytest.fixture(scope="module")
def machine(servers, keyring):
    """The machine on a database that all tests of this file share, each with a book of its own."""
    server = servers(18)
    with (
        server.database(server.template) as name,
        server.superuser(name) as reader,
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(Database(server.target(name), max_size=CONNECTIONS)) as database,
    ):
        own = {"database": database, "portal": portal, "reader": reader, "keyring": keyring, "met": Counter()}
        yield type("Machine", (LotMachine,), own)


class Teller:
    """Says commands to the machine by name, which compares all of it; answers an entry, or why not."""

    USUAL = {  # noqa: RUF012  read only
        "load": {"asset": "CNY", "source": "cash"},
        "redeem": {"asset": "CNY", "shop": "tea"},
        "authorise": {"asset": "CNY", "shop": "tea", "ttl_s": HOUR},
        "refund": {"asset": "CNY"},
        "transfer": {"asset": "CNY", "purpose": "gift"},
        "replace": {"reason": "lost"},
        "adjust": {"asset": "CNY", "reason": "wrong", "made_by": "wu"},
    }

    def __init__(self, machine):
        self.machine = machine()
        self.machine.open_shop()
        self.model = self.machine.model

    def command(self, verb, card=None, amount=None, key=None, **more):
        said = {**self.USUAL.get(verb, {}), "card": card, "amount": amount, **more}
        return key or self.machine.fresh(), verb, {name: value for name, value in said.items() if value is not None}

    def together(self, *commands):
        """Answers of one batch; a command is (verb, card, amount, the rest)."""
        return [answer[1] for answer in self.machine.step([self.command(*c[:3], **c[3]) for c in commands])]

    def queued(self, *commands):
        """Answers of several connections, of which the first commits when the others wait for it."""
        batches = [[self.command(*c[:3], **c[3])] for c in commands]
        return [self.told(answers[0]) for answers in self.machine.at_once_with(batches, None, queued=True)]

    def told(self, answer):
        return answer[1] if answer[0] == "no" else self.model.entries[answer[1]].kind

    def __getattr__(self, verb):
        return lambda *card_and_amount, **more: self.machine.step([self.command(verb, *card_and_amount, **more)])[0][1]

    def wait(self, seconds):
        self.machine.wait(seconds)

    def at(self, seconds):
        return self.model.now + timedelta(seconds=seconds)

    def lots(self, card):
        """What is on a card: source, and with a day where it expires, → amount."""
        lots = self.machine.shop.lots()[card]
        return {source if until is None else f"{source} till {until:%d.%m.}": minor
                for (source, *_, until, _), (minor, _) in lots.items()}  # fmt: skip

    def see(self, card):
        """What is booked on a card, reserved, and available."""
        return self.machine.shop.look(dict.fromkeys(self.machine.model.cards, 0))[0][card][1:4]

    def counted(self, told, who):
        """What a limit has counted of somebody: (amount, times) of each window, the oldest first."""
        (number,) = (n for n, known in LIMITS.items() if name_of(known) == told)
        return [both for _, both in sorted(self.machine.shop.counters()[self.machine.shop.limits[number], who].items())]


@pytest.fixture
def tell(machine):
    return Teller(machine)


def four_lots(tell, card):
    tell.load(card, 60)
    tell.load(card, 30, source="bonus", expires_at=tell.at(2 * DAY))
    tell.load(card, 30, source="bonus", expires_at=tell.at(DAY))
    tell.load(card, 30, expires_at=tell.at(3 * DAY))


@pytest.mark.parametrize(
    ("card", "left"),
    [
        ("i", {"cash": 60, "cash till 04.05.": 19}),
        ("d", {"cash": 19, "bonus till 03.05.": 30, "bonus till 02.05.": 30}),
        ("g", {"cash": 31, "bonus till 03.05.": 16, "bonus till 02.05.": 16, "cash till 04.05.": 16}),
    ],
)
def test_lots_are_drawn_in_the_order_of_the_programme(tell, card, left):
    """Bonus first, paid first, or in proportion; among equals what expires first. What is left over goes to who lacks most."""
    four_lots(tell, card)
    tell.redeem(card, 71)
    assert tell.lots(card) == left


def test_lots_of_one_batch_are_as_old_as_their_commands(tell):
    tell.together(("load", "i", 10, {"source": "points"}), ("load", "i", 10, {"source": "cash"}),
                  ("load", "i", 10, {"source": "debit"}), ("redeem", "i", 15, {}))  # fmt: skip
    assert tell.lots("i") == {"cash": 5, "debit": 10}
    tell.together(
        ("load", "j", 30, {"source": "credit"}), ("transfer", "j", 20, {"to_card": "i"}), ("redeem", "i", 16, {})
    )
    assert tell.lots("i") == {"credit": 19}


def test_what_is_loaded_on_one_chinese_day_is_one_lot(tell):
    before, after = tell.at(4 * HOUR - 1), tell.at(4 * HOUR)
    for moment in (before, before, after, after):
        tell.load("i", 10, event_at=moment)
    tell.load("i", 10, event_at=before, payer="pat")
    tell.load("i", 10, event_at=before, may_pass=False)
    days = [(str(provenance[-1]), minor) for provenance, (minor, _) in tell.machine.shop.lots()["i"].items()]
    assert sorted(days) == [("2024-05-01", 10), ("2024-05-01", 10), ("2024-05-01", 20), ("2024-05-02", 20)]


def test_a_refund_goes_back_to_the_lot_that_was_drawn_last(tell):
    four_lots(tell, "i")
    paid = tell.redeem("i", 100)
    assert tell.lots("i") == {"cash": 50}
    for amount, lots in [
        (5, {"cash": 55}),
        (10, {"cash": 60, "cash till 04.05.": 5}),
        (30, {"cash": 60, "cash till 04.05.": 30, "bonus till 03.05.": 5}),
        (56, "cards.refund_exceeds_paid"),
        (55, {"cash": 60, "cash till 04.05.": 30, "bonus till 03.05.": 30, "bonus till 02.05.": 30}),
    ]:
        told = tell.refund(amount=amount, redemption=paid)
        assert told == lots if isinstance(lots, str) else tell.lots("i") == lots


def test_what_comes_back_keeps_its_expiry_even_when_that_is_over(tell):
    tell.load("i", 20, source="bonus", expires_at=tell.at(DAY))
    tell.load("i", 10)
    paid = tell.redeem("i", 25)
    tell.wait(DAY)
    tell.refund(amount=25, redemption=paid)
    assert tell.see("i") == (30, 0, 10)
    assert tell.redeem("i", 11) == "cards.insufficient_balance"
    tell.expire("i")
    assert tell.see("i") == (10, 0, 10)


def test_value_that_comes_back_joins_what_is_alike_or_brings_its_lot_back_to_life(tell):
    tell.load("i", 20)
    first, second = tell.redeem("i", 15), tell.redeem("i", 5)
    tell.refund(amount=5, redemption=second)
    tell.transfer("i", to_card="j")
    tell.load("i", 7)
    tell.reverse(redemption=first)
    assert tell.lots("i") == {"cash": 22}


def test_a_lot_that_a_batch_brings_back_to_life_can_be_carried_on_by_it(tell):
    tell.load("i", 10, source="bonus")
    tell.load("i", 10)
    paid = tell.redeem("i", 15)
    tell.together(("reverse", None, None, {"redemption": paid}), ("transfer", "i", None, {"to_card": "j"}))
    assert tell.lots("j") == {"bonus": 10, "cash": 10}


def test_what_comes_back_to_a_replaced_card_goes_to_the_end_of_the_chain(tell):
    tell.load("i", 60, source="bonus", expires_at=tell.at(2 * DAY))
    tell.load("i", 40, payer="pat")
    payments = [tell.redeem("i", 15, key=f"paid {n}") for n in range(5)]
    hold = tell.authorise("i", 10)
    assert tell.replace("i") == "cards.has_holds"
    tell.capture(hold=hold)
    tell.block("i")
    tell.replace("i")
    assert tell.lots("i'") == {"cash": 15}
    tell.refund(amount=5, redemption=payments[0])
    assert tell.lots("i'") == {"cash": 15, "bonus till 03.05.": 5}
    tell.replace("i'")
    tell.refund(amount=10, redemption=payments[0])
    tell.refund("i", 25, shop="tea")
    tell.reverse(redemption=payments[1])
    tell.reverse(redemption_key="paid 2")
    assert tell.lots("i''") == {"cash": 40, "bonus till 03.05.": 45}
    assert [tell.see(card)[0] for card in ("i", "i'")] == [0, 0]


def test_a_rolling_window_is_counted_in_buckets_and_time_does_not_run_back(tell):
    """Two hours in 24 buckets of five minutes; what is older than the newest bucket counts in that."""
    tell.load("c", 500)
    rolling = "redeem.card.rolling"
    first = tell.redeem("c", 100)
    tell.wait(300)
    tell.redeem("c", 20)
    early = tell.redeem("c", 30, event_at=tell.at(-200))
    assert tell.counted(rolling, "c") == [(100, 1), (50, 2)]
    tell.reverse(redemption=early)
    assert tell.counted(rolling, "c") == [(70, 0), (50, 2)], "given back to the bucket that its own moment lies in"
    tell.wait(2 * HOUR - 300)
    assert tell.redeem("c", 101) == "ledger.limit_exceeded", "what is not older than the window still counts"
    tell.wait(300)
    assert tell.redeem("c", 101) != "ledger.limit_exceeded"
    assert tell.counted(rolling, "c") == [(50, 2), (101, 1)]
    tell.reverse(redemption=first)
    assert tell.counted(rolling, "c") == [(50, 2), (101, 1)], "its bucket isn't counted any more"


def test_what_is_captured_and_undone_is_given_back_where_the_hold_was_counted(tell):
    """The amount is; the count isn't, since something was captured."""
    tell.load("c", 200)
    tell.redeem("c", 11)
    hold = tell.authorise("c", 40, device="pos-1", ttl_s=9 * DAY)
    captures = [tell.capture(hold=hold, amount=amount, event_at=tell.at(DAY)) for amount in (10, 20, 10)]
    assert tell.counted("redeem.card.day", "c") == [(51, 2)]
    for capture in captures:
        tell.reverse(redemption=capture)
    assert tell.counted("redeem.card.day", "c") == [(11, 2)]
    assert tell.counted("redeem.device.day", "device:pos-1") == [(0, 1)]


def test_a_card_that_replaces_another_one_has_used_up_what_that_one_has(tell):
    """And what is undone is given back to both."""
    tell.load("c", 250)
    first, second = tell.redeem("c", 100, device="pos-1"), tell.redeem("c", 100)
    tell.replace("c")
    assert tell.counted("redeem.card.day", "c'") == [(200, 2)]
    assert tell.counted("load.card.day", "c'") == [(250, 1)]
    assert tell.redeem("c'", 21) == "ledger.limit_exceeded", "220 in two hours"
    tell.redeem("c'", 20, device="pos-1")
    tell.reverse(redemption=second)
    assert tell.counted("redeem.card.day", "c") == [(100, 1)]
    assert tell.counted("redeem.card.day", "c'") == [(120, 2)]
    tell.replace("c'")
    tell.reverse(redemption=first)
    assert [tell.counted("redeem.card.day", name) for name in ("c", "c'", "c''")] == [[(0, 0)], [(20, 1)], [(20, 1)]]
    assert tell.redeem("c''", 201) == "ledger.limit_exceeded"


def test_what_is_undone_in_the_batch_of_the_replacement_is_given_back_to_the_new_card(tell):
    tell.load("c", 50)
    paid = tell.redeem("c", 10, device="pos-1")
    tell.together(("replace", "c", None, {"reason": "lost"}), ("reverse", None, None, {"redemption": paid}))
    assert tell.counted("redeem.card.day", "c'") == [(0, 0)]


def test_what_is_not_captured_is_given_back_with_its_count(tell):
    tell.load("c", 200)
    day = "redeem.card.day"
    for undo in ("void", "expire", "final", "final of nothing"):
        hold = tell.authorise("c", 40)
        match undo:
            case "void":
                tell.void(hold=hold)
            case "expire":
                tell.wait(HOUR)
                tell.unblock("c")
            case "final":
                tell.capture(hold=hold, amount=15, final=True)
            case _:
                tell.capture(hold=hold, amount=0, final=True)
        assert tell.counted(day, "c")[-1] == ((15, 1) if undo.startswith("final") else (0, 0)), undo
    assert tell.see("c") == (185, 0, 185)


def test_an_expired_hold_is_free_at_once_and_released_by_the_next_batch(tell):
    tell.load("i", 50, expires_at=tell.at(2 * HOUR))
    tell.load("i", 50)
    hold = tell.authorise("i", 70)
    assert tell.see("i") == (100, 70, 30)
    tell.capture(hold=hold, amount=30)
    tell.wait(HOUR)
    assert tell.see("i") == (70, 40, 70), "the view knows it first"
    assert tell.capture(hold=hold) == "cards.hold_expired"
    assert tell.void(hold=hold) == "cards.hold_captured"
    assert tell.see("i") == (70, 0, 70), "released although the command was refused"
    assert [tell.model.entries[n].kind for n in tell.model.cards["i"].entries][-2:] == ["CAPTURE", "RELEASE"]


def test_what_is_reserved_is_paid_although_it_has_expired(tell):
    tell.load("i", 50, expires_at=tell.at(HOUR))
    hold = tell.authorise("i", 40, ttl_s=DAY)
    tell.wait(2 * HOUR)
    assert tell.see("i") == (50, 40, 0)
    tell.expire("i")
    assert tell.see("i") == (40, 40, 0)
    tell.renew("i", expires_at=tell.at(DAY))
    tell.capture(hold=hold, amount=30, final=True)
    assert tell.see("i") == (10, 0, 0)
    tell.renew("i", expires_at=tell.at(DAY))
    assert tell.see("i") == (10, 0, 10)


def test_a_group_is_captured_whole_or_not_at_all(tell):
    for card in "cgi":
        tell.load(card, 50)
        tell.authorise(card, 20, group="table", ttl_s=HOUR if card == "i" else DAY)
    assert tell.capture(group="table", amount=5) == "cards.bad_term"
    tell.wait(HOUR)
    assert tell.capture(group="table") == "cards.hold_expired"
    tell.void(group="table")
    assert [tell.see(card) for card in "cgi"] == [(50, 0, 50)] * 3
    for card in "cgi":
        tell.authorise(card, 20, group="other table")
    tell.capture(hold=tell.model.holds[-1].entry, amount=5)
    assert tell.void(group="other table") == "cards.hold_captured"
    tell.block("g")
    tell.capture(group="other table")
    assert [tell.see(card) for card in "cgi"] == [(30, 0, 30)] * 3
    assert tell.capture(group="other table") == "cards.hold_closed"


def test_only_what_may_go_goes_and_all_of_it_to_the_successor(tell):
    tell.load("i", 40, may_pass=False)
    tell.load("i", 30, source="credit")
    tell.load("i", 20, expires_at=tell.at(HOUR))
    tell.wait(HOUR)
    assert tell.transfer("i", 71, to_card="j") == "cards.insufficient_balance"
    assert tell.transfer("i", 31, to_card="j", purpose="gift") == "cards.not_transferable"
    assert tell.transfer("i", 41, to_card="j", purpose="sale") == "cards.not_transferable"
    tell.transfer("i", 10, to_card="j", purpose="gift")
    tell.transfer("i", 10, to_card="j", purpose="sale")
    assert tell.lots("j") == {"credit": 10, "cash": 10}
    tell.replace("i")
    assert tell.lots("i'") == {"cash": 30, "credit": 20, "cash till 01.05.": 20}
    assert tell.see("i'") == (70, 0, 50)


def test_a_floor_of_a_card_stands_above_what_is_reserved_and_that_of_a_holder_does_not(tell):
    tell.load("d", 100)
    tell.authorise("d", 30)
    assert tell.redeem("d", 51) == "ledger.below_floor", "19 would be left beside what is reserved"
    tell.redeem("d", 50)
    tell.adjust("d", 20, increment=False)
    assert tell.see("d") == (30, 30, 0)
    tell.load("e", 30)
    tell.load("f", 30)
    tell.authorise("f", 5)
    assert tell.redeem("e", 11) == "ledger.below_floor", "card and holder: 49 would be left on both of his cards"
    assert tell.redeem("f", 10) == "ledger.below_floor", "the card: 15 would be left beside what is reserved"
    tell.redeem("e", 5)
    tell.redeem("f", 5)


RACES = {
    "a hold joins a group while that is captured": (
        ("authorise", "i", 10, {"group": "g"}), ("capture", None, None, {"group": "g"}), ["AUTHORISE", "CAPTURE"]),
    "a hold joins a group while that is voided": (
        ("authorise", "i", 10, {"group": "g"}), ("void", None, None, {"group": "g"}), ["AUTHORISE", "VOID"]),
    "a group is captured and voided": (
        ("capture", None, None, {"group": "g"}), ("void", None, None, {"group": "g"}), ["CAPTURE", "cards.hold_captured"]),
    "a group is voided and captured": (
        ("void", None, None, {"group": "g"}), ("capture", None, None, {"group": "g"}), ["VOID", "cards.hold_closed"]),
    "what is reserved and what is free are paid": (
        ("capture", None, None, {"group": "g"}), ("redeem", "c", 86, {}), ["CAPTURE", "cards.insufficient_balance"]),
    "what is paid is refunded at the merchant": (
        ("redeem", "b", 20, {}), ("refund", "b", 25, {"shop": "tea"}), ["REDEEM", "REFUND"]),
    "a payment is undone by its key before it has arrived": (
        ("redeem", "b", 20, {"key": "late"}), ("reverse", None, None, {"redemption_key": "late"}),
        ["cards.reversed_before", "cards.unknown_redemption"]),
    "a card is replaced and refunded": (
        ("replace", "b", None, {}), ("refund", "b", 5, {"shop": "tea"}),
        ["TRANSFER_BALANCE_FROM", "REFUND"]),
    "the successor of a card is replaced and the card refunded": (
        ("replace", "a'", None, {}), ("refund", "a", 5, {"shop": "tea"}),
        ["TRANSFER_BALANCE_FROM", "REFUND"]),
    "a card is replaced twice": (
        ("replace", "b", None, {}), ("replace", "b", None, {}), ["TRANSFER_BALANCE_FROM", "cards.replaced"]),
    "a card is replaced and redeemed": (
        ("replace", "b", None, {}), ("redeem", "b", 5, {}), ["TRANSFER_BALANCE_FROM", "cards.replaced"]),
    "value crosses between two cards": (
        ("transfer", "c", 80, {"to_card": "b"}), ("transfer", "b", 110, {"to_card": "c"}), ["TRANSFER_BALANCE_FROM"] * 2),
    "two cards of a holder are loaded up to what he may hold": (
        ("load", "f", 160, {}), ("load", "e", 41, {}), ["LOAD", "ledger.limit_exceeded"]),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "told"), RACES.values(), ids=RACES.keys())
def test_what_waits_for_another_one_is_judged_after_it(tell, first, second, told):
    for card, amount in {"a": 50, "b": 50, "c": 100, "i": 50, "e": 200, "f": 100}.items():
        tell.load(card, amount)
    tell.load("e", 200)
    tell.redeem("a", 10)
    tell.redeem("b", 10)
    tell.replace("a")
    for card in "ic":
        tell.authorise(card, 15, group="g")
    assert tell.queued(first, second) == told


def test_the_same_key_has_the_same_answer_for_ever(tell):
    tell.load("c", 200)
    told = [tell.redeem("c", 150, key="k"), tell.redeem("c", 150, key="no")]
    assert told[1] == "cards.insufficient_balance"
    tell.load("c", 200)
    assert [tell.redeem("c", 150, key="k"), tell.redeem("c", 150, key="no")] == told
    assert tell.redeem("c", 15, key="no") == tell.load("c", 150, key="k") == "ledger.key_reused"
    assert tell.reverse(redemption_key="later") == "cards.unknown_redemption"
    assert tell.redeem("c", 1, key="later") == tell.load("c", 1, key="later") == "cards.reversed_before"


def test_every_reason_to_refuse_is_given(tell):
    """Each in a place where it is the first that holds."""
    tell.load("i", 100, may_pass=False)
    paid, again = tell.redeem("i", 20), tell.redeem("i", 5)
    tell.refund(amount=1, redemption=again)
    holds = [tell.authorise("i", 5) for _ in range(3)]
    short = tell.authorise("i", 5, ttl_s=60)
    tell.capture(hold=holds[0])
    tell.void(hold=holds[1])
    tell.load("c", 100)
    tell.block("c")
    tell.replace("g")
    for amount in (200, 200):
        tell.load("d", amount)
    tell.load("b", 100)
    tell.wait(60)
    table = {
        "cards.amount_not_positive": ("load", "nobody", 0, {}),
        "cards.amount_too_large": ("load", "nobody", 2**63, {}),
        "cards.unknown_card": ("load", "nobody", 1, {"asset": "USD"}),
        "cards.unknown_merchant": ("redeem", "i", 1, {"shop": "nowhere", "asset": "USD"}),
        "cards.unknown_redemption": ("reverse", None, None, {"redemption_key": "never"}),
        "cards.reversed_before": ("redeem", "i", 1, {"key": "never"}),
        "cards.currency_mismatch": ("load", "new", 1, {"asset": "USD"}),
        "cards.not_active": ("load", "new", 1, {}),
        "cards.blocked": ("load", "c", 1, {}),
        "cards.replaced": ("load", "g", 1, {}),
        "cards.already_active": ("activate", "c", None, {}),
        "cards.already_blocked": ("block", "c", None, {}),
        "cards.not_blocked": ("unblock", "i", None, {}),
        "cards.load_cap_exceeded": ("load", "d", 201, {}),
        "cards.balance_cap_exceeded": ("load", "d", 101, {}),
        "cards.refund_exceeds_paid": ("refund", None, 21, {"redemption": paid}),
        "cards.already_refunded": ("reverse", None, None, {"redemption": again}),
        "cards.insufficient_balance": ("redeem", "i", 67, {}),
        "cards.unknown_entry": ("adjust", "b", 1, {"increment": False, "corrects": paid}),
        "cards.reason_missing": ("adjust", "b", 1, {"increment": True, "reason": " "}),
        "cards.second_person_missing": ("adjust", "b", 1, {"increment": True, "approved_by": "wu"}),
        "cards.unknown_hold": ("capture", None, None, {"hold": paid}),
        "cards.hold_closed": ("capture", None, None, {"hold": holds[0]}),
        "cards.hold_captured": ("void", None, None, {"hold": holds[0]}),
        "cards.hold_expired": ("void", None, None, {"hold": short}),
        "cards.capture_exceeds_hold": ("capture", None, 6, {"hold": holds[2]}),
        "cards.bad_term": ("renew", "new", None, {"expires_at": START}),
        "cards.same_card": ("transfer", "i", 1, {"to_card": "i"}),
        "cards.other_programme": ("transfer", "i", 1, {"to_card": "b"}),
        "cards.recipient_differs": ("transfer", "i", 1, {"to_card": "j", "recipient": "ann"}),
        "cards.not_transferable": ("transfer", "i", 1, {"to_card": "j", "purpose": "gift"}),
        "cards.has_holds": ("replace", "i", None, {}),
        "cards.deactivated": ("unblock", "g", None, {}),
        "cards.nothing_expired": ("expire", "i", None, {}),
        "cards.nothing_to_renew": ("renew", "i", None, {"expires_at": START + timedelta(DAY)}),
        "ledger.key_reused": ("load", "i", 1, {"key": "k1"}),
        "ledger.limit_exceeded": ("load", "d", 51, {}),
        "ledger.below_floor": ("redeem", "d", 381, {}),
        "ledger.below_minimum": ("redeem", "b", 1, {}),
        "ledger.count_exceeded": ("redeem", "b", 2, {"device": "pos-2"}),
    }
    for _ in range(3):
        tell.redeem("b", 2, device="pos-2")
    told = {code: tell.together(command)[0] for code, command in table.items()}
    assert told == {code: code for code in table}
    of_programmes = {cards.CardRefusal.UNKNOWN_PROGRAMME, cards.CardRefusal.BAD_LIMIT}
    # Splits make cards, of which the model has no more than it began with: see test_split.
    of_splits = {
        cards.CardRefusal.BAD_PIECES, cards.CardRefusal.TOO_MANY_GENERATIONS, cards.CardRefusal.NOT_SPLITTABLE,
        cards.CardRefusal.PIECE_TOO_SMALL, cards.CardRefusal.NOT_ONE_ROOT, cards.CardRefusal.NOT_ONE_HOLDER,
    }  # fmt: skip
    # Its programmes have no documents (see test_offers).
    of_documents = {
        cards.CardRefusal.NOT_IN_FORCE, cards.CardRefusal.NOT_LAUNCHED, cards.CardRefusal.KIND_NOT_OFFERED,
        cards.CardRefusal.FUNDING_NOT_ACCEPTED, cards.CardRefusal.BASKET_MISMATCH, cards.CardRefusal.BASKET_MISSING,
        cards.CardRefusal.NOT_REPLACEABLE, cards.CardRefusal.NOT_GIVABLE, cards.CardRefusal.RECEIVER_MISSING,
        cards.CardRefusal.NOT_SELLABLE, cards.CardRefusal.DEVICE_MISSING,
    }  # fmt: skip
    # Its cards are blocked by their issuer alone: see test_restrictions.
    of_restrictions = {
        cards.CardRefusal.RESTRICTED, cards.CardRefusal.AMOUNT_RESTRICTED, cards.CardRefusal.UNKNOWN_RESTRICTION,
        cards.CardRefusal.NOT_YOURS_TO_LIFT, cards.CardRefusal.ORDER_MISSING, cards.CardRefusal.FREEZE_TOO_LONG,
        cards.CardRefusal.NO_LOSS_REPORT, cards.CardRefusal.NOTHING_LEFT, cards.CardRefusal.FROZEN_BEFORE,
        cards.CardRefusal.NOT_YOURS_TO_CONTINUE,
    }  # fmt: skip
    # No card is given there: see test_gifts.
    of_gifts = {code for code in cards.CardRefusal if "gift" in code} | {cards.CardRefusal.IDENTITY_TOO_LOW}
    # Nobody there has a PIN or a pay code: see test_pins, test_pay_codes and, at random, test_secrets.
    of_secrets = {code for code in cards.CardRefusal if "pin_" in code or "_pin" in code or "pay_code" in code}
    # It has no stock: see test_stock and test_void_sale.
    of_stock = {
        cards.CardRefusal.CARRIER_NOT_OFFERED, cards.CardRefusal.STOCK_TOO_LARGE, cards.CardRefusal.UNKNOWN_STOCK,
        cards.CardRefusal.NOT_STOCK, cards.CardRefusal.OUT_OF_ORDER, cards.CardRefusal.PLACE_MISSING,
        cards.CardRefusal.LIES_ELSEWHERE, cards.CardRefusal.NOT_SOLD, cards.CardRefusal.PAYMENT_MISSING,
        cards.CardRefusal.PAYMENT_DIFFERS, cards.CardRefusal.PAYMENT_USED, cards.CardRefusal.WARNING_UNREAD,
        cards.CardRefusal.NOT_ACTIVE_YET, cards.CardRefusal.TOO_LATE, cards.CardRefusal.CALLED_OFF,
        cards.CardRefusal.PAYMENT_REFUNDED, cards.CardRefusal.SALE_USED, cards.CardRefusal.SALE_OVER,
        cards.CardRefusal.WRITE_IT_OFF,
    }  # fmt: skip
    # Cards that expire and end: see test_lasting, test_closing, test_refund_to and test_ended.
    of_lives = {
        cards.CardRefusal.EXPIRED, cards.CardRefusal.EXPIRED_OVER, cards.CardRefusal.NOT_EXPIRED,
        cards.CardRefusal.NEVER_EXPIRES, cards.CardRefusal.NOT_RENEWABLE, cards.CardRefusal.NOT_DUE,
        cards.CardRefusal.OTHER_CARD_NEEDED, cards.CardRefusal.OTHER_KIND, cards.CardRefusal.OTHER_HOLDER,
        cards.CardRefusal.NOT_REFUNDABLE, cards.CardRefusal.PAYOUT_MISSING, cards.CardRefusal.PAYOUT_ELSEWHERE,
        cards.CardRefusal.PAYOUTS_STOPPED,
        cards.CardRefusal.REVERSAL_TOO_LATE, cards.CardRefusal.OTHER_BUYER, cards.CardRefusal.PAYER_MISSING,
    }  # fmt: skip
    others = of_programmes | of_splits | of_documents | of_restrictions | of_gifts | of_secrets | of_stock | of_lives
    assert set(cards.CardRefusal) - set(table) <= others


def test_lots_holds_and_limits_do_what_their_rules_say(machine):
    """Every verb, in batches and one by one, from several connections, some of which are lost."""
    machine.met.clear()
    # Nothing is shrunk: all is compared after each step, so that the last one shows what is wrong.
    wanted = settings(
        max_examples=8, stateful_step_count=36, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=wanted)
    accepted = Counter(dict.fromkeys(WEIGHTS, 0))
    for (verb, told), times in machine.met.items():
        if told in set(cards.ActivityType):
            accepted[verb] += times
    assert min(accepted.values()) >= 2, accepted
    assert accepted.total() >= 500
    assert len({told for _, told in machine.met if told.startswith(("cards.", "ledger."))}) >= 25
    assert sum(times for (how, told), times in machine.met.items() if how == "lost" and "not" in told) >= 3
    assert {"in order", "in another order"} <= {told for how, told in machine.met if how in ("queued", "at once")}
    report = machine.portal.call(ledger.verify, machine.database, cards.CARD_CHECKS)
    assert report.findings == []

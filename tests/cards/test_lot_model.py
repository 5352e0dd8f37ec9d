"""Cards with lots, holds and limits against a model written from their rules: after every step all of it the same."""

from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import anyio
import anyio.from_thread
import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from koudai import cards, ledger, merchants
from koudai.base import Refused, asset
from koudai.ledger import DrawOrder, Flow, FundingSource, Limit, Per, Place, Subject
from koudai.pg import Database
from tests.cards.lot_model import EPOCH, Model, name_of, seconds

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
    "new": ("plain", "bob"),
    "usd": ("abroad", None),
}
SHOPS = {"tea": "CNY", "books": "CNY", "far": "USD"}
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
        self.places, self.read, self.first_told = {}, {}, {}

    def within(self, work):
        return self.portal.call(self.database.transact, work)

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
            cards.Issue(f"c {n}", made[p].id, active=False, holder_ref=holder) for n, (p, holder) in CARDS.items()
        ]
        issued = self.within(lambda tx: cards.issue(tx, self.book, issues, self.keyring))
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

    # What stands in the database, in the words of the model

    def seen(self):
        seen = self.within(lambda tx: cards.cards_by_id(tx, self.book, list(self.ids.values())))
        return {
            name: (c.state, c.balance_minor, c.held_minor, c.available_minor, self.names.get(c.successor_id))
            for name, c in ((name, seen[card_id]) for name, card_id in self.ids.items())
        }

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

    def tills(self):
        tills = self.within(lambda tx: ledger.balances(tx, [shop.account_id for shop in self.shops.values()]))
        return {name: tills[shop.account_id] for name, shop in self.shops.items()}

    def new_entries(self, name, wanted):
        """The entries of a card since this was asked last, oldest first; there must be that many of them."""

        async def ask(tx):
            newest = (await cards.cards_by_id(tx, self.book, [self.ids[name]]))[self.ids[name]].newest
            return await cards.activities_of_card(tx, self.book, self.ids[name], newest, wanted + 1)

        entries, _ = self.within(ask)
        known = self.read.get(name)
        if known is None:
            assert len(entries) == wanted, (name, entries)
        else:
            assert [e.place for e in entries[wanted:]] == [known], (name, entries)
        if wanted:
            self.read[name] = entries[0].place
        return entries[:wanted][::-1]


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


OLD = st.integers(0, 12)
CARD = st.sampled_from([*"aaabbcddefgghhi", "new", "usd", "nobody"])
SHOP = st.sampled_from(["tea"] * 6 + ["books"] * 2 + ["far", "nowhere"])
AMOUNT = st.sampled_from([1, 2, 3, 7, 10, 10, 25, 40, 60, 99, 100, 150, 201, 333, 0, -5])
CURRENCY = st.sampled_from(["CNY"] * 12 + ["USD"])
SOURCE = st.sampled_from(["cash", "cash", "cash", "bonus", "bonus", "credit", "points", "instalment"])
WHEN = st.sampled_from([None] * 6 + [-HOUR, -5 * HOUR, -DAY, -40 * DAY, 90, DAY])
DEVICE = st.sampled_from([None, None, "pos-1", "pos-2"])
UNTIL = st.sampled_from([None] * 4 + [HOUR, DAY, DAY, 3 * DAY, 40 * DAY])
FLAG = st.sampled_from([None, None, None, True, False])
PEOPLE = st.sampled_from([None, None, "pat", "sam"])


def with_some(required, **optional):
    return st.fixed_dictionaries(required, optional=optional)


FLOW = {"card": CARD, "amount": AMOUNT, "asset": CURRENCY}
FIELDS = {
    "activate": with_some({"card": CARD}),
    "block": with_some({"card": CARD}),
    "unblock": with_some({"card": CARD}),
    "load": with_some({**FLOW, "source": SOURCE}, expires_at=UNTIL, payer=PEOPLE, refund_to=PEOPLE, may_pass=FLAG,
                      may_sell=FLAG, may_refund=FLAG, event_at=WHEN, device=DEVICE),
    "redeem": with_some({**FLOW, "shop": SHOP, "partial": st.booleans()}, event_at=WHEN, device=DEVICE),
    "authorise": with_some(
        {**FLOW, "shop": SHOP, "partial": st.booleans(), "ttl_s": st.sampled_from([60, HOUR, DAY, DAY, 9 * DAY, 0])},
        event_at=WHEN, device=DEVICE, group=st.sampled_from([None, None, "g1", "g2", "g3"])),
    "capture": with_some({"hold": OLD, "final": st.booleans()}, amount=AMOUNT, event_at=WHEN),
    "void": with_some({"hold": OLD}),
    "refund": with_some({"amount": AMOUNT, "asset": CURRENCY, "redemption": OLD}, event_at=WHEN),
    "refund ": with_some({**FLOW, "shop": SHOP}),
    "reverse": with_some({"redemption": OLD}),
    "reverse ": with_some({"redemption_key": OLD}),
}  # fmt: skip
WEIGHTS = {"load": 5, "redeem": 4, "authorise": 4, "capture": 4, "void": 1, "refund": 2, "refund ": 2, "unblock": 2}
COMMAND = st.one_of(
    *(st.tuples(st.just(verb), fields) for verb, fields in FIELDS.items() for _ in range(WEIGHTS.get(verb, 1))),
    st.tuples(st.just("repeat"), OLD),
)
KEY = st.sampled_from([None] * 12 + [1, 3, "ahead"])


class LotMachine(RuleBasedStateMachine):
    """Batches of any commands, run by the cards verb and by the model; then everything is compared."""

    database: Database
    portal: anyio.from_thread.BlockingPortal
    reader = None
    keyring = None
    books = count(1)
    met: Counter[tuple[str, str]] = Counter()

    @initialize()
    def open_shop(self):
        self.shop = Shop(self.portal, self.database, self.reader, self.keyring, next(self.books))
        self.shop.open()
        self.model = Model(PROGRAMMES, CARDS, SHOPS, START)
        self.sent, self.keys, self.compared = [], 0, -1
        active = [("activate", {"card": name}) for name in CARDS if name != "new"]
        money = [("load", {"card": name, "amount": 100, "asset": "USD" if name == "usd" else "CNY", "source": source})
                 for name in CARDS if name != "new" for source in ("cash", "bonus")]  # fmt: skip
        self.step([(self.fresh(), verb, fields) for verb, fields in active + money])

    def fresh(self):
        self.keys += 1
        return f"k{self.keys}"

    def meant(self, key, verb, fields):
        """Numbers stand for what was done before, 0 for the newest; times are from now on."""
        if verb == "repeat":
            return self.sent[-1 - fields % len(self.sent)]
        if isinstance(key, int):
            key = self.sent[-key][0]
        key = f"k{self.keys + 3}" if key == "ahead" else key or self.fresh()
        fields, model = dict(fields), self.model

        def nth(numbers, n):
            return numbers[-1 - n] if n < len(numbers) else -1

        for field, value in fields.items():
            match field, value:
                case ("hold" | "corrects" | "redemption" | "redemption_key"), None:
                    pass
                case "hold", n:
                    still = [h.entry for h in model.holds if h.state == "OPEN"]
                    fields[field] = nth(still or [h.entry for h in model.holds], n // 2 if n < 10 else n - 10)
                case "redemption", n:
                    fields[field] = nth(sorted(model.payments), n)
                case "redemption_key", n:
                    paid = [p.key for _, p in sorted(model.payments.items())]
                    fields[field] = paid[-1 - n] if n < len(paid) else f"k{self.keys + 2}"
                case ("event_at" | "expires_at"), int(later):
                    fields[field] = model.now + timedelta(seconds=later)
        return key, verb.strip(), {k: v for k, v in fields.items() if v is not None}

    @rule(
        wishes=st.lists(st.tuples(KEY, COMMAND), min_size=1, max_size=8), by_number=st.booleans(), split=st.booleans()
    )
    def batch(self, wishes, by_number, split):
        commands = [self.meant(key, *wish) for key, wish in wishes]
        for part in [[c] for c in commands] if split else [commands]:
            self.step(part, by_number=by_number)

    @rule(later=st.sampled_from([1, 60, 400, HOUR, HOUR, 6 * HOUR, DAY, 2 * DAY, 32 * DAY]))
    def wait(self, later):
        self.model.now += timedelta(seconds=later)
        now = self.shop.within(lambda tx: ledger.advance_clock(tx, self.shop.book, self.model.now))
        assert now == self.model.now
        self.compare()

    def step(self, commands, *, by_number=False):
        sent = [self.shop.command(*command, by_number) for command in commands]
        expected = self.model.batch(commands)
        outcomes = self.shop.within(lambda tx: cards.run(tx, self.shop.book, sent))
        self.judge(commands, expected, outcomes)
        self.compare()

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
            assert self.shop.places.setdefault(entry.number, outcome.place) == outcome.place, command
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

    def compare(self):
        shop, model = self.shop, self.model
        for name, card in model.cards.items():
            new = [number for number in card.entries if number > self.compared]
            for number, told in zip(new, shop.new_entries(name, len(new)), strict=True):
                assert shop.places.setdefault(number, told.place) == told.place
                self.same_entry(model.entries[number], told)
        self.compared = len(model.entries) - 1
        assert shop.seen() == {
            name: (c.state, model.booked(name), model.held(name), model.shown_available(name), c.successor)
            for name, c in model.cards.items()
        }
        assert shop.lots() == told_lots(model)
        assert shop.holds() == told_holds(model, shop.places)
        assert shop.tills() == model.till
        self.compare_counters()

    def compare_counters(self):
        found = self.shop.counters()
        print(found)


@contextmanager
def machine_on(site, keyring):
    with (
        site.superuser() as reader,
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(Database(site.target)) as database,
    ):
        own = {"database": database, "portal": portal, "reader": reader, "keyring": keyring, "met": Counter()}
        yield type("Machine", (LotMachine,), own)


@pytest.mark.parametrize("major", [18])
def test_lots_holds_and_limits_do_what_their_rules_say(site, keyring):
    with machine_on(site, keyring) as machine:
        wanted = settings(
            max_examples=12, stateful_step_count=40, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), print_blob=True,
        )  # fmt: skip
        run_state_machine_as_test(machine, settings=wanted)
        print(machine.met)

"""A book of the product's in which the same happens as in card_model, told in that one's words."""

from datetime import UTC, datetime

from koudai import cards, holders, ledger, merchants
from koudai.base import Refused, asset
from koudai.identity import Suite, Vault
from koudai.ledger import DrawOrder, FundingSource
from koudai.programmes import Line, PutVersion, Version
from tests.cards.documented import FUNDED, PLAY
from tests.cards.test_lot_model import NEVER, NOBODY, NOWHERE, Shop
from tests.holders.conftest import FrontDesk
from tests.programmes.drafts import text_of

START = datetime(2024, 5, 1, 4, tzinfo=UTC)
GOODS = {"classes": ["tea", "coffee"], "skus": ["mug"], "no_classes": ["spirits"], "no_skus": ["tea-gold"]}
NO_SPLIT_LIMITS = {"max_pieces": None, "max_generations": 10, "min_minor": 1}
BY_DEFAULT = {"days": 7, "named": False, "identity": "anonymous"}


def says(*, documented=True, **more):
    """What a programme says of its cards; without a document nothing is bounded but by its caps."""
    usual = {
        "documented": documented, "kinds": ("registered", "bearer"), "class": "single_purpose", "fee": 0,
        "max_balance": None, "max_load": None, "order": "bonus_first", "goods": None,
        "unfunded": ("credit", "instalment") if documented else (), "scenarios": ("dining",) if documented else (),
        "split": None if documented else NO_SPLIT_LIMITS, "gift": None if documented else BY_DEFAULT,
        "sellable": False,
    }  # fmt: skip
    return {**usual, **more}


PROGRAMMES = {
    "plain": says(documented=False),
    "capped": says(documented=False, max_balance=300, max_load=200, order="in_proportion"),
    "tea": says(
        max_balance=500, order="paid_first", fee=3, goods=GOODS, scenarios=("dining", "groceries"),
        split={"max_pieces": 6, "max_generations": 2, "min_minor": 5},
        gift={"days": 3, "named": False, "identity": "registered"},
    ),
    "named": says(
        kinds=("registered",), order="in_proportion", gift={"days": 5, "named": True, "identity": "verified"},
        split={"max_pieces": 4, "max_generations": 1, "min_minor": 1},
    ),
    "multi": says(**{"class": "multi_purpose"}, gift={"days": 2, "named": False, "identity": "anonymous"}),
}  # fmt: skip
SHOPS = {
    "teahouse": {"asset": "CNY", "scenario": "dining"},
    "grocer": {"asset": "CNY", "scenario": "groceries"},
    "far": {"asset": "USD", "scenario": "dining"},
}
LEVELS = {"ann": "registered", "bob": "anonymous", "cai": "verified", "dan": "registered"}


def document_of(told, prefix):
    """The document of a programme that says so."""
    caps = {"max_balance_minor": told["max_balance"]} if told["max_balance"] else {}
    changes = {"class": told["class"], **PLAY, "number_prefix": prefix, "funding": FUNDED, "draw_order": told["order"],
               "kinds": {"registered": None, **{kind: dict(caps) for kind in told["kinds"]}},
               "scenarios": dict.fromkeys(told["scenarios"], "restaurant")}  # fmt: skip
    if told["fee"]:
        changes["fees"] = {"replacement_minor": told["fee"]}
    if told["split"]:
        changes["split"] = told["split"]
    if told["gift"]:
        gift = told["gift"]
        changes["gift"] = {"claim_days": gift["days"], "identity": gift["identity"],
                           "to": "named" if gift["named"] else "anybody"}  # fmt: skip
    if told["goods"]:
        goods = told["goods"]
        changes["accepts"] = {"goods": {"classes": goods["classes"], "skus": goods["skus"]},
                              "excluded": {"classes": goods["no_classes"], "skus": goods["no_skus"]}}  # fmt: skip
    return text_of(effective_on="2020-01-01", **changes)


class CardShop(Shop):
    """The book, and the real ids and places of what has names."""

    def __init__(self, portal, database, reader, keyring, book):
        super().__init__(portal, database, reader, keyring, book)
        self.ids, self.names, self.hashes, self.tokens = {}, {}, {}, {}
        self.vault = Vault(keyring, Suite.AES)

    def learn(self, outcomes):
        return outcomes

    def open(self):
        desk = FrontDesk(self.database, self.keyring, self.book)
        self.until(START)
        wishes = [
            cards.CreateProgramme(f"p {name}", name, asset("CNY"), f"90000{n}", p["max_balance"], p["max_load"],
                                  DrawOrder(p["order"]))
            for n, (name, p) in enumerate(PROGRAMMES.items())
        ]  # fmt: skip
        made = self.within(lambda tx: cards.create_programmes(tx, self.book, wishes))
        self.programmes = {name: one.id for name, one in zip(PROGRAMMES, made, strict=True)}
        versions = [
            PutVersion(f"v {name}", self.programmes[name], document_of(p, f"90000{n}"), "Li Na")
            for n, (name, p) in enumerate(PROGRAMMES.items())
            if p["documented"]
        ]
        put = self.within(lambda tx: cards.put_versions(tx, self.book, versions))
        assert all(isinstance(one, Version) for one in put), put
        shops = [
            merchants.Register(f"m {name}", name, asset(s["asset"]), scenario=merchants.Scenario(s["scenario"]))
            for name, s in SHOPS.items()
        ]
        self.shops = dict(zip(SHOPS, self.within(lambda tx: merchants.register(tx, self.book, shops)), strict=True))
        people = [desk.person(phone="13800138000") if level == "anonymous" else desk.whole_person(str(200 + n))
                  for n, level in enumerate(LEVELS.values())]  # fmt: skip
        known = self.within(lambda tx: holders.run(tx, self.book, people, desk.vault))
        for one, level in zip(known, LEVELS.values(), strict=True):
            if level == "verified":
                self.portal.call(desk.ascertain, one)
        self.refs = {name: one.ref for name, one in zip(LEVELS, known, strict=True)}
        self.people = {ref: name for name, ref in self.refs.items()}

    def until(self, moment):
        self.now = moment
        self.within(lambda tx: ledger.advance_clock(tx, self.book, moment))

    def sweep(self):
        return self.within(lambda tx: cards.return_due_gifts(tx, self.book))

    # Commands of the model as those of the product

    VERBS = {  # noqa: RUF012  read only
        "give": cards.GiveGift, "claim": cards.ClaimGift, "withdraw": cards.WithdrawGift,
        "spend_split": cards.SpendSplit, "report_loss": cards.ReportLoss,
    }  # fmt: skip
    ASKED = {  # noqa: RUF012  read only
        "replace": {"reason": cards.ReplaceReason.LOST}, "restrict": {"made_by": "wu"}, "lift": {"made_by": "wu"},
        "report_loss": {"made_by": "wu"}, "reverse": {"made_by": "wu"},
    }  # fmt: skip

    def command(self, key, verb, fields, by_number=False):
        said = {"key": key, **self.ASKED.get(verb, {})}
        if verb in ("load", "redeem", "authorise", "refund", "split", "spend_split", "transfer", "restrict"):
            said["asset"] = fields.get("asset", "CNY")
        if fields.get("document"):
            said["authority"] = "People's Court"
        for field, value in fields.items():
            said |= self.field(field, value, by_number=by_number)
        if verb == "claim":
            token = said.pop("token")
            right = token == "right" and self.tokens.get(fields["gift"])
            said["token_hash"] = cards.token_hash(self.keyring, right or token)
        return self.VERBS.get(verb, getattr(cards, verb.capitalize(), None))(**said)

    def field(self, field, value, *, by_number):
        """A field of the model's as one of the product's."""
        places = {"redemption", "hold", "gift", "restriction"}
        if field in {"card", "to_card"}:
            return {field: (self.hashes if by_number else self.ids).get(value, NOBODY)}
        if field in places:
            return {field: self.places.get(value, NEVER)}
        told = {
            "shop": ("merchant_id", lambda: self.shops[value].id if value in self.shops else NOWHERE),
            "amount": ("amount_minor", lambda: value),
            "programme": ("programme_id", lambda: self.programmes[value]),
            "holder": ("holder_ref", lambda: self.refs.get(value, value)),
            "to": ("to_ref", lambda: self.refs[value]),
            "lines": ("lines", lambda: tuple(Line(*line) for line in value)),
            "greeting": ("words", lambda: cards.Words(value)),
            "source": ("source", lambda: FundingSource(value)),
            "kind": ("kind", lambda: cards.RestrictionKind(value)),
            "purpose": ("purpose", lambda: cards.Purpose(value)),
        }  # fmt: skip
        name, made = told.get(field, (field, lambda: value))
        return {name: made()}

    # Outcomes in the model's words

    def tell(self, key, outcome):
        if isinstance(outcome, Refused):
            return ("no", str(outcome.code), outcome.facts)
        if isinstance(outcome, cards.Issued):
            (card,) = self.lineage([outcome])
            return ("yes", "ISSUE", card[0], 0, 0, 0, {"cards": (card,)})
        more = {}
        if isinstance(outcome, cards.Minted):
            more["cards"] = self.lineage(outcome.cards)
        if isinstance(outcome, cards.Given):
            more["until"] = outcome.gift.claim_until
            self.tokens.setdefault(key, outcome.token)
        entry = outcome if isinstance(outcome, cards.Activity) else outcome.activity
        if entry.lines:
            more["lines"] = tuple((line.paid_minor, line.reason) for line in entry.lines)
        if entry.remaining_minor:
            more["rest"] = entry.remaining_minor
        assert self.places.setdefault(key, entry.place) == entry.place, "a key has one answer"
        return ("yes", str(entry.type), self.names[entry.card_id], entry.amount_minor, entry.balance_minor,
                entry.held_minor, more)  # fmt: skip

    def christen(self, key, outcome):
        """Name the cards that a command made."""
        made = outcome.cards if isinstance(outcome, cards.Minted) else [outcome] * isinstance(outcome, cards.Issued)
        for n, one in enumerate(made):
            name = f"{key}.{n}"
            assert self.ids.setdefault(name, one.card.id) == one.card.id, "a key made one card"
            self.names[one.card.id] = name
            if one.number is not None:
                self.hashes[name] = self.keyring.lookup_hash(one.number)

    def lineage(self, made):
        """Of each card that was made, where it comes from and who holds it."""
        return tuple((self.names[c.id], self.names[c.root_id], self.names.get(c.parent_id), c.generation,
                      self.people.get(c.holder_ref)) for c in (one.card for one in made))  # fmt: skip

    # What stands in the database

    def seen(self, gifts):
        """All of it, as `Model.shown` tells it; the places of restrictions are learnt by the way."""

        async def ask(tx):
            return (
                await cards.cards_by_id(tx, self.book, list(self.ids.values())),
                await cards.find_gifts(tx, self.book, [self.places[name] for name in gifts], self.vault),
                await ledger.balances(tx, [shop.account_id for shop in self.shops.values()]),
            )

        seen, given, tills = self.within(ask)
        count = "SELECT count(*) FROM cards.cards WHERE book = %s"
        assert self.reader.execute(count, (self.book,)).fetchone()[0] == len(seen) == len(self.ids)
        named = {self.names[c.id]: c for c in seen.values()}
        return {
            "cards": {
                name: (str(c.state), c.balance_minor, c.available_minor, self.names[c.root_id],
                       self.names.get(c.parent_id), c.generation, self.names.get(c.successor_id),
                       self.people.get(c.holder_ref))
                for name, c in named.items()
            },
            "lots": self.lots(),
            "tills": {name: tills[shop.account_id] for name, shop in self.shops.items()},
            "gifts": {name: str(given[self.places[name]].state) for name in gifts},
            "restrictions": {name: [one[1:] for one in queue] for name, queue in self.restrictions().items()},
            "history": self.history(),
        }  # fmt: skip

    def lots(self):
        """Live lots of each card: the load that they come from, what they are told apart by, and what they hold."""
        rows = self.reader.execute(
            "SELECT a.id, l.funded_batch_id, l.funded_ordinal, l.source, l.payer, l.may_pass, l.may_sell, l.may_refund,"
            " l.expires_at, (l.funded_at AT TIME ZONE 'Asia/Shanghai')::date, a.lots[i + 1], l.account_id"
            " FROM ledger.accounts a CROSS JOIN generate_series(1, cardinality(a.lots), 6) i"
            " JOIN ledger.lots l ON l.id = a.lots[i] WHERE a.book = %s", (self.book,),
        ).fetchall()  # fmt: skip
        loads = {place: key for key, place in self.places.items()}
        live = {name: [] for name in self.ids}
        for card_id, batch_id, ordinal, *strain, minor, account_id in rows:
            assert account_id == card_id
            strain[-2] = strain[-2] and strain[-2].astimezone(UTC)
            live[self.names[card_id]].append((loads[batch_id, ordinal], *map(str, strain), minor))
        return {name: sorted(found) for name, found in live.items()}

    def restrictions(self):
        """The open restrictions of each card, by their queue: place, kind, amount, until."""
        rows = self.reader.execute(
            "SELECT r.card_id, r.batch_id, r.ordinal, r.kind::text, r.amount_minor, r.until_at FROM cards.restrictions r"
            " JOIN cards.cards c ON c.id = r.card_id WHERE c.book = %s AND r.ended_batch_id IS NULL"
            " AND coalesce(r.until_at > %s, true) ORDER BY r.batch_id, r.ordinal", (self.book, self.now),
        ).fetchall()  # fmt: skip
        found = {}
        for card_id, batch_id, ordinal, kind, amount, until in rows:
            queue = found.setdefault(self.names[card_id], [])
            queue.append(((batch_id, ordinal), kind, amount, until and until.astimezone(UTC)))
        return found

    def history(self):
        """Each card's entries, without those by which time ends something: when they are made is nobody's promise."""
        rows = self.reader.execute(
            "SELECT a.card_id, a.type::text, a.amount_minor, a.balance_minor FROM cards.activities a"
            " JOIN cards.cards c ON c.id = a.card_id WHERE c.book = %s AND a.type NOT IN ('RELEASE', 'LAPSE')"
            " ORDER BY a.batch_id, a.ordinal", (self.book,),
        ).fetchall()  # fmt: skip
        found = {}
        for card_id, *entry in rows:
            found.setdefault(self.names[card_id], []).append(tuple(entry))
        return found

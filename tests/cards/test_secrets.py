"""PINs and pay codes together, at random: however commands are cut into batches, they end alike."""

import random
from collections import Counter as Tally

import pytest

from koudai import cards
from koudai.base import Refused
from koudai.cards import MakePayCode, pay_code_of, pin_of
from tests.cards.conftest import Counter

PINS = ("274916", "805263", "190482")
VERBS = ("pay", "pay", "pay", "hold", "code", "code", "set", "change", "reset", "block", "unblock", "load", "split")


class Side:
    """A book with two cards, each with a dead code and a live one."""

    def __init__(self, db, keyring, book):
        self.counter = Counter(db, keyring, book)

    async def open(self):
        counter = self.counter
        programme, self.shop = await counter.programme(), await counter.merchant()
        self.cards = [await counter.card(programme, 60) for _ in range(2)]
        self.codes = []
        for card in self.cards:
            wishes = [MakePayCode(card)] * 2
            made = await counter.within(
                lambda tx, w=wishes: cards.make_pay_codes(tx, counter.book, w, counter.keyring)
            )  # fmt: skip
            self.codes += [pay_code_of(counter.keyring, one.code) for one in made]
        return self

    def command(self, verb, key, which, code, old, new, device, amount):
        """What was drawn, as a command on this side."""
        card, of = self.cards[which], {"key": key}
        pins = {"pin": pin_of(self.counter.keyring, new)}
        paid = {"merchant_id": self.shop.id, "amount_minor": amount, "asset": "CNY"}
        match verb:
            case "pay":
                return cards.Redeem(card=card, device=device, **of, **paid, **(pins if old else {}))
            case "hold":
                return cards.Authorise(card=card, device=device, **of, **paid, **pins)
            case "code":
                return cards.Redeem(card=self.codes[code], **of, **paid)
            case "set":
                return cards.SetPin(card=card, **of, **pins)
            case "change":
                old_pin = pin_of(self.counter.keyring, old or new)
                return cards.ChangePin(card=card, old_pin=old_pin, device=device, **of, **pins)
            case "reset":
                return cards.ResetPin(card=card, **of)
            case "split":
                return cards.Split(card=card, pieces=(1,), asset="CNY", **of)
            case "load":
                return self.counter.load(card, amount, key=key)
        return {"block": cards.Block, "unblock": cards.Unblock}[verb](card=card, **of)

    async def run(self, commands, cuts):
        """How each ended, cut into batches."""
        outcomes = []
        for begin, end in zip([0, *cuts], [*cuts, len(commands)], strict=True):
            some = commands[begin:end]
            outcomes += await self.counter.within(
                lambda tx, some=some: cards.run(tx, self.counter.book, some, self.counter.keyring)
            )  # fmt: skip
        return [ended(one) for one in outcomes]

    def kept(self, site):
        """What stands in the tables, without ids and times."""
        book = self.counter.book
        return (
            site.ask(
                "SELECT c.state::text, c.has_pin, p.tries, p.locked_at IS NULL, p.made_for = c.id FROM cards.cards c"
                " LEFT JOIN cards.pins p ON p.card_id = c.id WHERE c.book = %s ORDER BY c.id", book,
            ),
            site.ask("SELECT device, tries, locked_until IS NULL FROM cards.pin_devices WHERE book = %s ORDER BY 1", book),
            [
                site.ask("SELECT batch_id IS NULL, killed_at IS NULL FROM cards.pay_codes WHERE code_hash = %s", bytes(code))
                for code in self.codes
            ],
        )  # fmt: skip


def ended(outcome):
    if isinstance(outcome, Refused):
        return outcome.code, {name: fact for name, fact in outcome.facts.items() if not name.endswith("_at")}
    if isinstance(outcome, cards.Minted):
        outcome = outcome.activity
    return outcome.type, outcome.balance_minor, outcome.held_minor


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("major", [18])
async def test_batches_end_as_their_commands_one_by_one(db, keyring, site, seed):
    rng = random.Random(seed)
    drawn = [
        (
            rng.choice(VERBS), f"k{n if rng.random() < 0.9 else rng.randrange(n + 1)}", rng.randrange(2), rng.randrange(4),
            rng.choice([*PINS, None]), rng.choice(PINS[:2]), rng.choice(["till", "app", None]), rng.randrange(1, 9),
        )
        for n in range(60)
    ]  # fmt: skip
    single, batched = [await Side(db, keyring, book).open() for book in (1, 2)]
    alone = await single.run([single.command(*one) for one in drawn], list(range(1, 60)))
    cuts = sorted(rng.sample(range(1, 60), 6))
    assert await batched.run([batched.command(*one) for one in drawn], cuts) == alone
    assert single.kept(site) == batched.kept(site)
    assert len(Tally(one[0] for one in alone)) > 5, "much happened"
    await single.counter.verify()


async def test_who_is_issued_anew_keeps_the_pin_and_no_code(db, keyring, site):
    side = await Side(db, keyring, 1).open()
    counter, (card, other) = side.counter, side.cards
    await counter.do(*(cards.SetPin(key=f"s{one}", card=one, pin=pin_of(keyring, PINS[0])) for one in (card, other)))
    wish = cards.Replace(key="new", card=card, reason="lost")
    (made,) = await counter.within(lambda tx: cards.run(tx, counter.book, [wish], keyring))
    new = made.cards[0].card.id
    assert site.ask("SELECT card_id, made_for FROM cards.pins ORDER BY 1") == [(other, other), (new, card)]
    assert site.ask("SELECT id FROM cards.cards WHERE has_pin ORDER BY 1") == [(other,), (new,)]
    assert site.ask("SELECT card_id FROM cards.pay_codes WHERE batch_id IS NULL AND killed_at IS NULL") == [(other,)]
    again = cards.SetPin(key="again", card=card, pin=pin_of(keyring, PINS[0]))
    assert (await counter.no(again)).code == "cards.replaced"

"""Cards that are split, given, restricted and replaced, against a model written from their rules; alone and in races.

After every batch what was answered and all that there is are compared. What several connections send at the same time
has to end as the model says that it does in one of the orders in which their batches may have come.
"""

from collections import Counter
from datetime import timedelta
from itertools import chain, count, permutations

import anyio.from_thread
import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from koudai import cards, ledger
from koudai.pg import Database
from tests.cards.card_asker import DAY, HOUR, WEIGHTS, Asker
from tests.cards.card_contests import CONTESTS, Contests
from tests.cards.card_model import Model
from tests.cards.card_shop import LEVELS, PROGRAMMES, SHOPS, START, CardShop
from tests.cards.test_lot_model import CONNECTIONS, SEED


def agrees(answer, told):
    """Whether an outcome is what the model says; of a refusal's facts the model knows some."""
    if answer[0] == "no" and told[0] == "no":
        return answer[1] == told[1] and answer[2].items() <= told[2].items()
    return answer == told


class CardMachine(RuleBasedStateMachine):
    """Batches of any commands, run by the product and by the model."""

    database: Database
    portal: anyio.from_thread.BlockingPortal
    reader = None
    keyring = None
    books = count(1)
    met: Counter[tuple[str, str]] = Counter()  # noqa: RUF012  gathered over all runs

    @initialize()
    def open_shop(self):
        self.shop = CardShop(self.portal, self.database, self.reader, self.keyring, next(self.books))
        self.shop.open()
        self.model = Model(PROGRAMMES, SHOPS, LEVELS, START)
        self.sent, self.keys = [], 0
        holders = {
            "plain": ("ann", None),
            "capped": ("bob", None),
            "tea": ("ann", None),
            "named": ("ann",),
            "multi": (None, "dan"),
        }
        issues = [
            {"programme": name, "holder": holder, "active": True} for name, who in holders.items() for holder in who
        ]
        made = [Asker(0, self).exactly("issue", **said) for said in issues]
        self.step(made)
        soon = {"cash": {}, "bonus": {"expires_at": START + timedelta(hours=2)}}
        money = [
            {"card": f"{key}.0", "amount": 100, "source": source, **more}
            for key, *_ in made
            for source, more in soon.items()
        ]
        self.step([(self.fresh(), "load", said) for said in money])

    def fresh(self):
        self.keys += 1
        return f"k{self.keys}"

    # One after the other

    @rule(seeds=st.lists(SEED, min_size=2, max_size=10), by_number=st.booleans())
    def batch(self, seeds, by_number):
        self.step([Asker(seed, self).command() for seed in seeds], by_number=by_number)

    @rule(later=st.sampled_from([1, 60, 60, HOUR, HOUR, 6 * HOUR, DAY, 2 * DAY, 4 * DAY]), swept=st.booleans())
    def wait(self, later, swept):
        self.model.until(self.model.now + timedelta(seconds=later))
        self.shop.until(self.model.now)
        self.compare()
        if swept:
            assert self.shop.sweep() == self.model.sweep()
            self.compare()

    def step(self, commands, *, by_number=False):
        sent = [self.shop.command(*command, by_number) for command in commands]
        expected = self.model.batch(commands)
        (told,) = self.told([commands], [self.shop.run(sent)])
        for command, answer, outcome in zip(commands, expected, told, strict=True):
            assert agrees(answer, outcome), (command, answer, outcome)
        self.compare()

    def told(self, batches, outcomes):
        """The outcomes of each batch in the model's words; any of them may speak of cards that another one made."""
        pairs = [list(zip(*both, strict=True)) for both in zip(batches, outcomes, strict=True)]
        for (key, _, _), outcome in chain(*pairs):
            self.shop.christen(key, outcome)
        told = [[self.shop.tell(command[0], outcome) for command, outcome in pair] for pair in pairs]
        self.sent += chain(*batches)
        self.met.update((command[1], answer[1]) for command, answer in zip(chain(*batches), chain(*told), strict=True))
        return told

    def compare(self):
        expected, seen = self.model.shown(), self.shop.seen(self.model.gifts)
        for what, wanted in expected.items():
            assert seen[what] == wanted, what
        self.know_restrictions()

    def know_restrictions(self):
        """Learn where restrictions stand that went along to another card."""
        for name, queue in self.shop.restrictions().items():
            for (place, *_), known in zip(queue, self.model.cards[name].stack, strict=True):
                assert self.shop.places.setdefault(known.name, place) == place

    # At the same time

    def prepare(self, command):
        """Do something before a contest, and compare; its key."""
        self.step([command])
        return command[0]

    @rule(contest=st.sampled_from(CONTESTS), seed=SEED, queued=st.booleans(), cut=st.sampled_from([None] * 6 + [0.002]))
    def contest(self, contest, seed, queued, cut):
        batches = self.rivals(contest, seed)
        self.race(contest, batches, queued=queued, cut=None if queued else cut)

    def rivals(self, contest, seed):
        """The batches of who wants the same, in any order."""
        ask = Asker(seed, self)
        rivals = getattr(Contests(ask, self.prepare), contest)()
        batches = [rival if isinstance(rival, list) else [rival] for rival in rivals]
        ask.rng.shuffle(batches)
        return batches

    def race(self, contest, batches, *, queued, cut=None):
        """Batches at the same time end as they do in one of their orders, whose model is gone on from.

        All orders in which they may have come are answered. Where they are `queued`, the first batch commits when the
        others wait for what it has locked.
        """
        sent = [[self.shop.command(*command) for command in commands] for commands in batches]
        outcomes = self.shop.at_once(sent, cut=cut, queued=queued)
        told = self.told(batches, outcomes)
        fitting, orders = [], list(permutations(range(len(batches))))
        for order in orders:
            model = self.model.copy()
            expected = {number: model.batch(batches[number]) for number in order}
            if all(agrees(*both) for n, batch in enumerate(told) for both in zip(expected[n], batch, strict=True)):
                fitting.append((order, model))
        assert fitting, ("no order of these ends so", contest, batches, told)
        seen = self.shop.seen(fitting[0][1].gifts)
        ended = [(order, model) for order, model in fitting if model.shown() == seen]
        assert ended, ("what there is comes of no order", contest, batches, told, fitting[0][1].shown(), seen)
        came = [order for order, _ in ended]
        firsts = {batches[order[0]][0][1] for order in came}
        self.met["first", f"{contest}: {firsts.pop() if len(firsts) == 1 else 'one of them'}"] += 1
        self.met["raced", "told apart" if len(came) < len(orders) else "whoever is first"] += 1
        self.model = ended[0][1]
        self.know_restrictions()
        return came


@pytest.fixture(scope="module")
def machine(servers, keyring):
    server = servers(18)
    with (
        server.database(server.template) as name,
        server.superuser(name) as reader,
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(Database(server.target(name), max_size=CONNECTIONS)) as database,
    ):
        own = {"database": database, "portal": portal, "reader": reader, "keyring": keyring, "met": Counter()}
        yield type("Machine", (CardMachine,), own)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("contest", [name for name in CONTESTS if name != "anything"])
def test_who_waits_for_another_one_comes_after_it(machine, contest, seed):
    """Each rival is the first once, in a book of its own: it commits when the others wait for it."""
    for first in range(2):
        table = machine()
        table.open_shop()
        batches = table.rivals(contest, seed)
        came = table.race(contest, [batches[first], *batches[:first], *batches[first + 1 :]], queued=True)
        assert {0} <= {order[0] for order in came}, (came, batches)


SEVERAL = {
    "capture_against_void",
    "split_against_block",
    "a_freeze_in_the_middle",
    "what_comes_back_meets_who_goes_away",
}


def test_cards_do_what_their_rules_say_alone_and_in_races(machine):
    machine.met.clear()
    # Nothing is shrunk: all is compared after each step, so that the last one shows what is wrong.
    wanted = settings(
        max_examples=16, stateful_step_count=50, deadline=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=wanted)
    accepted = Counter(dict.fromkeys(WEIGHTS, 0))
    for (verb, told), times in machine.met.items():
        accepted[verb] += times if told == "ISSUE" or told in set(cards.ActivityType) else 0
    assert min(accepted[verb] for verb in WEIGHTS) >= 1, accepted
    assert accepted.total() >= 500
    assert len({told for _, told in machine.met if told.startswith(("cards.", "ledger.", "programmes."))}) >= 45
    for contest in CONTESTS:
        firsts = {told for how, told in machine.met if how == "first" and told.startswith(contest)}
        assert len(firsts) >= 1 + (contest in SEVERAL), firsts
    report = machine.portal.call(ledger.verify, machine.database, cards.CARD_CHECKS)
    assert report.findings == []

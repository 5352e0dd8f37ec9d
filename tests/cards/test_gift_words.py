"""What a giver writes is his: sealed under the vault, told to himself, erased when he asks, and kept no longer than needed."""

import asyncio
from datetime import timedelta

import pytest

from koudai import cards, holders, identity, ledger, privacy
from koudai.base import Fault, Refused
from koudai.cards import GiftState, Words
from koudai.cards.gifts import reseal
from koudai.cards.gifts.verify import word_checks
from koudai.identity import Suite, Vault, load_keyring
from koudai.instance import ROOMS
from koudai.pg import Database, migrate
from tests.cards.conftest import Counter
from tests.cards.gifts import WORDS, GiftTable
from tests.conftest import NOON
from tests.holders.conftest import FrontDesk

pytestmark = pytest.mark.anyio

SECRETS = ("生日快乐", "birthday", "Grandma")
SEALED = "SELECT key, get_byte(sealed, 1), sealed FROM cards.gift_words"


@pytest.fixture
def table(counter):
    return GiftTable(counter)


@pytest.fixture
async def front(counter):
    """The front desk of the counter's book, at noon."""
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, NOON))
    return FrontDesk(counter.db, counter.keyring, counter.book)


@pytest.fixture
async def path(db, tmp_path):
    """The file of a keyring that this database is written with."""
    path = tmp_path / "keyring.json"
    await db.transact(lambda tx: load_keyring(tx, path))
    return path


async def counter_of(db, path, suite=Suite.AES):
    """The counter of a server that starts now."""
    return Counter(db, await db.transact(lambda tx: load_keyring(tx, path)), suite=suite)


async def gift(counter, given):
    place = given.gift.place
    return (await counter.within(lambda tx: cards.find_gifts(tx, counter.book, [place], counter.vault)))[place]


async def exported(counter, ref):
    return await counter.within(lambda tx: privacy.export(tx, counter.book, ref, counter.vault, exported_to="li"))


async def erase(counter, ref, *, ended_at=None, key=None):
    wish = holders.Erase(key or counter.key(), ref, holders.duties(licensed=False), ended_at)
    return await counter.within(lambda tx: privacy.erase(tx, counter.book, wish, counter.vault))


async def verify(counter):
    checks = (*cards.CARD_CHECKS, *word_checks(counter.vault), *holders.holder_checks(counter.vault))
    assert (await ledger.verify(counter.db, checks)).findings == []


def dump(site):
    """Every row of every table, as text."""
    tables = site.ask(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    assert ("cards", "gift_words") in tables
    return "\n".join(
        str(row) for schema, name in tables for row in site.ask(f'SELECT t::text FROM "{schema}"."{name}" AS t')
    )


def age(site, minutes):
    """Let minutes of the machine's time pass."""
    site.change(f"UPDATE ledger.batches SET recorded_at = recorded_at - interval '{minutes} minutes'")


# Under the vault


@pytest.mark.parametrize("suite", Suite)
async def test_words_are_sealed_under_the_present_key_of_the_vault(db, path, site, caplog, suite):
    caplog.set_level("DEBUG")
    counter = await counter_of(db, path, suite)
    table = GiftTable(counter)
    given = await table.given(await counter.card(await counter.programme(), 10))
    silent = await table.given(await counter.card(await counter.programme(), 10), words=None)
    ((key, mark, sealed),) = site.ask(SEALED)
    assert (bytes(key).hex(), mark) == (counter.vault.first, suite.mark), "of a gift without words nothing is kept"
    assert ((await gift(counter, given)).words, (await gift(counter, silent)).words) == (WORDS, Words())
    await table.claim(given)
    told, logged = dump(site), caplog.text
    assert given.gift.face is None
    assert not [one for one in SECRETS if one in told or one.encode().hex() in told or one in logged]
    with pytest.raises(Fault):
        counter.keyring.open(bytes(sealed), b"")
    await verify(counter)


async def test_words_open_only_where_they_stand(counter, table, site):
    programme = await counter.programme()
    one, two = [await table.given(await counter.card(programme, 10)) for _ in range(2)]
    site.change(
        "UPDATE cards.gift_words w SET sealed = o.sealed FROM cards.gift_words o WHERE o.batch_id <> w.batch_id"
    )  # fmt: skip
    for given in (one, two):
        with pytest.raises(Fault) as caught:
            await gift(counter, given)
        assert caught.value.code == "identity.keys_wrong"
    found = (await ledger.verify(counter.db, word_checks(counter.vault))).findings
    assert [f.check for f in found] == ["cards.gift_words_seal"] * 2
    assert {f.row for f in found} == {
        f"cards.gift_words {g.gift.place.batch_id}/{g.gift.place.ordinal}" for g in (one, two)
    }


async def test_the_application_can_neither_change_words_nor_delete_them_but_by_its_functions(counter, table):
    await table.given(await counter.card(await counter.programme(), 10))
    for statement in (
        "UPDATE cards.gift_words SET sealed = sealed", "DELETE FROM cards.gift_words",
        "UPDATE cards.gifts SET giver_ref = 'mallory'",
    ):  # fmt: skip
        with pytest.raises(Exception, match="permission denied"):
            await counter.within(lambda tx, statement=statement: tx.rows(statement))


# Rotation


async def test_words_are_sealed_anew_with_the_fields_of_holders(db, path, site):
    counter = await counter_of(db, path)
    table, programme = GiftTable(counter), await counter.programme()
    ann = await table.holder("registered")
    given = [await table.given(await counter.card(programme, 10, holder_ref=ann)) for _ in range(3)]
    first = counter.vault.first
    second = await db.transact(lambda tx: identity.add_vault_key(tx, counter.vault, path))
    counter = await counter_of(db, path)
    await db.transact(lambda tx: identity.use_vault_key(tx, counter.vault))
    table = GiftTable(counter)
    given.append(await table.given(await counter.card(programme, 10, holder_ref=ann)))
    assert await db.transact(privacy.count_by_key) == {first: 4 + 3, second: 1}

    assert await holders.reseal(db, counter.vault) == 4
    with pytest.raises(Fault) as caught:
        await db.transact(lambda tx: privacy.retire(tx, counter.vault))
    assert (caught.value.code, caught.value.facts) == ("identity.vault_key_in_use", {"key": first, "fields": 3})

    told = []
    assert await privacy.reseal(db, counter.vault, lambda done, total: told.append((done, total))) == 3
    assert told == [(3, 8)]
    assert await privacy.reseal(db, counter.vault) == 0, "there is nothing left to do"
    assert await db.transact(privacy.count_by_key) == {second: 8}
    assert await db.transact(lambda tx: privacy.retire(tx, counter.vault)) == [first]
    identity.drop_vault_keys(path, [first])
    counter = await counter_of(db, path)
    assert [(await gift(counter, one)).words for one in given] == [WORDS] * 4
    await verify(counter)


async def test_words_that_are_erased_while_they_are_sealed_anew_stay_gone(db, path, site, monkeypatch):
    counter = await counter_of(db, path)
    table, programme = GiftTable(counter), await counter.programme()
    one, two = [await table.given(await counter.card(programme, 10)) for _ in range(2)]
    opening = reseal.open_words

    def late(vault, place, sealed):
        """Between the reading of a piece and its writing, another session erases the first words."""
        site.change(f"DELETE FROM cards.gift_words WHERE batch_id = {one.gift.place.batch_id}")
        return opening(vault, place, sealed)

    monkeypatch.setattr(reseal, "open_words", late)
    assert await privacy.reseal(db, Vault(counter.keyring, Suite.GM)) == 1
    assert ((await gift(counter, one)).words, (await gift(counter, two)).words) == (Words(), WORDS)
    assert [mark for _, mark, _ in site.ask(SEALED)] == [Suite.GM.mark]


async def test_a_change_waits_for_who_gives_under_the_key_of_before(db, path, site):
    counter = await counter_of(db, path)
    card = await counter.card(await counter.programme(), 10)
    second = await db.transact(lambda tx: identity.add_vault_key(tx, counter.vault, path))
    after = await counter_of(db, path)
    wish = GiftTable(counter).offer(card)
    async with Database(site.target) as keeper:
        async with db.transaction() as tx:
            await cards.run(tx, counter.book, [wish], counter.keyring, counter.vault)
            change = asyncio.create_task(keeper.transact(lambda tx: identity.use_vault_key(tx, after.vault)))
            await asyncio.sleep(0.3)
            assert not change.done()
        assert await asyncio.wait_for(change, 10) == second
        assert await privacy.reseal(keeper, after.vault) == 1, "nothing comes after the sweep"


async def test_keys_and_suites_change_while_gifts_are_given(site, path):
    """Two sessions give all the time; the key is changed under them, and then the suite."""
    async with Database(site.target) as db, Database(site.target) as keeper:
        before = await counter_of(db, path)
        programme = await before.programme()
        await keeper.transact(lambda tx: identity.add_vault_key(tx, before.vault, path))
        counters = [await counter_of(db, path, suite) for suite in Suite]
        given, ends = [], asyncio.Event()

        async def give(counter):
            table, count = GiftTable(counter), 0
            while not ends.is_set() or count < 10:
                words = Words(f"生日快乐 {count}")
                given.append((words, await table.given(await counter.card(programme, 10), words=words)))
                count += 1

        async def keep():
            try:
                for counter in counters:
                    await keeper.transact(lambda tx, counter=counter: identity.use_vault_key(tx, counter.vault))
                    await privacy.reseal(keeper, counter.vault)
                    await asyncio.sleep(0.1)
            finally:
                ends.set()

        await asyncio.gather(*map(give, counters), keep())
        gm = counters[1]
        await privacy.reseal(keeper, gm.vault)
        assert await keeper.transact(lambda tx: privacy.retire(tx, gm.vault)) == [before.vault.first]
        rows = site.ask(SEALED)
        assert len(rows) == len(given) >= 20
        current = list(gm.keyring.vault_roots())[1]
        assert {(bytes(key).hex(), mark) for key, mark, _ in rows} == {(current, Suite.GM.mark)}
        for words, one in given:
            assert (await gift(gm, one)).words == words
        await verify(gm)


# Words of before the vault


async def test_words_of_before_the_vault_are_read_and_sealed_anew(db, path, site):
    counter = await counter_of(db, path)
    table, programme = GiftTable(counter), await counter.programme()
    waiting = await table.given(await counter.card(programme, 10, holder_ref="ann"))
    taken = await table.given(await counter.card(programme, 10, holder_ref="ann"))
    await table.withdraw(taken)
    site.change("ALTER TABLE cards.gifts ADD COLUMN words_sealed bytea")
    for one in (waiting, taken):
        place = one.gift.place
        bound = b"gift words" + place.batch_id.to_bytes(8) + place.ordinal.to_bytes(4)
        sealed = counter.keyring.seal('{"greeting":"Happy birthday, 生日快乐","from_name":"Grandma"}', bound)
        site.change(f"UPDATE cards.gifts SET words_sealed = '\\x{sealed.hex()}' WHERE batch_id = {place.batch_id}")
    site.change(
        "DROP TABLE cards.gift_words", "ALTER TABLE cards.gifts DROP COLUMN giver_ref",
        "DROP INDEX cards.gifts_by_receiver", "DELETE FROM pg.migrations WHERE step = '0014_gift_words'",
    )  # fmt: skip
    assert migrate(site.target, ROOMS) == ["cards.0014_gift_words"]

    assert ((await gift(counter, waiting)).words, (await gift(counter, taken)).words) == (WORDS, Words())
    assert site.ask("SELECT giver_ref FROM cards.gifts") == [("ann",)] * 2
    assert await db.transact(privacy.count_by_key) == {"": 1}
    await verify(counter)
    assert await privacy.reseal(db, counter.vault) == 1
    assert await db.transact(privacy.count_by_key) == {counter.vault.first: 1}
    assert (await gift(counter, waiting)).words == WORDS
    await verify(counter)


# How long


# Minutes after its end, and whether the words are there.
KEPT = [
    ("offered",   None, 14, True),  ("offered",   None, 600, True),
    ("claimed",   GiftState.CLAIMED, 14, True),  ("claimed",   GiftState.CLAIMED, 16, False),
    ("withdrawn", GiftState.WITHDRAWN, 14, True), ("withdrawn", GiftState.WITHDRAWN, 16, False),
    ("killed",    GiftState.KILLED, 14, True),   ("killed",    GiftState.KILLED, 16, False),
    ("returned",  GiftState.RETURNED, 14, True), ("returned",  GiftState.RETURNED, 16, False),
]  # fmt: skip


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(("how", "state", "minutes", "kept"), KEPT)
async def test_words_are_forgotten_once_nobody_is_told_them_any_more(
    counter, table, site, front, how, state, minutes, kept
):
    given = await table.given(await counter.card(await counter.programme(), 10))
    match how:
        case "claimed":
            await table.claim(given)
        case "withdrawn":
            await table.withdraw(given)
        case "killed":
            for _ in range(5):
                await table.claim(given, "wrong")
        case "returned":
            await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, NOON + timedelta(days=8)))
            assert await table.sweep() == 1
    age(site, minutes)
    ((now,),) = site.ask("SELECT clock_timestamp()")
    forgotten = await counter.within(lambda tx: cards.forget_words(tx, now))
    assert forgotten == (not kept)
    assert (await gift(counter, given)).words == (WORDS if kept else Words())
    assert (await gift(counter, given)).state == (state or GiftState.OFFERED), "the gift stays as it is"
    await verify(counter)


async def test_words_are_forgotten_in_pieces_and_the_longest_ended_first(counter, table, site):
    programme = await counter.programme()
    given = [await table.given(await counter.card(programme, 10)) for _ in range(4)]
    for one in (given[2], given[0], given[1]):
        await table.claim(one)
    age(site, 16)
    ((now,),) = site.ask("SELECT clock_timestamp()")
    assert await counter.within(lambda tx: cards.forget_words(tx, now, 2)) == 2
    assert [(await gift(counter, one)).words == WORDS for one in given] == [False, True, False, True]
    assert [await counter.within(lambda tx: cards.forget_words(tx, now, 2)) for _ in range(2)] == [1, 0]


async def test_a_repeated_key_is_told_apart_by_words_that_are_gone(counter, table, site):
    card = await counter.card(await counter.programme(), 10)
    given = await table.given(card, key="give")
    site.change("DELETE FROM cards.gift_words")
    again = await table.give(card, key="give")
    assert (again.gift.place, again.gift.words) == (given.gift.place, Words())
    other = await table.give(card, key="give", words=Words("Other"))
    assert (other.code, other.facts) == ("ledger.key_reused", {"field": "words"})


# What is his


async def test_an_export_has_what_he_gave_and_what_was_given_to_him_by_name(counter, table, front):
    programme = await counter.programme()
    ann, bob = await table.holder("registered"), await table.holder("registered", "124")
    first = await table.given(await counter.card(programme, 10, holder_ref=ann), to_ref=bob, face="peony")
    tomorrow = NOON + timedelta(days=1)
    later = await table.given(await counter.card(programme, 10, holder_ref=ann), deliver_at=tomorrow)
    await table.given(await counter.card(programme, 10), words=Words("nobody's"))
    noon, until = "2024-05-01T12:00:00Z", "2024-05-08T12:00:00Z"

    def ids(one):
        return counter.keyring.opaque_id("gift", *one.gift.place)

    waiting = {"id": ids(first), "state": "OFFERED", "to_ref": bob, "greeting": WORDS.greeting, "from_name": "Grandma",
               "face": "peony", "given_at": noon, "deliver_at": None, "claim_until": until, "ended_at": None}  # fmt: skip
    told = await exported(counter, ann)
    card_id = counter.keyring.opaque_id("gftc", first.gift.card_id)
    assert told["gifts_given"][0] == {**waiting, "gift_card_id": card_id}
    assert [(g["id"], g["state"]) for g in told["gifts_given"]] == [(ids(first), "OFFERED"), (ids(later), "SCHEDULED")]
    assert told["gifts_received"] == []
    assert told["reveals"][-1]["fields"][-1] == "gift_words", "that they were read is logged"

    told = await exported(counter, bob)
    unread = {**waiting, "greeting": None, "from_name": None}
    assert (told["gifts_given"], told["gifts_received"]) == ([], [unread]), "he hasn't claimed it yet"
    assert "gift_words" not in told["reveals"][-1]["fields"]
    await counter.within(lambda tx: ledger.advance_clock(tx, counter.book, tomorrow))
    await table.claim(first, ref=bob)
    told = await exported(counter, bob)
    ended = {"state": "CLAIMED", "ended_at": "2024-05-02T12:00:00Z"}
    assert told["gifts_received"] == [{**waiting, **ended}]
    assert [g["state"] for g in (await exported(counter, ann))["gifts_given"]] == ["CLAIMED", "OFFERED"]


ENDED = NOON.replace(year=2018)
# What is stated besides, when the relation is said to have ended (his cards are open), what goes, and the state then.
ERASED = [
    ("registered", None,  "holders.relation_stands"),
    ("registered", ENDED, "holders.cards_open"),
    ("anonymous",  ENDED, "holders.cards_open"),
    ("nobody",     None,  "holders.nothing_held"),
]  # fmt: skip


@pytest.mark.parametrize(("level", "ended_at", "again"), ERASED)
async def test_the_words_of_his_gifts_go_when_he_asks_whatever_a_duty_keeps(
    counter, table, front, site, level, ended_at, again
):  # fmt: skip
    programme = await counter.programme()
    bob = await table.holder("registered", "124")
    ann = (await front.do(front.person())).ref if level == "nobody" else await table.holder(level)
    given = await table.given(await counter.card(programme, 10, holder_ref=ann))
    taken = await table.given(await counter.card(programme, 10, holder_ref=ann))
    bobs = await table.given(await counter.card(programme, 10, holder_ref=bob))
    await table.withdraw(taken)
    made = await erase(counter, ann, ended_at=ended_at, key="erase")
    assert (made.fields, made.beside, made.state) == ((), ("gift_words",), "active"), "his cards are open"
    assert site.ask("SELECT fields FROM holders.erasures") == [(["gift_words"],)]
    assert [(await gift(counter, one)).words for one in (given, taken, bobs)] == [Words(), Words(), WORDS]
    assert not [one for one in (await exported(counter, ann))["gifts_given"] if one["greeting"] or one["from_name"]]
    made = await table.claim(given, ref=bob)
    assert made.cards[0].card.balance_minor == 10, "the gift itself stays"
    assert (await erase(counter, ann, ended_at=ended_at)).code == again
    await verify(counter)


async def test_an_erasure_told_again_takes_nothing_that_was_written_since(counter, table, front, site):
    programme, ann = await counter.programme(), await table.holder("registered")
    await table.given(await counter.card(programme, 10, holder_ref=ann))
    made = await erase(counter, ann, key="erase")
    since = await table.given(await counter.card(programme, 10, holder_ref=ann))
    assert await erase(counter, ann, key="erase") == made
    assert (await gift(counter, since)).words == WORDS
    assert (await erase(counter, ann)).beside == ("gift_words",)
    assert site.ask("SELECT count(*) FROM cards.gift_words") == [(0,)]


async def test_without_words_an_erasure_is_judged_by_the_fields_alone(counter, table, front):
    ann = await table.holder("registered")
    await table.given(await counter.card(await counter.programme(), 10, holder_ref=ann), words=None)
    assert (await erase(counter, ann)).code == "holders.relation_stands"
    assert isinstance(await erase(counter, "hldr_0"), Refused)


async def test_another_issuer_erases_and_exports_nothing(counter, other_counter, table, front, site):
    ann = await table.holder("registered")
    await table.given(await counter.card(await counter.programme(), 10, holder_ref=ann))
    assert (await erase(other_counter, ann)).code == "holders.unknown_holder"
    stranger = await other_counter.within(lambda tx: cards.gifts_of_holder(tx, 2, ann, other_counter.vault))
    assert (stranger.given, stranger.received) == ([], [])
    assert site.ask("SELECT count(*) FROM cards.gift_words") == [(1,)]


async def test_of_erasures_and_claims_at_once_each_is_done(counter, table, front, site):
    programme = await counter.programme()
    ann, bob = await table.holder("registered"), await table.holder("registered", "124")
    given = [await table.given(await counter.card(programme, 10, holder_ref=ann)) for _ in range(8)]
    made, *claimed = await asyncio.gather(erase(counter, ann), *(table.claim(one, ref=bob) for one in given))
    assert made.beside == ("gift_words",)
    assert not [one for one in claimed if isinstance(one, Refused)]
    assert site.ask("SELECT count(*) FROM cards.gift_words") == [(0,)]
    assert {(await gift(counter, one)).state for one in given} == {GiftState.CLAIMED}
    await verify(counter)


async def test_the_report_counts_words_and_names_nobody(counter, table, front):
    before = await counter.within(lambda tx: privacy.report(tx, counter.book, holders.duties(licensed=True)))
    assert before["fields"] == []
    ann = await table.holder("registered")
    for ref in (ann, None):
        await table.given(await counter.card(await counter.programme(), 10, holder_ref=ref))
    told = await counter.within(lambda tx: privacy.report(tx, counter.book, holders.duties(licensed=True)))
    (row,) = [row for row in told["fields"] if row["field"] == "gift_words"]
    assert row == {"field": "gift_words", "count": 2, "oldest_at": "2024-05-01T12:00:00Z", "kept": []}
    assert ann not in str(told)

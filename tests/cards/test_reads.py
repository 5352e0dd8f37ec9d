"""What is read goes by what is answered: rows of others, and rows that were answered before, are not walked over."""

from datetime import datetime

from koudai import cards, ledger, programmes
from koudai.base import CHINA
from koudai.ledger import Place
from koudai.pg import Database
from koudai.programmes import IssuerClass, Sector, StateIssuer
from tests.cards.lives import Life, day
from tests.cards.test_law import BEARER, SPLIT, Court
from tests.cards.test_stock import Shop

_READ = """SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid) * (c.relkind = 'r' OR $1::bool)::int
                           + pg_stat_get_xact_tuples_fetched(c.oid) * (NOT $1::bool)::int), 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'cards' AND c.relkind IN ('r', 'i')"""


async def reading(db, work, *, dead=True):
    """What a read of the room answers, and how many rows or entries of indexes it went over in the room's tables.

    Without the dead ones where so many were just moved that what a vacuum has done of it would be told.
    """
    async with db.transaction() as tx:
        before = await tx.value(_READ, dead)
        answer = await work(tx)
        return answer, await tx.value(_READ, dead) - before


async def noting(db, keyring, book):
    """A card of a book in which the law notes something of each load, and who loads it so often."""
    court, today = Court(db, keyring, book), datetime.now(CHINA).date()
    young = StateIssuer("s", IssuerClass.OTHER, Sector.RETAIL, today, today, "Li Na", None, 1)
    await court.within(lambda tx: programmes.state_issuers(tx, book, [young]))
    card = await court.card(await court.under(kinds=BEARER), 3)

    async def load(times):
        await court.do(*(court.load(card, 1) for _ in range(times)))

    return load


async def test_a_page_of_what_the_law_noted_is_read_past_other_books(db, keyring):
    ours, others = await noting(db, keyring, 1), await noting(db, keyring, 2)
    for times in (3, 2):
        await ours(times)
        await others(300)
    whole, _ = await reading(db, lambda tx: cards.page_judgements(tx, 1, Place(0, 0), 100))
    assert [one.point for one in whole].count("load") == 6
    for limit in (1, 2, 5):
        walked = []
        while True:
            after = walked[-1].place if walked else Place(0, 0)
            page, read = await reading(db, lambda tx, a=after, n=limit: cards.page_judgements(tx, 1, a, n))
            # An entry is judged at two points at most, and told whole.
            assert read <= 8 * (limit + 1)
            if not page:
                break
            walked += page
        assert walked == whole


async def test_the_counts_of_stocks_are_read_without_their_cards(db, counter):
    shop = Shop(counter, await counter.programme())
    stocks = [await shop.make(400) for _ in range(2)]
    for stock in stocks:
        await shop.printed(stock)
        await counter.do(shop.receive(stock_id=stock.id))
        ids = await shop.members(stock)
        sales = [shop.sell(card, till=f"till {n}", clerk=f"clerk {n}") for n, card in enumerate(ids[:100])]
        await counter.do(*sales)
    shown, read = await reading(db, lambda tx: cards.page_stocks(tx, 1, 0, 50))
    assert [[(one.state, one.cards) for one in stock.counts] for stock in shown] == [
        [("ACTIVE", 100), ("IN_STOCK", 300)]
    ] * 2
    assert read <= 40


async def test_who_takes_reminders_looks_at_those_cards_that_are_due_one(db, counter):
    """Not at the others, nor at what was taken before."""
    life = Life(counter)
    await life.open({"days": 60, "renewal": "on_request"}, notices={"before_expiry_days": [9], "silence_days": [40]})
    await life.card("first", 5)
    await life.until(day(3))
    for _ in range(200):
        await life.card("other", 5)

    def take(key, limit=1_000):
        return lambda tx: cards.take_notices(tx, 1, key, limit)

    told = [("a", 41, 1), ("b", 41, 0), ("c", 42, 0), ("d", 44, 200), ("e", 45, 0), ("f", 52, 1), ("g", 53, 0)]
    for key, at, due in told:
        await life.until(day(at))
        page, listed = await reading(db, lambda tx: cards.due_notices(tx, 1, 0, 3), dead=False)
        taken, read = await reading(db, take(key), dead=False)
        assert (len(page.notices), len(taken)) == (min(due, 3), due)
        if key != "a":
            # Nobody had looked at any of them before.
            assert listed <= 30
            assert read <= 5 + 10 * due


async def ended(counter, count):
    """A book in which so many cards were handed back, and as many given; places and ids of the former."""
    life = Life(counter)
    await life.open({"days": 20, "renewal": "automatic"}, gift={"claim_days": 7})
    names = [f"card {n}" for n in range(2 * count)]
    for name in names:
        await life.card(name, 5)
    told = {"paid_to": cards.PaidTo.SAME_NAME_ACCOUNT, "account_ref": "acct-1", "identity_ref": "ann"}
    await counter.do(*(life.do("close", name, **told) for name in names[:count]))
    gifts = [cards.GiveGift(key=counter.key(), card=life.ids[name]) for name in names[count:]]
    await counter.within(lambda tx: cards.run(tx, counter.book, gifts, counter.keyring))
    return [life.ids[name] for name in names[:count]]


async def test_pay_outs_gifts_and_renewals_are_found_past_other_books(db, counter, other_counter):
    ids = await ended(counter, 4)
    others = await ended(other_counter, 100)
    page, read = await reading(db, lambda tx: cards.page_payouts(tx, 2, Place(0, 0), 3))
    assert ([one.card_id for one in page], read <= 12) == (others[:3], True)
    page, read = await reading(db, lambda tx: cards.page_payouts(tx, 1, page[-1].place, 9))
    assert (page, read <= 1) == ([], True)
    assert [one.card_id for one in await counter.within(lambda tx: cards.page_payouts(tx, 1, Place(0, 0), 9))] == ids
    # The time of one side goes on, that of the other stands: nothing of it is due.
    await counter.within(lambda tx: ledger.advance_clock(tx, 1, day(19)))
    returned, read = await reading(db, lambda tx: cards.return_due_gifts(tx, 1))
    assert returned == 4
    assert (await reading(db, lambda tx: cards.return_due_gifts(tx, 1)))[1] <= 4
    assert (await reading(db, lambda tx: cards.sweep(tx, 1))) == ((0, None), 0)
    await counter.within(lambda tx: ledger.advance_clock(tx, 1, day(22)))
    (swept, _), read = await reading(db, lambda tx: cards.sweep(tx, 1))
    assert (swept, read <= 60) == (4, True)


async def test_a_session_that_began_with_few_cards_walks_over_none_that_came_since(db, keyring):
    """Its plans were made when nobody could tell an index from another one by what it costs."""
    async with Database(db.target, max_size=1) as session:
        court = Court(session, keyring)
        programme, shop = await court.under(kinds=BEARER, split=SPLIT), await court.merchant()
        card, other = await court.card(programme, 100), await court.card(programme, 10)

        def split(tx):
            wish = cards.Split(key=court.key(), card=card, pieces=(2, 1), asset="CNY")
            return cards.run(tx, court.book, [wish], keyring)

        works = [
            lambda tx: cards.run(tx, 1, [court.load(card, 1)]),
            lambda tx: cards.run(tx, 1, [court.redeem(card, shop, 1)]),
            lambda tx: cards.run(tx, 1, [court.block(other)]),
            lambda tx: cards.run(tx, 1, [court.unblock(other)]),
            split,
            lambda tx: cards.cards_by_id(tx, 1, [card]),
            lambda tx: cards.page_family(tx, 1, card, 0, 2),
            lambda tx: cards.page_cards(tx, 1, 0, 2),
        ]
        for work in works:
            await session.transact(work)
        wishes = [cards.Issue(key=court.key(), programme_id=programme.id) for _ in range(500)]
        await court.within(lambda tx: cards.run(tx, 1, wishes, keyring))
        for work in works:
            _, read = await reading(session, work)
            assert read <= 60

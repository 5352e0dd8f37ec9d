"""Versions, gates and launches on a real database."""

from datetime import UTC, date, datetime, timedelta

import anyio
import pytest

from koudai import cards, identity, ledger
from koudai.base import CHINA, Refused
from koudai.pg import Conflict
from koudai.policy import GateKind
from koudai.programmes import (
    ROOM,
    EnterGate,
    IssuerClass,
    Launch,
    PutVersion,
    Sector,
    StateIssuer,
    charter_of_book,
    count_charter_statement,
    enter_gates,
    gates_of,
    launch,
    launches_of,
    put_versions,
    state_issuers,
    versions_of,
)
from tests.programmes.drafts import text_of

pytestmark = pytest.mark.anyio

PROGRAMME = 7
AHEAD = "2199-01-01"


class Desk:
    """One side of an issuer; every call is a transaction of its own."""

    def __init__(self, db, book=1):
        self.db, self.book, self.registered = db, book, {}

    async def put(self, *wishes):
        return await self.db.transact(lambda tx: put_versions(tx, self.book, wishes, self.registered))

    async def enter(self, *wishes):
        return await self.db.transact(lambda tx: enter_gates(tx, self.book, wishes))

    async def launch(self, *wishes):
        return await self.db.transact(lambda tx: launch(tx, self.book, wishes))

    async def state(self, *wishes):
        return await self.db.transact(lambda tx: state_issuers(tx, self.book, wishes))

    async def versions(self):
        return (await self.db.transact(lambda tx: versions_of(tx, self.book, [PROGRAMME]))).get(PROGRAMME, [])

    async def enter_all(self):
        await self.enter(*(EnterGate(f"gate-{gate}", PROGRAMME, gate, "ref", "Li Na") for gate in GateKind))


def version(key, day=AHEAD, **changes):
    return PutVersion(key, PROGRAMME, text_of(effective_on=day, **changes), "Li Na")


def issuer(key="issuer", founded="2010-01-01", began="2012-01-01", **more):
    days = date.fromisoformat(founded), date.fromisoformat(began)
    return StateIssuer(key, IssuerClass.OTHER, Sector.RETAIL, *days, "Li Na", **{"revenue_minor": 10**9, **more})


async def promised(tx, book):
    _, charter = await charter_of_book(tx, book, await tx.rows(*count_charter_statement(book)))
    return charter.promises


async def side_of(db, mode):
    side = await db.transact(lambda tx: identity.find_issuer(tx, "shop", mode, create=True))
    return Desk(db, side.id)


def code(outcome):
    return outcome.code if isinstance(outcome, Refused) else None


@pytest.fixture
async def desk(db):
    return await side_of(db, identity.Mode.TEST)


@pytest.fixture
async def live(db):
    return await side_of(db, identity.Mode.LIVE)


async def test_a_version_is_kept_as_it_was_written(desk):
    wish = version("a")
    (made,) = await desk.put(wish)
    assert (made.document, made.put_by, made.programme.name) == (wish.document, "Li Na", "tea")
    assert made.effective_at == datetime(2198, 12, 31, 16, tzinfo=UTC), "the Chinese day begins at 16:00 UTC"
    assert await desk.versions() == [made]


async def test_a_repeated_key_answers_its_version_and_another_document_is_refused(desk):
    (first,) = await desk.put(version("a"))
    assert await desk.put(version("a"), version("a", "2199-01-02")) == [
        first, Refused("ledger.key_reused", {"field": "document_sha256"}),
    ]  # fmt: skip
    assert len(await desk.versions()) == 1


async def test_a_list_has_one_outcome_for_each_and_a_bad_one_stops_none(desk):
    outcomes = await desk.put(version("a"), version("b", currency="YUA"), version("c"), version("d", "2199-02-01"))
    assert [code(o) for o in outcomes] == [None, "programmes.not_valid", "programmes.version_exists", None]
    told = outcomes[1].facts["mistakes"]
    assert [(one["code"], one["path"]) for one in told] == [("programmes.unknown_currency", "currency")]
    assert [code(o) for o in await desk.put(version("b", currency="YUA"))] == ["programmes.not_valid"], "remembered"


async def test_a_programme_keeps_its_currency(desk):
    await desk.put(version("a"))
    (refused,) = await desk.put(version("b", "2199-02-01", currency="EUR", policy={"pack": "generic"}))
    assert refused == Refused("programmes.currency_changed", {"expected": "CNY", "currency": "EUR"})


@pytest.mark.parametrize(
    "law",
    [
        {"class": "fixed_goods_voucher"},
        {"class": "multi_purpose"},
        {"policy": {"pack": "sandbox"}, "sandbox_only": True},
    ],
)
@pytest.mark.parametrize("day", ["2198-01-01", "2199-02-01"])
async def test_a_programme_keeps_its_class_and_its_pack(desk, law, day):
    """Whatever day the version is for: cards may be issued until then, and before the first version."""
    await desk.put(version("a"))
    (refused,) = await desk.put(version("b", day, **law))
    assert refused.code == "programmes.reclassified"
    assert (refused.facts["expected"], refused.facts["expected_pack"]) == ("single_purpose", "cn-single-purpose")
    assert len(await desk.versions()) == 1


async def test_on_a_live_side_no_version_is_dated_before_now_and_none_is_a_sandboxs(desk, live):
    past = version("a", "2020-01-01")
    assert [code(o) for o in await desk.put(past)] == [None], "a test side may try out what was"
    assert [code(o) for o in await live.put(past, version("b", sandbox_only=True), version("c"))] == [
        "programmes.dated_before_now", "programmes.sandbox_only", None,
    ]  # fmt: skip


async def test_now_is_the_books_time(desk):
    await desk.put(version("a", "2030-01-01"))
    promises = await desk.db.transact(lambda tx: promised(tx, desk.book))
    now = await desk.db.transact(lambda tx: ledger.time_of_book(tx, desk.book))
    assert promises[PROGRAMME].in_force(now) is None
    assert promises[PROGRAMME].in_force(now + timedelta(days=9_000)) is not None


async def test_promises_are_read_once_and_anew_when_there_is_more(desk, db):
    await desk.put(version("a", "2020-01-01"))

    async def read():
        return await db.transact(lambda tx: promised(tx, desk.book))

    first = await read()
    assert await read() is first
    await desk.put(version("b", "2021-01-01"))
    second = await read()
    assert len(second[PROGRAMME].versions) == 2
    assert await read() is second
    assert await db.transact(lambda tx: promised(tx, 99)) == {}


async def test_two_who_put_one_day_at_once_are_told_apart(desk):
    outcomes = []

    async def put(key):
        outcomes.extend(await desk.put(version(key)))

    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(put, f"key-{number}")
    assert sorted(str(code(o)) for o in outcomes) == ["None"] + ["programmes.version_exists"] * 5
    assert len(await desk.versions()) == 1


async def test_the_table_holds_it_too(desk, db):
    await desk.put(version("a"))
    again = (
        "INSERT INTO programmes.versions (book, programme_id, effective_at, document, parsed, put_by)"
        " SELECT book, programme_id, effective_at, document, parsed, put_by FROM programmes.versions"
    )
    with pytest.raises(Conflict):
        async with db.transaction() as tx:
            await tx.rows(again)


async def test_two_books_never_meet(desk, db):
    other = Desk(db, book=3)
    await desk.put(version("a"))
    assert await other.versions() == []
    assert [code(o) for o in await other.launch(Launch("l", PROGRAMME, "Li Na"))] == ["programmes.no_version"]
    assert [code(o) for o in await other.put(version("a", "2199-02-01"))] == [None]


async def test_entries_are_a_log(desk, db):
    first, second = (
        EnterGate("a", PROGRAMME, GateKind.FILING, "001", "Li Na"),
        EnterGate("b", PROGRAMME, GateKind.FILING, "002", "Wu"),
    )
    made = await desk.enter(first, second)
    assert [(one.reference, one.entered_by) for one in made] == [("001", "Li Na"), ("002", "Wu")]
    assert await desk.enter(first) == made[:1]
    found = await db.transact(lambda tx: gates_of(tx, desk.book, [PROGRAMME]))
    assert found == {PROGRAMME: made}
    assert [code(o) for o in await desk.enter(EnterGate("a", PROGRAMME, GateKind.FILING, "003", "Li Na"))] == [
        "ledger.key_reused"
    ]


async def test_a_programme_is_live_when_its_gates_are_entered(live, db):
    assert [code(o) for o in await live.launch(Launch("a", PROGRAMME, "Li Na"))] == ["programmes.no_version"]
    await live.put(version("v"))
    await live.enter(EnterGate("g", PROGRAMME, GateKind.FILING, "001", "Li Na"))
    assert [code(o) for o in await live.launch(Launch("i", PROGRAMME, "Li Na"))] == ["programmes.issuer_missing"]
    await live.state(issuer())
    (refused,) = await live.launch(Launch("b", PROGRAMME, "Li Na"))
    assert refused == Refused("programmes.gate_missing", {"missing": "terms, custody"})
    assert await db.transact(lambda tx: launches_of(tx, live.book, [PROGRAMME])) == {}
    await live.enter_all()
    (launched,) = await live.launch(Launch("c", PROGRAMME, "Wu"))
    assert launched.launched_by == "Wu"
    assert await live.launch(Launch("c", PROGRAMME, "Wu")) == [launched]
    assert [code(o) for o in await live.launch(Launch("d", PROGRAMME, "Wu"))] == ["programmes.already_live"]
    assert [code(o) for o in await live.launch(Launch("b", PROGRAMME, "Li Na"))] == ["programmes.gate_missing"]


YESTERDAY = (datetime.now(CHINA) - timedelta(days=1)).date().isoformat()


@pytest.mark.parametrize(
    ("stated", "missing"),
    [
        ({"revenue_minor": None}, "revenue_minor"),
        ({"revenue_minor": None, "capital_minor": 10**9}, "revenue_minor"),
        ({"revenue_minor": 10**9}, None),
        # Younger than a year it has no last year's revenue, and is measured by its capital.
        ({"founded": YESTERDAY, "began": YESTERDAY}, "capital_minor"),
        ({"founded": YESTERDAY, "began": YESTERDAY, "revenue_minor": None, "capital_minor": 10**9}, None),
    ],
)
async def test_the_figure_that_an_issuer_is_measured_by_is_stated_before_the_launch(live, stated, missing):
    await live.put(version("v"))
    await live.enter_all()
    await live.state(issuer(**stated))
    (launched,) = await live.launch(Launch("a", PROGRAMME, "Wu"))
    assert (launched.facts if isinstance(launched, Refused) else {}).get("field") == missing
    assert code(launched) == (None if missing is None else "programmes.issuer_figure_missing")


@pytest.mark.clause("negative.credit_funded")
async def test_what_breaks_the_law_is_not_launched(desk):
    await desk.put(version("v", "2020-01-01", funding=["cash", "credit"]))
    await desk.enter_all()
    (refused,) = await desk.launch(Launch("a", PROGRAMME, "Wu"))
    assert (refused.code, refused.facts["clause"]) == ("programmes.breaks_law", "negative.credit_funded")
    assert await desk.launch(Launch("a", PROGRAMME, "Wu")) == [refused]


LASTING = {"days": 1096, "reactivation_days": 0}
OVER = {"registered": None, "bearer": {"max_balance_minor": 100_000, "validity": LASTING}}


@pytest.mark.parametrize(
    ("declares", "clause"),
    [
        ({"kinds": OVER}, "sp.19.reactivation"),
        ({"withdrawal": {"fee_bps": 9_000}}, "cn.withdrawal"),
        ({"fees": {"replacement_minor": 2_001}}, "cn.replacement_fee"),
    ],
)
@pytest.mark.clause("sp.19.reactivation", "cn.withdrawal", "cn.replacement_fee")
async def test_a_document_that_takes_what_the_law_keeps_is_not_launched(desk, declares, clause):
    await desk.put(version("v", "2020-01-01", **declares))
    await desk.enter_all()
    (refused,) = await desk.launch(Launch("a", PROGRAMME, "Wu"))
    assert (refused.code, refused.facts["clause"]) == ("programmes.breaks_law", clause)


async def test_versions_of_before_lose_the_fees_that_nobody_charged(desk, site):
    await desk.put(version("a"))
    step = (ROOM.folder / "schema" / "0003_fees_that_are_charged.sql").read_text(encoding="utf-8")
    with site.superuser() as admin:
        admin.execute(
            "UPDATE programmes.versions SET parsed = jsonb_set(parsed, '{fees}',"
            """ '{"issue_minor": 5, "replacement_minor": 7, "inactivity": null}')"""
        )
        admin.execute(step)
        admin.commit()
    (made,) = await desk.versions()
    assert made.programme.fees.replacement_minor == 7


async def test_a_live_programme_takes_no_version_that_breaks_the_law(desk):
    await desk.put(version("v"))
    await desk.enter_all()
    assert [code(o) for o in await desk.launch(Launch("a", PROGRAMME, "Wu"))] == [None]
    (refused,) = await desk.put(version("w", "2199-02-01", funding=["cash", "credit"]))
    assert (refused.code, refused.facts["clause"]) == ("programmes.breaks_law", "negative.credit_funded")


async def test_versions_to_come_are_judged_at_the_launch_too(desk):
    await desk.put(version("v", "2020-01-01", sandbox_only=True), version("w"))
    await desk.enter(EnterGate("g", PROGRAMME, GateKind.TERMS, "001", "Li Na"))
    (refused,) = await desk.launch(Launch("a", PROGRAMME, "Wu"))
    assert refused == Refused("programmes.gate_missing", {"missing": "filing, custody"})


async def test_a_live_programme_takes_no_version_whose_gates_are_missing(desk):
    await desk.put(version("v", sandbox_only=True))
    await desk.enter(EnterGate("g", PROGRAMME, GateKind.TERMS, "001", "Li Na"))
    assert [code(o) for o in await desk.launch(Launch("a", PROGRAMME, "Wu"))] == [None]
    (refused,) = await desk.put(version("w", "2199-02-01"))
    assert refused == Refused("programmes.gate_missing", {"missing": "filing, custody"})
    await desk.enter_all()
    assert [code(o) for o in await desk.put(version("x", "2199-02-01"))] == [None]


async def test_the_books_still_hold(desk, db):
    await desk.put(version("a"), version("b", currency="YUA"))
    await desk.enter_all()
    await desk.launch(Launch("c", PROGRAMME, "Wu"))
    assert (await ledger.verify(db, cards.CARD_CHECKS)).holds

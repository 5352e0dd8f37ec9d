"""How well a holder is known: it follows from what was stated and matched, and nobody states it."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from koudai import holders, ledger
from koudai.base import Refused
from koudai.holders import Answer, Level, Outcome, Purpose
from koudai.pg import Database
from tests.conftest import NOON
from tests.holders.conftest import FrontDesk, citizen, credit

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("lacking", "level"),
    [(None, "registered"), ("name", "anonymous"), ("document_number", None), ("phone", "anonymous")],
)
async def test_registered_is_who_states_all_that_the_law_asks_for(desk, lacking, level):
    wish = desk.whole_person(**({lacking: None} if lacking else {}))
    (outcome,) = await desk.run(wish)
    if level is None:
        assert (outcome.code, outcome.facts) == (
            "holders.malformed",
            {"field": "document_number", "standard": "koudai"},
        )
    else:
        assert outcome.level == level
    await desk.verify()


async def test_nobody_who_states_nothing_is_known(desk):
    nobody = await desk.do(desk.person())
    assert (nobody.level, nobody.version, await desk.masked(nobody)) == ("anonymous", 1, {})
    nobody = await desk.do(desk.update(nobody, name="王小明", phone="13800005678"))
    assert (nobody.level, nobody.version) == ("anonymous", 2)
    known = await desk.do(desk.update(nobody, document_type="resident_id", document_number=citizen()))
    assert (known.level, known.version) == ("registered", 3)
    await desk.verify()


@pytest.mark.parametrize(
    ("fields", "facts"),
    [
        ({"document_number": "110101199003071231"}, {"field": "document_number", "standard": "GB 11643-1999"}),
        ({"document_type": "library_card"}, {"field": "document_type", "standard": "koudai"}),
        ({"phone": "110"}, {"field": "phone", "standard": "ITU-T E.164"}),
        ({"email": "nobody"}, {"field": "email", "standard": "RFC 5321"}),
        ({"birth_date": "1990-03-08"}, {"field": "birth_date", "standard": "GB 11643-1999"}),
        ({"document_number": citizen(born="20240502")}, {"field": "birth_date", "standard": "GB 11643-1999"}),
        ({"credit_code": credit()}, {"field": "credit_code", "kind": "person"}),
    ],
)
async def test_what_is_not_well_formed_is_refused_without_being_repeated(desk, fields, facts, monkeypatch):
    wish = desk.whole_person(**fields)
    await desk.within(lambda tx: ledger.advance_clock(tx, 1, NOON))
    refused = await desk.no(wish)
    assert refused.facts == facts
    assert not any(value in repr(refused) for value in fields.values())
    assert not any(value in repr(wish) for value in wish.details.stated().values())


async def test_a_company_needs_an_agent_who_is_known(desk):
    nobody = await desk.do(desk.person())
    agent = await desk.do(desk.whole_person("123"))
    owner = await desk.do(desk.person(name="李娜"))
    company = await desk.do(desk.company())
    assert company.level == "anonymous"
    company = await desk.do(desk.update(company, agent=nobody.ref))
    assert company.level == "anonymous", "nobody knows who acts for it"
    company = await desk.do(desk.update(company, agent=agent.ref, owner=owner.ref))
    assert (company.level, company.agent_id, company.beneficial_owner_id) == ("registered", agent.id, owner.id)
    company = await desk.do(desk.update(company, email="shop@example.com"))
    assert company.level == "registered", "its agent need not be named again"
    assert (await desk.no(desk.update(company, agent=company.ref))).code == "holders.party_not_person"
    assert (await desk.no(desk.update(company, agent="hldr_?"))).code == "holders.unknown_party"
    assert (await desk.no(desk.update(agent, agent=owner.ref))).code == "holders.field_of_other_kind"
    assert (await desk.no(desk.erase(agent))).code == "holders.acts_for_company"
    assert (await desk.no(desk.erase(owner))).code == "holders.acts_for_company"
    await desk.verify()


async def test_a_child_is_known_with_its_guardians_consent_alone(desk):
    await desk.within(lambda tx: ledger.advance_clock(tx, 1, NOON))
    child = await desk.do(desk.whole_person(document_number=citizen(born="20150307")))
    assert child.level == "anonymous"
    assert (await desk.ascertain(child)).facts == {"missing": "consent:under_14"}
    child = await desk.do(holders.Give("give", child.ref, Purpose.UNDER_14, "guardian-1"))
    assert child.level == "anonymous", "a level never rises by itself"
    child = await desk.do(desk.update(child, phone="13800005678"))
    assert child.level == "registered"
    child = await desk.do(holders.Withdraw("back", child.ref, Purpose.UNDER_14))
    assert child.level == "anonymous"
    await desk.verify()


async def test_verified_is_who_a_source_matched_and_only_while_it_is_the_same(desk):
    one = await desk.do(desk.whole_person())
    made = await desk.ascertain(one)
    assert (made.outcome, made.level, made.reference) == ("matched", "verified", "sim-1")
    one = await desk.see(one)
    one = await desk.do(desk.update(one, email="wang@example.com", phone="13900005678"))
    assert one.level == "verified", "the source was not asked about these"
    one = await desk.do(desk.update(one, name="王小明"))
    assert one.level == "verified", "the same name again"
    one = await desk.do(desk.update(one, name="王大明"))
    assert one.level == "registered"
    await desk.verify()
    assert (await desk.ascertain(one)).level == "verified"
    await desk.verify()


@pytest.mark.parametrize(
    ("sequence", "outcome", "level", "reference"),
    [("123", "matched", "verified", "sim-1"), ("999", "mismatched", "registered", "sim-1"),
     ("998", "not_found", "registered", "sim-1"), ("997", "unavailable", "registered", None)],
)  # fmt: skip
async def test_the_sandbox_answers_by_the_number(desk, sequence, outcome, level, reference):
    one = await desk.do(desk.whole_person(sequence))
    made = await desk.ascertain(one)
    assert (made.outcome, made.level, made.reference) == (outcome, level, reference)
    assert (await desk.see(one)).level == level
    await desk.verify()


async def test_nobody_is_verified_who_is_not_registered(desk):
    nobody = await desk.do(desk.person(name="王小明"))
    refused = await desk.ascertain(nobody)
    assert refused == Refused("holders.not_registered", {"missing": "document_type, document_number, phone"})


class Source:
    """A source that does what it is told, and remembers which questions it was asked."""

    name = "source"

    def __init__(self, *answers, meanwhile=None):
        self.answers = list(answers)
        self.asked = []
        self.meanwhile = meanwhile

    async def check(self, question):
        self.asked.append(question.id)
        if self.meanwhile:
            await self.meanwhile()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


MATCHED, AWAY = Answer(Outcome.MATCHED, "r"), Answer(Outcome.UNAVAILABLE)


async def test_a_source_that_fails_is_asked_again_with_the_same_id(desk, caplog):
    one = await desk.do(desk.whole_person())
    source = Source(ConnectionError("no answer about 王小明"), AWAY, MATCHED, MATCHED)
    outcomes = [(await desk.ascertain(one, source, key="check")).outcome for _ in range(4)]
    assert outcomes == ["unavailable", "unavailable", "matched", "matched"]
    assert len(set(source.asked)) == 1
    assert len(source.asked) == 3, "an answer is not asked for twice"
    assert "王小明" not in caplog.text
    assert (await desk.see(one)).level == "verified"
    await desk.verify()


async def test_no_transaction_is_open_while_a_source_is_asked(desk, site):
    one = await desk.do(desk.whole_person())

    async def look():
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'koudai_app' AND state LIKE 'idle in%'"
        assert site.ask(open_ones) == [(0,)]
        assert site.ask("SELECT source, asked_at IS NOT NULL FROM holders.requests") == [("simulated", True)]

    assert (await desk.ascertain(one, Source(MATCHED, meanwhile=look))).outcome == "matched"


async def test_an_answer_about_another_identity_lifts_nobody(desk):
    one = await desk.do(desk.whole_person())

    async def marry():
        await desk.do(desk.update(one, name="王太太"))

    made = await desk.ascertain(one, Source(MATCHED, meanwhile=marry))
    assert (made.outcome, made.level) == ("matched", "registered")
    await desk.verify()


async def test_two_who_ask_at_once_get_one_answer(desk):
    """A source that changes its mind: whichever answer is noted first is everybody's, and the other is dropped."""
    one = await desk.do(desk.whole_person())
    source = Source(MATCHED, Answer(Outcome.MISMATCHED, "late"))
    asked = await asyncio.gather(*(desk.ascertain(one, source, key="check") for _ in range(2)))
    (outcome,) = {made.outcome for made in asked}
    assert (await desk.ascertain(one, source, key="check")).outcome == outcome
    assert (await desk.see(one)).level == {"matched": "verified", "mismatched": "registered"}[outcome]
    await desk.verify()


LIFTED = (
    "SELECT holders.change_v1(ARRAY[$1::bigint], ARRAY['verified'], ARRAY['active'], ARRAY[2], ARRAY[1],"
    " ARRAY[NULL::bigint], ARRAY[NULL::bigint])"
)


async def test_the_application_cannot_call_anybody_verified(desk):
    one = await desk.do(desk.whole_person())
    with pytest.raises(Exception, match="no source has matched"):
        await desk.within(lambda tx: tx.rows(LIFTED, one.id))
    assert (await desk.see(one)).level == "registered"


@pytest.mark.parametrize("lacking", ["name", "document_number", "phone", "credit_code", "agent"])
async def test_nor_whoever_lacks_a_field_by_an_answer_that_it_made_up(desk, lacking):
    if lacking in ("credit_code", "agent"):
        agent = await desk.do(desk.whole_person())
        wish = desk.company(None if lacking == "agent" else agent.ref)
    else:
        wish = desk.whole_person()
    gone = {"document_type": None} if lacking == "document_number" else {}
    details = msgspec.structs.replace(wish.details, **gone, **({} if lacking == "agent" else {lacking: None}))
    one = await desk.do(msgspec.structs.replace(wish, details=details))

    async def lift(tx):
        await tx.rows(
            "WITH asked AS (INSERT INTO holders.requests (holder_id, identity_version, source, asked_at)"
            " VALUES ($1::bigint, 1, 'made up', now()) RETURNING id)"
            " INSERT INTO holders.verifications (request_id, outcome, answered_at) SELECT id, 'matched', now() FROM asked",
            one.id,
        )
        await tx.rows(LIFTED, one.id)

    with pytest.raises(Exception, match="what a verified identity is made of"):
        await desk.within(lift)
    assert (await desk.see(one)).level == "anonymous"


async def test_cards_ask_by_ref_in_one_statement(desk):
    one = await desk.do(desk.whole_person())
    await desk.do(holders.Bind("b", one.ref, "phone-1"))
    other = FrontDesk(desk.db, desk.vault.keyring, 2)
    theirs = await other.do(other.person())

    async def ask(tx):
        (rows,) = await tx.together(holders.standings_statement(1, [one.ref, theirs.ref, "their own name"]))
        return holders.as_standings(rows)

    standing = holders.Standing("person", Level.REGISTERED, "active", ("phone-1",))
    assert await desk.within(ask) == {one.ref: standing}


@pytest.mark.parametrize("field", ["document_number", "credit_code"])
async def test_a_number_belongs_to_one_holder_of_a_book(desk, site, keyring, field):
    wish = desk.whole_person if field == "document_number" else desk.company
    first = await desk.do(wish())
    refused = await desk.no(wish())
    assert refused == Refused("holders.duplicate", {"field": field})
    assert await desk.do(desk.update(first, name="王"))
    other = FrontDesk(desk.db, keyring, 2)
    await other.do(other.whole_person() if field == "document_number" else other.company())
    hashes = site.ask("SELECT count(*), count(DISTINCT lookup) FROM holders.fields WHERE field = %s", field)
    assert hashes == [(2, 2)], "two books don't tell that they have one holder"
    both = await desk.run(desk.whole_person("777", key="a"), desk.whole_person("777", key="b"))
    assert [getattr(one, "code", "made") for one in both] == ["made", "holders.duplicate"]
    await desk.verify()


async def test_of_two_who_state_one_number_at_once_one_is_taken_on(site, keyring):
    async with Database(site.target) as one, Database(site.target) as other:
        desks = [FrontDesk(db, keyring) for db in (one, other)] * 4
        # The first writer of all names the vault's key, and the others wait for that.
        await desks[0].do(desks[0].person())
        outcomes = await asyncio.gather(*(d.run(d.whole_person(key=f"k{n}")) for n, d in enumerate(desks)))
        codes = sorted(getattr(outcome, "code", "made") for (outcome,) in outcomes)
        assert codes == ["holders.duplicate"] * 7 + ["made"]
        await desks[0].verify()


async def test_who_has_not_seen_the_other_waits_for_him_and_is_refused(site, keyring):
    async with Database(site.target) as one, Database(site.target) as other:
        first, second = FrontDesk(one, keyring), FrontDesk(other, keyring)
        await first.do(first.person())
        async with one.transaction() as tx:
            (made,) = await holders.run(tx, 1, [first.whole_person()], first.vault)
            await tx.rows("SELECT 1")
            late = asyncio.create_task(second.no(second.whole_person()))
            await asyncio.sleep(0.3)
            assert not late.done()
        assert made.level == "registered"
        assert await asyncio.wait_for(late, 10) == Refused("holders.duplicate", {"field": "document_number"})


async def test_a_number_that_was_given_up_is_free(desk):
    first = await desk.do(desk.whole_person())
    await desk.do(desk.update(first, document_number=citizen(sequence="555")))
    await desk.do(desk.whole_person())
    long_ago = NOON - timedelta(days=365 * 6)
    await desk.do(desk.erase(first, long_ago))
    await desk.do(desk.whole_person("555"))
    await desk.verify()

"""Devices, consents, keys, and what is held of a holder until it may go."""

import re
from datetime import timedelta

import msgspec
import pytest

from koudai import holders, ledger
from koudai.api.holder_shapes import FieldsShown, HolderExport, HolderLookup, HolderUpdate, NewPerson
from koudai.base import Refused
from koudai.holders import Field, Purpose
from tests.conftest import NOON
from tests.holders.conftest import FrontDesk, citizen

pytestmark = pytest.mark.anyio


def years_ago(years):
    return NOON.replace(year=NOON.year - years)


@pytest.fixture
async def desk(db, keyring):
    """A front desk at noon."""
    desk = FrontDesk(db, keyring)
    await desk.within(lambda tx: ledger.advance_clock(tx, 1, NOON))
    return desk


# Devices


async def test_devices_are_bound_and_unbound(desk, site):
    one = await desk.do(desk.person())
    one = await desk.do(holders.Bind("a", one.ref, "phone"))
    one = await desk.do(holders.Bind("b", one.ref, "tablet"))
    assert one.devices == ("phone", "tablet")
    assert (await desk.no(holders.Bind("c", one.ref, "phone"))).code == "holders.device_bound"
    one = await desk.do(holders.Unbind("d", one.ref, "phone"))
    assert (await desk.see(one)).devices == one.devices == ("tablet",)
    assert (await desk.no(holders.Unbind("e", one.ref, "phone"))).code == "holders.device_not_bound"
    await desk.do(holders.Bind("f", one.ref, "phone"))
    bound = site.ask("SELECT device, unbound_at IS NULL FROM holders.devices ORDER BY id")
    assert bound == [("phone", False), ("tablet", True), ("phone", True)]
    await desk.verify()


async def test_one_batch_binds_and_unbinds_in_its_order(desk):
    one = await desk.do(desk.person())
    await desk.do(holders.Bind("old", one.ref, "old"))
    told = await desk.run(
        holders.Bind("a", one.ref, "x"), holders.Unbind("b", one.ref, "x"), holders.Unbind("c", one.ref, "old"),
        holders.Bind("d", one.ref, "old"), holders.Bind("e", one.ref, "y"), holders.Bind("f", "hldr_0", "y"),
    )  # fmt: skip
    assert told[-1] == Refused("holders.unknown_holder")
    assert (await desk.see(one)).devices == told[4].devices == ("old", "y")
    assert (await desk.see(one)).version == 7
    await desk.verify()


async def test_devices_are_bounded(desk):
    one = await desk.do(desk.person())
    told = await desk.run(*(holders.Bind(f"k{n}", one.ref, f"d{n}") for n in range(21)))
    assert told[-1] == Refused("holders.too_many_devices", {"limit": 20})
    assert len((await desk.see(one)).devices) == 20


# Keys


async def test_a_key_answers_its_first_outcome_again(desk, keyring):
    wish = desk.whole_person(key="k")
    first = await desk.do(wish)
    assert await desk.do(wish) == first
    assert await desk.do(desk.whole_person(key="k")) == first
    other = await desk.no(desk.whole_person("777", key="k"))
    assert other == Refused("ledger.key_reused", {"field": "details"})
    assert (await desk.no(desk.update(first, key="k"))).facts == {"field": "verb"}
    refused = await desk.no(desk.whole_person(key="no"))
    assert (
        await desk.no(desk.whole_person(key="no"))
        == refused
        == Refused("holders.duplicate", {"field": "document_number"})
    )
    assert (await desk.no(desk.update(first, version=9, key="v"))) == Refused("holders.version_changed", {"version": 1})
    twice = await desk.run(desk.person(key="t"), desk.person(key="t"))
    assert twice[0] == twice[1]


async def test_a_key_remembers_across_a_change_of_the_vault_key(desk, keyring):
    wish = desk.whole_person(key="k")
    first = await desk.do(wish)
    desk.vault = type(desk.vault)(keyring.with_vault_key())
    assert await desk.do(wish) == first


# Consents


async def test_consents_are_a_log(desk):
    one = await desk.do(desk.person())
    give, back = holders.Give, holders.Withdraw
    await desk.do(give("a", one.ref, Purpose.FINANCIAL_ACCOUNT, "1"))
    assert (await desk.no(give("b", one.ref, Purpose.FINANCIAL_ACCOUNT, "1"))).code == "holders.consent_given"
    assert (await desk.no(back("c", one.ref, Purpose.BIOMETRICS))).facts == {"purpose": "biometrics"}
    await desk.within(lambda tx: ledger.advance_clock(tx, 1, NOON + timedelta(days=1)))
    await desk.do(give("d", one.ref, Purpose.FINANCIAL_ACCOUNT, "2"))
    await desk.within(lambda tx: ledger.advance_clock(tx, 1, NOON + timedelta(days=2)))
    await desk.do(back("e", one.ref, Purpose.FINANCIAL_ACCOUNT))
    logged = await desk.within(lambda tx: holders.consents(tx, 1, one.ref))
    days = [(c.text_version, (c.given_at - NOON).days, (c.withdrawn_at - NOON).days) for c in logged]
    assert days == [("1", 0, 1), ("2", 1, 2)]
    await desk.verify()


# Reading


async def test_who_reads_unmasked_is_logged_with_the_reading(desk, site):
    one = await desk.do(desk.whole_person(email="wang@example.com"))
    assert await desk.masked(one) == {
        "name": "王*明", "document_type": "resident_id", "document_number": "*" * 14 + citizen()[-4:],
        "phone": "138****5678", "email": "w***@example.com",
    }  # fmt: skip
    wanted = [Field.PHONE, Field.ADDRESS]
    read = await desk.within(
        lambda tx: holders.reveal(tx, 1, one.ref, wanted, desk.vault, revealed_to="zhang", reason="complaint 1")
    )
    assert read == {"phone": "+8613800005678"}
    log = site.ask("SELECT holder_id, fields, revealed_to, reason, revealed_at FROM holders.reveals")
    assert log == [(one.id, ["address", "phone"], "zhang", "complaint 1", NOON)]


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [("phone", "138 0000 5678", True), ("document_number", citizen().lower(), True), ("email", "WANG@example.com", True),
     ("phone", "13800005679", False), ("phone", "nonsense", False), ("credit_code", citizen(), False)],
)  # fmt: skip
async def test_a_holder_is_found_by_what_is_not_kept_in_the_clear(desk, keyring, field, value, found):
    one = await desk.do(desk.whole_person(email="wang@example.com"))

    def find(desk):
        return desk.within(lambda tx: holders.find_by(tx, desk.book, Field(field), value, desk.vault))

    assert [other.ref for other in await find(desk)] == [one.ref] * found
    assert await find(FrontDesk(desk.db, keyring, 2)) == []


async def test_an_export_has_all_that_is_held(desk):
    one = await desk.do(desk.whole_person())
    await desk.do(holders.Bind("a", one.ref, "phone"))
    await desk.do(holders.Give("b", one.ref, Purpose.MARKETING, "1"))
    await desk.ascertain(one)
    told = await desk.within(lambda tx: holders.export(tx, 1, one.ref, desk.vault, exported_to="wang"))
    told = msgspec.json.decode(msgspec.json.encode(told))
    noon = "2024-05-01T12:00:00Z"
    assert told == {
        "id": one.ref, "kind": "person", "level": "verified", "state": "active", "created_at": noon, "agent_id": None,
        "beneficial_owner_id": None,
        "fields": {name: {"value": value, "stated_at": noon} for name, value in (
            ("name", "王小明"), ("document_type", "resident_id"), ("document_number", citizen()),
            ("phone", "+8613800005678"))},
        "devices": [{"device": "phone", "bound_at": noon, "unbound_at": None}],
        "consents": [{"purpose": "marketing", "text_version": "1", "given_at": noon, "withdrawn_at": None}],
        "verifications": [{"source": "simulated", "outcome": "matched", "reference": "sim-1", "asked_at": noon,
                           "answered_at": noon}],
        "erasures": [],
        "reveals": [{"fields": ["document_number", "document_type", "name", "phone"], "revealed_to": "wang",
                     "reason": "export (PIPL 45)", "revealed_at": noon}],
    }  # fmt: skip
    nobody = await desk.within(lambda tx: holders.report(tx, 2, holders.duties(licensed=False)))
    assert nobody == {"holders": [], "fields": [], "consents": [], "erasures": []}
    report = await desk.within(lambda tx: holders.report(tx, 1, holders.duties(licensed=False)))
    assert report["holders"] == [{"kind": "person", "level": "verified", "state": "active", "count": 1}]
    assert report["consents"] == [{"purpose": "marketing", "in_force": 1, "withdrawn": 0}]
    assert {row["field"]: row["count"] for row in report["fields"]} == dict.fromkeys([*told["fields"], "devices"], 1)
    assert report["fields"][-1] == {"field": "devices", "count": 1, "oldest_at": noon, "kept": []}
    assert [(kept["rule"], kept["years"]) for kept in report["fields"][0]["kept"]] == [("real_name", 5), ("local", 3)]


# Erasing

REAL_NAME = ["document_number", "document_type", "name", "phone"]


@pytest.mark.parametrize(
    ("ended_at", "licensed", "gone", "kept_until"),
    [
        (None, False, ["address", "birth_date", "email"], None),
        (years_ago(1), False, ["address", "birth_date", "email"], years_ago(1 - 5)),
        (years_ago(1), True, ["email"], years_ago(1 - 10)),
        (years_ago(5) + timedelta(seconds=1), False, ["address", "birth_date", "email"], NOON + timedelta(seconds=1)),
        (years_ago(5), False, ["address", "birth_date", "email", *REAL_NAME], None),
        (years_ago(9), True, ["email"], years_ago(9 - 10)),
        (years_ago(10), True, ["address", "birth_date", "email", *REAL_NAME], None),
    ],
)
async def test_what_no_duty_keeps_is_erased(desk, ended_at, licensed, gone, kept_until):
    one = await desk.do(desk.whole_person(email="wang@example.com", address="北京市", birth_date="1990-03-07"))
    await desk.do(holders.Bind("b", one.ref, "phone"))
    made = await desk.do(desk.erase(one, ended_at, licensed=licensed, key="e"))
    assert sorted(made.fields) == sorted(gone)
    assert set(made.kept.values()) <= {kept_until}
    whole = not made.kept
    assert made.beside == (() if ended_at is None else ("devices",)), "a device is bound while the relation stands"
    assert made.state == ("erased" if whole else "active")
    assert await desk.do(desk.erase(one, ended_at, licensed=licensed, key="e")) == made, "the key answers again"
    now = await desk.see(one)
    assert (now.ref, now.level, now.devices) == (
        one.ref,
        "anonymous" if whole else "registered",
        ("phone",) if ended_at is None else (),
    )
    assert sorted(await desk.masked(one)) == sorted(map(str, made.kept))
    again = await desk.no(desk.erase(one, ended_at, licensed=licensed))
    if whole:
        assert again == Refused("holders.erased")
        assert (await desk.no(desk.update(one, name="王"))) == Refused("holders.erased")
    elif ended_at is None:
        assert again.code == "holders.relation_stands"
    else:
        assert again.code == "holders.duty_stands"
        assert again.facts["until_at"] == kept_until.isoformat().replace("+00:00", "Z")
        assert again.facts["rule"].startswith("aml (反洗钱法" if licensed else "real_name (单用途")
    await desk.verify()


async def test_of_nobody_there_is_nothing_to_erase(desk):
    assert (await desk.no(desk.erase(await desk.do(desk.person())))).code == "holders.nothing_held"


async def test_of_whom_a_device_alone_is_known_the_device_is_erased(desk, site):
    one = await desk.do(desk.person())
    await desk.do(holders.Bind("b", one.ref, "phone"))
    made = await desk.do(desk.erase(one))
    assert (made.fields, made.beside, made.state) == ((), ("devices",), "erased")
    assert site.ask("SELECT count(*) FROM holders.devices") == [(0,)]
    await desk.verify()


async def test_a_binding_that_is_over_goes_with_any_erasure(desk, site):
    one = await desk.do(desk.whole_person())
    for key, device in (("a", "phone"), ("b", "tablet")):
        await desk.do(holders.Bind(key, one.ref, device))
    await desk.do(holders.Unbind("c", one.ref, "phone"))
    made = await desk.do(desk.erase(one, key="e"))
    assert (made.fields, made.beside, made.state) == ((), ("devices",), "active")
    assert await desk.do(desk.erase(one, key="e")) == made, "the key answers again"
    assert site.ask("SELECT device FROM holders.devices") == [("tablet",)]
    assert (await desk.see(one)).devices == ("tablet",)
    assert (await desk.no(desk.erase(one))).code == "holders.relation_stands"
    await desk.verify()


async def test_in_one_batch_what_is_unbound_before_an_erasure_goes_and_what_is_bound_after_it_stays(desk, site):
    one = await desk.do(desk.whole_person())
    await desk.do(holders.Bind("a", one.ref, "old"))
    await desk.do(holders.Bind("b", one.ref, "older"))
    told = await desk.run(
        holders.Unbind("c", one.ref, "old"), holders.Bind("d", one.ref, "new"), holders.Unbind("e", one.ref, "new"),
        desk.erase(one, years_ago(1)), holders.Bind("f", one.ref, "next"),
    )  # fmt: skip
    assert (told[3].beside, told[3].state, told[4].devices) == (("devices",), "active", ("next",))
    assert site.ask("SELECT device FROM holders.devices") == [("next",)]
    assert (await desk.see(one)).devices == ("next",)
    await desk.verify()


async def test_while_a_card_is_open_only_what_may_go_goes_and_the_holder_stays(desk):
    one = await desk.do(desk.person(email="wang@example.com"))
    await desk.do(holders.Bind("b", one.ref, "phone"))

    def erase(ended_at=None, *, cards_open=1):
        return msgspec.structs.replace(desk.erase(one, ended_at), cards_open=cards_open)

    made = await desk.do(erase(years_ago(9)))
    assert (made.fields, made.beside, made.state) == (("email",), (), "active")
    now = await desk.see(one)
    assert (now.state, now.devices, await desk.masked(one)) == ("active", ("phone",), {})
    for ended_at in (None, years_ago(9)):
        assert await desk.no(erase(ended_at)) == Refused("holders.cards_open", {"count": 1})
    await desk.do(desk.update(one, email="wang@example.org"))
    made = await desk.do(erase(years_ago(9), cards_open=0))
    assert (made.fields, made.beside, made.state) == (("email",), ("devices",), "erased")
    await desk.verify()


async def test_an_erased_holder_leaves_no_field_behind_and_its_ref_stays(desk, site):
    one = await desk.do(desk.whole_person())
    await desk.do(holders.Bind("b", one.ref, "phone"))
    batches = site.ask("SELECT count(*) FROM ledger.batches")
    await desk.do(desk.erase(one, years_ago(6)))
    assert site.ask("SELECT (SELECT count(*) FROM holders.fields), (SELECT count(*) FROM holders.devices)") == [(0, 0)]
    ((fields, rule, at),) = site.ask("SELECT fields, rule, erased_at FROM holders.erasures")
    assert (fields, rule, at) == ([*REAL_NAME, "devices"], "over: real_name, local", NOON)
    assert (await desk.see(one)).ref == one.ref
    assert site.ask("SELECT count(*) FROM ledger.batches") == [(batches[0][0] + 1,)]


async def test_what_was_verified_falls_when_its_proof_is_erased(desk):
    one = await desk.do(desk.whole_person(birth_date="1990-03-07"))
    await desk.ascertain(one)
    await desk.do(desk.erase(one, years_ago(1)))
    assert (await desk.see(one)).level == "registered"
    await desk.verify()


# Nothing in the clear

SECRETS = {
    "name": "慕容秋水", "document_number": citizen(sequence="321"), "phone": "+8613912349876", "email": "murong@example.com",
    "address": "上海市徐汇区某某路一号", "birth_date": "1990-03-07",
}  # fmt: skip


def forms(value):
    """A value as it might stand in a dump."""
    return {value, value.encode().hex(), value.removeprefix("+86")}


async def test_nothing_personal_stands_in_any_table_nor_in_a_log(desk, site, caplog):
    caplog.set_level("DEBUG")
    told = {**SECRETS, "document_type": "resident_id"}
    one = await desk.do(desk.person("k", **told))
    await desk.do(desk.update(one, **told))
    await desk.no(desk.person("dup", **told))
    await desk.no(desk.person("bad", **{**told, "phone": "13912349"}))
    company = await desk.do(desk.company(one.ref, one.ref, name="秋水商行"))
    await desk.do(holders.Bind("b", one.ref, "device-of-murong"))
    await desk.do(holders.Give("c", one.ref, Purpose.IDENTITY_CHECK, "1"))
    await desk.ascertain(one)
    await desk.within(lambda tx: holders.reveal(tx, 1, one.ref, list(Field), desk.vault, revealed_to="z", reason="r"))
    await desk.verify()
    tables = site.ask(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    assert ("holders", "fields") in tables
    assert ("ledger", "idempotency") in tables
    dump = "\n".join(
        str(row) for schema, table in tables for row in site.ask(f'SELECT t::text FROM "{schema}"."{table}" AS t')
    )
    assert one.ref in dump
    assert company.ref in dump
    for value in (*SECRETS.values(), "秋水商行"):
        assert not any(form in dump for form in forms(value)), value
        assert value not in caplog.text
    memory = str(site.ask("SELECT request, facts FROM ledger.idempotency"))
    assert "device-of-murong" not in memory
    assert len(set(re.findall(r'"details": ?"([0-9a-f]{32})"', memory.replace("\\", "")))) >= 4, (
        "a hash is its key's alone"
    )


def test_no_command_and_no_question_repeats_what_it_carries():
    details = holders.Details(**SECRETS)
    shown = [
        details, holders.Create("k", holders.Kind.PERSON, details), holders.Update("k", "hldr_", details),
        holders.Question(1, "hldr_", holders.Kind.PERSON, details), NewPerson(**SECRETS), HolderUpdate(**SECRETS),
        HolderLookup(field="phone", value=SECRETS["phone"]), HolderExport({"fields": SECRETS}), FieldsShown(SECRETS),
    ]  # fmt: skip
    text = repr(shown) + str(shown) + "".join(f"{one}" for one in shown)
    assert not any(value in text for value in SECRETS.values())
    assert "Details(name, document_number" in text


def test_the_duties_name_their_source():
    assert [(d.rule, d.years) for d in holders.duties(licensed=True)] == [("aml", 10), ("real_name", 5), ("local", 3)]
    assert [d.rule for d in holders.duties(licensed=False)] == ["real_name", "local"]
    assert all(duty.source for duty in holders.duties(licensed=True))

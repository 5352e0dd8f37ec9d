"""Every check of holders has a damage that it finds, and names the row."""

from dataclasses import dataclass

import pytest

from koudai import holders, ledger
from koudai.holders import Purpose
from koudai.pg import Database
from tests.conftest import NOON, Site
from tests.holders.conftest import FrontDesk

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Damage:
    """What is done to a copy, and the row that a check has to name; both may use the facts of the story."""

    check: str
    row: str
    doing: tuple[str, ...]

    def __str__(self):
        return f"{self.check}: {self.doing[0]}"


def damage(check, row, *doing):
    return Damage(f"holders.{check}", row, doing)


HOLDER, FIELD = "holders.holders {wang}", "holders.fields {wang}/"
OF_WANG = "WHERE holder_id = {wang} AND field ="

DAMAGES = [
    damage("field_holder", FIELD + "name", "DELETE FROM holders.holders WHERE id = {wang}"),
    damage("field_holder", FIELD + "name", f"UPDATE holders.fields SET book = 2 {OF_WANG} 'name'"),
    damage("field_holder", "holders.fields {gone}/name",
           "INSERT INTO holders.fields (holder_id, book, field, sealed, changed_at)"
           " SELECT {gone}, book, field, sealed, changed_at FROM holders.fields WHERE holder_id = {wang} AND field = 'name'"),
    damage("field_key", FIELD + "name", "UPDATE identity.vault_keys SET state = 'retired'"),
    damage("field_key", FIELD + "phone", f"UPDATE holders.fields SET sealed = set_byte(sealed, 2, 7) {OF_WANG} 'phone'"),
    damage("level_fields", HOLDER, f"DELETE FROM holders.fields {OF_WANG} 'phone'"),
    damage("level_fields", "holders.holders {shop}",
           "DELETE FROM holders.fields WHERE holder_id = {shop} AND field = 'credit_code'"),
    damage("level_agent", "holders.holders {shop}", "UPDATE holders.holders SET agent_id = NULL WHERE id = {shop}"),
    damage("level_agent", "holders.holders {shop}", "UPDATE holders.holders SET level = 'anonymous' WHERE id = {wang}"),
    damage("level_proof", "holders.holders {li}", "UPDATE holders.holders SET level = 'verified' WHERE id = {li}"),
    damage("level_proof", HOLDER, "DELETE FROM holders.verifications"),
    damage("level_proof", HOLDER, "UPDATE holders.verifications SET outcome = 'mismatched'"),
    damage("level_proof", HOLDER, "UPDATE holders.holders SET version = 9, identity_version = 9 WHERE id = {wang}"),
    damage("party", "holders.holders {shop}", "UPDATE holders.holders SET book = 2 WHERE id = {li}"),
    damage("party", "holders.holders {shop}", "UPDATE holders.holders SET agent_id = {shop} WHERE id = {shop}"),
    damage("party", "holders.holders {shop}", "UPDATE holders.holders SET beneficial_owner_id = {gone} WHERE id = {shop}"),
    damage("device_row", HOLDER, "UPDATE holders.holders SET devices = '{{}}' WHERE id = {wang}"),
    damage("device_row", HOLDER, "UPDATE holders.devices SET unbound_at = bound_at WHERE device = 'phone'"),
    damage("device_row", HOLDER, "DELETE FROM holders.devices WHERE device = 'phone'"),
    damage("consent_order", "holders.consents {back}", "DELETE FROM holders.consents WHERE given"),
    damage("consent_order", "holders.consents {given}", "UPDATE holders.consents SET given = NOT given"),
    damage("erased", "holders.holders {gone}", "DELETE FROM holders.erasures"),
    damage("field_seal", FIELD + "name",
           "UPDATE holders.fields SET sealed = (SELECT sealed FROM holders.fields WHERE holder_id = {li} AND field = 'name')"
           f" {OF_WANG} 'name'"),
    damage("field_seal", FIELD + "name",
           f"UPDATE holders.fields SET sealed = (SELECT sealed FROM holders.fields {OF_WANG} 'phone') {OF_WANG} 'name'"),
    damage("field_seal", FIELD + "phone", f"UPDATE holders.fields SET sealed = set_byte(sealed, 30, get_byte(sealed, 30) # 1) {OF_WANG} 'phone'"),
    damage("field_seal", FIELD + "phone", f"UPDATE holders.fields SET lookup = set_byte(lookup, 0, get_byte(lookup, 0) # 1) {OF_WANG} 'phone'"),
    damage("field_seal", FIELD + "phone", f"UPDATE holders.fields SET lookup = NULL {OF_WANG} 'phone'"),
    damage("field_seal", FIELD + "shoe_size", f"UPDATE holders.fields SET field = 'shoe_size' {OF_WANG} 'phone'"),
]  # fmt: skip


async def tell_story(desk, site):
    """People who are known in every way, a company, and one of whom nothing is left."""
    await desk.within(lambda tx: ledger.advance_clock(tx, 1, NOON))
    wang, li = await desk.do(desk.whole_person()), await desk.do(desk.whole_person("456"))
    gone = await desk.do(desk.whole_person("789"))
    shop = await desk.do(desk.company(wang.ref, li.ref))
    await desk.do(holders.Bind("b", wang.ref, "phone"))
    await desk.do(holders.Give("g", wang.ref, Purpose.MARKETING, "1"))
    await desk.do(holders.Withdraw("w", wang.ref, Purpose.MARKETING))
    assert (await desk.ascertain(wang)).level == "verified"
    await desk.do(desk.erase(gone, NOON.replace(year=2010)))
    (given,), (back,) = site.ask("SELECT id FROM holders.consents ORDER BY id")
    return {"wang": wang.id, "li": li.id, "gone": gone.id, "shop": shop.id, "given": given, "back": back}


@pytest.fixture(scope="module")
async def sound(servers, keyring):
    """The story's database, to which nobody is connected, and the facts of the story."""
    server = servers(18)
    with server.database(server.template) as name:
        async with Database(server.target(name)) as db:
            desk = FrontDesk(db, keyring)
            facts = await tell_story(desk, Site(server, name, server.target(name)))
            await desk.verify()
        yield server, name, facts


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
async def test_a_damage_is_found_and_its_row_named(sound, keyring, damage):
    server, name, facts = sound
    with server.database(name) as copy:
        with server.superuser(copy) as admin:
            admin.execute("SET session_replication_role = replica")
            changed = [admin.execute(statement.format(**facts)).rowcount for statement in damage.doing]
        assert changed[-1] > 0, "nothing was damaged"
        async with Database(server.target(copy)) as db:
            report = await ledger.verify(db, holders.holder_checks(FrontDesk(db, keyring).vault))
    assert not report.holds
    row = damage.row.format(**facts)
    assert row in {f.row for f in report.findings if f.check == damage.check}, report.findings
    assert all(f.detail for f in report.findings)
    assert not any("王" in f.detail or "138" in f.detail for f in report.findings)


def test_every_check_has_its_damage(keyring):
    checks = holders.holder_checks(FrontDesk(None, keyring).vault)
    assert {damage.check for damage in DAMAGES} == {check.name for check in checks}

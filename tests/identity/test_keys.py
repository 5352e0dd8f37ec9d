"""API keys: shown once, kept as a digest, good until they expire, are rotated or revoked."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest

from koudai import identity
from koudai.base import Fault
from koudai.identity import Mode, Scope

HOUR = timedelta(hours=1)
FAR = datetime(2999, 1, 1, tzinfo=UTC)


async def issuer(db, mode=Mode.TEST, name="Tea & Co"):
    return await db.transact(lambda tx: identity.find_issuer(tx, name, mode, create=True))


async def new_key(db, side, scopes=(Scope.CARDS_READ,)):
    return await db.transact(lambda tx: identity.create_key(tx, side, "till 1", scopes))


async def who(db, token):
    return await db.transact(lambda tx: identity.authenticate(tx, token))


async def now(db):
    return await db.transact(lambda tx: tx.value("SELECT clock_timestamp()"))


async def rotate(db, key_id, moment):
    return await db.transact(lambda tx: identity.rotate_key(tx, key_id, moment))


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_token_tells_who_presents_it(db, mode):
    side = await issuer(db, mode)
    key = await new_key(db, side, [Scope.CARDS_REDEEM, Scope.CARDS_READ, Scope.CARDS_READ])
    assert re.fullmatch(rf"kd_{mode}_[0-9a-f]{{64}}", key.token)
    assert key.scopes == (Scope.CARDS_READ, Scope.CARDS_REDEEM)
    found = await who(db, key.token)
    assert (found.key_id, found.issuer_id, found.mode) == (key.id, side.id, mode)
    assert found.scopes == {"cards:read", "cards:redeem"}


async def test_of_a_token_only_its_digest_is_kept(site, db):
    key = await new_key(db, await issuer(db))
    secret = key.token.removeprefix(f"kd_test_{key.id}")
    assert secret not in repr(key)
    columns = site.ask(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('identity', 'ledger', 'cards', 'merchants', 'jobs', 'pg') ORDER BY 1, 2, 3"
    )
    assert len(columns) > 50
    for schema, table, column in columns:
        for (kept,) in site.ask(f'SELECT "{column}"::text FROM {schema}.{table}'):
            assert secret not in (kept or ""), (schema, table, column)
            assert secret.encode().hex() not in (kept or ""), (schema, table, column)
    digest = hashlib.sha256(key.token.encode()).digest()
    assert site.ask("SELECT id, secret_sha256 FROM identity.api_keys") == [(key.id, digest)]


async def test_an_issuer_has_two_sides_that_are_strangers(db):
    test, live = await issuer(db, Mode.TEST), await issuer(db, Mode.LIVE)
    assert test.id != live.id
    assert await issuer(db, Mode.TEST) == test, "a name is made once"
    assert await db.transact(lambda tx: identity.find_issuer(tx, "nobody", Mode.TEST)) is None
    assert await db.transact(identity.list_issuers) == [test, live]
    key = await new_key(db, test)
    assert await who(db, key.token.replace("kd_test_", "kd_live_")) is None
    assert (await who(db, key.token)).mode is Mode.TEST


async def test_what_is_not_the_token_is_nobody(site, db):
    key = await new_key(db, await issuer(db))
    other = await new_key(db, await issuer(db))
    good = key.token
    assert (await who(db, good)).key_id == key.id
    for bad in (
        "",
        "kd_test_",
        good[:-1],
        good + "0",
        good.upper(),
        f" {good}",
        f"{good}\n",
        good.replace("kd_", "KD_"),
        good.replace("_test_", "_prod_"),
        good.replace("_test_", "_live_"),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        f"kd_test_{key.id}{'0' * 48}",
        f"kd_test_{key.id}{other.token[-48:]}",
        f"kd_test_{'0' * 16}{good[-48:]}",
        f"Bearer {good}",
        key.id,
        "kd_test_" + "٣" * 64,
        "é" * 72,
        "kd_test_" + "'; DROP TABLE identity.api_keys; --",
        "x" * 100_000,
        "\x00",
    ):
        assert await who(db, bad) is None, bad[:80]


async def test_a_key_whose_row_says_another_mode_is_nobodys(site, db):
    key = await new_key(db, await issuer(db))
    site.change("UPDATE identity.issuers SET mode = 'live'")
    assert await who(db, key.token) is None


async def test_a_revoked_key_ends_at_once_and_once(db):
    side = await issuer(db)
    key, other = await new_key(db, side), await new_key(db, side)
    await db.transact(lambda tx: identity.revoke_key(tx, key.id))
    assert await who(db, key.token) is None
    assert (await who(db, other.token)).key_id == other.id
    assert await db.transact(lambda tx: identity.good_keys(tx, [key.id, other.id, "none"])) == {other.id}
    for unknown in (key.id, "0" * 16, "", "x"):
        for verb in (identity.revoke_key, lambda tx, key_id: identity.rotate_key(tx, key_id, FAR)):
            with pytest.raises(Fault) as caught:
                await db.transact(lambda tx, k=unknown, v=verb: v(tx, k))
            assert (caught.value.code, caught.value.facts) == ("identity.key_unknown", {"key": unknown})
    (listed,) = [k for k in await db.transact(identity.list_keys) if k.id == key.id]
    assert listed.revoked_at is not None
    assert listed.expires_at is None, "a revoked key that was rotated in vain is as it was"


async def test_a_rotated_key_goes_on_until_its_end(site, db):
    key = await new_key(db, await issuer(db), [Scope.CARDS_READ, Scope.CARDS_LOAD])
    new = await rotate(db, key.id, await now(db) + HOUR)
    old_one, new_one = await who(db, key.token), await who(db, new.token)
    assert (old_one.key_id, new_one.key_id) == (key.id, new.id)
    assert key.id != new.id
    assert old_one.scopes == new_one.scopes
    assert (old_one.issuer_id, old_one.mode) == (new_one.issuer_id, new_one.mode)
    site.change(f"UPDATE identity.api_keys SET expires_at = expires_at - interval '1 hour' WHERE id = '{key.id}'")
    assert await who(db, key.token) is None
    assert (await who(db, new.token)).key_id == new.id
    assert await db.transact(lambda tx: identity.good_keys(tx, [key.id, new.id])) == {new.id}


async def test_the_application_ends_keys_and_never_lets_one_begin_again(site, db):
    side = await issuer(db)
    revoked, ending, lasting = [await new_key(db, side) for _ in "123"]
    end = await now(db) + HOUR
    await db.transact(lambda tx: identity.revoke_key(tx, revoked.id))
    await rotate(db, ending.id, end)
    before = site.ask("SELECT id, expires_at, revoked_at FROM identity.api_keys ORDER BY id")
    for statement in (
        f"SELECT identity.revoke_key_v1('{revoked.id}')",
        f"SELECT identity.expire_key_v1('{revoked.id}', '2999-01-01')",
        f"SELECT identity.expire_key_v1('{ending.id}', '2999-01-01')",
        f"SELECT identity.expire_key_v1('{ending.id}', NULL)",
        f"SELECT identity.expire_key_v1('{lasting.id}', NULL)",
    ):
        await db.transact(lambda tx, text=statement: tx.rows(text))
    assert site.ask("SELECT id, expires_at, revoked_at FROM identity.api_keys ORDER BY id") == before
    assert await who(db, revoked.token) is None


async def test_a_rotation_never_makes_a_key_last_longer(db):
    key = await new_key(db, await issuer(db))
    soon = await now(db) + HOUR
    await rotate(db, key.id, soon)
    await rotate(db, key.id, soon + HOUR)
    ends = {k.id: k.expires_at for k in await db.transact(identity.list_keys)}
    assert ends[key.id] == soon
    assert list(ends.values()).count(None) == 2, "each rotation made a key"


async def test_keys_are_listed_without_their_secrets(db):
    side = await issuer(db, Mode.LIVE, "礼品")
    key = await new_key(db, side, list(Scope))
    (listed,) = await db.transact(identity.list_keys)
    assert (listed.id, listed.issuer, listed.mode, listed.name) == (key.id, "礼品", Mode.LIVE, "till 1")
    assert set(listed.scopes) == set(Scope)
    assert (listed.expires_at, listed.revoked_at) == (None, None)
    assert key.token[-48:] not in repr(listed)

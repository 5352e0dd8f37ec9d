"""The vault: sealed fields open for their row and their key alone, in both suites; keys come and go."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, strategies as st

from koudai import identity
from koudai.base import Fault
from koudai.identity import Keyring, Suite, Vault, key_of, load_keyring, suite_of

RING = Keyring.generate()
BOTH = RING.with_vault_key()
SUITES = [Suite.AES, Suite.GM]
CONTEXT = st.binary(max_size=16)


def refusal(vault, sealed, context):
    with pytest.raises(Fault) as caught:
        vault.open(sealed, context)
    assert caught.value.code == "identity.keys_wrong"
    return caught.value


@pytest.mark.parametrize("suite", SUITES)
@given(plain=st.text(st.characters(exclude_categories=["Cs"])), context=CONTEXT, other=CONTEXT)
def test_what_was_sealed_opens_for_its_row_alone(suite, plain, context, other):
    vault = Vault(RING, suite)
    sealed = vault.seal(vault.first, plain, context)
    assert key_of(sealed) == vault.first
    assert vault.open(sealed, context) == plain
    assert len(plain) < 4 or plain.encode() not in sealed
    assert vault.seal(vault.first, plain, context) != sealed, "two seals of one text don't look alike"
    if other != context:
        refusal(vault, sealed, other)
    refusal(Vault(Keyring.generate(), suite), sealed, context)


@pytest.mark.parametrize("suite", SUITES)
def test_a_seal_of_which_any_byte_was_touched_does_not_open(suite):
    vault = Vault(RING, suite)
    sealed = vault.seal(vault.first, "11010519491231002X", b"row")
    for at in range(len(sealed)):
        fault = refusal(vault, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], b"row")
        assert "11010519491231002X" not in str(fault)
    for bad in (b"", sealed[:-1], sealed + b"\0", sealed[:10]):
        refusal(vault, bad, b"row")


def test_what_one_suite_sealed_opens_where_the_other_is_configured():
    for sealing, opening in (SUITES, reversed(SUITES)):
        vault = Vault(RING, sealing)
        assert Vault(RING, opening).open(vault.seal(vault.first, "王小明", b"row"), b"row") == "王小明"
    aes, gm = (Vault(RING, suite).seal(Vault(RING).first, "x", b"") for suite in SUITES)
    assert (Vault(RING).suite_in(aes), Vault(RING).suite_in(gm), Vault(RING).suite_in(b"")) == (*SUITES, None)


def test_sm4_gcm_is_that_of_rfc_8998():
    """Appendix A.1."""
    key, nonce = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), bytes.fromhex("00001234567800000000ABCD")
    sealing = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    sealing.authenticate_additional_data(bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2"))
    plain = bytes.fromhex("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDDEEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFF"
                          "EEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA")  # fmt: skip
    assert (sealing.update(plain) + sealing.finalize()).hex().upper() == (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    )
    assert sealing.tag.hex().upper() == "83DE3541E4C2B58177E065A9BF7B62EC"


def test_equal_values_have_one_hash_for_each_key():
    vault = Vault(BOTH)
    first, second = BOTH.vault_roots()
    assert vault.lookup(first, "a") == Vault(RING).lookup(first, "a")
    assert vault.lookup(first, "a") != vault.lookup(second, "a")
    assert vault.lookups(["a"]) == {vault.lookup(name, "a"): "a" for name in (first, second)}


def test_a_keyring_of_before_loads_and_has_the_first_key():
    four = {p: k for p, k in json.loads(BOTH.to_text()).items() if not p.startswith("vault")}
    assert len(four) == 4
    assert Keyring.from_text(json.dumps(four)).vault_roots() == RING.vault_roots()
    assert next(iter(BOTH.vault_roots())) == next(iter(RING.vault_roots()))
    assert Keyring.from_text(BOTH.to_text()).vault_roots() == BOTH.vault_roots()
    assert BOTH.fingerprints() == RING.fingerprints(), "the four keys stay what they are"
    assert BOTH.without_vault_key(list(BOTH.vault_roots())[1]).vault_roots() == RING.vault_roots()


def test_no_key_stands_in_a_repr():
    vault = Vault(BOTH)
    text = repr(vault) + repr(BOTH) + repr(vars(vault).get("suite"))
    assert not any(root.hex() in text or repr(root) in text for root in BOTH.vault_roots().values())


@pytest.mark.parametrize("name", ["", "AES", "sm4", "rot13"])
def test_a_suite_that_is_none_is_told(name):
    with pytest.raises(Fault) as caught:
        suite_of(name)
    assert caught.value.facts == {"found": name, "choices": "aes, gm"}


@pytest.mark.anyio
async def test_a_key_is_added_used_and_retired(site, db, tmp_path):
    path = tmp_path / "keyring.json"

    async def load():
        return Vault(await db.transact(lambda tx: load_keyring(tx, path)))

    async def within(work):
        return await db.transact(work)

    def states():
        return dict(site.ask("SELECT fingerprint, state FROM identity.vault_keys"))

    old_server = await load()
    first = await within(lambda tx: identity.current_vault_key(tx, old_server))
    assert states() == {first: "current"}
    assert await within(lambda tx: identity.use_vault_key(tx, old_server)) == first, "there is none to go on to"

    added = await within(lambda tx: identity.add_vault_key(tx, old_server, path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path], "no draft is left"
    assert states() == {first: "current", added: "added"}
    assert await within(lambda tx: identity.current_vault_key(tx, old_server)) == first, "servers of before go on"
    with pytest.raises(Fault) as caught:
        await within(lambda tx: identity.use_vault_key(tx, old_server))
    assert (caught.value.code, caught.value.facts) == ("identity.vault_key_missing", {"key": added})

    assert await within(lambda tx: identity.add_vault_key(tx, old_server, path)) == added, "it waits to be used"
    new_server = await load()
    assert await within(lambda tx: identity.use_vault_key(tx, new_server)) == added
    assert await within(lambda tx: identity.current_vault_key(tx, new_server)) == added
    with pytest.raises(Fault) as caught:
        await within(lambda tx: identity.current_vault_key(tx, old_server))
    assert (caught.value.code, caught.value.facts) == ("identity.keys_wrong", {"purpose": f"vault {added}"})
    assert await within(identity.old_vault_keys) == [first]
    await within(lambda tx: identity.retire_vault_key(tx, first))
    assert states() == {first: "retired", added: "current"}

    whole = path.read_text()
    path.write_text(Keyring.from_text(whole).without_vault_key(added).to_text())
    with pytest.raises(Fault) as caught:
        await load()
    assert caught.value.facts == {"purpose": f"vault {added}", "path": str(path)}
    path.write_text(whole)
    again = await within(lambda tx: identity.add_vault_key(tx, new_server, path))
    identity.drop_vault_keys(path, [added])
    assert list(Keyring.from_text(path.read_text()).vault_roots()) == [first, again]


@pytest.mark.anyio
async def test_a_key_that_was_written_and_not_named_is_named_the_next_time(db, tmp_path):
    path = tmp_path / "keyring.json"
    vault = Vault(await db.transact(lambda tx: load_keyring(tx, path)))

    async def fails_late(tx):
        await identity.add_vault_key(tx, vault, path)
        raise RuntimeError("the power fails before the commit")

    with pytest.raises(RuntimeError):
        await db.transact(fails_late)
    written = list(Keyring.from_text(path.read_text()).vault_roots())
    assert len(written) == 2
    assert await db.transact(lambda tx: identity.add_vault_key(tx, vault, path)) == written[1]
    assert list(Keyring.from_text(path.read_text()).vault_roots()) == written


@pytest.mark.anyio
async def test_a_key_that_was_added_and_lost_is_never_taken_into_use(site, db, tmp_path):
    path = tmp_path / "keyring.json"
    vault = Vault(await db.transact(lambda tx: load_keyring(tx, path)))
    whole = path.read_text()
    lost = await db.transact(lambda tx: identity.add_vault_key(tx, vault, path))
    path.write_text(whole)
    added = await db.transact(lambda tx: identity.add_vault_key(tx, vault, path))
    vault = Vault(await db.transact(lambda tx: load_keyring(tx, path)))
    assert await db.transact(lambda tx: identity.use_vault_key(tx, vault)) == added
    states = dict(site.ask("SELECT fingerprint, state FROM identity.vault_keys"))
    assert states == {vault.first: "old", lost: "retired", added: "current"}

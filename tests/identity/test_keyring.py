"""The keyring: made once, named in the database, and refused when it is another, exposed or gone."""

import asyncio
import base64
import json
import stat
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from koudai.base import Fault
from koudai.identity import Keyring, load_keyring
from koudai.pg import Database

PURPOSES = ("fields", "ids", "lookup", "signing")
RING = Keyring.generate()


async def load(db, path):
    return await db.transact(lambda tx: load_keyring(tx, path))


async def fault_of(db, path):
    with pytest.raises(Fault) as caught:
        await load(db, path)
    return caught.value


def keys_of(path):
    return json.loads(path.read_text())


async def test_a_first_start_makes_the_keys_and_names_them(site, db, tmp_path):
    path = tmp_path / "new" / "deeper" / "keyring.json"
    ring = await load(db, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path], "no draft is left"
    named = dict(site.ask("SELECT purpose, fingerprint FROM identity.keyring"))
    assert named == ring.fingerprints()
    assert sorted(named) == list(PURPOSES)
    for key in keys_of(path).values():
        for name in named.values():
            assert name not in base64.b64decode(key).hex(), "a fingerprint tells nothing of its key"
    again = await load(db, path)
    assert again.fingerprints() == ring.fingerprints()
    assert site.ask("SELECT count(*) FROM identity.keyring") == [(4,)]


async def test_keys_that_are_there_are_taken(site, db, tmp_path):
    path = tmp_path / "keyring.json"
    path.write_text(RING.to_text())
    path.chmod(0o400)
    assert (await load(db, path)).fingerprints() == RING.fingerprints()
    assert dict(site.ask("SELECT purpose, fingerprint FROM identity.keyring")) == RING.fingerprints()


@pytest.mark.parametrize("wrong", [*[(p,) for p in PURPOSES], ("fields", "lookup"), PURPOSES], ids=", ".join)
async def test_other_keys_are_refused_and_named(site, db, tmp_path, wrong):
    path = tmp_path / "keyring.json"
    await load(db, path)
    other = json.loads(Keyring.generate().to_text())
    path.write_text(json.dumps({p: other[p] if p in wrong else k for p, k in keys_of(path).items()}))
    before = site.ask("SELECT * FROM identity.keyring ORDER BY 1")
    fault = await fault_of(db, path)
    assert fault.code == "identity.keys_wrong"
    assert fault.facts == {"purpose": ", ".join(sorted(wrong)), "path": str(path)}
    assert site.ask("SELECT * FROM identity.keyring ORDER BY 1") == before


async def test_keys_that_are_gone_are_not_made_anew(db, tmp_path):
    path = tmp_path / "keyring.json"
    await load(db, path)
    path.unlink()
    fault = await fault_of(db, path)
    assert (fault.code, fault.facts) == ("identity.keys_missing", {"path": str(path), "purposes": list(PURPOSES)})
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o601, 0o620, 0o644, 0o777])
async def test_keys_that_others_may_read_are_refused(db, tmp_path, mode):
    path = tmp_path / "keyring.json"
    await load(db, path)
    path.chmod(mode)
    fault = await fault_of(db, path)
    assert (fault.code, fault.facts) == ("identity.keys_exposed", {"path": str(path)})
    path.chmod(0o600)
    await load(db, path)


GOOD = json.loads(RING.to_text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "keys",
        "{}",
        "[]",
        "null",
        "1",
        json.dumps({**GOOD, "fields": 1}),
        json.dumps({**GOOD, "fields": None}),
        json.dumps({**GOOD, "fields": "?"}),
        json.dumps({**GOOD, "fields": base64.b64encode(bytes(31)).decode()}),
        json.dumps({p: k for p, k in GOOD.items() if p != "ids"}),
        json.dumps({**GOOD, "more": GOOD["ids"]}),
        json.dumps(GOOD)[:-1],
        "é",
    ],
)
async def test_a_file_that_is_no_keyring_is_refused(db, tmp_path, text):
    path = tmp_path / "keyring.json"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    fault = await fault_of(db, path)
    assert fault.code == "identity.keys_unreadable"
    assert fault.facts["path"] == str(path)
    assert GOOD["lookup"] not in str(fault)


async def test_a_place_where_no_file_can_be_is_told(db, tmp_path):
    (tmp_path / "file").write_text("")
    assert (await fault_of(db, tmp_path / "file" / "keyring.json")).code == "identity.keys_unreadable"
    (tmp_path / "keyring.json").mkdir(mode=0o700)
    assert (await fault_of(db, tmp_path / "keyring.json")).code == "identity.keys_unreadable"


async def test_of_two_first_starts_one_makes_the_keys(site, tmp_path):
    path = tmp_path / "keyring.json"
    async with Database(site.target) as one, Database(site.target) as other:
        rings = await asyncio.gather(*(load(db, path) for db in (one, other, one, other)))
    assert len({tuple(ring.fingerprints().values()) for ring in rings}) == 1
    assert dict(site.ask("SELECT purpose, fingerprint FROM identity.keyring")) == rings[0].fingerprints()
    assert list(tmp_path.iterdir()) == [path]


CONTEXT = st.binary(max_size=16)


@given(st.text(st.characters(exclude_categories=["Cs"])), CONTEXT, CONTEXT)
def test_what_was_sealed_opens_for_its_row_alone(plain, context, other):
    sealed = RING.seal(plain, context)
    assert RING.open(sealed, context) == plain
    assert len(plain) < 4 or plain.encode() not in sealed
    assert RING.seal(plain, context) != sealed, "two seals of one text don't look alike"
    for ring, where in ((RING, other), (Keyring.generate(), context)):
        if ring is RING and other == context:
            continue
        with pytest.raises(Fault) as caught:
            ring.open(sealed, where)
        assert caught.value.code == "identity.keys_wrong"


@given(st.data())
def test_a_seal_that_was_touched_does_not_open(data):
    sealed = RING.seal("9000011234567890128", b"row")
    at = data.draw(st.integers(0, len(sealed) - 1))
    bad = data.draw(
        st.sampled_from([sealed[:at], sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], sealed + b"\0", b""])
    )
    with pytest.raises(Fault) as caught:
        RING.open(bad, b"row")
    assert caught.value.code == "identity.keys_wrong"


@given(st.text(), st.text())
def test_a_value_is_found_by_a_hash_that_needs_the_key(value, other):
    value, other = (text.encode(errors="replace").decode() for text in (value, other))
    assert (RING.lookup_hash(value) == RING.lookup_hash(other)) == (value == other)
    assert len(RING.lookup_hash(value)) == 16
    assert Keyring.generate().lookup_hash(value) != RING.lookup_hash(value)


KIND = st.sampled_from(["gc", "mer", "prg", "gca"])


@given(KIND, KIND, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1))
def test_an_opaque_id_leads_back_to_its_number_and_to_no_other_kind(kind, other, high, low):
    opaque = RING.opaque_id(kind, high, low)
    assert opaque.startswith(f"{kind}_")
    assert len(opaque) == len(kind) + 33
    assert RING.internal_id(kind, opaque) == (high, low)
    if other != kind:
        assert RING.internal_id(other, opaque) is None
        assert RING.internal_id(other, opaque.replace(kind, other, 1)) is None
    assert Keyring.generate().internal_id(kind, opaque) is None


@given(st.text(max_size=60))
def test_no_text_is_taken_for_an_id_by_chance(text):
    assert RING.internal_id("gc", text) is None
    assert RING.internal_id("gc", f"gc_{text}") is None


@pytest.mark.parametrize("spoil", [str.upper, lambda o: o[:-1], lambda o: o + "0", lambda o: o.replace("_", "_ ", 1),
                                   lambda o: o[:10] + " " + o[10:], lambda o: f" {o}", lambda o: o + "\n"])  # fmt: skip
def test_an_id_has_one_spelling(spoil):
    assert RING.internal_id("gc", spoil(RING.opaque_id("gc", 1))) is None


def test_opaque_ids_tell_no_order_and_no_number():
    ids = RING.opaque_ids("gc", [(n, 0) for n in range(1, 2001)])
    assert ids == [RING.opaque_id("gc", n) for n in range(1, 2001)]
    assert len(set(ids)) == 2000
    assert ids != sorted(ids)
    rising = sum(a < b for a, b in pairwise(ids))
    assert 850 < rising < 1150, "neighbours stand in no order"
    assert len({i[3:11] for i in ids}) > 1990
    assert RING.opaque_ids("gc", []) == []


@pytest.mark.parametrize("keys", [{}, {"fields": bytes(32)}, {p: bytes(31) for p in PURPOSES}])
def test_a_keyring_is_whole(keys):
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(keys)

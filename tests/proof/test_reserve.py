"""Reserve proofs: whoever is counted can prove it, and who isn't, or for less, can't be shown that he is."""

import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings, strategies as st

from koudai import ledger, proof
from koudai.base import Asset, Fault, merkle
from koudai.ledger.reserves import owed
from koudai.proof import Key, ProofFault, Unproven, check, formats, verify
from koudai.proof.reserve import (
    BUNDLE,
    MOST_OWED,
    MOST_PARTS,
    NODE,
    Owner,
    Reserve,
    build,
    count_parts,
    cut,
    largest_part,
    part_data,
    read_bundle,
    reserve,
    reserve_of,
    snapshot,
)

ORIGIN = "example.org/pocket"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
PUBLIC = Key.read(formats.verifier_key(ORIGIN, PRIVATE.public_key()))
SECRET = bytes(range(32))
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
PEOPLE = {"gftc_a": 10_000, "gftc_b": 500, "gftc_c": 1, "gftc_d": 0, "gftc_e": 999_999}

balances_of_any = st.dictionaries(
    st.from_regex(r"[^\W_]{1,8}", fullmatch=True), st.one_of(st.integers(0, 5), st.integers(0, 2**57)), max_size=24
)
thrifty = settings(max_examples=40, deadline=None)


def signed(total, leaves, root, **other):
    """A summary, signed whatever it says."""
    told = {"issuer": "Pocket & Söhne", "mode": "live", "asset": "CNY", "as_of": NOON} | other
    log = {"log_size": 0, "log_root": merkle.EMPTY_ROOT}
    totals = formats.Totals(**{**log, **told}, total_minor=total, leaves=leaves, root=root)
    return formats.sign_summary(ORIGIN, totals, PRIVATE)


def made(balances, secret=SECRET):
    """A reserve of balances, and its summary."""
    tree = build(balances.items(), secret)
    return Reserve(tree, signed(tree.total, tree.leaves, tree.root))


def told(file):
    """What a file proves."""
    return verify(file if isinstance(file, bytes) else file.encode(), PUBLIC).facts


def refused(file, key=PUBLIC):
    """The code under which a file is refused."""
    with pytest.raises(Unproven) as caught:
        verify(file if isinstance(file, bytes) else file.encode(), key)
    return caught.value.code


def file_of(leaves, whole):
    return formats.reserve(leaves, whole.summary)


PEOPLES = made(PEOPLE)


@thrifty
@given(balances_of_any)
def test_every_holder_is_counted_and_all_of_them_make_the_total(balances):
    whole = made(balances)
    assert told(whole.summary)["total_minor"] == whole.tree.total == sum(balances.values())
    taken = []
    for holder, balance in balances.items():
        leaves = whole.tree.proof(holder)
        facts = told(file_of(leaves, whole))
        assert (facts["holder"], facts["balance_minor"], facts["parts"]) == (holder, balance, len(leaves))
        taken += [index for _, index, _ in leaves]
    assert len(set(taken)) == len(taken) == len(whole.tree.place)
    assert whole.tree.leaves == 1 << max(len(taken) - 1, 0).bit_length(), "padded to a power of two, and no further"
    with pytest.raises(KeyError):
        whole.tree.proof("nobody_")


@thrifty
@given(balances_of_any.filter(bool), st.data())
def test_whatever_is_altered_is_found(balances, draw):
    whole = made(balances)
    holder = draw.draw(st.sampled_from(sorted(balances)))
    leaves = whole.tree.proof(holder)
    at = draw.draw(st.integers(0, len(leaves) - 1))
    data, index, path = leaves[at]

    def with_leaf(*leaf):
        return file_of([*leaves[:at], leaf, *leaves[at + 1 :]], whole)

    def flipped(raw):
        bit = draw.draw(st.integers(0, 8 * len(raw) - 1))
        return (int.from_bytes(raw) ^ 1 << bit).to_bytes(len(raw))

    refused(with_leaf(flipped(data), index, path))
    other = draw.draw(st.one_of(st.integers(0, 2 * whole.tree.leaves), st.integers(0, 2**63 - 1)))
    if other != index:
        refused(with_leaf(data, other, path))
    refused(with_leaf(data, index + whole.tree.leaves, path))
    refused(with_leaf(data, index, [*path, bytes(NODE)]))
    for height in range(len(path)):
        refused(with_leaf(data, index, [*path[:height], flipped(path[height]), *path[height + 1 :]]))
        refused(with_leaf(data, index, path[:height] + path[height + 1 :]))
    refused(file_of([*leaves[: at + 1], *leaves[at:]], whole))
    if len(leaves) > 1:
        assert refused(file_of(leaves[:at] + leaves[at + 1 :], whole)) == ProofFault.MISMATCH, "a part is missing"
        assert refused(file_of(leaves[::-1], whole)) == ProofFault.MISMATCH, "another order"


@pytest.mark.parametrize("holder", ["gftc_b", "gftc_c", "gftc_d"])
def test_not_a_byte_of_a_file_can_be_changed(holder):
    small = made({"gftc_b": 500, "gftc_c": 1, "gftc_d": 0})
    raw = file_of(small.tree.proof(holder), small).encode()
    assert told(raw)["holder"] == holder
    for at, byte in enumerate(raw):
        for other in {byte ^ 1, byte ^ 0x20, 0x0A, 0x00, 0x41, 0xFF} - {byte}:
            refused(raw[:at] + bytes([other]) + raw[at + 1 :])
        refused(raw[:at] + raw[at + 1 :])
        refused(raw[:at])
        refused(raw[:at] + b"\n" + raw[at:])


def test_not_a_byte_of_a_summary_can_be_changed():
    raw = PEOPLES.summary.encode()
    for at, byte in enumerate(raw):
        for other in {byte ^ 1, byte ^ 0x20, 0x0A} - {byte}:
            refused(raw[:at] + bytes([other]) + raw[at + 1 :])
        refused(raw[:at] + raw[at + 1 :])
        refused(raw[:at])


def forged(leaves, node, count=None):
    """A signed tree whose maker keeps to no rule: `node` tells the sum and the hash of two nodes; and its proofs."""
    levels = [[(amount, sha256(b"\0" + data).digest()) for data, amount in leaves]]
    while len(levels[-1]) > 1:
        pairs = iter(levels[-1])
        levels.append([node(*pair) for pair in zip(pairs, pairs, strict=True)])
    ((total, root),) = levels[-1]
    whole = Reserve(PEOPLES.tree, signed(total, count or len(leaves), root))

    def proof_of(index):
        path = [level[(index >> height) ^ 1] for height, level in enumerate(levels[:-1])]
        told = [total.to_bytes(8) + node for total, node in path]
        return file_of([(leaves[index][0], index, told)], whole)

    return whole, [proof_of(index) for index in range(len(leaves))]


def packed(left, right):
    return sha256(b"\1" + left[0].to_bytes(8) + left[1] + right[0].to_bytes(8) + right[1]).digest()


def leaf(holder, amount):
    return part_data(bytes(16), amount, amount, holder), amount


FOUR = [leaf(name, amount) for name, amount in (("a", 5), ("b", 7), ("c", 7), ("d", 1))]


def test_a_tree_that_keeps_to_the_rules_is_accepted_whoever_made_it():
    whole, files = forged(FOUR, lambda left, right: (left[0] + right[0], packed(left, right)))
    assert told(whole.summary)["total_minor"] == 20
    assert [told(file)["balance_minor"] for file in files] == [5, 7, 7, 1]


@pytest.mark.parametrize("claims", [max, min, lambda *_: 0, lambda left, right: left + right - 1])
def test_a_node_that_claims_less_than_both_of_its_children_is_found(claims):
    _, files = forged(FOUR, lambda left, right: (claims(left[0], right[0]), packed(left, right)))
    assert [refused(file) for file in files] == [ProofFault.NOT_INCLUDED] * 4


def test_a_node_that_hashes_its_own_sum_and_not_its_childrens_proves_nothing():
    # Hu, Zhang and Guo's attack on Maxwell's tree: each child is shown the other one smaller than it is.
    def node(left, right):
        total = max(left[0], right[0])
        return total, sha256(b"\1" + total.to_bytes(8) + left[1] + right[1]).digest()

    whole, files = forged(FOUR, node)
    data, index, path = FOUR[0][0], 0, [(2).to_bytes(8), (0).to_bytes(8)]
    hashes = [sha256(b"\0" + FOUR[1][0]).digest(), node((7, sha256(b"\0" + FOUR[2][0]).digest()),
                                                        (1, sha256(b"\0" + FOUR[3][0]).digest()))[1]]  # fmt: skip
    lie = [small + hashed for small, hashed in zip(path, hashes, strict=True)]
    assert told(whole.summary)["total_minor"] == 7
    assert refused(file_of([(data, index, lie)], whole)) == ProofFault.NOT_INCLUDED
    assert [refused(file) for file in files] == [ProofFault.NOT_INCLUDED] * 4


def test_a_sibling_cant_be_shown_smaller_than_it_was_hashed():
    whole, _ = forged(FOUR, lambda left, right: (left[0] + right[0], packed(left, right)))
    digest = sha256(b"\0" + FOUR[1][0]).digest()
    upper = packed(*((amount, sha256(b"\0" + data).digest()) for data, amount in FOUR[2:]))
    for first, second in ((7, 8), (6, 8), (6, 9), (0, 15)):
        path = [first.to_bytes(8) + digest, second.to_bytes(8) + upper]
        file = file_of([(FOUR[0][0], 0, path)], whole)
        assert told(file) if (first, second) == (7, 8) else refused(file) == ProofFault.NOT_INCLUDED


@pytest.mark.parametrize("minus", [2**64 - 1, 2**64 - 12, 2**63, 2**63 - 1])
def test_nothing_is_negative_and_nothing_overflows(minus):
    # A sum that wraps around would let a leaf of 2^64-1 take one away from the total.
    leaves = [leaf("a", 5), leaf("b", minus)]
    _, files = forged(leaves, lambda left, right: ((left[0] + right[0]) % 2**63, packed(left, right)))
    assert [refused(file) for file in files] == [ProofFault.NOT_INCLUDED] * 2
    _, files = forged([*leaves, *leaves], lambda left, right: ((left[0] + right[0]) % 2**63, packed(left, right)))
    assert [refused(file) for file in files] == [ProofFault.NOT_INCLUDED] * 4


def part(holder, balance, amount):
    return part_data(bytes(16), balance, amount, holder), amount


def test_a_balance_is_one_holders_and_a_part_that_of_one_balance():
    leaves = [leaf("a", 9), leaf("b", 9), part("a", 9, 2), part("a", 9, 7), part("b", 9, 7), part("a", 7, 7),
              leaf("", 0), leaf("", 0)]  # fmt: skip
    whole, files = forged(leaves, lambda left, right: (left[0] + right[0], packed(left, right)))
    assert told(files[0])["holder"] == "a"
    assert told(files[1])["holder"] == "b", "who has as much as another can't be shown that one's leaf as his"
    assert refused(files[2]) == ProofFault.MISMATCH, "a part alone"
    assert refused(files[6]) == ProofFault.MISMATCH, "padding is nobody's"
    blocks = [file.split("\n\n")[0].removeprefix("koudai-reserve@v1\n") for file in files]

    def of(*numbers):
        return "\n".join(["koudai-reserve@v1", *(blocks[number] for number in numbers), "", whole.summary])

    assert told(of(2, 3))["parts"] == 2
    assert refused(of(2, 4)) == ProofFault.MISMATCH, "another's part makes it up"
    assert refused(of(2, 5)) == ProofFault.MISMATCH, "a part of another balance makes it up"
    assert refused(of(0, 1)) == ProofFault.MISMATCH


@pytest.mark.parametrize("count", [1, 2, 8, 2**62])
def test_a_tree_has_as_many_leaves_as_were_signed(count):
    _, files = forged(FOUR, lambda left, right: (left[0] + right[0], packed(left, right)), count)
    assert [refused(file) for file in files] == [ProofFault.NOT_INCLUDED] * 4


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d[:-1], ProofFault.MALFORMED),
        (lambda d: d + b"\0", ProofFault.MALFORMED),
        (lambda d: d.replace(b"v1", b"v2"), ProofFault.MALFORMED),
        (lambda d: d.replace(b"a", b"\xff"), ProofFault.MALFORMED),
        (lambda d: b"", ProofFault.MALFORMED),
    ],
)
def test_signed_leaf_data_that_cant_be_read_is_refused(change, code):
    data, amount = leaf("a", 5)
    _, files = forged([(change(data), amount)], None)
    assert refused(files[0]) == code
    assert told(forged([(data, amount)], None)[1][0])["balance_minor"] == 5


def test_without_a_leaf_nothing_is_proven():
    assert refused(f"koudai-reserve@v1\n\n{PEOPLES.summary}") == ProofFault.MALFORMED


def test_a_checkpoint_is_no_summary_and_a_summary_no_checkpoint(log):
    assert log.key == PUBLIC
    assert verify(PEOPLES.summary.encode(), PUBLIC).kind == "reserve-summary"
    assert verify(log.checkpoint().encode(), PUBLIC).kind == "checkpoint"
    leaves = PEOPLES.tree.proof("gftc_b")
    assert refused(formats.reserve(leaves, log.checkpoint())) == ProofFault.WRONG_KEY
    assert refused(formats.consistency(PEOPLES.summary, log.checkpoint(), [])) == ProofFault.WRONG_KEY
    named = PEOPLES.summary.replace("/reserve", "")
    assert refused(named) == ProofFault.MALFORMED
    assert refused(formats.reserve(leaves, named)) == ProofFault.WRONG_KEY
    other = Key.read(formats.verifier_key(ORIGIN, Ed25519PrivateKey.generate().public_key()))
    assert refused(PEOPLES.summary, other) == ProofFault.WRONG_KEY
    assert refused(file_of(leaves, PEOPLES), other) == ProofFault.WRONG_KEY
    suffixed = Key.read(formats.verifier_key(f"{ORIGIN}/reserve", PRIVATE.public_key()))
    assert refused(PEOPLES.summary, suffixed) == ProofFault.MALFORMED, "nor of a log that has such a name"


def test_a_file_tells_what_it_proves():
    kind, said, facts = verify(file_of(PEOPLES.tree.proof("gftc_b"), PEOPLES).encode(), PUBLIC)
    assert kind == "reserve"
    assert said == (
        "500 CNY in minor units of gftc_b are counted in the 1010500 CNY that Pocket & Söhne (live) owed"
        " as of 2024-05-01T12:00:00.000000Z"
    )
    assert facts == {
        "holder": "gftc_b",
        "balance_minor": 500,
        "parts": 2,
        "origin": "example.org/pocket/reserve",
        "issuer": "Pocket & Söhne",
        "mode": "live",
        "asset": "CNY",
        "as_of": "2024-05-01T12:00:00.000000Z",
        "tree_size": 0,
        "log_root": base64.b64encode(merkle.EMPTY_ROOT).decode(),
        "total_minor": 1_010_500,
        "leaves": PEOPLES.tree.leaves,
        "root": base64.b64encode(PEOPLES.tree.root).decode(),
    }


@pytest.mark.parametrize("name", ["a\nb", "a\x1b", "\u2028"])
def test_a_name_that_doesnt_stand_in_a_line_is_not_signed(name):
    for field in ("issuer", "mode", "asset"):
        with pytest.raises(ValueError, match="written in a line"):
            signed(0, 1, bytes(32), **{field: name})
    with pytest.raises(ValueError, match="below 2"):
        signed(2**63, 1, bytes(32))


@thrifty
@given(balances_of_any, st.randoms())
def test_it_is_made_of_balances_and_secret_alone(balances, random):
    tree = build(balances.items(), SECRET)
    shuffled = list(balances.items())
    random.shuffle(shuffled)
    again = build(iter(shuffled), SECRET)
    assert (again.root, again.place) == (tree.root, tree.place)
    other = build(balances.items(), bytes(32))
    assert (other.total, other.leaves) == (tree.total, tree.leaves)
    assert other.root != tree.root


@pytest.mark.parametrize(
    ("balances", "error"),
    [
        ([("a", -1)], ValueError),
        ([("a", 1), ("a", 1)], ValueError),
        ([("", 1)], ValueError),
        ([("a b", 1)], ValueError),
        ([("a\n", 1)], ValueError),
        ([("\ud800", 1)], ValueError),
        ([("a" * 2**16, 1)], ValueError),
        ([("a", MOST_OWED + 1)], OverflowError),
        ([("a", MOST_OWED), ("b", 1)], OverflowError),
    ],
)
def test_what_cant_be_counted_is_refused(balances, error):
    with pytest.raises(error):
        build(balances, SECRET)


def test_a_secret_has_32_bytes():
    with pytest.raises(ValueError, match="32 bytes"):
        build([], b"short")


def test_the_largest_total_there_can_be_is_proven():
    others = {f"one_{number}": 1 for number in range(2000)}
    whole = made({"whale": MOST_OWED - 2000, **others})
    assert told(file_of(whole.tree.proof("one_7"), whole))["total_minor"] == MOST_OWED
    file = file_of(whole.tree.proof("whale"), whole)
    assert told(file)["parts"] == MOST_PARTS
    assert len(file) < check.MAX_FILE // 4


@given(st.integers(0, 2**63 - 1), st.integers(0, 62), st.data())
@settings(deadline=None)
def test_no_part_is_larger_than_the_largest(balance, power, draw):
    most = max(1 << power, largest_part([balance]) if balance else 1)
    count = count_parts(balance, most)
    extremes = st.sampled_from([0, 2**128 - 1])
    draws = draw.draw(st.lists(st.one_of(extremes, st.integers(0, 2**128)), min_size=count, max_size=count))
    parts = cut(balance, most, draws)
    assert sum(parts) == balance
    assert len(parts) == count <= MOST_PARTS
    assert count > 1 or balance < 2
    assert all(0 < part <= most for part in parts) or parts == [0]


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=200))
def test_there_are_four_leaves_a_holder_at_most(balances):
    most = largest_part(balances)
    assert most & (most - 1) == 0
    assert most >= sum(balances) / len(balances)
    assert max(count_parts(balance, most) for balance in balances) <= MOST_PARTS
    if max(balances) // 512 <= sum(balances) // len(balances):
        assert most < 2 * max(1, -(-sum(balances) // len(balances)))
    assert sum(count_parts(balance, most) for balance in balances) <= 4 * len(balances)


def test_parts_are_cut_all_over_and_lie_everywhere():
    ways = [build(PEOPLE.items(), sha256(b"%d" % n).digest()) for n in range(400)]
    places = [tree.place[0] * 4 // tree.leaves for tree in ways]
    cuts = [int.from_bytes(tree.proof("gftc_b")[0][0][-16:-8]) for tree in ways]
    for quarter in range(4):
        assert 60 < places.count(quarter) < 140
        assert 60 < sum(1 for part in cuts if part * 4 // 501 == quarter) < 140
    assert len({tree.proof("gftc_b")[0][0][19:35] for tree in ways}) == 400, "a salt is another one each time"


def test_who_has_the_salts_of_one_learns_none_of_anothers():
    salts = {data[19:35] for holder in PEOPLE for data, _, _ in PEOPLES.tree.proof(holder)}
    assert len(salts) == len(PEOPLES.tree.place)
    file = file_of(PEOPLES.tree.proof("gftc_b"), PEOPLES).encode()
    shown = b"".join(base64.b64decode(line) for line in re.findall(rb"[A-Za-z0-9+/=]{20,}", file))
    for holder in set(PEOPLE) - {"gftc_b"}:
        for data, _, _ in PEOPLES.tree.proof(holder):
            assert data[19:35] not in shown
            assert sha256(SECRET).digest() not in shown


def test_what_is_kept_gives_the_same_proofs_and_nothing_else_does():
    text = PEOPLES.bundle()
    kept = read_bundle(text, PUBLIC)
    assert kept.bundle() == text
    assert [reserve_of(kept, PUBLIC, one) for one in PEOPLE] == [reserve_of(PEOPLES, PUBLIC, one) for one in PEOPLE]
    with pytest.raises(Fault) as caught:
        reserve_of(kept, PUBLIC, "gftc_z")
    assert (caught.value.code, caught.value.facts) == ("proof.not_counted", {"holder": "gftc_z"})
    other = Key.read(formats.verifier_key(ORIGIN, Ed25519PrivateKey.generate().public_key()))
    spoilt = [
        "",
        text[:-1],
        text.replace("gftc_b 500", "gftc_b 501"),
        text.replace("gftc_b 500", "gftc_x 500"),
        text.replace("gftc_b 500", "gftc_b"),
        text.replace("gftc_b 500\n", ""),
        text + "gftc_z 0\n",
        text.replace("secret A", "secret B"),
        text.replace("secret AA", "secret A"),
        text.replace("summary ", "summary AAAA"),
        text.replace(BUNDLE, "koudai-reserve@v1"),
        f"{BUNDLE}\n",
    ]
    for one, key in [*((one, PUBLIC) for one in spoilt), (text, other)]:
        with pytest.raises(Fault) as caught:
            read_bundle(one, key)
        assert caught.value.code == "proof.broken"


def test_nothing_is_handed_out_that_doesnt_hold():
    with pytest.raises(Fault) as caught:
        reserve_of(Reserve(PEOPLES.tree, signed(7, PEOPLES.tree.leaves, PEOPLES.tree.root)), PUBLIC, "gftc_a")
    assert caught.value.code == "proof.broken"


def test_of_many_holders_each_has_a_small_file():
    tree = build(((f"gftc_{n:032x}", 1 + n * 7919 % 50_000) for n in range(20_000)), SECRET)
    whole = Reserve(tree, signed(tree.total, tree.leaves, tree.root))
    for number in range(0, 20_000, 997):
        file = file_of(tree.proof(f"gftc_{number:032x}"), whole)
        assert told(file)["balance_minor"] == 1 + number * 7919 % 50_000
        assert len(file) < 20_000


_keys = itertools.count()
CNY, GBP = Asset("CNY", 2), Asset("GBP", 2)
OWNER = Owner(1, "Pocket", "live")


async def stocked(db, *minors, book=1, asset=CNY):
    """Constrained accounts that hold amounts; their ids."""

    async def work(tx):
        held = await ledger.open_accounts(tx, book, asset, "test", constrained=True, count=len(minors))
        (purse,) = await ledger.open_accounts(tx, book, asset, "purse", constrained=False)
        return held, purse

    held, purse = await db.transact(work)
    postings = [
        ledger.Posting(
            key=f"reserve-{next(_keys)}", debit=purse, credit=account, amount_minor=minor, asset=asset.code,
            kind="load", event_at=NOON,
        )
        for account, minor in zip(held, minors, strict=True) if minor
    ]  # fmt: skip
    await db.transact(lambda tx: ledger.post(tx, book, postings))
    return held


async def made_by(db, keyring, owner=OWNER, asset="CNY"):
    return await reserve(db, keyring, owner, asset, lambda ids: keyring.opaque_ids("gftc", [(n, 0) for n in ids]))


def offline(folder, *files):
    """What the copied checker says of files, by a process that knows nothing of koudai."""
    command = [sys.executable, "-I", "check.py", *files, "--key", "issuer.key", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return map(json.loads, done.stdout.splitlines())


@pytest.mark.parametrize("major", [16, 18])
async def test_what_a_book_owes_is_counted_and_checked_offline(db, keyring, tmp_path):
    first, second, empty = await stocked(db, 1250, 3, 0)
    await stocked(db, 77, asset=GBP)
    await stocked(db, 99, book=2)
    whole = await made_by(db, keyring)
    key = proof.public_key(keyring)
    shutil.copy(check.__file__, tmp_path / "check.py")
    (tmp_path / "issuer.key").write_text(f"{key.text()}\n", encoding="utf-8")
    (tmp_path / "summary").write_text(whole.summary, encoding="utf-8")
    for name, account in (("first", first), ("second", second)):
        file = reserve_of(whole, key, keyring.opaque_id("gftc", account))
        (tmp_path / name).write_text(file, encoding="utf-8")
    one, two, of = offline(tmp_path, "first", "second", "summary")
    assert (one["holder"], one["balance_minor"]) == (keyring.opaque_id("gftc", first), 1250)
    assert two["balance_minor"] == 3
    assert (of["kind"], of["total_minor"], of["issuer"], of["mode"]) == ("reserve-summary", 1253, "Pocket", "live")
    with pytest.raises(Fault, match="not_counted"):
        reserve_of(whole, key, keyring.opaque_id("gftc", empty))
    assert told_by(keyring, (await made_by(db, keyring, OWNER, "GBP")).summary)["total_minor"] == 77
    assert read_bundle(whole.bundle(), key).summary == whole.summary


def told_by(keyring, file):
    return verify(file.encode(), proof.public_key(keyring)).facts


async def test_it_names_the_log_that_it_is_as_of(site, db, keyring):
    await stocked(db, 5)
    await stocked(db, 6)
    of = told_by(keyring, (await made_by(db, keyring)).summary)
    ((size, root),) = site.ask("SELECT tree_size, root FROM proof.checkpoints")
    assert (of["tree_size"], base64.b64decode(of["log_root"])) == (size, root)
    assert size == site.ask("SELECT count(*) FROM proof.leaves")[0][0] > 0
    assert of["as_of"] > "2024"
    one, other = await made_by(db, keyring), await made_by(db, keyring)
    assert one.tree.secret != other.tree.secret
    assert one.tree.root != other.tree.root


async def test_where_nothing_is_owed_or_too_much_there_is_none(site, db, keyring):
    for owner, asset in ((OWNER, "CNY"), (OWNER, "XXX"), (Owner(9, "Nobody", "test"), "CNY")):
        with pytest.raises(Fault) as caught:
            await made_by(db, keyring, owner, asset)
        assert (caught.value.code, caught.value.facts["asset"]) == ("proof.nothing_owed", asset)
    await stocked(db, 5, 6)
    site.change(f"UPDATE ledger.accounts SET balance_minor = {2**62} WHERE constrained")
    with pytest.raises(Fault) as caught:
        await made_by(db, keyring)
    assert caught.value.code == "proof.total_too_large"


async def test_all_pages_are_of_one_moment(site, db):
    held = await stocked(db, 10, 20, 30, 40)
    async with db.transaction(snapshot=True) as tx:
        pages = owed(tx, 1, "CNY", page=1)
        seen = [await anext(pages)]
        site.change("UPDATE ledger.accounts SET balance_minor = 0 WHERE constrained")
        seen += [pair async for pair in pages]
    assert seen == list(zip(held, (10, 20, 30, 40), strict=True))
    async with db.transaction(snapshot=True) as tx:
        assert (await snapshot(tx, 1, "CNY")).accounts == []


async def test_value_that_moves_meanwhile_is_counted_once(db, keyring):
    first, second = await stocked(db, 1000, 1000)

    async def move():
        for n in range(40):
            way = {"debit": (first, second)[n % 2], "credit": (second, first)[n % 2]}
            one = ledger.Posting(key=f"m{n}", amount_minor=7, asset="CNY", kind="move", event_at=NOON, **way)
            await db.transact(lambda tx, one=one: ledger.post(tx, 1, [one]))

    moving = asyncio.create_task(move())
    totals = [told_by(keyring, (await made_by(db, keyring)).summary)["total_minor"] for _ in range(5)]
    await moving
    assert totals == [2000] * 5


def test_the_example_of_the_reference_holds():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "proofs.md").read_text(encoding="utf-8")
    (file,) = re.findall(r"```\n(koudai-reserve@v1\n.*?)```", page, re.S)
    tree = build({"gftc_a": 1250, "gftc_b": 800}.items(), SECRET)
    whole = Reserve(tree, signed(tree.total, tree.leaves, tree.root, issuer="Pocket"))
    assert file == file_of(tree.proof("gftc_b"), whole)
    assert (told(file)["balance_minor"], told(file)["total_minor"]) == (800, 2050)

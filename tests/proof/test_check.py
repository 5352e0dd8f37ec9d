"""The checker: what holds is proven with its facts, and what doesn't is refused under its code."""

import base64
import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, strategies as st

from koudai.base import merkle
from koudai.ledger.leaves import batch_data, entry_data
from koudai.proof import Key, LogFault, ProofFault, Unproven, verify
from koudai.proof.check import MAX_FILE, is_consistent, is_included
from koudai.proof.formats import consistency, receipt, sign_checkpoint, verifier_key

# As they were handed out once: any later checker accepts them.
KEY = "example.org/pocket+533daf88+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
RECEIPT = """\
koudai-receipt@v1
entry AA9rb3VkYWkuZW50cnkudjGJhtgCeAIHwDrGNFsvlnfDAAAAAAAAAAoAAAADAAMAAAADAAAAAAAAA+sAAAAAAAAAAAAAAAAAAAfQAAAAAAAAAAAAAAAAAAAHzwAGF2M52TADAANDTlkABnJlZGVlbQAAAAQAAAAAAAAD6wAAAAAAAAAHAAAAAAAAB9EAAAAAAAAAAAAAAAAAAAfQAAYXYznZMAMAA0NOWQAGcmVkZWVtAAAABQAAAAAAAAPrAAAAAAAAAA4AAAAAAAAH0gAAAAAAAAAAAAAAAAAAB9EABhdjOdkwAwADQ05ZAAZyZWRlZW0=
entry-index 1
entry-hash 1rItj13XFTV892tqJU1rPqH6Kr+oMhlfliqGnqfzZUQ=
entry-hash ozSj/S3LH76wPDTAAzDwovSd3hVyNkQ+wc/zqdfo+VM=
batch AA9rb3VkYWkuYmF0Y2gudjEAAAAAAAAACgAAAAMABhdjOnHGgAAAAAMnhP2hz9G0hdDVnxS+MIwMM43/iHlSl6RC1rxfFJa3Vw==
batch-index 0
batch-hash 4hC7tOMtNqW500NlE/5awxixE15NU+MJOek95ABMuE8=
batch-hash PL/4fayw/PPVHJe9H+z+BmKlW+a90PyWc+xG+T+KFMY=
batch-hash 2/xowyssbdEWYLmAK3q5epKAyQUl6Y6GsTuxJ5CayjU=

example.org/pocket
5
9MymNGTS9GPjgHV7Dd5qwJaWwsjvMYUtXaoPj6lnn4I=

— example.org/pocket Uz2viN4My0r7YYZDZ3sTEMuLSl71C7XhrKuf4Vt3PHcFquWWDBHIxTSJICjblKDO4pYqTMVw/C7UfG0a0UV1htC3JA0=
"""
CONSISTENCY = """\
koudai-consistency@v1
old ZXhhbXBsZS5vcmcvcG9ja2V0CjMKYVNqZUZzaURhc0djSXcxdWduTEMxZHh0V2xMQzR5Z1FvU2VCUk9wRjZQdz0KCuKAlCBleGFtcGxlLm9yZy9wb2NrZXQgVXoydmlKU0lNRllrZW1Hd3VRejZoTTE4VmFCc0xIRkY2T2FHS09Dd1BTNUtMUGgwdVFpdEZNdVY5VURMMGpZdDdET1hJMUd5ZHp3VkxGa1JnckxjYTVCN0t3VT0K
new ZXhhbXBsZS5vcmcvcG9ja2V0CjUKOU15bU5HVFM5R1BqZ0hWN0RkNXF3SmFXd3Nqdk1ZVXRYYW9QajZsbm40ST0KCuKAlCBleGFtcGxlLm9yZy9wb2NrZXQgVXoydmlONE15MHI3WVlaRFozc1RFTXVMU2w3MUM3WGhyS3VmNFZ0M1BIY0ZxdVdXREJISXhUU0pJQ2pibEtETzRwWXFUTVZ3L0M3VWZHMGEwVVYxaHRDM0pBMD0K
hash ZZfc7yQXQhBLja05UE5W2CJWiIodOvIjV33QyhVLWu0=
hash 5W02X4IvM3q3GV1GimApTUdAMJxk9muJO2ad4ZQIwOs=
hash 8HbHbfufOukJj4Q2cVDb7nLzgz+OU7vuPYTVHQ9Yw/4=
hash 2/xowyssbdEWYLmAK3q5epKAyQUl6Y6GsTuxJ5CayjU=
"""

CHECKPOINT = {
    "origin": "example.org/pocket",
    "tree_size": 5,
    "root": "9MymNGTS9GPjgHV7Dd5qwJaWwsjvMYUtXaoPj6lnn4I=",
}


def refused(text, key):
    """The code and the detail under which a file is refused."""
    with pytest.raises(Unproven) as caught:
        verify(text if isinstance(text, bytes) else text.encode(), key)
    return caught.value.code, caught.value.detail


def line(text, number, new):
    """The text with another line in that place, counted from 1."""
    lines = text.split("\n")
    lines[number - 1] = new
    return "\n".join(lines)


def test_what_is_written_today_is_what_was_handed_out(log):
    assert log.key.text() == KEY
    assert log.receipt(0, 1) == RECEIPT
    assert log.consistency(3) == CONSISTENCY


def test_a_receipt_tells_what_it_proves():
    kind, said, facts = verify(RECEIPT.encode(), Key.read(KEY))
    moved = {"debit_account": 1003, "event_at": "2024-05-01T12:00:00.000003Z", "asset": "CNY", "kind": "redeem"}
    assert kind == "receipt"
    assert facts == {
        "batch_id": 10,
        "book": 3,
        "recorded_at": "2024-05-01T12:00:10Z",
        "entries": 3,
        "entry_index": 1,
        "batch_index": 0,
        "ordinal": 3,
        "legs": [
            {**moved, "ordinal": 3, "debit_lot": 0, "credit_account": 2000, "credit_lot": 0, "amount_minor": 1999},
            {**moved, "ordinal": 4, "debit_lot": 7, "credit_account": 2001, "credit_lot": 0, "amount_minor": 2000},
            {**moved, "ordinal": 5, "debit_lot": 14, "credit_account": 2002, "credit_lot": 0, "amount_minor": 2001},
        ],
        **CHECKPOINT,
    }
    assert said.startswith(
        "entry 3 of batch 10, recorded 2024-05-01T12:00:10Z in book 3, is in the log example.org/pocket of 5 batches:"
        " 1999 CNY in minor units from account 1003 to account 2000, redeem, 2024-05-01T12:00:00.000003Z; 2000 CNY"
    )


def test_a_consistency_proof_and_a_checkpoint_tell_what_they_prove(log):
    told = verify(CONSISTENCY.encode(), log.key)
    old = {"origin": "example.org/pocket", "tree_size": 3, "root": "aSjeFsiDasGcIw1ugnLC1dxtWlLC4ygQoSeBROpF6Pw="}
    assert (told.kind, told.facts) == ("consistency", {"old": old, "new": CHECKPOINT})
    assert "from 3 to 5 batches" in told.said
    told = verify(log.checkpoint().encode(), log.key)
    assert told == ("checkpoint", "example.org/pocket signed a log of 5 batches", CHECKPOINT)


def test_every_entry_has_a_receipt_under_every_checkpoint_since(log):
    for batch, entries in enumerate(log.entries):
        for entry, legs in enumerate(entries):
            for size in range(batch + 1, len(log.batches) + 1):
                facts = verify(log.receipt(batch, entry, size).encode(), log.key).facts
                assert (facts["batch_id"], facts["ordinal"]) == (10 + batch, legs[0][0])
                assert len(facts["legs"]) == len(legs)


def test_every_two_checkpoints_of_a_log_are_consistent(log):
    for new in range(len(log.batches) + 1):
        for old in range(new + 1):
            facts = verify(log.consistency(old, new).encode(), log.key).facts
            assert (facts["old"]["tree_size"], facts["new"]["tree_size"]) == (old, new)


@given(st.integers(1, 300), st.data())
def test_an_inclusion_proof_holds_for_its_own_leaf_index_and_root_alone(size, draw):
    index = draw.draw(st.integers(0, size - 1))
    leaves = [b"leaf %d" % n for n in range(size)]
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    plan, root = merkle.inclusion_plan(index, size), merkle.root(hashes)
    path = plan.combine([merkle.root(hashes[n << level : (n + 1) << level]) for level, n in plan.needed])
    assert is_included(leaves[index], index, size, path, root)
    for other in {0, index - 1, index + 1, index ^ 1, size - 1, *draw.draw(st.lists(st.integers(-1, 600)))} - {index}:
        assert not is_included(leaves[index], other, size, path, root)
    assert not is_included(leaves[index] + b"!", index, size, path, root)
    assert not is_included(leaves[index], index, size, path, bytes(32))
    for at in range(len(path)):
        assert not is_included(leaves[index], index, size, path[:at] + path[at + 1 :], root)
        assert not is_included(leaves[index], index, size, [*path[:at], bytes(32), *path[at + 1 :]], root)
        assert not is_included(leaves[index], index, size, [*path[:at], path[at], *path[at:]], root)
    assert not is_included(leaves[index], index, size, [*path, root], root)
    assert not is_included(leaves[index], index, size, [], root) or size == 1


@given(st.integers(1, 300), st.data())
def test_a_consistency_proof_holds_for_its_own_old_size_and_roots_alone(new, draw):
    old = draw.draw(st.integers(0, new))
    hashes = [merkle.leaf_hash(b"leaf %d" % n) for n in range(new)]
    plan, roots = merkle.consistency_plan(old, new), (merkle.root(hashes[:old]), merkle.root(hashes))
    path = plan.combine([merkle.root(hashes[n << level : (n + 1) << level]) for level, n in plan.needed])
    assert is_consistent(old, roots[0], new, roots[1], path)
    assert not is_consistent(old, bytes(32), new, roots[1], path)
    assert not is_consistent(old, roots[0], new, bytes(32), path) or old == 0
    assert not is_consistent(new, roots[1], old, roots[0], path) or old == new
    for at in range(len(path)):
        assert not is_consistent(old, roots[0], new, roots[1], path[:at] + path[at + 1 :])
        assert not is_consistent(old, roots[0], new, roots[1], [*path[:at], bytes(32), *path[at + 1 :]])
        assert not is_consistent(old, roots[0], new, roots[1], [*path[:at], path[at], *path[at:]])
    assert not is_consistent(old, roots[0], new, roots[1], [*path, roots[1]])
    for other in {old - 1, old + 1, old ^ 1, *draw.draw(st.lists(st.integers(-2, 600)))} - {old}:
        assert not is_consistent(other, roots[0], new, roots[1], path)


def test_roots_that_were_made_for_a_false_proof_prove_nothing():
    a, b = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert not is_included(b"b", 0, 1, [a], merkle.node_hash(a, b)), "a tree of one leaf has no path"
    assert not is_consistent(1, a, 1, merkle.node_hash(b, a), [b])
    assert not is_consistent(2, a, 3, merkle.node_hash(b, merkle.node_hash(a, b)), [b, b]), "the path is too long"
    assert not is_consistent(3, a, 2, merkle.node_hash(a, b), [a, b]), "no log shrinks"
    assert not is_consistent(-1, a, 2, merkle.node_hash(a, b), [b])


def test_another_key_is_refused(log, new_log):
    same_name, other_name = new_log([[1, 1]], seed=2), new_log([[1, 1]], origin="example.com/other")
    for text in (RECEIPT, CONSISTENCY, log.checkpoint()):
        assert refused(text, same_name.key)[0] == ProofFault.WRONG_KEY
        assert refused(text, other_name.key)[0] == ProofFault.WRONG_KEY
    assert refused(same_name.receipt(), log.key) == (
        ProofFault.WRONG_KEY,
        "line 12: this names another key than the one given",
    )


def test_a_key_that_takes_anothers_name_and_id_has_to_sign_as_well(log):
    forger = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
    body = log.checkpoint().partition("\n\n")[0] + "\n"
    signature = base64.b64encode(log.key.id + forger.sign(body.encode())).decode()
    code, detail = refused(f"{body}\n— {log.origin} {signature}\n", log.key)
    assert (code, detail) == (ProofFault.BAD_SIGNATURE, "line 5: this is no signature by the key given")


def test_a_signature_has_one_form_only(log):
    # RFC 8032, 5.1.7: S is below the order L; S + L would satisfy the equation as well.
    order = 2**252 + 27742317777372353535851937790883648493
    body, line_of = log.checkpoint().split("\n\n")
    signature = base64.b64decode(line_of.split(" ")[2])
    s = int.from_bytes(signature[36:], "little")
    assert s < order
    for other in (s + order, s + 2 * order, order - s, 0, order):
        changed = signature[:36] + other.to_bytes(32, "little")
        text = f"{body}\n\n— {log.origin} {base64.b64encode(changed).decode()}\n"
        assert refused(text, log.key)[0] == ProofFault.BAD_SIGNATURE


def test_a_log_that_was_rewritten_is_found(log, new_log):
    other = new_log([[1, 3, 1], [2], [2, 1], [1] * 9, [1, 1]])
    assert other.key == log.key
    for old in range(1, 6):
        plan = merkle.consistency_plan(old, 5)
        path = plan.combine([merkle.root(other.leaves()[n << level : (n + 1) << level]) for level, n in plan.needed])
        mixed = consistency(log.checkpoint(old), other.checkpoint(), path)
        if old == 1:
            assert verify(mixed.encode(), log.key), "their first batch is the same"
        else:
            assert refused(mixed, log.key)[0] == ProofFault.NOT_CONSISTENT


def test_a_log_never_shrinks(log):
    path = [merkle.root(log.leaves()[:4])]
    assert refused(consistency(log.checkpoint(5), log.checkpoint(4), path), log.key)[0] == ProofFault.NOT_CONSISTENT
    assert refused(consistency(log.checkpoint(5), log.checkpoint(0), []), log.key)[0] == ProofFault.NOT_CONSISTENT


def test_where_nothing_needs_proof_no_hash_may_stand(log):
    for old, new in ((0, 0), (0, 5), (5, 5)):
        text = log.consistency(old, new)
        assert verify(text.encode(), log.key)
        assert refused(f"{text}hash {CHECKPOINT['root']}\n", log.key)[0] == ProofFault.NOT_CONSISTENT


def test_notes_of_two_issuers_are_no_history(log, new_log):
    other = new_log([[1], [1]], origin="example.com/other")
    for one, two in ((log, other), (other, log)):
        text = consistency(one.checkpoint(1), two.checkpoint(2), [two.leaves()[1]])
        assert refused(text, log.key)[0] == ProofFault.WRONG_KEY


def test_an_empty_log_has_the_root_of_nothing(log):
    assert verify(log.sign(0, merkle.EMPTY_ROOT).encode(), log.key)
    assert refused(log.sign(0, bytes(32)), log.key) == (
        ProofFault.MISMATCH,
        "line 3: a log of no batches has another root",
    )
    for new in (0, 5):
        text = consistency(log.sign(0, bytes(32)), log.sign(0, bytes(32)) if not new else log.checkpoint(), [])
        assert refused(text, log.key)[0] == ProofFault.MISMATCH


def test_an_entry_stands_in_its_own_batch_and_place_alone(log):
    whole = RECEIPT.split("\n")
    other = log.receipt(0, 0).split("\n")
    for number in (2, 4):
        assert refused(line(RECEIPT, number, other[number - 1]), log.key)[0] == ProofFault.NOT_INCLUDED
    for index in (0, 2, 3, 2**63 - 1):
        assert refused(line(RECEIPT, 3, f"entry-index {index}"), log.key)[0] == ProofFault.NOT_INCLUDED
    for index in (1, 4, 5, 2**63 - 1):
        code, detail = refused(line(RECEIPT, 7, f"batch-index {index}"), log.key)
        assert (code, detail) == (ProofFault.NOT_INCLUDED, "batch: the signed log doesn't hold it at batch-index")
    swapped = "\n".join([*whole[:3], whole[4], whole[3], *whole[5:]])
    code, detail = refused(swapped, log.key)
    assert (code, detail) == (ProofFault.NOT_INCLUDED, "entry: the batch doesn't hold it at entry-index")


def test_an_entry_of_an_older_log_is_not_in_a_smaller_one(log):
    batch = log.receipt(4, 0).split("\n")
    note = log.checkpoint(4)
    assert refused("\n".join(batch[: batch.index("")]) + "\n\n" + note, log.key)[0] == ProofFault.NOT_INCLUDED


def leg(log, ordinal, **changed):
    names = ("ordinal", "debit", "credit", "minor", "asset", "kind", "event_at", "entry", "debit_lot", "credit_lot")
    return tuple({**dict(zip(names, log.entries[0][0][0], strict=True)), "ordinal": ordinal, **changed}.values())


def test_a_signed_entry_that_is_at_odds_with_itself_is_refused(log):
    sound = entry_data(bytes(16), 10, 5, [leg(log, 5, entry=5), leg(log, 6, entry=5)])
    assert verify(log.forged(sound).encode(), log.key).facts["legs"][1]["ordinal"] == 6
    second = sound.index(b"redeem") + 6
    for data in (
        sound[:33] + (11).to_bytes(8) + sound[41:],  # another batch
        sound[:41] + (4).to_bytes(4) + sound[45:],  # another ordinal than its first leg's
        sound[:second] + (7).to_bytes(4) + sound[second + 4 :],  # a gap
        sound[:second] + (5).to_bytes(4) + sound[second + 4 :],  # the same ordinal twice
        sound[: second + 36] + bytes(8) + sound[second + 44 :],  # an amount of zero
        sound[:45] + bytes(2),  # no leg
    ):
        assert refused(log.forged(data), log.key)[0] == ProofFault.MISMATCH


def test_signed_leaf_data_that_cant_be_read_is_refused(log):
    entry = log.entry(0, 0)
    batch = batch_data(10, 3, log.entries[0][0][0][6], 1, merkle.leaf_hash(entry))
    beyond = (2**63 - 1).to_bytes(8)
    cut = [entry[:length] for length in range(len(entry))]
    for data in (*cut, entry + b"\0", entry.replace(b"v1", b"v2"), entry.replace(b"CNY", b"CN\xff"), batch,
                 entry[:91] + beyond + entry[99:]):  # fmt: skip
        code, detail = refused(log.forged(data), log.key)
        assert code == ProofFault.MALFORMED
        assert detail.startswith("this is no koudai.entry.v1: it fails at byte ")
    for data in (batch[:-1], batch + b"\0", batch.replace(b"v1", b"v2"), batch[:29] + beyond + batch[37:], entry):
        code, detail = refused(log.forged(entry, data), log.key)
        assert code == ProofFault.MALFORMED
        assert detail.startswith("this is no koudai.batch.v1: it fails at byte ")


def test_more_entries_than_the_batch_has_are_none(log):
    entry = log.entry(0, 0)
    at = log.entries[0][0][0][6] + timedelta(seconds=1)
    nothing = batch_data(10, 3, at, 0, merkle.leaf_hash(entry))
    assert refused(log.forged(entry, nothing), log.key)[0] == ProofFault.NOT_INCLUDED


@pytest.mark.parametrize(
    ("change", "code", "detail"),
    [
        (lambda t: t.replace("entry-index 1\n", "entry-index 01\n"), "malformed", "line 3: a whole number"),
        (lambda t: t.replace("entry-index 1\n", "entry-index +1\n"), "malformed", "line 3: a whole number"),
        (lambda t: t.replace("entry-index 1\n", "entry-index 1 \n"), "malformed", "line 3: a whole number"),
        (lambda t: t.replace("entry-index 1\n", "entry-index \n"), "malformed", "line 3: a whole number"),
        (lambda t: t.replace("entry-index 1\n", "entry-index １\n"), "malformed", "line 3: a whole number"),
        (lambda t: t.replace("entry-index 1\n", f"entry-index {2**63}\n"), "malformed", "line 3: a whole number"),
        (lambda t: t.replace("entry-index 1\n", f"entry-index {'9' * 5000}\n"), "malformed", "line 3: a whole number"),
        (lambda t: t.replace("batch-index 0\n", "batch-index 00\n"), "malformed", "line 7: a whole number"),
        (lambda t: t.replace("batch-index 0\n", "batch-index -0\n"), "malformed", "line 7: a whole number"),
        (lambda t: t.replace("batch-index 0\n", ""), "malformed", "line 7: batch-index is expected"),
        (lambda t: t.replace("ZWRlZW0=\n", "ZWRlZW1=\n"), "not_canonical", "line 2: base64 has no stray bits"),
        (lambda t: t.replace("ZWRlZW0=\n", "ZWRlZW0\n"), "malformed", "line 2: base64"),
        (lambda t: t.replace("ZWRlZW0=\n", "ZWRlZW0==\n"), "malformed", "line 2: base64"),
        (lambda t: t.replace("entry AA9r", "entry AA9 r"), "malformed", "line 2: base64"),
        (lambda t: t.replace("entry AA9r", "entry  AA9r"), "malformed", "line 2: base64"),
        (lambda t: t.replace("entry AA9r", "Entry AA9r"), "malformed", "line 2: entry is expected"),
        (lambda t: t.replace("entry AA9r", "entry\tAA9r"), "malformed", "line 2: entry is expected"),
        (lambda t: t.replace("+", "-").replace("/", "_"), "malformed", "line 2"),
        (lambda t: t.replace("zZUQ=\n", "zZQ=\n"), "malformed", "line 4: base64"),
        (lambda t: t.replace("zqdfo+VM=\n", "zqdfo+VMA\n"), "malformed", "line 5: 32 bytes are expected here, not 33"),
        (lambda t: t.replace("\n\nexample", "\n\n\nexample"), "wrong_key", "line 12: the name of the key given"),
        (lambda t: t.replace("\n\nexample", "\nexample"), "not_canonical", "line 11: nothing is expected"),
        (lambda t: t.replace("\n5\n", "\n05\n"), "malformed", "line 13: a whole number"),
        (lambda t: t.replace("\n\n—", "\nan extension\n\n—"), "not_canonical", "line 15: nothing is expected"),
        (lambda t: t.replace("— ", "- "), "malformed", "line 16: —"),
        (lambda t: t.replace("— ", "—  "), "malformed", "line 16: —"),
        (lambda t: t.replace("JA0=\n", "JA0= \n"), "malformed", "line 16: base64"),
        (lambda t: t + t.split("\n")[-2] + "\n", "not_canonical", "line 17: nothing is expected"),
        (lambda t: t + "\n", "not_canonical", "line 17: nothing is expected"),
        (lambda t: t[:-1], "malformed", "line 17: another line is expected"),
        (lambda t: t.replace("\n", "\r\n"), "wrong_key", "line 1: "),
        (lambda t: t + t, "not_canonical", "line 17: nothing is expected"),
        (lambda t: "\ufeff" + t, "wrong_key", "line 1: "),
        (lambda t: t.replace("@v1", "@v2"), "wrong_key", "line 1: "),
        (lambda t: t.replace("example.org/pocket\n5", "example.org/Pocket\n5"), "wrong_key", "line 12: "),
        (lambda _: "", "wrong_key", "line 1: "),
        (lambda _: "\n" * 9, "wrong_key", "line 1: "),
        (lambda t: t.split("\n")[0], "malformed", "line 2: entry is expected"),
        (lambda t: t.split("\n")[0] + "\n", "malformed", "line 2: entry is expected"),
    ],
)
def test_a_receipt_that_is_written_otherwise_is_refused_naming_the_line(log, change, code, detail):
    found, told = refused(change(RECEIPT), log.key)
    assert (found, told[: len(detail)]) == (f"proof.{code}", detail)
    assert change(RECEIPT) != RECEIPT


def test_a_fault_within_a_note_names_the_note(log):
    old, new = log.checkpoint(3), log.checkpoint(5)
    assert refused(consistency(old.replace("\n3\n", "\n03\n"), new, []), log.key)[1].startswith("old, line 2: ")
    assert refused(consistency(old, new.replace("— ", "-- "), []), log.key)[1].startswith("new, line 5: ")
    assert refused(consistency(old, new + "\n", []), log.key)[1].startswith("new, line 6: ")
    spoilt = base64.b64encode(old.encode().replace(b"\n3\n", b"\n\xff\n")).decode()
    assert refused(line(CONSISTENCY, 2, f"old {spoilt}"), log.key) == (
        ProofFault.MALFORMED,
        "old, line 2: UTF-8 is expected here",
    )


def test_a_fault_quotes_nothing_of_the_file(log):
    spoilt = RECEIPT.replace("example.org", "\x1b[2Jevil")
    for text in (spoilt, spoilt.replace("koudai-receipt@v1", "\x1b[2J"), line(RECEIPT, 3, "entry-index \x1b[2J")):
        assert "\x1b" not in str(refused(text, log.key))


def test_bytes_that_are_no_utf_8_are_refused_naming_the_line(log):
    raw = RECEIPT.encode()
    assert refused(raw.replace(b"entry-index", b"entry\xffindex"), log.key)[1] == "line 3: UTF-8 is expected here"
    assert refused(b"\xff\xfe" + raw, log.key)[1] == "line 1: UTF-8 is expected here"


def test_a_file_or_path_that_no_log_needs_is_not_read(log):
    assert refused(b"x" * (MAX_FILE + 1), log.key)[0] == ProofFault.TOO_LARGE
    assert refused(b"\n" * MAX_FILE, log.key)[0] == ProofFault.WRONG_KEY
    node = "hash 8HbHbfufOukJj4Q2cVDb7nLzgz+OU7vuPYTVHQ9Yw/4=\n"
    assert refused(CONSISTENCY + 60 * node, log.key)[0] == ProofFault.NOT_CONSISTENT
    code, detail = refused(CONSISTENCY + 61 * node, log.key)
    assert (code, detail) == (ProofFault.MALFORMED, "line 68: a path has 64 hashes at most")


def test_the_largest_entry_there_can_be_has_a_receipt(log):
    legs = [leg(log, 1 + i, entry=1) for i in range(2**16 - 1)]
    facts = verify(log.forged(entry_data(bytes(16), 10, 1, legs)).encode(), log.key).facts
    assert len(facts["legs"]) == 2**16 - 1


def test_the_example_of_the_specification_is_a_key():
    # C2SP signed-note, "Verifier keys", with the note that it verifies.
    key = Key.read("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
    signed = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    assert (key.name, key.id.hex()) == ("example.com/foo", "530d903a")
    assert base64.b64decode(signed)[:4] == key.id
    public = Ed25519PublicKey.from_public_bytes(key.public)
    public.verify(base64.b64decode(signed)[4:], b"This is an example message.\n")
    assert verifier_key("example.com/foo", public) == key.text()


@pytest.mark.parametrize(
    "change",
    [
        lambda k: "",
        lambda k: "\n",
        lambda k: k + "\n\n",
        lambda k: " " + k,
        lambda k: k + " ",
        lambda k: k.replace("pocket", "Pocket"),
        lambda k: k.replace("533daf88", "533daf89"),
        lambda k: k.replace("533daf88", "533DAF88"),
        lambda k: k.replace("+AYqI", "+AoqI"),
        lambda k: k.replace("D29c", "D29d"),
        lambda k: k[:-1],
        lambda k: k[:-4],
        lambda k: k + "AAAA",
        lambda k: k.split("+")[0],
        lambda k: k.replace("example.org/pocket", ""),
    ],
)
def test_what_is_no_key_is_refused(change):
    assert Key.read(KEY) == Key.read(KEY + "\n")
    with pytest.raises(Unproven) as caught:
        Key.read(change(KEY))
    assert caught.value.code == ProofFault.BAD_KEY


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb", "a\tb", "a\u00a0b", "a\u2028b", "\x1b[2J", "a\x7f"])
def test_what_cant_name_a_log_signs_nothing(log, origin):
    with pytest.raises(ValueError, match="can't name a log"):
        sign_checkpoint(origin, 0, merkle.EMPTY_ROOT, log.private)
    with pytest.raises(ValueError, match="can't name a log"):
        verifier_key(origin, log.private.public_key())


def test_a_log_may_have_a_name_in_any_script(new_log):
    log = new_log([[1]], origin="例.example/口袋")
    assert verify(log.receipt().encode(), log.key).facts["origin"] == "例.example/口袋"
    assert Key.read(log.key.text()) == log.key


def test_a_file_of_a_kind_is_no_checkpoint_even_of_a_log_with_its_name(new_log):
    log = new_log([[1]], origin="koudai-receipt@v1")
    assert refused(log.checkpoint(), log.key)[0] == ProofFault.MALFORMED
    assert verify(receipt(log.entry(0, 0), 0, [], log.batches[0], 0, [], log.checkpoint()).encode(), log.key)


def test_the_examples_of_the_reference_hold():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "proofs.md").read_text(encoding="utf-8")
    examples = re.findall(r"```\n(.*?)```", page.partition("## An example")[2], re.S)
    key = Key.read(examples[0])
    facts = verify(examples[1].encode(), key).facts
    assert (facts["ordinal"], facts["batch_id"], facts["legs"][0]["amount_minor"]) == (1, 10, 1999)
    facts = verify(examples[2].encode(), key).facts
    assert (facts["old"]["tree_size"], facts["new"]["tree_size"]) == (1, 2)
    codes = page.partition("## Codes")[2]
    assert re.findall(r"^\| `(proof\.\w+)`", codes, re.M) == [*ProofFault, *LogFault]

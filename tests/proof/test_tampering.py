"""Not one byte of a proof can be changed, taken away, added or moved."""

import pytest

from koudai.proof import Unproven, verify


@pytest.fixture(scope="module")
def small(new_log):
    """A log whose receipts have one hash on each path."""
    return new_log([[1, 1], [1]])


@pytest.fixture(scope="module", params=["receipt", "consistency", "checkpoint"])
def file(request, small):
    return {"receipt": small.receipt(), "consistency": small.consistency(1), "checkpoint": small.checkpoint()}[
        request.param
    ].encode()


def accepted(key, data):
    try:
        verify(data, key)
    except Unproven:
        return False
    return True


def holding(key, file, changed):
    """The changed files that are accepted nevertheless."""
    assert accepted(key, file)
    return [data for data in changed if data != file and accepted(key, data)]


def test_no_byte_can_be_changed(small, file):
    masks = (1, 2, 4, 8, 16, 32, 64, 128, 255)
    changed = (file[:at] + bytes([value]) + file[at + 1 :] for at in range(len(file))
               for value in {*(file[at] ^ mask for mask in masks), (file[at] + 1) % 256, (file[at] - 1) % 256})  # fmt: skip
    assert holding(small.key, file, changed) == []


def test_no_byte_of_a_receipt_can_be_changed_to_any_other(new_log):
    log = new_log([[1]])
    file = log.receipt().encode()
    changed = (file[:at] + bytes([value]) + file[at + 1 :] for at in range(len(file)) for value in range(256))
    assert holding(log.key, file, changed) == []


def test_no_byte_can_be_taken_away(small, file):
    assert holding(small.key, file, (file[:at] + file[at + 1 :] for at in range(len(file)))) == []
    assert holding(small.key, file, (file[:at] for at in range(len(file)))) == []
    # All that a receipt loses in front may be the receipt: the signed checkpoint in it is a proof of its own.
    left = holding(small.key, file, (file[at:] for at in range(1, len(file))))
    assert left == ([small.checkpoint().encode()] if file.startswith(b"koudai-receipt") else [])


@pytest.mark.parametrize(
    "added", [b" ", b"\n", b"\0", b"A", b"=", b"0", b"\r", b"\t", b"\r\n", b"\xef\xbb\xbf", b"\xff"]
)
def test_no_byte_can_be_added(small, file, added):
    assert holding(small.key, file, (file[:at] + added + file[at:] for at in range(len(file) + 1))) == []


def test_no_neighbouring_bytes_can_be_swapped(small, file):
    pairs = (file[:at] + file[at + 1 : at + 2] + file[at : at + 1] + file[at + 2 :] for at in range(len(file) - 1))
    assert holding(small.key, file, pairs) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda lines, at: [*lines[:at], *lines[at + 1 : at + 2], *lines[at : at + 1], *lines[at + 2 :]],
        lambda lines, at: [*lines[:at], *lines[at + 1 :]],
        lambda lines, at: [*lines[:at], lines[at], *lines[at:]],
        lambda lines, at: [*lines[:at], lines[at] + b" ", *lines[at + 1 :]],
        lambda lines, at: [*lines[:at], lines[at] + b"\r", *lines[at + 1 :]],
        lambda lines, at: [*lines[:at], lines[at].replace(b" ", b"  ", 1), *lines[at + 1 :]],
        lambda lines, at: [*lines[:at], b"comment", *lines[at:]],
    ],
    ids=["swapped", "removed", "doubled", "longer", "returned", "spaced", "commented"],
)
def test_no_line_can_be_moved_or_touched(log, change):
    for text in (log.receipt(3, 4), log.receipt(0, 1), log.consistency(3), log.checkpoint()):
        file = text.encode()
        lines = file.split(b"\n")
        assert holding(log.key, file, (b"\n".join(change(lines, at)) for at in range(len(lines)))) == []


def test_no_line_can_come_from_another_proof(log):
    one = log.receipt(3, 4).encode().split(b"\n")
    for other in (log.receipt(3, 5), log.receipt(3, 4, 4), log.receipt(0, 1), log.receipt(4, 0)):
        theirs = other.encode().split(b"\n")
        mixed = (b"\n".join([*one[:at], line, *one[at + 1 :]]) for at in range(len(one)) for line in theirs)
        assert holding(log.key, b"\n".join(one), mixed) == []

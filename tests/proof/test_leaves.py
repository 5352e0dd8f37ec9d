"""Leaf data byte by byte as docs/reference/proofs.md, and the sealing of a batch."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given, strategies as st

from koudai.base import merkle
from koudai.ledger.leaves import batch_data, entry_data, entry_hashes, entry_salt, seal
from koudai.proof.check import read_batch, read_entry

AT = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
SALT = bytes(range(32))


def test_an_entry_is_written_as_described():
    legs = [
        (258, 4097, 9001, 1999, "CNY", "redeem", AT, 258, 0, 5),
        (259, 4097, 9002, 1, "点数", "bonus", AT - timedelta(days=40000), 258, 77, 0),
    ]
    assert entry_data(bytes(range(16)), 2**40 + 1, 258, legs).hex(" ") == " ".join(
        (
            "00 0f 6b 6f 75 64 61 69 2e 65 6e 74 72 79 2e 76 31",  # koudai.entry.v1
            "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",  # salt
            "00 00 01 00 00 00 00 01",  # batch
            "00 00 01 02",  # ordinal
            "00 02",  # legs
            "00 00 01 02",  # ordinal
            "00 00 00 00 00 00 10 01",  # debit account
            "00 00 00 00 00 00 00 00",  # debit lot
            "00 00 00 00 00 00 23 29",  # credit account
            "00 00 00 00 00 00 00 05",  # credit lot
            "00 00 00 00 00 00 07 cf",  # amount
            "00 06 17 63 39 db 12 40",  # 1714564800123456 microseconds
            "00 03 43 4e 59",  # CNY
            "00 06 72 65 64 65 65 6d",  # redeem
            "00 00 01 03",
            "00 00 00 00 00 00 10 01",
            "00 00 00 00 00 00 00 4d",
            "00 00 00 00 00 00 23 2a",
            "00 00 00 00 00 00 00 00",
            "00 00 00 00 00 00 00 01",
            "ff f9 d0 2c 85 83 12 40",  # 40,000 days earlier, before 1970
            "00 06 e7 82 b9 e6 95 b0",
            "00 05 62 6f 6e 75 73",
        )
    )


def test_a_batch_is_written_as_described():
    assert batch_data(10, 3, AT, 1000, bytes(range(32))).hex(" ") == " ".join(
        (
            "00 0f 6b 6f 75 64 61 69 2e 62 61 74 63 68 2e 76 31",  # koudai.batch.v1
            "00 00 00 00 00 00 00 0a",  # batch
            "00 00 00 03",  # book
            "00 06 17 63 39 db 12 40",  # recorded at
            "00 00 03 e8",  # entries
            bytes(range(32)).hex(" "),  # root
        )
    )


def test_an_entrys_salt_comes_from_its_batchs():
    assert entry_salt(SALT, 258) == sha256(SALT + b"\x00\x00\x01\x02").digest()[:16]


moments = st.datetimes(
    min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(timezone(timedelta(hours=8)))
)
unsigned = st.integers(0, 2**63 - 1)


@st.composite
def batches(draw):
    """The legs of a batch, of each entry some."""
    legs, ordinal = [], 0
    for count in draw(st.lists(st.integers(1, 4), max_size=20)):
        ordinal += draw(st.integers(1, 3))
        entry = ordinal
        for _ in range(count):
            asset, kind = draw(st.text(max_size=4)), draw(st.sampled_from(["redeem", "load", "冲正"]))
            numbers = draw(st.tuples(unsigned, unsigned, st.integers(1, 2**63 - 1)))
            legs.append((ordinal, *numbers, asset, kind, draw(moments), entry, draw(unsigned), draw(unsigned)))
            ordinal += 1
        ordinal -= 1
    return legs


@given(batches(), st.integers(1, 2**63 - 1))
def test_a_batch_is_sealed_over_its_entries_as_each_is_written(legs, batch_id):
    entries = {}
    for leg in legs:
        entries.setdefault(leg[7], []).append(leg)
    data = [entry_data(entry_salt(SALT, first), batch_id, first, entries[first]) for first in entries]
    hashes = [merkle.leaf_hash(item) for item in data]
    assert entry_hashes(SALT, batch_id, legs) == hashes
    assert seal(SALT, batch_id, legs) == (len(entries), merkle.root(hashes))
    for item, (first, given_legs) in zip(data, entries.items(), strict=True):
        told = read_entry(item)
        assert (told["batch_id"], told["ordinal"]) == (batch_id, first)
        for leg, (ordinal, debit, credit, minor, asset, kind, at, _, debit_lot, credit_lot) in zip(
            told["legs"], given_legs, strict=True
        ):
            assert leg == {
                "ordinal": ordinal, "debit_account": debit, "debit_lot": debit_lot, "credit_account": credit,
                "credit_lot": credit_lot, "amount_minor": minor, "asset": asset, "kind": kind,
                "event_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            }  # fmt: skip


@given(unsigned, st.integers(0, 2**32 - 1), moments, st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32))
def test_a_batch_reads_as_it_was_written(batch_id, book, at, entries, root):
    told, found = read_batch(batch_data(batch_id, book, at, entries, root))
    assert found == root
    assert told == {
        "batch_id": batch_id, "book": book, "entries": entries,
        "recorded_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }  # fmt: skip


def test_a_batch_in_which_no_value_moves_is_sealed_as_empty():
    assert seal(SALT, 1, []) == (0, merkle.EMPTY_ROOT)


def test_neighbours_with_the_same_content_have_other_hashes():
    legs = [(n, 1, 2, 3, "CNY", "redeem", AT, n, 0, 0) for n in (1, 2)]
    bare = [entry_data(bytes(16), 1, 1, [legs[0]]) for _ in legs]
    assert bare[0] == bare[1]
    assert entry_salt(SALT, 1) != entry_salt(SALT, 2)
    assert len(set(entry_hashes(SALT, 1, legs))) == 2
    assert entry_hashes(SALT, 1, legs) != entry_hashes(SALT[::-1], 1, legs)


def leg(ordinal, entry):
    return (ordinal, 1, 2, 3, "CNY", "redeem", AT, entry, 0, 0)


@pytest.mark.parametrize(
    "legs",
    [
        [leg(1, 2)],  # an entry that doesn't begin with its first leg
        [leg(1, 1), leg(3, 1)],  # a gap between legs
        [leg(1, 1), leg(2, 2), leg(3, 1)],  # legs apart
        [leg(2, 2), leg(1, 1)],  # entries out of order
        [leg(1, 1), leg(1, 1)],
    ],
)
def test_legs_out_of_order_are_never_sealed(legs):
    with pytest.raises(AssertionError):
        seal(SALT, 1, legs)


def test_a_short_secret_seals_nothing():
    with pytest.raises(ValueError, match="32 bytes"):
        seal(SALT[:31], 1, [leg(1, 1)])


def test_a_time_without_an_offset_is_never_sealed():
    with pytest.raises(TypeError):
        seal(SALT, 1, [(1, 1, 2, 3, "CNY", "redeem", datetime(2024, 5, 1), 1, 0, 0)])

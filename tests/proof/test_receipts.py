"""Receipts of what was booked, checked by the checker alone; and none of what isn't what was sealed."""

import asyncio
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from koudai import cards, merchants, proof
from koudai.base import Fault, asset
from koudai.ledger import Place
from koudai.pg import Database
from koudai.proof import check


@pytest.fixture(params=[16, 18])
def major(request):
    return request.param


async def receipt(db, keyring, place, book=1):
    return await db.transact(lambda tx: proof.receipt(tx, keyring, book, place))


def told(file, keyring):
    """What a file proves under the installation's key."""
    return proof.verify(file.encode(), proof.public_key(keyring)).facts


async def no_receipt(db, keyring, place, book=1):
    """The fault in place of a receipt."""
    with pytest.raises(Fault) as caught:
        await receipt(db, keyring, place, book)
    return caught.value


@pytest.fixture
def offline(tmp_path, keyring):
    """Checks files with a copy of the checker, by a process that knows nothing of koudai."""
    shutil.copy(check.__file__, tmp_path / "check.py")
    (tmp_path / "issuer.key").write_text(f"{proof.public_key(keyring).text()}\n", encoding="utf-8")

    def run(**files):
        for name, text in files.items():
            (tmp_path / name).write_bytes(text.encode())
        command = [sys.executable, "-I", "check.py", *files, "--key", "issuer.key", "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    return run


async def redeemed(db, keyring):
    """A card with cash and a bonus, of both of which one redemption took: two legs."""
    cny = asset("CNY")
    wish = cards.CreateProgramme("programme", "Gifts", cny, "900001", 10_000)
    (programme,) = await db.transact(lambda tx: cards.create_programmes(tx, 1, [wish]))
    (shop,) = await db.transact(lambda tx: merchants.register(tx, 1, [merchants.Register("shop", "Shop", cny)]))
    (made,) = await db.transact(
        lambda tx: cards.run(tx, 1, [cards.Issue(key="card", programme_id=programme.id)], keyring)
    )
    card = made.card.id
    commands = [
        cards.Load(key="cash", card=card, amount_minor=500, asset="CNY", source=cards.FundingSource.CASH),
        cards.Load(key="bonus", card=card, amount_minor=300, asset="CNY", source=cards.FundingSource.BONUS),
        cards.Redeem(key="pay", card=card, merchant_id=shop.id, amount_minor=700, asset="CNY"),
        cards.Block(key="block", card=card),
    ]
    return card, shop.account_id, await db.transact(lambda tx: cards.run(tx, 1, commands))


async def test_entries_of_one_leg_and_of_several(db, keyring, find_wrong, offline):
    card, shop, (cash, _, pay, block) = await redeemed(db, keyring)
    one = await receipt(db, keyring, cash.place)
    two = await receipt(db, keyring, pay.place)
    status, (first, second) = offline(one=one, two=two)
    assert status == 0
    assert (first["batch_id"], first["ordinal"]) == cash.place
    assert [(leg["credit_account"], leg["amount_minor"], leg["kind"]) for leg in first["legs"]] == [(card, 500, "load")]
    assert [leg["debit_account"] for leg in second["legs"]] == [card, card]
    assert len({leg["debit_lot"] for leg in second["legs"]}) == 2
    assert {leg["credit_account"] for leg in second["legs"]} == {shop}
    assert sum(leg["amount_minor"] for leg in second["legs"]) == 700
    assert first["entries"] == second["entries"] == 3, "the block moved nothing"
    another_leg = Place(pay.place.batch_id, second["legs"][1]["ordinal"])
    assert await receipt(db, keyring, another_leg) == two
    fault = await no_receipt(db, keyring, block.place)
    assert (fault.code, fault.facts["entry"]) == ("proof.no_entry", f"{block.place.batch_id}/{block.place.ordinal}")
    assert await find_wrong(db, keyring) == {}


async def test_it_can_be_had_at_once_and_again_later(site, db, till, keyring):
    places = await till.post(3)
    assert site.ask("SELECT count(*) FROM proof.leaves") == [(0,)]
    first = told(await receipt(db, keyring, places[1]), keyring)
    assert (first["tree_size"], first["batch_index"]) == (3, 1)
    await till.post(300)
    await proof.catch_up(db)
    later = told(await receipt(db, keyring, places[1]), keyring)
    assert (later["tree_size"], later["batch_index"]) == (303, 1)
    assert {**later, **dict.fromkeys(("tree_size", "root"))} == {**first, **dict.fromkeys(("tree_size", "root"))}
    assert site.ask("SELECT tree_size FROM proof.checkpoints ORDER BY 1") == [(3,), (303,)]
    await receipt(db, keyring, places[0])
    assert site.ask("SELECT count(*) FROM proof.checkpoints") == [(2,)], "of each size one"


async def test_it_waits_for_the_sequencer_that_has_its_batch(site, db, till, keyring):
    (place,) = await till.post()
    async with Database(site.target) as other:
        async with other.transaction() as first:
            assert await proof.sequence(first) == 1
            waiting = asyncio.create_task(receipt(db, keyring, place))
            await asyncio.sleep(0.2)
            assert not waiting.done()
        assert told(await waiting, keyring)["batch_index"] == 0


async def test_what_has_no_receipt(site, db, till, keyring):
    (place,) = await till.post()
    for book, wrong in ((2, place), (1, Place(place.batch_id, 7)), (1, Place(999, 1)), (1, Place(-1, -1))):
        assert (await no_receipt(db, keyring, wrong, book)).code == "proof.no_entry"
    site.change(f"DELETE FROM ledger.seals WHERE batch_id = {place.batch_id}")
    fault = await no_receipt(db, keyring, place)
    assert (fault.code, fault.facts["row"]) == ("proof.broken", f"ledger.seals {place.batch_id}")
    site.change(f"UPDATE proof.genesis SET batch_id = {place.batch_id}", "DELETE FROM ledger.unsequenced")
    assert (await no_receipt(db, keyring, place)).code == "proof.not_sealed"


DAMAGES = [
    ("ledger.seals", "UPDATE ledger.transfers SET amount_minor = 6 WHERE ordinal = 2"),
    ("ledger.seals", "UPDATE ledger.transfers SET event_at = event_at + interval '1 microsecond' WHERE ordinal = 3"),
    ("ledger.seals", "UPDATE ledger.transfers SET credit_lot = 9 WHERE ordinal = 1"),
    ("ledger.seals", "DELETE FROM ledger.transfers WHERE ordinal = 3"),
    ("ledger.transfers", "UPDATE ledger.transfers SET entry = 1 WHERE ordinal = 3"),
    ("ledger.seals", "UPDATE ledger.seals SET entries = 4"),
    ("ledger.seals", "UPDATE ledger.seals SET root = sha256('other')"),
    ("ledger.seals", "UPDATE ledger.seals SET salt = sha256('other')"),
    ("proof.leaves", "UPDATE ledger.batches SET recorded_at = recorded_at + interval '1 second'"),
    ("proof.leaves", "UPDATE proof.leaves SET hash = sha256('other')"),
    ("ledger.seals", "DELETE FROM proof.leaves"),
]


@pytest.mark.parametrize("major", [18])
@pytest.mark.parametrize(("table", "damage"), DAMAGES)
async def test_nothing_is_proven_of_what_was_changed(site, db, till, keyring, find_wrong, table, damage):
    (place, *_) = await till.post(1, 3)
    await proof.catch_up(db)
    site.change(damage)
    fault = await no_receipt(db, keyring, place)
    assert fault.code == "proof.broken"
    assert fault.facts["row"].startswith(table)
    assert site.ask("SELECT count(*) FROM proof.checkpoints") == [(0,)], "nothing was signed"
    assert await find_wrong(db, keyring) != {}


@pytest.mark.parametrize("major", [18])
async def test_seals_are_proven_whatever_was_booked(db, till, keyring, find_wrong):
    """The database makes the hashes of entries by other code than the one that sealed them."""
    await redeemed(db, keyring)
    largest = 2**62
    for n, fields in enumerate(
        (
            {"kind": "转账 口袋" * 3},
            {"amount_minor": largest},
            {"event_at": datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)},
            {"event_at": datetime(1, 1, 1, tzinfo=UTC)},
            {"event_at": datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)},
        )
    ):
        (place, *_) = await till.post(1, n % 3 + 1, **fields)
        legs = told(await receipt(db, keyring, place), keyring)["legs"]
        assert legs[0]["kind"] == fields.get("kind", "redeem")
        assert legs[0]["amount_minor"] == fields.get("amount_minor", 5)
    assert await find_wrong(db, keyring) == {}


@pytest.mark.parametrize("major", [18])
async def test_seals_are_proven_in_pieces(site, db, till, monkeypatch):
    monkeypatch.setattr(sys.modules["koudai.proof.prove"], "_PIECE", 4)
    places = await till.post(7, 3)
    batches = sorted({place.batch_id for place in places})

    async def wrong(first, last):
        async with db.transaction() as tx:
            return [row for row, _ in await proof.prove_seals(tx, first, last)]

    assert await wrong(0, 2**62) == []
    site.change(f"UPDATE ledger.transfers SET amount_minor = 6 WHERE batch_id IN ({batches[2]}, {batches[6]})")
    site.change(f"DELETE FROM ledger.transfers WHERE batch_id = {batches[4]}")
    site.change(f"DELETE FROM ledger.seals WHERE batch_id = {batches[5]}")
    named = {f"ledger.seals {batches[n]}" for n in (2, 4, 5, 6)}
    assert set(await wrong(0, 2**62)) == named
    assert await wrong(batches[2], batches[2]) == [f"ledger.seals {batches[2]}"]
    assert await wrong(batches[0], batches[1]) == []
    assert await wrong(batches[6] + 1, 2**62) == []
    site.change(f"UPDATE proof.genesis SET batch_id = {batches[5]}")
    assert set(await wrong(0, 2**62)) == named - {f"ledger.seals {batches[5]}"}, "it was before there were seals"


async def test_the_key_is_the_keyrings_and_is_told_nowhere(keyring):
    key = proof.public_key(keyring)
    assert key.name.startswith("koudai-")
    assert len(key.name) == 23
    assert key.public == keyring.signing_key.public_key().public_bytes_raw()
    secret = keyring.signing_key.private_bytes_raw().hex()
    assert secret not in repr(keyring) + str(keyring.signing_key) + repr(vars(keyring).keys())

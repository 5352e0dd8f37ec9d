"""A retailer's year through the engine: to the penny, once, and to its end whatever happens on the way."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from koudai.base import Fault
from koudai.instance import open_instance
from koudai.jobs.replay import replay, sample_path

CHECKOUT = Path(__file__).resolve().parents[2]
FULL = CHECKOUT.parent / "shared" / "data" / "online_retail_2009_2010.parquet"

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


def new_home():
    home = Path(tempfile.mkdtemp(prefix="koudai-replay-"))
    home.chmod(0o755)
    return home


@pytest.fixture(scope="module")
async def instance():
    home = new_home()
    async with open_instance({"KOUDAI_HOME": str(home)}) as opened:
        yield opened
    shutil.rmtree(home)


def reckoned(path):
    """The year by another way: line by line, in decimals, with a dict for the books."""
    lines = pq.read_table(path).to_pylist()
    amount, time_of, who = defaultdict(Decimal), {}, {}
    for line in lines:
        number = line["Invoice"]
        amount[number] += Decimal(repr(line["Price"])) * line["Quantity"]
        time_of[number] = min(time_of.get(number, line["InvoiceDate"]), line["InvoiceDate"])
        customer = line["Customer ID"]
        who[number] = (None if customer is None or customer != customer else int(customer), line["Country"])
    counts, refused, owners = Counter(), Counter(), set()
    shops = {country: [0, 0] for _, country in who.values()}
    paid = defaultdict(int)
    for number in sorted(amount, key=lambda n: (time_of[n], n)):
        minor = int((abs(amount[number]) * 100).quantize(Decimal(1), ROUND_HALF_UP))
        customer, country = who[number]
        if number[0] == "A" or minor == 0 or (amount[number] < 0 and number[0] != "C"):
            counts["skipped"] += 1
        elif number[0] != "C":
            counts.update(redeemed=1, redeemed_minor=minor)
            shops[country][0] += minor
            owners.add(customer if customer is not None else number)
            paid[customer, country] += minor
        elif customer is None:
            refused["cards.unknown_card"] += 1
        else:
            owners.add(customer)
            if paid[customer, country] < minor:
                refused["cards.refund_exceeds_paid"] += 1
            else:
                paid[customer, country] -= minor
                counts.update(refunded=1, refunded_minor=minor)
                shops[country][1] += minor
    return {
        "invoices": len(amount),
        "redeemed": {"count": counts["redeemed"], "minor": counts["redeemed_minor"]},
        "refunded": {"count": counts["refunded"], "minor": counts["refunded_minor"]},
        "skipped": counts["skipped"],
        "refused": dict(refused),
        "cards_issued": len(owners),
        "merchants": {
            name: {"redeemed_minor": came, "refunded_minor": back, "net_minor": came - back}
            for name, (came, back) in shops.items()
        },
        "verified": True,
    }


def without_seconds(result):
    told = dict(result)
    assert told.pop("seconds") > 0
    return told


@pytest.fixture(scope="module")
def the_year():
    return reckoned(sample_path())


def write_year(path, seed, invoices=400):
    """A small year of another shop: few customers, many returns, several invoices in one minute."""
    chance = random.Random(seed)
    rows = []
    moment = datetime(2011, 3, 1, 8, 0)
    for at in range(invoices):
        number = f"{chance.choice(['', '', '', 'C', 'C', 'A' if at % 50 == 0 else ''])}{100000 + at}"
        moment += timedelta(minutes=chance.choice([0, 0, 1, 7]))
        customer = chance.choice([None, 7.0, 8.0, 9.0, 12345.0])
        country = "EIRE" if customer == 8.0 else chance.choice(["France", "Japan"])
        for _ in range(chance.randrange(1, 4)):
            quantity = chance.randrange(0, 40) * (-1 if number[0] == "C" or chance.random() < 0.03 else 1)
            price = chance.choice([0.0, 0.001, 1.255, 2.1, 4.95, 17.85, 0.005])
            rows.append((number, quantity, price, str(moment), customer, country))
    columns = ("Invoice", "Quantity", "Price", "InvoiceDate", "Customer ID", "Country")
    pq.write_table(pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))), path)
    return path


async def test_the_sample_comes_out_to_the_penny(instance, the_year):
    told = (await replay(instance, sample_path())).to_json()
    assert without_seconds(told) == the_year
    assert (told["invoices"], told["redeemed"]["count"], told["refunded"]["count"]) == (28_816, 20_951, 4_054)
    assert (told["skipped"], told["cards_issued"]) == (3_273, 6_119)
    assert told["refused"] == {"cards.refund_exceeds_paid": 318, "cards.unknown_card": 220}


async def test_a_second_run_books_nothing_and_tells_the_same(instance, the_year):
    async def rows():
        async with instance.db.transaction() as tx:
            return await tx.row(
                "SELECT (SELECT count(*) FROM ledger.transfers), (SELECT count(*) FROM ledger.idempotency),"
                " (SELECT count(*) FROM cards.cards)"
            )

    before = await rows()
    again = await replay(instance, sample_path())
    assert without_seconds(again.to_json()) == the_year
    assert await rows() == before


async def test_the_full_file_is_the_same_year(instance, the_year):
    if not FULL.exists():
        pytest.skip(f"the full file is not beside the checkout ({FULL.name}); the sample alone is tested")
    assert without_seconds((await replay(instance, FULL)).to_json()) == the_year


async def test_another_file_is_refused_unless_it_is_set_apart(instance, tmp_path, the_year):
    other = write_year(tmp_path / "other.parquet", seed=1)
    with pytest.raises(Fault) as refused:
        await replay(instance, other)
    assert refused.value.code == "replay.other_dataset"
    assert without_seconds((await replay(instance, other, "elsewhere")).to_json()) == reckoned(other)
    assert without_seconds((await replay(instance, sample_path())).to_json()) == the_year


async def test_a_new_set_begins_only_in_an_empty_database_when_asked_so(instance, tmp_path):
    other = write_year(tmp_path / "other.parquet", seed=2)
    with pytest.raises(Fault) as refused:
        await replay(instance, other, "third", only_if_empty=True)
    assert refused.value.code == "replay.not_empty"


async def test_two_replays_of_one_set_dont_run_at_once(instance):
    async with instance.db.session_lock("jobs.replay/default") as held:
        assert held
        with pytest.raises(Fault) as refused:
            await replay(instance, sample_path())
    assert refused.value.code == "replay.taken"


@pytest.mark.parametrize("seed", range(3, 9))
async def test_an_unseen_year_comes_out_to_the_penny(instance, tmp_path, seed):
    path = write_year(tmp_path / "unseen.parquet", seed)
    assert without_seconds((await replay(instance, path, f"unseen {seed}")).to_json()) == reckoned(path)


def start(home):
    command = [sys.executable, "-m", "koudai", "replay", str(sample_path()), "--json"]
    environment = {**os.environ, "KOUDAI_HOME": str(home), "LC_ALL": "C.UTF-8"}
    environment.pop("KOUDAI_DATABASE_URL", None)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def postmaster_of(home):
    named = home / "cluster"
    cluster = Path(named.read_text().strip()) if named.exists() else home / "postgres-18"
    return int((cluster / "postmaster.pid").read_text().split()[0])


def wait_for_postmaster(home, process):
    """Until there is one to be killed, or the command has ended; the file of one that was killed is still there."""
    while process.poll() is None:
        with contextlib.suppress(OSError, IndexError, ValueError):
            os.kill(postmaster_of(home), 0)
            return
        time.sleep(0.02)


@pytest.mark.parametrize("victim", ["command", "postgres"])
def test_killed_anywhere_and_started_again_it_finishes_with_the_same_object(victim, the_year):
    home = new_home()
    chance = random.Random(victim)
    killed = 0
    try:
        for moment in (0.6, 0.9, 1.2, 1.6, 2.0):
            process = start(home)
            time.sleep(moment + chance.random() / 3)
            if victim == "postgres":
                wait_for_postmaster(home, process)
            if process.poll() is None:
                os.kill(process.pid if victim == "command" else postmaster_of(home), signal.SIGKILL)
            _, errors = process.communicate(timeout=60)
            killed += process.returncode != 0
            assert "Traceback" not in errors
        assert killed >= 2, "the replay was over before it could be killed"
        process = start(home)
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert without_seconds(json.loads(out)) == the_year
    finally:
        shutil.rmtree(home, ignore_errors=True)

"""A short chaos: killed, cut off, and nothing is lost or doubled; and what would be lost or doubled is told."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import quick_place

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.append(str(SCRIPTS))

import chaos  # noqa: E402
from chaos_books import Round, settle  # noqa: E402
from chaos_client import Door, Journal  # noqa: E402


def run_chaos(*options):
    environment = {**os.environ, "TMPDIR": quick_place() or tempfile.gettempdir()}
    command = [sys.executable, SCRIPTS / "chaos.py", *options]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)


def test_killed_and_cut_off_it_loses_nothing_and_books_nothing_twice():
    kinds = ["application", "postgres", "commit"]
    done = run_chaos("--rounds", "3", "--seconds", "1.5", "--kinds", ",".join(kinds), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["lost"], told["doubled"], told["wrong_balances"], told["verified"]) == (0, 0, 0, True)
    assert [one["kind"] for one in told["rounds"]] == kinds
    for one in told["rounds"]:
        assert one["mishaps"], one
        assert one["sent"] == one["acknowledged"] + one["resolved"] > 0, one
    assert done.stderr.count("green") == 3


def test_an_unknown_kind_is_refused():
    done = run_chaos("--kinds", "flood")
    assert done.returncode == 2
    assert "application, postgres, commit, disk" in done.stderr


@asynccontextmanager
async def open_site(folder):
    """A site with a server of the API, as a round has them."""
    site = chaos.Site(folder, folder / "home")
    shop = await site.prepare()
    dsn = site.embedded.dsn
    server = chaos.Server(site.home, dsn("koudai_app"), dsn("postgres"), folder / "api.log")
    server.start()
    try:
        await server.ready()
        async with site.opened() as instance:
            yield instance, shop, server.port
    finally:
        server.stop()
        site.embedded.stop()


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="kd-chaos-", dir=quick_place()))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


async def test_what_is_lost_or_doubled_is_told(folder):
    async with open_site(folder) as (instance, shop, port):
        door = Door(port, shop.token)
        card = next(iter(shop.cards))

        def load(minor, of=card):
            return {"type": "LOAD", "gift_card_id": of, "amount_minor": minor, "currency": "CNY", "source": "cash"}

        rounds = 0

        async def judge(*lines):
            """A round of which the journal has these lines."""
            nonlocal rounds
            rounds += 1
            told, place = Round(rounds, "forged", 1), folder / f"forged-{rounds}"
            place.mkdir()
            journal = Journal(place / "one.journal")
            for line in lines:
                journal.note(**line)
            await settle(instance, shop, place, port, told)
            return told

        def sent(key, body):
            return {"sent": key, "body": body}

        def ask(key, body):
            status, answer = door.ask(key, body)
            return {"told": key, "status": status, "answer": answer}

        told = await judge(sent("a", load(5)), ask("a", load(5)), sent("b", load(5, "none")), ask("b", load(5, "none")))
        assert told.holds
        assert (told.sent, told.acknowledged, told.resolved, told.refused, told.lost) == (2, 2, 0, 1, 0)

        told = await judge(sent("c", load(7)), sent("d", load(3)), {"unclear": "d", "why": "TimeoutError"})
        assert told.holds, told
        assert (told.sent, told.acknowledged, told.resolved) == (2, 0, 2)
        assert told.unclear == {"TimeoutError": 1}

        told = await judge(sent("never", load(2)), {**ask("other", load(2)), "told": "never"})
        assert (told.holds, told.lost) == (False, 1)
        assert any("the key is not there" in text for text in told.said)
        assert told.doubled == 3, "the entry of the other key, the one of asking once more, and its other answer"

        told = await judge(
            sent("e", load(4)), {**ask("e", load(4)), "status": 409, "answer": {"code": "cards.blocked"}}
        )
        assert (told.holds, told.lost) == (False, 1)

        # From here on the balances are not what the answers said: that stays so, and is told each time.
        told = await judge()
        assert (told.holds, told.lost, told.doubled, told.wrong_balances, told.verified) == (False, 0, 0, 1, True)
        told = await judge(sent("f", load(4)), ask("f", load(4)), {**ask("g", load(4)), "told": "f"})
        assert (told.holds, told.lost, told.wrong_balances) == (False, 0, 1)
        assert told.doubled == 2, "two answers, and an entry too many"

        with psycopg.connect(instance.target.admin) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("DELETE FROM ledger.idempotency WHERE key = 'd'")
        told = await judge()
        assert not told.verified
        assert any("cards.activity_key" in text for text in told.said)

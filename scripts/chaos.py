"""Kill what koudai runs on, under load, and prove that nothing which it answered is lost or booked twice.

    python scripts/chaos.py [--rounds N] [--seconds S] [--seed N] [--kinds application,postgres,commit,disk] [--json]

Every round has a server of the API, several client processes that journal what they send and what is answered, and
one kind of mishap, again and again: the API's process is killed (-9), PostgreSQL is, connections are cut in the
middle of COMMIT, or the disk is full. Afterwards whoever got no answer asks again with the same key; then every
answer must stand in the books exactly once, and nothing else; the balances must be what the answers add up to; and
verification must find nothing. It ends with 1 when anything is lost, doubled, or wrong.

A round is repeated with `--rounds 1 --kinds KIND --seed SEED` as it was printed.
"""

import argparse
import asyncio
import errno
import http.client
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos_client import Command, Door, is_clear, read_journals
from chaos_cut import Cutter

from koudai import cards, identity, ledger, merchants
from koudai.base import Refused, asset
from koudai.identity import Mode, Scope
from koudai.instance import Instance, open_instance
from koudai.ledger import Place
from koudai.pg import Embedded, Tx, texts

KINDS = ("application", "postgres", "commit", "disk")

_HERE = Path(__file__).resolve().parent
_CLIENTS, _WORKERS = 3, 4
_FEW, _MANY = 3, 200
_START_MINOR = 100_000
_READY_WITHIN_S = 60.0
_RESOLVE_WITHIN_S = 60.0
_DISK_MIB = 384
_ASKED_AGAIN = 50

# What each entry does to its card and to its merchant, per unit of its amount.
_MOVES = {
    "LOAD": (1, 0), "REDEEM": (-1, 1), "CAPTURE": (-1, 1), "REFUND": (1, -1), "TRANSFER_BALANCE_FROM": (-1, 0),
    "AUTHORISE": (0, 0), "VOID": (0, 0),
}  # fmt: skip


@dataclass
class Round:
    """What came of a round.

    Of the commands some were `acknowledged` and the others `resolved` by asking again; of both some were `refused`.
    """

    number: int
    kind: str
    seed: int
    mishaps: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    acknowledged: int = 0
    resolved: int = 0
    refused: int = 0
    internal_errors: int = 0
    lost: int = 0
    doubled: int = 0
    wrong_balances: int = 0
    verified: bool = False
    seconds: float = 0.0
    said: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing is lost, doubled or wrong."""
        return self.verified and not (self.lost or self.doubled or self.wrong_balances)


class Shop:
    """An issuer of an installation with its key, cards and merchants, and what they must hold by the answers so far."""

    def __init__(self, book: int, token: str) -> None:
        self.book = book
        self.token = token
        self.cards: dict[str, int] = {}
        self.merchants: dict[str, int] = {}
        self.held: Counter[str] = Counter()
        self.entries = 0


async def open_shop(instance: Instance) -> Shop:
    """Make an issuer with cards, each with value on it, and merchants."""
    db, ring, cny = instance.db, instance.keyring, asset("CNY")
    assert cny is not None

    async def begin(tx: Tx) -> tuple[Any, str]:
        side = await identity.find_issuer(tx, f"chaos {secrets.token_hex(4)}", Mode.TEST, create=True)
        assert side is not None
        return side, (await identity.create_key(tx, side, "chaos", tuple(Scope))).token

    side, token = await db.transact(begin)
    shop = Shop(side.id, token)
    wish = cards.CreateProgramme("programme", "Chaos", cny, "900001")
    (programme,) = await db.transact(lambda tx: cards.create_programmes(tx, shop.book, [wish]))
    wishes = [merchants.Register(f"m{n}", f"Shop {n}", cny) for n in range(3)]
    shops = await db.transact(lambda tx: merchants.register(tx, shop.book, wishes))
    issues = [cards.Issue(f"c{n}", programme.id) for n in range(_MANY)]  # type: ignore[union-attr]
    issued = await db.transact(lambda tx: cards.issue(tx, shop.book, issues, ring))
    made = [one for one in issued if not isinstance(one, Refused)]
    loads = [
        cards.Load(
            key=f"l{n}", card=one.card.id, amount_minor=_START_MINOR, asset="CNY", source=cards.FundingSource.CASH
        )
        for n, one in enumerate(made)
    ]
    await db.transact(lambda tx: cards.run(tx, shop.book, loads))
    shop.cards = {ring.opaque_id("gftc", one.card.id, 0): one.card.id for one in made}
    for one in shops:
        assert not isinstance(one, Refused)
        shop.merchants[ring.opaque_id("mrch", one.id, 0)] = one.account_id
    shop.held.update(dict.fromkeys(shop.cards, _START_MINOR))
    shop.entries = await count_entries(instance, shop)
    return shop


async def count_entries(instance: Instance, shop: Shop) -> int:
    """How many commands on the shop's cards were booked: an entry each that leads the others."""
    query = (
        "SELECT count(*) FROM cards.activities a JOIN cards.cards c ON c.id = a.card_id"
        " WHERE c.book = $1::int AND a.lead = a.ordinal"
    )
    return int(await instance.db.transact(lambda tx: tx.value(query, shop.book)))


class Server:
    """The API as a process of its own, which may be killed and started again at the same address."""

    def __init__(self, home: Path, app: str, admin: str, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._log = log
        self._environment = {
            **os.environ, "KOUDAI_HOME": str(home), "KOUDAI_DATABASE_URL": app, "KOUDAI_OWNER_DATABASE_URL": admin,
            "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process, without waiting for it."""
        command = [sys.executable, "-m", "koudai", "serve", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it where it stands."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it well."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    async def ready(self) -> None:
        """Wait until the database answers through it; start it again where it gave up."""
        until = time.monotonic() + _READY_WITHIN_S
        while not await asyncio.to_thread(self._answers):
            if time.monotonic() > until:
                raise TimeoutError(f"the API wasn't ready within {_READY_WITHIN_S:g} s; see {self._log}")
            if self._process is not None and self._process.poll() is not None:
                self.start()
            await asyncio.sleep(0.1)

    def _answers(self) -> bool:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/readyz")
            return line.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()


class Crowd:
    """The client processes of a round."""

    def __init__(self, folder: Path, shop: Shop, port: int, seed: int) -> None:
        self._folder = folder
        self._plan = {"token": shop.token, "port": port, "folder": str(folder), "merchants": list(shop.merchants)}
        self._cards = list(shop.cards)
        self._seed = seed
        self._started = 0
        self.running: list[subprocess.Popen[str]] = []

    def add(self) -> None:
        """Start another client: every other one works on few cards, which the others use as well."""
        cards_of = self._cards[:_FEW] if self._started % 2 == 0 else self._cards
        plan = {**self._plan, "seed": self._seed, "client": self._started, "workers": _WORKERS, "cards": cards_of}
        client = subprocess.Popen([sys.executable, _HERE / "chaos_client.py"], stdin=subprocess.PIPE, text=True)
        assert client.stdin is not None
        client.stdin.write(json.dumps(plan))
        client.stdin.close()
        self._started += 1
        self.running.append(client)

    def kill_one(self, chance: random.Random) -> None:
        """Kill a client where it stands; another one takes its place."""
        victim = self.running.pop(chance.randrange(len(self.running)))
        victim.kill()
        victim.wait()
        self.add()

    def finish(self) -> None:
        """Let all end what they are at."""
        for client in self.running:
            client.terminate()
        for client in self.running:
            try:
                client.wait(60)
            except subprocess.TimeoutExpired:
                client.kill()
                client.wait()


class Site:
    """An embedded server with an installation in a directory of its own, and what a round needs of it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.embedded = Embedded(home)
        self.shop: Shop | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Instance]:
        """The installation, opened in this process."""
        async with open_instance({"KOUDAI_HOME": str(self.home)}, connections=2) as instance:
            yield instance

    async def prepare(self) -> Shop:
        """Start the server where it doesn't run, and make what the clients use."""
        await asyncio.to_thread(self.embedded.start)
        if self.shop is None:
            async with self.opened() as instance:
                self.shop = await open_shop(instance)
        return self.shop

    def processes(self) -> list[int]:
        """The main process of PostgreSQL and its children, the main one first."""
        told = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout  # noqa: S607
        parents = {int(pid): int(parent) for pid, parent in map(str.split, told.splitlines())}
        main = self.embedded.pid
        return [main, *(pid for pid, parent in parents.items() if parent == main)]


Mishap = Callable[[], Any]


def kill_application(server: Server, crowd: Crowd, chance: random.Random, told: Counter[str]) -> Mishap:
    """Kill the API's process and start it again; sometimes kill a client instead."""

    async def happen() -> None:
        if chance.random() < 0.3:
            await asyncio.to_thread(crowd.kill_one, chance)
            told["clients killed"] += 1
            return
        await asyncio.to_thread(server.kill)
        told["API killed"] += 1
        await asyncio.sleep(chance.random() / 3)
        server.start()
        await server.ready()

    return happen


def kill_postgres(site: Site, server: Server, chance: random.Random, told: Counter[str]) -> Mishap:
    """Kill PostgreSQL with all its processes, or its main one, or one that serves a connection."""

    async def happen() -> None:
        main, *children = site.processes()
        way = chance.choice(("all", "all", "main", "child"))
        victims = {"all": [main, *children], "main": [main], "child": [chance.choice(children)] if children else []}[
            way
        ]
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        told[f"PostgreSQL killed ({way})"] += 1
        await asyncio.sleep(chance.random() / 3)
        await asyncio.to_thread(site.embedded.start)
        await server.ready()

    return happen


def fill_disk(site: Site, server: Server, chance: random.Random, told: Counter[str]) -> Mishap:
    """Take all room on the disk but a little, for a while."""

    async def happen() -> None:
        ballast = site.home / "ballast"
        left = chance.choice((0, 1, 4, 10)) << 20
        with ballast.open("wb") as file:
            # Others take room meanwhile: then it's tried again, with what is left.
            while (room := _room(site.home) - left) > 0 and not _take(file.fileno(), room):
                pass
        told["disk filled"] += 1
        await asyncio.sleep(1.0 + chance.random())
        ballast.unlink()
        await asyncio.to_thread(site.embedded.start)
        await server.ready()

    return happen


def _room(folder: Path) -> int:
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize


def _take(file: int, room: int) -> bool:
    try:
        os.posix_fallocate(file, 0, room)
    except OSError as full:
        if full.errno != errno.ENOSPC:
            raise
        return False
    return True


def start_cutting(cutter: Cutter) -> Mishap:
    """Cut from now on; the cuts are counted at the door itself."""

    async def happen() -> None:
        cutter.cutting = True

    return happen


async def play(site: Site, told: Round, seconds: float) -> None:
    """One round: load, mishaps, and then the reckoning."""
    chance = random.Random(told.seed)  # noqa: S311 - chance, and no secret
    shop, counted = await site.prepare(), Counter[str]()
    folder = site.folder / f"round-{told.number}"
    folder.mkdir()
    async with AsyncExitStack() as stack:
        embedded, cutter = site.embedded, None
        app = embedded.dsn("koudai_app")
        if told.kind == "commit":
            cutter = Cutter(folder / "s", embedded.socket_dir, chance, one_in=25)
            await stack.enter_async_context(cutter)
            app = app.replace(str(embedded.socket_dir), str(cutter.folder))
        server = Server(site.home, app, embedded.dsn("postgres"), folder / "api.log")
        stack.callback(server.stop)
        server.start()
        await server.ready()
        crowd = Crowd(folder, shop, server.port, told.seed)
        stack.callback(crowd.finish)
        for _ in range(_CLIENTS):
            crowd.add()
        happen: dict[str, Mishap] = {
            "application": kill_application(server, crowd, chance, counted),
            "postgres": kill_postgres(site, server, chance, counted),
            "disk": fill_disk(site, server, chance, counted),
        }
        if cutter is not None:
            happen["commit"] = start_cutting(cutter)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(0.3 + chance.random() * 1.2)
            await happen[told.kind]()
        # Some load after the last mishap, on what came back.
        await asyncio.sleep(0.5)
        if cutter is not None:
            cutter.cutting = False
            counted.update({f"COMMIT cut ({way})": count for way, count in cutter.cuts.items()})
        await asyncio.to_thread(crowd.finish)
        await server.ready()
        told.mishaps = dict(counted)
        async with site.opened() as instance:
            await settle(instance, shop, folder, server.port, told)


async def settle(instance: Instance, shop: Shop, folder: Path, port: int, told: Round) -> None:
    """Ask again where no answer came, and hold the books against the answers."""
    commands = list(read_journals(folder))
    told.sent = len(commands)
    told.internal_errors = sum(path.read_text().count('"why": "500') for path in folder.glob("*.journal"))
    unclear = [command for command in commands if command.answer is None]
    told.acknowledged = told.sent - len(unclear)
    await asyncio.to_thread(_ask_again, Door(port, shop.token), unclear, told)
    # Some of those that were answered ask again as well: the answer is the same.
    chance = random.Random(told.seed)  # noqa: S311 - chance, and no secret
    answered = [command for command in commands if command.answer is not None and command not in unclear]
    await asyncio.to_thread(
        _ask_once_more, Door(port, shop.token), chance.sample(answered, min(_ASKED_AGAIN, len(answered))), told
    )
    await _hold_against_books(instance, shop, commands, told)
    report = await instance.verify()
    told.verified = report.holds
    told.said += [f"verify: {f.check}: {f.row}: {f.detail}" for f in report.findings[:10]]


def _ask_again(door: Door, unclear: list[Command], told: Round) -> None:
    """Ask until an answer is clear; that is what it was all along."""
    until = time.monotonic() + _RESOLVE_WITHIN_S
    for command in unclear:
        while command.answer is None and time.monotonic() < until:
            try:
                status, answer = door.ask(command.key, command.body)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.1)
                continue
            if is_clear(status):
                command.answer = status, answer
                told.resolved += 1
            else:
                time.sleep(0.1)
        if command.answer is None:
            told.lost += 1
            told.said.append(f"lost: {command.key} got no answer within {_RESOLVE_WITHIN_S:g} s")


def _ask_once_more(door: Door, answered: list[Command], told: Round) -> None:
    for command in answered:
        command.others.append(door.ask(command.key, command.body))


async def _hold_against_books(instance: Instance, shop: Shop, commands: list[Command], told: Round) -> None:
    query = (
        "SELECT k.key, k.batch_id, k.ordinal, k.refusal, a.type::text, a.card_id, a.amount_minor"
        " FROM ledger.idempotency k LEFT JOIN cards.activities a ON a.batch_id = k.batch_id AND a.ordinal = k.ordinal"
        " WHERE k.book = $1::int AND k.key = ANY ($2::text[])"
    )
    keys = [command.key for command in commands]
    rows = await instance.db.transact(lambda tx: tx.rows(query, shop.book, texts(keys)))
    booked = {row[0]: row[1:] for row in rows}
    accepted = 0
    for command in commands:
        if command.answer is None:
            continue
        wrong = _differs(instance, shop, command, booked.get(command.key))
        if wrong:
            told.lost += 1
            told.said.append(f"lost: {command.key}: {wrong}")
        elif command.answer[0] == 201:
            accepted += 1
            _reckon(shop, command.body, command.answer[1])
        else:
            told.refused += 1
        for other in command.others:
            if _said(other) != _said(command.answer):
                told.doubled += 1
                told.said.append(f"two answers: {command.key}: {_said(command.answer)}, {_said(other)}")
    entries = await count_entries(instance, shop)
    more = entries - shop.entries - accepted
    if more > 0:
        told.doubled += more
        told.said.append(f"doubled: {more} entries that no answer tells of")
    shop.entries = entries
    await _hold_against_balances(instance, shop, told)


def _said(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    status, body = answer
    return status, str(body.get("id") or body.get("code"))


def _differs(instance: Instance, shop: Shop, command: Command, row: Any) -> str | None:
    """How the books differ from an answer; None when they don't."""
    assert command.answer is not None
    status, answer = command.answer
    if row is None:
        return f"answered {_said(command.answer)}, and the key is not there"
    batch_id, ordinal, refusal, kind, card_id, amount_minor = row
    if status != 201:
        return None if refusal == answer["code"] and kind is None else f"refused {answer['code']}, booked {row}"
    place = instance.keyring.internal_id("gact", answer["id"])
    told = (place and Place(*place), None, answer["type"], shop.cards[answer["gift_card_id"]], answer["amount_minor"])
    found = (Place(batch_id, ordinal), refusal, kind, card_id, amount_minor)
    return None if told == found else f"answered {told}, booked {found}"


def _reckon(shop: Shop, body: dict[str, Any], answer: dict[str, Any]) -> None:
    """Add up what an answer did."""
    amount, (of_card, of_merchant) = answer["amount_minor"], _MOVES[answer["type"]]
    shop.held[answer["gift_card_id"]] += of_card * amount
    if of_merchant:
        shop.held[answer["merchant_id"]] += of_merchant * amount
    if "to_gift_card_id" in body:
        shop.held[body["to_gift_card_id"]] += amount


async def _hold_against_balances(instance: Instance, shop: Shop, told: Round) -> None:
    accounts = {**shop.cards, **shop.merchants}
    held = await instance.db.transact(lambda tx: ledger.balances(tx, accounts.values()))
    for name, account in accounts.items():
        if held[account] != shop.held[name]:
            told.wrong_balances += 1
            told.said.append(f"balance: {name} holds {held[account]}, its answers add up to {shop.held[name]}")


class Disk:
    """A small disk in memory, which only who may mount can have."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "disk"
        self.mounted = False

    def mount(self) -> str | None:
        """Mount it; why not, where that can't be."""
        if sys.platform != "linux" or os.geteuid() != 0:
            return "only root may mount a disk of its own, on Linux"
        self.home.mkdir()
        command: list[str | Path] = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m,mode=0755", "tmpfs", self.home]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.mounted = done.returncode == 0
        return None if self.mounted else f"no disk can be mounted here: {done.stderr.strip()}"

    def unmount(self) -> None:
        """Give it back."""
        if self.mounted:
            subprocess.run(["umount", "-l", self.home], check=False)  # noqa: S607
            self.mounted = False


async def run(kinds: list[str], rounds: int, seconds: float, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All rounds; what is told as JSON."""
    # Near the root, for a socket's path is short; and open to the user that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="kd-chaos-"))
    folder.chmod(0o755)
    disk, skipped = Disk(folder), dict[str, str]()
    sites: dict[bool, Site] = {}
    done: list[Round] = []
    try:
        if "disk" in kinds and (why := disk.mount()):
            skipped["disk"] = why
            say(f"disk: skipped, {why}")
        left = [kind for kind in kinds if kind not in skipped]
        for number in range(1, rounds + 1) if left else ():
            kind = left[(number - 1) % len(left)]
            told = Round(number, kind, seed + number - 1)
            on_disk = kind == "disk"
            site = sites.setdefault(on_disk, Site(folder, disk.home / "home" if on_disk else folder / "home"))
            began = time.monotonic()
            try:
                await play(site, told, seconds)
            except TimeoutError as late:
                told.said.append(str(late))
            told.seconds = round(time.monotonic() - began, 1)
            done.append(told)
            say(line(told))
            for text in told.said[:20]:
                say(f"    {text}")
    finally:
        for site in sites.values():
            with suppress(Exception):
                site.embedded.stop()
        disk.unmount()
        shutil.rmtree(folder, ignore_errors=True)
    return summary(done, skipped, seed)


def summary(done: list[Round], skipped: dict[str, str], seed: int) -> dict[str, Any]:
    """All rounds added up."""
    names = ("sent", "acknowledged", "resolved", "refused", "internal_errors", "lost", "doubled", "wrong_balances")
    return {
        "seed": seed,
        **{name: sum(getattr(told, name) for told in done) for name in names},
        "verified": bool(done) and all(told.verified for told in done),
        "held": bool(done) and all(told.holds for told in done),
        "skipped": skipped,
        "rounds": [asdict(told) for told in done],
    }


HEADING = "round  kind              seed    sent   acked resolved lost doubled  verify    s  mishaps"


def line(told: Round) -> str:
    """A round as a line of the report."""
    verified = "green" if told.verified else "RED"
    mishaps = ", ".join(f"{name}: {count}" for name, count in told.mishaps.items())
    return (
        f"{told.number:>5}  {told.kind:<11} {told.seed:>10} {told.sent:>7} {told.acknowledged:>7} {told.resolved:>8}"
        f" {told.lost:>4} {told.doubled:>7}  {verified:<6} {told.seconds:>4}  {mishaps}"
    )


def main() -> int:
    """Read the options, run, and tell."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--rounds", type=int, default=10, help="how many rounds (10)")
    reader.add_argument("--seconds", type=float, default=6.0, help="how long the load of a round lasts (6)")
    reader.add_argument("--seed", type=int, default=None, help="what the first round's chance begins with")
    reader.add_argument("--kinds", default=",".join(KINDS), help="which mishaps, in turn")
    reader.add_argument("--json", action="store_true", help="tell the result as JSON")
    options = reader.parse_args()
    kinds = options.kinds.split(",")
    if not set(kinds) <= set(KINDS):
        reader.error(f"the kinds are {', '.join(KINDS)}")
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    output = sys.stderr if options.json else sys.stdout

    def say(text: str) -> None:
        print(text, file=output, flush=True)

    say(HEADING)
    told = asyncio.run(run(kinds, options.rounds, options.seconds, seed, say))
    if options.json:
        print(json.dumps(told, indent=1))
    else:
        say(
            f"{len(told['rounds'])} rounds from seed {seed}: {told['sent']} commands sent,"
            f" {told['acknowledged']} acknowledged, {told['resolved']} resolved by asking again,"
            f" {told['refused']} of them refused;"
            f" lost = {told['lost']}, doubled = {told['doubled']}, wrong balances = {told['wrong_balances']},"
            f" internal errors = {told['internal_errors']}, verify {'green' if told['verified'] else 'RED'}"
        )
    return 0 if told["held"] else 1


if __name__ == "__main__":
    sys.exit(main())

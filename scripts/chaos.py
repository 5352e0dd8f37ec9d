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
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chaos_books import Round, Shop, open_shop, settle
from chaos_cut import Cutter

from koudai.instance import Instance, open_instance
from koudai.pg import Embedded

KINDS = ("application", "postgres", "commit", "disk")

_HERE = Path(__file__).resolve().parent
_CLIENTS, _WORKERS = 3, 4
_FEW = 3
_READY_WITHIN_S = 60.0
_DISK_MIB = 384


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
        async with open_instance({"KOUDAI_HOME": str(self.home)}, connections=4) as instance:
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
            cutter = Cutter(folder / "s", embedded.socket_dir, chance, one_in=10)
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
        # However short a round and slow the machine, something has happened in it.
        while time.monotonic() < until or not (counted or (cutter and cutter.cuts)):
            await asyncio.sleep(0.3 + chance.random() * min(1.2, seconds / 4))
            await happen[told.kind]()
            if time.monotonic() > until + _READY_WITHIN_S:
                raise TimeoutError("nothing was sent that could be cut")
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
    names = ("sent", "acknowledged", "resolved", "refused", "lost", "doubled", "wrong_balances")
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

    # Whoever ends us leaves no server and no disk behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
            f" verify {'green' if told['verified'] else 'RED'}"
        )
    return 0 if told["held"] else 1


if __name__ == "__main__":
    sys.exit(main())

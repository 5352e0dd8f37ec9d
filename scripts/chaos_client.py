"""A client of the chaos rounds: it sends commands to the API, and notes each of them and each answer in a journal.

A line is on the disk before what it tells of goes on: a command that was sent is known, and so is an answer that
came. Started by `scripts/chaos.py` with a plan (JSON) on its standard input; SIGTERM ends it.
"""

import http.client
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Body = dict[str, Any]

TIMEOUT_S = 20.0
_PATH = "/v1/gift_card_activities"
_VERBS = {"REDEEM": 6, "LOAD": 3, "AUTHORISE": 3, "CAPTURE": 3, "VOID": 1, "REFUND": 3, "TRANSFER": 3}


class Door:
    """The API's door, asked over one connection."""

    def __init__(self, port: int, token: str) -> None:
        self._token = token
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def ask(self, key: str, body: Body, patience_s: float = TIMEOUT_S) -> tuple[int, Body]:
        """The status and the answer; raises OSError or HTTPException where none came in time."""
        headers = {
            "Authorization": f"Bearer {self._token}", "Idempotency-Key": key, "Content-Type": "application/json",
        }  # fmt: skip
        if patience_s != self._line.timeout:
            self._line.close()
            self._line.timeout = patience_s
        try:
            self._line.request("POST", _PATH, json.dumps(body), headers)
            answer = self._line.getresponse()
            return answer.status, json.loads(answer.read())
        except BaseException:
            self._line.close()
            raise


def is_clear(status: int) -> bool:
    """Whether an answer says what became of the command: it was booked, or judged and refused."""
    return status < 500


class Journal:
    """A file of lines, each on the disk before the next step is made."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, **line: Any) -> None:
        """Write a line and see to it that it stays."""
        os.write(self._file, json.dumps(line).encode() + b"\n")
        os.fsync(self._file)


@dataclass
class Command:
    """A command that was sent, as journals tell of it; `answer` is None while nobody knows what became of it."""

    key: str
    body: Body
    answer: tuple[int, Body] | None = None
    others: list[tuple[int, Body]] = field(default_factory=list)


def read_journals(folder: Path) -> Iterator[Command]:
    """Every command that the journals of a folder tell of. A last line that was cut off was never acted on."""
    for path in sorted(folder.glob("*.journal")):
        commands: dict[str, Command] = {}
        for text in path.read_bytes().split(b"\n")[:-1]:
            line = json.loads(text)
            if "sent" in line:
                commands[line["sent"]] = Command(line["sent"], line["body"])
            elif "told" in line:
                command, told = commands[line["told"]], (int(line["status"]), line["answer"])
                if command.answer is None:
                    command.answer = told
                else:
                    command.others.append(told)
        yield from commands.values()


class Worker:
    """One who asks for one thing after the other, and remembers what can be captured or given back."""

    def __init__(self, plan: Body, number: int) -> None:
        self._name = f"{plan['seed']}/{plan['client']}/{number}"
        self._random = random.Random(self._name)  # noqa: S311 - chance, and no secret
        self._door = Door(plan["port"], plan["token"])
        self._journal = Journal(Path(plan["folder"]) / f"{self._name.replace('/', '-')}.journal")
        self._cards: list[str] = plan["cards"]
        self._merchants: list[str] = plan["merchants"]
        self._holds: list[tuple[str, int]] = []
        self._paid: list[tuple[str, int]] = []

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop."""
        number = 0
        while not stop.is_set():
            number += 1
            key, body = f"{self._name}/{number}", self._wish()
            self._journal.note(sent=key, body=body)
            # Some ask again at once, while the first attempt may still be under way; the others never do.
            for _ in range(self._random.choice((1, 1, 2, 4))):
                if self._ask(key, body):
                    break
                if stop.wait(self._random.random() / 4):
                    break

    def _ask(self, key: str, body: Body) -> bool:
        # Now and then one hangs up before the answer can have come.
        hasty = self._random.random() < 0.04
        patience = self._random.uniform(0.0005, 0.02) if hasty else TIMEOUT_S
        try:
            status, answer = self._door.ask(key, body, patience)
        except (OSError, http.client.HTTPException, ValueError) as lost:
            self._journal.note(unclear=key, why=type(lost).__name__)
            return False
        if not is_clear(status):
            self._journal.note(unclear=key, why=f"{status} {answer.get('code')}")
            return False
        self._journal.note(told=key, status=status, answer=answer)
        if status == 201 and answer["type"] == "AUTHORISE":
            self._holds.append((answer["id"], answer["amount_minor"]))
        elif status == 201 and answer["type"] in ("REDEEM", "CAPTURE"):
            self._paid.append((answer["id"], answer["amount_minor"]))
        return True

    def _wish(self) -> Body:
        chance = self._random
        (verb,) = chance.choices(list(_VERBS), list(_VERBS.values()))
        amount = chance.randint(1, 60) if chance.random() < 0.95 else 10**9
        money: Body = {"amount_minor": amount, "currency": "CNY"}
        card = chance.choice(self._cards)
        if verb in ("CAPTURE", "VOID") and self._holds:
            # A hold is sometimes asked for again, after its end as well.
            hold, reserved = self._holds.pop() if chance.random() < 0.6 else chance.choice(self._holds)
            part = {"amount_minor": chance.randint(1, reserved)} if chance.random() < 0.5 else {}
            return {"type": verb, "hold_id": hold, **(part if verb == "CAPTURE" else {})}
        if verb == "REFUND" and self._paid:
            redemption, minor = chance.choice(self._paid)
            return {"type": verb, "redemption_id": redemption, **money, "amount_minor": chance.randint(1, minor)}
        if verb == "LOAD":
            return {"type": verb, "gift_card_id": card, **money, "source": chance.choice(("cash", "bonus", "debit"))}
        if verb == "TRANSFER":
            other = chance.choice([one for one in self._cards if one != card])
            return {"type": verb, "gift_card_id": card, "to_gift_card_id": other, **money, "purpose": "gift"}
        verb = "AUTHORISE" if verb == "AUTHORISE" else "REDEEM"
        return {"type": verb, "gift_card_id": card, "merchant_id": chance.choice(self._merchants), **money}


def main() -> None:
    """Run the workers of a plan until SIGTERM."""
    plan = json.load(sys.stdin)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    workers = [threading.Thread(target=Worker(plan, n).run, args=(stop,)) for n in range(plan["workers"])]
    for worker in workers:
        worker.start()
    while not stop.wait(0.2):
        pass
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()

"""Processes beside ours: those that are run to their end, and those that obey orders, a line of JSON each."""

import asyncio
import contextlib
import json
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from koudai.base import Fault
from koudai.bench.model import BenchFault

_GRACE_S = 20.0
_TOLD_BYTES = 4_000

Order = dict[str, Any]


async def end(process: Process) -> None:
    """Ask a process to end, and kill it when it doesn't."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def tail(said: IO[bytes]) -> str:
    """The end of what a process said."""
    said.seek(0)
    return said.read()[-_TOLD_BYTES:].decode(errors="replace").strip()


async def run_to_end(command: Sequence[str | Path], environment: Mapping[str, str]) -> str:
    """Run a program and answer what it printed; raises Fault when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
    )
    try:
        out, errors = await process.communicate()
    except BaseException:
        await end(process)
        raise
    if process.returncode != 0:
        raise process_fault(Path(command[0]).name, errors.decode(errors="replace").strip()[-_TOLD_BYTES:])
    return out.decode()


def process_fault(name: str, said: str) -> Fault:
    """The fault of a process that ended when it shouldn't have."""
    return Fault(BenchFault.PROCESS_FAILED, process=name, detail=said)


class Peer:
    """A Python process that obeys orders one by one."""

    def __init__(self, module: str, process: Process, said: IO[bytes]) -> None:
        self._module = module
        self._process = process
        self._said = said

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def ask(self, **order: Any) -> Order:
        """Give an order and await its answer; raises the Fault that the process met."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = b""
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        if not line:
            raise process_fault(self._module, tail(self._said))
        answer: Order = json.loads(line)
        if "fault" in answer:
            raise Fault(answer["fault"], **answer["facts"])
        return answer


@contextlib.asynccontextmanager
async def open_peer(module: str, environment: Mapping[str, str]) -> AsyncIterator[Peer]:
    """Start `python -m module`; it ends with the block, or when our end of its input closes with us."""
    with tempfile.TemporaryFile() as said:
        # In a session of its own: Ctrl-C is for us, who then end it.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, stderr=said, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield Peer(module, process, said)
        finally:
            await end(process)


async def obey(carry_out: Callable[[Order], Awaitable[Order]]) -> None:
    """The other side: carry out orders from standard input, until there are no more."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            answer = await carry_out(json.loads(line))
        except Fault as fault:
            answer = {"fault": fault.code, "facts": fault.facts}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

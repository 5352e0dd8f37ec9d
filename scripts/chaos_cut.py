"""A door before PostgreSQL that cuts connections in the middle of COMMIT, in one of three ways.

`before`: the server hears everything of the batch but its COMMIT. `during`: it hears the COMMIT, and the line is
cut at once. `answered`: it commits and says so, and the answer is swallowed.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Self

WAYS = ("before", "during", "answered")

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\0"
# The COMMIT stands at the end of a message that begins with its kind, its length and an empty name.
_HEAD = 6


class Cutter:
    """Lets all through to the server whose socket is in `server`, and cuts one in `one_in` commits."""

    def __init__(self, folder: Path, server: Path, chance: random.Random, one_in: int) -> None:
        self.folder = folder
        self._server = server
        self._chance = chance
        self._one_in = one_in
        self.cuts: Counter[str] = Counter()
        self.cutting = False
        self._door: asyncio.Server | None = None
        self._inside: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.folder.mkdir()
        self._door = await asyncio.start_unix_server(self._let_in, self.folder / _SOCKET)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._door is not None
        self._door.close()
        for one in self._inside:
            one.cancel()
        await asyncio.gather(*self._inside, return_exceptions=True)

    def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        one = asyncio.create_task(self._lead(reader, writer))
        self._inside.add(one)
        one.add_done_callback(self._inside.discard)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_unix_connection(self._server / _SOCKET)
        except OSError:
            writer.close()
            return
        line = _Line(reader, writer, back, forth)
        down = asyncio.create_task(line.carry_answers())
        try:
            await self._carry_requests(line)
        finally:
            down.cancel()
            # Cut, and not closed with a farewell: what lies in the buffers is lost.
            for end in (writer, forth):
                end.transport.abort()

    async def _carry_requests(self, line: "_Line") -> None:
        tail = b""
        with suppress(OSError):
            while data := await line.reader.read(1 << 16):
                seen = tail + data
                tail = seen[-len(_COMMIT) + 1 :]
                way = self._cut() if _COMMIT in seen else None
                if way is None:
                    line.forth.write(data)
                    await line.forth.drain()
                    continue
                self.cuts[way] += 1
                if way == "before":
                    line.forth.write(data[: max(0, data.find(_COMMIT) - _HEAD)])
                    await line.forth.drain()
                else:
                    line.mute = True
                    line.forth.write(data)
                    await line.forth.drain()
                if way == "answered":
                    # A batch that failed is never committed, and says so in other words.
                    with suppress(TimeoutError):
                        await asyncio.wait_for(line.committed.wait(), 0.5)
                elif self._chance.random() < 0.5:
                    await asyncio.sleep(self._chance.random() / 100)
                return

    def _cut(self) -> str | None:
        if not self.cutting or self._chance.randrange(self._one_in):
            return None
        return self._chance.choice(WAYS)


class _Line:
    """A connection on both sides of the door. Once it is mute, answers go nowhere."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self.reader = reader
        self.writer = writer
        self.back = back
        self.forth = forth
        self.mute = False
        self.committed = asyncio.Event()

    async def carry_answers(self) -> None:
        """Carry what the server says to the client, until either ends."""
        tail = b""
        with suppress(OSError):
            while data := await self.back.read(1 << 16):
                if not self.mute:
                    self.writer.write(data)
                    await self.writer.drain()
                    continue
                seen = tail + data
                tail = seen[-len(_COMMIT) + 1 :]
                if _COMMIT in seen:
                    self.committed.set()
        # The server ended the connection: so does the door.
        self.committed.set()
        self.writer.transport.abort()
